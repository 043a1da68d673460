"""The one error of this package, and the limits that it speaks of."""

from __future__ import annotations

import re

MAX_BYTES = 200_000_000  # of a file; a larger one would leave a free host no room for a second model
MAX_UNPACKED = 400_000_000  # bytes of all members, and of all weights
MAX_CONFIG = 8_000_000  # bytes; a model of a thousand layers has one million
MAX_MEMBERS = 5_000
MAX_WEIGHTS = 20_000  # groups and arrays in the file of weights
MAX_LAYERS = 4_000
MAX_OBJECTS = 100_000  # layers, initializers, dtype policies, ...
MAX_DEPTH = 100  # of lists and dictionaries in each other
MAX_SECONDS = 60  # to look through a file and load it once
MAX_MEMORY = 3 * MAX_UNPACKED  # bytes meanwhile: the weights, those of the optimizer, and what is needed to read them


class Refusal(ValueError):
    """Something that cannot be taken, in one sentence that says what to do.

    Args:
        sentence: What is wrong, a colon, and what to do.
    """

    def __init__(self, sentence: str) -> None:
        # It quotes names out of files: lone surrogates, which no notebook can send, line breaks, marks that turn text.
        printable = "".join(letter if letter.isprintable() else "?" for letter in sentence)
        # A message of Keras that is quoted at the end may have no full stop.
        super().__init__(f"{printable.rstrip('.: ')}.")


def too_large(name: str) -> Refusal:
    """Return the refusal of a file that is too large, or needs too much to be loaded."""
    return Refusal(
        f"{name} is larger than {MAX_BYTES // 1_000_000} MB, or asks for more memory than a file of that size needs: "
        "load it yourself, and give a smaller model of the same classes"
    )


def damaged(name: str, what: str = "") -> Refusal:
    """Return the refusal of a file of which something cannot be read."""
    return Refusal(f"{name} is damaged{what and f' ({what} cannot be read)'}: copy or save it again")


def short_message(error: BaseException) -> str:
    r"""Return what an error says in a line.

    Args:
        error: The error.

    Returns:
        Its class and its first line that says something, at most 200 letters of it.

    Example:
        >>> short_message(ValueError("Exception encountered when calling Dense.call().\n\nToo wide."))
        'ValueError: Too wide.'
    """
    text = re.sub(r"\x1b\[[0-9;]*m| at 0x[0-9a-f]+", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["(no message)"]
    # Keras 3 says first where it was, and only then what went wrong.
    telling = [line for line in lines if not line.startswith(("Exception encountered", "Arguments received"))]
    return f"{type(error).__name__}: {(telling or lines)[0][:200]}"
