"""The floors of `helpers`, as CONTRIBUTING.md draws them: a module imports only from those below it or beside it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HELPERS = ROOT / "helpers"
FOR_THE_EYES = {"IPython", "ipywidgets", "matplotlib"}


def drawn():
    """Read the table: by name of a module or package, on which floor it is, from the top; and the floor of the line."""
    table = (
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("| Module | What it does |")[1].split("\n\n")[0]
    )
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    floors = {name: number for number, row in enumerate(rows) for name in re.findall(r"`(\w+)(?:\.py|/)`", row)}
    return floors, [row.strip() for row in rows].index("—")


FLOORS, LINE = drawn()
MODULES = sorted(path for path in HELPERS.rglob("*.py") if path != HELPERS / "__init__.py")


def place(path):
    """Return the name under which the table has a module."""
    return path.relative_to(HELPERS).with_suffix("").parts[0]


def imports(path):
    """Yield what a module imports, and whether it does so as soon as it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node in tree.body
        elif isinstance(node, ast.ImportFrom):
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "helpers" else [node.module]
            )
            for name in names:
                yield name, node in tree.body


def test_the_table_has_every_module():
    assert FLOORS.keys() == {place(path) for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(HELPERS).as_posix())
def test_a_module_imports_only_from_below(path):
    own = FLOORS[place(path)]
    for name, at_once in imports(path):
        first, *rest = name.split(".")
        if first == "helpers" and rest and rest[0] in FLOORS:
            assert FLOORS[rest[0]] >= own, f"{path.name} imports {name}, which stands above it"
        if at_once and own > LINE:
            assert first not in FOR_THE_EYES, f"{path.name} imports {name}, and is to do without"
