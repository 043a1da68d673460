"""What an object consists of in memory: items, read and written past any method that its own class overrides; slots."""

import collections
import operator
import types
from typing import Any

from helpers import tf_private
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


@cached
def base_of(cls: type) -> Any:
    """Return the type whose `__new__` creates an empty instance of a class, or None if there is no such type.

    There is none for a class whose instances have state that only C can read, such as a file or a `Decimal`.

    Example:
        >>> base_of(collections.Counter), base_of(range)
        (<class 'dict'>, None)
    """
    for base in (*CONTAINERS, tf_private.PROXY):
        if issubclass(cls, base):
            known = next((c for c in (collections.OrderedDict, collections.defaultdict) if issubclass(cls, c)), base)
            return None if _hides_state(cls, known) else base
    try:
        object.__new__(cls)
    except TypeError:
        return None
    return None if _hides_state(cls, object) else object


def _hides_state(cls: type, base: type) -> bool:
    """Return True if instances have more state than that of a base, attributes and slots: state kept in C, as in files.

    This is the test by which `object.__reduce_ex__` refuses to pickle (Python's `Objects/typeobject.c`). From Python
    3.12 on, some of these types can be created empty, which would give a broken copy.
    """
    pointers = len(_places_of_slots(cls)) + (cls.__dictoffset__ != 0) + (cls.__weakrefoffset__ > 0)
    return cls.__basicsize__ > base.__basicsize__ + pointers * tuple.__itemsize__


def slots_of(value: Any) -> list[tuple[types.MemberDescriptorType, Any]]:
    """Return the slots of an object that have a value, in pairs: (descriptor, value)."""
    found = []
    for place, name in _places_of_slots(type(value)):
        member = vars(type(value).__mro__[place])[name]
        try:
            found.append((member, member.__get__(value)))
        except AttributeError:
            continue
    return found


def has_slots(cls: type) -> bool:
    """Return True if the objects of a class have slots."""
    return bool(_places_of_slots(cls))


@cached
def _places_of_slots(cls: type) -> list[tuple[int, str]]:
    written_in_python = [(place, vars(base)) for place, base in enumerate(cls.__mro__) if "__slots__" in vars(base)]
    members = [(place, name, member) for place, own in written_in_python for name, member in own.items()]
    return [(place, name) for place, name, member in members if isinstance(member, types.MemberDescriptorType)]
