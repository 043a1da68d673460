"""Claims about Keras, and the verdicts that a notebook's cells find.

Each lesson examines one text from the web. Every example and every claim of that text has a number here, a sentence in
our own words, and what works today. The verdict is not written down: the notebook's cells compute it.
"""

from __future__ import annotations

import html
import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from workbook.text import KERAS_VERSIONS

__all__ = ["Claim", "Verdicts"]


@dataclass(frozen=True)
class Claim:
    """One example or claim of a text.

    Attributes:
        number: Number of the text, a dot, and the number in it: E1, E2, ... for examples of code, 1, 2, ... for claims.
        text: The claim, in one sentence.
        today: What works today, in one sentence.

    Example:
        >>> Claim("0.4", "clone_model copies weights.", today="Call set_weights.").tag
        'claim-0.4'
    """

    number: str
    text: str
    today: str

    @property
    def tag(self) -> str:
        """The tag of the notebook cells that show it."""
        return f"claim-{self.number}"


class Verdicts:
    """The verdicts of a notebook's cells on the claims of a text; a cell shows them as a table.

    Args:
        lesson: Number of the lesson that examines the text, such as "01".

    Raises:
        ValueError: If the lesson examines no text.

    Example:
        >>> verdicts = Verdicts("02")
        >>> verdicts.record("0.4", keras=False, tf_keras=False)
        >>> verdicts.verdict("0.4")
        'does not hold'
    """

    def __init__(self, lesson: str):
        try:
            self.claims: tuple[Claim, ...] = importlib.import_module(f"workbook.lessons.claims.lesson_{lesson}").CLAIMS
        except ModuleNotFoundError as error:
            raise ValueError(f"There are no claims of a lesson {lesson!r}. Use a number such as '02'.") from error
        self.lesson = lesson
        self._known = {claim.number: claim for claim in self.claims}
        self._parts: dict[str, dict[str, list[bool]]] = {}
        self._sources: dict[str, str] = {}

    def record(self, number: str, **found: bool | Iterable[bool]) -> None:
        """Record what a cell found out about a claim; recording it again replaces the earlier values.

        Args:
            number: The claim's number.
            **found: For `keras`, `tf_keras` or both, whether the claim holds there; several values if the claim has
                several parts.

        Raises:
            ValueError: If no claim has that number, or a keyword is not a Keras package.
        """
        parts = self._parts_of(number)
        for name, values in found.items():
            if name not in KERAS_VERSIONS:
                raise ValueError(f"There is no Keras named {name!r}. Use {' or '.join(KERAS_VERSIONS)}.")
            values = list(values) if isinstance(values, (list, tuple)) else [values]
            parts[name] = [bool(value) for value in values]

    def cite(self, number: str, holds: bool, source: str) -> None:
        """Record the verdict on a claim that no code can show, such as a date.

        Args:
            number: The claim's number.
            holds: Whether the source confirms it.
            source: Address of the source.

        Raises:
            ValueError: If no claim has that number.
        """
        parts = self._parts_of(number)
        parts.update({name: [holds] for name in KERAS_VERSIONS})
        self._sources[number] = source

    def verdict(self, number: str) -> str:
        """Return the verdict on a claim in words; "not run yet" if its cell has not run."""
        parts = self._parts_of(number)
        values = [value for each in parts.values() for value in each]
        if not values:
            return "not run yet"
        if all(values):
            return "holds"
        if not any(values):
            return "does not hold"
        whole = [name for name, each in parts.items() if all(each)]
        none = [name for name, each in parts.items() if not any(each)]
        if len(whole) == 1 and len(none) == 1:
            return f"holds only on {KERAS_VERSIONS[whole[0]]}"
        return "holds in part"

    @property
    def open(self) -> list[str]:
        """Numbers of the claims without a verdict."""
        return [claim.number for claim in self.claims if not self._parts.get(claim.number)]

    def _parts_of(self, number: str) -> dict[str, list[bool]]:
        if number not in self._known:
            raise ValueError(f"Lesson {self.lesson} has no claim {number!r}. It has {', '.join(self._known)}.")
        return self._parts.setdefault(number, {})

    def _cell(self, number: str, name: str) -> str:
        values = self._parts.get(number, {}).get(name)
        if not values:
            return "does not apply" if self._parts.get(number) else "not run yet"
        return "✓ yes" if all(values) else "◐ in part" if any(values) else "✗ no"

    @property
    def summary(self) -> str:
        """How many claims there are, and how many of them hold."""
        words = [self.verdict(claim.number) for claim in self.claims]
        counts = [f"{words.count(word)} {end}" for word, end in _SUMMARY.items() if words.count(word)]
        return f"{len(words)} claims: {', '.join(counts)}."

    def __str__(self) -> str:
        lines = [f"{each.number:6} {self.verdict(each.number)}: {each.text}" for each in self.claims]
        return "\n".join([self.summary, *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        left = "text-align:left;vertical-align:top"
        head = "".join(
            f'<th scope="col" style="{left}">{text}</th>'
            for text in ("No.", "Claim", *KERAS_VERSIONS.values(), "Verdict", "What works today")
        )
        rows = []
        for claim in self.claims:
            number, text, today = (_coded(each) for each in (claim.number, claim.text, claim.today))
            source = self._sources.get(claim.number)
            link = f' (<a href="{html.escape(source)}">source</a>)' if source else ""
            found = "".join(
                f'<td style="{left};white-space:nowrap">{self._cell(claim.number, name)}</td>'
                for name in KERAS_VERSIONS
            )
            rows.append(
                f'<tr><th scope="row" style="{left}">{number}</th><td style="{left}">{text}</td>{found}'
                f'<td style="{left}"><strong>{self.verdict(claim.number)}</strong>{link}</td>'
                f'<td style="{left}">{today}</td></tr>'
            )
        caption = '<caption style="text-align:left;font-weight:bold;caption-side:top">'
        return (
            f"<table>{caption}{html.escape(self.summary)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )


def _coded(text: str) -> str:
    """Escape a text, and show words between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


_SUMMARY = {
    "holds": "true",
    "holds in part": "true in part",
    "holds only on Keras 2": "true only on Keras 2",
    "holds only on Keras 3": "true only on Keras 3",
    "does not hold": "not true",
    "not run yet": "not run yet (run the cells above)",
}
