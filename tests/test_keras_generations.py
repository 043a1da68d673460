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


def test_a_dtype_policy_is_global_only_for_a_while(keras):
    model, _, _ = sequential(keras)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        with generations.dtype_policy(model):
            assert keras.mixed_precision.global_policy().name == "float32"
        assert keras.mixed_precision.global_policy().name == "mixed_float16"
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_bookkeeping_leaves_out_what_a_layer_is_about(keras):
    name = keras.__name__
    model, _, _ = sequential(keras)
    dense = model.layers[0]
    assert {"units", "activation", "bias"} <= vars(dense).keys() - generations.bookkeeping(name, "layer")
    assert not {"_compile_config", "_trainable", "train_function"} - generations.bookkeeping(name, "model")
    assert {"beta_1", "clipnorm"} <= vars(model.optimizer).keys() - generations.bookkeeping(name, "optimizer")


def test_a_symbolic_tensor_tells_the_call_that_it_came_from(keras):
    inputs = keras.Input((3,))
    layer = keras.layers.Dense(2)
    outputs = layer(inputs)
    assert generations.is_symbolic(outputs)
    assert not generations.is_symbolic(tf.zeros(2))
    history = generations.history(outputs)
    assert history[0] is layer
    assert history[2][0] is inputs


def test_compile_arguments_are_live_objects(keras):
    model, _, _ = sequential(keras)
    assert isinstance(generations.compile_arguments(model)["loss"], keras.losses.Loss)
    assert generations.compile_arguments(model)["metrics"] == ["accuracy"]


def test_an_optimizer_knows_variables_by_these_keys(keras):
    model, _, _ = sequential(keras)
    table = "_trainable_variables_indices" if keras.__name__ == "keras" else "_index_dict"
    known = getattr(model.optimizer, table)
    assert all(any(key in known for key in generations.variable_keys(weight)) for weight in model.weights)


def test_wrappers_of_tensorflow_are_seen_through():
    module = tf.Module()
    module.items = plain = [1, 2]
    module.table = {"a": 1}
    assert generations.is_wrapper(module.items)
    assert generations.unwrapped(module.items) is plain
    assert "_self_setattr_tracking" in generations.attributes(module.table)


def test_one_seed_gives_one_random_state_and_tells_whether_it_was_used(keras):
    drawn = []
    for again in (False, True):
        with generations.random_state_kept(), generations.same_random_state(987_001, again) as used:
            tf.zeros(2) + 1
            assert used == []
            drawn.append((float(tf.random.uniform([])), float(tf.random.uniform([], seed=3)), np.random.uniform()))
            assert used == ["RandomUniform", "RandomUniform"]
    assert drawn[0] == drawn[1]


def test_rounding_is_that_of_the_coarsest_layer(keras):
    stack = [keras.layers.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(2, dtype="mixed_float16")]
    assert generations.rounding(keras.Sequential(stack)) == (2.0**-10, "float16")
