"""The few calls in which Keras 3 (`keras`) and Keras 2 (`tf_keras`) differ.

Private attributes are in `tf_private` only, the random state of the process is in `random_state`.
"""

import functools
import importlib
import sys
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import tf_private
from helpers.tf_private import flat_layers as flat_layers

GENERATIONS = ("keras", "tf_keras")


# -- packages ---------------------------------------------------------------------------------------------------------


def namespace(name: str) -> ModuleType:
    """Return the package of a Keras version, imported when first asked for.

    Args:
        name: `"keras"` (Keras 3) or `"tf_keras"` (Keras 2).
    """
    if name not in GENERATIONS:
        raise ValueError(f"There is no Keras generation {name!r}. Use one of {', '.join(GENERATIONS)}.")
    return importlib.import_module(name)


def loaded() -> list[str]:
    """Return the names of the Keras versions that are imported and run on TensorFlow."""
    found = {"keras": tf_private.keras_runs_on_tensorflow(), "tf_keras": "tf_keras" in sys.modules}
    return [name for name in GENERATIONS if found[name]]


def generation(layer: Any) -> str:
    """Return the Keras version of a layer or model: `"keras"` (Keras 3) or `"tf_keras"` (Keras 2).

    Raises:
        TypeError: It belongs to neither, or it is a class instead of an instance, or Keras does not run on TensorFlow.
    """
    for name in loaded():
        if isinstance(layer, namespace(name).layers.Layer):
            return name
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(layer, keras.layers.Layer):
        raise TypeError(
            f"{title(layer)} runs on {keras.config.backend()}, and helpers needs Keras on TensorFlow. "
            "Set KERAS_BACKEND=tensorflow before keras is imported, and make the model again."
        )
    if isinstance(layer, type):
        raise TypeError(f"{layer.__name__} is a class, not a model. Make an instance of it first: {layer.__name__}().")
    raise TypeError(
        f"An object of type {type(layer).__name__} is not a Keras model. Pass a model of keras or of tf_keras."
    )


def optimizer_classes(name: str) -> tuple[type, ...]:
    """Return the base classes of a Keras version's optimizers, including the legacy ones of Keras 2."""
    optimizers = namespace(name).optimizers
    legacy = [optimizers.legacy.Optimizer] if name == "tf_keras" else []
    return (optimizers.Optimizer, *legacy)


# -- variables --------------------------------------------------------------------------------------------------------


def is_variable(value: Any) -> bool:
    """Return True for a variable of TensorFlow or of Keras 3."""
    if isinstance(value, tf.Variable):
        return True
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Variable)


def storage(variable: Any) -> Any:
    """Return the TensorFlow variable that holds the numbers of a variable.

    A Keras 3 variable wraps it as `.value`, so two Keras variables can share one storage.
    """
    return variable if isinstance(variable, tf.Variable) else variable.value


def variable_name(variable: Any, model: Any) -> str:
    """Return a readable name such as `dense/kernel`, without the model's own name in front.

    Keras 3 has it as `variable.path`, Keras 2 as `variable.name` followed by a device index.
    """
    name: str = getattr(variable, "path", None) or variable.name
    return name.split(":")[0].removeprefix(f"{model.name}/")


def variable_keys(variable: Any) -> list[Any]:
    """Return the keys by which an optimizer may identify a variable."""
    inner = storage(variable)
    return [id(variable), id(inner), tf_private.unique_id(inner)]


def weights(model: Any) -> list[Any]:
    """Return the weights of a model or layer; none for a model that was never built, where Keras 2 raises.

    Keras 2 lists the vocabulary of a lookup layer among them, which is not a variable and is left out.
    """
    try:
        return [weight for weight in model.weights if is_variable(weight)]
    except ValueError:
        return []


def other_state(model: Any) -> list[Any]:
    """Return the variables that affect what a model does but are not in `model.weights`.

    These are the random states of Keras 3, the state of a stateful recurrent layer of Keras 3, and raw `tf.Variable`
    attributes.
    """
    seen = {id(storage(weight)) for weight in weights(model)}
    found = []

    def collect(value: Any) -> None:
        if is_variable(value):
            if id(storage(value)) not in seen:
                seen.add(id(storage(value)))
                found.append(value)
        elif isinstance(value, (list, tuple)):
            for item in value:
                collect(item)
        elif isinstance(value, dict):
            for item in value.values():
                collect(item)

    collect(list(model.variables) if seen else [])
    for layer in flat_layers(model):
        collect([value for name, value in vars(layer).items() if name not in tf_private.COUNTERS])
    return found


def optimizer_variables(optimizer: Any) -> list[Any]:
    """Return an optimizer's variables: iterations, slots and, on Keras 3, the learning rate."""
    variables = optimizer.variables
    return list(variables() if callable(variables) and not isinstance(variables, list) else variables)


def steps_made(optimizer: Any) -> int:
    """Return how many steps an optimizer has made."""
    iterations = optimizer.iterations  # computed, and so not a variable, where Keras 3 accumulates gradients
    return int(np.max(tf_private.value_of(storage(iterations)) if is_variable(iterations) else iterations))


def metric_variables(model: Any) -> list[Any]:
    """Return the variables of a model's metrics, including the running loss."""
    return [variable for metric in metrics(model) for variable in metric.variables]


def metrics(model: Any) -> list[Any]:
    """Return the metrics of a model; none for a layer that is not a model."""
    return list(getattr(model, "metrics", ()))


# -- models and other objects -----------------------------------------------------------------------------------------


def is_compiled(model: Any) -> bool:
    """Return True if `compile` was called on a model."""
    return hasattr(type(model), "compile") and getattr(model, "optimizer", None) is not None


def strategy(model: Any) -> Any:
    """Return the strategy of `tf.distribute` under which a model was made, or None."""
    found = getattr(model, "distribute_strategy", None)
    return None if found is None or isinstance(found, tf_private.NO_STRATEGY) else found


def has_name(value: Any) -> bool:
    """Return True for a layer, model or other operation of Keras: messages name these."""
    return tf_private.is_operation_class(type(value))


def title(value: Any) -> str:
    """Return what a message calls an object: its class, and its name if it has one.

    Example:
        >>> title([])
        'a list'
    """
    name = getattr(value, "name", None)
    return f"{type(value).__name__} {name!r}" if isinstance(name, str) else f"a {type(value).__name__}"


def is_stateful(value: Any) -> bool:
    """Return True if sharing a value means sharing state: a variable, layer, optimizer, metric or table."""
    kinds = [tf.Variable, tf.random.Generator, *tf_private.TABLES]
    for package in map(namespace, loaded()):
        kinds += [package.layers.Layer, package.metrics.Metric, package.optimizers.Optimizer]
    return is_variable(value) or isinstance(value, tuple(kinds))


def parts(model: Any) -> list[Any]:
    """Return a model with every layer inside it, or a `tf.Module` with every module inside it."""
    return flat_layers(model) if has_name(model) else [model, *model.submodules]


def changed_since_compiled(model: Any) -> list[Any]:
    """Return the layers whose trainable flag changed after a model compiled its training function.

    Keras 2 uses the flags of `compile` whenever it makes that function, so the change does not matter there.
    """
    # A module of TensorFlow may have an attribute `optimizer` without being a model.
    if getattr(model, "train_function", None) is None or not is_compiled(model) or generation(model) != "keras":
        return []
    if model.run_eagerly or tf.config.functions_run_eagerly():  # then nothing is compiled
        return []
    return [layer for layer, flag in tf_private.compiled_trainable_flags(model).items() if layer.trainable != flag]


def symbolic_inputs(model: Any) -> Any:
    """Return the symbolic inputs of a functional model in their structure, or None.

    A Sequential of Keras 3 has them as `inputs` only.
    """
    for name in ("input", "inputs"):
        try:
            symbols = getattr(model, name)
        except (AttributeError, RuntimeError, ValueError):
            continue
        if symbols is not None:
            return symbols[0] if isinstance(symbols, (list, tuple)) and len(symbols) == 1 else symbols
    return None


@functools.cache
def bookkeeping(name: str, kind: str) -> frozenset[str]:
    """Return the names of the attributes that Keras itself keeps in every layer, model, optimizer, loss or metric.

    They hold names, trackers, caches and call histories, which may differ between equal models. Anything that matters
    also has a public property. The names are read from bare instances, so they follow the installed Keras.

    Args:
        name: `"keras"` or `"tf_keras"`.
        kind: `"layer"`, `"model"`, `"optimizer"`, `"loss"` or `"metric"`.
    """
    package = namespace(name)
    if kind == "optimizer":
        return frozenset(key for key in vars(package.optimizers.SGD(name="bare")) if key.startswith("_")) | {"name"}
    if kind == "loss":
        return frozenset({"name"})
    if kind == "metric":
        nothing = dict.fromkeys(("update_state", "result"), lambda self, *args: None)
        return frozenset(vars(type("Bare", (package.metrics.Metric,), nothing)(name="bare"))) | {"name", "built"}
    bare = frozenset(vars(package.layers.Layer(name="bare")))
    if kind == "layer":
        return bare
    inputs = package.Input((1,), name="bare_input")
    subclassed = type("Bare", (package.Model,), {})(name="bare")
    subclassed.compile("sgd")
    outputs = package.layers.Activation("linear")(inputs)  # Keras 3.12 takes no outputs that are inputs
    models = [subclassed, package.Model(inputs, outputs, name="bare"), package.Sequential([inputs], name="bare")]
    return bare.union(*map(vars, models)) | tf_private.LEFT_BY_FIT
