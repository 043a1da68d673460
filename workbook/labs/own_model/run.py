"""A run of the lab "Your own model": a reader's model, every method tried on it, and the code of the one to use.

What a reader gets wrong is answered in one sentence, a `Refusal`.
"""

from __future__ import annotations

import builtins
import json
import keyword
import os
import re
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf

from helpers import keras_compat, keras_files
from helpers.keras_files import Refusal, hdf5
from helpers.made_up import make_inputs, make_targets
from helpers.report import OWN_LIFE, SAME_FUTURE
from helpers.text import listed
from workbook.labs.framework.run import Run, Stage
from workbook.labs.framework.settings import LabSettings, choice, flag, text
from workbook.labs.method_table.run import MethodTableRun, Outcome, Subject
from workbook.labs.own_model.code import code
from workbook.labs.own_model.purposes import ANY, LABELS, PURPOSES
from workbook.methods import ALL_METHODS

__all__ = ["OwnModelRun", "OwnModelSettings", "Refusal", "Upload", "code", "find_model", "load", "make_inputs"]


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
        raise Refusal("Name a variable of this notebook that holds a model, or a file.")
    known = isinstance(said, str) and _is_known(said, namespace)
    if isinstance(said, Path) or (isinstance(said, str) and not known and _is_path(said)):
        return load(said, namespace, use_own_classes=use_own_classes)
    if isinstance(said, str) and not known:
        raise Refusal(
            f"There is no variable {said!r} in this notebook, and no file of that name: run the cell that makes "
            "the model first, or give the path of a .keras file."
        )
    return _checked(_value(said, namespace), said) if known else _checked(said, "")


def _is_known(said: str, namespace: Mapping[str, Any]) -> bool:
    """Return whether a text is a variable of the notebook, or a part of one, such as `gan.generator`."""
    try:
        _value(said, namespace)
    except (AttributeError, KeyError):
        return False
    return True


def _value(said: str, namespace: Mapping[str, Any]) -> Any:
    variable, *parts = said.split(".")
    value = namespace[variable]
    for part in parts:
        value = getattr(value, part)
    return value


def _is_path(text: str) -> bool:
    return "/" in text or "\\" in text or bool(Path(text).suffix) or os.path.lexists(text)


def _checked(value: Any, variable: str) -> Any:
    kind = type(value).__name__
    if isinstance(value, type):
        name = variable or value.__name__
        raise Refusal(f"{name} is a class, not a model: make an instance of it, model = {name}().")
    for name in keras_compat.loaded():
        package = keras_compat.namespace(name)
        if isinstance(value, package.Model):
            _refuse_without_call(value, package, variable or "model")
            return value
        if isinstance(value, package.layers.Layer):
            raise Refusal(
                f"{variable or repr(value.name)} is a single {kind} layer: put it into a model, "
                f"{name}.Sequential([{variable or 'layer'}])."
            )
    if isinstance(value, tf.Module):
        raise Refusal(
            f"{f'{variable} is a {kind} and' if variable else f'A {kind} is'} not a Keras model, so there is nothing "
            f"here to train and compare: clone it with helpers.clone({variable or 'it'}), which copies every variable "
            "and checks the copy."
        )
    if callable(value) and hasattr(value, "__name__"):
        raise Refusal(f"{variable or value.__name__} is a function, not a model: call it, and give what it returns.")
    what = f"{variable} is of type {kind}, which" if variable else f"An object of type {kind}"
    raise Refusal(f"{what} is not a model: give a model of keras or of tf_keras.")


def _refuse_without_call(model: Any, package: Any, variable: str) -> None:
    """Refuse a model that is only trained and never called, such as many a GAN: it has no outputs to compare."""
    if type(model).call is not package.Model.call or getattr(model, "inputs", None):
        return
    if isinstance(model, package.Sequential):
        return
    parts = [
        f"{variable}.{name}"
        for name, value in vars(model).items()
        if isinstance(value, package.Model) and name[0] != "_"
    ]
    advice = f"give its parts one by one, {listed(parts)}" if parts else "write a call method"
    raise Refusal(
        f"The class {type(model).__name__} has no call method, so there are no outputs to compare: {advice}, and clone "
        f"the whole with helpers.clone({variable}), which checks structure and variables."
    )


def load(file: str | Path | Upload, known: Mapping[str, Any] | None = None, *, use_own_classes: bool = False) -> Any:
    """Load a `.keras` or `.h5` file, after it was looked through and tried in a process of its own.

    Args:
        file: A path, or an upload.
        known: Variables among which your own classes may be found, by name.
        use_own_classes: Whether the file may make objects of your own classes, with the arguments that it holds.

    Returns:
        The model.

    Raises:
        Refusal: there is no such file, it is of another kind, damaged or too large, or it names what it may not.
    """
    name, content = _bytes_of(file)
    own_classes, withheld = (known, None) if use_own_classes else (None, known)
    return keras_files.load(name, content, own_classes, withheld)


def _bytes_of(file: str | Path | Upload) -> tuple[str, bytes]:
    return (file.name, file.content) if isinstance(file, Upload) else keras_files.read_file(Path(file))


def _what_it_holds(file: str | Path | Upload, model: Any) -> str:
    """Return in sentences who wrote an `.h5` file and what it lacks; a `.keras` file needs no such words."""
    name, content = _bytes_of(file)
    if not hdf5.is_hdf5(name):
        return ""
    told = hdf5.holds(name, content)
    if hdf5.COMPILE_SETTINGS in told.split(" lacks ")[0] and not keras_compat.is_compiled(model):
        told = (
            f"{told.split(' Compile the model')[0]} Keras does not read its compile settings: compile the model again."
        )
    return f" {told}"


# -- inputs and targets ------------------------------------------------------------------------------------------------


def several(said: Any, namespace: Mapping[str, Any]) -> list[str]:
    """Return the variables that a text names: two or more as `a, b`, `[a, b]`, `(a, b)` or `a; b`.

    Raises:
        Refusal: one of them does not exist, or they are of different lengths.

    Example:
        >>> several("[left, right]", {"left": [1], "right": [2]})
        ['left', 'right']
        >>> several("28, 28, 1", {})
        []
    """
    if not isinstance(said, str) or said.strip() in namespace:
        return []
    inside = re.fullmatch(r"\[(.*)\]|\((.*)\)|(.*)", said.strip())
    parts = [part.strip() for part in re.split("[,;]", next(filter(None, inside.groups()), ""))] if inside else []
    names = [part for part in parts if part]
    if not all(map(_is_name, names)) or not any(name in namespace for name in names):
        return []
    for name in names:
        if name not in namespace:
            raise Refusal(f"There is no variable {name!r} in this notebook: run the cell that makes it first.")
    lengths = {name: len(namespace[name]) for name in names if getattr(namespace[name], "shape", None)}
    if len(set(lengths.values())) > 1:
        found = listed([f"{name} has {length}" for name, length in lengths.items()])
        raise Refusal(f"There are not as many samples of each: {found}. Give as many of one as of the other.")
    return names


def _given(make: Callable[..., Any], model: Any, said: Any, namespace: Mapping[str, Any], *inputs: Any) -> Any:
    """Call `make_inputs` or `make_targets` on what the reader said, which may name several variables."""
    names = several(said, namespace)
    if not names:
        return make(model, *inputs, said, namespace)
    values = [namespace[name] for name in names]
    made, _ = make(model, *inputs, values if len(values) > 1 else values[0], namespace)
    return made, f"{'targets' if inputs else 'inputs'} from {listed(names)}"


# -- the run -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OwnModelSettings(LabSettings):
    """What the reader gives: names, paths or descriptions, or the objects themselves.

    Example:
        >>> OwnModelSettings("model", "28, 28, 1").inputs
        '28, 28, 1'
    """

    model: Any = text("Model", "a variable of this notebook, or a file")
    inputs: Any = text("Its inputs", "inferred; or x; or a, b; or 28, 28, 1")
    targets: Any = text("Its targets", "made up; or a variable")
    use_own_classes: bool = flag(False, "A file may use my own classes")
    purpose: str = choice("", LABELS, "What is it for")


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
        now: What is being done.

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
        self.note = ""
        self.table: MethodTableRun | None = None

    @property
    def called(self) -> str:
        """What the reader calls the model: its variable, or its file."""
        said = self.settings.model
        if self.is_from_file:
            return said.name if isinstance(said, Upload) else keras_files.short_name(str(said).strip())
        return said.strip() if isinstance(said, str) else "your model"

    @property
    def best(self) -> str:
        """Name of the method to use: the simplest that is enough for the purpose; empty if there is none."""
        if self.table is not None and self.table.unanswered:
            return ""  # another might have been better
        enough = {outcome.method for outcome in self.outcomes if self.purpose.is_met_by(outcome)}
        return next((name for name in self.purpose.methods if name in enough), "")

    @property
    def purpose(self) -> Any:
        """What the clone is for."""
        return PURPOSES[self.settings.purpose]

    @property
    def outcomes(self) -> list[Outcome]:
        """What came of the methods so far."""
        return self.table.of(self.table.rows[0]) if self.table else []

    @property
    def verdict(self) -> str:
        """What to use, or why there is nothing to use, in a few sentences."""
        if self.refusal:
            return self.refusal
        if not self.finished:
            return "The methods are being tried."
        if self.table.unanswered:
            return self.table.verdict
        if self.best:
            return self._advice + self._lost_later
        said = self._said_by_clone
        reason = f" helpers.clone says: {self._with_variable(said[0]).rstrip('.:')}." if said else ""
        if self.purpose is not ANY:
            return f"No method is enough for {self.purpose.label}.{reason}"
        nearest = self.nearest
        close = f" Nearest is {_label(nearest.method)}, which loses {_lost(nearest)}." if nearest else ""
        return f"No method makes a true clone of {self.called}.{close}{reason}"

    @property
    def _advice(self) -> str:
        if self.purpose is not ANY:
            return f"For {self.purpose.label}, {_label(self.best)} is enough: {self.purpose.why}."
        others = [each for each in self.outcomes if each.true and each.method != self.best]
        also = [_label(each.method) for each in others if not each.lost_later]
        also = f" So do: {', '.join(also)}." if also else "" if others else " Nothing else does."
        return f"Use {_label(self.best)}: it makes a true clone of {self.called}.{also}"

    @property
    def _lost_later(self) -> str:
        names = [_label(each.method) for each in self.outcomes if each.true and each.lost_later]
        if not names or SAME_FUTURE not in self.purpose.tests:
            return ""
        called = "Your model" if self.called == "your model" else self.called
        return (
            f" {called} has made no training step yet; once there is one, the optimizer state is lost by "
            f"{listed(names)}."
        )

    def _with_variable(self, sentence: str) -> str:
        """Call the model by its variable, where a sentence calls it by the name that Keras gave it."""
        if self.model is None or not isinstance(self.settings.model, (str, Path, Upload)):
            return sentence
        for said in (f"The model {self.model.name!r}", keras_compat.title(self.model)):
            sentence = sentence.replace(said, self.called)
        return sentence

    @property
    def _said_by_clone(self) -> list[str]:
        """The lines in which the workbook's clone says why it refuses; those with code in them come last."""
        problems = [each.problem for each in self.outcomes if each.method == "clone" and each.problem]
        return problems[0].message.splitlines() if problems else []

    @property
    def nearest(self) -> Any:
        """The outcome that loses least without being an alias, or None."""
        apart = [each for each in self.outcomes if each.report is not None and each.passed[OWN_LIFE] is not False]
        return min(apart, key=lambda each: len(each.lost), default=None)

    @property
    def source(self) -> str:
        """The code of the method to use."""
        if not self.finished or self.refusal or self.model is None or self.table.unanswered:
            return ""
        nearest = self.nearest if self.purpose is ANY else None
        name = self.best or (nearest.method if nearest else "")
        if not name:
            advice = textwrap.dedent("\n".join(line for line in self._said_by_clone[1:] if line.startswith(" ")))
            what = (
                "makes a clone of this model as it is" if self.purpose is ANY else f"is enough for {self.purpose.label}"
            )
            return "\n".join([f"# No method {what}.", *advice.splitlines()])
        lost = _lost(next(each for each in self.outcomes if each.method == name))
        enough = f"Enough for {self.purpose.label}, but not" if self.best else "Not"
        words = textwrap.fill(f"{enough} a true clone: it loses {lost}.", 86)
        warning = textwrap.indent(f"{words}\n", "# ") if lost else ""
        variable = self.called if _is_name(self.called) and _is_known(self.called, self.namespace) else "model"
        file = str(self.settings.model) if isinstance(self.settings.model, (str, Path)) else self.called
        file = file.strip() if self.is_from_file else ""
        return warning + code(
            name,
            self.model,
            variable,
            file,
            self._batch(variable),
            optimizer=self.purpose.optimizer,
            saved_as=f"{variable}-to-{self.settings.purpose}".replace(".", "-") if self.purpose.in_a_file else "",
        )

    @property
    def is_from_file(self) -> bool:
        """Whether the model came from a file."""
        said = self.settings.model
        known = isinstance(said, str) and _is_known(said.strip(), self.namespace)
        return isinstance(said, (str, Path, Upload)) and not known

    def _batch(self, variable: str) -> str:
        """Return the expression by which the notebook has the inputs, for the code to run as it stands."""
        said = self.settings.inputs
        if said is not None and not isinstance(said, str):
            return "inputs"  # an object whose name is not known
        said = (said or "").strip()
        names = several(said, self.namespace)
        if names:
            return names[0] if len(names) == 1 else f"[{', '.join(names)}]"
        if said in self.namespace and _is_name(said):
            return said
        return f"make_inputs({variable}{', ' + json.dumps(said) if said else ''})[0]"

    def for_purpose(self, purpose: str) -> OwnModelRun:
        """Return a run with the same outcomes that judges them for a different purpose; nothing is tried again."""
        run = OwnModelRun(self.settings.replace(purpose=purpose), self.namespace, self._methods)
        run.model, run.note, run.table = self.model, self.note, self.table
        return run

    @property
    def is_large(self) -> bool:
        """Whether trying the methods takes so long that a reader wants to see how far it is."""
        return self.model is not None and (
            len(keras_compat.flat_layers(self.model)) >= 40 or self.model.count_params() >= 200_000
        )

    def stages(self) -> Iterator[Stage]:
        """Find the model, find inputs and targets, and try every method."""
        if self.table is not None:
            self.finished = True
            yield Stage("drawing", pictured=True)
            return
        yield Stage("looking at the model")
        try:
            self.model = find_model(self.settings.model, self.namespace, use_own_classes=self.settings.use_own_classes)
            yield Stage("finding inputs")
            inputs, note = _given(make_inputs, self.model, self.settings.inputs, self.namespace)
            if not keras_compat.weights(self.model):
                raise Refusal(f"The model {self.model.name!r} has no weights, so any copy of it will do.")
            targets, note_on_targets = _given(make_targets, self.model, self.settings.targets, self.namespace, inputs)
            self.note = f"{note[0].upper()}{note[1:]}; {note_on_targets}."
            if self.is_from_file:
                self.note += _what_it_holds(self.settings.model, self.model)
        except Refusal as refusal:
            self.refusal = self._with_variable(str(refusal))
            self.finished = True
            yield Stage("drawing", pictured=True)
            return
        subject = Subject(self.called, lambda: (self.model, inputs, targets))
        self.table = MethodTableRun(subjects=[subject], methods=self._methods or tuple(ALL_METHODS))
        started = time.monotonic()
        for stage in self.table.stages():
            self.finished = self.table.finished
            text = stage.text.removeprefix(f"{self.called}, ")
            if not self.finished and text != stage.text:
                text += progress(self.table.done, self.table.total, time.monotonic() - started)
            yield Stage(text, stage.pictured)


def progress(done: int, total: int, seconds: float) -> str:
    """Return how far the methods are, and how long the rest takes if that is long enough to be worth saying.

    Args:
        done: How many methods were tried.
        total: How many there are.
        seconds: How long that took.

    Example:
        >>> progress(3, 10, 30), progress(3, 10, 0.3), progress(2, 10, 60)
        (', 4 of 10, about a minute', ', 4 of 10', ', 3 of 10, about 4 minutes')
    """
    rest = seconds / done * (total - done) if done else 0.0
    minutes = round(rest / 60)
    about = "" if rest < 10 else ", about half a minute" if rest < 45 else f", about {minutes} minutes"
    return f", {done + 1} of {total}{about if minutes != 1 or rest < 45 else ', about a minute'}"


def _label(method: str) -> str:
    return ALL_METHODS[method].label


def _lost(outcome: Outcome) -> str:
    lost = outcome.lost or outcome.report.failures
    return ", ".join([*lost, *["optimizer state once trained"] * outcome.lost_later])


def _is_name(text: str) -> bool:
    """Return whether a text is a name, or names with dots, that code may use."""
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in text.split(".")) and not hasattr(
        builtins, text
    )
