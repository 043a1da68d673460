"""Prediction questions and exercises of notebook 03, Why a clone will not load."""

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from helpers import distances
from workbook import notebook
from workbook.errors import short_message
from workbook.lessons.quiz import Exercise, Option, Question

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
        Option("tanh in place of relu", "An activation has no array, so nothing is compared."),
        Option("The last layer missing", "The file holds more than was asked for, and nobody minds."),
        Option("32 units in place of 48", "Here the shapes do not fit.", right=True),
    ],
)

STRANGERS_FILE = Question(
    key="03-strangers-file",
    text="A stranger's model has a `Lambda` layer with a Python lambda. You load it with plain `load_model`. "
    "Who refuses to?",
    options=[
        Option("Both Kerases, whatever the format", "One of the four combinations is taken without a question."),
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


def _has_no_config_yet(answer: Any) -> bool:
    """Recognise the class as the learner found it: get_config gives a placeholder."""
    try:
        return answer(2).get_config() is ...
    except Exception:
        return False


def _loads_elsewhere(answer: Any) -> str | None:
    import keras

    if not (isinstance(answer, type) and issubclass(answer, keras.Model)):
        return "`Scorer` has to stay a class derived from `keras.Model`."
    if keras.saving.get_registered_name(answer) == answer.__name__:
        return (
            "the class is not registered: a loader would not find it. Put "
            "`@keras.saving.register_keras_serializable(package=...)` above it."
        )
    inputs = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    model = answer(units=5, activation="tanh", name="mine")
    model(inputs)
    config = model.get_config()
    if not isinstance(config, dict):
        return f"`get_config` returns a {type(config).__name__}. It has to return a dict."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scorer.keras"
        model.save(path)
        error = notebook.raised(functools.partial(keras.saving.load_model, path))
        if error is not None and "units" not in config:
            return "`units` is missing in the config, and the file cannot be loaded without it."
        if error is not None:
            return f"its file cannot be loaded: {type(error).__name__}: {short_message(error)}"
        loaded = keras.saving.load_model(path)
    if "activation" not in config:
        return (
            "`activation` is missing in the config. The file loads without an error, and the model is another one: it "
            "uses relu where yours has tanh."
        )
    if distances.largest_difference(model(inputs), loaded(inputs)):
        return "the loaded model answers differently. Return the attributes as they are, not fixed values."
    if loaded.name != model.name:
        return "the entries of the base class are lost, the name among them. Begin with `**super().get_config()`."
    return None


LOADS_ELSEWHERE = Exercise(
    key="03-loads-elsewhere",
    title="a class that loads elsewhere",
    task="""
    The file of a `Scorer` shall load in any process that has imported its module, without `custom_objects`, and give
    the same model. Two things are missing in this class.
    """,
    checks=[_loads_elsewhere],
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
    untouched=_has_no_config_yet,
)


# -- a load that is checked --------------------------------------------------------------------------------------------


def _receiver(activation: Any, units: int = 16) -> Any:
    """Make a small classifier of Keras 3."""
    import keras

    layers = [keras.Input((4,)), keras.layers.Dense(units, activation=activation)]
    return keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax")])


def _late_receiver() -> Any:
    """Make the same classifier as a class, marked as built and without weights: it gets them with its first call."""
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


def _load_is_checked(checked_load: Any) -> str | None:
    if not callable(checked_load):
        return "`checked_load` is not a function. Keep the line `def checked_load(receiver, path, inputs, answers):`."
    import keras

    inputs = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    saved = _receiver("relu")
    answers = np.asarray(saved(inputs))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "saved.weights.h5"
        saved.save_weights(path)

        receiver = _receiver("relu")
        try:
            loaded = checked_load(receiver, path, inputs, answers)
        except ValueError as error:
            if all(map(np.array_equal, receiver.get_weights(), saved.get_weights())):
                return f"it refuses the right model too: ValueError: {short_message(error)}"
            return f"it refuses a receiver that fits. Load the weights first. (ValueError: {short_message(error)})"
        if not all(map(np.array_equal, receiver.get_weights(), saved.get_weights())):
            return "the receiver still has its own weights. Call `receiver.load_weights(path)`."
        if isinstance(loaded, bool):
            return "it returns a truth value, which is easily overlooked. Return the receiver, or raise a ValueError."
        if loaded is not receiver:
            return "it does not return the receiver. End it with `return receiver`."

        for activation, why in (
            ("tanh", "it takes a receiver with tanh in place of relu. Compare what it answers with `answers`."),
            (
                functools.partial(keras.activations.leaky_relu, negative_slope=0.02),
                "it takes a receiver with a leaky relu, which answers only a little differently. The tolerance is too "
                "wide: 1e-5 is enough for rounding.",
            ),
        ):
            other = _receiver(activation)
            try:
                checked_load(other, path, inputs, answers)
            except ValueError:
                continue
            difference = np.asarray(other(inputs)) - answers
            if activation == "tanh" and _adds_up(checked_load, path, inputs, difference):
                return (
                    "it adds up differences of both signs, and they cancel: for probabilities the sum is always zero. "
                    "Take the largest absolute difference."
                )
            return why

        late = _late_receiver()
        error = notebook.raised(lambda: checked_load(late, path, inputs, answers))
        if error is not None:
            return (
                "one receiver is a class that has no weights before its first call, and the load found nowhere to put "
                f"them. Call the receiver on `inputs` first. ({type(error).__name__})"
            )
    return None


def _adds_up(checked_load: Any, path: Path, inputs: np.ndarray, difference: np.ndarray) -> bool:
    """Tell whether a check that took a wrong model would have refused it if the differences did not cancel."""
    other = _receiver("tanh")
    one_sided = np.asarray(_answers_after_load(path, inputs)) - np.abs(difference)
    return notebook.raised(lambda: checked_load(other, path, inputs, one_sided)) is not None


def _answers_after_load(path: Path, inputs: np.ndarray) -> Any:
    model = _receiver("tanh")
    model.load_weights(path)
    return model(inputs)


CHECKED_LOAD = Exercise(
    key="03-checked-load",
    title="do not trust a load that says nothing",
    task="""
    Write `checked_load(receiver, path, inputs, answers)` with public Keras 3 calls. It loads a `.weights.h5` file into
    the receiver and returns it, but raises a `ValueError` if the receiver does not answer `inputs` as the saved model
    did. Differences of rounding, up to 1e-5, are none.
    """,
    checks=[_load_is_checked],
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
