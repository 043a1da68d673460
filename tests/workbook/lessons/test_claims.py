"""Every claim of a lesson's text is shown by a cell, judged by that cell, and stands in the table at the end."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import nbformat
import pytest

import workbook
from workbook.lessons.claims import Claim

ROOT = Path(__file__).resolve().parents[3]
NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
# By lesson: the number of its text, and how many examples and claims the text has. A claim that is dropped from a list
# would leave no other trace.
NUMBERS = {"01": (3, 3, 13), "02": (0, 3, 13), "03": (2, 3, 15), "04": (4, 3, 17), "05": (1, 3, 16)}
CLAIMS = ROOT / "workbook" / "lessons" / "claims"
LESSONS = sorted(path.stem.removeprefix("lesson_") for path in CLAIMS.glob("lesson_*.py"))


def claims(lesson):
    return importlib.import_module(f"workbook.lessons.claims.lesson_{lesson}").CLAIMS


def judgements(source):
    """Numbers that a cell records or cites, with the values that it gives; None where the source is no Python."""
    found = []
    for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE))):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if called and node.func.attr in ("record", "cite") and getattr(node.func.value, "id", "") == "verdicts":
            values = [keyword.value for keyword in node.keywords] if node.func.attr == "record" else []
            found.append((node.args[0].value if isinstance(node.args[0], ast.Constant) else None, values))
    return found


def problems(notebook, lesson):
    """What keeps a notebook from covering a text: one sentence each."""
    known = {claim.number: claim.tag for claim in claims(lesson)}
    tagged, judged, found = {}, {}, []
    for index, cell in enumerate(notebook.cells):
        tags = [tag for tag in cell.metadata.get("tags", []) if tag.startswith("claim-")]
        found += [f"cell {index} is tagged {tag}, which is no claim" for tag in tags if tag not in known.values()]
        if cell.cell_type != "code":
            found += [f"cell {index} is tagged {tag} and runs nothing" for tag in tags]
            continue
        for number, values in judgements(cell.source):
            judged.setdefault(number, []).append(index)
            for value in values:
                parts = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
                if any(isinstance(part, ast.Constant) for part in parts):
                    found.append(f"cell {index} does not compute the verdict on {number}")
        for tag in tags:
            tagged.setdefault(tag, []).append(index)
    for number, tag in known.items():
        if tag not in tagged:
            found.append(f"no cell shows claim {number}")
        elif not set(tagged[tag]) & set(judged.get(number, [])):
            found.append(f"no cell that shows claim {number} judges it")
    found += [
        f"cell {judged[number][0]} judges {number}, which is no claim" for number in judged if number not in known
    ]
    tables = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip() == "verdicts"]
    shown = "".join(output.get("data", {}).get("text/html", "") for cell in tables for output in cell.outputs)
    if len(tables) != 1:
        found.append("one cell has to show the table of verdicts")
    else:
        found += [f"the table lacks {number}" for number in known if f">{number}</th>" not in shown]
        found += ["the table has claims that were not run"] if "not run yet" in shown else []
    return found


def notebook_of(lesson):
    """The notebook that treats a text, by the call in it that loads the claims."""
    called = f'Verdicts("{lesson}")'
    treating = [path for path in NOTEBOOKS.values() if called in path.read_text(encoding="utf-8").replace('\\"', '"')]
    assert len(treating) == 1, f"{[path.name for path in treating]} treat the text of lesson {lesson}: it has to be one"
    return treating[0]


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_claim_is_listed_and_covered(lesson):
    text, examples, statements = NUMBERS[lesson]
    wanted = [f"E{number}" for number in range(1, examples + 1)] + [str(n) for n in range(1, statements + 1)]
    assert [claim.number for claim in claims(lesson)] == [f"{text}.{number}" for number in wanted]
    assert problems(nbformat.read(notebook_of(lesson), as_version=4), lesson) == []


def test_there_are_texts():
    assert LESSONS


# -- each problem is found ---------------------------------------------------------------------------------------------


def broken(change):
    notebook = nbformat.read(notebook_of("02"), as_version=4)
    change(notebook)
    return problems(notebook, "02")


def cells_tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def test_a_dropped_tag_is_found():
    def change(notebook):
        for cell in cells_tagged(notebook, "claim-0.12"):
            cell.metadata["tags"].remove("claim-0.12")

    assert broken(change) == ["no cell shows claim 0.12"]


def test_a_cell_that_does_not_judge_is_found():
    def change(notebook):
        for cell in cells_tagged(notebook, "claim-0.12"):
            cell.source = cell.source.replace('"0.12"', '"0.4"')

    assert broken(change) == ["no cell that shows claim 0.12 judges it"]


def test_a_verdict_that_is_typed_in_is_found():
    def change(notebook):
        cells_tagged(notebook, "claim-0.12")[0].source += '\nverdicts.record("0.12", keras=False)'

    (problem,) = broken(change)
    assert problem.endswith("does not compute the verdict on 0.12")


def test_unknown_claims_are_found():
    def change(notebook):
        cell = cells_tagged(notebook, "claim-0.12")[0]
        cell.metadata["tags"].append("claim-0.99")
        cell.source += '\nverdicts.record("0.98", keras=model is None)'

    assert [problem.split(" ", 2)[2] for problem in broken(change)] == [
        "is tagged claim-0.99, which is no claim",
        "judges 0.98, which is no claim",
    ]


def test_a_table_with_a_claim_that_was_not_run_is_found():
    def change(notebook):
        table = next(cell for cell in notebook.cells if cell.source.strip() == "verdicts")
        data = table.outputs[0].data
        data["text/html"] = data["text/html"].replace("<strong>holds</strong>", "<strong>not run yet</strong>", 1)

    assert broken(change) == ["the table has claims that were not run"]


# -- the list and the table --------------------------------------------------------------------------------------------


def test_a_claim_whose_cell_did_not_run_is_said_to_be_open_everywhere():
    verdicts = workbook.Verdicts("02")
    page = verdicts._repr_html_()
    assert page.count("not run yet</td>") == 2 * len(verdicts.claims) and "does not apply" not in page
    assert (
        verdicts.summary == f"{len(verdicts.claims)} claims: {len(verdicts.claims)} not run yet (run the cells above)."
    )
    verdicts.record("0.4", keras=True)
    assert verdicts._repr_html_().count("does not apply") == 1


def test_verdicts_in_words():
    verdicts = workbook.Verdicts("02")
    assert verdicts.verdict("0.4") == "not run yet" and "0.4" in verdicts.open
    for found, words in (
        ({"keras": True, "tf_keras": [True, True]}, "holds"),
        ({"keras": False, "tf_keras": False}, "does not hold"),
        ({"keras": False, "tf_keras": True}, "holds only on Keras 2"),
        ({"keras": True, "tf_keras": [False]}, "holds only on Keras 3"),
        ({"keras": [True, False], "tf_keras": False}, "holds in part"),
        ({"keras": [True, False], "tf_keras": True}, "holds in part"),
    ):
        verdicts.record("0.4", **found)
        assert verdicts.verdict("0.4") == words
    assert "0.4" not in verdicts.open


def test_a_loop_over_the_generations_adds_up_and_one_alone_counts_alone():
    verdicts = workbook.Verdicts("02")
    verdicts.record("0.4", tf_keras=True)
    assert verdicts.verdict("0.4") == "holds"
    verdicts.record("0.4", keras=False)
    assert verdicts.verdict("0.4") == "holds only on Keras 2"


def test_the_table_says_all_in_words_and_escapes():
    verdicts = workbook.Verdicts("02")
    verdicts.record("0.4", keras=False, tf_keras=True)
    verdicts.cite("0.1", False, "https://example.org/?a=1&b=2")
    page = verdicts._repr_html_()
    assert page.count("<tr>") == 1 + len(verdicts.claims)
    assert "holds only on Keras 2" in page and "✗ no" in page and "✓ yes" in page
    assert 'href="https://example.org/?a=1&amp;b=2"' in page and "<code>clone_model</code>" in page
    assert str(verdicts).startswith("16 claims: 1 true only on Keras 2, 1 not true, 14 not run yet")


def test_mistakes_are_refused():
    verdicts = workbook.Verdicts("02")
    for mistake in (
        lambda: verdicts.record("0.99", keras=True),
        lambda: verdicts.record("0.4", torch=True),
        lambda: verdicts.verdict("7"),
        lambda: workbook.Verdicts("99"),
    ):
        with pytest.raises(ValueError):
            mistake()
    assert Claim("0.4", "text", "today").tag == "claim-0.4"
