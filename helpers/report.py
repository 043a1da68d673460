"""The results of the three tests: questions, checks, verdicts, sentences, and the report as text and HTML."""

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
"""The three tests in their order, each with its question."""

OTHER_STATE = "random state and others"
"""The key of `ThreeTestsResult.start` for the state outside the weights."""

OUTPUTS = "outputs"
"""The key of `ThreeTestsResult.start` for the outputs."""

# A test is passed if none of its checks failed and at least one of these passed.
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
    "compiled functions",
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
        test: Which of the three tests it belongs to.
        name: What was compared.
        passed: True, False, or None if the check does not apply to these models, or was not tried.
        evidence: What was found, in words and numbers.
    """

    test: str
    name: str
    passed: bool | None
    evidence: str

    @property
    def verdict(self) -> str:
        """The outcome as a symbol and words, so that it never depends on colour."""
        if self.passed is None:
            return "○ not tried" if self.name in _DECISIVE[self.test] else "○ does not apply"
        return "✓ passed" if self.passed else "✗ failed"


@dataclass(frozen=True)
class Verdict:
    """The outcome of one of the three tests.

    Attributes:
        passed: True, False, or None if the test was not tried.
        reason: Why it failed or was not tried, in a few words.

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
    """Return the verdict on one of the three tests.

    Args:
        test: The name of the test, a key of `QUESTIONS`.
        checks: The checks of all three tests.

    Example:
        >>> verdict("Same start", [Check("Same start", "weights", True, "all 4 are equal, bit for bit")]).passed
        True
    """
    failed = [check.name for check in checks if check.test == test and check.passed is False]
    if failed:
        return Verdict(False, _differ(failed) if test != OWN_LIFE else listed(failed))
    decisive = [check for check in checks if check.test == test and check.name in _DECISIVE[test]]
    if any(check.passed for check in decisive):
        return Verdict(True)
    return Verdict(None, decisive[-1].evidence if decisive else "nothing was compared yet")


def sentence(verdicts: dict[str, Verdict], so_far: bool = False) -> str:
    """Return the outcome of the three tests as one sentence with a symbol. It claims nothing that was not tried.

    Args:
        verdicts: The verdict on each test, by its name. The reason for a failed test is given in brackets, if any.
        so_far: Whether the models are still trained: then nothing is a true clone yet, and what was not tried is left
            out.

    Example:
        >>> sentence({test: Verdict(True) for test in QUESTIONS})
        '✓ A true clone: same start, same future, own life.'
    """

    def quoted(tests: Sequence[str]) -> str:
        return listed([f"“{test}”" for test in tests])

    failed = {test: each for test, each in verdicts.items() if each.passed is False}
    passed = [test for test, each in verdicts.items() if each.passed]
    if len(passed) == len(QUESTIONS) and not so_far:
        return "✓ A true clone: same start, same future, own life."
    reasons: dict[str, list[str]] = {}
    for test, each in verdicts.items():
        if each.passed is None and not so_far:
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
    """The outcome of an audit. It prints as text, and is a table in a notebook.

    Attributes:
        checks: Everything that was compared, in the order of the three tests.
    """

    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if no check failed. This includes tests that were not tried: see `verdict`."""
        return not self.failures

    @property
    def failures(self) -> list[str]:
        """The names of the failed checks, in the order of the three tests."""
        return [check.name for check in self.checks if check.passed is False]

    def verdict(self, test: str) -> Verdict:
        """Return the outcome of one of the three tests: passed, failed, or not tried and why."""
        return verdict(test, self.checks)

    def passed(self, test: str) -> bool:
        """Return True if a test was tried and passed: `"Same start"`, `"Same future"` or `"Own life"`."""
        return self.verdict(test).passed is True

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        verdicts = {test: self.verdict(test) for test in QUESTIONS}
        # The report names the failed checks below the sentence.
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
    """The results of the three tests for one clone. All distances are largest absolute differences.

    Attributes:
        name: The name that the clone was given.
        checks: Everything that was compared, with evidence.
        start: Distance at step 0 by layer, None for a layer without a counterpart; then by `OTHER_STATE`, where there
            is any (infinite if it differs), and by `OUTPUTS`.
        different: The keys of `start` that count as different.
        future: Distance of the weights when both are trained alike, by step from step 0 on.
        future_state: The same for the variables outside the weights.
        future_outputs: Distance of the outputs after the last step, or None if it was not measured.
        first_apart: The first step at which weights or other state differ by more than rounding, or None.
        own_life: How far the weights of the model that was not trained have moved, by step from step 0 on.
        answers_moved: How far its answers have moved after the last step, or None if that was not measured.
        moved: How far the weights of the model that was trained have moved, by step, for scale.
        error: Name of the error that cloning raised, or None if there is a clone.
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
        """True if there is a clone and no check failed. This includes tests that were not tried: see `verdicts`."""
        return self.error is None and self.report.ok

    @property
    def report(self) -> Report:
        """All the evidence, as `audit` returns it."""
        return Report(list(self.checks))

    @property
    def only_steps_went_apart(self) -> bool:
        """Whether the models are equal in everything but what training them alike leads to."""
        return self.report.failures == ["training steps"]

    @property
    def layers(self) -> dict[str, float | None]:
        """The entries of `start` that are layers."""
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

    @property
    def so_far(self) -> str:
        """The sentence while the models are still trained."""
        return self.sentence if self.error else sentence(self.verdicts, so_far=True)

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
            reasons.append("and so does other state" if layers else "state outside the weights differs")
        others = [name for name in self._failed(SAME_START) if name in ("structure", "layer settings")]
        if others and not layers:
            reasons.append(_differ(others))
            if OUTPUTS in self.different:
                reasons.append("and so do the outputs")
        if not reasons and OUTPUTS in self.different:
            reasons.append("the outputs differ, though all layers are equal")
        return ", ".join(reasons or [_differ(self._failed(SAME_START))])

    def _future_reason(self) -> str:
        apart = self.first_apart
        if apart == 0 and self.future and self.future[0] == 0.0:
            # Only the state outside the weights differs now, and the weights follow.
            apart = next((step for step, distance in enumerate(self.future) if distance), None)
            if apart is None:
                return "state outside the weights differs"
        if apart is not None:
            return "unequal from the start" if apart == 0 else f"unequal from step {apart} on"
        evidence = {check.name: check.evidence for check in self.checks}
        failed = self._failed(SAME_FUTURE)
        if "training steps" in failed and evidence["training steps"].startswith("the clone cannot be trained"):
            return evidence["training steps"]
        if failed == ["training steps"]:
            return "the outputs go apart"
        return _differ([name for name in failed if name != "training steps"])

    def _own_life_reason(self) -> str:
        if set(self._failed(OWN_LIFE)) & {"clone keeps still", "original keeps still"}:
            return "training one moves the other"
        return "they share what training or editing changes"


def describe(results: Mapping[str, ThreeTestsResult] | Iterable[ThreeTestsResult], so_far: bool = False) -> str:
    """Return one line for each clone: its name and the sentence on the three tests.

    There are no distances in it, because those differ from machine to machine.

    Args:
        results: What `three_tests` returned, or only the values of it.
        so_far: Whether the models are still trained (see `sentence`).

    Returns:
        One line for each clone, to be used below a picture and as its alternative text.

    Example:
        >>> describe([ThreeTestsResult("deepcopy", error="TypeError")])
        'deepcopy: ✗ No clone at all: it raises a TypeError.'
    """
    found = list(results.values() if isinstance(results, Mapping) else results)
    if not found:
        return "There are no two models to compare."
    return "\n".join(f"{result.name}: {result.so_far if so_far else result.sentence}" for result in found)


def _differ(names: Sequence[str]) -> str:
    """Return a clause such as "weights and outputs differ"."""
    one = len(names) == 1 and not names[0].endswith("s")
    return f"{listed(names)} {'differs' if one else 'differ'}"
