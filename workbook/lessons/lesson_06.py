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
    text="You take `loaded`, which failed two of the tests above, as the target network, and train `reader` for one "
    "more epoch. What does `loaded` answer then?",
    options=[
        Option(
            "Nearly what `reader` answers after the epoch",
            "The two share no variable: `loaded` passed Own life. And Dropout does nothing when a model only answers.",
        ),
        Option(
            "Exactly what `reader` answered before the epoch",
            "It has the weights of then. What it lost is used only in training, and a target network is never trained.",
            right=True,
        ),
        Option(
            "Nearly what `reader` answered before the epoch",
            "It has all its weights, the averages of BatchNormalization among them. What it lost is used only in "
            "training.",
        ),
        Option(
            "Exactly what `reader` answers after the epoch",
            "The two share no variable: `loaded` passed Own life.",
        ),
    ],
)

ENSEMBLE_OF_CLONES = Question(
    key="06-ensemble-of-clones",
    text="Members of an ensemble should differ. The next cell makes two pairs from `reader`, and trains all four on "
    "the same batches. In which pairs do the two answer differently?",
    options=[
        Option(
            "In neither pair",
            "The second pair begins with different weights. The same batches do not make them equal.",
        ),
        Option(
            "In both pairs",
            "Two true clones have the same random state, so their Dropout layers drop the same units.",
        ),
        Option(
            "In the second pair",
            "`clone_model` draws new weights for each. Two true clones have the same future: Dropout drops the same "
            "units in both, because a true clone carries its random state.",
            right=True,
        ),
        Option(
            "In the first pair",
            "It is the other way round: two true clones have the same future, and two of `clone_model` do not.",
        ),
    ],
)

DEEPCOPY_WITH_DROPOUT = Question(
    key="06-deepcopy-with-dropout",
    text="On Keras 3 you clone a trained Sequential model that has Dropout with `copy.deepcopy`. Which of "
    "*Same start* and *Same future* does the clone pass?",
    options=[
        Option(
            "Both of them",
            "For a Sequential model without Dropout that is so. It saves and loads: what does a file not hold?",
        ),
        Option(
            "Same future only",
            "The random state of Dropout is lost, so the next training steps drop different units.",
        ),
        Option(
            "Same start only",
            "The random state of Dropout is lost. It is a part of the model, so the two are not equal now: called "
            "with `training=True`, they answer differently.",
        ),
        Option(
            "Neither of them",
            "It saves and loads, and the random state of Dropout is lost. So the two are not equal now, and their "
            "next steps differ.",
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
