"""The true clone of a model: rebuilt from its config, then given all state, then checked.

The road is the one that the lessons teach, with public methods only: ``get_config`` and ``from_config`` for the
structure, one call for the weights, then weights, other state, compile settings and optimizer state, each copied
by value. It ends where a config ends. There, and wherever the finished twin does not match, ``clone`` raises.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import divergence
from helpers import keras_generations as generations


class CloneError(ValueError):
    """A model cannot be cloned truly: the message names the layer or class, and says what to do."""


def clone(model: Any, inputs: Any = None) -> Any:
    """Make an independent twin of a model.

    The twin has the same classes, weights (trainable and not), other state such as random seeds, trainable flags,
    compile settings and optimizer state, and shares no variable with the original. The original stays as it is.

    Args:
        model: a Sequential, functional or subclassed model of keras or tf_keras. A subclassed model needs a
            ``get_config`` that lists its constructor arguments, or a constructor without arguments.
        inputs: a batch of example inputs, (samples, ...), or a list or dict of such arrays. A subclassed model
            that was called on anything but one array needs them to create its weights. With them the outputs of
            both are compared before the twin is returned; without, made-up inputs serve where their shape is known.

    Returns:
        The twin, of the same class.

    Raises:
        CloneError: the twin would not be true; the message says which layer or class is the cause.
        TypeError: ``model`` is not a Keras model.

    Example:
        >>> twin = clone(model, inputs)                       # doctest: +SKIP
        >>> np.array_equal(twin(inputs), model(inputs))       # doctest: +SKIP
        True

    Source:
        What ``from_config`` carries: https://keras.io/guides/serialization_and_saving/
    """
    package = generations.namespace(generations.generation(model))
    if not isinstance(model, package.Model):
        raise TypeError(f"{_name(model)} is a layer, not a model. Put it into a model: keras.Sequential([layer]).")
    _refuse_lambdas(model)
    with package.utils.custom_object_scope(classes_and_functions(model)), generations.random_state_kept():
        # Layers that a constructor makes take the global dtype policy: the one under which the model was made.
        with generations.dtype_policy(model):
            twin = _rebuild(model)
            _create_weights(model, twin, inputs)
        _check_structure(model, twin)
        _copy_state(model, twin)
        _copy_compilation(model, twin)
    for a, b in zip(generations.flat_layers(model), generations.flat_layers(twin), strict=True):
        _check_attributes(a, b)
    _check_outputs(model, twin, inputs)
    return twin


def _name(layer: Any) -> str:
    return f"{type(layer).__name__} {layer.name!r}"


@contextmanager
def _refused_as(sentence: str, advice: str) -> Iterator[None]:
    """Turn an error of Keras into a CloneError of two sentences, with the first line of the original behind."""
    try:
        yield
    except CloneError:
        raise
    except Exception as error:
        # Keras 3 wraps the cause in advice of its own and puts it last.
        cause = str(error).rpartition("Exception encountered:")[2].strip() or "no message"
        raise CloneError(f"{sentence} {advice}\n({type(error).__name__}: {cause.splitlines()[0][:300]})") from error


def classes_and_functions(model: Any) -> dict[str, Any]:
    """Collect what the config names but Keras may not know: classes of layers, and functions such as a loss."""
    known = {}
    for layer in generations.flat_layers(model):
        known[type(layer).__name__] = type(layer)
        for value in vars(layer).values():
            if inspect.isfunction(value) and value.__name__ != "<lambda>":
                known[value.__name__] = value
    losses = tf.nest.flatten(getattr(model, "loss", None))
    for value in [*losses, *model.metrics, getattr(model, "optimizer", None)]:
        if inspect.isfunction(value):
            known[value.__name__] = value
        elif value is not None and not isinstance(value, str):
            known[type(value).__name__] = type(value)
    return {name: value for name, value in known.items() if not _is_of_keras(value)}


def _is_of_keras(value: Any) -> bool:
    return value.__module__.split(".")[0] in generations.GENERATIONS


def _refuse_lambdas(model: Any) -> None:
    """Refuse a lambda handed to a layer of Keras: a config can only name functions."""
    for layer in generations.flat_layers(model):
        for name, value in vars(layer).items():
            if _is_of_keras(type(layer)) and inspect.isfunction(value) and value.__name__ == "<lambda>":
                raise CloneError(
                    f"{_name(layer)} has a lambda as its {name}, and a config carries no code. "
                    "Write it as a function with a name, and register it: "
                    '@keras.saving.register_keras_serializable(package="mine").'
                )


# -- structure ---------------------------------------------------------------------------------------------------------

_COMMON = {"name", "dtype", "trainable", "args", "kwargs"}


def own_arguments(cls: type) -> list[str]:
    """Name the constructor arguments that a class adds to those which every layer has."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.name not in _COMMON and p.kind not in variadic]


def _rebuild(model: Any) -> Any:
    """Make a new model of the same structure, with fresh weights or none yet."""
    cls = type(model)
    package = generations.namespace(generations.generation(model))
    by_layers = isinstance(model, package.Sequential) or _is_functional(model, package)
    if cls.get_config is package.Model.get_config and not by_layers:
        arguments = own_arguments(cls)
        if arguments:
            raise CloneError(_advice_on_config(cls, arguments))
        with _refused_as(f"{cls.__name__}() could not be called.", "Give the class a get_config method."):
            return cls()
    with _refused_as(
        f"{_name(model)} could not be rebuilt from its config.",
        "Make get_config return every constructor argument, and let the constructor take **kwargs.",
    ):
        twin = cls.from_config(model.get_config())
    if type(twin) is not cls:
        raise CloneError(
            f"{cls.__name__}.from_config makes a {type(twin).__name__}. "
            f"Override get_config in {cls.__name__} so that it returns the arguments of {cls.__name__}.__init__."
        )
    return twin


def _is_functional(model: Any, package: Any) -> bool:
    """Tell whether a model was made from inputs and outputs, by the class that Keras gives to such a model."""
    inputs = package.Input((1,))
    return isinstance(model, type(package.Model(inputs, inputs)))


def _advice_on_config(cls: type, arguments: list[str]) -> str:
    entries = ", ".join(f'"{name}": self.{name}' for name in arguments)
    return (
        f"{cls.__name__} has no get_config, so nothing tells with which {', '.join(arguments)} it was made. "
        f"Add to the class (and keep each argument as an attribute):\n\n"
        f"    def get_config(self):\n"
        f"        return {{**super().get_config(), {entries}}}\n"
    )


def _create_weights(model: Any, twin: Any, inputs: Any) -> None:
    """Let a rebuilt model create the weights that the original has."""
    if len(generations.weights(twin)) >= len(generations.weights(model)):
        return
    with _refused_as(f"The twin of {_name(model)} could not be called.", "Pass inputs that the model takes."):
        if inputs is not None:
            twin(inputs, training=False)
        elif model.get_build_config():
            twin.build_from_config(model.get_build_config())
    if len(generations.weights(twin)) < len(generations.weights(model)) and inputs is None:
        raise CloneError(
            f"{_name(model)} creates its weights when it is called, and no example of its inputs is at hand. "
            "Pass one: clone(model, inputs)."
        )


_PLAIN = (bool, int, float, complex, str, bytes, np.ndarray, np.generic, type(None))


def _check_structure(model: Any, twin: Any) -> None:
    """Hold every layer of the twin against the original's: class, dtype, weights' shapes, plain attributes."""
    mine, theirs = generations.flat_layers(model), generations.flat_layers(twin)
    if [type(layer) for layer in mine] != [type(layer) for layer in theirs]:
        missing = next((a for a, b in zip(mine, theirs, strict=False) if type(a) is not type(b)), mine[-1])
        raise CloneError(
            f"The config of {_name(model)} gives {len(theirs)} layers where the model has {len(mine)}, "
            f"and they differ from {_name(missing)} on. "
            "Make the structure depend on constructor arguments that get_config returns."
        )
    # Layers without layers inside come first, so that the message names the layer itself and not the model around it.
    for a, b in sorted(zip(mine, theirs, strict=True), key=lambda pair: len(generations.flat_layers(pair[0])) > 1):
        if a.compute_dtype != b.compute_dtype or a.dtype != b.dtype:
            raise CloneError(
                f"{_name(a)} computes in {a.compute_dtype}, but in {b.compute_dtype} after being rebuilt. "
                "Set the dtype policy under which it was made, or let get_config return the dtype."
            )
        shapes = [[tuple(w.shape) for w in generations.weights(layer)] for layer in (a, b)]
        if shapes[0] != shapes[1]:
            raise CloneError(
                f"{_name(a)} has weights of shapes {shapes[0]}, but {shapes[1]} after being rebuilt. "
                "Make their shapes depend on constructor arguments that get_config returns, "
                "and pass inputs if they depend on the inputs: clone(model, inputs)."
            )


# What Keras itself keeps among a layer's public attributes, and what may differ between twins.
_OF_KERAS = {"name", "built", "trainable", "stop_training", "train_tf_function"} | {
    f"{use}_function" for use in ("train", "test", "predict")
}


def _check_attributes(a: Any, b: Any) -> None:
    """Hold the plain attributes of two layers against each other: numbers, text, arrays and functions."""
    for name, value in vars(a).items():
        if name.startswith("_") or name in _OF_KERAS:
            continue
        other = vars(b).get(name)
        if inspect.isfunction(value) or inspect.ismethod(value):
            # A constructor that defines a function makes a new one of the same code each time.
            same = value is other or getattr(value, "__code__", 0) is getattr(other, "__code__", 1)
        elif isinstance(value, _PLAIN) and isinstance(other, _PLAIN):
            same = divergence.largest_difference(value, other) == 0.0
        else:
            continue
        if not same:
            raise CloneError(
                f"{_name(a)} has {name} = {value!r}, but {other!r} after being rebuilt. "
                f"Make {name} a constructor argument that get_config returns with its present value."
            )


# -- state -------------------------------------------------------------------------------------------------------------


def _copy_state(model: Any, twin: Any) -> None:
    """Copy flags, weights, other state and vocabularies by value."""
    layers = list(zip(generations.flat_layers(model), generations.flat_layers(twin), strict=True))
    # A flag of an outer layer sets those inside it, so outer ones come first.
    for a, b in layers:
        if a.trainable != b.trainable:
            b.trainable = a.trainable
    for a, b in layers:
        if hasattr(a, "get_vocabulary") and hasattr(b, "set_vocabulary") and a.get_vocabulary() != b.get_vocabulary():
            with _refused_as(
                f"The vocabulary of {_name(a)} could not be copied.", "Pass the vocabulary to the layer's constructor."
            ):
                b.set_vocabulary(a.get_vocabulary(include_special_tokens=False))
    divergence.assign(generations.weights(twin), divergence.values(generations.weights(model)))
    mine, theirs = generations.other_state(model), generations.other_state(twin)
    if [tuple(v.shape) for v in mine] != [tuple(v.shape) for v in theirs]:
        raise CloneError(
            f"{_name(model)} holds {len(mine)} variables outside its weights, its twin {len(theirs)}. "
            "Create them in __init__ or build, with self.add_weight."
        )
    divergence.assign(theirs, divergence.values(mine))
    for _, layer in layers:
        # Normalization keeps its statistics twice: as weights, and as constants made from them.
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _copy_compilation(model: Any, twin: Any) -> None:
    if not generations.is_compiled(model):
        return
    with _refused_as(
        f"The compile settings of {_name(model)} could not be copied.",
        "Register its loss and metrics with keras.saving.register_keras_serializable, and use no lambda.",
    ):
        twin.compile_from_config(model.get_compile_config())
    if type(twin.optimizer) is not type(model.optimizer):
        raise CloneError(
            f"{_name(model)} is compiled with {type(model.optimizer).__name__}, but its compile settings give "
            f"{type(twin.optimizer).__name__}. If the class overrides compile, override get_compile_config and "
            "compile_from_config as well."
        )
    with _refused_as(
        f"The state of the {type(model.optimizer).__name__} optimizer could not be copied.",
        "Compile the model anew and train it by one step.",
    ):
        slots = [len(generations.optimizer_variables(either.optimizer)) for either in (model, twin)]
        if slots[0] > slots[1]:
            twin.optimizer.build(twin.trainable_variables)
        divergence.copy_optimizer_state(model.optimizer, twin.optimizer)


# -- the check of the finished twin ------------------------------------------------------------------------------------


def _check_outputs(model: Any, twin: Any, inputs: Any) -> None:
    """Let both models answer the same inputs from the same state, and compare."""
    if inputs is None:
        inputs = _made_up_inputs(model)
    if inputs is None or not model.built:
        return
    with divergence.kept_as_they_are(model, twin):
        tf.random.set_seed(0)
        mine = divergence.predictions(model, inputs)
        tf.random.set_seed(0)
        theirs = divergence.predictions(twin, inputs)
    if len(mine) != len(theirs) or any(map(divergence.differs, mine, theirs)):
        raise CloneError(
            f"The twin of {_name(model)} has equal weights and answers differently: something that its config does "
            "not tell takes part in the call. Make it a constructor argument that get_config returns, or a weight."
        )


def _made_up_inputs(model: Any) -> Any:
    """Make a batch of two for a model that tells the shapes of its inputs, or return None."""
    try:
        symbols = model.input
    except (AttributeError, ValueError, RuntimeError):
        return None
    generator = np.random.default_rng(0)

    def batch_of_two(symbol: Any) -> np.ndarray:
        return generator.uniform(size=(2, *symbol.shape[1:])).astype(tf.as_dtype(symbol.dtype).as_numpy_dtype)

    try:
        return tf.nest.map_structure(batch_of_two, symbols)
    except (TypeError, ValueError):  # a dimension that is not fixed, or inputs that are text
        return None
