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

SAVE_AND_FIT = Question(
    key="03-h5-file",
    text="What does `loaded.fit` of the next cell do on Keras 3?",
    options=[
        Option(
            "It trains, and the optimizer goes on at its last step",
            "On Keras 2 it does. On Keras 3 the optimizer comes back unfit for use.",
        ),
        Option(
            "It trains, and the optimizer begins again at step 0",
            "That would be mild. The optimizer that comes back takes no weights.",
        ),
        Option(
            "It raises an error, because the loss is missing",
            "The loss is in the file, so the loaded model is compiled.",
        ),
        Option(
            "It raises an error, because the optimizer does not fit",
            "The weights come back, and the model answers. Its optimizer was built for no weights.",
            right=True,
        ),
    ],
)

LOAD_ELSEWHERE = Question(
    key="03-fresh-process",
    text="The next cell runs two programs in fresh processes. Which of them prints `Reader`?",
    options=[
        Option(
            "The first one only",
            "The import runs the decorator, which registers the class. The file names it, and `load_model` finds it.",
            right=True,
        ),
        Option(
            "The second one only",
            "The class was registered in your process. This fresh one has never seen it, and the file does not hold "
            "it.",
        ),
        Option(
            "Both of them",
            "A fresh process knows no class of yours, and the file names `Reader` without holding its code.",
        ),
        Option(
            "Neither of them",
            "The decorator stands above the class, so the import registers it. No further call is needed.",
        ),
    ],
)

LOAD_INTO_CHANGED_CODE = Question(
    key="03-other-architecture",
    text="The next cell loads the file into five receivers. How many of the loads raise an error?",
    options=[
        Option(
            "One",
            "With 32 units a shape does not fit. And from where would the layer that is new get its arrays?",
        ),
        Option(
            "Two",
            "With 32 units a shape does not fit, and a layer more asks for arrays that the file does not hold. The "
            "others get every array that they ask for.",
            right=True,
        ),
        Option(
            "Three",
            "The receiver without the last layer gets all that it asks for. Nobody minds what is left in the file.",
        ),
        Option(
            "Four",
            "Four receivers are changed. But tanh has no array, so nothing is compared.",
        ),
    ],
)


# -- a class that loads elsewhere --------------------------------------------------------------------------------------


_ARGUMENTS = {"units": 5, "activation": "tanh"}
_OTHER_ARGUMENTS = {"units": 7, "activation": "elu"}  # notice values that are written into the config


def _is_registered(answer: Any) -> str | None:
    import keras

    if keras.saving.get_registered_object(keras.saving.get_registered_name(answer)) is None:
        return (
            "the class is not registered: a loader would not find it. Put "
            "`@keras.saving.register_keras_serializable(package=...)` above it."
        )
    return None


def _save_and_load(answer: Any) -> Iterator[tuple[Any, Any, Exception | None]]:
    """Yield models, each with the object loaded from its file, and the error that loading raised, if any."""
    import keras

    for arguments in (_ARGUMENTS, _OTHER_ARGUMENTS):
        model = answer(**arguments)
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
    if model.get_config()["units"] != model.units:
        return "`units` in the config is not that of the object. Return the attributes as they are, not fixed values."
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
    The file of a `Scorer` must load in any process that has imported its module, without `custom_objects`, and give
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
        return f"it refuses a receiver that fits, before it has its weights: ValueError: {short_message(error)}"
    if not has_the_weights():
        return "the receiver still has its own weights. Call `receiver.load_weights(path)`."
    if isinstance(loaded, bool):
        return "it returns a truth value, which is easily overlooked. Return the receiver, or raise a ValueError."
    if loaded is not receiver:
        return "it does not return the receiver. End it with `return receiver`."
    return None


def _raises_the_right_error(file: _SavedWeights) -> str | None:
    if isinstance(raised(lambda: file.load_into(_receiver("tanh"))), AssertionError):
        return "it raises an AssertionError, which `python -O` switches off. Raise a ValueError."
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


def _allows_for_rounding(file: _SavedWeights) -> str | None:
    if file.refuses(_receiver("relu"), file.answers + np.float32(5e-6)):
        return "it refuses answers that are off by 5e-6, which may be rounding. Allow 1e-5."
    return None


def _looks_at_every_answer(file: _SavedWeights) -> str | None:
    for change in (1e-4, -1e-4, 3e-5):
        answers = file.answers.copy()
        answers[-1, -1] += change
        if not file.refuses(_receiver("relu"), answers):
            return (
                f"one answer, the last one for the last input, is off by {change:g}, and it takes the receiver. Take "
                "the largest absolute difference of all answers, and allow 1e-5."
            )
    if not file.refuses(_receiver("relu"), np.full_like(file.answers, np.nan)):
        return (
            "it takes answers that are not numbers, because NaN is not larger than anything. Raise the error if the "
            "difference is *not* small; `np.allclose` asks that."
        )
    return None


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
    did. Ignore differences up to 1e-5. The receiver may be without weights.
    """,
    checks=[
        checks.is_function("checked_load(receiver, path, inputs, answers)"),
        checks.after(
            _save_weights,
            _takes_a_receiver_that_fits,
            _allows_for_rounding,
            _raises_the_right_error,
            _refuses_another_activation,
            _refuses_a_slightly_different_activation,
            _looks_at_every_answer,
            _takes_a_receiver_without_weights,
        ),
    ],
    hints=[
        "Load, ask the receiver, compare with `answers`, then return or raise.",
        "`np.allclose(a, b, rtol=0, atol=1e-5)` is True if no difference is larger than 1e-5.",
        "Some receivers are classes, which have no weights before they are called once.",
    ],
    solution="""
    import numpy as np

    def checked_load(receiver, path, inputs, answers):
        receiver(inputs)
        receiver.load_weights(path)
        if not np.allclose(receiver(inputs), answers, rtol=0, atol=1e-5):
            raise ValueError("The loaded model does not answer as the saved one did.")
        return receiver
    """,
    praise="A few inputs and their answers beside the file are enough to notice a model that answers differently.",
)
