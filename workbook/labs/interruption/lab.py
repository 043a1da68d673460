"""The lab "Interrupted training": stop a training, save it in one of several ways, and see what resuming it has lost.

The run is in `run`, the picture in `figure`.
"""

from __future__ import annotations

from workbook.labs.framework.figure import Size
from workbook.labs.framework.panel import Lab
from workbook.labs.interruption.figure import InterruptionPicture
from workbook.labs.interruption.run import InterruptionRun, InterruptionSettings

__all__ = ["InterruptionLab"]


class InterruptionLab(Lab):
    """A panel in which a reader interrupts a training and compares it with a model that was never interrupted.

    Args:
        preset: The settings to begin with; by default the lab's own.
        title: Heading of the panel, if not the usual one.

    Example:
        >>> InterruptionLab(InterruptionSettings(save="folder", generation="tf_keras"))
    """

    settings_type = InterruptionSettings
    title = "Interrupted training"
    dom_class = "interruption-lab"
    source_title = "Python source of this training"

    def run(self, settings: InterruptionSettings) -> InterruptionRun:
        """Set up an interrupted training."""
        return InterruptionRun(settings)

    def picture(self, size: Size | None = None) -> InterruptionPicture:
        """Make the picture of the two losses and of the distance."""
        return InterruptionPicture(size)
