"""The exercises of notebook 06 tell right, wrong and untouched answers apart, and say what is wrong."""

import numpy as np
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
    ],
)
def test_a_wrong_class_gets_its_diagnosis(change, diagnosis, answer_from):
    changes = change if isinstance(change, list) else [change]
    feedback = WARM.check(answer_from(WARM, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert diagnosis in feedback.text


def test_an_answer_that_is_not_a_class_is_reported(packages):
    assert "has to stay a class" in WARM.check(3).text


def test_an_untouched_answer_is_recognised(answer_from):
    found = WARM.check(answer_from(WARM, RAW, NO_CONFIG))
    assert found.outcome is Outcome.NOT_ATTEMPTED and "..." not in found.text  # there are no dots to replace


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_what_was_loaded_answers_as_the_original_did_before_it_learned_on(packages, package, tmp_path):
    keras, inputs = packages[package], np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    layers = [
        keras.layers.Dense(4),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(2),
    ]
    reader = keras.Sequential([keras.Input((4,)), *layers])
    reader.compile("adam", "mse")
    reader.fit(inputs, inputs[:, :2], verbose=0)
    reader.save(tmp_path / "reader.keras")
    loaded = keras.models.load_model(tmp_path / "reader.keras")
    before = np.array(reader(inputs))
    reader.fit(inputs, inputs[:, :2], verbose=0)
    assert np.array_equal(loaded(inputs), before) and not np.array_equal(reader(inputs), before)


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) and all(key.startswith("06-") for key in keys)
