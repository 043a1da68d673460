"""Building blocks of a responsive lab: a figure that is updated in place, and a panel with a static fallback.

A new inline figure for every change of a control would be slow, flicker and move the page. Instead one figure is kept,
only the artists that move are repainted, and the result replaces the bytes of one Image widget.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from workbook.labs.framework.figure import Picture, Size

__all__ = ["LiveFigure", "Panel"]


class LiveFigure(ipywidgets.Image):
    """A picture in the browser that can be repainted in a few milliseconds.

    Args:
        picture: The figure, its moving artists, and `update`, which returns True if more than those has changed.

    Example:
        >>> figure = LiveFigure(ThreeTestsPicture())
        >>> figure.show("There is nothing to see.", [], message="Nothing yet")
    """

    # The browser code reads the description of every widget with a tooltip, and an ipywidgets Image has none.
    description = traitlets.Unicode("").tag(sync=True)

    def __init__(self, picture: Picture, **traits: Any) -> None:
        self._picture = picture
        self._frame: tuple[Any, Any] = (None, None)  # what it shows, and the pixels
        self._background: Any = None
        self._shown: tuple[str, tuple, dict[str, Any]] | None = None
        super().__init__(format="png", **traits)

    def show(self, alt: str, *numbers: Any, **details: Any) -> None:
        """Paint new numbers and send them to the browser.

        Args:
            alt: The picture in words. The widget has no alternative text; its tooltip becomes the title of the
                image, and screen readers read the title of an image that has no alternative text.
            *numbers: Arguments of the picture's `update`.
            **details: Further arguments of the picture's `update`.
        """
        self._shown = alt, numbers, details
        changed = self._picture.update(*numbers, **details)
        canvas = self._picture.figure.canvas
        if changed or self._background is None:
            self._paint_background()
        else:
            canvas.restore_region(self._background)
        for artist in self._picture.moving:
            artist.axes.draw_artist(artist)
        with self.hold_sync():
            self.value = _png(np.asarray(canvas.buffer_rgba()))
            self.tooltip = alt

    def exchange(self, picture: Picture) -> None:
        """Show the same numbers in a different picture, such as one for a different size.

        Args:
            picture: The picture to paint from now on.
        """
        self._picture, self._background, self._frame = picture, None, (None, None)
        if self._shown is not None:
            alt, numbers, details = self._shown
            self.show(alt, *numbers, **details)

    def _paint_background(self) -> None:
        """Paint what does not move. Axes with their ticks take longest, and are kept if they are the same."""
        picture = self._picture
        canvas, bounds = picture.figure.canvas, picture.figure.bbox
        if picture.frame is None or picture.frame != self._frame[0]:
            canvas.draw()  # skips the placed and the moving artists, because they are marked as animated
            self._frame = (picture.frame, canvas.copy_from_bbox(bounds))
        else:
            canvas.restore_region(self._frame[1])
        for artist in sorted(picture.placed, key=lambda artist: artist.zorder):
            artist.draw(canvas.get_renderer())
        self._background = canvas.copy_from_bbox(bounds)


def _png(pixels: np.ndarray) -> bytes:
    """Write pixels (height, width, RGBA) as a PNG without transparency.

    Neither a filter nor a higher level of compression saves as much time in transport as it costs here.
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # the first byte of a row names its filter: 0 for none
    rows[:, 1:].reshape(height, width, 3)[...] = pixels[..., :3]
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),  # 8 bits a channel, RGB
        (b"IDAT", zlib.compress(rows, 1)),
        (b"IEND", b""),
    )
    written = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


class Panel(ipywidgets.VBox):
    """A panel that stores a picture and a sentence in its cell, for readers of a notebook without a kernel."""

    def still(self) -> tuple[bytes, str]:
        """Return a static replacement for the panel: a PNG, and a sentence that describes it."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        picture, sentence = self.still()
        data = {**data, "image/png": base64.b64encode(picture).decode(), "text/plain": sentence}
        return data, {**metadata, "image/png": {"alt": sentence, "width": Size().width}}
