"""The few calls in which Keras 3 (``keras``) and Keras 2 (``tf_keras``) differ.

Private attributes stand here and nowhere else. Each was seen in keras 3.15.1 or tf_keras 2.21.0, and
``tests/test_keras_generations.py`` fails when one of them goes.
"""

import importlib
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

GENERATIONS = ("keras", "tf_keras")

# How many batches a Keras 2 model has seen: for its callbacks only (tf_keras 2.21.0).
_COUNTERS = {"_train_counter", "_test_counter", "_predict_counter", "_steps_per_execution"}


def namespace(name: str) -> ModuleType:
    """Return the package of a generation, imported when first asked for.

    Args:
        name: ``"keras"`` (Keras 3) or ``"tf_keras"`` (Keras 2).
    """
    if name not in GENERATIONS:
        raise ValueError(f"There is no Keras generation {name!r}. Use one of {', '.join(GENERATIONS)}.")
    return importlib.import_module(name)


def generation(layer: Any) -> str:
    """Tell whether a layer or model is of Keras 3 (``"keras"``) or of Keras 2 (``"tf_keras"``).

    Raises:
        TypeError: it is neither, or it is a class where an instance is wanted.
    """
    for name in GENERATIONS:
        package = sys.modules.get(name)
        if package is not None and isinstance(layer, package.layers.Layer):
            return name
    if isinstance(layer, type):
        raise TypeError(f"{layer.__name__} is a class, not a model. Make an instance of it first: {layer.__name__}().")
    raise TypeError(
        f"An object of type {type(layer).__name__} is not a Keras model. Pass a model of keras or of tf_keras."
    )


def flat_layers(model: Any) -> list[Any]:
    """List the model and every layer inside it, outer before inner, each once.

    ``Model.layers`` is public but leaves out layers inside custom layers.
    Private: ``Layer._flatten_layers`` (keras 3.15.1, tf_keras 2.21.0).
    """
    unique = {id(layer): layer for layer in model._flatten_layers(include_self=True, recursive=True)}
    return list(unique.values())


def is_variable(value: Any) -> bool:
    """Tell whether a value is a variable of TensorFlow or of Keras 3."""
    if isinstance(value, tf.Variable):
        return True
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Variable)


def weights(model: Any) -> list[Any]:
    """List the weights of a model or layer; none for a model that was never built, where Keras 2 raises.

    Keras 2 lists the vocabulary of a lookup layer among them, which is no variable: it is left out.
    """
    try:
        return [weight for weight in model.weights if is_variable(weight)]
    except ValueError:
        return []


def storage(variable: Any) -> Any:
    """Return the TensorFlow variable that holds the numbers of a variable.

    A Keras 3 variable wraps it as ``.value``, so that two Keras variables can share one storage.
    """
    return variable if isinstance(variable, tf.Variable) else variable.value


def other_state(model: Any) -> list[Any]:
    """List the variables that change what a model does but are not in ``model.weights``.

    These are the random states of Keras 3, the state of a stateful recurrent layer of Keras 3, and raw
    ``tf.Variable`` attributes.
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
        collect([value for name, value in vars(layer).items() if name not in _COUNTERS])
    return found


def variable_name(variable: Any, model: Any) -> str:
    """Return a readable name such as ``dense/kernel``, without the model's own name in front.

    Keras 3 has it as ``variable.path``, Keras 2 as ``variable.name`` with a device index behind.
    """
    name = getattr(variable, "path", None) or variable.name
    return name.split(":")[0].removeprefix(f"{model.name}/")


def is_compiled(model: Any) -> bool:
    """Tell whether ``compile`` was called on a model."""
    return getattr(model, "optimizer", None) is not None


def optimizer_variables(optimizer: Any) -> list[Any]:
    """List an optimizer's variables: iterations, slots and, on Keras 3, the learning rate."""
    variables = optimizer.variables
    return list(variables() if callable(variables) and not isinstance(variables, list) else variables)


def metric_variables(model: Any) -> list[Any]:
    """List the variables of a model's metrics, the running loss included."""
    return [variable for metric in model.metrics for variable in metric.variables]


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Put the random state of Python, NumPy and TensorFlow back as it was when the body ends.

    TensorFlow can set its eager seed but offers no way to read it.
    Private: ``tensorflow.python.eager.context.context()._seed`` and ``._rng`` (tensorflow 2.21.0).
    """
    from tensorflow.python.eager import context

    # Neither exists before the first seed is set or asked for.
    eager = vars(context.context())
    python_state, numpy_state = random.getstate(), np.random.get_state()
    tensorflow_state = {name: eager[name] for name in ("_seed", "_rng") if name in eager}
    generator_state = eager["_rng"].getstate() if eager.get("_rng") is not None else None
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        for name in ("_seed", "_rng"):
            eager.pop(name, None)
        eager.update(tensorflow_state)
        if generator_state is not None:
            eager["_rng"].setstate(generator_state)


@contextmanager
def dtype_policy(model: Any) -> Iterator[None]:
    """Make the dtype policy of a model the global one while the body runs."""
    precision = namespace(generation(model)).mixed_precision
    policy = precision.global_policy()
    precision.set_global_policy(model.dtype_policy)
    try:
        yield
    finally:
        precision.set_global_policy(policy)
