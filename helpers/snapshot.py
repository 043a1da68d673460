"""Hold on to everything that two models are made of, and put it back: values, attributes, lists, random state.

Training a model does more than move its weights: Keras builds optimizers and metrics at the first step, fills caches
and replaces attributes. So a snapshot keeps the attributes of every object that a model reaches, one by one and
without knowing what they are for, and the contents of every list, dict, set, array, table and variable.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import distances, keras_compat, model_diff, random_state, tf_private


@contextlib.contextmanager
def unchanged(*models: Any) -> Iterator["Snapshot"]:
    """Put the models and the random state of the process back as they were when the body ends, however it ends.

    Args:
        *models: models, or any objects that hold models. They may share parts.

    Example:
        >>> with unchanged(model):
        ...     model.fit(inputs, targets)
    """
    held = Snapshot(*models)
    with random_state.random_state_kept():
        try:
            yield held
        finally:
            held.restore()


class Snapshot:
    """Everything that some objects reach, as it is now.

    Attributes:
        variables: the TensorFlow variables, by identity.
    """

    def __init__(self, *roots: Any):
        self.variables: dict[int, tf.Variable] = {}
        self._restorers: list[Callable[[], None]] = []
        self._seen: dict[int, Any] = {}
        queue = deque(roots)
        while queue:
            value = queue.popleft()
            if id(value) not in self._seen and not model_diff.is_plain_value(value):
                self._seen[id(value)] = value
                queue.extend(self._hold(value))
        # Tensors that share their memory with the variables, until those are written.
        self._values = distances.read(list(self.variables.values()))

    def restore(self) -> None:
        """Put everything back."""
        for restore in self._restorers:
            restore()
        distances.assign(list(self.variables.values()), self._values)

    def _hold(self, value: Any) -> list[Any]:
        """Keep one value, and return what it holds."""
        if keras_compat.is_variable(value):
            variable = keras_compat.storage(value)
            self.variables[id(variable)] = variable
            # A Keras 3 variable has attributes of its own beside the numbers, such as whether it is trained.
            return self._hold_attributes(value) if variable is not value else []
        if isinstance(value, np.ndarray):
            self._hold_array(value)
            return []
        if model_diff.is_table(value):
            self._hold_table(value)
            return []
        if model_diff.is_generator(value):
            state = random_state.state_of(value)
            self._restorers.append(lambda: random_state.set_state_of(value, state))
            return []
        if isinstance(value, (tf.Tensor, type)):
            return []
        found = self._hold_contents(value)
        if model_diff.is_walked(value) or tf_private.is_wrapper(value):
            return found + self._hold_attributes(value)
        if model_diff.is_function(value):
            found += (model_diff.parts(value) or {}).values()
        return found

    def _hold_attributes(self, value: Any) -> list[Any]:
        attributes = tf_private.attributes(value)
        before = dict(attributes)

        def restore() -> None:
            if not _same_items(attributes, before):
                attributes.clear()
                attributes.update(before)

        self._restorers.append(restore)
        return list(before.values())

    def _hold_contents(self, value: Any) -> list[Any]:
        """Keep what a container holds, past any wrapper that Keras or TensorFlow puts around it."""
        value = getattr(value, "__wrapped__", value) if tf_private.is_wrapper(value) else value
        if isinstance(value, dict):
            before = dict(value)

            def restore_dict() -> None:
                if not _same_items(value, before):
                    dict.clear(value)
                    dict.update(value, before)

            self._restorers.append(restore_dict)
            return [*before.values(), *before]
        if isinstance(value, (list, deque)):
            kind = list if isinstance(value, list) else deque
            items = list(kind.__iter__(value))

            def restore_list() -> None:
                now = list(kind.__iter__(value))
                if len(now) != len(items) or any(a is not b for a, b in zip(now, items, strict=True)):
                    kind.clear(value)
                    kind.extend(value, items)

            self._restorers.append(restore_list)
            return items
        if isinstance(value, set):
            members = set(value)

            def restore_set() -> None:
                if set(value) != members:
                    set.clear(value)
                    set.update(value, members)

            self._restorers.append(restore_set)
            return list(members)
        return list(value) if isinstance(value, (tuple, frozenset)) else []

    def _hold_array(self, value: np.ndarray) -> None:
        before = value.copy()

        def restore() -> None:
            if value.flags.writeable and not np.array_equal(value, before, equal_nan=value.dtype.kind in "fc"):
                value[...] = before

        self._restorers.append(restore)

    def _hold_table(self, value: Any) -> None:
        if not hasattr(value, "insert"):
            return
        keys, entries = value.export()

        def restore() -> None:
            now, _ = value.export()
            value.remove(now)
            value.insert(keys, entries)

        self._restorers.append(restore)


def _same_items(now: dict, before: dict) -> bool:
    return now.keys() == before.keys() and all(now[key] is before[key] for key in before)


class ValuesKept:
    """The values of variables, remembered without copying them, until they are put back.

    A tensor that was read keeps its numbers: TensorFlow copies the memory when the variable is written to.
    """

    def __init__(self, variables: list[Any]):
        self._variables, self._values = variables, distances.read(variables)

    def put_back(self) -> None:
        """Write the values back."""
        distances.assign(self._variables, self._values)
