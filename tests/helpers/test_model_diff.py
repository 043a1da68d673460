"""What two models are made of is compared by value, or else by what it holds; notes and traces are left out."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import operator
import random
import threading
import types
import uuid
import zoneinfo

import numpy as np
import pytest
import tensorflow as tf
from faulty_clones import CHANGED, KEPT, own_parts, pair
from tiers import every
from zoo import data

import helpers
import workbook
from helpers import model_diff
from helpers.engine import ThreeTests


def found_at_rest(original, clone, x, y=None):
    """Return what audit finds before it trains: the evidence of the failed checks by name."""
    tests = ThreeTests(original, x, y)
    tests.add("clone", clone)
    return {c.name: c.evidence for c in tests.results()["clone"].report.checks if c.passed is False}


def built_twice(make):
    """Make a model twice under the same seed, as a config or a file would."""
    models = []
    for _ in range(2):
        workbook.set_seeds(0)
        models.append(make())
    return models


def holders(keras, make, x):
    """Make two models with a layer that keeps what `make` returns as an attribute."""

    class Holder(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.kept = make()

        def call(self, inputs):
            return inputs

        def compute_output_shape(self, shape):
            return shape

    return built_twice(
        lambda: keras.Sequential([keras.Input((6,)), Holder(name="holder"), keras.layers.Dense(2, name="head")])
    )


@pytest.mark.parametrize("name", every(3, KEPT))
def test_a_clone_that_uses_what_belongs_to_the_original_is_found(packages, name):
    keras = packages[("keras", "tf_keras")[list(KEPT).index(name) % 2]]
    model, clone, x, y = pair(keras, own_parts)
    KEPT[name](keras, model, clone)
    assert "separate storage" in found_at_rest(model, clone, x, y)


@pytest.mark.parametrize("attribute", every(3, CHANGED))
def test_attributes_of_the_readers_own_classes_are_compared(packages, attribute):
    keras = packages[("keras", "tf_keras")[list(CHANGED).index(attribute) % 2]]
    model, clone, x, y = pair(keras, own_parts)
    assert not found_at_rest(model, clone, x, y)
    check, change = CHANGED[attribute]
    change(clone)
    assert attribute in found_at_rest(model, clone, x, y)[check]


# -- compared by value, or by what it holds ----------------------------------------------------------------------------


class Colour(enum.Enum):
    RED, BLUE = "red", "blue"


@dataclasses.dataclass(frozen=True)
class Size:
    width: int
    more: tuple = (1, 2)


class Slotted:
    __slots__ = ("width",)

    def __init__(self, width):
        self.width = width


class Names(list):
    def __init__(self, names, width):
        super().__init__(names)
        self.width = width


Column = collections.namedtuple("Column", "start width")


def cached(width):
    return functools.lru_cache(lambda x: x * width)


def noted(make, *arguments, note):
    """Make an object of the reader's own class that has an attribute beside its content."""
    made = make(*arguments)
    made.note = note
    return made


def own(base):
    return type(f"Own {base.__name__}", (base,), {"__module__": __name__})


# The content of objects whose class the reader derived from a class that is compared by content.
OWN_CLASSES = {
    **{own(base): (2,) for base in (int, float, complex, np.float64, decimal.Decimal, fractions.Fraction)},
    **{own(base): ("ab",) for base in (str, set, frozenset, list, tuple)},
    own(bytes): (b"ab",),
    own(datetime.datetime): (2024, 1, 2),
    own(datetime.timedelta): (2,),
    own(random.Random): (2,),
}
OWN_DECIMAL, OwnArray = own(decimal.Decimal), own(np.ndarray)


def happened():
    event = threading.Event()
    event.set()
    return event


def read(stream):
    stream.read(1)
    return stream


def compiled_function(function):
    return tf.function(function).get_concrete_function(tf.TensorSpec([], tf.float32))


def times(tensor):
    return compiled_function(lambda x: x * tensor)


ROWS = tf.data.Dataset.range
DATA_SETS = {
    "range": ROWS,
    "slices": lambda n: tf.data.Dataset.from_tensor_slices({"a": np.arange(4.0) * n}),
    "mapped": lambda n: ROWS(3).map(lambda x: x * n),
    "mapped over a tensor": lambda n: ROWS(3).map(functools.partial(tf.multiply, tf.constant(n, tf.int64))),
    "mapped in Python": lambda n: ROWS(3).map(lambda x: tf.numpy_function(lambda x: x * n, [x], tf.int64)),
    "generated": lambda n: tf.data.Dataset.from_generator(
        lambda: range(n), output_signature=tf.TensorSpec([], tf.int64)
    ),
    "shuffled": lambda n: ROWS(9).shuffle(3, seed=n),
    "batched": lambda n: ROWS(9).batch(n).prefetch(1),
    "zipped": lambda n: tf.data.Dataset.zip((ROWS(3), ROWS(n))),
    "interleaved": lambda n: ROWS(3).interleave(lambda x: ROWS(n)),
}

# For each: a value, an equal one that is not the same object where that can be, and a different one.
VALUES = {
    "enum": (Colour.RED, Colour.RED, Colour.BLUE),
    "frozen dataclass": (Size(2), Size(2), Size(3)),
    "slots": (Slotted(2), Slotted(2), Slotted(3)),
    "own list": (Names("ab", 2), Names("ab", 2), Names("ab", 3)),
    "object as a key": ({Column(Slotted(1), 2): 3}, {Column(Slotted(1), 2): 3}, {Column(Slotted(2), 2): 3}),
    "object in a set": ({Slotted(2)}, {Slotted(2)}, {Slotted(3)}),
    "array of objects": (np.array([Slotted(2)]), np.array([Slotted(2)]), np.array([Slotted(3)])),
    "bound method of a list": ([1].append, [1].append, [2].append),
    "partial": (functools.partial(max, 2), functools.partial(max, 2), functools.partial(max, 3)),
    "item getter": (operator.itemgetter(1), operator.itemgetter(1), operator.itemgetter(2)),
    "cell": (types.CellType(2), types.CellType(2), types.CellType(3)),
    "function behind a cache": (cached(2), cached(2), cached(3)),
    "iterator": (iter([2]), iter([2]), iter([3])),
    "view of a dict": ({"a": 2}.values(), {"a": 2}.values(), {"a": 3}.values()),
    "namespace": (types.SimpleNamespace(a=2), types.SimpleNamespace(a=2), types.SimpleNamespace(a=3)),
    "fraction": (fractions.Fraction(2, 3), fractions.Fraction(2, 3), fractions.Fraction(1, 3)),
    "number that is none": (float("nan"), float("nan"), 1.0),
    "time zone": (zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo.no_cache("Europe/Vienna")),
    "identifier": (uuid.UUID(int=2), uuid.UUID(int=2), uuid.UUID(int=3)),
    **{cls.__name__: tuple(noted(cls, *content, note=n) for n in (2, 2, 3)) for cls, content in OWN_CLASSES.items()},
    "own decimal": (OWN_DECIMAL("0.1"), OWN_DECIMAL("0.1"), OWN_DECIMAL("0.2")),
    "own array": tuple(noted(np.ndarray.view, np.arange(3.0), OwnArray, note=n) for n in (2, 2, 3)),
    "partial with a note": tuple(noted(functools.partial, max, 2, note=n) for n in (2, 2, 3)),
    "thread local": tuple(noted(threading.local, note=n) for n in (2, 2, 3)),
    "event": (threading.Event(), threading.Event(), happened()),
    "semaphore": (threading.Semaphore(2), threading.Semaphore(2), threading.Semaphore(3)),
    "barrier": (threading.Barrier(2), threading.Barrier(2), threading.Barrier(3)),
    "polynomial of an older kind": (np.poly1d([1, 2]), np.poly1d([1, 2]), np.poly1d([1, 3])),
    "polynomial": tuple(np.polynomial.Polynomial([1, n]) for n in (2, 2, 3)),
    "text stream": (io.StringIO("a"), io.StringIO("a"), io.StringIO("b")),
    "read text stream": (io.StringIO("ab"), io.StringIO("ab"), read(io.StringIO("ab"))),
    **{name: (make(2), make(2), make(3)) for name, make in DATA_SETS.items()},
    "compiled function": tuple(compiled_function(lambda x, n=n: x * n) for n in (2, 2, 3)),
    "compiled function of a tensor": tuple(times(tf.constant([float(n)])) for n in (2, 2, 3)),
    "compiled function of arguments": tuple(
        compiled_function(f) for f in (lambda x: x - 1.0, lambda y: y - 1.0, lambda x: 1.0 - x)
    ),
    "checkpoint": tuple(tf.train.Checkpoint(step=tf.Variable(n)) for n in (2, 2, 3)),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_compared_by_what_they_hold(packages, name):
    value, equal, different = VALUES[name]
    layer = packages["keras"].layers.Layer()
    walk = model_diff.Comparison(layer, layer)
    assert walk.alike(value, equal)
    assert not walk.alike(value, different)


def test_what_cannot_change_may_be_in_both_models(keras):
    kept = [Colour.RED, Size(2), zoneinfo.ZoneInfo("UTC"), uuid.UUID(int=2), fractions.Fraction(2, 3)]
    x, _ = data()
    assert not found_at_rest(*holders(keras, lambda: list(kept), x), x)
    shared = Slotted(2)
    assert "Slotted" in found_at_rest(*holders(keras, lambda: [shared], x), x)["separate storage"]


def test_modules_and_checkpoints_inside_a_layer_are_compared(keras):
    class Scale(tf.Module):
        def __init__(self, by):
            super().__init__()
            self.by, self.parts = tf.Variable(by), {"a": [tf.Variable(0.0)]}

    class Outer(tf.Module):
        def __init__(self, by):
            super().__init__()
            self.inner, self.checkpoint = Scale(by), tf.train.Checkpoint(step=tf.Variable(3))

    x, _ = data()
    model, clone = holders(keras, lambda: Outer(2.0), x)
    assert not found_at_rest(model, clone, x)
    assert not found_at_rest(model, helpers.clone(model, x), x)
    clone.layers[0].kept.inner.by.assign(3.0)
    assert {"weights", "other state"} & found_at_rest(model, clone, x).keys()


# -- notes and traces --------------------------------------------------------------------------------------------------


def test_what_a_call_keeps_is_not_a_part_of_the_model(keras):
    class Skips(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense, self.skips, self.length, self.seen = keras.layers.Dense(6), [], None, {}
            self.counted = 0

        def build(self, shape):
            self.dense.build(shape)
            self.built = True

        def call(self, inputs):
            self.skips = [inputs, self.dense(inputs)]
            self.seen["last"], self.length = self.skips[1], int(inputs.shape[-1])
            return self.skips[1]

    def make():
        return keras.Sequential([keras.Input((6,)), Skips(name="skips")])

    x, _ = data()
    model, clone = built_twice(make)
    model(x)
    assert not found_at_rest(model, clone, x)
    clone.layers[0].dense.kernel.assign_add(np.ones((6, 6)))
    clone(x + 1)
    assert found_at_rest(model, clone, x).keys() == {"weights", "outputs", "outputs in training mode"}
    clone.layers[0].counted = 1
    assert found_at_rest(model, clone, x)["layer settings"] == "skips.counted: 0 against 1"


def test_a_number_that_a_call_counts_up_is_a_part_of_the_model(packages):
    keras = packages["keras"]

    class Counter(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.count, self.last = 0, tf.zeros(())

        def call(self, inputs):
            self.count, self.last = self.count + 1, self.last + 1.0
            return inputs

        def compute_output_shape(self, shape):
            return shape

    x, _ = data()
    model, clone = built_twice(lambda: keras.Sequential([Counter(name="counter"), keras.layers.Dense(2)]))
    for either in (model, clone, clone):
        either(x)
    clone.set_weights(model.get_weights())
    evidence = found_at_rest(model, clone, x)["layer settings"]
    assert "counter.count: " in evidence and "counter.last: " in evidence


# -- Keras 2 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation",
    [
        lambda a, b: a + b,
        lambda a, b: 2.0 * a - b,
        lambda a, b: a[:, :2],
        lambda a, b: tf.concat([a, b], -1),
        lambda a, b: tf.reduce_mean(a, axis=(1,), keepdims=True),
        lambda a, b: a + tf.constant([1.0, 2.0, 3.0, 4.0]),
        lambda a, b: tf.cast(a, tf.float32) * b,
    ],
)
def test_operators_come_back_from_a_config(packages, operation):
    keras = packages["tf_keras"]
    inputs = keras.Input((6,))
    dense = keras.layers.Dense(4)
    model = keras.Model(inputs, operation(dense(inputs), dense(inputs)))
    clone = keras.Model.from_config(model.get_config())
    assert not model_diff.compare(model, clone).of(model_diff.STRUCTURE, model_diff.SETTING)


def test_another_constant_or_axis_of_an_operation_is_found(packages):
    keras = packages["tf_keras"]
    inputs = keras.Input((6, 6))

    def differences(one, two):
        models = [keras.Model(inputs, operation(inputs)) for operation in (one, two)]
        return model_diff.compare(*models).findings

    assert differences(lambda a: a + 1.0, lambda a: a + 2.0)
    assert differences(lambda a: tf.reduce_sum(a, 1), lambda a: tf.reduce_sum(a, axis=2))
    assert not differences(lambda a: tf.reduce_sum(a, 1), lambda a: tf.reduce_sum(a, axis=1))


def test_metrics_are_paired_by_name(packages):
    keras = packages["tf_keras"]
    x, y = data()

    def make():
        inputs = keras.Input((6,))
        hidden = keras.layers.Dense(4)(inputs)
        model = keras.Model(inputs, keras.layers.Dense(3)(hidden))
        model.add_metric(tf.reduce_sum(hidden), name="size")
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    model, clone = built_twice(make)
    model.run_eagerly = clone.run_eagerly = True
    model.evaluate(x, y, verbose=0)
    assert [len(either.metrics) for either in (model, clone)] == [2, 1]
    assert not found_at_rest(model, clone, x, y)


def test_columns_that_hold_an_initializer_are_keys(packages):
    keras, columns = packages["tf_keras"], tf.feature_column

    def make():
        words = columns.categorical_column_with_vocabulary_list("c", ["u", "v"])
        return keras.Sequential([keras.layers.DenseFeatures([columns.embedding_column(words, 2)])])

    x = {"c": np.array([["u"], ["v"], ["?"]])}
    model = make()
    model(x)
    assert not found_at_rest(model, helpers.clone(model, x), x)


def test_notes_of_probability_are_left_out(packages):
    keras = packages["tf_keras"]
    import tensorflow_probability as tfp

    def make():
        stack = [
            tfp.layers.DenseReparameterization(2, name="reparameterized"),
            tfp.layers.DenseFlipout(2, name="flipped"),
            tfp.layers.IndependentNormal(1, name="normal"),
        ]
        return keras.Sequential([keras.layers.Input((6,)), *stack])

    x, _ = data()
    model, fresh = built_twice(make)
    model(x)
    assert not found_at_rest(model, fresh, x)
    fresh.weights[0].assign_add(tf.ones_like(fresh.weights[0]))
    assert not {"structure", "layer settings"} & found_at_rest(model, fresh, x).keys()
    small = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2), tfp.layers.IndependentNormal(1)])
    rebuilt = keras.models.clone_model(small)
    rebuilt.set_weights(small.get_weights())
    assert not found_at_rest(small, rebuilt, x)


def test_a_distribution_that_was_used_equals_one_that_was_not(packages):
    import tensorflow_probability as tfp

    normal = tfp.distributions.MultivariateNormalDiag
    x, _ = data()
    model, clone = holders(packages["keras"], lambda: normal(tf.zeros(2), tf.ones(2)), x)
    kept = model.layers[0].kept
    kept.copy().mean(), kept.sample(seed=1), kept.parameters
    assert not found_at_rest(model, clone, x)
    _, other = holders(packages["keras"], lambda: normal(tf.zeros(2), 2 * tf.ones(2)), x)
    assert "holder.kept" in found_at_rest(model, other, x)["layer settings"]


def test_a_saved_model_loaded_twice_is_one_model(packages, tmp_path):
    class Doubled(tf.Module):
        def __init__(self):
            super().__init__()
            self.by = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, x):
            return self.by * x

    tf.saved_model.save(Doubled(), str(tmp_path))
    x, _ = data()
    model, clone = holders(packages["keras"], lambda: tf.saved_model.load(str(tmp_path)), x)
    assert not found_at_rest(model, clone, x)
    clone.layers[0].kept.by.assign(3.0)
    assert found_at_rest(model, clone, x)


# -- answers and layers ------------------------------------------------------------------------------------------------


class Plain:
    def __init__(self, mean, spread):
        self.mean, self.spread = mean, spread


@dataclasses.dataclass
class Record:
    mean: object
    spread: object


@pytest.mark.parametrize("answer", [Plain, Record])
def test_answers_of_the_readers_own_class_are_compared_field_by_field(keras, answer):
    class Answering(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.factor = keras.layers.Dense(2), tf.Variable(1.0, trainable=False)

        def call(self, inputs):
            outputs = self.dense(inputs)
            return answer(outputs[:, :1], {"b": self.factor * outputs[:, 1:]})

    x, _ = data()
    model = Answering()
    model(x)
    clone = helpers.clone(model, x)
    assert helpers.audit(model, clone, x, steps=1).sentence.startswith("✓ A true clone")
    clone.factor.assign(2.0)
    assert "outputs" in found_at_rest(model, clone, x)


def test_layers_are_audited_like_models(keras):
    x, _ = data()
    layer = keras.layers.Dense(3)
    layer(x)
    assert helpers.audit(layer, helpers.clone(layer, x), x, steps=1).sentence.startswith("✓ A true clone")
    assert "separate storage" in helpers.audit(layer, layer, x, steps=1).failures


def test_tables_of_vectors_are_compared_and_left_as_they_were(keras):
    tables = tf.lookup.experimental

    def make():
        dense = tables.DenseHashTable(tf.int64, tf.float32, tf.constant([0.0, 0.0]), -1, -2)
        mutable = tables.MutableHashTable(tf.int64, tf.float32, tf.constant([0.0, 0.0]))
        for table in (dense, mutable):
            table.insert(tf.constant([3], tf.int64), tf.constant([[1.0, 2.0]]))
        return [dense, mutable]

    x, _ = data()
    model, clone = holders(keras, make, x)
    assert not found_at_rest(model, clone, x)
    for table in model.layers[0].kept:
        assert np.array_equal(table.lookup(tf.constant([3, 4], tf.int64)), [[1.0, 2.0], [0.0, 0.0]])
    clone.layers[0].kept[0].insert(tf.constant([4], tf.int64), tf.constant([[5.0, 6.0]]))
    assert "a table of 1 entries against one of 2" in found_at_rest(model, clone, x)["other state"]


@pytest.mark.parametrize("inputs", [None, [], {}, "text", object(), [[1.0], [1.0, 2.0]], np.zeros((2, 9))])
def test_inputs_that_are_none_are_refused_in_two_sentences(packages, inputs):
    keras = packages["keras"]
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"\. Pass "):
        helpers.audit(model, model, inputs)
