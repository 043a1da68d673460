"""Cells that are run before those above them raise a NameError, or say plainly that a cell above has not run.

Here the cells run in this process, so that TensorFlow is loaded once. A reader does the same after a restart: they run
the set-up cell, then the cell where they were.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import notebook_checks
import pytest
from tiers import every

from workbook.lessons import progress
from workbook.lessons.panels import ExercisePanel, QuestionPanel
from workbook.lessons.quiz import Outcome

NOTEBOOKS = notebook_checks.lessons(sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb")))
FIRST = re.compile(r"labs\.ask\(|labs\.exercise\(|labs\.show_progress\(", re.MULTILINE)


def code_cells(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def run(source, namespace):
    """Run a cell; return the value of its last line, which a notebook would show."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), namespace)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace) if last else None


@pytest.mark.parametrize("path", every(3, NOTEBOOKS), ids=lambda path: path.stem)
def test_after_the_set_up_alone_nothing_is_claimed(path, monkeypatch, tmp_path, capsys, packages):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress.json"))
    set_up, *cells = code_cells(path)
    before, quiet, _ = set_up.partition("workbook.quiet_tensorflow(")
    assert quiet and not re.search("keras|tensorflow", before)  # else TensorFlow has written its log already
    for cell in cells:  # before the set-up, the error is a missing name
        if FIRST.search(cell):
            with pytest.raises(NameError):
                run(cell, {"__name__": "__main__"})
    namespace = {"__name__": "__main__"}
    run(set_up, namespace)
    ran = 0
    for cell in cells:
        if not FIRST.search(cell):
            continue
        try:
            shown = run(cell, namespace)
        except NameError:
            continue  # Python's own error for a cell above that was not run
        ran += 1
        if isinstance(shown, ExercisePanel):
            assert shown.feedback.outcome is Outcome.NOT_ATTEMPTED, cell
        elif isinstance(shown, QuestionPanel):
            assert shown.choice.value is None and shown.verdict_box.content == ""
        else:
            assert "labs.show_progress(" in cell, f"{cell} showed {shown!r}"
    assert ran >= 2
    assert not (tmp_path / "progress.json").exists()  # no question counts as answered
