"""The signature picture: three tests of a true clone, side by side on one scale.

This module turns numbers into matplotlib figures and does not use widgets. A model passes the three tests at a
distance of zero, which a logarithmic axis cannot show. The axis therefore has a separate band for "0 exactly" at the
bottom, and one at the top for differences that have no size: a layer without a counterpart, a random state, a number
that is not finite. Every point is drawn.

Figures are made without pyplot, because pyplot would draw them a second time in a notebook and keep them alive.
"""

from __future__ import annotations

import base64
import html
import io
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from helpers.report import (
    OTHER_STATE,
    OUTPUTS,
    OWN_LIFE,
    QUESTIONS,
    SAME_FUTURE,
    SAME_START,
    ThreeTestsResult,
    describe,
)

# The palette of Okabe and Ito (https://jfly.uni-koeln.de/color/), safe for all common kinds of colour blindness, and
# some darker colours from Paul Tol's (https://personal.sron.nl/~pault/), because there are more methods than colours.
VERMILLION, BLUE, GREEN, PURPLE, SKY, ORANGE = "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
WINE, INDIGO, OLIVE = "#882255", "#332288", "#7F7F1F"
INK, GREY, PALE, BAND = "#1A1A1A", "#5F6368", "#DADCE0", "#EEF3F8"

SMALL, NORMAL, TITLE = 8.3, 9.0, 12.0  # points: letters of 11, 12 and 16 px, where a picture is shown at its own size

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the picture is the same on every machine
    "font.size": NORMAL,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.labelcolor": GREY,
    "axes.labelsize": SMALL,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
}


@dataclass(frozen=True)
class Size:
    """The room for a picture.

    Args:
        width: Width in CSS pixels.
        height: Height in CSS pixels. A picture may need more.
        ratio: Device pixels for each of them.

    Example:
        >>> Size(400).narrow
        True
    """

    width: int = 818  # of a notebook at 1280 px, with the file browser open
    height: int = 300
    ratio: float = 1.5

    PER_INCH = 96
    MOST_RATIO = 2.0  # with more, nobody would see a difference, and a picture would take longer

    @property
    def narrow(self) -> bool:
        """Whether there is no room for words beside one another."""
        return self.width < 640

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height of the figure."""
        return self.width / self.PER_INCH, self.height / self.PER_INCH

    @property
    def dpi(self) -> float:
        """Device pixels in an inch of the figure."""
        return self.PER_INCH * self.ratio


@dataclass(frozen=True)
class Look:
    """The look of one method in every picture: any one of colour, marker and line is enough to identify it."""

    color: str
    marker: str
    line: Any
    marker_size: float = 6.0

    @property
    def svg(self) -> str:
        """The line with its marker, as an image for HTML."""
        shape = MarkerStyle(self.marker)
        outline = shape.get_path().transformed(shape.get_transform())
        points = [" ".join(f"{15 + 10 * x:.1f},{7 - 10 * y:.1f}" for x, y in part) for part in outline.to_polygons()]
        dashes = "" if isinstance(self.line, str) else " ".join(str(2 * each) for each in self.line[1])
        dashes = "8 3 2 3" if self.line == "-." else dashes
        shapes = "".join(f'<polygon points="{each}" fill="{self.color}"/>' for each in points)
        return (
            '<svg class="lab-mark" width="30" height="14" aria-hidden="true"><path d="M0 7h30" fill="none" '
            f'stroke="{self.color}" stroke-width="2" stroke-dasharray="{dashes}"/>{shapes}</svg>'
        )


_DASHED, _DOTTED, _LONG, _PAIRS = (0, (4, 1.6)), (0, (1, 1.2)), (0, (7, 1.6)), (0, (3, 1, 1, 1, 1, 1))

# The labels of `workbook.methods`, the beginnings of those that a lesson or a lab shortens, and what they look like.
_LOOKS = {
    "helpers.clone": Look(BLUE, "o", "-"),
    "clone_model + set_weights": Look(PURPLE, "^", "-."),
    "+ set_weights": Look(PURPLE, "^", "-."),
    "clone_model": Look(VERMILLION, "X", _DASHED, 7.0),
    "from_config + set_weights": Look(WINE, "<", _PAIRS),
    "new instance of the class": Look(GREY, "v", _LONG),
    "the class again": Look(GREY, "v", _LONG),
    "second name (=)": Look(INK, "D", _DOTTED, 5.0),
    "copy.deepcopy": Look(SKY, "P", _DASHED, 7.0),
    ".keras file": Look(INDIGO, "h", "-", 6.5),
    ".keras": Look(INDIGO, "h", "-", 6.5),
    ".keras file + seeds": Look(OLIVE, "*", _LONG, 8.0),
    "weights file": Look(ORANGE, "p", _DOTTED, 6.5),
    ".weights.h5": Look(ORANGE, "p", _DOTTED, 6.5),
    "config + weights + optimizer": Look(GREEN, "s", _DOTTED, 5.5),
    "recipe": Look(GREEN, "s", _DOTTED, 5.5),
}
_OTHERS = (
    Look(WINE, "X", _DASHED, 7.0),
    Look(GREEN, "s", _DOTTED, 5.5),
    Look(ORANGE, "^", "-."),
    Look(SKY, "v", _LONG),
)


def looks(names: Iterable[str]) -> list[Look]:
    """Return the look of each method: always the same for one that has a name in the workbook.

    Args:
        names: The names of the methods, as readers see them.

    Example:
        >>> looks(["helpers.clone"]) == looks(["clone_model", "helpers.clone"])[1:]
        True
    """
    found: list[Look] = []
    for name in names:
        known = _LOOKS.get(name.removeprefix("loaded from "))
        free = [each for each in _OTHERS if each not in found] or list(_OTHERS)
        found.append(known or free[0])
    return found


def _size(distance: float | None) -> str:
    """Format a distance with two digits, and with a power of ten only if it needs one."""
    if distance is None or not math.isfinite(distance):
        return "no finite number"
    if distance == 0 or 0.001 <= distance < 1000:
        return f"{distance:.2g}" if distance < 100 else f"{distance:.0f}"
    return _power(distance)


def _power(number: float) -> str:
    """Format a number with a power of ten as programs do: superscripts would be too small to read."""
    mantissa, exponent = f"{number:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _headline(result: ThreeTestsResult, test: str, brief: bool = False) -> str:
    """Return the result of one test in a few words that fit above a panel, or fewer that fit above a narrow one."""
    if result.error:
        return "\N{BALLOT X} no clone"  # the sentence names the error
    passed = result.verdicts[test].passed
    if passed is None:
        weights = test == SAME_START and result.start and not any(result.start.values())
        if weights and not result.checks:  # the rest of the test follows
            return "weights \N{CHECK MARK}" if brief else "weights equal"
        return "not tried"
    if passed:
        return f"\N{CHECK MARK} {(_BRIEF if brief else _PASSED)[test]}"
    if test == SAME_START:
        layers = sum(name in result.layers for name in result.different)
        if layers:
            return f"\N{BALLOT X} {layers} of {len(result.layers)}{'' if brief else ' differ'}"
        different = [name.replace(OTHER_STATE, "other state") for name in result.different]
        return f"\N{BALLOT X} {', '.join(different) or 'settings differ'}"
    if test == SAME_FUTURE:
        if result.first_apart is not None and len(result.future) > 1:
            return f"\N{BALLOT X} {'' if brief else 'apart by '}{_size(result.future[-1])}"
        # It fails before any step: the state of the optimizer differs, for example.
        reason = textwrap.shorten(result.verdicts[test].reason, 30, placeholder="…")
        return f"\N{BALLOT X} {'different' if brief else reason}"
    moved = len(result.own_life) > 1 and result.own_life[-1] != 0
    if not moved:
        return f"\N{BALLOT X} {'shared' if brief else 'something is shared'}"
    return f"\N{BALLOT X} {'' if brief else 'moved by '}{_size(result.own_life[-1])}"


_PASSED = {SAME_START: "equal", SAME_FUTURE: "stay equal", OWN_LIFE: "keeps still"}
_BRIEF = {SAME_START: "equal", SAME_FUTURE: "equal", OWN_LIFE: "still"}


# -- shared by all pictures -------------------------------------------------------------------------------------------


class DistanceAxis:
    """A logarithmic axis of distances, with a separate band for exact zero.

    Args:
        ax: The axes to set up.
        highest: The highest decade.
        lowest: The lowest decade.
        above: Label of a second band at the top, for values that are not finite; if empty, there is no such band.
        roomy: Whether the bands are high enough to show three traces side by side.
        words: Whether the axis has labels; only the first of several panels needs them.

    Example:
        >>> axis = DistanceAxis(Figure().add_subplot())
        >>> axis.heights([0.0, 0.01, 100.0]).tolist()
        [-9.1, -2.0, 2.0]
    """

    LOWEST, HIGHEST = -8, 2  # decades that are always shown, so that pictures can be compared with one another

    def __init__(
        self,
        ax: Axes,
        highest: int = HIGHEST,
        lowest: int = LOWEST,
        above: str = "",
        roomy: bool = False,
        words: bool = True,
    ) -> None:
        points = ax.bbox.height * 72 / ax.figure.dpi
        decades = highest - lowest
        usual = 0.9 if roomy else 0.62  # half a band, in decades
        # In a low picture, bands keep the height that their words or traces need.
        half = max(usual, (13 if roomy else 7) * decades / max(points - (52 if roomy else 28), 10))
        gap = half + 0.5  # from the last decade to the middle of a band
        self._wider = half / usual
        self.lowest, self.highest = lowest, highest
        self.zero = lowest - gap
        self.beyond = highest + gap if above else float(highest)
        self.foot = self.zero + half
        top = self.beyond + (half if above else 0.4)
        ax.set_ylim(self.zero - half, top)
        ax.axhspan(self.zero - half, self.foot, color=BAND, zorder=0, linewidth=0)
        edges = [self.foot]
        if above:
            bounds = (self.beyond - half, self.beyond + half)
            ax.axhspan(*bounds, facecolor="white", edgecolor=PALE, hatch="////", zorder=0, linewidth=0)
            edges.append(bounds[0])
        for edge in edges:
            ax.axhline(edge, color=GREY, linewidth=0.7, zorder=1)
        letters = 10 * (top - self.zero + half) / points  # height of a line of letters, in decades
        stride = next((each for each in (2, 4, 6) if each >= letters), 10)
        # The numbers beside the bands would touch the words there.
        free = [each for each in range(lowest, highest + 1, stride) if each - self.zero >= letters]
        free = [each for each in free if not above or self.beyond - each >= letters]
        for decade in range(lowest, highest + 1, stride):
            ax.axhline(decade, color=PALE, linewidth=0.6, zorder=0.5)
        places, names = [self.zero, *free], ["0 exactly", *(_decade(each) for each in free)]
        if above:
            places, names = [*places, self.beyond], [*names, above]
        ax.set_yticks(places, names if words else [""] * len(names))
        ax.tick_params(axis="y", length=0, pad=5)
        ax.tick_params(labelsize=SMALL)  # numbers are made when they are first drawn, without the style
        ax.spines[["top", "right", "left"]].set_visible(False)
        if words:
            ax.get_yticklabels()[0].set_fontweight("bold")

    def heights(self, distances: Iterable[float | None], lane: float = 0.0) -> np.ndarray:
        """Turn distances into heights on the axis.

        Args:
            distances: Distances; None and values that are not finite are placed in the band at the top.
            lane: Shift inside a band. Traces that are all zero would hide each other without it.

        Returns:
            An array with a height for each distance.
        """
        heights = []
        for distance in distances:
            if distance is None or not math.isfinite(distance):
                heights.append(self.beyond + lane * self._wider)
            elif distance == 0:
                heights.append(self.zero + lane * self._wider)
            else:
                heights.append(min(max(math.log10(distance), self.lowest), self.highest))
        return np.array(heights)


def _decade(exponent: int) -> str:
    return f"{10.0**exponent:g}" if -3 < exponent < 4 else f"1e{exponent}"


class Picture:
    """A figure that is made once and then updated with new numbers.

    Args:
        size: The room for it; by default that of a static picture.

    Attributes:
        usual: The room of a static picture.
        size: The room.
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that every `update` may move; all others are repainted only if `update` returns True.
        placed: Artists above the frame that `update` replaces or changes if it returns True.
        frame: What all other artists show: they are repainted only if it changes. None if they always change.
    """

    usual = Size()

    def __init__(self, size: Size | None = None) -> None:
        self.size = size or self.usual
        self.moving: list[Artist] = []
        self.placed: list[Artist] = []
        self.frame: Any = None
        self._layout: Any = None
        with matplotlib.rc_context(STYLE):
            self.figure = Figure(figsize=self.size.inches, dpi=self.size.dpi, facecolor="white")
            FigureCanvasAgg(self.figure)

    def place(self, ax: Axes, left: float, right: float, top: float, bottom: float) -> None:
        """Put a panel where its edges are so many CSS pixels from those of the picture."""
        width, height = self.size.width, self.size.height
        high = max(height - top - bottom, 20)
        ax.set_position([left / width, bottom / height, (width - left - right) / width, high / height])

    def above(self, ax: Axes, pixels: float) -> float:
        """Convert CSS pixels above a panel to a position in units of the panel's height."""
        return 1 + pixels / (ax.get_position().height * self.size.height)

    def across(self, ax: Axes, pixels: float) -> float:
        """Convert CSS pixels from the left of a panel to a position in units of the panel's width."""
        return pixels / (ax.get_position().width * self.size.width)

    def put(self, *artists: Artist) -> None:
        """Make artists part of what `clear` removes, and paint them above the frame."""
        for artist in artists:
            artist.set_animated(True)
        self.placed += artists

    def clear(self) -> None:
        """Remove all artists but the frame."""
        for artist in (*self.moving, *self.placed):
            artist.remove()
        self.moving, self.placed = [], []

    def key(self, ax: Axes, left: float, above: float, look: Look) -> Line2D:
        """Draw the line and the marker of a method beside words above a panel."""
        ends = [self.across(ax, left + each) for each in (0, 13, 26)]
        return ax.add_line(
            Line2D(
                ends,
                [self.above(ax, above)] * 3,
                transform=ax.transAxes,
                color=look.color,
                linestyle=look.line,
                linewidth=1.8,
                marker=look.marker,
                markevery=[1],
                markersize=look.marker_size,
                markeredgecolor="white",
                markeredgewidth=0.6,
                clip_on=False,
            )
        )

    def say(self, ax: Axes, words: str) -> None:
        """Write a message across a panel, or across its neighbours too."""
        box = {"facecolor": "white", "edgecolor": GREY, "boxstyle": "round,pad=0.6", "linewidth": 0.8}
        letters = max(12, self.size.width // 9)
        lines = [line for part in words.splitlines() for line in textwrap.wrap(part, letters)]
        place = {"ha": "center", "va": "center", "transform": ax.transAxes, "zorder": 10}
        self.put(ax.text(0.5, 0.5, "\n".join(lines), fontsize=10.5, linespacing=1.4, bbox=box, **place))

    def update(self, run: Any, message: str | None = None) -> bool:
        """Show the results of a run so far.

        Args:
            run: A run of the lab.
            message: Text across the picture when there is nothing to show.

        Returns:
            True if the whole figure must be repainted because more than the moving artists has changed.
        """
        raise NotImplementedError

    def still(self, run: Any) -> Figure:
        """Make a static figure of a run, with the verdict under it.

        Args:
            run: A run of the lab.

        Returns:
            A new figure; its attribute `alt` is the verdict.
        """
        picture = type(self)()
        picture.update(run)
        return picture.captioned(run.verdict)

    def captioned(self, caption: str) -> Figure:
        """Return the figure with all artists and a caption, which is also its alternative text."""
        for artist in (*self.moving, *self.placed):
            artist.set_animated(False)
        letters = self.size.width // 7
        lines = [line for part in caption.splitlines() for line in textwrap.wrap(part, letters)]
        words = {"va": "top", "fontsize": NORMAL, "linespacing": 1.5, "color": INK}
        width, height = self.size.width, self.size.height
        self.figure.text(12 / width, -4 / height, "\n".join(lines), **words)
        self.figure.alt = caption
        return self.figure


# -- the three tests ---------------------------------------------------------------------------------------------------

_LINE = 16  # CSS pixels from one line of words to the next
_LETTER = 6.6  # CSS pixels that a letter of these words takes, on average
_LANES = (0.21, -0.21, 0.38, -0.38)  # shifts of methods in the same band, because one would hide the other


class ThreeTestsPicture(Picture):
    """The three panels as a figure that is made once and then updated with new numbers.

    Args:
        size: The room for it.
        legend: Whether the names of the methods stand above the panels: not where they stand below the picture.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that every `update` may move; all others are repainted only if `update` returns True.

    Example:
        >>> picture = ThreeTestsPicture()
        >>> picture.update([ThreeTestsResult("clone", start={"dense": 0.0})], steps=40)
        True
    """

    def __init__(self, size: Size | None = None, legend: bool = False) -> None:
        super().__init__(size)
        self._legend = legend
        with matplotlib.rc_context(STYLE):
            self.axes = [self.figure.add_subplot(1, 3, place) for place in (1, 2, 3)]
        self._results: dict[tuple[int, str], Text] = {}  # by the number of the pair and the name of the test

    def update(
        self,
        pairs: Mapping[str, ThreeTestsResult] | Iterable[ThreeTestsResult],
        train: str = "both",
        steps: int | None = None,
        message: str | None = None,
    ) -> bool:
        """Show new numbers.

        Args:
            pairs: As for `three_tests`.
            train: The model that is trained: "both", "original" or "clone".
            steps: Length of the step axis; by default that of the longest trace.
            message: Text across the picture when there is nothing to show.

        Returns:
            True if the whole figure must be repainted because more than the moving artists has changed.

        Example:
            >>> ThreeTestsPicture().update([], message="There is no model to show.")
            True
        """
        read = _in_order(pairs)
        longest = max((len(trace) - 1 for pair in read for trace in (pair.future, pair.own_life)), default=0)
        steps = max(steps or 0, longest, 1)
        layers = list(dict.fromkeys(name for pair in read for name in pair.start))
        if any(pair.start and all(check.name != OUTPUTS for check in pair.checks) for pair in read):
            # Columns that are still to come keep their place: to lay out the axis twice takes longer than to measure.
            before = self.frame[1] if self.frame else ()
            rest = [name for name in before if name not in layers]
            if list(before) == [*layers, *rest] and {OUTPUTS, OTHER_STATE}.issuperset(rest):
                layers = list(before)
        highest = _decade_above(read)
        layout = (tuple(pair.name for pair in read), tuple(layers), train, steps, highest, message)
        changed = layout != self._layout
        if changed:
            self._layout = layout
            self._top = highest
            with matplotlib.rc_context(STYLE):
                self._lay_out(read, layers, train, steps, message)
        for index, pair in enumerate(read):
            self._move(index, pair, layers)
        return changed

    def still(self, run: Any) -> Figure:
        """Make a static figure of a run, with the verdict under it."""
        return three_tests(run.pairs, run.train, caption=run.verdict)

    def _lay_out(
        self, pairs: list[ThreeTestsResult], layers: list[str], train: str, steps: int, message: str | None
    ) -> None:
        self.clear()
        self._results = {}
        self._looks = looks(pair.name for pair in pairs)
        self._lay_out_axes(layers, steps, self._place(layers, train, pairs))
        for ax, name in zip(self.axes, QUESTIONS, strict=True):
            self._head(ax, name, pairs)
        self._traces = [self._artists(index, steps) for index in range(len(pairs))]
        if train != "both":
            words = "not tried" if self.size.narrow else f"Not tried:\nonly the {train} is trained."
            place = {"ha": "center", "va": "center", "transform": self.axes[1].transAxes}
            self.put(self.axes[1].text(0.5, 0.55, words, color=GREY, linespacing=1.5, **place))
        if message:
            self.say(self.axes[1], message)

    def _lay_out_axes(self, layers: list[str], steps: int, room: tuple[float, float]) -> None:
        """Change what differs from the last layout: making axes and their ticks takes longer than all the rest."""
        scale, shown, length = self.frame or (None, None, None)
        self.frame = ((self._top, room), tuple(layers), steps)
        first, *others = self.axes
        if scale != self.frame[0]:  # its ticks depend on the height of the panel
            shown = length = None
            for ax in self.axes:
                ax.clear()
                self._scale = DistanceAxis(ax, self._top, above="no size", words=ax is first)
            if not self.size.narrow:
                first.set_ylabel("largest difference", labelpad=4)
            for ax in others:
                ax.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3 if self.size.narrow else 5, integer=True))
                ax.set_xlabel("training step", labelpad=2)
        if shown != self.frame[1]:
            first.set_xlim(-0.6, max(len(layers), 1) - 0.4)
            first.set_xticks(range(len(layers)), self._labels.texts)
            first.tick_params(axis="x", length=0)
            side = ("right", "anchor") if 0 < self._labels.angle < 90 else ("center", "default")
            for label in first.get_xticklabels():
                label.set(rotation=self._labels.angle, ha=side[0], rotation_mode=side[1])
        if length != steps:
            for ax in others:
                ax.set_xlim(-0.02 * steps, 1.03 * steps)

    def _place(self, layers: list[str], train: str, pairs: list[ThreeTestsResult]) -> tuple[float, float]:
        """Divide the room: words above the panels, names of layers below them, and the panels.

        Returns:
            The heights of what is above the panels, and below them.
        """
        left, right, gap = (74, 6, 9) if self.size.narrow else (94, 8, 14)
        wide = (self.size.width - left - right - 2 * gap) / 3
        self._questions = ["", "", ""]
        # Questions take lines. If the picture is low, the panels need the room more.
        if self.size.height >= 240 and not self.size.narrow:
            letters = int(wide / 6.1)
            self._questions = [
                _evenly(_question(name, question, train), letters) for name, question in QUESTIONS.items()
            ]
        lines = max(text.count("\n") + bool(text) for text in self._questions)
        self._rows = _rows([pair.name for pair in pairs], self.size.width - 24) if self._legend else []
        self._head_height = 24 + 15 * lines + _LINE * max(len(pairs), 1) + 6
        top = self._head_height + (_LINE + 2) * len(self._rows) + (4 if self._rows else 0)
        self._labels = _Labels.fitting(layers, wide, self.size.height)
        bottom = max(self._labels.height, 34)
        for number, ax in enumerate(self.axes):
            begin = left + number * (wide + gap)
            self.place(ax, begin, self.size.width - begin - wide, top, bottom)
        return top, bottom

    def _head(self, ax: Axes, name: str, pairs: list[ThreeTestsResult]) -> None:
        number = list(QUESTIONS).index(name)
        level = {"va": "center", "transform": ax.transAxes}
        height = self._head_height
        size = NORMAL + 1 if self.size.narrow else TITLE
        title = name if self.size.narrow else f"{number + 1}  {name}"
        question = self._questions[number]
        self.put(
            ax.text(0, self.above(ax, height - 12), title, fontsize=size, fontweight="bold", **level),
            ax.text(0, self.above(ax, height - 23), question, fontsize=SMALL, color=GREY, **{**level, "va": "top"}),
        )
        lines = max(text.count("\n") + bool(text) for text in self._questions)
        for index, look in enumerate(self._looks):
            line = height - 24 - 15 * lines - _LINE * (index + 0.5)
            self.put(self.key(ax, 0, line, look))
            result = ax.text(self.across(ax, 32), self.above(ax, line), "", animated=True, **level)
            self._results[index, name] = result
            self.moving.append(result)
        if ax is self.axes[0]:
            for row, names in enumerate(self._rows):
                line = height + (_LINE + 2) * (len(self._rows) - row) - 8
                for index, left in names:
                    begin = left - ax.get_position().x0 * self.size.width
                    words = ax.text(self.across(ax, begin + 32), self.above(ax, line), pairs[index].name, **level)
                    self.put(self.key(ax, begin, line, self._looks[index]), words)

    def _artists(self, index: int, steps: int) -> dict[str, Any]:
        look = self._looks[index]
        marks = {
            "color": look.color,
            "marker": look.marker,
            "markersize": look.marker_size,
            "markeredgecolor": "white",
            "markeredgewidth": 0.6,
            "animated": True,
            "zorder": 4 + index,
            "clip_on": False,
        }
        stems = LineCollection([], colors=look.color, linestyles=[look.line], linewidths=1.8, zorder=3, animated=True)
        self.axes[0].add_collection(stems)
        dots = Line2D([], [], linestyle="none", **{**marks, "markersize": look.marker_size * 1.35})
        self.axes[0].add_line(dots)
        artists: dict[str, Any] = {"stems": stems, "dots": dots}
        every = max(1, math.ceil(steps / (4 if self.size.narrow else 8)))
        for ax, test in zip(self.axes[1:], ("future", "own_life"), strict=True):
            line = Line2D([], [], linestyle=look.line, linewidth=1.8, markevery=(index * every // 2, every), **marks)
            tip = Line2D([], [], linestyle="none", **marks)
            ax.add_line(line)
            ax.add_line(tip)
            artists[test] = (line, tip)
        if index == 0:
            scale = Line2D([], [], color=GREY, linewidth=1.1, linestyle=(0, (1, 1.5)), animated=True, zorder=2)
            self.axes[2].add_line(scale)
            words = self.axes[2].annotate(
                "trained" if self.size.narrow else "the trained model itself",
                (0, 0),
                xytext=(0, 4),
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=SMALL,
                color=GREY,
                animated=True,
                annotation_clip=False,
            )
            artists["scale"] = (scale, words)
            self.moving += [scale, words]
        self.moving += [stems, dots, *artists["future"], *artists["own_life"]]
        return artists

    def _heights(self, distances: Iterable[float | None], index: int) -> np.ndarray:
        """Turn distances into heights on the axis, each method in its lane."""
        return self._scale.heights(distances, _LANES[index % len(_LANES)])

    def _move(self, index: int, pair: ThreeTestsResult, layers: list[str]) -> None:
        artists = self._traces[index]
        known = [(place, pair.start[name]) for place, name in enumerate(layers) if name in pair.start]
        others = len(self._traces) - 1
        shift = (index - others / 2) * min(0.3, 0.7 / others) if others else 0.0
        places = np.array([place + shift for place, _ in known])
        heights = self._heights((distance for _, distance in known), index)
        artists["dots"].set_data(places, heights)
        foot = self._scale.foot
        artists["stems"].set_segments(
            [[(x, foot), (x, y)] for x, y in zip(places, heights, strict=True) if y > foot] or [[(0, 0), (0, 0)]]
        )
        artists["stems"].set_visible(bool(known) and bool((heights > foot).any()))
        for test, trace in (("future", pair.future), ("own_life", pair.own_life)):
            line, tip = artists[test]
            measured = len(trace) > 1 or (test == "future" and len(trace) == 1)
            heights = self._heights(trace, index) if measured else np.array([])
            line.set_data(np.arange(len(heights)), heights)
            tip.set_data(np.arange(len(heights))[-1:], heights[-1:])
        if "scale" in artists:
            line, words = artists["scale"]
            moved = self._heights(pair.moved, 0) if len(pair.moved) > 1 else np.array([])
            line.set_data(np.arange(1, len(moved)), moved[1:])
            words.set_visible(len(moved) > 1 and self.size.height >= 220)
            if len(moved) > 1:
                words.xy = (self.axes[2].get_xlim()[1], moved[-1])
        for (of, test), artist in self._results.items():
            if of == index:
                text = _headline(pair, test, brief=self.size.narrow)
                artist.set_text(text)
                artist.set_color(GREY if text == "not tried" else INK)


@dataclass(frozen=True)
class _Labels:
    """The names of layers below a panel: side by side, slanted, upright, or numbers if there is no room for names."""

    texts: list[str]
    angle: float
    height: float

    @classmethod
    def fitting(cls, names: Sequence[str], width: float, height: float) -> _Labels:
        """Choose the most readable form that fits."""
        room = width / max(len(names), 1)
        lines = [name.replace(OTHER_STATE, "other\nstate") for name in names]
        longest = max((len(line) for name in lines for line in name.splitlines()), default=0)
        if longest * _LETTER <= room:
            return cls(lines, 0, 16 + 14 * any("\n" in line for line in lines))
        short = [textwrap.shorten(line.replace("\n", " "), 16, placeholder="…") for line in lines]
        short = [line if len(line) <= 14 else f"{line[:13]}…" for line in short]
        long = max(map(len, short)) * _LETTER
        if room >= 20 and height >= 230:
            return cls(short, 28, 22 + long * 0.47)
        if room >= 14 and height >= 280:
            return cls(short, 90, 10 + long)
        numbers = [{"outputs": "out", OTHER_STATE: "st."}.get(name, f"{at}") for at, name in enumerate(names, 1)]
        return cls(numbers if room >= 24 else [str(at) for at in range(1, len(names) + 1)], 0, 16)


def _rows(names: Sequence[str], width: float) -> list[list[tuple[int, float]]]:
    """Distribute names over lines: for each line the numbers of its names, each with its place."""
    rows: list[list[tuple[int, float]]] = [[]]
    left = 12.0
    for index, name in enumerate(names):
        needed = 32 + len(name) * 7.2
        if rows[-1] and left + needed > width:
            rows.append([])
            left = 12.0
        rows[-1].append((index, left))
        left += needed + 16
    return rows


def _question(name: str, question: str, train: str) -> str:
    if name == OWN_LIFE and train != "both":
        watched = {"original": "clone", "clone": "original"}[train]
        return f"The {train} is trained: does the {watched} keep still?"
    return question


def _evenly(text: str, letters: int) -> str:
    """Break a text into lines of at most so many letters, all of about the same length."""
    return "\n".join(textwrap.wrap(text, min(letters, math.ceil(len(text) / math.ceil(len(text) / letters)) + 4)))


def _in_order(pairs: Mapping[str, ThreeTestsResult] | Iterable[ThreeTestsResult]) -> list[ThreeTestsResult]:
    return list(pairs.values() if isinstance(pairs, Mapping) else pairs)


def _decade_above(pairs: list[ThreeTestsResult]) -> int:
    """Return the highest decade to show: the usual one, or a higher one if a model has diverged."""
    values = [value for pair in pairs for value in (*pair.start.values(), *pair.future, *pair.own_life, *pair.moved)]
    largest = max((value for value in values if value is not None and math.isfinite(value)), default=1.0)
    return max(DistanceAxis.HIGHEST, 2 * math.ceil(math.log10(max(largest, 1.0)) / 2))


def three_tests(
    pairs: Mapping[str, ThreeTestsResult] | Iterable[ThreeTestsResult], train: str = "both", caption: str | None = None
) -> Figure:
    """Draw the three tests for one or more ways of cloning, in the same axes.

    Args:
        pairs: The result of `helpers.three_tests`, or a list of results. Put the naive way first.
        train: The model that was trained: "both", "original" or "clone".
        caption: Text under the panels, for pages that show only the image.

    Returns:
        The figure; its attribute `alt` is the sentence of `describe`.

    Example:
        >>> figure = three_tests([ThreeTestsResult("deepcopy", error="TypeError")])
        >>> figure.alt
        'deepcopy: ✗ No clone at all: it raises a TypeError.'
    """
    read = _in_order(pairs)
    usual = ThreeTestsPicture.usual
    rows = len(_rows([pair.name for pair in read], usual.width - 24))
    # The panels are equally high, however many methods there are.
    size = replace(usual, height=270 + _LINE * (len(read) + rows))
    picture = ThreeTestsPicture(size, legend=True)
    picture.update(read, train, message=None if read else "There is nothing to compare.")
    if caption:
        picture.captioned(caption)
    for artist in (*picture.moving, *picture.placed):
        artist.set_animated(False)
    picture.figure.alt = describe(read)
    return picture.figure


def png(figure: Figure, dpi: float | None = None) -> bytes:
    """Paint a figure.

    Args:
        figure: A matplotlib figure.
        dpi: Pixels per inch; by default the figure's own.

    Returns:
        The bytes of a PNG file, on opaque white.

    Example:
        >>> png(three_tests([ThreeTestsResult("clone", start={"dense": 0.0})]))[1:4]
        b'PNG'
    """
    buffer = io.BytesIO()
    # The file must not name the version of matplotlib, because the same picture should always give the same bytes.
    # The bounding box is "tight" because a caption may lie below the edge of the figure.
    box = figure.get_tightbbox()
    height = figure.get_figheight()
    margin = 0.12
    frame = Bbox.from_extents(0, min(0, box.y0 - margin), figure.get_figwidth(), height)
    figure.savefig(
        buffer, format="png", dpi=dpi or "figure", facecolor="white", bbox_inches=frame, metadata={"Software": None}
    )
    return buffer.getvalue()


def show(figure: Figure, alt: str | None = None) -> None:
    """Display a figure in a notebook as an image with alternative text, and that text under it.

    Args:
        figure: The figure.
        alt: Alternative text in one sentence; by default the attribute `alt` of the figure.

    Raises:
        ValueError: If there is no alternative text.

    Example:
        >>> show(three_tests({"clone_model": tests}))  # doctest: +SKIP
    """
    from IPython.display import display

    sentence = alt or getattr(figure, "alt", None)
    if not sentence:
        raise ValueError("Say in one sentence what the picture shows: show(figure, alt=...).")
    # Twice the pixels at the same width, for high-resolution screens.
    width = round(figure.get_figwidth() * Size.PER_INCH)
    data = {"image/png": base64.b64encode(png(figure, dpi=2 * Size.PER_INCH)).decode(), "text/plain": sentence}
    display(data, metadata={"image/png": {"alt": sentence, "width": width}}, raw=True)
    # Printed text would be broken inside words where it is too wide.
    lines = "".join(f"<div>{html.escape(line)}</div>" for line in sentence.splitlines())
    display({"text/html": lines, "text/plain": sentence}, raw=True)
