"""Walk the objects that two models are made of, side by side, and say where they differ and what they share.

The walk knows kinds of values, not kinds of faults: variables, arrays, plain values, functions, tables, random
generators, containers, and objects with attributes. Of an object of Keras it looks at its public settings and at the
live objects that it holds; of any other object at every attribute. ``Snapshot`` goes further: it holds on to every
attribute, Keras's own included, to put all of them back.
"""

import contextlib
import functools
import random
import re
import types
import warnings
import weakref
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import distances, keras_compat, random_state, tf_private
from helpers.text import digits

# Where in a model something was found.
STRUCTURE, SETTING, WEIGHT, STATE = "structure", "setting", "weight", "state"
COMPILATION, OPTIMIZER, METRIC = "compilation", "optimizer", "metric"

_PLAIN = (bool, int, float, complex, str, bytes, np.generic, type(None), type(Ellipsis))
_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial)
_GENERATORS = (np.random.Generator, np.random.RandomState, random.Random, tf.random.Generator)
# What they hold is kept alive elsewhere: they are caches, and notes about objects.
_WEAK = (weakref.ref, weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
_LIBRARIES = ("keras", "tf_keras", "tensorflow", "tensorflow_probability")
# Attributes that only tell what happened last, or that hold what the constructor was given and was then made use of.
_TRACES = {"input_vocabulary", "input_idf_weights", "vocabulary", "idf_weights", "batch_input_shape", "batch_shape"}
# What a compiled model tells of how it is run.
_OF_COMPILED = ("run_eagerly", "jit_compile", "steps_per_execution", "auto_scale_loss")
# What objects of the libraries keep for themselves.
_OF_LIBRARIES = {"_graph_parents", "_tracker", "_lock", "_path", "_distribution_strategy", "_used"}


@dataclass(frozen=True)
class Finding:
    """One difference between two models.

    Attributes:
        kind: what differs, one of the constants above.
        path: where, such as ``dropout_1.rate``.
        text: how, such as ``0.5 against 0.3``.
        distance: the largest absolute difference, if it is one of numbers.
    """

    kind: str
    path: str
    text: str
    distance: float | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


# -- what things are ---------------------------------------------------------------------------------------------------


def _module(value: Any) -> str:
    return (getattr(value if isinstance(value, type) else type(value), "__module__", None) or "").split(".")[0]


def _keras_kind(value: Any) -> tuple[str, str] | None:
    """Tell of which Keras and which kind an object is, or None."""
    for name in keras_compat.loaded():
        package = keras_compat.namespace(name)
        # A Keras 2 metric is a layer as well, and it is a metric that it serves as.
        if isinstance(value, package.metrics.Metric):
            return name, "metric"
        if isinstance(value, package.Model):
            return name, "model"
        if isinstance(value, package.layers.Layer):
            return name, "layer"
        if isinstance(value, keras_compat.optimizer_classes(name)):
            return name, "optimizer"
        if isinstance(value, package.losses.Loss):
            return name, "loss"
        if isinstance(value, package.initializers.Initializer):
            return name, "initializer"
    return None


def is_table(value: Any) -> bool:
    """Tell whether a value is a lookup table of TensorFlow."""
    return isinstance(value, tf.lookup.experimental.MutableHashTable) or (
        callable(getattr(value, "export", None)) and callable(getattr(value, "lookup", None))
    )


def is_plain_value(value: Any) -> bool:
    """Tell whether a value is a number, a text or the like, which cannot change."""
    return isinstance(value, _PLAIN)


def is_function(value: Any) -> bool:
    """Tell whether a value is a function, a method, a partial one, or a ``tf.function``."""
    return isinstance(value, _FUNCTIONS) or _is_traced(value)


def is_generator(value: Any) -> bool:
    """Tell whether a value is a random generator of Python, NumPy or TensorFlow."""
    return isinstance(value, _GENERATORS)


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, tf.RaggedTensor, tf.SparseTensor)) or (
        tf.is_tensor(value) and hasattr(value, "numpy")
    )


def _is_mapping(value: Any) -> bool:
    return isinstance(value, (dict, types.MappingProxyType)) or isinstance(getattr(value, "__wrapped__", None), dict)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple, deque)) or isinstance(getattr(value, "__wrapped__", None), tuple)


def _is_traced(value: Any) -> bool:
    """Tell whether a value is a ``tf.function``."""
    return not isinstance(value, type) and hasattr(value, "python_function") and hasattr(value, "get_concrete_function")


def is_walked(value: Any) -> bool:
    """Tell whether an object's attributes belong to the model: an object of Keras, TFP, or of the reader's own."""
    if isinstance(value, (type, types.ModuleType, *_FUNCTIONS)) or not hasattr(value, "__dict__"):
        return False
    if isinstance(value, (tf.Module, types.SimpleNamespace)) or _keras_kind(value):
        return True
    return _module(value) not in (
        "builtins", "tensorflow", "numpy", "threading", "_thread", "weakref", "inspect",
        "abc", "enum", "types", "typing", "re", "logging", "wrapt", "absl", "google", "ml_dtypes", "optree", "pathlib",
    )  # fmt: skip


# -- what a model is made of -------------------------------------------------------------------------------------------


def parts(value: Any) -> dict[Any, Any] | None:
    """Return what two equal values must have in common, by name or position, or None if it is a leaf."""
    if isinstance(value, _PLAIN) or keras_compat.is_variable(value) or _is_array(value) or is_table(value):
        return None
    if isinstance(value, (*_GENERATORS, *_WEAK, type, types.ModuleType)):
        return None
    if tf_private.is_symbolic(value):
        return _parts_of_symbol(value)
    if _is_traced(value):
        return {"": value.python_function}
    if isinstance(value, _FUNCTIONS):
        return _parts_of_function(value)
    if _is_mapping(value):
        return dict(value)
    if _is_sequence(value):
        return dict(enumerate(value))
    if isinstance(value, (set, frozenset)):
        return None
    return _attributes(value) if is_walked(value) else None


def _parts_of_symbol(value: Any) -> dict[Any, Any]:
    layer, output, arguments, keywords = tf_private.history(value)
    # An input layer is called with nothing that matters.
    if type(layer).__name__ == "InputLayer":
        return {"layer": layer}
    return {"layer": layer, "output": output, "called with": arguments, "called with keywords": keywords}


def _parts_of_function(value: Any) -> dict[Any, Any]:
    if isinstance(value, types.MethodType):
        return {"self": value.__self__, "": value.__func__}
    if isinstance(value, functools.partial):
        return {"": value.func, "arguments": value.args, "keywords": value.keywords}
    if not isinstance(value, types.FunctionType):
        return {}
    found: dict[Any, Any] = {}
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # a cell that is still empty
            found[name] = cell.cell_contents
    return {**found, "defaults": value.__defaults__, "keyword defaults": value.__kwdefaults__}


def _plain_config(value: Any) -> dict[str, Any]:
    """Return the plain settings that an object of Keras tells in its config."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = value.get_config()
    except Exception:  # a config is the author's code and may raise anything; the attributes are looked at anyway
        return {}
    return {key: entry for key, entry in config.items() if _is_plain(entry) and key not in _TRACES | {"name"}}


def _is_plain(value: Any) -> bool:
    return isinstance(value, _PLAIN) or (isinstance(value, (list, tuple)) and all(map(_is_plain, value)))


def _attributes(value: Any) -> dict[str, Any]:
    """Return the attributes of an object that two equal ones must have in common."""
    known = _keras_kind(value)
    # Python's own, such as __annotations__, belong to the code; what a function wraps does not.
    attributes = {key: entry for key, entry in vars(value).items() if key[:2] != "__" or key == "__wrapped__"}
    if type(value).__name__ == "SeedGenerator" and _module(value) == "keras":
        return {"state": value.state}  # its seed is drawn anew at each construction, and then lives in the state
    if known is None:
        if _module(value) in _LIBRARIES:  # a regulariser, a constraint, a schedule, a distribution, a bijector
            attributes = {
                key: entry
                for key, entry in attributes.items()
                if not key.startswith("_self_")
                and "cache" not in key
                and "name" not in key
                and key not in _OF_LIBRARIES
            }
        return attributes
    name, kind = known
    if kind == "initializer":
        # Its seed is drawn anew at each construction, and has done its work once the weights are there.
        return _plain_config(value)
    if kind == "optimizer":
        return _attributes_of_optimizer(value, name)
    skipped = keras_compat.bookkeeping(name, kind)
    if type(value).__name__ == "InputLayer":
        return {key: bool(attributes.get(key)) for key in ("sparse", "ragged", "optional")}
    by_library = _module(value) in _LIBRARIES
    found: dict[str, Any] = {}
    for key, entry in attributes.items():
        if key in skipped or key.startswith(("_self_", "_most_recently_built")) or key in tf_private.COUNTERS:
            continue
        # Keras's own private numbers and texts are in the config; some only tell what happened last.
        if by_library and (key in _TRACES or (key.startswith("_") and _is_plain(entry))):
            continue
        if by_library and kind == "metric" and "name" in key:  # of the outputs, which Keras made up
            continue
        found[key] = entry
    if by_library and kind != "model":  # the config of a model names its layers
        found = {**{key: entry for key, entry in _plain_config(value).items() if key not in attributes}, **found}
    if kind in ("layer", "model"):
        found |= _flags(value)
    if kind == "model":
        found |= _parts_of_model(value, name)
    found.pop("name", None)
    return found


def _flags(layer: Any) -> dict[str, Any]:
    return {
        "trainable": layer.trainable,
        "dtype policy": getattr(layer.dtype_policy, "name", str(layer.dtype_policy)),
        **{key: getattr(layer, key, None) for key in ("activity_regularizer", "autocast", "supports_masking")},
    }


def _parts_of_model(model: Any, name: str) -> dict[str, Any]:
    package = keras_compat.namespace(name)
    if isinstance(model, package.Sequential):
        return {"layers": list(model.layers)}
    outputs = getattr(model, "outputs", None)
    if not outputs or not all(map(tf_private.is_symbolic, outputs)):
        return {}
    # Layers that no output needs, such as one that adds a loss, come by position.
    reached: set[int] = set()
    queue = list(outputs)
    while queue:
        symbol = queue.pop()
        if id(symbol) not in reached:
            layer, _, arguments, keywords = tf_private.history(symbol)
            reached |= {id(symbol), id(layer)}
            queue += [item for item in tf.nest.flatten([arguments, keywords]) if tf_private.is_symbolic(item)]
    beside = [layer for layer in model.layers if id(layer) not in reached]
    return {"outputs": list(outputs), "inputs": list(model.inputs or []), "layers beside": beside}


def _attributes_of_optimizer(optimizer: Any, name: str) -> dict[str, Any]:
    found = {
        key: entry
        for key, entry in _plain_config(optimizer).items()
        if key not in ("learning_rate", "is_legacy_optimizer")
    }
    rate = tf_private.learning_rate(optimizer)
    if rate is not None:
        found["learning rate"] = rate
    skipped = keras_compat.bookkeeping(name, "optimizer")
    for key, entry in vars(optimizer).items():
        private = key.startswith("_")
        if key in skipped or key.startswith("_self_") or "cache" in key or _holds_variables(entry):
            continue
        if private and _is_plain(entry) and not _are_identities(entry):
            continue
        # An inner optimizer, or the state of a loss scale.
        if is_walked(entry) or _are_identities(entry) or isinstance(entry, (re.Pattern, *_FUNCTIONS)):
            found[key] = entry
    own = [v for v in keras_compat.optimizer_variables(optimizer) if v is not rate]
    found["variables"] = own
    return found


def _are_identities(value: Any) -> bool:
    """Tell whether a value is a collection of keys of variables, such as those exempt from weight decay."""
    return isinstance(value, (set, frozenset, list)) and all(isinstance(v, (int, str)) for v in value)


def _holds_variables(value: Any) -> bool:
    values = list(value.values()) if _is_mapping(value) else value
    return _is_sequence(values) and any(map(keras_compat.is_variable, values))


# -- comparing ---------------------------------------------------------------------------------------------------------


def parts_of_compilation(model: Any) -> dict[str, Any]:
    """Return what belongs to a compiled model beside the optimizer: loss, metrics, and how it is run."""
    return {
        **tf_private.compile_arguments(model),
        **{key: getattr(model, key) for key in _OF_COMPILED if hasattr(model, key)},
    }


def compare(original: Any, clone: Any) -> "Comparison":
    """Walk two models side by side.

    Args:
        original: a model.
        clone: the model to hold against it, of the same Keras generation.

    Returns:
        A ``Comparison`` with the differences found, and the variables of both in pairs.
    """
    walk = Comparison(original, clone)
    walk.run()
    return walk


class Comparison:
    """What a walk through two models found.

    Attributes:
        findings: the differences, in the order in which they were met.
        pairs: the pairs of variables that have the same place: (kind, name, the original's, the clone's).
    """

    def __init__(self, original: Any, clone: Any):
        self.findings: list[Finding] = []
        self.pairs: list[tuple[str, str, Any, Any]] = []
        self._models = original, clone
        self._weights = {id(keras_compat.storage(weight)) for weight in keras_compat.weights(original)}
        self._keys = [_identities(model) for model in (original, clone)]
        self._partner: dict[int, int] = {}
        self._seen: set[tuple[int, int]] = set()
        self._queue: deque = deque()
        self._alive: list[Any] = []  # an id means something only as long as its object lives

    def run(self) -> None:
        """Walk until nothing is left to look at."""
        original, clone = self._models
        self._push(original, clone, "", SETTING)
        if keras_compat.is_compiled(original) and keras_compat.is_compiled(clone):
            arguments = [parts_of_compilation(model) for model in self._models]
            for key in arguments[0]:
                self._push(arguments[0][key], arguments[1].get(key), key, COMPILATION)
            self._push(original.optimizer, clone.optimizer, "optimizer", COMPILATION)
            for a, b in zip(*(model.metrics for model in self._models), strict=False):
                if len(a.variables) == len(b.variables):  # they are made at the first training step
                    self._push(a, b, a.name, METRIC)
        while self._queue:
            self._look(*self._queue.popleft())

    def of(self, *kinds: str) -> list[Finding]:
        """Return the findings of some kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]

    def _push(self, a: Any, b: Any, path: str, area: str) -> None:
        if (id(a), id(b)) not in self._seen:
            self._seen.add((id(a), id(b)))
            self._alive += [a, b]
            self._queue.append((a, b, path, area))

    def _note(self, area: str, path: str, text: str, distance: float | None = None) -> None:
        kind = COMPILATION if area in (OPTIMIZER, METRIC) else area
        self.findings.append(Finding(kind, path or "the model", text, distance))

    def _structure(self, area: str) -> str:
        return STRUCTURE if area == SETTING else area

    def _look(self, a: Any, b: Any, path: str, area: str) -> None:
        kind = (_keras_kind(a) or ("", ""))[1]
        if kind in ("layer", "model") and path:
            path = a.name
        area = {"optimizer": OPTIMIZER, "metric": METRIC}.get(kind, area)
        if keras_compat.is_variable(a) and keras_compat.is_variable(b):
            self._compare_variables(a, b, path, area)
        elif self._is_tie_broken(a, b, kind):
            self._note(self._structure(area), path, "one object in two places of the original, but two in the clone")
        elif a is b:
            pass
        elif isinstance(a, _PLAIN) or isinstance(b, _PLAIN):
            if not self._equal_plain(a, b):
                self._note(area, path, f"{_shown(a)} against {_shown(b)}")
        elif _is_array(a) or _is_array(b):
            self._compare_arrays(a, b, path, area)
        elif isinstance(a, (set, frozenset)) and isinstance(b, (set, frozenset)):
            mine, theirs = (
                {keys.get(v, v) if isinstance(v, (int, str)) else v for v in values}
                for keys, values in zip(self._keys, (a, b), strict=True)
            )
            if mine != theirs:
                self._note(
                    area,
                    path,
                    f"{len(mine - theirs)} members only in the original, {len(theirs - mine)} only in the clone",
                )
        else:
            self._compare_parts(a, b, path, area)

    def _is_tie_broken(self, a: Any, b: Any, kind: str) -> bool:
        """Tell whether an object with a life of its own met another partner before."""
        if kind not in ("layer", "model", "optimizer", "metric") or isinstance(b, _PLAIN):
            return False
        return self._partner.setdefault(id(a), id(b)) != id(b) or self._partner.setdefault(~id(b), id(a)) != id(a)

    def _equal_plain(self, a: Any, b: Any) -> bool:
        for one, two in ((a, b), (b, a)):
            if isinstance(one, str) and isinstance(two, _FUNCTIONS):
                return getattr(two, "__name__", None) == one
        if isinstance(a, str) and a in self._keys[0]:
            return self._keys[0][a] == self._keys[1].get(b)
        if isinstance(a, (float, np.floating)) and isinstance(b, (float, np.floating)) and a != a:
            return b != b
        return isinstance(a, _PLAIN) and isinstance(b, _PLAIN) and bool(a == b)

    def _compare_variables(self, a: Any, b: Any, path: str, area: str) -> None:
        mine, theirs = keras_compat.storage(a), keras_compat.storage(b)
        name = keras_compat.variable_name(a, self._models[0])
        if self._partner.setdefault(id(mine), id(theirs)) != id(theirs) or (
            self._partner.setdefault(~id(theirs), id(mine)) != id(mine)
        ):
            self._note(self._structure(area), name, "one variable in two places of the original, but two in the clone")
            return
        is_rate = area == OPTIMIZER and path.endswith("learning rate")
        if area == SETTING:
            for word in ("trainable", "constraint", "regularizer"):
                if hasattr(a, word) and hasattr(b, word):
                    self._push_always(getattr(a, word), getattr(b, word), f"{name}.{word}", area)
            kind = WEIGHT if id(mine) in self._weights else STATE
        elif area == OPTIMIZER:
            kind = COMPILATION if is_rate else OPTIMIZER
        else:
            kind = STATE
        if any(known[2] is a and known[3] is b for known in self.pairs[-1:]):
            return
        self.pairs.append((kind, name, a, b))
        if tuple(mine.shape) != tuple(theirs.shape):
            text, distance = f"shape {tuple(mine.shape)} against {tuple(theirs.shape)}", float("inf")
        elif mine.dtype != theirs.dtype:
            text, distance = f"{mine.dtype.name} against {theirs.dtype.name}", float("inf")
        elif mine is theirs:
            return
        else:
            values = distances.values([a, b])
            distance = distances.largest_difference(*values)
            # A metric starts anew whenever training does: one that has counted nothing is as good.
            if not distance or (area == METRIC and not np.any(values[1])):
                return
            text = f"{values[0]} against {values[1]}" if values[0].ndim == 0 else f"|difference| {distance:.3g}"
        self.findings.append(Finding(kind, path if is_rate else name, text, distance))

    def _push_always(self, a: Any, b: Any, path: str, area: str) -> None:
        """Look at a pair of values that many places have in common, such as True and False."""
        self._alive += [a, b]
        self._queue.append((a, b, path, area))

    def _compare_arrays(self, a: Any, b: Any, path: str, area: str) -> None:
        if not (_is_array(a) and _is_array(b)):
            self._note(area, path, f"{_shown(a)} against {_shown(b)}")
            return
        mine, theirs = ([np.asarray(leaf) for leaf in tf.nest.flatten(v, expand_composites=True)] for v in (a, b))
        if [leaf.dtype for leaf in mine] != [leaf.dtype for leaf in theirs]:
            self._note(area, path, f"{mine[0].dtype} against {theirs[0].dtype}")
            return
        distance = distances.largest_of(map(distances.largest_difference, mine, theirs))
        if distance:
            self._note(area, path, f"|difference| {digits(distance)}", distance)

    def _compare_parts(self, a: Any, b: Any, path: str, area: str) -> None:
        if is_table(a) and is_table(b):
            if _table_items(a) != _table_items(b):
                mine, theirs = _table_items(a), _table_items(b)
                self._note(
                    STATE,
                    path,
                    f"a table of {len(mine)} entries against one of {len(theirs)}, {_first_unlike(mine, theirs)}",
                )
            return
        if isinstance(a, _GENERATORS) and type(a) is type(b):
            if not distances.equal_states(random_state.state_of(a), random_state.state_of(b)):
                self._note(STATE, path, f"another state of the random generator {type(a).__name__}")
            return
        if isinstance(a, type) or isinstance(b, type):
            if not _same_class(a, b):
                self._note(area, path, f"{_shown(a)} against {_shown(b)}")
            return
        if isinstance(a, _FUNCTIONS) and isinstance(b, _FUNCTIONS):
            if not _same_function(a, b):
                self._note(area, path, f"{_shown(a)} against {_shown(b)}")
                return
        elif not (_is_mapping(a) and _is_mapping(b)) and not (_is_sequence(a) and _is_sequence(b)):
            if not _same_class(type(a), type(b)):
                self._note(self._structure(area), path, f"{_shown(a)} against {_shown(b)}")
                return
            if type(a) is not type(b):
                self._push(_methods(type(a)), _methods(type(b)), path, area)
        mine, theirs = parts(a), parts(b)
        if mine is None or theirs is None:
            if not _equal_opaque(a, b):
                self._note(area, path, f"{_shown(a)} against {_shown(b)}")
            return
        if _keras_kind(a) and _keras_kind(a)[1] == "optimizer":
            self._leave_out_unmade_slots(a, b, mine, theirs)
        self._compare_each(a, mine, theirs, path, area)

    def _compare_each(self, a: Any, mine: dict, theirs: dict, path: str, area: str) -> None:
        mine, theirs = self._by_place(mine, theirs)
        of_object = is_walked(a) and not _is_mapping(a) and not _is_sequence(a)
        for key in [*mine, *(key for key in theirs if key not in mine)]:
            inner = (
                path
                if key == ""
                else f"{path}.{key}"
                if of_object and path
                else f"{key}"
                if not path
                else f"{path}[{key!r}]"
            )
            if key in mine and key in theirs:
                if isinstance(mine[key], _PLAIN) or isinstance(theirs[key], _PLAIN):
                    self._push_always(mine[key], theirs[key], inner, area)
                else:
                    self._push(mine[key], theirs[key], inner, area)
                continue
            entry = mine.get(key, theirs.get(key))
            # Many attributes come with their first use, and are empty or None until then.
            by_library = of_object and _module(a) in _LIBRARIES and (_keras_kind(a) or ("", ""))[1] != "optimizer"
            unimportant = _is_empty(entry) or (by_library and not _is_substantial(entry))
            if not unimportant:
                owner = "the original" if key in mine else "the clone"
                self._note(self._structure(area), inner, f"only {owner} has it, as {_shown(entry)}")

    def _by_place(self, mine: dict, theirs: dict) -> tuple[dict, dict]:
        """Match keys that are identities of variables or layers, or names that Keras made up."""
        if mine.keys() == theirs.keys():
            return mine, theirs
        if any(key in self._keys[0] for key in mine):
            return tuple(
                {keys.get(k, k): v for k, v in d.items()} for keys, d in zip(self._keys, (mine, theirs), strict=True)
            )
        named = all(getattr(v, "name", None) == k for d in (mine, theirs) for k, v in d.items())
        if named and len(mine) == len(theirs):
            return dict(zip(mine, mine.values(), strict=True)), dict(zip(mine, theirs.values(), strict=True))
        return mine, theirs

    def _leave_out_unmade_slots(self, a: Any, b: Any, mine: dict, theirs: dict) -> None:
        """An optimizer makes its slots at its first step: until then a made one is not ahead of an unmade one."""
        if len(mine["variables"]) != len(theirs["variables"]) and int(a.iterations) == int(b.iterations) == 0:
            del mine["variables"], theirs["variables"]


def _identities(model: Any) -> dict[Any, str]:
    """Return what stands for each weight and layer where one of them is known by its identity: its place."""
    found = {id(layer): f"layer {place}" for place, layer in enumerate(keras_compat.flat_layers(model))}
    for place, weight in enumerate(keras_compat.weights(model)):
        found |= dict.fromkeys(keras_compat.variable_keys(weight), f"weight {place}")
    return found


def _shown(value: Any) -> str:
    if isinstance(value, _FUNCTIONS):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if _is_plain(value):
        return repr(value)[:80]
    if _is_mapping(value) or _is_sequence(value):
        return f"a {type(value).__name__} of {len(value)}"
    name = getattr(value, "name", None)
    return f"{type(value).__name__}{f' {name!r}' if isinstance(name, str) else ''}"


def _is_empty(value: Any) -> bool:
    return value is None or ((_is_sequence(value) or _is_mapping(value)) and len(value) == 0)


def _is_substantial(value: Any) -> bool:
    """Tell whether a value that only one of two objects has matters: variables, layers, functions, tables."""
    if _is_sequence(value):
        return any(map(_is_substantial, value))
    return (
        keras_compat.is_variable(value) or is_table(value) or isinstance(value, _FUNCTIONS) or bool(_keras_kind(value))
    )


def _equal_opaque(a: Any, b: Any) -> bool:
    if isinstance(a, _WEAK) and isinstance(b, _WEAK):
        return True
    if type(a) is not type(b) or isinstance(a, types.ModuleType):
        return a is b
    try:
        equal = a == b
    except Exception:  # comparing is code of the object's author
        return True
    # Objects without an own idea of equality say nothing about their contents.
    return equal is True or type(a).__eq__ is object.__eq__ or not isinstance(equal, bool)


def _same_class(a: Any, b: Any) -> bool:
    """Tell whether two classes are one, or were made by the same lines, as inside a function that was called twice."""
    if a is b or not (isinstance(a, type) and isinstance(b, type)):
        return a is b
    return (a.__module__, a.__qualname__) == (b.__module__, b.__qualname__)


def _methods(cls: type) -> dict[str, Any]:
    return {name: value for name, value in vars(cls).items() if isinstance(value, types.FunctionType)}


def _same_function(a: Any, b: Any) -> bool:
    codes = [getattr(function, "__code__", None) for function in (a, b)]
    if None not in codes:
        return _same_code(*codes)
    if isinstance(a, functools.partial) or isinstance(b, functools.partial):
        return type(a) is type(b)
    return a == b


def _same_code(a: types.CodeType, b: types.CodeType) -> bool:
    """Compare what two functions do, without the file and the lines that they come from."""
    if (a.co_code, a.co_names, a.co_varnames, a.co_freevars, len(a.co_consts)) != (
        b.co_code, b.co_names, b.co_varnames, b.co_freevars, len(b.co_consts)
    ):  # fmt: skip
        return False
    return all(
        _same_code(x, y) if isinstance(x, types.CodeType) and isinstance(y, types.CodeType) else repr(x) == repr(y)
        for x, y in zip(a.co_consts, b.co_consts, strict=True)
    )


def _table_items(table: Any) -> dict[Any, Any]:
    try:
        keys, values = (np.asarray(part).tolist() for part in table.export())
    except (tf.errors.OpError, NotImplementedError):  # it was never filled
        return {}
    return dict(zip(keys, (tuple(v) if isinstance(v, list) else v for v in values), strict=True))


def _first_unlike(mine: dict, theirs: dict) -> str:
    key = next((key for key in [*mine, *theirs] if mine.get(key) != theirs.get(key)), None)
    return f"such as {key!r}: {mine.get(key)!r} against {theirs.get(key)!r}"


# -- sharing -----------------------------------------------------------------------------------------------------------


def shared(original: Any, clone: Any) -> list[tuple[str, Any]]:
    """List what can change and is part of both models: (where, the thing), the largest things first."""
    mine, theirs = (_changeable(model) for model in (original, clone))
    return [(mine[key][0], mine[key][1]) for key in mine if key in theirs]


def _changeable(model: Any) -> dict[int, tuple[str, Any]]:
    """Find everything in a model that can change: by identity, where and what."""
    found: dict[int, tuple[str, Any]] = {}
    seen: set[int] = set()
    alive: list[Any] = []
    start = [(model, "", False)]
    if keras_compat.is_compiled(model):
        start += [(entry, key, False) for key, entry in parts_of_compilation(model).items()]
        start += [(model.optimizer, "optimizer", False)]
    queue = deque(start)
    while queue:
        value, path, of_user = queue.popleft()
        if id(value) in seen or isinstance(value, _PLAIN):
            continue
        seen.add(id(value))
        alive.append(value)  # an id means something only as long as its object lives
        kind = (_keras_kind(value) or ("", ""))[1]
        if kind in ("layer", "model"):
            path = value.name
        if keras_compat.is_variable(value):
            found[id(keras_compat.storage(value))] = (
                keras_compat.variable_name(value, model),
                keras_compat.storage(value),
            )
        elif (
            kind in ("layer", "model", "optimizer", "metric")
            or isinstance(value, _GENERATORS)
            or hasattr(value, "insert_or_assign")
            or (is_table(value) and (hasattr(value, "insert") or _table_items(value)))
        ):
            if type(value).__name__ != "InputLayer":
                found[id(value)] = path, value
        elif of_user and _can_be_edited(value):
            found[id(tf_private.unwrapped(value))] = path, value
        inside = parts(value)
        if inside is None:
            continue
        holds = (
            of_user
            if _is_sequence(value) or _is_mapping(value)
            else is_walked(value) and _module(value) not in _LIBRARIES
        )
        join = "." if is_walked(value) and not _is_mapping(value) and not _is_sequence(value) else ""
        for key, entry in inside.items():
            place = (
                f"{path}{join}{key}"
                if join and path
                else str(key)
                if not path
                else f"{path}[{key!r}]"
                if key != ""
                else path
            )
            queue.append((entry, place, holds))
    return found


def _can_be_edited(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.flags.writeable
    return isinstance(value, (list, dict, set, deque)) or (
        is_walked(value) and _module(value) not in _LIBRARIES and not callable(value)
    )
