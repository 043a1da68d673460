"""The random state of the process: Python's, NumPy's, TensorFlow's and that of both Keras versions.

Cloning and auditing change the process and the models for a while, so one thread at a time does it: all of it happens
inside `random_state_kept`, which holds a lock.
"""

import collections
import functools
import itertools
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import keras_compat, tf_private

# What a random operation drew: its name and the result.
Draw = tuple[str, Any]

# Numbers that nobody else uses as a seed: random operations with equal seeds share their state.
_UNUSED_SEEDS = itertools.count(2_023_112_700)

_ONE_THREAD = threading.RLock()


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Restore the random state of the process when the body ends. Other threads wait until they may enter such a body.

    Example:
        >>> np.random.seed(1)
        >>> with random_state_kept():
        ...     first = np.random.uniform()
        >>> bool(np.random.uniform() == first)
        True
    """
    with _ONE_THREAD:
        restore = _process_state()
        try:
            yield
        finally:
            restore()


def _process_state() -> Callable[[], None]:
    """Read the random state of the process, and return the function that restores it."""
    eager = tf_private.eager_attributes()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    # Neither exists before the first seed is set or drawn.
    tensorflow_state: dict[str, Any] = {name: eager[name] for name in ("_seed", "_rng") if name in eager}
    held = [(holder, name, getattr(holder, name, None)) for holder, name in tf_private.global_generators()]
    generators = [eager.get("_rng"), *(generator for _, _, generator in held)]
    states = [(generator, state_of(generator)) for generator in generators if generator is not None]

    def restore() -> None:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        for name in ("_seed", "_rng"):
            eager.pop(name, None)
        eager.update(tensorflow_state)
        for holder, name, generator in held:
            setattr(holder, name, generator)
        for generator, state in states:
            set_state_of(generator, state)

    return restore


def state_of(generator: Any) -> Any:
    """Return the state of a random generator of Python, NumPy, TensorFlow or Keras 3."""
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return tf_private.value_of(keras_compat.storage(generator.state)).numpy()


def set_state_of(generator: Any, state: Any) -> None:
    """Set what `state_of` returned."""
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        keras_compat.storage(generator.state).assign(state)


@contextmanager
def same_random_state(draws: list[Draw] | None = None) -> Iterator[list[Draw]]:
    """Let several bodies draw the same random numbers, and restore the random state of the process after each.

    A random operation of TensorFlow that gets the same seed again continues where it was. `tf.random.set_seed` would
    restart it, but also the operations inside every compiled function of the process. So the operations get a seed
    that was never used, their results are recorded, and the next body gets the recorded results. Compiled functions
    run eagerly in the body. All this holds for the thread of the body only.

    Args:
        draws: What an earlier body drew, to be drawn again in the same order.

    Yields:
        A list that fills with what the body draws from TensorFlow's random operations.

    Example:
        >>> with same_random_state() as draws:
        ...     first = tf.random.uniform([])
        >>> with same_random_state(draws):
        ...     bool(tf.random.uniform([]) == first)
        True
    """
    recorded: list[Draw] = []
    waiting = collections.deque(draws or [])
    thread = threading.get_ident()

    def recording(operation: Any) -> Any:
        @functools.wraps(operation)
        def recorded_operation(*args: Any, **kwargs: Any) -> Any:
            result = operation(*args, **kwargs)
            if threading.get_ident() != thread or not tf.executing_eagerly():
                return result
            draw = operation.__name__, result
            if waiting and _description(waiting[0]) == _description(draw):
                draw = waiting.popleft()
            recorded.append(draw)
            return draw[1]

        return recorded_operation

    with random_state_kept(), tf_private.functions_run_eagerly(), tf_private.random_operations_replaced(recording):
        _seed_generators(0)
        tf_private.set_eager_seed(next(_UNUSED_SEEDS))
        for holder, name in tf_private.global_generators():
            generator = getattr(holder, name, None)
            if generator is not None and not isinstance(generator, random.Random):
                generator.state.assign(tf.ones_like(keras_compat.storage(generator.state)))
        yield recorded


@contextmanager
def seeded_tracing(seed: int) -> Iterator[None]:
    """Let functions that are traced in the body draw the same random numbers whenever they are built the same way.

    Random operations take their seeds from TensorFlow's global seed while they are traced. `tf.random.set_seed` would
    also restart the random operations inside every other compiled function of the process.

    Args:
        seed: The seed for Python, NumPy, TensorFlow and Keras 2 inside the body.
    """
    with random_state_kept():
        _seed_generators(seed)
        tf_private.set_eager_seed(seed)
        yield


def _seed_generators(seed: int) -> None:
    """Seed Python's and NumPy's global generators, and Keras 2's source of seeds."""
    random.seed(seed)
    np.random.seed(seed)
    for holder, name in tf_private.global_generators():
        generator = getattr(holder, name, None)
        if isinstance(generator, random.Random):
            generator.seed(seed)


def _description(draw: Draw) -> tuple[str, list[Any]]:
    return draw[0], [(tensor.shape, tensor.dtype) for tensor in tf.nest.flatten(draw[1])]
