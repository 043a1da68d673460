"""The matrix: every way to clone, on many kinds of models, and what of each model survives it.

Nothing about the outcome is written down here. Each model is made and trained a little, cloned, and audited on the
versions that are installed; what survives is read off the audit's report. The reader's own model is one more subject.
"""

from __future__ import annotations

import csv
import functools
import html
import inspect
import io
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import auditing
from helpers import keras_compat as generations
from helpers.auditing import Report
from helpers.methods import METHODS
from helpers.text import listed
from workbook import errors, notebook
from workbook.labs.framework.run import Problem, Run, Stage

__all__ = ["ASPECTS", "KINDS", "Kind", "Matrix", "MatrixSettings", "Outcome", "Subject", "kinds_on"]

GENERATIONS = {"keras": "Keras 3", "tf_keras": "Keras 2"}
STEPS = 5  # training steps that both models make

ASPECTS = {
    "output": ("outputs",),
    "weights": ("weights",),
    "independence": ("separate storage", "clone keeps still", "original keeps still"),
    "optimizer state": ("optimizer state",),
    "next five steps": ("training steps",),
}
"""What must survive, by name, and the checks of the audit that tell."""

SYMBOLS = {True: "✓", False: "✗", None: "○"}
WORDS = {True: "survives", False: "is lost", None: "does not apply"}

_JUDGED = {check for checks in ASPECTS.values() for check in checks}


@dataclass(frozen=True)
class Subject:
    """A model that every method is tried on.

    Args:
        label: What a reader calls it.
        make: Returns the model, inputs for it, and targets for its loss or None.
    """

    label: str
    make: Callable[[], tuple[Any, Any, Any]]


@dataclass(frozen=True)
class Outcome:
    """What came of one method on one model: a report of the audit, or an error.

    Args:
        subject: The model's label.
        method: The method's name, a key of `METHODS`.
        report: The audit's report, if there was a clone.
        problem: What was raised instead.
    """

    subject: str
    method: str
    report: Report | None = None
    problem: Problem | None = None

    @property
    def true(self) -> bool:
        """Whether the clone is true: no check of the audit failed, whether it is one of the aspects or not."""
        return self.report is not None and self.report.ok

    @property
    def no_room(self) -> bool:
        """Whether only a full disk kept the method from an answer."""
        return self.problem is not None and errors.is_no_room(self.problem.error)

    @property
    def survives(self) -> dict[str, bool | None]:
        """By aspect: whether it survived, or None if it does not apply. Empty if there is no clone."""
        if self.report is None:
            return {}
        return {aspect: _together(self.report, checks) for aspect, checks in ASPECTS.items()}

    @property
    def also_lost(self) -> list[str]:
        """The checks that failed beyond the five aspects, such as "layer settings"."""
        return [name for name in self.report.failures if name not in _JUDGED] if self.report else []

    @property
    def lost(self) -> list[str]:
        """All that is lost, in words."""
        return [aspect for aspect, survived in self.survives.items() if survived is False] + self.also_lost

    @property
    def words(self) -> str:
        """The outcome as a symbol and a few words, so that it never rests on colour."""
        if self.no_room:
            return "! could not write its file"
        if self.problem is not None:
            return f"! raises {self.problem.name}"
        return "✓ true clone" if self.true else f"✗ loses {', '.join(self.lost)}"

    @property
    def evidence(self) -> list[tuple[str, str, str]]:
        """What was compared, the verdict and what was found; or the error and what it teaches."""
        if self.problem is not None:
            message = self.problem.message.splitlines()
            rest = " ..." if len(message) > 2 else ""
            return [("error", f"! {self.problem.name}", " ".join(message[:2]) + rest)]
        return [(check.name, check.verdict, check.evidence) for check in self.report.checks]


def _together(report: Report, checks: Sequence[str]) -> bool | None:
    found = [check.passed for check in report.checks if check.name in checks]
    if False in found:
        return False
    return True if True in found else None


# -- the run -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MatrixSettings:
    """What is tried.

    Args:
        generation: `"keras"` or `"tf_keras"`.
        kind: A key of `KINDS`, or `"short"` for the few that differ most, or an empty text for all kinds.
    """

    generation: str = "keras"
    kind: str = ""


class Matrix(Run):
    """Every method on every subject, one after another.

    Args:
        settings: What is tried.
        subjects: The models, if not those of the settings: such as the reader's own.
        methods: Names of the methods to try; all, if none are given.

    Attributes:
        methods: The methods that are tried, by name.
        outcomes: What came of it so far, by label of the subject and name of the method.

    Example:
        >>> matrix = Matrix(MatrixSettings(kind="sequential"))   # doctest: +SKIP
        >>> for stage in matrix.stages():                        # doctest: +SKIP
        ...     pass
        >>> matrix.outcomes["Sequential", "clone"].true          # doctest: +SKIP
        True
    """

    def __init__(
        self,
        settings: MatrixSettings | None = None,
        subjects: Iterable[Subject] | None = None,
        methods: Sequence[str] = (),
    ) -> None:
        super().__init__(settings or MatrixSettings())
        unknown = set(methods) - METHODS.keys()
        if unknown:
            raise ValueError(f"There is no method {min(unknown)!r}. Use some of {', '.join(METHODS)}.")
        self.methods = {name: method for name, method in METHODS.items() if not methods or name in methods}
        self.own = subjects is not None
        self.subjects = list(subjects if self.own else _subjects(self.settings))
        self.outcomes: dict[tuple[str, str], Outcome] = {}

    @property
    def rows(self) -> list[str]:
        """Labels of the subjects, in order."""
        return [subject.label for subject in self.subjects]

    @property
    def total(self) -> int:
        """How many cells there are to fill."""
        return len(self.subjects) * len(self.methods)

    @property
    def done(self) -> int:
        """How many cells are filled."""
        return len(self.outcomes)

    @property
    def title(self) -> str:
        """What it is about."""
        if self.own:
            return "Your model"
        where = GENERATIONS[self.settings.generation]
        return where if len(self.subjects) > 1 else f"{self.rows[0]} on {where}"

    def of(self, subject: str) -> list[Outcome]:
        """Return the outcomes for one subject so far, in the order of the methods."""
        return [self.outcomes[subject, name] for name in self.methods if (subject, name) in self.outcomes]

    def true_for(self, method: str) -> list[str]:
        """Return the subjects of which a method made a true clone."""
        return [outcome.subject for outcome in self.outcomes.values() if outcome.method == method and outcome.true]

    @property
    def unanswered(self) -> list[str]:
        """Labels of the methods that a full disk kept from an answer, somewhere."""
        names = {each.method for each in self.outcomes.values() if each.no_room}
        return [METHODS[name].label for name in self.methods if name in names]

    @property
    def verdict(self) -> str:
        """What the cells say together, in one sentence."""
        if self.done < self.total:
            return f"{self.title}: {self.done} of {self.total} cells are filled in so far."
        if self.unanswered:
            silent = listed(self.unanswered)
            return f"{self.title}: no verdict, for {silent} could not write a file: {errors.MAKE_ROOM}."
        if len(self.subjects) == 1:
            true = [METHODS[each.method].label for each in self.of(self.rows[0]) if each.true]
            made = f"true clones are made by {listed(true)}" if true else "no method makes a true clone"
            return f"{self.title}: {made}."
        counts = {name: len(self.true_for(name)) for name in self.methods}
        best = max(counts.values())
        if not best:
            return f"{self.title}: no method makes a true clone of any of {len(self.subjects)} kinds of models."
        named = [METHODS[name].label for name, count in counts.items() if count == best]
        others = [f"{METHODS[name].label} of {count}" for name, count in counts.items() if 0 < count < best]
        never = [METHODS[name].label for name, count in counts.items() if count == 0]
        makes = "makes" if len(named) == 1 else "make"
        parts = [f"{listed(named)} {makes} a true clone of {best} of {len(self.subjects)} kinds of models"]
        parts += [", ".join(others)] if others else []
        parts += [f"of none: {', '.join(never)}"] if never else []
        return f"{self.title}: {'; '.join(parts)}."

    @property
    def source(self) -> str:
        """The Python source that makes the models."""
        if self.own:
            return ""
        return "\n\n".join(kind.source for kind in _kinds(self.settings))

    def stages(self) -> Iterator[Stage]:
        """Make each model, clone it with every method and audit each clone: a cell is a slice."""
        for subject in self.subjects:
            yield Stage(f"making {subject.label}", pictured=bool(self.outcomes))
            made: list[Any] = []
            with notebook.logs_held_back(), notebook.standard_error_held_back():
                went_well = self.attempt(f"Making {subject.label}", lambda: made.extend(subject.make()))  # noqa: B023
            for name, method in self.methods.items():
                yield Stage(f"{subject.label}, {method.label}", pictured=bool(self.outcomes))
                if went_well:
                    outcome = try_method(subject.label, name, *made)
                else:
                    outcome = Outcome(subject.label, name, problem=self.problems[-1])
                self.outcomes[subject.label, name] = outcome
        self.finished = True
        yield Stage("drawing", pictured=True)

    # -- for other programs and other senses ------------------------------------------------------------------

    def to_csv(self) -> str:
        """Return the matrix as comma-separated values: a line for each model and method."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        head = ["Keras", "model", "method", "outcome", *ASPECTS, "also lost", "error"]
        writer.writerow(head)
        generation = "" if self.own else GENERATIONS[self.settings.generation]
        for (subject, name), outcome in self.outcomes.items():
            aspects = [WORDS[outcome.survives[aspect]] if outcome.survives else "" for aspect in ASPECTS]
            error = outcome.problem.name if outcome.problem else ""
            result = "true clone" if outcome.true else "not a true clone"
            if error:
                result = "could not write its file" if outcome.no_room else "raises"
            also = ", ".join(outcome.also_lost)
            writer.writerow([generation, subject, METHODS[name].label, result, *aspects, also, error])
        return file.getvalue()

    def to_html(self, evidence: bool = True) -> str:
        """Return the matrix as a table in words and symbols.

        Args:
            evidence: Whether each cell opens to all that was found. The numbers in it differ from machine to machine.
        """
        return _one_subject(self, evidence) if len(self.subjects) == 1 else _many_subjects(self, evidence)

    def _repr_html_(self) -> str:
        return self.to_html(evidence=False)

    def __str__(self) -> str:
        lines = [self.verdict]
        for row in self.rows:
            lines.append(f"\n{row}")
            lines += [f"  {METHODS[each.method].label:26} {each.words}" for each in self.of(row)]
        return "\n".join(lines)

    __repr__ = __str__


def try_method(subject: str, name: str, model: Any, inputs: Any, targets: Any) -> Outcome:
    """Clone a model with one method and audit the clone.

    Args:
        subject: Label of the model.
        name: The method, a key of `METHODS`.
        model: The model; it is as before afterwards.
        inputs: A batch, or several batches, of what it takes.
        targets: What its loss takes, or None.

    Returns:
        The report or the error.
    """
    method = METHODS[name]
    with notebook.logs_held_back(), notebook.standard_error_held_back():
        try:
            twin = method(model, inputs)
        except Exception as error:
            return Outcome(subject, name, problem=Problem(f"Cloning with {method.label}", error.with_traceback(None)))
        try:
            return Outcome(subject, name, report=auditing.audit(model, twin, inputs, targets, STEPS))
        except Exception as error:
            return Outcome(subject, name, problem=Problem("Auditing the clone", error.with_traceback(None)))


# -- the table ---------------------------------------------------------------------------------------------------------

_LEFT = "text-align:left;vertical-align:top"
_PLAIN = f"{_LEFT};font-weight:normal"


def _many_subjects(matrix: Matrix, evidence: bool) -> str:
    head = "".join(f'<th scope="col" style="{_LEFT}">{html.escape(m.label)}</th>' for m in matrix.methods.values())
    rows = []
    for row in matrix.rows:
        cells = []
        for name in matrix.methods:
            outcome = matrix.outcomes.get((row, name))
            cells.append(f'<td style="{_LEFT}">{_cell(outcome, evidence) if outcome else "…"}</td>')
        rows.append(f'<tr><th scope="row" style="{_LEFT}">{html.escape(row)}</th>{"".join(cells)}</tr>')
    return _table(matrix, f'<th scope="col" style="{_LEFT}">Model</th>{head}', rows)


def _one_subject(matrix: Matrix, evidence: bool) -> str:
    columns = ["Method", "Clone", *map(str.capitalize, ASPECTS), "Also lost"]
    head = "".join(f'<th scope="col" style="{_LEFT}">{text}</th>' for text in columns)
    rows = []
    for name, method in matrix.methods.items():
        outcome = matrix.outcomes.get((matrix.rows[0], name))
        cells = ["…"] * (len(columns) - 1)
        if outcome is not None:
            short = outcome.words if outcome.problem or outcome.true else "✗ not a true clone"
            marks = [f"{SYMBOLS[each]} {WORDS[each]}" for each in outcome.survives.values()] or [""] * len(ASPECTS)
            cells = [_cell(outcome, evidence, short), *marks, html.escape(", ".join(outcome.also_lost))]
        label = html.escape(method.label)
        inside = "".join(f'<td style="{_LEFT}">{cell}</td>' for cell in cells)
        rows.append(f'<tr><th scope="row" style="{_LEFT}">{label}</th>{inside}</tr>')
    return _table(matrix, head, rows)


def _table(matrix: Matrix, head: str, rows: list[str]) -> str:
    return (
        f'<table style="text-align:left"><caption style="text-align:left;font-weight:bold;caption-side:top">'
        f"{html.escape(matrix.verdict)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(outcome: Outcome, evidence: bool, words: str | None = None) -> str:
    words = html.escape(words or outcome.words)
    if outcome.true:
        words = f"<strong>{words}</strong>"
    if not evidence:
        return words
    found = "".join(
        f'<tr><th scope="row" style="{_PLAIN}">{html.escape(name)}</th><td style="{_LEFT};white-space:nowrap">'
        f'{html.escape(verdict)}</td><td style="{_LEFT}">{html.escape(text)}</td></tr>'
        for name, verdict, text in outcome.evidence
    )
    head = "".join(f'<th scope="col" style="{_LEFT}">{text}</th>' for text in ("Compared", "Verdict", "Evidence"))
    caption = html.escape(f"{outcome.subject}, {METHODS[outcome.method].label}")
    lesson = f"<p>{html.escape(outcome.problem.lesson)}</p>" if outcome.problem else ""
    return (
        f"<details><summary>{words}</summary>{lesson}<table><caption>{caption}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{found}</tbody></table></details>"
    )


# -- the kinds of models -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Args:
        name: The key in `KINDS`.
        label: What a reader calls it.
        maker: Takes a Keras package; returns the model, inputs and targets.
        only_on: The Keras on which alone it exists, or an empty text.
        short: Whether it is one of the few that differ most.
    """

    name: str
    label: str
    maker: Callable[[Any], tuple[Any, Any, Any]]
    only_on: str = ""
    short: bool = False

    def make(self, generation: str) -> tuple[Any, Any, Any]:
        """Make the model on a Keras, the same at every call."""
        notebook.set_seeds(6)
        return self.maker(generations.namespace(generation))

    @property
    def source(self) -> str:
        """The Python source of the maker."""
        text = textwrap.dedent(inspect.getsource(self.maker))
        return re.sub(r"\A@_kind\(.*\)\n", "", text)


KINDS: dict[str, Kind] = {}
"""The kinds of models, by name, in the order of the rows."""


def kinds_on(generation: str) -> list[Kind]:
    """List the kinds that there are on a Keras."""
    return [kind for kind in KINDS.values() if kind.only_on in ("", generation)]


def _kinds(settings: MatrixSettings) -> list[Kind]:
    kinds = kinds_on(settings.generation)
    chosen = [each for each in kinds if settings.kind in ("", each.name) or (settings.kind == "short" and each.short)]
    if not chosen:
        raise ValueError(
            f"There is no kind {settings.kind!r} on {GENERATIONS[settings.generation]}. "
            f"Use one of {', '.join(kind.name for kind in kinds)}."
        )
    return chosen


def _subjects(settings: MatrixSettings) -> list[Subject]:
    return [Subject(kind.label, functools.partial(kind.make, settings.generation)) for kind in _kinds(settings)]


def _kind(label: str, only_on: str = "", short: bool = False) -> Callable:
    def enter(maker: Callable) -> Callable:
        KINDS[maker.__name__] = Kind(maker.__name__, label, maker, only_on, short)
        return maker

    return enter


def _data(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.uniform(size=(64, *shape)).astype("float32"), generator.integers(0, 3, 64)


def _trained(keras: Any, model: Any, inputs: Any, targets: Any) -> tuple[Any, Any, Any]:
    """Compile a model and train it for two steps; eagerly, since tracing would take longer than all the rest."""
    import tensorflow as tf

    model(inputs)
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.optimizer.build(model.trainable_variables)
    for number in range(2):
        first = number * 32 % len(targets)
        batch = tf.nest.map_structure(lambda array, first=first: tf.constant(array[first : first + 32]), inputs)
        model.train_step((batch, tf.constant(targets[first : first + 32])))
    return model, inputs, targets


@_kind("Sequential", short=True)
def sequential(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(5, "relu"), layers.Dense(3)])
    return _trained(keras, model, *_data(6))


@_kind("functional, shared layer")
def functional(keras):
    layers = keras.layers
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = layers.Dense(5, "tanh")
    model = keras.Model({"left": left, "right": right}, layers.Dense(3)(layers.add([shared(left), shared(right)])))
    x, y = _data(6)
    return _trained(keras, model, {"left": x, "right": x[::-1].copy()}, y)


@_kind("BatchNormalization")
def batch_normalization(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(5), layers.BatchNormalization(), layers.Dense(3)])
    return _trained(keras, model, *_data(6))


@_kind("Dropout", short=True)
def dropout(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(5), layers.Dropout(0.5), layers.Dense(3)])
    return _trained(keras, model, *_data(6))


@_kind("subclass with get_config", short=True)
def subclass_with_config(keras):
    class WithConfig(keras.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.hidden, self.head = keras.layers.Dense(units), keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return _trained(keras, WithConfig(5), *_data(6))


@_kind("subclass without get_config", short=True)
def subclass_without_config(keras):
    class WithoutConfig(keras.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.hidden, self.head = keras.layers.Dense(units), keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    return _trained(keras, WithoutConfig(5), *_data(6))


@_kind("raw tf.Variable", short=True)
def raw_variable(keras):
    import tensorflow as tf

    class Raw(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)
            self.temperature = tf.Variable(1.0, trainable=False, name="temperature")

        def call(self, inputs):
            return self.head(inputs) * self.temperature

    model = Raw()
    model.temperature.assign(0.5)
    return _trained(keras, model, *_data(6))


@_kind("adapted Normalization")
def adapted_normalization(keras):
    x, y = _data(6)
    normal = keras.layers.Normalization()
    normal.adapt(5 * x + 3)
    return _trained(keras, keras.Sequential([keras.layers.Input((6,)), normal, keras.layers.Dense(3)]), x, y)


@_kind("own train_step")
def own_train_step(keras):
    import tensorflow as tf

    class OwnStep(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def train_step(self, batch):
            x, y = batch[:2]
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self(x, training=True) - tf.one_hot(y, 3)))
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

    return _trained(keras, OwnStep(), *_data(6))


@_kind("stateful RNN")
def stateful_rnn(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input(batch_shape=(32, 3, 4)), layers.GRU(3, stateful=True), layers.Dense(3)])
    x, y = _data(3, 4)
    model, _, _ = _trained(keras, model, x[:32], y[:32])
    return model, x[:32], y[:32]


@_kind("frozen layers")
def frozen_layers(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Input((6,)), layers.Dense(5, "relu"), layers.Dense(4), layers.Dense(3)])
    model.layers[0].trainable = False
    return _trained(keras, model, *_data(6))


@_kind("mixed precision")
def mixed_precision(keras):
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        return sequential(keras)
    finally:
        keras.mixed_precision.set_global_policy(before)


@_kind("LoRA", only_on="keras", short=True)
def lora(keras):
    model, x, y = sequential(keras)
    model.layers[0].enable_lora(2, lora_alpha=3)
    return _trained(keras, model, x, y)


@_kind("DenseFlipout", only_on="tf_keras", short=True)
def dense_flipout(keras):
    import tensorflow_probability as tfp

    layers = tfp.layers
    return _trained(keras, keras.Sequential([layers.DenseFlipout(4, "relu"), layers.DenseFlipout(3)]), *_data(6))
