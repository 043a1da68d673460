"""The table at the end of a lesson: its claims, tried on both Keras versions when the cell runs."""

from __future__ import annotations

import html
import importlib
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbook.labs.framework.markup import to_html
from workbook.lessons import versions
from workbook.lessons.claims import trial
from workbook.notebook import logs_held_back
from workbook.text import KERAS_VERSIONS

__all__ = ["ClaimTable", "claims_of_lesson", "try_claims"]

_CLAIMS = Path(trial.__file__).parent
_DOCSTRING = re.compile(r'\n    """.*?"""(?=\n)\n?', re.DOTALL)  # not shown, because the row has the same text
_MARKS = {trial.HOLDS: "✓", trial.IN_PART: "◐", trial.NOT: "✗", trial.UNTRIED: "○"}


def claims_of_lesson(lesson: str) -> list[dict[str, Any]]:
    """Return the claims that a lesson tries, in order.

    Args:
        lesson: The number of the lesson, such as "02".

    Returns:
        For each claim its `number`, its `text`, what works `today`, its function `check`, and the `source` of `check`.

    Raises:
        ValueError: The lesson tries no claims.

    Example:
        >>> claims_of_lesson("02")[6]["text"]
        'Of a Functional or Sequential model `clone_model` copies the weights.'
    """
    if not (_CLAIMS / f"lesson_{lesson}.py").exists():
        raise ValueError(f"There are no claims of a lesson {lesson!r}. Use a number such as '02'.")
    return trial.claims_of(importlib.import_module(f"workbook.lessons.claims.lesson_{lesson}"))


def try_claims(lesson: str) -> ClaimTable:
    """Try the claims of a lesson on Keras 3 and on Keras 2; the last line of a cell shows the table.

    Args:
        lesson: The number of the lesson, such as "02".

    Returns:
        The table.

    Raises:
        ValueError: The lesson tries no claims.

    Example:
        >>> try_claims("02")   # doctest: +SKIP
        16 claims, each tried on Keras 3 and on Keras 2.
    """
    claims = claims_of_lesson(lesson)
    found: dict[str, list[dict[str, Any]]] = {}
    with logs_held_back():
        for package, words in KERAS_VERSIONS.items():
            available, found[package] = trial.given(package), []
            for claim in claims:
                print(f"\rTrying {claim['number']} on {words} ...", end="", flush=True)
                found[package].append(trial.try_claim(claim["check"], available))
    print(f"\r{len(claims)} claims, each tried on {' and on '.join(KERAS_VERSIONS.values())}.")
    installed = sys.modules["tensorflow"].__version__
    older = {name: each for name, each in versions.columns().items() if each["versions"]["tensorflow"] != installed}
    return ClaimTable(claims, found, older, _written_for(lesson))


def _written_for(lesson: str) -> str:
    """Return the version of TensorFlow for which the claims of a lesson were made, or "" if they name none."""
    return getattr(importlib.import_module(f"workbook.lessons.claims.lesson_{lesson}"), "WRITTEN_FOR", "")


class ClaimTable:
    """Claims and their verdicts, as a table.

    Args:
        claims: The claims, from `claims_of_lesson`.
        found: For each Keras package the results of `trial.try_claim`, in the order of the claims.
        older: Columns of `versions.json`, by name: the results on older versions.
        written_for: The column of the version for which the claims were made, if they name one.
    """

    def __init__(
        self,
        claims: Sequence[Mapping[str, Any]],
        found: Mapping[str, Sequence[Mapping[str, Any]]],
        older: Mapping[str, Mapping[str, Any]],
        written_for: str = "",
    ):
        self.claims, self.found, self.older, self.written_for = claims, found, older, written_for

    def verdict(self, number: str, package: str) -> str:
        """Return the verdict on a claim for a Keras package, in words."""
        index = [claim["number"] for claim in self.claims].index(number)
        return trial.in_words(self.found[package][index])

    @property
    def summary(self) -> str:
        """Return a sentence on how many claims hold on each Keras version."""
        sentences = []
        for package, words in KERAS_VERSIONS.items():
            counts = Counter(each["verdict"] for each in self.found[package])
            parts = [f"{counts[verdict]} {_plural(verdict, counts[verdict])}" for verdict in _MARKS if counts[verdict]]
            sentences.append(f"{words}: {', '.join(parts)}.")
        return f"{len(self.claims)} claims. {' '.join(sentences)}"

    def _on_older(self, number: str) -> dict[str, list[str]]:
        """Return the older versions, grouped by verdict."""
        grouped: dict[str, list[str]] = {}
        for name, column in self.older.items():
            if number in column["claims"]:
                grouped.setdefault(column["claims"][number]["verdict"], []).append(name)
        return grouped

    def _older_in_words(self, number: str) -> list[tuple[str, str]]:
        """Return lines of (words, verdict) for older versions, beginning with that for which the claim was written."""
        about = f"TensorFlow {self.written_for}, for which the claim was written"
        own = self.older.get(self.written_for, {"claims": {}})["claims"].get(number)
        lines = [(f"{own['verdict']} on {about}", own["verdict"])] if own else []
        changed = versions.changes(number, self.older)
        if changed:
            return [*lines, (changed, "")]
        grouped = self._on_older(number)
        if len(grouped) == 1:
            ((verdict, names),) = grouped.items()
            where = f"{about}, and on all others" if own else "all"
            return [(f"{verdict} on {where} from {names[0]} to {names[-1]}", verdict)]
        return lines + [(f"{verdict} on {', '.join(names)}", verdict) for verdict, names in grouped.items()]

    def _simply_holds(self, index: int) -> bool:
        verdicts = {each[index]["verdict"] for each in self.found.values()}
        return verdicts | set(self._on_older(self.claims[index]["number"])) == {trial.HOLDS}

    def __repr__(self) -> str:
        lines = [self.summary]
        for index, claim in enumerate(self.claims):
            lines.append(f"\n{claim['number']}  {claim['text']}")
            lines += [f"  {KERAS_VERSIONS[name]}: {trial.in_words(each[index])}" for name, each in self.found.items()]
            lines += [f"  Older TensorFlow: {words}" for words, _ in self._older_in_words(claim["number"])]
            lines.append(f"  Today: {claim['today']}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [(self._simply_holds(index), self._row(index)) for index in range(len(self.claims))]
        holding = [row for holds, row in rows if holds]
        caption = f"{self.summary} The numbers of the claims are not those of the lessons."
        parts = [self._table(caption, [row for holds, row in rows if not holds])]
        if holding:
            title = f"The {len(holding)} that simply hold" if len(holding) > 1 else "The one that simply holds"
            parts.append(f"<details><summary>{title}</summary>{self._table(title, holding)}</details>")
        style = Path(__file__).with_name("claims.css").read_text(encoding="utf-8")
        return f'<style>{style}</style><div class="claims">{"".join(parts)}</div>'

    def _headings(self) -> list[str]:
        dates = sorted({column["date"] for column in self.older.values()})
        older = [f"Older TensorFlow, tried {' to '.join(dict.fromkeys((dates[0], dates[-1])))}"] if dates else []
        return ["No.", "Claim", *KERAS_VERSIONS.values(), *older, "What works today"]

    def _table(self, caption: str, rows: Sequence[str]) -> str:
        head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in self._headings())
        return (
            f'<table class="claims-table"><caption>{html.escape(caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )

    def _row(self, index: int) -> str:
        claim, headings = self.claims[index], self._headings()
        cells = [_inline(claim["text"])]
        cells += [_marked(trial.in_words(each[index]), each[index]["verdict"]) for each in self.found.values()]
        if self.older:
            older = self._older_in_words(claim["number"])
            cells.append("<br>".join(_marked(*line) if line[1] else html.escape(line[0]) for line in older))
        cells.append(_inline(claim["today"]))
        labelled = zip(headings[1:], cells, strict=True)
        data = "".join(f'<td data-label="{html.escape(label)}">{cell}</td>' for label, cell in labelled)
        return (
            f'<tr><th scope="row">{claim["number"]}</th>{data}</tr>'
            f'<tr class="claims-program"><td colspan="{len(headings)}">{self._program(index)}</td></tr>'
        )

    def _program(self, index: int) -> str:
        """Return HTML that opens to show the source of a claim's program and each part that it returned."""
        claim, returned = self.claims[index], []
        for package, words in KERAS_VERSIONS.items():
            found = self.found[package][index]
            parts = [
                f"<li>{'✓ yes' if part['holds'] else '✗ no'}: {_inline(part['name'])}"
                + (f" <code>{html.escape(part['error'])}</code>" if "error" in part else "")
                for part in found["parts"]
            ]
            items = "</li>".join(parts) or f"<li>{_inline(trial.in_words(found))}"
            returned.append(f"<p>It returned on {words}:</p><ul>{items}</li></ul>")
        source = html.escape(_DOCSTRING.sub("", claim["source"], count=1))
        return (
            f"<details><summary>The program of {claim['number']}, and what it returned</summary>{''.join(returned)}"
            f'<pre tabindex="0"><code>{source}</code></pre></details>'
        )


def _plural(verdict: str, count: int) -> str:
    """Return a verdict as the end of a sentence about `count` claims."""
    if count == 1:
        return verdict
    return {trial.HOLDS: "hold", trial.IN_PART: "hold in part", trial.NOT: "do not hold"}.get(verdict, verdict)


def _inline(markdown: str) -> str:
    """Return a sentence of Markdown as HTML without a paragraph around it."""
    return to_html(markdown).removeprefix("<p>").removesuffix("</p>")


def _marked(words: str, verdict: str) -> str:
    """Return a verdict as HTML, with its mark, and the verdict itself in bold."""
    rest = _inline(words).removeprefix(verdict)
    more = f'<span class="claims-parts">{rest}</span>' if rest else ""
    return f"{_MARKS[verdict]} <strong>{verdict}</strong>{more}"
