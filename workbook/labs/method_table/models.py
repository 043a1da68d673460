"""The kinds of models that the method table tries: a small trained model of each, on either Keras version."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import keras_compat
from workbook import notebook

__all__ = ["MODEL_KINDS", "ModelKind", "kinds_on"]


@dataclass(frozen=True)
class ModelKind:
    """A kind of model.

    Args:
        name: The key in `MODEL_KINDS`.
        label: Name that a reader sees.
        maker: Takes a Keras package; returns the model, inputs and targets.
        only_on: The only Keras package that has it, or an empty text if both do.
        short: Whether it is one of the few kinds that differ most.
    """

    name: str
    label: str
    maker: Callable[[Any], tuple[Any, Any, Any]]
    only_on: str = ""
    short: bool = False

    def make(self, generation: str) -> tuple[Any, Any, Any]:
        """Make the model on a Keras version; each call makes an equal one."""
        notebook.set_seeds(6)
        return self.maker(keras_compat.namespace(generation))

    @property
    def source(self) -> str:
        """The Python source of the maker."""
        text = textwrap.dedent(inspect.getsource(self.maker))
        return re.sub(r"\A@_kind\(.*\)\n", "", text)


MODEL_KINDS: dict[str, ModelKind] = {}
"""The kinds of models, by name, in the order of the rows."""


def kinds_on(generation: str) -> list[ModelKind]:
    """List the kinds that a Keras version has."""
    return [kind for kind in MODEL_KINDS.values() if kind.only_on in ("", generation)]


def _kind(label: str, only_on: str = "", short: bool = False) -> Callable:
    def enter(maker: Callable) -> Callable:
        MODEL_KINDS[maker.__name__] = ModelKind(maker.__name__, label, maker, only_on, short)
        return maker

    return enter


def _data(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.uniform(size=(64, *shape)).astype("float32"), generator.integers(0, 3, 64)


def _trained(keras: Any, model: Any, inputs: Any, targets: Any) -> tuple[Any, Any, Any]:
    """Compile a model and train it for two steps, eagerly because tracing would take longer than everything else."""
    import tensorflow as tf

    model(inputs)
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.optimizer.build(model.trainable_variables)
    for number in range(2):
        first = number * 32 % len(targets)
        batch = tf.nest.map_structure(lambda array, first=first: tf.constant(array[first : first + 32]), inputs)
        model.train_step((batch, tf.constant(targets[first : first + 32])))
    return model, inputs, targets


@_kind("Sequential", short=True)
def sequential(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(5, "relu"), layers.Dense(3)])
    return _trained(keras, model, *_data(6))


@_kind("functional, shared layer")
def functional(keras):
    layers = keras.layers
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = layers.Dense(5, "tanh")
    model = keras.Model({"left": left, "right": right}, layers.Dense(3)(layers.add([shared(left), shared(right)])))
    x, y = _data(6)
    return _trained(keras, model, {"left": x, "right": x[::-1].copy()}, y)


@_kind("BatchNormalization")
def batch_normalization(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(5), layers.BatchNormalization(), layers.Dense(3)])
    return _trained(keras, model, *_data(6))


@_kind("Dropout", short=True)
def dropout(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(5), layers.Dropout(0.5), layers.Dense(3)])
    return _trained(keras, model, *_data(6))


@_kind("subclass with get_config", short=True)
def subclass_with_config(keras):
    class WithConfig(keras.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.hidden, self.head = keras.layers.Dense(units), keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return _trained(keras, WithConfig(5), *_data(6))


@_kind("subclass without get_config", short=True)
def subclass_without_config(keras):
    class WithoutConfig(keras.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.hidden, self.head = keras.layers.Dense(units), keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    return _trained(keras, WithoutConfig(5), *_data(6))


@_kind("raw tf.Variable", short=True)
def raw_variable(keras):
    import tensorflow as tf

    class Raw(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)
            self.temperature = tf.Variable(1.0, trainable=False, name="temperature")

        def call(self, inputs):
            return self.head(inputs) * self.temperature

    model = Raw()
    model.temperature.assign(0.5)
    return _trained(keras, model, *_data(6))


@_kind("adapted Normalization")
def adapted_normalization(keras):
    x, y = _data(6)
    normal = keras.layers.Normalization()
    normal.adapt(5 * x + 3)
    return _trained(keras, keras.Sequential([keras.layers.Input((6,)), normal, keras.layers.Dense(3)]), x, y)


@_kind("own train_step")
def own_train_step(keras):
    import tensorflow as tf

    class OwnStep(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def train_step(self, batch):
            x, y = batch[:2]
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self(x, training=True) - tf.one_hot(y, 3)))
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

    return _trained(keras, OwnStep(), *_data(6))


@_kind("stateful RNN")
def stateful_rnn(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input(batch_shape=(32, 3, 4)), layers.GRU(3, stateful=True), layers.Dense(3)])
    x, y = _data(3, 4)
    model, _, _ = _trained(keras, model, x[:32], y[:32])
    return model, x[:32], y[:32]


@_kind("frozen layers")
def frozen_layers(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(5, "relu"), layers.Dense(4), layers.Dense(3)])
    model.layers[0].trainable = False
    return _trained(keras, model, *_data(6))


@_kind("mixed precision")
def mixed_precision(keras):
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        return sequential(keras)
    finally:
        keras.mixed_precision.set_global_policy(before)


@_kind("LoRA", only_on="keras", short=True)
def lora(keras):
    model, x, y = sequential(keras)
    model.layers[0].enable_lora(2, lora_alpha=3)
    return _trained(keras, model, x, y)


@_kind("DenseFlipout", only_on="tf_keras", short=True)
def dense_flipout(keras):
    import tensorflow_probability as tfp

    layers = tfp.layers
    return _trained(keras, keras.Sequential([layers.DenseFlipout(4, "relu"), layers.DenseFlipout(3)]), *_data(6))
