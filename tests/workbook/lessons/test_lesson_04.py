"""The exercises of notebook 04 tell right, wrong and untouched answers apart, and say what is wrong."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import helpers
from workbook.lessons import lesson_04
from workbook.lessons.lesson_04 import INTERRUPT, KEEP_A_MEAN, SAME_ANSWERS
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_04).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_04).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 9 and all(key.startswith("04-") for key in keys)


# -- keep a mean -------------------------------------------------------------------------------------------------------


def centred(solution, fill):
    """Return the solution with different variables."""

    def __init__(self, features, **kwargs):
        solution.__base__.__init__(self, **kwargs)
        self.features = features
        fill(self, features)

    return type("Centred", (solution,), {"__init__": __init__})


def weight(layer, shape, **options):
    return layer.add_weight(shape=shape, **{"initializer": "zeros", "trainable": False, **options})


def put(mean, count=lambda layer, features: weight(layer, ())):
    def fill(layer, features):
        layer.mean, layer.count = mean(layer, features), count(layer, features)

    return fill


def raw_variable(layer, features):
    import tensorflow as tf

    return tf.Variable(tf.zeros(features), trainable=False)


def only_the_mean(layer, features):
    layer.mean = weight(layer, (features,))


class NotALayer:
    def __init__(self, features):
        self.mean, self.count = 0, 0


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (only_the_mean, "no `self.count`"),
        (put(raw_variable), "is a `tf.Variable`"),
        (put(lambda layer, features: np.zeros(features, "float32")), "is a plain ndarray"),
        (put(lambda layer, features: weight(layer, (features,)), lambda layer, features: 0), "is a plain int"),
        (put(lambda layer, features: weight(layer, ())), "has the shape ()"),
        (put(lambda layer, features: layer.add_weight(shape=(features,), initializer="zeros")), "train `self.mean` aw"),
        (put(lambda layer, features: weight(layer, (features,), initializer="ones")), "does not begin at 0"),
    ],
)
def test_a_wrong_state_gets_its_own_diagnosis(fill, words, answer_from):
    feedback = KEEP_A_MEAN.check(centred(answer_from(KEEP_A_MEAN), fill))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_a_layer_that_counts_nothing_is_found(answer_from):
    layer = answer_from(KEEP_A_MEAN)
    lazy = type("Lazy", (layer,), {"call": lambda self, inputs, training=False: inputs - self.mean})
    assert "after `fit`" in KEEP_A_MEAN.check(lazy).text
    assert "has to stay a class" in KEEP_A_MEAN.check(NotALayer).text


def test_the_layer_as_it_was_found_is_no_attempt(answer_from):
    layer = centred(answer_from(KEEP_A_MEAN), lambda layer, features: ...)
    assert KEEP_A_MEAN.check(layer).outcome is Outcome.NOT_ATTEMPTED


# -- interrupt a training ----------------------------------------------------------------------------------------------


def untouched_interrupt(model, folder): ...


def from_weights(model, folder, build=False, compiled=True, called=True):
    path = Path(folder) / "model.weights.h5"
    model.save_weights(path)
    clone = type(model).from_config(model.get_config())
    if called:
        clone(np.zeros((1, 4), "float32"))
        if compiled:
            clone.compile(type(model.optimizer).from_config(model.optimizer.get_config()), model.loss)
        if build:
            clone.optimizer.build(clone.trainable_variables)
        clone.load_weights(path)
    return clone


def with_steps_only(model, folder):
    clone = from_weights(model, folder)
    clone.optimizer.build(clone.trainable_variables)
    clone.optimizer.iterations.assign(model.optimizer.iterations)
    return clone


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda model, folder: print(end=""), "returns nothing"),
        (lambda model, folder: model, "returns the model itself"),
        (lambda model, folder: helpers.clone(model), "switched off"),
        (lambda model, folder: [shutil.copy(__file__, folder)][0], "returns a str"),
        (lambda model, folder: from_weights(model, folder, called=False), "no weights yet"),
        (lambda model, folder: from_weights(model, folder, compiled=False), "is not compiled"),
        (from_weights, "optimizer starts again"),
        (with_steps_only, "its averages are not"),
        ("a text", "not a function"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_lossy_interruption_gets_its_own_diagnosis(answer, words, packages):
    feedback = INTERRUPT.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


RESTORE, END = "    clone.dropout.seed_generator", "    return clone"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            [(END, f"    (path / 'model.keras').unlink(), (path / 'dropout.npy').unlink()\n{END}")],
            "the folder is empty",
        ),
        ([(END, f"    model.train_on_batch(np.ones((4, 4)), np.zeros(4))\n{END}")], "original is not as it was"),
        ([(END, f"    clone.head.bias.assign(clone.head.bias + 1)\n{END}")], "has other weights"),
        ([(RESTORE, f"{END}\n{RESTORE}")], "Dropout layer starts its random numbers again"),
        (
            [(END, f"    clone.compile(clone.optimizer, keras.losses.SparseCategoricalCrossentropy())\n{END}")],
            "after one more epoch it is not",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_resumption_that_changes_something_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = INTERRUPT.check(answer_from(INTERRUPT, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def weights_and_dropout(model, folder):
    clone = from_weights(model, folder, build=True)
    clone.dropout.seed_generator.state.assign(model.dropout.seed_generator.state)
    return clone


def test_another_right_way_and_no_way(packages):
    assert INTERRUPT.check(weights_and_dropout).outcome is Outcome.CORRECT
    assert INTERRUPT.check(untouched_interrupt).outcome is Outcome.NOT_ATTEMPTED


# -- compare answers ---------------------------------------------------------------------------------------------------


def untouched_check(one, other, inputs): ...


def same_weights(one, other):
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def difference(one, other, inputs):
    return np.asarray(one(inputs)) - np.asarray(other(inputs))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda *given: abs(difference(*given).sum()) < 1e-3, "nothing in common"),
        (lambda *given: np.allclose(difference(*given), 0, atol=1e-3), "slightly off"),
        (
            lambda one, other, inputs: all(map(np.array_equal, one.get_weights(), other.get_weights())),
            "another activation",
        ),
        (lambda *given: difference(*given) == 0, "one answer for each"),
        (lambda *given: np.abs(difference(*given)).max(), "True or False is wanted"),
        (lambda one, other, inputs: len(one.weights) == len(other.weights), "nothing in common"),
        (lambda one, other, inputs: one is other, "exact copy"),
        (lambda *given: print(end=""), "returns nothing"),
        (7, "not a function"),
    ],
)
def test_a_blind_check_gets_its_own_diagnosis(answer, words, packages):
    feedback = SAME_ANSWERS.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_weights_that_do_not_matter_must_not_count(packages):
    def picky(one, other, inputs):
        return same_weights(one, other) and not difference(one, other, inputs).any()

    assert "does not matter" in SAME_ANSWERS.check(picky).text


def test_an_untouched_check_is_no_attempt(packages):
    assert SAME_ANSWERS.check(untouched_check).outcome is Outcome.NOT_ATTEMPTED
