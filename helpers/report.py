"""What the three tests found, in numbers and words: questions, checks, verdicts, and a report as text and HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from helpers.text import listed

SAME_START, SAME_FUTURE, OWN_LIFE = "Same start", "Same future", "Own life"

QUESTIONS = {
    SAME_START: "Are the two models equal now?",
    SAME_FUTURE: "Trained alike from here, do they stay equal?",
    OWN_LIFE: "Train one alone: does the other keep still?",
}
"""The three tests, in their order, with the question that each of them answers."""

OTHER_STATE = "random state and others"
"""The name under which ``ThreeTestsResult.start`` holds the state outside the weights, beside the layers."""

OUTPUTS = "outputs"
"""The name under which ``ThreeTestsResult.start`` holds what the models answer."""

# A test is passed if nothing failed and at least one of these checks was made and passed.
_DECISIVE = {
    SAME_START: ("weights", "outputs"),
    SAME_FUTURE: ("training steps",),
    OWN_LIFE: ("clone keeps still", "original keeps still"),
}

ORDER = [
    "weights",
    "other state",
    "structure",
    "layer settings",
    "outputs",
    "outputs in training mode",
    "compile settings",
    "optimizer state",
    "added losses",
    "training steps",
    "separate storage",
    "clone keeps still",
    "original keeps still",
]
"""The names of all checks, in the order in which a report lists them."""


@dataclass(frozen=True)
class Check:
    """One thing that was compared.

    Attributes:
        test: which of the three tests it belongs to.
        name: what was compared.
        passed: True, False, or None if it does not apply to these models, or could not be tried.
        evidence: what was found, in words and numbers.
    """

    test: str
    name: str
    passed: bool | None
    evidence: str

    @property
    def verdict(self) -> str:
        """The outcome as a symbol and a word, so that it never rests on colour."""
        return {True: "✓ passed", False: "✗ failed", None: "○ does not apply"}[self.passed]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one of the three tests.

    Attributes:
        passed: True, False, or None if the test was not tried.
        reason: why it failed or was not tried, in a few words.

    Example:
        >>> print(Verdict(None, "the original has no trainable weights"))
        not tried, because the original has no trainable weights
    """

    passed: bool | None
    reason: str = ""

    def __str__(self) -> str:
        if self.passed is None:
            return f"not tried, because {self.reason}"
        return "passed" if self.passed else "failed"


def verdict(test: str, checks: Sequence[Check]) -> Verdict:
    """Return the outcome of one of the three tests, from everything that was checked.

    Args:
        test: the name of the test, a key of ``QUESTIONS``.
        checks: the checks of all tests.

    Example:
        >>> verdict("Same start", [Check("Same start", "weights", True, "all 4 are equal, bit for bit")]).passed
        True
    """
    failed = [check.name for check in checks if check.test == test and check.passed is False]
    if failed:
        return Verdict(False, f"{listed(failed)} differ" if test != OWN_LIFE else listed(failed))
    decisive = [check for check in checks if check.test == test and check.name in _DECISIVE[test]]
    if any(check.passed for check in decisive):
        return Verdict(True)
    return Verdict(None, decisive[-1].evidence if decisive else "nothing was compared yet")


def sentence(verdicts: dict[str, Verdict]) -> str:
    """Say in one sentence, with a symbol, what came of the three tests. It claims nothing that was not tried.

    Args:
        verdicts: the outcome of each test, by its name; the reason of a failed test stands in brackets if it has one.

    Example:
        >>> sentence({test: Verdict(True) for test in QUESTIONS})
        '✓ A true clone: same start, same future, own life.'
    """

    def quoted(tests: Sequence[str]) -> str:
        return listed([f"“{test}”" for test in tests])

    failed = {test: each for test, each in verdicts.items() if each.passed is False}
    passed = [test for test, each in verdicts.items() if each.passed]
    if len(passed) == len(QUESTIONS):
        return "✓ A true clone: same start, same future, own life."
    reasons: dict[str, list[str]] = {}
    for test, each in verdicts.items():
        if each.passed is None:
            reasons.setdefault(each.reason, []).append(test)
    untried = [
        f"{quoted(tests)} {'was' if len(tests) == 1 else 'were'} not tried, because {reason}."
        for reason, tests in reasons.items()
    ]
    if failed:
        named = [f"“{test}”" + (f" ({each.reason})" if each.reason else "") for test, each in failed.items()]
        return " ".join([f"✗ Not a true clone: it fails {listed(named)}.", *untried])
    found = f"○ No difference found so far: it passes {quoted(passed)}." if passed else "○ No difference found so far."
    return " ".join([found, *untried])


@dataclass(frozen=True)
class Report:
    """The outcome of an audit; prints as text, and shows itself as a table in a notebook.

    Attributes:
        checks: everything that was compared, in the order of the three tests.
    """

    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if no check failed. Whether every test was tried is a question to ``verdict``."""
        return not self.failures

    @property
    def failures(self) -> list[str]:
        """The names of the failed checks, in the order of the three tests."""
        return [check.name for check in self.checks if check.passed is False]

    def verdict(self, test: str) -> Verdict:
        """Return the outcome of one of the three tests: passed, failed, or not tried and why."""
        return verdict(test, self.checks)

    def passed(self, test: str) -> bool:
        """Return True if a test was tried and passed: ``"Same start"``, ``"Same future"`` or ``"Own life"``."""
        return self.verdict(test).passed is True

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        verdicts = {test: self.verdict(test) for test in QUESTIONS}
        # Which checks failed stands below the sentence.
        return sentence({test: Verdict(False) if each.passed is False else each for test, each in verdicts.items()})

    def __str__(self) -> str:
        lines = [self.sentence]
        for test, question in QUESTIONS.items():
            lines.append(f"\n{test}. {question}")
            lines += [f"  {c.verdict:<10} {c.name}: {c.evidence}" for c in self.checks if c.test == test]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for test, question in QUESTIONS.items():
            checks = [check for check in self.checks if check.test == test]
            for number, check in enumerate(checks):
                head = (
                    f'<th scope="rowgroup" rowspan="{len(checks)}" style="text-align:left;vertical-align:top">'
                    f'{test}<br><span style="font-weight:normal">{question}</span></th>'
                )
                name, outcome, evidence = (html.escape(text) for text in (check.name, check.verdict, check.evidence))
                weight = "bold" if check.passed is False else "normal"
                rows.append(
                    f"<tr>{head if number == 0 else ''}"
                    f'<th scope="row" style="text-align:left;font-weight:normal">{name}</th>'
                    f'<td style="text-align:left;white-space:nowrap;font-weight:{weight}">{outcome}</td>'
                    f'<td style="text-align:left">{evidence}</td></tr>'
                )
        head = "".join(
            f'<th scope="col" style="text-align:left">{text}</th>'
            for text in ("Test", "Compared", "Verdict", "Evidence")
        )
        return (
            f'<table style="text-align:left"><caption style="text-align:left;font-weight:bold;caption-side:top">'
            f"{html.escape(self.sentence)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )


@dataclass(frozen=True)
class ThreeTestsResult:
    """What the three tests found for one clone. All distances are largest absolute differences.

    Attributes:
        name: the name that the clone was given.
        checks: everything that was compared, with evidence.
        start: distance per layer at step 0, None for a layer without a counterpart; then ``OTHER_STATE``, where there
            is any (infinite if it differs), and ``OUTPUTS``.
        different: the names in ``start`` that count as different.
        future: distance of the weights when both are trained alike, by training step from step 0 on.
        future_state: the same for the variables outside the weights.
        future_outputs: distance of the outputs after the last step, or None if it was not measured.
        first_apart: the first step at which weights or other state differ by more than rounding, or None.
        own_life: how far the weights of the model that was not trained have moved, by step from step 0 on.
        answers_moved: how far its answers have moved after the last step, or None if that was not measured.
        moved: how far the model that was trained has moved, by step, for scale.
        error: name of the error that was raised instead of a clone.
    """

    name: str
    checks: Sequence[Check] = ()
    start: Mapping[str, float | None] = field(default_factory=dict)
    different: Sequence[str] = ()
    future: Sequence[float] = ()
    future_state: Sequence[float] = ()
    future_outputs: float | None = None
    first_apart: int | None = None
    own_life: Sequence[float] = ()
    answers_moved: float | None = None
    moved: Sequence[float] = ()
    error: str | None = None

    @property
    def ok(self) -> bool:
        """True if there is a clone and no check failed. Whether every test was tried is a question to ``verdicts``."""
        return self.error is None and self.report.ok

    @property
    def report(self) -> Report:
        """All the evidence, as ``audit`` returns it."""
        return Report(list(self.checks))

    @property
    def layers(self) -> dict[str, float | None]:
        """The distances at the start, of the layers alone."""
        return {name: distance for name, distance in self.start.items() if name not in (OTHER_STATE, OUTPUTS)}

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The outcome of each test: passed, failed with a short reason, or not tried and why."""
        if self.error:
            return dict.fromkeys(QUESTIONS, Verdict(None, f"there is no clone: {self.error}"))
        reasons = {SAME_START: self._start_reason, SAME_FUTURE: self._future_reason, OWN_LIFE: self._own_life_reason}
        found = {test: self.report.verdict(test) for test in QUESTIONS}
        return {t: replace(each, reason=reasons[t]()) if each.passed is False else each for t, each in found.items()}

    @property
    def fails(self) -> list[str]:
        """The names of the tests that were tried and failed."""
        return [test for test, each in self.verdicts.items() if each.passed is False]

    @property
    def sentence(self) -> str:
        """One sentence on the clone: which tests it passes or fails, why, and which were not tried."""
        if self.error:
            article = "an" if self.error[0] in "AEIOU" else "a"
            return f"✗ No clone at all: it raises {article} {self.error}."
        return sentence(self.verdicts)

    def _failed(self, test: str) -> list[str]:
        return [check.name for check in self.checks if check.test == test and check.passed is False]

    def _start_reason(self) -> str:
        layers = [name for name in self.different if name in self.layers]
        alone = sum(self.start[name] is None for name in layers)
        reasons = []
        if layers:
            reasons.append(f"{len(layers)} of {len(self.layers)} layers differ{'s' if len(layers) == 1 else ''}")
        if alone:
            reasons[0] += f", {alone} of them without a counterpart"
        if OTHER_STATE in self.different:
            reasons.append("so does the random state" if layers else "the random state differs")
        others = [name for name in self._failed(SAME_START) if name in ("structure", "layer settings")]
        if others and not layers:
            reasons.append(f"{listed(others)} differ{'s' if others == ['structure'] else ''}")
        if not reasons and OUTPUTS in self.different:
            reasons.append("the outputs differ, though all layers are equal")
        return ", ".join(reasons or [f"{listed(self._failed(SAME_START))} differ"])

    def _future_reason(self) -> str:
        if self.first_apart is not None:
            return "unequal from the start" if self.first_apart == 0 else f"unequal from step {self.first_apart} on"
        evidence = {check.name: check.evidence for check in self.checks}
        failed = self._failed(SAME_FUTURE)
        if "training steps" in failed and evidence["training steps"].startswith("the clone cannot be trained"):
            return evidence["training steps"]
        if failed == ["training steps"]:
            return "the outputs go apart"
        return f"{listed([name for name in failed if name != 'training steps'])} differ"

    def _own_life_reason(self) -> str:
        if set(self._failed(OWN_LIFE)) & {"clone keeps still", "original keeps still"}:
            return "training one moves the other"
        return "they share what training or editing changes"


def describe(results: Mapping[str, ThreeTestsResult] | Iterable[ThreeTestsResult]) -> str:
    """Say in one line for each clone what the three tests found.

    The lines state what holds, and no decimals: those differ from machine to machine.

    Args:
        results: what ``three_tests`` returned, or the results alone.

    Returns:
        One line a clone: fit to stand under a picture, and as its alternative text.

    Example:
        >>> describe([ThreeTestsResult("deepcopy", error="TypeError")])
        'deepcopy: ✗ No clone at all: it raises a TypeError.'
    """
    found = list(results.values() if isinstance(results, Mapping) else results)
    if not found:
        return "There are no two models to compare."
    return "\n".join(f"{result.name}: {result.sentence}" for result in found)
