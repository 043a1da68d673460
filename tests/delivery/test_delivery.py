"""Installation: run.py, the lock, the conda environment, and Binder."""

from __future__ import annotations

import ast
import copy
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import yaml
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from traitlets.config.loader import PyFileConfigLoader

import run as run_py
from tools import lab, lint, lock, notebooks, tidy
from tools import test as test_command

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
COMMANDS = ("lab", "test", "notebooks", "site", "slides", "lint", "lock", "classroom", "links", "check", "doctor")


# --- One declaration: pyproject.toml, requirements.lock, environment.yml ----------------------------------------


def target(python, system="linux"):
    """Return the environment of markers for a Python version and a system."""
    seen = default_environment()
    seen.update(python_version=python, python_full_version=python + ".0", sys_platform=system, extra="")
    seen.update(platform_system={"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[system])
    seen.update(os_name="nt" if system == "win32" else "posix", implementation_name="cpython")
    seen.update(platform_machine={"linux": "x86_64", "darwin": "arm64", "win32": "AMD64"}[system])
    seen.update(platform_python_implementation="CPython")
    return seen


def declared(*extras):
    """Return the direct dependencies in pyproject.toml: those of `helpers`, and those of some extras."""
    lines = PROJECT["dependencies"] + [line for name in extras for line in PROJECT["optional-dependencies"][name]]
    return [Requirement(line) for line in lines]


def all_declared():
    """Return the direct dependencies in pyproject.toml with all extras."""
    return declared(*PROJECT["optional-dependencies"])


def lock_entries():
    """Return the entries of the lock: name, version, marker, number of hashes, and dependents."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = []
    for block in re.findall(r"^\S.*?(?=^\S|\Z)", text, re.M | re.S):
        name, version, marker = re.match(r"(\S+?)==(\S+)(?: ; (.+?))? \\\n", block).groups()
        asked_by = re.findall(r"^ {4}# (?: {2}|via )(\S.*)$", block, re.M)
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block)
        entries.append(SimpleNamespace(name=name, version=version, marker=marker, hashes=hashes, asked_by=asked_by))
    return entries


def locked(python, system="linux"):
    """Return the versions in the lock for a Python version and a system, by name."""
    found = {}
    for entry in lock_entries():
        if entry.marker is None or Marker(entry.marker).evaluate(target(python, system)):
            assert entry.name not in found, f"two versions of {entry.name} on Python {python}"
            found[entry.name] = entry.version
    return found


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("python", PYTHONS)
def test_lock_satisfies_every_declared_dependency(python, system):
    versions = locked(python, system)
    for requirement in all_declared():
        if requirement.marker is None or requirement.marker.evaluate(target(python, system)):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_lock_has_nothing_that_nobody_asks_for():
    project = f"{PROJECT['name']} (pyproject.toml)"
    entries = lock_entries()
    names = {entry.name for entry in entries}
    assert {entry.name for entry in entries if project in entry.asked_by} == {
        canonicalize_name(requirement.name) for requirement in all_declared()
    }, "run `run.py lock`"
    for entry in entries:
        assert entry.asked_by, entry.name
        assert set(entry.asked_by) <= names | {project}, entry.name


def test_lock_has_hashes_and_no_addresses():
    assert len(lock_entries()) > 100
    assert all(entry.hashes for entry in lock_entries())
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|file:|--(extra-)?index-url|--find-links", text)


def test_lock_reaches_uv_the_way_run_py_reads_it(run, monkeypatch, tmp_path):
    monkeypatch.setattr(run, "VENV", tmp_path)
    monkeypatch.setattr(run, "BIN", tmp_path / "bin")
    monkeypatch.setattr(run.shutil, "which", lambda *args, **kwargs: None)
    monkeypatch.setattr(run, "call", lambda *command, **options: 0)
    assert run.find_uv() is None
    wanted = (tmp_path / "uv.txt").read_text(encoding="utf-8")
    (entry,) = [entry for entry in lock_entries() if entry.name == "uv"]
    assert wanted.startswith(f"uv=={entry.version}")
    assert re.findall(r"--hash=\S+", wanted) == entry.hashes


def test_conda_environment_pins_the_locked_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    python, pip, pins = environment["dependencies"]
    # Binder ignores any other form, such as `python >=3.12`, and takes an older Python.
    assert (python, pip) == ("python=3.12", "pip")
    versions = locked("3.12")
    names = [canonicalize_name(requirement.name) for requirement in declared("workbook", "probabilistic")]
    assert sorted(pins["pip"]) == sorted(f"{name}=={versions[name]}" for name in names), "run `run.py lock`"


def test_every_supported_python_is_declared_alike(run):
    declared_range = SpecifierSet(PROJECT["requires-python"])
    for minor in range(6, 20):
        problem = run.find_problem({**GOOD, "version": (3, minor)}, lambda: "")
        assert declared_range.contains(f"3.{minor}") == (problem is None) == (f"3.{minor}" in PYTHONS)


# --- The messages -----------------------------------------------------------------------------------------------

GOOD = {
    "version": (3, 12),
    "kind": "CPython",
    "bits": 64,
    "system": "Linux",
    "machine": "x86_64",
    "libc": ("glibc", "2.36"),
    "ensurepip": True,
}
MAC = {"system": "Darwin", "machine": "arm64", "libc": ("", "")}


def is_one_sentence(text):
    """Return True if a message is one line that says what is wrong, then what to do, and is not a stack trace."""
    text = text.strip()
    return "\n" not in text and text.endswith(".") and ": " in text and "Traceback" not in text


@pytest.mark.parametrize(
    "difference",
    [
        {},
        {"machine": "aarch64", "libc": ("glibc", "2.27")},
        MAC,
        {"system": "Windows", "machine": "win-amd64", "libc": ("", "")},
    ],
)
def test_a_good_machine_has_no_problem(run, difference):
    assert run.find_problem({**GOOD, **difference}, lambda: "") is None


@pytest.mark.parametrize(
    "difference, wrong, to_do",
    [
        ({"version": (3, 9)}, "Python 3.9", "ADVICE"),
        ({"version": (3, 14)}, "Python 3.14", "ADVICE"),
        ({"kind": "PyPy"}, "PyPy 3.12", "ADVICE"),
        ({"kind": "free-threaded", "version": (3, 13)}, "free-threaded 3.13", "ADVICE"),
        ({"bits": 32}, "Python 3.12, 32-bit", "ADVICE"),
        ({**MAC, "machine": "x86_64"}, "Intel Macs", "use another computer"),
        # A different Python would not help on such a machine, so the machine is checked first.
        ({**MAC, "machine": "x86_64", "version": (3, 9)}, "Intel Macs", "use another computer"),
        ({"machine": "armv7l"}, "Linux on armv7l", "use another computer"),
        ({"machine": "riscv64"}, "Linux on riscv64", "use another computer"),
        ({"system": "Windows", "machine": "win-arm64"}, "Windows on win-arm64", "use another computer"),
        ({"system": "FreeBSD", "machine": "amd64"}, "FreeBSD on amd64", "use another computer"),
        ({"libc": ("", "")}, "another C library (musl?)", "use a newer"),
        ({"libc": ("musl", "1.2.5")}, "musl 1.2.5", "use a newer"),
        ({"libc": ("glibc", "2.17")}, "glibc 2.17", "use a newer"),
        ({"libc": ("glibc", "2.9")}, "glibc 2.9", "use a newer"),
        ({"ensurepip": False, "version": (3, 11)}, "no ensurepip", "sudo apt install python3.11-venv"),
    ],
)
def test_each_problem_is_one_sentence(run, difference, wrong, to_do):
    message = run.find_problem({**GOOD, **difference}, lambda: "ADVICE")
    assert is_one_sentence(message)
    assert message.index(wrong) < message.index(to_do)


def test_facts_of_this_machine_are_good(run):
    facts = run.facts()
    assert facts.keys() == GOOD.keys()
    assert run.find_problem(facts, lambda: "") is None


def test_facts_see_a_missing_ensurepip(run, monkeypatch):
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    assert run.facts()["ensurepip"] is False


def test_too_little_space_is_one_sentence_and_touches_nothing(run, monkeypatch):
    monkeypatch.setattr(run.shutil, "disk_usage", lambda path: SimpleNamespace(free=4.9e9))
    monkeypatch.setattr(run, "call", lambda *command: pytest.fail("something was run"))
    with pytest.raises(run.Problem) as caught:
        run.make_venv()
    assert is_one_sentence(str(caught.value))
    assert "4.9 GB" in str(caught.value)


@pytest.mark.parametrize("uv", [None, "/somewhere/uv"])
def test_no_network_is_one_sentence_after_both_installers(run, monkeypatch, capsys, uv):
    commands = []
    monkeypatch.setattr(run, "find_uv", lambda: uv)
    monkeypatch.setattr(run, "call", lambda *command: commands.append(command) or 1)
    with pytest.raises(run.Problem) as caught:
        run.install()
    assert is_one_sentence(str(caught.value))
    assert "online" in str(caught.value)
    assert [command[0] for command in commands] == ([uv] if uv else []) + [run.PYTHON]
    assert all("--require-hashes" in command for command in commands)


def test_pip_takes_over_where_uv_fails(run, monkeypatch, capsys):
    commands = []
    monkeypatch.setattr(run, "find_uv", lambda: "uv")
    monkeypatch.setattr(run, "call", lambda *command: commands.append(command) or int(command[0] == "uv"))
    run.install()
    assert [command[0] for command in commands] == ["uv", run.PYTHON, run.PYTHON]
    assert "uv could not" in capsys.readouterr().out


def test_advice_names_a_python_that_was_really_run(run, monkeypatch, tmp_path):
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setattr(run.shutil, "which", {"python3.12": str(shim), "python3.11": str(tmp_path / "gone")}.get)
    monkeypatch.setattr(run, "WINDOWS", False)
    monkeypatch.setattr(run.sys, "argv", ["run.py", "test", "-k", "clone"])
    monkeypatch.setattr(run.glob, "glob", lambda pattern: [sys.executable] if "pyenv" in pattern else [])
    assert run.advise() == f"run `{sys.executable} run.py test -k clone` instead"
    monkeypatch.setattr(run.glob, "glob", lambda pattern: [])
    assert "install Python 3.12" in run.advise()


def test_an_old_python_can_read_run_py():
    ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("minor", [6, 7, 8, 9])
def test_an_old_python_says_so(minor, tmp_path):
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted(home.glob(f"versions/3.{minor}.*/bin/python"))
    if not found:
        pytest.skip(f"there is no Python 3.{minor} here; pyenv can install one")
    # In a copy, so that no environment is set up by mistake.
    (tmp_path / "run.py").write_bytes((ROOT / "run.py").read_bytes())
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).touch()
    done = subprocess.run([found[0], "run.py", "lab"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_sentence(done.stderr)
    assert f"Python 3.{minor}" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_an_unknown_command_is_one_sentence():
    done = subprocess.run([sys.executable, "run.py", "nonsense"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_sentence(done.stderr)
    for known in (*COMMANDS, "help"):
        assert known in done.stderr


@pytest.mark.parametrize("args", [[], ["help"], ["--help"]])
def test_help_names_every_command(run, args, capsys):
    assert run.main(args) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("error, code", [(KeyboardInterrupt(), 130), ("Problem", 1)])
def test_control_c_and_problems_end_without_a_trace(run, monkeypatch, capsys, error, code):
    def stop():
        raise run.Problem("A thing is wrong: do this.") if error == "Problem" else error

    monkeypatch.setattr(run, "set_up", stop)
    assert run.main(["test"]) == code
    assert capsys.readouterr().err == ("A thing is wrong: do this.\n" if error == "Problem" else "")


# --- Set up once, again after a change, and again after a failure ------------------------------------------------


@pytest.fixture
def house(run, monkeypatch, tmp_path):
    """A small copy of the repository in which setting up and installing are only recorded."""
    house = SimpleNamespace(root=tmp_path, done=[], fails=False)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(run, "LOCK", tmp_path / "requirements.lock")
    monkeypatch.setattr(run, "PYPROJECT", tmp_path / "pyproject.toml")
    monkeypatch.setattr(run, "STAMP", tmp_path / ".venv" / "stamp")
    monkeypatch.setattr(run, "PYTHON", tmp_path / ".venv" / "python")
    monkeypatch.setattr(run, "facts", lambda: GOOD)
    run.LOCK.write_text("one", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("one", encoding="utf-8")

    def make_venv():
        house.done.append("made")
        run.VENV.mkdir(exist_ok=True)
        run.STAMP.unlink(missing_ok=True)
        run.PYTHON.unlink(missing_ok=True)
        run.PYTHON.touch()

    def install():
        assert not run.STAMP.exists()
        house.done.append("installed")
        if house.fails:
            raise KeyboardInterrupt

    monkeypatch.setattr(run, "make_venv", make_venv)
    monkeypatch.setattr(run, "install", install)

    def set_up():
        house.done.clear()
        run.set_up()
        return house.done

    house.set_up = set_up
    return house


def test_the_second_run_does_nothing(house):
    assert house.set_up() == ["made", "installed"]
    assert house.set_up() == []


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_changed_declaration_is_installed_in_place(house, name):
    house.set_up()
    (house.root / name).write_text("two", encoding="utf-8")
    assert house.set_up() == ["installed"]
    assert house.set_up() == []


def test_another_python_makes_a_new_venv(house, run, monkeypatch):
    house.set_up()
    monkeypatch.setattr(run.platform, "python_version", lambda: "3.13.99")
    assert house.set_up() == ["made", "installed"]


def test_a_moved_folder_makes_a_new_venv(house, run, monkeypatch):
    house.set_up()
    moved = house.root / "elsewhere"
    (house.root / ".venv").rename(moved)
    for name, path in {"VENV": moved, "STAMP": moved / "stamp", "PYTHON": moved / "python"}.items():
        monkeypatch.setattr(run, name, path)
    assert house.set_up() == ["made", "installed"]


def test_a_python_that_vanished_makes_a_new_venv(house, run):
    house.set_up()
    run.PYTHON.unlink()
    if os.name != "nt":
        run.PYTHON.symlink_to(house.root / "gone")
    assert house.set_up() == ["made", "installed"]


@pytest.mark.parametrize("when", ["first", "update"])
def test_an_interrupted_install_is_made_anew(house, run, when):
    if when == "update":
        house.set_up()
        run.LOCK.write_text("two", encoding="utf-8")
    house.fails = True
    with pytest.raises(KeyboardInterrupt):
        house.set_up()
    house.fails = False
    assert house.set_up() == ["made", "installed"]
    assert house.set_up() == []


def test_a_half_written_stamp_counts_as_none(house, run):
    house.set_up()
    run.STAMP.write_text(run.STAMP.read_text(encoding="utf-8")[:20], encoding="utf-8")
    assert house.set_up() == ["made", "installed"]


def test_a_problem_leaves_a_working_venv_alone(house, run, monkeypatch):
    house.set_up()
    run.LOCK.write_text("two", encoding="utf-8")
    monkeypatch.setattr(run, "facts", lambda: {**GOOD, "version": (3, 9)})
    monkeypatch.setattr(run, "advise", lambda: "do that")
    with pytest.raises(run.Problem):
        house.set_up()
    assert run.STAMP.exists()


def test_other_peoples_settings_do_not_reach_the_venv(run, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/opt/other")
    monkeypatch.setenv("PIP_USER", "1")
    env = run.environment()
    assert "PYTHONPATH" not in env
    assert env["PIP_USER"] == "0"
    assert env["PATH"].split(os.pathsep)[0] == str(run.BIN)


# --- The commands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", run_py.TOOLS)
def test_each_command_after_the_set_up_is_a_program_in_tools(run, monkeypatch, name):
    commands = []
    monkeypatch.chdir(ROOT)  # restores the current folder after the test, because run.py changes it
    monkeypatch.setattr(run, "set_up", lambda: commands.append("set up"))
    monkeypatch.setattr(run, "become", lambda *command: commands.append(list(command)) or 7)
    assert run.main([name, "--option"]) == 7
    (python, *program, last) = commands.pop()
    assert last == "--option"
    assert python == (sys.executable if name == "links" else run.PYTHON)
    if name in ("site", "slides"):
        assert program == [ROOT / "tools" / "site" / "build.py", name]
    else:
        assert program == ["-m", f"tools.{name}"]
        module = importlib.import_module(program[1])
        assert callable(getattr(module, name))
    if name not in ("links", "lock"):
        assert commands == ["set up"]


def test_a_lock_that_cannot_be_installed_does_not_prevent_a_new_one(house, run, monkeypatch):
    house.set_up()
    run.LOCK.write_text("broken", encoding="utf-8")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(run, "become", lambda *command: 0)
    monkeypatch.setattr(run, "set_up", lambda: pytest.fail("the broken lock was installed"))
    assert run.main(["lock"]) == 0


def test_run_py_is_short():
    assert len((ROOT / "run.py").read_text(encoding="utf-8").splitlines()) <= 260


@pytest.mark.parametrize(
    "args, local",
    [
        ([], True),
        (["--no-browser", "--port", "8899"], True),
        (["--ip=0.0.0.0"], False),
        (["--ip", "0.0.0.0"], False),
        (["--ServerApp.ip=0.0.0.0"], False),
    ],
)
def test_lab_stays_on_this_computer_unless_told_otherwise(monkeypatch, args, local):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")
    monkeypatch.setattr(lab, "become", lambda *command: list(command))
    command = lab.lab(args)
    assert ("--ip=127.0.0.1" in command) == local
    assert command[len(command) - len(args) :] == args
    assert os.environ["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(ROOT / "binder" / "jupyter"), "/mine"]


def test_tests_do_not_write_into_a_readers_progress(monkeypatch):
    monkeypatch.setenv("MODEL_CLONING_PROGRESS", "/mine")
    monkeypatch.setattr(test_command, "become", lambda *command: list(command))
    assert test_command.test(["-k", "clone"])[1:] == ["-m", "pytest", "-k", "clone"]
    assert os.environ["MODEL_CLONING_PROGRESS"] == ""


@pytest.mark.parametrize("args, changes", [([], False), (["--fix"], True)])
def test_lint_changes_files_only_if_asked(monkeypatch, args, changes):
    commands = []
    monkeypatch.setattr(lint, "call", lambda *command: commands.append(command[3:]) or len(commands) - 1)
    assert lint.lint(args) == 1
    assert [("--fix" in command or "--quiet" in command) for command in commands] == [changes, changes]


def test_the_lock_is_of_all_extras_and_the_pins_of_those_that_the_notebooks_need(monkeypatch, tmp_path):
    commands = []

    def call(*command, stdout=None):
        commands.append(list(map(str, command)))
        (tmp_path / "direct-pins.txt").write_text("keras==3.0\nnumpy==2.0\n", encoding="utf-8")
        return 0

    (tmp_path / "environment.yml").write_text("name: x\ndependencies:\n  - pip:\n      - old==1\n", encoding="utf-8")
    monkeypatch.setattr(lock, "find_uv", lambda: "uv")
    monkeypatch.setattr(lock, "call", call)
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    monkeypatch.setattr(lock, "VENV", tmp_path)
    assert lock.lock(["--upgrade"]) == 0
    assert "--all-extras" in commands[0] and commands[0][-1] == "--upgrade"
    assert [option for option in commands[1] if option.startswith("--extra")] == [
        "--extra=workbook",
        "--extra=probabilistic",
    ]
    text = (tmp_path / "environment.yml").read_text(encoding="utf-8")
    assert text == "name: x\ndependencies:\n  - pip:\n      - keras==3.0\n      - numpy==2.0\n"


@pytest.mark.parametrize("uv, word", [(None, "online"), ("uv", "requirements.lock")])
def test_a_lock_that_cannot_be_made_is_one_sentence(monkeypatch, uv, word):
    monkeypatch.setattr(lock, "find_uv", lambda: uv)
    monkeypatch.setattr(lock, "call", lambda *command, **options: 1)
    with pytest.raises(lock.Problem) as caught:
        lock.lock([])
    assert is_one_sentence(str(caught.value)) and word in str(caught.value)


@pytest.mark.parametrize(
    "names, first",
    [
        (["notebooks/02_b.ipynb", "notebooks/00_start_here.ipynb"], "notebooks/00_start_here.ipynb"),
        (["notebooks/00_start_here.ipynb", "my_notebooks/02_b.ipynb"], "my_notebooks/02_b.ipynb"),
        ([], None),
    ],
)
def test_lab_opens_the_first_notebook_on_disk_of_the_readers_own_if_there_are_any(tmp_path, names, first):
    settings = tmp_path / "binder" / "jupyter" / "jupyter_lab_config.py"
    settings.parent.mkdir(parents=True)
    settings.write_bytes((ROOT / "binder" / "jupyter" / settings.name).read_bytes())
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    config = PyFileConfigLoader(settings.name, str(settings.parent)).load_config()
    assert config.get("LabApp", {}).get("default_url") == (f"/lab/tree/{first}" if first else None)


def test_lab_does_not_ask_about_news_and_saves_panels_with_the_notebook():
    path = ROOT / "binder" / "jupyter" / "labconfig" / "default_setting_overrides.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    # JupyterLab ignores unknown settings, so the names are compared with the lists of JupyterLab and of ipywidgets.
    share = Path(sys.prefix, "share", "jupyter")
    widgets = share / "labextensions" / "@jupyter-widgets" / "jupyterlab-manager"
    known = {}
    for plugin, schemas in zip(settings, (share / "lab" / "schemas", widgets / "schemas"), strict=True):
        folder, name = plugin.split(":")
        schema = schemas.joinpath(*folder.split("/"), f"{name}.json")
        known[plugin] = json.loads(schema.read_text(encoding="utf-8"))["properties"]
    news, state = known.values()
    assert "false" in [choice["const"] for choice in news["fetchNews"]["oneOf"]]
    assert news["checkForUpdates"]["type"] == state["saveState"]["type"] == "boolean"
    assert list(settings.values()) == [{"fetchNews": "false", "checkForUpdates": False}, {"saveState": True}]


def test_an_unknown_notebook_is_one_sentence(monkeypatch):
    monkeypatch.setattr(notebooks, "call", lambda *command: pytest.fail("something was run"))
    with pytest.raises(notebooks.Problem) as caught:
        notebooks.notebooks(["99_no_such_lesson"])
    assert is_one_sentence(str(caught.value))
    assert "99_no_such_lesson.ipynb" in str(caught.value)


def test_a_notebook_that_fails_is_named_and_the_others_still_run(monkeypatch, tmp_path):
    for name in ("01_a", "02_b", "03_c"):
        (tmp_path / f"{name}.ipynb").touch()
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebooks, "call", lambda *command: int(command[-1].stem == "01_a"))
    tidied = []
    monkeypatch.setattr(notebooks, "tidy", lambda path: tidied.append(path.stem))
    with pytest.raises(notebooks.Problem) as caught:
        notebooks.notebooks([])
    assert is_one_sentence(str(caught.value))
    assert "01_a" in str(caught.value)
    assert tidied == ["02_b", "03_c"]


def test_stored_notebooks_differ_only_where_it_means_something(tmp_path):
    path = tmp_path / "lesson.ipynb"
    view = {"model_id": "8c1f0a", "version_major": 2, "version_minor": 0}
    cell = nbformat.v4.new_code_cell("panel", id="one", execution_count=1, metadata={"tags": ["keep"]})
    cell.outputs = [nbformat.v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": view})]
    notebook = nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_markdown_cell("größer", id="two")])
    texts = []
    for version, model in (("3.11.7", "8c1f0a"), ("3.12.1", "77aa01")):
        this = copy.deepcopy(notebook)
        this.metadata = {"language_info": {"name": "python", "version": version}, "widgets": {"state": model}}
        this.cells[0].metadata["execution"] = {"iopub.execute_input": model}
        this.cells[0].outputs[0].data["application/vnd.jupyter.widget-view+json"]["model_id"] = model
        nbformat.write(this, path)
        tidy.tidy(path)
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    assert stored.cells[0].metadata == {"tags": ["keep"]}
    assert stored.metadata.kernelspec.name == "python3"
    # The text must be the same as nbconvert writes, because otherwise every run would change every line.
    assert texts[0].decode("utf-8") == nbformat.writes(stored) + "\n"


def test_printed_text_is_stored_in_one_piece_however_it_arrived(tmp_path):
    path = tmp_path / "lesson.ipynb"
    texts = []
    for pieces in (["one\ntwo\nthree"], ["one\n", "two\nth", "ree"]):
        cell = nbformat.v4.new_code_cell("print()", id="one")
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=piece) for piece in pieces]
        cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text="other"))
        cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text="after"))
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        tidy.tidy(path)
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]
    (cell,) = nbformat.read(path, as_version=4).cells
    assert [output.text for output in cell.outputs] == ["one\ntwo\nthree", "other", "after"]


# --- Binder and continuous integration --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["binder/postBuild", "binder/start", ".ci/run"])
@pytest.mark.skipif(os.name == "nt", reason="these scripts are for Linux")
def test_scripts_can_be_run(name):
    path = ROOT / name
    text = path.read_bytes()
    assert text.startswith(b"#!")
    assert b"\r" not in text
    assert os.access(path, os.X_OK)
    assert subprocess.run(["bash", "-n", path]).returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="git for Windows checks a symlink out as a text file")
def test_binder_reads_the_one_environment_file():
    link = ROOT / "binder" / "environment.yml"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "environment.yml"


@pytest.fixture
def start(tmp_path):
    """`binder/start` of a copy, since it makes the reader's notebooks beside itself."""
    for folder in ("binder", "notebooks", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "binder" / "start"


@pytest.mark.skipif(os.name == "nt", reason="a script for Linux")
@pytest.mark.parametrize("before", [None, "/hub"])
def test_binder_start_hands_over_the_settings_and_makes_the_copy(before, start):
    env = {key: value for key, value in os.environ.items() if key != "JUPYTER_CONFIG_PATH"}
    env.update({"JUPYTER_CONFIG_PATH": before} if before else {})
    command = [start, "sh", "-c", 'echo "$JUPYTER_CONFIG_PATH"; exit 7']
    done = subprocess.run(command, cwd="/", env=env, capture_output=True, text=True)
    assert done.returncode == 7
    expected = [str(start.parent / "jupyter")] + ([before] if before else [])
    assert done.stdout.strip().split(":") == expected
    assert (start.parents[1] / "my_notebooks" / "00_start_here.ipynb").is_file()


@pytest.mark.skipif(os.name == "nt", reason="a script for Linux")
@pytest.mark.parametrize(
    "limit, asked, expected",
    [(None, None, ""), ("0.5", None, "1"), ("1.0", None, "1"), ("1.5", None, "2"), ("4", "3", "3")],
)
def test_binder_start_tells_tensorflow_its_share_of_the_processors(limit, asked, expected, start):
    env = {key: value for key, value in os.environ.items() if key not in ("CPU_LIMIT", "TF_NUM_INTRAOP_THREADS")}
    env.update({"CPU_LIMIT": limit} if limit else {})
    env.update({"TF_NUM_INTRAOP_THREADS": asked} if asked else {})
    command = [start, "sh", "-c", 'echo "$TF_NUM_INTRAOP_THREADS"']
    assert subprocess.run(command, env=env, capture_output=True, text=True).stdout.strip() == expected


@pytest.mark.skipif(os.name == "nt", reason="a script for Linux")
def test_binder_installs_the_lock_but_not_another_jupyterhub(tmp_path):
    """A stand-in for pip records its arguments and the requirements file that it was given."""
    pip = tmp_path / "pip"
    pip.write_text(
        f'#!/bin/bash\necho "$@" >> {tmp_path}/calls\n'
        f'for last; do :; done; [ "$1" != install ] || [ "$last" = . ] || cat "$last" > {tmp_path}/lock\n',
        encoding="utf-8",
    )
    pip.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([ROOT / "binder" / "postBuild"], cwd=ROOT, env=env, check=True)
    first, second, third = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert all(option in first for option in ("--no-deps", "--require-hashes"))
    assert all(option in second for option in ("--no-deps", "--no-build-isolation", "-e ."))
    assert third.startswith("uninstall") and third.endswith(" rfc3987-syntax")
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    left_out = re.findall(r"^jupyterhub==.*?(?=^\S|\Z)", text, re.M | re.S)
    assert len(left_out) == 1
    assert (tmp_path / "lock").read_text(encoding="utf-8") == text.replace(left_out[0], "")


@pytest.fixture(scope="module")
def dockerfile(dockerfile_for):
    return dockerfile_for("--user-id=1000", "--user-name=jovyan", "--Repo2Docker.default_buildpack=None")


def test_binder_would_take_the_declared_python(dockerfile):
    assert re.search(r"^COPY .*environment-2epy-2d3-2e12-2d\S+ ", dockerfile, re.M)


def test_binder_would_install_before_it_copies_the_repository(dockerfile):
    """In the opposite order, a change of any file would install two gigabytes again."""
    positions = [
        dockerfile.index(line)
        for line in (
            "COPY --chown=1000:1000 src/binder/environment.yml",
            '--file "binder/environment.yml"',
            "COPY --chown=1000:1000 src/ ${REPO_DIR}/",
            "RUN ./binder/postBuild",
            'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
        )
    ]
    assert positions == sorted(positions)


@pytest.fixture(scope="module")
def job():
    """The workflow that runs the tests on GitHub."""
    return yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))


def test_the_job_runs_each_week_and_at_every_change(job):
    starts = job[True]  # YAML 1.1 reads the key `on` as True
    ((schedule,),) = [each.values() for each in starts["schedule"]]
    minute, hour, day, month, weekday = schedule.split()
    assert (day, month) == ("*", "*") and all(part.isdecimal() for part in (minute, hour, weekday))
    assert {"push", "pull_request", "workflow_dispatch"} <= set(starts)
    assert job["permissions"] == {"contents": "read"}


def test_the_job_tries_every_declared_python_and_the_three_systems(job):
    machines = {(each["system"], each["python"]) for each in job["jobs"]["tests"]["strategy"]["matrix"]["include"]}
    systems = {system for system, _ in machines}
    assert {system.split("-")[0] for system in systems} == {"ubuntu", "macos", "windows"}
    assert "macos-13" not in systems  # the last one with an Intel processor
    for system in systems:
        pythons = sorted((python for each, python in machines if each == system), key=PYTHONS.index)
        assert pythons == (PYTHONS if system.startswith("ubuntu") else [PYTHONS[0], PYTHONS[-1]])


def test_the_job_runs_the_test_command_of_the_readme_with_all_tests(job):
    commands = [step["run"] for step in job["jobs"]["tests"]["steps"] if "run" in step]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (tested,) = re.findall(r"^python3 (run\.py test)\b", readme, re.M)
    # The Python of actions/setup-python is first on the path, and is named `python` on all three systems.
    assert f"python {tested} --all" in commands


def test_the_weekly_job_also_tries_the_oldest_and_the_newest_versions(job):
    versions = job["jobs"]["versions"]
    assert "schedule" in versions["if"] and "push" not in versions["if"]
    oldest, newest = versions["strategy"]["matrix"]["include"]
    assert (oldest["versions"], oldest["resolution"], oldest["unlocked"]) == ("oldest", "lowest-direct", "")
    assert newest["versions"] == "newest" and {"keras", "tensorflow"} <= set(newest["unlocked"].split())
    assert oldest["python"] == PYTHONS[0] and newest["python"] == PYTHONS[-1]
    install, upgrade, _, tests = [step for step in versions["steps"] if "run" in step]
    (extras,) = re.findall(r"-e \"\.\[(.*?)\]\"", install["run"])
    assert set(extras.split(",")) == set(PROJECT["optional-dependencies"])
    assert "--resolution ${{ matrix.resolution }}" in install["run"]
    assert upgrade["if"] == "matrix.unlocked" and "--upgrade ${{ matrix.unlocked }}" in upgrade["run"]
    assert tests["run"].endswith("-m pytest --exhaustive")


# --- For reports, citations and contributions ---------------------------------------------------------------------


def test_every_yaml_file_can_be_read():
    files = [path for folder in (ROOT, ROOT / ".github") for path in [*folder.glob("*.y*ml"), *folder.glob("*/*.yml")]]
    files += [ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
    assert len(files) >= 7
    for path in files:
        assert yaml.safe_load(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("name, asked", [("clone_refused_my_model", "code"), ("a_statement_is_wrong", "statement")])
def test_a_report_asks_for_what_is_needed_to_see_the_fault(name, asked):
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text(encoding="utf-8"))
    assert form["name"] and form["description"]
    fields = {field["id"]: field for field in form["body"] if field["type"] != "markdown"}
    assert fields[asked]["validations"]["required"]
    assert "run.py doctor" in fields["versions"]["attributes"]["description"]
    for field in fields.values():
        assert field["type"] in ("input", "textarea", "dropdown") and field["attributes"]["label"]


def test_the_citation_names_the_version_and_the_licences_of_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert " AND ".join(citation["license"]) == PROJECT["license"]
    holders = re.search(r"Copyright \(c\) \d+ (.*)", (ROOT / "LICENSE").read_text(encoding="utf-8")).group(1)
    assert [author["name"] for author in citation["authors"]] == [holders]


def test_the_hooks_use_the_locked_versions():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    versions = locked("3.12")
    seen = []
    for repository in hooks["repos"]:
        for hook in repository["hooks"]:
            for name, version in (each.split("==") for each in hook["additional_dependencies"]):
                assert versions[name] == version, "write the version that requirements.lock has"
                seen.append(name)
    assert {"ruff", "nbconvert", "nbformat"} == set(seen)


def test_the_hook_says_which_notebooks_it_changed(tmp_path, capsys):
    (first, *_) = sorted((ROOT / "notebooks").glob("*.ipynb"))
    tidied, untidy = tmp_path / "tidied.ipynb", tmp_path / "untidy.ipynb"
    tidied.write_bytes(first.read_bytes())
    notebook = nbformat.read(first, as_version=4)
    notebook.metadata.language_info.version = "3.99"
    nbformat.write(notebook, untidy)
    assert tidy.main([str(tidied), str(untidy)]) == 1
    assert capsys.readouterr().out == f"tidied {untidy}\n"
    assert untidy.read_bytes() == tidied.read_bytes() == first.read_bytes()


def test_the_container_sets_up_with_run_py(run):
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    (python,) = re.findall(r"^python:(3\.\d+)$", settings["image"])
    assert python in PYTHONS
    for command in settings["postCreateCommand"].split(" && "):
        assert re.match(r"python3 run\.py (check|lab --version)$", command)


def test_the_changelog_has_a_part_for_what_comes_next():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    parts = re.findall(r"^## (.*)$", text, re.M)
    assert parts[0] == "[Unreleased]" and parts[-1].startswith("First edition")


def test_what_security_says_of_limits_is_what_the_code_has():
    limits = (ROOT / "helpers" / "keras_files" / "refusal.py").read_text(encoding="utf-8")
    (seconds,) = re.findall(r"^MAX_SECONDS = (\d+)", limits, re.M)
    assert f"more than {seconds} seconds" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
