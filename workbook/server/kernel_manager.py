"""Keeps the kernels of a Jupyter server within the memory that it may take.

Where memory has a limit, as on Binder, the system ends a process when the sum of all goes beyond it, without a word
and often the very one that is at work. So the server makes room before that: it starts the kernel anew that has been
left alone for longest, and that kernel tells its reader so. Jupyter's own culling goes by time only, and a reader who
goes through seven notebooks in an hour has seven kernels before any of them counts as idle.
"""

from __future__ import annotations

import contextlib
import queue
from typing import Any

import psutil
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import PeriodicCallback
from traitlets import Integer

from workbook.server import memory

__all__ = ["RoomyKernelManager"]

MB = 1024 * 1024

# Sent to a kernel that was started anew: it speaks up when its reader comes back and runs a cell, whichever it is.
NOTICE = """\
def _tell(info, shell=get_ipython()):
    shell.events.unregister("pre_run_cell", _tell)
    print({sentence!r})
get_ipython().events.register("pre_run_cell", _tell)
"""

SENTENCE = (
    "This notebook was started anew to make room for another: memory is limited here to {limit:.1f} GB, and this one "
    "was not in use. Its variables are gone: choose Run, Run All Above Selected Cell, and go on."
)


class RoomyKernelManager(AsyncMappingKernelManager):
    """A kernel manager that starts idle kernels anew, those left alone longest first, when memory gets short.

    A kernel that runs a cell is left alone, and so is the one that was used last.

    Attributes:
        room: megabytes that are kept free for the kernel that is at work.
        worth: megabytes; a kernel that takes less is left alone, since little would be gained.
        interval: milliseconds between two looks. Importing TensorFlow takes 500 MB in some seconds.
    """

    room = Integer(600, config=True, help="Megabytes that are kept free for the kernel that is at work.")
    worth = Integer(150, config=True, help="Megabytes; a kernel that takes less is never started anew.")
    interval = Integer(1000, config=True, help="Milliseconds between two looks.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._looking = None

    async def start_kernel(self, *args: Any, **kwargs: Any) -> str:
        """Start a kernel, and from the first one on look after memory; arguments as Jupyter's own."""
        kernel_id = await super().start_kernel(*args, **kwargs)
        if self._looking is None and memory.limit() is not None:
            self._looking = PeriodicCallback(self.make_room, self.interval)
            self._looking.start()
        return kernel_id

    async def make_room(self) -> list[str]:
        """Start idle kernels anew until there is room again, or none is left that may be.

        Returns:
            The kernels that were started anew.
        """
        limit, done = memory.limit(), []
        while limit is not None and memory.used() > limit - self.room * MB:
            kernel_id = self.left_longest()
            if kernel_id is None or kernel_id in done:
                break
            self.log.warning("Memory is short: kernel %s, which was left alone longest, starts anew.", kernel_id)
            await self.restart_kernel(kernel_id, now=True)
            await self._leave_a_notice(kernel_id, SENTENCE.format(limit=limit / 1024**3))
            done.append(kernel_id)
        return done

    def left_longest(self) -> str | None:
        """Return the idle kernel that has been left alone for longest and is worth it, or None."""
        kernels = sorted(self.list_kernels(), key=lambda kernel: kernel["last_activity"])
        for kernel in kernels[:-1]:
            with contextlib.suppress(AttributeError, psutil.Error):  # it is ending just now
                provisioner = self.get_kernel(kernel["id"]).provisioner
                if kernel["execution_state"] == "idle" and memory.used(provisioner.pid) > self.worth * MB:
                    return kernel["id"]
        return None

    async def _leave_a_notice(self, kernel_id: str, sentence: str) -> None:
        """Have the kernel say the sentence at the next cell that it runs."""
        client = self.get_kernel(kernel_id).client()
        client.start_channels()
        try:
            # If it is not ready in time its reader is not told, but has room.
            with contextlib.suppress(RuntimeError, queue.Empty):
                await client.wait_for_ready(timeout=30)
                client.execute(NOTICE.format(sentence=sentence), silent=True, store_history=False)
                await client.get_shell_msg(timeout=10)
        finally:
            client.stop_channels()
