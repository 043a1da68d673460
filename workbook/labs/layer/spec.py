"""A model definition as data, its Python source, and the model that the source makes.

The Layer Lab shows the source of its model. The two cannot differ, because a model is only made by `build`, which runs
the text that `source` returns.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

from workbook.labs.framework.program import GENERATIONS, execute
from workbook.labs.framework.settings import LabSettings, choice, integer

IMAGE_SHAPE = (8, 8, 1)
CLASSES = 10


@dataclass(frozen=True)
class LayerKind:
    """The options of one kind of layer.

    Args:
        label: Name that a reader sees.
        stem: Beginning of the layer's name in the source, such as `dense` in `dense_1`.
        argument: Constructor argument that the size sets, or None if the kind has no size.
        size: Default size.
        smallest: Smallest size.
        largest: Largest size.
        activation: Default activation, or None if the kind takes none.
    """

    label: str
    stem: str
    argument: str | None = None
    size: int | None = None
    smallest: int = 0
    largest: int = 0
    activation: str | None = None


LAYER_KINDS = {
    "Dense": LayerKind("Dense", "dense", "units", 32, 1, 64, "relu"),
    "Conv2D": LayerKind("Conv2D", "conv2d", "filters", 8, 1, 32, "relu"),
    "LSTM": LayerKind("LSTM", "lstm", "units", 16, 1, 64, "tanh"),
    "BatchNormalization": LayerKind("BatchNormalization", "batch_norm"),
    "LayerNormalization": LayerKind("LayerNormalization", "layer_norm"),
    "Dropout": LayerKind("Dropout", "dropout", "rate", 30, 0, 90),
    "Linear": LayerKind("Linear (custom layer)", "linear", "units", 16, 1, 64, "relu"),
}
ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid", "elu", "gelu")
STYLES = {
    "sequential": "Sequential",
    "functional": "Functional",
    "subclassed": "Subclassed, with get_config",
    "subclassed_without_config": "Subclassed, without get_config",
    "layers_in_call": "Subclassed, layers created inside call",
}
OPTIMIZERS = {
    "adam": ("Adam", "Adam(learning_rate=0.01)"),
    "sgd": ("SGD, no memory", "SGD(learning_rate=0.1)"),
    "momentum": ("SGD with momentum", "SGD(learning_rate=0.05, momentum=0.9)"),
    "rmsprop": ("RMSprop", "RMSprop(learning_rate=0.005)"),
}
_SUBCLASSED = ("subclassed", "subclassed_without_config", "layers_in_call")


@dataclass(frozen=True)
class LayerSpec:
    """One layer that a reader puts into a model.

    Args:
        kind: A key of `LAYER_KINDS`.
        size: Units or filters; for Dropout the rate in percent. None means the kind's own default.
        activation: One of `ACTIVATIONS`. None means the kind's own default.

    Example:
        >>> LayerSpec("Dense", 24)
        LayerSpec(kind='Dense', size=24, activation='relu')
    """

    kind: str
    size: int | None = None
    activation: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in LAYER_KINDS:
            raise ValueError(f"Unknown kind of layer: {self.kind!r}. Use one of {', '.join(map(repr, LAYER_KINDS))}.")
        kind = LAYER_KINDS[self.kind]
        size = None
        if kind.argument is not None:
            size = kind.size if self.size is None else int(self.size)
            if not kind.smallest <= size <= kind.largest:
                raise ValueError(f"{self.kind} takes a size from {kind.smallest} to {kind.largest}, not {size}.")
        activation = None
        if kind.activation is not None:
            activation = self.activation or kind.activation
            if activation not in ACTIVATIONS:
                raise ValueError(f"Unknown activation: {activation!r}. Use one of {', '.join(map(repr, ACTIVATIONS))}.")
        # Settings that a kind does not have are dropped, because equal models should have equal definitions.
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "activation", activation)


@dataclass(frozen=True)
class Definition(LabSettings):
    """A classifier of 8x8 digit images, as data.

    Args:
        layers: The layers between the image and the ten logits.
        style: How the model is written: a key of `STYLES`.
        generation: The Keras package: a key of `GENERATIONS`.
        optimizer: A key of `OPTIMIZERS`.
        seed: Seed of the initial weights.

    Example:
        >>> definition = Definition((LayerSpec("Dense", 24),), style="functional")
        >>> model = build(definition)
    """

    layers: tuple[LayerSpec, ...] = (LayerSpec("Dense"),)
    style: str = choice("subclassed", STYLES, "How it is written")
    generation: str = choice("keras", GENERATIONS, "Which Keras")
    optimizer: str = choice("adam", {name: label for name, (label, _) in OPTIMIZERS.items()}, "Optimizer")
    seed: int = integer(0, "Seed", 0, 9999, typed=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        super().__post_init__()


@dataclass(frozen=True)
class _Line:
    """One layer of the source: a chosen one, or a reshaping layer that the next one needs."""

    name: str
    cls: str
    arguments: tuple[str, ...]
    parameter: tuple[str, int | float, int | float] | None = None  # constructor argument: name, default, value
    in_training: bool = False

    def expression(self, use_parameter: bool = False) -> str:
        arguments = list(self.arguments)
        if self.parameter is not None:
            name, _, value = self.parameter
            arguments.insert(0, name if use_parameter else repr(value))
        return f"{self.cls}({', '.join([*arguments, f'name={self.name!r}'])})".replace("'", '"')


def _two_factors(number: int) -> tuple[int, int]:
    """Split a length into its two most nearly equal factors, which keeps sequences short."""
    first = next(n for n in range(math.isqrt(number), 0, -1) if number % n == 0)
    return first, number // first


def _lines(definition: Definition) -> list[_Line]:
    """List the layers in order, with every Flatten and Reshape that the chosen ones need."""
    shape: tuple[int, ...] = IMAGE_SHAPE
    count: dict[str, int] = {}
    lines: list[_Line] = []

    def named(stem: str) -> str:
        count[stem] = count.get(stem, 0) + 1
        return f"{stem}_{count[stem]}"

    def reshape(target: tuple[int, ...]) -> tuple[int, ...]:
        if target != shape:
            flat = len(target) == 1
            cls = "keras.layers.Flatten" if flat else "keras.layers.Reshape"
            lines.append(_Line(named("flatten" if flat else "reshape"), cls, () if flat else (str(target),)))
        return target

    for spec in definition.layers:
        kind = LAYER_KINDS[spec.kind]
        flat = math.prod(shape)
        if spec.kind in ("Dense", "Linear"):
            reshape((flat,))
            after: tuple[int, ...] = (spec.size,)
        elif spec.kind == "Conv2D":
            target = shape if len(shape) == 3 else (*(_two_factors(flat) if len(shape) == 1 else shape), 1)
            reshape(target)
            after = (*target[:2], spec.size)
        elif spec.kind == "LSTM":
            reshape(_two_factors(flat) if len(shape) == 1 else (shape[0], math.prod(shape[1:])))
            after = (spec.size,)
        else:
            after = shape
        name = named(kind.stem)
        arguments = []
        parameter = None
        if spec.size is not None:
            as_argument = (lambda percent: percent / 100) if spec.kind == "Dropout" else int
            parameter = (f"{name}_{kind.argument}", as_argument(kind.size), as_argument(spec.size))
        if spec.kind == "Conv2D":
            arguments += ["3", 'padding="same"']
        if spec.activation not in (None, "tanh" if spec.kind == "LSTM" else "linear"):  # Keras's own defaults
            arguments.append(f'activation="{spec.activation}"')
        cls = "Linear" if spec.kind == "Linear" else f"keras.layers.{spec.kind}"
        in_training = spec.kind in ("Dropout", "BatchNormalization")
        lines.append(_Line(name, cls, tuple(arguments), parameter, in_training))
        shape = after
    reshape((math.prod(shape),))
    lines.append(_Line("logits", "keras.layers.Dense", (str(CLASSES),)))
    return lines


_LINEAR = '''\
@keras.saving.register_keras_serializable(package="layer_lab")
class Linear(keras.layers.Layer):
    """A custom layer that makes its own weights."""

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="he_normal", name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        super().build(input_shape)

    def call(self, inputs):
        return self.activation(inputs @ self.kernel + self.bias)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "units": self.units, "activation": activation}
'''


def _sequential(lines: list[_Line]) -> str:
    rows = "".join(f"        {line.expression()},\n" for line in lines)
    return f"model = keras.Sequential(\n    [\n        keras.Input({IMAGE_SHAPE}),\n{rows}    ]\n)\n"


def _functional(lines: list[_Line]) -> str:
    rows = [f"inputs = keras.Input({IMAGE_SHAPE})"]
    value = "inputs"
    for line in lines:
        result = "outputs" if line is lines[-1] else "x"
        rows.append(f"{result} = {line.expression()}({value})")
        value = result
    return "\n".join([*rows, "model = keras.Model(inputs, outputs)", ""])


def _calls(lines: list[_Line], indent: str = "        ") -> str:
    rows = []
    value = "inputs"
    for line in lines:
        training = ", training=training" if line.in_training else ""
        result = "return" if line is lines[-1] else "x ="
        rows.append(f"{indent}{result} self.{line.name}({value}{training})\n")
        value = "x"
    return "".join(rows)


def _subclass(definition: Definition, lines: list[_Line]) -> str:
    with_config = definition.style == "subclassed"
    parameters = [line.parameter for line in lines if line.parameter is not None]
    signature = ", ".join(["self", *(f"{name}={default!r}" for name, default, _ in parameters), "**kwargs"])
    rows = []
    if with_config:
        rows.append('@keras.saving.register_keras_serializable(package="layer_lab")\n')
    rows.append(f"class DigitModel(keras.Model):\n{_def('__init__', signature)}        super().__init__(**kwargs)\n")
    if with_config:
        rows += [f"        self.{name} = {name}\n" for name, _, _ in parameters]
    rows += [f"        self.{line.name} = {line.expression(use_parameter=True)}\n" for line in lines]
    rows.append(f"\n    def call(self, inputs, training=None):\n{_calls(lines)}")
    if with_config:
        rows.append("\n    def get_config(self):\n        config = super().get_config()\n")
        rows += [f'        config["{name}"] = self.{name}\n' for name, _, _ in parameters]
        rows.append("        return config\n")
    rows.append(f"\n\nmodel = {_call('DigitModel', [f'{name}={value!r}' for name, _, value in parameters])}\n")
    return "".join(rows)


def _lazy_subclass(lines: list[_Line]) -> str:
    rows = ["class DigitModel(keras.Model):\n    def __init__(self):\n        super().__init__()\n"]
    rows += [f"        self.{line.name} = None\n" for line in lines]
    rows.append("\n    def call(self, inputs, training=None):\n")
    rows.append(f"        if self.{lines[-1].name} is None:  # the first call creates the layers\n")
    rows += [f"            self.{line.name} = {line.expression()}\n" for line in lines]
    rows.append(f"{_calls(lines)}\n\nmodel = DigitModel()\n")
    return "".join(rows)


def _def(name: str, signature: str) -> str:
    """Write the head of a method, over several lines if it is long."""
    head = f"    def {name}({signature}):\n"
    if len(head) <= 101:
        return head
    return f"    def {name}(\n" + "".join(f"        {part},\n" for part in signature.split(", ")) + "    ):\n"


def _call(name: str, arguments: list[str]) -> str:
    """Write a call, over several lines if it is long."""
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= 90:
        return line
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


@functools.lru_cache(maxsize=256)
def source(definition: Definition) -> str:
    """Write the Python program that makes the model.

    Args:
        definition: The model as data.

    Returns:
        A complete program; when it has run, `model` is the compiled model.

    Example:
        >>> print(source(Definition()).splitlines()[0])
        import keras
    """
    lines = _lines(definition)
    subclassed = definition.style in _SUBCLASSED
    blocks = ["import keras" if definition.generation == "keras" else "import tf_keras as keras"]
    if subclassed:
        blocks[0] = (
            f"{blocks[0]}\nimport numpy as np"
            if definition.generation == "keras"
            else f"import numpy as np\n{blocks[0]}"
        )
    blocks[0] += f"\n\nkeras.utils.set_random_seed({definition.seed})\n"
    custom = any(line.cls == "Linear" for line in lines)
    if custom:
        blocks.append(f"\n{_LINEAR}")
    gap = "\n" if custom or subclassed else ""
    if definition.style == "sequential":
        blocks.append(gap + _sequential(lines))
    elif definition.style == "functional":
        blocks.append(gap + _functional(lines))
    elif definition.style == "layers_in_call":
        blocks.append(gap + _lazy_subclass(lines))
    else:
        blocks.append(gap + _subclass(definition, lines))
    if subclassed:
        blocks[-1] += f'model(np.zeros({(1, *IMAGE_SHAPE)}, "float32"))  # one call on data creates the weights\n'
    blocks[-1] += (
        "model.compile(\n"
        f"    optimizer=keras.optimizers.{OPTIMIZERS[definition.optimizer][1]},\n"
        "    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),\n"
        ")\n"
    )
    return "\n".join(blocks)


def run(text: str) -> Any:
    """Run a program from `source`.

    Args:
        text: The program.

    Returns:
        The object that the program names `model`.

    Example:
        >>> run(source(Definition())).count_params()
        2410
    """
    return execute(text).model


def build(definition: Definition) -> Any:
    """Make the model by running its source.

    Args:
        definition: The model as data.

    Returns:
        The compiled model.

    Example:
        >>> model = build(Definition((LayerSpec("Conv2D", 4),)))
    """
    return run(source(definition))
