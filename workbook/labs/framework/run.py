"""Base classes of lab runs: work in short slices, with errors recorded as results.

The panel that drives a run may do other work between two slices, and abandons the run when the settings have changed.
Errors are recorded and shown, because readers learn from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbook import errors


@dataclass(frozen=True)
class Problem:
    """An error that a run raised, with a hint.

    Args:
        where: The step that raised, in words.
        error: The exception.

    Example:
        >>> Problem("Building the model", ValueError("no")).name
        'ValueError'
    """

    where: str
    error: Exception

    @property
    def name(self) -> str:
        """Name of the exception's class."""
        return type(self.error).__name__

    @property
    def message(self) -> str:
        """The message, without terminal colours and without the made-up module name of the model."""
        return errors.readable(self.error)

    @property
    def hint(self) -> str:
        """A hint on the error, in one sentence."""
        return errors.hint_for(self.error)


@dataclass(frozen=True)
class Stage:
    """The next step of a run.

    Args:
        text: The step in words, for a reader.
        pictured: Whether there are new numbers to draw.
        preview: Whether a fuller picture follows at once, so that there is no verdict yet.

    Example:
        >>> Stage("building the model").pictured
        False
    """

    text: str
    pictured: bool = False
    preview: bool = False


class Run:
    """One run of a lab with given settings. Each lab derives a class that defines the stages and the verdict.

    Args:
        settings: The settings of the lab.

    Attributes:
        problems: The errors so far.
        finished: Whether the last stage is done.
    """

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.problems: list[Problem] = []
        self.finished = False

    @property
    def verdict(self) -> str:
        """One sentence on the results so far."""
        raise NotImplementedError

    @property
    def source(self) -> str:
        """The Python source of the run, for a reader to copy."""
        raise NotImplementedError

    def stages(self) -> Iterator[Stage]:
        """Run to the end, slice by slice.

        Yields:
            The next stage. Its slice runs when the iterator is advanced.
        """
        raise NotImplementedError

    def attempt(self, where: str, action: Callable[[], Any]) -> bool:
        """Call a function, and record the error if it raises one.

        Args:
            where: The step in words; the message continues with "raised".
            action: The function.

        Returns:
            True if the call succeeded. Otherwise the error is the last of `problems`.
        """
        try:
            action()
        except Exception as error:
            # The traceback would keep every tensor of the failed run alive.
            self.problems.append(Problem(where, error.with_traceback(None)))
            return False
        return True
