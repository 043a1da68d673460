"""The environments of older versions of TensorFlow, their verdicts, and the command that tries the claims in them."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

import run
from tools import versions as command
from tools.versions import environments, stored, trials
from workbook.lessons import versions
from workbook.lessons.claims import methods, trial

COLUMNS = stored.read()
VERDICTS = {trial.HOLDS: {True}, trial.IN_PART: {True, False}, trial.NOT: {False}, trial.UNTRIED: set()}


def pins(environment):
    """Return the pins of a lock, by package."""
    lines = environment.lock.read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


# --- The locks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", environments.ENVIRONMENTS.values(), ids=str)
def test_a_lock_pins_everything_and_names_no_registry(environment):
    text = environment.lock.read_text("utf-8")
    assert re.match(rf"# Python {re.escape(environment.python)}, as of {environment.day}: ", text)
    assert all(re.fullmatch(r"[a-z0-9._-]+==[\w.+]+", line) for line in text.splitlines()[1:])
    assert "://" not in text
    assert ("tensorflow" in pins(environment)) != ("tensorflow-cpu" in pins(environment))
    for wanted in environment.packages:
        name, operator, version = re.fullmatch(r"([a-z-]+)(==|>=)([\d.*]+)", wanted).groups()
        if operator == "==":
            assert pins(environment)[name].startswith(version.removesuffix("*")), name


def test_there_is_one_lock_for_each_environment():
    assert {path.stem for path in (environments.HERE / "locks").iterdir()} == set(environments.ENVIRONMENTS)


def test_the_newest_environment_has_the_versions_that_the_workbook_has():
    locked = dict(re.findall(r"^([a-z-]+)==([\d.]+)", run.LOCK.read_text("utf-8"), re.M))
    newest = pins(environments.ENVIRONMENTS[command.NEWEST])
    for ours, theirs in {"tensorflow": "tensorflow-cpu", "keras": "keras", "tf-keras": "tf-keras"}.items():
        assert locked[ours].split(".")[:2] == newest[theirs].split(".")[:2], f"{ours}: add an environment for it"


# --- The stored file -----------------------------------------------------------------------------------------------


def test_the_stored_file_is_as_the_command_writes_it():
    assert list(COLUMNS) == list(command.COLUMNS)
    assert stored.FILE.read_text("utf-8") == stored._text(COLUMNS)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_says_what_it_was_tried_with(name):
    column, environment = COLUMNS[name], command.COLUMNS[name]
    assert column["keras"] == environment.columns[name]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", column["date"])
    locked, found = pins(environment), column["versions"]
    packages = {name: locked[name] for name in ("numpy", "h5py", "protobuf")}
    packages["tensorflow"] = locked.get("tensorflow-cpu") or locked["tensorflow"]
    packages["tensorflow_probability"] = locked["tensorflow-probability"]
    if name != "2.0":  # whose Keras is a part of TensorFlow
        packages["keras"] = locked["tf-keras" if name == "tf_keras" else "keras"]
    assert {package: found[package] for package in packages} == packages
    assert found["python"].startswith(environment.python + ".")


@pytest.mark.parametrize("name", COLUMNS)
def test_every_program_ran_on_every_version(name):
    numbers = [claim["number"] for claims in versions.claims().values() for claim in claims]
    assert list(COLUMNS[name]["claims"]) == numbers
    pairs = [f"{kind}.{method}" for kind in methods.KINDS for method in methods.METHODS]
    assert list(COLUMNS[name]["methods"]) == pairs
    for number, found in [*COLUMNS[name]["claims"].items(), *COLUMNS[name]["methods"].items()]:
        assert {part["holds"] for part in found["parts"]} == VERDICTS[found["verdict"]], number
        assert all(not part["holds"] for part in found["parts"] if "error" in part), number
        assert bool(found.get("because")) == (found["verdict"] == trial.UNTRIED), number
        assert "seconds" not in found.get("because", ""), f"{number} took too long"
        assert "ended the process" not in found.get("because", ""), number


# --- The command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def rig(tmp_path, monkeypatch):
    """The command with stand-ins for environments and a separate file; the dict has the verdicts to return."""
    found = {"2.10": copy.deepcopy(COLUMNS["2.10"])}
    monkeypatch.setattr(stored, "FILE", tmp_path / "versions.json")
    stored.write(COLUMNS)

    def make(environment, lock, folder, cache):
        if environment.name not in found:
            raise run.Problem("There is no Python 3.7 for this computer.")
        (folder / "bin").mkdir(parents=True)
        return folder / "bin" / "python"

    monkeypatch.setattr(command, "make", make)
    monkeypatch.setattr(command, "write_lock", lambda environment, lock, cache, upgrade=False: lock)
    monkeypatch.setattr(command, "try_claims", lambda python, keras, folder, claims: found["2.10"])
    return found


def test_one_column_can_be_renewed(rig):
    rig["2.10"]["claims"]["0.4"] = {"verdict": "holds", "parts": [{"name": "all", "holds": True}]}
    assert command.versions(["--only", "2.10"]) == 0
    assert stored.read() == {**COLUMNS, "2.10": rig["2.10"]}
    assert list(stored.read()) == list(COLUMNS)


def test_some_claims_can_be_renewed_if_the_packages_are_the_same(rig):
    holds = {"verdict": "holds", "parts": [{"name": "all", "holds": True}]}
    rig["2.10"].update(claims={"0.4": holds}, date="2030-01-01")
    expected = copy.deepcopy(COLUMNS)
    expected["2.10"]["claims"]["0.4"] = holds
    assert command.versions(["--only", "2.10", "--claims", "0.4"]) == 0
    assert stored.read() == expected
    rig["2.10"]["versions"] = {"numpy": "9"}
    assert command.versions(["--only", "2.10", "--claims", "0.4"]) == 1
    assert stored.read() == expected


def test_an_environment_that_cannot_be_made_is_left_out_and_the_others_are_not(rig, capsys):
    assert command.versions(["--only", "2.0", "2.10"]) == 0
    assert "2.0 is left out: There is no Python 3.7" in capsys.readouterr().out
    assert stored.read() == COLUMNS
    assert command.versions(["--only", "2.0"]) == 1


def test_an_unknown_column_is_refused(capsys):
    with pytest.raises(SystemExit):
        command.versions(["--only", "1.15"])
    assert "2.10" in capsys.readouterr().err


def test_todays_newest_packages_are_compared_and_nothing_is_stored(rig, monkeypatch, capsys):
    monkeypatch.setattr(command, "NEWEST", "2.10")
    assert command.versions(["--newest"]) == 0
    assert "All verdicts are those of the stored file." in capsys.readouterr().out
    rig["2.10"]["claims"]["0.4"] = {"verdict": "holds", "parts": [{"name": "all", "holds": True}]}
    assert command.versions(["--newest"]) == 1
    assert re.search(r"2\.10: 0\.4 was: does not hold .*; is: holds \(all: True\)", capsys.readouterr().out)
    assert stored.read() == COLUMNS


def test_programs_run_without_what_belongs_to_the_workbook(tmp_path, monkeypatch):
    """Its packages and settings do not reach the environment, and the error of a program is one sentence."""
    import sys

    monkeypatch.setenv("PYTHONPATH", str(run.ROOT))
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    code = "import os, sys; open(sys.argv[1], 'w').write(str({'PYTHONPATH', 'TF_USE_LEGACY_KERAS'} & set(os.environ)))"
    trials._run(Path(sys.executable), tmp_path, "-c", code, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "set()"
    with pytest.raises(run.Problem, match="ended with code 1: ValueError: no"):
        trials._run(Path(sys.executable), tmp_path, "-c", "raise ValueError('no')")
