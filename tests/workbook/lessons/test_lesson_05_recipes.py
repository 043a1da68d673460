"""The recipes of notebook 05 make a true clone of each kind of layer and distribution.

For layers, the model is made again with its class, and weights, compile settings and optimizer are copied; for layers
made with functions, the recipe is `clone_model` with the same functions. For distributions, their class is called again
with fresh variables, or a checkpoint is loaded into a rebuilt one. `helpers.clone` is tried on all of them.
"""

import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras
from tiers import every

import helpers
import workbook

tfb, tfd, tfpl, tfu = tfp.bijectors, tfp.distributions, tfp.layers, tfp.util
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

INPUTS = np.random.default_rng(0).normal(size=(32, 8)).astype("float32")
TARGETS = np.random.default_rng(1).uniform(0.1, 0.9, size=(32, 1)).astype("float32")
CLASSES = np.eye(3, dtype="float32")[np.arange(32) % 3]
PRIOR = tfd.Independent(tfd.Normal(tf.zeros(1), 1.0), 1)


def nll(target, distribution):
    return -distribution.log_prob(target)


def posterior(kernel_size, bias_size, dtype):
    size = kernel_size + bias_size
    start = tfpl.VariableLayer(tfpl.IndependentNormal.params_size(size), dtype=dtype)
    return tf_keras.Sequential([start, tfpl.IndependentNormal(size)])


def prior(kernel_size, bias_size, dtype):
    size = kernel_size + bias_size
    standard = tfpl.DistributionLambda(lambda inputs: tfd.Independent(tfd.Normal(tf.zeros(size, dtype), 1.0), 1))
    return tf_keras.Sequential([standard])


def after(layer, width):
    """Return a layer with weights, followed by a layer that makes a distribution."""
    return [tf_keras.layers.Dense(width), layer]


# Name of the layer -> function that makes its stack, loss, targets.
LAYERS = {
    "DenseFlipout": (lambda: [tfpl.DenseFlipout(4, "relu"), tfpl.DenseFlipout(1)], "mse", TARGETS),
    "DenseReparameterization": (lambda: [tfpl.DenseReparameterization(1)], "mse", TARGETS),
    "DenseLocalReparameterization": (lambda: [tfpl.DenseLocalReparameterization(1)], "mse", TARGETS),
    "Convolution1DFlipout": (
        lambda: [tf_keras.layers.Reshape((8, 1)), tfpl.Convolution1DFlipout(2, 8), tf_keras.layers.Flatten()],
        "mse",
        TARGETS,
    ),
    "DenseVariational": (lambda: [tfpl.DenseVariational(1, posterior, prior, kl_weight=0.1)], "mse", TARGETS),
    "MultivariateNormalTriL": (lambda: after(tfpl.MultivariateNormalTriL(1), 2), nll, TARGETS),
    "OneHotCategorical": (lambda: after(tfpl.OneHotCategorical(3), 3), nll, CLASSES),
    "IndependentNormal": (lambda: after(tfpl.IndependentNormal(1), 2), nll, TARGETS),
    "IndependentNormal with a KL term": (
        lambda: after(
            tfpl.IndependentNormal(1, activity_regularizer=tfpl.KLDivergenceRegularizer(PRIOR, weight=0.1)), 2
        ),
        nll,
        TARGETS,
    ),
    "IndependentBernoulli": (lambda: after(tfpl.IndependentBernoulli(1), 1), nll, np.round(TARGETS)),
    "DistributionLambda": (lambda: after(tfpl.DistributionLambda(lambda t: tfd.Normal(t, 1.0)), 1), nll, TARGETS),
}
MADE_WITH_FUNCTIONS = [name for name in LAYERS if name.endswith(("Flipout", "Reparameterization"))]


@functools.cache
def made(name):
    """Return the class of a model with that layer, a trained model of that class, and its targets.

    All tests share one model, because none of them trains it, and an audit restores all state that it changes.
    """
    stack, loss, targets = LAYERS[name]

    class Model(tf_keras.Sequential):
        def __init__(self):
            super().__init__([tf_keras.layers.Input((8,)), *stack()])

    workbook.set_seeds(0)
    model = Model()
    model.compile(tf_keras.optimizers.Adam(0.01), loss)
    model.fit(INPUTS, targets, batch_size=8, epochs=2, verbose=0)
    return Model, model, targets


def carried_over(clone, model):
    clone.set_weights(model.get_weights())
    clone.compile(tf_keras.optimizers.Adam(0.01), model.loss)
    clone.optimizer.build(clone.trainable_variables)
    for mine, theirs in zip(clone.optimizer.variables, model.optimizer.variables, strict=True):
        mine.assign(theirs)
    return clone


@pytest.mark.parametrize("name", every(4, LAYERS))
def test_the_class_made_again_is_a_true_clone(name):
    cls, model, targets = made(name)
    report = helpers.audit(model, carried_over(cls(), model), INPUTS, targets)
    assert report.ok, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_helpers_clone_is_a_true_clone(name):
    _, model, targets = made(name)
    report = helpers.audit(model, helpers.clone(model), INPUTS, targets)
    assert report.ok, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE_WITH_FUNCTIONS)
def test_live_functions_make_clone_model_work(name):
    _, model, targets = made(name)
    functions = [key for key in tfpl.DenseFlipout(1).get_config() if key.endswith("_fn")]

    def rebuilt(layer):
        if not hasattr(layer, "kernel_posterior_fn"):
            return type(layer).from_config(layer.get_config())
        live = {key: getattr(layer, key) for key in functions}
        if hasattr(layer, "units"):
            return type(layer)(layer.units, layer.activation, name=layer.name, **live)
        return type(layer)(layer.filters, layer.kernel_size, activation=layer.activation, name=layer.name, **live)

    clone = carried_over(tf_keras.models.clone_model(model, clone_function=rebuilt), model)
    # The class is not restored: clone_model makes a plain Sequential.
    assert helpers.audit(model, clone, INPUTS, targets).failures == ["structure"]


@pytest.mark.parametrize("name", MADE_WITH_FUNCTIONS)
def test_without_them_it_raises(name):
    _, model, _ = made(name)
    assert isinstance(workbook.raised(lambda: tf_keras.models.clone_model(model)), NameError)


def test_the_autoencoder_keeps_its_kl_term_where_clone_model_drops_it():
    cls, model, _ = made("IndependentNormal with a KL term")
    model(INPUTS)
    naive = tf_keras.models.clone_model(model)
    naive(INPUTS)
    clone = cls()
    clone(INPUTS)
    assert model.losses and len(clone.losses) == len(model.losses) and not naive.losses


def test_a_regulariser_counts_twice():
    """For the distribution, and for the value drawn from it."""
    regularizer = tfpl.KLDivergenceRegularizer(PRIOR, weight=0.1, use_exact_kl=True)
    layer = tfpl.IndependentNormal(1, activity_regularizer=regularizer)
    answer = layer(INPUTS[:, :2])
    divergence = tfd.kl_divergence(tfd.Independent(tfd.Normal(answer.mean(), answer.stddev()), 1), PRIOR)
    assert len(layer.losses) == 2
    assert float(tf.add_n(layer.losses)) == pytest.approx(0.2 * float(tf.reduce_mean(divergence)), rel=1e-4)


def test_in_a_class_of_keras_3_the_weights_of_a_flipout_layer_are_not_listed():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = tfpl.DenseFlipout(3)
            self.head = keras.layers.Dense(1)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    net = Net()
    net(INPUTS)
    before = net.hidden.get_weights()
    net.compile("sgd", "mse")
    net.fit(INPUTS, TARGETS, verbose=0)
    assert len(net.weights) == 2 and len(before) == 3
    assert all(map(np.array_equal, before, net.hidden.get_weights()))


def test_a_compile_config_carries_a_loss_of_keras():
    cls, model, targets = made("DenseFlipout")
    clone = cls()
    clone.set_weights(model.get_weights())
    clone.compile_from_config(model.get_compile_config())
    for mine, theirs in zip(clone.optimizer.variables, model.optimizer.variables, strict=True):
        mine.assign(theirs)
    assert helpers.audit(model, clone, INPUTS, targets).ok


# -- distributions -----------------------------------------------------------------------------------------------------


def flow():
    network = tfb.AutoregressiveNetwork(params=2, hidden_units=[4], activation="relu")
    network.build([2])
    return tfd.TransformedDistribution(tfd.Sample(tfd.Normal(0.0, 1.0), [2]), tfb.MaskedAutoregressiveFlow(network))


def gaussian_process():
    kernel = tfp.math.psd_kernels.ExponentiatedQuadratic(tf.Variable(1.5), tf.Variable(0.7))
    points = np.linspace(0, 1, 4, dtype="float32")[:, None]
    return tfd.GaussianProcess(kernel, points, observation_noise_variance=tf.Variable(0.1))


class Laplace(tfd.Distribution):
    """A distribution of your own, with the methods that TFP asks for."""

    def __init__(self, loc, scale, name="Laplace"):
        parameters = dict(locals())
        kind = tfd.FULLY_REPARAMETERIZED
        super().__init__(tf.float32, kind, False, False, parameters=parameters, name=name)
        self.loc, self.scale = loc, scale

    def _event_shape(self):
        return tf.TensorShape([])

    def _log_prob(self, value):
        return -tf.math.log(2 * self.scale) - tf.abs(value - self.loc) / self.scale

    def _sample_n(self, n, seed=None):
        return self.loc + self.scale * tfd.Laplace(0.0, 1.0).sample(n, seed=seed)


def normal():
    return tfd.Normal(tf.Variable([0.0, 1.0]), tfu.TransformedVariable(0.5, tfb.Softplus()))


DISTRIBUTIONS = {
    "Normal": normal,
    "MultivariateNormalDiag": lambda: tfd.MultivariateNormalDiag(
        tf.Variable([1.0, 2.0]), tfu.TransformedVariable([0.5, 2.0], tfb.Softplus())
    ),
    "Independent": lambda: tfd.Independent(normal(), 1),
    "MixtureSameFamily": lambda: tfd.MixtureSameFamily(tfd.Categorical(logits=tf.Variable([0.1, 0.9])), normal()),
    "TransformedDistribution": lambda: tfd.TransformedDistribution(normal(), tfb.Exp()),
    "Sample": lambda: tfd.Sample(tfd.Normal(tf.Variable(0.0), 1.0), [2]),
    "Laplace": lambda: Laplace(tf.Variable(0.5), tf.Variable(2.0)),
}
WITH_MORE = {
    "GaussianProcess": gaussian_process,
    "a flow": flow,
    "DeferredTensor": lambda: tfd.Normal(0.0, tfu.DeferredTensor(tf.Variable(1.0), tf.nn.softplus)),
    "JointDistributionNamed": lambda: tfd.JointDistributionNamed(
        {"a": tfd.Normal(tf.Variable(0.0), 1.0), "b": lambda a: tfd.Normal(a, 1.0)}
    ),
}
POINTS = {"JointDistributionNamed": {"a": 0.2, "b": 0.7}, "GaussianProcess": np.full(4, 0.3, "float32")}


def log_prob(distribution, name):
    value = POINTS.get(name, np.array([0.3, 0.6], "float32"))
    return np.asarray(distribution.log_prob(value))


def rebuilt(distribution):
    """Call the class again with fresh variables, from the inside out."""
    fresh = {}
    for name, value in distribution.parameters.items():
        if isinstance(value, tfd.Distribution):
            fresh[name] = rebuilt(value)
        elif isinstance(value, tfu.TransformedVariable):
            fresh[name] = tfu.TransformedVariable(value, value.bijector)
            fresh[name].pretransformed_input.assign(value.pretransformed_input)
        elif isinstance(value, tf.Variable):
            fresh[name] = tf.Variable(value, trainable=value.trainable)
    return type(distribution)(**{**distribution.parameters, **fresh})


def assert_true_clone(original, clone, name):
    """Assert the three tests; two models with the same gradients have the same future."""
    assert type(clone) is type(original)
    assert np.array_equal(log_prob(original, name), log_prob(clone, name))
    assert not set(map(id, original.variables)) & set(map(id, clone.variables))
    assert len(clone.trainable_variables) == len(original.trainable_variables) > 0
    steps = []
    for each in (original, clone):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(each.log_prob(POINTS.get(name, np.array([0.3, 0.6], "float32"))))
        steps.append(tape.gradient(loss, each.trainable_variables))
    assert all(map(np.array_equal, *steps))
    before = log_prob(original, name)
    for variable in clone.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    assert np.array_equal(log_prob(original, name), before)
    assert not np.array_equal(log_prob(clone, name), before)


@pytest.mark.parametrize("name", [*DISTRIBUTIONS, *WITH_MORE])
def test_helpers_clone_of_a_distribution(name):
    original = {**DISTRIBUTIONS, **WITH_MORE}[name]()
    assert_true_clone(original, helpers.clone(original), name)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_distribution_rebuilt_from_the_inside_out(name):
    original = DISTRIBUTIONS[name]()
    assert_true_clone(original, rebuilt(original), name)


# TFP keeps the parts of a joint distribution in a dict with the key -1, which a checkpoint does not accept.
@pytest.mark.parametrize("name", [*DISTRIBUTIONS, "GaussianProcess", "a flow", "DeferredTensor"])
def test_a_checkpoint_read_into_a_distribution_made_again(name, tmp_path):
    make = {**DISTRIBUTIONS, **WITH_MORE}[name]
    original, clone = make(), make()
    for variable in original.trainable_variables:
        variable.assign_add(tf.fill(variable.shape, 0.25))
    path = tf.train.Checkpoint(q=original).write(str(tmp_path / "q"))
    tf.train.Checkpoint(q=clone).read(path).assert_consumed()
    assert_true_clone(original, clone, name)


def test_a_flow_with_a_network_of_its_own():
    networks = [tfb.AutoregressiveNetwork(params=2, hidden_units=[4], activation="relu") for _ in range(2)]
    for network in networks:
        network.build([2])
    base = tfd.Sample(tfd.Normal(0.0, 1.0), [2])
    original = tfd.TransformedDistribution(base, tfb.MaskedAutoregressiveFlow(networks[0]))
    networks[1].set_weights(networks[0].get_weights())
    bijector = tfb.MaskedAutoregressiveFlow(networks[1])
    clone = tfd.TransformedDistribution(**{**original.parameters, "bijector": bijector})
    assert_true_clone(original, clone, "a flow")


def test_a_joint_distribution_with_rebuilt_parts():
    original = WITH_MORE["JointDistributionNamed"]()
    parts = {**original.model, "a": rebuilt(original.model["a"])}
    clone = tfd.JointDistributionNamed(**{**original.parameters, "model": parts})
    assert_true_clone(original, clone, "JointDistributionNamed")


@pytest.mark.parametrize("name", [*DISTRIBUTIONS, *WITH_MORE])
def test_a_clone_is_fitted_by_the_same_kind_of_gradient(name):
    original = {**DISTRIBUTIONS, **WITH_MORE}[name]()
    kinds = [tf.nest.flatten(each.reparameterization_type) for each in (original, helpers.clone(original))]
    assert all(mine is theirs for mine, theirs in zip(*kinds, strict=True))


def test_a_frozen_variable_stays_frozen():
    original = tfd.Normal(tf.Variable(1.0, trainable=False), tf.Variable(2.0))
    assert [each.trainable for each in rebuilt(original).variables] == [False, True]


def test_copy_shares_variables_and_keeps_the_original_when_it_is_given_fresh_ones():
    original = DISTRIBUTIONS["MultivariateNormalDiag"]()
    assert original.copy().loc is original.loc
    clone = original.copy(loc=tf.Variable(original.loc))
    assert clone.loc is not original.loc and any(variable is original.loc for variable in clone.variables)


def test_a_module_with_an_optimizer_goes_on_the_same(tmp_path):
    target = tfd.MultivariateNormalDiag([1.0, -2.0], [0.1, 0.1])

    class Posterior(tf.Module):
        def __init__(self):
            super().__init__()
            self.q = DISTRIBUTIONS["MultivariateNormalDiag"]()
            self.optimizer = tf_keras.optimizers.Adam(0.1)
            self.optimizer.build(self.q.trainable_variables)

        def step(self):
            with tf.GradientTape() as tape:
                divergence = tfd.kl_divergence(self.q, target)
            variables = self.q.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(divergence, variables), variables, strict=True))

    original, read = Posterior(), Posterior()
    for _ in range(3):
        original.step()
    path = tf.train.Checkpoint(posterior=original).write(str(tmp_path / "posterior"))
    tf.train.Checkpoint(posterior=read).read(path).assert_consumed()
    cloned = helpers.clone(original)
    for clone in (read, cloned):
        assert np.array_equal(clone.q.mean(), original.q.mean())
        assert int(clone.optimizer.iterations) == 3
    for each in (original, read, cloned):
        each.step()
    for clone in (read, cloned):
        assert np.array_equal(clone.q.mean(), original.q.mean())
        assert np.array_equal(clone.q.stddev(), original.q.stddev())
    original.step()
    assert not np.array_equal(cloned.q.mean(), original.q.mean())


def test_new_flipout_networks_are_equal_before_training():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = tfpl.DenseFlipout(3), tfpl.DenseFlipout(3)
        one(INPUTS)
        other(INPUTS)
    assert all(map(np.array_equal, one.get_weights(), other.get_weights()))
