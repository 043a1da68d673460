"""Prediction questions and exercises of notebook 05, Cloning probabilistic models."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers import distances
from workbook.lessons import checks
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
    text="`clone = q.copy()`, for a distribution `q` whose mean is a variable. You assign 8 to the clone's mean. "
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


# -- compare two models fairly -----------------------------------------------------------------------------------------


def _answering(scale: float, seed: int) -> Any:
    """Make a small model that returns normal distributions with a fixed scale."""
    import tensorflow_probability as tfp
    import tf_keras

    tfd = tfp.distributions
    start = tf_keras.initializers.GlorotUniform(seed=seed)
    last = tfp.layers.DistributionLambda(lambda t: tfd.Independent(tfd.Normal(t, scale), 1))
    layers = [tf_keras.layers.Input((2,)), tf_keras.layers.Dense(1, kernel_initializer=start), last]
    return tf_keras.Sequential(layers)


_SAMPLES = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")


def _compare_with_itself(same_model: Any) -> Iterator[checks.Trial]:
    model = _answering(0.5, seed=1)
    yield checks.Trial(model, same_model(model, model, _SAMPLES), [])


def _returns_true_or_false(trial: checks.Trial) -> str | None:
    if np.ndim(trial.result) or not isinstance(trial.result, (bool, np.bool_)):
        return (
            f"it returns a {type(trial.result).__name__}, not True or False. `bool(...)` makes one of a single number."
        )
    return None


def _accepts_a_true_clone(same_model: Any) -> str | None:
    if not same_model(_answering(0.5, seed=1), _answering(0.5, seed=1), _SAMPLES):
        return "it takes a true clone for another model. Compare the distributions, not the objects."
    return None


def _notices_other_means(same_model: Any) -> str | None:
    if same_model(_answering(0.5, seed=1), _answering(0.5, seed=2), _SAMPLES):
        return "it takes two models with other weights for the same. Compare the means."
    return None


def _notices_another_spread(same_model: Any) -> str | None:
    if same_model(_answering(0.5, seed=1), _answering(2.0, seed=1), _SAMPLES):
        return "it takes a model with the same mean and another spread for the same. The mean is not all."
    return None


FAIR_COMPARISON = Exercise(
    key="05-fair-comparison",
    title="compare two models fairly",
    task="""
    Both models answer with a distribution. Write `same_model(one, other, x)`: True if they answer `x` with the same
    distributions, False if not.
    """,
    checks=[
        checks.is_function("same_model(one, other, x)"),
        checks.after(
            _compare_with_itself,
            checks.returns_something("return"),
            _returns_true_or_false,
            checks.fails(
                lambda trial: not trial.result,
                "it says that a model differs from itself. Compare what does not change from draw to draw.",
            ),
        ),
        _accepts_a_true_clone,
        _notices_other_means,
        _notices_another_spread,
    ],
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


@dataclass
class _Rebuilt(checks.Trial):
    """A call of `rebuild`, with a name for the distribution, and the error if `deepcopy` raised one."""

    name: str = ""
    error: TypeError | None = None

    @property
    def shared(self) -> bool:
        """Whether original and result share a variable."""
        return bool({id(each) for each in self.original.variables} & {id(each) for each in self.result.variables})

    @property
    def has_a_transformed_scale(self) -> bool:
        return "scale_diag" in self.original.parameters


def _call_rebuild(rebuild: Any) -> Iterator[_Rebuilt]:
    for name, original in _distributions().items():
        trial = _Rebuilt(original, None, distances.values(original.variables), name=name)
        with checks.clone_switched_off():
            try:
                trial.result = rebuild(original)
            except TypeError as error:
                if not any(text in str(error) for text in ("missing a required argument", "not iterable")):
                    raise
                trial.error = error
        yield trial


def _calls_the_class(trial: _Rebuilt) -> str | None:
    if trial.error is None:
        return None
    return f"`deepcopy` does not take {trial.name}: it makes the object without its arguments. Call the class."


def _is_of_the_same_type(trial: _Rebuilt) -> str | None:
    if type(trial.result) is type(trial.original):
        return None
    return f"{trial.name} comes back as a {type(trial.result).__name__}."


def _leaves_the_original_alone(trial: _Rebuilt) -> str | None:
    if checks.same_values(trial.before, trial.original.variables):
        return None
    return f"{trial.name} has other values than before. Change only the clone."


def _shares_no_variable(trial: _Rebuilt) -> str | None:
    if not trial.shared:
        return None
    if len(trial.result.variables) > len(trial.original.variables):
        return (
            f"the clone of {trial.name} has the original's variables beside its own: `copy` keeps the original. Call "
            "the class instead."
        )
    if trial.name in ("a Normal", "a MultivariateNormalDiag"):
        return f"the clone of {trial.name} still has variables of the original. Pass fresh ones."
    return (
        f"the clone of {trial.name} shares a variable deeper inside: one of its parameters is a distribution itself. "
        "Rebuild that one first, with your own function."
    )


def _keeps_every_variable(trial: _Rebuilt) -> str | None:
    if len(trial.result.trainable_variables) < len(trial.original.trainable_variables):
        return f"the clone of {trial.name} has lost a variable, so it cannot be trained. Wrap values in `tf.Variable`."
    if checks.same_values(trial.before, trial.result.variables):
        return None
    if trial.has_a_transformed_scale:
        return (
            f"the variables of {trial.name} hold other numbers. A TransformedVariable keeps the value before its "
            "bijector: `pretransformed_input`."
        )
    return f"the variables of {trial.name} hold other numbers. Start each one from the original's."


def _keeps_the_bijector(trial: _Rebuilt) -> str | None:
    import tensorflow as tf

    for variable in trial.result.trainable_variables:
        variable.assign(tf.zeros(variable.shape))
    if trial.has_a_transformed_scale and not np.all(trial.result.stddev() > 0):
        return "the clone's spread can become 0: a TransformedVariable has to stay one, with its bijector."
    return None


REBUILD = Exercise(
    key="05-rebuild",
    title="rebuild a distribution",
    task="""
    Write `rebuild(distribution)`: the same distribution on variables of its own. A parameter can be a `tf.Variable`, a
    `TransformedVariable`, a distribution, or something that has no variables. (`helpers.clone` is switched off here.)
    """,
    checks=[
        checks.is_function("rebuild(distribution)"),
        checks.after(
            _call_rebuild,
            _calls_the_class,
            checks.returns_something("return"),
            checks.is_a_new_object("it returns the distribution itself under a second name. Make a new object."),
            _is_of_the_same_type,
            _leaves_the_original_alone,
            _shares_no_variable,
            _keeps_every_variable,
            _keeps_the_bijector,
        ),
    ],
    hints=[
        "`distribution.parameters` is a dict of what the distribution was made with. "
        "`type(distribution)(**{**distribution.parameters, **fresh})` makes it again with some of them replaced.",
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


# -- complete a surrogate posterior ------------------------------------------------------------------------------------


def _q_is_a_distribution(answer: Any) -> str | None:
    q = getattr(answer(3), "q", None)
    if not hasattr(q, "log_prob"):
        return "`q` is not a distribution. Make one of `tfd`."
    if tuple(q.event_shape) != (3,):
        return f"an event of `q` has the shape {tuple(q.event_shape)}, and `Posterior(3)` is to have {(3,)}."
    return None


def _has_two_variables_of_its_own(answer: Any) -> str | None:
    one, other = answer(3), answer(3)
    count = len(one.trainable_variables)
    if count < 2:
        return f"there are {count} trainable variables. A mean and a spread need two; a tensor cannot be trained."
    if {id(each) for each in one.variables} & {id(each) for each in other.variables}:
        return "two posteriors share a variable. Make the variables inside `__init__`."
    return None


def _spread_stays_positive(answer: Any) -> str | None:
    posterior = answer(3)
    for value in (-4.0, 0.0):
        _fill(posterior, value)
        if not np.all(posterior.q.stddev() > 0):
            return "training can take the spread to 0 or below. A TransformedVariable stays positive."
    return None


def _checkpoint_has_the_spread(answer: Any) -> str | None:
    import tensorflow as tf

    written, read = answer(3), answer(3)
    _fill(written, 0.5)
    with tempfile.TemporaryDirectory() as folder:
        path = tf.train.Checkpoint(posterior=written).write(str(Path(folder) / "posterior"))
        tf.train.Checkpoint(posterior=read).read(path).assert_consumed()
    if distances.largest_difference(read.q.stddev(), written.q.stddev()):
        return "a checkpoint does not bring the spread back. Hold `q` as an attribute of the module."
    return None


def _fill(posterior: Any, value: float) -> None:
    import tensorflow as tf

    for variable in posterior.trainable_variables:
        variable.assign(tf.fill(variable.shape, value))


FIX_THE_POSTERIOR = Exercise(
    key="05-fix-the-posterior",
    title="fix a surrogate posterior",
    task="""
    Fill in `q`: a normal distribution over vectors of length `size`, whose mean and spread can both be trained, and
    whose spread stays positive.
    """,
    checks=[
        checks.is_derived_from("tf.Module", "Posterior"),
        _q_is_a_distribution,
        _has_two_variables_of_its_own,
        _spread_stays_positive,
        _checkpoint_has_the_spread,
    ],
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
    untouched=checks.gives_a_placeholder(lambda answer: answer(2).q),
)
