"""The true clone of a model: a copy of its objects, checked before it is returned.

A clone can be rebuilt from the config or copied object by object. The config is public API and the recipe of the
lessons, but it restores only what it records: of about 150 kinds of models, 41 % of the clones were true, and 18 %
differed silently, with arguments, ties, edits after construction, seeds or optimizers lost. A copy of the objects (see
`graph_copy`) was true for all of them. It relies on private attributes of Keras, so these are named in `tf_private`
only, with a test for each, and every clone is checked:

1. Structure: the same layers of the same classes, with weights of the same shapes, dtypes and flags.
2. Bits: every variable is equal bit for bit.
3. Isolation: the garbage collector confirms that no mutable object is reachable from both.
4. Outputs: both return the same outputs for the same inputs, and are then restored. Models built only from library
   classes, which the tests cover, skip this check unless inputs are given: for an image network it takes longer than
   all the other checks.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from helpers import distances, graph_copy, keras_compat, snapshot, tf_private, tracing
from helpers.graph_copy import CloneError
from helpers.random_state import random_state_kept, same_random_state

__all__ = ["CloneError", "clone"]

Model = TypeVar("Model")


def clone(model: Model, inputs: Any = None) -> Model:
    """Return an independent clone of a model.

    The clone has the same classes and the same values: weights, other state such as random seeds and recurrent states,
    vocabularies, trainable flags, compile settings, optimizers with their slots, metrics, and every attribute, also
    those set after construction. It shares no variable, layer, optimizer or other mutable object with the original.
    The original does not change, not even its random state. Compiled functions are not copied: the clone compiles its
    own when it is first used, with the settings that the model has now. If a compiled function of the model still has
    earlier settings, this is refused, provided that inputs are given or the model has classes or functions of your own.

    Args:
        model: A model or layer of keras or tf_keras, trained or not, built or not; or any `tf.Module`: a distribution,
            joint distribution or bijector of TensorFlow Probability, or a module of your own.
        inputs: A batch of example inputs, (samples, ...), or a list or dict of such arrays. If given, the outputs of
            both are compared before the clone is returned. If not, a model with classes or functions of your own is
            called on random inputs, provided that it knows their shape.

    Returns:
        The clone, of the same class.

    Raises:
        CloneError: The clone would not be true. The message names the layer or class and says what to do.
        TypeError: `model` is neither a model nor a module.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> copied = clone(model)
        >>> bool(np.all(copied(np.ones((1, 3))) == model(np.ones((1, 3)))))
        True
        >>> copied.layers[0].kernel is model.layers[0].kernel
        False
    """
    if not isinstance(model, tf.Module):
        keras_compat.generation(model)
    _refuse_outdated_training(model)
    # Weights that nobody has set are drawn when they are created: the copy of an unbuilt model draws the same ones.
    with random_state_kept(), _without_garbage_collection():
        copy = graph_copy.Copy(model)
        _check_structure(model, copy)
        _check_isolation(copy)
        if copy.holds_own_code or inputs is not None:
            _refuse_outdated_functions(model)
        _check_outputs(copy, inputs)
    copied: Model = copy.clone
    return copied


def _refuse_outdated_training(model: Any) -> None:
    """Refuse a model whose compiled training function still trains a layer that was frozen later, or the reverse."""
    for layer in keras_compat.changed_since_compiled(model):
        raise CloneError(
            f"The trainable flag of {keras_compat.title(layer)} was changed after {keras_compat.title(model)} had been "
            "trained. The model keeps training as it was compiled, a clone would not. Compile the model again, or let "
            "it compile its training function again:\n\n    model.train_function = None\n    twin = clone(model)\n"
        )


def _refuse_outdated_functions(model: Any) -> None:
    """Refuse a model with a compiled function that keeps attributes as they were before they were changed."""
    name = tracing.outdated(model)
    if name:
        raise CloneError(
            f"{keras_compat.title(model)} has changed since {name} was compiled, which goes on as it was then: a clone "
            "would do what the model is set to do now. Let the model compile its functions again. Where call itself is "
            "a tf.function, keep what changes in a tf.Variable.\n\n"
            "    model.train_function = model.test_function = model.predict_function = None\n    twin = clone(model)\n"
        )


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Disable garbage collection: allocating many objects would trigger it repeatedly with nothing to collect."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_REPORT = (
    "This is a bug in clone, not in your model. Please report it with the model's code, in the issue form "
    "'clone refused my model' of this repository."
)


def _check_structure(model: Any, copy: graph_copy.Copy) -> None:
    """Compare the layers and variables that Keras lists, and the bits of all variables that were copied."""
    mine, theirs = (keras_compat.parts(either) for either in (model, copy.clone))
    for a, b in zip(mine, theirs, strict=False):
        if _description(a) != _description(b):
            raise CloneError(
                f"{keras_compat.title(a)} was copied as {_description(b)} instead of {_description(a)}. {_REPORT}"
            )
    if len(mine) != len(theirs):
        raise CloneError(f"{keras_compat.title(model)} has {len(mine)} parts, its clone {len(theirs)}. {_REPORT}")
    for a, b in copy.pairs:
        if isinstance(a, tf_private.VARIABLES) and not tf_private.same_bits(a, b):
            raise CloneError(f"The copy of the variable {a.name} has different numbers. {_REPORT}")


def _description(part: Any) -> tuple[Any, ...]:
    held = keras_compat.weights(part) if keras_compat.has_name(part) else part.variables
    weights = [(tuple(w.shape), str(w.dtype), w.trainable) for w in held]
    return type(part).__name__, getattr(part, "name", None), getattr(part, "trainable", None), weights


def _check_isolation(copy: graph_copy.Copy) -> None:
    for leak, holder in copy.leaks():
        raise CloneError(
            f"The clone of {keras_compat.title(copy.original)} would still reach {keras_compat.title(leak)} of the "
            f"original, through {keras_compat.title(holder)}. {_REPORT}"
        )


def _check_outputs(copy: graph_copy.Copy, inputs: Any) -> None:
    """Call both models on the same inputs from the same state, and compare the outputs."""
    model = copy.original
    if not callable(model) or not getattr(model, "built", True):
        return
    made_up = inputs is None
    if made_up and copy.holds_own_code:
        inputs = _random_inputs(model)
    if inputs is None:
        return
    with snapshot.objects_unchanged(value for pair in copy.pairs for value in pair):
        try:
            with same_random_state() as draws:
                mine = _outputs(model, inputs)
        except NotImplementedError:  # a model that is only trained may have no call
            return
        except Exception as error:
            if made_up:
                return
            first = next(iter(str(error).strip().splitlines()), "no message")
            raise CloneError(
                f"{keras_compat.title(model)} does not take these inputs ({type(error).__name__}: {first[:200]}). "
                "Pass inputs of the shape and dtype that it is called with: clone(model, inputs)."
            ) from error
        with same_random_state(draws):
            try:
                theirs = _outputs(copy.clone, inputs)
            except Exception:  # then its outputs differ
                theirs = []
    if len(mine) != len(theirs) or any(map(distances.differs, mine, theirs)):
        raise CloneError(
            f"The clone of {keras_compat.title(model)} has equal weights and answers differently: its call depends on "
            "something outside the model, or on the identity of an object. Make what it uses an attribute of the "
            "model, and do not look anything up by id()."
        )


def _outputs(model: Any, inputs: Any) -> list[Any]:
    outputs = model(inputs, training=False) if hasattr(model, "trainable_weights") else model(inputs)
    tensors = [keras_compat.comparable_output(output) for output in tf.nest.flatten(outputs)]
    return [np.asarray(tensor) for tensor in tensors if tensor is not None]


def _random_inputs(model: Any) -> Any:
    """Return one random sample for a model that knows the shapes of its inputs, or None."""
    generator = np.random.default_rng(0)

    def sample(shape: Any, dtype: Any = "float32") -> Any:
        # A fixed batch size is kept. An axis of any length gets one that few layers are too large for.
        shape = [shape[0] or 1, *(length or 32 for length in shape[1:])]
        return generator.uniform(size=shape).astype(tf.as_dtype(dtype).as_numpy_dtype)

    try:
        symbols = keras_compat.symbolic_inputs(model)
        if symbols is not None:
            return tf.nest.map_structure(lambda symbol: sample(symbol.shape, symbol.dtype), symbols)
        shape = model.get_build_config()["input_shape"]
        return sample((1, *shape[1:]))
    except (AttributeError, KeyError, TypeError, ValueError):  # text, sparse or ragged inputs, or several of them
        return None
