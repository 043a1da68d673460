"""Prediction questions and exercises of notebook 06, Bring your own model."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from helpers import audit, distances
from workbook.lessons.quiz import Exercise, Option, Question

A_FILE_OF_WHAT = Question(
    key="06-a-file-of-what",
    text="You save a trained model as a `.keras` file and load it, on Keras 3. Of which of these models is what you "
    "load *not* a true clone?",
    options=[
        Option(
            "A Sequential with an Adam optimizer",
            "A `.keras` file holds structure, weights and the optimizer's state: nothing is lost.",
        ),
        Option(
            "A subclass with `get_config`",
            "If its class is at hand when the file is loaded, the config tells how to make it, and the weights follow.",
        ),
        Option(
            "A Sequential with Dropout",
            "The random state of Dropout is a variable of Keras 3 and no weight. It starts anew, and the next training "
            "steps go another way.",
            right=True,
        ),
    ],
)

WHICH_FOR_A_TARGET = Question(
    key="06-which-for-a-target",
    text="A target network answers questions and is never trained. Every thousand steps it has to catch up with the "
    "model. What must survive the cloning?",
    options=[
        Option(
            "The outputs and the weights, and it must be independent",
            "It is only asked. Optimizer, random state and compile settings would never be used.",
            right=True,
        ),
        Option(
            "Everything, so that it is a true clone",
            "That does no harm, and costs time each time. A network that is never trained needs no optimizer.",
        ),
        Option(
            "The weights; whether it is independent does not matter",
            "A second name for the model would move with every training step, and a target is to stand still.",
        ),
    ],
)


# -- a teacher that follows slowly -------------------------------------------------------------------------------------


def _student_and_teacher() -> tuple[Any, Any]:
    """Make two models of one structure and different weights."""
    import keras

    layers = keras.layers
    models = []
    for _ in range(2):
        model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)])
        generator = np.random.default_rng(len(models))
        model.set_weights([generator.normal(size=weight.shape) for weight in model.weights])
        models.append(model)
    return models[0], models[1]


def _follows(follow: Any) -> str | None:
    if not callable(follow):
        return "`follow` is not a function. Keep the line `def follow(teacher, student, momentum):`."
    student, teacher = _student_and_teacher()
    before = [distances.values(model.weights) for model in (student, teacher)]
    wanted = [0.9 * b + 0.1 * a for a, b in zip(*before, strict=True)]
    swapped = [0.1 * b + 0.9 * a for a, b in zip(*before, strict=True)]
    follow(teacher, student, 0.9)
    now = distances.values(teacher.weights)
    if any(map(distances.largest_difference, before[0], distances.values(student.weights))):
        return "the student has other weights than before. Only the teacher follows."
    if not any(map(distances.largest_difference, before[1], now)):
        return "the teacher has not moved. Assign the new values to its weights: `weight.assign(value)`."
    if _same(now, before[0]):
        return "the teacher is now a copy of the student. At a momentum of 0.9 it has to keep 9 tenths."
    if _same(now, swapped):
        return "it keeps 1 tenth at a momentum of 0.9, not 9 tenths. Momentum is the part that is kept."
    if any(_same([a], [b]) for a, b in zip(now, before[1], strict=True)):
        return "some weights did not follow. Those of BatchNormalization that are not trained count too: use `weights`."
    if not _same(now, wanted):
        return "the weights are not momentum * teacher + (1 - momentum) * student."
    follow(teacher, student, 0.0)
    if not _same(distances.values(teacher.weights), before[0]):
        return "at a momentum of 0 the teacher has to become equal to the student."
    return None


def _same(mine: list, theirs: list) -> bool:
    return all(np.allclose(a, b, atol=1e-5) for a, b in zip(mine, theirs, strict=True))


FOLLOW = Exercise(
    key="06-follow",
    title="a teacher that follows slowly",
    task="""
    Write `follow(teacher, student, momentum)`. Each weight of the teacher becomes `momentum` times itself plus
    `1 - momentum` times the student's. The student stays as it is.
    """,
    checks=[_follows],
    hints=[
        "`zip(teacher.weights, student.weights)` pairs the weights.",
        "A weight takes a new value with `weight.assign(value)`. A plain `=` would only give your name to a number.",
    ],
    solution="""
    def follow(teacher, student, momentum):
        for slow, fast in zip(teacher.weights, student.weights, strict=True):
            slow.assign(momentum * slow + (1 - momentum) * fast)
    """,
    praise="`weights` has the statistics of BatchNormalization too, which `trainable_weights` leaves out.",
)


# -- a class that a file can hold --------------------------------------------------------------------------------------


def _is_as_it_was_found(answer: Any) -> bool:
    """Recognise the class as the learner found it: its temperature is a raw variable, and it has no get_config."""
    import tensorflow as tf

    try:
        return isinstance(answer(2).temperature, tf.Variable) and "get_config" not in vars(answer)
    except Exception:
        return False


def _survives_a_file(cls: Any) -> str | None:
    import keras

    if not (isinstance(cls, type) and issubclass(cls, keras.Model)):
        return "`Warm` is not a class of models. Keep the line `class Warm(keras.Model):`."
    inputs = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    model = cls(3)
    model(inputs)
    if model.head.units != 3:
        return "`Warm(3)` has to have a head of 3 units."
    if not hasattr(model.temperature, "assign"):
        return "`temperature` is no variable any more: nobody can assign to it, and no file keeps it."
    model.temperature.assign(0.25)
    model.compile("sgd", "mse")
    if any(model.temperature is weight for weight in model.trainable_weights):
        return "training now changes the temperature. Say `trainable=False`."
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "warm.keras"
            model.save(path)
            twin = keras.models.load_model(path, custom_objects={cls.__name__: cls})
    except Exception as error:
        return f"the file does not load ({type(error).__name__}). The config has to tell `units`: write a `get_config`."
    if float(np.asarray(twin.temperature)) != 0.25:
        return "the temperature is lost on the way: a file holds weights only. Make it one with `self.add_weight`."
    if twin.head.units != 3:
        return f"the loaded model has a head of {twin.head.units} units. Its config has to tell `units`."
    report = audit(model, twin, inputs, np.zeros((32, 3), "float32"))
    return None if report.ok else f"the audit still finds a difference: {', '.join(report.failures)}."


WARM = Exercise(
    key="06-warm",
    title="a class that a file can hold",
    task="""
    A `.keras` file of `Warm` forgets the temperature and the size: `Warm(2)` loads with another temperature, and
    `Warm(3)` does not load at all. Change the class so that what is loaded is a true clone. Calls such as
    `model.temperature.assign(0.25)` have to go on working, and training must not change it.
    """,
    checks=[_survives_a_file],
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
    praise="A weight travels with the weights: by set_weights, by file, and into the row of your model in the matrix.",
    untouched=_is_as_it_was_found,
    begin="This is the class as you found it. Change it, then run the cell again.",
)
