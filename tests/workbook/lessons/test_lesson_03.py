"""The exercises of notebook 03 tell right, wrong and untouched answers apart, and say what is wrong."""

import numpy as np
import pytest

from workbook.lessons import lesson_03
from workbook.lessons.lesson_03 import CHECKED_LOAD, CHOOSE_THE_FORMAT, LOADS_ELSEWHERE
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_03).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_03).values() if isinstance(value, Exercise)]
NAMES = {LOADS_ELSEWHERE: "Scorer", CHECKED_LOAD: "checked_load", CHOOSE_THE_FORMAT: "choice"}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, packages):
    scope = {"keras": packages["keras"]}
    exec(exercise.solution, scope)
    assert exercise.check(scope[NAMES[exercise]]).outcome is Outcome.CORRECT


# -- a class that loads elsewhere --------------------------------------------------------------------------------------


def scorer(keras, config, register=True):
    class Scorer(keras.Model):
        def __init__(self, units, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.units, self.activation = units, activation
            self.hidden = keras.layers.Dense(units, activation=activation)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

        def base(self):
            return super().get_config()

        def get_config(self):
            return config(self)

    return keras.saving.register_keras_serializable(package="test_lesson_03")(Scorer) if register else Scorer


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (lambda self: [self.units, self.activation], "has to return a dict"),
        (lambda self: {**self.base(), "activation": self.activation}, "`units` is missing"),
        (lambda self: {**self.base(), "units": self.units}, "loads without an error"),
        (lambda self: {**self.base(), "units": self.units, "activation": "relu"}, "not fixed values"),
        (lambda self: {**self.base(), "units": self.units, "activation": self.activation, "head": 1}, "head"),
        (lambda self: {"units": self.units, "activation": self.activation}, "base class are lost"),
        (lambda self: self.nothing, "nothing"),
    ],
)
def test_a_wrong_config_gets_its_own_diagnosis(config, words, packages):
    feedback = LOADS_ELSEWHERE.check(scorer(packages["keras"], config))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_a_class_that_is_not_registered_is_found(packages):
    whole = scorer(
        packages["keras"],
        lambda self: {**self.base(), "units": self.units, "activation": self.activation},
        register=False,
    )
    feedback = LOADS_ELSEWHERE.check(whole)
    assert feedback.outcome is Outcome.INCORRECT and "not registered" in feedback.text
    assert "has to stay a class" in LOADS_ELSEWHERE.check("a text").text


# -- a load that is checked --------------------------------------------------------------------------------------------


def untouched_load(receiver, path, inputs, answers): ...


def loads_nothing(receiver, path, inputs, answers):
    return receiver


def compares_without_loading(receiver, path, inputs, answers):
    if np.abs(receiver(inputs) - answers).max() > 1e-5:
        raise ValueError("different")
    return receiver


def returns_nothing(receiver, path, inputs, answers):
    receiver.load_weights(path)


def returns_a_truth_value(receiver, path, inputs, answers):
    receiver.load_weights(path)
    return bool(np.allclose(receiver(inputs), answers))


def compares_nothing(receiver, path, inputs, answers):
    receiver.load_weights(path)
    return receiver


def adds_up(receiver, path, inputs, answers):
    receiver.load_weights(path)
    if abs(float(np.sum(receiver(inputs) - answers))) > 1e-3:
        raise ValueError("different")
    return receiver


def compares_roughly(receiver, path, inputs, answers):
    receiver.load_weights(path)
    if np.abs(receiver(inputs) - answers).max() > 0.02:
        raise ValueError("different")
    return receiver


def never_agrees(receiver, path, inputs, answers):
    receiver.load_weights(path)
    if np.abs(receiver(inputs) - answers).max() >= 0:
        raise ValueError("different")
    return receiver


def loads_before_the_call(receiver, path, inputs, answers):
    receiver.load_weights(path)
    if np.abs(receiver(inputs) - answers).max() > 1e-5:
        raise ValueError("different")
    return receiver


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (loads_nothing, "its own weights"),
        (compares_without_loading, "Load the weights first"),
        (returns_nothing, "does not return the receiver"),
        (returns_a_truth_value, "truth value"),
        (compares_nothing, "takes a receiver with tanh"),
        (adds_up, "cancel"),
        (compares_roughly, "tolerance is too wide"),
        (never_agrees, "refuses the right model too"),
        (loads_before_the_call, "before its first call"),
        (lambda receiver, path, inputs, answers: receiver.no_such_method(), "no_such_method"),
        ("a text", "not a function"),
    ],
)
def test_a_wrong_check_gets_its_own_diagnosis(answer, words, packages):
    feedback = CHECKED_LOAD.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


# -- choose the format -------------------------------------------------------------------------------------------------


def test_every_wrong_format_gets_its_own_diagnosis():
    seen = set()
    for purpose, right in lesson_03._RIGHT.items():
        for chosen in lesson_03.FORMATS:
            feedback = CHOOSE_THE_FORMAT.check({**lesson_03._RIGHT, purpose: chosen})
            if chosen == right:
                assert feedback.outcome is Outcome.CORRECT
                continue
            assert feedback.outcome is Outcome.INCORRECT and purpose in feedback.text
            seen.add(feedback.text)
    assert len(seen) == len(lesson_03._RIGHT) * (len(lesson_03.FORMATS) - 1)


def test_half_a_choice_and_no_choice_at_all():
    first = next(iter(lesson_03._RIGHT))
    assert "no format" in CHOOSE_THE_FORMAT.check({first: ".keras", **dict.fromkeys(("a", "b"), ...)}).text
    assert "is not one of" in CHOOSE_THE_FORMAT.check({**lesson_03._RIGHT, first: ".pickle"}).text
    assert "not a dict" in CHOOSE_THE_FORMAT.check([".keras"]).text


def test_untouched_answers_are_no_attempt(packages):
    assert CHECKED_LOAD.check(untouched_load).outcome is Outcome.NOT_ATTEMPTED
    assert LOADS_ELSEWHERE.check(scorer(packages["keras"], lambda self: ...)).outcome is Outcome.NOT_ATTEMPTED
    assert CHOOSE_THE_FORMAT.check(dict.fromkeys(lesson_03._RIGHT, ...)).outcome is Outcome.NOT_ATTEMPTED


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 8
    assert all(key.startswith("03-") for key in keys)
