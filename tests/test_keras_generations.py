"""The private attributes that helpers rely on are still there, and mean what they did."""

import numpy as np
import tensorflow as tf
from zoo import nested, sequential, stateful_recurrent

from helpers import keras_generations as generations


def test_flat_layers_reaches_layers_inside_layers(keras):
    model, _, _ = nested(keras)
    kinds = [type(layer).__name__ for layer in generations.flat_layers(model)]
    assert kinds.count("Dense") == 2
    assert kinds.count("Sequential") == 2
    assert kinds[0] == "Sequential"


def test_the_eager_seed_of_tensorflow_can_be_kept():
    tf.random.set_seed(1)
    expected = float(tf.random.uniform([]))
    tf.random.set_seed(1)
    with generations.random_state_kept():
        tf.random.set_seed(7)
        tf.random.uniform([])
        np.random.seed(7)
    assert float(tf.random.uniform([])) == expected


def test_the_state_of_a_recurrent_layer_is_outside_the_weights(keras):
    model, _, _ = stateful_recurrent(keras)
    shapes = [tuple(variable.shape) for variable in generations.other_state(model)]
    assert (32, 3) in shapes


def test_counters_of_callbacks_are_no_state_of_the_model(packages):
    model, _, _ = sequential(packages["tf_keras"])
    assert hasattr(model, "_train_counter")
    assert generations.other_state(model) == []


def test_the_generation_is_told_by_the_object(packages):
    for name, package in packages.items():
        assert generations.generation(sequential(package)[0]) == name
        assert generations.namespace(name) is package
