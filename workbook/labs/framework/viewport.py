"""The room that a picture has in the browser: its width and height, and its device pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets

from workbook.labs.framework.figure import Size
from workbook.labs.framework.keyboard import asset

__all__ = ["Viewport"]


class Viewport(anywidget.AnyWidget):
    """An invisible widget that reports the size of the picture beside it, and keeps the picture in view.

    A panel that is made later begins with the size that was reported last, because most panels of a page are equally
    wide.

    Args:
        on_size: Called with each `Size`, possibly on a different thread than the one on which figures are painted.

    Example:
        >>> Viewport(print).size
        []
    """

    last: Size | None = None

    _esm = asset(Path(__file__).with_name("viewport.js"))
    size = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(self, on_size: Callable[[Size], None]) -> None:
        super().__init__(layout={"display": "none"})
        self._on_size = on_size
        self.observe(self._report, "size")

    def _report(self, change: dict) -> None:
        width, height, ratio = change["new"]
        Viewport.last = Size(int(width), int(height), min(ratio, Size.MOST_RATIO))
        self._on_size(Viewport.last)
