"""The exercises of notebook 01 tell right, wrong and untouched answers apart, and say what is wrong."""

from types import SimpleNamespace

import numpy as np
import pytest

from workbook.lessons import lesson_01
from workbook.lessons.lesson_01 import COUNT_THE_WEIGHTS, WRITE_A_LAYER
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_01).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_01).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


def check(exercise, answer, words):
    feedback = exercise.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text, feedback.text


# -- count the weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0, 7, 7), "one weight is there as soon as"),
        ((-1, 7, 7), "one weight is there as soon as"),
        ((True, 7, 7), "whole number"),
        ((7, 7, 7), "no Dense layer has weights before"),
        ((1, 9, 9), "counted the roof"),
        ((1, 6, 6), "left out `visits`"),
        ((1, 4, 4), "a kernel and a bias"),
        ((1, 20, 20), "does not list 20 weights"),
        ((1, 7, 13), "makes nothing new"),
        ((1, 7, 6), "not yet right"),
        ((1, ..., 7), "no number yet"),
        ((1, "seven", 7), "whole number"),
    ],
)
def test_a_wrong_count_gets_its_own_diagnosis(numbers, words, packages):
    check(COUNT_THE_WEIGHTS, dict(zip(("made", "first call", "second call"), numbers, strict=True)), words)


def test_a_number_of_numpy_is_a_whole_number(packages):
    right = {"made": np.int64(1), "first call": 7, "second call": 7}
    assert COUNT_THE_WEIGHTS.check(right).outcome is Outcome.CORRECT


def test_a_count_of_something_else(packages):
    check(COUNT_THE_WEIGHTS, {"made": 1}, "has to stay a dict")


# -- write a layer -----------------------------------------------------------------------------------------------------


def gain(solution, **changes):
    """Return the solution with different methods; None removes a method, so that the base class's is used."""
    methods = {name: method or getattr(solution.__base__, name) for name, method in changes.items()}
    return type("Gain", (solution,), methods)


def wrong_gains(keras):
    layer = keras.layers.Layer
    constant = keras.initializers.Constant

    def without_kwargs(self, start=1.0):
        layer.__init__(self)
        self.start = start

    def fixed_width(self, start=1.0, **kwargs):
        layer.__init__(self, **kwargs)
        self.start = start
        self.gain = self.add_weight(shape=(4,), initializer=constant(start), name="gain")

    def building(shape=None, **options):
        def build(self, input_shape):
            defaults = {"name": "gain", "initializer": constant(self.start)}
            self.gain = self.add_weight(shape=shape or (input_shape[-1],), **{**defaults, **options})

        return build

    def scalar(self, input_shape):
        self.gain = self.add_weight(shape=(), initializer=constant(self.start), name="gain")

    def two(self, input_shape):
        building()(self, input_shape)
        self.other = self.add_weight(shape=(1,), name="other")

    def untracked(self, input_shape):
        self.gain = np.full(input_shape[-1], self.start, "float32")

    def second(self, input_shape):
        building(shape=(input_shape[1],))(self, input_shape)

    def scaled(self, inputs):
        return inputs * self.start * self.gain

    def late(self, inputs):
        self.gain = self.add_weight(shape=(4,), initializer=constant(self.start), name="gain")
        return inputs * self.gain

    def config(**entries):
        return lambda self: {**layer.get_config(self), **entries}

    return {
        "takes no kwargs": ({"__init__": without_kwargs}, "does not take a name"),
        "weight in call": ({"build": None, "call": late}, "made inside `call`"),
        "an array": ({"build": untracked}, "lists no weight"),
        "two weights": ({"build": two}, "one weight is enough"),
        "one number": ({"build": scalar}, "shape ()"),
        "always 2": ({"build": building(initializer=constant(2.0))}, "with `start=3.0` the weight begins at 2"),
        "starts at 1": ({"build": building(initializer="ones"), "call": scaled}, "the weight begins at 1"),
        "second number": ({"build": second}, "`input_shape[-1]`"),
        "frozen": ({"build": building(trainable=False)}, "not trainable"),
        "begins at random": ({"build": building(initializer="random_normal")}, "begin at `start`"),
        "fixed width": ({"__init__": fixed_width, "build": None}, "4 features only"),
        "an array in call": ({"call": lambda self, inputs: inputs * self.gain.numpy()}, "no gradient"),
        "a list as config": ({"get_config": lambda self: [self.start]}, "has to return a dict"),
        "no config": ({"get_config": lambda self: layer.get_config(self)}, "`start` is not in the config"),
        "no base config": ({"get_config": lambda self: {"start": self.start}}, "lost its name"),
        "fixed config": ({"get_config": config(start=1.0)}, "the config says start = 1.0"),
        "config of 2": ({"get_config": config(start=2.0)}, "the config says start = 2.0"),
        "no name": ({"build": building(name=None)}, "no name of its own"),
        "an error": ({"call": lambda self, inputs: inputs * self.nothing}, "nothing"),
    }


GAINS = [
    *(
        "takes no kwargs",
        "weight in call",
        "an array",
        "two weights",
        "one number",
        "always 2",
        "starts at 1",
        "second number",
        "frozen",
        "begins at random",
    ),
    *(
        "fixed width",
        "an array in call",
        "a list as config",
        "no config",
        "no base config",
        "fixed config",
        "config of 2",
        "no name",
        "an error",
    ),
]


@pytest.mark.parametrize("name", GAINS)
def test_a_wrong_layer_gets_its_own_diagnosis(name, packages, answer_from):
    cases = wrong_gains(packages["keras"])
    assert list(cases) == GAINS
    changes, words = cases[name]
    check(WRITE_A_LAYER, gain(answer_from(WRITE_A_LAYER), **changes), words)


def test_a_layer_that_is_none(packages):
    check(WRITE_A_LAYER, packages["keras"].layers.Dense(3), "has to stay a class")


# -- all ---------------------------------------------------------------------------------------------------------------


def test_untouched_answers_are_no_attempt(packages):
    keras = packages["keras"]

    class Gain(keras.layers.Layer): ...

    predicted = {"made": ..., "first call": ..., "second call": ...}
    for exercise, answer in ((COUNT_THE_WEIGHTS, predicted), (WRITE_A_LAYER, Gain)):
        assert exercise.check(answer).outcome is Outcome.NOT_ATTEMPTED, exercise.key


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_layer_in_a_plain_object_is_neither_trained_nor_stored(packages, package, tmp_path):
    keras = packages[package]

    class Boxed(keras.Model):
        def __init__(self):
            super().__init__()
            self.box = SimpleNamespace(hidden=keras.layers.Dense(4))
            self.head = keras.layers.Dense(2)

        def call(self, inputs):
            return self.head(self.box.hidden(inputs))

    def kernels(model):
        return [layer.get_weights()[0] for layer in (model.box.hidden, model.head)]

    inputs, targets = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
    trained, loaded = Boxed(), Boxed()
    trained(inputs), loaded(inputs)
    trained.compile("sgd", "mse")
    before = kernels(trained)
    trained.fit(inputs, targets, verbose=0)
    after = kernels(trained)
    trained.save_weights(tmp_path / "reader.weights.h5")
    loaded.load_weights(tmp_path / "reader.weights.h5")
    assert [not np.array_equal(*pair) for pair in zip(before, after, strict=True)] == [False, True]
    assert [np.array_equal(*pair) for pair in zip(kernels(loaded), after, strict=True)] == [False, True]
    assert next(each for each in lesson_01.SAVE_AND_LOAD.options if each.right).label.count("the head") == 2


def test_the_right_answers_stand_in_different_places():
    assert len({place for each in QUESTIONS for place, option in enumerate(each.options) if option.right}) == 4


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 6


# -- what the notebook says of Keras, beyond what its cells show ------------------------------------------------------

INPUTS = np.ones((1, 4), "float32")


def test_keras_3_sees_a_layer_that_is_appended_and_not_one_that_is_assigned(packages):
    keras = packages["keras"]

    class Holder(keras.Model):
        def __init__(self, append):
            super().__init__()
            self.held = [] if append else [None]
            layer = keras.layers.Dense(3)
            if append:
                self.held.append(layer)
            else:
                self.held[0] = layer

        def call(self, inputs):
            return self.held[0](inputs)

    for append, weights in ((True, 2), (False, 0)):
        model = Holder(append)
        model(INPUTS)
        assert len(model.weights) == weights


NESTED = {
    "lists": (lambda layer: [[layer]], lambda held: held[0][0]),
    "tuples": (lambda layer: ((layer,),), lambda held: held[0][0]),
    "dicts": (lambda layer: {"a": {"b": layer}}, lambda held: held["a"]["b"]),
}


@pytest.mark.parametrize("held", NESTED)
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_keras_2_leaves_what_is_nested_in_a_layer_out_of_the_file(package, held, packages, tmp_path):
    keras, (put, get) = packages[package], NESTED[held]

    class Nested(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.held = put(keras.layers.Dense(3))

        def call(self, inputs):
            return get(self.held)(inputs)

    saved, loaded = (keras.Sequential([keras.Input((4,)), Nested()]) for _ in range(2))
    saved.save_weights(tmp_path / "nested.weights.h5")
    loaded.load_weights(tmp_path / "nested.weights.h5")
    assert len(saved.weights) == len(loaded.weights) == 2
    assert np.array_equal(saved.get_weights()[0], loaded.get_weights()[0]) == (package == "keras")


@pytest.mark.filterwarnings("ignore")
def test_keras_3_closes_a_model_by_the_end_of_its_first_call(packages):
    keras = packages["keras"]

    class Unfinished(keras.Model):
        def __init__(self):
            super().__init__()
            self.used, self.unused = keras.layers.Dense(3), keras.layers.Dense(3)

        def call(self, inputs):
            return self.used(inputs)

    model = Unfinished()
    model(INPUTS)
    assert not model.unused.built
    with pytest.raises(ValueError, match="cannot add new elements"):
        model.late = keras.layers.Dense(3)
