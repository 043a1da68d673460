"""A copy of an object graph keeps every tie, shares nothing that can change, and runs nothing."""

import array
import collections
import concurrent.futures
import contextvars
import datetime
import decimal
import enum
import functools
import gc
import inspect
import random
import re
import struct
import sys
import threading
import types
import weakref
import zoneinfo
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from helpers.graph_copy import CloneError, Copy
from helpers.snapshot import objects_unchanged

this_module = sys.modules[__name__]


class Thing:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def method(self):
        return self


class Slotted:
    __slots__ = ("a", "never")

    def __init__(self, a):
        self.a = a


class Pair(NamedTuple):
    left: object
    right: object


class AttributeDict(dict):
    def __init__(self, *args):
        super().__init__(*args)
        self.__dict__ = self


class Unwilling:
    """A class that would do harm if any of its own ways of being made or copied ran."""

    def __init__(self):
        self.value = [1]

    def _never(self, *args, **kwargs):
        raise AssertionError("this must not run")

    __deepcopy__ = __copy__ = __getstate__ = __eq__ = _never

    def __hash__(self):
        return 3

    def __setattr__(self, name, value):
        if "value" in self.__dict__:
            self._never()
        super().__setattr__(name, value)


def test_what_is_one_object_twice_stays_one_object_twice():
    shared = [1]
    clone = Copy({"a": shared, "b": (shared, {"c": shared})}).clone
    assert clone["a"] is clone["b"][0] is clone["b"][1]["c"]
    assert clone["a"] is not shared


def test_cycles_of_every_kind():
    a = Thing(items=[])
    a.items += [a, (a,), a.method, weakref.ref(a), functools.partial(a.method), Pair(a, 1), frozenset([a])]
    clone = Copy(a).clone
    itself, pair, method, reference, partial, named, frozen = clone.items
    assert clone is not a
    assert itself is pair[0] is method() is reference() is partial() is named.left is next(iter(frozen)) is clone


def test_containers_keep_class_order_and_attributes():
    ordered = collections.OrderedDict([("b", [1]), ("a", [2])])
    ordered.move_to_end("b")
    original = Thing(
        ordered=ordered,
        default=collections.defaultdict(list, {"a": [1]}),
        counter=collections.Counter("abba"),
        deque=collections.deque([[1], [2]], maxlen=3),
        attributes=AttributeDict({"a": [1]}),
        slotted=Slotted([1]),
        local=threading.local(),
        array=np.array([[1.0, 2.0]]),
        objects=np.array([[1], None], dtype=object),
        numbers=random.Random(3),
        generator=np.random.default_rng(4),
    )
    original.local.mine = [1]
    clone = Copy(original).clone
    assert list(clone.ordered.items()) == list(ordered.items()) and type(clone.ordered) is collections.OrderedDict
    assert clone.default["new"] == [] and clone.default["a"] == [1] and "new" not in original.default
    assert clone.counter == original.counter and type(clone.counter) is collections.Counter
    assert clone.deque == original.deque and clone.deque.maxlen == 3 and clone.deque[0] is not original.deque[0]
    assert clone.attributes.a is clone.attributes["a"] is not original.attributes.a
    assert clone.slotted.a == [1] and clone.slotted.a is not original.slotted.a and not hasattr(clone.slotted, "never")
    assert clone.local.mine == [1] and clone.local.mine is not original.local.mine
    assert clone.objects[0] == [1] and clone.objects[0] is not original.objects[0]
    clone.array[0] = 7
    assert original.array[0, 0] == 1
    assert clone.numbers.random() == original.numbers.random()
    assert clone.generator.random() == original.generator.random()


class Readings(np.ndarray):
    """An array that says what its numbers are."""


def test_an_array_of_an_own_class_keeps_its_attributes():
    readings = np.zeros(2).view(Readings)
    readings.units = ["m"]
    copied = Copy(readings).clone
    assert type(copied) is Readings
    assert copied.units == ["m"] and copied.units is not readings.units


def test_keys_that_are_objects_or_identities_are_translated():
    a, b = Thing(), Thing()
    original = Thing(a=a, b=b, by_object={a: 1, (a, b): 2}, by_number={id(a): 1}, by_text={f"{id(a)}_ib-0": 1})
    original.known, original.last = {id(a), id(b)}, id(b)
    clone = Copy(original).clone
    assert clone.by_object == {clone.a: 1, (clone.a, clone.b): 2}
    assert clone.by_number == {id(clone.a): 1}
    assert clone.by_text == {f"{id(clone.a)}_ib-0": 1}
    assert clone.known == {id(clone.a), id(clone.b)} and clone.last == id(clone.b)


def test_closures_are_rebuilt_cell_by_cell():
    def make():
        count, log = 0, []

        def increase(by=log):
            nonlocal count
            count += 1
            by.append(count)
            return count

        def told():
            return count

        return increase, told

    increase, told = make()
    increase()
    clone_increase, clone_told = Copy((increase, told)).clone
    clone_increase()
    assert (told(), clone_told()) == (1, 2)
    assert increase.__defaults__[0] == [1] and clone_increase.__defaults__[0] == [1, 2]


def test_importable_functions_and_classes_are_shared():
    clone = Copy({"f": test_cycles_of_every_kind, "c": Thing, "m": types, "n": np.mean}).clone
    assert clone == {"f": test_cycles_of_every_kind, "c": Thing, "m": types, "n": np.mean}


def test_methods_put_on_one_object_are_bound_to_its_copy():
    original = Thing()
    original.own = types.MethodType(lambda self: self, original)
    original.appended = [].append
    clone = Copy(original).clone
    assert clone.own() is clone
    clone.appended(1)
    assert original.appended.__self__ == []


def test_no_method_of_the_class_runs():
    original = Unwilling()
    clone = Copy(original).clone
    assert clone.value == [1] and clone.value is not original.value


def test_weak_containers_keep_what_is_part_of_the_copy():
    inside, outside = Thing(), Thing()
    keys = weakref.WeakKeyDictionary({inside: 1, outside: 2})
    members = weakref.WeakSet([inside, outside])
    clone = Copy((inside, keys, members)).clone
    assert dict(clone[1]) == {clone[0]: 1} and set(clone[2]) == {clone[0]}


def test_variables_of_tensorflow_keep_their_ties():
    variable = tf.Variable(1.0)
    clone = Copy({"a": variable, "b": [variable], "c": {variable.ref(): 1}}).clone
    assert clone["a"] is clone["b"][0] and next(iter(clone["c"])).deref() is clone["a"]
    clone["a"].assign(5.0)
    assert float(variable) == 1.0


def test_a_leak_is_found_wherever_it_hides():
    hidden = [1]
    copy = Copy({"hidden": hidden, "other": Thing(), "function": lambda x=hidden: x})
    assert copy.leaks() == []
    for place in (copy.clone["other"].__dict__, copy.clone):
        place["leak"] = (lambda: hidden,)
        assert [leak for leak, _ in copy.leaks()] == [hidden]
        del place["leak"]


def test_what_was_copied_can_be_put_back_on_both_sides():
    original = Thing(items=[1], table={"a": 1}, variable=tf.Variable([1.0]), array=np.ones(2), members={"a"})
    copy = Copy(original)
    with objects_unchanged(value for pair in copy.pairs for value in pair):
        for either in (original, copy.clone):
            either.items.append(2)
            either.table["b"] = either.new = 3
            either.variable.assign([7.0])
            either.array[:] = 0
            either.members.add("b")
    for either in (original, copy.clone):
        assert either.items == [1] and either.table == {"a": 1} and either.members == {"a"}
        assert float(either.variable[0]) == 1.0 and either.array.sum() == 2 and not hasattr(either, "new")


class Scratch(threading.local):
    def __init__(self, first, factor=1.0):
        self.log, self.factor = [first], factor


def test_a_thread_local_of_an_own_class_keeps_what_it_has_in_this_thread():
    original = Scratch(1, factor=2.0)
    original.factor = 3.0
    clone = Copy(original).clone
    assert (clone.log, clone.factor) == ([1], 3.0)
    assert clone.log is not original.log
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.extend((clone.log, clone.factor)))
    thread.start()
    thread.join()
    assert elsewhere == [[1], 2.0]


class Named:
    """Pickled by name."""

    def __reduce__(self):
        return "NAMED"


class Single:
    one = None

    def __new__(cls):
        cls.one = cls.one or super().__new__(cls)
        return cls.one


class Flyweight:
    known: dict = {}  # noqa: RUF012

    def __init__(self, key):
        self.key = key

    @classmethod
    def of(cls, key):
        return cls.known.setdefault(key, cls(key))

    def __reduce__(self):
        return Flyweight.of, (self.key,)


class NotCopied:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def __deepcopy__(self, memo):
        return self


class Level(enum.Enum):
    LOW = 1


ONLY_ONES = [
    *(Named(), Single(), Flyweight.of("a"), NotCopied(log=[]), Level.LOW, datetime.timezone.utc),
    *(zoneinfo.ZoneInfo("UTC"), datetime.timezone(datetime.timedelta(0)), NotImplemented, inspect.Parameter.empty),
]


@pytest.mark.parametrize("value", ONLY_ONES, ids=lambda value: type(value).__name__)
def test_an_object_that_its_class_gives_back_as_it_is_is_kept(value):
    copy = Copy({"value": value, "again": [value]})
    assert copy.clone["value"] is copy.clone["again"][0] is value
    assert copy.leaks() == []


def test_an_object_that_wants_to_be_kept_but_holds_a_variable_is_copied():
    original = NotCopied(variable=tf.Variable(1.0))
    clone = Copy([original]).clone[0]
    assert clone.variable is not original.variable


class Real(float):
    """A number with attributes."""


def test_what_hides_in_numbers_views_proxies_and_fields_is_copied():
    number, word = Real(2.5), type("Word", (str,), {})("word")
    number.seen, word.seen = [1], [2]
    fields = np.array([(1.0, [3])], dtype=[("number", float), ("held", object)])
    target = Thing(items=[4])
    original = Thing(
        number=number,
        word=word,
        view=types.MappingProxyType({"a": [5]}),
        of_class=vars(Thing),
        fields=fields,
        target=target,
        proxy=weakref.proxy(target),
        error=ValueError([6]),
        integers=array.array("i", [7]),
    )
    clone = Copy(original).clone
    assert (clone.number, clone.number.seen, clone.word, clone.word.seen) == (2.5, [1], "word", [2])
    assert clone.number.seen is not number.seen and clone.word.seen is not word.seen
    assert clone.view["a"] == [5] and clone.view["a"] is not original.view["a"] and clone.of_class == vars(Thing)
    assert clone.fields["held"][0] == [3] and clone.fields["held"][0] is not fields["held"][0]
    clone.target.items.append(0)
    assert clone.proxy.items == [4, 0] and target.items == [4]
    assert clone.error.args == ([6],) and clone.error.args[0] is not original.error.args[0]
    assert clone.integers == original.integers and clone.integers is not original.integers


def test_views_and_descriptors_are_made_again_around_the_copy():
    steps = [1]
    held, numbers = {"a": steps}, bytearray(b"ab")
    ordered = collections.OrderedDict(held)
    original = Thing(
        keys=held.keys(),
        values=held.values(),
        items=held.items(),
        ordered=ordered.values(),
        memory=memoryview(numbers),
        floats=memoryview(np.arange(4.0)).cast("B").cast("d", (2, 2)),
        read_only=memoryview(numbers).toreadonly(),
        static=staticmethod(lambda: steps),
        of_class=classmethod(lambda cls: steps),
        of_object=property(lambda self: steps),
        match=re.match("a+", "aab"),
        layout=struct.Struct("2i"),
    )
    clone = Copy(original).clone
    assert [type(value) for value in vars(clone).values()] == [type(value) for value in vars(original).values()]
    assert list(clone.keys) == ["a"] and list(clone.items) == [("a", [1])]
    copied = next(iter(clone.values))
    assert copied == steps and copied is not steps
    for again in (next(iter(clone.ordered)), clone.static(), clone.of_class.__func__(None), clone.of_object.fget(None)):
        assert again is copied
    clone.memory[0] = 0
    assert bytes(clone.read_only) == b"\x00b" and numbers == b"ab" and clone.read_only.readonly
    assert clone.floats.shape == (2, 2) and clone.floats.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert clone.match.group() == "aa" and clone.layout.size == original.layout.size


def with_note(value):
    value.note = [5]
    return value


def derived(base):
    return type("Derived", (base,), {"__module__": __name__})


@pytest.mark.parametrize(
    "value",
    [
        *(derived(base)(2) for base in (int, float, complex, decimal.Decimal, datetime.timedelta, random.Random)),
        *(derived(base)("a") for base in (str, frozenset, set, tuple, ValueError)),
        derived(datetime.datetime)(2024, 1, 2),
        derived(array.array)("i", [1]),
    ],
    ids=lambda value: type(value).__mro__[1].__name__,
)
def test_attributes_of_classes_derived_from_those_of_c_are_copied(value):
    original = with_note(value)
    clone = Copy([original]).clone[0]
    assert type(clone) is type(original) and clone.note == [5] and clone.note is not original.note
    assert str(clone) == str(original) or isinstance(original, random.Random)


def test_what_is_made_from_a_list_finds_its_items_there():
    context = decimal.Context(prec=5, traps=[decimal.Inexact])
    original = Thing(context=context, ahead=iter(collections.deque([1, 2])), keys=iter({"a": 1}))
    clone = Copy(original).clone
    assert clone.context.traps == context.traps and clone.context is not context
    assert list(clone.ahead) == [1, 2] and list(clone.keys) == ["a"]


def test_what_comes_back_as_a_different_type_is_refused():
    with pytest.raises(CloneError, match=r"Derived in \.number, .* rebuilds it as a float64"):
        Copy(Thing(number=with_note(derived(np.float64)(2.0))))
    with pytest.raises(CloneError, match=r"memoryview in \.part, .* a part of the memory"):
        Copy(Thing(part=memoryview(b"abc")[1:]))


def test_an_array_in_a_file_becomes_one_in_memory(tmp_path):
    original = np.memmap(tmp_path / "numbers", dtype="float32", mode="w+", shape=(3,))
    clone = Copy([original]).clone[0]
    clone[0] = 5.0
    assert type(clone) is np.memmap and original[0] == 0.0 and not np.shares_memory(original, clone)


def test_a_symbolic_input_can_be_used_in_the_copy(keras):
    original = Thing(inputs=[keras.Input((4,)), {"more": keras.Input((2,))}])
    original.joined = keras.layers.Concatenate()([original.inputs[0], original.inputs[1]["more"]])
    clone = Copy(original).clone
    model = keras.Model([clone.inputs[0], clone.inputs[1]["more"]], keras.layers.Dense(1)(clone.joined))
    assert model([tf.ones((3, 4)), tf.ones((3, 2))]).shape == (3, 1)
    assert clone.inputs[0] is not original.inputs[0]


def test_classes_are_freed_after_their_objects_were_copied():
    def local_class():
        class Local:
            __slots__ = ("__weakref__", "a")

        class WithAttributes(collections.OrderedDict):
            pass

        Copy([Local(), WithAttributes(a=1)])
        return weakref.ref(Local), weakref.ref(WithAttributes)

    classes = local_class()
    gc.collect()
    assert [cls() for cls in classes] == [None, None]


VARIABLE = tf.Variable(2.0)
NUMBERS = tf.data.Dataset.range(3)


class Reader:
    def __init__(self, variable):
        self.variable = variable

    def numbers(self):
        yield float(self.variable)


def words():
    yield from ("a", "b")


def of_variable(number):
    return tf.cast(number, tf.float32) * VARIABLE


def in_python(call, function):
    return lambda number: call(function, [number], tf.float32)


OF_VARIABLE = NUMBERS.map(of_variable)
USING_VARIABLES = {
    "map": NUMBERS.map(of_variable),
    "map before others": NUMBERS.map(of_variable).batch(2).prefetch(1),
    "filter": NUMBERS.filter(lambda number: VARIABLE > 0.0),
    "zip": tf.data.Dataset.zip((NUMBERS, NUMBERS.map(of_variable))),
    "interleave": NUMBERS.interleave(lambda number: tf.data.Dataset.from_tensors(VARIABLE * 1.0)),
    "flat_map over another data set": NUMBERS.flat_map(lambda number: OF_VARIABLE),
    "py_function": NUMBERS.map(in_python(tf.py_function, lambda number: VARIABLE * 2.0)),
    "numpy_function": NUMBERS.map(in_python(tf.numpy_function, lambda number: VARIABLE.numpy())),
    "from_generator": tf.data.Dataset.from_generator(
        Reader(VARIABLE).numbers, output_signature=tf.TensorSpec([], tf.float32)
    ),
    "lookup table": NUMBERS.map(
        tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.range(3, dtype=tf.int64), tf.range(3)), -1
        ).lookup
    ),
    "iterator": iter(NUMBERS),
    "compiled function": tf.function(of_variable).get_concrete_function(tf.constant(1.0)),
}


@pytest.mark.parametrize("form", list(USING_VARIABLES))
def test_a_data_set_or_compiled_function_that_uses_what_can_change_is_refused(form):
    with pytest.raises(CloneError, match="used"):
        Copy(Thing(used=[USING_VARIABLES[form]]))


def test_a_data_set_or_compiled_function_that_uses_nothing_else_is_kept():
    kept = [
        NUMBERS.map(lambda number: number * 2).shuffle(2).batch(2),
        tf.data.Dataset.from_tensor_slices({"a": [1, 2]}),
        tf.data.Dataset.from_generator(words, output_signature=tf.TensorSpec([], tf.string)),
        NUMBERS.map(in_python(tf.numpy_function, lambda number: number)),
        tf.function(lambda number: number + 1.0).get_concrete_function(tf.constant(1.0)),
    ]
    clone = Copy(Thing(kept=kept)).clone
    assert all(a is b for a, b in zip(kept, clone.kept, strict=True))


STATE = {"variable": tf.Variable(1.0)}


def reaches_state():
    return STATE["variable"]


def reaches_state_of_a_module():
    return this_module.VARIABLE


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (Thing(work=threading.Thread()), "work"),
        (Thing(items=[{"deep": (i for i in range(3))}]), "deep"),
        (Thing(f=reaches_state), "reaches_state"),
        (Thing(f=lambda: STATE), "STATE"),
        (Thing(f=functools.partial(reaches_state)), "reaches_state"),
        (Thing(f=reaches_state_of_a_module), "this_module.VARIABLE"),
        (Thing(writer=tf.summary.create_noop_writer(), it=iter(NUMBERS)), "OwnedIterator in .it"),
        (Thing(pool=concurrent.futures.ThreadPoolExecutor(1)), "pool"),
        (Thing(context=contextvars.ContextVar("context")), "context"),
        (type("Holding", (), {"held": tf.Variable(1.0), "__module__": __name__})(), "Holding"),
        (Thing(handle=tf.Variable(1.0).handle), "handle"),
    ],
)
def test_what_cannot_be_copied_is_refused_with_its_place(value, word):
    with pytest.raises(CloneError, match=word):
        Copy(value)
