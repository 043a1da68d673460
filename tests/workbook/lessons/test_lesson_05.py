"""The exercises of notebook 05 tell right, wrong and untouched answers apart, and say what is wrong."""

import copy

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import helpers
from workbook.lessons import lesson_05
from workbook.lessons.lesson_05 import FAIR_COMPARISON, FIX_THE_POSTERIOR, REBUILD
from workbook.lessons.quiz import Exercise, Outcome, Question

tfb, tfd, tfu = tfp.bijectors, tfp.distributions, tfp.util
QUESTIONS = [value for value in vars(lesson_05).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_05).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


def by_draws(one, other, x):
    return np.array_equal(one.predict(x, verbose=0), other.predict(x, verbose=0))


def by_means(one, other, x):
    return np.array_equal(one(x).mean(), other(x).mean())


def by_spreads(one, other, x):
    return np.array_equal(one(x).stddev(), other(x).stddev())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (by_draws, "differs from itself"),
        (by_means, "The mean is not all"),
        (by_spreads, "Compare the means"),
        (lambda one, other, x: one is other, "not the objects"),
        (lambda one, other, x: tfd.kl_divergence(one(x), other(x)), "not True or False"),
        (lambda one, other, x: print(end=""), "returns nothing"),
        (lambda one, other, x: one.no_such_method(), "no_such_method"),
        ("a text", "not a function"),
    ],
)
def test_a_wrong_comparison_gets_its_own_diagnosis(answer, words):
    feedback = FAIR_COMPARISON.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_seeded_samples_are_a_fair_comparison_too():
    def same_model(one, other, x):
        return np.array_equal(one(x).sample(seed=(1, 2)), other(x).sample(seed=(1, 2)))

    assert FAIR_COMPARISON.check(same_model).outcome is Outcome.CORRECT


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


def posterior(make, base=tf.Module):
    class Posterior(base):
        def __init__(self, size):
            super().__init__()
            self.q = make(size)

    return Posterior


SHARED = tf.Variable(tf.zeros(3))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda n: tfd.MultivariateNormalDiag(tf.Variable(tf.zeros(n)), tf.nn.softplus(tf.Variable(tf.zeros(n)))),
            "1 trainable variables",
        ),
        (lambda n: tfd.MultivariateNormalDiag(tf.Variable(tf.zeros(n)), tf.Variable(tf.ones(n))), "to 0 or below"),
        (
            lambda n: tfd.MultivariateNormalDiag(SHARED, tfu.TransformedVariable(tf.ones(n), tfb.Softplus())),
            "share a variable",
        ),
        (lambda n: tfd.Normal(tf.Variable(tf.zeros(n)), 1.0), "An event"),
        (lambda n: tf.Variable(tf.zeros(n)), "not a distribution"),
        (lambda n: tfd.no_such_name, "no_such_name"),
    ],
)
def test_a_wrong_posterior_gets_its_own_diagnosis(make, words):
    feedback = FIX_THE_POSTERIOR.check(posterior(make))
    assert feedback.outcome is Outcome.INCORRECT
    assert words.lower() in feedback.text.lower()


def test_a_posterior_has_to_be_a_module():
    feedback = FIX_THE_POSTERIOR.check(posterior(lambda n: None, base=object))
    assert feedback.outcome is Outcome.INCORRECT and "tf.Module" in feedback.text


def test_untouched_answers_are_no_attempt():
    def same_model(one, other, x): ...

    def rebuild(distribution): ...

    assert FAIR_COMPARISON.check(same_model).outcome is Outcome.NOT_ATTEMPTED
    assert REBUILD.check(rebuild).outcome is Outcome.NOT_ATTEMPTED
    assert FIX_THE_POSTERIOR.check(posterior(lambda n: ...)).outcome is Outcome.NOT_ATTEMPTED


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 8
