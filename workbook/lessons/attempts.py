"""Checks of code that may never end: a notice after a while, a sentence after the stop button, and no second hang.

A learner's function runs inside the check of an exercise, and its loop may have no end. Code that had to be stopped is
remembered, so that *Run All* does not begin it again by itself.
"""

from __future__ import annotations

import contextvars
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from workbook.labs.framework.stopping import stoppable
from workbook.lessons import progress
from workbook.lessons.quiz import Exercise, Feedback, Outcome, explain_stop

__all__ = ["PATIENCE", "STILL_RUNNING", "Attempt", "code_of_cell", "notice_after"]

PATIENCE = 20.0
"""Seconds after which a learner is advised to stop their code."""

STILL_RUNNING = "Still running: press the stop button (■), then look at your loop."

NOT_RUN = Feedback(
    Outcome.NOT_RUN,
    "The last time, this code was still running when it was stopped. Change it and run the cell again. If it was only "
    "slow, press *Run it all the same*.",
)

_stopped: set[tuple[str, str]] = set()  # for a kernel that stores no progress: keys with the digests of the code


def code_of_cell() -> str:
    """Return the source of the cell that is running, or an empty text outside of a notebook."""
    import IPython

    parent = getattr(IPython.get_ipython(), "get_parent", dict)()
    return str(parent.get("content", {}).get("code", ""))


@contextmanager
def notice_after(seconds: float, show: Callable[[], None]) -> Iterator[None]:
    """Call `show` once, on a different thread, if the block is still running after some seconds.

    Example:
        >>> with notice_after(20, lambda: print("Still running")):
        ...     total = sum(range(10))
    """
    # In this context, the output of `show` appears under the cell that is running.
    timer = threading.Timer(seconds, contextvars.copy_context().run, (show,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # `show` may have begun


class Attempt:
    """A learner's answer to an exercise, with the code of its cell.

    Args:
        exercise: The exercise.
        answer: The learner's answer.
        code: The source of the learner's cell; if it is empty, nothing is remembered.
    """

    def __init__(self, exercise: Exercise, answer: Any, code: str) -> None:
        self.exercise, self.answer = exercise, answer
        self._digest = hashlib.sha256(code.strip().encode("utf-8", "replace")).hexdigest()[:16] if code else ""

    @property
    def was_stopped(self) -> bool:
        """Whether the same code was still running when it, or its kernel, was stopped."""
        if not self._digest:
            return False
        earlier = progress.entry(self.exercise.key)
        stored = earlier is not None and earlier.outcome is Outcome.STOPPED and earlier.answer == self._digest
        return stored or (self.exercise.key, self._digest) in _stopped

    def judge(self, notice: Callable[[str], None], patience: float = PATIENCE) -> tuple[Feedback, str]:
        """Run the checks, and store how the answer was graded.

        Args:
            notice: Shows a sentence while the checks are running. It is called on a different thread.
            patience: Seconds after which it is called.

        Returns:
            The feedback; and a sentence that says why it could not be stored, or an empty text.
        """

        def still_running() -> None:
            notice(STILL_RUNNING)
            self._note(Feedback(Outcome.STOPPED))  # the learner may restart the kernel instead

        try:
            with stoppable(), notice_after(patience, still_running):
                feedback = self.exercise.check(self.answer)
        except KeyboardInterrupt as error:
            feedback = Feedback(Outcome.STOPPED, explain_stop(error))
        return feedback, self._note(feedback)

    def _note(self, feedback: Feedback) -> str:
        stopped = feedback.outcome is Outcome.STOPPED
        (_stopped.add if stopped and self._digest else _stopped.discard)((self.exercise.key, self._digest))
        return progress.note(self.exercise.key, feedback, self._digest if stopped else None) or ""
