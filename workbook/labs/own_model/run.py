"""A run of the lab "Your own model": a reader's model, every method tried on it, and the code of the one to use.

What a reader gets wrong is answered in one sentence, a `Refusal`.
"""

from __future__ import annotations

import builtins
import json
import keyword
import math
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import keras_compat, keras_files, snapshot, training
from helpers.keras_files import Refusal
from helpers.keras_files.refusal import short_message
from helpers.text import listed
from workbook.labs.framework.run import Run, Stage
from workbook.labs.framework.settings import LabSettings, flag, text
from workbook.labs.method_table.run import MethodTableRun, Subject
from workbook.methods import METHODS, classes_and_functions

__all__ = ["OwnModelRun", "OwnModelSettings", "Refusal", "Upload", "code", "find_model", "load", "make_inputs"]

MOST_NUMBERS, MOST_AXES = 20_000_000, 8  # of inputs that are made up; more would take the memory of a free host
SAMPLES, FEW_SAMPLES, LARGE = 64, 4, 200_000  # a model of more numbers than this gets few samples


@dataclass(frozen=True)
class Upload:
    """A file that the reader gave.

    Args:
        name: Its name.
        content: Its bytes.
    """

    name: str
    content: bytes = field(repr=False)


# -- the model ---------------------------------------------------------------------------------------------------------


def find_model(said: Any, namespace: Mapping[str, Any] | None = None, *, use_own_classes: bool = False) -> Any:
    """Find out which model a reader means.

    Args:
        said: A model, the name of a variable, a path, or an `Upload`.
        namespace: The variables of the notebook.
        use_own_classes: Whether a file may make objects of the notebook's own classes.

    Returns:
        The model.

    Raises:
        Refusal: it is not a model that can be cloned.
    """
    namespace = namespace or {}
    if isinstance(said, Upload):
        return load(said, namespace, use_own_classes=use_own_classes)
    said = said.strip() if isinstance(said, str) else said
    if isinstance(said, str) and not said:
        raise Refusal("Name a variable of this notebook that holds a model, or a .keras file.")
    if isinstance(said, Path) or (isinstance(said, str) and said not in namespace and _is_path(said)):
        return load(said, namespace, use_own_classes=use_own_classes)
    if isinstance(said, str):
        if said not in namespace:
            raise Refusal(
                f"There is no variable {said!r} in this notebook, and no file of that name: run the cell that makes "
                "the model first, or give the path of a .keras file."
            )
        said = namespace[said]
    return _checked(said)


def _is_path(text: str) -> bool:
    return "/" in text or "\\" in text or bool(Path(text).suffix) or os.path.lexists(text)


def _checked(value: Any) -> Any:
    kind = type(value).__name__
    if isinstance(value, type):
        raise Refusal(f"{value.__name__} is a class, not a model: make an instance of it, model = {value.__name__}().")
    for name in keras_compat.loaded():
        package = keras_compat.namespace(name)
        if isinstance(value, package.Model):
            _refuse_without_call(value, package)
            return value
        if isinstance(value, package.layers.Layer):
            raise Refusal(f"{value.name!r} is a single {kind} layer: put it into a model, {name}.Sequential([layer]).")
    if isinstance(value, tf.Module):
        raise Refusal(
            f"A {kind} is no Keras model, so there is nothing here to train and compare: clone it with "
            "helpers.clone(it), which copies every variable and checks the copy."
        )
    if callable(value) and hasattr(value, "__name__"):
        raise Refusal(f"{value.__name__} is a function, not a model: call it, and give what it returns.")
    raise Refusal(f"An object of type {kind} is no model: give a model of keras or of tf_keras.")


def _refuse_without_call(model: Any, package: Any) -> None:
    """Refuse a model that is only trained and never called, such as many a GAN: it has no outputs to compare."""
    if type(model).call is not package.Model.call or getattr(model, "inputs", None):
        return
    if isinstance(model, package.Sequential):
        return
    parts = [
        f"model.{name}" for name, value in vars(model).items() if isinstance(value, package.Model) and name[0] != "_"
    ]
    advice = f"give its parts one by one, {listed(parts)}" if parts else "write a call method"
    raise Refusal(
        f"The class {type(model).__name__} has no call method, so there are no outputs to compare: {advice}, and clone "
        "the whole with helpers.clone(it), which checks structure and variables."
    )


def load(file: str | Path | Upload, known: Mapping[str, Any] | None = None, *, use_own_classes: bool = False) -> Any:
    """Load a `.keras` file, after it was looked through and tried in a process of its own.

    Args:
        file: A path, or an upload.
        known: Variables among which your own classes may be found, by name.
        use_own_classes: Whether the file may make objects of your own classes, with the arguments that it holds.

    Returns:
        The model.

    Raises:
        Refusal: there is no such file, it is of another kind, damaged or too large, or it names what it may not.
    """
    name, content = (file.name, file.content) if isinstance(file, Upload) else keras_files.read_file(Path(file))
    own_classes, withheld = (known, None) if use_own_classes else (None, known)
    return keras_files.load(name, content, own_classes, withheld)


# -- its inputs --------------------------------------------------------------------------------------------------------


def make_inputs(model: Any, said: Any = None, namespace: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """Take what the reader says of the inputs, or infer them from the model, and see that the model takes them.

    Args:
        model: The model; it is as before afterwards, unless it had no weights yet.
        said: Arrays; the name of a variable; a description such as `28, 28, 1` or `20 int below 1000` or `text`, with
            semicolons between several inputs; or nothing.
        namespace: The variables of the notebook.

    Returns:
        The inputs, and in words where they come from.

    Raises:
        Refusal: they cannot be inferred or read, or the model does not take them.
    """
    said = said.strip() if isinstance(said, str) else said
    if said is None or (isinstance(said, str) and not said):
        inputs, told = _inferred(model)
    elif isinstance(said, str) and said in (namespace or {}):
        inputs, told = _few(namespace[said], model), f"inputs from {said}"
    elif isinstance(said, str):
        inputs, told = _described(said, model), f"made-up inputs, {said}"
    else:
        inputs, told = _few(said, model), "the inputs that you gave"
    _try(model, inputs)
    return inputs, told


def _samples(model: Any) -> int:
    symbols = tf.nest.flatten(getattr(model, "inputs", None) or [])
    fixed = [symbol.shape[0] for symbol in symbols if len(symbol.shape) and symbol.shape[0]]
    numbers = sum(int(np.prod(weight.shape)) for weight in keras_compat.weights(model))
    numbers += sum(math.prod(length or 1 for length in symbol.shape[1:]) for symbol in symbols)
    return (
        fixed[0] if fixed else SAMPLES if numbers < LARGE and len(keras_compat.flat_layers(model)) < 40 else FEW_SAMPLES
    )


def _few(value: Any, model: Any) -> Any:
    """Take the first samples of arrays."""
    if isinstance(value, tf.data.Dataset):
        raise Refusal("A tf.data.Dataset is no batch: give one, such as x, y = next(iter(dataset)), and then x.")
    count = _samples(model)
    try:
        flat = tf.nest.flatten(value)
        if not flat or not all(np.ndim(each) or tf.is_tensor(each) for each in flat):
            raise TypeError
        return tf.nest.map_structure(lambda each: each[:count], value)
    except (TypeError, ValueError, IndexError, tf.errors.InvalidArgumentError):
        raise Refusal(
            f"An object of type {type(value).__name__} is no batch of inputs: give an array of shape (samples, ...) "
            "or a list or dict of such arrays."
        ) from None


_SPEC = re.compile(
    r"\(?\s*((?:\d+(?:\s*[,x]\s*|\s+))*(?:\d+)?)\s*\)?\s*(float|int|text|bool)?\w*\s*(?:(?:below|<)\s*(\d+))?"
)
_LONGEST = 200  # letters of a description


def _described(text: str, model: Any) -> Any:
    parts = []
    for part in text.split(";"):
        part = part.strip()
        found = _SPEC.fullmatch(part) if len(part) <= _LONGEST else None
        if not found or not (found[1].strip() or found[2]):
            raise Refusal(
                f"{keras_files.short_name(part)!r} is neither a variable of this notebook nor a description of inputs: "
                "write the shape of one input, such as 28, 28, 1 or 20 int below 1000 or text, with semicolons between "
                "several inputs."
            )
        shape = [int(number) for number in re.findall(r"\d+", found[1])]
        dtype = {"int": "int32", "text": "string", "bool": "bool", "float": "float32", None: "float32"}[found[2]]
        shape = shape or ([1] if dtype == "string" else [])
        below = int(found[3]) if found[3] else None
        if len(shape) > MOST_AXES or (below or 0) >= 2**31:
            raise Refusal(f"Inputs of {keras_files.short_name(part)!r} are too large to be made up: give smaller ones.")
        if below == 0:
            raise Refusal("There is no whole number below 0 to make up inputs of: give a larger limit.")
        parts.append(_made_up(model, (_samples(model), *shape), dtype, below))
    return parts[0] if len(parts) == 1 else parts


def _made_up(model: Any, shape: tuple[int, ...], dtype: Any, below: int | None = None) -> np.ndarray:
    if math.prod(shape) > MOST_NUMBERS:
        raise Refusal(f"Inputs of shape {shape} are too large to be made up: give a few of your own.")
    generator = np.random.default_rng(0)
    dtype = tf.as_dtype(dtype)
    layers = keras_compat.flat_layers(model)
    if dtype == tf.string:
        words = [word for layer in layers if hasattr(layer, "get_vocabulary") for word in _words(layer)]
        return tf.constant(generator.choice(words or ["one", "two", "three"], size=shape))
    sizes = [layer.input_dim for layer in layers if type(layer).__name__ == "Embedding"]
    if dtype.is_integer or (sizes and len(shape) == 2):
        return generator.integers(0, below or min(sizes, default=2), size=shape).astype(dtype.as_numpy_dtype)
    if dtype == tf.bool:
        return generator.integers(0, 2, size=shape).astype(bool)
    return generator.uniform(size=shape).astype(dtype.as_numpy_dtype)


def _words(layer: Any) -> list[str]:
    return [str(word) for word in layer.get_vocabulary() if isinstance(word, str) and word][:50]


def _inferred(model: Any) -> tuple[Any, str]:
    count = _samples(model)

    def sample(shape: Any, dtype: Any = "float32") -> Any:
        shape = tuple(shape)
        # A length that is open gets one that few layers are too big for.
        open_length = 32 if len(shape) > 3 else 8
        return _made_up(model, (shape[0] or count, *(length or open_length for length in shape[1:])), dtype)

    symbols = keras_compat.symbolic_inputs(model)
    if symbols is not None:
        inputs = tf.nest.map_structure(lambda symbol: sample(symbol.shape, symbol.dtype), symbols)
        return inputs, f"inputs made up from model.inputs, {_shapes(inputs)}"
    try:
        config = model.get_build_config() or {}
        shape = config["input_shape"] if "input_shape" in config else config["shapes_dict"]
        if isinstance(shape, dict) and len(shape) == 1:
            shape = next(iter(shape.values()))
        if not shape or not all(length is None or isinstance(length, int) for length in shape):
            raise TypeError
        inputs = sample((count, *shape[1:]))
        return inputs, f"inputs made up from the shape that the model was built for, {_shapes(inputs)}"
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError):
        first = "was never called" if not model.built else "does not tell its inputs"
        raise Refusal(
            f"The model {model.name!r} {first}, so say what one input looks like: a variable such as x_train, or a "
            "shape such as 28, 28, 1."
        ) from None


def _shapes(inputs: Any) -> str:
    shapes = [f"{tuple(each.shape)} {getattr(each.dtype, 'name', each.dtype)}" for each in tf.nest.flatten(inputs)]
    return "; ".join(shapes)


def _try(model: Any, inputs: Any) -> None:
    try:
        if model.built and keras_compat.weights(model):
            with snapshot.unchanged(model):
                model(inputs, training=False)
        else:
            model(inputs)
    except Exception as error:
        wants = _wants(model)
        raise Refusal(
            f"The model {model.name!r} does not take inputs of {_shapes(inputs)}{wants}: {short_message(error)}"
        ) from None


def _wants(model: Any) -> str:
    try:
        symbols = tf.nest.flatten(keras_compat.symbolic_inputs(model))
        shapes = [tuple(symbol.shape) for symbol in symbols] if symbols[0] is not None else []
        shapes = shapes or [tuple(model.get_build_config()["input_shape"])]
        return f", but of {'; '.join(map(str, shapes))}"
    except (AttributeError, IndexError, KeyError, TypeError, NotImplementedError):
        return ""


def make_targets(
    model: Any, inputs: Any, said: Any = None, namespace: Mapping[str, Any] | None = None
) -> tuple[Any, str]:
    """Take the reader's targets, or make some up that the model's loss takes.

    Returns:
        The targets or None, and in words where they come from.

    Raises:
        Refusal: the model cannot be trained on the targets that the reader gave.
    """
    said = said.strip() if isinstance(said, str) else said
    if isinstance(said, str) and said and said not in (namespace or {}):
        raise Refusal(f"There is no variable {said!r} in this notebook that could hold targets: run its cell first.")
    if said is not None and not (isinstance(said, str) and not said):
        value = namespace[said] if isinstance(said, str) else said
        targets = _few(value, model)
        count, wanted = (int(tf.nest.flatten(each)[0].shape[0]) for each in (targets, inputs))
        if count != wanted:
            raise Refusal(f"There are {wanted} inputs and {count} targets: give one target for each input.")
        error = _step_error(model, inputs, targets)
        if error is not None:
            raise Refusal(f"The model {model.name!r} cannot be trained on these targets: {short_message(error)}")
        return targets, "the targets that you gave"
    if not keras_compat.is_compiled(model):
        return None, "no targets, for the model is not compiled"
    for targets in _targets_to_try(model, inputs):
        if _step_error(model, inputs, targets) is None:
            return targets, "made-up targets" if targets is not None else "no targets, for its own step needs none"
    return None, "no targets: its loss is left out, and the mean square of its outputs is trained instead"


def _targets_to_try(model: Any, inputs: Any) -> Iterator[Any]:
    generator = np.random.default_rng(1)
    base = keras_compat.namespace(keras_compat.generation(model)).Model
    if getattr(model.train_step, "__func__", None) is not base.train_step:
        yield None
    with snapshot.unchanged(model):
        outputs = tf.nest.map_structure(
            lambda output: None if output is None else tf.convert_to_tensor(keras_compat.comparable_output(output)),
            model(inputs, training=False),
        )
    if any(output is None or not output.shape.rank for output in tf.nest.flatten(outputs)):
        return  # one number for the whole batch, or nothing, has no targets
    loss = getattr(model, "loss", None)
    sparse = "sparse" in str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss).lower()
    if sparse and all(output.shape.rank > 1 for output in tf.nest.flatten(outputs)):
        yield tf.nest.map_structure(lambda o: generator.integers(0, o.shape[-1], size=o.shape[:-1]), outputs)
    yield tf.nest.map_structure(lambda o: generator.uniform(size=o.shape).astype(o.dtype.as_numpy_dtype), outputs)
    yield inputs
    yield np.zeros(len(tf.nest.flatten(outputs)[0]), "int32")


def _step_error(model: Any, inputs: Any, targets: Any) -> Exception | None:
    if not model.built or not training.has_own_step(model):
        return None
    first = [tf.nest.map_structure(lambda e: tf.convert_to_tensor(e[:32]), each) for each in (inputs, targets)
             if each is not None]  # fmt: skip
    with snapshot.unchanged(model):
        try:
            training.make_step(model, tuple(first) if targets is not None else first[0], own=True)
        except Exception as error:
            return error.with_traceback(None)
    return None


# -- the run -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OwnModelSettings(LabSettings):
    """What the reader gives: names, paths or descriptions, or the objects themselves.

    Example:
        >>> OwnModelSettings("model", "28, 28, 1").inputs
        '28, 28, 1'
    """

    model: Any = text("Model", "a variable of this notebook, or the path of a .keras file")
    inputs: Any = text("Its inputs", "inferred; or a variable, or 28, 28, 1 or 20 int below 1000")
    targets: Any = text("Its targets", "made up; or a variable")
    use_own_classes: bool = flag(False, "A file may use my own classes")


# Public Keras first, and the workbook's own clone where nothing else is true.
_BEST = ("keras_file", "deepcopy", "weights_file", "clone")


class OwnModelRun(Run):
    """A reader's model, every method tried on it, and the code of the one to use.

    Args:
        settings: What the reader gives.
        namespace: The variables of the notebook.
        methods: Names of the methods to try; all, if none are given.

    Attributes:
        model: The model, once it is found.
        refusal: Why it is not taken, in one sentence; empty if it is.
        table: The outcomes, method by method.

    Example:
        >>> run = OwnModelRun(OwnModelSettings(model, x, y))   # doctest: +SKIP
        >>> for stage in run.stages():                # doctest: +SKIP
        ...     pass
        >>> print(run.source)                         # doctest: +SKIP
    """

    def __init__(
        self, settings: OwnModelSettings, namespace: Mapping[str, Any] | None = None, methods: Sequence[str] = ()
    ) -> None:
        super().__init__(settings)
        self._methods = methods
        self.namespace = namespace or {}
        self.model: Any = None
        self.refusal = ""
        self.told = ""
        self.table: MethodTableRun | None = None

    @property
    def best(self) -> str:
        """Name of the method to use: the simplest that makes a true clone; empty if there is none."""
        if self.table is not None and self.table.unanswered:
            return ""  # another might have been better
        true = {outcome.method for outcome in self.outcomes if outcome.true}
        return next((name for name in _BEST if name in true), "")

    @property
    def outcomes(self) -> list[Any]:
        """What came of the methods so far."""
        return self.table.of(self.table.rows[0]) if self.table else []

    @property
    def verdict(self) -> str:
        """What to use, or why there is nothing to use, in one or two sentences."""
        if self.refusal:
            return self.refusal
        if not self.finished:
            return "The methods are being tried."
        if self.table.unanswered:
            return self.table.verdict
        title = keras_compat.title(self.model)
        if self.best:
            others = [METHODS[each.method].label for each in self.outcomes if each.true and each.method != self.best]
            also = f" So do: {', '.join(others)}." if others else " Nothing else does."
            return f"Use {METHODS[self.best].label}: it makes a true clone of {title}.{also}"
        said = self._said_by_clone
        reason = f" helpers.clone says: {said[0].rstrip('.:')}." if said else ""
        nearest = self.nearest
        close = (
            f" Nearest is {METHODS[nearest.method].label}, which loses {', '.join(nearest.lost)}." if nearest else ""
        )
        return f"No method makes a true clone of {title}.{close}{reason}"

    @property
    def _said_by_clone(self) -> list[str]:
        """The lines in which the workbook's clone says why it refuses; those with code in them come last."""
        problems = [each.problem for each in self.outcomes if each.method == "clone" and each.problem]
        return problems[0].message.splitlines() if problems else []

    @property
    def nearest(self) -> Any:
        """The outcome that loses least without being an alias, or None."""
        apart = [each for each in self.outcomes if each.report is not None and each.survives["independence"]]
        return min(apart, key=lambda each: len(each.lost), default=None)

    @property
    def source(self) -> str:
        """The code of the method to use."""
        if not self.finished or self.refusal or self.model is None or self.table.unanswered:
            return ""
        name = self.best or (self.nearest.method if self.nearest else "")
        if not name:
            advice = textwrap.dedent("\n".join(line for line in self._said_by_clone[1:] if line.startswith(" ")))
            return "\n".join(["# No method makes a clone of this model as it is.", *advice.splitlines()])
        warning = "" if self.best else f"# Not a true clone: it loses {', '.join(self.nearest.lost)}.\n"
        said = self.settings.model
        path = said.name if isinstance(said, Upload) else str(said) if isinstance(said, (str, Path)) else ""
        variable = path if path in self.namespace and _is_name(path) else "model"
        file = path if path not in self.namespace else ""
        return warning + code(name, self.model, variable, file, self._batch(variable))

    def _batch(self, variable: str) -> str:
        """Return the expression by which the notebook has the inputs, for the code to run as it stands."""
        said = self.settings.inputs
        if said is not None and not isinstance(said, str):
            return "inputs"  # an object whose name is not known
        said = (said or "").strip()
        if said in self.namespace and _is_name(said):
            return said
        return f"make_inputs({variable}{', ' + json.dumps(said) if said else ''})[0]"

    def stages(self) -> Iterator[Stage]:
        """Find the model, find inputs and targets, and try every method."""
        yield Stage("looking at the model")
        try:
            self.model = find_model(self.settings.model, self.namespace, use_own_classes=self.settings.use_own_classes)
            yield Stage("finding inputs")
            inputs, told = make_inputs(self.model, self.settings.inputs, self.namespace)
            if not keras_compat.weights(self.model):
                raise Refusal(f"The model {self.model.name!r} has no weights, so any copy of it will do.")
            targets, told_targets = make_targets(self.model, inputs, self.settings.targets, self.namespace)
            self.told = f"{told[0].upper()}{told[1:]}; {told_targets}."
        except Refusal as refusal:
            self.refusal = str(refusal)
            self.finished = True
            yield Stage("drawing", pictured=True)
            return
        subject = Subject("your model", lambda: (self.model, inputs, targets))
        self.table = MethodTableRun(subjects=[subject], methods=self._methods)
        for stage in self.table.stages():
            self.finished = self.table.finished
            yield Stage(stage.text.replace("your model, ", ""), stage.pictured)


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text) and not hasattr(builtins, text)


def code(method: str, model: Any, variable: str = "model", file: str = "", inputs: str = "inputs") -> str:
    """Write the code that clones a model by a method, ready to be run where the model and its inputs are.

    Args:
        method: A key of `METHODS`.
        model: The model, which decides on the package and on the classes that have to be named.
        variable: Name of the variable that holds it.
        file: The file that it comes from, or an empty text.
        inputs: An expression for a batch of its inputs: a variable, or a call of `make_inputs`.

    Returns:
        The code; it puts the clone into the variable `clone`.
    """
    package = keras_compat.generation(model)
    names = sorted(classes_and_functions(model))
    objects = ", ".join(f'"{name}": {name}' for name in names)
    given = f", custom_objects={{{objects}}}" if names else ""
    own = f", {{{objects}}}" if names else ""
    head = [f"{variable} = load_file({json.dumps(file)}{own})"] if file else []
    if method == "keras_file":
        imports = ["import tempfile", "from pathlib import Path", "", f"import {package}", ""]
        body = [
            "with tempfile.TemporaryDirectory() as folder:",
            '    path = Path(folder) / "model.keras"',
            f"    {variable}.save(path)",
            f"    clone = {package}.models.load_model(path{given})",
        ]
    elif method == "clone":
        imports = ["import helpers", ""]
        body = [f"clone = helpers.clone({variable}, inputs)"]
    else:
        imports = ["import copy", ""] if method == "deepcopy" else []
        imports += [f"import {package}", ""] if "keras." in METHODS[method].code else []
        body = METHODS[method].code.replace("keras.models", f"{package}.models").splitlines()
        body = [re.sub(r"\bmodel\b(?!\.keras|\.weights\.h5|s\b)", variable, line) for line in body]
    own_imports = []
    if any("inputs" in line for line in body) and inputs != "inputs":
        body = [re.sub(r"\binputs\b", lambda found: inputs, line) for line in body]
        own_imports = ["from workbook.labs.own_model.run import make_inputs"] if "make_inputs" in inputs else []
    if file:
        own_imports.append("from helpers.keras_files import load_file")
    if own_imports:
        imports = [*(imports[:-1] or []), *own_imports, ""]
    return "\n".join([*imports, *head, *body])
