"""Keep one kernel ready in which the imports of the notebooks are done, and hand it to the next notebook.

Most of the time of a notebook's first cell goes into importing TensorFlow and both Keras versions. The server does that
in advance, in a kernel that no list shows. The notebook that gets it cannot tell it from a new one, because it has
imported other people's packages and done nothing else. It has not imported `helpers` and `workbook`: they load in a
moment, a reader may change them, and `import workbook` adds `%both` to the notebook that imports it.

A kernel that is restarted starts anew, without preparation.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.session import Session
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from tornado.ioloop import IOLoop, PeriodicCallback
from traitlets import Bool, Integer, List, Unicode, default

from workbook.server import memory
from workbook.server.kernel_manager import MB, MemoryLimitedKernelManager

__all__ = ["PreparableKernel", "PreparingKernelManager"]

SESSION = "JPY_SESSION_NAME"
"""The environment variable in which the server tells a kernel the path of its notebook."""

# As `workbook.quiet_tensorflow` imports: with Keras on TensorFlow, and without TensorFlow's log lines, which go to file
# descriptor 2. If the reader's own KERAS_BACKEND is different, `quiet_tensorflow` says so, so it is put back.
IMPORT = """
import importlib, os
own = os.environ.get("KERAS_BACKEND")
os.environ["KERAS_BACKEND"] = "tensorflow"
saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 2)
try:
    for package in {packages!r}:
        importlib.import_module(package)
finally:
    os.dup2(saved, 2)
    os.close(saved)
    os.close(nowhere)
    del os.environ["KERAS_BACKEND"]
    if own is not None:
        os.environ["KERAS_BACKEND"] = own
"""

# What Jupyter and IPython set when a kernel starts in the folder of its notebook. Packages that only this notebook
# imports follow when the kernel has answered, while the reader reads the first lines.
MOVE = """
import contextlib, os, pathlib
from IPython import get_ipython
from tornado.ioloop import IOLoop
shell = get_ipython()
os.chdir({folder!r})
os.environ[{session!r}] = {notebook!r}
shell.user_ns["__session__"] = shell.user_ns_hidden["__session__"] = {notebook!r}
shell.starting_dir = os.getcwd()
shell.history_manager.dir_hist[:] = [pathlib.Path.cwd()]
def go_on():
    with contextlib.suppress(Exception):  # the first cell imports them too, and shows the error
        exec({further!r}, {{}})
IOLoop.current().add_callback(go_on)
"""


class PreparableKernel(ServerKernelManager):
    """A kernel that can be started, and import packages, before a notebook asks for it.

    Attributes:
        waiting: Whether it was started in advance and no notebook has got it yet.
        prepared: Whether everything is imported.
        environment: The environment variables with which it was started in advance.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.waiting = False
        self.prepared = False
        self.environment: dict[str, str] = {}
        self._requests: Any = None  # the connection on which this server asks the kernel to import and to move
        self._move = ""  # the request to move
        self._restarts_by_itself = self.autorestart

    @property
    def alive(self) -> bool:
        """Whether the kernel runs and can be asked for something."""
        process = getattr(self.provisioner, "process", None)
        return process is not None and process.poll() is None and self._requests is not None

    async def prepare(self, packages: Sequence[str], environment: dict[str, str], **kwargs: Any) -> None:
        """Start the kernel and import packages in it, until all are imported or a notebook gets the kernel.

        Args:
            packages: Their names, the most important first.
            environment: The environment variables of the kernel.
            **kwargs: Other arguments of `start_kernel`.

        Raises:
            RuntimeError: If the kernel ended, or a package cannot be imported.
        """
        self.waiting, self.environment = True, environment
        self.autorestart = False  # a kernel that ends while it waits is not wanted again
        await super().start_kernel(env=environment, **kwargs)
        # With a session of its own: a kernel does not hear the second of two connections of one session.
        self._requests = self.client(session=Session(config=self.session.config, key=self.session.key))
        self._requests.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            for package in packages:
                await self._answer(self._ask(IMPORT.format(packages=[package])))
                if not self.waiting:
                    await self._finish_move()
                    return
            self.prepared = True
        finally:
            if not self.prepared:
                self._requests.stop_channels()

    async def start_kernel(self, **kwargs: Any) -> None:
        """Start the kernel or, if it waits, move it to the notebook that gets it."""
        if not self.waiting:
            await super().start_kernel(**kwargs)
            return
        folder, notebook = str(kwargs["cwd"]), kwargs["env"][SESSION]
        self.waiting = False
        self.resume()
        self._launch_args = {**(self._launch_args or {}), "cwd": folder, "env": kwargs["env"]}  # for a restart
        self.provisioner.cwd = folder
        self.autorestart = self._restarts_by_itself
        # A kernel that is still importing gets this before anything from the notebook, which can connect only now.
        further = IMPORT.format(packages=packages_of(notebook))
        self._move = self._ask(MOVE.format(folder=folder, session=SESSION, notebook=notebook, further=further))
        if self.prepared:
            try:
                await self._finish_move()
            except RuntimeError as error:
                self.log.warning("The prepared kernel cannot be used (%s): starting it anew.", error)
                await self.restart_kernel(now=True)
            self._requests.stop_channels()
        self.start_restarter()

    async def _finish_move(self) -> None:
        """Wait until the kernel has moved, and write the path of its notebook into its connection file."""
        await self._answer(self._move)
        # Not before: a kernel that is still starting has yet to read the file.
        self.cleanup_connection_file()
        self.write_connection_file(jupyter_session=self._launch_args["env"][SESSION])

    async def discard(self) -> None:
        """End a kernel that waits."""
        if self._requests is not None:
            self._requests.stop_channels()
        if self.has_kernel:
            await self.shutdown_kernel(now=True)

    def pause(self) -> None:
        """Stop the process while it imports."""
        if self.alive and self.waiting and not self.prepared:
            with contextlib.suppress(psutil.Error):
                psutil.Process(self.provisioner.pid).suspend()

    def resume(self) -> None:
        """Let the process go on."""
        if self.alive:
            with contextlib.suppress(psutil.Error):
                psutil.Process(self.provisioner.pid).resume()

    def _ask(self, source: str) -> str:
        """Ask the kernel to run a program so that nothing of it stays in the notebook; return the request's id."""
        return self._requests.execute(f"exec({source!r}, {{}})", silent=True, store_history=False, stop_on_error=False)

    async def _answer(self, request: str) -> None:
        """Wait for the answer to a request.

        Raises:
            RuntimeError: If the program failed, or the kernel ended.
        """
        answer = asyncio.ensure_future(self._reply(request))
        ended = asyncio.ensure_future(_end_of(self.provisioner.process))
        try:
            await asyncio.wait({answer, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise RuntimeError("it ended")
        finally:
            answer.cancel()
            ended.cancel()
        content = answer.result()
        if content["status"] != "ok":
            raise RuntimeError(f"{content.get('ename')}: {content.get('evalue')}")

    async def _reply(self, request: str) -> dict[str, Any]:
        """Return the content of the answer to a request."""
        while True:
            message = await self._requests.get_shell_msg()
            if message["parent_header"].get("msg_id") == request:
                return message["content"]


class PreparingKernelManager(MemoryLimitedKernelManager):
    """A kernel manager that keeps one kernel ready for the next notebook of the workbook.

    It prepares the kernel when the server starts, and another one after a notebook has got it. It does so only while no
    other kernel works, and only if there is room: where memory is limited, everything together may then use half of it.
    It ends the kernel when memory gets short. A notebook that does not call `quiet_tensorflow` gets a new kernel,
    because it may want to set environment variables before TensorFlow is imported.

    Attributes:
        prepare: Whether to keep a kernel ready.
        prepared_packages: The packages that it imports, the most important first.
        prepared_mb: Megabytes that it takes.
        preparation: The task that prepares it, None before the first.
    """

    prepare = Bool(True, config=True, help="Whether to keep a kernel ready in which TensorFlow is imported.")
    prepared_packages = List(
        Unicode(),
        ["tensorflow", "keras", "tf_keras", "matplotlib.figure", "matplotlib.backends.backend_agg"],
        config=True,
        help="The packages that it imports, the most important first.",
    )
    prepared_mb = Integer(700, config=True, help="Megabytes that it takes.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._prepared: PreparableKernel | None = None
        self.preparation: asyncio.Future[None] | None = None
        self._no_room_with: list[str] | None = None  # the kernels that ran when there was no room for one more
        self._pacemaker = PeriodicCallback(self.look_after_prepared, self.interval)
        if self.prepare:
            IOLoop.current().add_callback(self._begin)

    @default("kernel_manager_class")
    def _default_kernel_manager_class(self) -> str:
        return f"{PreparableKernel.__module__}.{PreparableKernel.__name__}"

    def pre_start_kernel(self, kernel_name: str | None, kwargs: dict[str, Any]) -> tuple[Any, str, str]:
        """Return a kernel to start, or the one that waits; the arguments are those of Jupyter's manager."""
        kernel = self._prepared
        if kernel is None or not self._suits(kernel, kernel_name or self.default_kernel_name, kwargs):
            return super().pre_start_kernel(kernel_name, kwargs)
        self._prepared = None
        self.log.info("A notebook gets the prepared kernel: %s", kernel.kernel_id)
        return kernel, kernel.kernel_name, kernel.kernel_id

    async def start_kernel(self, *args: Any, **kwargs: Any) -> str:
        """Start a kernel, or take the one that waits; the arguments are those of Jupyter's manager."""
        kernel_id = await super().start_kernel(*args, **kwargs)
        self.get_kernel(kernel_id).observe(self._give_way, "execution_state")
        self._give_way()
        return kernel_id

    async def shutdown_all(self, now: bool = False) -> None:
        """End all kernels, and the one that waits."""
        self._pacemaker.stop()
        await self.end_prepared()
        await super().shutdown_all(now=now)

    async def reclaim_memory(self) -> list[str]:
        """End the kernel that waits if memory is short; if that is not enough, do what the superclass does."""
        if self._prepared is not None and self.memory_is_short():
            await self.end_prepared()
        return await super().reclaim_memory()

    async def look_after_prepared(self) -> None:
        """Begin to prepare a kernel if it is time for it; end the one that waits if it has no more use or room."""
        if self._prepared is None:
            if not self._somebody_works() and self._has_room():
                self.preparation = asyncio.ensure_future(self._prepare())
        elif self.preparation is not None and self.preparation.done() and not self._prepared.alive:
            await self._give_up("it ended")
        elif psutil.virtual_memory().available < self.headroom_mb * MB:
            await self.end_prepared()

    async def end_prepared(self) -> None:
        """End the kernel that waits, if there is one."""
        kernel, self._prepared = self._prepared, None
        if kernel is None:
            return
        if self.preparation is not None:
            self.preparation.cancel()
            await asyncio.wait({self.preparation})
        await kernel.discard()

    async def _begin(self) -> None:
        self._pacemaker.start()
        await self.look_after_prepared()

    async def _prepare(self) -> None:
        """Prepare a kernel; if it cannot be prepared, try it never again."""
        kernel, _, kernel_id = super().pre_start_kernel(None, {})
        self._prepared = kernel
        try:
            await kernel.prepare(self.prepared_packages, dict(os.environ), cwd=self.root_dir, kernel_id=kernel_id)
            if kernel.prepared:
                self.log.info("A kernel is prepared: %s", kernel_id)
        except Exception as error:
            if self._prepared is kernel:
                self.preparation = None
                await self._give_up(str(error))

    async def _give_up(self, reason: str) -> None:
        """Prepare no more kernels: notebooks get new ones."""
        self.log.warning("The kernel that was to be ready cannot be used (%s). No other is prepared.", reason)
        self._pacemaker.stop()
        await self.end_prepared()

    def _suits(self, kernel: PreparableKernel, kernel_name: str, kwargs: dict[str, Any]) -> bool:
        """Return True if a new kernel that is started with these arguments would be the same as the one that waits."""
        if not kernel.alive or kernel.kernel_name != kernel_name or kwargs.keys() != {"cwd", "env"}:
            return False
        own, asked = ({**each, SESSION: ""} for each in (kernel.environment, kwargs["env"]))
        return own == asked and bool(packages_of(kwargs["env"].get(SESSION, "")))

    def _somebody_works(self) -> bool:
        """Return True if any kernel is busy or starting."""
        return any(self.get_kernel(each).execution_state in ("busy", "starting") for each in self.list_kernel_ids())

    def _give_way(self, change: object = None) -> None:
        """Pause the preparation while a kernel works."""
        if self._prepared is not None:
            if self._somebody_works():
                self._prepared.pause()
            else:
                self._prepared.resume()

    def _has_room(self) -> bool:
        """Return True if there is memory for one more kernel."""
        needed, limit = self.prepared_mb * MB, memory.limit()
        if psutil.virtual_memory().available < needed + self.headroom_mb * MB:
            return False
        if limit is not None:
            kernels = self.list_kernel_ids()
            if kernels == self._no_room_with:  # to add up the memory takes long; it is not done every second
                return False
            if memory.used() + needed > limit / 2:
                self._no_room_with = kernels
                return False
        return True


def packages_of(notebook: str) -> list[str]:
    """Return the packages that a notebook imports with `quiet_tensorflow`; none if it does not call it.

    Args:
        notebook: The path of the notebook.

    Example:
        >>> packages_of("missing.ipynb")
        []
    """
    with contextlib.suppress(OSError, ValueError):
        text = Path(notebook).read_bytes().decode("utf-8")
        if found := re.search(r"quiet_tensorflow\(([^)]*)\)", text):
            return re.findall(r"[\w.]+", found[1]) or ["tensorflow", "keras", "tf_keras"]
    return []


async def _end_of(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process."""
    while process.poll() is None:
        await asyncio.sleep(0.1)
