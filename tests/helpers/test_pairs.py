"""What the numbers of the three tests say: passed or not, and the sentence."""

from __future__ import annotations

import math
from types import SimpleNamespace

from helpers.pairs import OTHER_STATE, ROUNDING, Pair, as_pairs, describe, is_equal

NAIVE = Pair("clone_model", {"a": 0.4, "b": 0.0, "c": None}, [0.4, 0.5, 0.6], [0.0, 0.0, 0.0], [0.0, 0.1, 0.2])
TRUE = Pair("clone", {"a": 0.0, "b": 0.0, "c": 0.0}, [0.0] * 3, [0.0] * 3)


def test_numbers_come_from_pairs_or_from_anything_that_has_them():
    tests = SimpleNamespace(start={"a": 0.0}, future=[0.0, 0.0], own_life=[0.0, 0.0])
    assert as_pairs({"x": tests}) == [Pair("x", {"a": 0.0}, [0.0, 0.0], [0.0, 0.0])]
    assert describe({"x": tests}) == "x gives a true clone: it passes all three tests."


def test_the_sentence_says_which_tests_fail_and_why():
    sentence = describe([NAIVE, TRUE])
    assert sentence == (
        "clone_model does not give a true clone: it fails Same start (2 of 3 layers differ, 1 of them without a "
        "counterpart) and Same future (unequal from the start), and passes Own life; clone gives a true clone: "
        "it passes all three tests."
    )
    alias = Pair("alias", {"a": 0.0}, [0.0, 0.0], [0.0, 0.2])
    assert "fails Own life (training one moves the other), and passes Same start and Same" in describe([alias])
    late = Pair("x", {"a": 0.0}, [0.0, 0.0, 0.1], [0.0, 0.0, 0.0])
    assert "Same future (unequal from step 2 on)" in describe([late])
    seeds = Pair("x", {"a": 0.0, OTHER_STATE: math.inf}, [0.0, 0.0], [0.0, 0.0])
    assert "Same start (the random state differs)" in describe([seeds])


def test_the_sentence_claims_nothing_that_was_not_measured():
    one = Pair("x", {"a": 0.0}, [0.0], [0.0, 0.0])
    assert describe([one], "original") == (
        "x passes Same start and Own life; Same future is not measured, since only the original was trained."
    )
    assert "true clone" not in describe([Pair("x", {"a": 0.0}, [0.0], [0.0])])
    assert describe([Pair("x", error="TypeError")]) == "x gives no clone at all: it raises a TypeError."
    assert describe([]) == "There are no two models to compare."


def test_the_sentence_holds_no_decimals():
    assert not any("." in word[:-1] for word in describe([NAIVE, TRUE]).split())


def test_rounding_counts_as_equal_and_more_does_not():
    assert is_equal(0.0) and is_equal(ROUNDING) and not is_equal(1e-5)
    assert not is_equal(None) and not is_equal(math.inf) and not is_equal(math.nan)
