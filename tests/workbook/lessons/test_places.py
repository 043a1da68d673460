"""The progress panel finds where a notebook asks a question, under the heading that a reader sees there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbook.lessons import progress
from workbook.lessons.places import Place, first_place

NOTEBOOKS = {path.name[:2]: path for path in sorted((Path(__file__).resolve().parents[3] / "notebooks").glob("0*"))}


def write(folder, *cells):
    """Write a notebook; a text that begins with # is Markdown."""
    file = folder / "made.ipynb"
    kinds = ("markdown" if cell.startswith("#") else "code" for cell in cells)
    made = [{"cell_type": kind, "source": cell.splitlines(True)} for kind, cell in zip(kinds, cells, strict=True)]
    file.write_text(json.dumps({"cells": made}))
    return file


@pytest.mark.parametrize(
    ("number", "tasks"), [*progress._tasks()], ids=lambda each: each if isinstance(each, str) else ""
)
def test_every_question_and_exercise_is_under_a_heading(number, tasks):
    for name in tasks:
        place = first_place(NOTEBOOKS[number], [name])
        assert place.file == NOTEBOOKS[number].name and place.heading, name
        cells = json.loads(NOTEBOOKS[number].read_text(encoding="utf-8"))["cells"]
        assert any(place.heading in "".join(cell["source"]).replace("`", "") for cell in cells)


def test_the_first_in_the_notebook_counts_and_not_in_the_module(tmp_path):
    file = write(tmp_path, "# T", "## A\n\ntext\n\n### B", "labs.ask(lesson.TWO)", "## C", "labs.ask(lesson.ONE)")
    assert first_place(file, ["ONE", "TWO"]) == Place("made.ipynb", "B")
    assert first_place(file, ["ONE"]).heading == "C"
    assert first_place(file, ["ON", "TW"]) == first_place(file) == Place("made.ipynb")


def test_the_link_has_the_anchor_of_jupyterlab(tmp_path):
    file = write(tmp_path, '## `clone_model` and *a* "model"', "labs.ask(lesson.ONE)")
    assert first_place(file, ["ONE"]).link == "made.ipynb#heading=clone_model-and-a-%22model%22"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"cells": 3}', '{"cells": [{}]}', "[" * 100_000])
def test_a_file_that_is_no_notebook_is_a_place_as_a_whole(tmp_path, content):
    file = tmp_path / "made.ipynb"
    assert first_place(file, ["ONE"]) is None
    file.write_text(content)
    assert first_place(file, ["ONE"]) == Place("made.ipynb")
