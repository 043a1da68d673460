"""The ways in which people clone a model, naive and correct, by name."""

import copy
import inspect
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from helpers import cloning, keras_compat


@dataclass(frozen=True)
class Method:
    """One way to clone a model.

    Attributes:
        name: The key in `ALL_METHODS`.
        label: Name that a reader sees.
        correct: True if it returns a true clone of a plain model that was compiled and trained.
        carries: One sentence on the parts that are copied and those that are not.
        code: The code that people write, in which `model` and `inputs` are defined.
        function: Takes `(model, inputs)` and returns the clone.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> METHODS["alias"](model, np.ones((1, 3))) is model
        True
    """

    name: str
    label: str
    correct: bool
    carries: str
    code: str
    function: Callable[[Any, Any], Any]

    def __call__(self, model: Any, inputs: Any) -> Any:
        """Clone `model`. `inputs` is a batch of inputs for it."""
        return self.function(model, inputs)


def _package(model: Any) -> Any:
    return keras_compat.namespace(keras_compat.generation(model))


def classes_and_functions(model: Any) -> dict[str, Any]:
    """Return the custom objects that a config may need: classes of layers, and functions such as a loss."""
    known: dict[str, Any] = {}
    for layer in keras_compat.flat_layers(model):
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
    return value.__module__.split(".")[0] in keras_compat.GENERATIONS


_COMMON = {"name", "dtype", "trainable", "args", "kwargs"}


def own_arguments(cls: Any) -> list[str]:
    """Return the names of the constructor arguments that a class adds to those of every layer."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.name not in _COMMON and p.kind not in variadic]


def _compiled_like(model: Any, clone: Any) -> Any:
    """Compile a clone with the settings of the model and a fresh optimizer, unless it is compiled already."""
    if keras_compat.is_compiled(model) and not keras_compat.is_compiled(clone):
        with _package(model).utils.custom_object_scope(classes_and_functions(model)):
            clone.compile_from_config(model.get_compile_config())
    return clone


def _alias(model: Any, inputs: Any) -> Any:
    return model


def _new_instance(model: Any, inputs: Any) -> Any:
    package = _package(model)
    if type(model).__module__.startswith(package.__name__):
        raise TypeError(
            f"{type(model).__name__} {model.name!r} was not made from a class of your own, so there is no class "
            "to make a second instance of. Use clone_model."
        )
    # A person would write the same arguments again. Here they are read from where models usually keep them.
    names = own_arguments(type(model))
    held = {name: getattr(model, name) for name in names if hasattr(model, name)}
    if type(model).get_config is not package.Model.get_config:
        config = model.get_config()
        held |= {name: config[name] for name in names if name in config}
    clone = type(model)(**held)
    clone(inputs)
    return _compiled_like(model, clone)


def _clone_model(model: Any, inputs: Any) -> Any:
    clone = _package(model).models.clone_model(model)
    if len(clone.weights) < len(model.weights):
        clone(inputs)
    return _compiled_like(model, clone)


def _clone_model_set_weights(model: Any, inputs: Any) -> Any:
    clone = _clone_model(model, inputs)
    clone.set_weights(model.get_weights())
    return clone


def _from_config_set_weights(model: Any, inputs: Any) -> Any:
    clone = type(model).from_config(model.get_config())
    clone(inputs)
    clone.set_weights(model.get_weights())
    return _compiled_like(model, clone)


def _deepcopy(model: Any, inputs: Any) -> Any:
    return copy.deepcopy(model)


def _keras_file(model: Any, inputs: Any) -> Any:
    package = _package(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return package.models.load_model(path, custom_objects=classes_and_functions(model))


def _set_alike(variables: list[Any], values: list[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _file_then_seeds(model: Any, inputs: Any) -> Any:
    clone = _keras_file(model, inputs)
    _set_alike(clone.variables, model.variables)
    return clone


def _recipe(model: Any, inputs: Any) -> Any:
    with _package(model).utils.custom_object_scope(classes_and_functions(model)):
        clone = type(model).from_config(model.get_config())
        clone(inputs)
    _set_alike(clone.variables, model.variables)
    _compiled_like(model, clone)
    if keras_compat.is_compiled(model) and keras_compat.steps_made(model.optimizer):
        _set_alike(*map(keras_compat.optimizer_variables, (clone.optimizer, model.optimizer)))
    return clone


def _weights_file(model: Any, inputs: Any) -> Any:
    clone = _clone_model(model, inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        model.save_weights(path)
        clone.load_weights(path)
    return clone


def _clone(model: Any, inputs: Any) -> Any:
    return cloning.clone(model, inputs)


_COMPILE = "clone.compile_from_config(model.get_compile_config())"
_SET_ALIKE = "for new, old in zip(clone.variables, model.variables, strict=True):\n    new.assign(old)\n"
_OPTIMIZER = """if model.optimizer.iterations > 0:  # before the first step there is nothing to copy
    for new, old in zip(clone.optimizer.variables, model.optimizer.variables, strict=True):
        new.assign(old)
"""

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method(
                "alias",
                "second name (=)",
                False,
                "Nothing is copied: both names stand for one model.",
                "clone = model",
                _alias,
            ),
            Method(
                "new_instance",
                "new instance of the class",
                False,
                "The structure comes along. Weights and optimizer state are fresh.",
                f"clone = MyModel(**same_arguments)\nclone(inputs)\n{_COMPILE}",
                _new_instance,
            ),
            Method(
                "clone_model",
                "clone_model",
                False,
                "The structure comes along. Weights and optimizer state are fresh.",
                f"clone = keras.models.clone_model(model)\nclone(inputs)\n{_COMPILE}",
                _clone_model,
            ),
            Method(
                "clone_model_set_weights",
                "clone_model + set_weights",
                False,
                "Structure and weights come along. The optimizer state is fresh, and so are random seeds.",
                "clone = keras.models.clone_model(model)\nclone(inputs)\n"
                f"clone.set_weights(model.get_weights())\n{_COMPILE}",
                _clone_model_set_weights,
            ),
            Method(
                "from_config_set_weights",
                "from_config + set_weights",
                False,
                "Structure and weights come along. The optimizer state is fresh, and so are random seeds.",
                "clone = type(model).from_config(model.get_config())\nclone(inputs)\n"
                f"clone.set_weights(model.get_weights())\n{_COMPILE}",
                _from_config_set_weights,
            ),
            Method(
                "deepcopy",
                "copy.deepcopy",
                True,
                "Inside, it saves and loads a .keras file: what the file does not carry is lost.",
                "clone = copy.deepcopy(model)",
                _deepcopy,
            ),
            Method(
                "keras_file",
                ".keras file",
                True,
                "Structure, weights and optimizer state come along. Random state is fresh.",
                'model.save("model.keras")\nclone = keras.models.load_model("model.keras")',
                _keras_file,
            ),
            Method(
                "weights_file",
                "weights file",
                True,
                "Weights come along into a model that you make; optimizer state, if the optimizer is built.",
                'model.save_weights("model.weights.h5")\n'
                f"clone = keras.models.clone_model(model)\nclone(inputs)\n{_COMPILE}\n"
                'clone.load_weights("model.weights.h5")',
                _weights_file,
            ),
            Method(
                "clone",
                "helpers.clone",
                True,
                "Everything comes along: structure, weights, other state, compile settings, optimizer state.",
                "clone = helpers.clone(model, inputs)",
                _clone,
            ),
        )
    }
)

_IN_STEPS = (
    Method(
        "file_then_seeds",
        ".keras file + seeds",
        True,
        "What the file carries, and the random state of Dropout and others, which is set again.",
        f'model.save("model.keras")\nclone = keras.models.load_model("model.keras")\n{_SET_ALIKE}',
        _file_then_seeds,
    ),
    Method(
        "recipe",
        "config + weights + optimizer",
        True,
        "What the config carries, then each variable, the compile settings and the optimizer state.",
        f"clone = type(model).from_config(model.get_config())\nclone(inputs)\n{_SET_ALIKE}{_COMPILE}\n{_OPTIMIZER}",
        _recipe,
    ),
)

# Public Keras can do more in several steps. A reader's own model is tried on these too.
ALL_METHODS: Mapping[str, Method] = MappingProxyType(
    {method.name: method for method in [*list(METHODS.values())[:-1], *_IN_STEPS, METHODS["clone"]]}
)
