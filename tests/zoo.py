"""Models of many kinds to clone: each maker takes a Keras package and returns (model, inputs, targets), trained."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

ZOO: dict[str, Callable] = {}
# The kinds that clone has to refuse, with a word that the message must contain, by (package, kind).
REFUSED: dict[tuple[str, str], str] = {}


def kind(refused: str = "", only_on: str = ""):
    """Enter a maker into the zoo."""

    def enter(maker):
        ZOO[maker.__name__] = maker
        for package in ("keras", "tf_keras"):
            if refused and only_on in ("", package):
                REFUSED[package, maker.__name__] = refused
        return maker

    return enter


def data(shape=(6,), classes=3, samples=64):
    generator = np.random.default_rng(0)
    return generator.uniform(size=(samples, *shape)).astype("float32"), generator.integers(0, classes, samples)


def trained(keras: Any, model: Any, optimizer: Any = "adam", shape=(6,), steps: int = 2, inputs: Any = None):
    """Call, compile and train a model on made-up classes."""
    x, y = data(shape)
    x = x if inputs is None else inputs
    model(x)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=steps, verbose=0)
    return model, x, y


@kind()
def sequential(keras):
    layers = keras.layers
    return trained(keras, keras.Sequential([layers.Input((6,)), layers.Dense(5, "relu"), layers.Dense(3)]))


@kind()
def sequential_without_input(keras):
    return trained(keras, keras.Sequential([keras.layers.Dense(5, "relu"), keras.layers.Dense(3)]))


@kind()
def batch_normalization_and_dropout(keras):
    layers = keras.layers
    stack = [layers.Input((6,)), layers.Dense(5), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(3)]
    return trained(keras, keras.Sequential(stack))


@kind()
def functional_with_two_inputs_and_shared_layer(keras):
    layers = keras.layers
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = layers.Dense(5, "tanh")
    model = keras.Model({"left": left, "right": right}, layers.Dense(3)(layers.add([shared(left), shared(right)])))
    x, _ = data()
    return trained(keras, model, inputs={"left": x, "right": x[::-1].copy()})


@kind()
def nested(keras):
    layers = keras.layers
    inner = keras.Sequential([layers.Input((6,)), layers.Dense(4, "relu")])
    return trained(keras, keras.Sequential([layers.Input((6,)), inner, layers.Dense(3)]))


@kind()
def convolutional(keras):
    layers = keras.layers
    stack = [layers.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    return trained(keras, keras.Sequential(stack), shape=(8, 8, 1))


@kind()
def recurrent_and_bidirectional(keras):
    layers = keras.layers
    stack = [layers.Input((5, 4)), layers.Bidirectional(layers.LSTM(3)), layers.Dense(3)]
    return trained(keras, keras.Sequential(stack), shape=(5, 4))


@kind()
def subclass_with_config(keras):
    class WithConfig(keras.Model):
        def __init__(self, units, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.units, self.activation = units, activation
            self.hidden = keras.layers.Dense(units, activation)
            self.dropout = keras.layers.Dropout(0.3)
            self.head = keras.layers.Dense(3)

        def call(self, inputs, training=None):
            return self.head(self.dropout(self.hidden(inputs), training=training))

        def get_config(self):
            return {**super().get_config(), "units": self.units, "activation": self.activation}

    return trained(keras, WithConfig(4, "tanh"))


@kind()
def subclass_without_arguments(keras):
    class NoArguments(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

    return trained(keras, NoArguments())


@kind(refused="units")
def subclass_with_hidden_default(keras):
    class HiddenDefault(keras.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.hidden = keras.layers.Dense(units)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    return trained(keras, HiddenDefault(6))


@kind(refused="scale")
def attribute_changed_after_construction(keras):
    class Scaled(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.scale = 1.0
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.scale * self.head(inputs)

    model = Scaled()
    model.scale = 3.0
    return trained(keras, model)


@kind(refused="Dense")
def head_replaced(keras):
    class Replaced(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

    model = Replaced()
    model.head = keras.layers.Dense(5)
    return trained(keras, model)


@kind(refused="activation")
def activation_replaced(keras):
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
    model.layers[0].activation = lambda x: 2 * x
    return trained(keras, model)


@kind()
def custom_layer_unregistered(keras):
    class Scale(keras.layers.Layer):
        def build(self, shape):
            self.factor = self.add_weight(name="factor", shape=(shape[-1],), initializer="ones")
            self.calls = self.add_weight(name="calls", shape=(), initializer="zeros", trainable=False)

        def call(self, inputs):
            return inputs * self.factor

    model = keras.Sequential([keras.layers.Input((6,)), Scale(), keras.layers.Dense(3)])
    model.layers[0].calls.assign(7.0)
    return trained(keras, model)


@kind()
def raw_variable(keras):
    class Raw(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)
            self.temperature = tf.Variable(1.0, trainable=False, name="temperature")

        def call(self, inputs):
            return self.head(inputs) * self.temperature

    model = Raw()
    model.temperature.assign(0.5)
    return trained(keras, model)


@kind()
def frozen_layer(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(5), layers.BatchNormalization(), layers.Dense(3)])
    model.layers[0].trainable = False
    return trained(keras, model)


@kind()
def schedule(keras):
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 1, 0.5)
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
    return trained(keras, model, keras.optimizers.Adam(rate))


@kind()
def learning_rate_assigned_later(keras):
    model, x, y = sequential(keras)
    model.optimizer.learning_rate.assign(1e-5)
    return model, x, y


@kind()
def adapted_normalization(keras):
    x, _ = data()
    layer = keras.layers.Normalization()
    layer.adapt(5 * x + 3)
    return trained(keras, keras.Sequential([keras.layers.Input((6,)), layer, keras.layers.Dense(3)]))


@kind()
def mixed_precision(keras):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        return sequential(keras)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@kind()
def subclass_from_under_another_policy(keras):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        return subclass_without_arguments(keras)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@kind()
def unregistered_loss(keras):
    def my_loss(y_true, y_pred):
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)

    model, x, y = sequential(keras)
    model.compile("sgd", my_loss)
    model.fit(x, y, verbose=0)
    return model, x, y


@kind()
def own_train_step(keras):
    class OwnStep(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def train_step(self, batch):
            x, y = batch[:2]
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self(x, training=True) - tf.one_hot(tf.cast(y, tf.int32), 3)))
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

    model, (x, y) = OwnStep(), data()
    model(x)
    model.compile("adam")
    model.fit(x, y, verbose=0)
    return model, x, y


@kind()
def stateful_recurrent(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input(batch_shape=(32, 5, 4)), layers.GRU(3, stateful=True), layers.Dense(3)])
    x, y = data((5, 4))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=32, verbose=0)
    return model, x[:32], y[:32]


@kind()
def not_compiled(keras):
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
    x, _ = data()
    return model, x, None


@kind()
def not_trained(keras):
    model, x, y = sequential(keras)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, x, y


@kind(refused="lambda")
def lambda_layer(keras):
    layers = keras.layers
    factor = 3.0
    model = keras.Sequential([layers.Input((6,)), layers.Lambda(lambda x: x * factor), layers.Dense(3)])
    return trained(keras, model)


@kind(refused="get_config", only_on="keras")
def functional_subclass_with_own_constructor(keras):
    class Wide(keras.Model):
        def __init__(self, width):
            inputs = keras.Input((6,))
            super().__init__(inputs, keras.layers.Dense(3)(keras.layers.Dense(width)(inputs)))
            self.width = width

    return trained(keras, Wide(4))
