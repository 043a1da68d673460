"""The environments of older versions of TensorFlow: their packages, their locks, and how they are made."""

from __future__ import annotations

import glob
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from run import Problem, find_uv

HERE = Path(__file__).resolve().parent
LINUX = "x86_64-unknown-linux-gnu"  # the only system for which every TensorFlow has a package


@dataclass(frozen=True)
class Environment:
    """A version of TensorFlow with the packages of its time.

    Attributes:
        name: The version of TensorFlow, such as "2.6".
        python: The version of Python. It is fixed, because verdicts depend on it: with wrapt 1, Python 3.12 cannot save
            a Keras 3 model as a SavedModel.
        day: The lock is resolved with the packages of this day, so NumPy, h5py and protobuf need no pins.
        packages: The requirements; the lock also has their dependencies.
        legacy: The name of a second column, in which claims are tried with `tf_keras`.

    Example:
        >>> ENVIRONMENTS["2.21"].columns
        {'2.21': 'keras', 'tf_keras': 'tf_keras'}
    """

    name: str
    python: str
    day: str
    packages: tuple[str, ...]
    legacy: str | None = None

    @property
    def lock(self) -> Path:
        """The file that pins all packages."""
        return HERE / "locks" / f"{self.name}.txt"

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the stored file that this environment fills, and the Keras package of each."""
        return {self.name: "keras", **({self.legacy: "tf_keras"} if self.legacy else {})}


# The packages without GPU support are a third of the size. TensorFlow 2.0 has only one package, which uses no GPU.
ENVIRONMENTS = {
    each.name: each
    for each in (
        Environment("2.0", "3.7", "2020-03-01", ("tensorflow==2.0.*", "tensorflow-probability==0.8.*")),
        Environment("2.6", "3.9", "2021-11-01", ("tensorflow-cpu==2.6.*", "tensorflow-probability==0.14.*")),
        Environment("2.10", "3.10", "2022-11-20", ("tensorflow-cpu==2.10.*", "tensorflow-probability==0.18.*")),
        Environment("2.13", "3.11", "2023-10-15", ("tensorflow-cpu==2.13.*", "tensorflow-probability==0.21.*")),
        Environment("2.15", "3.11", "2024-03-20", ("tensorflow-cpu==2.15.*", "tensorflow-probability==0.23.*")),
        Environment(
            "2.16",
            "3.11",
            "2024-03-20",
            ("tensorflow-cpu==2.16.*", "keras==3.1.*", "tf-keras==2.16.*", "tensorflow-probability==0.24.*"),
        ),
        Environment(
            "2.18",
            "3.11",
            "2025-01-31",
            ("tensorflow-cpu==2.18.*", "keras==3.8.*", "tf-keras==2.18.*", "tensorflow-probability==0.25.*"),
        ),
        Environment(
            "2.21",
            "3.12",
            "2026-11-28",
            (
                "tensorflow-cpu==2.21.*",
                "keras==3.15.*",
                "tf-keras==2.21.*",
                "tensorflow-probability==0.25.*",
                "setuptools>=77",  # TensorFlow Probability imports distutils, which Python 3.12 no longer has
            ),
            legacy="tf_keras",
        ),
    )
}


def _call(*command: object, **environment: str) -> None:
    """Run a command, and raise `Problem` with the first lines of its error message if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, "UV_SYSTEM_CERTS": "1", "UV_CONCURRENT_BUILDS": "1", "MAKEFLAGS": "-j1", **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reasons = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise Problem(f"`{Path(str(command[0])).name} {command[1]} {command[2]}` failed: {' '.join(reasons[:3])}")


def uv() -> str:
    """Return the path of uv.

    Raises:
        Problem: If uv is missing and cannot be installed.
    """
    found = find_uv()
    if not found:
        raise Problem("uv, which makes the environments, could not be installed: check that this computer is online.")
    return found


def _interpreter(version: str) -> str:
    """Return the path of a Python from pyenv, or the version itself, which uv then finds or installs."""
    folder = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    return next(iter(sorted(glob.glob(f"{folder}/versions/{version}.*/bin/python"))), version)


def write_lock(environment: Environment, lock: Path, cache: Path, upgrade: bool = False) -> Path:
    """Resolve the packages of an environment as of its day.

    Args:
        environment: The environment.
        lock: The file to write.
        cache: A folder for uv's cache, on a disk with free space.
        upgrade: Whether to take the newest versions of today instead, whatever the environment requires.

    Returns:
        The file.

    Raises:
        Problem: If there are no compatible versions.
    """
    cache.mkdir(parents=True, exist_ok=True)
    wanted, out = cache / "packages.txt", cache / "pins.txt"
    names = [re.split("[<>=]", each)[0] if upgrade else each for each in environment.packages]
    wanted.write_text("\n".join(names), encoding="utf-8")
    options = ["--quiet", "--no-header", "--no-annotate", "--python-platform", LINUX]
    options += [] if upgrade else ["--exclude-newer", environment.day]
    options += ["--python", _interpreter(environment.python), "--output-file", out]
    _call(uv(), "pip", "compile", wanted, *options, UV_CACHE_DIR=str(cache))
    pins = out.read_text(encoding="utf-8")
    if "tensorflow-cpu==" in pins:  # tf-keras requires `tensorflow`, which is the same with GPU libraries
        pins = re.sub(r"^tensorflow==.*\n", "", pins, flags=re.MULTILINE)
    head = f"# Python {environment.python}, as of {environment.day}: `run.py versions --lock --only {environment.name}`"
    lock.write_text(f"{head}\n{pins}", encoding="utf-8", newline="\n")
    return lock


def make(environment: Environment, lock: Path, folder: Path, cache: Path) -> Path:
    """Make an environment from its lock.

    Args:
        environment: The environment.
        lock: The lock file to install.
        folder: The folder of the new environment.
        cache: uv's cache, which may be deleted.

    Returns:
        The path of its Python.

    Raises:
        Problem: If it cannot be made on this computer.
    """
    python = folder / "bin" / "python"
    _call(uv(), "venv", "--no-project", "--python", _interpreter(environment.python), folder, UV_CACHE_DIR=str(cache))
    # Without dependencies, because the lock is complete, and deliberately leaves out one requirement of tf-keras.
    options = ["--no-deps", "--python", python, "-r", lock]
    _call(uv(), "pip", "install", *options, UV_CACHE_DIR=str(cache))
    return python
