"""Run the claim programs with the Python of an environment, and collect their verdicts."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from run import ROOT, Problem

CLAIMS = ROOT / "workbook" / "lessons" / "claims"
SECONDS = 120  # for one claim; the slowest takes about ten
_FACTS = """
import importlib, json, platform, sys
import tensorflow as tf
def version(name):
    try:
        return importlib.import_module(name).__version__
    except Exception:
        return None
old = tuple(int(part) for part in tf.__version__.split(".")[:2]) < (2, 16)
found = {"python": platform.python_version(), "tensorflow": tf.__version__}
found["keras"] = getattr(tf.keras, "__version__", None) or version("keras") if old else version(sys.argv[1])
for name in ("tensorflow_probability", "numpy", "h5py", "google.protobuf"):
    found[name.rsplit(".")[-1]] = version(name)
open(sys.argv[2], "w").write(json.dumps(found))
"""


def _run(python: Path, folder: Path, *arguments: object, seconds: float = 600) -> None:
    """Run a program with an environment's Python, on one thread; raise `Problem` with its last line if it fails."""
    unset = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "TF_USE_LEGACY_KERAS", "KERAS_BACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment["TMPDIR"] = str(folder)  # old versions of TensorFlow leave files behind
    environment.update(TF_CPP_MIN_LOG_LEVEL="3", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    environment.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", CUDA_VISIBLE_DEVICES="-1")
    command = [str(part) for part in (python, *arguments)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise Problem(f"{Path(command[1]).name} took more than {seconds:.0f} s.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise Problem(f"{Path(command[1]).name} ended with code {done.returncode}: {last}")


def files() -> dict[str, list[Path]]:
    """Return the program files by their key in the stored file: `claims`, one file per lesson, and `methods`."""
    return {"claims": sorted(CLAIMS.glob("lesson_*.py")), "methods": sorted(CLAIMS.glob("methods.py"))}


def try_claims(python: Path, keras: str, folder: Path, claims: Sequence[str] = ()) -> dict:
    """Try all claims with one Keras package of an environment.

    Args:
        python: The environment's Python.
        keras: `keras`, which stands for `tf.keras`, or `tf_keras`.
        folder: A folder for results.
        claims: The numbers of the claims to try; all claims and methods, if there are none.

    Returns:
        The versions, the date, and the verdict on each claim and each method, in the format of
        workbook/lessons/claims/versions.json.

    Raises:
        Problem: If TensorFlow cannot be imported.
    """
    out = folder / "found.json"
    _run(python, folder, "-c", _FACTS, keras, out)
    column = {
        "keras": keras,
        "date": datetime.date.today().isoformat(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": json.loads(out.read_text(encoding="utf-8")),
    }
    for kind, programs in files().items():
        if programs and not (claims and kind == "methods"):
            only = ("--only", *claims) if claims else ()
            options = (*only, "--keras", keras, "--seconds", SECONDS, "--out", out)
            _run(python, folder, CLAIMS / "trial.py", *programs, *options, seconds=3600)
            column[kind] = {found.pop("number"): found for found in json.loads(out.read_text(encoding="utf-8"))}
    return column
