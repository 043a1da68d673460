"""Check that this computer and its packages can run the workbook, and say how to fix problems.

Its imports at the top are from the standard library only, so that it still runs when packages are missing.

    python -m workbook.server.doctor     # the same as `python3 run.py doctor`
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

__all__ = ["CheckResult", "examine", "report"]

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "model-cloning-workbook"
EXTRAS = ("", "workbook", "probabilistic")  # the extras that the notebooks need; "" stands for the base dependencies
GB = 1024**3

NEEDED_MEMORY = 1.0
"""Gigabytes that a notebook takes from top to bottom, with the processes that it starts (benchmarks/memory.py)."""

NEEDED_DISK = 0.5
"""Gigabytes for the models that the notebooks save, and for the notebooks themselves."""

AGAIN = "then start JupyterLab again"


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Attributes:
        name: The subject of the check, such as "memory".
        detail: The finding, in one sentence.
        fix: The remedy, in one line; empty if all is well.
    """

    name: str
    detail: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self.fix

    def __str__(self) -> str:
        return f"✓ {self.name}: {self.detail}" if self.ok else f"✗ {self.name}: {self.detail} To fix it, {self.fix}."


def examine() -> list[CheckResult]:
    """Run all checks.

    An error in a check becomes its result and is not raised. If TensorFlow is not loaded yet, a separate process loads
    it, which takes some seconds.

    Returns:
        A result for each check, in the order in which to fix them.

    Example:
        >>> all(result.ok for result in examine())   # doctest: +SKIP
        True
    """
    return [_run_safely(name, check) for name, check in CHECKS.items()]


def report(results: list[CheckResult] | None = None) -> None:
    """Print the problems and how to fix them; if there are none, one sentence that is the same on every computer.

    Args:
        results: Results of checks. Default: run all checks now.

    Example:
        >>> report([CheckResult("Python", "this is Python 3.12.")])
        All is well: Python.
    """
    results = examine() if results is None else results
    wrong = [result for result in results if not result.ok]
    print("\n".join(map(str, wrong)) if wrong else f"All is well: {', '.join(result.name for result in results)}.")


def _run_safely(name: str, check: Callable[[], CheckResult]) -> CheckResult:
    """Run a check; an error in it becomes its result."""
    try:
        return check()
    except Exception as error:
        return CheckResult(name, f"could not be checked ({type(error).__name__}: {error}).", _reinstall())


def _reinstall() -> str:
    """Return what to do when an installation is broken."""
    if Path(sys.prefix) == ROOT / ".venv":
        return "delete the folder .venv and run `python3 run.py lab`, which creates it again"
    return "create the environment again as the README says"


# -- checks: one subject each ------------------------------------------------------------------------------------------


def python() -> CheckResult:
    """Check that TensorFlow has packages for this Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    bits = 64 if sys.maxsize > 2**32 else 32
    detail = f"this is Python {version}, {bits} bits."
    good = (3, 10) <= sys.version_info[:2] <= (3, 13) and bits == 64
    return CheckResult("Python", detail, "" if good else "run `run.py` with a 64-bit Python 3.10 to 3.13")


def packages() -> CheckResult:
    """Check that the installed versions meet the requirements in pyproject.toml."""
    try:
        from packaging.requirements import Requirement

        lines = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        return CheckResult(
            "packages", "the workbook's own packages, helpers and workbook, are not installed.", _pip("--no-deps -e .")
        )
    wrong, fixes = [], []
    for wanted in map(Requirement, lines):
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in EXTRAS):
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            version = None
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            has = f"is {version}" if version else "is missing"
            wrong.append(f"{wanted.name} {has} and has to be {wanted.specifier}")
            fixes.append(f'"{wanted.name}{wanted.specifier}"')
    if wrong:
        return CheckResult("packages", "; ".join(wrong) + ".", f"{_pip(' '.join(fixes))}, {AGAIN}")
    return CheckResult("packages", "they are those that work together.")


def _pip(arguments: str) -> str:
    """Return the command that installs into this environment."""
    return f"run `{sys.executable} -m pip install {arguments}`"


_PROBE = "import json; from workbook.server.doctor import keras_versions_here; print(json.dumps(keras_versions_here()))"


def both_keras_versions() -> CheckResult:
    """Check that `tf.keras` is Keras 3, and that `tf_keras` is installed."""
    name = "both Keras versions"
    found = _keras_versions()
    if "error" in found:
        return CheckResult(name, f"TensorFlow does not load ({found['error']}).", _reinstall())
    detail = f"tf.keras is Keras {found['tf.keras']}, tf_keras is {found['tf_keras']}."
    if not found["tf.keras"].startswith("3."):
        return CheckResult(name, detail, f"unset TF_USE_LEGACY_KERAS, {AGAIN}")
    backend, where = backend_asked_for()
    if backend != "tensorflow":
        detail += f" Keras 3 is set to run on {backend} in {where}; the notebooks take TensorFlow all the same."
    return CheckResult(name, detail)


def backend_asked_for() -> tuple[str, str]:
    """Return the backend in the reader's settings, and its source; the variable takes precedence over the file."""
    if asked := os.environ.get("KERAS_BACKEND"):
        return asked, "the environment variable KERAS_BACKEND"
    file = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    with contextlib.suppress(OSError, ValueError):  # Keras also ignores a file that it cannot read
        return json.loads(file.read_text(encoding="utf-8")).get("backend", "tensorflow"), str(file)
    return "tensorflow", "its default"


def keras_versions_here() -> dict[str, str]:
    """Load TensorFlow in this process, and return the versions of `tf.keras` and `tf_keras`."""
    import keras
    import tensorflow
    import tf_keras

    # With TF_USE_LEGACY_KERAS, tf.keras has no version attribute, but the modules of its classes identify it.
    package = tf_keras if tensorflow.keras.Model is tf_keras.Model else keras
    return {"tf.keras": package.__version__, "tf_keras": tf_keras.__version__}


def _keras_versions() -> dict[str, str]:
    """Return the versions, or an error. If TensorFlow is not loaded, a separate process loads it, as that may crash."""
    if "tensorflow" in sys.modules:
        return keras_versions_here()
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}  # as the notebooks set it
    done = subprocess.run(
        [sys.executable, "-c", _PROBE], cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace"
    )
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if done.returncode < 0:
        return {"error": f"its process was ended by signal {-done.returncode}; this processor may lack AVX"}
    return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}


def legacy_switch() -> CheckResult:
    """Check that TF_USE_LEGACY_KERAS does not turn `tf.keras` into Keras 2."""
    value = os.environ.get("TF_USE_LEGACY_KERAS")
    name = "TF_USE_LEGACY_KERAS"
    if value in ("1", "true", "True"):  # the values that TensorFlow accepts
        return CheckResult(name, f"it is {value}, so tf.keras is Keras 2.", f"unset {name} where it is set, {AGAIN}")
    return CheckResult(name, "it is not set." if value is None else f"it is {value!r}, which changes nothing.")


def widgets() -> CheckResult:
    """Check that the server's environment can show the widgets of the kernel's environment."""
    here = _version("ipywidgets")
    if here is None:
        return CheckResult("widgets", "ipywidgets is missing where the notebooks run.", _pip('"ipywidgets==8.1.*"'))
    server, manager = _servers_widgets()
    if server is None:
        return CheckResult(
            "widgets", f"ipywidgets is {here}; the program that shows the notebooks is not a Python that can be asked."
        )
    # jupyterlab_widgets 3 belongs to ipywidgets 8, and 1 to 7.
    fitting = int(here.split(".")[0]) - 5 if int(here.split(".")[0]) > 7 else 1
    fix = f'run `{server} -m pip install "jupyterlab_widgets=={fitting}.*"`, start JupyterLab again, reload the page'
    where = "JupyterLab's environment" if Path(server) != Path(sys.executable) else "this environment"
    if manager is None:
        return CheckResult("widgets", f"jupyterlab_widgets, which shows the controls, is missing in {where}.", fix)
    detail = f"ipywidgets {here} here, jupyterlab_widgets {manager} in {where}"
    if manager.split(".")[0] != str(fitting):
        return CheckResult("widgets", f"{detail}: the two do not fit.", fix)
    return CheckResult("widgets", f"{detail}.")


def _version(name: str) -> str | None:
    """Return the version of a package in this environment, or None."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(name)
    return None


_ASK_SERVER = """
import importlib.metadata as metadata, pathlib, sys
try:
    version = metadata.version("jupyterlab_widgets")
except metadata.PackageNotFoundError:
    version = ""
built = pathlib.Path(sys.prefix, "share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager/package.json")
print(version if built.is_file() else "")
"""


def _servers_widgets() -> tuple[str | None, str | None]:
    """Return the server's Python and its version of jupyterlab_widgets, each None if there is none."""
    server = _servers_python(os.environ)
    if server is None:
        return None, None
    done = subprocess.run([server, "-c", _ASK_SERVER], capture_output=True, text=True, check=True)
    return server, done.stdout.strip() or None


def _servers_python(environment: Mapping[str, str]) -> str | None:
    """Return the Python of the process that started this kernel; outside a kernel, this Python."""
    parent = environment.get("JPY_PARENT_PID", "")
    if not parent.isdecimal():
        return sys.executable
    import psutil

    with contextlib.suppress(psutil.Error):
        command = psutil.Process(int(parent)).cmdline()
        # The link is not resolved, because it leads out of the environment.
        found = shutil.which(command[0]) if command else None
        if found and re.match(r"python[\d.]*(\.exe)?$", Path(found).name):
            return found
    return None


def threads() -> CheckResult:
    """Check that TensorFlow starts at most one thread for each processor that this session may use."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # JupyterHub and Binder set CPU_LIMIT. TensorFlow ignores it and starts a thread for each processor.
    allowed = max(1, math.ceil(float(os.environ.get("CPU_LIMIT") or processors)))
    asked = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    uses = int(asked) if asked.isdecimal() and int(asked) else processors
    detail = f"TensorFlow uses {uses}, and may use {min(processors, allowed)} of {processors} processors."
    fix = f"set TF_NUM_INTRAOP_THREADS={min(processors, allowed)}, {AGAIN}"
    return CheckResult("threads", detail, fix if uses > min(processors, allowed) else "")


def free_memory() -> CheckResult:
    """Check that there is enough free memory for a notebook."""
    from workbook.server import memory

    free = memory.free() / GB
    limit = memory.limit()
    of = f"of {limit / GB:.1f} GB that this session may take" if limit else "on this computer"
    fix = "shut down kernels that you do not need (Kernel, Shut Down All Kernels), or close other programs"
    return CheckResult("memory", f"{free:.1f} GB {of} are free.", fix if free < _still_needed() else "")


def _still_needed() -> float:
    """Return the gigabytes that a notebook still needs, which are fewer if TensorFlow is already loaded."""
    return NEEDED_MEMORY / 4 if "tensorflow" in sys.modules else NEEDED_MEMORY


def disk() -> CheckResult:
    """Check that there is free disk space for notebooks and for models."""
    free, place = min((shutil.disk_usage(place).free / GB, place) for place in (str(ROOT), tempfile.gettempdir()))
    fix = f"free some space on the disk of {place}"
    return CheckResult("disk", f"{free:.1f} GB are free.", fix if free < NEEDED_DISK else "")


def write_access() -> CheckResult:
    """Check that notebooks, models and answers can be stored."""
    for place, what, fix in _places():
        try:
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            detail = f"{what} cannot be stored in {place} ({error.strerror or error})."
            return CheckResult("write access", detail, fix)
    return CheckResult("write access", "notebooks, models and your answers can be stored.")


def _places() -> list[tuple[Path, str, str]]:
    """Return the folders that are written to, each with its contents and the remedy if it is not writable."""
    found = [(ROOT / "notebooks", "notebooks", f"make {ROOT / 'notebooks'} writable, or copy the workbook elsewhere")]
    temporary = Path(os.environ.get("TMPDIR") or tempfile.gettempdir())
    found.append((temporary, "models", "set TMPDIR to a folder in which you may write"))
    from workbook.lessons import progress

    answers = progress.path()
    if answers is not None:
        folder = next(each for each in answers.parents if each.exists())
        found.append((folder, "your answers", "set MODEL_CLONING_PROGRESS to a file that you may write"))
    return found


CHECKS: dict[str, Callable[[], CheckResult]] = {
    "Python": python,
    "packages": packages,
    "TF_USE_LEGACY_KERAS": legacy_switch,
    "both Keras versions": both_keras_versions,
    "widgets": widgets,
    "threads": threads,
    "memory": free_memory,
    "disk": disk,
    "write access": write_access,
}


def main() -> int:
    """Print every result; return 1 if something is wrong."""
    results = examine()
    print("\n".join(map(str, results)))
    return int(not all(result.ok for result in results))


if __name__ == "__main__":
    sys.exit(main())
