"""Reads the config out of a `.keras` file, and refuses what `model.save` does not write."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from helpers.keras_files import refusal
from helpers.keras_files.refusal import Refusal, damaged, too_large


class Contents(NamedTuple):
    """What matters of a file.

    Attributes:
        keras: Which Keras version wrote it: "keras" or "tf_keras".
        config: The config of the model, as JSON holds it.
    """

    keras: str
    config: Any


def read(name: str, content: bytes) -> Contents:
    """Read the config of a file after a look at its members and weights. Nothing is unpacked to disk.

    Args:
        name: Name of the file, for messages.
        content: Its bytes.

    Returns:
        Which Keras version wrote it, and its config.

    Raises:
        Refusal: it is of another kind, damaged or too large, or leads to other files.

    Example:
        >>> read("model.onnx", b"")
        Traceback (most recent call last):
        ...
        helpers.keras_files.refusal.Refusal: model.onnx is an ONNX file: make a .keras file with ...
    """
    check_kind(name, content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_members(name, archive)
            config = json.loads(archive.read("config.json"))
            version = str(json.loads(archive.read("metadata.json")).get("keras_version", "3"))
            weights = archive.read("model.weights.h5")
    except Refusal:
        raise
    except zipfile.BadZipFile:
        raise Refusal(f"{name} is cut short, or not a .keras file at all: copy or save it again") from None
    except (KeyError, ValueError, AttributeError):
        raise Refusal(f"{name} is an archive, but not one that model.save made: save the model again") from None
    except Exception:  # zipfile raises a dozen kinds for an archive that is not as it says
        raise damaged(name) from None
    check_weights(name, weights)
    return Contents("tf_keras" if version.split(".")[0] in ("0", "1", "2") else "keras", config)


_OTHER_KINDS = {
    ".pb": "a graph of TensorFlow",
    ".pkl": "a pickle, which runs code when it is opened",
    ".pickle": "a pickle, which runs code when it is opened",
    ".onnx": "an ONNX file",
    ".tflite": "a TensorFlow Lite file",
    ".pt": "a file of PyTorch",
    ".pth": "a file of PyTorch",
}
_HDF5 = b"\x89HDF"
_ENTRY = b"PK\x01\x02"  # begins each entry of an archive's directory


def check_kind(name: str, content: bytes) -> None:
    """Refuse what is not a `.keras` or `.h5` file by its name, its size or its first bytes."""
    if len(content) > refusal.MAX_BYTES:
        raise too_large(name)
    suffix = Path(name).suffix.lower()
    if suffix in (".h5", ".hdf5") and content:
        if not content.startswith(_HDF5):
            raise Refusal(f"{name} is cut short, or not an HDF5 file at all: copy or save it again")
        return
    what = _OTHER_KINDS.get(suffix, "not a .keras file") if suffix not in (".keras", ".h5", ".hdf5") else ""
    if content.startswith(_HDF5) and not what:
        what = "an HDF5 file under another name"
    if what:
        raise Refusal(f'{name} is {what}: make a .keras file with model.save("model.keras") where the model is')
    if not content:
        raise Refusal(f"{name} is empty: save the model again")
    if not content.startswith(b"PK"):
        raise Refusal(f"{name} is cut short, or not a .keras file at all: copy or save it again")
    # zipfile makes an object of every entry as soon as it opens an archive, so they are counted before.
    if content.count(_ENTRY) > refusal.MAX_MEMBERS:
        raise Refusal(f"{name} holds more than {refusal.MAX_MEMBERS} files: save the model again")


_WRITTEN = {"config.json", "metadata.json", "model.weights.h5"}  # besides the folder of assets
_LINK = 0o120000  # the kind of a symbolic link, in the upper half of a member's attributes


def _check_members(name: str, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if sum(member.file_size for member in members) > refusal.MAX_UNPACKED:
        raise too_large(name)
    for member in members:
        path = PurePosixPath(member.orig_filename.replace("\\", "/"))
        is_link = member.external_attr >> 16 & 0o170000 == _LINK
        if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]) or is_link:
            raise Refusal(
                f"{name} holds {member.orig_filename[:80]!r}, which leads out of the archive, so nothing of it was "
                "unpacked: take a file that model.save made"
            )
    names = [member.filename for member in members]
    strange = [each for each in names if each not in _WRITTEN and not each.startswith("assets/")]
    if set(names) >= _WRITTEN and (strange or len(set(names)) < len(names)):
        what = f"{strange[0]!r}, which model.save does not write" if strange else "one name twice"
        raise Refusal(f"{name} holds {what}, so it was not loaded: save the model again")
    if any(member.file_size > refusal.MAX_CONFIG for member in members if member.filename.endswith(".json")):
        raise too_large(name)
    unreadable = archive.testzip()
    if unreadable:
        raise damaged(name, unreadable)


def check_weights(name: str, content: bytes) -> None:
    """Refuse weights that stand in another file, that would fill the memory, or that are stored in a strange way."""
    import h5py

    sizes: list[int] = []
    groups = 0

    def problem(path: str, link: Any) -> Refusal | None:
        """Judge one link; h5py stops at the first that returns something."""
        nonlocal groups
        if len(sizes) + groups >= refusal.MAX_WEIGHTS:
            return Refusal(f"{name} holds more than {refusal.MAX_WEIGHTS} arrays and groups: save the model again")
        if not isinstance(link, h5py.HardLink):
            return _elsewhere(name)
        item = file[path]
        if not isinstance(item, h5py.Dataset):
            groups += 1
            return None if isinstance(item, h5py.Group) else damaged(name, "the weights")
        if item.external or item.is_virtual:
            return _elsewhere(name)
        # Elements of any length can all be the same large one, and a filter may be a library that HDF5 loads.
        if item.dtype.hasobject or item.id.get_create_plist().get_nfilters():
            return damaged(name, "the weights")
        sizes.append(item.size * item.dtype.itemsize if item.size else 0)
        return None

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            found = file.visititems_links(problem)
    except Exception:
        raise damaged(name, "the weights") from None
    if found is not None:
        raise found
    if sum(sizes) > refusal.MAX_UNPACKED:
        raise too_large(name)


def _elsewhere(name: str) -> Refusal:
    return Refusal(
        f"{name} takes weights from another file of this computer, so it was not loaded and no such file was read: "
        "take a file that model.save made"
    )
