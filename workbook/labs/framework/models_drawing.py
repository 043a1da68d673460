"""The drawing above the three tests: the layers of both models as strips, their optimizers, and what they answer.

It shows the models as they were when the clone was made. Rows hold texts and numbers only, so that they keep no model
alive.
"""

from __future__ import annotations

import base64
import functools
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from helpers import keras_compat
from helpers.report import ThreeTestsResult
from workbook.labs.framework.figure import looks

__all__ = ["DIGITS", "ModelRow", "Strip", "clone_row", "drawn", "original_row"]

DIGITS = 5  # that are shown, with what each model answers

EQUAL, DIFFERENT, SHARED, NONE = "equal", "different", "shared", "none"


@dataclass(frozen=True)
class Strip:
    """A layer, or the optimizer.

    Args:
        name: What stands on it.
        state: EQUAL, DIFFERENT or SHARED, compared with the original; NONE if there is nothing to compare.
        words: What differs.
    """

    name: str
    state: str
    words: str


@dataclass(frozen=True)
class ModelRow:
    """The original, or a clone.

    Args:
        name: What the reader calls it.
        layers: Its layers.
        optimizer: Its optimizer, or None if it is not compiled.
        answers: The digits that it reads in the pictures.
        error: The name of the error, if there is no clone.
    """

    name: str
    layers: Sequence[Strip] = ()
    optimizer: Strip | None = None
    answers: Sequence[int] = ()
    error: str = ""


def original_row(model: Any, outputs: Any, names: Mapping[str, str] | None = None) -> ModelRow:
    """Describe the original.

    Args:
        model: The model.
        outputs: What it answered, (samples, 10), or an error.
        names: What a reader calls its layers, if that is not their name.
    """
    layers = [Strip((names or {}).get(layer.name, layer.name), NONE, _kind(layer)) for layer in _layers(model)]
    steps = _steps(model)
    optimizer = None if steps is None else Strip(_counted(steps), NONE, f"the optimizer has made {_counted(steps)}")
    return ModelRow("original", layers, optimizer, _digits(outputs))


def clone_row(
    name: str,
    original: Any,
    clone: Any,
    result: ThreeTestsResult,
    outputs: Any,
    names: Mapping[str, str] | None = None,
) -> ModelRow:
    """Describe a clone, layer by layer of the original.

    Args:
        name: The name of the method.
        original: The original.
        clone: The clone.
        result: What was found before any training.
        outputs: What the clone answered, (samples, 10), or an error.
        names: What a reader calls the layers of the original, if that is not their name.
    """
    held = {id(weight) for weight in keras_compat.weights(clone)}
    layers = []
    for layer in _layers(original):
        label = (names or {}).get(layer.name, layer.name)
        distances = [distance for key, distance in result.start.items() if layer.name in key.split("/")]
        if any(id(weight) in held for weight in keras_compat.weights(layer)):
            layers.append(Strip(label, SHARED, "the same variables in both models"))
        elif not distances:
            layers.append(Strip(label, NONE, f"{_kind(layer)}, nothing to compare"))
        elif None in distances:
            layers.append(Strip(label, DIFFERENT, "no counterpart"))
        elif any(distances):
            layers.append(Strip(label, DIFFERENT, f"weights differ by up to {max(distances):.2g}"))
        else:
            layers.append(Strip(label, EQUAL, "equal"))
    return ModelRow(name, layers, _optimizer(original, clone, result), _digits(outputs))


def _optimizer(original: Any, clone: Any, result: ThreeTestsResult) -> Strip | None:
    before, after = _steps(original), _steps(clone)
    if after is None:
        return None
    if clone.optimizer is getattr(original, "optimizer", None):
        return Strip(_counted(after), SHARED, "one optimizer for both models")
    failed = [check.evidence for check in result.checks if check.name == "optimizer state" and check.passed is False]
    if failed or before != after:
        words = f"the optimizer has made {_counted(after)}, that of the original {before}"
        return Strip(_counted(after), DIFFERENT, words if before != after else failed[0])
    return Strip(_counted(after), EQUAL, "the optimizer is equal")


def _layers(model: Any) -> list[Any]:
    return [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]


def _kind(layer: Any) -> str:
    count = sum(int(np.prod(weight.shape)) for weight in keras_compat.weights(layer))
    return f"{type(layer).__name__}, {count} numbers" if count else f"{type(layer).__name__}, no weights"


def _steps(model: Any) -> int | None:
    return keras_compat.steps_made(model.optimizer) if getattr(model, "optimizer", None) is not None else None


def _counted(steps: int) -> str:
    return f"{steps} step{'' if steps == 1 else 's'}"


def _digits(outputs: Any) -> list[int]:
    if isinstance(outputs, Exception) or outputs is None:
        return []
    (first, *_) = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [int(digit) for digit in np.asarray(first)[:DIGITS].argmax(-1)]


@functools.lru_cache(maxsize=4)
def _picture(pixels: bytes) -> str:
    """Return an 8x8 digit, given as numbers from 0 to 1, as the address of an image."""
    values = np.frombuffer(pixels, "float32").reshape(8, 8)
    buffer = io.BytesIO()
    Image.fromarray((255 - 255 * values).astype("uint8")).save(buffer, "png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def drawn(rows: Sequence[ModelRow], images: np.ndarray, labels: np.ndarray) -> str:
    """Return the drawing as HTML.

    Args:
        rows: The original, then the clones.
        images: The digits that the models read, (samples, 8, 8, 1); the first `DIGITS` are shown.
        labels: The right answers.
    """
    if not rows:
        return ""
    marks = ["", *(look.svg for look in looks(row.name for row in rows[1:]))]
    heads = "".join(
        f'<th scope="col"><img src="{_picture(np.float32(image).tobytes())}" alt="a handwritten {label}"></th>'
        for image, label in zip(images[:DIGITS], labels[:DIGITS], strict=True)
    )
    body = "".join(_row(row, mark, rows[0]) for row, mark in zip(rows, marks, strict=True))
    return (
        '<table class="lab-models"><caption>The models when the clone was made, and what they read in some digits'
        '</caption><thead><tr><td></td><th scope="col">layers</th><th scope="col">optimizer</th>'
        f"{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def _row(row: ModelRow, mark: str, original: ModelRow) -> str:
    head = f'<th scope="row">{mark}{html.escape(row.name)}</th>'
    if row.error:
        return f'<tr>{head}<td colspan="{2 + DIGITS}">no clone: {html.escape(row.error)}</td></tr>'
    layers = "".join(map(_strip, row.layers))
    optimizer = _strip(row.optimizer) if row.optimizer else "none"
    answers = list(row.answers) or ["-"] * DIGITS
    cells = []
    for answer, before in zip(answers, original.answers or answers, strict=False):
        cells.append(f'<td class="lab-unlike">✗ {answer}</td>' if answer != before else f"<td>{answer}</td>")
    return f'<tr>{head}<td><div class="lab-strips">{layers}</div></td><td>{optimizer}</td>{"".join(cells)}</tr>'


def _strip(strip: Strip) -> str:
    words = html.escape(f"{strip.name}: {strip.words}", quote=True)
    sign = {DIFFERENT: "✗ ", SHARED: "= "}.get(strip.state, "")
    # Only what differs takes the focus: the key would have to be pressed too often.
    focus = ' tabindex="0"' if sign else ""
    return (
        f'<span class="lab-strip lab-{strip.state}" role="img" aria-label="{words}" data-words="{words}"{focus}>'
        f"{sign}{html.escape(strip.name)}</span>"
    )
