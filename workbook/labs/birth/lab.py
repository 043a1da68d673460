"""Birth of weights: choose where a layer is made and how it is stored, and run the program step by step."""

from __future__ import annotations

import ipywidgets as widgets

from workbook.labs.birth.figure import BirthPicture
from workbook.labs.birth.run import BirthRun, BirthSettings
from workbook.labs.framework.figure import Size
from workbook.labs.framework.panel import Lab

__all__ = ["BirthLab"]

_HINT = (
    "Look at where each bar begins: at this step the variable is born. Then at its fill: if it is dashed, the variable "
    "is missing in model.weights, so training and saving leave it out. "
    "Steps: 1 made, 2 build, 3 first call, 4 second call, 5 training."
)


class BirthLab(Lab):
    """A panel in which a reader assembles a model class from options, and sees when its weights are created.

    Args:
        preset: The settings to begin with.
        title: Heading of the panel, if not the usual one.

    Example:
        >>> BirthLab(BirthSettings(where="call"))
    """

    settings_type = BirthSettings
    title = "Birth of weights"
    dom_class = "birth-lab"
    source_title = "Python source of what was run"

    def above(self) -> list[widgets.Widget]:
        """Say what to look for."""
        hint = widgets.HTML(_HINT)
        hint.add_class("lab-hint")
        return [hint]

    def run(self, settings: BirthSettings) -> BirthRun:
        """Set up a run."""
        return BirthRun(settings)

    def picture(self, size: Size | None = None) -> BirthPicture:
        """Make the picture of both Keras versions."""
        return BirthPicture(size)
