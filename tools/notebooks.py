"""Execute notebooks and store their outputs: `run.py notebooks` after the set-up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from run import PYTHON, ROOT, Problem, call, main
from tools.tidy import tidy

NOTEBOOKS = ROOT / "notebooks"


def notebooks(args: Sequence[str]) -> int:
    """Execute notebooks, each in its own folder, and store the outputs in place.

    Args:
        args: Names of notebooks, with or without folder and extension; by default all.

    Returns:
        The exit code.

    Raises:
        Problem: If a notebook does not exist, or stopped at an error; the others are still executed.
    """
    paths = [NOTEBOOKS / f"{Path(arg).stem}.ipynb" for arg in args] or sorted(NOTEBOOKS.glob("*.ipynb"))
    missing = [path.name for path in paths if not path.exists()]
    if missing or not paths:
        raise Problem(f"There is no {' and no '.join(missing) or 'notebook'} in {NOTEBOOKS}: look there for the name.")
    command = [PYTHON, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace"]
    command += [f"--ExecutePreprocessor.{option}" for option in ("record_timing=False", "store_widget_state=False")]
    failed = [path.stem for path in paths if call(*command, path) != 0 or tidy(path)]
    if failed:
        names = " ".join(failed)
        raise Problem(f"Stopped at an error and left unchanged: {names}; fix it and run `run.py notebooks {names}`.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], notebooks))
