"""Whatever a model keeps or returns, clone and audit raise their documented errors only, and agree with each other."""

import abc
import array
import asyncio
import calendar
import collections
import contextlib
import contextvars
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import itertools
import logging
import operator
import pathlib
import queue
import random
import re
import string
import threading
import time
import types
import unittest.mock
import uuid
import weakref
import zoneinfo

import numpy as np
import pytest
import tensorflow as tf
from tiers import slow_unless, thinned
from zoo import data

import helpers
import workbook


class Colour(enum.Enum):
    RED = "red"


class Flags(enum.IntFlag):
    ONE, TWO = 1, 2


@dataclasses.dataclass
class Record:
    size: int = 2
    names: list = dataclasses.field(default_factory=lambda: ["a"])


@dataclasses.dataclass(frozen=True)
class Frozen:
    size: int = 2
    names: tuple = ("a",)


@dataclasses.dataclass(slots=True)
class SlottedRecord:
    size: int = 2


class Plain:
    def __init__(self):
        self.size, self.array = 2, np.arange(3.0)

    def double(self, x):
        return 2 * x


class Slotted:
    __slots__ = ("missing", "size")

    def __init__(self):
        self.size = 2


class Itself:
    def __init__(self):
        self.me = self


class NeverEqual:
    def __eq__(self, other):
        return False

    __hash__ = object.__hash__


class RaisesOnEquality:
    def __eq__(self, other):
        raise RuntimeError("not comparable")

    __hash__ = None


class Callable:
    def __call__(self, x):
        return x


class OwnList(list):
    pass


class OwnDict(dict):
    pass


class OwnInt(int):
    pass


class OwnText(str):
    __slots__ = ()


class OwnArray(np.ndarray):
    pass


class Local(threading.local):
    def __init__(self):
        self.size = 2


class Answers(abc.ABC):
    @abc.abstractmethod
    def answer(self): ...


class Descriptor:
    def __get__(self, instance, owner):
        return 3


class WithProperties:
    value = Descriptor()

    @property
    def broken(self):
        raise RuntimeError("no value")


class AnyAttribute:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return 0


Pair = collections.namedtuple("Pair", "a b")


def function(x):
    return x


def counter():
    count = 0

    def step():
        nonlocal count
        count += 1
        return count

    return step


def started():
    numbers = (number for number in range(3))
    next(numbers)
    return numbers


async def coroutine():
    return 1


def table(kind, *arguments):
    made = kind(tf.string, tf.int64, -1, *arguments)
    made.insert(tf.constant(["a"]), tf.constant([1], tf.int64))
    return made


def static_table():
    entries = tf.lookup.KeyValueTensorInitializer(tf.constant(["a"]), tf.constant([1], tf.int64))
    return tf.lookup.StaticHashTable(entries, -1)


def concrete():
    return tf.function(function).get_concrete_function(tf.constant(1.0))


def rows():
    return tf.data.Dataset.from_tensor_slices(np.arange(4.0))


def built(layer):
    layer.build((None, 6))
    return layer


# Each makes a value to keep, out of Python, NumPy, TensorFlow and a Keras version.
PYTHON = {
    "none": lambda keras: None,
    "ellipsis": lambda keras: ...,
    "not implemented": lambda keras: NotImplemented,
    "bool": lambda keras: True,
    "int": lambda keras: 3,
    "large int": lambda keras: 10**40,
    "own int": lambda keras: OwnInt(3),
    "float": lambda keras: 0.5,
    "nan": lambda keras: float("nan"),
    "infinity": lambda keras: float("-inf"),
    "complex": lambda keras: 1 + 2j,
    "text": lambda keras: "text",
    "own text": lambda keras: OwnText("text"),
    "digits": lambda keras: "140512345678901",
    "bytes": lambda keras: b"bytes",
    "bytearray": lambda keras: bytearray(b"bytes"),
    "memoryview": lambda keras: memoryview(b"bytes"),
    "range": lambda keras: range(3),
    "slice": lambda keras: slice(1, None, 2),
    "list": lambda keras: [1, [2.0, "a"]],
    "own list": lambda keras: OwnList([1]),
    "tuple": lambda keras: (1, (2, [3])),
    "named tuple": lambda keras: Pair(1, [2]),
    "dict": lambda keras: {"a": 1, "b": {2: None}},
    "dict with tuples as keys": lambda keras: {(1, 2): "a"},
    "own dict": lambda keras: OwnDict(a=1),
    "ordered dict": lambda keras: collections.OrderedDict(b=1, a=2),
    "default dict": lambda keras: collections.defaultdict(list, a=[1]),
    "counter": lambda keras: collections.Counter("aab"),
    "chain map": lambda keras: collections.ChainMap({"a": 1}, {"b": 2}),
    "user dict": lambda keras: collections.UserDict(a=1),
    "user list": lambda keras: collections.UserList([1]),
    "view of a dict": lambda keras: types.MappingProxyType({"a": 1}),
    "keys of a dict": lambda keras: {"a": 1}.keys(),
    "set": lambda keras: {1, "a"},
    "frozen set": lambda keras: frozenset({1, "a"}),
    "set of objects": lambda keras: {Plain()},
    "deque": lambda keras: collections.deque([1, 2], maxlen=3),
    "array.array": lambda keras: array.array("d", [1.0]),
    "function": lambda keras: function,
    "lambda": lambda keras: lambda x: x,
    "closure": lambda keras: counter(),
    "partial": lambda keras: functools.partial(function, x=2),
    "partial method": lambda keras: functools.partialmethod(function, 2),
    "cached function": lambda keras: functools.lru_cache(function),
    "bound method": lambda keras: Plain().double,
    "built-in function": lambda keras: len,
    "built-in method": lambda keras: [1].append,
    "method wrapper": lambda keras: [1].__len__,
    "item getter": lambda keras: operator.itemgetter(1),
    "method caller": lambda keras: operator.methodcaller("upper"),
    "static method": lambda keras: staticmethod(function),
    "class method": lambda keras: classmethod(function),
    "property": lambda keras: property(function),
    "class": lambda keras: Plain,
    "abstract class": lambda keras: Answers,
    "generic alias": lambda keras: list[int],
    "union": lambda keras: int | str,
    "module": lambda keras: np,
    "object": lambda keras: object(),
    "plain object": lambda keras: Plain(),
    "object with slots": lambda keras: Slotted(),
    "object that holds itself": lambda keras: Itself(),
    "object with odd equality": lambda keras: NeverEqual(),
    "object that cannot be compared": lambda keras: RaisesOnEquality(),
    "callable object": lambda keras: Callable(),
    "object with properties": lambda keras: WithProperties(),
    "object with any attribute": lambda keras: AnyAttribute(),
    "namespace": lambda keras: types.SimpleNamespace(a=1),
    "record": lambda keras: Record(),
    "frozen record": lambda keras: Frozen(),
    "record with slots": lambda keras: SlottedRecord(),
    "enum member": lambda keras: Colour.RED,
    "flag": lambda keras: Flags.ONE | Flags.TWO,
    "exception": lambda keras: ValueError("a"),
    "cell": lambda keras: types.CellType(1),
    "empty cell": lambda keras: types.CellType(),
    "code": lambda keras: function.__code__,
    "iterator": lambda keras: iter([1, 2]),
    "generator": lambda keras: started(),
    "coroutine function": lambda keras: coroutine,
    "counting iterator": lambda keras: itertools.count(3),
    "cycle": lambda keras: itertools.cycle([1]),
    "map": lambda keras: map(function, [1]),
    "zip": lambda keras: zip([1], [2], strict=True),
    "weak reference": lambda keras: weakref.ref(Plain),
    "weak reference that is dead": lambda keras: weakref.ref(Plain()),
    "weak dict": lambda keras: weakref.WeakKeyDictionary(),
    "weak set": lambda keras: weakref.WeakSet(),
    "lock": lambda keras: threading.Lock(),
    "reentrant lock": lambda keras: threading.RLock(),
    "event": lambda keras: threading.Event(),
    "thread": lambda keras: threading.Thread(target=function),
    "thread local": lambda keras: Local(),
    "queue": lambda keras: queue.Queue(),
    "async queue": lambda keras: asyncio.Queue(),
    "context variable": lambda keras: contextvars.ContextVar("a"),
    "context manager": lambda keras: contextlib.nullcontext(),
    "exit stack": lambda keras: contextlib.ExitStack(),
    "text stream": lambda keras: io.StringIO("a"),
    "byte stream": lambda keras: io.BytesIO(b"a"),
    "logger": lambda keras: logging.getLogger("a"),
    "pattern": lambda keras: re.compile("a+"),
    "match": lambda keras: re.match("a", "ab"),
    "path": lambda keras: pathlib.Path("a/b"),
    "date": lambda keras: datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    "duration": lambda keras: datetime.timedelta(3),
    "time zone": lambda keras: zoneinfo.ZoneInfo("UTC"),
    "time": lambda keras: time.struct_time(range(9)),
    "calendar": lambda keras: calendar.Calendar(),
    "decimal": lambda keras: decimal.Decimal("0.1"),
    "fraction": lambda keras: fractions.Fraction(1, 3),
    "identifier": lambda keras: uuid.UUID(int=3),
    "address": lambda keras: ipaddress.ip_address("127.0.0.1"),
    "template": lambda keras: string.Template("$a"),
    "random generator": lambda keras: random.Random(1),
    "mock": lambda keras: unittest.mock.Mock(),
    "copied object": lambda keras: copy.copy(Plain()),
}
NUMPY = {
    "array": lambda keras: np.arange(3.0),
    "array of no elements": lambda keras: np.zeros((0, 2)),
    "array of no dimensions": lambda keras: np.array(2.0),
    "array of nan": lambda keras: np.array([np.nan, np.inf]),
    "array of bools": lambda keras: np.array([True, False]),
    "array of texts": lambda keras: np.array(["a", "b"]),
    "array of objects": lambda keras: np.array([Plain(), None], dtype=object),
    "array of dates": lambda keras: np.array(["2024-01-02", "NaT"], "datetime64[D]"),
    "array of records": lambda keras: np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "masked array": lambda keras: np.ma.array([1.0, 2.0], mask=[True, False]),
    "own array": lambda keras: np.arange(3.0).view(OwnArray),
    "read-only array": lambda keras: np.broadcast_to(np.arange(3.0), (2, 3)),
    "matrix in columns": lambda keras: np.asfortranarray(np.eye(2)),
    "number": lambda keras: np.float32(0.5),
    "complex number": lambda keras: np.complex64(1j),
    "point in time": lambda keras: np.datetime64("NaT"),
    "dtype": lambda keras: np.dtype("float32"),
    "function of arrays": lambda keras: np.add,
    "vectorized function": lambda keras: np.vectorize(function),
    "generator of numbers": lambda keras: np.random.default_rng(1),
    "random state": lambda keras: np.random.RandomState(1),
    "polynomial": lambda keras: np.polynomial.Polynomial([1, 2]),
    "iterator of an array": lambda keras: np.nditer(np.arange(3)),
}
TENSORFLOW = {
    "tensor": lambda keras: tf.constant([1.0, 2.0]),
    "tensor of texts": lambda keras: tf.constant(["a"]),
    "tensor of nothing": lambda keras: tf.zeros((0, 2)),
    "ragged tensor": lambda keras: tf.ragged.constant([[1.0], [2.0, 3.0]]),
    "sparse tensor": lambda keras: tf.sparse.from_dense([[0.0, 1.0]]),
    "indexed slices": lambda keras: tf.IndexedSlices(tf.ones((1, 2)), tf.constant([0])),
    "tensor array": lambda keras: tf.TensorArray(tf.float32, 2),
    "variable": lambda keras: tf.Variable([1.0]),
    "variable of texts": lambda keras: tf.Variable("a"),
    "variable of any shape": lambda keras: tf.Variable([1.0], shape=[None]),
    "dtype of tensorflow": lambda keras: tf.float32,
    "shape": lambda keras: tf.TensorShape([None, 2]),
    "specification": lambda keras: tf.TensorSpec([None], tf.float32),
    "tf.function": lambda keras: tf.function(function),
    "concrete function": lambda keras: concrete(),
    "mutable table": lambda keras: table(tf.lookup.experimental.MutableHashTable),
    "dense table": lambda keras: table(tf.lookup.experimental.DenseHashTable, "", "-"),
    "static table": lambda keras: static_table(),
    "generator of tensorflow": lambda keras: tf.random.Generator.from_seed(1),
    "module of tensorflow": lambda keras: tf.Module(),
    "checkpoint": lambda keras: tf.train.Checkpoint(step=tf.Variable(1)),
    "data set": lambda keras: rows(),
    "mapped data set": lambda keras: rows().map(lambda x: 2 * x),
    "iterator of a data set": lambda keras: iter(rows()),
    "gradient tape": lambda keras: tf.GradientTape(),
    "graph": lambda keras: tf.Graph(),
    "operation": lambda keras: tf.add,
    "aggregation": lambda keras: tf.VariableAggregation.MEAN,
}
KERAS = {
    "symbol": lambda keras: keras.Input((3,)),
    "layer": lambda keras: built(keras.layers.Dense(2)),
    "layer that is not built": lambda keras: keras.layers.Dense(2),
    "class of layers": lambda keras: keras.layers.Dense,
    "model": lambda keras: keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]),
    "model that is not built": lambda keras: keras.Sequential([keras.layers.Dense(2)]),
    "optimizer": lambda keras: keras.optimizers.Adam(0.5),
    "schedule": lambda keras: keras.optimizers.schedules.ExponentialDecay(0.5, 2, 0.5),
    "loss": lambda keras: keras.losses.Huber(0.5),
    "function of a loss": lambda keras: keras.losses.mean_squared_error,
    "metric": lambda keras: keras.metrics.Mean(),
    "initializer": lambda keras: keras.initializers.RandomNormal(),
    "regularizer": lambda keras: keras.regularizers.L2(0.5),
    "constraint": lambda keras: keras.constraints.MaxNorm(2),
    "activation": lambda keras: keras.activations.relu,
    "callback": lambda keras: keras.callbacks.EarlyStopping(),
    "history": lambda keras: keras.callbacks.History(),
    "input specification": lambda keras: keras.layers.InputSpec(ndim=2),
}
VALUES = {**PYTHON, **NUMPY, **TENSORFLOW, **KERAS}


def holder(keras, names):
    """Make a model that keeps values as attributes, in a list and in a dict."""

    class Holder(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            for number, name in enumerate(names):
                value = VALUES[name](keras)
                setattr(self, f"kept_{number}", value)
                setattr(self, f"listed_{number}", [value, number])
                setattr(self, f"named_{number}", {"value": value})

        def call(self, inputs):
            return inputs

        def compute_output_shape(self, shape):
            return shape

    workbook.set_seeds(0)
    return keras.Sequential([keras.Input((6,)), Holder(name="holder"), keras.layers.Dense(2)])


def answering(keras, name):
    """Make a model that returns a value beside its outputs."""

    class Answering(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.value = keras.layers.Dense(2), VALUES[name](keras)

        def call(self, inputs):
            return {"outputs": self.dense(inputs), "value": self.value}

    workbook.set_seeds(0)
    return Answering()


def check(make, keras, names):
    """Clone and audit; where clone refuses, try each half, and audit a model that was made the same way again."""
    x = data()[0][:8]
    model = make(keras, names)
    try:
        clone = helpers.clone(model, x)
    except helpers.CloneError as error:
        assert ". " in str(error)
        if len(names) > 1:
            half = len(names) // 2
            check(make, keras, names[:half])
            check(make, keras, names[half:])
        else:
            helpers.audit(model, make(keras, names), x, steps=1)
        return
    report = helpers.audit(model, clone, x, steps=1)
    assert report.ok, (names, str(report))


NAMES = list(VALUES)
GROUPS = [tuple(NAMES[start : start + 12]) for start in range(0, len(NAMES), 12)]


def test_there_are_many_kinds():
    assert len(VALUES) > 150


@pytest.mark.parametrize("group", GROUPS, ids=[group[0] for group in GROUPS])
def test_anything_may_be_an_attribute(packages, group):
    check(holder, packages[("keras", "tf_keras")[GROUPS.index(group) % 2]], group)


def in_turn(first, second):
    """Give each kind one of the two Keras versions."""
    return thinned(3, [slow_unless(False, (first, second)[number % 2], name) for number, name in enumerate(NAMES)])


@pytest.mark.parametrize(("package", "name"), in_turn("keras", "tf_keras"))
def test_anything_alone_may_be_an_attribute(packages, package, name):
    check(holder, packages[package], (name,))


@pytest.mark.parametrize(("package", "name"), in_turn("tf_keras", "keras"))
def test_anything_may_be_returned(packages, package, name):
    x, keras = data()[0][:8], packages[package]
    try:
        answering(keras, name)(x)
    except Exception:
        pytest.skip("Keras itself does not take it")
    check(lambda keras, names: called(answering(keras, names[0]), x), keras, (name,))


def called(model, x):
    model(x)
    return model
