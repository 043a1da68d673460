"""How much memory a session may take, and how much it takes."""

import contextlib
import os
from pathlib import Path

import psutil

__all__ = ["free", "limit", "used"]

# Where Linux tells a container its limit, in the second and in the first generation of control groups.
_CONTROL_GROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limit() -> int | None:
    """Return the bytes beyond which the system ends processes of this session; None if only the computer sets an end.

    JupyterHub, and with it Binder, tells its users' servers in the environment variable MEM_LIMIT. Other containers
    are asked themselves.

    Example:
        >>> limit()   # doctest: +SKIP
        2147483648
    """
    texts = [os.environ.get("MEM_LIMIT", "")]
    for file in _CONTROL_GROUPS:
        with contextlib.suppress(OSError):
            texts.append(Path(file).read_text(encoding="ascii"))
    # Without a limit the files say "max", or a number that is larger than any computer.
    limits = [int(text) for text in texts if text.strip().isdecimal()]
    return next((each for each in limits if 0 < each < psutil.virtual_memory().total), None)


def used(pid: int | None = None) -> int:
    """Return the bytes that a process and all that it has started take; what processes share counts once.

    Args:
        pid: number of the process. Default: this one.

    Returns:
        On Linux the sum of the proportional set sizes. Elsewhere shared memory counts for each that uses it.

    Raises:
        psutil.NoSuchProcess: there is no such process.

    Example:
        >>> used() > 0
        True
    """
    process = psutil.Process(pid)
    return sum(_own(each) for each in [process, *process.children(recursive=True)])


def free() -> int:
    """Return the bytes that can still be taken: of the limit if there is one, and of what the computer has left.

    Raises:
        psutil.NoSuchProcess: the server that started this kernel, and whose kernels share the limit, has ended.

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
    """The bytes of one process, which may have ended in the meantime, or be another user's."""
    with contextlib.suppress(psutil.Error):
        full = process.memory_full_info()
        return getattr(full, "pss", full.rss)
    return 0
