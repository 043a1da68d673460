"""Which cases of a test are quick: the others are marked as slow, and run with `--all`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow_unless(quick: bool, *values: Any) -> Any:
    """Make a case of a test, slow unless it is among the quick ones."""
    return pytest.param(*values, marks=() if quick else pytest.mark.slow)


def every(nth: int, values: Iterable[Any]) -> list[Any]:
    """Leave every nth value among the quick cases, beginning with the first."""
    return [slow_unless(number % nth == 0, value) for number, value in enumerate(values)]


def on_one_keras(cases: Iterable[tuple[str, Any]]) -> list[Any]:
    """Leave each thing among the quick cases with one Keras version: the first of its versions, then the last, in turn.

    Args:
        cases: A Keras version and a thing each, where a thing may come with one version only.
    """
    cases = list(cases)
    versions: dict[Any, list[str]] = {}
    for version, thing in cases:
        versions.setdefault(thing, []).append(version)
    quick = {(each[-(number % 2)], thing) for number, (thing, each) in enumerate(versions.items())}
    return [slow_unless(case in quick, *case) for case in cases]
