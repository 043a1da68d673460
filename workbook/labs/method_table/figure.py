"""The picture of the table: a row for each model, a column for each method, and in each cell a mark per aspect."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import matplotlib
from matplotlib.patches import Rectangle

from workbook.labs.framework.figure import BAND, BLUE, GREY, INK, PALE, VERMILLION, Picture
from workbook.labs.method_table.run import ASPECTS, MethodTableRun, Outcome

__all__ = ["MethodTablePicture"]

_STYLE = {"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "hatch.color": PALE, "hatch.linewidth": 2}
_WIDTH = 11.0
_LABELS = 2.15  # columns that the names of the rows take
_ROW = 0.36  # inches
_HEAD, _FOOT = 0.62, 0.78
_FRAMED = {"facecolor": BAND, "edgecolor": BLUE, "linewidth": 1.3}  # a true clone
_HATCHED = {"facecolor": "white", "edgecolor": PALE, "hatch": "///", "linewidth": 0}  # no clone
# Both shape and colour distinguish the three.
_MARKS = {True: ("o", BLUE, 34), False: ("X", VERMILLION, 44), None: ("_", GREY, 40)}


class MethodTablePicture(Picture):
    """The table as a figure, for all kinds of models or for a single model.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Empty: every update repaints the whole figure.

    Example:
        >>> picture = MethodTablePicture()
        >>> picture.update(MethodTableRun())
        True
    """

    caption_place = (0.015, -0.01)

    def __init__(self, dpi: float = 110) -> None:
        super().__init__((_WIDTH, 4), dpi)

    def update(self, table: MethodTableRun, message: str | None = None) -> bool:
        """Show the cells that are filled in so far.

        Args:
            table: The table.
            message: Text to show if there is nothing to draw.

        Returns:
            True: the whole figure must be repainted.
        """
        with matplotlib.rc_context(_STYLE):
            self.figure.clear()
            single = len(table.rows) == 1
            rows = len(table.methods) if single else max(len(table.rows), 1)
            height = _HEAD + rows * _ROW + _FOOT
            self.figure.set_size_inches(_WIDTH, height)
            ax = self.figure.add_axes((0.01, _FOOT / height, 0.98, rows * _ROW / height))
            ax.set_axis_off()
            ax.set_ylim(rows, 0)
            if message is not None or not table.rows:
                ax.set_xlim(0, 1)
                ax.text(0.5, rows / 2, message or "There is no model.", ha="center", va="center", fontsize=13)
            else:
                (self._single if single else self._many)(ax, table)
        return True

    def _many(self, ax: Any, table: MethodTableRun) -> None:
        ax.set_xlim(-_LABELS, len(table.methods))
        for column, method in enumerate(table.methods.values()):
            # A name that is too long for its column is broken after its dot, not inside a word.
            label = "\n".join(textwrap.wrap(re.sub(r"(?<=\w)\.(?=\w)", ". ", method.label), 12))
            ax.text(column + 0.5, -0.2, label, ha="center", va="bottom", fontsize=8, fontweight="bold")
        marks: dict[bool | None, list[tuple[float, float]]] = {key: [] for key in _MARKS}
        for row, subject in enumerate(table.rows):
            ax.text(-_LABELS, row + 0.5, subject, va="center")
            ax.plot([-_LABELS, len(table.methods)], [row + 1] * 2, color=PALE, linewidth=0.8, zorder=0)
            for column, name in enumerate(table.methods):
                outcome = table.outcomes.get((subject, name))
                if outcome is not None:
                    self._cell(ax, column, row, outcome, marks)
        self._scatter(ax, marks)
        names = ", ".join(ASPECTS)
        self._legend(f"In each cell, from left to right: {names}.")

    def _cell(self, ax: Any, column: int, row: int, outcome: Outcome, marks: dict) -> None:
        frame = {"xy": (column + 0.04, row + 0.1), "width": 0.92, "height": 0.8, "zorder": 1}
        if outcome.problem is not None:
            ax.add_patch(Rectangle(**frame, **_HATCHED))
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            text = _short(outcome.problem.name)
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7, color=GREY, bbox=box)
            return
        if outcome.true:
            ax.add_patch(Rectangle(**frame, **_FRAMED))
        for place, survived in enumerate(outcome.survives.values()):
            marks[survived].append((column + 0.5 + (place - 2) * 0.165, row + 0.5))

    def _single(self, ax: Any, table: MethodTableRun) -> None:
        columns = [*ASPECTS, "also lost"]
        wide = 3.2
        ax.set_xlim(-_LABELS, len(ASPECTS) + wide)
        for column, name in enumerate(columns):
            x, ha = (column + 0.5, "center") if name in ASPECTS else (column + 0.1, "left")
            ax.text(x, -0.2, "\n".join(textwrap.wrap(name, 14)), ha=ha, va="bottom", fontsize=8.5, fontweight="bold")
        marks: dict[bool | None, list[tuple[float, float]]] = {key: [] for key in _MARKS}
        for row, (name, method) in enumerate(table.methods.items()):
            ax.text(-_LABELS, row + 0.5, method.label, va="center")
            ax.plot([-_LABELS, len(ASPECTS) + wide], [row + 1] * 2, color=PALE, linewidth=0.8, zorder=0)
            outcome = table.outcomes.get((table.rows[0], name))
            if outcome is None:
                continue
            frame = {"xy": (0.04, row + 0.1), "height": 0.8, "zorder": 1}
            if outcome.problem is not None:
                ax.add_patch(Rectangle(**frame, width=len(ASPECTS) - 0.08, **_HATCHED))
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
                text = outcome.words.removeprefix("! ")
                ax.text(len(ASPECTS) / 2, row + 0.5, text, ha="center", va="center", fontsize=8, color=GREY, bbox=box)
                continue
            if outcome.true:
                ax.add_patch(Rectangle(**frame, width=len(ASPECTS) - 0.08, **_FRAMED))
            for column, survived in enumerate(outcome.survives.values()):
                marks[survived].append((column + 0.5, row + 0.5))
            ax.text(len(ASPECTS) + 0.1, row + 0.5, ", ".join(_also(outcome)), va="center", fontsize=8)
        self._scatter(ax, marks)
        self._legend("")

    def _scatter(self, ax: Any, marks: dict) -> None:
        for key, places in marks.items():
            marker, color, size = _MARKS[key]
            if places:
                ax.scatter(*zip(*places, strict=True), marker=marker, c=color, s=size, linewidths=0.9, zorder=3)

    def _legend(self, text: str) -> None:
        height = self.figure.get_figheight()
        line = {"va": "center", "fontsize": 9}
        x, y = 0.015, 0.42 / height
        ax = self.figure.add_axes((0, 0, 1, _FOOT / height), label="legend")
        ax.set_axis_off()
        ax.set_xlim(0, 1)
        ax.set_ylim(0, _FOOT)
        for key, word, width in ((True, "survives", 0.085), (False, "is lost", 0.075), (None, "does not apply", 0.12)):
            marker, color, size = _MARKS[key]
            ax.scatter([x + 0.006], [0.42], marker=marker, c=color, s=size, linewidths=0.9)
            self.figure.text(x + 0.018, y, word, **line)
            x += width
        ax.add_patch(Rectangle((x, 0.31), 0.03, 0.22, **_FRAMED))
        self.figure.text(x + 0.038, y, "framed: a true clone, nothing else is lost either", **line)
        x += 0.35
        ax.add_patch(Rectangle((x, 0.31), 0.03, 0.22, **_HATCHED))
        self.figure.text(x + 0.038, y, "hatched: an error, and no clone", **line)
        self.figure.text(0.015, 0.15 / height, text, color=GREY, **line)


def _also(outcome: Outcome) -> list[str]:
    return [*outcome.also_lost, *["optimizer state once trained"] * outcome.lost_later]


def _short(name: str) -> str:
    """Shorten the name of an error to fit into a cell."""
    return name if len(name) <= 12 else f"{name[:11]}…"
