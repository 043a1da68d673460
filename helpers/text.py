"""Phrases that several modules use: a list of words, a distance, the reason of an error, and which errors led to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["causes", "digits", "is_no_room", "listed", "reason"]


def listed(words: Sequence[str]) -> str:
    """Join words as in a sentence.

    Args:
        words: At least one.

    Returns:
        The words with commas, and "and" before the last.

    Example:
        >>> listed(["output", "weights", "optimizer state"])
        'output, weights and optimizer state'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def digits(distance: float) -> str:
    """Return a distance with three digits, and an exact zero as such.

    Args:
        distance: A largest absolute difference.

    Returns:
        The number, or "0 exactly".

    Example:
        >>> digits(0.0), digits(0.123456)
        ('0 exactly', '0.123')
    """
    return "0 exactly" if distance == 0 else f"{distance:.3g}"


_COLOURS_AND_NODES = re.compile(r"\x1b\[[0-9;]*m|\{\{[^}]*\}\} ?")


def reason(error: BaseException, most: int = 200) -> str:
    r"""Return the line of an error that says what is wrong.

    Keras 3 puts a line in front that says only where it was.

    Args:
        error: Any error.
        most: The largest number of characters.

    Example:
        >>> reason(ValueError("Exception encountered when calling Net.call().\n\nThe shapes differ."))
        'The shapes differ.'
    """
    lines = [line.strip() for line in _COLOURS_AND_NODES.sub("", str(error)).splitlines()]
    lines = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    line = lines[0] if lines else "no message"
    return line if len(line) <= most else line[: most - 1] + "…"


_NO_ROOM = re.compile("No space left on device|Disk quota exceeded|Read-only file system|No usable temporary directory")


def is_no_room(error: BaseException) -> bool:
    """Return True if an error, or one that led to it, says that a file could not be written: no space, or no folder.

    Args:
        error: Any error.

    Example:
        >>> is_no_room(OSError(28, "No space left on device"))
        True
    """
    # HDF5 says at first only that it cannot close the file.
    return any(_NO_ROOM.search(str(each)) for each in causes(error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
