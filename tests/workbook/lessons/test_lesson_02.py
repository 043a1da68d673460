"""The exercises of notebook 02 tell right, wrong and untouched answers apart, and say what is wrong."""

import pytest

import helpers
from workbook.lessons import lesson_02
from workbook.lessons.lesson_02 import MEND_THE_CONFIG, WRITE_A_CLONE
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_02).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_02).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, packages):
    scope = {"keras": packages["keras"]}
    exec(exercise.solution, scope)
    answer = scope["my_clone" if exercise is WRITE_A_CLONE else "Scaler"]
    assert exercise.check(answer).outcome is Outcome.CORRECT


def untouched_clone(model, inputs): ...


def fresh(model, inputs):
    return type(model).from_config(model.get_config())


def called(model, inputs):
    twin = fresh(model, inputs)
    twin(inputs)
    return twin


def weighted(model, inputs):
    twin = called(model, inputs)
    twin.set_weights(model.get_weights())
    return twin


def with_state(model, inputs):
    twin = called(model, inputs)
    for mine, theirs in zip(twin.variables, model.variables, strict=True):
        mine.assign(theirs)
    return twin


def with_flags(model, inputs):
    twin = with_state(model, inputs)
    twin.hidden.trainable = False
    return twin


def compiled(model, inputs):
    twin = with_flags(model, inputs)
    twin.compile_from_config(model.get_compile_config())
    return twin


def sharing_the_optimizer(model, inputs):
    twin = with_flags(model, inputs)
    twin.compile(model.optimizer, model.loss)
    return twin


def backwards(model, inputs):
    twin = called(model, inputs)
    model.set_weights(twin.get_weights())
    return twin


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda model, inputs: print(end=""), "returns nothing"),
        (lambda model, inputs: model, "second name"),
        (lambda model, inputs: type(model), "returns a class"),
        (fresh, "no weights"),
        (called, "of its own drawing"),
        (weighted, "random state of the Dropout"),
        (with_state, "is frozen"),
        (with_flags, "not compiled like the model"),
        (sharing_the_optimizer, "share one optimizer"),
        (lambda model, inputs: helpers.clone(model, inputs), "switched off"),
        (compiled, "optimizer starts afresh"),
        (backwards, "original has other weights"),
        (lambda model, inputs: model.no_such_method(), "no_such_method"),
        ("a text", "not a function"),
    ],
)
def test_a_wrong_clone_gets_its_own_diagnosis(answer, words, packages):
    feedback = WRITE_A_CLONE.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def scaler(keras, config):
    class Scaler(keras.Model):
        def __init__(self, units, slope=1.0, **kwargs):
            super().__init__(**kwargs)
            self.units, self.slope = units, slope
            self.dense = keras.layers.Dense(units)

        def call(self, inputs):
            return self.slope * self.dense(inputs)

        def base(self):
            return super().get_config()

        def get_config(self):
            return config(self)

    return Scaler


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
def test_a_wrong_config_gets_its_own_diagnosis(config, words, packages):
    feedback = MEND_THE_CONFIG.check(scaler(packages["keras"], config))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_untouched_answers_are_no_attempt(packages):
    assert WRITE_A_CLONE.check(untouched_clone).outcome is Outcome.NOT_ATTEMPTED
    assert MEND_THE_CONFIG.check(scaler(packages["keras"], lambda self: ...)).outcome is Outcome.NOT_ATTEMPTED


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 6
