"""Functions for the cells of a notebook: a quiet TensorFlow, seeds, the digits, and expected errors."""

from __future__ import annotations

import html
import importlib
import logging
import os
import random
import sys
import tempfile
import textwrap
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from workbook import errors

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def standard_error_held_back() -> Iterator[None]:
    """Hold back output to file descriptor 2, and show it only if the block raises an error.

    TensorFlow's C++ code writes directly to the descriptor, so replacing `sys.stderr` would not be enough.

    Example:
        >>> with standard_error_held_back():   # doctest: +SKIP
        ...     import tensorflow
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with _temporary_file() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            os.dup2(saved, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)


@contextmanager
def logs_held_back() -> Iterator[None]:
    """Hide warnings and the log lines of TensorFlow and Keras, which would stay in the output of a lab's cell.

    Example:
        >>> with logs_held_back():   # doctest: +SKIP
        ...     model.save("folder")
    """
    loggers = [logging.getLogger(name) for name in ("absl", "tensorflow")]
    before = [logger.disabled for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.disabled = True
        try:
            yield
        finally:
            for logger, disabled in zip(loggers, before, strict=True):
                logger.disabled = disabled


def _temporary_file() -> IO[bytes]:
    """Return a temporary file, or a file that discards everything if the disk is full."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "w+b")


def quiet_tensorflow(*packages: str) -> None:
    """Import TensorFlow and both Keras versions without their start-up log lines.

    The lines report processor features and a missing GPU. They contain times and process numbers, so every stored
    output would be different. If an import fails, the lines are shown.

    Keras then runs on TensorFlow, with the float type and image format of the pages. If your own settings in
    `KERAS_BACKEND` or `keras.json` differ, one line says so; outside of this kernel they still apply.

    Args:
        *packages: Names to import. Default: `tensorflow`, `keras` and `tf_keras`.

    Raises:
        ImportError: If a package is not installed or cannot be loaded.
        RuntimeError: If Keras was imported before and does not run on TensorFlow.

    Example:
        >>> from workbook import quiet_tensorflow
        >>> quiet_tensorflow()
        >>> import keras
    """
    from workbook.server.doctor import backend_asked_for

    wanted, _ = backend_asked_for()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with standard_error_held_back():
        for package in packages or ("tensorflow", "keras", "tf_keras"):
            importlib.import_module(package)
        if "tensorflow" in sys.modules:
            # Some lines are written at the first operation, not at the import.
            sys.modules["tensorflow"].zeros([1])
    _set_up_keras({} if wanted == "tensorflow" else {wanted: "tensorflow"})


# How Keras must be set up for the pages, as (name of the getter, name of the setter, value).
_KERAS = (
    ("floatx", "set_floatx", "float32"),
    ("image_data_format", "set_image_data_format", "channels_last"),
)


def _set_up_keras(changed: dict[str, str]) -> None:
    """Set up both Keras versions as the pages need them, and print one line if that changes anything.

    Args:
        changed: Earlier changes: the value in the reader's own settings, and the value that applies now.
    """
    for package in (sys.modules[name] for name in ("keras", "tf_keras") if name in sys.modules):
        backend = package.backend
        if package.__name__ == "keras" and backend.backend() != "tensorflow":
            raise RuntimeError(
                f"Keras already runs on {backend.backend()} in this kernel, and this workbook needs TensorFlow: "
                "restart the kernel, and run this cell first."
            )
        for ask, change, value in _KERAS:
            if getattr(backend, ask)() != value:
                changed[getattr(backend, ask)()] = value
                getattr(backend, change)(value)
    if changed:
        told = ", ".join(f"{now} instead of {own}" for own, now in changed.items())
        print(f"In this workbook Keras uses {told}. Your own settings still hold elsewhere.")


def set_seeds(seed: int) -> None:
    """Set the seeds of Python, NumPy, TensorFlow and every Keras version that is loaded.

    It does not reset existing Keras 3 layers, because each of them holds its random state in its own variable
    (`keras.random.SeedGenerator <https://keras.io/api/random/seed_generator/>`_).

    Args:
        seed: An integer from 0 to 2**32 - 1.

    Example:
        >>> from workbook import set_seeds
        >>> set_seeds(0)
    """
    import numpy
    import tensorflow

    random.seed(seed)
    numpy.random.seed(seed)
    tensorflow.random.set_seed(seed)
    for package in ("keras", "tf_keras"):
        if package in sys.modules:
            sys.modules[package].utils.set_random_seed(seed)


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Load 1797 images of handwritten digits, 8 by 8 pixels.

    Returns:
        Images, (1797, 8, 8, 1), float32, from 0.0 (white) to 1.0, and labels, (1797,), int64, 0 to 9.

    Example:
        >>> images, labels = load_digits()
        >>> images.shape, labels[:3]
        ((1797, 8, 8, 1), array([0, 1, 2]))

    Source:
        E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
        https://doi.org/10.24432/C50P49, CC BY 4.0. The file is in `workbook/data`.
    """
    import numpy as np

    with np.load(Path(__file__).parent / "data" / "digits.npz") as data:
        return (data["images"] / 16).astype("float32")[..., np.newaxis], data["labels"].astype("int64")


@dataclass
class CaughtError:
    """The error that `expected_error` caught, or None."""

    error: Exception | None = None


@contextmanager
def expected_error() -> Iterator[CaughtError]:
    """Run code that has to fail, and print its error in a few lines instead of a stack trace.

    Yields:
        An object whose attribute `error` is the error after the block.

    Raises:
        AssertionError: If the code does not fail, because the text about it is then no longer true.
        NameError: If the code uses a name that a cell above defines, and that cell has not run.

    Example:
        >>> with expected_error() as caught:
        ...     1 / 0
        ZeroDivisionError: division by zero
        >>> type(caught.error).__name__
        'ZeroDivisionError'
    """
    caught = CaughtError()
    try:
        yield caught
    except Exception as error:
        refuse_out_of_order(error)
        # The traceback would keep all objects of the failed code alive.
        caught.error = error.with_traceback(None)
        print(describe_error(error), end="")
    else:
        raise AssertionError("This code was expected to fail, and did not. What the text says of it no longer holds.")


def describe_error(error: Exception, width: int = 100) -> str:
    r"""Return an error in a few lines, without its stack trace.

    Args:
        error: The error.
        width: How many letters fit in a line.

    Returns:
        The type and the message of the error, and a line break.

    Example:
        >>> describe_error(ValueError("Too wide."))
        'ValueError: Too wide.\n'
    """
    from helpers.cloning import CloneError

    # The message of a CloneError contains code to copy, so its lines are kept.
    message = str(error) if isinstance(error, CloneError) else errors.short_message(error)
    lines = f"{type(error).__name__}: {message}".rstrip().splitlines()
    return "".join(f"{line if line.startswith(' ') else textwrap.fill(line, width)}\n" for line in lines)


def raised(action: Callable[[], Any]) -> Exception | None:
    """Run code that may fail, and return its error.

    Args:
        action: A function without arguments.

    Returns:
        The error that it raised, or None.

    Raises:
        NameError: If the code uses a name that a cell above defines, and that cell has not run.

    Example:
        >>> raised(lambda: 1 / 1) is None
        True
    """
    try:
        action()
    except Exception as error:
        refuse_out_of_order(error)
        return error.with_traceback(None)
    return None


def refuse_out_of_order(error: Exception) -> None:
    """Raise the error again if it is caused by a cell above that has not run.

    Args:
        error: An error of code in a cell, caught by the function that ran the code.

    Raises:
        NameError: The code uses a name that its cell does not find.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    # The first frame is in the function that caught it, the second in the cell; a name that is missing elsewhere may
    # be intended.
    if isinstance(error, NameError) and frames[-1].f_globals is frames[1].f_globals:
        raise error


class Table:
    """A small table, which a notebook shows if it is the last line of a cell."""

    def __init__(self, columns: Sequence[str], *rows: Sequence[Any]) -> None:
        """Make a table of these columns and rows."""
        self._rows = [[str(value) for value in row] for row in (columns, *rows)]
        if len({len(row) for row in self._rows}) > 1:
            raise ValueError(f"Each row needs {len(columns)} values, one for each column: {', '.join(columns)}.")

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self._rows, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in self._rows)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        left = 'style="text-align: left"'
        # A cell that is empty is no heading: a screen reader would announce one.
        head = "".join(f"<th {left}>{html.escape(value)}</th>" if value else "<td></td>" for value in self._rows[0])
        body = ("".join(f"<td {left}>{html.escape(value)}</td>" for value in row) for row in self._rows[1:])
        rows = "".join(f"<tr>{row}</tr>" for row in body)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def table(columns: Sequence[str], *rows: Sequence[Any]) -> Table:
    """Show a small table.

    Args:
        columns: The headings.
        *rows: The rows: for each column a value.

    Returns:
        The table, to be the last line of a cell.

    Raises:
        ValueError: A row has more or fewer values than there are columns.

    Example:
        >>> table(["layer", "weights"], ["hidden", 2], ["flatten", 0])
        layer    weights
        hidden   2
        flatten  0
    """
    return Table(columns, *rows)


def accuracy_in_words(model: Any, inputs: Any, labels: Any) -> str:
    """Describe the accuracy of a classifier in words that are the same on every machine.

    Args:
        model: A classifier whose outputs are (samples, classes).
        inputs: The inputs, (samples, ...).
        labels: The right classes, (samples,).

    Returns:
        "more than 8 of 10 right" down to "no better than guessing", which is up to 2.5 of 10.

    Example:
        >>> print(accuracy_in_words(model, images, labels))   # doctest: +SKIP
        more than 8 of 10 right
    """
    import numpy as np

    right = float(np.mean(np.argmax(np.asarray(model(inputs)), axis=-1) == np.asarray(labels)))
    if right > 0.8:
        return "more than 8 of 10 right"
    if right < 0.25:
        return "no better than guessing"
    return f"about {right * 10:.0f} of 10 right"
