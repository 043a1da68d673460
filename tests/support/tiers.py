"""Which cases of a test are quick: the others are slow, and run with `--all`, or rare, and run with `--exhaustive`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow_unless(quick: bool, *values: Any) -> Any:
    """Make a case of a test, slow unless it is among the quick ones."""
    return pytest.param(*values, marks=() if quick else pytest.mark.slow)


def every(nth: int, values: Iterable[Any]) -> list[Any]:
    """Leave every nth value among the quick cases, beginning with the first; a value may be a pytest.param."""
    cases = [value.values if isinstance(value, type(pytest.param())) else (value,) for value in values]
    return [slow_unless(number % nth == 0, *case) for number, case in enumerate(cases)]


def on_one_keras(cases: Iterable[tuple[str, Any]], nth: int = 1) -> list[Any]:
    """Leave every nth thing among the quick cases, with one Keras version: the first and the last of its own in turn.

    Args:
        cases: A Keras version and a thing each, where a thing may come with one version only.
        nth: How many things there are for each quick one.
    """
    cases = list(cases)
    versions: dict[Any, list[str]] = {}
    for version, thing in cases:
        versions.setdefault(thing, []).append(version)
    chosen = list(versions.items())[::nth]
    quick = {(each[-(number % 2)], thing) for number, (thing, each) in enumerate(chosen)}
    return [slow_unless(case in quick, *case) for case in cases]


def thinned(nth: int, cases: Iterable[Any]) -> list[Any]:
    """Mark as rare all but every nth of the slow cases: the others are much like them."""
    found, count = [], 0
    for case in cases:
        if case.marks:
            count += 1
            if count % nth:
                case = pytest.param(*case.values, marks=pytest.mark.rare, id=case.id)
        found.append(case)
    return found
