"""Prediction questions and exercises of notebook 05, Cloning probabilistic models."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from helpers import cloning, distances
from workbook.lessons.quiz import Exercise, Option, Question

TWO_DRAWS = Question(
    key="05-two-draws",
    text="A model whose last layer is a distribution. You call `model.predict(x)` twice. Are the two results equal?",
    options=[
        Option(
            "Yes, the weights are the same",
            "The weights are. But `predict` hands out arrays, so the distribution has to become one: a sample.",
        ),
        Option(
            "No, each call gives another sample",
            "So `predict` cannot tell a clone from a stranger: even the model differs from itself.",
            right=True,
        ),
        Option(
            "Yes, `predict` gives the mean",
            "Only if the layer was made with `convert_to_tensor_fn=tfd.Distribution.mean`. The default is a sample.",
        ),
    ],
)

COPY_METHOD = Question(
    key="05-copy-method",
    text="`twin = q.copy()`, for a distribution `q` whose mean is a variable. You assign 8 to the twin's mean. "
    "What is the mean of `q`?",
    options=[
        Option(
            "What it was: `copy` makes a new object",
            "It makes a new distribution. It hands the same variables to it.",
        ),
        Option(
            "8 as well",
            "`copy` calls the class with the arguments of `q`, and one of them is the variable.",
            right=True,
        ),
        Option("It raises an error", "Nothing is said at all."),
    ],
)

LOST_VARIABLE = Question(
    key="05-lost-variable",
    text="`MultivariateNormalDiag(loc=tf.Variable([0.0, 0.0]), scale_diag=tf.nn.softplus(tf.Variable([0.0, 0.0])))`. "
    "How many trainable variables has it?",
    options=[
        Option("Two, one for the mean and one for the spread", "The second went into `softplus`, and what came out?"),
        Option(
            "One, for the mean",
            "`softplus` is computed on the spot. What the distribution gets is a tensor: two fixed numbers.",
            right=True,
        ),
        Option(
            "None: distributions have no variables", "They are `tf.Module`s, and track the variables they are given."
        ),
    ],
)

FLIPOUT_CLONE = Question(
    key="05-flipout-clone",
    text="A `tf_keras` model with a `DenseFlipout` layer, trained. What does `clone_model(model)` do?",
    options=[
        Option(
            "It makes the same structure with fresh weights",
            "It does so for Keras's own layers. This one is made with functions, and they do not survive the config.",
        ),
        Option(
            "It raises a NameError",
            "The config holds the byte code of the layer's functions, without the names that they use.",
            right=True,
        ),
        Option(
            "It makes a layer without randomness", "The clone does not get that far: the layer cannot be called at all."
        ),
    ],
)

KL_TERM = Question(
    key="05-kl-term",
    text="In an autoencoder, `IndependentNormal(2, activity_regularizer=KLDivergenceRegularizer(...))` makes the "
    "code. `clone_model`, then `set_weights`. What does the clone lack?",
    options=[
        Option("Nothing", "The weights are equal. But the regulariser is not in the layer's config."),
        Option(
            "The KL term in its loss, and nobody says so",
            "The answers are the same. Trained on, the clone becomes a plain autoencoder.",
            right=True,
        ),
        Option("It does not come about: KeyError", "It would be better if it did. This loss is silent."),
    ],
)


@contextmanager
def _clone_out_of_reach() -> Iterator[None]:
    """Make `helpers.clone` refuse for a while, since here the learner writes it."""

    def refuse(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("helpers.clone is switched off in this exercise")

    original, cloning.clone = cloning.clone, refuse
    try:
        yield
    finally:
        cloning.clone = original


# -- compare two models fairly -----------------------------------------------------------------------------------------


def _answering(scale: float, seed: int) -> Any:
    """Make a small model that answers with normal distributions, of a fixed spread."""
    import tensorflow_probability as tfp
    import tf_keras

    tfd = tfp.distributions
    start = tf_keras.initializers.GlorotUniform(seed=seed)
    last = tfp.layers.DistributionLambda(lambda t: tfd.Independent(tfd.Normal(t, scale), 1))
    layers = [tf_keras.layers.Input((2,)), tf_keras.layers.Dense(1, kernel_initializer=start), last]
    return tf_keras.Sequential(layers)


def _tells_models_apart(same: Any) -> str | None:
    if not callable(same):
        return "`same_model` is not a function. Keep the line `def same_model(one, other, x):`."
    x = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
    model = _answering(0.5, seed=1)
    found = same(model, model, x)
    if found is None:
        return "your function returns nothing. End it with `return`."
    if np.ndim(found) or not isinstance(found, (bool, np.bool_)):
        return f"it returns a {type(found).__name__}, not True or False. `bool(...)` makes one of a single number."
    if not found:
        return "it says that a model differs from itself. Compare what does not change from draw to draw."
    if not same(model, _answering(0.5, seed=1), x):
        return "it takes a true clone for another model. Compare the distributions, not the objects."
    if same(model, _answering(0.5, seed=2), x):
        return "it takes two models with other weights for the same. Compare the means."
    if same(model, _answering(2.0, seed=1), x):
        return "it takes a model with the same mean and another spread for the same. The mean is not all."
    return None


FAIR_COMPARISON = Exercise(
    key="05-fair-comparison",
    title="compare two models fairly",
    task="""
    Both models answer with a distribution. Write `same_model(one, other, x)`: True if they answer `x` with the same
    distributions, False if not.
    """,
    checks=[_tells_models_apart],
    hints=[
        "`one(x)` is a distribution. It has methods that give the same at every call.",
        "Compare `mean()` and `stddev()`, or take `tfd.kl_divergence` of the two.",
    ],
    solution="""
    def same_model(one, other, x):
        divergence = tfd.kl_divergence(one(x), other(x))
        return bool(tf.reduce_max(divergence) < 1e-6)
    """,
    praise="A KL divergence of 0 says that two distributions are the same, without a single draw.",
)


# -- rebuild a distribution --------------------------------------------------------------------------------------------


def _distributions() -> dict[str, Any]:
    """Make distributions that hold variables at different depths."""
    import tensorflow as tf
    import tensorflow_probability as tfp

    tfb, tfd = tfp.bijectors, tfp.distributions
    positive = tfp.util.TransformedVariable([0.5, 2.0], tfb.Softplus())
    normal = tfd.Normal(tf.Variable([1.0, 2.0]), 1.0)
    return {
        "a Normal": normal,
        "a MultivariateNormalDiag": tfd.MultivariateNormalDiag(tf.Variable([1.0, 2.0]), positive),
        "an Independent": tfd.Independent(normal.copy(loc=tf.Variable([3.0, 4.0])), 1),
        "a MixtureSameFamily": tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.Variable([0.1, 0.9])), tfd.Normal(tf.Variable([0.0, 5.0]), [1.0, 2.0])
        ),
        "a TransformedDistribution": tfd.TransformedDistribution(tfd.Normal(tf.Variable(0.5), 1.0), tfb.Exp()),
    }


def _rebuilds(rebuild: Any) -> str | None:
    import tensorflow as tf

    if not callable(rebuild):
        return "`rebuild` is not a function. Keep the line `def rebuild(distribution):`."
    for name, original in _distributions().items():
        before = distances.values(original.variables)
        with _clone_out_of_reach():
            try:
                twin = rebuild(original)
            except TypeError as error:
                if "missing a required argument" in str(error) or "not iterable" in str(error):
                    return (
                        f"`deepcopy` does not take {name}: it makes the object without its arguments. Call the class."
                    )
                raise
        if twin is None:
            return "your function returns nothing. End it with `return`."
        if twin is original:
            return "it returns the distribution itself under a second name. Make a new object."
        if type(twin) is not type(original):
            return f"{name} comes back as a {type(twin).__name__}."
        if any(map(distances.largest_difference, before, distances.values(original.variables))):
            return f"{name} has other values than before. Change only the twin."
        held = set(map(id, original.variables))
        shared = [variable for variable in twin.variables if id(variable) in held]
        if shared and len(twin.variables) > len(original.variables):
            return (
                f"the twin of {name} has the original's variables beside its own: `copy` keeps the original. Call the "
                "class instead."
            )
        if shared and name in ("a Normal", "a MultivariateNormalDiag"):
            return f"the twin of {name} still has variables of the original. Pass fresh ones."
        if shared:
            return (
                f"the twin of {name} shares a variable that sits deeper: one of its parameters is a distribution "
                "itself. Rebuild that one first, with your own function."
            )
        if len(twin.trainable_variables) < len(original.trainable_variables):
            return f"the twin of {name} has lost a variable, so it cannot be trained. Wrap values in `tf.Variable`."
        if any(map(distances.largest_difference, before, distances.values(twin.variables))):
            if "scale_diag" in original.parameters:
                return (
                    f"the variables of {name} hold other numbers. A TransformedVariable keeps the value before its "
                    "bijector: `pretransformed_input`."
                )
            return f"the variables of {name} hold other numbers. Start each one from the original's."
        for variable in twin.trainable_variables:
            variable.assign(tf.zeros(variable.shape))
        if "scale_diag" in original.parameters and not np.all(twin.stddev() > 0):
            return "the twin's spread can become 0: a TransformedVariable has to stay one, with its bijector."
    return None


REBUILD = Exercise(
    key="05-rebuild",
    title="rebuild a distribution",
    task="""
    Write `rebuild(distribution)`: the same distribution on variables of its own. A parameter can be a `tf.Variable`, a
    `TransformedVariable`, a distribution, or something that has no variables. (`helpers.clone` is switched off here.)
    """,
    checks=[_rebuilds],
    hints=[
        "`distribution.parameters` is a dict of what the distribution was made with. "
        "`type(distribution)(**{**distribution.parameters, **fresh})` makes it anew with some of them replaced.",
        "Where a parameter is a distribution, your function can call itself.",
        "`tfu.TransformedVariable(value, value.bijector)`, then assign its `pretransformed_input`.",
    ],
    solution="""
    def rebuild(distribution):
        fresh = {}
        for name, value in distribution.parameters.items():
            if isinstance(value, tfd.Distribution):
                fresh[name] = rebuild(value)
            elif isinstance(value, tfu.TransformedVariable):
                fresh[name] = tfu.TransformedVariable(value, value.bijector)
                fresh[name].pretransformed_input.assign(value.pretransformed_input)
            elif isinstance(value, tf.Variable):
                fresh[name] = tf.Variable(value)
        return type(distribution)(**{**distribution.parameters, **fresh})
    """,
    praise="Each distribution gets fresh variables, from the inside out. A bijector with variables needs that too.",
)


# -- mend a surrogate posterior ----------------------------------------------------------------------------------------


def _has_no_posterior_yet(answer: Any) -> bool:
    """Recognise the class as the learner found it: its posterior is a placeholder."""
    try:
        return answer(2).q is ...
    except Exception:
        return False


def _posterior_is_sound(answer: Any) -> str | None:
    import tensorflow as tf

    if not (isinstance(answer, type) and issubclass(answer, tf.Module)):
        return "`Posterior` has to stay a class derived from `tf.Module`."
    one, other = answer(3), answer(3)
    q = getattr(one, "q", None)
    if not hasattr(q, "log_prob"):
        return "`q` is not a distribution. Make one of `tfd`."
    if tuple(q.event_shape) != (3,):
        return f"an event of `q` has the shape {tuple(q.event_shape)}, and `Posterior(3)` is to have {(3,)}."
    if len(one.trainable_variables) < 2:
        count = len(one.trainable_variables)
        return f"there are {count} trainable variables. A mean and a spread need two; a tensor cannot be trained."
    if set(map(id, one.variables)) & set(map(id, other.variables)):
        return "two posteriors share a variable. Make the variables inside `__init__`."
    for value in (-4.0, 0.0):
        for variable in other.trainable_variables:
            variable.assign(tf.fill(variable.shape, value))
        if not np.all(other.q.stddev() > 0):
            return "training can take the spread to 0 or below. A TransformedVariable stays positive."
    with tempfile.TemporaryDirectory() as folder:
        path = tf.train.Checkpoint(posterior=other).write(str(Path(folder) / "posterior"))
        tf.train.Checkpoint(posterior=one).read(path).assert_consumed()
    if distances.largest_difference(one.q.stddev(), other.q.stddev()):
        return "a checkpoint does not bring the spread back. Hold `q` as an attribute of the module."
    return None


MEND_THE_POSTERIOR = Exercise(
    key="05-mend-the-posterior",
    title="mend a surrogate posterior",
    task="""
    Fill in `q`: a normal distribution over vectors of length `size`, whose mean and spread can both be trained, and
    whose spread stays positive.
    """,
    checks=[_posterior_is_sound],
    hints=[
        "`tfd.MultivariateNormalDiag(loc, scale_diag)`: which of the two needs more than a `tf.Variable`?",
        "`tfu.TransformedVariable(tf.ones(size), tfb.Softplus())`",
    ],
    solution="""
    class Posterior(tf.Module):
        def __init__(self, size):
            super().__init__()
            spread = tfu.TransformedVariable(tf.ones(size), tfb.Softplus())
            self.q = tfd.MultivariateNormalDiag(tf.Variable(tf.zeros(size)), spread)
    """,
    praise="Two variables, found by the module, the optimizer and the checkpoint alike.",
    untouched=_has_no_posterior_yet,
)
