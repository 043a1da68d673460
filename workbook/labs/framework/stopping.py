"""The stop button, for work that a button or a slider has started."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["stoppable"]


@contextmanager
def stoppable() -> Iterator[None]:
    """Let the stop button raise a KeyboardInterrupt in the block; the caller must catch it.

    Jupyter's kernel ignores the stop button unless a cell is running, and the work of a panel also runs between cells.
    There, an interrupt that nobody catches would end the kernel.

    Raises:
        KeyboardInterrupt: The stop button was pressed. A second press does what it would do outside of the block.

    Example:
        >>> with stoppable():
        ...     total = sum(range(10))
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
