"""The picture of the table: a row for each model, a column for each method, and in each cell a mark for each test."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import matplotlib
from matplotlib.patches import Rectangle

from helpers.report import QUESTIONS
from workbook.labs.framework.figure import BAND, BLUE, GREY, INK, PALE, VERMILLION, Picture
from workbook.labs.method_table.run import WORDS, MethodTableRun, Outcome

__all__ = ["MethodTablePicture"]

# At 818 px, which is a small screen with the file browser open, letters of 8.3 points are 11 px high.
_STYLE = {"font.family": "DejaVu Sans", "font.size": 8.5, "text.color": INK, "hatch.color": PALE, "hatch.linewidth": 2}
_SMALL = 8.3
_WIDTH = 8.55
_MODELS, _METHODS = 2.8, 2.3  # columns that the names of the rows take
_LOST = 3.6  # columns that the words on what is lost take
_ROW = 0.34  # inches
_HEAD, _FOOT = 0.72, 0.66
_HEAD_OF_ONE = 0.3
_FRAMED = {"facecolor": BAND, "edgecolor": BLUE, "linewidth": 1.3}  # a true clone
_HATCHED = {"facecolor": "white", "edgecolor": PALE, "hatch": "///", "linewidth": 0}  # no clone
# Both shape and colour distinguish the three.
_MARKS = {True: ("o", BLUE, 34), False: ("X", VERMILLION, 44), None: ("_", GREY, 40)}
_BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}  # behind words on a hatched place


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
    caption_width = 112

    def __init__(self, dpi: float = 150) -> None:
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
            height = (_HEAD_OF_ONE if single else _HEAD) + rows * _ROW + _FOOT
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
        ax.set_xlim(-_MODELS, len(table.methods))
        for column, method in enumerate(table.methods.values()):
            # A name that is too long for its column is broken after a dot or an underscore.
            label = "\n".join(textwrap.wrap(re.sub(r"(?<=\w)([._])(?=\w)", r"\1 ", method.label), 9))
            label = re.sub(r"(?<=_) ", "", label)
            ax.text(column + 0.5, -0.2, label, ha="center", va="bottom", fontsize=_SMALL, fontweight="bold")
        marks: dict[bool | None, list[tuple[float, float]]] = {key: [] for key in _MARKS}
        for row, subject in enumerate(table.rows):
            ax.text(-_MODELS, row + 0.5, subject, va="center")
            ax.plot([-_MODELS, len(table.methods)], [row + 1] * 2, color=PALE, linewidth=0.8, zorder=0)
            for column, name in enumerate(table.methods):
                outcome = table.outcomes.get((subject, name))
                if outcome is not None:
                    self._cell(ax, column, row, outcome, marks)
        self._scatter(ax, marks)
        self._legend(f"In each cell, from left to right: {', '.join(QUESTIONS)}.")

    def _cell(self, ax: Any, column: int, row: int, outcome: Outcome, marks: dict) -> None:
        frame = {"xy": (column + 0.04, row + 0.1), "width": 0.92, "height": 0.8, "zorder": 1}
        if outcome.problem is not None:
            ax.add_patch(Rectangle(**frame, **_HATCHED))
            text = _short(outcome.problem.name)
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=_SMALL, color=GREY, bbox=_BOX)
            return
        if outcome.true:
            ax.add_patch(Rectangle(**frame, **_FRAMED))
        for place, passed in enumerate(outcome.passed.values()):
            marks[passed].append((column + 0.5 + (place - 1) * 0.24, row + 0.5))

    def _single(self, ax: Any, table: MethodTableRun) -> None:
        ax.set_xlim(-_METHODS, len(QUESTIONS) + _LOST)
        for column, name in enumerate([*QUESTIONS, "What is lost"]):
            x, ha = (column + 0.5, "center") if name in QUESTIONS else (column + 0.1, "left")
            ax.text(x, -0.2, name, ha=ha, va="bottom", fontsize=_SMALL, fontweight="bold")
        marks: dict[bool | None, list[tuple[float, float]]] = {key: [] for key in _MARKS}
        for row, (name, method) in enumerate(table.methods.items()):
            ax.text(-_METHODS, row + 0.5, method.label, va="center")
            ax.plot([-_METHODS, len(QUESTIONS) + _LOST], [row + 1] * 2, color=PALE, linewidth=0.8, zorder=0)
            outcome = table.outcomes.get((table.rows[0], name))
            if outcome is None:
                continue
            frame = {"xy": (0.04, row + 0.1), "width": len(QUESTIONS) - 0.08, "height": 0.8, "zorder": 1}
            if outcome.problem is not None:
                ax.add_patch(Rectangle(**frame, **_HATCHED))
                text, x = outcome.words.removeprefix("! "), len(QUESTIONS) / 2
                ax.text(x, row + 0.5, text, ha="center", va="center", fontsize=_SMALL, color=GREY, bbox=_BOX)
                continue
            if outcome.true:
                ax.add_patch(Rectangle(**frame, **_FRAMED))
            for column, passed in enumerate(outcome.passed.values()):
                marks[passed].append((column + 0.5, row + 0.5))
            lost = [*outcome.lost, *["optimizer state once trained"] * outcome.lost_later]
            text = textwrap.shorten(", ".join(lost), 52, placeholder=" …")
            ax.text(len(QUESTIONS) + 0.1, row + 0.5, text, va="center", fontsize=_SMALL)
        self._scatter(ax, marks)
        self._legend("Lost are parts that a clone has to carry. The random state of Dropout is other state here.")

    def _scatter(self, ax: Any, marks: dict) -> None:
        for key, places in marks.items():
            marker, color, size = _MARKS[key]
            if places:
                ax.scatter(*zip(*places, strict=True), marker=marker, c=color, s=size, linewidths=0.9, zorder=3)

    def _legend(self, text: str) -> None:
        height = self.figure.get_figheight()
        line = {"va": "center", "fontsize": _SMALL}
        x, y = 0.015, 0.42 / height
        ax = self.figure.add_axes((0, 0, 1, _FOOT / height), label="legend")
        ax.set_axis_off()
        ax.set_xlim(0, 1)
        ax.set_ylim(0, _FOOT)
        for key, width in ((True, 0.095), (False, 0.085), (None, 0.105)):
            marker, color, size = _MARKS[key]
            ax.scatter([x + 0.006], [0.42], marker=marker, c=color, s=size, linewidths=0.9)
            self.figure.text(x + 0.02, y, WORDS[key], **line)
            x += width
        ax.add_patch(Rectangle((x, 0.31), 0.035, 0.22, **_FRAMED))
        self.figure.text(x + 0.044, y, "framed: a true clone", **line)
        x += 0.23
        ax.add_patch(Rectangle((x, 0.31), 0.035, 0.22, **_HATCHED))
        self.figure.text(x + 0.044, y, "hatched: an error, and no clone", **line)
        self.figure.text(0.015, 0.15 / height, text, color=GREY, **line)


def _short(name: str) -> str:
    """Shorten the name of an error to fit into a cell."""
    return name if len(name) <= 10 else f"{name[:8]}…"
