"""Every claim is a program that runs without the workbook; this file has the verdicts on both Keras versions."""

from __future__ import annotations

import ast
import functools
import json
import re
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from tiers import slow_unless

from workbook.lessons import claim_table, versions
from workbook.lessons.claims import trial

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "workbook" / "lessons" / "claims"
LESSONS = ("01", "02", "03", "04", "05")

# For each claim the verdicts on its parts on Keras 3 and on tf_keras, in order: + if the part holds, - if it does not,
# and ? if the claim cannot be tried there. The parts are defined in the program.
EXPECTED = {
    "3.E1": "- +",
    "3.E2": "+-+ ++-",
    "3.E3": "++- ++-",
    "3.1": "+- +-",
    "3.2": "+++ +++",
    "3.3": "+++ +++",
    "3.4": "+- +-",
    "3.5": "-- --",
    "3.6": "+ +",
    "3.7": "- -",
    "3.8": "++ ++",
    "3.9": "-- +-",
    "3.10": "-- --",
    "3.11": "+-- +--",
    "3.12": "+- ++",
    "3.13": "- -",
    "0.E1": "- -",
    "0.E2": "- +",
    "0.E3": "- +",
    "0.1": "? ?",
    "0.2": "+ +",
    "0.3": "+-+ +++",
    "0.4": "-- --",
    "0.5": "- -",
    "0.6": "- -",
    "0.7": "- -",
    "0.8": "-+ -+",
    "0.9": "- +",
    "0.10": "- -",
    "0.11": "+- +-",
    "0.12": "- -",
    "0.13": "+- +-",
    "2.E1": "++- +++",
    "2.E2": "+ +",
    "2.E3": "- +",
    "2.1": "+- +-",
    "2.2": "+-- +++",
    "2.3": "+- +-",
    "2.4": "- -",
    "2.5": "--- +--",
    "2.6": "+++ +++",
    "2.7": "- -",
    "2.8": "+- ++",
    "2.9": "- -",
    "2.10": "- -",
    "2.11": "++-- ++--",
    "2.12": "- -",
    "2.13": "- -",
    "2.14": "+- +-",
    "2.15": "+- ++",
    "4.E1": "- -",
    "4.E2": "- +",
    "4.E3": "- -",
    "4.1": "+- +-",
    "4.2": "-+- ++-",
    "4.3": "- +-",
    "4.4": "++ ++",
    "4.5": "+- +-",
    "4.6": "+ +",
    "4.7": "+ +",
    "4.8": "--+ --+",
    "4.9": "+- +-",
    "4.10": "+ +-",
    "4.11": "-++ --+",
    "4.12": "++-+ ++--",
    "4.13": "+++ +++",
    "4.14": "- -",
    "4.15": "- -",
    "4.16": "- --",
    "4.17": "- -",
    "1.E1": "- -",
    "1.E2": "+--- +---",
    "1.E3": "- -",
    "1.1": "+ +",
    "1.2": "-- ++",
    "1.3": "-- --",
    "1.4": "- --",
    "1.5": "---- ++--",
    "1.6": "- -",
    "1.7": "+ +",
    "1.8": "- -",
    "1.9": "- -",
    "1.10": "+- +-",
    "1.11": "-- +-",
    "1.12": "-- --",
    "1.13": "+--- +---",
    "1.14": "? ---++",
    "1.15": "? -",
    "1.16": "? +---",
}
# By lesson: the number of its text, and how many examples and claims the text has. A claim that is dropped from a file
# and from the list above would leave no other trace.
NUMBERS = {"01": (3, 3, 13), "02": (0, 3, 13), "03": (2, 3, 15), "04": (4, 3, 17), "05": (1, 3, 16)}


@functools.cache
def available(package):
    return trial.given(package)


def signs(found):
    return "".join("-+"[part["holds"]] for part in found["parts"]) or "?"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_claim_of_the_text_is_a_program(lesson):
    text, examples, statements = NUMBERS[lesson]
    wanted = [f"E{number}" for number in range(1, examples + 1)] + [str(n) for n in range(1, statements + 1)]
    claims = claim_table.claims_of_lesson(lesson)
    assert [claim["number"] for claim in claims] == [f"{text}.{number}" for number in wanted]
    assert all(claim["text"].endswith(".") and claim["today"].endswith(".") for claim in claims)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("lesson", [slow_unless(lesson == "02", lesson) for lesson in LESSONS])
def test_what_the_programs_find(lesson, package, packages):
    column = ["keras", "tf_keras"].index(package)
    claims = claim_table.claims_of_lesson(lesson)
    found = {claim["number"]: signs(trial.try_claim(claim["check"], available(package))) for claim in claims}
    assert found == {number: EXPECTED[number].split()[column] for number in found}


# -- a fault in a recipe is noticed ------------------------------------------------------------------------------------

FAULTS = [
    ("0.8", "called.set_weights(model.get_weights())", "called.get_weights()"),
    ("0.4", "clone = keras.models.clone_model(model)", "clone = model"),
    ("3.13", "clone(x, training=False)", "clone(x, training=True), clone(x), model(x)"),
    ("2.9", 'keras.models.load_model(folder + "/model.h5")', "keras.models.clone_model(model)"),
    ("2.15", 'warnings.simplefilter("always")', 'warnings.simplefilter("ignore")'),
    ("4.7", "clone.set_weights(model.get_weights())", "clone = model"),
    ("4.8", 'serialize("relu")', "serialize(keras.activations.relu)"),
    ("1.1", "    second = model\n", "    second = keras.models.clone_model(model)\n"),
    ("1.12", "scale_diag=scale", "scale_diag=tfp.util.TransformedVariable([0.7, 0.7], tfp.bijectors.Softplus())"),
]


@pytest.mark.parametrize(("number", "right", "wrong"), FAULTS, ids=[number for number, *_ in FAULTS])
def test_a_fault_in_a_recipe_is_noticed(number, right, wrong, tmp_path, packages):
    (claim,) = (each for lesson in LESSONS for each in claim_table.claims_of_lesson(lesson) if each["number"] == number)
    assert claim["source"].count(right) == 1
    (tmp_path / "faulty.py").write_text(claim["source"].replace(right, wrong), encoding="utf-8")
    (faulty,) = trial.load(str(tmp_path / "faulty.py"))
    assert signs(trial.try_claim(faulty["check"], available("keras"))) != EXPECTED[number].split()[0]


# -- the programs are plain --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_plain_modules(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    allowed = {"numpy", "tensorflow"} if path.stem == "trial" else set()
    assert {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) == allowed
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("check_"):
            names = {argument.arg for argument in node.args.args}
            assert names <= {"keras", "tf", "np", "tfp", "folder"}, node.name
            code = path.read_text(encoding="utf-8").splitlines()[node.body[0].end_lineno : node.end_lineno]
            assert len([line for line in code if line.strip()]) <= 24, f"{node.name} is too long to be followed"


# -- one trial ---------------------------------------------------------------------------------------------------------

NOTHING = {
    "np": np,
    "tf": SimpleNamespace(random=SimpleNamespace(set_seed=lambda seed: None)),
    "keras": SimpleNamespace(utils=SimpleNamespace()),
    "tfp": ImportError("no TFP here"),
}


def fail():
    raise ValueError("first line\nsecond line")


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ({"it works": True}, "holds"),
        ({"it works": np.True_, "it runs": lambda: None}, "holds"),
        ({"it works": False, "it runs": fail}, "does not hold"),
        ({"it works": True, "it runs": fail, "it ends": lambda: np.False_}, None),
        ("there is no such thing", "cannot be tried here, because there is no such thing"),
    ],
)
def test_verdicts_in_words(returned, words):
    words = words or "holds in part: it works, but not: it runs; it ends"
    assert trial.in_words(trial.try_claim(lambda: returned, NOTHING)) == words


def test_the_error_of_a_part_is_kept_and_a_part_is_tried_after_the_one_before():
    steps = []
    found = trial.try_claim(
        lambda: {"first": lambda: steps.append(1), "second": lambda: steps[0] == 1, "third": fail}, NOTHING
    )
    assert found["parts"] == [
        {"name": "first", "holds": True},
        {"name": "second", "holds": True},
        {"name": "third", "holds": False, "error": "ValueError: first line"},
    ]


def test_what_a_claim_asks_for_decides_what_it_gets():
    def check(np, folder):
        (Path(folder) / "file").write_text("")
        return {"an empty folder": len(list(Path(folder).iterdir())) == 1, folder: np is not None}

    found = trial.try_claim(check, NOTHING)
    assert found["verdict"] == trial.HOLDS
    assert not Path(found["parts"][1]["name"]).exists()  # removed afterwards
    without = trial.try_claim(lambda tfp: {}, NOTHING)
    assert trial.in_words(without) == "cannot be tried here, because ImportError: no TFP here"
    broken = trial.try_claim(fail, NOTHING)
    assert trial.in_words(broken) == "cannot be tried here, because ValueError: first line"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "Exception encountered when calling Lazy.call().\n\n\x1b[1mNo new state.\x1b[0m\n\nArguments: x",
            "No new state.",
        ),
        ("in user code:\n\n    File a.py\n\n    KeyError: 'optimizer'", "KeyError: 'optimizer'"),
        ("Layer 'reader_12' at 0x7f0000 is not built. " + "Provided: [1.0]" * 20, "Layer 'reader' is not built."),
        ("x" * 200, "x" * 157 + "..."),
        ("", ""),
    ],
)
def test_an_error_is_said_without_what_differs_from_run_to_run(message, said):
    def check():
        raise ValueError(message)

    assert trial.try_claim(check, NOTHING)["because"] == f"ValueError: {said}".removesuffix(": ")


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be forked")
@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: {"it works": True}, "holds"),
        (lambda: sys.exit(3) or {}, "cannot be tried here, because it ended the process with code 3"),
        (lambda: threading.Event().wait(), None),
    ],
    ids=["holds", "ends the process", "takes for ever"],
)
def test_a_process_of_its_own(check, words):
    seconds = 60 if words else 0.5
    words = words or "cannot be tried here, because it took more than 0.5 seconds"
    assert trial.in_words(trial.try_in_a_process(check, NOTHING, seconds)) == words


def test_from_the_command_line(tmp_path, packages):
    out = tmp_path / "found.json"
    trial.main([str(FOLDER / "lesson_01.py"), "--keras", "tf_keras", "--only", "3.6", "3.7", "--out", str(out)])
    found = json.loads(out.read_text(encoding="utf-8"))
    assert [(each["number"], each["verdict"]) for each in found] == [("3.6", "holds"), ("3.7", "does not hold")]


# -- the table ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def table():
    """The table of lesson 02 with made-up verdicts: one claim holds everywhere."""
    claims = claim_table.claims_of_lesson("02")
    part = {
        "verdict": trial.IN_PART,
        "parts": [{"name": "<a>", "holds": True}, {"name": "b", "holds": False, "error": "E: <c>"}],
    }
    found = [part] * (len(claims) - 1) + [{"verdict": trial.HOLDS, "parts": [{"name": "a", "holds": True}]}]
    older = {
        name: {
            "date": "2026-11-29",
            "versions": {"tensorflow": name, "keras": keras},
            "claims": {claim["number"]: {"verdict": verdict, "parts": []} for claim in claims[:1]},
        }
        for name, keras, verdict in (
            ("2.6", "2.6.0", trial.NOT),
            ("2.10", "2.10.0", trial.NOT),
            ("2.16", "3.1.1", trial.HOLDS),
        )
    }
    return claim_table.ClaimTable(claims, {"keras": found, "tf_keras": found}, older)


def test_the_table_opens_to_programs_and_folds_what_holds(table):
    page = table._repr_html_()
    shown, _, folded = page.partition("<summary>The one that simply holds</summary>")
    assert [number for number in EXPECTED if f'<th scope="row">{number}</th>' in folded] == ["0.13"]
    for claim in table.claims:
        assert page.count(f'<th scope="row">{claim["number"]}</th>') == 1
        assert page.count(f"The program of {claim['number']}, and what it returned</summary>") == 1
    assert "def check_0_E1(keras, np):" in shown and "def check_0_13(" in folded
    assert "&lt;a&gt;" in shown and "<code>E: &lt;c&gt;</code>" in shown and "<c>" not in page
    assert page.count("<details>") == page.count("</details>") == page.count("<summary>") == len(table.claims) + 1
    assert not re.search(r"<script|onclick|style=", page)


def test_the_table_shows_older_versions_with_their_date_and_where_a_verdict_changes(table):
    changed = "From TensorFlow 2.6 to 2.10 it does not hold; from TensorFlow 2.16, Keras 3.1 on it holds."
    page = table._repr_html_()
    assert "Older TensorFlow, tried 2026-11-29" in page
    assert changed in page and changed in repr(table)
    table.older.pop("2.16")
    assert (
        "✗ <strong>does not hold</strong>" in table._repr_html_()
        and "does not hold on all from 2.6 to 2.10" in repr(table)
    )
    table.older = {}
    assert "Older" not in table._repr_html_()


def test_what_held_on_the_version_of_the_text_stands_first(table):
    table.written_for = "2.10"
    line = "Older TensorFlow: does not hold on TensorFlow 2.10, for which the claim was written"
    lines = repr(table).splitlines()
    assert "From TensorFlow 2.6" in lines[lines.index(f"  {line}") + 1]
    assert "for which the claim was written" in table._repr_html_()
    table.older.pop("2.16")
    assert (
        "does not hold on TensorFlow 2.10, for which the claim was written, and on all others from 2.6 to 2.10"
        in repr(table)
    )
    named = {name: claim_table._written_for(name) for name in LESSONS}
    assert {name for name in named.values() if name} <= set(versions.columns())
    assert named["01"] == "2.0" and named["04"] == "2.6"


def test_the_table_as_text(table):
    lines = repr(table).splitlines()
    assert lines[0] == "16 claims. Keras 3: 1 holds, 15 hold in part. Keras 2: 1 holds, 15 hold in part."
    assert "  Keras 3: holds in part: <a>, but not: b" in lines
    assert table.verdict("0.13", "keras") == "holds"


def test_unknown_lessons_are_refused():
    with pytest.raises(ValueError, match="no claims of a lesson '99'"):
        claim_table.try_claims("99")


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_lesson_ends_with_its_table(lesson):
    """The cell computes the table, and its stored output has every claim; no other cell records verdicts."""
    (path,) = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert not [cell.source for cell in cells if re.search(r"verdicts\.(record|cite)", cell.source)]
    assert cells[-1].source == f'workbook.try_claims("{lesson}")'
    progress, result = cells[-1].outputs
    claims = claim_table.claims_of_lesson(lesson)
    assert progress.text == f"{len(claims)} claims, each tried on Keras 3 and on Keras 2.\n"
    for claim in claims:
        assert f'<th scope="row">{claim["number"]}</th>' in result.data["text/html"]
        assert f"{claim['number']}  {claim['text']}" in result.data["text/plain"]
