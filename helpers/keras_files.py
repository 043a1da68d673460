"""Looks through a `.keras` file before Keras sees it, and refuses what is damaged, too large, or may run code.

Keras's safe mode is not enough. Keras 2 imports whatever module a file names, hands out any function of its own that
a file names, and follows links in the weights to other files of this machine. So a file is held against what
`model.save` writes, and everything else in it is refused.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from helpers import keras_compat as generations

__all__ = ["MAX_BYTES", "Refusal", "look_through", "too_large"]

MAX_BYTES = 200_000_000  # a larger file would not leave a free host room for a second model
MAX_UNPACKED = 400_000_000
MAX_CONFIG = 20_000_000  # that of a model of a thousand layers has one million


class Refusal(ValueError):
    """What cannot be taken, in one sentence that says what to do."""

    def __init__(self, sentence: str):
        # What Keras says, and is quoted at the end of some, does not always end in a full stop.
        super().__init__(f"{sentence.rstrip('.: ')}.")


def too_large(name: str) -> Refusal:
    """Return the refusal of a file that is too large."""
    return Refusal(
        f"{name} is larger than {MAX_BYTES // 1_000_000} MB, for which the bench has no room: load it yourself, and "
        "give the bench a smaller model of the same classes."
    )


def look_through(name: str, content: bytes, known: Mapping[str, Any]) -> str:
    """See that a file may be loaded, without loading it.

    Args:
        name: Name of the file.
        content: Its bytes.
        known: Classes and functions of the reader that the file may name.

    Returns:
        Which Keras wrote it: "keras" or "tf_keras".

    Raises:
        Refusal: the file is of another kind, damaged or too large, or it names what is neither of Keras nor known.

    Example:
        >>> look_through("model.h5", b"", {})
        Traceback (most recent call last):
        ...
        helpers.keras_files.Refusal: model.h5 is an HDF5 file: weights alone, or a model in the old format: make a ...
    """
    _check_kind(name, content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_members(name, archive)
            config = json.loads(archive.read("config.json"))
            version = str(json.loads(archive.read("metadata.json")).get("keras_version", "3"))
            weights = archive.read("model.weights.h5")
    except Refusal:
        raise
    except zipfile.BadZipFile:
        raise Refusal(f"{name} is cut short, or no .keras file at all: copy or save it again.") from None
    except (KeyError, ValueError, AttributeError):
        raise Refusal(f"{name} is an archive, but not one that model.save made: save the model again.") from None
    except Exception:  # zipfile raises a dozen kinds for an archive that is not as it says
        raise _damaged(name) from None
    _check_weights(name, weights)
    generation = "tf_keras" if version.split(".")[0] in ("0", "1", "2") else "keras"
    registered = generations.namespace(generation).utils.get_custom_objects()
    try:
        _Config(name, generation, {**known, **registered}).check(config)
    except RecursionError:
        raise _damaged(name) from None
    return generation


def _damaged(name: str, what: str = "") -> Refusal:
    return Refusal(f"{name} is damaged{what and f' ({what} in it cannot be read)'}: copy or save it again.")


# -- the archive -------------------------------------------------------------------------------------------------------

_OTHER_KINDS = {
    ".h5": "an HDF5 file: weights alone, or a model in the old format",
    ".hdf5": "an HDF5 file: weights alone, or a model in the old format",
    ".pb": "a graph of TensorFlow",
    ".pkl": "a pickle, which runs code when it is opened",
    ".pickle": "a pickle, which runs code when it is opened",
    ".onnx": "an ONNX file",
    ".tflite": "a TensorFlow Lite file",
    ".pt": "a file of PyTorch",
    ".pth": "a file of PyTorch",
}


def _check_kind(name: str, content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise too_large(name)
    suffix = Path(name).suffix.lower()
    what = _OTHER_KINDS.get(suffix, "no .keras file") if suffix != ".keras" else ""
    if content.startswith(b"\x89HDF") and not what:
        what = "an HDF5 file under another name"
    if what:
        raise Refusal(f'{name} is {what}: make a .keras file with model.save("model.keras") where the model is.')
    if not content:
        raise Refusal(f"{name} is empty: save the model again.")
    if not content.startswith(b"PK"):
        raise Refusal(f"{name} is cut short, or no .keras file at all: copy or save it again.")


_WRITTEN = {"config.json", "metadata.json", "model.weights.h5"}  # besides the folder of assets
_LINK = 0o120000  # the kind of a symbolic link, in the upper half of a member's attributes


def _check_members(name: str, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise too_large(name)
    for member in members:
        path = PurePosixPath(member.orig_filename.replace("\\", "/"))
        is_link = member.external_attr >> 16 & 0o170000 == _LINK
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or is_link:
            raise Refusal(
                f"{name} holds {member.orig_filename[:80]!r}, which leads out of the archive, so nothing of it was "
                "unpacked: take a file that model.save made."
            )
    names = [member.filename for member in members]
    strange = [each for each in names if each not in _WRITTEN and not each.startswith("assets/")]
    if set(names) >= _WRITTEN and (strange or len(set(names)) < len(names)):
        what = f"{strange[0]!r}, which model.save does not write" if strange else "one name twice"
        raise Refusal(f"{name} holds {what}, so it was not loaded: save the model again.")
    if any(member.file_size > MAX_CONFIG for member in members if member.filename.endswith(".json")):
        raise too_large(name)
    damaged = archive.testzip()
    if damaged:
        raise _damaged(name, damaged)


def _check_weights(name: str, content: bytes) -> None:
    """Refuse weights that stand in another file, or that would fill the memory."""
    import h5py

    links: list[Any] = []
    arrays: list[Any] = []
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            file.visititems_links(lambda path, link: links.append(link))
            file.visititems(lambda path, item: arrays.append(item) if isinstance(item, h5py.Dataset) else None)
            elsewhere = any(array.external or array.is_virtual for array in arrays)
            ragged = any(array.dtype.hasobject for array in arrays)
            size = sum(array.size * array.dtype.itemsize for array in arrays if array.size)
    except Exception:
        raise _damaged(name, "the weights") from None
    if ragged:  # elements of any length can all be the same large one
        raise _damaged(name, "the weights")
    if elsewhere or not all(isinstance(link, h5py.HardLink) for link in links):
        raise Refusal(
            f"{name} takes weights from another file of this machine, so it was not loaded and no such file was read: "
            "take a file that model.save made."
        )
    if size > MAX_UNPACKED:
        raise too_large(name)


# -- what it names -----------------------------------------------------------------------------------------------------

_PARTS = "activations|constraints|initializers|layers|losses|metrics|mixed_precision|models|optimizers|quantizers"
_PARTS += "|random|regularizers|ops|dtype_policies"
_OF_KERAS = re.compile(
    rf"(tf_)?keras(\.({_PARTS})(\.\w+)*)?|(tf_)?keras\.src\.(engine|models)\.(functional|sequential|training)"
    r"|(tf_)?keras\.src\.(layers|ops)\.[\w.]+"
)
_CLASS = re.compile(r"_?[A-Z]\w*")  # a function in the place of a class would be called with what the file says
# Functions that only compute are of these parts; those of others load, save, or make objects of what they are given.
_COMPUTING = ("activations", "constraints", "initializers", "losses", "metrics", "ops", "regularizers")
_NOT_COMPUTING = {"get", "serialize", "deserialize"}
_DATA = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}
_SPECIFICATION = re.compile(r"(Ragged|Sparse|Indexed|)(Tensor|Slices)Spec")
# Layers that call or read what a file says.
_ACTING = {"TensorFlowOpLayer", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
_ACTING |= {"DenseFeatures", "SequenceFeatures"}  # their columns read files of words and checkpoints
# Operations of TensorFlow in a functional model of Keras 2 are found by their name: those that only compute.
_OPERATION = re.compile(
    r"(math|nn|linalg|image|strings|signal|__operators__)\.[\w.]+|(compat\.v1\.)?(shape|transpose|gather|size)|cast"
    r"|concat|stack|unstack|split|reshape|squeeze|expand_dims|tile|pad|slice|strided_slice|identity|one_hot|where|zeros"
    r"|ones|zeros_like|ones_like|range|reverse|repeat|broadcast_to|clip_by_value|boolean_mask|stop_gradient"
)
_OF_TENSORS = re.compile(r"(RaggedTensor|sparse\.SparseTensor|SparseTensor)")


class _Config:
    """Checks what a config names.

    Args:
        name: Name of the file.
        generation: Which Keras will read it.
        known: What else it may name, by the names under which that Keras finds it.
    """

    def __init__(self, name: str, generation: str, known: Mapping[str, Any]) -> None:
        self._name = name
        self._package = generations.namespace(generation)
        self._known = known

    def check(self, value: Any) -> None:
        """Refuse what is neither of Keras nor known, or holds code, anywhere in a value."""
        if isinstance(value, list):
            for item in value:
                self.check(item)
        elif isinstance(value, dict):
            if "class_name" in value:
                self._check_object(value)
            if isinstance(value.get("vocabulary"), str):
                raise Refusal(
                    f"{self._name} reads a vocabulary from another file, so it was not loaded: call adapt or pass the "
                    "words as a list, and save the model again."
                )
            for item in value.values():
                self.check(item)

    def _check_object(self, value: dict[str, Any]) -> None:
        kind, module, config = value["class_name"], value.get("module"), value.get("config")
        if not isinstance(kind, str):
            raise _damaged(self._name, "the name of a class")
        details = config if isinstance(config, dict) else {}
        if kind == "__lambda__" or (kind == "Lambda" and self._holds_code(details)):
            raise Refusal(
                f"{self._name} holds the code of a Lambda layer, which could do anything, so it was not loaded and "
                "nothing of it ran: replace the Lambda by a layer class of your own, and save the model again."
            )
        if any(self._is_of_tfp(name) for name in (kind, value.get("registered_name"), kind == "function" and config)):
            raise Refusal(
                f"{self._name} names {kind}; layers of TensorFlow Probability may keep functions as code that runs "
                "when a file is loaded, so it was not loaded: make the model from its class, and give the bench that."
            )
        if self._gives_arguments(kind, value, details):
            raise Refusal(
                f"{self._name} calls a function with what the file says, so it was not loaded: write it as a "
                "class of your own, and save the model again."
            )
        if kind == "function":
            if not (isinstance(config, str) and (config in self._known or self._computes(module, config))):
                raise self._unknown("function", config)
        elif not (kind in _DATA or self._is_specification(value) or self._is_class(value)):
            raise self._unknown("class", kind)
        operation = self._operation(kind, details)
        if operation:
            raise Refusal(
                f"{self._name} calls {operation}, which may do more than compute, so it was not loaded: write it as a "
                "layer class of your own, and save the model again."
            )

    def _is_of_tfp(self, name: Any) -> bool:
        """Tell whether a known class is of TensorFlow Probability, or derived from one that is."""
        bases = getattr(self._known.get(str(name)), "__mro__", ())
        return any(str(base.__module__).startswith("tensorflow_probability.") for base in bases)

    def _gives_arguments(self, kind: str, value: dict[str, Any], details: dict[str, Any]) -> bool:
        """Tell whether a known function would be called with what the file says, and not with tensors alone."""
        function = details.get("function" if kind == "Lambda" else "fn")
        named = function.get("config") if isinstance(function, dict) else function
        if str(named) not in self._known:
            return False
        if kind != "Lambda":  # what a wrapper of a function does not know itself, it hands on
            return not details.keys() <= {"name", "dtype", "fn"}
        nodes = value.get("inbound_nodes")
        nodes = nodes if isinstance(nodes, list) else []
        by_name = any("'inputs'" in str(node.get("kwargs")) for node in nodes if isinstance(node, dict))
        return bool(details.get("arguments")) or by_name or "_CONSTANT_VALUE" in str(nodes)

    def _is_class(self, value: dict[str, Any]) -> bool:
        """Tell whether Keras will find a class of its own or a known one, and import nothing else to find it."""
        kind, module = value["class_name"], value.get("module")
        registered = value.get("registered_name", kind)
        if str(registered) in self._known:
            return True
        if module is None:
            return "config" not in value  # Keras takes it for a dictionary of the model's own
        of_keras = isinstance(module, str) and _OF_KERAS.fullmatch(module) is not None
        return of_keras and _CLASS.fullmatch(kind) is not None and registered in (None, kind)

    def _is_specification(self, value: dict[str, Any]) -> bool:
        """Tell whether it is what TensorFlow says of a tensor's shape and type."""
        module, spec = str(value.get("module")), str(value.get("spec_name"))
        return (
            value["class_name"] == "__typespec__"
            and module.split(".")[0] == "tensorflow"
            and module in sys.modules
            and _SPECIFICATION.fullmatch(spec) is not None
        )

    def _computes(self, module: Any, function: str) -> bool:
        """Tell whether it is a function of Keras that only computes."""
        part = str(module).split(".")[1] if _OF_KERAS.fullmatch(str(module)) and "." in str(module) else ""
        parts = _COMPUTING if module == "builtins" else [part] if part in _COMPUTING else []
        named = any(hasattr(getattr(self._package, each, None), function) for each in parts)
        return named and function not in _NOT_COMPUTING and not function.startswith("_")

    def _holds_code(self, lambda_config: dict[str, Any]) -> bool:
        """Tell whether a Lambda layer holds code, in one of the ways of either Keras, and not a function's name."""
        function = lambda_config.get("function")
        if "lambda" in (lambda_config.get(f"{each}_type") for each in ("function", "output_shape", "mask")):
            return True
        if isinstance(function, str):
            return function not in self._known
        return not (isinstance(function, dict) and function.get("class_name") == "function")

    def _operation(self, kind: str, config: dict[str, Any]) -> str:
        """Return what a layer calls, if that may do more than compute."""
        if kind in ("TFOpLambda", "SlicingOpLambda"):
            called = str(config.get("function"))
            return "" if _OPERATION.fullmatch(called) else f"the operation {called!r} of TensorFlow"
        if kind == "ClassMethod":
            called = str(config.get("cls_symbol"))
            return "" if _OF_TENSORS.fullmatch(called) else f"a method of {called!r}, of TensorFlow"
        return f"what a {kind} names" if kind in _ACTING else ""

    def _unknown(self, what: str, missing: Any) -> Refusal:
        how = "import it" if what == "class" else "define or import it"
        missing = str(missing)[:80]
        return Refusal(
            f"{self._name} names the {what} {missing}, and a file does not hold its code: run the cell that defines "
            f"{missing} in this notebook, or {how}, then give the file again."
        )
