"""The exercises of notebook 05 tell right, wrong and untouched answers apart, and say what is wrong."""

import copy

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import helpers
from workbook.lessons import lesson_05
from workbook.lessons.lesson_05 import FAIR_COMPARISON, MEND_THE_POSTERIOR, REBUILD
from workbook.lessons.quiz import Exercise, Outcome, Question

tfb, tfd, tfu = tfp.bijectors, tfp.distributions, tfp.util
QUESTIONS = [value for value in vars(lesson_05).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_05).values() if isinstance(value, Exercise)]
ANSWERS = {FAIR_COMPARISON: "same_model", REBUILD: "rebuild", MEND_THE_POSTERIOR: "Posterior"}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise):
    scope = {"tf": tf, "tfb": tfb, "tfd": tfd, "tfu": tfu, "np": np}
    exec(exercise.solution, scope)
    assert exercise.check(scope[ANSWERS[exercise]]).outcome is Outcome.CORRECT


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


def rebuilt(leaf, distribution, deep=True, by_copy=False):
    fresh = {}
    for name, value in distribution.parameters.items():
        if isinstance(value, tfd.Distribution) and deep:
            fresh[name] = rebuilt(leaf, value, deep, by_copy)
        elif isinstance(value, (tf.Variable, tfu.TransformedVariable)):
            fresh[name] = leaf(value)
    return distribution.copy(**fresh) if by_copy else type(distribution)(**{**distribution.parameters, **fresh})


def whole(value):
    if not isinstance(value, tfu.TransformedVariable):
        return tf.Variable(value)
    fresh = tfu.TransformedVariable(value, value.bijector)
    fresh.pretransformed_input.assign(value.pretransformed_input)
    return fresh


def rounded(value):
    if isinstance(value, tfu.TransformedVariable):
        return tfu.TransformedVariable(value + 0.5, value.bijector)
    return tf.Variable(value)


def unconstrained(value):
    """Keep the numbers of the variable, and forget its bijector."""
    return tf.Variable(getattr(value, "pretransformed_input", value))


def changing(distribution):
    twin = rebuilt(tf.Variable, distribution)
    distribution.trainable_variables[0].assign_add(tf.ones_like(distribution.trainable_variables[0]))
    return twin


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda d: d, "second name"),
        (lambda d: d.copy(), "still has variables of the original"),
        (copy.deepcopy, "Call the class"),
        (lambda d: rebuilt(whole, d, by_copy=True), "`copy` keeps the original"),
        (lambda d: rebuilt(whole, d, deep=False), "sits deeper"),
        (lambda d: rebuilt(tf.convert_to_tensor, d), "has lost a variable"),
        (lambda d: rebuilt(lambda v: tf.Variable(tf.zeros_like(v)), d), "Start each one from the original's"),
        (lambda d: rebuilt(rounded, d), "`pretransformed_input`"),
        (lambda d: rebuilt(unconstrained, d), "can become 0"),
        (changing, "Change only the twin"),
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
    feedback = MEND_THE_POSTERIOR.check(posterior(make))
    assert feedback.outcome is Outcome.INCORRECT
    assert words.lower() in feedback.text.lower()


def test_a_posterior_has_to_be_a_module():
    feedback = MEND_THE_POSTERIOR.check(posterior(lambda n: None, base=object))
    assert feedback.outcome is Outcome.INCORRECT and "tf.Module" in feedback.text


def test_untouched_answers_are_no_attempt():
    def same_model(one, other, x): ...

    def rebuild(distribution): ...

    assert FAIR_COMPARISON.check(same_model).outcome is Outcome.NOT_ATTEMPTED
    assert REBUILD.check(rebuild).outcome is Outcome.NOT_ATTEMPTED
    assert MEND_THE_POSTERIOR.check(posterior(lambda n: ...)).outcome is Outcome.NOT_ATTEMPTED


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 8
