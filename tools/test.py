"""Run the tests: `run.py test` after the set-up."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from run import PYTHON, become, main


def test(args: Sequence[str]) -> int:
    """Run pytest; its settings are in pyproject.toml."""
    os.environ["MODEL_CLONING_PROGRESS"] = ""  # keeps the progress of the person who runs the tests
    return become(PYTHON, "-m", "pytest", *args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], test))
