"""Parts of a lab that answers at once: a figure that stays, work that gives way, a panel that reads well at rest.

Drawing a new inline figure for every change of a control is slow, flickers and moves the page. Here one
figure is kept, only the artists that move are painted again, and the result replaces the bytes of one
Image widget.
"""

from __future__ import annotations

import asyncio
import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets
import traitlets
from PIL import Image

from workbook.labs.framework.scheduler import MainLoop

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

__all__ = ["PATIENCE", "Latest", "LiveFigure", "Panel", "Picture"]


PATIENCE = 0.3
"""Seconds for which work that has shown nothing yet is let go on when a newer value has come."""


class Latest:
    """Drives one piece of work at a time on the main loop, in slices; the newest takes over between two slices.

    Nothing queues up: of the values that a slider passes while work is under way, only the newest is worked on.
    But work that was stopped at every new value would show nothing as long as a key is held down. So it may go on
    to its first picture, unless that takes long.

    Args:
        on_error: Called with an exception that the work did not handle; it would vanish in a log otherwise.

    Example:
        >>> def work():
        ...     yield 0.0
        >>> Latest(print).start(work())
    """

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
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
            work: Yields, after each slice, the seconds to wait until the next. Zero says that it is in the middle of
                something, and should be let finish it.
        """
        with self._lock:
            self._newest = work
        self._on_main_loop(self._take_over, work)

    def run_now(self, work: Iterator[float]) -> None:
        """Do all of the work before returning.

        Args:
            work: As for `start`; its pauses are left out.
        """
        self._newest = self._current = work
        while self._slice() is not None:
            pass

    def _take_over(self, work: Iterator[float]) -> None:
        """Make the newest work the current one, if the current one may be stopped."""
        if work is not self._newest or work is self._current:
            return
        busy = self._current is not None and self._in_the_middle
        if busy and time.monotonic() - self._since < PATIENCE:
            return  # the current work looks again after its next slice
        if self._current is not None:
            self._current.close()
        self._current, self._since, self._in_the_middle = work, time.monotonic(), True
        self._advance(work)

    def _advance(self, work: Iterator[float]) -> None:
        """Do a slice of the current work, and see to what comes next."""
        while work is self._current:
            pause = self._slice()
            self._in_the_middle = pause == 0
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
            return next(self._current)
        except StopIteration:
            pass
        except Exception as error:
            self._on_error(error)
        self._current = None
        return None


class Picture(Protocol):
    """A figure that can be painted again quickly.

    Attributes:
        figure: Made once, without pyplot.
        moving: Artists that change all the time, marked as animated.
    """

    figure: Figure
    moving: list[Artist]

    def update(self, *numbers: Any, **details: Any) -> bool:
        """Take new numbers; say whether more than the moving artists has changed."""


class LiveFigure(ipywidgets.Image):
    """A picture in the browser that is painted again in a few milliseconds.

    Args:
        picture: Holds the figure, its moving artists and `update`, which says when more than those has changed.

    Example:
        >>> figure = LiveFigure(ThreeTestsPicture())
        >>> figure.show("There is nothing to see.", [], message="Nothing yet")
    """

    # The browser's side asks every widget with a tooltip for its description, which an image does not have.
    description = traitlets.Unicode("").tag(sync=True)

    def __init__(self, picture: Picture, **traits: Any) -> None:
        self._picture = picture
        self._background: Any = None
        super().__init__(format="png", **traits)

    def show(self, alt: str, *numbers: Any, **details: Any) -> None:
        """Paint new numbers and send them to the browser.

        Args:
            alt: The picture in words. The widget has no alternative text of its own; its tooltip becomes the
                title of the image, which screen readers read out where there is none.
            *numbers: Arguments of the picture's `update`.
            **details: Further arguments of the picture's `update`.
        """
        changed = self._picture.update(*numbers, **details)
        canvas = self._picture.figure.canvas
        if changed or self._background is None:
            canvas.draw()  # leaves out the moving artists, which are marked as animated
            self._background = canvas.copy_from_bbox(self._picture.figure.bbox)
        else:
            canvas.restore_region(self._background)
        for artist in self._picture.moving:
            artist.axes.draw_artist(artist)
        size = canvas.get_width_height(physical=True)
        image = Image.frombuffer("RGBA", size, canvas.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")
        buffer = io.BytesIO()
        image.save(buffer, "png", compress_level=1)  # higher levels cost more time than their bytes do
        with self.hold_sync():
            self.value = buffer.getvalue()
            self.tooltip = alt


class Panel(ipywidgets.VBox):
    """A panel whose cell keeps a picture and a sentence, for those who read the notebook where nothing runs."""

    def still(self) -> tuple[bytes, str]:
        """Return what stands for the panel where nothing runs: a PNG, and the sentence that says what it shows."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        picture, sentence = self.still()
        data = {**data, "image/png": base64.b64encode(picture).decode(), "text/plain": sentence}
        return data, {**metadata, "image/png": {"alt": sentence}}
