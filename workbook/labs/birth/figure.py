"""The picture of the birth of weights: both Keras versions side by side, from the class to the training.

The upper panels show a box for each variable that exists after a step; the box is filled if the model lists the
variable. The lower panels show the distance between the hidden layers of two instances, and how far each has moved, on
the distance axis that all pictures share.
"""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

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
from workbook.labs.framework.figure import BAND, BLUE, GREEN, GREY, INK, STYLE, VERMILLION, DistanceAxis, Picture
from workbook.text import KERAS_VERSIONS

_ROWS = 6  # boxes that fit above each other
_LANE = 0.3
_LINES = {
    "apart": ("apart", VERMILLION, "X", (0, (4, 1.6)), 6.5),
    "first": ("first moved", BLUE, "o", "-", 5.5),
    "second": ("second moved", GREEN, "s", (0, (1, 1.2)), 5.0),
}


class BirthPicture(Picture):
    """A reusable figure with two columns, one for each Keras version.

    Args:
        size: Width and height in inches.
        dpi: Pixels per inch.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that change while the instances are trained.

    Example:
        >>> BirthPicture().update(BirthRun(BirthSettings()))  # doctest: +SKIP
        True
    """

    caption_place = (0.085, -0.012)
    caption_width = 132

    def __init__(self, size: tuple[float, float] = (11.0, 5.7), dpi: float = 110) -> None:
        super().__init__(size, dpi)
        self._boxes: list[Artist] = []  # artists of the current layout
        self._lines: dict[tuple[str, str], tuple[Line2D, Line2D, Any]] = {}
        self._heads: dict[tuple[str, int], Any] = {}
        self._notes: dict[str, tuple[Any, Any]] = {}
        with matplotlib.rc_context(STYLE):
            grid = self.figure.add_gridspec(
                2, 2, left=0.085, right=0.985, top=0.885, bottom=0.085, wspace=0.05, hspace=0.46, height_ratios=(1.2, 1)
            )
            self._births = {name: self.figure.add_subplot(grid[0, at]) for at, name in enumerate(KERAS_VERSIONS)}
            self._distances = {name: self.figure.add_subplot(grid[1, at]) for at, name in enumerate(KERAS_VERSIONS)}
            for name, label in KERAS_VERSIONS.items():
                self._prepare_births(name, f"{label} ({name})", first=name == "keras")
                self._prepare_distances(name, first=name == "keras")

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

    # -- drawn once ----------------------------------------------------------------------------------------------

    def _prepare_births(self, name: str, title: str, first: bool) -> None:
        ax = self._births[name]
        ax.set_xlim(MADE - 0.5, SECOND_CALL + 0.5)
        ax.set_ylim(0, _ROWS + 0.3)
        ax.set_yticks([])
        ax.set_xticks([])
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.text(0, 1.22, title, fontsize=13, fontweight="bold", va="center", transform=ax.transAxes)
        if first:
            ax.set_ylabel("variables of the first instance", labelpad=8)
        else:
            words = "filled: the model lists it   dashed: it does not"
            ax.text(1, 1.22, words, fontsize=8.5, color=GREY, va="center", ha="right", transform=ax.transAxes)
        for step in range(MADE, SECOND_CALL + 1):
            words = f"{step}  {'build by hand' if step == BUILD else STEPS[step]}"
            self._heads[name, step] = ax.text(step, _ROWS + 0.8, words, ha="center", va="center", fontsize=9)

    def _prepare_distances(self, name: str, first: bool) -> None:
        ax = self._distances[name]
        ax.set_xlim(-0.02 * TRAINING_STEPS, 1.03 * TRAINING_STEPS)
        self._scale = DistanceAxis(ax, roomy=True, words=first)
        ax.set_xticks(range(0, TRAINING_STEPS + 1, 5))
        ax.set_xlabel("training step", labelpad=2)
        if first:
            ax.set_ylabel("largest absolute difference", labelpad=4)
        head = {"transform": ax.transAxes, "va": "center"}
        words = f"{TRAINING}  training: the hidden layers of the first and the second instance"
        title = ax.text(0, 1.23, words, fontsize=9, **head)
        note = ax.text(0.5, 0.55, "", ha="center", color=GREY, **head)
        self._notes[name] = (title, note)
        for index, (key, (words, color, marker, dashes, size)) in enumerate(_LINES.items()):
            look = {
                "color": color,
                "marker": marker,
                "markersize": size,
                "markeredgecolor": "white",
                "markeredgewidth": 0.6,
                "linewidth": 1.8,
                "clip_on": False,
            }
            place = (0.005, 0.27, 0.62)[index]
            keys = ([place, place + 0.03, place + 0.06], [1.1] * 3)
            ax.add_line(Line2D(*keys, linestyle=dashes, markevery=[1], transform=ax.transAxes, **look))
            result = ax.text(place + 0.07, 1.1, words, color=color, fontsize=8.5, animated=True, **head)
            line = Line2D([], [], linestyle=dashes, markevery=(index, 4), animated=True, zorder=4 + index, **look)
            tip = Line2D([], [], linestyle="none", animated=True, zorder=4 + index, **look)
            ax.add_line(line)
            ax.add_line(tip)
            self._lines[name, key] = (line, tip, result)
            self.moving += [line, tip, result]

    # -- drawn again for each layout -----------------------------------------------------------------------------------

    def _lay_out(self, run: BirthRun, message: str | None) -> None:
        for artist in self._boxes:
            artist.remove()
        self._boxes = []
        at = run.settings.step
        for name, life in run.lives.items():
            ax = self._births[name]
            for step in range(MADE, SECOND_CALL + 1):
                head = self._heads[name, step]
                head.set(fontweight="bold" if step == at else "normal", color=INK if step <= at else GREY)
                if step == at:
                    self._boxes.append(ax.axvspan(step - 0.48, step + 0.48, color=BAND, zorder=0, linewidth=0))
                if life.failed == step:
                    self._draw_error(ax, step, life.error)
                elif step > at or step not in life.births:
                    self._say(ax, step, "not yet" if step > at else "not reached")
                elif step == BUILD and not run.settings.build:
                    self._say(ax, step, "not called")
                else:
                    self._draw_variables(ax, step, life.births[step])
            title, note = self._notes[name]
            title.set(fontweight="bold" if at == TRAINING else "normal", color=INK if at == TRAINING else GREY)
            note.set_text(_note(run, life))
        if message:
            box = {"facecolor": "white", "edgecolor": GREY, "boxstyle": "round,pad=0.8", "linewidth": 0.8}
            ax = self._births["keras"]
            words = ax.text(1.02, 0.5, message, ha="center", va="center", fontsize=13, bbox=box, transform=ax.transAxes)
            self._boxes.append(words)
        # Texts take longest to paint. The heads and the notes are part of the frame, because few settings change them.
        self.frame = (at, *(note.get_text() for _, note in self._notes.values()))
        self.placed = self._boxes
        for artist in self.placed:
            artist.set_animated(True)

    def _say(self, ax: Axes, step: int, words: str) -> None:
        self._boxes.append(ax.text(step, _ROWS / 2, words, ha="center", color=GREY, fontsize=8.5))

    def _draw_error(self, ax: Axes, step: int, error: str) -> None:
        box = ax.add_patch(_box(step, 2.2, 1.7, facecolor="white", edgecolor=VERMILLION))
        look = {"ha": "center", "va": "center", "color": VERMILLION, "fontsize": 9.5}
        self._boxes += [box, ax.text(step, 3.05, f"\N{BALLOT X}\n{error}", **look)]

    def _draw_variables(self, ax: Axes, step: int, variables: list[Variable]) -> None:
        listed = sum(each.listed for each in variables)
        text = f"{listed} listed" if listed == len(variables) else f"{listed} listed of {len(variables)}"
        self._boxes.append(ax.text(step, _ROWS + 0.1, text, ha="center", va="center", fontsize=8.5, color=GREY))
        for row, each in enumerate(variables):
            color = BLUE if each.owner == "hidden" else GREY
            look = {"facecolor": color if each.listed else "white", "linestyle": "-" if each.listed else (0, (2, 1.5))}
            self._boxes.append(ax.add_patch(_box(step, row * 0.93 + 0.16, 0.76, edgecolor=color, **look)))
            words = f"{each.owner}/{each.name}{', shared' if each.shared else ''}\n{' x '.join(map(str, each.shape))}"
            ink = "white" if each.listed else color
            place = (step, row * 0.93 + 0.545)
            self._boxes.append(
                ax.text(*place, words, ha="center", va="center", fontsize=6.8, linespacing=1.1, color=ink)
            )

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


def _box(x: float, y: float, height: float, **look: Any) -> FancyBboxPatch:
    return FancyBboxPatch((x - 0.44, y), 0.88, height, boxstyle="round,pad=0,rounding_size=0.05", linewidth=1.3, **look)
