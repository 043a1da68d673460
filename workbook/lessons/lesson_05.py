"""Prediction questions and the exercise of notebook 05, Cloning probabilistic models."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import distances
from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question

TWO_DRAWS = Question(
    key="05-two-draws",
    text="You compare the reader with a clone: `np.array_equal(reader(x), clone(x))`. What does this return for a true "
    "clone, and what for a reader that was never trained?",
    options=[
        Option(
            "True for the true clone, False for the other",
            "This would be so if each weight were a number. Here two calls of the same reader differ already.",
        ),
        Option(
            "False for the true clone, True for the other",
            "Neither model answers the same at two calls, trained or not.",
        ),
        Option(
            "True for both of them",
            "Equal answers would need equal draws, and each call makes new ones.",
        ),
        Option(
            "False for both of them",
            "Each call draws the weights again. So this test cannot tell a true clone from a stranger.",
            right=True,
        ),
    ],
)

FLIPOUT_CLONE = Question(
    key="05-flipout-clone",
    text="`reader` is trained. What does `tf_keras.models.clone_model(reader)` do?",
    options=[
        Option(
            "It makes a reader with new weights",
            "So it does for the layers of Keras. These layers were made with functions, which have to go through the "
            "config.",
        ),
        Option(
            "It makes a reader with TFP's own divergence",
            "The config has a place for the function that you passed, so nothing falls back to the default.",
        ),
        Option(
            "It raises an error: your function cannot be stored",
            "It is stored, in the config, as byte code.",
        ),
        Option(
            "It raises an error: a name in your function is unknown",
            "The byte code is in the config. The names that the function uses, such as `tfd`, are not.",
            right=True,
        ),
    ],
)

KL_TERM = Question(
    key="05-kl-term",
    text="You clone the autoencoder with `clone_model`, hand over weights and optimizer state, and compile the clone "
    "with the same loss. Then you call `evaluate` on both, with the same images and seed. What do they report?",
    options=[
        Option(
            "The clone's loss is the same",
            "They have the same weights and the same answers. But the loss is not made of these alone.",
        ),
        Option(
            "The clone's loss is smaller",
            "The regulariser did not come along. Its added loss is missing in the sum.",
            right=True,
        ),
        Option(
            "The clone's loss is larger",
            "It has the weights of the original, so it answers as well as the original does.",
        ),
        Option(
            "The clone's loss is not known",
            "It was compiled with the same function as the original, so it can be evaluated.",
        ),
    ],
)

LOST_VARIABLE = Question(
    key="05-lost-variable",
    text="The target has a different mean than this `q`, and a smaller spread. You fit `q` to it, in 150 steps. What "
    "have they changed?",
    options=[
        Option("Its mean and its spread", "The second variable went into `softplus`. What came out?"),
        Option(
            "Its mean, and not its spread",
            "`softplus` is computed on the spot. What `q` gets is a tensor: two fixed numbers.",
            right=True,
        ),
        Option("Its spread, and not its mean", "`q` was given the variable of the mean, so that one is trained."),
        Option(
            "Neither: only layers have variables",
            "Distributions are `tf.Module`s, and keep track of the variables that they are given.",
        ),
    ],
)

COPY_METHOD = Question(
    key="05-copy-method",
    text="`clone = q.copy()`. Then you assign 8 to the mean of the clone. What is the mean of `q`?",
    options=[
        Option(
            "What it was: the clone is an object of its own",
            "It is a new distribution. Which variables was it given?",
        ),
        Option(
            "8, like that of the clone",
            "`copy` calls the class with the arguments of `q`, and one of them is the variable.",
            right=True,
        ),
        Option(
            "What it was: a distribution does not change",
            "It computes its mean from a variable, and a variable can change.",
        ),
    ],
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
