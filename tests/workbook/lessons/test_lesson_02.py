"""The exercises of notebook 02 tell right, wrong and untouched answers apart, and say what is wrong."""

import numpy as np
import pytest

import helpers
from workbook.lessons import lesson_02
from workbook.lessons.lesson_02 import FIX_THE_CONFIG, PUT_BACK
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_02).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_02).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


def untouched_answer(model, clone): ...


SETTINGS = "    model.compile_from_config(clone.get_compile_config())\n"
OPTIMIZER = "zip(model.optimizer.variables, clone.optimizer.variables, strict=True)"
OPTIMIZER_REVERSED = "zip(clone.optimizer.variables, model.optimizer.variables, strict=True)"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            [("zip(model.variables, clone.variables", "zip(clone.variables, model.variables")],
            "the clone is not as it was",
        ),
        ([("zip(model.variables, clone.variables", "zip(model.weights, clone.weights")], "random state of the Dropout"),
        ([("zip(model.variables, clone.variables, strict=True)", "[]")], "weights of `model` are as they were"),
        ([("zip(model.variables, clone.variables", "zip(model.head.variables, clone.head.variables")], "bad training"),
        ([("saved.trainable", "layer.trainable"), (OPTIMIZER, "[]")], "frozen in the clone"),
        ([(SETTINGS, "")], "variable.assign"),
        ([(SETTINGS, ""), (OPTIMIZER, "[]")], "not compiled like the clone"),
        ([(SETTINGS, "    model.compile(clone.optimizer, clone.loss)\n")], "share one optimizer"),
        ([(OPTIMIZER, "[]")], "starts with no steps"),
        ([(OPTIMIZER, OPTIMIZER_REVERSED)], "the clone is not as it was"),
    ],
)
def test_a_model_that_lacks_something_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = PUT_BACK.check(answer_from(PUT_BACK, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_a_name_that_is_bound_again_puts_nothing_back(packages):
    def answer(model, clone):
        model = clone  # noqa: F841

    assert "changes the name only" in PUT_BACK.check(answer).text


def test_flags_after_compile_are_too_late(answer_from):
    """The optimizer is then made for all weights."""
    lines = PUT_BACK.solution.splitlines()
    late = "\n".join([lines[0], *lines[3:6], *lines[1:3]])
    feedback = PUT_BACK.check(answer_from(PUT_BACK, (PUT_BACK.solution, late)))
    assert feedback.outcome is Outcome.INCORRECT
    assert "flags come first" in feedback.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda model, clone: helpers.clone(clone), "switched off"),
        (lambda model, clone: model.no_such_method(), "no_such_method"),
        ("a text", "not a function"),
    ],
)
def test_a_wrong_answer_gets_its_own_diagnosis(answer, words, packages):
    feedback = PUT_BACK.check(answer)
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
        (lambda self: {**self.base(), "units": 4, "slope": 0.5}, "was made with 3"),
        (lambda self: {"units": self.units, "slope": self.slope}, "base class are lost"),
        (lambda self: self.nothing, "nothing"),
    ],
)
def test_a_wrong_config_gets_its_own_diagnosis(config, words, answer_from):
    feedback = FIX_THE_CONFIG.check(scaler(answer_from(FIX_THE_CONFIG), config))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_untouched_answers_are_no_attempt(answer_from):
    assert PUT_BACK.check(untouched_answer).outcome is Outcome.NOT_ATTEMPTED
    assert FIX_THE_CONFIG.check(scaler(answer_from(FIX_THE_CONFIG), lambda self: ...)).outcome is Outcome.NOT_ATTEMPTED


def test_the_right_answers_stand_in_different_places():
    assert len({place for each in QUESTIONS for place, option in enumerate(each.options) if option.right}) == 3


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 5


# -- what the notebook says of Keras, beyond what its cells show ------------------------------------------------------

INPUTS, TARGETS = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4), np.zeros((8, 3), "float32")


def small(keras, *layers):
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(("package", "flag"), [("keras", True), ("tf_keras", False)])
def test_the_flag_of_the_model_is_in_the_config_of_keras_3_only(package, flag, packages):
    keras = packages[package]

    class Reader(keras.Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    assert ("trainable" in Reader(3).get_config()) == flag


@pytest.mark.parametrize(
    ("package", "kind", "units"),
    [("keras", "Layer", None), ("tf_keras", "Layer", None), ("keras", "Model", 16), ("tf_keras", "Model", 16)],
)
def test_a_function_among_the_arguments(package, kind, units, packages):
    """A layer raises an error, and a model silently notes what it was not given."""
    keras = packages[package]

    class Wide({"Layer": keras.layers.Layer, "Model": keras.Model}[kind]):
        def __init__(self, units=16, function=None, **kwargs):
            super().__init__(**kwargs)
            self.units = units

    wide = Wide(units=48, function=abs)
    if units is None:
        with pytest.raises(NotImplementedError):
            wide.get_config()
    else:
        assert Wide.from_config(wide.get_config()).units == units


@pytest.mark.parametrize(("package", "kept"), [("keras", True), ("tf_keras", False)])
def test_a_learning_rate_that_was_changed_is_not_in_the_settings_of_keras_2(package, kept, packages):
    keras = packages[package]
    model, clone = small(keras), small(keras)
    model.optimizer.build(model.trainable_variables)
    model.optimizer.learning_rate.assign(0.5)
    clone.compile_from_config(model.get_compile_config())
    for new, old in zip(clone.optimizer.variables, model.optimizer.variables, strict=True):
        new.assign(old)
    assert (float(clone.optimizer.learning_rate) == 0.5) == kept
