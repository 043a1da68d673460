"""The file of stored verdicts: workbook/lessons/claims/versions.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from run import ROOT, Problem

FILE = ROOT / "workbook" / "lessons" / "claims" / "versions.json"
LONG = ("claims", "methods")  # one line per entry


def read() -> dict[str, dict]:
    """Return the stored columns by name, in order."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def merged(found: Mapping[str, dict], order: Sequence[str]) -> dict[str, dict]:
    """Return the stored columns, updated with new ones.

    Args:
        found: New columns, by name.
        order: The names of all columns, in order. Stored columns with other names are dropped.
    """
    known = {**read(), **found}
    return {name: known[name] for name in order if name in known}


def write(columns: Mapping[str, Mapping]) -> None:
    """Store the columns with one line for each verdict, so that a diff shows each changed verdict."""
    FILE.write_text(_text(columns), encoding="utf-8", newline="\n")


def _text(columns: Mapping[str, Mapping]) -> str:
    blocks = []
    for name, column in columns.items():
        lines = [f"  {_json(key)}: {_json(value)}" for key, value in column.items() if key not in LONG]
        for key in LONG:
            entries = [f"   {_json(number)}: {_json(each)}" for number, each in column.get(key, {}).items()]
            lines.append(
                f"  {_json(key)}: {{\n" + ",\n".join(entries) + "\n  }" if entries else f"  {_json(key)}: {{}}"
            )
        blocks.append(f" {_json(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def with_claims(name: str, column: Mapping) -> dict:
    """Return a stored column with some of its claims as they were found now; its date stays that of the others."""
    before = read()[name]
    if before["versions"] != column["versions"]:
        raise Problem(f"The packages of {name} are not those of its stored column. Try all its claims.")
    return {**before, "claims": {**before["claims"], **column["claims"]}}


def differences(found: Mapping[str, Mapping]) -> list[str]:
    """Return a line for each verdict that differs from the stored one, including parts but not error messages.

    Args:
        found: Columns by name.
    """
    lines, before = [], read()
    for name, column in found.items():
        for kind in LONG:
            old = before.get(name, {}).get(kind, {})
            for number, each in column.get(kind, {}).items():
                if number not in old:
                    lines.append(f"{name}: {number} is new: {each['verdict']}")
                elif _essence(old[number]) != _essence(each):
                    lines.append(f"{name}: {number} was: {_words(old[number])}; is: {_words(each)}")
    return lines


def _essence(found: Mapping) -> tuple:
    return found["verdict"], [(part["name"], part["holds"]) for part in found["parts"]]


def _words(found: Mapping) -> str:
    parts = [f"{part['name']}: {part.get('error') or part['holds']}" for part in found["parts"]]
    return found["verdict"] + (f" ({'; '.join(parts)})" if parts else f", because {found.get('because', '?')}")
