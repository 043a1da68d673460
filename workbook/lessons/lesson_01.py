"""Prediction questions and exercises of notebook 01, How subclassing works."""

import functools
import numbers
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question

CALL_A_LAYER = Question(
    key="01-first-call",
    text="The next cell makes layers of the class `Talker`, and calls some of them. How often do `build` and `call` "
    "print their names?",
    options=[
        Option(
            "`build` 2 times, and `call` 3 times",
            "The first call of a layer brings the shape of its inputs, so `build` can run. It runs once for each "
            "layer that is called.",
            right=True,
        ),
        Option(
            "`build` 2 times, and `call` 5 times",
            "A layer with a `build` of its own needs no trial run: Keras runs `build`, and then `call` once.",
        ),
        Option(
            "`build` 3 times, and `call` 3 times",
            "The constructor does not know how wide the inputs will be. And at its second call a layer has its kernel.",
        ),
        Option(
            "`build` 3 times, and `call` 5 times",
            "Three layers are made, and two of them see data. `call` runs when you call a layer, and not for `build`.",
        ),
    ],
)

BUILD_A_MODEL = Question(
    key="01-weights-after-build",
    text="The next cell makes two new readers. How many weights do the two list at its end, on Keras 3?",
    options=[
        Option(
            "4 and 4",
            "So it is on Keras 2, whose `build` runs your `call` on a placeholder. `build` of Keras 3 does not.",
        ),
        Option(
            "4 and 0",
            "It is the other way round: `build` of Keras 3 builds no layer here, and a call builds each layer on its "
            "way.",
        ),
        Option(
            "0 and 4",
            "`build` of Keras 3 does not run your `call`, so no layer is built. A call builds each layer on its way.",
            right=True,
        ),
        Option(
            "0 and 0",
            "A call brings data to the first layer, and its outputs to the next. Each is built when it is called.",
        ),
    ],
)

SAVE_AND_LOAD = Question(
    key="01-layer-in-a-box",
    text="The next cell trains this reader, and loads its weights from a file into a second one. Which of the two "
    "Dense layers are trained, and which come back from the file?",
    options=[
        Option(
            "Trained: both. From the file: both",
            "`fit` and the file take the weights that the reader lists. The hidden layer is in a plain object.",
        ),
        Option(
            "Trained: both. From the file: the head",
            "The hidden layer computes, but the optimizer gets the weights that the reader lists.",
        ),
        Option(
            "Trained: the head. From the file: both",
            "The file holds the weights that the reader lists, and the hidden layer is not among them.",
        ),
        Option(
            "Trained: the head. From the file: the head",
            "Only the head is listed. In each reader it stands on a hidden layer with random weights of its own.",
            right=True,
        ),
    ],
)

FIT_A_COUNTER = Question(
    key="01-counter",
    text="The next cell trains `Counter` on 12 batches, and prints both of its counts. Which of them is 12?",
    options=[
        Option(
            "Both of them",
            "For that, Python would have to run `call` for each batch. It runs `call` only to build and to trace.",
        ),
        Option(
            "The first only",
            "Python runs `call` when the model is built and traced. For the batches the graph runs, and of the two "
            "only the assignment to the weight is in it.",
            right=True,
        ),
        Option(
            "The second only",
            "It is the other way round: the weight is in the graph, and the attribute is not.",
        ),
        Option(
            "Neither of them",
            "The graph runs for every batch, and adding to a weight is part of the graph.",
        ),
    ],
)


# -- count the weights -------------------------------------------------------------------------------------------------


@functools.cache
def _house_counts() -> dict[str, int]:
    """Count the weights of the exercise's model at each step, because the right answer is what Keras returns."""
    import keras

    class House(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.floors = [keras.layers.Dense(8), keras.layers.Dense(8), keras.layers.Dense(8)]
            self.box = SimpleNamespace(roof=keras.layers.Dense(1))
            self.visits = self.add_weight(name="visits", shape=(), initializer="zeros", trainable=False)

        def call(self, inputs: Any) -> Any:
            for floor in self.floors:
                inputs = floor(inputs)
            return self.box.roof(inputs)

    house = House()
    counts = {"made": len(house.weights)}
    for step in ("first call", "second call"):
        house(np.ones((1, 4), "float32"))
        counts[step] = len(house.weights)
    return counts


def _has_three_numbers(answer: Any) -> str | None:
    if not isinstance(answer, dict) or set(answer) != {"made", "first call", "second call"}:
        return '`predicted` has to stay a dict with "made", "first call" and "second call".'
    for step, number in answer.items():
        if number is ...:
            return f'there is no number yet for "{step}".'
        if isinstance(number, bool) or not isinstance(number, numbers.Integral):
            return f'"{step}" has to be a whole number; it is {number!r}.'
    return None


def _counts_what_init_makes(answer: dict[str, int]) -> str | None:
    if answer["made"] <= 0:
        return "one weight is there as soon as the house is made. Look at the last line of `__init__`."
    if answer["made"] > _house_counts()["made"]:
        return (
            "no Dense layer has weights before it has seen inputs. Only `add_weight` in `__init__` makes one at once."
        )
    return None


def _counts_what_the_first_call_makes(answer: dict[str, int]) -> str | None:
    count, right = answer["first call"], _house_counts()["first call"]
    if count == right + 2:
        return "you counted the roof. It sits in a plain object, so the house does not list its two weights."
    if count == right - 1:
        return "you left out `visits`. A weight that is not trained is a weight too."
    if count == 4:
        return "a Dense layer has two weights: a kernel and a bias."
    if count != right:
        return f"after the first call the house does not list {count} weights. Which layers can it see?"
    return None


def _counts_nothing_twice(answer: dict[str, int]) -> str | None:
    if answer["second call"] > answer["first call"]:
        return "a second call makes nothing new: `build` runs once."
    if answer != _house_counts():
        return f"the numbers are not yet right; for one, {answer['second call']} after the second call."
    return None


COUNT_THE_WEIGHTS = Exercise(
    key="01-count-the-weights",
    title="count before you run",
    task="""
    How many weights does this model list (`len(house.weights)`) on Keras 3: just made, after the first call, and after
    the second? Write the three numbers into `predicted`.
    """,
    checks=[
        _has_three_numbers,
        _counts_what_init_makes,
        _counts_what_the_first_call_makes,
        _counts_nothing_twice,
    ],
    hints=[
        "A Dense layer has a kernel and a bias, and gets them when it is built.",
        "What does the model find when it looks at its attributes: the list, the box, the weight?",
    ],
    solution="""
    predicted = {"made": 1, "first call": 7, "second call": 7}
    """,
    praise="The roof works, and is not among the seven. It would be neither trained nor saved.",
)


# -- write a layer -----------------------------------------------------------------------------------------------------


_GAIN_INPUTS = np.arange(12, dtype="float32").reshape(3, 4)


def _gain_takes_a_name(answer: Any) -> str | None:
    try:
        answer(start=2.0, name="mine")
    except TypeError as error:
        if "name" in str(error):
            return "it does not take a name. Accept `**kwargs`, and hand them to `super().__init__(**kwargs)`."
        raise
    return None


def _gain_makes_its_weight_in_time(answer: Any) -> str | None:
    if checks.creates_state_too_late(lambda: answer(start=2.0)(_GAIN_INPUTS)):
        return "the weight is made inside `call`, after Keras 3 has closed the layer. Make it in `build`."
    return None


def _make_a_gain(answer: Any) -> Iterator[Any]:
    layer = answer(start=2.0, name="mine")
    layer(_GAIN_INPUTS)
    yield layer


def _gain_has_a_weight_for_each_feature(layer: Any) -> str | None:
    if not layer.weights:
        return "the layer lists no weight. Make it with `self.add_weight`, and keep it in an attribute."
    if len(layer.weights) > 1:
        return f"one weight is enough, and the layer has {len(layer.weights)}."
    shape = tuple(layer.weights[0].shape)
    if shape != (4,):
        return (
            f"for inputs with 4 features the weight has the shape {shape}. Each feature needs a number of its own: "
            "`shape=(input_shape[-1],)`."
        )
    return None


def _gain_begins_at_its_start(layer: Any) -> str | None:
    if not layer.trainable_weights:
        return "the weight is not trainable, so the layer cannot learn."
    other = type(layer)(start=3.0)
    other(_GAIN_INPUTS)
    for start, each in ((2.0, layer), (3.0, other)):
        begins = each.get_weights()[0]
        if not np.allclose(begins, start):
            return f"with `start={start}` the weight begins at {begins.flat[0]:.2g}. Does it begin at `start`?"
        if not np.allclose(each(_GAIN_INPUTS), start * _GAIN_INPUTS):
            return f"with `start={start}` a fresh layer has to multiply its inputs by {start}."
    return None


def _gain_learns(layer: Any) -> str | None:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = layer(tf.constant(_GAIN_INPUTS))
    if tape.gradient(outputs, layer.weights[0].value) is None:
        return "no gradient reaches the weight, so it never learns. Multiply the inputs by the weight itself."
    return None


def _gain_takes_any_number_of_features(layer: Any) -> str | None:
    try:
        fits = type(layer)(start=1.0)(np.ones((2, 6), "float32")).shape == (2, 6)
    except Exception:
        fits = False
    if not fits:
        return "it takes inputs with 4 features only. Take their number from `input_shape`, in `build`."
    try:
        deeper = type(layer)(start=1.0)
        fits = deeper(np.ones((2, 5, 6), "float32")).shape == (2, 5, 6) and deeper.weights[0].shape == (6,)
    except Exception:
        fits = False
    return None if fits else "inputs of the shape (2, 5, 6) have 6 features: the last number, `input_shape[-1]`."


def _gain_comes_back_from_its_config(layer: Any) -> str | None:
    config = layer.get_config()
    if not isinstance(config, dict):
        return f"`get_config` has to return a dict, and returns a {type(config).__name__}."
    if "start" not in config:
        return "`start` is not in the config, so a copy begins at the default. Write `get_config`."
    copy = type(layer).from_config(config)
    if copy.name != "mine":
        return "the copy lost its name. Begin the config with `**super().get_config()`."
    for start, said in ((2.0, config["start"]), (3.0, type(layer)(start=3.0).get_config()["start"])):
        if said != start:
            return f"the config says start = {said!r}, and the layer was made with {start}."
    return None


def _gain_names_its_weight(layer: Any) -> str | None:
    # Keras 3 numbers weights without a name: `variable`, `variable_1`, ...
    if re.fullmatch(r"|variable(_\d+)?", layer.weights[0].name):
        return "the weight has no name of its own. Of `tf_keras`, `tf.train.Checkpoint` cannot store it: pass `name=`."
    return None


WRITE_A_LAYER = Exercise(
    key="01-write-a-layer",
    title="write a layer",
    task="""
    `Gain(start=1.0)` learns a number for each feature of its inputs, which begins at `start`, and multiplies the
    feature by it. It takes inputs with any number of features, and its config makes another one with the same `start`.
    """,
    checks=[
        checks.is_derived_from("keras.layers.Layer", "Gain"),
        _gain_takes_a_name,
        _gain_makes_its_weight_in_time,
        checks.after(
            _make_a_gain,
            _gain_has_a_weight_for_each_feature,
            _gain_begins_at_its_start,
            _gain_learns,
            _gain_takes_any_number_of_features,
            _gain_comes_back_from_its_config,
            _gain_names_its_weight,
        ),
    ],
    hints=[
        "The constructor does not know the number of features. Which method gets the shape of the inputs?",
        "`keras.initializers.Constant(self.start)` fills a weight with one number.",
        "`__init__` keeps `start`, `build` makes and names the weight, `call` multiplies, `get_config` lists `start`.",
    ],
    solution="""
    class Gain(keras.layers.Layer):
        def __init__(self, start=1.0, **kwargs):
            super().__init__(**kwargs)
            self.start = start

        def build(self, input_shape):
            begin = keras.initializers.Constant(self.start)
            self.gain = self.add_weight(shape=(input_shape[-1],), initializer=begin, name="gain")

        def call(self, inputs):
            return inputs * self.gain

        def get_config(self):
            return {**super().get_config(), "start": self.start}
    """,
    praise="The same four methods carry every custom layer.",
)
