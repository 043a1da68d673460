"""What a config may name: classes and functions of Keras that only compute, by the names under which Keras saves them.

The table is made from the public API of the Keras version that will read the file, without what acts: reads a file,
runs code or calls a function that the config brings. So no name is looked up in a module that the file chooses, and
nothing is imported.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
import types
from collections.abc import Iterator
from typing import Any

from helpers import keras_compat

# The parts of Keras whose classes may be named, and the class that each of them has to be derived from.
_CLASSES = {
    "layers": ("Layer",),
    "losses": ("Loss",),
    "metrics": ("Metric",),
    "optimizers": ("Optimizer",),
    "optimizers.schedules": ("LearningRateSchedule",),
    "initializers": ("Initializer",),
    "regularizers": ("Regularizer",),
    "constraints": ("Constraint",),
    "dtype_policies": ("DTypePolicy", "DTypePolicyMap"),
    "mixed_precision": ("Policy", "DTypePolicy", "Optimizer", "LossScaleOptimizer"),
    "quantizers": ("Quantizer", "QuantizationConfig"),
    "random": ("SeedGenerator",),
    "models": ("Model",),
    "experimental": ("Model", "Layer"),
    "": ("Model", "DTypePolicy", "Initializer", "Layer", "Loss", "Metric", "Optimizer", "Quantizer", "Regularizer"),
}
_FUNCTIONS = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")
_NOT_COMPUTING = {"get", "serialize", "deserialize"}

# Classes that run code, call what the config names, or read files. What is derived from them is left out too.
_ACTING = {
    "Lambda",
    "TFSMLayer",
    "TorchModuleWrapper",
    "JaxLayer",
    "FlaxLayer",
    "DenseFeatures",
    "SequenceFeatures",
    "TensorFlowOpLayer",
    "TFOpLambda",  # allowed for the operations below, by a rule of their own
    "SlicingOpLambda",
    "ClassMethod",
    "InstanceMethod",
    "InstanceProperty",
    "RandomFourierFeatures",
    "GPTQConfig",  # hold a data set and a tokenizer
    "AWQConfig",
}

# Modules of Keras 3 whose operations functional models save, each named by one of its public functions (seen in 3.15).
_OPERATION_MODULES = ("numpy.add", "nn.relu", "linalg.norm", "math.rsqrt", "image.resize", "einops.rearrange")
_CORE_OPERATIONS = (
    "Cast",
    "SaturateCast",
    "Slice",
    "SliceUpdate",
    "Scatter",
    "ScatterUpdate",
    "StopGradient",
    "Unstack",
)
# How the signatures of Keras and TensorFlow call a function that is handed in, or a file.
_FUNCTION_OR_FILE = re.compile(
    r"f|fn|fun|func|function|op|body|cond|predicate|branches|callable|pyfunc|\w+_(fn|fun|file|path)"
)

# Names of the classes that are not exported, and of the modules where older versions had them.
_MODELS_ELSEWHERE = {
    "keras": {
        ("keras.src.models.functional", "Functional"),
        ("keras.src.models.sequential", "Sequential"),
    },
    "tf_keras": {
        ("tf_keras.src.engine.functional", "Functional"),
        ("keras.src.engine.functional", "Functional"),
        ("tf_keras.src.engine.sequential", "Sequential"),
        ("keras.src.engine.sequential", "Sequential"),
    },
}


@functools.cache
def classes(generation: str) -> dict[tuple[str, str], type]:
    """Return the classes that a config may name, by module and name.

    Args:
        generation: "keras" or "tf_keras".

    Returns:
        The classes; the keys are what `keras.saving.serialize_keras_object` writes as `module` and `class_name`.

    Example:
        >>> classes("keras")["keras.layers", "Dense"].__name__
        'Dense'
        >>> ("keras.layers", "Lambda") in classes("keras")
        False
    """
    keras = keras_compat.namespace(generation)
    found: dict[tuple[str, str], type] = {}
    for part, bases in _CLASSES.items():
        module = _part(keras, part)
        wanted = tuple(base for base in (getattr(module, name, None) for name in bases) if isinstance(base, type))
        for name, value in _public(module):
            if isinstance(value, type) and wanted and issubclass(value, wanted) and not acts(value):
                for prefix in {"keras", keras.__name__}:
                    found[f"{prefix}.{part}".rstrip("."), name] = value
    if generation == "keras":
        found |= _operations(keras)
    else:
        found |= _legacy_optimizers(keras)
    found |= _of_applications(keras)
    functional = type(_small_model(keras))
    for module, name in _MODELS_ELSEWHERE[generation]:
        found[module, name] = functional if name == "Functional" else keras.Sequential
    return found


@functools.cache
def functions(generation: str) -> frozenset[tuple[str, str]]:
    """Return the functions that a config may name, by module and name; they are only ever called with tensors.

    Args:
        generation: "keras" or "tf_keras".

    Returns:
        Pairs of a module and a name; Keras saves its own functions with the module "builtins".

    Example:
        >>> ("builtins", "relu") in functions("keras")
        True
    """
    keras = keras_compat.namespace(generation)
    return frozenset(
        (module, name)
        for part in _FUNCTIONS
        for name, value in _public(_part(keras, part))
        if isinstance(value, types.FunctionType) and name not in _NOT_COMPUTING
        for module in ("builtins", f"keras.{part}", f"{keras.__name__}.{part}")
    )


@functools.cache
def identifiers(generation: str) -> frozenset[str]:
    """Return the names under which a config may name a function or a class as a mere text, such as "relu".

    Args:
        generation: "keras" or "tf_keras".

    Returns:
        The names, in small letters: Keras takes some in both.
    """
    return frozenset(name.lower() for _, name in {*functions(generation), *classes(generation)})


@functools.cache
def tensorflow_operations() -> frozenset[str]:
    """Return the operations of TensorFlow that a functional model of Keras 2 may name, as it saves them.

    Returns:
        Names such as "math.reduce_sum"; none of them takes a function, and none reads or writes anything.

    Example:
        >>> "math.add" in tensorflow_operations(), "io.write_file" in tensorflow_operations()
        (True, False)
    """
    import tensorflow as tf

    found = set(_TENSORFLOW)
    for part in ("math", "nn", "linalg", "image", "strings", "signal", "bitwise"):
        module = getattr(tf, part)
        found |= {f"{part}.{name}" for name, value in _public(module) if _only_computes(value)}
    # Operators on symbols: these names are TensorFlow's own for them.
    found |= {f"__operators__.{name}" for name in _OPERATORS}
    return frozenset(found)


_TENSORFLOW = (
    *("cast", "concat", "stack", "unstack", "split", "reshape", "squeeze", "expand_dims", "tile", "pad", "slice"),
    *("strided_slice", "identity", "one_hot", "where", "zeros", "ones", "zeros_like", "ones_like", "range", "reverse"),
    *("repeat", "broadcast_to", "clip_by_value", "boolean_mask", "stop_gradient", "shape", "transpose", "gather"),
    *("size", "compat.v1.shape", "compat.v1.transpose", "compat.v1.gather", "compat.v1.size", "einsum", "tensordot"),
    *("gather_nd", "rank", "meshgrid", "linspace", "sort", "argsort", "unique", "roll", "fill", "compat.v1.floor_div"),
    *("random.normal", "random.uniform", "random.truncated_normal"),
)
_OPERATORS = (
    *("getitem", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "neg", "abs"),
    *("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "xor", "invert"),
)


def acts(cls: type) -> bool:
    """Return whether a class, or one that it is derived from, does more than compute when a file names it."""
    return is_of_tfp(cls) or any(
        base.__name__ in _ACTING and base.__module__.split(".")[0] in ("keras", "tf_keras") for base in cls.__mro__
    )


def is_named(cls: type) -> bool:
    """Return whether Keras gives objects of a class a name, and counts for those that come without one."""
    bases = {base.__name__ for base in cls.__mro__ if base.__module__.split(".")[0] in ("keras", "tf_keras")}
    return not bases.isdisjoint({"Layer", "Operation"})


def is_of_tfp(cls: Any) -> bool:
    """Return whether a class is of TensorFlow Probability, whose layers may keep functions as code."""
    return any(str(base.__module__).startswith("tensorflow_probability.") for base in getattr(cls, "__mro__", ()))


def specifications() -> dict[tuple[str, str], type]:
    """Return what TensorFlow says of a tensor's shape and type, by module and name."""
    import tensorflow as tf

    known = (tf.TensorSpec, tf.RaggedTensorSpec, tf.SparseTensorSpec, tf.IndexedSlicesSpec)
    return {(spec.__module__, spec.__name__): spec for spec in known}


def _part(keras: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        keras = getattr(keras, name, None)
    return keras


def _public(module: Any) -> Iterator[tuple[str, Any]]:
    return ((name, getattr(module, name)) for name in dir(module) if not name.startswith("_"))


def _operations(keras: Any) -> dict[tuple[str, str], type]:
    """Return the classes of operations, which are saved by the module that defines them: they are not exported."""
    found = {}
    modules = [_part(keras, f"ops.{path}") or _part(keras, f"ops.{path.split('.')[1]}") for path in _OPERATION_MODULES]
    for module in {function.__module__ for function in modules}:
        for name, value in _public(sys.modules[module]):
            if isinstance(value, type) and value.__module__ == module and _is_operation(keras, value):
                found[module, name] = value
    core = keras.ops.cast.__module__
    for name in _CORE_OPERATIONS:
        value = getattr(sys.modules[core], name, None)
        if value is not None:
            found[core, name] = value
    return found


def _is_operation(keras: Any, cls: type) -> bool:
    if not issubclass(cls, keras.Operation) or cls is keras.Operation:
        return False
    return not any(_takes_a_function_or_file(method) for method in (cls.__init__, cls.call))


def _only_computes(value: Any) -> bool:
    return inspect.isroutine(value) and not _takes_a_function_or_file(value)


def _takes_a_function_or_file(value: Any) -> bool:
    try:
        return any(_FUNCTION_OR_FILE.fullmatch(name) for name in inspect.signature(value).parameters)
    except (TypeError, ValueError):  # without a signature nobody can know
        return True


def _legacy_optimizers(keras: Any) -> dict[tuple[str, str], type]:
    """Return those of Keras 2; Keras 3 has only names for them."""
    legacy = keras.optimizers.legacy
    return {
        (f"{prefix}.optimizers.legacy", name): value
        for name, value in _public(legacy)
        if isinstance(value, type) and issubclass(value, legacy.Optimizer)
        for prefix in ("keras", "tf_keras")
    } | {
        # What `mixed_precision.LossScaleOptimizer` makes of a new optimizer.
        (cls.__module__, cls.__name__): cls
        for cls in vars(sys.modules[keras.mixed_precision.LossScaleOptimizer.__module__]).values()
        if isinstance(cls, type) and issubclass(cls, keras.optimizers.Optimizer) and "LossScale" in cls.__name__
    }


def _of_applications(keras: Any) -> dict[tuple[str, str], type]:
    """Return the layers that some of `keras.applications` define for themselves, and do not export."""
    modules = {value.__module__ for _, value in _public(keras.applications) if isinstance(value, types.FunctionType)}
    return {
        (module, name): value
        for module in modules
        for name, value in _public(sys.modules[module])
        if isinstance(value, type)
        and issubclass(value, keras.layers.Layer)
        and value.__module__ == module
        and not acts(value)
    }


def _small_model(keras: Any) -> Any:
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.Activation("linear")(inputs))  # Keras 3.12 takes no outputs that are inputs
