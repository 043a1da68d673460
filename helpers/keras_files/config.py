"""Compares everything that a config names with what it may name, without looking any of it up elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from helpers.keras_files import allowed, refusal
from helpers.keras_files.refusal import Refusal, damaged, too_large

# The kinds of data that each Keras version handles itself, before it looks for a class. The other version would look
# for a class of that name, in the module that the file names.
_DATA = {
    "keras": {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"},
    "tf_keras": {"__tensor__", "__numpy__", "__bytes__"},
}
_KEYS = {"module", "class_name", "config", "registered_name", "build_config", "compile_config", "shared_object_id"}
_LAYER_KEYS = {"name", "inbound_nodes"}  # of a layer in a functional model
_PLAIN = re.compile(r"[\w/ -]*")  # a pattern that is only a text: another may take for ever to be searched for
_NAMES_A_FUNCTION = re.compile(r"loss|(\w+_)?(activation|regularizer|constraint|initializer)")
_CONSTANT, _COMPOSITE = "_CONSTANT_VALUE", "_COMPOSITE_TYPE"  # what Keras 2 writes for a constant among the inputs


class Inspection:
    """Inspects one config.

    Args:
        name: Name of the file, for messages.
        generation: Which Keras version will read it.
        own: What the notebook has under a name: "class" (may be used), "withheld" (a class, but nobody allowed it),
            "lambda" (derived from `Lambda`), "tfp" (of TensorFlow Probability) or "function".
        registered: Names in the registers of custom objects, which Keras looks up for any text in a config.

    Attributes:
        used: Names of the reader's own classes that the config names.

    Example:
        >>> Inspection("m.keras", "keras").check({"class_name": "Dense", "module": "os", "config": {}})
        Traceback (most recent call last):
        ...
        helpers.keras_files.refusal.Refusal: m.keras names the class os.Dense, which is not one of Keras's own: ...
    """

    def __init__(
        self, name: str, generation: str, own: Mapping[str, str] | None = None, registered: Sequence[str] = ()
    ) -> None:
        self._name = name
        self._generation = generation
        self._own = own or {}
        self._registered = set(registered)
        self._classes = allowed.classes(generation)
        self._functions = allowed.functions(generation)
        self._identifiers = allowed.identifiers(generation)
        self._objects = self._layers = 0
        self.used: set[str] = set()

    def check(self, value: Any, depth: int = 0) -> None:
        """Refuse a value in which anything, at any depth, is not allowed."""
        if depth > refusal.MAX_DEPTH:
            raise damaged(self._name)
        if isinstance(value, str):
            self._check_text(value)
        elif isinstance(value, list):
            for item in value:
                self.check(item, depth + 1)
        elif isinstance(value, dict):
            if "class_name" in value:
                self._check_object(value)
            self._check_settings(value)
            if isinstance(value.get("vocabulary"), str):
                raise Refusal(
                    f"{self._name} reads a vocabulary from another file, so it was not loaded: call adapt or pass the "
                    "words as a list, and save the model again"
                )
            for key, item in value.items():
                if key not in ("class_name", "registered_name", "module"):
                    self.check(item, depth + 1)

    def _check_settings(self, value: dict[str, Any]) -> None:
        """Refuse settings that Keras reads as something else than data: patterns, and names of its own functions."""
        for key in ("policy_map", "exclude_layers"):
            patterns = value.get(key)
            for pattern in patterns if isinstance(patterns, (dict, list)) else ():
                if not isinstance(pattern, str) or not _PLAIN.fullmatch(pattern):
                    raise self._calls("a search for a pattern that the file holds")
        if self._generation == "keras":
            return  # which has a list of names of its own
        for key, text in value.items():
            if not isinstance(text, str) or not _NAMES_A_FUNCTION.fullmatch(key):
                continue
            if text.lower() not in self._identifiers and self._own.get(text) != "class":
                raise self._calls(f"{text[:80]!r} as its {key[:80]}")

    def _check_text(self, text: str) -> None:
        """Refuse a text that Keras would replace by what is registered under it."""
        if text in self._registered and text not in self.used and self._own.get(text) != "class":
            raise Refusal(
                f"{self._name} holds the text {text[:80]!r}, under which this notebook has registered something that "
                "would be used in its place: load it in a notebook that does not register it"
            )
        if text == _COMPOSITE:
            raise self._calls("a constant that is made from what the file says")

    def _check_object(self, value: dict[str, Any]) -> None:
        self._objects += 1
        if self._objects > refusal.MAX_OBJECTS:
            raise too_large(self._name)
        kind = value["class_name"]
        names = (value.get(key) for key in ("module", "registered_name", "spec_name"))
        if not isinstance(kind, str) or not all(isinstance(each, (str, type(None))) for each in names):
            raise damaged(self._name, "the name of a class")
        if kind == "__lambda__":
            raise self._code()
        if kind in _DATA[self._generation]:
            accepted = value.keys() <= {"class_name", "config"}
        elif kind == "__typespec__":
            accepted = self._is_specification(value)
        elif kind == "function":
            accepted = self._is_function(value)
        else:
            accepted = self._is_class(value)
        if not accepted:
            raise self._unknown(value)

    # -- one method a kind ---------------------------------------------------------------------------------------------

    def _is_specification(self, value: dict[str, Any]) -> bool:
        key = (value.get("module"), value.get("spec_name"))
        fields = {"class_name", "spec_name", "module", "config", "registered_name"}
        known = key in allowed.specifications() and isinstance(value.get("config"), list)
        return known and value.keys() <= fields and value.get("registered_name", 0) is None

    def _is_function(self, value: dict[str, Any]) -> bool:
        name, module = value.get("config"), value.get("module")
        if not isinstance(name, str):
            raise damaged(self._name, "the name of a function")
        same = value.get("registered_name") in (None, "function", name)
        return (module, name) in self._functions and same and value.keys() <= _KEYS

    def _is_class(self, value: dict[str, Any]) -> bool:
        kind, config = value["class_name"], value.get("config")
        if kind == "Lambda":
            raise self._code()
        if not (isinstance(config, dict) or config is None) or "module" not in value or "config" not in value:
            return False
        if not value.keys() <= _KEYS | _LAYER_KEYS:
            return False
        # Both Keras versions look for a class of the reader's first, under this name.
        registered = value.get("registered_name", kind)
        if registered in self._own:
            self._check_own_class(registered)
        elif not self._is_class_of_keras(value, registered):
            return False
        if "inbound_nodes" in value:
            self._check_calls(kind, value["inbound_nodes"])
        return True

    def _is_class_of_keras(self, value: dict[str, Any], registered: Any) -> bool:
        kind, module = value["class_name"], value["module"]
        if kind in ("TFOpLambda", "SlicingOpLambda"):
            if self._generation == "keras" or registered not in (None, kind):
                return False
            called = (value["config"] or {}).get("function")
            self._check_name(value)
            if not isinstance(called, str) or called not in allowed.tensorflow_operations():
                raise self._calls(f"the operation {str(called)[:80]!r} of TensorFlow")
            return module in ("keras.layers", "tf_keras.src.layers.core.tf_op_layer")
        cls = self._classes.get((module, kind))
        if cls is None or registered not in (None, kind):
            return False
        if allowed.is_named(cls):
            self._check_name(value)
        return True

    def _check_name(self, value: dict[str, Any]) -> None:
        """Refuse a layer without a name: Keras would count for it, and another process counts differently."""
        if not isinstance((value["config"] or {}).get("name"), str):
            raise Refusal(
                f"{self._name} holds a {value['class_name']} without a name, which model.save always writes: save the "
                "model again"
            )

    def _check_own_class(self, name: str) -> None:
        state = self._own[name]
        if state == "lambda":
            raise self._code()
        if state == "tfp":
            raise Refusal(
                f"{self._name} names {name}; layers of TensorFlow Probability may keep functions as code that runs "
                "when a file is loaded, so it was not loaded: make the model from its class, and give that"
            )
        if state == "function":
            raise Refusal(
                f"{self._name} names your function {name} where a class belongs, and would call it with what the file "
                "says, so it was not loaded: write it as a class of your own, and save the model again"
            )
        if state == "withheld":
            raise Refusal(
                f"{self._name} would make your class {name} with the arguments that the file holds, so it was not "
                "loaded: if you trust them, let the file use your own classes, and give it again"
            )
        self.used.add(name)

    def _check_calls(self, kind: str, nodes: Any) -> None:
        """Refuse a layer or an operation that is called with what the file says alone: it would run while loading."""
        self._layers += 1
        if self._layers > refusal.MAX_LAYERS:
            raise Refusal(
                f"{self._name} has more than {refusal.MAX_LAYERS} layers, for which there is no room: load it "
                "yourself, and give a smaller model of the same classes"
            )
        if not isinstance(nodes, list) or not all(_refers(node, self._generation) for node in nodes):
            raise self._calls(f"a {kind[:80]} with constants alone")

    # -- the sentences -------------------------------------------------------------------------------------------------

    def _code(self) -> Refusal:
        return Refusal(
            f"{self._name} holds a Lambda layer or its code, which could do anything, so it was not loaded and nothing "
            "of it ran: replace the Lambda by a layer class of your own, and save the model again"
        )

    def _calls(self, what: str) -> Refusal:
        return Refusal(
            f"{self._name} calls {what}, which may do more than compute, so it was not loaded: write it as a layer "
            "class of your own, and save the model again"
        )

    def _unknown(self, value: dict[str, Any]) -> Refusal:
        name = str(value.get("config") if value["class_name"] == "function" else value["class_name"])[:80]
        own = self._own.get(name)
        if value["class_name"] == "function":
            whose = "your function" if own else "the function"
            return Refusal(
                f"{self._name} names {whose} {name}, and only Keras's own functions are taken from a file: write it as "
                "a class of your own, and save the model again"
            )
        module = value.get("module")
        if isinstance(module, str) and module and own is None and not value.get("registered_name"):
            name = f"{module[:80]}.{name}"
        return Refusal(
            f"{self._name} names the class {name}, which is not one of Keras's own: if it is yours, run the cell that "
            "defines it in this notebook, or import it, then give the file again"
        )


def _refers(node: Any, generation: str) -> bool:
    """Return whether a call gets at least one result of another layer, so that Keras only notes it.

    Each Keras version reads a call in its own way, and whatever it would not read as a result does not count.
    """
    if generation == "keras":
        known = isinstance(node, dict) and node.keys() == {"args", "kwargs"}
        return known and _has_symbol([node["args"], node["kwargs"]])
    return _has_reference(node)


def _has_symbol(value: Any) -> bool:
    if isinstance(value, dict):
        if "class_name" in value:  # a symbol within another object is not seen by Keras
            return value["class_name"] == "__keras_tensor__"
        return any(_has_symbol(item) for item in value.values())
    return isinstance(value, list) and any(_has_symbol(item) for item in value)


def _has_reference(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_reference(item) for item in value.values())
    if not isinstance(value, list):
        return False
    if len(value) in (3, 4) and isinstance(value[0], str) and type(value[1]) is int:
        if value[0] != _CONSTANT:
            return type(value[2]) is int
        return len(value) == 4 and _has_reference(value[3])
    return any(_has_reference(item) for item in value)
