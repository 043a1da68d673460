"""Runs the tests: what `run.py test` does after the set-up."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from run import PYTHON, become, main


def test(args: Sequence[str]) -> int:
    """Run pytest; its settings are in pyproject.toml."""
    os.environ["MODEL_CLONING_PROGRESS"] = ""  # whoever runs the tests may be a reader too
    return become(PYTHON, "-m", "pytest", *args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], test))
