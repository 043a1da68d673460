"""Prediction questions and exercises of notebook 02, Cloning subclassed models."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from helpers import audit, cloning, distances
from helpers import keras_compat as generations
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
            "It did up to Keras 2.11. Since then a subclass with a good `get_config` is cloned without a word.",
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
            "It works on both Kerases",
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
            "Four on both Kerases",
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


def _a_trained_model() -> tuple[Any, np.ndarray, np.ndarray]:
    """Make a small subclassed model of Keras 3 with a good config, a Dropout and a frozen layer, and train it."""
    import keras

    class Reader(keras.Model):
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

    generator = np.random.default_rng(0)
    inputs, targets = generator.normal(size=(64, 4)).astype("float32"), generator.integers(0, 3, 64)
    model = Reader(5)
    model.hidden.trainable = False
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(inputs, targets, epochs=2, verbose=0)
    return model, inputs, targets


def _is_a_true_clone(my_clone: Any) -> str | None:
    if not callable(my_clone):
        return "`my_clone` is not a function. Keep the line `def my_clone(model, inputs):`."
    model, inputs, targets = _a_trained_model()
    before = distances.values(model.weights)
    with _clone_out_of_reach():
        twin = my_clone(model, inputs)
    if twin is None:
        return "your function returns nothing. End it with `return twin`."
    if twin is model:
        return "it returns the model itself under a second name. Make a new object."
    if isinstance(twin, type):
        return "it returns a class. Make an instance of it."
    if any(map(distances.largest_difference, before, distances.values(model.weights))):
        return "the original has other weights than before. Copy from `model` to `twin`, not back."
    weights = generations.weights(twin)
    if not weights:
        return "the clone has no weights. On Keras 3 they come with the first call: `twin(inputs)`."
    if type(twin) is not type(model):
        return f"the clone is a {type(twin).__name__}, not a {type(model).__name__}."
    report = audit(model, twin, inputs, targets)
    if "weights" in report.failures:
        return "the clone has weights of its own drawing. Carry them over."
    if "other state" in report.failures:
        return "the random state of the Dropout layer is missing. Copy `variables`, not only `weights`."
    if generations.is_compiled(twin) and twin.optimizer is model.optimizer:
        return "the two share one optimizer. Give the twin its own, from `model.get_compile_config()`."
    if len(twin.trainable_weights) != len(model.trainable_weights):
        return "one layer of the model is frozen, and the clone's is not. Copy `trainable` of every layer."
    if "compile settings" in report.failures:
        return "the clone is not compiled like the model. See `compile_from_config` and `get_compile_config`."
    if "optimizer state" in report.failures:
        return "the optimizer starts afresh, so the two part ways at the next step. Copy its variables too."
    return None if report.ok else f"the audit finds: {', '.join(report.failures)}."


@contextmanager
def _clone_out_of_reach() -> Iterator[None]:
    """Make `helpers.clone` refuse for a while, since here the learner writes it."""

    def refuse(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("helpers.clone is switched off in this exercise")

    original, cloning.clone = cloning.clone, refuse
    try:
        yield
    finally:
        cloning.clone = original


WRITE_A_CLONE = Exercise(
    key="02-write-a-clone",
    title="write the true clone",
    task="""
    Write `my_clone(model, inputs)` with public Keras 3 calls. It gets a trained subclassed model with a good
    `get_config`, and returns a twin that passes all three tests. This model has a Dropout layer, and one of its layers
    is frozen, so the recipe above needs one thing more. (`helpers.clone` is switched off here.)
    """,
    checks=[_is_a_true_clone],
    hints=[
        "Start from the config: `type(model).from_config(model.get_config())`. Then call the twin on the inputs.",
        "`zip(twin.layers, model.layers)` pairs the layers: copy `trainable`. `zip(twin.variables, model.variables)` "
        "pairs all state: assign.",
        "Flags first, settings next (`compile_from_config`), then the variables of the optimizer, in pairs.",
    ],
    solution="""
    def my_clone(model, inputs):
        twin = type(model).from_config(model.get_config())
        twin(inputs)
        for mine, theirs in zip(twin.layers, model.layers, strict=True):
            mine.trainable = theirs.trainable
        for mine, theirs in zip(twin.variables, model.variables, strict=True):
            mine.assign(theirs)
        twin.compile_from_config(model.get_compile_config())
        for mine, theirs in zip(twin.optimizer.variables, model.optimizer.variables, strict=True):
            mine.assign(theirs)
        return twin
    """,
    praise="A frozen layer is not in the config either: what the constructor does not set, you have to carry.",
)


# -- mend a config -----------------------------------------------------------------------------------------------------


def _has_no_config_yet(answer: Any) -> bool:
    """Recognise the class as the learner found it: get_config gives a placeholder."""
    try:
        return answer(2).get_config() is ...
    except Exception:
        return False


def _config_is_complete(answer: Any) -> str | None:
    import keras

    if not (isinstance(answer, type) and issubclass(answer, keras.Model)):
        return "`Scaler` has to stay a class derived from `keras.Model`."
    model = answer(units=4, slope=0.5, name="mine")
    config = model.get_config()
    if config is None:
        return "`get_config` returns nothing. (`dict.update` returns nothing either.)"
    if not isinstance(config, dict):
        return f"`get_config` returns a {type(config).__name__}. It has to return a dict."
    for argument, value in (("units", 4), ("slope", 0.5)):
        if argument not in config:
            return f"`{argument}` is missing, so the clone gets the default of `{argument}`, or none at all."
        if config[argument] != value:
            return (
                f"the config says {argument} = {config[argument]!r}, and the model was made with {value!r}. "
                f"Return the attribute: `self.{argument}`."
            )
    if config.get("name") != "mine":
        return "the entries of the base class are lost, the name among them. Begin with `**super().get_config()`."
    known = {*keras.Model().get_config(), "units", "slope"}
    extra = sorted(set(config) - known)
    if extra:
        return f"the config has `{extra[0]}`, which the constructor does not take. List its arguments only."
    inputs = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    model(inputs)
    twin = answer.from_config(config)
    twin(inputs)
    twin.set_weights(model.get_weights())
    if distances.largest_difference(model(inputs), twin(inputs)):
        return "with equal weights the clone still answers differently. What else does `call` use?"
    return None


MEND_THE_CONFIG = Exercise(
    key="02-mend-the-config",
    title="make a class that can be cloned",
    task="""
    `Scaler` takes two arguments. Fill in its `get_config`, so that a clone made from the config answers exactly like
    the original once it has the weights.
    """,
    checks=[_config_is_complete],
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
    untouched=_has_no_config_yet,
)
