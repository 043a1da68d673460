"""Prediction questions and the exercise of notebook 05, Cloning probabilistic models."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers import distances
from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question

COMPARE_READERS = Question(
    key="05-two-draws",
    text="The second row of the next table compares the reader with a true clone. What do its last two columns say?",
    options=[
        Option(
            "`True` and `True`",
            "Under one seed both draw the same numbers, from the same distributions. And two equal distributions have "
            "a divergence of 0.",
            right=True,
        ),
        Option(
            "`False` and `True`",
            "A seed fixes the numbers that a call draws. Two calls that draw the same numbers from the same "
            "distributions answer alike.",
        ),
        Option(
            "`True` and `False`",
            "The divergence of two normal distributions is computed from their means and spreads, without a draw.",
        ),
        Option(
            "`False` and `False`",
            "That holds for an untrained reader. A true clone has the same distributions, and draws the same under "
            "one seed.",
        ),
    ],
)

CLONE_THE_READER = Question(
    key="05-flipout-clone",
    text="What do you get from `tf_keras.models.clone_model(reader)`?",
    options=[
        Option(
            "A reader with your divergence",
            "The lambda is in the config, as byte code. But what does `tfd` mean to it there?",
        ),
        Option(
            "A reader with TFP's divergence",
            "The config has a place for the function that you passed, so nothing falls back to the default.",
        ),
        Option(
            "An error when a config is written",
            "A lambda can be written into a config, as byte code.",
        ),
        Option(
            "An error when a new layer is called",
            "The byte code of the lambda is in the config. The name `tfd`, which it needs when it runs, is not.",
            right=True,
        ),
    ],
)

COMPARE_AUTOENCODERS = Question(
    key="05-kl-term",
    text="Under one seed, how does the first clone of the next cell compare with the original?",
    options=[
        Option(
            "Equal answers, and an equal loss",
            "The loss is not made of the answers alone: a regulariser adds to it.",
        ),
        Option(
            "Equal answers, and a larger loss",
            "It answers like the original. What could its loss have that the original's has not?",
        ),
        Option(
            "Equal answers, and a smaller loss",
            "The regulariser did not come along. What it adds to the loss is missing.",
            right=True,
        ),
        Option(
            "Different answers, and a larger loss",
            "Its layers are the same, and so are their weights. Under one seed the answers are equal.",
        ),
    ],
)

FIT_Q = Question(
    key="05-lost-variable",
    text="You fit this `q` to a target, in 150 steps. What of `q` has moved then?",
    options=[
        Option(
            "The mean only",
            "`softplus` is computed on the spot. What `q` gets as its spread is a tensor: two fixed numbers.",
            right=True,
        ),
        Option(
            "The mean and the spread",
            "The second variable went into `softplus`. What came out of it, and went into `q`?",
        ),
        Option(
            "Neither of the two",
            "`q` was given the variable of its mean as it is, so the optimizer finds that one.",
        ),
        Option(
            "The spread only",
            "`q` was given the variable of the mean, so that one is trained. What was it given for the spread?",
        ),
    ],
)

MOVE_THE_COPIES = Question(
    key="05-copy-method",
    text="The next cell makes four clones of `q`, and adds 1 to the mean of each. With how many of them does the mean "
    "of `q` move?",
    options=[
        Option(
            "None",
            "All four are new distributions. But which variables were they given?",
        ),
        Option(
            "One",
            "`q.copy()` calls the class with the arguments of `q`, and one is the variable. The others got a fresh "
            "one.",
            right=True,
        ),
        Option(
            "Two",
            "`q.copy(loc=...)` shares the spread with `q`. Its mean was given a fresh variable.",
        ),
        Option(
            "Three",
            "The class again is called with `arguments`, in which both variables are fresh ones.",
        ),
    ],
)


# -- clone an autoencoder ----------------------------------------------------------------------------------------------


@functools.cache
def _coder_class() -> type:
    import tensorflow as tf
    import tensorflow_probability as tfp
    import tf_keras

    tfd, tfpl = tfp.distributions, tfp.layers

    class Coder(tf_keras.Sequential):
        """An autoencoder of four numbers, whose regulariser has a weight that is an argument."""

        def __init__(self, kl_weight: float = 1.0):
            super().__init__()
            self.kl_weight = kl_weight
            prior = tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1)
            regularizer = tfpl.KLDivergenceRegularizer(prior, weight=kl_weight)
            self.add(tf_keras.layers.Dense(tfpl.IndependentNormal.params_size(2), input_shape=(4,)))
            self.add(tfpl.IndependentNormal(2, activity_regularizer=regularizer))
            self.add(tf_keras.layers.Dense(tfpl.IndependentNormal.params_size(4)))
            self.add(tfpl.IndependentNormal(4))

    return Coder


def _trained_coder() -> tuple[Any, np.ndarray]:
    """Return a model that was trained with settings of its own, and its inputs, which are its targets, too."""
    import tf_keras

    inputs, _ = checks.training_data()
    model = _coder_class()(kl_weight=0.2)
    model.compile(tf_keras.optimizers.Adam(0.02, beta_1=0.8), lambda values, answer: -answer.log_prob(values))
    model.fit(inputs, inputs, epochs=2, verbose=0)
    return model, inputs


def _call_make_clone(make_clone: Any) -> Iterator[checks.Trial]:
    model, inputs = _trained_coder()
    before = distances.values(distances.all_variables(model))
    trial = checks.Trial(model, None, before, inputs, inputs)
    with checks.clone_switched_off():
        trial.result = make_clone(model)
    yield trial


def _is_a_model(trial: checks.Trial) -> str | None:
    import tf_keras

    if isinstance(trial.result, tf_keras.Model):
        return None
    return f"your function returns a {type(trial.result).__name__}, and not a model of `tf_keras`."


def _shares_no_variable(trial: checks.Trial) -> str | None:
    if {id(each) for each in trial.original.variables} & {id(each) for each in trial.result.variables}:
        return "model and clone share variables: train one, and the other moves. Make new layers."
    return None


def _keeps_the_regulariser(trial: checks.Trial) -> str | None:
    if trial.result.losses or not trial.original.losses:
        return None
    return (
        "the clone has no added loss: its regulariser is lost, because the config does not hold it. Do not go through "
        "the config: call the class."
    )


def _has_the_same_argument(trial: checks.Trial) -> str | None:
    weight = getattr(trial.result, "kl_weight", None)
    if weight in (None, trial.original.kl_weight):
        return None
    return (
        f"the clone answers alike, but its regulariser has the weight {weight:g}, and the model's has "
        f"{trial.original.kl_weight:g}. Give the class the argument that the model was made with."
    )


def _has_an_optimizer_of_its_own(trial: checks.Trial) -> str | None:
    clone = trial.result
    if getattr(clone, "optimizer", None) is None:
        return "the clone is not compiled, so it has no optimizer and no loss."
    if clone.optimizer is trial.original.optimizer:
        return "the two share one optimizer. Make one: `type(adam).from_config(adam.get_config())`."
    return None


def _has_a_built_optimizer(trial: checks.Trial) -> str | None:
    optimizer = trial.result.optimizer
    if len(optimizer.variables) < len(trial.original.optimizer.variables):
        return (
            "the optimizer starts with no averages and no steps made, so the next step differs. Build it with "
            "`build(clone.trainable_variables)`, and copy its variables."
        )
    return None


MAKE_CLONE = Exercise(
    key="05-make-clone",
    title="clone an autoencoder",
    task="""
    `model` is a trained autoencoder with an Adam of its own. Its class takes the weight of the regulariser,
    `Coder(kl_weight=1.0)`, and the model keeps it as `model.kl_weight`. Write `make_clone(model)` with public calls, so
    that the two pass the three tests. (`helpers.clone` is switched off here.)
    """,
    checks=[
        checks.is_function("make_clone(model)"),
        checks.after(
            _call_make_clone,
            checks.returns_something("return clone"),
            checks.is_a_new_object("it returns the model itself under a second name. Make a new object."),
            _is_a_model,
            checks.leaves_the_original_alone(
                distances.all_variables,
                "the model is not as it was: its weights or its optimizer. Change only the clone.",
            ),
            _shares_no_variable,
            _keeps_the_regulariser,
            _has_the_same_argument,
            checks.audit_passes("weights", "the weights are not the model's."),
            _has_an_optimizer_of_its_own,
            _has_a_built_optimizer,
            checks.audit_passes(
                "compile settings",
                "the clone is not compiled like the model. Take the settings of its Adam from "
                "`model.optimizer.get_config()`, and the loss from `model.loss`.",
            ),
            checks.audit_passes(
                "optimizer state",
                "the clone's optimizer has not the state of the model's, so the next step differs. Copy all of its "
                "variables, its averages and its number of steps.",
            ),
            checks.audit_passes(),
        ),
    ],
    hints=[
        "`type(model)` is its class. What does it have to be called with?",
        "The settings of an optimizer: `type(adam).from_config(adam.get_config())`. The loss: `model.loss`.",
        "Weights, `compile`, `clone.optimizer.build(clone.trainable_variables)`. Then the variables of Adam, in pairs.",
    ],
    solution="""
    def make_clone(model):
        clone = type(model)(kl_weight=model.kl_weight)
        clone.set_weights(model.get_weights())
        adam = model.optimizer
        clone.compile(type(adam).from_config(adam.get_config()), model.loss)
        clone.optimizer.build(clone.trainable_variables)
        for new, old in zip(clone.optimizer.variables, adam.variables, strict=True):
            new.assign(old)
        return clone
    """,
    praise="The class makes the structure with the regulariser in it, and the rest is state that you carry over.",
)
