"""Starts the process that looks through files, keeps it ready, and ends one that takes too long or too much."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from helpers.keras_files import child, refusal
from helpers.keras_files.refusal import Refusal, too_large

_COMMAND = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from helpers.keras_files import child
child.main()
"""
_START_SECONDS = 120  # to import TensorFlow and both Keras versions on a slow computer
_LOOK_SECONDS = 0.05


class Process:
    """A process of its own that takes one file after another.

    Example:
        >>> with Process() as process:                                     # doctest: +SKIP
        ...     process.try_file("model.keras", content, {}, {}, lambda keras, names: pickle.dumps({}))
        ('keras', [])
    """

    def __init__(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        environment = {
            **os.environ,
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._scratch.name),
            "CUDA_VISIBLE_DEVICES": "-1",
            "KERAS_BACKEND": "tensorflow",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self._popen = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, json.dumps([path or os.getcwd() for path in sys.path])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._ready = False

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: Any) -> None:
        self.end()

    @property
    def alive(self) -> bool:
        """Whether it can take another file."""
        return self._popen.poll() is None

    def _read(self) -> None:
        while True:
            answer = child.receive(self._popen.stdout)
            self._answers.put(answer)
            if answer is None:
                return

    def end(self) -> None:
        """End it, and what it started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in [*psutil.Process(self._popen.pid).children(recursive=True), self._popen]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        for stream in (self._popen.stdin, self._popen.stdout):
            with contextlib.suppress(OSError, ValueError):
                stream.close()
        self._popen.wait()
        self._scratch.cleanup()

    def try_file(
        self,
        name: str,
        content: bytes,
        own: Mapping[str, Mapping[str, str]],
        registered: Mapping[str, list[str]],
        pickled: Callable[[str, list[str]], bytes],
    ) -> tuple[str, list[str]]:
        """Look through a file and load it there.

        Args:
            name: Name of the file, for messages.
            content: Its bytes.
            own: For each Keras version, what the notebook has under a name; see `config.Inspection`.
            registered: For each Keras version, the names in its register of custom objects.
            pickled: Called with the Keras version and the names of the reader's classes that the file uses; returns
                them, pickled.

        Returns:
            Which Keras version wrote the file, and the names of the reader's classes that it uses.

        Raises:
            Refusal: the file is refused, or the process died of it, or took too long.
        """
        until = time.monotonic() + _START_SECONDS
        while not self._ready:
            self._ready = "ready" in self._answer(name, until)
        until = time.monotonic() + refusal.MAX_SECONDS
        request = {"name": name, "own": own, "registered": registered}
        try:
            child.send(self._popen.stdin, json.dumps(request).encode())
            child.send(self._popen.stdin, content)
            looked = self._answer(name, until)
            try:
                classes = pickled(looked["keras"], looked["classes"])
            except Refusal:
                self.end()  # it waits for them, and would take the next file for them
                raise
            child.send(self._popen.stdin, classes)
            self._answer(name, until)
        except (BrokenPipeError, OSError):
            raise _died(name) from None
        return looked["keras"], looked["classes"]

    def _answer(self, name: str, until: float) -> dict[str, Any]:
        """Wait for an answer, and look after time and memory meanwhile: not every system has limits."""
        while True:
            try:
                answer = self._answers.get(timeout=_LOOK_SECONDS)
                break
            except queue.Empty:
                if time.monotonic() > until:
                    self.end()
                    raise Refusal(
                        f"{name} takes more than {refusal.MAX_SECONDS} seconds to look through and load: load it "
                        "yourself, and give the model"
                    ) from None
                if self._memory() > refusal.MAX_MEMORY + _IMPORTED:
                    self.end()
                    raise too_large(name) from None
        if answer is None:
            self.end()
            raise _died(name)
        told = json.loads(answer)
        if "refused" in told:
            raise Refusal(told["refused"])
        if "acted" in told:
            raise Refusal(
                f"{name} does more than compute while it is loaded, so it was stopped: take a file that model.save "
                "made, or load it yourself if you trust it"
            )
        if "ended" in told:
            self.end()  # the one that died may have left a frame unread
            raise _died(name)
        return told

    def _memory(self) -> int:
        try:
            return max(each.memory_info().rss for each in self._family())
        except (psutil.NoSuchProcess, ValueError):
            return 0

    def _family(self) -> list[psutil.Process]:
        process = psutil.Process(self._popen.pid)
        return [process, *process.children(recursive=True)]


_IMPORTED = 1_000_000_000  # bytes that TensorFlow and both Keras versions take at most, once they are imported


def _died(name: str) -> Refusal:
    return Refusal(
        f"{name} ended the process in which it was tried, or asks for more memory than a file of that size needs: load "
        "it yourself, and give a smaller model of the same classes"
    )


_lock = threading.Lock()
_kept: list[Process] = []


@contextlib.contextmanager
def kept_ready() -> Any:
    """Yield a process that has imported what it needs, if one is kept; otherwise a new one, which is then kept."""
    with _lock:
        while _kept and not _kept[0].alive:
            _kept.pop().end()
        process = _kept.pop() if _kept else Process()
    try:
        yield process
    except BaseException as error:
        # After anything but a refusal nobody knows what it still has to say.
        if not isinstance(error, Refusal) or not process.alive:
            process.end()
            raise
        _keep(process)
        raise
    _keep(process)


def _keep(process: Process) -> None:
    with _lock:
        if child.FORKS and not _kept and process.alive:
            _kept.append(process)
            return
    process.end()


def end_kept() -> None:
    """End the process that is kept ready, if there is one."""
    with _lock:
        while _kept:
            _kept.pop().end()
