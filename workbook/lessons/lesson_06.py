"""Prediction questions and exercises of notebook 06, Bring your own model."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question

TARGET_WITHOUT_A_FUTURE = Question(
    key="06-target-without-a-future",
    text="You make the target network with `clone_model` and `set_weights`. Twice a day you give it the weights of "
    "`reader` again. A colleague runs the audit: the clone fails Same start and Same future, because the random state "
    "of Dropout and the optimizer state are lost. What goes wrong with the target network?",
    options=[
        Option(
            "Its answers drift away from those it began with",
            "That would be Own life, which it passes: training `reader` does not move it.",
        ),
        Option(
            "Its answers are those of a network that drops units",
            "Dropout does nothing when a model only answers, so its random state is never asked.",
        ),
        Option(
            "Nothing: it answers as it should",
            "It is never trained, and only training uses what is lost.",
            right=True,
        ),
    ],
)

ENSEMBLE_OF_CLONES = Question(
    key="06-ensemble-of-clones",
    text="For an ensemble you make five true clones of the trained `reader`, and train each of them for an hour. "
    "All get the same batches in the same order. How do their answers differ afterwards?",
    options=[
        Option(
            "Not at all",
            "That is what Same future says. Dropout drops the same units in all five, because a true clone carries "
            "its random state.",
            right=True,
        ),
        Option(
            "A little, as Dropout makes them",
            "The five would need different random states. A true clone carries the state of the original.",
        ),
        Option(
            "As much as those of five new models",
            "New models begin with different weights. These five begin with the same ones.",
        ),
    ],
)

DEEPCOPY_WITH_DROPOUT = Question(
    key="06-deepcopy-with-dropout",
    text="On Keras 3 you train a Sequential model with a Dropout layer, and clone it with `copy.deepcopy`, which saves "
    "and loads inside. Which of the three tests does the clone pass?",
    options=[
        Option(
            "All three",
            "For a Sequential model without Dropout that is so. What does a file not hold?",
        ),
        Option(
            "Same start and Own life",
            "The random state of Dropout is lost. It is a part of the model, so the two are not equal now: called "
            "with `training=True`, they answer differently.",
        ),
        Option(
            "Own life alone",
            "The random state of Dropout is lost. So the two are not equal now, and their next steps differ.",
            right=True,
        ),
    ],
)


# -- a class that a file can hold --------------------------------------------------------------------------------------


def _is_as_it_was_found(answer: Any) -> bool:
    """Recognise the class as the learner found it: its temperature is a raw variable, and it has no get_config."""
    import tensorflow as tf

    try:
        return isinstance(answer(2).temperature, tf.Variable) and "get_config" not in vars(answer)
    except Exception:
        return False


def _has_the_parts(cls: Any) -> str | None:
    model = cls(3)
    ones = np.ones((1, 4), "float32")
    model(ones)
    if model.head.units != 3:
        return "`Warm(3)` has to have a head of 3 units."
    if not hasattr(model.temperature, "assign"):
        return "`temperature` is not a variable any more: nobody can assign to it, and no file keeps it."
    if any(model.temperature is weight for weight in model.trainable_weights):
        return "training now changes the temperature. Say `trainable=False`."
    model.temperature.assign(0.25)
    if not np.allclose(model(ones), 0.25 * np.asarray(model.head(ones)), atol=1e-6):
        return "the answers no longer depend on `temperature`: `call` has to multiply by it."
    return None


def _save_and_load(cls: Any) -> Iterator[checks.Trial | Exception]:
    """Yield each model and the object loaded from its file, or the error that saving or loading raised."""
    import keras

    inputs = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    for units in (3, 5):  # a size that stands in the class would do for one of them
        model = cls(units)
        model(inputs)
        model.temperature.assign(0.25)
        model.compile("sgd", "mse")
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "warm.keras"
                model.save(path)
                loaded = keras.models.load_model(path, custom_objects={cls.__name__: cls})
        except Exception as error:
            yield error
        else:
            yield checks.Trial(model, loaded, [], inputs, np.zeros((32, units), "float32"))


def _file_loads(trial: checks.Trial | Exception) -> str | None:
    if isinstance(trial, Exception):
        return f"the file does not load ({type(trial).__name__}). The config has to hold `units`: write a `get_config`."
    return None


def _file_has_temperature_and_size(trial: checks.Trial) -> str | None:
    if float(np.asarray(trial.result.temperature)) != 0.25:
        return (
            "the temperature is lost on the way: a file holds what it is now only if it is a weight. "
            "Make it one with `self.add_weight`."
        )
    units = trial.result.head.units
    if units != trial.original.head.units:
        return f"the loaded model has a head of {units} units. Its config has to hold `units`."
    return None


WARM = Exercise(
    key="06-warm",
    title="a class that a file can hold",
    task="""
    You set `model.temperature.assign(0.25)` and save to a `.keras` file. From the file, a `Warm(2)` comes back with a
    temperature of 1.0, and a `Warm(3)` does not come back at all. Change the class so that what is loaded is a true
    clone. `assign` has to go on working, and training must not change the temperature.
    """,
    checks=[
        checks.is_derived_from("keras.Model", "Warm"),
        _has_the_parts,
        checks.after(_save_and_load, _file_loads, _file_has_temperature_and_size, checks.audit_passes()),
    ],
    hints=[
        "A file holds what `model.weights` holds. A raw `tf.Variable` is not in it on Keras 3.",
        '`self.add_weight(name="temperature", shape=(), initializer="ones", trainable=False)` makes a weight.',
        "The size is an argument of the constructor: `get_config` has to return it.",
    ],
    solution="""
    class Warm(keras.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.head = keras.layers.Dense(units)
            self.temperature = self.add_weight(name="temperature", shape=(), initializer="ones", trainable=False)

        def call(self, inputs):
            return self.head(inputs) * self.temperature

        def get_config(self):
            return {**super().get_config(), "units": self.units}
    """,
    praise="What is a weight goes where weights go: into a file, and through `set_weights`.",
    untouched=_is_as_it_was_found,
    begin="This is the class as you found it. Change it, then run the cell again.",
)
