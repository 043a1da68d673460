"""The exercises of notebook 02 tell right, wrong and untouched answers apart, and say what is wrong."""

import pytest

import helpers
from workbook.lessons import lesson_02
from workbook.lessons.lesson_02 import FIX_THE_CONFIG, WRITE_A_CLONE
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_02).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_02).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


def untouched_clone(model, inputs): ...


LAYERS, OPTIMIZER = "    for mine, theirs in zip(clone.layers", "    for mine, theirs in zip(clone.optimizer.variables"
SETTINGS = "    clone.compile_from_config(model.get_compile_config())\n"
STOP = "    return clone\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("    clone(inputs)\n", STOP)], "no weights"),
        ([(LAYERS, STOP + LAYERS)], "of its own drawing"),
        ([("zip(clone.variables, model.variables", "zip(clone.weights, model.weights")], "random state of the Dropout"),
        ([("mine.trainable = theirs.trainable", "pass"), (SETTINGS, STOP)], "is frozen"),
        ([(SETTINGS, STOP)], "not compiled like the model"),
        ([(SETTINGS, "    clone.compile(model.optimizer, model.loss)\n")], "share one optimizer"),
        ([(OPTIMIZER, STOP + OPTIMIZER)], "optimizer starts afresh"),
        (
            [("zip(clone.variables, model.variables", "zip(model.variables, clone.variables")],
            "original has other weights",
        ),
    ],
)
def test_a_clone_that_lacks_something_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = WRITE_A_CLONE.check(answer_from(WRITE_A_CLONE, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda model, inputs: print(end=""), "returns nothing"),
        (lambda model, inputs: model, "second name"),
        (lambda model, inputs: type(model), "returns a class"),
        (lambda model, inputs: helpers.clone(model, inputs), "switched off"),
        (lambda model, inputs: model.no_such_method(), "no_such_method"),
        ("a text", "not a function"),
    ],
)
def test_a_wrong_clone_gets_its_own_diagnosis(answer, words, packages):
    feedback = WRITE_A_CLONE.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def scaler(solution, config):
    """Return the solution with a different config, which can use the config of the base class."""
    base = {"base": lambda self: super(solution, self).get_config()}
    return type("Scaler", (solution,), {**base, "get_config": lambda self: config(self)})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (lambda self: [self.units, self.slope], "has to return a dict"),
        (lambda self: self.base().update(units=self.units, slope=self.slope), "`dict.update` returns nothing"),
        (lambda self: {**self.base(), "units": self.units, "slope": self.slope, "dense": 1}, "has `dense`"),
        (lambda self: {**self.base(), "units": self.units}, "`slope` is missing"),
        (lambda self: {**self.base(), "slope": self.slope}, "`units` is missing"),
        (lambda self: {**self.base(), "units": self.units, "slope": 1.0}, "slope = 1.0"),
        (lambda self: {"units": self.units, "slope": self.slope}, "base class are lost"),
        (lambda self: self.nothing, "nothing"),
    ],
)
def test_a_wrong_config_gets_its_own_diagnosis(config, words, answer_from):
    feedback = FIX_THE_CONFIG.check(scaler(answer_from(FIX_THE_CONFIG), config))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_untouched_answers_are_no_attempt(answer_from):
    assert WRITE_A_CLONE.check(untouched_clone).outcome is Outcome.NOT_ATTEMPTED
    assert FIX_THE_CONFIG.check(scaler(answer_from(FIX_THE_CONFIG), lambda self: ...)).outcome is Outcome.NOT_ATTEMPTED


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 6
