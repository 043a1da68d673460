"""Read and write lists, dicts, sets and deques past any method that their own class overrides."""

import collections
import operator
from typing import Any

from helpers.caching import cached

CONTAINERS = (list, dict, set, collections.deque)


@cached
def container_base(cls: type) -> Any:
    """Return the built-in type whose methods read and write the items of a class, or None if it is not a container."""
    # An OrderedDict keeps an order of its own, which the methods of dict do not update.
    return next((base for base in (collections.OrderedDict, *CONTAINERS) if issubclass(cls, base)), None)


def items_of(container: Any) -> list[Any]:
    """Return the items of a list, set or deque, or the (key, value) pairs of a dict.

    Example:
        >>> items_of({"a": 1})
        [('a', 1)]
    """
    base = container_base(type(container))
    return list(base.items(container) if issubclass(base, dict) else base.__iter__(container))


def set_items(container: Any, items: list[Any], maxlen: int | None = None) -> None:
    """Replace the items of a container.

    Args:
        container: A list, dict, set or deque, also of a derived class.
        items: What `items_of` returns for such a container.
        maxlen: The maximum length of a deque.
    """
    base = container_base(type(container))
    if base is collections.deque:
        base.__init__(container, items, maxlen)
        return
    base.clear(container)
    if issubclass(base, dict):
        for key, value in items:
            base.__setitem__(container, key, value)
    else:
        (base.extend if base is list else base.update)(container, items)


def has_items(container: Any, items: list[Any]) -> bool:
    """Return True if a container holds these very objects, in this order."""
    now = items_of(container)
    if len(now) != len(items):
        return False
    if isinstance(container, dict):
        return all(a is c and b is d for (a, b), (c, d) in zip(now, items, strict=True))
    return all(map(operator.is_, now, items))
