"""Remember what a function found out about a class, for as long as the class lives."""

import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def cached(function: Function) -> Function:
    """Return a function of a class that remembers its results.

    Unlike `functools.cache` it does not keep the classes alive. A class that is defined inside a function may hold a
    whole model in the closures of its methods. So a result must not refer to the class either.

    Example:
        >>> @cached
        ... def lines_of_descent(cls):
        ...     return len(cls.__mro__)
        >>> lines_of_descent(bool)
        3
    """
    results: dict[int, Any] = {}
    alive: dict[int, Any] = {}

    @functools.wraps(function)
    def remembered(cls: type) -> Any:
        identity = id(cls)
        try:
            return results[identity]
        except KeyError:
            result = results[identity] = function(cls)
            # A later class may get the same identity.
            alive[identity] = weakref.ref(cls, lambda _: (results.pop(identity), alive.pop(identity)))
            return result

    return remembered  # type: ignore[return-value]
