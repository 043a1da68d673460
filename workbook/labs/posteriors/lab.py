"""The lab "Two posteriors": write a posterior in one of several ways, clone it, train one or both, and see them part.

Only controls stand here. The run is made by `run`, the picture by `figure`.
"""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets

from workbook.labs.framework.panel import Lab
from workbook.labs.posteriors.figure import PosteriorsPicture
from workbook.labs.posteriors.run import KINDS, METHODS, PRIORS, TRAIN, Settings, TwoPosteriors

__all__ = ["PosteriorsLab"]


class PosteriorsLab(Lab):
    """A panel in which a reader clones the posterior of three weights, and sees whether the clone is one.

    Args:
        preset: The settings to begin with.
        title: Heading of the panel.

    Example:
        >>> PosteriorsLab(Settings(method="alias", train="original"))
    """

    title = "Two posteriors"
    dom_class = "posteriors-lab"
    source_title = "Python source of posterior and clone"

    def __init__(self, preset: Settings | None = None, title: str | None = None) -> None:
        super().__init__(preset or Settings(), title)

    def controls(self) -> Sequence[widgets.Widget]:
        """Make the controls."""
        priors = [(f"{name}, spread {spread:g}", name) for name, spread in PRIORS.items()]
        return [
            self.dropdown("kind", [(kind.label, name) for name, kind in KINDS.items()], "How it is written"),
            self.dropdown("prior", priors, "Prior"),
            self.dropdown("method", [(label, name) for name, (label, *_) in METHODS.items()], "How it is cloned"),
            self.slider("pretrain", 0, 20, "Steps before cloning", step=2),
            self.dropdown("train", [(label, name) for name, label in TRAIN.items()], "Train after cloning"),
            self.number("seed", 0, 9999, "Seed"),
        ]

    def run(self, settings: Settings) -> TwoPosteriors:
        """Set up a run."""
        return TwoPosteriors(settings)

    def picture(self) -> PosteriorsPicture:
        """Make the picture."""
        return PosteriorsPicture()
