"""The exercises of notebook 06 tell right, wrong and untouched answers apart, and say what is wrong."""

import pytest

from workbook.lessons import lesson_06
from workbook.lessons.lesson_06 import WARM
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_06).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_06).values() if isinstance(value, Exercise)]
WEIGHT = 'self.add_weight(name="temperature", shape=(), initializer="ones", trainable=False)'
RAW = (WEIGHT, "tf.Variable(1.0, trainable=False)")
NO_CONFIG = ("def get_config(self)", "def unused(self)")
# The temperature with which the model was made goes into the config, and not the one that it has now.
AS_AN_ARGUMENT = [
    ("units=2, **kwargs", "units=2, warmth=1.0, **kwargs"),
    (WEIGHT, "tf.Variable(warmth, trainable=False)"),
    ("self.units = units\n", "self.units, self.warmth = units, warmth\n"),
    ('"units": self.units', '"units": self.units, "warmth": self.warmth'),
]

NOW_IN_THE_CONFIG = ('"units": self.units', '"units": self.units, "warmth": float(self.temperature)')


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


@pytest.mark.parametrize(
    ("change", "diagnosis"),
    [
        (RAW, "the temperature is lost"),
        (NO_CONFIG, "does not load"),
        ((WEIGHT, "1.0"), "not a variable any more"),
        (AS_AN_ARGUMENT, "the temperature is lost"),
        (("trainable=False", "trainable=True"), "training now changes"),
        ((" * self.temperature", ""), "has to multiply by it"),
        ([NO_CONFIG, ("units=2", "units=3")], "does not load"),
        (('"units": self.units', '"units": 3'), "does not load"),
    ],
)
def test_a_wrong_class_gets_its_diagnosis(change, diagnosis, answer_from):
    changes = change if isinstance(change, list) else [change]
    feedback = WARM.check(answer_from(WARM, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert diagnosis in feedback.text


@pytest.mark.parametrize(
    "change",
    [
        [(WEIGHT, "keras.Variable(1.0, trainable=False)")],
        [*AS_AN_ARGUMENT[:2], NOW_IN_THE_CONFIG],
    ],
    ids=["a variable of Keras", "the temperature of now in the config"],
)
def test_a_different_right_class_is_correct(change, answer_from):
    assert WARM.check(answer_from(WARM, *change)).outcome is Outcome.CORRECT


def test_an_answer_that_is_not_a_class_is_reported(packages):
    assert "has to stay a class" in WARM.check(3).text


def test_an_untouched_answer_is_recognised(answer_from):
    found = WARM.check(answer_from(WARM, RAW, NO_CONFIG))
    assert found.outcome is Outcome.NOT_ATTEMPTED and "..." not in found.text  # there are no dots to replace


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) and all(key.startswith("06-") for key in keys)
