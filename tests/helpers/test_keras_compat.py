"""What both Keras versions have in common is found in each of them."""

import numpy as np
import pytest
from zoo import compiled_training, sequential, stateful_recurrent

import helpers
from helpers import keras_compat


def test_the_state_of_a_recurrent_layer_is_outside_the_weights(keras):
    model, _, _ = stateful_recurrent(keras)
    shapes = [tuple(variable.shape) for variable in keras_compat.other_state(model)]
    assert (32, 3) in shapes


def test_counters_of_callbacks_are_no_state_of_the_model(packages):
    model, _, _ = sequential(packages["tf_keras"])
    assert hasattr(model, "_train_counter")
    assert keras_compat.other_state(model) == []


def test_the_generation_is_told_by_the_object(packages):
    for name, package in packages.items():
        assert keras_compat.generation(sequential(package)[0]) == name
        assert keras_compat.namespace(name) is package


def test_symbols_stand_for_inputs_in_their_structure(keras):
    model, _, _ = sequential(keras)
    assert tuple(keras_compat.symbolic_inputs(model).shape) == (None, 6)
    a, b = keras.Input((2,)), keras.Input((3,))
    both = keras.Model([a, b], keras.layers.concatenate([a, b]))
    assert [tuple(symbol.shape) for symbol in keras_compat.symbolic_inputs(both)] == [(None, 2), (None, 3)]
    assert keras_compat.symbolic_inputs(keras.Sequential([keras.layers.Dense(2)])) is None


def test_a_layer_frozen_after_training_is_told(keras):
    with compiled_training():
        model, x, y = sequential(keras)
    assert keras_compat.changed_since_compiled(model) == []
    model.layers[0].trainable = False
    still_trained = keras.__name__ == "keras"
    assert [layer is model.layers[0] for layer in keras_compat.changed_since_compiled(model)] == [True] * still_trained
    before = model.layers[0].get_weights()[0]
    model.fit(x, y, verbose=0)
    assert not np.array_equal(before, model.layers[0].get_weights()[0])
    model.train_function = None
    assert keras_compat.changed_since_compiled(model) == []


def test_bookkeeping_leaves_out_what_a_layer_is_about(keras):
    name = keras.__name__
    model, _, _ = sequential(keras)
    dense = model.layers[0]
    assert {"units", "activation", "bias"} <= vars(dense).keys() - keras_compat.bookkeeping(name, "layer")
    assert not {"_compile_config", "_trainable", "train_function"} - keras_compat.bookkeeping(name, "model")
    assert {"beta_1", "clipnorm"} <= vars(model.optimizer).keys() - keras_compat.bookkeeping(name, "optimizer")


def test_an_optimizer_knows_variables_by_these_keys(keras):
    model, _, _ = sequential(keras)
    table = "_trainable_variables_indices" if keras.__name__ == "keras" else "_index_dict"
    known = getattr(model.optimizer, table)
    assert all(any(key in known for key in keras_compat.variable_keys(weight)) for weight in model.weights)


def test_a_model_of_a_different_backend_is_refused_in_words(packages, monkeypatch):
    keras = packages["keras"]
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name="small")
    other = packages["tf_keras"].Sequential([packages["tf_keras"].Input((2,)), packages["tf_keras"].layers.Dense(1)])
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    assert keras_compat.loaded() == ["tf_keras"]
    for judge in (helpers.clone, lambda model: helpers.audit(model, model, np.ones((1, 2)))):
        with pytest.raises(TypeError, match="Sequential 'small' runs on jax, and helpers needs Keras on TensorFlow"):
            judge(model)
    assert helpers.audit(other, helpers.clone(other), np.ones((4, 2)), steps=1).ok
