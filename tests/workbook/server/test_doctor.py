"""The doctor finds each of many faults, and says in one line how to fix it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from workbook.server import doctor, memory

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def no_kernel(monkeypatch):
    """Remove the environment of a kernel, because the tests may be run from a notebook."""
    for name in ("JPY_PARENT_PID", "TF_USE_LEGACY_KERAS", "KERAS_BACKEND", "CPU_LIMIT", "MEM_LIMIT"):
        monkeypatch.delenv(name, raising=False)


def wrong(finding, *words):
    """Return True if a result names the fault and the remedy, in one line."""
    text = str(finding)
    assert not finding.ok and text.startswith("✗ ") and "To fix it, " in text and text.endswith(".")
    assert "\n" not in text and "could not be checked" not in text
    assert all(word in text for word in words), text
    return True


def run_doctor(python=sys.executable, **environment):
    """Run the doctor as a program; return its exit code and its lines."""
    done = subprocess.run(
        [python, "-m", "workbook.server.doctor"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout.splitlines()


# -- As a whole --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_all_is_well_here():
    code, lines = run_doctor()
    assert [line.split(" ", 1)[0] for line in lines] == ["✓"] * len(doctor.CHECKS), lines
    assert code == 0
    assert f"tf.keras is Keras {metadata.version('keras')}" in lines[3]


@pytest.mark.slow
def test_keras_2_in_the_place_of_keras_3_is_found_in_the_environment_and_in_the_package():
    code, lines = run_doctor(TF_USE_LEGACY_KERAS="1")
    assert code == 1
    bad = [line for line in lines if line.startswith("✗")]
    assert [line.split(":")[0] for line in bad] == ["✗ TF_USE_LEGACY_KERAS", "✗ both Keras versions"]
    assert f"tf.keras is Keras {metadata.version('tf_keras')}" in bad[1]
    assert all("unset TF_USE_LEGACY_KERAS" in line for line in bad)


def test_it_speaks_where_no_package_at_all_is_installed(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    code, lines = run_doctor(python=next(tmp_path.glob("[bS]*/python*")))
    assert code == 1
    assert [line.split(":")[0][2:] for line in lines] == list(doctor.CHECKS)
    found = dict(line[2:].split(": ", 1) for line in lines if line.startswith("✗"))
    assert {"packages", "both Keras versions", "widgets"} <= set(found)
    assert "No module named 'keras'" in found["both Keras versions"]


def test_the_report_is_one_sentence_or_what_is_wrong(capsys):
    good, bad = doctor.CheckResult("one", "is fine."), doctor.CheckResult("two", "is not.", "do this")
    doctor.report([good, good])
    doctor.report([good, bad])
    assert capsys.readouterr().out.splitlines() == ["All is well: one, one.", "✗ two: is not. To fix it, do this."]


def test_the_report_in_notebook_00_is_that_all_is_well():
    cells = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4).cells
    (cell,) = [cell for cell in cells if "doctor.report" in cell.source]
    (output,) = cell.outputs
    assert output.text.startswith("All is well: Python, packages, ")


def test_an_error_in_a_check_is_a_result(monkeypatch):
    monkeypatch.setenv("CPU_LIMIT", "plenty")
    monkeypatch.setattr(doctor, "CHECKS", {"threads": doctor.threads, "Python": doctor.python})
    threads, python = doctor.examine()
    assert threads.name == "threads" and "could not be checked (ValueError" in threads.detail and not threads.ok
    assert python.ok


# -- One fault at a time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 14, 0)])
def test_another_python(monkeypatch, version):
    assert doctor.python().ok
    monkeypatch.setattr(sys, "version_info", version)
    assert wrong(doctor.python(), f"Python {version[0]}.{version[1]}", "3.10 to 3.13")


def test_a_package_of_another_version(monkeypatch, tmp_path):
    assert doctor.packages().ok
    folder = tmp_path / "keras-2.15.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 2.15.0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert wrong(doctor.packages(), "keras is 2.15.0", 'pip install "keras', ">=3.12", "<4")


def test_a_package_that_is_missing(monkeypatch):
    versions = metadata.version

    def version(name):
        if name == "tf-keras":
            raise metadata.PackageNotFoundError(name)
        return versions(name)

    monkeypatch.setattr(metadata, "version", version)
    assert wrong(doctor.packages(), "tf-keras is missing", "pip install", '"tf-keras==2.21.*"')


def test_helpers_not_installed(monkeypatch):
    monkeypatch.setattr(doctor, "PROJECT", "no-such-project")
    assert wrong(doctor.packages(), "helpers and workbook, are not installed", "pip install --no-deps -e .")


@pytest.mark.parametrize("value, ok", [("1", False), ("true", False), ("True", False), ("0", True), ("", True)])
def test_the_legacy_switch(monkeypatch, value, ok):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", value)
    finding = doctor.legacy_switch()
    assert finding.ok if ok else wrong(finding, "unset TF_USE_LEGACY_KERAS")


@pytest.mark.parametrize("where", ["variable", "file"])
def test_keras_3_told_to_run_on_something_else(monkeypatch, tmp_path, where):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "torch"}), encoding="utf-8")
    if where == "variable":
        monkeypatch.setenv("KERAS_BACKEND", "jax")
    backend, place = ("jax", "KERAS_BACKEND") if where == "variable" else ("torch", str(tmp_path / "keras.json"))
    finding = doctor.both_keras_versions()
    assert finding.ok
    assert f"set to run on {backend}" in finding.detail and place in finding.detail


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_tensorflow_that_kills_its_process(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(doctor, "_PROBE", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert wrong(doctor.both_keras_versions(), "signal 15", "AVX")


# -- Widgets: the kernel's environment and the server's ----------------------------------------------------------------

BUILT = "share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager/package.json"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server in a separate environment, which appears to have started this process."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "server"], check=True)
    python = next((tmp_path / "server").glob("[bS]*/python*"))
    (packages,) = (tmp_path / "server").glob("[lL]ib/**/site-packages")
    process = subprocess.Popen([python, "-c", "input()"], stdin=subprocess.PIPE)
    monkeypatch.setenv("JPY_PARENT_PID", str(process.pid))

    def install(version, built=True):
        folder = packages / f"jupyterlab_widgets-{version}.dist-info"
        folder.mkdir()
        text = f"Metadata-Version: 2.1\nName: jupyterlab_widgets\nVersion: {version}\n"
        (folder / "METADATA").write_text(text, encoding="utf-8")
        file = tmp_path / "server" / BUILT
        if built:
            file.parent.mkdir(parents=True)
            file.touch()

    yield SimpleNamespace(python=python, install=install)
    process.communicate()


def test_a_server_without_widgets(server):
    assert wrong(doctor.widgets(), "missing in JupyterLab's environment", f"{server.python} -m pip install")


def test_a_server_with_the_widgets_of_another_generation(server):
    server.install("1.1.11")
    assert wrong(doctor.widgets(), "jupyterlab_widgets 1.1.11", "do not fit", '"jupyterlab_widgets==3.*"')


def test_a_server_with_widgets_of_which_the_page_s_part_is_gone(server):
    server.install("3.0.15", built=False)
    assert wrong(doctor.widgets(), "missing in JupyterLab's environment")


def test_a_server_with_the_right_widgets_in_an_environment_of_its_own(server):
    server.install("3.0.15")
    assert doctor.widgets().ok and "jupyterlab_widgets 3.0.15 in JupyterLab's environment" in doctor.widgets().detail


def test_the_kernel_s_widgets_missing(monkeypatch):
    assert doctor.widgets().ok
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    assert wrong(doctor.widgets(), "ipywidgets is missing", "ipywidgets==8.1.*")


def test_a_server_that_is_not_python_is_not_asked(monkeypatch):
    with subprocess.Popen(
        ["git", "hash-object", "--stdin"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        monkeypatch.setenv("JPY_PARENT_PID", str(process.pid))
        finding = doctor.widgets()
        process.stdin.close()
    assert finding.ok and "not a Python that can be asked" in finding.detail


# -- The computer ------------------------------------------------------------------------------------------------------


def test_more_threads_than_processors(monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    assert doctor.threads().ok
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "999")
    assert wrong(doctor.threads(), "TensorFlow uses 999", "set TF_NUM_INTRAOP_THREADS=")


def test_a_share_of_the_processors_that_tensorflow_ignores(monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    monkeypatch.setenv("CPU_LIMIT", "1.5")
    assert wrong(doctor.threads(), "uses 16, and may use 2 of 16", "set TF_NUM_INTRAOP_THREADS=2")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    assert doctor.threads().ok


def test_too_little_memory(monkeypatch):
    assert doctor.free_memory().ok
    monkeypatch.setenv("MEM_LIMIT", str(memory.used() + 100 * 1024**2))
    assert wrong(doctor.free_memory(), "0.1 GB", "Shut Down All Kernels")


def test_too_little_disk(monkeypatch):
    assert doctor.disk().ok
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: SimpleNamespace(free=0.3 * 1024**3))
    assert wrong(doctor.disk(), "0.3 GB", "free some space")


def test_nowhere_to_save_notebooks(monkeypatch, tmp_path):
    assert doctor.write_access().ok
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert wrong(doctor.write_access(), "notebooks cannot be stored", str(tmp_path / "notebooks"))


def test_nowhere_to_save_models(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    assert wrong(doctor.write_access(), "models cannot be stored", "TMPDIR")


def test_nowhere_to_save_answers(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MODEL_CLONING_PROGRESS", str(tmp_path / "file" / "progress.json"))
    assert wrong(doctor.write_access(), "answers cannot be stored", "MODEL_CLONING_PROGRESS")


# -- run.py doctor -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(run, monkeypatch, tmp_path):
    """A run.py with a different .venv, which it must not repair by itself."""
    monkeypatch.chdir(ROOT)  # restores the current folder after the test, because run.py changes it
    monkeypatch.setattr(run, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(run, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(run, "set_up", lambda: pytest.fail("something was fixed"))
    monkeypatch.setattr(run, "call", lambda *command: 0)
    return run


def test_run_py_says_that_there_is_no_venv(run, capsys):
    assert run.main(["doctor"]) == 1
    assert "no .venv" in capsys.readouterr().out


def test_run_py_says_that_the_install_was_interrupted_or_is_of_another_lock(run, capsys):
    run.PYTHON.touch()
    assert run.main(["doctor"]) == 1
    assert "interrupted" in capsys.readouterr().out
    run.STAMP.write_text("Python 3.12.1\nother", encoding="utf-8")
    assert run.main(["doctor"]) == 1
    assert "another lock" in capsys.readouterr().out
    run.STAMP.write_text("\n".join(run.state()), encoding="utf-8")
    assert run.main(["doctor"]) == 0
    assert capsys.readouterr().out == ""


def test_run_py_says_that_the_python_of_the_venv_does_not_run(run, monkeypatch, capsys):
    def call(*command):
        raise PermissionError(13, "Permission denied")

    run.PYTHON.touch()
    run.STAMP.write_text("\n".join(run.state()), encoding="utf-8")
    monkeypatch.setattr(run, "call", call)
    assert run.main(["doctor"]) == 1
    assert "does not run" in capsys.readouterr().err


def test_run_py_hands_on_what_the_doctor_found(run, monkeypatch):
    seen = []
    run.PYTHON.touch()
    run.STAMP.write_text("\n".join(run.state()), encoding="utf-8")
    monkeypatch.setattr(run, "call", lambda *command: seen.append(command) or 1)
    assert run.main(["doctor"]) == 1
    assert seen == [(run.PYTHON, "-m", "workbook.server.doctor")]
