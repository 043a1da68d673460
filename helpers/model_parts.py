"""What a model is made of: the kind of a value, and the parts that two equal values must have in common.

The kinds are kinds of values, not kinds of faults: variables, arrays, plain values, functions, tables, random
generators, containers, and objects with attributes. For an object of Keras, the parts are its public settings and the
live objects that it holds; for any other object, all its attributes. `parts` dispatches through `_PARTS`, an open
list of handlers.
"""

import contextlib
import dis
import functools
import gc
import inspect
import itertools
import random
import re
import threading
import types
import warnings
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import keras_compat, tf_private
from helpers.caching import cached
from helpers.containers import base_of, slots_of

Parts = dict[Any, Any]

PLAIN = (bool, int, float, complex, str, bytes, np.generic, type(None), type(Ellipsis))
_FUNCTIONS = (
    *(types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType),
    *(functools.partial, functools.partialmethod),
)
_GENERATORS = (np.random.Generator, np.random.RandomState, random.Random, tf.random.Generator)
# What `ref()` returns: a key for a variable or tensor, which has no hash.
REFERENCE = type(tf.constant(0).ref())
# Caches and notes about objects that are kept alive elsewhere.
WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
_LIBRARIES = ("keras", "tf_keras", "tensorflow", "tensorflow_probability")
_NOT_WALKED = frozenset((
    "builtins", "tensorflow", "weakref", "inspect", "abc", "enum", "types", "typing",
    "re", "logging", "wrapt", "absl", "google", "ml_dtypes", "optree", "pathlib",
))  # fmt: skip
# Attributes that record only the last call, or constructor arguments that were already consumed.
_TRACES = {"input_vocabulary", "input_idf_weights", "vocabulary", "idf_weights", "batch_input_shape", "batch_shape"}
# How a compiled model is run.
_OF_COMPILED = ("run_eagerly", "jit_compile", "steps_per_execution", "auto_scale_loss")


# -- the kind of a value ----------------------------------------------------------------------------------------------


def _module(value: Any) -> str:
    return (getattr(value if isinstance(value, type) else type(value), "__module__", None) or "").split(".")[0]


def is_of_library(value: Any) -> bool:
    """Return True if the class of an object comes with Keras, TensorFlow or TFP."""
    return _module(value) in _LIBRARIES


def keras_kind(value: Any) -> tuple[str, str]:
    """Return the Keras version and the kind of a Keras object, such as `("keras", "layer")`, or two empty strings."""
    for name in keras_compat.loaded():
        for kind, classes in _keras_kinds(name):
            if isinstance(value, classes):
                return name, kind
    return "", ""


@functools.cache
def _keras_kinds(name: str) -> list[tuple[str, tuple[type, ...]]]:
    package = keras_compat.namespace(name)
    return [
        ("metric", (package.metrics.Metric,)),  # a Keras 2 metric is a layer as well, but is used as a metric
        ("model", (package.Model,)),
        ("layer", (package.layers.Layer,)),
        ("optimizer", keras_compat.optimizer_classes(name)),
        ("loss", (package.losses.Loss,)),
        ("initializer", (package.initializers.Initializer,)),
    ]


def is_plain(value: Any) -> bool:
    """Return True for a number, a text or another value that cannot change, or a list or tuple of them."""
    return isinstance(value, PLAIN) or (isinstance(value, (list, tuple)) and all(map(is_plain, value)))


def is_bare(value: Any) -> bool:
    """Return True for a number, a text or another value that cannot change, and that has no attributes."""
    return isinstance(value, PLAIN) and not (tf_private.attributes(value) or slots_of(value))


def is_table(value: Any) -> bool:
    """Return True for a lookup table of TensorFlow."""
    cls = type(value)  # an object may say that it has any attribute, a class does not
    return callable(getattr(cls, "export", None)) and callable(getattr(cls, "lookup", None))


def table_items(table: Any) -> Parts:
    """Return the entries of a lookup table."""
    try:
        keys, values = (np.asarray(part).tolist() for part in tf_private.table_entries(table))
    except (tf.errors.OpError, NotImplementedError):  # it was never filled
        return {}
    return dict(zip(map(_hashable, keys), map(_hashable, values), strict=True))


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def is_generator(value: Any) -> bool:
    """Return True for a random generator of Python, NumPy or TensorFlow."""
    return isinstance(value, _GENERATORS)


def is_array(value: Any) -> bool:
    """Return True for an array or a tensor with values, but not for an array of objects."""
    if isinstance(value, tf.Tensor):
        return hasattr(value, "numpy") and value.dtype not in (tf.resource, tf.variant)
    if isinstance(value, np.ndarray):
        return value.dtype != object
    return isinstance(value, (tf.RaggedTensor, tf.SparseTensor, tf.IndexedSlices))


def is_trace(value: Any) -> bool:
    """Return True for a tensor without a value, which belongs to the graph of a compiled function."""
    return isinstance(value, tf.Tensor) and not hasattr(value, "numpy")


def cannot_change(value: Any) -> bool:
    """Return True for an object whose copy is the object itself, such as an Enum member, or that is hashed by value."""
    cls = type(value)
    if getattr(getattr(cls, "__dataclass_params__", None), "frozen", False):
        return True
    by_value = getattr(cls, "__hash__", None) is not object.__hash__
    if defines_equality(value) and isinstance(value, Hashable) and by_value:
        return True
    return is_the_only_one(value)


def is_the_only_one(value: Any) -> bool:
    """Return True for an object that `copy.deepcopy` gives back as it is, such as a sentinel that is compared by `is`.

    Its class says so by `__deepcopy__`, `__reduce__` or `__new__`. `__deepcopy__` is read, since it might copy a lot.
    The others run, with arguments that are numbers, texts and classes only.
    """
    cls = type(value)
    if not says_how_to_copy(cls):
        return False
    function = getattr(cls, "__deepcopy__", None)
    if function is not None:
        return isinstance(function, types.FunctionType) and _returns_self(function.__code__)
    try:
        reduced = value.__reduce_ex__(4)
        if isinstance(reduced, str):
            return True
        plain = all(isinstance(argument, (bool, int, float, str, bytes, type)) for argument in reduced[1])
        return plain and reduced[0](*reduced[1]) is value
    except Exception:  # the author's code, which may raise anything
        return False


@cached
def says_how_to_copy(cls: type) -> bool:
    """Return True if a class says itself how it is copied. What Keras says so writes a file, which takes long."""
    if base_of(cls) not in (object, None):  # a list or dict
        return False
    names = ("__deepcopy__", "__reduce_ex__", "__reduce__", "__new__")
    owners = [next((base for base in cls.__mro__ if name in vars(base)), object) for name in names]
    return any(owner is not object for owner in owners) and not any(map(is_of_library, owners))


def _returns_self(code: types.CodeType) -> bool:
    steps = list(dis.get_instructions(code))
    returned = [before for before, step in itertools.pairwise(steps) if step.opname == "RETURN_VALUE"]
    return bool(returned) and all(
        step.opname.startswith("LOAD_FAST") and step.argval == code.co_varnames[0] for step in returned
    )


def defines_equality(value: Any) -> bool:
    """Return True if the class of an object says when two of them are equal."""
    return type(value).__eq__ is not object.__eq__  # type: ignore[comparison-overlap]


def is_mapping(value: Any) -> bool:
    """Return True for a dict, or one of the wrappers of a dict."""
    return isinstance(tf_private.unwrapped(value), (dict, types.MappingProxyType))


def is_sequence(value: Any) -> bool:
    """Return True for a list, tuple, deque or array of objects, or one of the wrappers of a tuple."""
    value = tf_private.unwrapped(value)
    return isinstance(value, (list, tuple, deque)) or (isinstance(value, np.ndarray) and value.dtype == object)


def is_set(value: Any) -> bool:
    """Return True for a set, also one that cannot change."""
    return isinstance(value, (set, frozenset))


def is_function(value: Any) -> bool:
    """Return True for a function, a method or a partial function, but not for a `tf.function`."""
    return isinstance(value, _FUNCTIONS)


def is_traced(value: Any) -> bool:
    """Return True for a `tf.function`."""
    return hasattr(type(value), "python_function") and hasattr(type(value), "get_concrete_function")


def is_graph(value: Any) -> bool:
    """Return True for a data set or a compiled function."""
    return tf_private.may_capture(type(value))


def is_iterator(value: Any) -> bool:
    """Return True for an iterator of Python. Those of dicts and sets come back from a copy as those of lists."""
    return isinstance(value, Iterator) and _module(value) == "builtins"


def is_walked(value: Any) -> bool:
    """Return True if an object's attributes belong to the model: an object of Keras, TFP or the reader's own."""
    if isinstance(value, (type, types.ModuleType, threading.Thread, np.ufunc, *_FUNCTIONS)):
        return False
    if isinstance(value, (tf.Module, types.SimpleNamespace)) or keras_kind(value)[1] or tf_private.is_tracker(value):
        return True
    return _module(value) not in _NOT_WALKED and (tf_private.attributes(value) is not None or bool(_slots(type(value))))


def has_attributes(value: Any) -> bool:
    """Return True if the parts of a value are attributes, not the items of a container."""
    return is_walked(value) and not (is_mapping(value) or is_sequence(value) or is_set(value))


def join_path(path: str, key: Any, is_attribute: bool) -> str:
    """Return the place of a part.

    Args:
        path: The place of the whole; empty for the model itself.
        key: The name or position of the part; empty if it is found in the same place.
        is_attribute: True for an attribute, False for an item of a container.

    Example:
        >>> join_path("dense", "units", True), join_path("dense.seen", 0, False), join_path("", "loss", False)
        ('dense.units', 'dense.seen[0]', 'loss')
    """
    if isinstance(key, str) and not key:
        return path
    if not path:
        return str(key)
    return f"{path}.{key}" if is_attribute else f"{path}[{key!r}]"


# -- the parts of a value ---------------------------------------------------------------------------------------------


def parts(value: Any) -> Parts | None:
    """Return what two equal values must have in common, by name or position, or None for a value without parts."""
    for applies, parts_of in _PARTS:
        if applies(value):
            return parts_of(value)
    return None


def walked(model: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Walk through everything that a model is made of, each object once: (owner, key of the part, part)."""
    seen = {}  # an id is valid only as long as its object lives
    queue = deque([model])
    while queue:
        owner = queue.popleft()
        if is_bare(owner) or id(owner) in seen:
            continue
        seen[id(owner)] = owner
        for key, value in (parts(owner) or {}).items():
            yield owner, key, value
            queue.append(value)


def _is_leaf(value: Any) -> bool:
    return (
        isinstance(value, (*PLAIN, *_GENERATORS, *WEAK, type, types.ModuleType))
        or keras_compat.is_variable(value)
        or is_array(value)
        or is_trace(value)
        or is_table(value)
    )


def added_attributes(value: Any) -> Parts:
    """Return the attributes of a value that is compared by its content, such as a number of the reader's own class."""
    if isinstance(value, (*WEAK, type, types.ModuleType)) or keras_compat.is_variable(value) or is_table(value):
        return {}
    found = _own_attributes(value)
    if _module(value) in ("numpy", *_NOT_WALKED, *_LIBRARIES):
        known = _stored_by_library(type(value))
        return {k: entry for k, entry in found.items() if not (k in known or k.startswith("_"))}
    return found


def _of_symbol(value: Any) -> Parts:
    layer, output, arguments, keywords = tf_private.history(value)
    # The arguments of an input layer's call do not matter.
    if type(layer).__name__ == "InputLayer":
        return {"layer": layer}
    return {"layer": layer, "output": output, "called with": _bound_arguments(layer.call, arguments, keywords)}


def _bound_arguments(function: Any, arguments: list[Any], keywords: Parts) -> Parts:
    """Return the arguments of a call by name: a config turns positions into keywords, and tensors into lists."""
    try:
        bound = inspect.signature(function).bind(*arguments, **keywords)
    except (TypeError, ValueError):  # a function of C may not say what it takes
        found = {**dict(enumerate(arguments)), **keywords}
    else:
        bound.apply_defaults()
        found = dict(bound.arguments)
    return {key: _as_in_a_config(entry) for key, entry in found.items() if entry is not None}


def _as_in_a_config(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return list(map(_as_in_a_config, value))
    if isinstance(value, dict):
        return {key: _as_in_a_config(entry) for key, entry in value.items()}
    if isinstance(value, (np.ndarray, np.generic)) or (isinstance(value, tf.Tensor) and is_array(value)):
        return np.asarray(value).tolist()
    if isinstance(value, (tf.DType, np.dtype)):
        return value.name
    return value.as_list() if isinstance(value, tf.TensorShape) and value.rank is not None else value


def _of_function(value: Any) -> Parts:
    if isinstance(value, types.MethodType):
        return {"self": value.__self__, "": value.__func__}
    if isinstance(value, (functools.partial, functools.partialmethod)):
        return {"": value.func, "arguments": value.args, "keywords": value.keywords, **vars(value)}
    if not isinstance(value, types.FunctionType):
        owner = value.__self__
        return {} if isinstance(owner, (types.ModuleType, type)) else {"self": owner}
    found: Parts = {}
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
        found |= _of_cell(cell, name)
    own = {key: entry for key, entry in vars(value).items() if key[:2] != "__"}
    return {**own, **found, "defaults": value.__defaults__, "keyword defaults": value.__kwdefaults__}


def _of_graph(value: Any) -> Parts:
    constants = [] if isinstance(value, tf.data.Dataset) else filter(is_array, value.captured_inputs)
    return dict(enumerate([*tf_private.captured(value), *constants]))


def _is_mapping_of_tensorflow(value: Any) -> bool:
    """Return True for a mapping with a class of TensorFlow's own, but not for a wrapped dict."""
    return isinstance(value, Mapping) and _module(value) == "tensorflow" and not is_mapping(value)


def _of_mapping_of_tensorflow(value: Any) -> Parts:
    # Its keys may be variables, which have no hash.
    return {key if is_plain(key) else place: entry for place, (key, entry) in enumerate(value.items())}


def _of_container(value: Any) -> Parts:
    held = tf_private.unwrapped(value)
    items = dict(held) if is_mapping(held) else dict(enumerate(getattr(held, "flat", held)))
    if is_mapping(held):
        items |= {f"key {place}": key for place, key in enumerate(held) if not is_plain(key)}
    if isinstance(held, OrderedDict) and held:
        items[".order"] = [key for key in held if isinstance(key, str)]
    if isinstance(held, deque) and held:
        items[".maxlen"] = held.maxlen
    return {**items, **{f".{key}": entry for key, entry in added_attributes(value).items()}}


def _of_cell(cell: Any, name: str = "") -> Parts:
    try:
        return {name: cell.cell_contents}
    except ValueError:  # a cell that is still empty
        return {}


def _of_object(value: Any) -> Parts:
    """Return the attributes of an object that two equal ones must have in common."""
    if type(value).__name__ == "SeedGenerator" and _module(value) == "keras":
        return {"state": value.state}  # its seed is drawn at each construction, and then lives in the state
    name, kind = keras_kind(value)
    if kind:
        return _ATTRIBUTES[kind](value, name)
    # Attributes are not all that an object consists of whose class is written in C.
    hidden: Parts = {}
    if base_of(type(value)) is None:
        hidden = (_of_opaque if tf_private.attributes(value) is None else _of_reduction)(value) or {}
    if isinstance(hidden.get("state"), dict):  # these are the attributes
        del hidden["state"]
    return hidden | _own_attributes(value)


def _of_opaque(value: Any) -> Parts | None:
    """Return what an object without attributes is rebuilt from when it is pickled, or else what it refers to."""
    if _module(value) == "tensorflow":
        return None
    found = _of_reduction(value)
    if found is None:
        of_code = (type, types.ModuleType, types.FrameType, types.CodeType)
        found = {i: item for i, item in enumerate(gc.get_referents(value)) if not isinstance(item, of_code)}
    return found


def _of_reduction(value: Any) -> Parts | None:
    try:
        reduced = value.__reduce_ex__(4)
    except Exception:  # an object decides itself whether it can be pickled, and how it says that it cannot
        return None
    if isinstance(reduced, str):
        return {"": reduced}
    function, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    if function is iter and len(arguments) == 1:  # what it has not returned yet
        return {"": arguments[0][state or 0 :]}
    return {
        "arguments": [argument for argument in arguments if argument is not type(value)],
        "state": state or None,
        "items": list(items or ()),
        "pairs": list(pairs or ()),
    }


# The first handler that applies to a value returns its parts. To support a new kind, add a line.
_PARTS: list[tuple[Callable[[Any], bool], Callable[[Any], Parts | None]]] = [
    (_is_leaf, lambda value: added_attributes(value) or None),
    (tf_private.is_symbolic, _of_symbol),
    (is_traced, lambda value: {"": value.python_function}),
    (is_graph, _of_graph),
    (_is_mapping_of_tensorflow, _of_mapping_of_tensorflow),
    (is_function, _of_function),
    (lambda value: is_mapping(value) or is_sequence(value) or is_set(value), _of_container),
    (lambda value: isinstance(value, types.CellType), _of_cell),
    (lambda value: isinstance(value, weakref.ref), lambda value: {"": value()}),
    (lambda value: isinstance(value, REFERENCE), lambda value: {"": value.deref()}),
    (is_walked, _of_object),
    (defines_equality, lambda value: None),
    (lambda value: True, _of_opaque),
]


# -- the attributes of an object --------------------------------------------------------------------------------------


@cached
def _slots(cls: type) -> dict[str, types.MemberDescriptorType]:
    members = [(name, member) for base in cls.__mro__ for name, member in vars(base).items()]
    slots = {name: member for name, member in members if isinstance(member, types.MemberDescriptorType)}
    return {name: member for name, member in slots.items() if name[:2] != "__" or name == "__dict__"}


def _attributes(value: Any) -> Parts:
    found = dict(tf_private.attributes(value) or {})
    for name, member in _slots(type(value)).items():
        with contextlib.suppress(AttributeError):  # it has no value yet
            found[name] = member.__get__(value)
    found |= found.pop("__dict__", {})  # where it is a slot, as in a SimpleNamespace
    # Python's own attributes, such as __annotations__, belong to the code; what a function wraps does not.
    return {
        key: entry
        for key, entry in found.items()
        if not (isinstance(key, str) and key[:2] == "__" and key != "__wrapped__")
    }


def _own_attributes(value: Any) -> Parts:
    """Return all attributes of an object that is not one of Keras's kinds."""
    if tf_private.is_tracker(value) and _module(value) == "tensorflow":
        return {key: entry for key, entry in _attributes(value).items() if not key.startswith("_")}
    # A regularizer, a constraint, a schedule, a distribution, a bijector, or of a class derived from one of these.
    known = _stored_by_library(type(value))
    return {
        key: value.parameters if key == "_parameters" and key in known else entry
        for key, entry in _attributes(value).items()
        if not str(key).startswith(tf_private.TRACKING_PREFIX)
        and not (key in known and ("cache" in key or "name" in key or key in tf_private.LIBRARY_INTERNALS))
    }


def _plain_config(value: Any) -> Parts:
    """Return the plain settings in the config of a Keras object."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = value.get_config()
    except Exception:  # a config is its author's code and may raise anything; the attributes are compared anyway
        return {}
    return {key: entry for key, entry in config.items() if is_plain(entry) and key not in _TRACES | {"name"}}


def _settings(value: Any, name: str, kind: str, with_config: bool = True) -> Parts:
    """Return the attributes of a Keras object without Keras's own bookkeeping, and its plain config."""
    attributes, by_library = _attributes(value), is_of_library(value)
    skipped = keras_compat.bookkeeping(name, kind) | tf_private.COUNTERS
    prefixes = (tf_private.TRACKING_PREFIX, "_most_recently_built")
    found = {key: entry for key, entry in attributes.items() if key not in skipped and not key.startswith(prefixes)}
    if by_library:
        # Keras's own private numbers and texts are in the config; some record only the last call.
        found = {
            key: entry
            for key, entry in found.items()
            if key not in _TRACES and not (key.startswith("_") and all(map(is_plain, _entries(entry))))
        }
        if with_config:
            found = {**{key: entry for key, entry in _plain_config(value).items() if key not in attributes}, **found}
    found.pop("name", None)
    return found


def _of_layer(layer: Any, name: str) -> Parts:
    if type(layer).__name__ == "InputLayer":
        return {key: bool(vars(layer).get(key)) for key in ("sparse", "ragged", "optional")}
    return _settings(layer, name, "layer") | _flags(layer)


def _of_model(model: Any, name: str) -> Parts:
    # The config of a model names its layers, which are compared as objects.
    return _settings(model, name, "model", with_config=False) | _flags(model) | _graph(model, name)


def _of_metric(metric: Any, name: str) -> Parts:
    found = _settings(metric, name, "metric")
    if not is_of_library(metric):
        return found
    own = _attributes(metric)
    # Keras makes up the names of the outputs that a metric is for.
    return {key: entry for key, entry in found.items() if not (key in own and "name" in key)}


def _of_optimizer(optimizer: Any, name: str) -> Parts:
    found = _plain_config(optimizer)
    for key in ("learning_rate", "is_legacy_optimizer"):
        found.pop(key, None)
    rate = tf_private.learning_rate(optimizer)
    if rate is not None:
        found["learning rate"] = rate
    skipped = keras_compat.bookkeeping(name, "optimizer")
    known = _stored_by_library(type(optimizer))
    for key, entry in vars(optimizer).items():
        if key in skipped or key.startswith(tf_private.TRACKING_PREFIX) or _holds_variables(entry):
            continue
        # Of what Keras keeps: an inner optimizer, or the state of a loss scale. Anything else is in the config, or says
        # how far the optimizer is, such as `built`.
        kept = is_walked(entry) or isinstance(entry, (re.Pattern, *_FUNCTIONS))
        kept = kept or not (key.startswith("_") or is_plain(entry))
        if key not in known or _are_identities(entry) or (kept and "cache" not in key):
            found[key] = entry
    found["variables"] = [v for v in keras_compat.optimizer_variables(optimizer) if v is not rate]
    return found


def _of_initializer(initializer: Any) -> Parts:
    # The seed of an initializer is drawn at each construction and is not used again once the weights exist.
    known = _stored_by_library(type(initializer))
    return _plain_config(initializer) | {k: v for k, v in _attributes(initializer).items() if k not in known}


@cached
def _stored_by_library(cls: type) -> frozenset[str]:
    """Return the names of the attributes that classes of Keras, TensorFlow or TFP store in instances of a class."""
    functions = [inspect.unwrap(f) for base in cls.__mro__ if is_of_library(base) for f in vars(base).values()]
    codes = [function.__code__ for function in functions if isinstance(function, types.FunctionType)]
    steps = [step for code in codes for step in dis.get_instructions(code)]
    return frozenset(step.argval for step in steps if step.opname == "STORE_ATTR")


_ATTRIBUTES: dict[str, Callable[[Any, str], Parts]] = {
    "initializer": lambda value, name: _of_initializer(value),
    "layer": _of_layer,
    "loss": lambda value, name: _settings(value, name, "loss"),
    "metric": _of_metric,
    "model": _of_model,
    "optimizer": _of_optimizer,
}


def _flags(layer: Any) -> Parts:
    return {
        "trainable": layer.trainable,
        "dtype policy": getattr(layer.dtype_policy, "name", str(layer.dtype_policy)),
        **{key: getattr(layer, key, None) for key in ("activity_regularizer", "autocast", "supports_masking")},
    }


def _graph(model: Any, name: str) -> Parts:
    """Return how the layers of a sequential or functional model are connected."""
    if isinstance(model, keras_compat.namespace(name).Sequential):
        return {"layers": list(model.layers)}
    outputs = getattr(model, "outputs", None)
    if not outputs or not all(map(tf_private.is_symbolic, outputs)):
        return {}
    # Layers that no output needs, such as one that adds a loss, are compared by position.
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


def parts_of_compilation(model: Any) -> Parts:
    """Return what belongs to a compiled model beside the optimizer: loss, metrics, and how it is run."""
    return {
        **tf_private.compile_arguments(model),
        **{key: getattr(model, key) for key in _OF_COMPILED if hasattr(model, key)},
    }


def _are_identities(value: Any) -> bool:
    """Return True for a collection of keys of variables, such as those exempt from weight decay."""
    return isinstance(value, (set, frozenset, list)) and all(isinstance(v, (int, str)) for v in value)


def _holds_variables(value: Any) -> bool:
    return (is_mapping(value) or is_sequence(value)) and any(map(keras_compat.is_variable, _entries(value)))


def _entries(value: Any) -> list[Any]:
    """Return the values of a dict, the items of a list, or a list of anything else."""
    if is_mapping(value):
        return list(value.values())
    return list(value) if is_sequence(value) else [value]
