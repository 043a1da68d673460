"""The lab "Interrupted training": stop a training, save it one way or another, and see what going on has cost.

Only controls stand here. What is run is in `run`, the picture in `figure`.
"""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets

from workbook.labs.framework.panel import Lab
from workbook.labs.framework.program import GENERATIONS
from workbook.labs.interruption.figure import InterruptionPicture
from workbook.labs.interruption.run import (
    LAYERS,
    LONGEST_STOP,
    LOSSES,
    OPTIMIZERS,
    SAVES,
    Interruption,
    InterruptionSettings,
)

__all__ = ["InterruptionLab"]


class InterruptionLab(Lab):
    """A panel in which a reader interrupts a training and holds it against a twin that was never interrupted.

    Args:
        preset: The settings to begin with; by default the lab's own.
        title: Heading of the panel, if not the usual one.

    Example:
        >>> InterruptionLab(InterruptionSettings(save="folder", generation="tf_keras"))
    """

    title = "Interrupted training"
    dom_class = "interruption-lab"
    source_title = "Python source of this training"

    def __init__(self, preset: InterruptionSettings | None = None, title: str | None = None) -> None:
        super().__init__(preset or InterruptionSettings(), title)

    def controls(self) -> Sequence[widgets.Widget]:
        """Make the controls: of the interruption on the left, of the model on the right."""
        return [
            self.slider("stop", 0, LONGEST_STOP, "Stop after step", step=5),
            self.dropdown("save", _options(SAVES), "Save to"),
            self.dropdown("lose", _options(LOSSES), "Lose on top"),
            self.checkbox("registered", "The class is registered"),
            self.dropdown("generation", _options(GENERATIONS), "Which Keras"),
            self.dropdown("layers", _options(LAYERS), "Layers"),
            self.dropdown("optimizer", [(each[0], name) for name, each in OPTIMIZERS.items()], "Optimizer"),
            self.checkbox("schedule", "The learning rate falls"),
        ]

    def run(self, settings: InterruptionSettings) -> Interruption:
        """Set up an interrupted training."""
        return Interruption(settings)

    def picture(self) -> InterruptionPicture:
        """Make the picture of the two losses and of the distance."""
        return InterruptionPicture()


def _options(labels: dict[str, str]) -> list[tuple[str, str]]:
    return [(label, name) for name, label in labels.items()]
