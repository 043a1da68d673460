"""The picture of the birth of weights: both Keras versions side by side, from the class to the training.

Above, each variable is a bar that begins at the step after which the variable exists; the bar is filled where the
model lists the variable. Below are the distance between the hidden layers of two instances, and how far each has moved,
on the distance axis that all pictures share.
"""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from workbook.labs.birth.run import (
    BUILD,
    MADE,
    SECOND_CALL,
    STEPS,
    TRAINING,
    TRAINING_STEPS,
    BirthRun,
    Life,
    Variable,
)
from workbook.labs.framework import figure as plots
from workbook.labs.framework.figure import (
    BAND,
    BLUE,
    GREEN,
    GREY,
    INK,
    NORMAL,
    SMALL,
    STYLE,
    TITLE,
    VERMILLION,
    DistanceAxis,
    Look,
    Picture,
    Size,
)
from workbook.text import KERAS_VERSIONS

_LANE = 0.3
_LINES = {
    "apart": ("apart", Look(VERMILLION, "X", (0, (4, 1.6)), 6.5)),
    "first": ("first", Look(BLUE, "o", "-", 5.5)),
    "second": ("second", Look(GREEN, "s", (0, (1, 1.2)), 5.0)),
}
_LOWEST_PLOT = 45  # CSS pixels; where there is less room, the numbers stand alone


class BirthPicture(Picture):
    """A reusable figure with two columns, one for each Keras version.

    Args:
        size: The room for it.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that change while the instances are trained.

    Example:
        >>> BirthPicture().update(BirthRun(BirthSettings()))  # doctest: +SKIP
        True
    """

    def __init__(self, size: Size | None = None) -> None:
        super().__init__(size)
        self._lines: dict[tuple[str, str], tuple[Line2D, Line2D, Any]] = {}
        self._heads: dict[str, dict[int, Text]] = {}  # above the bars and above the training, by step
        self._notes: dict[str, Text] = {}
        with matplotlib.rc_context(STYLE):
            self._births, self._distances = (
                {name: self.figure.add_subplot(2, 2, first + at) for at, name in enumerate(KERAS_VERSIONS)}
                for first in (1, 3)
            )

    def update(self, run: BirthRun, message: str | None = None) -> bool:
        """Show the results of a run so far.

        Args:
            run: The run.
            message: Text across the picture when there is nothing to show.

        Returns:
            True if the whole figure must be repainted because more than the moving artists has changed.

        Example:
            >>> BirthPicture().update(BirthRun(BirthSettings(step=0)))
            True
        """
        lives = run.lives
        layout = (run.settings, message, repr([(life.births, life.failed, life.error) for life in lives.values()]))
        changed = layout != self._layout
        if changed:
            self._layout = layout
            with matplotlib.rc_context(STYLE):
                self._lay_out(run, message)
        for name, life in lives.items():
            self._move(name, life)
        return changed

    def _lay_out(self, run: BirthRun, message: str | None) -> None:
        known = [births for life in run.lives.values() for births in life.births.values()]
        rows, notes = max([2, *map(len, known)]), [_note(run, life) for life in run.lives.values()]
        # Texts take longest to paint. Heads and notes are part of the frame, because few settings change them.
        before, self.frame = self.frame, (rows, run.settings.step, notes)
        if before is None or before[0] != rows:
            self.clear()
            self._lay_out_axes(rows)
        for artist in self.placed:
            artist.remove()
        self.placed = []
        at = run.settings.step
        for (name, life), note in zip(run.lives.items(), notes, strict=True):
            for step, head in self._heads[name].items():
                head.set(fontweight="bold" if step == at else "normal", color=INK if step <= at else GREY)
            self._notes[name].set_text(note if self._plotted else "")
            self._lay_out_births(self._births[name], run, life, rows)
        if message:
            self.say(self._births["keras"], message)

    def _lay_out_axes(self, rows: int) -> None:
        """Make what only the number of bars changes: axes with their ticks take longer than all the rest."""
        self._lines = {}
        narrow, width, height = self.size.narrow, self.size.width, self.size.height
        self._head = 24 + 18 + 16 * (not narrow)
        high = rows * ((20 if rows < 4 else 16) if not narrow else 16)
        self._words = 18 + (3 * 15 if narrow else 17)  # above the lower panels
        plot = height - self._head - high - 4 - self._words - 34
        self._plotted = plot >= _LOWEST_PLOT
        left, right, gap = ((74, 6, 9) if narrow else (94, 8, 14)) if self._plotted else (6, 6, 12)
        wide = (width - left - right - gap) / 2
        for at, (name, label) in enumerate(KERAS_VERSIONS.items()):
            begin = left + at * (wide + gap)
            edges = begin, width - begin - wide
            upper, lower = self._births[name], self._distances[name]
            for ax in (upper, lower):
                ax.clear()
            self.place(upper, *edges, self._head, height - self._head - high)
            self.place(lower, *edges, self._head + high + 4 + self._words, 34 if self._plotted else 4)
            self._lay_out_heads(name, label if narrow else f"{label} ({name})", rows)
            self._lay_out_distances(name, first=at == 0)
        if not narrow:
            words = "dashed: not listed"
            ax = self._births["tf_keras"]
            level = self.above(ax, self._head - 12)
            end = self.across(ax, wide - 36)  # before the button in the corner
            ax.text(end, level, words, fontsize=SMALL, color=GREY, va="center", ha="right", transform=ax.transAxes)

    # -- above: what exists after each step ------------------------------------------------------------------------

    def _lay_out_heads(self, name: str, title: str, rows: int) -> None:
        ax, narrow = self._births[name], self.size.narrow
        ax.set_xlim(MADE - 0.5, SECOND_CALL + 0.5)
        ax.set_ylim(rows, 0)
        ax.set_yticks([])
        ax.set_xticks([])
        ax.spines[["top", "right", "left"]].set_visible(False)
        level = {"va": "center", "transform": ax.transAxes}
        size = NORMAL + 1 if narrow else TITLE
        ax.text(0, self.above(ax, self._head - 12), title, fontsize=size, fontweight="bold", **level)
        self._heads[name] = {}
        for step in range(MADE, SECOND_CALL + 1):
            words = str(step) if narrow else f"{step}  {STEPS[step]}"
            place = ((step - MADE + 0.5) / (SECOND_CALL - MADE + 1), self.above(ax, self._head - 33))
            self._heads[name][step] = ax.text(*place, words, ha="center", **level)

    def _lay_out_births(self, ax: Axes, run: BirthRun, life: Life, rows: int) -> None:
        at = run.settings.step
        for step in range(MADE, SECOND_CALL + 1):
            if step == at:
                self.put(ax.axvspan(step - 0.48, step + 0.48, color=BAND, zorder=0, linewidth=0))
            if life.failed == step:
                self._draw_error(ax, step, life.error, rows)
            elif step > at or step not in life.births:
                self._say(ax, step, "not yet" if step > at else "not reached", rows)
            elif step == BUILD and not run.settings.build:
                self._say(ax, step, "not called", rows)
            else:
                self._draw_step(ax, step, life.births[step])
        self._name_variables(ax, life, run.settings.build)

    def _say(self, ax: Axes, step: int, words: str, rows: int) -> None:
        words = words.replace(" ", "\n") if self.size.narrow else words
        place = {"ha": "center", "va": "center"}
        self.put(ax.text(step, rows / 2, words, color=GREY, fontsize=SMALL, linespacing=0.95, **place))

    def _draw_error(self, ax: Axes, step: int, error: str, rows: int) -> None:
        name = error if len(error) <= 12 else f"{error[:10]}…"
        words = "\N{BALLOT X}" if self.size.narrow else f"\N{BALLOT X}\n{name}"
        self.put(ax.text(step, rows / 2, words, ha="center", va="center", color=VERMILLION))

    def _draw_step(self, ax: Axes, step: int, variables: list[Variable]) -> None:
        if not self.size.narrow:
            listed = sum(each.listed for each in variables)
            words = f"{listed} listed" if listed == len(variables) else f"{listed} listed of {len(variables)}"
            place = ((step - MADE + 0.5) / (SECOND_CALL - MADE + 1), self.above(ax, 8))
            look = {"ha": "center", "va": "center", "transform": ax.transAxes}
            self.put(ax.text(*place, words, fontsize=SMALL, color=GREY, **look))
        for row, each in enumerate(variables):
            color = BLUE if each.owner == "hidden" else GREY
            look = {"facecolor": color if each.listed else "white", "linestyle": "-" if each.listed else (0, (2, 1.5))}
            bar = Rectangle((step - 0.5, row + 0.08), 1, 0.84, edgecolor=color, linewidth=1.2, **look)
            self.put(ax.add_patch(bar))

    def _name_variables(self, ax: Axes, life: Life, built: bool) -> None:
        """Write the name of each variable on its bar, or before it if the bar is too short."""
        steps = [step for step in sorted(life.births) if MADE <= step <= SECOND_CALL and (built or step != BUILD)]
        named: set[int] = set()
        for step in steps:
            for row, each in enumerate(life.births[step]):
                if row in named:
                    continue
                named.add(row)
                listed = all(life.births[later][row].listed for later in steps if later >= step)
                shared = ", shared" if life.last[row].shared else ""
                words = f"{each.name}{shared}" if self.size.narrow else f"{each.label}{shared}"
                color = BLUE if each.owner == "hidden" else GREY
                room = (steps[-1] - step + 0.9) / (SECOND_CALL - MADE + 1) * ax.get_position().width * self.size.width
                short = len(words) * 6.3 > room
                look = {"color": "white" if listed and not short else color, "va": "center", "fontsize": SMALL}
                if not listed and not short:
                    look["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
                left, side = (0.52, "right") if short else (0.42, "left")
                self.put(ax.text(step - left, row + 0.5, words, ha=side, **look))

    # -- below: the distances while the instances are trained -------------------------------------------------------

    def _lay_out_distances(self, name: str, first: bool) -> None:
        ax, narrow = self._distances[name], self.size.narrow
        ax.set_xlim(-0.02 * TRAINING_STEPS, 1.03 * TRAINING_STEPS)
        self._scale = DistanceAxis(ax, roomy=True, words=first)
        ax.set_xticks(range(0, TRAINING_STEPS + 1, 10 if narrow else 5))
        ax.set_xlabel("training step", labelpad=1)
        if not self._plotted:
            ax.set_axis_off()
            for artist in (*ax.patches, *ax.lines):
                artist.set_visible(False)
        elif first and not narrow:
            ax.set_ylabel("largest difference", labelpad=4)
        level = {"va": "center", "transform": ax.transAxes}
        words = f"{TRAINING}  training" if narrow else f"{TRAINING}  training: distance, and how far each moved"
        self._heads[name][TRAINING] = ax.text(0, self.above(ax, self._words - 9), words, **level)
        self._notes[name] = ax.text(0.5, 0.55, "", ha="center", color=GREY, wrap=narrow, **level)
        for index, (key, (words, look)) in enumerate(_LINES.items()):
            left = 0 if narrow else (0, 105, 226)[index]
            above = self._words - 18 - 15 * index - 8 if narrow else 8
            self.key(ax, left, above, look)
            result = ax.text(
                self.across(ax, left + 31), self.above(ax, above), words, fontsize=SMALL, animated=True, **level
            )
            marks = {"color": look.color, "marker": look.marker, "markersize": look.marker_size, "linewidth": 1.8}
            marks |= {"markeredgecolor": "white", "markeredgewidth": 0.6, "clip_on": False}
            marks |= {"animated": True, "zorder": 4 + index, "visible": self._plotted}
            line = Line2D([], [], linestyle=look.line, markevery=(index, 4), **marks)
            tip = Line2D([], [], linestyle="none", **marks)
            ax.add_line(line)
            ax.add_line(tip)
            self._lines[name, key] = (line, tip, result)
            self.moving += [line, tip, result]

    def _move(self, name: str, life: Life) -> None:
        numbers = {"apart": life.apart, **life.moved}
        for index, (key, trace) in enumerate(numbers.items()):
            line, tip, result = self._lines[name, key]
            heights = self._scale.heights(trace, _LANE * (1 - index))
            line.set_data(np.arange(len(heights)), heights)
            tip.set_data(np.arange(len(heights))[-1:], heights[-1:])
            result.set_text(_LINES[key][0] + (f": {plots._size(trace[-1])}" if trace else ""))


def _note(run: BirthRun, life: Life) -> str:
    """Return the reason why nothing is measured, if there is one."""
    if life.failed is not None:
        return f"Nothing to measure: {STEPS[life.failed]} failed."
    if not life.hidden:
        return "Nothing to measure: the layer has no weights yet."
    return "Not trained yet." if run.settings.step < TRAINING else ""
