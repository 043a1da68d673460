"""The picture of the lab "Two posteriors": both posteriors of three weights, and the divergence between them."""

from __future__ import annotations

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from workbook.labs.framework.figure import BAND, BLUE, GREEN, GREY, INK, STYLE, VERMILLION, DistanceAxis, Picture
from workbook.labs.posteriors.run import PRIORS, TRUTH, WEIGHTS, PosteriorsRun

_NAMES = ("original", "clone")
_LOOKS = ((BLUE, "o", "-"), (VERMILLION, "X", (0, (4, 1.6))))  # colour, marker and line style all differ
_TRACES = (  # the traces of the right panel: colour, marker, line style, label
    (INK, "s", "-", "between the two"),
    (BLUE, "o", (0, (4, 1.6)), "original, from where it was cloned"),
    (VERMILLION, "X", (0, (1, 1.4)), "clone, from where it was cloned"),
)
_HIGHEST = 4  # the highest decade of the right panel
_LANES = (0.3, 0.0, -0.3)  # shifts that show traces that are all zero side by side
_MOST = 2.4  # weights are shown from minus this value to plus this value


class PosteriorsPicture(Picture):
    """A reusable figure with both posteriors on the left and their divergence on the right.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that every `update` may move.

    Example:
        >>> PosteriorsPicture().update(PosteriorsRun(PosteriorsSettings()))  # doctest: +SKIP
        True
    """

    def __init__(self, size: tuple[float, float] = (11.0, 4.3), dpi: float = 110) -> None:
        super().__init__(size, dpi)
        with matplotlib.rc_context(STYLE):
            grid = self.figure.add_gridspec(1, 2, left=0.07, right=0.985, top=0.665, bottom=0.13, wspace=0.24)
            self.left, self.right = (self.figure.add_subplot(cell) for cell in grid)

    def update(self, run: PosteriorsRun, message: str | None = None) -> bool:
        """Show the results of a run so far.

        Args:
            run: The run.
            message: Text across the picture; by default the message of the run.

        Returns:
            True if the whole figure must be repainted because more than the moving artists has changed.
        """
        message = message or run.message
        settings = run.settings
        layout = (settings.prior, settings.steps, run.label, message)
        changed = layout != self._layout
        if changed:
            self._layout = layout
            with matplotlib.rc_context(STYLE):
                self._lay_out(run, message)
        self._move(run)
        return changed

    def _lay_out(self, run: PosteriorsRun, message: str | None) -> None:
        for artist in (*self.moving, *self.placed):
            artist.remove()
        self.moving, self.placed = [], []
        self._lay_out_axes(max(run.settings.steps, 1))
        self._lay_out_left(run)
        self._lay_out_right(run)
        if message:
            box = {"facecolor": "white", "edgecolor": GREY, "boxstyle": "round,pad=0.8", "linewidth": 0.8}
            text = self.figure.text(
                0.52, 0.42, message, ha="center", va="center", fontsize=13, linespacing=1.5, bbox=box, zorder=9
            )
            self.placed.append(text)
        for artist in self.placed:
            artist.set_animated(True)

    def _lay_out_axes(self, steps: int) -> None:
        """Make the axes once: with their ticks they take longer than all the rest."""
        before, self.frame = self.frame, steps
        if before == steps:
            return
        for ax in (self.left, self.right):
            ax.clear()
            ax.spines[["top", "right", "left"]].set_visible(False)
        self.left.set_xlim(-0.6, len(WEIGHTS) - 0.4)
        self.left.set_ylim(-_MOST, _MOST)
        self.left.set_xticks(range(len(WEIGHTS)), WEIGHTS)
        self.left.tick_params(axis="both", length=0)
        self.left.set_ylabel("value of the weight", labelpad=2)
        self._scale = DistanceAxis(self.right, _HIGHEST, above="not finite", roomy=True)
        self.right.set_ylabel("KL divergence", labelpad=2)
        self.right.set_xlabel("training step after cloning", labelpad=3)
        self.right.set_xlim(-0.02 * steps, 1.03 * steps)
        self.right.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5, integer=True))

    def _title(self, ax: Any, title: str, question: str) -> None:
        place = {"transform": ax.transAxes, "va": "center"}
        self.placed.append(ax.text(0, 1.43, title, fontsize=13, fontweight="bold", **place))
        self.placed.append(ax.text(0, 1.33, question, fontsize=9, color=GREY, **place))

    def _key(self, ax: Any, number: int, look: tuple, text: str) -> None:
        color, marker, line = look
        height = 1.235 - 0.08 * number
        marks = {"marker": marker, "markevery": [1], "markersize": 6, "markeredgecolor": "white"}
        place = {"transform": ax.transAxes, "color": color}
        key = Line2D([0.004, 0.035, 0.066], [height] * 3, linestyle=line, clip_on=False, **place, **marks)
        self.placed += [ax.add_line(key), ax.text(0.085, height, text, va="center", fontsize=9, **place)]

    def _lay_out_left(self, run: PosteriorsRun) -> None:
        ax = self.left
        self._title(
            ax, "Two posteriors", "What does each believe of the three weights? Mean, and two spreads both ways"
        )
        words = (_NAMES[0], f"{_NAMES[1]}, by {run.label}")
        for number, (look, text) in enumerate(zip(_LOOKS, words, strict=True)):
            self._key(ax, number, look, text)
        spread = 2 * PRIORS[run.settings.prior]
        low, high = max(-spread, -_MOST), min(spread, _MOST)
        small = {"fontsize": 7.5}
        self.placed += [
            ax.axhspan(low, high, color=BAND, zorder=0, linewidth=0),
            ax.text(len(WEIGHTS) - 0.42, low, "prior", ha="right", va="bottom", color=GREY, **small),
            ax.text(0.43, TRUTH[0], "true value", va="center", color=GREEN, **small),
        ]
        for place, value in enumerate(TRUTH):
            ends = [place - 0.42, place + 0.42]
            self.placed += ax.plot(ends, [value, value], color=GREEN, linewidth=1.2, linestyle=(0, (1, 1.2)))
        self._bars, self._dots = [], []
        for color, marker, line in _LOOKS:
            bars = LineCollection([], colors=color, linestyles=[line], linewidths=2.2, animated=True, zorder=3)
            ax.add_collection(bars)
            dots = Line2D([], [], linestyle="none", marker=marker, markersize=9, color=color, animated=True, zorder=4)
            dots.set_markeredgecolor("white")
            ax.add_line(dots)
            self._bars.append(bars)
            self._dots.append(dots)
        self.moving += [*self._bars, *self._dots]

    def _lay_out_right(self, run: PosteriorsRun) -> None:
        ax = self.right
        self._title(ax, "Distance", "How far apart are the two, and how far has each gone?")
        steps = max(run.settings.steps, 1)
        self._lines = []
        every = max(1, math.ceil(steps / 8))
        for number, (color, marker, line, text) in enumerate(_TRACES):
            self._key(ax, number, (color, marker, line), text)
            trace = Line2D([], [], color=color, linestyle=line, linewidth=1.8, marker=marker, markersize=6)
            trace.set(markeredgecolor="white", markevery=(number * every // 3, every), animated=True, zorder=5 - number)
            trace.set_clip_on(False)
            ax.add_line(trace)
            self._lines.append(trace)
        self.moving += self._lines

    def _move(self, run: PosteriorsRun) -> None:
        for number, (bars, dots) in enumerate(zip(self._bars, self._dots, strict=True)):
            known = run.posteriors[number : number + 1]
            bars.set_visible(bool(known))
            dots.set_visible(bool(known))
            for means, spreads in known:
                places = np.arange(len(means)) + (-0.13, 0.13)[number]
                bars.set_segments(
                    [[(x, m - 2 * s), (x, m + 2 * s)] for x, m, s in zip(places, means, spreads, strict=True)]
                )
                dots.set_data(places, np.clip(means, -_MOST, _MOST))
        for line, trace, lane in zip(self._lines, (run.between, *run.moved), _LANES, strict=True):
            line.set_data(np.arange(len(trace)), self._scale.heights(trace, lane))
