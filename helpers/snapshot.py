"""Take a snapshot of everything that models are made of, and restore it: values, attributes, lists, random state.

Training a model does more than change its weights: Keras creates optimizers and metrics at the first step, fills
caches and replaces attributes. So a snapshot keeps the attributes of every object that a model reaches, one by one,
whatever they are for, and the contents of every list, dict, set, array, table, variable and closure.

| To restore | Use |
|---|---|
| models and the random state of the process | `unchanged(*models)` |
| a list of objects, without a walk through what they hold | `objects_unchanged(objects)` |
| models, later, or more than once | `Snapshot(*models).restore()` |
| the random state alone | `random_state.random_state_kept()` |
"""

import contextlib
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextvars import ContextVar
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import containers, distances, keras_compat, model_parts, random_state, tf_private


@contextlib.contextmanager
def unchanged(*models: Any) -> Iterator["Snapshot"]:
    """Restore the models and the random state of the process when the body ends, also if it raises.

    Args:
        *models: Models, or any objects that hold models. They may share parts.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> with unchanged(model):
        ...     _ = model.layers[0].bias.assign([1.0, 2.0])
        >>> model.layers[0].bias.numpy()
        array([0., 0.], dtype=float32)
    """
    with _restored(models, once=False) as held:
        yield held


@contextlib.contextmanager
def taken_once(*models: Any) -> Iterator[None]:
    """Do what `unchanged` does, with one snapshot for every `unchanged` in the body: walking through models takes long.

    Args:
        *models: What the body changes for longer only within `unchanged`.
    """
    with _restored(models, once=True):
        yield


@contextlib.contextmanager
def _restored(models: tuple[Any, ...], once: bool) -> Iterator["Snapshot"]:
    held = _AT_HAND.get()
    if held is None or not held.reaches(models):
        held = Snapshot(*models)
    # Within the body of `unchanged` it is no longer the present state.
    token = _AT_HAND.set(held if once else None)
    with random_state.random_state_kept():
        try:
            yield held
        finally:
            held.restore()
            _AT_HAND.reset(token)


@contextlib.contextmanager
def at_hand(held: "Snapshot | None") -> Iterator[None]:
    """Let every `unchanged` in the body use a snapshot that was taken earlier, where it holds the models in question.

    Args:
        held: A snapshot of the present state, or None.
    """
    token = _AT_HAND.set(_AT_HAND.get() if held is None else held)
    try:
        yield
    finally:
        _AT_HAND.reset(token)


@contextlib.contextmanager
def objects_unchanged(objects: Iterable[Any]) -> Iterator[None]:
    """Restore the attributes, items and values of some objects when the body ends, but not those of what they hold.

    Args:
        objects: Any objects.
    """
    held = Snapshot()
    for value in objects:
        held.hold(value, every_attribute=True)
    try:
        yield
    finally:
        held.restore()


# The snapshot of the present state, while there is one.
_AT_HAND: ContextVar["Snapshot | None"] = ContextVar("_AT_HAND", default=None)


class Snapshot:
    """The present state of everything that some objects reach.

    Args:
        *roots: Models, or any objects that hold models.

    Attributes:
        variables: The TensorFlow variables, by identity.
    """

    def __init__(self, *roots: Any):
        self.variables: dict[int, Any] = {}
        # Tensors that share their memory with the variables, until those are written.
        self._values: list[tf.Tensor] = []
        self._restorers: list[Callable[[], None]] = []
        self._seen: dict[int, Any] = {}
        queue = deque(roots)
        while queue:
            value = queue.popleft()
            if id(value) not in self._seen and not isinstance(value, model_parts.PLAIN):
                self._seen[id(value)] = value
                queue.extend(self.hold(value))

    def reaches(self, values: Iterable[Any]) -> bool:
        """Return True if it holds the state of all of these objects."""
        return all(id(value) in self._seen for value in values)

    def restore(self) -> None:
        """Restore everything."""
        for restore in self._restorers:
            restore()
        distances.assign(list(self.variables.values()), self._values)

    def hold(self, value: Any, every_attribute: bool = False) -> list[Any]:
        """Keep the state of one object, and return what it holds.

        Args:
            value: Any object.
            every_attribute: True to keep the attributes of objects of any class. By default, only those of models,
                their parts, and objects of the reader's own classes are kept.
        """
        if keras_compat.is_variable(value):
            variable = keras_compat.storage(value)
            if id(variable) not in self.variables:
                self.variables[id(variable)] = variable
                self._values += distances.read([variable])
            # A Keras 3 variable also has attributes of its own, such as whether it is trainable.
            return self._hold_attributes(value) if variable is not value or every_attribute else []
        if isinstance(value, np.ndarray):
            self._hold_array(value)
            return []
        if isinstance(value, types.CellType):
            return self._hold_cell(value)
        if isinstance(value, (tf.Tensor, type)):
            return []
        if model_parts.is_table(value):
            self._hold_table(value)
            return []
        if isinstance(value, MutableMapping) and not isinstance(value, dict) and tf_private.attributes(value) is None:
            self._hold_mapping(value)
            return []
        if model_parts.is_generator(value):
            state = random_state.state_of(value)
            self._restorers.append(lambda: random_state.set_state_of(value, state))
            return []
        found = self._hold_contents(value)
        if every_attribute or model_parts.is_walked(value) or tf_private.is_wrapper(value):
            return found + self._hold_attributes(value)
        if isinstance(value, types.FunctionType):
            for cell in value.__closure__ or ():
                self._hold_cell(cell)
        if model_parts.is_function(value) or model_parts.is_traced(value):
            found += (model_parts.parts(value) or {}).values()
        return found

    def _hold_attributes(self, value: Any) -> list[Any]:
        attributes = tf_private.attributes(value)
        return [] if attributes is None else self._hold_contents(attributes)

    def _hold_contents(self, value: Any) -> list[Any]:
        """Keep what a container holds, past any wrapper that Keras or TensorFlow puts around it."""
        value = getattr(value, "__wrapped__", value) if tf_private.is_wrapper(value) else value
        if isinstance(value, (tuple, frozenset)):
            return list(value)
        if containers.container_base(type(value)) is None:
            return []
        before = containers.items_of(value)

        def restore() -> None:
            if not containers.has_items(value, before):
                containers.set_items(value, before, getattr(value, "maxlen", None))

        self._restorers.append(restore)
        return [part for item in before for part in item] if isinstance(value, dict) else list(before)

    def _hold_cell(self, cell: Any) -> list[Any]:
        try:
            before = cell.cell_contents
        except ValueError:  # a name that has no value yet
            return []
        self._restorers.append(lambda: setattr(cell, "cell_contents", before))
        return [before]

    def _hold_array(self, value: np.ndarray) -> None:
        before = value.copy()

        def restore() -> None:
            if value.flags.writeable and not _equal_arrays(value, before):
                value[...] = before

        self._restorers.append(restore)

    def _hold_mapping(self, value: MutableMapping[Any, Any]) -> None:
        before = list(value.items())  # such as a mapping of TensorFlow whose keys are compared by identity

        def restore() -> None:
            value.clear()
            value.update(before)

        self._restorers.append(restore)

    def _hold_table(self, value: Any) -> None:
        if not hasattr(type(value), "insert"):
            return
        keys, entries = tf_private.table_entries(value)

        def restore() -> None:
            now, _ = tf_private.table_entries(value)
            value.remove(now)
            value.insert(keys, entries)

        self._restorers.append(restore)


def _equal_arrays(a: np.ndarray, b: np.ndarray) -> bool:
    # Elements that are objects may have any idea of equality.
    return a.dtype != object and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
