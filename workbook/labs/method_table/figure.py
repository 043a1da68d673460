"""The picture of the table: a row for each model, a column for each method, and in each cell a mark for each test."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import matplotlib
from matplotlib.patches import Rectangle

from helpers.report import QUESTIONS
from workbook.labs.framework.figure import BAND, BLUE, GREY, INK, PALE, SMALL, TITLE, VERMILLION, Picture, Size
from workbook.labs.method_table.run import WORDS, MethodTableRun, Outcome

__all__ = ["MethodTablePicture"]

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": SMALL,
    "text.color": INK,
    "hatch.color": PALE,
    "hatch.linewidth": 2,
}
# All lengths are CSS pixels.
_LETTER = 6.5  # that a letter takes
_ROW = 32
_LINE = 19  # of the legend
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
            self._head = self._head_of(table, single)
            legend = self._legend(table, single)
            foot = 6 + _LINE * (1 + max(line for line, *_ in legend))
            width, height = self.size.width, self._head + rows * _ROW + foot
            self.figure.set_size_inches(width / Size.PER_INCH, height / Size.PER_INCH)
            ax = self.figure.add_axes((0, 0, 1, 1))
            ax.set_axis_off()
            ax.set_xlim(0, width)
            ax.set_ylim(height, 0)
            if message is not None or not table.rows:
                words = message or "There is no model."
                ax.text(width / 2, self._head + rows * _ROW / 2, words, ha="center", va="center", fontsize=TITLE)
            else:
                marks: dict[bool | None, list[tuple[float, float]]] = {key: [] for key in _MARKS}
                (self._single if single else self._many)(ax, table, marks)
                for key, places in marks.items():
                    self._scatter(ax, key, places)
            self._draw_legend(ax, legend, self._head + rows * _ROW + 6)
        return True

    def _columns(self, table: MethodTableRun, single: bool) -> tuple[float, float]:
        """Return the width of the first column, and of each of those with symbols."""
        narrow, width = self.size.narrow, self.size.width
        if single:
            return (182, 30) if narrow else (210, 90)
        first = 148 if narrow else 190
        return first, (width - first - 8) / max(len(table.methods), 1)

    def _head_of(self, table: MethodTableRun, single: bool) -> float:
        if not self.size.narrow:
            return 28 if single else 70
        words = QUESTIONS if single else [method.label for method in table.methods.values()]
        return 12 + _LETTER * max(map(len, words))

    def _heading(self, ax: Any, middle: float, words: str) -> None:
        look = {"rotation": 90} if self.size.narrow else {}
        ax.text(middle, self._head - 6, words, ha="center", va="bottom", fontweight="bold", **look)

    def _many(self, ax: Any, table: MethodTableRun, marks: dict) -> None:
        first, wide = self._columns(table, False)
        for column, method in enumerate(table.methods.values()):
            label = method.label
            if not self.size.narrow:
                # A name that is too long for its column is broken after a dot or an underscore.
                label = "\n".join(textwrap.wrap(re.sub(r"(?<=\w)([._])(?=\w)", r"\1 ", label), 9))
                label = re.sub(r"(?<=_) ", "", label)
            self._heading(ax, first + (column + 0.5) * wide, label)
        for row, subject in enumerate(table.rows):
            top = self._head + row * _ROW
            self._row(ax, top, subject, first)
            for column, name in enumerate(table.methods):
                outcome = table.outcomes.get((subject, name))
                if outcome is None:
                    continue
                left = first + column * wide
                words = "!" if self.size.narrow else _short(outcome.problem.name) if outcome.problem else ""
                places = [left + (0.5 + 0.24 * (place - 1)) * wide for place in range(3)]
                self._cell(ax, outcome, (left + 2, left + wide - 2), top, words, places, marks)

    def _row(self, ax: Any, top: float, words: str, room: float) -> None:
        letters = int((room - 8) / (_LETTER - 0.2))
        ax.text(8, top + _ROW / 2, words if len(words) <= letters else f"{words[: letters - 1]}…", va="center")
        ax.plot([8, self.size.width - 8], [top + _ROW] * 2, color=PALE, linewidth=0.8, zorder=0)

    def _cell(
        self,
        ax: Any,
        outcome: Outcome,
        ends: tuple[float, float],
        top: float,
        words: str,
        places: list[float],
        marks: dict,
    ) -> None:
        frame = {"xy": (ends[0], top + 4), "width": ends[1] - ends[0], "height": _ROW - 8, "zorder": 1}
        middle = top + _ROW / 2
        if outcome.problem is not None:
            ax.add_patch(Rectangle(**frame, **_HATCHED))
            ax.text(sum(ends) / 2, middle, words, ha="center", va="center", color=GREY, bbox=_BOX)
            return
        if outcome.true:
            ax.add_patch(Rectangle(**frame, **_FRAMED))
        for place, passed in zip(places, outcome.passed.values(), strict=True):
            marks[passed].append((place, middle))

    def _single(self, ax: Any, table: MethodTableRun, marks: dict) -> None:
        first, wide = self._columns(table, True)
        end = first + len(QUESTIONS) * wide
        for column, name in enumerate(QUESTIONS):
            self._heading(ax, first + (column + 0.5) * wide, name)
        ax.text(end + 8, self._head - 6, "What is lost", va="bottom", fontweight="bold")
        letters = int((self.size.width - end - 16) / (_LETTER - 0.4))
        for row, (name, method) in enumerate(table.methods.items()):
            top = self._head + row * _ROW
            self._row(ax, top, method.label, first)
            outcome = table.outcomes.get((table.rows[0], name))
            if outcome is None:
                continue
            words = outcome.words.removeprefix("! ")
            words = "error" if self.size.narrow else words
            places = [first + (column + 0.5) * wide for column in range(3)]
            self._cell(ax, outcome, (first + 3, end - 3), top, words, places, marks)
            lost = [*outcome.lost, *["optimizer state once trained"] * outcome.lost_later]
            text = textwrap.shorten(", ".join(lost), letters, placeholder=" …") if outcome.problem is None else ""
            ax.text(end + 8, top + _ROW / 2, text, va="center")

    def _scatter(self, ax: Any, key: bool | None, places: list[tuple[float, float]]) -> None:
        marker, color, size = _MARKS[key]
        if places:
            size = size * 0.5 if self.size.narrow else size
            ax.scatter(*zip(*places, strict=True), marker=marker, c=color, s=size, linewidths=0.9, zorder=3)

    def _legend(self, table: MethodTableRun, single: bool) -> list[tuple[int, float, Any, str]]:
        """Return what explains the symbols: for each the line, the place in it, the symbol, and words."""
        items: list[tuple[Any, str]] = [((key,), WORDS[key]) for key in (True, False, None)]
        items += [(_FRAMED, "framed: a true clone"), (_HATCHED, "hatched: an error, and no clone")]
        if not single:
            text = f"In each cell, from left to right: {', '.join(QUESTIONS)}."
        else:
            text = "Lost are parts that a clone has to carry. The random state of Dropout is other state here."
        items += [(None, line) for line in textwrap.wrap(text, int((self.size.width - 20) / 6.3))]
        found: list[tuple[int, float, Any, str]] = []
        line, left = 0, 10.0
        for symbol, words in items:
            taken = (30 if isinstance(symbol, tuple) else 52 if symbol else 4) + len(words) * 6.3
            if left > 10 and (symbol is None or left + taken > self.size.width):
                line, left = line + 1, 10.0
            found.append((line, left, symbol, words))
            left += taken + 6
        return found

    def _draw_legend(self, ax: Any, legend: list[tuple[int, float, Any, str]], top: float) -> None:
        for line, left, symbol, words in legend:
            middle = top + (line + 0.5) * _LINE
            if isinstance(symbol, tuple):
                self._scatter(ax, symbol[0], [(left + 6, middle)])
                left += 18
            elif symbol:
                ax.add_patch(Rectangle((left, middle - 7), 32, 14, **symbol))
                left += 40
            ax.text(left, middle, words, va="center", color=INK if symbol else GREY)


def _short(name: str) -> str:
    """Shorten the name of an error to fit into a cell."""
    return name if len(name) <= 10 else f"{name[:8]}…"
