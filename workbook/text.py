"""Text that several modules share: labels of the Keras versions, articles, lists of words, distances."""

from __future__ import annotations

from helpers.text import digits as format_distance
from helpers.text import listed as join_words

__all__ = ["KERAS_VERSIONS", "format_distance", "join_words", "with_article"]

KERAS_VERSIONS = {"keras": "Keras 3", "tf_keras": "Keras 2"}
"""Both Keras versions, by the name of their package."""


def with_article(word: str) -> str:
    """Put the indefinite article before a word.

    Args:
        word: A word whose first letter decides, such as the name of a class.

    Returns:
        The article and the word.

    Example:
        >>> with_article("ValueError"), with_article("OSError")
        ('a ValueError', 'an OSError')
    """
    return f"{'an' if word[:1].lower() in tuple('aeiou') else 'a'} {word}"
