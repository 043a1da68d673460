"""Write requirements.lock and environment.yml from pyproject.toml: `run.py lock` after the set-up."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

from run import LOCK, ROOT, VENV, Problem, call, find_uv, main

# The extras that conda and Binder install: those of the notebooks, without those of the tests.
NOTEBOOK_EXTRAS = ("workbook", "probabilistic")


def lock(args: Sequence[str]) -> int:
    """Write requirements.lock from pyproject.toml, then the pins in environment.yml from both.

    Args:
        args: Options of `uv pip compile`, such as `--upgrade`.

    Returns:
        The exit code.

    Raises:
        Problem: If uv is missing or cannot find compatible versions.
    """
    uv = find_uv()
    if not uv:
        raise Problem(
            "uv, which makes the lock, could not be installed: check that this computer is online and try again."
        )
    resolve = [uv, "pip", "compile", "--quiet", "--no-header", "pyproject.toml", "--output-file"]
    universal = ["--universal", "--python-version", "3.10", "--generate-hashes", "--all-extras"]
    if call(*resolve, LOCK.name, *universal, *args, stdout=subprocess.DEVNULL) != 0:
        raise Problem("requirements.lock could not be made and is unchanged: fix what uv says above and try again.")
    pins = VENV / "direct-pins.txt"
    direct = ["--python-version", "3.12", "--python-platform", "linux", "--no-deps", "--no-annotate", "-c", LOCK.name]
    direct += [f"--extra={name}" for name in NOTEBOOK_EXTRAS]
    if call(*resolve, pins, *direct, stdout=subprocess.DEVNULL) != 0:
        raise Problem("environment.yml could not be updated from the lock: fix what uv says above and try again.")
    conda = ROOT / "environment.yml"
    head = re.match(r".*  - pip:\n", conda.read_text(encoding="utf-8"), re.DOTALL).group()
    lines = [f"      - {pin}\n" for pin in pins.read_text(encoding="utf-8").split()]
    conda.write_bytes("".join([head, *lines]).encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], lock))
