"""Work on the kernel's main loop: handlers of the browser's messages, and long work in slices."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from workbook.labs.framework.stopping import stoppable

__all__ = ["IN_THE_MIDDLE", "PATIENCE", "Latest", "MainLoop"]


class MainLoop:
    """Runs functions on the loop of the cell that made this object.

    While a cell is running, JupyterLab may deliver a key press on a different thread. If the handler ran there, two
    threads would use the models and figures at once, so it is passed to the loop on which cells run. Without a loop
    (in a script or a test) the function runs at once.
    """

    def __init__(self) -> None:
        """Keep the loop and the context of the cell that is running, if there is one."""
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        # In this context, the output of a handler appears under the cell that made the panel.
        self._context = contextvars.copy_context()

    def __call__(self, function: Callable[..., object], *arguments: Any, delay: float = 0.0) -> None:
        """Run the function on the main loop after a delay in seconds, or at once if there is no loop.

        May be called from any thread.
        """
        loop = self._loop
        if loop is None or loop.is_closed():
            function(*arguments)
        else:
            # `call_later` is not thread-safe, so it is called on the loop's own thread.
            run = functools.partial(loop.call_later, delay, function, *arguments, context=self._context)
            loop.call_soon_threadsafe(run if delay else functools.partial(function, *arguments), context=self._context)


PATIENCE = 1.0
"""Seconds for which work without a picture may continue after a newer value has arrived."""

IN_THE_MIDDLE = 0.0
"""The pause after a slice that leaves something unfinished: newer work takes over only after `PATIENCE`."""


class Latest:
    """Runs one piece of work at a time on the main loop, in slices; the newest takes over between two slices.

    Nothing queues up: if a slider moves while work is in progress, only its latest value is worked on. If every new
    value stopped the current work, nothing would be shown while a key is held down. So work may continue to its first
    picture, unless that takes long.

    Args:
        on_error: Called with an exception that the work did not handle, which would otherwise be seen only in a log;
            with a KeyboardInterrupt if the work was stopped.

    Example:
        >>> def work():
        ...     yield IN_THE_MIDDLE
        >>> Latest(print).start(work())
    """

    def __init__(self, on_error: Callable[[Exception | KeyboardInterrupt], None]) -> None:
        self._on_error = on_error
        self._on_main_loop = MainLoop()
        self._lock = threading.Lock()
        self._newest: Iterator[float] | None = None
        self._current: Iterator[float] | None = None
        self._since = 0.0
        self._in_the_middle = False

    def start(self, work: Iterator[float]) -> None:
        """Begin with new work soon. May be called from any thread.

        Args:
            work: Yields, after each slice, the seconds to wait until the next, or `IN_THE_MIDDLE`.
        """
        with self._lock:
            self._newest = work
        self._on_main_loop(self._take_over, work)

    def run_now(self, work: Iterator[float]) -> None:
        """Do all of the work before returning.

        Args:
            work: As for `start`; its pauses are ignored.
        """
        self._newest = self._current = work
        while self._slice() is not None:
            pass

    def _take_over(self, work: Iterator[float]) -> None:
        """Replace the current work with the newest, if the current work may be stopped."""
        if work is not self._newest or work is self._current:
            return
        busy = self._current is not None and self._in_the_middle
        if busy and time.monotonic() - self._since < PATIENCE:
            return  # checked again after the next slice of the current work
        if self._current is not None:
            self._current.close()
        self._current, self._since, self._in_the_middle = work, time.monotonic(), True
        self._advance(work)

    def _advance(self, work: Iterator[float]) -> None:
        """Do a slice of the current work, and arrange for the next one."""
        while work is self._current:
            pause = self._slice()
            self._in_the_middle = pause == IN_THE_MIDDLE
            newest = self._newest
            if newest is not None and newest is not work:
                self._take_over(newest)
            if pause is None or work is not self._current:
                return
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                continue
            loop.call_later(pause, self._advance, work)
            return

    def _slice(self) -> float | None:
        """Do one slice; return the pause after it, or None if the work is done."""
        try:
            with stoppable():
                return next(self._current)
        except StopIteration:
            pass
        except (Exception, KeyboardInterrupt) as error:
            self._on_error(error)
        self._current = None
        return None
