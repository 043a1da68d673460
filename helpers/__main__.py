"""The command line: `python -m helpers audit a.keras b.keras`.

The exit code is 0 if nothing that was tried differs, 1 if the second model is not a true clone of the first, and 2 if
that cannot be judged: wrong arguments, a file that is refused, inputs that cannot be made up.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.report import Report

TRUE, NOT_TRUE, NOT_JUDGED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: What follows `python -m helpers`; None for what the process was started with.
    """
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the log lines of TensorFlow's start
    try:
        from helpers.auditing import passes

        report, tried_on = _audit(options)
    except Exception as error:  # an uncaught error would end with the code of a clone that is not true
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return NOT_JUDGED
    print(_as_json(report, tried_on) if options.json else f"{report}\n\nTried on {tried_on}.")
    return TRUE if passes(report) else NOT_TRUE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m helpers", description="Judge whether a model is a true clone.")
    commands = parser.add_subparsers(dest="command", required=True)
    audit = commands.add_parser(
        "audit",
        help="put two .keras or .h5 files to the three tests",
        description="Put two .keras or .h5 files to the three tests. Each is looked through before it is loaded.",
        epilog="Exit code: 0 if nothing that was tried differs, 1 if it is not a true clone, 2 if it was not judged.",
    )
    audit.add_argument("original", help="a .keras or .h5 file")
    audit.add_argument("clone", help="the file to judge")
    audit.add_argument("--inputs", help="what one input looks like, such as '28, 28, 1' or '20 int below 1000'")
    audit.add_argument("--steps", type=int, default=3, help="how many training steps each model makes (3)")
    audit.add_argument(
        "--classes",
        action="append",
        default=[],
        metavar="MODULE[:NAME]",
        help="import this module, and let the files make objects of its class NAME, or of all its classes",
    )
    audit.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


def _audit(options: argparse.Namespace) -> tuple[Report, str]:
    """Load both files, audit them, and return the report with what they were tried on, in words."""
    from helpers.auditing import audit
    from helpers.keras_files import load_file
    from helpers.made_up import make_inputs, make_targets

    own_classes = _own_classes(options.classes)
    original, clone = (load_file(path, own_classes) for path in (options.original, options.clone))
    inputs, told_inputs = make_inputs(original, options.inputs)
    targets, told_targets = make_targets(original, inputs)
    return audit(original, clone, inputs, targets, options.steps), f"{told_inputs}; {told_targets}"


def _own_classes(named: Sequence[str]) -> dict[str, Any]:
    """Return the classes that the files may use, by name."""
    found: dict[str, Any] = {}
    for each in named:
        module, _, name = each.partition(":")
        known = vars(importlib.import_module(module))
        if name and name not in known:
            raise ImportError(f"The module {module!r} has no class {name!r}.")
        found |= {name: known[name]} if name else known
    return found


def _as_json(report: Report, tried_on: str) -> str:
    from helpers.report import QUESTIONS

    return json.dumps(
        {
            "ok": report.ok,
            "sentence": report.sentence,
            "tests": {test: str(report.verdict(test)) for test in QUESTIONS},
            "checks": [vars(check) for check in report.checks],
            "tried_on": tried_on,
        },
        indent=2,
        ensure_ascii=False,
    )


if __name__ == "__main__":
    sys.exit(main())
