"""Check the code and the notebooks with ruff: `run.py lint` after the set-up."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from run import PYTHON, call, main


def lint(args: Sequence[str]) -> int:
    """Check rules and format, or correct both with `--fix`."""
    check_option, format_option = ("--fix", "--quiet") if "--fix" in args else ("--no-fix", "--check")
    found = call(PYTHON, "-m", "ruff", "check", check_option, ".")
    return call(PYTHON, "-m", "ruff", "format", format_option, ".") or found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], lint))
