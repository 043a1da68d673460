"""What two models share: everything that can change and is reached from both."""

import types
from collections import deque
from typing import Any

import numpy as np

from helpers import graph_copy, keras_compat, tf_private
from helpers.model_parts import (
    cannot_change,
    has_attributes,
    is_bare,
    is_generator,
    is_mapping,
    is_of_library,
    is_sequence,
    is_set,
    is_table,
    is_walked,
    join_path,
    keras_kind,
    parts,
    parts_of_compilation,
    table_items,
)

_CODE = (type, types.FunctionType)


def shared(original: Any, clone: Any) -> list[tuple[str, Any]]:
    """Return what can change and belongs to both models: (place, object), the largest objects first.

    Args:
        original: A model.
        clone: A model of the same Keras version.
    """
    of_original, of_clone = (_changeable(model) for model in (original, clone))
    return [found for key, found in of_original.items() if key in of_clone]


def _changeable(model: Any) -> dict[int, tuple[str, Any]]:
    """Return everything in a model that can change, by identity: (place, object)."""
    found: dict[int, tuple[str, Any]] = {}
    behind_seen: set[int] = set()
    seen: dict[int, Any] = {}  # an id is valid only as long as its object lives
    queue: deque[tuple[Any, str, bool]] = deque([(model, "", False)])
    if keras_compat.is_compiled(model):
        queue.extend((entry, key, False) for key, entry in parts_of_compilation(model).items())
        queue.append((model.optimizer, "optimizer", False))
    while queue:
        value, path, of_user = queue.popleft()
        if id(value) in seen or is_bare(value):
            continue
        seen[id(value)] = value
        if keras_kind(value)[1] in ("layer", "model"):
            path = value.name
        mutable = _mutable(value, of_user)
        if mutable is not None:
            place = keras_compat.variable_name(value, model) if keras_compat.is_variable(value) else path
            found[id(mutable)] = place, mutable
        if not (is_sequence(value) or is_mapping(value) or is_set(value)):
            of_user = is_walked(value) and not is_of_library(value)
            # The reader's own functions and classes may lead to state as well, which both models then use.
            for code in (type(value), value):
                behind = graph_copy._state_behind(code, behind_seen) if isinstance(code, _CODE) else None
                if behind is not None:
                    queue.append((behind[1], f"{path} ({behind[0]})", False))
        is_object = has_attributes(value)
        queue.extend((entry, join_path(path, key, is_object), of_user) for key, entry in (parts(value) or {}).items())
    return found


def _mutable(value: Any, of_user: bool) -> Any:
    """Return the object that changes when a value is used or edited, or None.

    Args:
        value: Any object that is part of a model.
        of_user: True if an object of the reader's own class holds it.
    """
    if keras_compat.is_variable(value):
        return keras_compat.storage(value)
    if (
        keras_kind(value)[1] in ("layer", "model", "optimizer", "metric")
        or is_generator(value)
        or hasattr(type(value), "insert_or_assign")
        or (is_table(value) and (hasattr(type(value), "insert") or table_items(value)))
    ):
        return None if type(value).__name__ == "InputLayer" else value
    return tf_private.unwrapped(value) if of_user and _can_be_edited(value) else None


def _can_be_edited(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return bool(value.flags.writeable)
    if isinstance(value, (list, dict, set, deque)):
        return True
    return is_walked(value) and not (is_of_library(value) or callable(value) or cannot_change(value))
