"""The verdicts on older versions of TensorFlow, from claims/versions.json, which `run.py versions` writes."""

from __future__ import annotations

import html
import importlib
import itertools
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from workbook.labs.framework.markup import to_html
from workbook.lessons.claims import methods, trial

__all__ = ["MethodsByVersion", "WhatHolds", "changes", "columns", "label"]

_CLAIMS = Path(trial.__file__).parent
_MARKS = {trial.HOLDS: "✓", trial.IN_PART: "◐", trial.NOT: "✗", trial.UNTRIED: "○"}
_WORDS = {trial.HOLDS: "holds", trial.IN_PART: "part", trial.NOT: "not", trial.UNTRIED: "untried"}
_serial = itertools.count(1)


@cache
def columns() -> dict[str, dict[str, Any]]:
    """Return the stored columns by name, from the oldest TensorFlow to the newest, then `tf_keras`.

    Example:
        >>> list(columns())[0]
        '2.0'
    """
    return json.loads((_CLAIMS / "versions.json").read_text(encoding="utf-8"))


def label(name: str, stored: Mapping[str, Any] | None = None) -> str:
    """Return the label of a column: its TensorFlow version, and its Keras version if that does not follow from it.

    Args:
        name: The name of the column.
        stored: The columns; by default those of `columns`.

    Example:
        >>> label("2.6"), label("2.16"), label("tf_keras")
        ('TensorFlow 2.6', 'TensorFlow 2.16, Keras 3.1', 'tf_keras 2.21')
    """
    keras = ".".join((stored or columns())[name]["versions"]["keras"].split(".")[:2])
    if name == "tf_keras":
        return f"tf_keras {keras}"
    return f"TensorFlow {name}" + (f", Keras {keras}" if keras.startswith("3.") else "")


def changes(number: str, stored: Mapping[str, Any] | None = None) -> str:
    """Describe in a sentence how the verdict on a claim changes from version to version.

    Args:
        number: The claim's number.
        stored: The columns; by default those of `columns`.

    Returns:
        The sentence; it is empty if every version on which the claim can be tried gives the same verdict.

    Example:
        >>> changes("0.4")   # `clone_model` copies weights: on no version
        ''
    """
    tried = {
        name: each["claims"].get(number, {}).get("verdict", trial.UNTRIED)
        for name, each in (stored or columns()).items()
    }
    verdicts = [(name, verdict) for name, verdict in tried.items() if verdict != trial.UNTRIED]
    if len({verdict for _, verdict in verdicts}) < 2:
        return ""
    line = [(name, verdict) for name, verdict in verdicts if name != "tf_keras"]
    runs = [(verdict, [name for name, _ in run]) for verdict, run in itertools.groupby(line, key=lambda each: each[1])]
    parts = []
    for index, (verdict, names) in enumerate(runs):
        first, last = label(names[0], stored), names[-1]
        if index == len(runs) - 1:
            where = f"from {first} on" if index else f"on {first} and later"
        elif len(names) == 1:
            where = f"on {first}"
        else:
            where = f"from {first} to {last}"
        parts.append(f"{where} it {verdict}")
    if "tf_keras" in dict(verdicts):
        parts.append(f"on {label('tf_keras', stored)} it {dict(verdicts)['tf_keras']}")
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


@cache
def claims() -> dict[str, list[dict[str, Any]]]:
    """Return the claims of each lesson, by the number of the lesson, as `trial.claims_of` returns them."""
    lessons = [path.stem for path in sorted(_CLAIMS.glob("lesson_*.py"))]
    return {name[-2:]: trial.claims_of(importlib.import_module(f"workbook.lessons.claims.{name}")) for name in lessons}


def _tried(number: str) -> dict[str, dict[str, Any]]:
    missing = {"verdict": trial.UNTRIED, "parts": [], "because": "it was not tried"}
    return {name: column["claims"].get(number, missing) for name, column in columns().items()}


class _Chooser:
    """HTML in which a reader chooses a version and sees its verdicts. It needs no script and no kernel.

    The reader chooses with radio buttons, and the stylesheet shows the cells of the chosen version. Where neither is
    available, as on GitHub, all versions are shown side by side.
    """

    caption = ""
    filters: ClassVar[dict[str, str]] = {}  # label by CSS class; the first is chosen at the start, and "all" can be

    @property
    def names(self) -> list[str]:
        """The columns that a reader can choose."""
        return list(columns())

    def _body(self) -> str:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        serial = f"versions-{next(_serial)}"
        style = Path(__file__).with_name("versions.css").read_text(encoding="utf-8") + self._rules()
        newest = [name for name in self.names if name != "tf_keras"][-1]
        chosen = _radios(serial, "version", "Your version", {name: label(name) for name in self.names}, newest)
        filters = {**self.filters, "all": "all"}
        shown = _radios(serial, "show", "Show", filters, next(iter(filters))) if self.filters else ""
        notes = "".join(
            f'<p class="only {_key(name)}">{html.escape(_note(columns()[name]))}</p>' for name in self.names
        )
        return (
            f'<style>{style}</style><div class="versions" role="group" aria-label="{html.escape(self.caption)}">'
            f"{chosen}{shown}{notes}{self._body()}</div>"
        )

    def _rules(self) -> str:
        """The CSS rules that hide versions that are not chosen, and rows that a filter leaves out."""
        rules = []
        for name in self.names:
            chosen = f'.versions:has(input[value="{name}"]:checked)'
            rules.append(f"{chosen} .only:not(.{_key(name)}) {{ display: none; }}")
            if self.filters:
                hidden = f'{chosen}:has(input[value="open"]:checked) .{_key(name)}-holds'
                hidden += f', {chosen}:has(input[value="changes"]:checked) .never-changes'
                rules.append(f"{hidden} {{ display: none; }}")
        return "\n".join(rules)


def _key(name: str) -> str:
    """Return the name of a column as a CSS class."""
    return "v-" + name.replace(".", "-")


def _radios(serial: str, group: str, legend: str, options: Mapping[str, str], chosen: str) -> str:
    buttons = "".join(
        f'<label><input type="radio" name="{serial}-{group}" value="{value}"{" checked" if value == chosen else ""}> '
        f"{html.escape(words)}</label>"
        for value, words in options.items()
    )
    return f"<fieldset><legend>{html.escape(legend)}</legend>{buttons}</fieldset>"


def _note(column: Mapping[str, Any]) -> str:
    versions = column["versions"]
    names = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy", "h5py": "h5py"}
    names["tensorflow_probability"] = "TensorFlow Probability"
    parts = [f"{words} {versions[name]}" for name, words in names.items() if versions.get(name)]
    return f"Tried on {column['date']} with {', '.join(parts)}, on {column['system']}."


def _cells(found: Mapping[str, Mapping]) -> str:
    """Return a cell for each version; all but the chosen one are hidden."""
    cells = []
    for name, each in found.items():
        heading = f'<span class="where">{html.escape(label(name))}: </span>'
        cells.append(f'<td class="only {_key(name)}">{heading}{_in_words(each)}</td>')
    return "".join(cells)


def _in_words(found: Mapping) -> str:
    """Return a verdict as HTML: its mark, the verdict in bold, the part that decided, and its errors."""
    verdict = found["verdict"]
    words = _inline(trial.in_words(found)).removeprefix(verdict)
    errors = "".join(
        f"<br><code>{html.escape(each)}</code>"
        for each in dict.fromkeys(part["error"] for part in found["parts"] if "error" in part)
    )
    return f"{_MARKS[verdict]} <strong>{verdict}</strong>{words}{errors}"


def _inline(markdown: str) -> str:
    return to_html(markdown).strip().removeprefix("<p>").removesuffix("</p>")


def _heads(first: Iterable[str], last: Iterable[str]) -> str:
    versions = [f'<th scope="col" class="only {_key(name)}">{html.escape(label(name))}</th>' for name in columns()]
    plain = [[f'<th scope="col">{html.escape(words)}</th>' for words in each] for each in (first, last)]
    return f"<thead><tr>{''.join([*plain[0], *versions, *plain[1]])}</tr></thead>"


class WhatHolds(_Chooser):
    """All claims of the lessons, with the verdicts on the version that a reader chooses.

    Example:
        >>> print(WhatHolds())   # doctest: +ELLIPSIS
        89 claims, tried on ... versions. For ... the verdict differs between them.
    """

    caption = "What holds in your version"
    filters: ClassVar[dict[str, str]] = {
        "changes": "what differs between versions",
        "open": "what does not simply hold",
    }

    def __repr__(self) -> str:
        return self.summary

    @property
    def summary(self) -> str:
        """The numbers of claims, of versions, and of claims whose verdict differs between versions."""
        numbers = [claim["number"] for each in claims().values() for claim in each]
        differ = sum(bool(changes(number)) for number in numbers)
        return (
            f"{len(numbers)} claims, tried on {len(columns())} versions. For {differ} the verdict differs between them."
        )

    def _body(self) -> str:
        bodies = []
        for lesson, each in claims().items():
            span = len(columns()) + 3
            bodies.append(f'<tr class="lesson"><th scope="rowgroup" colspan="{span}">Lesson {lesson}</th></tr>')
            bodies += [self._row(claim, _tried(claim["number"])) for claim in each]
        head = _heads(["No.", "Claim"], ["What works today"])
        return f"<table><caption>{html.escape(self.summary)}</caption>{head}<tbody>{''.join(bodies)}</tbody></table>"

    def _row(self, claim: Mapping, found: Mapping[str, Mapping]) -> str:
        classes = [f"{_key(name)}-holds" for name, each in found.items() if each["verdict"] == trial.HOLDS]
        changed = changes(claim["number"])
        classes += [] if changed else ["never-changes"]
        more = f"<br><small>{html.escape(changed)}</small>" if changed else ""
        return (
            f'<tr class="{" ".join(classes)}"><th scope="row">{claim["number"]}</th><td>{_inline(claim["text"])}</td>'
            f'{_cells(found)}<td class="today">{_inline(claim["today"])}{more}</td></tr>'
        )


class MethodsByVersion(_Chooser):
    """Verdicts on each way of cloning for each kind of model, on the version that a reader chooses.

    Example:
        >>> MethodsByVersion().verdict("2.21", "dropout", "keras")
        'not the same future'
    """

    caption = "Ways of cloning in your version"

    @property
    def names(self) -> list[str]:
        """The columns in which ways of cloning were tried."""
        return [name for name, column in columns().items() if column["methods"]]

    def verdict(self, name: str, kind: str, method: str) -> str:
        """Return the verdict on a way of cloning and a kind of model on a version, in a few words."""
        return _lost(columns()[name]["methods"][f"{kind}.{method}"])

    def __repr__(self) -> str:
        lines = []
        for name in self.names:
            lines.append(label(name))
            for method, (words, _) in methods.METHODS.items():
                true = [kind for key, (kind, _) in methods.KINDS.items() if self.verdict(name, key, method) == "true"]
                lines.append(f"  {words}: true for {', '.join(true) or 'none of them'}")
        return "\n".join(lines)

    def _body(self) -> str:
        return "".join(self._table(name) for name in self.names)

    def _table(self, name: str) -> str:
        head = "".join(f'<th scope="col">{html.escape(words)}</th>' for words, _ in methods.METHODS.values())
        rows = []
        for kind, (words, _) in methods.KINDS.items():
            found = {method: columns()[name]["methods"][f"{kind}.{method}"] for method in methods.METHODS}
            cells = "".join(
                f'<td><span class="where">{html.escape(methods.METHODS[method][0])}: </span>{_short(each)}</td>'
                for method, each in found.items()
            )
            rows.append(f'<tr><th scope="row">{html.escape(words)}</th>{cells}</tr>')
        return (
            f'<table class="only {_key(name)}"><caption>{html.escape(label(name))}</caption>'
            f'<thead><tr><th scope="col">Model</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        )


def _lost(found: Mapping) -> str:
    if found["verdict"] == trial.UNTRIED:
        return "there is none"
    failed = [part["name"] for part in found["parts"] if not part["holds"]]
    if "a clone is made" in failed:
        return "an error"
    return f"not the {' or '.join(failed)}".replace("the own life", "an own life") if failed else "true"


def _short(found: Mapping) -> str:
    words = _lost(found)
    mark = {"true": "✓", "an error": "✗", "there is none": "○"}.get(words, "◐")
    errors = [part["error"] for part in found["parts"] if "error" in part]
    why = found.get("because") or (errors[0] if errors else "")
    if not why:
        return f"{mark} {words}"
    return f"<details><summary>{mark} {words}</summary><code>{html.escape(why)}</code></details>"
