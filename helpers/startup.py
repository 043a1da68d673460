"""Quiet and repeatable: import TensorFlow without its log lines, hold back what is logged later, set every seed."""

import importlib
import logging
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


@contextmanager
def standard_error_held_back() -> Iterator[None]:
    """Keep what is written to file descriptor 2, and show it only if the body raises.

    TensorFlow's C++ code writes to the descriptor itself, so replacing ``sys.stderr`` would not catch it.

    Example:
        >>> with standard_error_held_back():   # doctest: +SKIP
        ...     import tensorflow
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with _somewhere() as held:
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
    """Keep off warnings, and what TensorFlow and Keras log: below the cell of a lab it would stand for good.

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


def _somewhere() -> IO[bytes]:
    """Return a file to write to: one that keeps nothing if the disk takes no more."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "w+b")


def quiet_tensorflow(*packages: str) -> None:
    """Import TensorFlow and both Kerases without their start-up log lines.

    The lines tell of processor features and of a missing GPU. They carry times and process numbers, so they
    would make every stored notebook output different. If an import fails, the lines are shown after all.

    Args:
        *packages: names to import. Default: ``tensorflow``, ``keras`` and ``tf_keras``.

    Raises:
        ImportError: a package is not installed, or could not be loaded.

    Example:
        >>> from helpers import quiet_tensorflow
        >>> quiet_tensorflow()
        >>> import keras
    """
    with standard_error_held_back():
        for package in packages or ("tensorflow", "keras", "tf_keras"):
            importlib.import_module(package)
        if "tensorflow" in sys.modules:
            # Some lines come with the first operation, not with the import.
            sys.modules["tensorflow"].zeros([1])


def set_seeds(seed: int) -> None:
    """Set the seeds of Python, NumPy, TensorFlow and every Keras that is loaded.

    It does not rewind a Keras 3 layer that exists already: such a layer holds its random state in a variable of
    its own (`keras.random.SeedGenerator <https://keras.io/api/random/seed_generator/>`_).

    Args:
        seed: an integer from 0 to 2**32 - 1.

    Example:
        >>> from helpers import set_seeds
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
