"""Distances between arrays, variables and outputs, and how much of a distance is rounding."""

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import keras_compat, model_parts, tf_private


def largest_difference(a: Any, b: Any) -> float:
    """Return the largest absolute difference between two arrays.

    Args:
        a: Array or tensor of any shape and dtype.
        b: The same shape as `a`.

    Returns:
        0.0 if the arrays are equal bit for bit (NaN counts as equal to NaN); `inf` if the shapes differ, or if
        only one of two elements is a number, or if arrays that are not of numbers differ.

    Example:
        >>> largest_difference([1.0, 2.0], [1.0, 2.5])
        0.5
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return float("inf")
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return max(largest_difference(a.real, b.real), largest_difference(a.imag, b.imag))
    if a.dtype.kind in "iu" and b.dtype == a.dtype and a.size:
        # 64-bit integers do not fit into float64; their differences, taken modulo 2**64, are exact.
        high, low = np.maximum(a, b).astype(np.uint64), np.minimum(a, b).astype(np.uint64)
        return float(np.max(high - low))
    try:
        a, b = a.astype(np.float64), b.astype(np.float64)
    except (TypeError, ValueError):
        return 0.0 if np.array_equal(a, b) else float("inf")
    if a.size == 0 or np.array_equal(a, b, equal_nan=True):
        return 0.0
    # Equal infinities subtract to NaN; so does a number and a NaN. Only the first pair is equal.
    with np.errstate(invalid="ignore"):
        difference = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    return float(np.max(np.nan_to_num(difference, nan=np.inf, posinf=np.inf)))


ROUNDING_UNITS = 100
"""How many units in the last place two results may differ if the same numbers are computed in a different order."""

PART_OF_MOVEMENT = 1e-3
"""After training, a difference larger than this part of the variable's own movement is not rounding."""


def rounding(array: Any) -> float:
    """Return how far apart two computations of the same numbers may end, for an array with these values.

    This is `ROUNDING_UNITS` units in the last place of the array's largest element.

    Args:
        array: Any array; the result is 0.0 if it does not hold floating-point numbers.

    Example:
        >>> 1e-5 < rounding(np.ones(3, "float32")) < 2e-5
        True
    """
    array = np.asarray(array)
    if np.iscomplexobj(array):
        return max(rounding(array.real), rounding(array.imag))
    try:
        dtype = tf.as_dtype(array.dtype)
    except TypeError:  # dates and records
        return 0.0
    if not dtype.is_floating or array.size == 0:
        return 0.0
    largest = np.max(np.abs(np.nan_to_num(array.astype(np.float64), posinf=0.0, neginf=0.0)))
    # NumPy's finfo does not support bfloat16.
    unit = 2.0**-7 if dtype == tf.bfloat16 else float(np.finfo(dtype.as_numpy_dtype).eps)
    return ROUNDING_UNITS * unit * float(largest)


def allowed_in_training(array: Any, moved: float) -> float:
    """Return how far a variable may be from its counterpart after both were trained alike.

    This is the rounding of the variable's own values, but never more than a small part of what this variable has moved.
    So a variable that did not move must be equal bit for bit, and large values do not hide a real difference.

    Args:
        array: The values of the variable after training.
        moved: The largest absolute difference between these values and those before training.

    Example:
        >>> allowed_in_training(np.full(3, 2e5, "float32"), moved=0.0)
        0.0
    """
    return min(rounding(array), PART_OF_MOVEMENT * moved) if moved else 0.0


def differs(a: Any, b: Any) -> bool:
    """Return True if two arrays are further apart than rounding explains (see `rounding`)."""
    distance = largest_difference(a, b)
    return distance > 0.0 and distance > rounding(a)


def read(variables: Sequence[Any]) -> list[tf.Tensor]:
    """Read variables into tensors, in order.

    Nothing is copied: a tensor shares the memory of its variable until the variable is next written. The raw operation
    is about ten times as fast as `Variable.read_value`.
    """
    return [tf_private.value_of(keras_compat.storage(variable)) for variable in variables]


def equal_states(a: Any, b: Any) -> bool:
    """Return True if two states of a random generator, however nested, are equal."""
    first, second = tf.nest.flatten(a), tf.nest.flatten(b)
    return len(first) == len(second) and all(map(np.array_equal, first, second))


def values(variables: Sequence[Any]) -> list[np.ndarray]:
    """Copy the values of variables into NumPy arrays, in order."""
    return [np.asarray(tensor.numpy()) for tensor in read(variables)]  # a single text is no array


def assign(variables: Sequence[Any], contents: Sequence[Any]) -> None:
    """Write tensors or arrays into variables of the same shapes, in order, without applying constraints."""
    for variable, content in zip(variables, contents, strict=True):
        tf_private.set_value(keras_compat.storage(variable), content)


def all_variables(model: Any) -> list[Any]:
    """List every variable of a model: weights, other state, optimizer and metrics."""
    found = [*keras_compat.weights(model), *keras_compat.other_state(model), *keras_compat.metric_variables(model)]
    if keras_compat.is_compiled(model):
        found += keras_compat.optimizer_variables(model.optimizer)
    return found


def tensors(outputs: Any) -> list[Any]:
    """Turn what a model returned into a flat list of tensors, arrays and plain values.

    A distribution of TensorFlow Probability contributes its mean, its standard deviation and a sample, where defined.
    An object of any other class contributes what it holds.
    """
    found: list[Any] = []
    seen: dict[int, Any] = {}
    waiting = [outputs]
    while waiting:
        output = waiting.pop(0)
        if isinstance(output, (tf.RaggedTensor, tf.SparseTensor, tf.IndexedSlices)):
            waiting = [*tf.nest.flatten(output, expand_composites=True), *waiting]
        elif isinstance(output, (*model_parts.PLAIN, tf.Tensor)) or model_parts.is_array(output):
            found.append(output)
        elif keras_compat.is_variable(output):
            found.append(keras_compat.storage(output).read_value())
        elif hasattr(type(output), "log_prob"):
            found += _moments(output)
        elif id(output) not in seen:
            seen[id(output)] = output
            held = model_parts.parts(output)
            found += [] if held is not None else [type(output).__qualname__]
            held = held or {}
            in_order = sorted(held, key=str) if model_parts.is_mapping(output) else held
            waiting = [*map(held.__getitem__, in_order), *waiting]
    return found


def _moments(distribution: Any) -> list[Any]:
    found = []
    for moment in (distribution.mean, distribution.stddev, lambda: tf.convert_to_tensor(distribution)):
        with contextlib.suppress(NotImplementedError, TypeError, ValueError):
            found.append(moment())
    return found


def answers(outputs: Any) -> list[np.ndarray]:
    """Turn what a model returned into a flat list of arrays (see `tensors`)."""
    return list(map(np.asarray, tensors(outputs)))


def largest_of(distances: Any) -> float:
    """Return the largest of many distances, with None (no counterpart) counted as infinite."""
    return max((float("inf") if distance is None else distance for distance in distances), default=0.0)


def largest_between(some: Sequence[Any], others: Sequence[Any]) -> float:
    """Return the largest difference between arrays in pairs; infinite if there are not equally many."""
    if len(some) != len(others):
        return float("inf")
    return largest_of(map(largest_difference, some, others))
