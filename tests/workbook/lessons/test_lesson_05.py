"""The exercise of notebook 05 tells right, wrong and untouched answers apart, and says what is wrong."""

import copy

import pytest
import tensorflow_probability as tfp

import helpers
from workbook.lessons import lesson_05
from workbook.lessons.lesson_05 import REBUILD
from workbook.lessons.quiz import Exercise, Outcome, Question

tfd = tfp.distributions
QUESTIONS = [value for value in vars(lesson_05).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_05).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


CALL = "type(distribution)(**{**distribution.parameters, **fresh})"
VARIABLE, TRANSFORMED = "= tf.Variable(value)", "tfu.TransformedVariable(value, value.bijector)"
KEEP_THE_VALUE = "fresh[name].pretransformed_input.assign(value.pretransformed_input)"
CHANGE = "    distribution.trainable_variables[0].assign_add(tf.ones_like(distribution.trainable_variables[0]))\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(CALL, "distribution.copy(**fresh)")], "`copy` keeps the original"),
        ([("isinstance(value, tfd.Distribution)", "False")], "deeper inside"),
        ([(VARIABLE, "= tf.convert_to_tensor(value)")], "has lost a variable"),
        ([(VARIABLE, "= tf.Variable(tf.zeros_like(value))")], "Start each one from the original's"),
        ([(TRANSFORMED, TRANSFORMED.replace("value,", "value + 0.5,")), (KEEP_THE_VALUE, "pass")], "`pretransformed_"),
        ([(TRANSFORMED, "tf.Variable(value.pretransformed_input)"), (KEEP_THE_VALUE, "pass")], "can become 0"),
        ([(f"    return {CALL}", f"{CHANGE}    return {CALL}")], "Change only the clone"),
    ],
)
def test_a_rebuild_that_lacks_something_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = REBUILD.check(answer_from(REBUILD, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda d: d, "second name"),
        (lambda d: d.copy(), "still has variables of the original"),
        (copy.deepcopy, "Call the class"),
        (lambda d: tfd.Bernoulli(0.5), "comes back as"),
        (lambda d: helpers.clone(d), "switched off"),
        (lambda d: print(end=""), "returns nothing"),
        ("a text", "not a function"),
    ],
)
def test_a_wrong_rebuild_gets_its_own_diagnosis(answer, words):
    feedback = REBUILD.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_untouched_answers_are_no_attempt():
    def rebuild(distribution): ...

    assert REBUILD.check(rebuild).outcome is Outcome.NOT_ATTEMPTED


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 6
