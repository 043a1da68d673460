"""A picture of handwritten digits, and of what models read in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from workbook.labs.framework import figure as plots
from workbook.notebook import accuracy_in_words
from workbook.text import join_words

__all__ = ["show_digits"]

_SHOWN = 10
_ROW = 0.32  # inches


def show_digits(images: np.ndarray, labels: np.ndarray, models: Mapping[str, Any] | None = None) -> None:
    """Display the first ten images with what models read in them, and say how many of all they read right.

    A wrong answer is crossed out and in a different colour.

    Args:
        images: Images, (samples, 8, 8, 1), float32.
        labels: The right digits, (samples,), int64.
        models: Classifiers of such images by name. Default: the right digits are shown.

    Example:
        >>> show_digits(images, labels, {"model": model, "clone": clone})   # doctest: +SKIP
        model: more than 8 of 10 right. clone: no better than guessing.
    """
    shown, right = images[:_SHOWN], labels[:_SHOWN]
    answers = {name: np.argmax(np.asarray(model(shown)), axis=-1) for name, model in (models or {}).items()}
    if models:
        words = (f"{name}: {accuracy_in_words(model, images, labels)}." for name, model in models.items())
        sentence = "\n".join(["Ten of the digits, and what is read in them. Of all the digits:", *words])
    else:
        sentence = f"Ten of the digits. People wrote {join_words([str(digit) for digit in right])}."
    plots.show(_figure(shown, right, answers or {"": right}), alt=sentence)


def _figure(images: np.ndarray, right: np.ndarray, answers: Mapping[str, np.ndarray]) -> Figure:
    """Draw images in a row, with a row of answers for each name below."""
    with matplotlib.rc_context(plots.STYLE):
        height = 0.75 + _ROW * len(answers)
        figure = Figure(figsize=(8.5, height), dpi=110, facecolor="white")
        FigureCanvasAgg(figure)
        left, width = 0.16, 0.83 / len(images)
        for i, image in enumerate(images):
            axes = figure.add_axes((left + i * width, 1 - 0.72 / height, width * 0.9, 0.68 / height))
            axes.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
        for row, (name, digits) in enumerate(answers.items()):
            y = 1 - (0.75 + _ROW * (row + 0.5)) / height
            figure.text(0.01, y, name, va="center", fontsize=10, fontweight="bold")
            for i, digit in enumerate(digits):
                good = digit == right[i]
                text = str(digit) if good else f"✗ {digit}"
                color = plots.INK if good else plots.VERMILLION
                figure.text(left + (i + 0.45) * width, y, text, ha="center", va="center", fontsize=11, color=color)
    return figure
