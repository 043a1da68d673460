"""The random state of the process can be kept, restored and drawn from again."""

import random

import numpy as np
import tensorflow as tf

import workbook
from helpers import random_state


def test_the_eager_seed_of_tensorflow_can_be_kept():
    tf.random.set_seed(1)
    expected = float(tf.random.uniform([]))
    tf.random.set_seed(1)
    with random_state.random_state_kept():
        tf.random.set_seed(7)
        tf.random.uniform([])
        np.random.seed(7)
    assert float(tf.random.uniform([])) == expected


def test_the_same_random_numbers_are_drawn_and_compiled_functions_left_alone():
    tf.random.set_seed(3)
    draw = tf.function(lambda: tf.random.uniform([]))
    expected = [float(draw()) for _ in range(4)]
    tf.random.set_seed(3)
    again = tf.function(lambda: tf.random.uniform([]))
    found = [float(again()), float(again())]

    def drawn():
        operations = [
            tf.random.uniform([2]), tf.random.normal([2], seed=5), tf.random.shuffle([1, 2, 3, 4]),
            tf.random.categorical([[1.0, 2.0]], 4), tf.nn.dropout(tf.ones(8), 0.5), tf.random.truncated_normal([2]),
            tf.random.log_uniform_candidate_sampler([[1]], 1, 4, False, 20)[0], draw(),
        ]  # fmt: skip
        return [*map(np.asarray, operations), np.random.uniform(), random.random()]

    with random_state.same_random_state() as draws:
        first = drawn()
    with random_state.same_random_state(draws):
        assert all(map(np.array_equal, first, drawn()))
        assert float(tf.random.uniform([])) != float(first[0][0])
    with random_state.same_random_state():
        assert not np.array_equal(first[0], drawn()[0])
    found += [float(again()), float(again())]
    assert found == expected


def test_the_generators_of_the_process_are_kept_and_start_alike(keras):
    def drawn():
        found = [tf.random.get_global_generator().uniform([])]
        found.append(keras.random.uniform([]) if keras.__name__ == "keras" else keras.initializers.HeNormal()((2, 2)))
        return [*map(np.asarray, found)]

    def start():
        workbook.set_seeds(1)
        tf.random.set_global_generator(tf.random.Generator.from_seed(1))
        drawn()

    start()
    expected = drawn()
    start()
    with random_state.same_random_state() as draws:
        first = drawn()
    with random_state.same_random_state(draws):
        assert all(map(np.array_equal, first, drawn()))
    assert all(map(np.array_equal, expected, drawn()))


def test_functions_traced_under_one_seed_draw_alike_and_the_seed_is_put_back():
    def traced():
        draw = tf.function(lambda: tf.random.uniform([]))
        with random_state.seeded_tracing(5):
            return [float(draw()), float(draw())]

    tf.random.set_seed(1)
    expected = float(tf.random.uniform([]))
    tf.random.set_seed(1)
    first = traced()
    assert first[0] != first[1]
    assert traced() == first
    assert float(tf.random.uniform([])) == expected


def test_the_state_of_every_kind_of_generator_can_be_set_again():
    generators = [
        (random.Random(1), lambda g: g.random()),
        (np.random.default_rng(1), lambda g: g.uniform()),
        (np.random.RandomState(1), lambda g: g.uniform()),
        (tf.random.Generator.from_seed(1), lambda g: float(g.uniform([]))),
    ]
    for generator, draw in generators:
        state = random_state.state_of(generator)
        first = draw(generator)
        assert draw(generator) != first
        random_state.set_state_of(generator, state)
        assert draw(generator) == first
