"""Prediction questions and exercises of notebook 04, Save and resume without loss."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers import distances, keras_compat
from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question

SAVE_TO_A_FOLDER = Question(
    key="04-save-to-a-folder",
    text='You call `model.save("my_model")` on a trained model, without an ending, and `load_model("my_model")`. '
    "What happens?",
    options=[
        Option(
            "Both Keras versions bring the model back, optimizer included",
            "Neither does. Keras 3 writes no folders, and the folder of `tf_keras` does without the optimizer.",
        ),
        Option(
            "Keras 3 refuses; tf_keras brings it back, but its optimizer starts again",
            "Keras 3 wants an ending. `tf_keras` writes a SavedModel, which keeps the weights.",
            right=True,
        ),
        Option("Both refuse, since the model is subclassed", "`tf_keras` saves subclassed models to a folder."),
    ],
)

WEIGHTS_FILE = Question(
    key="04-weights-file",
    text="You make the model again, call it, compile it as before, and call `load_weights` with a file that was saved "
    "from the trained model. You train on. Does it go on as if it had never been interrupted?",
    options=[
        Option("Yes: the weights are all that a training consists of", "Adam's averages and its steps belong to it."),
        Option(
            "Only if its optimizer was built before the file was loaded",
            "The file has the optimizer's numbers, and an optimizer that is not built has no variables to put them in.",
            right=True,
        ),
        Option(
            "No: a weights file has no room for the optimizer",
            "It has, if the model was compiled when it was saved.",
        ),
    ],
)

DROPOUT_RESUMED = Question(
    key="04-dropout-resumed",
    text="A model with Dropout, on Keras 3. You save it to a `.keras` file, load it, and train both for one more epoch "
    "on the same batches. Do they stay equal?",
    options=[
        Option(
            "Yes: the file keeps weights, statistics and optimizer",
            "It does, and Dropout needs one thing more: where it stands in its random numbers.",
        ),
        Option(
            "No: the loaded model drops other units",
            "Its Dropout starts again with the numbers that the original drew first.",
            right=True,
        ),
        Option(
            "Only if you set the same seed before training both",
            "A Dropout layer of Keras 3 has a random state of its own, which no seed of the process rewinds.",
        ),
    ],
)

SERIALIZE_A_STRING = Question(
    key="04-serialize-a-string",
    text='The model was made with `activation="relu"` and keeps that text. Its `get_config` returns '
    "`activations.serialize(self.activation)`. What comes of it?",
    options=[
        Option('The config holds "relu"', "`serialize` takes a function. The text is what it would return."),
        Option(
            "An error: `serialize` does not take a text",
            "It looks for the name of a function, and a text is not a function.",
            right=True,
        ),
        Option("The config holds None, and the activation is lost", "It does not get as far as that."),
    ],
)

CLASS_UNKNOWN = Question(
    key="04-class-unknown",
    text="The class is not registered, and nothing is passed to `load_model`. Which of these loads and gives the "
    "right answers?",
    options=[
        Option(
            "A `.keras` file, on both Keras versions", "It holds the name of the class, and nobody knows that name."
        ),
        Option(
            "A folder, on tf_keras",
            "It holds the traced computation. But what is loaded is of a class that `tf_keras` has made up.",
            right=True,
        ),
        Option("Nothing", "One format holds the computation and not only the name of the class."),
    ],
)

NEVER_TRAINED = Question(
    key="04-never-trained",
    text="A model with BatchNormalization was called with `training=False` only. You change its averages by hand and "
    "save it to a `.keras` file. Are they in the file?",
    options=[
        Option("Yes", "They are weights, and weights are saved, whoever wrote them.", right=True),
        Option(
            "No: they are created by the first call with `training=True`",
            "They are created when the layer is built. `training=True` is what moves them.",
        ),
        Option("Only the averages of the last batch are", "There is one running average for each unit, no history."),
    ],
)


# -- keep a mean -------------------------------------------------------------------------------------------------------

_STATE = {"mean": (3,), "count": ()}


def _has_no_state_yet(answer: Any) -> bool:
    """Recognise the class as the learner found it: it has neither of the two attributes."""
    try:
        layer = answer(3)
    except Exception:
        return False
    return not any(hasattr(layer, name) for name in _STATE)


def _attributes_are_weights(answer: Any) -> str | None:
    import keras
    import tensorflow as tf

    layer = answer(3)
    for name in _STATE:
        value = getattr(layer, name, None)
        if value is None:
            return f"there is no `self.{name}`."
        if isinstance(value, tf.Variable):
            return (
                f"`self.{name}` is a `tf.Variable`. Keras 3 does not count it among the weights, so no file takes it "
                "along. Use `self.add_weight`."
            )
        if not isinstance(value, keras.Variable):
            return (
                f"`self.{name}` is a plain {type(value).__name__}, which is in no file. Make it with `self.add_weight`."
            )
        if not any(value is weight for weight in layer.weights):
            return f"`self.{name}` is not among the layer's weights."
    return None


def _weights_start_as_asked(answer: Any) -> str | None:
    layer = answer(3)
    for name, shape in _STATE.items():
        weight = getattr(layer, name)
        if tuple(weight.shape) != shape:
            return f"`self.{name}` has the shape {tuple(weight.shape)}. For 3 features it should be {shape}."
        if weight.trainable:
            return f"an optimizer would train `self.{name}` away. Say `trainable=False`."
        if np.any(np.asarray(weight)):
            return f'`self.{name}` does not begin at 0. Say `initializer="zeros"`.'
    return None


def _fit_a_centred(answer: Any) -> Iterator[tuple[Any, np.ndarray, type]]:
    """Yield a fitted model that begins with the layer, the samples, and the class of the layer."""
    import keras

    samples = np.random.default_rng(0).normal(3.0, 1.0, (20, 3)).astype("float32")
    model = keras.Sequential([keras.layers.Input((3,)), answer(3), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(samples, samples[:, :1], batch_size=8, verbose=0)  # the last batch is smaller
    yield model, samples, answer


def _counts_all_samples(fitted: tuple[Any, np.ndarray, type]) -> str | None:
    model, samples, _ = fitted
    layer = model.layers[0]
    if int(layer.count) != 20 or not np.allclose(layer.mean, samples.mean(axis=0), atol=1e-4):
        return "after `fit` on twenty samples, mean and count are not those of the twenty. Is `call` as it was?"
    return None


def _comes_back_from_a_file(fitted: tuple[Any, np.ndarray, type]) -> str | None:
    import keras

    model, samples, layer_class = fitted
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "centred.keras"
        model.save(path)
        loaded = keras.models.load_model(path, custom_objects={layer_class.__name__: layer_class})
    if distances.largest_difference(model(samples), loaded(samples)):
        return "the model that comes back from a `.keras` file answers differently."
    return None


KEEP_A_MEAN = Exercise(
    key="04-keep-a-mean",
    title="keep a running mean",
    task="""
    `Centred` subtracts the mean of all samples that it was trained on. Fill in `__init__`, so that the mean and the
    number of samples survive a `.keras` file, a weights file and `set_weights`. Call the two `self.mean` and
    `self.count`: one mean for each of the `features`, a single count, both 0 at first.
    """,
    checks=[
        checks.is_derived_from("keras.layers.Layer", "Centred"),
        _attributes_are_weights,
        _weights_start_as_asked,
        checks.after(_fit_a_centred, _counts_all_samples, _comes_back_from_a_file),
    ],
    hints=[
        "What has to be in every file has to be a weight of the layer.",
        "`self.add_weight(shape=..., initializer=..., trainable=False, name=...)` returns such a weight.",
        "The mean has the shape `(features,)`, the count has `()`.",
    ],
    solution="""
    class Centred(keras.layers.Layer):
        def __init__(self, features, **kwargs):
            super().__init__(**kwargs)
            self.features = features
            self.mean = self.add_weight(shape=(features,), initializer="zeros", trainable=False, name="mean")
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

        def call(self, inputs, training=False):
            if training:
                self.count.assign_add(keras.ops.shape(inputs)[0])
                self.mean.assign_add(keras.ops.sum(inputs - self.mean, axis=0) / self.count)
            return inputs - self.mean

        def get_config(self):
            return {**super().get_config(), "features": self.features}
    """,
    praise="Weights that are not trained are the place for state: files and `set_weights` carry them.",
    untouched=_has_no_state_yet,
)


# -- interrupt a training ----------------------------------------------------------------------------------------------


@dataclass
class _Interruption(checks.Trial):
    """A call of `interrupt`; `written` is True if it wrote anything into the folder."""

    written: bool = False


def _train(model: Any) -> None:
    inputs, targets = checks.training_data()
    model.fit(inputs, targets, batch_size=16, shuffle=False, verbose=0)


def _call_interrupt(interrupt: Any) -> Iterator[_Interruption]:
    import keras

    model = checks.model_with_dropout()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=2, decay_rate=0.5)
    checks.compile_and_fit(model, keras.optimizers.Adam(schedule), batch_size=16, shuffle=False)
    before = distances.values(distances.all_variables(model))
    with tempfile.TemporaryDirectory() as folder:
        with checks.clone_switched_off():
            resumed = interrupt(model, folder)
        written = any(Path(folder).iterdir())
    yield _Interruption(model, resumed, before, written=written)


def _is_of_the_same_class(trial: _Interruption) -> str | None:
    if type(trial.result) is not type(trial.original):
        return f"it returns a {type(trial.result).__name__}, not a {type(trial.original).__name__}."
    return None


def _has_the_weights(trial: _Interruption) -> str | None:
    new, old = keras_compat.weights(trial.result), keras_compat.weights(trial.original)
    if len(new) < len(old):
        return "the new model has no weights yet. Call it on data before you load weights into it."
    return None if checks.same_values(distances.values(old), new) else "the new model has other weights."


def _has_the_optimizer_state(trial: _Interruption) -> str | None:
    if not keras_compat.is_compiled(trial.result):
        return "the new model is not compiled, so it cannot be trained. A `.keras` file brings the settings along."
    new, old = trial.result.optimizer, trial.original.optimizer
    new_state, old_state = keras_compat.optimizer_variables(new), keras_compat.optimizer_variables(old)
    if int(new.iterations) != int(old.iterations) or len(new_state) != len(old_state):
        return (
            "the optimizer starts again: its averages are lost, and the schedule is back at its beginning. Use a "
            "`.keras` file, or build the optimizer before you load the weights."
        )
    if not checks.same_values(distances.values(old_state), new_state):
        return "the optimizer knows its number of steps, and its averages are not those of the original."
    return None


def _has_the_random_state(trial: _Interruption) -> str | None:
    new, old = keras_compat.other_state(trial.result), keras_compat.other_state(trial.original)
    if not checks.same_values(distances.values(old), new):
        return (
            "the Dropout layer starts its random numbers again. Save `model.dropout.seed_generator.state`, and assign "
            "it to the new model's."
        )
    return None


def _trains_on_alike(trial: _Interruption) -> str | None:
    _train(trial.original)
    _train(trial.result)
    if checks.same_values(distances.values(trial.original.weights), trial.result.weights):
        return None
    return "everything looks equal, and after one more epoch it is not. What else does the training depend on?"


INTERRUPT = Exercise(
    key="04-interrupt",
    title="interrupt a training",
    task="""
    Write `interrupt(model, folder)` for Keras 3: save all that a training needs into the folder, and return a new
    model made from those files alone. The class of the model is registered and has a good `get_config`. It has a
    layer `dropout`, whose random state a `.keras` file leaves behind. The model must train on, bit for bit, as if it
    had never been interrupted.
    """,
    checks=[
        checks.is_function("interrupt(model, folder)"),
        checks.after(
            _call_interrupt,
            checks.returns_something("return clone"),
            checks.is_a_new_object("it returns the model itself. Make a new one from the files."),
            checks.fails(
                lambda trial: not trial.written,
                "the folder is empty: nothing was saved, so nothing could be resumed tomorrow.",
            ),
            _is_of_the_same_class,
            checks.leaves_the_original_alone(
                distances.all_variables,
                "the original is not as it was before. Save from `model`, and write into the new one only.",
            ),
            _has_the_weights,
            _has_the_optimizer_state,
            _has_the_random_state,
            _trains_on_alike,
        ),
    ],
    hints=[
        "One file does most of it: `model.save(...)` and `keras.models.load_model(...)`, with the right ending.",
        "The random state is `model.dropout.seed_generator.state`. `np.save` can write its `.numpy()`.",
        "After loading, `clone.dropout.seed_generator.state.assign(...)` puts it back.",
    ],
    solution="""
    def interrupt(model, folder):
        path = Path(folder)
        model.save(path / "model.keras")
        np.save(path / "dropout.npy", model.dropout.seed_generator.state.numpy())
        clone = keras.models.load_model(path / "model.keras")
        clone.dropout.seed_generator.state.assign(np.load(path / "dropout.npy"))
        return clone
    """,
    praise="Weights, statistics, optimizer, schedule and random state: that was everything.",
)


# -- compare answers ---------------------------------------------------------------------------------------------------


@dataclass
class _Comparison(checks.Trial):
    """A call of `same_answers`: the right result, and the diagnosis if it returns the opposite."""

    equal: bool = True
    diagnosis: str = ""


def _classifier(activation: str = "softmax", hidden: str = "relu", weights: Any = None) -> Any:
    import keras

    layers = [keras.layers.Input((4,)), keras.layers.Dense(5, hidden), keras.layers.Dense(3, activation)]
    model = keras.Sequential(layers)
    if weights is not None:
        model.set_weights(weights)
    return model


def _pairs_of_models() -> Iterator[tuple[Any, Any, bool, str]]:
    """Yield two models, whether their outputs are equal, and the diagnosis if the learner's answer is the opposite."""
    model = _classifier()
    kernel, bias, last_kernel, last_bias = weights = model.get_weights()
    yield model, _classifier(weights=weights), True, "it says no to a model and its exact copy."
    yield (
        model,
        _classifier(),
        False,
        "it says yes to two models that have nothing in common. The outputs of a softmax sum to 1, so the differences "
        "of any two sum to 0. Look at each difference.",
    )
    yield (
        model,
        _classifier(weights=[kernel, bias, last_kernel, last_bias + np.array([0.0, 0.0, 1e-4])]),
        False,
        "it says yes to a model whose answers are slightly off. To the last bit means no tolerance.",
    )
    yield (
        model,
        _classifier(hidden="tanh", weights=weights),
        False,
        "it says yes to a model with equal weights and another activation. Compare what the models answer.",
    )
    # The last layer ignores the first hidden unit, so the weights of that unit do not matter.
    ignoring = np.concatenate([np.zeros((1, 3)), last_kernel[1:]])
    kernels = [np.concatenate([np.full((4, 1), value), kernel[:, 1:]], axis=1) for value in (1.0, 2.0)]
    one, other = (_classifier(weights=[each, bias, ignoring, last_bias]) for each in kernels)
    yield (
        one,
        other,
        True,
        "it says no to two models that differ in a weight which does not matter. Compare what they answer.",
    )


def _call_same_answers(same_answers: Any) -> Iterator[_Comparison]:
    inputs = np.random.default_rng(1).normal(size=(16, 4)).astype("float32")
    for one, other, equal, diagnosis in _pairs_of_models():
        yield _Comparison(one, same_answers(one, other, inputs), [], equal=equal, diagnosis=diagnosis)


def _returns_true_or_false(trial: _Comparison) -> str | None:
    if np.shape(trial.result) != ():
        return "it returns one answer for each element. One True or False is wanted."
    if np.asarray(trial.result).dtype != bool:
        return f"it returns a {type(trial.result).__name__}. True or False is wanted."
    return None


def _judges_the_pair_rightly(trial: _Comparison) -> str | None:
    return None if bool(trial.result) is trial.equal else trial.diagnosis


SAME_ANSWERS = Exercise(
    key="04-same-answers",
    title="a check that can fail",
    task="""
    Write `same_answers(one, other, inputs)`: True if two models answer alike, to the last bit, and False if they do
    not.
    """,
    checks=[
        checks.is_function("same_answers(one, other, inputs)"),
        checks.after(
            _call_same_answers,
            checks.returns_something("return ..."),
            _returns_true_or_false,
            _judges_the_pair_rightly,
        ),
    ],
    hints=[
        "Call both models on the inputs. What has to be true of every single difference?",
        "`np.array_equal` compares two arrays, element by element.",
    ],
    solution="""
    def same_answers(one, other, inputs):
        return np.array_equal(one(inputs), other(inputs))
    """,
    praise="Equal answers are the first half. Whether two models also learn alike, training shows.",
)
