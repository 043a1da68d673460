"""Distances are exact where models are equal, and training leaves no trace."""

import numpy as np
import pytest
from zoo import batch_normalization_and_dropout, sequential

import helpers
from helpers import distances, pairs
from helpers.distances import ThreeTests, largest_difference


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5),
        ([np.nan, np.inf], [np.nan, np.inf], 0.0),
        ([np.nan], [1.0], np.inf),
        ([np.inf], [1.0], np.inf),
        ([1.0], [1.0, 1.0], np.inf),
        (np.array([2**32 - 1], "uint32"), np.array([0], "uint32"), 2.0**32 - 1),
        (np.array(["a"]), np.array(["a"]), 0.0),
        (np.array(["a"]), np.array(["b"]), np.inf),
        ([], [], 0.0),
    ],
)
def test_largest_difference(a, b, expected):
    assert largest_difference(a, b) == expected


def test_an_alias_stays_equal_and_has_no_life_of_its_own(keras):
    model, x, y = batch_normalization_and_dropout(keras)
    tests = ThreeTests(model, model, x, y)
    tests.advance(3)
    tests.advance(4)
    assert set(tests.start.values()) == {0.0}
    assert tests.future == [0.0] * 8
    assert tests.own_life[1:] == tests.moved[1:]
    assert min(tests.own_life[1:]) > 0


def test_a_true_clone_stays_equal_and_keeps_still(keras):
    model, x, y = batch_normalization_and_dropout(keras)
    tests = ThreeTests(model, helpers.clone(model, x), x, y)
    tests.advance(3)
    tests.advance(4)
    assert max(tests.future) <= 1e-6
    assert tests.own_life == [0.0] * 8
    assert tests.moved[-1] > 0.01


def test_fresh_weights_are_apart_from_the_start(keras):
    model, x, y = sequential(keras)
    tests = ThreeTests(model, keras.models.clone_model(model), x, y)
    assert min(tests.start.values()) > 0
    assert tests.future[0] == max(distance for name, distance in tests.start.items() if name != "outputs")


def test_equal_weights_do_not_make_equal_outputs(keras):
    layers = keras.layers
    stacks = [[layers.Input((6,)), layers.Dense(3, activation=name)] for name in ("relu", "tanh")]
    model, other = (keras.Sequential(stack) for stack in stacks)
    other.set_weights(model.get_weights())
    for each in (model, other):
        each.compile("sgd", "mse")
    inputs = np.linspace(-1, 1, 48, dtype="float32").reshape(8, 6)
    tests = ThreeTests(model, other, inputs, inputs[:, :3])
    assert tests.future == [0.0]
    assert tests.start["outputs"] > 0.01
    assert "the outputs differ, though all layers are equal" in pairs.describe({"other": tests})


def test_two_pairs_that_share_an_original_do_not_disturb_each_other(keras):
    model, x, y = sequential(keras)
    alone = ThreeTests(model, helpers.clone(model), x, y)
    alone.advance(6)
    first, second = ThreeTests(model, model, x, y), ThreeTests(model, helpers.clone(model), x, y)
    for _ in range(3):
        first.advance(2)
        second.advance(2)
    assert second.moved == alone.moved
    assert second.future == alone.future


def test_one_model_can_be_trained_alone(keras):
    model, x, y = sequential(keras)
    tests = ThreeTests(model, helpers.clone(model), x, y)
    tests.advance(3, train="clone")
    assert len(tests.own_life) == 4
    assert len(tests.future) == 1
    with pytest.raises(ValueError, match="new ThreeTests"):
        tests.advance(1)
    with pytest.raises(ValueError, match="no training of"):
        tests.advance(1, train="neither")


def test_a_clone_without_weights_has_no_counterpart(keras):
    model, x, y = sequential(keras)
    tests = ThreeTests(model, keras.Sequential([keras.layers.Dense(5)]), x, y)
    assert set(tests.start.values()) == {None}
    assert tests.future == [np.inf]


def test_variables_come_back_when_the_body_raises(keras):
    model, x, y = sequential(keras)
    before = distances.values(distances.all_variables(model))
    with pytest.raises(KeyError), distances.kept_as_they_are(model):
        model.train_on_batch(x, y)
        raise KeyError
    assert all(map(np.array_equal, before, distances.values(distances.all_variables(model))))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1.0, 1000.0])
def test_rounding_is_no_difference_and_a_thousandth_is_one(dtype, size):
    array = np.full(3, size, dtype)
    rounded = array * (1 + 10 * np.finfo(dtype).eps)
    assert not np.array_equal(array, rounded) and not distances.differs(array, rounded)
    assert distances.differs(array, array * 1.001)
