"""What is claimed about Keras, and whether a notebook's own cells find it true.

Each lesson treats one text from the web. Every example and every claim of that text has a number here, a sentence in
our own words, and what works today. The verdict is not written down: the notebook's cells compute it.
"""

from __future__ import annotations

import html
import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Claim", "Verdicts"]

GENERATIONS = {"keras": "Keras 3", "tf_keras": "Keras 2"}


@dataclass(frozen=True)
class Claim:
    """One example or claim of a text.

    Attributes:
        number: number of the text, a dot, and the number in it: E1, E2, ... for examples of code, 1, 2, ... for claims.
        text: what is claimed, in one sentence.
        today: what works today, in one sentence.

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
    """What the cells of a notebook found out about each claim of a text; shows itself as a table.

    Args:
        lesson: number of the lesson that treats the text, such as "01".

    Raises:
        ValueError: the lesson treats no text.

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
        """Note what a cell found out about a claim.

        Args:
            number: the claim's number.
            **found: for ``keras``, ``tf_keras`` or both, whether the claim holds there; several values if the claim
                has several parts. What is recorded again, as when a cell is run again, replaces what was there.

        Raises:
            ValueError: no claim has that number, or a keyword is no generation of Keras.
        """
        parts = self._parts_of(number)
        for name, values in found.items():
            if name not in GENERATIONS:
                raise ValueError(f"There is no Keras named {name!r}. Use {' or '.join(GENERATIONS)}.")
            values = list(values) if isinstance(values, (list, tuple)) else [values]
            parts[name] = [bool(value) for value in values]

    def cite(self, number: str, holds: bool, source: str) -> None:
        """Note the verdict on a claim that no run can show, such as a date.

        Args:
            number: the claim's number.
            holds: whether the source confirms it.
            source: address of the source.

        Raises:
            ValueError: no claim has that number.
        """
        parts = self._parts_of(number)
        parts.update({name: [holds] for name in GENERATIONS})
        self._sources[number] = source

    def verdict(self, number: str) -> str:
        """Return the verdict on a claim in words, or that its cell was not run yet."""
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
            return f"holds only on {GENERATIONS[whole[0]]}"
        return "holds in part"

    @property
    def open(self) -> list[str]:
        """Numbers of the claims that no cell has judged yet."""
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
        told = [f"{words.count(word)} {end}" for word, end in _SUMMARY.items() if words.count(word)]
        return f"{len(words)} claims: {', '.join(told)}."

    def __str__(self) -> str:
        lines = [f"{each.number:6} {self.verdict(each.number)}: {each.text}" for each in self.claims]
        return "\n".join([self.summary, *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        left = "text-align:left;vertical-align:top"
        head = "".join(
            f'<th scope="col" style="{left}">{text}</th>'
            for text in ("No.", "Claim", *GENERATIONS.values(), "Verdict", "What works today")
        )
        rows = []
        for claim in self.claims:
            number, text, today = (_coded(each) for each in (claim.number, claim.text, claim.today))
            source = self._sources.get(claim.number)
            link = f' (<a href="{html.escape(source)}">source</a>)' if source else ""
            found = "".join(
                f'<td style="{left};white-space:nowrap">{self._cell(claim.number, name)}</td>' for name in GENERATIONS
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
    """Escape a text, and show what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


_SUMMARY = {
    "holds": "true",
    "holds in part": "true in part",
    "holds only on Keras 2": "true only on Keras 2",
    "holds only on Keras 3": "true only on Keras 3",
    "does not hold": "not true",
    "not run yet": "not run yet (run the cells above)",
}
