"""Birth of weights: choose where a layer is made and how it is stored, and run the program step by step."""

from __future__ import annotations

from workbook.labs.birth.figure import BirthPicture
from workbook.labs.birth.run import BirthRun, BirthSettings
from workbook.labs.framework.panel import Lab

__all__ = ["BirthLab"]


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

    def run(self, settings: BirthSettings) -> BirthRun:
        """Set up a run."""
        return BirthRun(settings)

    def picture(self) -> BirthPicture:
        """Make the picture of both Keras versions."""
        return BirthPicture()
