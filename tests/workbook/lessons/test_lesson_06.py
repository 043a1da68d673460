"""The exercises of notebook 06 tell right, wrong and untouched answers apart, and say what is wrong."""

import numpy as np
import pytest

from helpers import keras_files
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


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_code_of_a_lambda_is_refused_except_in_an_h5_file_by_keras_2(packages, package, ending, tmp_path):
    keras, path = packages[package], tmp_path / f"doubled.{ending}"
    keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: 2 * x)]).save(path)
    if (package, ending) == ("tf_keras", "h5"):
        assert np.all(keras.models.load_model(path)(np.ones((1, 2))) == 2)
    else:
        with pytest.raises(ValueError, match="Lambda"):
            keras.models.load_model(path)
    with pytest.raises(keras_files.Refusal, match="Lambda"):
        keras_files.load_file(path)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_plain_arguments_of_a_model_are_in_a_file_of_keras_2(packages, package, tmp_path):
    keras = packages[package]

    class Sized(keras.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(units)

        def call(self, inputs):
            return self.dense(inputs)

    class SizedLayer(keras.layers.Layer):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def call(self, inputs):
            return inputs * self.units

    ones, known = np.ones((1, 2), "float32"), {"Sized": Sized, "SizedLayer": SizedLayer}
    layered = keras.Sequential([keras.Input((2,)), SizedLayer(3)])
    layered.save(tmp_path / "layered.keras")
    loaded = keras.models.load_model(tmp_path / "layered.keras", custom_objects=known)
    assert np.array_equal(loaded(ones), layered(ones))  # of a layer they are on both
    model = Sized(3)
    model(ones)
    model.save(tmp_path / "model.keras")
    if package == "keras":
        with pytest.raises(ValueError, match="could not be loaded"):
            keras.models.load_model(tmp_path / "model.keras", custom_objects=known)
    else:
        loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects=known)
        assert np.array_equal(loaded(ones), model(ones))


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
