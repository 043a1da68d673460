"""Looks whether this computer and what is installed on it will do for the workbook, and says how to mend what will not.

Kept to the standard library where it begins, so that it can still speak when packages are missing.

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

__all__ = ["Finding", "examine", "report"]

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "model-cloning-workbook"
EXTRAS = ("", "workbook", "probabilistic")  # what the notebooks need of its dependencies
GB = 1024**3

NEEDED_MEMORY = 1.0
"""Gigabytes that a notebook takes from top to bottom, with the processes that it starts (benchmarks/memory.py)."""

NEEDED_DISK = 0.5
"""Gigabytes for the models that the notebooks save, and for the notebooks themselves."""

AGAIN = "then start JupyterLab again"


@dataclass(frozen=True)
class Finding:
    """What one look found.

    Attributes:
        what: what was looked at, such as "memory".
        says: what was found, in one sentence.
        fix: what to do, in one line; nothing if all is well.
    """

    what: str
    says: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self.fix

    def __str__(self) -> str:
        return f"✓ {self.what}: {self.says}" if self.ok else f"✗ {self.what}: {self.says} To mend it, {self.fix}."


def examine() -> list[Finding]:
    """Look at everything, one thing after the other.

    What cannot be looked at is a finding, too; nothing is raised. If TensorFlow is not loaded yet, a process of its own
    loads it, which takes some seconds.

    Returns:
        A finding for each thing, in the order in which to mend them.

    Example:
        >>> all(finding.ok for finding in examine())   # doctest: +SKIP
        True
    """
    return [_careful(what, look) for what, look in LOOKS.items()]


def report(findings: list[Finding] | None = None) -> None:
    """Print what is wrong and how to mend it; if nothing is, one sentence that is the same everywhere.

    Args:
        findings: what was found. Default: look now.

    Example:
        >>> report([Finding("Python", "this is Python 3.12.")])
        All is well: Python.
    """
    findings = examine() if findings is None else findings
    wrong = [finding for finding in findings if not finding.ok]
    print("\n".join(map(str, wrong)) if wrong else f"All is well: {', '.join(finding.what for finding in findings)}.")


def _careful(what: str, look: Callable[[], Finding]) -> Finding:
    """Look, and take an error while looking for what it is: one more thing that is wrong."""
    try:
        return look()
    except Exception as error:
        return Finding(what, f"could not be looked at ({type(error).__name__}: {error}).", _reinstall())


def _reinstall() -> str:
    """What helps when an installation is broken."""
    if Path(sys.prefix) == ROOT / ".venv":
        return "delete the folder .venv and run `python3 run.py lab`, which makes it anew"
    return "make the environment anew as the README says"


# --- Looks: each asks the computer for one thing -------------------------------------------------------------------


def python() -> Finding:
    """Whether TensorFlow has packages for this Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    bits = 64 if sys.maxsize > 2**32 else 32
    says = f"this is Python {version}, {bits} bits."
    good = (3, 10) <= sys.version_info[:2] <= (3, 13) and bits == 64
    return Finding("Python", says, "" if good else "run `run.py` with a 64-bit Python 3.10 to 3.13")


def packages() -> Finding:
    """Whether the packages are those that work together: what pyproject.toml declares."""
    try:
        from packaging.requirements import Requirement

        lines = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        return Finding(
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
        return Finding("packages", "; ".join(wrong) + ".", f"{_pip(' '.join(fixes))}, {AGAIN}")
    return Finding("packages", "they are those that work together.")


def _pip(arguments: str) -> str:
    """The command that installs into this very environment."""
    return f"run `{sys.executable} -m pip install {arguments}`"


_PROBE = "import json; from workbook.server.doctor import kerases_here; print(json.dumps(kerases_here()))"


def both_kerases() -> Finding:
    """Whether `tf.keras` is Keras 3, on TensorFlow, and `tf_keras` is beside it."""
    name = "both Kerases"
    backend, where = _backend()
    if backend != "tensorflow":
        says = f"Keras 3 is told to run on {backend}, not on TensorFlow."
        return Finding(name, says, f"set the backend to tensorflow in {where}, {AGAIN}")
    found = _kerases()
    if "error" in found:
        return Finding(name, f"TensorFlow does not load ({found['error']}).", _reinstall())
    says = f"tf.keras is Keras {found['tf.keras']}, tf_keras is {found['tf_keras']}."
    if not found["tf.keras"].startswith("3."):
        return Finding(name, says, f"unset TF_USE_LEGACY_KERAS, {AGAIN}")
    return Finding(name, says)


def _backend() -> tuple[str, str]:
    """The backend that Keras 3 is told to use, and where it is told so: the variable wins over the file."""
    if asked := os.environ.get("KERAS_BACKEND"):
        return asked, "the environment variable KERAS_BACKEND"
    file = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    with contextlib.suppress(OSError, ValueError):  # Keras passes over a file that it cannot read, too
        return json.loads(file.read_text(encoding="utf-8")).get("backend", "tensorflow"), str(file)
    return "tensorflow", "its default"


def kerases_here() -> dict[str, str]:
    """Return the versions of what `tf.keras` and `tf_keras` are in this process, which then has loaded TensorFlow."""
    import keras
    import tensorflow
    import tf_keras

    # Under TF_USE_LEGACY_KERAS the thing named tf.keras has no version of its own; it is known by what it hands out.
    mine = tf_keras if tensorflow.keras.Model is tf_keras.Model else keras
    return {"tf.keras": mine.__version__, "tf_keras": tf_keras.__version__}


def _kerases() -> dict[str, str]:
    """Ask the TensorFlow of this process, or else a process that may die of it."""
    if "tensorflow" in sys.modules:
        return kerases_here()
    done = subprocess.run([sys.executable, "-c", _PROBE], cwd=ROOT, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if done.returncode < 0:
        return {"error": f"its process was ended by signal {-done.returncode}; this processor may lack AVX"}
    return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}


def legacy_switch() -> Finding:
    """Whether TF_USE_LEGACY_KERAS turns `tf.keras` into Keras 2 for all that is started from here."""
    value = os.environ.get("TF_USE_LEGACY_KERAS")
    name = "TF_USE_LEGACY_KERAS"
    if value in ("1", "true", "True"):  # as TensorFlow reads it
        return Finding(name, f"it is {value}, so tf.keras is Keras 2.", f"unset {name} where it is set, {AGAIN}")
    return Finding(name, "it is not set." if value is None else f"it is {value!r}, which changes nothing.")


def widgets() -> Finding:
    """Whether the server's environment can show the controls that the kernel's environment makes."""
    mine = _version("ipywidgets")
    if mine is None:
        return Finding("widgets", "ipywidgets is missing where the notebooks run.", _pip('"ipywidgets==8.1.*"'))
    server, manager = _servers_widgets()
    if server is None:
        return Finding("widgets", f"ipywidgets is {mine}; what shows the notebooks is no Python that can be asked.")
    # Version 3 of the part for JupyterLab belongs to ipywidgets 8, and 1 to 7.
    fitting = int(mine.split(".")[0]) - 5 if int(mine.split(".")[0]) > 7 else 1
    fix = f'run `{server} -m pip install "jupyterlab_widgets=={fitting}.*"`, start JupyterLab again, reload the page'
    where = "JupyterLab's environment" if Path(server) != Path(sys.executable) else "this environment"
    if manager is None:
        return Finding("widgets", f"jupyterlab_widgets, which shows the controls, is missing in {where}.", fix)
    says = f"ipywidgets {mine} here, jupyterlab_widgets {manager} in {where}"
    if manager.split(".")[0] != str(fitting):
        return Finding("widgets", f"{says}: the two do not fit.", fix)
    return Finding("widgets", f"{says}.")


def _version(name: str) -> str | None:
    """The version of a package here, or None."""
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
    """The server's Python, and the version of jupyterlab_widgets that it has; None for what there is not."""
    server = _servers_python(os.environ)
    if server is None:
        return None, None
    done = subprocess.run([server, "-c", _ASK_SERVER], capture_output=True, text=True, check=True)
    return server, done.stdout.strip() or None


def _servers_python(environment: Mapping[str, str]) -> str | None:
    """The Python of the process that has started this kernel; outside a kernel this Python, which run.py would use."""
    parent = environment.get("JPY_PARENT_PID", "")
    if not parent.isdecimal():
        return sys.executable
    import psutil

    with contextlib.suppress(psutil.Error):
        command = psutil.Process(int(parent)).cmdline()
        # As it was called, not where its links lead: that is what tells one environment from another.
        found = shutil.which(command[0]) if command else None
        if found and re.match(r"python[\d.]*(\.exe)?$", Path(found).name):
            return found
    return None


def threads() -> Finding:
    """Whether TensorFlow is told of the processors that it may use, where they are fewer than the computer has."""
    has = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # JupyterHub and Binder set this. TensorFlow does not look at it and starts a thread for each processor it sees.
    allowed = max(1, math.ceil(float(os.environ.get("CPU_LIMIT") or has)))
    asked = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    uses = int(asked) if asked.isdecimal() and int(asked) else has
    says = f"TensorFlow uses {uses}, and may use {min(has, allowed)} of {has} processors."
    fix = f"set TF_NUM_INTRAOP_THREADS={min(has, allowed)}, {AGAIN}"
    return Finding("threads", says, fix if uses > min(has, allowed) else "")


def free_memory() -> Finding:
    """Whether a notebook has room in memory beside what there is."""
    from workbook.server import memory

    free = memory.free() / GB
    limit = memory.limit()
    of = f"of {limit / GB:.1f} GB that this session may take" if limit else "on this computer"
    fix = "shut down kernels that you do not need (Kernel, Shut Down All Kernels), or close other programs"
    return Finding("memory", f"{free:.1f} GB {of} are free.", fix if free < _still_needed() else "")


def _still_needed() -> float:
    """Gigabytes that a notebook needs from here on: little, where TensorFlow is loaded already."""
    return NEEDED_MEMORY / 4 if "tensorflow" in sys.modules else NEEDED_MEMORY


def disk() -> Finding:
    """Whether there is room on disk, where notebooks are saved and where models are."""
    free, place = min((shutil.disk_usage(place).free / GB, place) for place in (str(ROOT), tempfile.gettempdir()))
    fix = f"free some space on the disk of {place}"
    return Finding("disk", f"{free:.1f} GB are free.", fix if free < NEEDED_DISK else "")


def write_access() -> Finding:
    """Whether notebooks, models and answers can be stored."""
    for place, what, fix in _places():
        try:
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            says = f"{what} cannot be stored in {place} ({error.strerror or error})."
            return Finding("write access", says, fix)
    return Finding("write access", "notebooks, models and your answers can be stored.")


def _places() -> list[tuple[Path, str, str]]:
    """Where something is written, what, and what to do if it cannot be."""
    found = [(ROOT / "notebooks", "notebooks", f"make {ROOT / 'notebooks'} writable, or copy the workbook elsewhere")]
    temporary = Path(os.environ.get("TMPDIR") or tempfile.gettempdir())
    found.append((temporary, "models", "set TMPDIR to a folder in which you may write"))
    from workbook.lessons import progress

    answers = progress.path()
    if answers is not None:
        folder = next(each for each in answers.parents if each.exists())
        found.append((folder, "your answers", "set MODEL_CLONING_PROGRESS to a file that you may write"))
    return found


LOOKS: dict[str, Callable[[], Finding]] = {
    "Python": python,
    "packages": packages,
    "TF_USE_LEGACY_KERAS": legacy_switch,
    "both Kerases": both_kerases,
    "widgets": widgets,
    "threads": threads,
    "memory": free_memory,
    "disk": disk,
    "write access": write_access,
}


def main() -> int:
    """Print every finding; return 1 if something is wrong."""
    findings = examine()
    print("\n".join(map(str, findings)))
    return int(not all(finding.ok for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
