"""Find compiled functions that no longer do what their model would do if it were compiled now.

A compiled function keeps the values of plain attributes as they were when it was traced: `layer.rate = 0.1` after `fit`
changes what the model does when it is called, and not what `fit` does. A clone has the settings that the model has now.
So where the two differ, `clone` refuses and `audit` says so. To find out, the function is traced again, and its
operations are compared with those that it had.
"""

import collections
import types
from collections.abc import Iterator
from typing import Any

from helpers import graphs, keras_compat, model_parts, snapshot, tf_private

_COMPILED = ("train_function", "test_function", "predict_function")
# Operations that only pass values on, or call a function, whose operations are counted themselves.
_PASSING = {"Placeholder", "Identity", "IdentityN", "NoOp", "PartitionedCall", "StatefulPartitionedCall"}
# A function that creates variables in its first call reads them fewer times.
_PASSING |= {"ReadVariableOp"}
_SEEDS = {"seed", "seed2"}


def outdated(model: Any) -> str:
    """Return the name of a compiled function of a model that keeps settings of an earlier time, or an empty string.

    The model is afterwards as it was before.

    Args:
        model: A model of keras or tf_keras.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.LeakyReLU(0.5)])
        >>> _ = model.predict(np.ones((1, 2)), verbose=0)
        >>> outdated(model)
        ''
        >>> model.layers[0].negative_slope = 0.1
        >>> outdated(model)
        'predict_function'
    """
    functions = {name: getattr(model, name, None) for name in _COMPILED}
    for layer in keras_compat.parts(model):
        functions[f"the call of {keras_compat.title(layer)}"] = getattr(layer, "call", None)
    traced = [(name, each) for name, function in functions.items() for each in _traced(function, set())]
    if not traced:
        return ""
    with snapshot.unchanged(model):
        return next((name for name, function in traced if _differs_now(function)), "")


def _traced(function: Any, seen: set[int]) -> Iterator[Any]:
    """Return the compiled functions in a function and in what it closes over.

    Each is traced again by itself, because one inside another is called as it was traced.
    """
    if id(function) in seen:
        return
    seen.add(id(function))
    if isinstance(function, tf_private.TRACED_FUNCTION):
        yield function
        yield from _traced(function.python_function, seen)
    if isinstance(function, types.FunctionType):
        for inner in (model_parts.parts(function) or {}).values():
            yield from _traced(inner, seen)


def _differs_now(function: Any) -> bool:
    """Return True if a function, traced now, has an operation that it did not have when it was traced."""
    latest = {repr(traced.structured_input_signature): traced for traced in tf_private.concrete_functions(function)}
    for traced in latest.values():
        arguments, keywords = traced.structured_input_signature
        again = tf_private.retraced(function, function.python_function)
        try:
            now = again.get_concrete_function(*arguments, **keywords)
        except Exception:  # then the model cannot be run at all, which shows elsewhere
            continue
        if _operations(now) - _operations(traced):
            return True
    return False


def _operations(traced: Any) -> collections.Counter[Any]:
    """Count the operations of a traced function and of the functions in it."""
    nodes = graphs.operations(graphs.definition_of(traced))
    return collections.Counter(_description(node) for node in nodes if node.op not in _PASSING)


def _description(node: Any) -> tuple[Any, ...]:
    """Return an operation with its plain settings: numbers, texts, and the value of a constant."""
    plain = [(name, value) for name, value in node.attr.items() if name[0] != "_" and name not in _SEEDS]
    settings = [(n, v.SerializeToString()) for n, v in plain if v.WhichOneof("value") in ("f", "i", "b", "tensor")]
    return node.op, *sorted(settings)
