"""The exercises of notebook 03 tell right, wrong and untouched answers apart, and say what is wrong."""

import pytest

from workbook.lessons import lesson_03
from workbook.lessons.lesson_03 import CHECKED_LOAD, LOADS_ELSEWHERE
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_03).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_03).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


# -- a class that loads elsewhere --------------------------------------------------------------------------------------


def scorer(solution, keras, config):
    """Return the solution with a different config, which can use the config of the base class."""
    base = {"base": lambda self: super(solution, self).get_config()}
    cls = type("Scorer", (solution,), {**base, "get_config": lambda self: config(self)})
    return keras.saving.register_keras_serializable(package="test_lesson_03")(cls)


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
def test_a_wrong_config_gets_its_own_diagnosis(config, words, packages, answer_from):
    feedback = LOADS_ELSEWHERE.check(scorer(answer_from(LOADS_ELSEWHERE), packages["keras"], config))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_a_class_that_is_not_registered_is_found(answer_from):
    register = '@keras.saving.register_keras_serializable(package="workbook")\n'
    feedback = LOADS_ELSEWHERE.check(answer_from(LOADS_ELSEWHERE, (register, "")))
    assert feedback.outcome is Outcome.INCORRECT and "not registered" in feedback.text
    assert "has to stay a class" in LOADS_ELSEWHERE.check("a text").text


# -- a load that is checked --------------------------------------------------------------------------------------------


def untouched_load(receiver, path, inputs, answers): ...


LOAD, TEST = "    receiver.load_weights(path)\n", "np.abs(receiver(inputs) - answers).max() > 1e-5"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(LOAD, ""), (TEST, "False")], "its own weights"),
        ([(LOAD, "")], "Load the weights first"),
        ([("return receiver", "return None")], "does not return the receiver"),
        ([("return receiver", "return True")], "truth value"),
        ([(TEST, "False")], "takes a receiver with tanh"),
        ([(TEST, "abs(float(np.sum(receiver(inputs) - answers))) > 1e-3")], "cancel"),
        ([("> 1e-5", "> 0.02")], "tolerance is too wide"),
        ([("> 1e-5", ">= 0")], "refuses the right model too"),
        ([("    receiver(inputs)\n", "")], "before its first call"),
        ([(LOAD, "    receiver.no_such_method()\n")], "no_such_method"),
    ],
)
def test_a_wrong_check_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = CHECKED_LOAD.check(answer_from(CHECKED_LOAD, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_a_check_that_is_not_a_function():
    assert "not a function" in CHECKED_LOAD.check("a text").text


def test_untouched_answers_are_no_attempt(packages, answer_from):
    scorer_as_found = scorer(answer_from(LOADS_ELSEWHERE), packages["keras"], lambda self: ...)
    assert CHECKED_LOAD.check(untouched_load).outcome is Outcome.NOT_ATTEMPTED
    assert LOADS_ELSEWHERE.check(scorer_as_found).outcome is Outcome.NOT_ATTEMPTED


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 5
    assert all(key.startswith("03-") for key in keys)
