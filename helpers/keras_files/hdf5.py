"""Reads the config out of an `.h5` file, the format before `.keras`, and compares it with what it may name.

The format names a class without its module, so Keras looks for it among its own classes of that kind. A file of weights
alone has no config, and so there is no model in it.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from helpers.keras_files import allowed, refusal
from helpers.keras_files.archive import Contents, check_weights
from helpers.keras_files.config import Inspection
from helpers.keras_files.refusal import Refusal, damaged, too_large
from helpers.text import listed

SUFFIXES = (".h5", ".hdf5")

COMPILE_SETTINGS = "the compile settings"
_PARTS = {"model_config": "the structure", "training_config": COMPILE_SETTINGS}
_LEGACY_KEYS = {"class_name", "config", "name", "inbound_nodes", "shared_object_id"}
_ITEMS = {"__tuple__", "TensorShape"}  # kinds of data, with their values as "items"
_SHORT_NAMES = {"accuracy", "acc", "crossentropy", "ce", "bce", "kld", "mae", "mape", "mse", "msle"}


def is_hdf5(name: str) -> bool:
    """Return whether a file is in this format, by its name."""
    return Path(name).suffix.lower() in SUFFIXES


def read(name: str, content: bytes) -> Contents:
    """Read the configs of a file after a look at its weights.

    Args:
        name: Name of the file, for messages.
        content: Its bytes.

    Returns:
        Which Keras version wrote it, and the configs of the model and of its training.

    Raises:
        Refusal: it is damaged or too large, leads to other files, or holds weights alone.
    """
    check_weights(name, content)
    attributes = _attributes(name, content)
    keras = _written_by(attributes)
    if "model_config" not in attributes:
        raise Refusal(
            f"{name} holds weights alone, and no model: make the model by code as where it was saved, call "
            f'model.load_weights("{name}"), and give the variable'
        )
    configs = [attributes[key] for key in _PARTS if key in attributes]
    if sum(map(len, configs)) > refusal.MAX_CONFIG:
        raise too_large(name)
    try:
        return Contents(keras, [json.loads(each) for each in configs])
    except ValueError:
        raise damaged(name, "the config") from None


def holds(name: str, content: bytes) -> str:
    """Return in a sentence which Keras wrote a file, what it holds and what it lacks.

    Args:
        name: Its name.
        content: Its bytes; it was looked through before.
    """
    import h5py

    attributes = _attributes(name, content)
    with h5py.File(io.BytesIO(content), "r") as file:
        has = {"the weights": "model_weights" in file, "the optimizer state": "optimizer_weights" in file}
    parts = {**{part: key in attributes for key, part in _PARTS.items()}, **has}
    lacks = [*[part for part, held in parts.items() if not held], "the random state"]
    held = [part for part, held in parts.items() if held]
    version = attributes.get("keras_version", "")
    writer = f"Keras {version}" if version else "an early Keras"
    again = _written_by(attributes) == "keras" and has["the optimizer state"]
    train = " Compile the model again before you train it: Keras 3 gives it an optimizer of other variables." * again
    return f"{name} was written by {writer}. It holds {listed(held)}, and lacks {listed(lacks)}.{train}"


def _attributes(name: str, content: bytes) -> dict[str, str]:
    import h5py

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            names = (*_PARTS, "keras_version")
            found = {each: file.attrs[each] for each in names if each in file.attrs}
        return {key: value.decode() if isinstance(value, bytes) else str(value) for key, value in found.items()}
    except Exception:  # h5py raises many kinds for a file that is not as it says
        raise damaged(name) from None


def _written_by(attributes: dict[str, str]) -> str:
    version = attributes.get("keras_version", "2")  # Keras 3 always writes it
    return "tf_keras" if version.split(".")[0] in ("0", "1", "2") else "keras"


class LegacyInspection(Inspection):
    """Inspects the configs of an `.h5` file.

    Example:
        >>> LegacyInspection("m.h5", "keras").check({"class_name": "TFSMLayer", "config": {"name": "a"}})
        Traceback (most recent call last):
        ...
        helpers.keras_files.refusal.Refusal: m.h5 names the class TFSMLayer, which is not one of Keras's own: ...
    """

    def _is_class(self, value: dict[str, Any]) -> bool:
        kind = value["class_name"]
        if kind in _ITEMS:
            return value.keys() == {"class_name", "items"}
        if kind == "Lambda" or "module" in value:
            return super()._is_class(value)
        if not value.keys() <= _LEGACY_KEYS or not isinstance(value.get("config"), dict):
            return False
        if kind in self._own:
            self._check_own_class(kind)
        elif not self._is_legacy_class_of_keras(value):
            return False
        if "inbound_nodes" in value:
            self._check_calls(kind, value["inbound_nodes"])
        return True

    def _is_legacy_class_of_keras(self, value: dict[str, Any]) -> bool:
        kind = value["class_name"].removeprefix("Custom>")  # Keras 2 registers its own optimizers so
        if kind in ("TFOpLambda", "SlicingOpLambda"):
            return self._is_class_of_keras({**value, "module": "keras.layers"}, kind)
        found = [cls for (_, name), cls in self._classes.items() if name == kind]
        if kind in self._own or not found:
            return False
        if any(map(allowed.is_named, found)):
            self._check_name(value)
        return True

    def _check_settings(self, value: dict[str, Any]) -> None:
        super()._check_settings(value)
        for key in ("loss", "metrics", "weighted_metrics"):
            if "class_name" not in value:
                self._check_function_names(key, value.get(key))
        for key, text in value.items():
            if isinstance(text, str) and key in ("activation", "recurrent_activation"):
                self._check_function_names(key, text)

    def _check_function_names(self, key: str, value: Any) -> None:
        """Refuse a name of a function that Keras would look for in its own modules, if it is not a public one."""
        if isinstance(value, str):
            if value.lower() not in self._identifiers | _SHORT_NAMES and self._own.get(value) != "class":
                raise self._calls(f"{value[:80]!r} as its {key}")
        elif isinstance(value, list):
            for each in value:
                self._check_function_names(key, each)
        elif isinstance(value, dict) and "class_name" not in value:
            self._check_function_names(key, list(value.values()))
