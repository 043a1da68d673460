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
    text="`model` is compiled, trained and reads more than 8 of 10 digits right. On Keras 3 you call "
    "`clone = keras.models.clone_model(model)`, and on the next line `clone.fit(images, labels)`. What does `fit` do?",
    options=[
        Option(
            "It raises an error: the clone is not built",
            "Keras 3 builds the clone for the inputs that the model was built for, so it has weights.",
        ),
        Option(
            "It raises an error: the clone is not compiled",
            "On Keras 2 it does. Keras 3 compiles the clone of a compiled model.",
        ),
        Option(
            "It trains, beginning with the model's weights",
            "For that, `clone_model` would have to read weights. It reads the config, which holds none.",
        ),
        Option(
            "It trains, beginning with new, random weights",
            "On Keras 3 the clone is built and compiled like the model. Its weights are freshly drawn.",
            right=True,
        ),
    ],
)

TRAIN_THE_CLONE = Question(
    key="02-train-the-clone",
    text="You train this clone: `clone.fit(images, labels)`. Which of its two Dense layers change?",
    options=[
        Option(
            "The head only",
            "That would need the flag `trainable` of the hidden layer. Nothing that you handed over holds it.",
        ),
        Option(
            "The head and the hidden layer",
            "The constructor makes layers that train, and neither the config of this model nor its weights say more.",
            right=True,
        ),
        Option(
            "The hidden layer only",
            "Nobody froze the head, neither in the model nor in the clone.",
        ),
        Option(
            "None of them",
            "`compile_from_config` has compiled the clone, so `fit` trains the layers that are not frozen.",
        ),
    ],
)

MAKE_A_LAYER_AGAIN = Question(
    key="02-units-of-the-clone",
    text="The class of a *layer* has `__init__(self, units=16, **kwargs)` and no `get_config`. On Keras 3 you make one "
    "with `units=48`, and a second one from its config, with `from_config(layer.get_config())`. What do you get?",
    options=[
        Option(
            "A layer with 16 units",
            "That is what you get of a model. The layer's config has the 48 that you passed.",
        ),
        Option(
            "An error: the class has no `get_config`",
            "It has that of `keras.layers.Layer`.",
        ),
        Option(
            "A layer with 48 units",
            "Keras notes the numbers and texts that you pass to a layer, and puts them into its config.",
            right=True,
        ),
        Option(
            "An error: the config has no `units`",
            "The config has `units`: Keras notes the numbers that you pass to a layer.",
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
