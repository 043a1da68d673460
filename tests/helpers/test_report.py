"""What the results of the three tests say: passed, failed or not tried, and the lines under a picture."""

from __future__ import annotations

import math

from results import result

from helpers.report import (
    OTHER_STATE,
    OUTPUTS,
    OWN_LIFE,
    QUESTIONS,
    SAME_FUTURE,
    SAME_START,
    Check,
    Report,
    ThreeTestsResult,
    Verdict,
    describe,
)

NAIVE = result("clone_model", {"a": 0.4, "b": 0.0, "c": None}, [0.4, 0.5, 0.6], [0.0, 0.0, 0.0], [0.0, 0.1, 0.2])
TRUE = result("clone", {"a": 0.0, "b": 0.0, "c": 0.0}, [0.0] * 3, [0.0] * 3)


def test_each_clone_has_a_line_that_says_which_tests_fail_and_why():
    assert describe([NAIVE, TRUE]).splitlines() == [
        "clone_model: ✗ Not a true clone: it fails “Same start” (2 of 3 layers differ, 1 of them without a "
        "counterpart) and “Same future” (unequal from the start).",
        "clone: ✓ A true clone: same start, same future, own life.",
    ]
    alias = result("alias", {"a": 0.0}, [0.0, 0.0], [0.0, 0.2])
    assert "it fails “Own life” (training one moves the other)." in describe([alias])
    late = result("x", {"a": 0.0}, [0.0, 0.0, 0.1], [0.0, 0.0, 0.0])
    assert "“Same future” (unequal from step 2 on)" in describe([late])
    seeds = result("x", {"a": 0.0, OTHER_STATE: math.inf}, [0.0, 0.0], [0.0, 0.0])
    assert "“Same start” (state outside the weights differs)" in describe([seeds])
    for future, words in (
        ([0.0, 0.0, 0.1], "unequal from step 2 on"),
        ([0.0, 0.0], "state outside the weights differs"),
    ):
        steps = [Check(SAME_FUTURE, "training steps", False, "")]
        apart = ThreeTestsResult("x", steps, {"a": 0.0, OTHER_STATE: math.inf}, [OTHER_STATE], future, first_apart=0)
        assert apart.verdicts[SAME_FUTURE].reason == words
    answers = result("x", {"a": 0.0, OUTPUTS: 1.0}, [0.0, 0.0], [0.0, 0.0])
    assert "the outputs differ, though all layers are equal" in describe([answers])


def test_nothing_is_claimed_that_was_not_tried():
    one = result("x", {"a": 0.0}, [0.0], [0.0, 0.0])
    assert describe([one]) == (
        "x: ○ No difference found so far: it passes “Same start” and “Own life”. “Same future” was not tried, "
        "because no training step was made yet."
    )
    assert "true clone" not in describe([result("x", {"a": 0.0}, [0.0])])
    assert describe([result("x", error="TypeError")]) == "x: ✗ No clone at all: it raises a TypeError."
    assert describe([]) == "There are no two models to compare."
    failed = Report(
        [Check(SAME_START, "weights", False, ""), Check(SAME_FUTURE, "training steps", None, "it is frozen")]
    )
    assert failed.sentence.startswith(
        "✗ Not a true clone: it fails “Same start”. “Same future” was not tried, because it"
    )


def test_the_lines_hold_no_decimals():
    assert not any("." in word[:-1] for word in describe([NAIVE, TRUE]).split())


def test_a_test_passes_only_if_what_decides_it_was_tried():
    checks = [
        Check(SAME_START, "structure", True, ""),
        Check(SAME_FUTURE, "compile settings", True, ""),
        Check(SAME_FUTURE, "training steps", None, "the original is frozen"),
        Check(OWN_LIFE, "separate storage", True, ""),
        Check(OWN_LIFE, "original keeps still", None, "the original is frozen"),
    ]
    report = Report(checks)
    assert report.ok and not any(map(report.passed, QUESTIONS))
    assert str(report.verdict(SAME_FUTURE)) == "not tried, because the original is frozen"
    assert str(Verdict(True)) == "passed" and str(Verdict(False)) == "failed"


def test_picture_and_report_have_the_same_outcome():
    for checks in (
        [Check(SAME_START, "layer settings", False, "rate")],
        [Check(OWN_LIFE, "separate storage", False, "")],
    ):
        found = ThreeTestsResult("x", checks)
        assert found.fails == [checks[0].test] and found.ok == found.report.ok is False
        assert found.sentence.startswith(found.report.sentence.split(".")[0])
