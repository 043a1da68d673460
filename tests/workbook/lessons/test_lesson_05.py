"""The exercise of notebook 05 tells right, wrong and untouched answers apart, and says what is wrong."""

import copy

import pytest

import helpers
from workbook.lessons import lesson_05
from workbook.lessons.lesson_05 import MAKE_CLONE
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_05).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_05).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


CLASS = "type(model)(kl_weight=model.kl_weight)"
SET_WEIGHTS = "    clone.set_weights(model.get_weights())\n"
SETTINGS = "type(adam).from_config(adam.get_config())"
COMPILE = f"    clone.compile({SETTINGS}, model.loss)\n"
BUILD = "    clone.optimizer.build(clone.trainable_variables)\n"
VARIABLES = "zip(clone.optimizer.variables, adam.variables, strict=True)"
STATE = f"    for new, old in {VARIABLES}:\n        new.assign(old)\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(CLASS, "tf_keras.models.clone_model(model)")], "its regulariser is lost"),
        ([(CLASS, "type(model)()")], "has the weight 1, and the model's has 0.2"),
        ([(CLASS, "tf_keras.Sequential(model.layers)")], "share variables"),
        ([(SET_WEIGHTS, "")], "the weights are not the model's"),
        ([(SET_WEIGHTS, "    model.set_weights(clone.get_weights())\n")], "Change only the clone"),
        ([(COMPILE + BUILD + STATE, "")], "is not compiled"),
        ([(SETTINGS, "adam"), (BUILD + STATE, "")], "share one optimizer"),
        ([(SETTINGS, "tf_keras.optimizers.Adam(0.01)")], "not compiled like the model"),
        ([(SETTINGS, "adam.__class__(adam.learning_rate.numpy())")], "not compiled like the model"),
        ([(STATE, "")], "has not the state of the model's"),
        ([(STATE, "    clone.optimizer.iterations.assign(adam.iterations)\n")], "has not the state of the model's"),
        ([("new.assign(old)", "old.assign(new)")], "Change only the clone"),
        ([(BUILD + STATE, "")], "Build it"),
        ([("    return clone", "")], "returns nothing"),
    ],
)
def test_a_clone_that_lacks_something_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = MAKE_CLONE.check(answer_from(MAKE_CLONE, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda model: model, "second name"),
        (lambda model: model.get_weights(), "returns a list"),
        (lambda model: helpers.clone(model), "switched off"),
        (copy.deepcopy, "TypeError"),
        (lambda model: type(model).from_config(model.get_config()), "unexpected keyword argument"),
        ("a text", "not a function"),
    ],
)
def test_a_wrong_answer_gets_its_own_diagnosis(answer, words):
    feedback = MAKE_CLONE.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_untouched_answers_are_no_attempt():
    def make_clone(model): ...

    assert MAKE_CLONE.check(make_clone).outcome is Outcome.NOT_ATTEMPTED


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 6


def test_the_place_of_an_option_tells_nothing():
    """Of five questions, at most two have their right answers in the same place."""
    places = [[option.right for option in question.options].index(True) for question in QUESTIONS]
    assert len(places) == 5 and max(map(places.count, places)) <= 2
