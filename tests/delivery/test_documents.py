"""The documents of the repository: links lead to files, and the README of a folder names all of its modules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(path for folder in ROOT.glob("[a-z]*") for path in folder.rglob("*.md"))]
DOCUMENTS = [path for path in DOCUMENTS if not {"node_modules", "site-packages"} & set(path.parts)]
WITH_AN_ORDER = ("helpers", "helpers/keras_files", "workbook", "workbook/labs", "tools", "tests")


def without_code(text):
    return re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_to_files(path):
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text(encoding="utf-8")))
    missing = [
        target
        for target in targets
        if not re.match(r"[a-z]+:|#", target) and not (path.parent / target.split("#")[0]).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("folder", WITH_AN_ORDER)
def test_a_folder_whose_order_of_reading_is_not_obvious_has_a_short_readme(folder):
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ") and len(text.splitlines()) <= 20


@pytest.mark.parametrize("folder", ["helpers", "workbook", "tools"])
def test_the_readme_of_a_folder_names_every_module_in_it(folder):
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    modules = {path.name for path in (ROOT / folder).glob("*.py")} - {"__init__.py"}
    assert {name for name in modules if f"`{name}" not in text} == set()
