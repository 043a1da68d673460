"""Threads may clone and audit at once, and others may use TensorFlow meanwhile."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf
from zoo import batch_normalization_and_dropout

import helpers
from helpers import random_state, tf_private


def state_of_the_process():
    drawing = [operation for _, _, operation in tf_private.random_operations()]
    return tf.config.functions_run_eagerly(), gc.isenabled(), [hasattr(each, "__wrapped__") for each in drawing]


def test_threads_that_clone_and_audit_one_model_at_once_are_right_and_leave_the_process_as_it_was(packages):
    model, x, y = batch_normalization_and_dropout(packages["keras"])
    before, weights = state_of_the_process(), model.get_weights()
    together = threading.Barrier(4)

    def work(number):
        together.wait()
        clones = [helpers.clone(model, x) for _ in range(3)]
        if number % 2:  # a fault, which each thread has to find in its own clone
            clones[0].layers[-1].bias.assign(clones[0].layers[-1].bias + number)
        return clones, helpers.audit(model, clones[0], x, y, steps=1)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(work, range(4)))
    for number, (clones, report) in enumerate(done):
        assert report.failures == (["weights", "outputs", "outputs in training mode", "training steps"] * (number % 2))
        for clone in clones[1:]:
            assert all(map(np.array_equal, clone.get_weights(), weights))
    assert all(map(np.array_equal, model.get_weights(), weights))
    assert state_of_the_process() == before


def test_one_thread_at_a_time_changes_the_process():
    def free():
        return random_state._ONE_THREAD.acquire(blocking=False)

    with ThreadPoolExecutor(1) as pool:
        for body in (random_state.random_state_kept, random_state.same_random_state):
            with body(), body():
                assert not pool.submit(free).result()


def test_other_threads_are_left_alone_meanwhile():
    traced = tf.function(lambda: tf.executing_eagerly())
    with ThreadPoolExecutor(1) as pool, random_state.same_random_state() as draws:
        assert traced()
        assert not pool.submit(traced).result()
        assert not pool.submit(lambda: bool(tf.config.functions_run_eagerly())).result()
        pool.submit(tf.random.uniform, [3]).result()
        assert draws == []
        tf.random.uniform([2])
        assert len(draws) == 1
