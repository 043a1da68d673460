"""A compiled function that keeps earlier settings of its model is found: clone refuses, audit says so."""

import numpy as np
import pytest
import tensorflow as tf
from zoo import compiled_training, data, fit

import helpers
from helpers import tf_private, tracing


def scaled(keras):
    """A model with a layer of the reader's own, whose factor is a plain attribute."""

    class Scaled(keras.layers.Layer):
        factor = 0.5

        def call(self, inputs):
            return tf.where(inputs > 0, inputs, self.factor * inputs)

    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(3), Scaled(name="scaled"), layers.Dropout(0.5)])
    model.compile("sgd", "mse")
    return model, data()[0], np.zeros((64, 3), "float32")


def test_an_attribute_that_was_changed_after_prediction_was_compiled_is_found(keras):
    model, x, y = scaled(keras)
    model.predict(x, verbose=0)
    clone = helpers.clone(model, x)
    assert helpers.audit(model, clone, x, y, steps=1).ok
    model.get_layer("scaled").factor = clone.get_layer("scaled").factor = 0.25
    report = helpers.audit(model, clone, x, y, steps=1)
    assert report.failures == ["compiled functions"]
    assert "the original was changed after its predict_function was compiled" in str(report)
    assert helpers.audit(clone, model, x, y, steps=1).failures == ["compiled functions"]
    with pytest.raises(helpers.CloneError, match="has changed since predict_function was compiled") as refused:
        helpers.clone(model)
    advice = str(refused.value).split("\n\n")[1]
    names = {"model": model, "helpers": helpers}
    exec("\n".join(line.strip() for line in advice.splitlines()), names)
    assert helpers.audit(model, names["copied"], x, y, steps=1).ok
    np.testing.assert_allclose(model.predict(x, verbose=0), names["copied"].predict(x, verbose=0), rtol=1e-5)


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_an_attribute_that_matters_in_training_only_is_found_after_training_was_compiled(keras, steps_per_execution):
    model, x, y = scaled(keras)
    model.compile("sgd", "mse", steps_per_execution=steps_per_execution)
    with compiled_training():
        fit(model, x, y, verbose=0)
    assert tracing.outdated(model) == ""
    model.layers[-1].rate = 0.1
    assert tracing.outdated(model) == "train_function"
    with pytest.raises(helpers.CloneError, match="train_function"):
        helpers.clone(model, x)


def test_a_call_that_is_compiled_itself_is_found(keras):
    class Decorated(keras.layers.Layer):
        factor = 0.5

        @tf.function
        def call(self, inputs):
            return self.factor * inputs

    layer = Decorated(name="decorated")
    layer(tf.ones((2, 3)))
    assert tracing.outdated(layer) == ""
    layer.factor = 0.25
    assert tracing.outdated(layer) == "the call of Decorated 'decorated'"


def test_tracing_again_leaves_a_model_as_it_was(packages):
    model, x, y = scaled(packages["keras"])
    model.evaluate(x, y, verbose=0)
    functions = list(tracing._traced(model.test_function, set()))
    before = [vars(model).copy(), *map(tf_private.concrete_functions, functions)]
    assert tracing.outdated(model) == ""
    assert [vars(model), *map(tf_private.concrete_functions, functions)] == before


@pytest.mark.slow
def test_a_recurrent_layer_has_functions_of_its_own_and_is_not_outdated(packages):
    keras = packages["tf_keras"]
    model = keras.Sequential([keras.layers.Input((5, 3)), keras.layers.LSTM(2)])
    model.compile("sgd", "mse")
    with compiled_training():
        fit(model, np.ones((4, 5, 3)), np.ones((4, 2)), verbose=0)
    assert tracing.outdated(model) == ""
    model.optimizer.clipvalue = 0.5
    assert tracing.outdated(model) == "train_function"
