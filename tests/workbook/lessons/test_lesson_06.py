"""The exercises of notebook 06 tell right, wrong and untouched answers apart, and say what is wrong."""

import numpy as np
import pytest

from workbook.lessons import lesson_06
from workbook.lessons.lesson_06 import FOLLOW, WARM
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_06).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_06).values() if isinstance(value, Exercise)]
HEAD = """
import tensorflow as tf
class Warm(keras.Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.head = keras.layers.Dense(units)
        self.temperature = {temperature}

    def call(self, inputs):
        return self.head(inputs) * self.temperature
"""
CONFIG = """
    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""
RAW = "tf.Variable(1.0, trainable=False)"
WEIGHT = 'self.add_weight(name="temperature", shape=(), initializer="ones", trainable=False)'


def warm(packages, temperature, config=CONFIG):
    scope = {"keras": packages["keras"]}
    exec(HEAD.replace("{temperature}", temperature) + config, scope)
    return scope["Warm"]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, packages):
    scope = {"keras": packages["keras"]}
    exec(exercise.solution, scope)
    assert exercise.check(scope["follow" if exercise is FOLLOW else "Warm"]).outcome is Outcome.CORRECT


def untouched(teacher, student, momentum): ...


def copied(teacher, student, momentum):
    teacher.set_weights(student.get_weights())


def swapped(teacher, student, momentum):
    for slow, fast in zip(teacher.weights, student.weights, strict=True):
        slow.assign((1 - momentum) * slow + momentum * fast)


def backwards(teacher, student, momentum):
    for slow, fast in zip(teacher.weights, student.weights, strict=True):
        fast.assign(momentum * slow + (1 - momentum) * fast)


def trainable_only(teacher, student, momentum):
    for slow, fast in zip(teacher.trainable_weights, student.trainable_weights, strict=True):
        slow.assign(momentum * slow + (1 - momentum) * fast)


def named_only(teacher, student, momentum):
    for slow, fast in zip(teacher.weights, student.weights, strict=True):
        slow = momentum * slow + (1 - momentum) * fast


def constant(teacher, student, momentum):
    for slow, fast in zip(teacher.weights, student.weights, strict=True):
        slow.assign(0.9 * slow + 0.1 * fast)


def other(teacher, student, momentum):
    teacher.set_weights([np.zeros_like(weight) for weight in teacher.get_weights()])


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (copied, "a copy of the student"),
        (swapped, "Momentum is the part that is kept"),
        (backwards, "Only the teacher follows"),
        (trainable_only, "BatchNormalization"),
        (named_only, "has not moved"),
        (constant, "momentum of 0"),
        (other, "momentum * teacher"),
        (3, "not a function"),
    ],
)
def test_a_wrong_teacher_gets_its_diagnosis(answer, diagnosis):
    feedback = FOLLOW.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert diagnosis in feedback.text


@pytest.mark.parametrize(
    ("temperature", "config", "diagnosis"),
    [
        (RAW, CONFIG, "the temperature is lost"),
        (WEIGHT, "", "does not load"),
        ("1.0", CONFIG, "no variable any more"),
        (WEIGHT.replace("False", "True"), CONFIG, "training now changes"),
    ],
)
def test_a_wrong_class_gets_its_diagnosis(packages, temperature, config, diagnosis):
    feedback = WARM.check(warm(packages, temperature, config))
    assert feedback.outcome is Outcome.INCORRECT
    assert diagnosis in feedback.text


def test_what_is_no_class_is_told(packages):
    assert "has to stay a class" in WARM.check(3).text


def test_untouched_answers_are_recognised(packages):
    assert FOLLOW.check(untouched).outcome is Outcome.NOT_ATTEMPTED
    found = WARM.check(warm(packages, RAW, ""))
    assert found.outcome is Outcome.NOT_ATTEMPTED and "..." not in found.text  # there are no dots to replace


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) and all(key.startswith("06-") for key in keys)
