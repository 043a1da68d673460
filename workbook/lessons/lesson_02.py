"""Prediction questions and exercises of notebook 02, Cloning subclassed models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import cloning, distances
from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question

FIT_THE_CLONE = Question(
    key="02-fit-the-clone",
    text="An epoch takes 44 steps here, and `model` has made 528. The next cell makes a clone of it, and trains the "
    "clone for one epoch. How many steps does its optimizer count then?",
    options=[
        Option(
            "44 on Keras 3, and 44 on Keras 2",
            "`clone_model` of Keras 2 leaves the compile settings behind, so `fit` raises an error there.",
        ),
        Option(
            "572 on Keras 3, and 572 on Keras 2",
            "For that, `clone_model` would have to read the optimizer's count. It reads the config, which holds none.",
        ),
        Option(
            "44 on Keras 3, an error on Keras 2",
            "Keras 3 compiles the clone like the model, with a new optimizer, and it trains from new, random weights. "
            "On Keras 2 it is not compiled, and `fit` raises an error.",
            right=True,
        ),
        Option(
            "572 on Keras 3, an error on Keras 2",
            "The error is right. But Keras 3 compiles the clone with a new optimizer, which has made no steps.",
        ),
    ],
)

TRAIN_THE_CLONE = Question(
    key="02-train-the-clone",
    text="You train this clone: `clone.fit(images, labels)`. Which of its two Dense layers change?",
    options=[
        Option(
            "Neither of them",
            "`compile_from_config` has compiled the clone, so `fit` trains the layers that are not frozen.",
        ),
        Option(
            "The head only",
            "That would need the flag `trainable` of the hidden layer. Nothing that you handed over holds it.",
        ),
        Option(
            "The hidden layer only",
            "Nobody froze the head, neither in the model nor in the clone.",
        ),
        Option(
            "Both of them",
            "The constructor makes layers that train, and neither the config of this model nor its weights say more.",
            right=True,
        ),
    ],
)

MAKE_A_LAYER_AGAIN = Question(
    key="02-units-of-the-clone",
    text="The next cell makes a `WideLayer`, and a second one from its config. How many units has the second one?",
    options=[
        Option(
            "48 on both Keras versions",
            "Both note the numbers and texts that you pass to a layer, and put them into its config. See what Keras 3 "
            "notes of a model.",
            right=True,
        ),
        Option(
            "48 on Keras 3, and 16 on Keras 2",
            "Keras 2 notes the numbers and texts that you pass to a layer, too.",
        ),
        Option(
            "16 on Keras 3, and 48 on Keras 2",
            "So it is for a model without a `get_config`. Of a layer, Keras 3 notes the 48 that you passed.",
        ),
        Option(
            "16 on both Keras versions",
            "The class inherits a `get_config`, and the 48 is in what that returns: Keras noted it when you passed it.",
        ),
    ],
)


# -- put a model back --------------------------------------------------------------------------------------------------


@dataclass
class _PutBack(checks.Trial):
    """A clone as the original, and as the result the model that was to be put back to it.

    Attributes:
        spoilt: Values of the model's weights before the call.
    """

    spoilt: Sequence[np.ndarray] = ()


def _call_put_back(put_back: Any) -> Iterator[_PutBack]:
    import keras

    model = checks.model_with_dropout()
    inputs, targets = checks.training_data()
    model(inputs)  # so that it has weights to freeze
    model.hidden.trainable = False
    checks.compile_and_fit(model, epochs=2)
    clone = cloning.clone(model, inputs)
    model.hidden.trainable = True
    checks.compile_and_fit(model, keras.optimizers.Adam(1.0), epochs=2)
    before, spoilt = distances.values(distances.all_variables(clone)), distances.values(model.weights)
    with checks.clone_switched_off():
        put_back(model, clone)
    yield _PutBack(clone, model, before, inputs, targets, spoilt)


def _changes_the_model(trial: _PutBack) -> str | None:
    if checks.same_values(trial.spoilt, trial.result.weights):
        return (
            "the weights of `model` are as they were. Assigning a new object to the name `model` changes the name "
            "only: change the object that you were given."
        )
    return None


def _shares_no_optimizer(trial: _PutBack) -> str | None:
    if trial.result.optimizer is trial.original.optimizer:
        return "the two share one optimizer. Give the model its own, from `clone.get_compile_config()`."
    return None


def _freezes_the_same_layers(trial: _PutBack) -> str | None:
    if [layer.trainable for layer in trial.result.layers] != [layer.trainable for layer in trial.original.layers]:
        return "a layer is frozen in the clone, and not in the model. Copy `trainable` of every layer."
    return None


PUT_BACK = Exercise(
    key="02-put-back",
    title="put a model back",
    task="""
    You cloned `model`. Then you unfroze a layer of `model`, compiled it with a learning rate of 1.0 and trained it.
    That went wrong. Write `put_back(model, clone)` with public Keras 3 calls. Afterwards the two pass the three tests.
    Other parts of your program hold `model`, so it has to stay the same object. (`helpers.clone` is switched off here.)
    """,
    checks=[
        checks.is_function("put_back(model, clone)"),
        checks.after(
            _call_put_back,
            checks.leaves_the_original_alone(
                distances.all_variables,
                "the clone is not as it was: its weights, its random state or its optimizer. Copy from `clone` to "
                "`model`, not back.",
            ),
            _changes_the_model,
            checks.audit_passes("weights", "some weights of the model are still those of the bad training."),
            _shares_no_optimizer,
            _freezes_the_same_layers,
            checks.audit_passes(
                "compile settings",
                "the model is not compiled like the clone. See `compile_from_config` and `get_compile_config`. "
                "The flags come first, because the optimizer is made for the weights that train.",
            ),
            checks.audit_passes(
                "other state",
                "the random state of the Dropout layer is missing. Copy `variables`, not only `weights`.",
            ),
            checks.audit_passes(
                "optimizer state",
                "the optimizer starts with no steps made, so the two part at the next step. Copy its variables too.",
            ),
            checks.audit_passes(),
        ),
    ],
    hints=[
        "The structure is there already. Of the six things, five are left. In which order?",
        "`zip(model.layers, clone.layers)` pairs the layers, `zip(model.variables, clone.variables)` the variables.",
        "Flags first, variables next, then `model.compile_from_config`, then the variables of the optimizer, in pairs.",
    ],
    solution="""
    def put_back(model, clone):
        for layer, saved in zip(model.layers, clone.layers, strict=True):
            layer.trainable = saved.trainable
        for variable, saved in zip(model.variables, clone.variables, strict=True):
            variable.assign(saved)
        model.compile_from_config(clone.get_compile_config())
        for variable, saved in zip(model.optimizer.variables, clone.optimizer.variables, strict=True):
            variable.assign(saved)
    """,
    praise="The same six things, in the other direction: a clone is also a way back.",
)


# -- complete a config -------------------------------------------------------------------------------------------------

_ARGUMENTS = {"units": 4, "slope": 0.5}
_OTHERS = {"units": 3, "slope": 2.0}


def _config_has_each_argument(answer: Any) -> str | None:
    for arguments in (_ARGUMENTS, _OTHERS):
        config = answer(**arguments).get_config()
        for argument, value in arguments.items():
            if argument not in config:
                return f"`{argument}` is missing, so the clone gets the default of `{argument}`, or none at all."
            if config[argument] != value:
                return (
                    f"the config says {argument} = {config[argument]!r}, and the model was made with {value!r}. "
                    f"Return the attribute: `self.{argument}`."
                )
    return None


def _config_has_the_arguments_only(answer: Any) -> str | None:
    import keras

    extra = sorted(set(answer(**_ARGUMENTS).get_config()) - {*keras.Model().get_config(), *_ARGUMENTS})
    if extra:
        return f"the config has `{extra[0]}`, which the constructor does not take. List its arguments only."
    return None


def _clone_answers_alike(answer: Any) -> str | None:
    inputs = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    model = answer(**_ARGUMENTS)
    model(inputs)
    clone = answer.from_config(model.get_config())
    clone(inputs)
    clone.set_weights(model.get_weights())
    if distances.largest_difference(model(inputs), clone(inputs)):
        return "with equal weights the clone still answers differently. What else does `call` use?"
    return None


FIX_THE_CONFIG = Exercise(
    key="02-fix-the-config",
    title="make a class that can be cloned",
    task="""
    `Scaler` takes two arguments. Fill in its `get_config`, so that a clone made from the config answers exactly like
    the original once it has the weights.
    """,
    checks=[
        checks.is_derived_from("keras.Model", "Scaler"),
        checks.returns_a_config(**_ARGUMENTS),
        _config_has_each_argument,
        checks.config_keeps_the_name(**_ARGUMENTS),
        _config_has_the_arguments_only,
        _clone_answers_alike,
    ],
    hints=[
        "A config has to hold every argument of the constructor, under the argument's name.",
        "`super().get_config()` gives a dict with what every model has. Add to it.",
    ],
    solution="""
    class Scaler(keras.Model):
        def __init__(self, units, slope=1.0, **kwargs):
            super().__init__(**kwargs)
            self.units, self.slope = units, slope
            self.dense = keras.layers.Dense(units)

        def call(self, inputs):
            return self.slope * self.dense(inputs)

        def get_config(self):
            return {**super().get_config(), "units": self.units, "slope": self.slope}
    """,
    praise="With every argument in the config, every way of cloning that reads it gets the structure right.",
    untouched=checks.has_no_config_yet,
)
