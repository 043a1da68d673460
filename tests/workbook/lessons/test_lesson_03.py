"""The exercises of notebook 03 tell right, wrong and untouched answers apart; Keras does what the notebook says."""

import re
from pathlib import Path

import h5py
import nbformat
import numpy as np
import pytest
import tensorflow as tf

from helpers import keras_files
from workbook.lessons import lesson_03
from workbook.lessons.lesson_03 import CHECKED_LOAD, LOADS_ELSEWHERE
from workbook.lessons.quiz import Exercise, Outcome, Question
from workbook.notebook import raised

NOTEBOOK = Path(__file__).parents[3] / "notebooks" / "03_why_a_clone_will_not_load.ipynb"

QUESTIONS = [value for value in vars(lesson_03).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_03).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


# -- a class that loads elsewhere --------------------------------------------------------------------------------------


def scorer(solution, keras, config):
    """Return the solution with a different config, which can use the config of the base class."""
    base = {"base": lambda self: super(solution, self).get_config()}
    cls = type("Scorer", (solution,), {**base, "get_config": lambda self: config(self)})
    return keras.saving.register_keras_serializable(package="test_lesson_03")(cls)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (lambda self: [self.units, self.activation], "has to return a dict"),
        (lambda self: {**self.base(), "activation": self.activation}, "`units` is missing"),
        (lambda self: {**self.base(), "units": self.units}, "loads without an error"),
        (lambda self: {**self.base(), "units": self.units, "activation": "relu"}, "not fixed values"),
        (lambda self: {**self.base(), "units": self.units, "activation": "tanh"}, "not fixed values"),
        (lambda self: {**self.base(), "units": 5, "activation": self.activation}, "not fixed values"),
        (lambda self: {**self.base(), "units": self.units, "activation": self.activation, "head": 1}, "head"),
        (lambda self: {"units": self.units, "activation": self.activation}, "base class are lost"),
        (lambda self: self.nothing, "nothing"),
    ],
)
def test_a_wrong_config_gets_its_own_diagnosis(config, words, packages, answer_from):
    feedback = LOADS_ELSEWHERE.check(scorer(answer_from(LOADS_ELSEWHERE), packages["keras"], config))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_a_class_that_is_not_registered_is_found(answer_from):
    register = '@keras.saving.register_keras_serializable(package="workbook")\n'
    feedback = LOADS_ELSEWHERE.check(answer_from(LOADS_ELSEWHERE, (register, "")))
    assert feedback.outcome is Outcome.INCORRECT and "not registered" in feedback.text
    assert "has to stay a class" in LOADS_ELSEWHERE.check("a text").text


def test_a_class_among_the_custom_objects_of_the_process_is_registered(packages, answer_from):
    objects = packages["keras"].saving.get_custom_objects()
    scorer = answer_from(LOADS_ELSEWHERE, ('@keras.saving.register_keras_serializable(package="workbook")\n', ""))
    objects["Scorer"] = scorer
    try:
        assert LOADS_ELSEWHERE.check(scorer).outcome is Outcome.CORRECT
    finally:
        del objects["Scorer"]


# -- a load that is checked --------------------------------------------------------------------------------------------


def untouched_load(receiver, path, inputs, answers): ...


LOAD, TEST = "    receiver.load_weights(path)\n", "not np.allclose(receiver(inputs), answers, rtol=0, atol=1e-5)"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(LOAD, ""), (TEST, "False")], "its own weights"),
        ([(LOAD, "")], "before it has its weights"),
        ([("return receiver", "return None")], "does not return the receiver"),
        ([("return receiver", "return True")], "truth value"),
        ([(TEST, "False")], "takes a receiver with tanh"),
        ([(TEST, "abs(float(np.sum(receiver(inputs) - answers))) > 1e-3")], "cancel"),
        ([("1e-5", "0.02")], "tolerance is too wide"),
        ([("1e-5", "1e-3")], "the last one for the last input"),
        ([(TEST, "np.abs(receiver(inputs) - answers).mean() > 1e-5")], "the last one for the last input"),
        ([(TEST, "np.max(receiver(inputs) - answers) > 1e-5")], "off by 0.0001"),
        ([(TEST, "np.max(answers - receiver(inputs)) > 1e-5")], "off by -0.0001"),
        ([(TEST, "np.abs(receiver(inputs) - answers).max() > 1e-5")], "not numbers"),
        ([(TEST, "not np.array_equal(receiver(inputs), answers)")], "may be rounding"),
        ([(TEST, "np.abs(receiver(inputs) - answers).max() >= 0")], "refuses the right model too"),
        ([("    receiver(inputs)\n", "")], "before its first call"),
        ([("    receiver(inputs)\n", "    receiver.build(inputs.shape)\n")], "before it has its weights"),
        ([("raise ValueError", "raise AssertionError")], "switches off"),
        ([("1e-5", "5e-5")], "off by 3e-05"),
        ([(LOAD, "    receiver.no_such_method()\n")], "no_such_method"),
    ],
)
def test_a_wrong_check_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = CHECKED_LOAD.check(answer_from(CHECKED_LOAD, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_a_check_that_is_not_a_function():
    assert "not a function" in CHECKED_LOAD.check("a text").text


def test_untouched_answers_are_no_attempt(packages, answer_from):
    scorer_as_found = scorer(answer_from(LOADS_ELSEWHERE), packages["keras"], lambda self: ...)
    assert CHECKED_LOAD.check(untouched_load).outcome is Outcome.NOT_ATTEMPTED
    assert LOADS_ELSEWHERE.check(scorer_as_found).outcome is Outcome.NOT_ATTEMPTED


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 5
    assert all(key.startswith("03-") for key in keys)


# -- what the notebook says of Keras, beyond what its cells show ------------------------------------------------------


def stack(keras, *layers):
    return keras.Sequential([keras.Input((4,)), *layers])


def dense(keras, units=3, **options):
    return keras.layers.Dense(units, **options)


def branches(keras, first, second):
    """Make a model with two equal layers in these attributes, made in this order. The later name is subtracted."""

    class Branches(keras.Model):
        def __init__(self):
            super().__init__()
            for name in (first, second):
                setattr(self, name, keras.layers.Dense(3))

        def call(self, inputs):
            plus, minus = (getattr(self, name) for name in sorted((first, second)))
            return plus(inputs) - minus(inputs)

    model = Branches()
    model(INPUTS)
    return model


INPUTS = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 4)


@pytest.mark.parametrize(
    ("names", "safe_on"), [(("decoder", "encoder"), "keras"), (("left", "right"), "tf_keras")], ids=["before", "after"]
)
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_names_before_and_after_layers_are_kept_differently(package, names, safe_on, packages, tmp_path):
    keras, path = packages[package], tmp_path / "saved.weights.h5"
    saved = branches(keras, *names)
    saved.save_weights(path)

    swapped = branches(keras, *reversed(names))
    swapped.load_weights(path)
    assert np.array_equal(swapped(INPUTS), saved(INPUTS)) == (package == safe_on)

    renamed = branches(keras, names[0] + "_1", names[1])
    if package == safe_on:
        with pytest.raises(ValueError, match="expected 2 variables, but received 0"):
            renamed.load_weights(path)
    else:
        renamed.load_weights(path)
        assert np.array_equal(renamed(INPUTS), saved(INPUTS))


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_weights_that_are_in_another_file(package, packages, tmp_path):
    keras, path, other = packages[package], tmp_path / "crafted.weights.h5", tmp_path / "other.bin"
    other.write_bytes(np.arange(12, dtype="float32").tobytes())
    receiver = stack(keras, dense(keras))
    receiver.save_weights(path)
    with h5py.File(path, "r+") as file:
        (kernel,) = [name for name in all_names(file) if getattr(file[name], "shape", None) == (4, 3)]
        del file[kernel]
        file.create_dataset(kernel, (4, 3), "float32", external=[(str(other), 0, 48)])
    if package == "keras":
        with pytest.raises(ValueError, match="external"):
            receiver.load_weights(path)
    elif raised(lambda: receiver.load_weights(path)) is None:  # a later tf_keras may refuse it
        assert np.array_equal(receiver.get_weights()[0].ravel(), np.arange(12))


def all_names(file):
    names = []
    file.visit(names.append)
    return names


def table_of_errors():
    """Return what the messages have, for each row of the notebook's table, on Keras 3 and on Keras 2."""
    (cell,) = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if "## What the errors mean" in cell.source]
    rows = [line.split("|")[1] for line in cell.source.splitlines() if line.startswith("| `")]
    quoted = [re.findall("`(.+?)`", row) for row in rows]
    return [
        (words[0], words[-1]) if "on Keras 2" in row else (words[0],) * 2
        for row, words in zip(rows, quoted, strict=True)
    ]


class Failing:
    """The loads of the table, in its order, each with a file that has been saved for it."""

    def __init__(self, keras, folder):
        self.keras, self.folder = keras, folder
        source = stack(keras, dense(keras))
        source.compile("adam", keras.losses.MeanSquaredError())
        source.save_weights(folder / "source.weights.h5")
        source.save(folder / "source.h5")

    def unregistered(self):
        class Unregistered(self.keras.Model):
            def call(self, inputs):
                return inputs

        self._save_and_load(Unregistered())

    def without_an_argument(self):
        @self.keras.saving.register_keras_serializable(package="test_lesson_03")
        class Partial(self.keras.Model):
            def __init__(self, units, **options):
                super().__init__(**options)

            def call(self, inputs):
                return inputs

            def get_config(self):
                return {}

        self._save_and_load(Partial(3))

    def not_called(self):
        self._load_into(self.keras.Sequential([dense(self.keras)]))

    def other_units(self):
        self._load_into(stack(self.keras, dense(self.keras, 2)))

    def one_layer_more(self):
        self._load_into(stack(self.keras, dense(self.keras), dense(self.keras)))

    def fit_from_h5(self):
        self.keras.models.load_model(self.folder / "source.h5").fit(INPUTS, INPUTS[:, :3], verbose=0)

    def with_a_lambda(self):
        self._save_and_load(stack(self.keras, self.keras.layers.Lambda(lambda inputs: inputs)))

    def _save_and_load(self, model):
        model(INPUTS)
        model.save(self.folder / "model.keras")
        self.keras.models.load_model(self.folder / "model.keras")

    def _load_into(self, receiver):
        receiver.load_weights(self.folder / "source.weights.h5")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_each_message_of_the_table_is_one_that_keras_gives(package, packages, tmp_path):
    table = [row[package == "tf_keras"] for row in table_of_errors()]
    loads = [name for name in vars(Failing) if not name.startswith("_")]
    assert len(table) == len(loads) == 7
    failing = Failing(packages[package], tmp_path)
    found = {name: str(raised(getattr(failing, name))) for name in loads}
    if package == "tf_keras":
        assert found.pop("fit_from_h5") == "None"  # Keras 2 trains on
        table.pop(loads.index("fit_from_h5"))
    assert [message for words, message in zip(table, found.values(), strict=True) if words not in message] == []


@pytest.mark.slow
def test_a_checked_file_may_use_the_class_of_the_notebook(packages, tmp_path):
    from workbook.lessons.reader import Reader

    model = Reader(4)
    images = np.ones((1, 8, 8, 1), "float32")
    answers = model(images)
    model.save(tmp_path / "reader.keras")
    loaded = keras_files.load_file(tmp_path / "reader.keras", {"Reader": Reader})
    assert np.array_equal(loaded(images), answers)


HELD = {"list": lambda layer: [layer], "dict": lambda layer: {"0": layer}, "tuple": lambda layer: (layer,)}


def stacked(keras, held):
    """Make a subclass with one layer in a container, and one in an attribute."""

    class Stacked(keras.Model):
        def __init__(self):
            super().__init__()
            self.held, self.head = HELD[held](dense(keras, 4)), dense(keras)

        def call(self, inputs):
            return self.head(self.held["0" if held == "dict" else 0](inputs))

    model = Stacked()
    model(INPUTS)
    return model


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_checkpoint_of_keras_3_misses_layers_in_lists_and_dicts(package, held, packages, tmp_path):
    """And `assert_consumed` does not notice."""
    saved, loaded = (stacked(packages[package], held) for _ in range(2))
    path = tf.train.Checkpoint(saved).write(tmp_path / "model")
    tf.train.Checkpoint(loaded).read(path).assert_consumed()
    assert np.array_equal(loaded(INPUTS), saved(INPUTS)) == (package == "tf_keras" or held == "tuple")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_which_files_hold_the_state_of_the_optimizer(package, built, packages, tmp_path):
    keras = packages[package]

    def make(built):
        model = stack(keras, dense(keras))
        model.compile("adam", "mse")
        if built:
            model.optimizer.build(model.trainable_variables)
        return model

    saved = make(True)
    for variable in saved.optimizer.variables:
        variable.assign(1 + 0 * variable)
    saved.save_weights(tmp_path / "model.weights.h5")
    path = tf.train.Checkpoint(saved).write(tmp_path / "model")
    from_weights, from_checkpoint = make(built), make(built)
    from_weights.load_weights(tmp_path / "model.weights.h5")
    tf.train.Checkpoint(from_checkpoint).read(path)
    from_checkpoint.optimizer.build(from_checkpoint.trainable_variables)
    assert (int(from_weights.optimizer.iterations) == 1) == built
    assert all(map(np.array_equal, from_checkpoint.optimizer.variables, saved.optimizer.variables))
