"""Loads a `.keras` or `.h5` file from anybody: it is looked through and tried in a process of its own first."""

from __future__ import annotations

import os
import re
import stat
import sys
import types
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from helpers import keras_compat
from helpers.keras_files import allowed, archive, child, process, refusal
from helpers.keras_files.refusal import MAX_BYTES, Refusal, too_large

__all__ = ["MAX_BYTES", "Refusal", "load", "load_file", "read_file", "short_name"]


def load(
    name: str,
    content: bytes,
    own_classes: Mapping[str, Any] | None = None,
    withheld: Mapping[str, Any] | None = None,
) -> Any:
    """Load a `.keras` or `.h5` file, after it was looked through and loaded once in a process of its own.

    What is promised: no code that the file holds runs, nothing is imported that it names, no other file of this
    computer is read for it, and none of your functions is called. It names classes of Keras and, if you pass them, your
    own; they are made with the arguments that the file holds. What is not promised: that the model computes what
    somebody says it does, or that it is small once it is trained.

    Args:
        name: Name of the file, for messages.
        content: Its bytes.
        own_classes: Classes of yours that the file may use, by the names that it has for them. Anything else in it is
            left out, so the variables of a notebook will do.
        withheld: Variables of yours that it may not use; a refusal says so if it names one.

    Returns:
        The model, of the Keras version that wrote the file.

    Raises:
        Refusal: it is not such a file, is damaged or too large, or names what it may not.

    Example:
        >>> load("model.onnx", b"")
        Traceback (most recent call last):
        ...
        helpers.keras_files.refusal.Refusal: model.onnx is an ONNX file: make a .keras file with ...
    """
    name = short_name(name)
    archive.check_kind(name, content)  # what needs no process
    own = {keras: _states(keras, own_classes or {}, withheld or {}) for keras in keras_compat.loaded()}
    registered = {keras: list(_registered(keras)) for keras in keras_compat.loaded()}

    def usable(keras: str, names: list[str]) -> dict[str, Any]:
        known = {**(own_classes or {}), **_registered(keras)}
        return {each: known[each] for each in names}

    with process.kept_ready() as ready:
        keras, names = ready.try_file(
            name, content, own, registered, lambda keras, names: _by_value(name, usable(keras, names))
        )
    return _in_a_thread(lambda: child.load_in_this_process(keras, name, content, usable(keras, names)))


def _registered(keras: str) -> Mapping[str, Any]:
    return keras_compat.namespace(keras).utils.get_custom_objects()


def _states(keras: str, own_classes: Mapping[str, Any], withheld: Mapping[str, Any]) -> dict[str, str]:
    """Return what the inspection should know of a name: see `config.Inspection`."""
    states = {key: _state(value, "withheld") for key, value in withheld.items()}
    states |= {key: _state(value, "class") for key, value in own_classes.items()}
    passed = {id(value) for value in own_classes.values()}
    of_keras = set(map(id, allowed.classes(keras).values()))
    for key, value in _registered(keras).items():
        if id(value) in of_keras:  # Keras 2 registers its own optimizers
            continue
        # Keras finds a registered object by itself, whatever was passed under that name.
        states[key] = _state(value, "class" if id(value) in passed else "withheld") or "function"
    return {key: state for key, state in states.items() if state}


def _in_a_thread(load: Callable[[], Any]) -> Any:
    """Load in a new thread, which has no scopes of custom objects, no counters of names and no dtype policy of its own.

    Keras keeps these for each thread, so a new one makes what the process that tried the file made.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(load).result()


def load_file(path: str | Path, own_classes: Mapping[str, Any] | None = None) -> Any:
    """Load a `.keras` or `.h5` file from anybody, as `load` does.

    Args:
        path: Its path.
        own_classes: Classes of yours that it may use, by name.

    Returns:
        The model.

    Raises:
        Refusal: there is no such file, or `load` refuses it.

    Example:
        >>> load_file("nowhere.keras")
        Traceback (most recent call last):
        ...
        helpers.keras_files.refusal.Refusal: There is no file 'nowhere.keras' in that place: check the path, which ...
    """
    return load(*read_file(Path(path)), own_classes)


# Keras finds its own classes by itself, and nothing of these is a class for models.
_TOOLS = {*sys.stdlib_module_names, "IPython", "helpers", "keras", "numpy", "tensorflow", "tf_keras"}


def _state(value: Any, a_class: str) -> str:
    """Return what the inspection should know of a variable; nothing for most."""
    if isinstance(value, types.FunctionType):
        return "function"
    if not isinstance(value, type) or str(value.__module__).split(".")[0] in _TOOLS:
        return ""
    if allowed.is_of_tfp(value):
        return "tfp"
    if allowed.acts(value):
        return "lambda"
    if not callable(getattr(value, "from_config", None)):
        return ""
    return a_class


def _by_value(name: str, classes: Mapping[str, Any]) -> bytes:
    import cloudpickle

    try:
        return cloudpickle.dumps(dict(classes))
    except Exception as error:
        raise Refusal(
            f"{name} cannot be tried in a process of its own, because {' and '.join(classes)} cannot be sent there "
            f"({refusal.short_message(error)}): move the class into a module of its own, or load the file yourself"
        ) from None


def short_name(name: str) -> str:
    """Return a file's name without folders, line breaks and what is too long to be read.

    Args:
        name: A name or a path.

    Returns:
        At most 80 letters.

    Example:
        >>> short_name("folder/model.keras")
        'model.keras'
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in re.split(r"[\\/]", name)[-1])
    return shown if len(shown) <= 80 else f"{shown[:36]}...{shown[-36:]}"


def read_file(path: Path) -> tuple[str, bytes]:
    """Read a file once, and no more of it than is taken.

    Args:
        path: Its path; `~` is the home folder.

    Returns:
        Its name, and its bytes.

    Raises:
        Refusal: there is no such file, it is not a file, or it is too large.

    Example:
        >>> read_file(Path("nowhere.keras"))
        Traceback (most recent call last):
        ...
        helpers.keras_files.refusal.Refusal: There is no file 'nowhere.keras' in that place: check the path, which ...
    """
    name = short_name(path.name)
    try:
        path = path.expanduser()
        if not path.exists():
            where = f"the folder {Path.cwd().name!r}"
            raise Refusal(f"There is no file {name!r} in that place: check the path, which is seen from {where}")
        if path.is_dir():
            what = "a SavedModel, which holds computations and not a model"
            what = f", {what}" if (path / "saved_model.pb").exists() else ""
            raise Refusal(f"{name} is a folder{what}: give a .keras file, as model.save makes")
        if not path.is_file():
            raise Refusal(f"{name} is a device or a pipe, and not a file: give a .keras file, as model.save makes")
        with path.open("rb") as file:
            # What was looked at may have been replaced since.
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refusal(f"{name} is a device or a pipe, and not a file: give a .keras file, as model.save makes")
            content = file.read(refusal.MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:  # no permission, no such home folder, a name that no system takes
        told = refusal.short_message(error)
        raise Refusal(f"{name} cannot be read ({told}): check the path and who may read it") from None
    if len(content) > refusal.MAX_BYTES:
        raise too_large(name)
    return name, content
