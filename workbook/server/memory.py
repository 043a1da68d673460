"""The memory that a session may use, and the memory that it uses."""

import contextlib
import os
from pathlib import Path

import psutil

__all__ = ["free", "limit", "used"]

# The files in which Linux keeps the memory limit of a container, for control groups version 2 and 1.
_CONTROL_GROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limit() -> int | None:
    """Return the memory limit of this session in bytes, or None if it has no limit of its own.

    JupyterHub, and therefore Binder, passes the limit in the environment variable MEM_LIMIT. Other containers have it
    in a file.

    Example:
        >>> limit()   # doctest: +SKIP
        2147483648
    """
    texts = [os.environ.get("MEM_LIMIT", "")]
    for file in _CONTROL_GROUPS:
        with contextlib.suppress(OSError):
            texts.append(Path(file).read_text(encoding="ascii"))
    # Without a limit the files contain "max", or a number larger than the memory of any computer.
    limits = [int(text) for text in texts if text.strip().isdecimal()]
    return next((each for each in limits if 0 < each < psutil.virtual_memory().total), None)


def used(pid: int | None = None) -> int:
    """Return the bytes that a process and its descendants use; memory that they share counts once.

    Args:
        pid: Number of the process. Default: this one.

    Returns:
        On Linux the sum of the proportional set sizes. Elsewhere shared memory counts once for each process.

    Raises:
        psutil.NoSuchProcess: If there is no such process.

    Example:
        >>> used() > 0
        True
    """
    process = psutil.Process(pid)
    return sum(_own(each) for each in [process, *process.children(recursive=True)])


def free() -> int:
    """Return the bytes that are still free: within the limit if there is one, and on the computer.

    Raises:
        psutil.NoSuchProcess: If the server that started this kernel has ended; its kernels share the limit.

    Example:
        >>> free() > 0
        True
    """
    available, most = psutil.virtual_memory().available, limit()
    if most is None:
        return available
    server = os.environ.get("JPY_PARENT_PID", "")
    return max(0, min(available, most - used(int(server) if server.isdecimal() else None)))


def _own(process: psutil.Process) -> int:
    """Return the bytes of one process; 0 if it has ended in the meantime or belongs to another user."""
    with contextlib.suppress(psutil.Error):
        full = process.memory_full_info()
        return getattr(full, "pss", full.rss)
    return 0
