"""Building blocks of a responsive lab: a figure that is updated in place, and a panel with a static fallback.

A new inline figure for every change of a control would be slow, flicker and move the page. Instead one figure is kept,
only the artists that move are repainted, and the result replaces the bytes of one Image widget.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import ipywidgets
import traitlets
from PIL import Image

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
            canvas.draw()  # skips the moving artists, because they are marked as animated
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

    def exchange(self, picture: Picture) -> None:
        """Show the same numbers in a different picture, such as one for a different size.

        Args:
            picture: The picture to paint from now on.
        """
        self._picture, self._background = picture, None
        if self._shown is not None:
            alt, numbers, details = self._shown
            self.show(alt, *numbers, **details)


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
