"""Prediction questions and exercises of notebook 01, How subclassing works."""

import functools
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question

FIRST_CALL = Question(
    key="01-first-call",
    text="A layer writes down which of its methods run. You make one with `Talker(3)` and call it twice on data. "
    "What has it written?",
    options=[
        Option(
            "__init__ and build, then call, then call",
            "At `Talker(3)` nobody knows the shape of the inputs yet, so `build` has to wait.",
        ),
        Option(
            "__init__, then build and call, then call",
            "The first call brings the shape, so `build` runs then, and only then.",
            right=True,
        ),
        Option(
            "__init__, then build and call, then build and call",
            "`build` runs once. A second run would draw new weights and forget the old ones.",
        ),
        Option("__init__, then call, then call", "You need not call `build` yourself. The first call does it."),
    ],
)

SUMMARY_AFTER_BUILD = Question(
    key="01-summary-after-build",
    text="A class makes two Dense layers in `__init__`. You call `model.build((None, 64))`, then `model.summary()`. "
    "What does Keras 3 list?",
    options=[
        Option("Both layers with all their parameters", "That is what `tf_keras` lists."),
        Option(
            "Both layers with 0 parameters",
            "Keras 3 does not know what `call` does with the layers, so it builds neither.",
            right=True,
        ),
        Option("Nothing: it raises an error", "It gives a warning, and goes on."),
        Option("Only the first layer with parameters", "It would have to know which one `call` uses first."),
    ],
)

HIDDEN_LAYER = Question(
    key="01-hidden-layer",
    text="A model keeps its hidden layer in a plain Python object, `self.box.hidden`, and its head in `self.head`. "
    "You train it with `fit`. What happens to the hidden layer?",
    options=[
        Option("It is trained like the head", "Training moves the weights that the model lists, and it is not listed."),
        Option(
            "It is used and never trained",
            "`call` finds it, the optimizer does not: nothing says so.",
            right=True,
        ),
        Option("Nothing: `fit` raises an error", "Keras cannot see the layer, so it has nothing to complain of."),
        Option("It is trained on tf_keras only", "`tf_keras` does not look into plain objects either."),
    ],
)

FORGOTTEN_ARGUMENT = Question(
    key="01-forgotten-argument",
    text="A layer takes `units` and `activation=None`, and its `get_config` forgets the activation. You save a model "
    "with it, and load the file. What do you get?",
    options=[
        Option("An error: an argument is missing", "It has a default, so the constructor does without it."),
        Option("The same model, since the weights are in the file", "They are, and the activation is not a weight."),
        Option(
            "The same weights and other answers",
            "The constructor falls back on `None`, and nobody compares.",
            right=True,
        ),
        Option("Other weights and other answers", "The weights do not depend on the activation: they are read."),
    ],
)

COUNTER = Question(
    key="01-counter",
    text="`call` adds 1 to a Python attribute, `self.calls`. You train the model on 12 batches with `fit`. "
    "What does the attribute say?",
    options=[
        Option(
            "12", "`fit` records what `call` does, as a graph, and then repeats the record without the Python code."
        ),
        Option(
            "2 or 3", "Python runs when the model is built and recorded. The batches repeat the record.", right=True
        ),
        Option("0", "`call` runs in Python a few times, to be built and recorded."),
        Option(
            "24, with the backward pass", "The backward pass is derived from the record; `call` does not run for it."
        ),
    ],
)

TWO_HEADS = Question(
    key="01-two-heads",
    text="`call` uses `self.coach` when `training` is true, and `self.player` otherwise. After `fit` you call "
    "`predict`. What has the head learned that answers?",
    options=[
        Option("All that training taught", "Training went through the other head. They share nothing."),
        Option("Nothing: it has freshly drawn weights", "`fit` never ran it, so it never moved.", right=True),
        Option(
            "It does not answer: predict raises an error",
            "It gets its weights with the first prediction, and answers.",
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
        if not isinstance(number, int):
            return f'"{step}" has to be a whole number; it is {number!r}.'
    return None


def _counts_what_init_makes(answer: dict[str, int]) -> str | None:
    if answer["made"] == 0:
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


def _gain_learns_from_its_start(layer: Any) -> str | None:
    if not layer.trainable_weights:
        return "the weight is not trainable, so the layer cannot learn."
    if not np.allclose(layer(_GAIN_INPUTS), 2.0 * _GAIN_INPUTS):
        return "with `start=2.0` a fresh layer has to double its inputs. Does its weight begin at `start`?"
    return None


def _gain_takes_any_number_of_features(layer: Any) -> str | None:
    try:
        fits = type(layer)(start=1.0)(np.ones((2, 6), "float32")).shape == (2, 6)
    except Exception:
        fits = False
    return None if fits else "it takes inputs with 4 features only. Take their number from `input_shape`, in `build`."


def _gain_comes_back_from_its_config(layer: Any) -> str | None:
    config = layer.get_config()
    if "start" not in config:
        return "`start` is not in the config, so a copy begins at the default. Write `get_config`."
    copy = type(layer).from_config(config)
    if copy.name != "mine":
        return "the copy lost its name. Begin the config with `**super().get_config()`."
    if not np.allclose(copy(_GAIN_INPUTS), 2.0 * _GAIN_INPUTS):
        return f"the config says start = {config['start']!r}, and the layer was made with 2.0."
    return None


def _gain_names_its_weight(layer: Any) -> str | None:
    # Keras 3 numbers weights without a name: `variable`, `variable_1`, ...
    if re.fullmatch(r"|variable(_\d+)?", layer.weights[0].name):
        return "the weight has no name of its own. `tf_keras` cannot store such a weight: pass `name=`."
    return None


WRITE_A_LAYER = Exercise(
    key="01-write-a-layer",
    title="write a layer",
    task="""
    `Gain(start=1.0)` multiplies each feature of its inputs by a number of its own, which is learned and begins at
    `start`. It takes inputs with any number of features, and its config makes an equal layer.
    """,
    checks=[
        checks.is_derived_from("keras.layers.Layer", "Gain"),
        _gain_takes_a_name,
        _gain_makes_its_weight_in_time,
        checks.after(
            _make_a_gain,
            _gain_has_a_weight_for_each_feature,
            _gain_learns_from_its_start,
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


# -- build a tower -----------------------------------------------------------------------------------------------------

# As wide as a floor, so that an answer that calls one layer on its own output runs and gets its own diagnosis.
_TOWER_INPUTS = np.linspace(-1, 1, 16, dtype="float32").reshape(2, 8)


def _called(answer: Callable[[int], Any], floors: int) -> Any:
    """Make a tower and call it, which creates its weights."""
    tower = answer(floors)
    tower(_TOWER_INPUTS)
    return tower


def _tower_makes_its_layers_in_time(answer: Any) -> str | None:
    if checks.creates_state_too_late(lambda: _called(answer, 3)):
        return "a layer is made inside `call`, after Keras 3 has closed the model. Make all of them in `__init__`."
    return None


def _tower_answers_alike_each_time(answer: Any) -> str | None:
    tower = answer(3)
    first = np.asarray(tower(_TOWER_INPUTS))
    if first.shape != (2, 8):
        return f"the answer has the shape {first.shape}. The last floor has 8 units, so it should be (2, 8)."
    if not np.allclose(first, tower(_TOWER_INPUTS)):
        return "called twice on the same inputs, it answers differently: `call` makes new layers each time."
    return None


def _tower_lists_all_its_weights(answer: Any) -> str | None:
    count = len(_called(answer, 3).weights)
    if count == 0:
        return "it answers and lists no weights. The layers sit where the model cannot see them."
    if count == 2:
        return "there are 2 weights, those of one layer. `[layer] * 3` is one layer three times."
    if count != 6:
        return f"3 floors have 6 weights, a kernel and a bias each. This tower lists {count}."
    return None


def _towers_share_no_layers(answer: Any) -> str | None:
    first, second = _called(answer, 3), _called(answer, 3)
    if {id(weight) for weight in first.weights} & {id(weight) for weight in second.weights}:
        return "two towers share their layers. Make them in `__init__`, not in the body of the class."
    return None


def _tower_has_floors_of_8_units(answer: Any) -> str | None:
    if {tuple(weight.shape) for weight in _called(answer, 3).weights} - {(8,), (8, 8)}:
        return "the shapes of the weights are not those of floors on top of each other, 8 units each."
    return None


def _tower_is_as_high_as_asked(answer: Any) -> str | None:
    count = len(_called(answer, 5).weights)
    return None if count == 10 else f"`Tower(5)` lists {count} weights, not 10. Make as many layers as `floors` says."


def _tower_uses_relu_on_each_floor(answer: Any) -> str | None:
    tower, expected = _called(answer, 3), _TOWER_INPUTS
    for kernel, bias in zip(tower.weights[::2], tower.weights[1::2], strict=True):
        expected = np.maximum(expected @ np.asarray(kernel) + np.asarray(bias), 0)
    if not np.allclose(tower(_TOWER_INPUTS), expected, atol=1e-5):
        return 'its answer is not that of its floors, one after the other, each with `activation="relu"`.'
    return None


FIX_THE_TOWER = Exercise(
    key="01-fix-the-tower",
    title="build a tower",
    task="""
    `Tower(floors)` sends its inputs through as many Dense layers as `floors` says, one after the other, each with
    8 units and `activation="relu"`. All of them have to be trained and saved with the tower.
    """,
    checks=[
        checks.is_derived_from("keras.Model", "Tower"),
        _tower_makes_its_layers_in_time,
        _tower_answers_alike_each_time,
        _tower_lists_all_its_weights,
        _towers_share_no_layers,
        _tower_has_floors_of_8_units,
        _tower_is_as_high_as_asked,
        _tower_uses_relu_on_each_floor,
    ],
    hints=[
        "Where do layers have to be made, and how must they be held, so that the model lists their weights?",
        "A list comprehension makes a new layer for each floor. `[layer] * floors` repeats one.",
    ],
    solution="""
    class Tower(keras.Model):
        def __init__(self, floors, **kwargs):
            super().__init__(**kwargs)
            self.floors = [keras.layers.Dense(8, activation="relu") for _ in range(floors)]

        def call(self, inputs):
            for floor in self.floors:
                inputs = floor(inputs)
            return inputs
    """,
    praise="A list in an attribute is seen, and each floor is a layer of its own.",
    untouched=checks.gives_a_placeholder(lambda answer: answer(2).call(np.ones((1, 8), "float32"))),
)
