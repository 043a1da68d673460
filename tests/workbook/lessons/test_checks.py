"""Shared checks of exercises: each returns its diagnosis, and `helpers.clone` is switched on again."""

import pytest

import helpers
from workbook.lessons import checks


def test_a_function_and_a_class_are_asked_for_by_name(packages):
    assert checks.is_function("f(x)")(len) is None
    assert checks.is_function("f(x)")(7) == "`f` is not a function. Keep the line `def f(x):`."
    layer = checks.is_derived_from("keras.layers.Layer", "Gain")
    assert layer(packages["keras"].layers.Dense) is None
    for answer in (packages["keras"].layers.Dense(3), packages["tf_keras"].layers.Dense, int):
        assert layer(answer) == "`Gain` has to stay a class derived from `keras.layers.Layer`."


def test_a_result_is_checked_step_by_step_until_one_fails():
    seen = []
    check = checks.after(
        lambda answer: (checks.Trial(number, answer(number), []) for number in (1, 2, 3)),
        lambda trial: seen.append(trial.original),
        checks.returns_something("return x"),
        checks.is_a_new_object("it returns the original."),
    )
    assert check(lambda number: None) == "your function returns nothing. End it with `return x`."
    assert check(lambda number: number if number == 2 else -number) == "it returns the original."
    assert check(lambda number: -number) is None
    assert seen == [1, 1, 2, 1, 2, 3]


def test_clone_is_switched_off_only_inside_the_block():
    before = helpers.clone
    with checks.clone_switched_off(), pytest.raises(RuntimeError, match="switched off in this exercise"):
        helpers.clone(None)
    with pytest.raises(ValueError), checks.clone_switched_off():
        raise ValueError
    assert helpers.clone is before


def test_only_state_that_comes_too_late_is_recognised():
    def refused():
        raise ValueError("You cannot add new elements of state (variables or sub-layers) to a layer")

    assert checks.creates_state_too_late(refused) and not checks.creates_state_too_late(lambda: None)
    with pytest.raises(ValueError, match="invalid literal"):
        checks.creates_state_too_late(lambda: int("x"))


def test_a_placeholder_is_recognised_and_an_error_is_not_one():
    untouched = checks.gives_a_placeholder(lambda answer: answer())
    assert untouched(lambda: ...)
    assert not untouched(lambda: 1) and not untouched(7)
