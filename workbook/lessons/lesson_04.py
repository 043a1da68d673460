"""Prediction questions and exercises of notebook 04, Save and resume without loss."""

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from helpers import cloning, distances
from helpers import keras_compat as generations
from workbook.lessons.quiz import Exercise, Option, Question

SAVE_TO_A_FOLDER = Question(
    key="04-save-to-a-folder",
    text='You call `model.save("my_model")` on a trained model, without an ending, and `load_model("my_model")`. '
    "What happens?",
    options=[
        Option(
            "Both Kerases bring the model back, optimizer included",
            "Neither does. Keras 3 writes no folders, and the folder of `tf_keras` does without the optimizer.",
        ),
        Option(
            "Keras 3 refuses; tf_keras brings it back, but its optimizer begins anew",
            "Keras 3 wants an ending. `tf_keras` writes a SavedModel, which keeps the weights.",
            right=True,
        ),
        Option("Both refuse, since the model is subclassed", "`tf_keras` saves subclassed models to a folder."),
    ],
)

WEIGHTS_FILE = Question(
    key="04-weights-file",
    text="You make the model anew, call it, compile it as before, and call `load_weights` with a file that was saved "
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
            "It looks for the name of a function, and a text is none.",
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
        Option("A `.keras` file, on both Kerases", "It holds the name of the class, and nobody knows that name."),
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


@contextmanager
def _clone_out_of_reach() -> Iterator[None]:
    """Make `helpers.clone` refuse for a while: it would do the exercise in the learner's place."""

    def refuse(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("helpers.clone is switched off in this exercise")

    original, cloning.clone = cloning.clone, refuse
    try:
        yield
    finally:
        cloning.clone = original


# -- keep a mean -------------------------------------------------------------------------------------------------------

_STATE = {"mean": (3,), "count": ()}


def _has_no_state_yet(answer: Any) -> bool:
    """Recognise the class as the learner found it: neither of the two attributes is there."""
    try:
        layer = answer(3)
    except Exception:
        return False
    return not any(hasattr(layer, name) for name in _STATE)


def _state_is_well_kept(answer: Any) -> str | None:
    import keras
    import tensorflow as tf

    if not (isinstance(answer, type) and issubclass(answer, keras.layers.Layer)):
        return "`Centred` has to stay a class derived from `keras.layers.Layer`."
    layer = answer(3)
    for name, shape in _STATE.items():
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
        if tuple(value.shape) != shape:
            return f"`self.{name}` has the shape {tuple(value.shape)}. For 3 features it should be {shape}."
        if not any(value is weight for weight in layer.weights):
            return f"`self.{name}` is not among the layer's weights."
        if value.trainable:
            return f"an optimizer would train `self.{name}` away. Say `trainable=False`."
        if np.any(np.asarray(value)):
            return f'`self.{name}` does not begin at 0. Say `initializer="zeros"`.'
    return None


def _state_comes_back(answer: Any) -> str | None:
    import keras

    samples = np.random.default_rng(0).normal(3.0, 1.0, (20, 3)).astype("float32")
    model = keras.Sequential([keras.layers.Input((3,)), answer(3), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(samples, samples[:, :1], batch_size=8, verbose=0)  # the last batch is a smaller one
    layer = model.layers[0]
    if int(layer.count) != 20 or not np.allclose(layer.mean, samples.mean(axis=0), atol=1e-4):
        return "after `fit` on twenty samples, mean and count are not those of the twenty. Is `call` as it was?"
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "centred.keras")
        twin = keras.models.load_model(Path(folder) / "centred.keras", custom_objects={answer.__name__: answer})
    if distances.largest_difference(model(samples), twin(samples)):
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
    checks=[_state_is_well_kept, _state_comes_back],
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


@functools.cache
def _noisy_class() -> type:
    """Make the class of the model to interrupt: registered, with a good config, and with a Dropout layer."""
    import keras

    @keras.saving.register_keras_serializable(package="exercise04")
    class Noisy(keras.Model):
        def __init__(self, units: int, **kwargs: Any):
            super().__init__(**kwargs)
            self.units = units
            self.hidden = keras.layers.Dense(units, activation="relu")
            self.dropout = keras.layers.Dropout(0.3)
            self.head = keras.layers.Dense(3)

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.head(self.dropout(self.hidden(inputs), training=training))

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    return Noisy


def _a_training() -> tuple[Any, Callable[[Any], None]]:
    """Make a model that was trained a little, and a function that trains a model like it on."""
    import keras

    generator = np.random.default_rng(0)
    inputs, targets = generator.normal(size=(64, 4)).astype("float32"), generator.integers(0, 3, 64)
    model = _noisy_class()(5)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=2, decay_rate=0.5)
    model.compile(keras.optimizers.Adam(schedule), keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def train(each: Any) -> None:
        each.fit(inputs, targets, batch_size=16, shuffle=False, verbose=0)

    train(model)
    return model, train


def _goes_on_without_loss(interrupt: Any) -> str | None:
    if not callable(interrupt):
        return "`interrupt` is not a function. Keep the line `def interrupt(model, folder):`."
    model, train = _a_training()
    before = distances.values(distances.all_variables(model))
    with tempfile.TemporaryDirectory() as folder:
        with _clone_out_of_reach():
            twin = interrupt(model, folder)
        written = any(Path(folder).iterdir())
    if twin is None:
        return "your function returns nothing. End it with `return twin`."
    if twin is model:
        return "it returns the model itself. Make a new one from the files."
    if not written:
        return "the folder is empty: nothing was saved, so nothing could be resumed tomorrow."
    if type(twin) is not type(model):
        return f"it returns a {type(twin).__name__}, not a {type(model).__name__}."
    after = distances.values(distances.all_variables(model))
    if len(before) != len(after) or any(map(distances.largest_difference, before, after)):
        return "the original is not as it was before. Save from `model`, and write into the new one only."
    pairs = list(zip(generations.weights(twin), generations.weights(model), strict=False))
    if len(pairs) < len(model.weights):
        return "the new model has no weights yet. Call it on data before you load weights into it."
    if any(distances.largest_difference(*distances.values(pair)) for pair in pairs):
        return "the new model has other weights."
    if not generations.is_compiled(twin):
        return "the new model is not compiled, so it cannot be trained. A `.keras` file brings the settings along."
    mine, theirs = (generations.optimizer_variables(each.optimizer) for each in (twin, model))
    if int(twin.optimizer.iterations) != int(model.optimizer.iterations) or len(mine) != len(theirs):
        return (
            "the optimizer begins anew: its averages are lost, and the schedule starts again. Use a `.keras` file, or "
            "build the optimizer before you load the weights."
        )
    if any(distances.largest_difference(*distances.values(pair)) for pair in zip(mine, theirs, strict=True)):
        return "the optimizer knows its number of steps, and its averages are not those of the original."
    if any(distances.largest_difference(*distances.values(pair)) for pair in _seed_states(twin, model)):
        return (
            "the Dropout layer starts its random numbers again. Save `model.dropout.seed_generator.state`, and assign "
            "it to the new model's."
        )
    train(model)
    train(twin)
    if any(map(distances.largest_difference, distances.values(model.weights), distances.values(twin.weights))):
        return "everything looks equal, and after one more epoch it is not. What else does the training depend on?"
    return None


def _seed_states(*models: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(generations.other_state(model) for model in models), strict=False))


INTERRUPT = Exercise(
    key="04-interrupt",
    title="interrupt a training",
    task="""
    Write `interrupt(model, folder)` for Keras 3: save all that a training needs into the folder, and return a new
    model made from those files alone. The class of the model is registered and has a good `get_config`. It has a
    layer `dropout`, whose random state a `.keras` file leaves behind. The model must train on, bit for bit, as if it
    had never been interrupted.
    """,
    checks=[_goes_on_without_loss],
    hints=[
        "One file does most of it: `model.save(...)` and `keras.models.load_model(...)`, with the right ending.",
        "The random state is `model.dropout.seed_generator.state`. `np.save` can write its `.numpy()`.",
        "After loading, `twin.dropout.seed_generator.state.assign(...)` puts it back.",
    ],
    solution="""
    def interrupt(model, folder):
        path = Path(folder)
        model.save(path / "model.keras")
        np.save(path / "dropout.npy", model.dropout.seed_generator.state.numpy())
        twin = keras.models.load_model(path / "model.keras")
        twin.dropout.seed_generator.state.assign(np.load(path / "dropout.npy"))
        return twin
    """,
    praise="Weights, statistics, optimizer, schedule and random state: that was everything.",
)


# -- compare answers ---------------------------------------------------------------------------------------------------


def _pairs_of_models() -> list[tuple[Any, Any, bool, str]]:
    """Make pairs of models: the two, whether they answer alike, and what to say to who thinks otherwise."""
    import keras

    def classifier(activation: str = "softmax", hidden: str = "relu") -> Any:
        layers = [keras.layers.Input((4,)), keras.layers.Dense(5, hidden), keras.layers.Dense(3, activation)]
        return keras.Sequential(layers)

    def like(model: Any, **settings: str) -> Any:
        twin = classifier(**settings)
        twin.set_weights(model.get_weights())
        return twin

    model = classifier()
    model.layers[1].kernel.assign(keras.random.normal((5, 3), seed=1))
    nearly = like(model)
    nearly.layers[1].bias.assign([0.0, 0.0, 1e-4])
    idle, idle_too = like(model), like(model)
    # The first unit of the hidden layer is heard by nobody, so its own weights do not matter.
    for each, value in ((idle, 1.0), (idle_too, 2.0)):
        each.layers[0].kernel.assign(np.concatenate([np.full((4, 1), value), model.layers[0].kernel[:, 1:]], axis=1))
        each.layers[1].kernel.assign(np.concatenate([np.zeros((1, 3)), model.layers[1].kernel[1:]]))
    return [
        (model, like(model), True, "it says no to a model and its exact copy."),
        (
            model,
            classifier(),
            False,
            "it says yes to two models that have nothing in common. The outputs of a softmax sum to 1, so the "
            "differences of any two sum to 0. Look at each difference.",
        ),
        (
            model,
            nearly,
            False,
            "it says yes to a model whose answers are slightly off. To the last bit means no tolerance.",
        ),
        (
            model,
            like(model, hidden="tanh"),
            False,
            "it says yes to a model with equal weights and another activation. Compare what the models answer.",
        ),
        (
            idle,
            idle_too,
            True,
            "it says no to two models that differ in a weight which does not matter. Compare what they answer.",
        ),
    ]


def _tells_answers_apart(same_answers: Any) -> str | None:
    if not callable(same_answers):
        return "`same_answers` is not a function. Keep the line `def same_answers(one, other, inputs):`."
    inputs = np.random.default_rng(1).normal(size=(16, 4)).astype("float32")
    for one, other, equal, diagnosis in _pairs_of_models():
        answer = same_answers(one, other, inputs)
        if answer is None:
            return "your function returns nothing. End it with `return ...`."
        if np.shape(answer) != ():
            return "it returns one answer for each element. One True or False is wanted."
        if np.asarray(answer).dtype != bool:
            return f"it returns a {type(answer).__name__}. True or False is wanted."
        if bool(answer) is not equal:
            return diagnosis
    return None


SAME_ANSWERS = Exercise(
    key="04-same-answers",
    title="a check that can fail",
    task="""
    Write `same_answers(one, other, inputs)`: True if two models answer alike, to the last bit, and False if they do
    not.
    """,
    checks=[_tells_answers_apart],
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
