"""helpers.clone makes a true clone of every kind of model, or refuses with a reason."""

import numpy as np
import pytest
import tensorflow as tf
from zoo import REFUSED, ZOO, batch_normalization_and_dropout, data, sequential, subclass_with_config, trained

import helpers
from helpers import divergence

TRUE_KINDS = [(package, kind) for package in ("keras", "tf_keras") for kind in ZOO if (package, kind) not in REFUSED]


@pytest.mark.parametrize(("package", "kind"), TRUE_KINDS)
def test_the_clone_is_true_and_the_original_untouched(package, kind, packages):
    model, x, y = ZOO[kind](packages[package])
    before = divergence.values(divergence.all_variables(model))
    twin = helpers.clone(model, x)
    assert type(twin) is type(model)
    assert all(map(np.array_equal, before, divergence.values(divergence.all_variables(model))))
    report = helpers.audit(model, twin, x, y)
    assert report.ok, str(report)


@pytest.mark.parametrize(("package", "kind"), list(REFUSED))
def test_what_cannot_be_cloned_is_refused_by_name(package, kind, packages):
    model, x, _ = ZOO[kind](packages[package])
    with pytest.raises(helpers.CloneError, match=REFUSED[package, kind]) as refusal:
        helpers.clone(model, x)
    assert type(model).__name__ in str(refusal.value) or any(layer.name in str(refusal.value) for layer in model.layers)


def test_the_advice_of_a_refusal_makes_the_clone_possible(keras):
    class Advised(keras.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.hidden = keras.layers.Dense(units)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    model, x, y = trained(keras, Advised(6))
    with pytest.raises(helpers.CloneError) as refusal:
        helpers.clone(model, x)
    code = str(refusal.value)[str(refusal.value).index("    def get_config") :]
    # The method is taken from the message as a reader would: it uses super() inside the class.
    scope = {"Advised": Advised}
    exec(f"class Followed(Advised):\n{code}", scope)
    model, x, y = trained(keras, scope["Followed"](6))
    assert helpers.audit(model, helpers.clone(model, x), x, y).ok


def test_without_inputs_a_model_that_needs_them_is_refused_or_true(keras):
    model, x, y = subclass_with_config(keras)
    assert helpers.audit(model, helpers.clone(model), x, y).ok


def test_what_is_not_a_model_is_refused(keras):
    with pytest.raises(TypeError, match="Dense"):
        helpers.clone(keras.layers.Dense(3))
    with pytest.raises(TypeError, match="class, not a model"):
        helpers.clone(keras.Sequential)
    with pytest.raises(TypeError, match="not a Keras model"):
        helpers.clone("model.keras")


def test_a_clone_that_would_answer_differently_is_refused(keras):
    class Hidden(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)
            self._secret = 1.0

        def call(self, inputs):
            return self._secret * self.head(inputs)

    model = Hidden()
    model._secret = 2.0
    model, x, _ = trained(keras, model)
    with pytest.raises(helpers.CloneError, match="answers differently"):
        helpers.clone(model, x)


def test_the_vocabulary_of_a_lookup_is_copied(keras):
    layers = keras.layers
    lookup = layers.StringLookup()
    lookup.adapt(["cat", "dog", "dog"])
    model = keras.Sequential([layers.Input((1,), dtype="string"), lookup, layers.Embedding(8, 2)])
    words = tf.constant([["cat"], ["dog"], ["cow"]])
    model(words)
    twin = helpers.clone(model, words)
    assert twin.layers[0].get_vocabulary() == lookup.get_vocabulary()
    assert np.array_equal(twin(words), model(words))


def test_dropout_masks_of_the_next_steps_are_the_same(packages):
    # Keras 2 keeps the random state in the compiled training function, which belongs to no model.
    keras = packages["keras"]
    model, x, y = batch_normalization_and_dropout(keras)
    twin = helpers.clone(model, x)
    for either in (model, twin):
        helpers.set_seeds(3)
        either.fit(x, y, epochs=2, verbose=0)
    assert all(map(np.array_equal, model.get_weights(), twin.get_weights()))


def test_training_the_twin_by_fit_leaves_the_original_alone(keras):
    model, _, _ = sequential(keras)
    twin = helpers.clone(model)
    before = model.get_weights(), int(model.optimizer.iterations)
    twin.fit(*data(), verbose=0)
    assert all(map(np.array_equal, before[0], model.get_weights()))
    assert int(model.optimizer.iterations) == before[1]
