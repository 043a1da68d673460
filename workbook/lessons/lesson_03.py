"""Prediction questions and exercises of notebook 03, Why a clone will not load."""

import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers import distances
from workbook.errors import short_message
from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question
from workbook.notebook import raised

CLONE_IN_A_FILE = Question(
    key="03-clone-in-a-file",
    text="You clone the trained model with `clone_model`, save the clone to `.keras`, and load that file. "
    "What do you get?",
    options=[
        Option("An error: a clone cannot be loaded", "A clone is a model like any other, and so is its file."),
        Option(
            "The clone, exactly, and it knows nothing",
            "The file keeps what the clone had. `clone_model` had given it fresh weights.",
            right=True,
        ),
        Option("The trained model", "The file holds the clone's weights, and nobody had given it the model's."),
        Option("A clone with weights drawn once more", "A `.keras` file holds the weights, to the last bit."),
    ],
)

H5_FILE = Question(
    key="03-h5-file",
    text="The model is saved to `.h5` and loaded on Keras 3. What can the loaded model do?",
    options=[
        Option("Everything that the original can", "So it is on `tf_keras`. On Keras 3 one thing is missing."),
        Option("Nothing: Keras 3 reads no `.h5`", "It does read it, as a legacy format."),
        Option(
            "Answer like the original, but not learn",
            "The weights come back. The optimizer comes back unfit for use.",
            right=True,
        ),
        Option("Learn, with an optimizer that starts afresh", "That would be mild. Its `fit` raises an error."),
    ],
)

FRESH_PROCESS = Question(
    key="03-fresh-process",
    text="The fresh Python loads `Reader`, registered in this notebook, from its `.keras` file. What will it say?",
    options=[
        Option("Nothing: the class is registered", "It is registered in this process. The other one never saw it."),
        Option("Nothing: the file holds the class", "The file holds the name of the class, and its config."),
        Option(
            "That it cannot find the class, until the module is imported",
            "Importing the module that defines the class also registers it.",
            right=True,
        ),
        Option("It loads a plain model without our `call`", "That would be silent. Keras raises an error here."),
    ],
)

OTHER_ARCHITECTURE = Question(
    key="03-other-architecture",
    text="Weights saved from Flatten, Dense(48, relu), Dense(10) are loaded into a receiver that differs. "
    "Which of these receivers raises an error?",
    options=[
        Option("All of them", "Keras compares arrays, and one of them has the very same arrays."),
        Option("tanh instead of relu", "An activation has no array, so nothing is compared."),
        Option("The last layer missing", "The file holds more than was asked for, and nobody minds."),
        Option("32 units instead of 48", "Here the shapes do not fit.", right=True),
    ],
)

STRANGERS_FILE = Question(
    key="03-strangers-file",
    text="A stranger's model has a `Lambda` layer with a Python lambda. You load it with plain `load_model`. "
    "Who refuses to?",
    options=[
        Option("Both Keras versions, whatever the format", "One of the four combinations is taken without a question."),
        Option("Neither: a file is data", "This file holds compiled Python code."),
        Option(
            "All but `tf_keras` with an `.h5` file",
            "Safe mode came with the `.keras` format; for `.h5`, `tf_keras` never got it.",
            right=True,
        ),
        Option("Keras 3 only", "`tf_keras` has a safe mode too, for `.keras` files."),
    ],
)


# -- a class that loads elsewhere --------------------------------------------------------------------------------------


_ARGUMENTS = {"units": 5, "activation": "tanh"}


def _is_registered(answer: Any) -> str | None:
    import keras

    if keras.saving.get_registered_name(answer) == answer.__name__:
        return (
            "the class is not registered: a loader would not find it. Put "
            "`@keras.saving.register_keras_serializable(package=...)` above it."
        )
    return None


def _save_and_load(answer: Any) -> Iterator[tuple[Any, Any, Exception | None]]:
    """Yield a model, the object loaded from its file, and the error that loading raised, if any."""
    import keras

    model = answer(**_ARGUMENTS)
    model(np.zeros((1, 4), "float32"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scorer.keras"
        model.save(path)
        error = raised(functools.partial(keras.saving.load_model, path))
        yield model, None if error else keras.saving.load_model(path), error


def _file_loads(saved: tuple[Any, Any, Exception | None]) -> str | None:
    model, _, error = saved
    if error is None:
        return None
    if "units" not in model.get_config():
        return "`units` is missing in the config, and the file cannot be loaded without it."
    return f"its file cannot be loaded: {type(error).__name__}: {short_message(error)}"


def _file_has_the_activation(saved: tuple[Any, Any, Exception | None]) -> str | None:
    model, loaded, _ = saved
    inputs = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    if "activation" not in model.get_config():
        return (
            "`activation` is missing in the config. The file loads without an error, and the model is different: it "
            "uses relu where yours has tanh."
        )
    if distances.largest_difference(model(inputs), loaded(inputs)):
        return "the loaded model answers differently. Return the attributes as they are, not fixed values."
    return None


LOADS_ELSEWHERE = Exercise(
    key="03-loads-elsewhere",
    title="a class that loads elsewhere",
    task="""
    The file of a `Scorer` shall load in any process that has imported its module, without `custom_objects`, and give
    the same model. Two things are missing in this class.
    """,
    checks=[
        checks.is_derived_from("keras.Model", "Scorer"),
        _is_registered,
        checks.returns_a_config(**_ARGUMENTS),
        checks.after(_save_and_load, _file_loads, _file_has_the_activation),
        checks.config_keeps_the_name(**_ARGUMENTS),
    ],
    hints=[
        "What does the loader need to find the class, and what to make an object of it?",
        "One line above the class, and a dict with every argument of the constructor.",
        "`@keras.saving.register_keras_serializable(package=...)`, and `{**super().get_config(), ...}`.",
    ],
    solution="""
    @keras.saving.register_keras_serializable(package="workbook")
    class Scorer(keras.Model):
        def __init__(self, units, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.units, self.activation = units, activation
            self.hidden = keras.layers.Dense(units, activation=activation)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

        def get_config(self):
            return {**super().get_config(), "units": self.units, "activation": self.activation}
    """,
    praise="The name finds the class, the config makes the object, the weights do the rest.",
    untouched=checks.has_no_config_yet,
)


# -- a load that is checked --------------------------------------------------------------------------------------------


def _receiver(activation: Any) -> Any:
    """Make a small classifier of Keras 3."""
    import keras

    layers = [keras.Input((4,)), keras.layers.Dense(16, activation=activation)]
    return keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax")])


def _late_receiver() -> Any:
    """Make the same classifier as a subclass that is marked as built but creates its weights at the first call."""
    import keras

    class Late(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(16, activation="relu")
            self.head = keras.layers.Dense(3, activation="softmax")
            self.built = True

        def call(self, inputs: Any) -> Any:
            return self.head(self.dense(inputs))

    return Late()


@dataclass
class _SavedWeights:
    """A weights file, inputs and the saved model's outputs for them, and the learner's function that loads the file."""

    checked_load: Callable[..., Any]
    path: Path
    inputs: np.ndarray
    saved: Any

    @property
    def answers(self) -> np.ndarray:
        return np.asarray(self.saved(self.inputs))

    def load_into(self, receiver: Any, answers: np.ndarray | None = None) -> Any:
        return self.checked_load(receiver, self.path, self.inputs, self.answers if answers is None else answers)

    def refuses(self, receiver: Any, answers: np.ndarray | None = None) -> bool:
        """Return True if the function raises the error that the task requires."""
        try:
            self.load_into(receiver, answers)
        except ValueError:
            return True
        return False


def _save_weights(checked_load: Any) -> Iterator[_SavedWeights]:
    inputs = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    saved = _receiver("relu")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "saved.weights.h5"
        saved.save_weights(path)
        yield _SavedWeights(checked_load, path, inputs, saved)


def _takes_a_receiver_that_fits(file: _SavedWeights) -> str | None:
    receiver = _receiver("relu")

    def has_the_weights() -> bool:
        return all(map(np.array_equal, receiver.get_weights(), file.saved.get_weights()))

    try:
        loaded = file.load_into(receiver)
    except ValueError as error:
        if has_the_weights():
            return f"it refuses the right model too: ValueError: {short_message(error)}"
        return f"it refuses a receiver that fits. Load the weights first. (ValueError: {short_message(error)})"
    if not has_the_weights():
        return "the receiver still has its own weights. Call `receiver.load_weights(path)`."
    if isinstance(loaded, bool):
        return "it returns a truth value, which is easily overlooked. Return the receiver, or raise a ValueError."
    if loaded is not receiver:
        return "it does not return the receiver. End it with `return receiver`."
    return None


def _refuses_another_activation(file: _SavedWeights) -> str | None:
    receiver = _receiver("tanh")
    if file.refuses(receiver):
        return None
    receiver.load_weights(file.path)
    outputs = np.asarray(receiver(file.inputs))
    # Outputs that differ by the same amount, but all in one direction, so the sum of the differences is not zero.
    if file.refuses(_receiver("tanh"), outputs - np.abs(outputs - file.answers)):
        return (
            "it adds up differences of both signs, and they cancel: for probabilities the sum is always zero. "
            "Take the largest absolute difference."
        )
    return "it takes a receiver with tanh instead of relu. Compare what it answers with `answers`."


def _refuses_a_slightly_different_activation(file: _SavedWeights) -> str | None:
    import keras

    leaky = functools.partial(keras.activations.leaky_relu, negative_slope=0.02)
    if file.refuses(_receiver(leaky)):
        return None
    return (
        "it takes a receiver with a leaky relu, which answers only a little differently. The tolerance is too wide: "
        "1e-5 is enough for rounding."
    )


def _takes_a_receiver_without_weights(file: _SavedWeights) -> str | None:
    late = _late_receiver()
    error = raised(lambda: file.load_into(late))
    if error is None:
        return None
    return (
        "one receiver is a class that has no weights before its first call, and the load found nowhere to put them. "
        f"Call the receiver on `inputs` first. ({type(error).__name__})"
    )


CHECKED_LOAD = Exercise(
    key="03-checked-load",
    title="do not trust a load that says nothing",
    task="""
    Write `checked_load(receiver, path, inputs, answers)` with public Keras 3 calls. It loads a `.weights.h5` file into
    the receiver and returns it, but raises a `ValueError` if the receiver does not answer `inputs` as the saved model
    did. Differences of rounding, up to 1e-5, are none.
    """,
    checks=[
        checks.is_function("checked_load(receiver, path, inputs, answers)"),
        checks.after(
            _save_weights,
            _takes_a_receiver_that_fits,
            _refuses_another_activation,
            _refuses_a_slightly_different_activation,
            _takes_a_receiver_without_weights,
        ),
    ],
    hints=[
        "Load, ask the receiver, compare with `answers`, then return or raise.",
        "`np.abs(a - b).max()` is the largest absolute difference.",
        "Some receivers are classes, which have no weights before they are called once.",
    ],
    solution="""
    import numpy as np

    def checked_load(receiver, path, inputs, answers):
        receiver(inputs)
        receiver.load_weights(path)
        if np.abs(receiver(inputs) - answers).max() > 1e-5:
            raise ValueError("The loaded model does not answer as the saved one did.")
        return receiver
    """,
    praise="Eight inputs and their answers beside the file are enough to notice every silent case of this lesson.",
)


# -- choose the format -------------------------------------------------------------------------------------------------

FORMATS = (".keras", ".weights.h5", ".h5", "export", "JSON")
_RIGHT = {
    "train on tomorrow": ".keras",
    "run where your classes are unknown": "export",
    "a stranger sends you a model": ".weights.h5",
    "structure only, in a text file": "JSON",
}
_WHY_NOT = {
    "train on tomorrow": {
        ".h5": "on Keras 3 the loaded model cannot be trained.",
        ".weights.h5": "it holds no structure, so `load_model` alone finds nothing to load.",
        "export": "an export answers, and cannot be trained with `fit`.",
        "JSON": "JSON holds no weights.",
    },
    "run where your classes are unknown": {
        ".keras": "the file holds the name of a class, and the other side cannot find it.",
        ".h5": "the file holds the name of a class, if it takes your model at all.",
        ".weights.h5": "arrays alone do not say how to compute with them.",
        "JSON": "JSON holds names and settings, and no weights.",
    },
    "a stranger sends you a model": {
        ".keras": "a config may hold code. Safe mode refuses what it knows, and arrays hold no code at all.",
        ".h5": "`tf_keras` makes a function out of the code in it without a question.",
        "export": "it is a program that somebody else wrote.",
        "JSON": "a config may hold code, and JSON brings no weights.",
    },
    "structure only, in a text file": {
        ".keras": "that is an archive with the weights and more.",
        ".h5": "that is a binary file with the weights and more.",
        ".weights.h5": "it holds everything but the structure.",
        "export": "that is a directory of binary files.",
    },
}


def _formats_fit(choice: Any) -> str | None:
    if not isinstance(choice, dict):
        return "`choice` is not a dict any more. Keep its four lines and replace the `...`."
    for purpose, right in _RIGHT.items():
        chosen = choice.get(purpose, ...)
        if chosen is ...:
            return f"there is no format for “{purpose}” yet."
        if chosen not in FORMATS:
            return f"{chosen!r} is not one of {', '.join(map(repr, FORMATS))}."
        if chosen != right:
            return f"{chosen!r} does not serve “{purpose}”: {_WHY_NOT[purpose][chosen]}"
    return None


CHOOSE_THE_FORMAT = Exercise(
    key="03-choose-the-format",
    title="choose the format",
    task="""
    Choose one of `".keras"`, `".weights.h5"`, `".h5"`, `"export"` and `"JSON"` for each purpose, on Keras 3. "Train on
    tomorrow" means: `load_model`, then `fit`, and nothing in between. The stranger's model has an architecture that you
    can write down yourself.
    """,
    checks=[_formats_fit],
    hints=[
        "The table under “What each file carries” has a column for each question.",
        "One format carries everything, one needs no class, one holds arrays only, one is text.",
    ],
    solution="""
    choice = {
        "train on tomorrow": ".keras",
        "run where your classes are unknown": "export",
        "a stranger sends you a model": ".weights.h5",
        "structure only, in a text file": "JSON",
    }
    """,
    praise="One of the five was never the answer.",
)
