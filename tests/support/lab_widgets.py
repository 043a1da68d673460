"""What the tests of all labs do with their widget objects, without a browser."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

__all__ = ["assert_keeps_a_picture", "everything"]


def everything(widget):
    """Yield a widget and all that is in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything(child)


def assert_keeps_a_picture(lab):
    """Assert that the cell of a lab keeps a picture with something in it, and its sentence; return what it keeps."""
    data, metadata = lab._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == metadata["image/png"]["alt"] == lab.verdict
    picture, _ = lab.still()
    assert np.asarray(Image.open(io.BytesIO(picture)).convert("L")).std() > 10
    return data
