"""The signature picture: three tests of a true clone, side by side on one scale.

This module turns numbers into matplotlib figures and does not use widgets. A model passes the three tests at a
distance of zero, which a logarithmic axis cannot show. The axis therefore has a separate band for "0 exactly" at the
bottom, and one at the top for differences that have no size: a layer without a counterpart, a random state, a number
that is not finite. Every point is drawn.

Figures are made without pyplot, because pyplot would draw them a second time in a notebook and keep them alive.
"""

from __future__ import annotations

import base64
import io
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
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

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), which is safe for all common kinds of colour blindness.
VERMILLION, BLUE, GREEN, PURPLE = "#D55E00", "#0072B2", "#009E73", "#CC79A7"
INK, GREY, PALE, BAND = "#1A1A1A", "#5F6368", "#DADCE0", "#EEF3F8"

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the picture is the same on every machine
    "mathtext.fontset": "dejavusans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True)
class _Style:
    color: str
    marker: str
    line: Any
    marker_size: float


# Methods differ in colour, marker and line style, so any one of the three is enough to identify a method.
_STYLES = (
    _Style(VERMILLION, "X", (0, (4, 1.6)), 7.0),
    _Style(BLUE, "o", "-", 6.0),
    _Style(GREEN, "s", (0, (1, 1.2)), 5.5),
    _Style(PURPLE, "^", "-.", 6.0),
)


def _size(distance: float | None) -> str:
    """Format a distance with two digits, and with a power of ten only if it needs one."""
    if distance is None or not math.isfinite(distance):
        return "no finite number"
    if distance == 0 or 0.001 <= distance < 1000:
        return f"{distance:.2g}" if distance < 100 else f"{distance:.0f}"
    mantissa, exponent = f"{distance:.0e}".split("e")
    return f"{mantissa}$\\times$10$^{{{int(exponent)}}}$"


def _fit(text: Text, room: float) -> None:
    """Set a text at its usual size, or smaller if it does not fit into `room` pixels."""
    text.set_fontsize(9)
    text.set_fontsize(9 * min(1.0, 0.92 * room / text.get_window_extent().width))


def _headline(result: ThreeTestsResult, test: str) -> str:
    """Return the result of one test in a few words that fit above a panel."""
    if result.error:
        return "\N{BALLOT X} no clone"  # the sentence names the error
    passed = result.verdicts[test].passed
    if passed is None:
        weights = test == SAME_START and result.start and not any(result.start.values())
        return "weights equal" if weights and not result.checks else "not tried"
    if passed:
        return f"\N{CHECK MARK} {_PASSED[test]}"
    if test == SAME_START:
        layers = sum(name in result.layers for name in result.different)
        if layers:
            return f"\N{BALLOT X} {layers} of {len(result.layers)} differ"
        different = [_shown(name, slanted=True) for name in result.different]
        return f"\N{BALLOT X} {', '.join(different) or 'settings differ'}"
    if test == SAME_FUTURE:
        apart = result.first_apart is not None and len(result.future) > 1
        return f"\N{BALLOT X} apart by {_size(result.future[-1])}" if apart else "\N{BALLOT X} another future"
    moved = len(result.own_life) > 1 and result.own_life[-1] != 0
    return f"\N{BALLOT X} moved by {_size(result.own_life[-1])}" if moved else "\N{BALLOT X} something is shared"


_PASSED = {SAME_START: "equal", SAME_FUTURE: "stay equal", OWN_LIFE: "keeps still"}


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
        gap, half = (1.4, 0.9) if roomy else (1.1, 0.62)  # from the last decade to the middle of a band; half a band
        self.lowest, self.highest = lowest, highest
        self.zero = lowest - gap
        self.beyond = highest + gap if above else float(highest)
        self.foot = self.zero + half
        ax.set_ylim(self.zero - half, self.beyond + (half if above else 0.4))
        ax.axhspan(self.zero - half, self.foot, color=BAND, zorder=0, linewidth=0)
        edges = [self.foot]
        if above:
            bounds = (self.beyond - half, self.beyond + half)
            ax.axhspan(*bounds, facecolor="white", edgecolor=PALE, hatch="////", zorder=0, linewidth=0)
            edges.append(bounds[0])
        for edge in edges:
            ax.axhline(edge, color=GREY, linewidth=0.7, zorder=1)
        decades = range(lowest, highest + 1, 2)
        for decade in decades:
            ax.axhline(decade, color=PALE, linewidth=0.6, zorder=0.5)
        places, names = [self.zero, *decades], ["0 exactly", *(f"$10^{{{decade}}}$" for decade in decades)]
        if above:
            names[-1] = ""  # the number of the highest decade would touch the words above it
            places, names = [*places, self.beyond], [*names, above]
        ax.set_yticks(places, names if words else [""] * len(names))
        ax.tick_params(axis="y", length=0, pad=5)
        ax.spines[["top", "right", "left"]].set_visible(False)
        if words:
            ax.get_yticklabels()[0].set_fontweight("bold")
            if above:
                ax.get_yticklabels()[-1].set_fontsize(7.5)

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
                heights.append(self.beyond + lane)
            elif distance == 0:
                heights.append(self.zero + lane)
            else:
                heights.append(min(max(math.log10(distance), self.lowest), self.highest))
        return np.array(heights)


class Picture:
    """A figure that is made once and then updated with new numbers.

    Args:
        size: Width and height in inches.
        dpi: Pixels per inch.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that every `update` may move; all others are repainted only if `update` returns True.
        placed: Artists above the frame that `update` replaces or changes if it returns True.
        frame: What all other artists show: they are repainted only if it changes. None if they always change.
        caption_place: The upper left corner of the caption of `still`, in fractions of the figure.
        caption_width: Letters in a line of the caption.
    """

    caption_place = (0.07, -0.01)
    caption_width = 150

    def __init__(self, size: tuple[float, float], dpi: float = 110) -> None:
        self.moving: list[Artist] = []
        self.placed: list[Artist] = []
        self.frame: Any = None
        self._layout: Any = None
        with matplotlib.rc_context(STYLE):
            self.figure = Figure(figsize=size, dpi=dpi, facecolor="white")
            FigureCanvasAgg(self.figure)

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
        return picture._captioned(run.verdict)

    def _captioned(self, caption: str) -> Figure:
        """Return the figure with all artists and a caption, which is also its alternative text."""
        for artist in (*self.moving, *self.placed):
            artist.set_animated(False)
        lines = "\n".join(textwrap.wrap(caption, self.caption_width))
        self.figure.text(*self.caption_place, lines, va="top", fontsize=9.5, linespacing=1.5, color=INK)
        self.figure.alt = caption
        return self.figure


# -- the three tests ---------------------------------------------------------------------------------------------------

_STRAIGHT, _LETTERS = 4, 34  # layer names, and letters in them, that fit side by side; longer labels are slanted
_LINE = 0.21  # inches from one name above a panel to the next
_LANES = (0.21, -0.21, 0.38, -0.38)  # shifts of methods in the same band, because one would hide the other


class ThreeTestsPicture(Picture):
    """The three panels as a figure that is made once and then updated with new numbers.

    Args:
        size: Width and height in inches, with room for the names of up to three pairs above the panels.
        dpi: Pixels per inch.
        pairs: The largest number of pairs that is shown. From the fourth on, each pair makes the figure a line higher.

    Attributes:
        figure: The matplotlib figure, on an Agg canvas.
        moving: Artists that every `update` may move; all others are repainted only if `update` returns True.

    Example:
        >>> picture = ThreeTestsPicture()
        >>> picture.update([ThreeTestsResult("clone", start={"dense": 0.0})], steps=40)
        True
    """

    def __init__(self, size: tuple[float, float] = (11.0, 4.3), dpi: float = 110, pairs: int = 3) -> None:
        width, height = size
        self._lines = max(pairs, 3)
        self._extra = _LINE * (self._lines - 3)
        higher = height + self._extra
        super().__init__((width, higher), dpi)
        with matplotlib.rc_context(STYLE):
            top, bottom = 0.70 * height / higher, 0.14 * height / higher
            grid = self.figure.add_gridspec(
                1, 3, left=0.095, right=0.985, top=top, bottom=bottom, wspace=0.09, width_ratios=(1.15, 1, 1)
            )
            self.axes = [self.figure.add_subplot(cell) for cell in grid]
        # (number of the pair, name of the test) -> the text of the result, and the right end of its label in pixels.
        self._results: dict[tuple[int, str], tuple[Text, float]] = {}

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
        for artist in (*self.moving, *self.placed):
            artist.remove()
        self.moving, self.placed, self._results = [], [], {}
        self._lay_out_axes(layers, steps)
        for ax, (name, question) in zip(self.axes, QUESTIONS.items(), strict=True):
            self._head(ax, name, _question(name, question, train), pairs)
        self._traces = [self._artists(index, steps) for index in range(len(pairs))]
        text = "" if train == "both" else f"Not tried:\nonly the {train} is trained."
        self._note(self.axes[1], text)
        if message:
            self.placed.append(
                self.figure.text(
                    0.54,
                    0.42,
                    message,
                    ha="center",
                    va="center",
                    fontsize=13,
                    linespacing=1.5,
                    bbox={"facecolor": "white", "edgecolor": GREY, "boxstyle": "round,pad=0.8", "linewidth": 0.8},
                    zorder=9,
                )
            )
        for artist in self.placed:
            artist.set_animated(True)

    def _lay_out_axes(self, layers: list[str], steps: int) -> None:
        """Change what differs from the last layout: making axes and their ticks takes longer than all the rest."""
        top, shown, length = self.frame or (None, None, None)
        self.frame = (self._top, tuple(layers), steps)
        if top != self._top:
            shown = length = None
            for ax in self.axes:
                ax.clear()
                self._axis(ax, first=ax is self.axes[0])
            for ax in self.axes[1:]:
                ax.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5, integer=True))
                ax.set_xlabel("training step", labelpad=3)
        if shown != tuple(layers):
            first, slanted = self.axes[0], _are_slanted(layers)
            first.set_xlim(-0.6, max(len(layers), 1) - 0.4)
            first.set_xticks(range(len(layers)), [_shown(name, slanted) for name in layers])
            first.tick_params(axis="x", length=0, labelsize=7.5 if slanted else 8.5)
            look = {"rotation": 28, "ha": "right", "rotation_mode": "anchor"}
            for label in first.get_xticklabels():
                label.set(**(look if slanted else {"rotation": 0, "ha": "center", "rotation_mode": "default"}))
        if length != steps:
            for ax in self.axes[1:]:
                ax.set_xlim(-0.02 * steps, 1.03 * steps)

    def _axis(self, ax: Axes, first: bool) -> None:
        self._scale = DistanceAxis(ax, self._top, above="unequal,\nno size", words=first)
        if first:
            ax.get_yticklabels()[-1].set_linespacing(0.95)
            ax.set_ylabel("largest absolute difference", labelpad=6)

    def _head(self, ax: Axes, name: str, question: str, pairs: list[ThreeTestsResult]) -> None:
        number = list(QUESTIONS).index(name) + 1
        inches = ax.get_position().height * self.figure.get_figheight()

        def above(distance: float) -> float:
            return 1 + (distance + self._extra) / inches

        title = {"fontsize": 13, "fontweight": "bold", "va": "center", "transform": ax.transAxes}
        self.placed.append(ax.text(0, above(0.98), f"{number}  {name}", **title))
        asked = ax.text(0, above(0.73), question, transform=ax.transAxes, fontsize=9, color=GREY, va="center")
        self.placed.append(asked)
        for index, pair in enumerate(pairs[: self._lines]):
            style = _STYLES[index % len(_STYLES)]
            height = above(0.49 - _LINE * index) if len(pairs) > 1 else above(0.38)
            key = ax.add_line(
                Line2D(
                    [0.004, 0.05, 0.096],
                    [height] * 3,
                    transform=ax.transAxes,
                    color=style.color,
                    linestyle=style.line,
                    linewidth=1.8,
                    marker=style.marker,
                    markevery=[1],
                    markersize=style.marker_size,
                    markeredgecolor="white",
                    markeredgewidth=0.6,
                    clip_on=False,
                )
            )
            level = {"va": "center", "fontsize": 9, "transform": ax.transAxes}
            label = ax.text(0.115, height, pair.name, color=style.color, **level)
            result = ax.text(1.0, height, "", ha="right", **level)
            self.placed += [key, label]
            # The name shrinks until a result of usual length fits beside it. A longer result is itself set smaller.
            result.set_text(f"\N{BALLOT X} apart by {_size(0.25)}")
            _fit(label, result.get_window_extent().x0 - label.get_window_extent().x0)
            result.set_animated(True)
            self._results[index, name] = (result, label.get_window_extent().x1)
            self.moving.append(result)

    def _artists(self, index: int, steps: int) -> dict[str, Any]:
        style = _STYLES[index % len(_STYLES)]
        marks = {
            "color": style.color,
            "marker": style.marker,
            "markersize": style.marker_size,
            "markeredgecolor": "white",
            "markeredgewidth": 0.6,
            "animated": True,
            "zorder": 4 + index,
            "clip_on": False,
        }
        stems = LineCollection([], colors=style.color, linestyles=[style.line], linewidths=1.8, zorder=3, animated=True)
        self.axes[0].add_collection(stems)
        dots = Line2D([], [], linestyle="none", **{**marks, "markersize": style.marker_size * 1.35})
        self.axes[0].add_line(dots)
        artists: dict[str, Any] = {"stems": stems, "dots": dots}
        every = max(1, math.ceil(steps / 8))
        for ax, test in zip(self.axes[1:], ("future", "own_life"), strict=True):
            line = Line2D([], [], linestyle=style.line, linewidth=1.8, markevery=(index * every // 2, every), **marks)
            tip = Line2D([], [], linestyle="none", **marks)
            ax.add_line(line)
            ax.add_line(tip)
            artists[test] = (line, tip)
        if index == 0:
            scale = Line2D([], [], color=GREY, linewidth=1.1, linestyle=(0, (1, 1.5)), animated=True, zorder=2)
            self.axes[2].add_line(scale)
            words = self.axes[2].annotate(
                "the trained model itself",
                (0, 0),
                xytext=(0, 4),
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=7.5,
                color=GREY,
                animated=True,
                annotation_clip=False,
            )
            artists["scale"] = (scale, words)
            self.moving += [scale, words]
        self.moving += [stems, dots, *artists["future"], *artists["own_life"]]
        return artists

    def _note(self, ax: Axes, text: str) -> None:
        if text:
            place = {"transform": ax.transAxes, "ha": "center", "va": "center"}
            self.placed.append(ax.text(0.5, 0.55, text, color=GREY, linespacing=1.5, **place))

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
            words.set_visible(len(moved) > 1)
            if len(moved) > 1:
                words.xy = (len(moved) - 1, moved[-1])
                words.set_ha("right" if len(moved) - 1 > self.axes[2].get_xlim()[1] / 2 else "left")
        for (of, test), (artist, end) in self._results.items():
            if of == index:
                text = _headline(pair, test)
                if text != artist.get_text():
                    artist.set_text(text)
                    _fit(artist, artist.get_window_extent().x1 - end)
                artist.set_color(GREY if text == "not tried" else INK)


def _question(name: str, question: str, train: str) -> str:
    if name == OWN_LIFE and train != "both":
        watched = {"original": "clone", "clone": "original"}[train]
        return f"The {train} is trained: does the {watched} keep still?"
    return question


def _are_slanted(layers: Sequence[str]) -> bool:
    longest_lines = [max(map(len, _shown(name, slanted=False).splitlines())) for name in layers]
    return len(layers) > _STRAIGHT or sum(longest_lines) > _LETTERS


def _shown(name: str, slanted: bool) -> str:
    return name.replace(OTHER_STATE, "other state" if slanted else "random state\nand others")


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
    picture = ThreeTestsPicture(pairs=len(read))
    picture.update(read, train, message=None if read else "There is nothing to compare.")
    for artist in (*picture.moving, *picture.placed):
        artist.set_animated(False)
    picture.figure.alt = describe(read)
    if caption:
        lines = textwrap.wrap(caption, 150)
        height = -0.03 if _are_slanted(list({name: None for pair in read for name in pair.start})) else -0.01
        picture.figure.text(0.095, height, "\n".join(lines), va="top", fontsize=9.5, linespacing=1.5, color=INK)
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
    width = round(figure.get_figwidth() * 100)
    data = {"image/png": base64.b64encode(png(figure, dpi=200)).decode(), "text/plain": sentence}
    display(data, metadata={"image/png": {"alt": sentence, "width": width}}, raw=True)
    print(sentence)
