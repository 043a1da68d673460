"""Ways to break a true clone in one place: a fault takes (keras, model, clone) and returns the broken clone or None.

Every fault names the model that it is for, the check that has to fail, and a word that the evidence has to contain.
"""

import collections
import functools
import itertools
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import zoo
from zoo import data, trained

import workbook


@dataclass(frozen=True)
class Fault:
    make: Callable
    check: str
    names: str
    only_on: str
    apply: Callable


FAULTS: dict[str, Fault] = {}


def fault(make: Callable, check: str, names: str, only_on: str = ""):
    """Enter a fault."""

    def enter(apply: Callable) -> Callable:
        FAULTS[apply.__name__] = Fault(make, check, names, only_on, apply)
        return apply

    return enter


def pair(keras: Any, make: Callable) -> tuple[Any, Any, Any, Any]:
    """Make a model and a true clone of it, by building it twice under the same seeds."""
    models = []
    for _ in range(2):
        workbook.set_seeds(0)
        model, x, y = make(keras)
        models.append(model)
    return *models, x, y


# -- models ------------------------------------------------------------------------------------------------------------


def several_layers(keras):
    layers, regularizers = keras.layers, keras.regularizers
    stack = [
        layers.Input((6,)),
        layers.Dense(
            5, "relu", kernel_regularizer=regularizers.L2(0.01), kernel_constraint=keras.constraints.MaxNorm(2)
        ),
        layers.Dense(5, "tanh"),
        layers.BatchNormalization(),
        layers.Dropout(0.25),
        layers.Dense(3),
    ]
    return trained(keras, keras.Sequential(stack), keras.optimizers.Adam(0.01, clipnorm=1.0))


def equal_branches(keras):
    """Two branches of equal shapes and weights, subtracted: connecting one twice shows in no output."""
    layers = keras.layers
    inputs = keras.Input((6,))
    left, right = layers.Dense(4, kernel_initializer="ones"), layers.Dense(4, kernel_initializer="ones")
    model = keras.Model(inputs, layers.Dense(3)(layers.Subtract()([left(inputs), right(inputs)])))
    x, y = data()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, x, y


def unused_block(keras):
    """A subclass with plain attributes, a function, an array, and layers that no output needs."""

    def double(x):
        return 2 * x

    class Block(keras.layers.Layer):
        def __init__(self, settings=None, **kwargs):
            super().__init__(**kwargs)
            self.settings = {"depth": 2} if settings is None else settings
            self._scale = 1.5
            self.mask = np.arange(3.0)
            self.function = double
            self.note = "first"
            self.seen, self.more = [], types.SimpleNamespace(depth=2)
            self.inner = [keras.layers.Dropout(0.1), keras.layers.LeakyReLU()]

        def call(self, inputs):
            return self.function(inputs)

    return trained(keras, keras.Sequential([keras.layers.Input((6,)), Block(), keras.layers.Dense(3)]))


def gan(keras):
    class Gan(keras.Model):
        def __init__(self):
            super().__init__()
            self.generator, self.judge = keras.layers.Dense(6), keras.layers.Dense(1)
            self.judge_optimizer = keras.optimizers.Adam(0.01)
            self.generator_optimizer = keras.optimizers.Adam(0.02)

        def call(self, inputs):
            return self.judge(self.generator(inputs))

        def train_step(self, batch):
            x = batch[0] if isinstance(batch, (tuple, list)) else batch
            for part, optimizer in ((self.judge, self.judge_optimizer), (self.generator, self.generator_optimizer)):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(tf.square(self(x, training=True)))
                weights = part.trainable_variables
                optimizer.apply_gradients(list(zip(tape.gradient(loss, weights), weights, strict=True)))
            return {"loss": loss}

    model, (x, _) = Gan(), data()
    model(x)
    model.compile("sgd")
    zoo.fit(model, x, verbose=0)
    return model, x, None


def text(keras):
    layers = keras.layers
    lookup = layers.StringLookup()
    lookup.adapt(np.array(["a", "b", "c"]))
    inputs = keras.Input((1,), dtype="string")
    embedded = layers.Flatten()(layers.Embedding(6, 3)(lookup(inputs)))
    model = keras.Model(inputs, layers.Dense(2)(embedded))
    return model, tf.constant([["a"], ["b"], ["z"], ["c"]]), None


def with_added_loss(keras):
    class Encoder(keras.Model):
        def __init__(self, weight=0.1):
            super().__init__()
            self.weigh = lambda loss: weight * loss
            self.hidden, self.head = keras.layers.Dense(4), keras.layers.Dense(3)

        def call(self, inputs):
            hidden = self.hidden(inputs)
            self.add_loss(self.weigh(tf.reduce_mean(tf.square(hidden))))
            return self.head(hidden)

    return trained(keras, Encoder())


def scheduled(keras):
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 2, 0.5)
    model, _, _ = zoo.sequential(keras)
    return trained(keras, model, keras.optimizers.SGD(rate, momentum=0.9))


def metrics(keras):
    model, x, y = zoo.sequential(keras)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=2)])
    zoo.fit(model, x, y, verbose=0)
    return model, x, y


def decaying(keras):
    optimizer = keras.optimizers.AdamW(0.01)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return trained(keras, zoo.sequential(keras)[0], optimizer)


# -- weights and other state -------------------------------------------------------------------------------------------


@fault(several_layers, "weights", "kernel")
def one_weight_nudged(keras, model, clone):
    kernel = clone.layers[0].kernel
    kernel.assign(np.asarray(kernel) + 1e-7)


@fault(several_layers, "weights", "bias")
def weights_rounded_in_one_layer(keras, model, clone):
    clone.layers[-1].bias.assign(np.asarray(clone.layers[-1].bias).astype("float16").astype("float32"))


@fault(several_layers, "weights", "moving_variance")
def statistic_reset(keras, model, clone):
    clone.layers[2].moving_variance.assign(np.ones(5))


@fault(several_layers, "weights", "4 of")
def trainable_weights_only(keras, model, clone):
    fresh = several_layers(keras)[0]
    for mine, old in zip(clone.weights, fresh.weights, strict=True):
        if "moving" in mine.name or "gamma" in mine.name or "beta" in mine.name:
            mine.assign(np.asarray(old) + 1)


@fault(several_layers, "other state", "seed", only_on="keras")
def dropout_seed_restarted(keras, model, clone):
    clone.layers[3].seed_generator.state.assign([7, 0])


@fault(zoo.raw_variable, "other state", "temperature", only_on="keras")
def raw_variable_lost(keras, model, clone):
    clone.temperature.assign(1.0)


@fault(zoo.stateful_recurrent, "other state", "gru", only_on="keras")
def recurrent_state_lost(keras, model, clone):
    clone.layers[0].reset_states()


@fault(zoo.stateful_recurrent, "other state", "", only_on="tf_keras")
def recurrent_state_lost_on_2(keras, model, clone):
    clone.layers[0].reset_states()


@fault(text, "other state", "string_lookup")
def vocabulary_permuted(keras, model, clone):
    next(layer for layer in clone.layers if "lookup" in layer.name).set_vocabulary(["a", "b", "c"])


@fault(text, "other state", "string_lookup")
def vocabulary_shortened(keras, model, clone):
    next(layer for layer in clone.layers if "lookup" in layer.name).set_vocabulary(["a", "b"])


@fault(zoo.adapted_normalization, "layer settings", "mean", only_on="keras")
def normalization_not_finalised(keras, model, clone):
    clone.layers[0].mean = clone.layers[0].mean + 1


# -- structure and settings --------------------------------------------------------------------------------------------


@fault(several_layers, "layer settings", "rate")
def another_dropout_rate(keras, model, clone):
    clone.layers[3].rate = 0.3


@fault(several_layers, "layer settings", "activation")
def another_activation(keras, model, clone):
    clone.layers[1].activation = keras.activations.sigmoid


@fault(several_layers, "layer settings", "activation")
def activation_became_a_lambda(keras, model, clone):
    clone.layers[1].activation = lambda x: tf.tanh(x)


@fault(several_layers, "layer settings", "kernel_regularizer.l2")
def another_regulariser_strength(keras, model, clone):
    clone.layers[0].kernel_regularizer.l2 = 0.02


@fault(several_layers, "layer settings", "kernel_regularizer")
def regulariser_lost(keras, model, clone):
    clone.layers[0].kernel_regularizer = None


@fault(several_layers, "layer settings", "kernel_constraint.max_value")
def another_constraint(keras, model, clone):
    clone.layers[0].kernel_constraint.max_value = 3


@fault(several_layers, "layer settings", "activity_regularizer")
def activity_regulariser_added(keras, model, clone):
    clone.layers[1].activity_regularizer = keras.regularizers.L1(0.1)


@fault(several_layers, "layer settings", "trainable")
def layer_frozen(keras, model, clone):
    clone.layers[1].trainable = False


@fault(several_layers, "layer settings", "trainable")
def model_flag_differs(keras, model, clone):
    # What clone_model does to a model that was frozen as a whole.
    for either in (model, clone):
        either.trainable = False
    clone.trainable = True
    for layer in clone.layers:
        layer.trainable = False


@fault(several_layers, "layer settings", "momentum")
def another_batch_norm_momentum(keras, model, clone):
    clone.layers[2].momentum = 0.5


@fault(several_layers, "layer settings", "epsilon")
def another_epsilon(keras, model, clone):
    clone.layers[2].epsilon = 0.0011


@fault(several_layers, "layer settings", "dtype policy")
def another_dtype_policy(keras, model, clone):
    stack = [type(layer).from_config(layer.get_config()) for layer in clone.layers[:-1]]
    other = keras.Sequential([keras.layers.Input((6,)), *stack, keras.layers.Dense(3, dtype="mixed_float16")])
    other(np.zeros((1, 6), "float32"))
    other.set_weights(clone.get_weights())
    other.compile(keras.optimizers.Adam(0.01, clipnorm=1.0), model.loss)
    return other


@fault(equal_branches, "structure", "dense")
def branch_connected_twice(keras, model, clone):
    _, left, _, subtract, head = clone.layers
    inputs = clone.inputs[0]
    other = keras.Model(inputs, head(subtract([left(inputs), left(inputs)])))
    other.compile("sgd", model.loss)
    return other


@fault(zoo.functional_with_two_inputs_and_shared_layer, "structure", "dense")
def shared_layer_untied(keras, model, clone):
    layers = keras.layers
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    one, two = layers.Dense(5, "tanh"), layers.Dense(5, "tanh")
    other = keras.Model({"left": left, "right": right}, layers.Dense(3)(layers.add([one(left), two(right)])))
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    one.set_weights(dense[0].get_weights())
    two.set_weights(dense[0].get_weights())
    other.layers[-1].set_weights(dense[1].get_weights())
    other.compile("adam", model.loss)
    return other


@fault(several_layers, "structure", "only the original")
def layer_dropped(keras, model, clone):
    other = keras.Sequential([keras.layers.Input((6,)), *clone.layers[:-1]])
    other.compile("adam", model.loss)
    return other


@fault(unused_block, "structure", "LeakyReLU")
def class_of_an_unused_layer(keras, model, clone):
    clone.layers[0].inner[1] = keras.layers.ELU()


@fault(unused_block, "layer settings", "dropout")
def setting_of_an_unused_layer(keras, model, clone):
    clone.layers[0].inner[0].rate = 0.2


@fault(unused_block, "layer settings", "supports_masking")
def masks_no_longer_passed_on(keras, model, clone):
    clone.layers[0].supports_masking = not model.layers[0].supports_masking


@fault(several_layers, "layer settings", "autocast", only_on="keras")
def autocast_off(keras, model, clone):
    clone.layers[1].autocast = False


@fault(zoo.spectral_normalization, "weights", "vector_u", only_on="keras")
def vector_of_spectral_normalization_turned(keras, model, clone):
    vector = clone.layers[0].vector_u
    vector.assign(-np.asarray(vector))


@fault(zoo.lora, "layer settings", "lora_alpha", only_on="keras")
def another_weight_of_lora(keras, model, clone):
    clone.layers[0].lora_alpha = 9


@fault(zoo.quantized, "weights", "kernel_scale", only_on="keras")
def another_scale_of_quantization(keras, model, clone):
    scale = clone.layers[0].kernel_scale
    scale.assign(np.asarray(scale) * 1.01)


@fault(unused_block, "layer settings", "_scale")
def private_number_changed(keras, model, clone):
    clone.layers[0]._scale = 1.25


@fault(unused_block, "layer settings", "maxlen")
def maximum_length_changed(keras, model, clone):
    model.layers[0].recent, clone.layers[0].recent = collections.deque([1], 5), collections.deque([1], 6)


@fault(unused_block, "layer settings", "order")
def order_changed(keras, model, clone):
    model.layers[0].heads = collections.OrderedDict(first=1, second=2)
    clone.layers[0].heads = collections.OrderedDict(second=2, first=1)


@fault(unused_block, "layer settings", "readings")
def masked_entry_changed(keras, model, clone):
    model.layers[0].readings = np.ma.array([1.0, 2.0], mask=[False, True])
    clone.layers[0].readings = np.ma.array([1.0, 2.0], mask=[True, False])


@fault(zoo.odd_attributes, "layer settings", "by_reference")
def entry_of_a_variable_changed(keras, model, clone):
    clone.by_reference.kept[clone.offset.ref()] = 0.25


@fault(unused_block, "layer settings", "mask")
def array_changed(keras, model, clone):
    clone.layers[0].mask = np.array([0.0, 1.0, 2.5])


@fault(unused_block, "layer settings", "depth")
def entry_of_a_dict_changed(keras, model, clone):
    clone.layers[0].settings["depth"] = 3


@fault(unused_block, "structure", "seen[0]: only the clone has it")
def entry_added_to_an_empty_list(keras, model, clone):
    clone.layers[0].seen.append(3)


@fault(unused_block, "layer settings", "more.depth")
def attribute_of_an_attribute_changed(keras, model, clone):
    clone.layers[0].more.depth = 3


@fault(unused_block, "separate storage", "more (SimpleNamespace)")
def namespace_shared(keras, model, clone):
    clone.layers[0].more = model.layers[0].more


@fault(unused_block, "layer settings", "note")
def text_changed(keras, model, clone):
    clone.layers[0].note = "second"


@fault(unused_block, "layer settings", "function")
def function_changed(keras, model, clone):
    clone.layers[0].function = lambda x: x + x


@fault(several_layers, "structure", "call")
def call_patched(keras, model, clone):
    layer = clone.layers[1]
    own = layer.call
    layer.call = lambda *args, **kwargs: own(*args, **kwargs)


# -- compile settings and optimizer ------------------------------------------------------------------------------------


@fault(several_layers, "compile settings", "learning rate")
def another_learning_rate(keras, model, clone):
    clone.optimizer.learning_rate.assign(0.011)


@fault(several_layers, "compile settings", "clipnorm")
def clipping_lost(keras, model, clone):
    clone.optimizer.clipnorm = None


@fault(several_layers, "compile settings", "beta_1")
def another_beta(keras, model, clone):
    clone.optimizer.beta_1 = 0.8


@fault(zoo.sequential, "compile settings", "Adam")
def another_optimizer(keras, model, clone):
    clone.compile("rmsprop", model.loss, metrics=["accuracy"])


@fault(zoo.sequential, "compile settings", "loss")
def another_loss(keras, model, clone):
    clone.optimizer, optimizer = clone.optimizer, clone.optimizer
    clone.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])


@fault(zoo.sequential, "compile settings", "metrics")
def another_metric(keras, model, clone):
    clone.compile(clone.optimizer, clone.loss, metrics=["mae"])


@fault(metrics, "compile settings", "k")
def another_setting_of_a_metric(keras, model, clone):
    clone.compile(clone.optimizer, clone.loss, metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=3)])


@fault(zoo.sequential, "compile settings", "not compiled")
def compiled_away(keras, model, clone):
    other = (
        keras.models.clone_model(clone)
        if keras.__name__ == "tf_keras"
        else keras.Sequential.from_config(clone.get_config())
    )
    other.set_weights(clone.get_weights())
    return other


@fault(several_layers, "optimizer state", "variables differ")
def slot_reset(keras, model, clone):
    slot = clone.optimizer._momentums[2]
    slot.assign(np.zeros(slot.shape))


@fault(several_layers, "optimizer state", "steps")
def iterations_reset(keras, model, clone):
    clone.optimizer.iterations.assign(0)


@fault(scheduled, "compile settings", "decay_rate")
def another_schedule(keras, model, clone):
    clone.optimizer._learning_rate.decay_rate = 0.6


@fault(scheduled, "optimizer state", "made 4 steps, the clone 0")
def schedule_restarted(keras, model, clone):
    clone.optimizer.iterations.assign(0)


@fault(scheduled, "compile settings", "learning rate")
def schedule_became_a_number(keras, model, clone):
    clone.compile(keras.optimizers.SGD(0.05 * 0.25, momentum=0.9), clone.loss, metrics=["accuracy"])


@fault(decaying, "compile settings", "exclude")
def exemptions_from_decay_lost(keras, model, clone):
    for key in [key for key in vars(clone.optimizer) if "exclude" in key]:
        del vars(clone.optimizer)[key]


@fault(gan, "optimizer state", "variables differ")
def slot_of_a_second_optimizer(keras, model, clone):
    slot = clone.generator_optimizer._velocities[0]
    slot.assign(np.ones(slot.shape))


@fault(gan, "compile settings", "judge_optimizer")
def rate_of_a_second_optimizer(keras, model, clone):
    clone.judge_optimizer.learning_rate.assign(0.5)


@fault(zoo.loss_scaled, "optimizer state", "scale", only_on="keras")
def loss_scale_reset(keras, model, clone):
    clone.optimizer.dynamic_scale.assign(128.0)


@fault(zoo.loss_scaled, "optimizer state", "loss_scale", only_on="tf_keras")
def loss_scale_reset_on_2(keras, model, clone):
    clone.optimizer._loss_scale._current_loss_scale.assign(128.0)


@fault(zoo.loss_scaled, "compile settings", "learning rate")
def rate_of_an_inner_optimizer(keras, model, clone):
    clone.optimizer.inner_optimizer.learning_rate.assign(0.5)


@fault(zoo.everything_compiled, "optimizer state", "average")
def averages_lost(keras, model, clone):
    for average in clone.optimizer._model_variables_moving_average:
        average.assign(np.zeros(average.shape))


@fault(zoo.gradient_accumulation, "optimizer state", "variables differ", only_on="keras")
def accumulated_gradients_lost(keras, model, clone):
    gradient = clone.optimizer._accumulated_gradients[0]
    gradient.assign(np.asarray(gradient) + 1)


@fault(zoo.legacy_optimizer, "optimizer state", "variables differ", only_on="tf_keras")
def slot_of_a_legacy_optimizer(keras, model, clone):
    slot = clone.optimizer.weights[1]
    slot.assign(np.ones(slot.shape))


@fault(zoo.legacy_optimizer, "compile settings", "decay_steps", only_on="tf_keras")
def schedule_of_a_legacy_optimizer(keras, model, clone):
    clone.optimizer._hyper["learning_rate"].decay_steps = 20


@fault(zoo.sequential, "compile settings", "steps_per_execution", only_on="keras")
def another_number_of_steps_at_once(keras, model, clone):
    clone.steps_per_execution = 4


@fault(zoo.sequential, "other state", "total")
def running_metric_changed(keras, model, clone):
    clone.metrics[0].total.assign(5.0)


@fault(zoo.trained_without_a_call, "other state", "count")
def running_metric_of_an_attribute_changed(keras, model, clone):
    clone.tracker.count.assign(7.0)


@fault(zoo.trained_without_a_call, "training steps", "the weights differ")
def step_changed_in_a_model_without_a_call(keras, model, clone):
    decoder = clone.decoder
    clone.decoder = keras.Sequential([*decoder.layers[:-1], keras.layers.Dropout(0.9)])
    clone.decoder(np.zeros((1, 2), "float32"))


@fault(zoo.loss_with_state, "other state", "against")
def state_of_a_loss_lost(keras, model, clone):
    clone.loss.weight.assign(1.0)


@fault(with_added_loss, "added losses", "largest")
def another_weight_of_an_added_loss(keras, model, clone):
    weigh = clone.weigh
    clone.weigh = lambda loss: 2 * weigh(loss)


@fault(zoo.own_train_step, "structure", "train_step")
def train_step_patched(keras, model, clone):
    own = clone.train_step
    clone.train_step = lambda batch: own((batch[0], batch[1] * 0))


# -- shared ------------------------------------------------------------------------------------------------------------


@fault(several_layers, "separate storage", "optimizer (Adam)")
def optimizer_shared(keras, model, clone):
    clone.optimizer = model.optimizer


@fault(metrics, "separate storage", "SparseTopK")
def metric_shared(keras, model, clone):
    metric = keras.metrics.SparseTopKCategoricalAccuracy(k=2)
    for either in (model, clone):
        either.compile("adam", either.loss, metrics=[metric])


@fault(unused_block, "separate storage", "settings (")
def dict_shared(keras, model, clone):
    settings = {"depth": 2, "more": [1, 2]}
    for either in (model, clone):
        # As a constructor would do that keeps what it is given.
        object.__setattr__(either.layers[0], "settings", settings)


@fault(unused_block, "separate storage", "mask (ndarray)")
def array_shared(keras, model, clone):
    clone.layers[0].mask = model.layers[0].mask


@fault(several_layers, "separate storage", "variables are shared")
def layer_shared(keras, model, clone):
    other = keras.Sequential([keras.layers.Input((6,)), *clone.layers[:-1], model.layers[-1]])
    other.compile("adam", model.loss)
    return other


@fault(unused_block, "separate storage", "shared")
def method_of_the_original(keras, model, clone):
    clone.layers[0].function = model.layers[1].__call__


@fault(text, "separate storage", "table")
def table_shared(keras, model, clone):
    tables = [tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)] * 2
    for either, table in zip((model, clone), tables, strict=True):
        either.layers[-1].table = table


@fault(text, "other state", "table")
def table_differs(keras, model, clone):
    for number, either in enumerate((model, clone)):
        either.layers[-1].table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
        either.layers[-1].table.insert(tf.constant(["a"]), tf.constant([number], tf.int64))


@fault(unused_block, "other state", "rng")
def numpy_generator_differs(keras, model, clone):
    for number, either in enumerate((model, clone)):
        either.layers[0].rng = np.random.default_rng(number)


# -- TensorFlow Probability (on tf_keras only) -------------------------------------------------------------------------


def _probability():
    import tensorflow_probability as tfp

    return tfp


def flipout(keras):
    tfp = _probability()
    layers = [keras.layers.Input((6,)), tfp.layers.DenseFlipout(4, activation="relu"), tfp.layers.DenseFlipout(3)]
    return trained(keras, keras.Sequential(layers))


def distribution(keras):
    tfp = _probability()
    tfd = tfp.distributions
    stack = [
        keras.layers.Input((6,)),
        keras.layers.Dense(2),
        tfp.layers.DistributionLambda(lambda t: tfd.Normal(t[..., :1], 1e-3 + tf.math.softplus(t[..., 1:]))),
    ]
    model, (x, y) = keras.Sequential(stack), data()
    model.compile("adam", lambda y, p: -p.log_prob(y))
    zoo.fit(model, x, y[:, None].astype("float32"), verbose=0)
    return model, x, y[:, None].astype("float32")


def divergence_regulariser(keras):
    tfp = _probability()
    tfd = tfp.distributions
    prior = tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1)
    stack = [
        keras.layers.Input((6,)),
        keras.layers.Dense(tfp.layers.IndependentNormal.params_size(2)),
        tfp.layers.IndependentNormal(2, activity_regularizer=tfp.layers.KLDivergenceRegularizer(prior, weight=0.5)),
        keras.layers.Dense(3),
    ]
    return trained(keras, keras.Sequential(stack))


def variational(keras):
    tfp = _probability()
    tfd = tfp.distributions

    def posterior(kernel_size, bias_size=0, dtype=None):
        size = kernel_size + bias_size
        return keras.Sequential(
            [
                tfp.layers.VariableLayer(2 * size, dtype=dtype),
                tfp.layers.DistributionLambda(
                    lambda t: tfd.Independent(tfd.Normal(t[:size], 1e-2 + tf.nn.softplus(t[size:])), 1)
                ),
            ]
        )

    def prior(kernel_size, bias_size=0, dtype=None):
        size = kernel_size + bias_size
        return lambda _: tfd.Independent(tfd.Normal(tf.zeros(size), 1.0), 1)

    layer = tfp.layers.DenseVariational(3, posterior, prior, kl_weight=0.1)
    return trained(keras, keras.Sequential([keras.layers.Input((6,)), layer]))


PROBABILISTIC = [flipout, distribution, divergence_regulariser, variational, zoo.flow_with_networks_of_keras]


@fault(flipout, "layer settings", "divergence", only_on="tf_keras")
def another_divergence(keras, model, clone):
    divergence = _probability().distributions.kl_divergence
    clone.layers[0].kernel_divergence_fn = lambda q, p, _: 0.5 * divergence(q, p)


@fault(flipout, "weights", "posterior", only_on="tf_keras")
def posterior_changed(keras, model, clone):
    scale = next(weight for weight in clone.weights if "scale" in weight.name)
    scale.assign(scale + 0.5)


@fault(distribution, "outputs", "difference", only_on="tf_keras")
def another_distribution(keras, model, clone):
    tfp = _probability()
    tfd = tfp.distributions
    stack = [
        keras.layers.Input((6,)),
        clone.layers[0],
        tfp.layers.DistributionLambda(lambda t: tfd.Laplace(t[..., :1], 1e-3 + tf.math.softplus(t[..., 1:]))),
    ]
    other = keras.Sequential(stack)
    other.compile(clone.optimizer, clone.loss)
    return other


@fault(variational, "layer settings", "_kl_divergence_fn", only_on="tf_keras")
def another_weight_of_the_divergence_of_a_layer(keras, model, clone):
    other = _probability().layers.DenseVariational(3, None, None, kl_weight=0.5)
    clone.layers[0]._kl_divergence_fn = other._kl_divergence_fn


@fault(zoo.lookups_of_several_inputs, "separate storage", "table")
def fixed_table_shared(keras, model, clone):
    lookup = [next(layer for layer in m.layers if type(layer).__name__ == "StringLookup") for m in (model, clone)]
    lookup[1].lookup_table = lookup[0].lookup_table


@fault(zoo.flow_with_networks_of_keras, "separate storage", "shared", only_on="tf_keras")
def network_of_a_flow_shared(keras, model, clone):
    clone.networks[0] = model.networks[0]


@fault(divergence_regulariser, "added losses", "the original adds 2 losses, the clone 0", only_on="tf_keras")
def divergence_term_lost(keras, model, clone):
    stack = [keras.layers.Input((6,)), clone.layers[0], _probability().layers.IndependentNormal(2), clone.layers[2]]
    other = keras.Sequential(stack)
    other.compile(clone.optimizer, clone.loss, metrics=["accuracy"])
    return other


@fault(divergence_regulariser, "layer settings", "activity_regularizer", only_on="tf_keras")
def another_weight_of_a_divergence(keras, model, clone):
    regulariser = clone.layers[1].activity_regularizer
    for key, value in vars(regulariser).items():
        if isinstance(value, float) or type(value).__name__ == "EagerTensor":
            setattr(regulariser, key, value * 2)


# -- the clone still uses what belongs to the original -----------------------------------------------------------------


def own_parts(keras):
    """A model with a layer that keeps anything. Its loss, regularizer, schedule and optimizer are the reader's own."""
    layers, optimizers = keras.layers, keras.optimizers

    class Shelf(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.seen, self.kept = layers.Dense(2), [], None
            self.inner.build((None, 6))

        def call(self, inputs):
            return inputs

        def scaled(self, value, *others):
            return value * tf.reduce_sum(self.inner.kernel)

    class Strength(keras.regularizers.Regularizer):
        def __init__(self):
            self.factor = 0.1

        def __call__(self, weight):
            return self.factor * tf.reduce_sum(tf.square(weight))

    class Rate(optimizers.schedules.LearningRateSchedule):
        def __init__(self):
            self.first = 0.01

        def __call__(self, step):
            return self.first / (1.0 + tf.cast(step, tf.float32))

        def get_config(self):
            return {}

    class Start(keras.initializers.Initializer):
        def __init__(self):
            self.value = 0.5

        def __call__(self, shape, dtype=None, **kwargs):
            return tf.fill(shape, self.value)

    class Damped(optimizers.SGD):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.damping, self._steps = 0.5, 3

    class Loss(keras.losses.Loss):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.weight, self.kept = 0.5, None

        def call(self, y_true, y_pred):
            return self.weight * tf.reduce_mean(tf.square(y_pred), -1)

    head = layers.Dense(3, kernel_regularizer=Strength(), kernel_initializer=Start())
    model = keras.Sequential([layers.Input((6,)), Shelf(name="shelf"), head])
    model.compile(Damped(Rate()), Loss(), metrics=[keras.metrics.MeanSquaredError()])
    x, y = data()
    return model, x, np.eye(3, dtype="float32")[y]


KEPT: dict[str, Callable] = {}


def kept(apply: Callable) -> Callable:
    """Enter a fault of `own_parts`: in one place, the clone uses what belongs to the original."""
    KEPT[apply.__name__] = apply
    return apply


def compiled_with(model: Any, **changes: Any) -> None:
    """Compile a model again, with the same optimizer and loss but for the changes."""
    model.compile(**{"optimizer": model.optimizer, "loss": model.loss, **changes})


@kept
def loss_is_a_method(keras, model, clone):
    compiled_with(model, loss=model.layers[0].scaled)
    compiled_with(clone, loss=model.layers[0].scaled)


@kept
def metric_closes_over_the_original(keras, model, clone):
    def made(of):
        def size(y_true, y_pred):
            return tf.reduce_sum(of.layers[0].inner.kernel)

        return size

    for either in (model, clone):
        compiled_with(either, metrics=[made(model)])


@kept
def activation_is_a_method(keras, model, clone):
    for either in (model, clone):
        either.layers[-1].activation = model.layers[0].scaled


@kept
def regularizer_holds_a_layer(keras, model, clone):
    for either in (model, clone):
        either.layers[-1].kernel_regularizer.layer = model.layers[0]


@kept
def schedule_uses_a_variable(keras, model, clone):
    rate = tf.Variable(0.1)
    for either in (model, clone):
        either.optimizer._learning_rate.first = rate


@kept
def initializer_closes_over_the_original(keras, model, clone):
    for either in (model, clone):
        either.layers[-1].kernel_initializer.value = lambda: model.layers[0].inner.kernel


@kept
def callbacks_hold_the_original(keras, model, clone):
    for either in (model, clone):
        callback = keras.callbacks.History()
        callback.set_model(model)
        either.layers[0].kept = [callback]


@kept
def optimizer_holds_a_method(keras, model, clone):
    for either in (model, clone):
        either.optimizer.damping = model.layers[0].scaled


@kept
def loss_holds_a_function_with_defaults(keras, model, clone):
    def made(of):
        return lambda y, kernel=of.layers[0].inner.kernel: y * kernel

    for either in (model, clone):
        either.loss.kept = made(model)


@kept
def function_with_a_default_by_keyword(keras, model, clone):
    def made(of):
        return lambda y, *, layer=of.layers[0].inner: layer(y)

    for either in (model, clone):
        either.layers[0].kept = made(model)


@kept
def partial_of_a_method(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = functools.partial(model.layers[0].scaled, 2.0)


@kept
def argument_of_a_partial(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = functools.partial(tf.add, y=model.layers[0].inner.kernel)


@kept
def closure_in_a_closure(keras, model, clone):
    def outer(layer):
        def middle():
            return lambda x: layer(x)

        return middle

    for either in (model, clone):
        either.layers[0].kept = {"functions": (outer(model.layers[0].inner),)}


@kept
def attribute_of_a_function(keras, model, clone):
    for either in (model, clone):

        def function(x):
            return function.layer(x)

        function.layer = model.layers[0].inner
        either.layers[0].kept = function


@kept
def cell_of_a_closure(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = types.CellType(model.layers[0].inner)


_REGISTRY: dict[str, Any] = {}


@kept
def property_that_looks_into_a_global(keras, model, clone):
    class Proxy:
        @property
        def layer(self):
            return _REGISTRY["layer"]

    _REGISTRY["layer"] = model.layers[0].inner
    for either in (model, clone):
        either.layers[0].kept = Proxy()


@kept
def function_that_looks_into_a_global(keras, model, clone):
    _REGISTRY["layer"] = model.layers[0].inner
    for either in (model, clone):
        either.layers[0].kept = lambda x: _REGISTRY["layer"](x)


@kept
def class_that_closes_over_the_original(keras, model, clone):
    layer = model.layers[0].inner

    class Proxy:
        def __call__(self, x):
            return layer(x)

    for either in (model, clone):
        either.layers[0].kept = Proxy()


@kept
def attribute_of_a_class(keras, model, clone):
    class Proxy:
        layer = model.layers[0].inner

    for either in (model, clone):
        either.layers[0].kept = Proxy()


@kept
def object_with_slots(keras, model, clone):
    class Slotted:
        __slots__ = ("layer",)

    for either in (model, clone):
        either.layers[0].kept = Slotted()
        either.layers[0].kept.layer = model.layers[0].inner


@kept
def member_of_a_set(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = types.SimpleNamespace(layers={model.layers[0].inner})


@kept
def key_of_a_dict(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = types.SimpleNamespace(names={model.layers[0].inner: "inner"})


@kept
def array_of_objects(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = np.array([model.layers[0].inner, None], dtype=object)


@kept
def read_only_view_of_a_dict(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = types.MappingProxyType({"layer": model.layers[0].inner})


@kept
def frozen_dataclass(keras, model, clone):
    @dataclass(frozen=True)
    class Settings:
        layer: Any

    for either in (model, clone):
        either.layers[0].kept = Settings(model.layers[0].inner)


@kept
def function_behind_a_cache(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = functools.lru_cache(model.layers[0].scaled)


@kept
def function_of_tensorflow(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = tf.function(model.layers[0].scaled)


@kept
def compiled_function(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = tf.function(model.layers[0].scaled).get_concrete_function(tf.constant(1.0))


@kept
def method_of_a_list(keras, model, clone):
    seen = [model.layers[0].inner]
    for either in (model, clone):
        either.layers[0].kept = seen.append


@kept
def weak_reference(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = weakref.ref(model.layers[0].inner)


@kept
def iterator(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = itertools.cycle([model.layers[0].inner])


@kept
def view_of_a_dict(keras, model, clone):
    layers = {"layer": model.layers[0].inner}
    for either in (model, clone):
        either.layers[0].kept = layers.values()


@kept
def generator_that_has_begun(keras, model, clone):
    def layers(of):
        yield 1
        yield of.layers[0].inner

    for either in (model, clone):
        either.layers[0].kept = layers(model)
        next(either.layers[0].kept)


@kept
def vectorized_function(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = np.vectorize(model.layers[0].scaled)


@kept
def attribute_of_a_list_of_ones_own(keras, model, clone):
    class Names(list):
        pass

    for either in (model, clone):
        names = Names("ab")
        names.layer = model.layers[0].inner
        either.layers[0].kept = types.SimpleNamespace(names=names)


@kept
def step_of_the_original(keras, model, clone):
    for either in (model, clone):
        either.layers[0].kept = model.train_step


@kept
def data_set_that_maps_over_a_layer(keras, model, clone):
    rows = tf.data.Dataset.from_tensor_slices(np.ones((4, 6), "float32"))
    for either in (model, clone):
        either.layers[0].kept = rows.map(lambda row: tf.matmul(row[None], model.layers[0].inner.kernel))


# -- what the reader's own classes are set to --------------------------------------------------------------------------

CHANGED: dict[str, tuple[str, Callable]] = {
    "damping": ("compile settings", lambda clone: setattr(clone.optimizer, "damping", 1.0)),
    "_steps": ("compile settings", lambda clone: setattr(clone.optimizer, "_steps", 4)),
    "first": ("compile settings", lambda clone: setattr(clone.optimizer._learning_rate, "first", 0.02)),
    "weight": ("compile settings", lambda clone: setattr(clone.loss, "weight", 1.0)),
    "factor": ("layer settings", lambda clone: setattr(clone.layers[-1].kernel_regularizer, "factor", 0.2)),
    "value": ("layer settings", lambda clone: setattr(clone.layers[-1].kernel_initializer, "value", 0.1)),
}
