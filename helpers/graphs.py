"""What a data set or a compiled function does: its operations and constants, whatever they are called."""

import hashlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

# Names that TensorFlow makes up: of a Python function, of a node for its error messages, of a shared resource.
_MADE_UP = {"token", "metadata", "shared_name", "container"}


def definition_of(value: Any) -> Any:
    """Return the `tf.compat.v1.GraphDef` of a data set or a compiled function, or None if there is none.

    A data set that reads from a resource may not be able to say what it does.
    """
    if not isinstance(value, tf.data.Dataset):
        return value.graph.as_graph_def()
    ignore_state = 1  # such as how far a data set that shuffles has come
    try:
        variant = tf.data.experimental.to_variant(value)
        written = tf.raw_ops.DatasetToGraphV2(input_dataset=variant, external_state_policy=ignore_state)
    except tf.errors.OpError:
        return None
    return tf.compat.v1.GraphDef.FromString(written.numpy())


def operations(definition: Any) -> Iterator[Any]:
    """Return the operations of a graph and of the functions in it."""
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def


def fingerprint(value: Any) -> str:
    """Return a text that is the same for two data sets or compiled functions that do the same.

    The operations count, their order, their constants and settings; not the names of operations and functions.

    Args:
        value: A data set or a compiled function.

    Example:
        >>> rows = tf.data.Dataset.range
        >>> fingerprint(rows(3)) == fingerprint(rows(3)), fingerprint(rows(3)) == fingerprint(rows(4))
        (True, False)
    """
    definition = definition_of(value)
    if definition is None:
        return ""
    functions = {function.signature.name: function for function in definition.library.function}
    begun: dict[str, int] = {}  # a function that is called twice is written once

    def body(name: str) -> Any:
        if name in begun or name not in functions:
            return begun.get(name)
        begun[name] = len(begun)
        return written(functions[name].node_def, functions[name].ret)

    def written(nodes: Any, returned: Any) -> list[Any]:
        places = {node.name: place for place, node in enumerate(nodes)}
        steps = [(node.op, [_input(name, places) for name in node.input], settings(node)) for node in nodes]
        return [steps, [_input(returned[name], places) for name in sorted(returned)]]

    def settings(node: Any) -> list[Any]:
        kept = sorted((name, entry) for name, entry in node.attr.items() if name[0] != "_" and name not in _MADE_UP)
        return [(name, setting(entry)) for name, entry in kept if entry.tensor.dtype not in _HANDLES]

    def setting(entry: Any) -> Any:
        called = [function.name for function in (entry.func, *entry.list.func) if function.name]
        return list(map(body, called)) or entry.SerializeToString(deterministic=True)

    return hashlib.sha256(repr(written(definition.node, {})).encode()).hexdigest()


_HANDLES = (tf.resource.as_datatype_enum, tf.variant.as_datatype_enum)


def _input(name: str, places: dict[str, int]) -> tuple[Any, ...]:
    """Return an input of an operation with the place of what makes it; the name of an argument stays."""
    made_by, *output = name.removeprefix("^").split(":")
    return places.get(made_by, made_by), *output, name[0] == "^"
