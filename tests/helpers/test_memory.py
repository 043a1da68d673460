"""Models that were made, cloned, audited and dropped are freed, and nothing about them stays behind."""

import gc
import weakref

import pytest
import tensorflow as tf
import zoo
from tiers import slow_unless

import helpers


class Damped(tf.Module):
    def __init__(self):
        super().__init__(name="damped")
        self.factor, self.seen = tf.Variable([0.5]), [1]

    def __call__(self, inputs):
        return self.factor * inputs


def in_a_module(keras):
    module = Damped()
    return module, helpers.clone(module, tf.ones((2, 1)))


def layer(keras):
    made = keras.layers.Dense(3)
    made.build((None, 6))
    return made, helpers.clone(made, zoo.data()[0])


def of_the_zoo(name):
    def used(keras):
        model, x, y = zoo.ZOO[name](keras)
        clone = helpers.clone(model, x)
        assert helpers.audit(model, clone, x[:8], None if y is None else y[:8], steps=1).ok
        return model, clone

    used.__name__ = name
    return used


KINDS = [
    *map(of_the_zoo, ("sequential", "batch_normalization_and_dropout", "counter_in_a_closure")),
    *(layer, in_a_module),
]


def refused(keras):
    """A model that is refused: the error must not keep it either."""
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2)])
    model.layers[0].kept = (number for number in range(3))
    with pytest.raises(helpers.CloneError):
        helpers.clone(model)
    return model, model.layers[0]


def objects_left(keras, rounds):
    """Use each kind so many times, and return how many objects the garbage collector knows after each round."""
    counts = []
    for _ in range(rounds):
        references = [weakref.ref(each) for kind in (*KINDS, refused) for each in kind(keras)]
        for _ in range(2):  # what a finalizer holds is freed by the second
            gc.collect()
        assert [reference() for reference in references] == [None] * len(references)
        counts.append(len(gc.get_objects()))
    return counts


@pytest.mark.parametrize(
    ("package", "rounds"), [("keras", 3), slow_unless(False, "keras", 20), slow_unless(False, "tf_keras", 20)]
)
def test_a_loop_of_clones_leaves_nothing_behind(packages, package, rounds):
    counts = objects_left(packages[package], rounds)
    # Whatever is kept for a class or a function once is there after the second round.
    assert counts[-1] - counts[1] < rounds, counts
