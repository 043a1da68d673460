"""The picture of an interrupted training: its loss and its distance from a model that was never interrupted.

The left panel shows the loss of both models, the right panel the distance between their weights. The distance axis is
that of the three tests, with a separate band for "0 exactly", so that models that are equal bit for bit have a curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workbook.labs.framework import figure as plots
from workbook.labs.framework.figure import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    PURPLE,
    SMALL,
    STYLE,
    TITLE,
    VERMILLION,
    DistanceAxis,
    Look,
    Picture,
    Size,
)
from workbook.labs.interruption import run as interruption
from workbook.labs.interruption.run import InterruptionRun

_LANE = 0.21

_UNINTERRUPTED = Look(BLUE, "o", "-", 5.5)
_RESUMED = Look(VERMILLION, "X", (0, (4, 1.6)), 6.5)
_STATISTICS = Look(PURPLE, "^", "-.", 6.0)
_PANELS = {
    "Loss": "On digits that are not trained on",
    "Distance": "How far the weights are from the uninterrupted model's",
}


class InterruptionPicture(Picture):
    """The two panels as a figure that is made once and then updated with new numbers.

    Args:
        size: The room for it.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that every `update` may move.

    Example:
        >>> InterruptionPicture().update(InterruptionRun(InterruptionSettings()))
        True
    """

    def __init__(self, size: Size | None = None) -> None:
        super().__init__(size)
        narrow = self.size.narrow
        self._top = 26 + 18 * (not narrow) + 2 * 17 + 4
        left, middle, right = (34, 78, 14) if narrow else (44, 104, 10)
        wide = (self.size.width - left - middle - right) / 2
        with matplotlib.rc_context(STYLE):
            self.axes = [self.figure.add_subplot(1, 2, place) for place in (1, 2)]
        for ax, begin in zip(self.axes, (left, left + wide + middle), strict=True):
            self.place(ax, begin, self.size.width - begin - wide, self._top, 36)

    def update(self, run: InterruptionRun, message: str | None = None) -> bool:
        """Show the results of a run so far.

        Args:
            run: A run in any state.
            message: Text across the right panel; by default the reason if there is nothing to show.

        Returns:
            True if the whole figure must be repainted because more than the moving artists has changed.
        """
        stop = run.settings.stop
        made = len(run.resumed_losses) - 1
        span = stop + interruption.AFTER + (interruption.MORE if made > interruption.AFTER else 0)
        finite = [loss for loss in (*run.losses, *run.resumed_losses) if math.isfinite(loss)]
        highest = max(2.5, math.ceil(2 * max(finite, default=0.0)) / 2)
        far = [value for value in (*run.trained, *run.statistics) if math.isfinite(value)]
        top = max(DistanceAxis.HIGHEST, 2 * math.ceil(math.log10(max(far, default=1.0) or 1.0) / 2))
        if message is None and run.problems:
            message = f"There is nothing to compare:\n{run.problems[-1].where.lower()} raises {run.problems[-1].name}."
        layout = (stop, span, highest, top, bool(run.settings.has_norm), message)
        changed = layout != self._layout
        if changed:
            self._layout = layout
            with matplotlib.rc_context(STYLE):
                self._lay_out(stop, span, highest, top, run.settings.has_norm, message)
        self._move(run, stop)
        return changed

    def _lay_out(self, stop: int, span: int, highest: float, top: int, has_norm: bool, message: str | None) -> None:
        self.clear()
        self._results = {}
        narrow = self.size.narrow
        self._lay_out_axes(span, highest, top)
        for ax, (name, question) in zip(self.axes, _PANELS.items(), strict=True):
            self.put(ax.axvline(stop, color=GREY, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1.5))
            level = {"va": "center", "transform": ax.transAxes}
            self.put(ax.text(0, self.above(ax, self._top - 12), name, fontsize=TITLE, fontweight="bold", **level))
            if not narrow:
                self.put(ax.text(0, self.above(ax, self._top - 32), question, fontsize=SMALL, color=GREY, **level))
        loss, distance = self.axes
        self._measured = ("weights" if narrow else "trained weights", "statistics")
        # The label is put on the side of the line that has more room, away from the curves.
        right = stop < span / 2
        label = loss.text(
            stop + (0.012 if right else -0.012) * span,
            0.965 * highest,
            "saved" if narrow else "saved, loaded",
            ha="left" if right else "right",
            va="top",
            fontsize=SMALL,
            color=GREY,
        )
        self.put(label)
        resumed = "resumed" if narrow else "interrupted and resumed"
        self._lines = {
            "uninterrupted": self._line(loss, "uninterrupted", _UNINTERRUPTED, 0, span),
            "resumed": self._line(loss, resumed, _RESUMED, 1, span),
            "trained": self._line(distance, self._measured[0], _RESUMED, 0, span),
        }
        if has_norm:
            self._lines["statistics"] = self._line(distance, self._measured[1], _STATISTICS, 1, span)
        self._level = Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (1, 1.5)), animated=True, zorder=2)
        self._back = Line2D([], [], color=GREEN, marker="s", markersize=8, linestyle="none", animated=True, zorder=8)
        self._told = loss.annotate(
            "",
            (0, 0),
            xytext=(0, -8),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=SMALL,
            color=INK,
            animated=True,
            zorder=9,
            annotation_clip=False,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.9},
        )
        loss.add_line(self._level)
        loss.add_line(self._back)
        self.moving += [self._level, self._back, self._told]
        if message:
            self.say(distance, message)

    def _lay_out_axes(self, span: int, highest: float, top: int) -> None:
        """Change what differs from the last layout: making axes and their ticks takes longer than all the rest."""
        before, self.frame = self.frame, (span, highest, top)
        narrow, (loss, distance) = self.size.narrow, self.axes
        if before is None or before[1:] != (highest, top):
            for ax in self.axes:
                ax.clear()
                ax.spines[["top", "right"]].set_visible(False)
                ax.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4 if narrow else 6, integer=True))
                ax.tick_params(labelsize=SMALL)
                ax.set_xlabel("training step", labelpad=2)
            loss.set_ylim(0, highest)
            loss.grid(axis="y", color=PALE, linewidth=0.6)
            loss.set_axisbelow(True)
            self._scale = DistanceAxis(distance, top, above="not finite")
            if not narrow:
                distance.set_ylabel("largest difference", labelpad=4)
        for ax in self.axes:
            ax.set_xlim(-0.02 * span, 1.03 * span)

    def _line(self, ax: Axes, label: str, look: Look, index: int, span: int) -> tuple[Line2D, Line2D]:
        marks = {"color": look.color, "marker": look.marker, "linestyle": look.line, "markersize": look.marker_size}
        marks |= {"markeredgecolor": "white", "markeredgewidth": 0.6, "linewidth": 1.8}
        above = self._top - 26 - 18 * (not self.size.narrow) - 17 * (index + 0.5)
        level = {"va": "center", "transform": ax.transAxes}
        self.put(self.key(ax, 0, above, look), ax.text(self.across(ax, 32), self.above(ax, above), label, **level))
        every = max(1, math.ceil(span / 10))
        moving = {"animated": True, "zorder": 4 + index, "clip_on": False}
        line = Line2D([], [], markevery=(index * every // 2, every), **marks, **moving)
        tip = Line2D([], [], **{**marks, "linestyle": "none"}, **moving)
        words = ax.text(1.0, self.above(ax, above), "", ha="right", animated=True, **level)
        ax.add_line(line)
        ax.add_line(tip)
        self.moving += [line, tip, words]
        self._results[label] = words
        return line, tip

    def _move(self, run: InterruptionRun, stop: int) -> None:
        resumed = range(stop, stop + len(run.resumed_losses))
        self._put("uninterrupted", range(len(run.losses)), np.array(run.losses))
        self._put("resumed", resumed, np.array(run.resumed_losses))
        lane = _LANE if run.settings.has_norm else 0.0
        for name, distances, shift in (("trained", run.trained, lane), ("statistics", run.statistics, -lane)):
            if name in self._lines:
                self._put(name, range(stop, stop + len(distances)), self._scale.heights(distances, shift))
        ends = (stop, stop + max(interruption.AFTER, len(run.resumed_losses) - 1))
        level = run.level
        self._level.set_data(*([[], []] if level is None else [ends, [level, level]]))
        back = run.back if len(run.resumed_losses) > interruption.AFTER and not run.equal else None
        self._back.set_data(*([[], []] if not back else [[stop + back], [level]]))
        self._told.set_text(f"back after {back} step{'' if back == 1 else 's'}" if back else "")
        if back:
            self._told.xy = (stop + back, level)
            self._told.set_ha("left" if back < interruption.AFTER / 3 else "right")
        for label, distances in zip(self._measured, (run.trained, run.statistics), strict=True):
            if label in self._results:
                self._results[label].set_text(_headline(distances, self.size.narrow))

    def _put(self, name: str, steps: range, heights: np.ndarray) -> None:
        line, tip = self._lines[name]
        places = np.array(steps[: len(heights)])
        line.set_data(places, heights)
        tip.set_data(places[-1:], heights[-1:])


def _headline(distances: Sequence[float], brief: bool) -> str:
    if len(distances) < 2:
        return "-" if brief else "not measured"
    if not any(distances):
        return "\N{CHECK MARK}" if brief else "\N{CHECK MARK} stay equal"
    return f"\N{BALLOT X} {'' if brief else 'apart by '}{plots._size(distances[-1])}"
