"""Show in a notebook what a cell found: an error that is the lesson, an accuracy in words."""

import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import teaching
from helpers.cloning import CloneError


@dataclass
class Caught:
    """The error that was expected, once it was raised."""

    error: Exception | None = None


@contextmanager
def expected_error() -> Iterator[Caught]:
    """Run code that has to fail, and print its error in a few lines instead of a stack trace.

    Yields:
        An object whose ``error`` is the error, once it was raised.

    Raises:
        AssertionError: the code did not fail, so the lesson about it no longer holds.
        NameError: the code itself uses a name that a cell above would have defined, which is no lesson.

    Example:
        >>> with expected_error() as caught:
        ...     1 / 0
        ZeroDivisionError: division by zero
        >>> type(caught.error).__name__
        'ZeroDivisionError'
    """
    caught = Caught()
    try:
        yield caught
    except Exception as error:
        _refuse_out_of_order(error)
        # The traceback would keep alive everything that the failed code made.
        caught.error = error.with_traceback(None)
        # The workbook's own message holds code to copy, so its lines stay lines.
        message = str(error) if isinstance(error, CloneError) else teaching.short_message(error)
        for line in f"{type(error).__name__}: {message}".rstrip().splitlines():
            print(line if line.startswith(" ") else textwrap.fill(line, 100))
    else:
        raise AssertionError("This code was expected to fail, and did not. What the text says of it no longer holds.")


def raised(action: Callable[[], Any]) -> Exception | None:
    """Run code that may fail, and tell whether it did.

    Args:
        action: a function without arguments.

    Returns:
        What it raised, or None.

    Raises:
        NameError: the code itself uses a name that a cell above would have defined.

    Example:
        >>> raised(lambda: 1 / 1) is None
        True
    """
    try:
        action()
    except Exception as error:
        _refuse_out_of_order(error)
        return error.with_traceback(None)
    return None


def _refuse_out_of_order(error: Exception) -> None:
    """Raise an error that comes of cells run in another order, and is not what the code was to show."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    # The first frame stands in this module, the second in the cell; a name that is missing elsewhere may be the lesson.
    if isinstance(error, NameError) and frames[-1].f_globals is frames[1].f_globals:
        raise error


def accuracy_in_words(model: Any, inputs: Any, labels: Any) -> str:
    """Say how many of ten inputs a classifier gets right, in words that do not change with the machine.

    Args:
        model: a classifier whose outputs are (samples, classes).
        inputs: (samples, ...).
        labels: (samples,), the right classes.

    Returns:
        "more than 8 of 10 right" down to "no better than guessing", which is up to 2.5 of 10.

    Example:
        >>> print(accuracy_in_words(model, images, labels))   # doctest: +SKIP
        more than 8 of 10 right
    """
    right = float(np.mean(np.argmax(np.asarray(model(inputs)), axis=-1) == np.asarray(labels)))
    if right > 0.8:
        return "more than 8 of 10 right"
    if right < 0.25:
        return "no better than guessing"
    return f"about {right * 10:.0f} of 10 right"
