"""The lab Save here, load there: choose how a model is kept and what has changed where it is loaded, and see it fail.

Only controls stand here. What is run, and its source, are in `workbook.labs.save_load.run`.
"""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets

from workbook.labs.framework.panel import ThreeTestsLab
from workbook.labs.framework.program import GENERATIONS
from workbook.labs.save_load.run import CHANGES, FORMATS, STYLES, Settings, Transfer

__all__ = ["SaveLoadLab"]


class SaveLoadLab(ThreeTestsLab):
    """A panel in which a reader saves a model, changes the code that loads it, and sees what slips through.

    Args:
        preset: The settings to begin with.
        title: Heading of the panel, if not the usual one.

    Example:
        >>> SaveLoadLab(Settings(file=".keras", change="order"))
    """

    title = "Save here, load there"
    dom_class = "transfer-lab"
    source_title = "Python source of what saves, and of what loads"

    def __init__(self, preset: Settings | None = None, title: str | None = None) -> None:
        super().__init__(preset or Settings(), title)

    def controls(self) -> Sequence[widgets.Widget]:
        """Make the controls: what saves on the left, what loads on the right."""

        def options(labels: dict[str, str]) -> list[tuple[str, str]]:
            return [(label, name) for name, label in labels.items()]

        return [
            self.dropdown("style", options(STYLES), "How it is written"),
            self.dropdown("generation", options(GENERATIONS), "Which Keras saves"),
            self.slider("steps", 0, 20, "Steps before saving", step=5),
            self.dropdown("file", options(FORMATS), "Kept as"),
            self.dropdown("change", options(CHANGES), "Where it is loaded"),
            self.checkbox("compiled", "The model is compiled"),
        ]

    def run(self, settings: Settings) -> Transfer:
        """Set up a run."""
        return Transfer(settings)
