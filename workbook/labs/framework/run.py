"""Base classes of lab runs: work in short slices, with errors recorded as results.

The panel that drives a run may do something else between two slices, and stops for good when the settings have
changed. What a run raises is recorded and shown, because readers learn from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbook import errors


@dataclass(frozen=True)
class Problem:
    """An error that a run raised, with what it teaches.

    Args:
        where: What was being done.
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
        """The real message, without terminal colours and without the invented module name of the model."""
        return errors.readable(self.error)

    @property
    def hint(self) -> str:
        """One sentence on what the error teaches."""
        return errors.hint_for(self.error)


@dataclass(frozen=True)
class Stage:
    """What a run does next.

    Args:
        text: In words, for a reader.
        pictured: Whether there are new numbers to draw.

    Example:
        >>> Stage("building the model").pictured
        False
    """

    text: str
    pictured: bool = False


class Run:
    """One run of a lab with certain settings. Each lab derives a class that defines the stages and the verdict.

    Args:
        settings: What to run.

    Attributes:
        problems: What was raised so far.
        finished: Whether the last stage is done.
    """

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.problems: list[Problem] = []
        self.finished = False

    @property
    def verdict(self) -> str:
        """One sentence on what the run has shown so far."""
        raise NotImplementedError

    @property
    def source(self) -> str:
        """The Python source of what is run, for a reader to copy."""
        raise NotImplementedError

    def stages(self) -> Iterator[Stage]:
        """Run to the end, slice by slice.

        Yields:
            What is done next; the slice runs when the next stage is asked for.
        """
        raise NotImplementedError

    def attempt(self, where: str, action: Callable[[], Any]) -> bool:
        """Do something that may raise.

        Args:
            where: What is being done, in words; the message continues with "raised".
            action: Does it.

        Returns:
            Whether it succeeded. If not, the error is the newest of `problems`.
        """
        try:
            action()
        except Exception as error:
            # The traceback would keep every tensor of the failed run alive.
            self.problems.append(Problem(where, error.with_traceback(None)))
            return False
        return True
