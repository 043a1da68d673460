"""The picture of an interrupted training: its loss and its distance from a model that was never interrupted.

The left panel shows the loss of both models, the right panel the distance between their weights. The distance axis is
that of the three tests, with a separate band for "0 exactly", so that models that are equal bit for bit have a curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

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
    STYLE,
    VERMILLION,
    DistanceAxis,
    Picture,
)
from workbook.labs.interruption import run as interruption
from workbook.labs.interruption.run import InterruptionRun

_LANE = 0.21

_UNINTERRUPTED = {"color": BLUE, "marker": "o", "linestyle": "-", "markersize": 5.5}
_RESUMED = {"color": VERMILLION, "marker": "X", "linestyle": (0, (4, 1.6)), "markersize": 6.5}
_STATISTICS = {"color": PURPLE, "marker": "^", "linestyle": "-.", "markersize": 6.0}
_PANELS = {
    "Loss": "On digits that are not trained on",
    "Distance": "How far the weights are from the uninterrupted model's",
}


class InterruptionPicture(Picture):
    """The two panels as a figure that is made once and then updated with new numbers.

    Args:
        size: Width and height in inches.
        dpi: Pixels per inch.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that every `update` may move.

    Example:
        >>> InterruptionPicture().update(InterruptionRun(InterruptionSettings()))
        True
    """

    caption_place = (0.045, -0.01)

    def __init__(self, size: tuple[float, float] = (11.0, 4.3), dpi: float = 110) -> None:
        super().__init__(size, dpi)
        with matplotlib.rc_context(STYLE):
            grid = self.figure.add_gridspec(1, 2, left=0.045, right=0.985, top=0.70, bottom=0.14, wspace=0.29)
            self.axes = [self.figure.add_subplot(cell) for cell in grid]

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
        for artist in (*self.moving, *self.placed):
            artist.remove()
        self.moving, self.placed = [], []
        self._lay_out_axes(span, highest, top)
        for ax, (name, question) in zip(self.axes, _PANELS.items(), strict=True):
            at = ax.axvline(stop, color=GREY, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1.5)
            title = {"fontsize": 13, "fontweight": "bold", "va": "center", "transform": ax.transAxes}
            head = ax.text(0, self._above(ax, 0.98), name, **title)
            place = {"transform": ax.transAxes, "fontsize": 9, "color": GREY, "va": "center"}
            self.placed += [at, head, ax.text(0, self._above(ax, 0.73), question, **place)]
        loss, distance = self.axes
        # The label is put on the side of the line that has more room, away from the curves.
        right = stop < span / 2
        label = loss.text(
            stop + (0.012 if right else -0.012) * span,
            0.965 * highest,
            "saved, loaded",
            ha="left" if right else "right",
            va="top",
            fontsize=8,
            color=GREY,
        )
        self.placed.append(label)
        self._lines = {
            "uninterrupted": self._line(loss, "uninterrupted model", _UNINTERRUPTED, 0, span),
            "resumed": self._line(loss, "interrupted and resumed", _RESUMED, 1, span),
            "trained": self._line(distance, "trained weights", _RESUMED, 0, span),
        }
        if has_norm:
            self._lines["statistics"] = self._line(distance, "statistics of BatchNormalization", _STATISTICS, 1, span)
        self._level = Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (1, 1.5)), animated=True, zorder=2)
        self._back = Line2D([], [], color=GREEN, marker="s", markersize=8, linestyle="none", animated=True, zorder=8)
        self._told = loss.annotate(
            "",
            (0, 0),
            xytext=(0, -8),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8.5,
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
            words = distance.text(
                0.5,
                0.5,
                message,
                transform=distance.transAxes,
                ha="center",
                va="center",
                fontsize=11,
                linespacing=1.5,
                zorder=10,
                bbox={"facecolor": "white", "edgecolor": GREY, "boxstyle": "round,pad=0.8", "linewidth": 0.8},
            )
            self.placed.append(words)
        for artist in self.placed:
            artist.set_animated(True)

    def _lay_out_axes(self, span: int, highest: float, top: int) -> None:
        """Change what differs from the last layout: making axes and their ticks takes longer than all the rest."""
        before, self.frame = self.frame, (span, highest, top)
        loss, distance = self.axes
        if before is None or before[1:] != (highest, top):
            for ax in self.axes:
                ax.clear()
                ax.spines[["top", "right"]].set_visible(False)
                ax.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(6, integer=True))
                ax.set_xlabel("training step", labelpad=3)
            loss.set_ylim(0, highest)
            loss.grid(axis="y", color=PALE, linewidth=0.6)
            loss.set_axisbelow(True)
            self._scale = DistanceAxis(distance, top, above="not finite")
            distance.set_ylabel("largest absolute difference", labelpad=6)
        for ax in self.axes:
            ax.set_xlim(-0.02 * span, 1.03 * span)

    def _above(self, ax: Axes, inches: float) -> float:
        """Convert inches above a panel to a position in units of the panel's height."""
        return 1 + inches / (ax.get_position().height * self.figure.get_figheight())

    def _line(self, ax: Axes, label: str, style: dict[str, Any], index: int, span: int) -> tuple[Line2D, Line2D]:
        marks = {**style, "markeredgecolor": "white", "markeredgewidth": 0.6, "linewidth": 1.8}
        height = self._above(ax, 0.49 - 0.21 * index)
        key = Line2D([0.004, 0.04, 0.076], [height] * 3, transform=ax.transAxes, markevery=[1], clip_on=False, **marks)
        self.placed.append(ax.add_line(key))
        place = {"transform": ax.transAxes, "va": "center"}
        self.placed.append(ax.text(0.095, height, label, color=style["color"], fontsize=9, **place))
        every = max(1, math.ceil(span / 10))
        moving = {"animated": True, "zorder": 4 + index, "clip_on": False}
        line = Line2D([], [], markevery=(index * every // 2, every), **marks, **moving)
        tip = Line2D([], [], **{**marks, "linestyle": "none"}, **moving)
        words = ax.text(1.0, height, "", transform=ax.transAxes, va="center", ha="right", fontsize=9, animated=True)
        ax.add_line(line)
        ax.add_line(tip)
        self.moving += [line, tip, words]
        self._results = {**getattr(self, "_results", {}), label: words}
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
        for label, distances in (
            ("trained weights", run.trained),
            ("statistics of BatchNormalization", run.statistics),
        ):
            if label in self._results:
                self._results[label].set_text(_headline(distances))

    def _put(self, name: str, steps: range, heights: np.ndarray) -> None:
        line, tip = self._lines[name]
        places = np.array(steps[: len(heights)])
        line.set_data(places, heights)
        tip.set_data(places[-1:], heights[-1:])


def _headline(distances: Sequence[float]) -> str:
    if len(distances) < 2:
        return "not measured"
    if not any(distances):
        return "\N{CHECK MARK} stay equal"
    return f"\N{BALLOT X} apart by {plots._size(distances[-1])}"
