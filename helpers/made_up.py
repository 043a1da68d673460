"""Inputs and targets for a model: what somebody gives, described in words, or made up from the model.

`make_inputs` and `make_targets` answer what cannot be used with one sentence, a `Refusal`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import distances, keras_compat, keras_files, snapshot, training
from helpers.keras_files import Refusal
from helpers.keras_files.refusal import short_message

__all__ = ["make_inputs", "make_targets"]

MOST_NUMBERS, MOST_AXES = 20_000_000, 8  # of inputs that are made up; more would take the memory of a free host
SAMPLES, FEW_SAMPLES, LARGE = 64, 4, 200_000  # a model of more numbers than this gets few samples


def make_inputs(model: Any, said: Any = None, namespace: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """Take what the reader says of the inputs, or infer them from the model, and see that the model takes them.

    Args:
        model: The model; it is as before afterwards, unless it had no weights yet.
        said: Arrays; the name of a variable; a description such as `28, 28, 1` or `20 int below 1000` or `text`, with
            semicolons between several inputs; or nothing.
        namespace: The variables of the notebook.

    Returns:
        The inputs, and in words where they come from.

    Raises:
        Refusal: they cannot be inferred or read, or the model does not take them.
    """
    said, namespace = said.strip() if isinstance(said, str) else said, namespace or {}
    if said is None or (isinstance(said, str) and not said):
        inputs, note = _inferred(model)
    elif isinstance(said, str) and said in namespace:
        inputs, note = _few(namespace[said], model), f"inputs from {said}"
    elif isinstance(said, str):
        inputs, note = _described(said, model), f"made-up inputs, {said}"
    else:
        inputs, note = _few(said, model), "the inputs that you gave"
    _try(model, inputs)
    return inputs, note


def _samples(model: Any) -> int:
    symbols = tf.nest.flatten(getattr(model, "inputs", None) or [])
    fixed = [symbol.shape[0] for symbol in symbols if len(symbol.shape) and symbol.shape[0]]
    numbers = sum(int(np.prod(weight.shape)) for weight in keras_compat.weights(model))
    numbers += sum(math.prod(length or 1 for length in symbol.shape[1:]) for symbol in symbols)
    return (
        fixed[0] if fixed else SAMPLES if numbers < LARGE and len(keras_compat.flat_layers(model)) < 40 else FEW_SAMPLES
    )


def _few(value: Any, model: Any) -> Any:
    """Take the first samples of arrays."""
    if isinstance(value, tf.data.Dataset):
        raise Refusal("A tf.data.Dataset is not a batch: give one, such as x, y = next(iter(dataset)), and then x.")
    count = _samples(model)
    try:
        flat = tf.nest.flatten(value)
        if not flat or not all(np.ndim(each) or tf.is_tensor(each) for each in flat):
            raise TypeError
        return tf.nest.map_structure(lambda each: each[:count], value)
    except (TypeError, ValueError, IndexError, tf.errors.InvalidArgumentError):
        raise Refusal(
            f"An object of type {type(value).__name__} is not a batch of inputs: give an array of shape (samples, ...) "
            "or a list or dict of such arrays."
        ) from None


_SPEC = re.compile(
    r"\(?\s*((?:\d+(?:\s*[,x]\s*|\s+))*(?:\d+)?)\s*\)?\s*(float|int|text|bool)?\w*\s*(?:(?:below|<)\s*(\d+))?"
)
_LONGEST = 200  # letters of a description


def _described(text: str, model: Any) -> Any:
    parts = []
    for part in text.split(";"):
        part = part.strip()
        found = _SPEC.fullmatch(part) if len(part) <= _LONGEST else None
        if not found or not (found[1].strip() or found[2]):
            raise Refusal(
                f"{keras_files.short_name(part)!r} is neither a variable of this notebook nor a description of inputs: "
                "write the shape of one input, such as 28, 28, 1 or 20 int below 1000 or text, with semicolons between "
                "several inputs."
            )
        shape = [int(number) for number in re.findall(r"\d+", found[1])]
        dtype = {"int": "int32", "text": "string", "bool": "bool", "float": "float32", None: "float32"}[found[2]]
        shape = shape or ([1] if dtype == "string" else [])
        below = int(found[3]) if found[3] else None
        if len(shape) > MOST_AXES or (below or 0) >= 2**31:
            raise Refusal(f"Inputs of {keras_files.short_name(part)!r} are too large to be made up: give smaller ones.")
        if below == 0:
            raise Refusal("There is no whole number below 0 to make up inputs of: give a larger limit.")
        parts.append(_made_up(model, (_samples(model), *shape), dtype, below))
    return parts[0] if len(parts) == 1 else parts


def _made_up(model: Any, shape: tuple[int, ...], dtype: Any, below: int | None = None) -> np.ndarray:
    if math.prod(shape) > MOST_NUMBERS:
        raise Refusal(f"Inputs of shape {shape} are too large to be made up: give a few of your own.")
    generator = np.random.default_rng(0)
    dtype = tf.as_dtype(dtype)
    layers = keras_compat.flat_layers(model)
    if dtype == tf.string:
        words = [word for layer in layers if hasattr(layer, "get_vocabulary") for word in _words(layer)]
        return tf.constant(generator.choice(words or ["one", "two", "three"], size=shape))
    sizes = [layer.input_dim for layer in layers if type(layer).__name__ == "Embedding"]
    if dtype.is_integer or (sizes and len(shape) == 2):
        return generator.integers(0, below or min(sizes, default=2), size=shape).astype(dtype.as_numpy_dtype)
    if dtype == tf.bool:
        return generator.integers(0, 2, size=shape).astype(bool)
    return generator.uniform(size=shape).astype(dtype.as_numpy_dtype)


def _words(layer: Any) -> list[str]:
    return [str(word) for word in layer.get_vocabulary() if isinstance(word, str) and word][:50]


def _inferred(model: Any) -> tuple[Any, str]:
    count = _samples(model)

    def sample(shape: Any, dtype: Any = "float32") -> Any:
        shape = tuple(shape)
        # A length that is open gets one that few layers are too big for.
        open_length = 32 if len(shape) > 3 else 8
        return _made_up(model, (shape[0] or count, *(length or open_length for length in shape[1:])), dtype)

    symbols = keras_compat.symbolic_inputs(model)
    if symbols is not None:
        inputs = tf.nest.map_structure(lambda symbol: sample(symbol.shape, symbol.dtype), symbols)
        return inputs, f"inputs made up from model.inputs, {_shapes(inputs)}"
    try:
        config = model.get_build_config() or {}
        shape = config["input_shape"] if "input_shape" in config else config["shapes_dict"]
        if isinstance(shape, dict) and len(shape) == 1:
            shape = next(iter(shape.values()))
        if not shape or not all(length is None or isinstance(length, int) for length in shape):
            raise TypeError
        inputs = sample((count, *shape[1:]))
        return inputs, f"inputs made up from the shape that the model was built for, {_shapes(inputs)}"
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError):
        first = "was never called" if not model.built else "does not say what its inputs are"
        raise Refusal(
            f"The model {model.name!r} {first}, so say what one input looks like: a variable such as x_train, or a "
            "shape such as 28, 28, 1."
        ) from None


def _shapes(inputs: Any) -> str:
    shapes = [f"{tuple(each.shape)} {getattr(each.dtype, 'name', each.dtype)}" for each in tf.nest.flatten(inputs)]
    return "; ".join(shapes)


def _try(model: Any, inputs: Any) -> None:
    try:
        if model.built and keras_compat.weights(model):
            with snapshot.unchanged(model):
                model(inputs, training=False)
        else:
            model(inputs)
    except Exception as error:
        wants = _wants(model)
        raise Refusal(
            f"The model {model.name!r} does not take inputs of {_shapes(inputs)}{wants}; give others, or none to have "
            f"them made up: {short_message(error)}"
        ) from None


def _wants(model: Any) -> str:
    try:
        symbols = tf.nest.flatten(keras_compat.symbolic_inputs(model))
        shapes = [tuple(symbol.shape) for symbol in symbols] if symbols[0] is not None else []
        shapes = shapes or [tuple(model.get_build_config()["input_shape"])]
        return f", but of {'; '.join(map(str, shapes))}"
    except (AttributeError, IndexError, KeyError, TypeError, NotImplementedError):
        return ""


def make_targets(
    model: Any, inputs: Any, said: Any = None, namespace: Mapping[str, Any] | None = None
) -> tuple[Any, str]:
    """Take the reader's targets, or make some up that the model's loss takes.

    Returns:
        The targets or None, and in words where they come from.

    Raises:
        Refusal: the model cannot be trained on the targets that the reader gave.
    """
    said, namespace = said.strip() if isinstance(said, str) else said, namespace or {}
    if isinstance(said, str) and said and said not in namespace:
        raise Refusal(f"There is no variable {said!r} in this notebook that could hold targets: run its cell first.")
    if said is not None and not (isinstance(said, str) and not said):
        value = namespace[said] if isinstance(said, str) else said
        targets = _few(value, model)
        count, wanted = (int(tf.nest.flatten(each)[0].shape[0]) for each in (targets, inputs))
        if count != wanted:
            raise Refusal(f"There are {wanted} inputs and {count} targets: give one target for each input.")
        error = _step_error(model, inputs, targets)
        if error is not None:
            raise Refusal(f"The model {model.name!r} cannot be trained on these targets: {short_message(error)}")
        return targets, "the targets that you gave"
    if not keras_compat.is_compiled(model):
        return None, "no targets, because the model is not compiled"
    for targets in _targets_to_try(model, inputs):
        if _step_error(model, inputs, targets) is None:
            return targets, "made-up targets" if targets is not None else "no targets, because its own step needs none"
    return None, "no targets: its loss is left out, and the mean square of its outputs is trained instead"


def _targets_to_try(model: Any, inputs: Any) -> Iterator[Any]:
    generator = np.random.default_rng(1)
    base = keras_compat.namespace(keras_compat.generation(model)).Model
    if getattr(model.train_step, "__func__", None) is not base.train_step:
        yield None
    with snapshot.unchanged(model):
        outputs = tf.nest.map_structure(
            lambda output: None if output is None else tf.convert_to_tensor(distances.tensors(output)[0]),
            model(inputs, training=False),
        )
    if any(output is None or not output.shape.rank for output in tf.nest.flatten(outputs)):
        return  # one number for the whole batch, or nothing, has no targets
    loss = getattr(model, "loss", None)
    sparse = "sparse" in str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss).lower()
    if sparse and all(output.shape.rank > 1 for output in tf.nest.flatten(outputs)):
        yield tf.nest.map_structure(lambda o: generator.integers(0, o.shape[-1], size=o.shape[:-1]), outputs)
    yield tf.nest.map_structure(lambda o: generator.uniform(size=o.shape).astype(o.dtype.as_numpy_dtype), outputs)
    yield inputs
    yield np.zeros(len(tf.nest.flatten(outputs)[0]), "int32")


def _step_error(model: Any, inputs: Any, targets: Any) -> Exception | None:
    if not model.built or not training.has_own_step(model):
        return None
    first = [tf.nest.map_structure(lambda e: tf.convert_to_tensor(e[:32]), each) for each in (inputs, targets)
             if each is not None]  # fmt: skip
    with snapshot.unchanged(model):
        try:
            training.make_step(model, tuple(first) if targets is not None else first[0], own=True)
        except Exception as error:
            return error.with_traceback(None)
    return None
