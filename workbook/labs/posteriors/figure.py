"""The picture of the lab "Two posteriors": both posteriors of three weights, and the divergence between them."""

from __future__ import annotations

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from workbook.labs.framework.figure import (
    BAND,
    GREEN,
    GREY,
    INK,
    SMALL,
    STYLE,
    TITLE,
    DistanceAxis,
    Look,
    Picture,
    Size,
    looks,
)
from workbook.labs.posteriors.run import PRIORS, TRUTH, WEIGHTS, PosteriorsRun

_NAMES = ("original", "clone")
_ORIGINAL, _BETWEEN = Look(GREY, "o", "-"), Look(INK, "s", "-")
_TRACES = (  # the traces of the right panel in words, and in fewer words
    ("between the two", "between"),
    ("original, from where it was cloned", "original"),
    ("clone, from where it was cloned", "clone"),
)
_LINE = 16  # CSS pixels from one line of words above a panel to the next
_HIGHEST = 4  # the highest decade of the right panel
_LANES = (0.3, 0.0, -0.3)  # shifts that show traces that are all zero side by side
_MOST = 2.4  # weights are shown from minus this value to plus this value


class PosteriorsPicture(Picture):
    """A reusable figure with both posteriors on the left and their divergence on the right.

    Args:
        size: The room for it.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that every `update` may move.

    Example:
        >>> PosteriorsPicture().update(PosteriorsRun(PosteriorsSettings()))  # doctest: +SKIP
        True
    """

    def __init__(self, size: Size | None = None) -> None:
        super().__init__(size)
        narrow = self.size.narrow
        self._head = 24 + 18 * (not narrow) + 3 * _LINE + 4
        left, middle, right = (34, 74, 6) if narrow else (52, 96, 10)
        wide = (self.size.width - left - middle - right) * 0.46
        with matplotlib.rc_context(STYLE):
            self.left, self.right = (self.figure.add_subplot(1, 2, place) for place in (1, 2))
        self.place(self.left, left, self.size.width - left - wide, self._head, 36)
        self.place(self.right, left + wide + middle, right, self._head, 36)

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
        self.clear()
        self._looks = _ORIGINAL, *looks([run.label])
        self._lay_out_axes(max(run.settings.steps, 1))
        self._lay_out_left(run)
        self._lay_out_right(run)
        if message:
            self.say(self.right, message)

    def _lay_out_axes(self, steps: int) -> None:
        """Change what differs from the last layout: making axes and their ticks takes longer than all the rest."""
        before, self.frame = self.frame, steps
        left, right, narrow = self.left, self.right, self.size.narrow
        if before is None:
            for ax in (left, right):
                ax.clear()
                ax.tick_params(labelsize=SMALL)
                ax.spines[["top", "right", "left"]].set_visible(False)
            left.set_xlim(-0.6, len(WEIGHTS) - 0.4)
            left.set_ylim(-_MOST, _MOST)
            left.set_xticks(range(len(WEIGHTS)), WEIGHTS)
            left.tick_params(axis="both", length=0)
            self._scale = DistanceAxis(right, _HIGHEST, above="not finite", roomy=True)
            if not narrow:
                left.set_ylabel("value of the weight", labelpad=2)
                right.set_ylabel("KL divergence", labelpad=2)
            right.set_xlabel("training step after cloning", labelpad=3)
            right.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4 if narrow else 5, integer=True))
        right.set_xlim(-0.02 * steps, 1.03 * steps)

    def _title(self, ax: Any, title: str, question: str) -> None:
        level = {"va": "center", "transform": ax.transAxes}
        self.put(ax.text(0, self.above(ax, self._head - 12), title, fontsize=TITLE, fontweight="bold", **level))
        if not self.size.narrow:
            self.put(ax.text(0, self.above(ax, self._head - 32), question, fontsize=SMALL, color=GREY, **level))

    def _key(self, ax: Any, number: int, look: Look, text: str) -> None:
        above = _LINE * (2.5 - number) + 4
        words = ax.text(self.across(ax, 32), self.above(ax, above), text, transform=ax.transAxes, va="center")
        self.put(self.key(ax, 0, above, look), words)

    def _lay_out_left(self, run: PosteriorsRun) -> None:
        ax = self.left
        self._title(ax, "Two posteriors", "Of three weights: mean, and two spreads both ways")
        words = (_NAMES[0], _NAMES[1] if self.size.narrow else f"{_NAMES[1]}, by {run.label}")
        for number, (look, text) in enumerate(zip(self._looks, words, strict=True)):
            self._key(ax, number, look, text)
        spread = 2 * PRIORS[run.settings.prior]
        low, high = max(-spread, -_MOST), min(spread, _MOST)
        self.put(
            ax.axhspan(low, high, color=BAND, zorder=0, linewidth=0),
            ax.text(len(WEIGHTS) - 0.42, low, "prior", ha="right", va="bottom", fontsize=SMALL, color=GREY),
            ax.text(0.43, TRUTH[0], "true value", va="center", fontsize=SMALL, color=GREEN),
        )
        for place, value in enumerate(TRUTH):
            ends = [place - 0.42, place + 0.42]
            self.put(*ax.plot(ends, [value, value], color=GREEN, linewidth=1.2, linestyle=(0, (1, 1.2))))
        self._bars, self._dots = [], []
        for look in self._looks:
            color, marker, line = look.color, look.marker, look.line
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
        self._title(ax, "Distance", "How far apart are the two, and how far did each go?")
        steps = max(run.settings.steps, 1)
        self._lines = []
        every = max(1, math.ceil(steps / 8))
        for number, (look, (text, brief)) in enumerate(zip((_BETWEEN, *self._looks), _TRACES, strict=True)):
            self._key(ax, number, look, brief if self.size.narrow else text)
            trace = Line2D(
                [], [], color=look.color, linestyle=look.line, linewidth=1.8, marker=look.marker, markersize=6
            )
            trace.set(
                markersize=6,
                markeredgecolor="white",
                markevery=(number * every // 3, every),
                animated=True,
                zorder=5 - number,
            )
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
