"""The lab "Two posteriors": write a posterior in one of several ways, clone it, train one or both, and compare them.

The run is made by `run`, the picture by `figure`.
"""

from __future__ import annotations

from workbook.labs.framework.figure import Size
from workbook.labs.framework.panel import Lab
from workbook.labs.posteriors.figure import PosteriorsPicture
from workbook.labs.posteriors.run import PosteriorsRun, PosteriorsSettings

__all__ = ["PosteriorsLab"]


class PosteriorsLab(Lab):
    """A panel in which a reader clones the posterior of three weights, and sees whether the clone is true.

    Args:
        preset: The settings to begin with.
        title: Heading of the panel.

    Example:
        >>> PosteriorsLab(PosteriorsSettings(method="alias", train="original"))
    """

    settings_type = PosteriorsSettings
    title = "Two posteriors"
    dom_class = "posteriors-lab"
    source_title = "Python source of posterior and clone"

    def run(self, settings: PosteriorsSettings) -> PosteriorsRun:
        """Set up a run."""
        return PosteriorsRun(settings)

    def picture(self, size: Size | None = None) -> PosteriorsPicture:
        """Make the picture."""
        return PosteriorsPicture(size)
