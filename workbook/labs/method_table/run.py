"""The table: every way to clone, on many kinds of models, and which of the three tests each clone passes.

No outcome is stored here. Each model is made, trained a little, cloned, and audited with the installed versions; the
report of the audit has the verdicts. The reader's own model can be one of the subjects.
"""

from __future__ import annotations

import csv
import functools
import html
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import auditing, cloning, keras_compat, snapshot, training
from helpers.auditing import Report
from helpers.random_state import random_state_kept
from helpers.report import OWN_LIFE, QUESTIONS
from helpers.text import listed
from workbook import errors, notebook
from workbook.labs.framework.run import Problem, Run, Stage
from workbook.labs.framework.settings import LabSettings, choice
from workbook.labs.method_table.models import MODEL_KINDS, ModelKind, kinds_on
from workbook.methods import ALL_METHODS, METHODS, Method
from workbook.text import KERAS_VERSIONS

__all__ = ["MethodTableRun", "MethodTableSettings", "Outcome", "Subject", "kind_labels"]

STEPS = 5  # training steps that both models make

SYMBOLS = {True: "✓", False: "✗", None: "○"}
WORDS = {True: "passed", False: "failed", None: "not tried"}

# The checks of the audit that compare what a clone has to carry; the others compare what follows from it.
_CARRIED = (
    "structure",
    "layer settings",
    "weights",
    "other state",
    "compile settings",
    "optimizer state",
    "compiled functions",
    "added losses",
)
_OPTIMIZER = "optimizer state"


@dataclass(frozen=True)
class Subject:
    """A model on which every method is tried.

    Args:
        label: Name that a reader sees.
        make: Returns the model, inputs for it, and targets for its loss or None.
    """

    label: str
    make: Callable[[], tuple[Any, Any, Any]]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one method on one model: a report of the audit, or an error.

    Args:
        subject: The model's label.
        method: The method's name, a key of `ALL_METHODS`.
        report: The audit's report, if there was a clone.
        problem: The error, if there was no clone.
        untrained: Whether the model was compiled, and has made no training step yet.
        kept_later: Whether the optimizer state survives once there is a step; None if that was not found out.
    """

    subject: str
    method: str
    report: Report | None = None
    problem: Problem | None = None
    untrained: bool = False
    kept_later: bool | None = None

    @property
    def true(self) -> bool:
        """Whether the clone is true: no check of the audit failed."""
        return self.report is not None and self.report.ok

    @property
    def no_room(self) -> bool:
        """Whether the method could not be judged because the disk is full."""
        return self.problem is not None and errors.is_no_room(self.problem.error)

    @property
    def passed(self) -> dict[str, bool | None]:
        """For each of the three tests, whether it was passed, or None if not tried. Empty if there is no clone."""
        return {} if self.report is None else {test: self.report.verdict(test).passed for test in QUESTIONS}

    @property
    def lost_later(self) -> bool:
        """Whether the method loses the optimizer state as soon as there is one."""
        return self.kept_later is False

    @property
    def _no_step_yet(self) -> str:
        later = "; once there is one, it is lost by this method" if self.lost_later else ""
        return f"no training step yet{later}"

    @property
    def lost(self) -> list[str]:
        """What the clone does not carry, by the names of the audit, such as "weights"."""
        failures = self.report.failures if self.report else []
        return [name for name in _CARRIED if name in failures]

    @property
    def failed(self) -> list[str]:
        """The tests that the clone failed."""
        return [test for test, passed in self.passed.items() if passed is False]

    @property
    def lost_in_words(self) -> str:
        """What is lost, and what will be once the model is trained."""
        later = [f"{_OPTIMIZER}: {self._no_step_yet}"] if self.lost_later else []
        return ", ".join([*self.lost, *later])

    @property
    def symbols(self) -> str:
        """A symbol for each of the three tests, in their order; or the name of the error."""
        if self.problem is not None:
            return f"! {self.problem.name}"
        return "\N{NO-BREAK SPACE}".join(SYMBOLS[passed] for passed in self.passed.values())

    @property
    def words(self) -> str:
        """The outcome as a symbol and a few words, because colour alone must not carry it."""
        if self.no_room:
            return "! could not write its file"
        if self.problem is not None:
            return f"! raises {self.problem.name}"
        if self.true:
            return "✓ true clone until trained" if self.lost_later else "✓ true clone"
        if not self.lost:
            return f"✗ fails {listed(self.failed)}"
        return f"✗ loses {', '.join(self.lost)}{f'; fails {OWN_LIFE}' if OWN_LIFE in self.failed else ''}"

    @property
    def evidence(self) -> list[tuple[str, str, str]]:
        """For each check its name, the verdict and the evidence; or the error and its hint."""
        if self.problem is not None:
            message = self.problem.message.splitlines()
            rest = " ..." if len(message) > 2 else ""
            return [("error", f"! {self.problem.name}", " ".join(message[:2]) + rest)]
        found = {check.name: (check.verdict, check.evidence) for check in self.report.checks}
        if self.untrained and not self.kept_later and found[_OPTIMIZER][0][0] == SYMBOLS[True]:
            found[_OPTIMIZER] = (f"{SYMBOLS[None]} not tried", self._no_step_yet)
        return [(name, *told) for name, told in found.items()]


# -- the run -----------------------------------------------------------------------------------------------------------


_SEVERAL = {"short": "a few that differ most", "": "all kinds"}


def kind_labels(generation: str) -> dict[str, str]:
    """Return the labels of the choices for a Keras version: groups of kinds of models, and each single kind."""
    return _SEVERAL | {kind.name: kind.label for kind in kinds_on(generation)}


@dataclass(frozen=True)
class MethodTableSettings(LabSettings):
    """The models that are tried.

    Example:
        >>> MethodTableSettings(kind="dropout").generation
        'keras'
    """

    generation: str = choice("keras", KERAS_VERSIONS, "Which Keras")
    kind: str = choice("", _SEVERAL | {kind.name: kind.label for kind in MODEL_KINDS.values()}, "Which models")


def _kinds(settings: MethodTableSettings) -> list[ModelKind]:
    kinds = kinds_on(settings.generation)
    chosen = [each for each in kinds if settings.kind in ("", each.name) or (settings.kind == "short" and each.short)]
    if not chosen:
        raise ValueError(
            f"There is no kind {settings.kind!r} on {KERAS_VERSIONS[settings.generation]}. "
            f"Use one of {', '.join(kind.name for kind in kinds)}."
        )
    return chosen


def _subjects(settings: MethodTableSettings) -> list[Subject]:
    return [Subject(kind.label, functools.partial(kind.make, settings.generation)) for kind in _kinds(settings)]


class MethodTableRun(Run):
    """Every method on every subject, one after another.

    Args:
        settings: The settings of the table.
        subjects: The models, if not those of the settings, such as the reader's own.
        methods: Names of the methods to try; by default those of `METHODS`.

    Attributes:
        methods: The methods that are tried, by name.
        outcomes: The outcomes so far, by label of the subject and name of the method.

    Example:
        >>> table = MethodTableRun(MethodTableSettings(kind="sequential"))   # doctest: +SKIP
        >>> for stage in table.stages():                        # doctest: +SKIP
        ...     pass
        >>> table.outcomes["Sequential", "clone"].true          # doctest: +SKIP
        True
    """

    def __init__(
        self,
        settings: MethodTableSettings | None = None,
        subjects: Iterable[Subject] | None = None,
        methods: Sequence[str] = (),
    ) -> None:
        super().__init__(settings or MethodTableSettings())
        unknown = set(methods) - ALL_METHODS.keys()
        if unknown:
            raise ValueError(f"There is no method {min(unknown)!r}. Use some of {', '.join(ALL_METHODS)}.")
        self.methods = {name: method for name, method in ALL_METHODS.items() if name in (methods or METHODS)}
        self.own = subjects is not None
        self.subjects = list(subjects if self.own else _subjects(self.settings))
        self.outcomes: dict[tuple[str, str], Outcome] = {}

    @property
    def rows(self) -> list[str]:
        """Labels of the subjects, in order."""
        return [subject.label for subject in self.subjects]

    @property
    def total(self) -> int:
        """The number of cells in the table."""
        return len(self.subjects) * len(self.methods)

    @property
    def done(self) -> int:
        """The number of cells that are filled in."""
        return len(self.outcomes)

    @property
    def title(self) -> str:
        """The heading of the table."""
        if self.own:
            return "Your model" if self.rows != self.rows[:1] or self.rows == ["your model"] else self.rows[0]
        where = KERAS_VERSIONS[self.settings.generation]
        return where if len(self.subjects) > 1 else f"{self.rows[0]} on {where}"

    def of(self, subject: str) -> list[Outcome]:
        """Return the outcomes for one subject so far, in the order of the methods."""
        return [self.outcomes[subject, name] for name in self.methods if (subject, name) in self.outcomes]

    def true_for(self, method: str) -> list[str]:
        """Return the labels of the subjects for which a method made a true clone."""
        return [outcome.subject for outcome in self.outcomes.values() if outcome.method == method and outcome.true]

    @property
    def unanswered(self) -> list[str]:
        """Labels of the methods that could not be judged on some model because the disk is full."""
        names = {each.method for each in self.outcomes.values() if each.no_room}
        return [ALL_METHODS[name].label for name in self.methods if name in names]

    @property
    def verdict(self) -> str:
        """All outcomes together, in one sentence."""
        if self.done < self.total:
            return f"{self.title}: {self.done} of {self.total} cells are filled in so far."
        if self.unanswered:
            silent = listed(self.unanswered)
            return f"{self.title}: no verdict, for {silent} could not write a file: {errors.MAKE_ROOM}."
        if len(self.subjects) == 1:
            true = [each for each in self.of(self.rows[0]) if each.true]
            labels = [ALL_METHODS[each.method].label for each in true if not each.lost_later]
            for_now = [ALL_METHODS[each.method].label for each in true if each.lost_later]
            made = f"true clones are made by {listed(labels)}" if labels else "no method makes a true clone"
            return f"{self.title}: {made}{f'; until it is trained, also by {listed(for_now)}' if for_now else ''}."
        counts = {name: len(self.true_for(name)) for name in self.methods}
        best = max(counts.values())
        if not best:
            return f"{self.title}: no method makes a true clone of any of {len(self.subjects)} kinds of models."
        named = [ALL_METHODS[name].label for name, count in counts.items() if count == best]
        others = [f"{ALL_METHODS[name].label} of {count}" for name, count in counts.items() if 0 < count < best]
        never = [ALL_METHODS[name].label for name, count in counts.items() if count == 0]
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
                untrained = went_well and is_untrained(made[0])
                trained = _after_a_step(*made) if untrained else None
            for name, method in self.methods.items():
                yield Stage(f"{subject.label}, {method.label}", pictured=bool(self.outcomes))
                if went_well:
                    outcome = try_method(subject.label, name, *made, untrained, trained)
                else:
                    outcome = Outcome(subject.label, name, problem=self.problems[-1])
                self.outcomes[subject.label, name] = outcome
        self.finished = True
        yield Stage("drawing", pictured=True)

    # -- as CSV and HTML ------------------------------------------------------------------

    def to_csv(self) -> str:
        """Return the table as comma-separated values: a line for each model and method."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        head = ["Keras", "model", "method", "outcome", *QUESTIONS, "lost", "error"]
        writer.writerow(head)
        generation = "" if self.own else KERAS_VERSIONS[self.settings.generation]
        for (subject, name), outcome in self.outcomes.items():
            tests = [WORDS[passed] for passed in outcome.passed.values()] or [""] * len(QUESTIONS)
            error = outcome.problem.name if outcome.problem else ""
            result = "true clone" if outcome.true else "not a true clone"
            if error:
                result = "could not write its file" if outcome.no_room else "raises"
            writer.writerow(
                [generation, subject, ALL_METHODS[name].label, result, *tests, outcome.lost_in_words, error]
            )
        return file.getvalue()

    def to_html(self, evidence: bool = True) -> str:
        """Return the table as HTML: a symbol for each test, and in words what that means.

        Args:
            evidence: Whether each cell opens to show the evidence, whose numbers differ from machine to machine.
        """
        return _one_subject(self, evidence) if len(self.subjects) == 1 else _many_subjects(self, evidence)

    def _repr_html_(self) -> str:
        return self.to_html(evidence=False)

    def __str__(self) -> str:
        lines = [self.verdict]
        for row in self.rows:
            lines.append(f"\n{row}")
            lines += [f"  {ALL_METHODS[each.method].label:26} {each.words}" for each in self.of(row)]
        return "\n".join(lines)

    __repr__ = __str__


def try_method(
    subject: str, name: str, model: Any, inputs: Any, targets: Any, untrained: bool = False, trained: Any = None
) -> Outcome:
    """Clone a model with one method and audit the clone.

    Args:
        subject: Label of the model.
        name: The method, a key of `ALL_METHODS`.
        model: The model; it is left unchanged.
        inputs: A batch of inputs, or several.
        targets: Targets for its loss, or None.
        untrained: Whether the model was compiled, and has made no training step yet.
        trained: Then the same model after a step, to find out whether its optimizer state survives.

    Returns:
        The report or the error.
    """
    method = ALL_METHODS[name]
    with notebook.logs_held_back(), notebook.standard_error_held_back():
        try:
            clone = method(model, inputs)
        except Exception as error:
            return Outcome(subject, name, problem=Problem(f"Cloning with {method.label}", error.with_traceback(None)))
        try:
            report = auditing.audit(model, clone, inputs, targets, STEPS)
        except Exception as error:
            return Outcome(subject, name, problem=Problem("Auditing the clone", error.with_traceback(None)))
        kept = None if trained is None else _keeps_optimizer(method, trained, inputs)
        return Outcome(subject, name, report, untrained=untrained, kept_later=kept)


def is_untrained(model: Any) -> bool:
    """Return whether a model was compiled, and its optimizer has made no step yet."""
    if not keras_compat.is_compiled(model):
        return False
    with snapshot.unchanged(model):  # a legacy optimizer of Keras 2 makes its counter when it is asked for it
        return keras_compat.steps_made(model.optimizer) == 0


def _after_a_step(model: Any, inputs: Any, targets: Any) -> Any:
    """Return a true clone of a model after one training step, or None if there cannot be one."""
    own = targets is not None or training.defines_own_step(model)
    first = tf.nest.map_structure(
        lambda array: tf.convert_to_tensor(array[:32]), (inputs, targets)[: 1 + (targets is not None)]
    )
    try:
        with random_state_kept():
            clone = cloning.clone(model, inputs)
            training.make_step(clone, first if targets is not None or not own else first[0], own)
            return clone if keras_compat.steps_made(clone.optimizer) else None
    except Exception:  # what is wrong is told where the methods are tried
        return None


def _keeps_optimizer(method: Method, trained: Any, inputs: Any) -> bool | None:
    """Return whether a method keeps the optimizer state of a model that was trained; None if it does not clone it."""
    try:
        with random_state_kept():
            clone = method(trained, inputs)
    except Exception:
        return None
    if not keras_compat.is_compiled(clone):
        return False
    values = [
        [np.asarray(variable) for variable in keras_compat.optimizer_variables(model.optimizer)]
        for model in (clone, trained)
    ]
    return len(values[0]) == len(values[1]) and all(map(np.array_equal, *values))


# -- the table ---------------------------------------------------------------------------------------------------------

_LEFT = "text-align:left;vertical-align:top"
_PLAIN = f"{_LEFT};font-weight:normal"


def _many_subjects(table: MethodTableRun, evidence: bool) -> str:
    # A label may be broken after a dot or an underscore, so that nine columns fit a narrow page.
    labels = [re.sub(r"(?<=\w)([._])(?=\w)", r"\1<wbr>", html.escape(each.label)) for each in table.methods.values()]
    head = "".join(f'<th scope="col" style="{_LEFT}">{label}</th>' for label in labels)
    rows = []
    for row in table.rows:
        cells = []
        for name in table.methods:
            outcome = table.outcomes.get((row, name))
            cells.append(f'<td style="{_LEFT}">{_cell(outcome, evidence) if outcome else "…"}</td>')
        rows.append(f'<tr><th scope="row" style="{_LEFT}">{html.escape(row)}</th>{"".join(cells)}</tr>')
    return _table(table, f'<th scope="col" style="{_LEFT}">Model</th>{head}', rows) + _LEGEND


def _one_subject(table: MethodTableRun, evidence: bool) -> str:
    columns = ["Method", *QUESTIONS, "What is lost"]
    head = "".join(f'<th scope="col" style="{_LEFT}">{text}</th>' for text in columns)
    rows = []
    for name, method in table.methods.items():
        outcome = table.outcomes.get((table.rows[0], name))
        label, cells = html.escape(method.label), ["…"] * (len(columns) - 1)
        if outcome is not None:
            marks = [
                f"{SYMBOLS[passed]}&nbsp;{WORDS[passed].replace(' ', '&nbsp;')}" for passed in outcome.passed.values()
            ]
            cells = [*(marks or [html.escape(outcome.words), "", ""]), html.escape(outcome.lost_in_words)]
            if outcome.true and not outcome.lost_later:
                label = f"<strong>{label}</strong>"
            if evidence:
                label = _folded(outcome, label)
        inside = "".join(f'<td style="{_LEFT}">{cell}</td>' for cell in cells)
        rows.append(f'<tr><th scope="row" style="{_PLAIN}">{label}</th>{inside}</tr>')
    return _table(table, head, rows)


def _table(table: MethodTableRun, head: str, rows: list[str]) -> str:
    return (
        f'<table style="text-align:left"><caption style="text-align:left;font-weight:bold;caption-side:top">'
        f"{html.escape(table.verdict)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


_LEGEND = (
    f"<p>In each cell: {', '.join(QUESTIONS)}. "
    f"{', '.join(f'{symbol} {WORDS[passed]}' for passed, symbol in SYMBOLS.items())}; "
    "!: an error, and no clone.</p>"
)


def _cell(outcome: Outcome, evidence: bool) -> str:
    symbols = html.escape(outcome.symbols)
    if outcome.true:
        symbols = f"<strong>{symbols}</strong>"
    # A screen reader says the words, because it would read three symbols without the names of the tests.
    words = html.escape(outcome.words.lstrip("✓✗! "))
    shown = f'<span role="img" aria-label="{words}">{symbols}</span>'
    return _folded(outcome, shown) if evidence else shown


def _folded(outcome: Outcome, shown: str) -> str:
    """Return what is shown of a cell, and the evidence for it, which the reader may open."""
    found = "".join(
        f'<tr><th scope="row" style="{_PLAIN}">{html.escape(name)}</th><td style="{_LEFT};white-space:nowrap">'
        f'{html.escape(verdict)}</td><td style="{_LEFT}">{html.escape(text)}</td></tr>'
        for name, verdict, text in outcome.evidence
    )
    head = "".join(f'<th scope="col" style="{_LEFT}">{text}</th>' for text in ("Compared", "Verdict", "Evidence"))
    caption = html.escape(f"{outcome.subject}, {ALL_METHODS[outcome.method].label}: {outcome.words}")
    hint = f"<p>{html.escape(outcome.problem.hint)}</p>" if outcome.problem else ""
    return (
        f"<details><summary>{shown}</summary>{hint}<table><caption>{caption}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{found}</tbody></table></details>"
    )
