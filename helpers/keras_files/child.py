"""The process in which a file is looked through and loaded for the first time: with limits, and watched.

It reads requests from its standard input and answers on its standard output. A request is a pair of frames, each eight
bytes of length and then its content: what is known of the file as JSON, and the file. The answer is one frame of JSON:
`{"refused": sentence}`, or `{"keras": name, "classes": names}`, after which the reader's classes are sent, pickled by
value, and `{"loaded": true}` or a refusal follows.

Where the system can fork, one process imports TensorFlow once and forks for every file; elsewhere each process takes
one file and ends.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import select
import struct
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from helpers.keras_files import refusal
from helpers.keras_files.refusal import Refusal, damaged, short_message, too_large
from helpers.text import causes, is_no_room

# Only there is a process that has imported TensorFlow, and not run anything, known to survive a fork.
FORKS = sys.platform == "linux"
IDLE_SECONDS = 120  # then a process that is kept ready ends, and gives back its memory
ACTED = 86  # exit code of a process that did something else than compute
_LENGTH = struct.Struct(">Q")


def send(stream: BinaryIO, content: bytes) -> None:
    """Write a frame."""
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def receive(stream: BinaryIO) -> bytes | None:
    """Read a frame; None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def main() -> None:
    """Answer requests until there are none."""
    source = sys.stdin.buffer.raw  # without a buffer, so that a fork finds what it has not read yet
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever else prints must not get between the answers
    from helpers import keras_compat
    from helpers.keras_files import archive, config, hdf5  # noqa: F401

    for name in keras_compat.GENERATIONS:
        if importlib.util.find_spec(name):  # Keras 2 may be missing
            importlib.import_module(name)

    send(answers, b'{"ready": true}')
    stream = _Unbuffered(source)
    while True:
        if FORKS and not select.select([source], [], [], IDLE_SECONDS)[0]:
            return
        request = receive(stream)
        content = receive(stream)
        if request is None or content is None:
            return
        if not FORKS:
            _answer(json.loads(request), content, stream, answers)
            return
        child = os.fork()
        if child == 0:
            _answer(json.loads(request), content, stream, answers)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == ACTED:
            send(answers, b'{"acted": true}')
        elif code:
            send(answers, json.dumps({"ended": code}).encode())


class _Unbuffered:
    """A stream that reads exactly what it is asked for."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def read(self, length: int) -> bytes:
        parts = []
        while length:
            part = self._raw.read(min(length, 1 << 20))
            if not part:
                break
            parts.append(part)
            length -= len(part)
        return b"".join(parts)


def _answer(request: Mapping[str, Any], content: bytes, stream: Any, answers: Any) -> None:
    name = request["name"]
    try:
        _set_limits()
        contents, inspection = inspect(name, content, request["own"], request["registered"])
        send(answers, json.dumps({"keras": contents.keras, "classes": sorted(inspection.used)}).encode())
        pickled = receive(stream)
        if pickled is None:
            os._exit(0)
        classes = _unpickled(pickled)
        _watch()
        _call(name, load_in_this_process(contents.keras, name, content, classes))
        send(answers, b'{"loaded": true}')
    except Refusal as refused:
        send(answers, json.dumps({"refused": str(refused)}).encode())
    except MemoryError:
        send(answers, json.dumps({"refused": str(too_large(name))}).encode())


def inspect(
    name: str, content: bytes, own: Mapping[str, Mapping[str, str]], registered: Mapping[str, list[str]]
) -> tuple[Any, Any]:
    """Compare a file with what it may hold and name; nothing of it is loaded.

    Args:
        name: Name of the file, for messages.
        content: Its bytes.
        own: For each Keras version, what the notebook has under a name; see `config.Inspection`.
        registered: For each Keras version, the names in its register of custom objects.

    Returns:
        What was read, and the inspection, which knows the classes that are used.

    Raises:
        Refusal: the file may not be loaded.
    """
    from helpers.keras_files import archive, config, hdf5

    old = hdf5.is_hdf5(name)
    try:
        archive.check_kind(name, content)
        contents = (hdf5 if old else archive).read(name, content)
        version = contents.keras
        if not importlib.util.find_spec(version):
            raise Refusal(
                f"{name} was written by Keras 2, which is not installed here: install it with `pip install tf-keras`, "
                "restart the kernel, and give the file again"
            )
        inspector = hdf5.LegacyInspection if old else config.Inspection
        inspection = inspector(name, version, own.get(version, {}), registered.get(version, []))
        inspection.check(contents.config)
    except RecursionError:
        raise damaged(name) from None
    return contents, inspection


def load_in_this_process(generation: str, name: str, content: bytes, classes: Mapping[str, Any]) -> Any:
    """Load a file that was looked through.

    Args:
        generation: Which Keras version wrote it.
        name: Name of the file, for messages.
        content: Its bytes.
        classes: The reader's own classes that it names, by the names under which Keras looks for them.

    Returns:
        The model.

    Raises:
        Refusal: Keras does not load it, or there is no room for it.
    """
    import tensorflow as tf

    keras = importlib.import_module(generation)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"model{Path(name).suffix.lower()}"
            path.write_bytes(content)
            options = {"custom_objects": dict(classes), "safe_mode": True}
            try:
                return keras.models.load_model(path, **options)
            except Exception:
                if path.suffix == ".keras":
                    raise
                # Keras 3 cannot read back a loss that was given as a text, such as "mse" (seen in 3.15).
                return keras.models.load_model(path, compile=False, **options)
    except Exception as error:
        if any(isinstance(each, (MemoryError, tf.errors.ResourceExhaustedError)) for each in causes(error)):
            raise too_large(name) from None
        if is_no_room(error):
            raise Refusal(
                f"{name} could not be unpacked ({short_message(error)}): make room on the disk, and give it again"
            ) from error
        raise Refusal(f"{generation} does not load {name}: {short_message(error)}") from error


def _call(name: str, model: Any) -> None:
    """Call a model once, as the reader will: the file of one that needs gigabytes for it may be small.

    An error is the reader's to see: perhaps the inputs that are made up here are not what the model takes.
    """
    import numpy as np
    import tensorflow as tf

    try:
        symbols = tf.nest.flatten(model.inputs)
        few = 64 if model.count_params() < 200_000 else 1
        inputs = [
            np.zeros([few if length is None and not axis else length or 8 for axis, length in enumerate(symbol.shape)])
            for symbol in symbols
        ]
        tensors = [tf.cast(each, symbol.dtype) for each, symbol in zip(inputs, symbols, strict=True)]
        model(tensors[0] if len(tensors) == 1 else tensors, training=False)
    except Exception as error:
        if any(isinstance(each, (MemoryError, tf.errors.ResourceExhaustedError)) for each in causes(error)):
            raise too_large(name) from None


def _unpickled(pickled: bytes) -> dict[str, Any]:
    """Make the reader's own classes; they come from the notebook, and not from the file."""
    import pickle

    return pickle.loads(pickled)


def _set_limits() -> None:
    with contextlib.suppress(ImportError):  # not on Windows, where the process that waits looks after memory and time
        import resource

        import psutil

        held = getattr(psutil.Process().memory_info(), "data", 0)
        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_CPU, 2 * refusal.MAX_SECONDS)  # of two cores
        _lower(resource.RLIMIT_FSIZE, 2 * refusal.MAX_UNPACKED)
        if held:
            _lower(resource.RLIMIT_DATA, held + refusal.MAX_MEMORY)


def _lower(kind: int, most: int) -> None:
    """Lower a limit, and the end to which it may be raised again."""
    import resource

    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


# -- a second guard ----------------------------------------------------------------------------------------------------

_ENDS = {
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen", "pty.spawn"),
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "ctypes.dlopen", "pickle.find_class"),
    *("code.__new__", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate"),
}
_CHANGES = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "shutil.rmtree", "shutil.copyfile", "shutil.move"}


def _watch() -> None:
    """End this process if it starts to do anything but compute: what a config names should never get that far.

    The hook stays for good, so this is for a process that ends after the file. See the table of audit events of Python.
    """
    known = {name.split(".")[0] for name in sys.modules}
    scratch = os.path.realpath(tempfile.gettempdir())

    def within_scratch(path: Any) -> bool:
        return isinstance(path, (str, bytes, os.PathLike)) and os.path.realpath(os.fsdecode(path)).startswith(scratch)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            bad = str(arguments[0]).split(".")[0] not in known
        elif event == "marshal.loads":  # what is imported lazily comes from its cache of byte code
            bad = not sys._getframe(1).f_code.co_filename.startswith("<frozen importlib")
        elif event == "open":
            path, mode, flags = (*arguments, None, None, None)[:3]
            writes = bool(set(str(mode or "")) & set("wxa+")) or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR))
            bad = writes and not isinstance(path, int) and not within_scratch(path)
        elif event in _CHANGES:
            within_an_open_folder = isinstance(arguments[-1], int) and arguments[-1] != -1
            bad = not within_an_open_folder and not within_scratch(arguments[0])
        else:
            bad = event in _ENDS
        if bad:
            os.write(2, f"stopped at {event} {arguments!r:.300}\n".encode())
            os._exit(ACTED)

    sys.addaudithook(hook)


if __name__ == "__main__":
    main()
