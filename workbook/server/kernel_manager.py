"""Keep the kernels of a Jupyter server within the memory that the session may use.

If memory is limited, as on Binder, the system kills a process when the total exceeds the limit, without warning, and
often the busy one. To prevent that, the server restarts the kernel that has been idle longest, and that kernel explains
the restart to its reader. Jupyter's own culling considers only time: a reader who opens seven notebooks in an hour has
seven kernels before any of them counts as idle.
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

__all__ = ["MemoryLimitedKernelManager"]

MB = 1024 * 1024

# Run in a restarted kernel: prints the sentence when its reader comes back and runs any cell.
NOTICE = """\
def _print_notice(info, shell=get_ipython()):
    shell.events.unregister("pre_run_cell", _print_notice)
    print({sentence!r})
get_ipython().events.register("pre_run_cell", _print_notice)
"""

SENTENCE = (
    "The kernel of this notebook was restarted to free memory for another notebook: memory is limited here to "
    "{limit:.1f} GB, and this notebook was not in use. Its variables are gone: choose Run, Run All Above Selected "
    "Cell, and go on."
)


class MemoryLimitedKernelManager(AsyncMappingKernelManager):
    """A kernel manager that restarts idle kernels, the least recently used first, when memory gets short.

    It never restarts a kernel that is running a cell, or the one that was used last.

    Attributes:
        headroom_mb: Megabytes that are kept free for the kernel that is running.
        min_reclaim_mb: Megabytes; a kernel that uses less is not restarted, because that would free too little.
        interval: Milliseconds between two checks. Importing TensorFlow takes 500 MB in some seconds.
    """

    headroom_mb = Integer(600, config=True, help="Megabytes that are kept free for the kernel that is running.")
    min_reclaim_mb = Integer(150, config=True, help="Megabytes; a kernel that uses less is never restarted.")
    interval = Integer(1000, config=True, help="Milliseconds between two checks.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._timer = None

    async def start_kernel(self, *args: Any, **kwargs: Any) -> str:
        """Start a kernel, and begin to check memory; the arguments are those of Jupyter's manager."""
        kernel_id = await super().start_kernel(*args, **kwargs)
        if self._timer is None and memory.limit() is not None:
            self._timer = PeriodicCallback(self.reclaim_memory, self.interval)
            self._timer.start()
        return kernel_id

    async def reclaim_memory(self) -> list[str]:
        """Restart idle kernels until there is enough free memory or no kernel is left that may be restarted.

        Returns:
            The ids of the kernels that were restarted.
        """
        limit, restarted = memory.limit(), []
        while limit is not None and self.memory_is_short():
            kernel_id = self.least_recently_used()
            if kernel_id is None or kernel_id in restarted:
                break
            self.log.warning("Memory is short: restarting kernel %s, the least recently used.", kernel_id)
            await self.restart_kernel(kernel_id, now=True)
            await self._leave_a_notice(kernel_id, SENTENCE.format(limit=limit / 1024**3))
            restarted.append(kernel_id)
        return restarted

    def memory_is_short(self) -> bool:
        """Return True if memory is limited and less than the headroom is free."""
        limit = memory.limit()
        return limit is not None and memory.used() > limit - self.headroom_mb * MB

    def least_recently_used(self) -> str | None:
        """Return the idle kernel that was used least recently and is large enough to restart, or None."""
        kernels = sorted(self.list_kernels(), key=lambda kernel: kernel["last_activity"])
        for kernel in kernels[:-1]:
            with contextlib.suppress(AttributeError, psutil.Error):  # the kernel is shutting down
                provisioner = self.get_kernel(kernel["id"]).provisioner
                large = memory.used(provisioner.pid) > self.min_reclaim_mb * MB
                if kernel["execution_state"] == "idle" and large:
                    return kernel["id"]
        return None

    async def _leave_a_notice(self, kernel_id: str, sentence: str) -> None:
        """Make the kernel print the sentence at the next cell that it runs."""
        client = self.get_kernel(kernel_id).client()
        client.start_channels()
        try:
            # If the kernel is not ready in time, its reader gets no notice, but the memory is free.
            with contextlib.suppress(RuntimeError, queue.Empty):
                await client.wait_for_ready(timeout=30)
                client.execute(NOTICE.format(sentence=sentence), silent=True, store_history=False)
                await client.get_shell_msg(timeout=10)
        finally:
            client.stop_channels()
