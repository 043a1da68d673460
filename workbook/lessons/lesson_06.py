"""Prediction questions and exercises of notebook 06, Bring your own model."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers import distances
from workbook.lessons import checks
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
            "The random state of Dropout is a variable of Keras 3 but not a weight. It starts again, and the next "
            "training steps go another way.",
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
    """Make two models with the same structure and different weights."""
    import keras

    layers = keras.layers
    models = []
    for _ in range(2):
        model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)])
        generator = np.random.default_rng(len(models))
        model.set_weights([generator.normal(size=weight.shape) for weight in model.weights])
        models.append(model)
    return models[0], models[1]


@dataclass
class _Step:
    """One call of `follow` with a momentum of 0.9: the student, and the values of all weights before and after."""

    student: Any
    student_before: Sequence[np.ndarray]
    teacher_before: Sequence[np.ndarray]
    teacher_after: Sequence[np.ndarray]

    def mixture(self, momentum: float) -> list[np.ndarray]:
        """Return the weights that the teacher should have."""
        pairs = zip(self.teacher_before, self.student_before, strict=True)
        return [momentum * teacher + (1 - momentum) * student for teacher, student in pairs]


def _call_follow(follow: Any) -> Iterator[_Step]:
    student, teacher = _student_and_teacher()
    before = [distances.values(model.weights) for model in (student, teacher)]
    follow(teacher, student, 0.9)
    yield _Step(student, *before, distances.values(teacher.weights))


def _moves_the_teacher_only(step: _Step) -> str | None:
    if not checks.same_values(step.student_before, step.student.weights):
        return "the student has other weights than before. Only the teacher follows."
    if not any(map(distances.largest_difference, step.teacher_before, step.teacher_after)):
        return "the teacher has not moved. Assign the new values to its weights: `weight.assign(value)`."
    return None


def _keeps_nine_tenths(step: _Step) -> str | None:
    if _close(step.teacher_after, step.student_before):
        return "the teacher is now a copy of the student. At a momentum of 0.9 it has to keep 9 tenths."
    if _close(step.teacher_after, step.mixture(0.1)):
        return "it keeps 1 tenth at a momentum of 0.9, not 9 tenths. Momentum is the part that is kept."
    return None


def _moves_every_weight(step: _Step) -> str | None:
    if any(_close([after], [before]) for after, before in zip(step.teacher_after, step.teacher_before, strict=True)):
        return "some weights did not follow. Those of BatchNormalization that are not trained count too: use `weights`."
    if not _close(step.teacher_after, step.mixture(0.9)):
        return "the weights are not momentum * teacher + (1 - momentum) * student."
    return None


def _without_momentum_becomes_the_student(follow: Any) -> str | None:
    student, teacher = _student_and_teacher()
    follow(teacher, student, 0.0)
    if _close(distances.values(teacher.weights), distances.values(student.weights)):
        return None
    return "at a momentum of 0 the teacher has to become equal to the student."


def _close(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> bool:
    return all(np.allclose(a, b, atol=1e-5) for a, b in zip(some, others, strict=True))


FOLLOW = Exercise(
    key="06-follow",
    title="a teacher that follows slowly",
    task="""
    Write `follow(teacher, student, momentum)`. Each weight of the teacher becomes `momentum` times itself plus
    `1 - momentum` times the student's. The student stays as it is.
    """,
    checks=[
        checks.is_function("follow(teacher, student, momentum)"),
        checks.after(_call_follow, _moves_the_teacher_only, _keeps_nine_tenths, _moves_every_weight),
        _without_momentum_becomes_the_student,
    ],
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


def _has_the_parts(cls: Any) -> str | None:
    model = cls(3)
    model(np.zeros((1, 4), "float32"))
    if model.head.units != 3:
        return "`Warm(3)` has to have a head of 3 units."
    if not hasattr(model.temperature, "assign"):
        return "`temperature` is not a variable any more: nobody can assign to it, and no file keeps it."
    if any(model.temperature is weight for weight in model.trainable_weights):
        return "training now changes the temperature. Say `trainable=False`."
    return None


def _save_and_load(cls: Any) -> Iterator[checks.Trial | Exception]:
    """Yield the model and the object loaded from its file, or the error that saving or loading raised."""
    import keras

    inputs = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    model = cls(3)
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
        yield checks.Trial(model, loaded, [], inputs, np.zeros((32, 3), "float32"))


def _file_loads(trial: checks.Trial | Exception) -> str | None:
    if isinstance(trial, Exception):
        return f"the file does not load ({type(trial).__name__}). The config has to hold `units`: write a `get_config`."
    return None


def _file_has_temperature_and_size(trial: checks.Trial) -> str | None:
    if float(np.asarray(trial.result.temperature)) != 0.25:
        return "the temperature is lost on the way: a file holds weights only. Make it one with `self.add_weight`."
    if trial.result.head.units != 3:
        units = trial.result.head.units
        return f"the loaded model has a head of {units} units. Its config has to hold `units`."
    return None


WARM = Exercise(
    key="06-warm",
    title="a class that a file can hold",
    task="""
    A `.keras` file of `Warm` forgets the temperature and the size: `Warm(2)` loads with another temperature, and
    `Warm(3)` does not load at all. Change the class so that what is loaded is a true clone. Calls such as
    `model.temperature.assign(0.25)` have to go on working, and training must not change it.
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
    praise="A weight travels with the weights: by set_weights, by file, and into the row of your model in the table.",
    untouched=_is_as_it_was_found,
    begin="This is the class as you found it. Change it, then run the cell again.",
)
