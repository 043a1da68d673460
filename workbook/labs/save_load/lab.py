"""The lab "Save here, load there": choose a file format and a change in the code that loads the file, and see it fail.

The run and its source are in `workbook.labs.save_load.run`.
"""

from __future__ import annotations

from workbook.labs.framework.panel import ThreeTestsLab
from workbook.labs.save_load.run import SaveLoadRun, SaveLoadSettings

__all__ = ["SaveLoadLab"]


class SaveLoadLab(ThreeTestsLab):
    """A panel in which a reader saves a model, changes the code that loads it, and sees which losses raise no error.

    Args:
        preset: The settings to begin with.
        title: Heading of the panel, if not the usual one.

    Example:
        >>> SaveLoadLab(SaveLoadSettings(file=".keras", change="order"))
    """

    settings_type = SaveLoadSettings
    title = "Save here, load there"
    dom_class = "save-load-lab"
    source_title = "Python source of what saves, and of what loads"

    def run(self, settings: SaveLoadSettings) -> SaveLoadRun:
        """Set up a run."""
        return SaveLoadRun(settings)
