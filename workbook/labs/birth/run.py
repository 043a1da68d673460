"""Birth of weights: a model class written as the reader wants it, run step by step on both Keras versions.

The class and the calls that use it are one program, which is run in parts. After each part the run lists the variables
that exist, their owners, and whether the model lists them. The source that the lab shows is exactly the program that
was run, up to the step that the reader has chosen.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbook.labs.framework import program
from workbook.labs.framework.run import Run, Stage
from workbook.labs.framework.settings import LabSettings, choice, flag, integer
from workbook.text import KERAS_VERSIONS

WHERE = {
    "init": "__init__",
    "build": "build",
    "call": "call, the first time",
    "class": "the body of the class",
    "module": "a line above the class",
}
HELD = {
    "attribute": "an attribute",
    "list": "a list",
    "dict": "a dict",
    "tuple": "a tuple",
    "set": "a set",
    "object": "a plain object",
    "function": "a function",
}
HIDDEN_LAYERS = {
    "dense": "Dense",
    "no_bias": "Dense without bias",
    "sequential": "Sequential of two Dense",
}
TRAIN = {"both": "both, in turn", "first": "the first only", "second": "the second only"}
STEPS = ("the class", "made", "build", "first call", "second call", "training")
"""The last action of the program at step 0, 1, ... 5."""

_DOING = ("the class", "making the model", "build", "the first call", "the second call", "training")

MADE, BUILD, FIRST_CALL, SECOND_CALL, TRAINING = range(1, 6)
TRAINING_STEPS = 20
FEATURES = 64
_SLICE = 4  # training steps between two pictures


@dataclass(frozen=True)
class BirthSettings(LabSettings):
    """The options of the model class, and the last step of the program to run.

    Example:
        >>> BirthSettings(where="call").replace(held="list").held
        'list'
    """

    where: str = choice("init", WHERE, "Layer is made in")
    held: str = choice("attribute", HELD, "and held in")
    kind: str = choice("dense", HIDDEN_LAYERS, "Kind of layer")
    units: int = integer(16, "Units", 1, 64)
    step: int = integer(TRAINING, "Step", 0, len(STEPS) - 1)
    build: bool = flag(False, "Call build by hand (step 2)")
    head: bool = flag(False, "Add a head, made in __init__")
    train: str = choice("first", TRAIN, "Train (step 5)")


# -- the program -------------------------------------------------------------------------------------------------------

_HOLD = {
    "attribute": "self.hidden = {layer}",
    "list": "self.held = [{layer}]",
    "dict": 'self.held = {{"hidden": {layer}}}',
    "tuple": "self.held = ({layer},)",
    "set": "self.held = {{{layer}}}",
    "object": "self.held = SimpleNamespace(hidden={layer})",
    "function": "layer = {layer}\nself.held = lambda inputs: layer(inputs)",
}
# How to get the layer from its container: the expression in `call`, and the same for this module.
_USE = {
    "attribute": "self.hidden",
    "list": "self.held[0]",
    "dict": 'self.held["hidden"]',
    "tuple": "self.held[0]",
    "set": "next(iter(self.held))",
    "object": "self.held.hidden",
    "function": "self.held",
}


def _layer(settings: BirthSettings) -> str:
    units = settings.units
    if settings.kind == "no_bias":
        return f'keras.layers.Dense({units}, activation="tanh", use_bias=False)'
    dense = f'keras.layers.Dense({units}, activation="tanh")'
    return dense if settings.kind == "dense" else f"keras.Sequential([{dense}, keras.layers.Dense({units})])"


def _indented(text: str, spaces: int) -> str:
    return "".join(f"{' ' * spaces}{line}\n" for line in text.splitlines())


def _class(settings: BirthSettings) -> str:
    where, held = settings.where, settings.held
    layer = "shared" if where == "module" else _layer(settings)
    hold = _HOLD[held].format(layer=layer)
    name = "hidden" if held == "attribute" else "held"
    rows = [f"shared = {_layer(settings)}\n\n\n"] if where == "module" else []
    rows.append("class Reader(keras.Model):\n")
    if where == "class":
        if held == "function":
            rows.append(f"    def held(self, inputs, layer={layer}):\n        return layer(inputs)\n\n")
        else:
            rows.append(_indented(hold.replace("self.", ""), 4) + "\n")
    rows.append("    def __init__(self):\n        super().__init__()\n")
    if where in ("init", "module"):
        rows.append(_indented(hold, 8))
    if where == "call":
        rows.append(f"        self.{name} = None\n")
    if settings.head:
        rows.append("        self.head = keras.layers.Dense(10)\n")
    if where == "build":
        rows.append(f"\n    def build(self, input_shape):\n{_indented(hold, 8)}        super().build(input_shape)\n")
    rows.append("\n    def call(self, inputs):\n")
    if where == "call":
        rows.append(f"        if self.{name} is None:\n{_indented(hold, 12)}")
    answer = f"{_USE[held]}(inputs)"
    rows.append(f"        return {f'self.head({answer})' if settings.head else answer}\n")
    return "".join(rows)


_TRAIN = """\


def train(model):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(inputs) - 1.0) ** 2)
    weights = model.trainable_weights
    for weight, gradient in zip(weights, tape.gradient(loss, weights)):
        weight.assign_sub(0.1 * gradient)


"""


def parts(settings: BirthSettings, generation: str = "keras") -> list[str]:
    """Write the program in parts, one for each step that the reader has reached.

    Args:
        settings: The settings of the lab.
        generation: The Keras package that the program imports: "keras" or "tf_keras".

    Returns:
        The text of each step up to the chosen one. The last possible part is one training step.

    Example:
        >>> parts(BirthSettings(step=1))[1].strip()
        'first, second = Reader(), Reader()'
    """
    lines = {
        "keras": "import keras\nimport numpy as np{tensorflow}",
        "tf_keras": "import numpy as np{tensorflow}\nimport tf_keras as keras",
    }
    head = lines[generation].format(tensorflow="\nimport tensorflow as tf" if settings.step >= TRAINING else "")
    if settings.held == "object":
        head = f"from types import SimpleNamespace\n\n{head}"
    begin = (
        f"{head}\n\nkeras.utils.set_random_seed(0)\n"
        f'inputs = np.random.normal(size=(32, {FEATURES})).astype("float32")\n'
    )
    begin += ("" if settings.where == "module" else "\n\n") + _class(settings) + "\n\n"
    by_hand = f"first.build((None, {FEATURES}))\nsecond.build((None, {FEATURES}))\n"
    chosen = {"both": "train(first)\ntrain(second)\n", "first": "train(first)\n", "second": "train(second)\n"}
    written = [
        begin,
        "first, second = Reader(), Reader()\n",
        by_hand if settings.build else "",
        "first(inputs)\nsecond(inputs)\n",
        "first(inputs)\nsecond(inputs)\n",
        chosen[settings.train],
    ]
    return written[: settings.step + 1]


def source(settings: BirthSettings) -> str:
    """Write the whole program for Keras 3. On Keras 2 only the import of `keras` differs.

    Args:
        settings: The settings of the lab.

    Returns:
        A complete program.

    Example:
        >>> print(source(BirthSettings()).splitlines()[0])
        import keras  # and once more with: import tf_keras as keras
    """
    written = parts(settings)
    text = "".join(written[:TRAINING]).rstrip("\n") + "\n"
    if settings.step >= TRAINING:
        text += f"{_TRAIN}for step in range({TRAINING_STEPS}):\n{_indented(written[TRAINING], 4)}"
    return text.replace("import keras\n", "import keras  # and once more with: import tf_keras as keras\n", 1)


# -- results after each step -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variable:
    """A variable in a layer of the first instance.

    Args:
        owner: "hidden" or "head".
        name: Its name in the layer.
        shape: Its shape.
        listed: Whether the model lists it among its weights.
        shared: Whether the second instance has the same variable object.

    Example:
        >>> Variable("hidden", "kernel", (64, 16), True, False).label
        'hidden/kernel 64 x 16'
    """

    owner: str
    name: str
    shape: tuple[int, ...]
    listed: bool
    shared: bool

    @property
    def label(self) -> str:
        """The owner, the name and the shape."""
        return f"{self.owner}/{self.name} {' x '.join(map(str, self.shape))}"


@dataclass
class Life:
    """The results on one Keras version.

    Attributes:
        births: The variables after each step, by the step's index. A step that raised has no entry.
        failed: The step that raised, or None.
        error: The name of the exception.
        apart: Distance between the hidden layers of the two instances at each training step, from step 0 on.
        moved: Distance that the hidden layer of each instance has moved since the second call, at the same steps.
    """

    births: dict[int, list[Variable]] = dataclasses.field(default_factory=dict)
    failed: int | None = None
    error: str = ""
    apart: list[float] = dataclasses.field(default_factory=list)
    moved: dict[str, list[float]] = dataclasses.field(default_factory=lambda: {"first": [], "second": []})

    @property
    def last(self) -> list[Variable]:
        """The variables after the last step that succeeded."""
        return self.births[max(self.births)] if self.births else []

    @property
    def hidden(self) -> list[Variable]:
        """The variables of the hidden layer after the last step that succeeded."""
        return [each for each in self.last if each.owner == "hidden"]

    @property
    def born(self) -> int | None:
        """The first step after which the hidden layer had variables."""
        steps = [step for step, found in self.births.items() if any(each.owner == "hidden" for each in found)]
        return min(steps, default=None)


def hidden_layer(model: Any, settings: BirthSettings) -> Any:
    """Find the hidden layer of an instance, whatever its container is.

    Args:
        model: An instance of the program's class.
        settings: The settings from which the program was written.

    Returns:
        The layer, or None if it has not been made yet.

    Example:
        >>> hidden_layer(first, BirthSettings())  # doctest: +SKIP
        <Dense name=dense, built=True>
    """
    held = getattr(model, "hidden" if settings.held == "attribute" else "held", None)
    if held is None or settings.held == "attribute":
        return held
    if settings.held == "function":
        return held.__func__.__defaults__[0] if settings.where == "class" else held.__closure__[0].cell_contents
    if settings.held == "object":
        return held.hidden
    if settings.held == "dict":
        return held["hidden"]
    return next(iter(held))


def _variables(layer: Any) -> list[Any]:
    """Return the variables of a layer, or an empty list if Keras raises because it has none yet."""
    try:
        return list(layer.variables) if layer is not None else []
    except ValueError:  # from Keras 2, before the layer is built
        return []


def _listed(model: Any) -> list[Any]:
    try:
        return list(model.weights)
    except ValueError:
        return []


def _short(variable: Any) -> str:
    return variable.name.split("/")[-1].split(":")[0]


def _largest(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    return max((float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True)), default=0.0)


class BirthRun(Run):
    """The program of one setting, run step by step on both Keras versions.

    Args:
        settings: The settings of the lab.

    Attributes:
        lives: The results, by the name of the Keras package.

    Example:
        >>> run = BirthRun(BirthSettings())
        >>> for stage in run.stages():
        ...     pass
        >>> run.lives["keras"].born == FIRST_CALL
        True
    """

    def __init__(self, settings: BirthSettings) -> None:
        super().__init__(settings)
        self.lives = {name: Life() for name in KERAS_VERSIONS}
        self._scope: dict[str, dict[str, Any]] = {}
        self._begin: dict[str, dict[str, list[np.ndarray]]] = {}

    @property
    def source(self) -> str:
        """The program, up to the reader's step."""
        return source(self.settings)

    def stages(self) -> Iterator[Stage]:
        """Run to the end, slice by slice.

        Yields:
            The next stage. Its slice runs when the iterator is advanced.
        """
        for name, label in KERAS_VERSIONS.items():
            life = self.lives[name]
            for step, text in enumerate(parts(self.settings, name)[:TRAINING]):
                yield Stage(f"{label}: {STEPS[step]}")
                where = f"{label}, {STEPS[step]}," if step else f"{label}, writing the class,"
                if not self.attempt(where, lambda name=name, step=step, text=text: self._do(name, step, text)):
                    life.failed, life.error = step, self.problems[-1].name
                    break
        living = [name for name, life in self.lives.items() if life.failed is None]
        for name in living:
            self._measure(name)
        yield Stage("training", pictured=True)
        if self.settings.step >= TRAINING:
            for name in living:
                self._run(name, _TRAIN)
            for step in range(TRAINING_STEPS):
                for name in list(living):
                    where = f"{KERAS_VERSIONS[name]}, training,"
                    if not self.attempt(where, lambda name=name: self._train(name)):
                        living.remove(name)
                        self.lives[name].failed, self.lives[name].error = TRAINING, self.problems[-1].name
                if step % _SLICE == _SLICE - 1:
                    yield Stage("training", pictured=True)
                else:
                    yield Stage("training")
        self.finished = True

    # --- running the program -------------------------------------------------------------------------------------

    def _do(self, name: str, step: int, text: str) -> None:
        if step == 0:
            whole = "".join(parts(self.settings, name)[:TRAINING])
            self._scope[name] = program.empty_module(whole).__dict__
        self._run(name, text)
        if step:
            self._count(name, step)

    def _run(self, name: str, text: str) -> None:
        scope = self._scope[name]
        # The warnings of Keras would stay in the output of the cell, and the picture shows what they warn about.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(text, scope["__file__"], "exec"), scope)

    def _train(self, name: str) -> None:
        self._run(name, parts(self.settings, name)[TRAINING])
        self._measure(name)

    # --- results ----------------------------------------------------------------------------------------

    def _layers(self, name: str, instance: str) -> dict[str, Any]:
        model = self._scope[name][instance]
        layers = {"hidden": hidden_layer(model, self.settings)}
        return {**layers, "head": model.head} if self.settings.head else layers

    def _count(self, name: str, step: int) -> None:
        life = self.lives[name]
        listed = {id(each) for each in _listed(self._scope[name]["first"])}
        others = {id(each) for layer in self._layers(name, "second").values() for each in _variables(layer)}
        life.births[step] = [
            Variable(owner, _short(each), tuple(each.shape), id(each) in listed, id(each) in others)
            for owner, layer in self._layers(name, "first").items()
            for each in _variables(layer)
        ]

    def _measure(self, name: str) -> None:
        life = self.lives[name]
        if not life.hidden:
            return
        now = {
            instance: [np.array(each.numpy()) for each in _variables(self._layers(name, instance)["hidden"])]
            for instance in ("first", "second")
        }
        begin = self._begin.setdefault(name, now)
        life.apart.append(_largest(now["first"], now["second"]))
        for instance in now:
            life.moved[instance].append(_largest(now[instance], begin[instance]))

    # --- in words ---------------------------------------------------------------------------------------------

    @property
    def verdict(self) -> str:
        """One sentence on the results: one statement if both Keras versions agree, otherwise a clause for each."""
        clauses_by_label = {label: self._clauses(self.lives[name]) for name, label in KERAS_VERSIONS.items()}
        one, other = clauses_by_label.values()
        if len(one) == len(other):
            clauses = [
                f"{subject} {keras_3}"
                if keras_3 == keras_2
                else f"{subject} {keras_3} on Keras 3 and {keras_2} on Keras 2"
                for (subject, keras_3), (_, keras_2) in zip(one, other, strict=True)
            ]
            text = _listed_up(clauses)
        else:
            text = "; ".join(
                f"on {label} {_listed_up([' '.join(clause) for clause in clauses])}"
                for label, clauses in clauses_by_label.items()
            )
        return f"{text[0].upper()}{text[1:]}."

    def _clauses(self, life: Life) -> list[tuple[str, str]]:
        """Describe the results on one Keras version as clauses, each a pair of subject and predicate."""
        settings = self.settings
        if life.failed is not None:
            return [(_DOING[life.failed], f"raises {'an' if life.error[0] in 'AEIOU' else 'a'} {life.error}")]
        if settings.step == 0:
            return [("there", "is a class and no model yet, so there are no weights")]
        count = len(life.hidden)
        if not count:
            return [("the hidden layer", "has no weights yet")]
        noun, comes, them = ("weight", "comes", "it") if count == 1 else (f"{count} weights", "come", "them")
        listed = sum(each.listed for each in life.hidden)
        lists = "lists" if listed == count else "does not list" if not listed else f"lists {listed} of"
        drawn = f"have drawn {'a different one' if count == 1 else 'different ones'}"
        shared = all(each.shared for each in life.hidden)
        instances = f"share {them}" if shared else drawn if life.apart and life.apart[0] else "are equal"
        said = [
            (f"the hidden layer's {noun}", f"{comes} with {_DOING[life.born]}"),
            ("the model", f"{lists} {them}"),
            ("the two instances", instances),
        ]
        if settings.step >= TRAINING and life.apart:
            moved = [instance for instance, trace in life.moved.items() if trace[-1] > 0]
            result = {0: "moves neither", 2: "moves both"}.get(len(moved))
            if result is None:
                kept = "second" if moved == ["first"] else "first"
                result = f"moves the {moved[0]} and leaves the {kept}"
            said.append((f"training {'both' if settings.train == 'both' else f'the {settings.train}'}", result))
        return said


def _listed_up(clauses: list[str]) -> str:
    """Join clauses into a sentence, without the full stop."""
    return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])}, and {clauses[-1]}"
