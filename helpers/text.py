"""Phrases that several modules use: a list of words, a distance."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["digits", "listed"]


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
