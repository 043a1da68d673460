"""The numbers of the three tests for an original and its clone, and what they say in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.text import listed

__all__ = ["OTHER_STATE", "OUTPUTS", "ROUNDING", "TESTS", "Pair", "as_pairs", "describe", "is_equal"]

ROUNDING = 1e-6
"""Distances up to this count as equal: two orders of the same float32 sums may differ by as much."""

OTHER_STATE = "random state and others"
"""The name under which `Pair.start` may hold the state outside the weights, beside the layers."""

OUTPUTS = "outputs"
"""The name under which `Pair.start` may hold what the models answer."""

TESTS = {
    "Same start": "Are the two models equal now?",
    "Same future": "Trained alike, do they stay equal?",
    "Own life": "Train one alone: does the other keep still?",
}


@dataclass(frozen=True)
class Pair:
    """The numbers of one original and its clone. All distances are largest absolute differences.

    Args:
        label: How the clone was made.
        start: Distance per layer at step 0; None for a layer without counterpart.
        future: Distance per training step when both are trained alike, from step 0 on. One entry: not trained.
        own_life: Distance moved by the model that was not trained, per step, from step 0 on.
        moved: Distance moved by the model that was trained, per step, for scale.
        error: Name of the error that was raised instead of a clone.

    Example:
        >>> Pair("clone_model", {"dense": 0.4}, [0.4, 0.41], [0.0, 0.0]).fails
        ['Same start', 'Same future']
    """

    label: str
    start: Mapping[str, float | None] = field(default_factory=dict)
    future: Sequence[float] = ()
    own_life: Sequence[float] = ()
    moved: Sequence[float] = ()
    error: str | None = None

    @property
    def layers(self) -> dict[str, float | None]:
        """The distances at the start, of the layers alone."""
        return {name: distance for name, distance in self.start.items() if name not in (OTHER_STATE, OUTPUTS)}

    @property
    def fails(self) -> list[str]:
        """Names of the tests that were made and not passed."""
        return [name for name, passed in self.results().items() if passed is False]

    def results(self) -> dict[str, bool | None]:
        """Judge the three tests.

        Returns:
            By name of the test: passed, not passed, or None if it was not made (yet).

        Example:
            >>> Pair("clone", {"dense": 0.0}).results()
            {'Same start': True, 'Same future': None, 'Own life': None}
        """
        if self.error:
            return dict.fromkeys(TESTS)
        return {
            "Same start": _all_equal(self.start.values()) if self.start else None,
            "Same future": _all_equal(self.future) if len(self.future) > 1 else None,
            "Own life": _all_equal(self.own_life) if len(self.own_life) > 1 else None,
        }


def is_equal(distance: float | None) -> bool:
    """Tell whether a distance counts as equal: zero, or as small as rounding.

    Args:
        distance: A largest absolute difference, or None if there was nothing to compare with.

    Returns:
        True for zero and for rounding.

    Example:
        >>> is_equal(0.0), is_equal(0.3), is_equal(None)
        (True, False, False)
    """
    return distance is not None and distance <= ROUNDING


def _all_equal(distances: Iterable[float | None]) -> bool:
    return all(is_equal(distance) for distance in distances)


def as_pairs(pairs: Mapping[str, Any] | Iterable[Any]) -> list[Pair]:
    """Read the numbers of several pairs from whatever carries them.

    Args:
        pairs: `Pair` objects, or a mapping from label to an object with `start`, `future` and `own_life`
            (and, if it has one, `moved`), such as `helpers.distances.ThreeTests`.

    Returns:
        The pairs, in order.

    Example:
        >>> as_pairs([Pair("clone")])[0].label
        'clone'
    """
    if not isinstance(pairs, Mapping):
        return list(pairs)
    return [
        tests
        if isinstance(tests, Pair)
        else Pair(label, tests.start, tests.future, tests.own_life, getattr(tests, "moved", ()))
        for label, tests in pairs.items()
    ]


def describe(pairs: Mapping[str, Any] | Iterable[Any], train: str = "both") -> str:
    """Say in one sentence what the picture shows, from the same numbers.

    The sentence states what holds, and no decimals: those differ from machine to machine.

    Args:
        pairs: As for `three_tests`.
        train: What was trained: "both", "original" or "clone".

    Returns:
        One sentence: fit to stand under the picture, and as its alternative text.

    Example:
        >>> describe([Pair("clone_model", {"dense": 0.4}, [0.4, 0.4], [0.0, 0.0])])
        'clone_model does not give a true clone: it fails Same start (1 of 1 layers differs) and Same future ...'
    """
    read = as_pairs(pairs)
    if not read:
        return "There are no two models to compare."
    text = "; ".join(_clause(pair, train) for pair in read)
    return f"{text}."


def _clause(pair: Pair, train: str) -> str:
    if pair.error:
        article = "an" if pair.error[0] in "AEIOU" else "a"
        return f"{pair.label} gives no clone at all: it raises {article} {pair.error}"
    results = pair.results()
    reasons = {
        "Same start": lambda: _start_reason(pair),
        "Same future": lambda: _future_reason(pair),
        "Own life": lambda: "training one moves the other",
    }
    failed = [f"{name} ({reasons[name]()})" for name in pair.fails]
    passed = [name for name, result in results.items() if result]
    if failed:
        also = f", and passes {listed(passed)}" if passed else ""
        return f"{pair.label} does not give a true clone: it fails {listed(failed)}{also}"
    if len(passed) == len(TESTS):
        return f"{pair.label} gives a true clone: it passes all three tests"
    missing = [name for name, result in results.items() if result is None]
    why = f", since only the {train} was trained" if train != "both" and missing == ["Same future"] else ""
    if not passed:
        return f"{pair.label} is not measured yet"
    verb = "is" if len(missing) == 1 else "are"
    return f"{pair.label} passes {listed(passed)}; {listed(missing)} {verb} not measured{why}"


def _start_reason(pair: Pair) -> str:
    layers = pair.layers.values()
    different = sum(not is_equal(distance) for distance in layers)
    alone = sum(distance is None for distance in layers)
    reasons = []
    if different:
        reasons.append(f"{different} of {len(layers)} layers differ{'s' if different == 1 else ''}")
    if alone:
        reasons[0] += f", {alone} of them without a counterpart"
    if not is_equal(pair.start.get(OTHER_STATE, 0.0)):
        reasons.append("the random state differs" if different == 0 else "so does the random state")
    if not reasons:
        reasons.append("the outputs differ, though all layers are equal")
    return ", ".join(reasons)


def _future_reason(pair: Pair) -> str:
    first = next(step for step, distance in enumerate(pair.future) if not is_equal(distance))
    return "unequal from the start" if first == 0 else f"unequal from step {first} on"
