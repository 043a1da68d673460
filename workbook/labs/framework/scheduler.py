"""Handlers on the kernel's main loop, whatever thread the browser's message arrived on."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable
from typing import Any

__all__ = ["MainLoop"]


class MainLoop:
    """Runs functions on the loop of the cell that made this object.

    JupyterLab may deliver a key press on a thread of its own while a cell is running. A handler that touched models or
    figures there would do so from two threads at once, so it is handed over to the loop on which cells run. Without a
    loop (in a script or a test) the function runs at once.
    """

    def __init__(self) -> None:
        """Remember the loop and the context of the cell that is running, if one is."""
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        # What a handler prints then lands under the cell that made the panel.
        self._context = contextvars.copy_context()

    def __call__(self, function: Callable[..., object], *arguments: Any, delay: float = 0.0) -> None:
        """Run the function on the main loop after a delay in seconds, or at once if there is no loop.

        May be called from any thread.
        """
        loop = self._loop
        if loop is None or loop.is_closed():
            function(*arguments)
        else:
            # Only the soonest of calls may come from another thread, so a later one is made from there.
            run = functools.partial(loop.call_later, delay, function, *arguments, context=self._context)
            loop.call_soon_threadsafe(run if delay else functools.partial(function, *arguments), context=self._context)
