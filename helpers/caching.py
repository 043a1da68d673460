"""`functools.cache` for functions of a class, with types: mypy does not accept `type[Any]` as a key of a cache."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def cached(function: Function) -> Function:
    """Return a function that remembers its results, as `functools.cache` does, with the types of the original.

    Example:
        >>> @cached
        ... def lines_of_descent(cls):
        ...     return len(cls.__mro__)
        >>> lines_of_descent(bool)
        3
    """
    return functools.cache(function)  # type: ignore[return-value]
