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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf

from helpers import keras_compat, keras_files
from helpers.keras_files import Refusal
from helpers.made_up import make_inputs, make_targets
from helpers.text import listed
from workbook.labs.framework.run import Run, Stage
from workbook.labs.framework.settings import LabSettings, flag, text
from workbook.labs.method_table.run import MethodTableRun, Subject
from workbook.methods import METHODS, classes_and_functions

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
            f"A {kind} is not a Keras model, so there is nothing here to train and compare: clone it with "
            "helpers.clone(it), which copies every variable and checks the copy."
        )
    if callable(value) and hasattr(value, "__name__"):
        raise Refusal(f"{value.__name__} is a function, not a model: call it, and give what it returns.")
    raise Refusal(f"An object of type {kind} is not a model: give a model of keras or of tf_keras.")


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
        self.note = ""
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
            inputs, note = make_inputs(self.model, self.settings.inputs, self.namespace)
            if not keras_compat.weights(self.model):
                raise Refusal(f"The model {self.model.name!r} has no weights, so any copy of it will do.")
            targets, note_on_targets = make_targets(self.model, inputs, self.settings.targets, self.namespace)
            self.note = f"{note[0].upper()}{note[1:]}; {note_on_targets}."
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
        own_imports = ["from helpers.made_up import make_inputs"] if "make_inputs" in inputs else []
    if file:
        own_imports.append("from helpers.keras_files import load_file")
    if own_imports:
        imports = [*(imports[:-1] or []), *own_imports, ""]
    return "\n".join([*imports, *head, *body])
