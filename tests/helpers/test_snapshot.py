"""A snapshot puts back everything that was changed, and nothing else."""

import collections.abc
import random
import threading

import numpy as np
import pytest
import tensorflow as tf
from zoo import sequential

from helpers import distances
from helpers.snapshot import Snapshot, objects_unchanged, unchanged


class Thing:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def test_a_model_that_was_trained_is_as_it_was(keras):
    model, x, y = sequential(keras)
    optimizer, flag = model.optimizer, model.layers[0].trainable
    before = distances.values(distances.all_variables(model))
    random_number = random.Random(0)
    model.source = random_number
    expected = random_number.getstate()
    with unchanged(model):
        model.layers[0].trainable = not flag
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y, verbose=0)
        model.new_attribute = random_number.random()
    assert model.optimizer is optimizer
    assert model.layers[0].trainable == flag
    assert not hasattr(model, "new_attribute")
    assert random_number.getstate() == expected
    assert all(map(np.array_equal, before, distances.values(distances.all_variables(model))))


def test_the_models_are_put_back_when_the_body_raises(keras):
    model, _, _ = sequential(keras)
    before = model.get_weights()
    with pytest.raises(KeyError), unchanged(model):
        model.set_weights([weight + 1 for weight in before])
        raise KeyError("stop")
    assert all(map(np.array_equal, before, model.get_weights()))


def test_values_are_put_back_after_every_kind_of_writing():
    variable = tf.Variable(tf.ones([3, 2]))
    held = Snapshot([variable])
    for _ in range(2):
        variable.assign_add(tf.ones([3, 2]))
        variable.scatter_update(tf.IndexedSlices(tf.zeros([1, 2]), [1]))
        held.restore()
        np.testing.assert_array_equal(variable, np.ones([3, 2]))


class InSlots(collections.abc.MutableMapping):
    """A mapping without attributes, such as those of TensorFlow with keys that are compared by identity."""

    __slots__ = ("_items",)

    def __init__(self):
        self._items = {}

    def __getitem__(self, key):
        return self._items[key]

    def __setitem__(self, key, value):
        self._items[key] = value

    def __delitem__(self, key):
        del self._items[key]

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)


def contents(thing):
    return [
        list(thing.items),
        dict(thing.table),
        list(thing.ordered),
        set(thing.members),
        list(thing.last),
        thing.array.tolist(),
        thing.count(0),
        list(thing.in_this_thread.seen),
        dict(thing.own_mapping),
    ]


@pytest.mark.parametrize("kept", [unchanged, lambda thing: objects_unchanged(held_by(thing))], ids=["walk", "objects"])
def test_every_kind_of_container_and_a_closure_are_put_back(kept):
    counted = 0

    def count(step):
        nonlocal counted
        counted += step
        return counted

    thing = Thing(
        items=[1, 2],
        table={"a": 1, "b": 2},
        ordered=collections.OrderedDict(a=1, b=2),
        members={1},
        last=collections.deque([1, 2], maxlen=2),
        array=np.array([[1], [None]], dtype=object),
        count=count,
        in_this_thread=threading.local(),
        own_mapping=InSlots(),
    )
    thing.in_this_thread.seen = [1]
    thing.own_mapping["a"] = 1
    before = contents(thing)
    with kept(thing):
        thing.items.append(3)
        thing.table["a"] = 5
        thing.ordered.move_to_end("a")
        thing.members.clear()
        thing.last.append(3)
        thing.array[0, 0] = "changed"
        thing.count(4)
        thing.in_this_thread.seen = []
        thing.own_mapping["b"] = 2
        assert all(now != then for now, then in zip(contents(thing), before, strict=True))
    assert contents(thing) == before
    assert thing.last.maxlen == 2


def held_by(thing):
    values = list(vars(thing).values())
    return [thing, *values, *thing.count.__closure__]


def test_entries_of_a_table_and_the_state_of_a_generator_are_put_back():
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    table.insert(tf.constant(["a"]), tf.constant([1], tf.int64))
    generator = tf.random.Generator.from_seed(1)
    with unchanged([table, generator]):
        table.insert(tf.constant(["a", "b"]), tf.constant([7, 8], tf.int64))
        first = float(generator.uniform([]))
    np.testing.assert_array_equal(table.lookup(tf.constant(["a", "b"])), [1, -1])
    assert float(generator.uniform([])) == first
