"""Models of many kinds to clone: each maker takes a Keras package and returns (model, inputs, targets), trained."""

import contextlib
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from workbook.labs.method_table import models as model_kinds

ZOO: dict[str, Callable] = {}
# Which kinds there are on which package, as (package, kind).
KINDS: list[tuple[str, str]] = []
# The kinds that clone has to refuse, with a word that the message must contain, by (package, kind).
REFUSED: dict[tuple[str, str], str] = {}
# What is no model but holds variables: makers that return (module, a function that tells what it does, as arrays).
MODULES: dict[str, Callable] = {}


def kind(refused: str = "", only_on: str = ""):
    """Enter a maker into the zoo."""

    def enter(maker):
        ZOO[maker.__name__] = maker
        for package in ("keras", "tf_keras"):
            if only_on in ("", package):
                KINDS.append((package, maker.__name__))
                if refused:
                    REFUSED[package, maker.__name__] = refused
        return maker

    return enter


def module(maker):
    """Enter a maker of what is no model into the zoo."""
    MODULES[maker.__name__] = maker
    return maker


def data(shape=(6,), classes=3, samples=64):
    generator = np.random.default_rng(0)
    return generator.uniform(size=(samples, *shape)).astype("float32"), generator.integers(0, classes, samples)


_compiling = False


@contextlib.contextmanager
def compiled_training():
    """Train models as `fit` does by default, in a compiled function, which the model then holds."""
    global _compiling
    before, _compiling = _compiling, True
    try:
        yield
    finally:
        _compiling = before


def fit(model: Any, *data: Any, **options: Any) -> None:
    """Train a model eagerly, because to compile the training takes longer than a few small batches do."""
    eagerly = model.run_eagerly
    model.run_eagerly = eagerly or not _compiling
    model.fit(*data, **options)
    if not _compiling:
        model.run_eagerly, model.train_function = eagerly, None


def trained(keras: Any, model: Any, optimizer: Any = "adam", shape=(6,), steps: int = 2, inputs: Any = None):
    """Call, compile and train a model on made-up classes."""
    x, y = data(shape)
    x = x if inputs is None else inputs
    model(x)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    fit(model, x, y, batch_size=32, epochs=steps, verbose=0)
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
    model, inputs, _ = model_kinds.functional(keras)
    return trained(keras, model, inputs=inputs)


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


@kind()
def subclass_with_hidden_default(keras):
    class HiddenDefault(keras.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.hidden = keras.layers.Dense(units)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    return trained(keras, HiddenDefault(6))


@kind()
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


@kind()
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


@kind()
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
    return trained(keras, model_kinds.raw_variable(keras)[0])


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
    return trained(keras, model_kinds.adapted_normalization(keras)[0])


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
    fit(model, x, y, verbose=0)
    return model, x, y


@kind()
def own_train_step(keras):
    model, x, y = model_kinds.own_train_step(keras)
    model.compile("adam")
    fit(model, x, y, verbose=0)
    return model, x, y


@kind()
def stateful_recurrent(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input(batch_shape=(32, 5, 4)), layers.GRU(3, stateful=True), layers.Dense(3)])
    x, y = data((5, 4))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit(model, x, y, batch_size=32, verbose=0)
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


@kind()
def lambda_layer(keras):
    layers = keras.layers
    factor = 3.0
    model = keras.Sequential([layers.Input((6,)), layers.Lambda(lambda x: x * factor), layers.Dense(3)])
    return trained(keras, model)


@kind()
def functional_subclass_with_own_constructor(keras):
    class Wide(keras.Model):
        def __init__(self, width):
            inputs = keras.Input((6,))
            super().__init__(inputs, keras.layers.Dense(3)(keras.layers.Dense(width)(inputs)))
            self.width = width

    return trained(keras, Wide(4))


# -- how a model is put together ---------------------------------------------------------------------------------------


@kind()
def sequential_not_built(keras):
    x, _ = data()
    return keras.Sequential([keras.layers.Dense(5, "relu"), keras.layers.Dense(3)]), x, None


@kind()
def functional_with_two_outputs(keras):
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(4, "relu")(inputs)
    model = keras.Model(inputs, {"a": keras.layers.Dense(3)(hidden), "b": keras.layers.Dense(1)(hidden)})
    model.compile("adam", {"a": "mse", "b": "mae"}, loss_weights={"a": 0.3, "b": 2.0})
    x, _ = data()
    y = {"a": np.zeros((64, 3), "float32"), "b": np.ones((64, 1), "float32")}
    fit(model, x, y, verbose=0)
    return model, x, y


@kind()
def layer_shared_by_outer_and_nested_model(keras):
    shared = keras.layers.Dense(6, "tanh")
    inner_inputs = keras.Input((6,))
    inner = keras.Model(inner_inputs, shared(inner_inputs))
    inputs = keras.Input((6,))
    return trained(keras, keras.Model(inputs, keras.layers.Dense(3)(shared(inner(inputs)))))


@kind()
def feature_extractor_of_a_larger_model(keras):
    model, x, _ = sequential(keras)
    extractor = keras.Model(model.inputs, model.layers[0].output)
    return extractor, x, None


@kind()
def subclass_of_sequential(keras):
    class Stack(keras.Sequential):
        def __init__(self, units):
            super().__init__([keras.layers.Dense(units), keras.layers.Dense(3)])
            self.units = units

    return trained(keras, Stack(5))


@kind()
def arguments_that_are_layers_functions_and_arrays(keras):
    class Composed(keras.Model):
        def __init__(self, body, activation, scale):
            super().__init__()
            self.body, self.activation, self.scale = body, activation, scale
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.activation(self.body(inputs)) * self.scale)

    return trained(keras, Composed(keras.layers.Dense(2), lambda x: x * 0.5, np.array([1.0, 2.0], "float32")))


@kind()
def layers_in_lists_dicts_and_tuples(keras):
    class Held(keras.Model):
        def __init__(self):
            super().__init__()
            self.many = [keras.layers.Dense(4) for _ in range(2)]
            self.named = {"a": keras.layers.Dense(4), "b": (keras.layers.Dense(4), keras.layers.Dense(3))}

        def call(self, inputs):
            for layer in self.many:
                inputs = layer(inputs)
            first, second = self.named["b"]
            return second(first(self.named["a"](inputs)))

    return trained(keras, Held())


@kind()
def models_in_models(keras):
    class Block(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4, "relu")
            self.normal = keras.layers.BatchNormalization()

        def call(self, inputs, training=None):
            return self.normal(self.dense(inputs), training=training)

    class Outer(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [Block(), Block()]
            self.rest = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(3)])

        def call(self, inputs, training=None):
            for block in self.blocks:
                inputs = block(inputs, training=training)
            return self.rest(inputs)

    return trained(keras, Outer())


@kind()
def layer_in_a_plain_object(keras):
    class Holder:
        def __init__(self):
            self.layer = keras.layers.Dense(3)

    class Hidden(keras.Model):
        def __init__(self):
            super().__init__()
            self.holder = Holder()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.holder.layer(inputs))

    model = Hidden()
    model.holder.layer.build((None, 6))
    return trained(keras, model)


@kind(only_on="tf_keras")
def layers_made_in_call(keras):
    class Lazy(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = None

        def call(self, inputs):
            if self.head is None:
                self.head = keras.layers.Dense(3)
            return self.head(inputs)

    return trained(keras, Lazy())


@kind()
def residual(keras):
    layers = keras.layers
    inputs = keras.Input((8, 8, 2))
    x = inputs
    for _ in range(2):
        y = layers.BatchNormalization()(layers.Conv2D(2, 3, padding="same")(x))
        x = layers.add([x, layers.ReLU()(y)])
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    return trained(keras, model, shape=(8, 8, 2))


@kind()
def attention(keras):
    layers = keras.layers
    inputs = keras.Input((5, 4))
    x = layers.LayerNormalization()(inputs + layers.MultiHeadAttention(2, 3)(inputs, inputs))
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))
    return trained(keras, model, shape=(5, 4))


# -- layers that keep more than weights --------------------------------------------------------------------------------


@kind()
def noise_with_seeds(keras):
    layers = keras.layers
    stack = [layers.Input((6,)), layers.GaussianNoise(0.1, seed=3), layers.Dropout(0.3, seed=4), layers.Dense(3)]
    return trained(keras, keras.Sequential(stack))


@kind()
def augmentation(keras):
    layers = keras.layers
    stack = [layers.Input((8, 8, 1)), layers.RandomFlip(seed=1), layers.Flatten(), layers.Dense(3)]
    return trained(keras, keras.Sequential(stack), shape=(8, 8, 1))


@kind()
def time_distributed(keras):
    layers = keras.layers
    stack = [layers.Input((5, 4)), layers.TimeDistributed(layers.Dense(3)), layers.LSTM(3, return_sequences=True)]
    stack += [layers.GRU(3, dropout=0.2), layers.Dense(3)]
    return trained(keras, keras.Sequential(stack), shape=(5, 4))


@kind()
def recurrent_with_own_cells(keras):
    layers = keras.layers
    cells = [layers.GRUCell(3), layers.LSTMCell(2)]
    stack = [layers.Input((5, 4)), layers.RNN(cells), layers.Dense(3)]
    return trained(keras, keras.Sequential(stack), shape=(5, 4))


@kind(only_on="keras")  # tf_keras 2.21.0 cannot build its own: it asks tf.keras, which is Keras 3, for the input spec
def spectral_normalization(keras):
    layers = keras.layers
    stack = [layers.Input((6,)), layers.SpectralNormalization(layers.Dense(4)), layers.Dense(3)]
    return trained(keras, keras.Sequential(stack))


def looked_up(keras, layer, values, width):
    layer.adapt(values)
    stack = [keras.layers.Input((1,), dtype="string"), layer, keras.layers.Embedding(width, 2)]
    model = keras.Sequential([*stack, keras.layers.Flatten(), keras.layers.Dense(3)])
    x = tf.constant([[value] for value in values] * 16)[:64]
    return trained(keras, model, inputs=x)


@kind()
def adapted_string_lookup(keras):
    return looked_up(keras, keras.layers.StringLookup(), ["cat", "dog", "dog", "bird"], 8)


@kind()
def adapted_text_vectorization(keras):
    layer = keras.layers.TextVectorization(output_sequence_length=3)
    return looked_up(keras, layer, ["a cat", "a dog", "the dog", "bird"], 9)


@kind()
def adapted_text_vectorization_tf_idf(keras):
    layer = keras.layers.TextVectorization(output_mode="tf_idf")
    texts = ["a cat", "a dog", "the dog", "bird"]
    layer.adapt(texts)
    model = keras.Sequential([keras.layers.Input((1,), dtype="string"), layer, keras.layers.Dense(3)])
    return trained(keras, model, inputs=tf.constant([[text] for text in texts] * 16))


@kind()
def adapted_discretization(keras):
    x, _ = data()
    layer = keras.layers.Discretization(num_bins=4)
    layer.adapt(x)
    stack = [keras.layers.Input((6,)), layer, keras.layers.Embedding(5, 2), keras.layers.Flatten()]
    return trained(keras, keras.Sequential([*stack, keras.layers.Dense(3)]))


@kind()
def category_encoding_and_hashing(keras):
    layers = keras.layers
    inputs = keras.Input((1,), dtype="int64")
    one_hot = layers.CategoryEncoding(4, output_mode="one_hot")(inputs)
    hashed = layers.Embedding(3, 2)(layers.Hashing(3)(inputs))
    model = keras.Model(inputs, layers.Dense(3)(layers.concatenate([one_hot, layers.Flatten()(hashed)])))
    return trained(keras, model, inputs=np.arange(64)[:, None] % 4)


@kind(only_on="keras")
def own_seed_generator(keras):
    class Noisy(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = keras.random.SeedGenerator(5)

        def call(self, inputs):
            return inputs + 0.1 * keras.random.normal(keras.ops.shape(inputs), seed=self.seeds)

    return trained(keras, keras.Sequential([keras.layers.Input((6,)), Noisy(), keras.layers.Dense(3)]))


@kind(only_on="keras")
def lora(keras):
    model, _x, _y = sequential(keras)
    model.layers[0].enable_lora(2, lora_alpha=3)
    return trained(keras, model)


@kind(only_on="keras")
def quantized(keras):
    model, x, _ = not_compiled(keras)
    model.quantize("int8")
    return model, x, None


# -- ties, functions and state that no config tells --------------------------------------------------------------------


@kind()
def tied_weights(keras):
    class Tied(keras.layers.Layer):
        def __init__(self, source):
            super().__init__()
            self.source = source

        def call(self, inputs):
            return tf.matmul(inputs, tf.transpose(tf.convert_to_tensor(self.source.kernel)))

    class AutoEncoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.encoder = keras.layers.Dense(3)
            self.decoder = Tied(self.encoder)

        def call(self, inputs):
            return self.encoder(self.decoder(self.encoder(inputs)))

    return trained(keras, AutoEncoder())


@kind(only_on="tf_keras")
def kernel_assigned_from_another_layer(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(6), layers.Dense(6), layers.Dense(3)])
    model.layers[1].kernel = model.layers[0].kernel
    return trained(keras, model)


def double(x):
    return 2 * x


@kind()
def lambda_layer_with_a_named_function(keras):
    return trained(keras, keras.Sequential([keras.layers.Lambda(double), keras.layers.Dense(3)]))


@kind()
def counter_in_a_closure(keras):
    def counted():
        calls = 0

        def activation(x):
            nonlocal calls
            calls += 1
            return x

        return activation

    return trained(keras, keras.Sequential([keras.layers.Dense(4, counted()), keras.layers.Dense(3)]))


@kind()
def call_replaced_on_one_layer(keras):
    model, _x, _y = sequential(keras)
    layer = model.layers[0]
    plain = layer.call
    layer.call = lambda inputs, **kwargs: 3 * plain(inputs, **kwargs)
    return trained(keras, model)


@kind()
def variable_in_a_closure(keras):
    factor = tf.Variable(2.0)
    model = keras.Sequential([keras.layers.Dense(3), keras.layers.Lambda(lambda x: x * factor)])
    x, _ = data()
    model(x)
    return model, x, None


@kind()
def function_of_tensorflow_as_attribute(keras):
    class Traced(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)
            self.run = tf.function(lambda x: self.head(x))

        def call(self, inputs):
            return self.run(inputs)

    model, (x, _) = Traced(), data()
    model.head.build((None, 6))
    model(x)
    return trained(keras, model)


@kind()
def odd_attributes(keras):
    import collections
    import functools
    import threading
    import weakref

    class Odd(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)
            self.history_of_calls = collections.deque([1, 2], maxlen=5)
            self.counts = collections.Counter("abba")
            self.lock = threading.Lock()
            self.generator = np.random.default_rng(3)
            self.seen = weakref.WeakSet([self.head])
            self.partial = functools.partial(self.scaled, 2.0)
            self.cached = functools.lru_cache(maxsize=7)(self.scaled)
            self.by_identity = {id(self.head): "head"}
            self.offset = tf.Variable(0.5, trainable=False)
            self.by_reference = types.SimpleNamespace(kept={self.offset.ref(): 0.5})

        def scaled(self, factor, x):
            return factor * x

        def call(self, inputs):
            assert self.by_identity[id(self.head)] == "head"
            assert self.head in self.seen
            assert self.by_reference.kept[self.offset.ref()] == 0.5
            return self.partial(self.head(inputs)) * self.cached(1.0, 2.0)

    return trained(keras, Odd())


@kind()
def symbolic_inputs_as_attributes(keras):
    class Agent(keras.Model):
        def __init__(self):
            super().__init__()
            self.state, self.action = keras.Input((6,)), [keras.Input((2,))]
            self.actor = keras.Model(self.state, keras.layers.Dense(3)(self.state))

        def call(self, inputs):
            return self.actor(inputs)

    return trained(keras, Agent())


@kind(only_on="keras")
def feature_space(keras):
    space = keras.utils.FeatureSpace({"a": "float_normalized", "c": "string_categorical"}, output_mode="concat")
    inputs = {"a": tf.constant([[1.0], [2.0]] * 32), "c": tf.constant([["u"], ["v"]] * 32)}
    space.adapt(tf.data.Dataset.from_tensor_slices(inputs).batch(32))

    class Spaced(keras.Model):
        def __init__(self):
            super().__init__()
            self.space, self.head = space, keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.space(inputs))

    return trained(keras, Spaced(), inputs=inputs)


@kind()
def thread_local_singletons_and_tables_as_attributes(keras):
    import datetime
    import threading

    class Scratch(threading.local):
        def __init__(self, factor):
            self.factor, self.log = factor, []

    class Missing:
        def __reduce__(self):
            return "MISSING"

    missing = Missing()

    class Scaled(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scratch, self.zone, self.default = Scratch(2.0), datetime.timezone.utc, missing
            self.table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, [0.0, 0.0])
            self.table.insert(tf.constant([0], tf.int64), [[0.5, 0.25]])

        def call(self, inputs):
            scale = self.scratch.factor if self.default is missing else 0.0
            return scale * inputs * tf.ensure_shape(self.table.lookup(tf.constant(0, tf.int64)), [2])[0]

        def compute_output_shape(self, shape):
            return shape

    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(4), Scaled(), keras.layers.Dense(3)])
    model.layers[-2].scratch.factor = 3.0
    return trained(keras, model)


@kind()
def regularised(keras):
    layers = keras.layers
    stack = [layers.Input((6,)), layers.Dense(4, kernel_regularizer="l2", kernel_constraint="max_norm")]
    stack += [layers.ActivityRegularization(0.1), layers.Dense(3, bias_regularizer=lambda w: 0.01 * tf.reduce_sum(w))]
    return trained(keras, keras.Sequential(stack))


# -- training ----------------------------------------------------------------------------------------------------------


@kind()
def everything_compiled(keras):
    model, x, y = sequential(keras)
    model.compile(
        keras.optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=1.0, use_ema=True, ema_momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        weighted_metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True)],
        run_eagerly=False,
    )
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    fit(model, x, y, sample_weight=np.linspace(0, 1, len(x)), verbose=0)
    return model, x, y


@kind(only_on="keras")
def gradient_accumulation(keras):
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=3)
    return trained(keras, sequential(keras)[0], optimizer, steps=2)


@kind()
def loss_scaled(keras):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model, _x, _y = sequential(keras)
        inner = keras.optimizers.SGD(0.01)
        scaled = keras.mixed_precision.LossScaleOptimizer(inner)
        return trained(keras, model, scaled)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@kind()
def frozen_inside(keras):
    model, _x, _y = models_in_models(keras)
    model.blocks[0].trainable = False
    model.rest.layers[0].trainable = False
    return trained(keras, model)


@kind()
def frozen_entirely(keras):
    model, x, y = sequential(keras)
    model.trainable = False
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, x, y


@kind()
def generative_adversarial(keras):
    class Adversarial(keras.Model):
        def __init__(self):
            super().__init__()
            self.generator = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(6)])
            self.critic = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1)])
            self.loss_of_generator = keras.metrics.Mean(name="g")

        def compile(self, generator_optimizer, critic_optimizer):
            super().compile()
            self.generator_optimizer, self.critic_optimizer = generator_optimizer, critic_optimizer

        @property
        def metrics(self):
            return [self.loss_of_generator]

        def call(self, inputs):
            return self.critic(inputs)

        def train_step(self, batch):
            x = batch[0] if isinstance(batch, tuple) else batch
            noise = x[:, :2]
            with tf.GradientTape(persistent=True) as tape:
                fake = self.critic(self.generator(noise))
                critic_loss = tf.reduce_mean(fake) - tf.reduce_mean(self.critic(x))
                generator_loss = -tf.reduce_mean(fake)
            for part, optimizer, loss in (
                (self.critic, self.critic_optimizer, critic_loss),
                (self.generator, self.generator_optimizer, generator_loss),
            ):
                weights = part.trainable_variables
                optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            self.loss_of_generator.update_state(generator_loss)
            return {"g": self.loss_of_generator.result()}

    model, (x, _) = Adversarial(), data()
    model(x)
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.RMSprop(0.02))
    fit(model, x, verbose=0)
    return model, x, None


@kind()
def variational_autoencoder(keras):
    class Sampling(keras.layers.Layer):
        def call(self, inputs):
            mean, log_variance = inputs
            self.add_loss(0.1 * tf.reduce_mean(tf.square(mean) + tf.exp(log_variance) - log_variance))
            return mean + tf.exp(0.5 * log_variance) * 0.1

    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(4, "relu")(inputs)
    sampled = Sampling()([keras.layers.Dense(2)(hidden), keras.layers.Dense(2)(hidden)])
    model = keras.Model(inputs, keras.layers.Dense(6)(sampled))
    x, _ = data()
    model.compile("adam", "mse")
    fit(model, x, x, verbose=0)
    return model, x, x


@kind()
def trained_without_a_call(keras):
    """As in Keras's own examples of a GAN and a VAE: the model has a train_step, and no call."""

    class Auto(keras.Model):
        def __init__(self):
            super().__init__()
            self.encoder = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2)])
            self.decoder = keras.Sequential(
                [keras.layers.Input((2,)), keras.layers.Dense(6), keras.layers.Dropout(0.1)]
            )
            self.tracker = keras.metrics.Mean(name="loss")

        @property
        def metrics(self):
            return [self.tracker]

        def train_step(self, batch):
            x = batch[0] if isinstance(batch, tuple) else batch
            with tf.GradientTape() as tape:
                code = self.encoder(x) + 0.1 * tf.random.normal((tf.shape(x)[0], 2))
                loss = tf.reduce_mean(tf.square(x - self.decoder(code, training=True)))
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            self.tracker.update_state(loss)
            return {"loss": self.tracker.result()}

    model, (x, _) = Auto(), data()
    model.compile(keras.optimizers.Adam(0.01))
    fit(model, x, batch_size=32, verbose=0)
    return model, x, None


@kind()
def loss_with_state(keras):
    class Annealed(keras.losses.Loss):
        def __init__(self):
            super().__init__()
            self.weight, self.seen = tf.Variable(1.0, trainable=False), []

        def call(self, y_true, y_pred):
            self.weight.assign_add(0.1)
            return self.weight * keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)

    model, x, y = sequential(keras)
    model.compile("adam", Annealed())
    fit(model, x, y, verbose=0)
    return model, x, y


@kind()
def recurrent_stack_with_state_and_masks(keras):
    layers = keras.layers
    stack = [layers.Input(batch_shape=(32, 5, 4)), layers.Masking()]
    stack += [layers.Bidirectional(layers.LSTM(3, stateful=True, return_sequences=True, recurrent_dropout=0.2))]
    stack += [layers.RNN(layers.StackedRNNCells([layers.LSTMCell(2), layers.GRUCell(2)])), layers.Dense(3)]
    model = keras.Sequential(stack)
    x, y = data((5, 4))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit(model, x, y, batch_size=32, verbose=0)
    return model, x[:32], y[:32]


@kind()
def lookups_of_several_inputs(keras):
    layers = keras.layers
    inputs = {
        "number": keras.Input((6,), name="number"),
        "word": keras.Input((1,), dtype="string", name="word"),
        "code": keras.Input((1,), dtype="int64", name="code"),
    }
    words, codes = layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot"), layers.IntegerLookup()
    codes.adapt(np.array([1, 2, 3, 3]))
    embedded = layers.Flatten()(layers.Embedding(8, 2)(codes(inputs["code"])))
    parts = [inputs["number"], words(inputs["word"]), embedded]
    model = keras.Model(inputs, layers.Dense(3)(layers.concatenate(parts)))
    x = {
        "number": tf.constant(data()[0]),
        "word": tf.constant([["x"], ["z"]] * 32),
        "code": tf.constant([[3], [9]] * 32, "int64"),
    }
    return trained(keras, model, inputs=x)


@kind(only_on="tf_keras")
def legacy_optimizer(keras):
    rate = keras.optimizers.schedules.CosineDecay(0.1, 10)
    return trained(keras, sequential(keras)[0], keras.optimizers.legacy.SGD(rate, momentum=0.9, nesterov=True))


@kind(only_on="keras")
def quantized_with_lora(keras):
    model, _, _ = sequential(keras)
    model.quantize("int8")
    model.layers[0].enable_lora(2)
    return trained(keras, model)


@kind(only_on="keras")
def not_trainable_eagerly(keras):
    """Keras 3.15.1 takes the gradient of float8 layers in compiled functions only."""
    model, x, _ = not_compiled(keras)
    model.quantize("float8")
    return model, x, None


# -- what clone has to refuse ------------------------------------------------------------------------------------------

OUTSIDE: dict[str, Any] = {}


def uses_what_is_outside(x):
    return OUTSIDE["layer"](x)


@kind(refused="uses_what_is_outside")
def importable_function_that_reaches_a_layer(keras):
    OUTSIDE["layer"] = keras.layers.Dense(3)
    model = keras.Sequential([keras.layers.Dense(3), keras.layers.Lambda(uses_what_is_outside)])
    x, _ = data()
    model(x)
    return model, x, None


@kind(refused="emb")
def class_whose_method_closes_over_a_layer(keras):
    emb = keras.layers.Dense(3)

    class Reaching(keras.Model):
        def call(self, inputs):
            return emb(inputs)

    model, (x, _) = Reaching(), data()
    emb.build((None, 6))
    model(x)
    return model, x, None


@kind(refused="shared_head")
def layer_as_class_attribute(keras):
    class Sharing(keras.Model):
        shared_head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.shared_head(inputs)

    model, (x, _) = Sharing(), data()
    model.shared_head.build((None, 6))
    model(x)
    return model, x, None


@kind(refused="log")
def open_file(keras):
    model, x, y = sequential(keras)
    model.layers[0].log = open(__file__)  # noqa: SIM115
    return model, x, y


@kind(refused="worker")
def thread(keras):
    import threading

    model, x, y = sequential(keras)
    model.layers[0].worker = threading.Thread(target=print)
    return model, x, y


@kind(refused="batches")
def generator(keras):
    model, x, y = sequential(keras)
    model.layers[0].batches = (i for i in range(3))
    return model, x, y


@kind(refused="step")
def compiled_function_as_attribute(keras):
    model, x, y = sequential(keras)
    kernel = model.layers[0].kernel
    model.layers[0].step = tf.function(lambda: kernel + 1.0).get_concrete_function()
    return model, x, y


@kind(refused="train_function = None", only_on="keras")
def frozen_after_training(keras):
    with compiled_training():
        model, x, y = sequential(keras)
    model.layers[0].trainable = False
    return model, x, y


@kind(refused="part.train_function = None", only_on="keras")
def critic_frozen_after_its_training(keras):
    class Gan(keras.Model):
        def __init__(self):
            super().__init__()
            self.generator = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])
            self.critics = [keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="critic")]
            self.critics[0].compile("sgd", "mse")

        def call(self, inputs):
            return self.critics[0](self.generator(inputs))

    model, (x, y) = Gan(), data()
    model(x)
    model.critics[0].train_on_batch(x[:, :4], y)
    model.critics[0].trainable = False
    model.compile("sgd", "mse")
    return model, x, y


@kind(refused="candidates")
def data_set_mapped_over_a_layer(keras):
    class Retrieval(keras.Model):
        def __init__(self):
            super().__init__()
            self.query, self.tower = keras.layers.Dense(4), keras.layers.Embedding(10, 4)
            self.query.build((None, 6))
            self.tower.build((None,))
            self.candidates = tf.data.Dataset.range(10).batch(5).map(lambda numbers: self.tower(numbers))

        def call(self, inputs):
            return tf.matmul(self.query(inputs), tf.concat(list(self.candidates), 0), transpose_b=True)

    model, (x, y) = Retrieval(), data()
    model(x)
    return model, x, y


@kind(refused="signatures")
def layer_around_a_saved_model(keras):
    import tempfile

    class Saved(keras.layers.Layer):
        def __init__(self, folder):
            super().__init__()
            self.saved = tf.saved_model.load(folder)

        def call(self, inputs):
            return self.saved(inputs)

        def compute_output_shape(self, shape):
            return shape

    class Double(tf.Module):
        def __init__(self):
            self.factor = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([None, 6])])
        def __call__(self, inputs):
            return self.factor * inputs

    double, (x, y) = Double(), data()
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(double, folder, signatures=double.__call__)
        model = keras.Sequential([keras.layers.Input((6,)), Saved(folder), keras.layers.Dense(1)])
    model(x)
    return model, x, y


@kind(refused="writer")
def summary_writer(keras):
    import tempfile

    model, x, y = sequential(keras)
    model.layers[0].writer = tf.summary.create_file_writer(tempfile.gettempdir())
    return model, x, y


@kind(refused="batches")
def iterator_of_a_data_set(keras):
    model, x, y = sequential(keras)
    model.layers[0].batches = iter(tf.data.Dataset.range(3))
    return model, x, y


# -- TensorFlow Probability --------------------------------------------------------------------------------------------


def probability():
    import tensorflow_probability as tfp

    return tfp, tfp.distributions, tfp.layers


def fitted(keras, model, loss=None, shape=(6,), width=1):
    x, _ = data(shape)
    y = np.random.default_rng(1).uniform(size=(64, width)).astype("float32")
    model(x)
    model.compile(keras.optimizers.Adam(0.01), loss or (lambda y, d: -d.log_prob(y)))
    fit(model, x, y, verbose=0)
    return model, x, y


@kind(only_on="tf_keras")
def dense_flipout(keras):
    _, _, layers = probability()
    return fitted(keras, keras.Sequential([layers.DenseFlipout(4, "relu"), layers.DenseFlipout(1)]), "mse")


@kind(only_on="tf_keras")
def dense_reparameterization(keras):
    _, _, layers = probability()
    stack = [layers.DenseReparameterization(4), layers.DenseLocalReparameterization(1)]
    return fitted(keras, keras.Sequential(stack), "mse")


@kind(only_on="tf_keras")
def convolution_flipout(keras):
    _, _, layers = probability()
    stack = [layers.Convolution1DFlipout(3, 2), layers.Convolution1DReparameterization(2, 2)]
    return fitted(keras, keras.Sequential([*stack, keras.layers.Flatten(), keras.layers.Dense(1)]), "mse", (5, 4))


@kind(only_on="tf_keras")
def dense_variational(keras):
    _tfp, tfd, layers = probability()

    def posterior(kernel_size, bias_size=0, dtype=None):
        n = kernel_size + bias_size
        spread = layers.DistributionLambda(lambda t: tfd.Independent(tfd.Normal(t[..., :n], 1e-3), 1))
        return keras.Sequential([layers.VariableLayer(2 * n, dtype=dtype), spread])

    def prior(kernel_size, bias_size=0, dtype=None):
        n = kernel_size + bias_size
        return keras.Sequential(
            [
                layers.VariableLayer(n, dtype=dtype),
                layers.DistributionLambda(lambda t: tfd.Independent(tfd.Normal(t, 1.0), 1)),
            ]
        )

    return fitted(keras, keras.Sequential([layers.DenseVariational(1, posterior, prior, kl_weight=0.1)]), "mse")


@kind(only_on="tf_keras")
def distribution_lambda(keras):
    _, tfd, layers = probability()
    scale = 0.5
    last = layers.DistributionLambda(lambda t: tfd.Normal(t[..., :1], scale + tf.math.softplus(t[..., 1:])))
    return fitted(keras, keras.Sequential([keras.layers.Dense(2), last]))


@kind(only_on="tf_keras")
def mixture_same_family(keras):
    _, _, layers = probability()
    size = layers.MixtureSameFamily.params_size(2, layers.IndependentNormal.params_size(1))
    last = layers.MixtureSameFamily(2, layers.IndependentNormal(1))
    return fitted(keras, keras.Sequential([keras.layers.Dense(size), last]))


@kind(only_on="tf_keras")
def independent_bernoulli(keras):
    _, _, layers = probability()
    return fitted(keras, keras.Sequential([keras.layers.Dense(1), layers.IndependentBernoulli(1)]))


@kind(only_on="tf_keras")
def one_hot_categorical(keras):
    _, _, layers = probability()
    model = keras.Sequential([keras.layers.Dense(3), layers.OneHotCategorical(3)])
    x, _ = data()
    model(x)
    model.compile("adam", lambda y, d: -d.log_prob(y))
    y = np.eye(3, dtype="float32")[np.arange(64) % 3]
    fit(model, x, y, verbose=0)
    return model, x, y


@kind(only_on="tf_keras")
def probabilistic_autoencoder(keras):
    _, tfd, layers = probability()
    prior = tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1)
    size = layers.MultivariateNormalTriL.params_size(2)
    encoder = keras.Sequential(
        [
            keras.layers.Input((6,)),
            keras.layers.Dense(size),
            layers.MultivariateNormalTriL(2, activity_regularizer=layers.KLDivergenceRegularizer(prior, weight=0.1)),
        ]
    )
    decoder = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(12), layers.IndependentNormal(6)])
    model = keras.Model(encoder.inputs, decoder(encoder.outputs[0]))
    x, _ = data()
    model.compile("adam", lambda y, d: -d.log_prob(y))
    fit(model, x, x, verbose=0)
    return model, x, x


@kind(only_on="tf_keras")
def kl_divergence_add_loss(keras):
    _, tfd, layers = probability()
    prior = tfd.Independent(tfd.Normal(tf.Variable(tf.zeros(1)), 1.0), 1)
    stack = [keras.layers.Dense(2), layers.IndependentNormal(1), layers.KLDivergenceAddLoss(prior, weight=0.1)]
    return fitted(keras, keras.Sequential(stack))


@kind(only_on="tf_keras")
def normalising_flow(keras):
    tfp, tfd, _layers = probability()
    network = tfp.bijectors.AutoregressiveNetwork(params=2, hidden_units=[4], activation="relu")
    flow = tfd.TransformedDistribution(
        tfd.Sample(tfd.Normal(0.0, 1.0), [6]), tfp.bijectors.MaskedAutoregressiveFlow(network)
    )

    class Flow(keras.Model):
        def __init__(self):
            super().__init__()
            self.flow, self.network = flow, network

        def call(self, inputs):
            return self.flow.log_prob(inputs)

    model, (x, _) = Flow(), data()
    model(x)
    model.compile("adam", lambda y, log_prob: -log_prob)
    fit(model, x, np.zeros((64, 1), "float32"), verbose=0)
    return model, x, np.zeros((64, 1), "float32")


@kind(only_on="tf_keras")
def flow_with_networks_of_keras(keras):
    tfp, tfd, _ = probability()

    class Flow(keras.Model):
        def __init__(self):
            super().__init__()
            self.networks = [keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dense(6)]) for _ in range(2)]
            couplings = [tfp.bijectors.RealNVP(3, shift_and_log_scale_fn=self.split(i)) for i in range(2)]
            chain = tfp.bijectors.Chain([couplings[0], tfp.bijectors.Permute([3, 4, 5, 0, 1, 2]), couplings[1]])
            self.flow = tfd.TransformedDistribution(tfd.MultivariateNormalDiag(tf.zeros(6)), chain)

        def split(self, number):
            return lambda x, n, **kwargs: tf.split(0.1 * self.networks[number](x), 2, -1)

        def call(self, inputs):
            return self.flow.log_prob(inputs)

    model, (x, _) = Flow(), data()
    model(x)
    model.compile("adam", lambda y, log_prob: -log_prob)
    fit(model, x, np.zeros(64, "float32"), verbose=0)
    return model, x, np.zeros(64, "float32")


@kind(only_on="tf_keras")
def variational_gaussian_process(keras):
    tfp, _, layers = probability()

    class Kernel(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.size = self.add_weight(name="size", initializer="ones")

        @property
        def kernel(self):
            return tfp.math.psd_kernels.ExponentiatedQuadratic(tf.nn.softplus(self.size), 1.0)

    points = keras.initializers.constant(np.linspace(-1, 1, 4)[None, :, None].astype("float32"))
    process = layers.VariationalGaussianProcess(
        num_inducing_points=4, kernel_provider=Kernel(), event_shape=[1], inducing_index_points_initializer=points
    )
    stack = [keras.layers.Input((6,)), keras.layers.Dense(1), process]
    return fitted(keras, keras.Sequential(stack), lambda y, d: d.variational_loss(y, kl_weight=0.1))


# -- what is no model: distributions, bijectors, modules ---------------------------------------------------------------


@module
def surrogate_posterior():
    tfp, tfd, _ = probability()
    scale = tfp.util.TransformedVariable(tf.ones(3), tfp.bijectors.Softplus())
    q = tfd.MultivariateNormalDiag(tf.Variable([1.0, 2.0, 3.0]), scale)
    return q, lambda q: [q.mean(), q.stddev(), q.log_prob(tf.zeros(3))]


@module
def mixture():
    _, tfd, _ = probability()
    q = tfd.MixtureSameFamily(
        tfd.Categorical(logits=tf.Variable([0.1, 0.9])),
        tfd.Independent(tfd.Normal(tf.Variable([[1.0], [2.0]]), 1.0), 1),
    )
    return q, lambda q: [q.mean(), q.log_prob([0.5])]


@module
def transformed_distribution():
    tfp, tfd, _ = probability()
    chain = tfp.bijectors.Chain([tfp.bijectors.Exp(), tfp.bijectors.Shift(tf.Variable(0.5))])
    q = tfd.TransformedDistribution(tfd.Normal(tf.Variable(0.0), 1.0), chain)
    q.log_prob(2.0)
    return q, lambda q: [q.log_prob(2.0)]


@module
def joint_distribution_named():
    _, tfd, _ = probability()
    q = tfd.JointDistributionNamed(
        {"a": tfd.Normal(tf.Variable(1.0), 1.0), "b": lambda a: tfd.Normal(a, 2.0)}, validate_args=False
    )
    return q, lambda q: [q.log_prob({"a": 0.3, "b": 0.2})]


@module
def joint_distribution_coroutine():
    _, tfd, _ = probability()
    location = tf.Variable(1.0)

    @tfd.JointDistributionCoroutineAutoBatched
    def q():
        a = yield tfd.Normal(location, 1.0, name="a")
        yield tfd.Normal(a, 2.0, name="b")

    return q, lambda q: list(q.sample(seed=(1, 2)))


@module
def bijector():
    tfp, _, _ = probability()
    b = tfp.bijectors.Chain([tfp.bijectors.Scale(tf.Variable(2.0)), tfp.bijectors.Shift(tf.Variable([1.0]))])
    b.forward([3.0])
    return b, lambda b: [b.forward([3.0]), b.inverse([1.0])]


@module
def gaussian_process():
    tfp, tfd, _ = probability()
    kernel = tfp.math.psd_kernels.ExponentiatedQuadratic(tf.Variable(1.5), tf.Variable(0.7))
    points = np.linspace(0, 1, 4)[:, None].astype("float32")
    q = tfd.GaussianProcess(kernel, points, observation_noise_variance=tf.Variable(0.1))
    return q, lambda q: [q.log_prob(tf.zeros(4))]


@module
def surrogate_by_experimental_vi():
    tfp, _tfd, _ = probability()
    q = tfp.experimental.vi.build_factored_surrogate_posterior(event_shape={"a": [], "b": [2]})
    return q, lambda q: tf.nest.flatten(q.sample(seed=(1, 2)))


@module
def plain_module():
    class Plain(tf.Module):
        def __init__(self):
            super().__init__(name="plain")
            self.parts = {"w": tf.Variable([1.0, 2.0]), "more": [tf.Variable(3.0)]}

        @tf.function
        def __call__(self, x):
            return self.parts["w"] * x + self.parts["more"][0]

    m = Plain()
    m(2.0)
    return m, lambda m: [m(2.0)]


@module
def flow_of_a_template():
    tfp, tfd, _ = probability()
    tfb = tfp.bijectors
    template = tfb.real_nvp_default_template(hidden_layers=[4])
    flow = tfb.RealNVP(num_masked=1, shift_and_log_scale_fn=template)
    q = tfd.TransformedDistribution(tfd.MultivariateNormalDiag(tf.Variable([0.0, 0.0])), flow)
    x = np.array([[0.5, 1.0]], "float32")
    q.log_prob(x)
    return q, lambda q: [q.log_prob(tf.constant(x))]
