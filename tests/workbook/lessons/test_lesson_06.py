"""The exercises of notebook 06 tell right, wrong and untouched answers apart, and say what is wrong."""

import numpy as np
import pytest

from workbook.lessons import lesson_06
from workbook.lessons.lesson_06 import FOLLOW, WARM
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_06).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_06).values() if isinstance(value, Exercise)]
WEIGHT = 'self.add_weight(name="temperature", shape=(), initializer="ones", trainable=False)'
RAW = (WEIGHT, "tf.Variable(1.0, trainable=False)")
NO_CONFIG = ("def get_config(self)", "def unused(self)")


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


def untouched(teacher, student, momentum): ...


def copied(teacher, student, momentum):
    teacher.set_weights(student.get_weights())


def other(teacher, student, momentum):
    teacher.set_weights([np.zeros_like(weight) for weight in teacher.get_weights()])


MIXTURE = "momentum * slow + (1 - momentum) * fast"


@pytest.mark.parametrize(
    ("change", "diagnosis"),
    [
        ((MIXTURE, "(1 - momentum) * slow + momentum * fast"), "Momentum is the part that is kept"),
        (("slow.assign", "fast.assign"), "Only the teacher follows"),
        (("teacher.weights, student.weights", "teacher.trainable_weights, student.trainable_weights"), "BatchNorm"),
        ((f"slow.assign({MIXTURE})", f"slow = {MIXTURE}"), "has not moved"),
        ((MIXTURE, "0.9 * slow + 0.1 * fast"), "momentum of 0"),
    ],
)
def test_a_teacher_that_follows_wrongly_gets_its_diagnosis(change, diagnosis, answer_from):
    feedback = FOLLOW.check(answer_from(FOLLOW, change))
    assert feedback.outcome is Outcome.INCORRECT
    assert diagnosis in feedback.text


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [(copied, "a copy of the student"), (other, "momentum * teacher"), (3, "not a function")],
)
def test_a_wrong_teacher_gets_its_diagnosis(answer, diagnosis):
    feedback = FOLLOW.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert diagnosis in feedback.text


@pytest.mark.parametrize(
    ("change", "diagnosis"),
    [
        (RAW, "the temperature is lost"),
        (NO_CONFIG, "does not load"),
        ((WEIGHT, "1.0"), "not a variable any more"),
        (("trainable=False", "trainable=True"), "training now changes"),
    ],
)
def test_a_wrong_class_gets_its_diagnosis(change, diagnosis, answer_from):
    feedback = WARM.check(answer_from(WARM, change))
    assert feedback.outcome is Outcome.INCORRECT
    assert diagnosis in feedback.text


def test_an_answer_that_is_not_a_class_is_reported(packages):
    assert "has to stay a class" in WARM.check(3).text


def test_untouched_answers_are_recognised(answer_from):
    assert FOLLOW.check(untouched).outcome is Outcome.NOT_ATTEMPTED
    found = WARM.check(answer_from(WARM, RAW, NO_CONFIG))
    assert found.outcome is Outcome.NOT_ATTEMPTED and "..." not in found.text  # there are no dots to replace


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) and all(key.startswith("06-") for key in keys)
