"""Birth of weights: choose where a layer is made and how it is held, and step through the life of the model."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets

from workbook.labs.birth.figure import BirthPicture
from workbook.labs.birth.run import HELD, KINDS, STEPS, TRAIN, WHERE, BirthRun, BirthSettings
from workbook.labs.framework.panel import Lab

__all__ = ["BirthLab"]


class BirthLab(Lab):
    """A panel in which a reader writes a model class by choosing, and sees when its weights come into being.

    Args:
        preset: The settings to begin with.
        title: Heading of the panel, if not the usual one.

    Example:
        >>> BirthLab(BirthSettings(where="call"))
    """

    title = "Birth of weights"
    dom_class = "birth-lab"
    source_title = "Python source of what was run"

    def __init__(self, preset: BirthSettings | None = None, title: str | None = None) -> None:
        super().__init__(preset or BirthSettings(), title)

    def controls(self) -> Sequence[widgets.Widget]:
        """Make the controls: the class on the left, what is done with it on the right."""
        return [
            self.dropdown("where", _options(WHERE), "Layer is made in"),
            self.dropdown("held", _options(HELD), "and held in"),
            self.dropdown("kind", _options(KINDS), "Kind of layer"),
            self.slider("units", 1, 64, "Units"),
            self.slider("step", 0, len(STEPS) - 1, "Step"),
            self.checkbox("build", "Call build by hand (step 2)"),
            self.checkbox("head", "Add a head, made in __init__"),
            self.dropdown("train", _options(TRAIN), "Train (step 5)"),
        ]

    def run(self, settings: BirthSettings) -> BirthRun:
        """Set up a run."""
        return BirthRun(settings)

    def picture(self) -> BirthPicture:
        """Make the picture of both Kerases."""
        return BirthPicture()


def _options(labels: dict[str, str]) -> list[tuple[str, str]]:
    return [(label, name) for name, label in labels.items()]
