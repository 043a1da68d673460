"""Prediction questions and exercises of notebook 02, Cloning subclassed models."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from helpers import distances, keras_compat
from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question

TRAINED_CLONE = Question(
    key="02-trained-clone",
    text="The model reads more than 8 of 10 digits right. You call `clone_model(model)`. What does the clone do?",
    options=[
        Option(
            "It reads the digits as well as the model",
            "That would take the weights, and `clone_model` reads only the config. A config holds none.",
        ),
        Option(
            "It reads them no better than by guessing",
            "The clone gets the structure from the config and draws fresh weights.",
            right=True,
        ),
        Option(
            "It raises an error, since the model is subclassed",
            "It did up to Keras 2.11. Since then a subclass with a good `get_config` is cloned silently.",
        ),
        Option(
            "It has weights that are not initialised",
            "There is no such state: a layer has no weights yet, or it has freshly drawn ones.",
        ),
    ],
)

LAYER_IN_CALL = Question(
    key="02-layer-in-call",
    text="A class makes its only layer inside `call`, the first time it runs. You call the model, then clone it with "
    "`clone_model`. What happens?",
    options=[
        Option(
            "It works on both Keras versions",
            "The call works on `tf_keras`. Keras 3 closes this model to new layers before `call` runs.",
        ),
        Option(
            "Keras 3 fails at the call; tf_keras makes a clone without a layer",
            "On `tf_keras` the layer comes with the first call, and nobody has called the clone.",
            right=True,
        ),
        Option(
            "Both run the model; the clone gets the layer with fresh weights",
            "Keras 3 does not get as far as that, and on `tf_keras` the clone has no layer yet.",
        ),
        Option("Both fail at the call", "`tf_keras` lets a layer be made while the model is called."),
    ],
)

BUILD_ALONE = Question(
    key="02-build-alone",
    text="A new instance, not called yet. You call `build((None, 8, 8, 1))` on it. How many weights has it?",
    options=[
        Option(
            "Four on both Keras versions",
            "On Keras 3, `Model.build` does not know what `call` will do with the layers, so it creates nothing.",
        ),
        Option("None on Keras 3, four on tf_keras", "Only `tf_keras` runs `call` inside `build`.", right=True),
        Option("None on both, until data flows through it", "`tf_keras` runs `call` on a placeholder inside `build`."),
    ],
)

HIDDEN_DEFAULT = Question(
    key="02-hidden-default",
    text="`__init__(self, units=16, **kwargs)`, no `get_config`. You made the model with `units=48`, on Keras 3. "
    "How many units has its clone?",
    options=[
        Option("48, Keras records the arguments", "`tf_keras` does. Keras 3 does so for layers, but not for models."),
        Option(
            "16, and nobody says so", "The config holds the constructor's default, not what you passed.", right=True
        ),
        Option("None: it raises an error", "An argument without a default would raise. This one has a default."),
    ],
)


# -- write a clone -----------------------------------------------------------------------------------------------------


def _call_my_clone(my_clone: Any) -> Iterator[checks.Trial]:
    model = checks.model_with_dropout()
    model.hidden.trainable = False
    checks.compile_and_fit(model, epochs=2)
    before, (inputs, targets) = distances.values(model.weights), checks.training_data()
    with checks.clone_switched_off():
        clone = my_clone(model, inputs)
    yield checks.Trial(model, clone, before, inputs, targets)


def _is_a_model_of_the_same_class(trial: checks.Trial) -> str | None:
    if not keras_compat.weights(trial.result):
        return "the clone has no weights. On Keras 3 they come with the first call: `clone(inputs)`."
    if type(trial.result) is not type(trial.original):
        return f"the clone is a {type(trial.result).__name__}, not a {type(trial.original).__name__}."
    return None


def _shares_no_optimizer(trial: checks.Trial) -> str | None:
    if keras_compat.is_compiled(trial.result) and trial.result.optimizer is trial.original.optimizer:
        return "the two share one optimizer. Give the clone its own, from `model.get_compile_config()`."
    return None


def _freezes_the_same_layers(trial: checks.Trial) -> str | None:
    if len(trial.result.trainable_weights) != len(trial.original.trainable_weights):
        return "one layer of the model is frozen, and the clone's is not. Copy `trainable` of every layer."
    return None


WRITE_A_CLONE = Exercise(
    key="02-write-a-clone",
    title="write the true clone",
    task="""
    Write `my_clone(model, inputs)` with public Keras 3 calls. It gets a trained subclassed model with a good
    `get_config`, and returns a clone that passes all three tests. This model has a Dropout layer, and one of its layers
    is frozen, so the recipe above needs one thing more. (`helpers.clone` is switched off here.)
    """,
    checks=[
        checks.is_function("my_clone(model, inputs)"),
        checks.after(
            _call_my_clone,
            checks.returns_something("return clone"),
            checks.is_a_new_object("it returns the model itself under a second name. Make a new object."),
            checks.fails(lambda trial: isinstance(trial.result, type), "it returns a class. Make an instance of it."),
            checks.leaves_the_original_alone(
                lambda model: model.weights,
                "the original has other weights than before. Copy from `model` to `clone`, not back.",
            ),
            _is_a_model_of_the_same_class,
            checks.audit_passes("weights", "the clone has weights of its own drawing. Carry them over."),
            checks.audit_passes(
                "other state",
                "the random state of the Dropout layer is missing. Copy `variables`, not only `weights`.",
            ),
            _shares_no_optimizer,
            _freezes_the_same_layers,
            checks.audit_passes(
                "compile settings",
                "the clone is not compiled like the model. See `compile_from_config` and `get_compile_config`.",
            ),
            checks.audit_passes(
                "optimizer state",
                "the optimizer starts afresh, so the two part ways at the next step. Copy its variables too.",
            ),
            checks.audit_passes(),
        ),
    ],
    hints=[
        "Start from the config: `type(model).from_config(model.get_config())`. Then call the clone on the inputs.",
        "`zip(clone.layers, model.layers)` pairs the layers: copy `trainable`. `zip(clone.variables, model.variables)` "
        "pairs all state: assign.",
        "Flags first, settings next (`compile_from_config`), then the variables of the optimizer, in pairs.",
    ],
    solution="""
    def my_clone(model, inputs):
        clone = type(model).from_config(model.get_config())
        clone(inputs)
        for mine, theirs in zip(clone.layers, model.layers, strict=True):
            mine.trainable = theirs.trainable
        for mine, theirs in zip(clone.variables, model.variables, strict=True):
            mine.assign(theirs)
        clone.compile_from_config(model.get_compile_config())
        for mine, theirs in zip(clone.optimizer.variables, model.optimizer.variables, strict=True):
            mine.assign(theirs)
        return clone
    """,
    praise="A frozen layer is not in the config either: what the constructor does not set, you have to carry.",
)


# -- complete a config -------------------------------------------------------------------------------------------------

_ARGUMENTS = {"units": 4, "slope": 0.5}


def _config_has_each_argument(answer: Any) -> str | None:
    config = answer(**_ARGUMENTS).get_config()
    for argument, value in _ARGUMENTS.items():
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
