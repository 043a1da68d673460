"""The sections, answers, controls and sentences in the teacher's guide exist, and its schedules add up."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import nbformat
import pytest
from notebook_checks import lessons
from tiers import slow_unless

from workbook.labs.birth import run as birth
from workbook.labs.interruption import run as interruption
from workbook.labs.layer import run as layer
from workbook.labs.layer.spec import Definition
from workbook.labs.posteriors import run as posteriors
from workbook.labs.save_load import run as save_load
from workbook.lessons.quiz import Exercise, Question

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "classroom" / "teachers_guide.md").read_text(encoding="utf-8")
PATHS = lessons(sorted((ROOT / "notebooks").glob("*.ipynb")))
NOTEBOOKS = {path.name: nbformat.read(path, as_version=4) for path in PATHS}
LESSONS = [importlib.import_module(f"workbook.lessons.lesson_{name[:2]}") for name in NOTEBOOKS]
QUESTIONS = [value for lesson in LESSONS for value in vars(lesson).values() if isinstance(value, Question)]
EXERCISES = [value for lesson in LESSONS for value in vars(lesson).values() if isinstance(value, Exercise)]
TESTS = {"Same start", "Same future", "Own life"}
MENUS = {"Clear Outputs of All Cells", "Edit", "Run All Above Selected Cell", "Run", "Settings", "Theme"}
MENUS |= {"Increase Content Font Size", "Restart Kernel"}

START = Definition(style="sequential")
SGD = Definition(style="sequential", optimizer="sgd")
# The settings that the guide asks the teacher to choose, and the sentence that it says the lab will show.
SHOWN = [
    (layer, {"definition": START, "naive": "clone_model"}, "2 of 2 layers differ"),
    (layer, {"definition": START, "naive": "alias"}, "training one moves the other"),
    (layer, {"definition": START, "naive": "clone_model_set_weights"}, "unequal from step 1 on"),
    (
        layer,
        {"definition": SGD, "naive": "clone_model_set_weights"},
        "optimizer state differs",
    ),
    (birth, {"held": "object"}, "training the first moves neither"),
    (birth, {"where": "module"}, "the two instances share them, and training the first moves both"),
    (birth, {"where": "call"}, "On Keras 3 the first call raises a ValueError"),
    (save_load, {"change": "activation"}, "No error, and it is another model"),
    (save_load, {"change": "units"}, "Loading raises an error: you cannot overlook it"),
    (save_load, {"change": "order"}, "No error, and it is another model"),
    (save_load, {"change": "order", "generation": "tf_keras"}, "No error, and the same answers. ✗ Not a true clone"),
    (interruption, {}, "the resumed model has exactly the weights of the model that was never interrupted"),
    (interruption, {"save": "weights_unbuilt"}, "Something is lost by way of a weights file (optimizer not built)"),
    (
        interruption,
        {"lose": "statistics"},
        "the statistics differ from the uninterrupted model's, and the trained weights stay exactly",
    ),
    (interruption, {"lose": "seeds"}, "the loss hardly rises above the one at the interruption"),
    (posteriors, {"method": "copy"}, "they share their variables"),
    (posteriors, {"method": "copy", "train": "original"}, "training one moves the other"),
    (posteriors, {"method": "clone_model"}, "it raises a NameError"),
]


def headings(notebook):
    lines = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown").splitlines()
    return {line.lstrip("#").strip() for line in lines if line.startswith("##")}


def cited_sections():
    """Yield each notebook and section in the tables of the guide; a row without a link continues the last notebook."""
    notebook = None
    for line in GUIDE.splitlines():
        cells = re.split(r"(\]\(\.\./notebooks/[^)]*\))", line)
        for part in cells:
            if link := re.fullmatch(r"\]\(\.\./notebooks/([^)]*)\)", part):
                notebook = link.group(1)
            elif line.startswith("|"):
                yield from ((notebook, section) for section in re.findall(r"\*\*(.+?)\*\*", part))


def quoted():
    return set(re.findall("“(.+?)”", GUIDE))


def test_every_section_is_in_its_notebook():
    cited = list(cited_sections())
    assert {notebook for notebook, _ in cited} == set(NOTEBOOKS)
    assert [(notebook, section) for notebook, section in cited if section not in headings(NOTEBOOKS[notebook])] == []


def test_every_link_leads_somewhere():
    targets = re.findall(r"\]\(([^)#]+)\)", GUIDE)
    assert targets and [target for target in targets if not (ROOT / "classroom" / target).exists()] == []


def test_every_question_has_a_wrong_answer_to_expect_where_it_is_asked():
    sections = {}
    notebook, section = None, None
    for line in GUIDE.splitlines():
        if line.startswith("### ["):
            notebook = re.search(r"notebooks/([^)]*)", line).group(1)
        if notebook and (row := re.match(r"\| \*\*(.+?)\*\* \| “(.+?)” \|", line)):
            section, answer = row.groups()
            sections.setdefault(notebook, set()).add((answer, section))
    assert len(QUESTIONS) > 20
    for question in QUESTIONS:
        name = next(name for name in NOTEBOOKS if name.startswith(question.key[:2]))
        wrong = {option.label for option in question.options if not option.right}
        found = {section for answer, section in sections[name] if answer in wrong}
        place = section_of(question, NOTEBOOKS[name])
        # A label such as "Yes" may belong to more than one question.
        assert place in found, f"the guide foresees no wrong answer to {question.key}, asked in {place!r}"


def section_of(question, notebook):
    """Return the last heading before the cell that asks a question."""
    module = importlib.import_module(f"workbook.lessons.lesson_{question.key[:2]}")
    (name,) = [name for name, value in vars(module).items() if value is question]
    heading = None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = ([line for line in cell.source.splitlines() if line.startswith("## ")] or [heading])[-1]
        elif f"lesson.{name})" in cell.source:
            return heading.lstrip("# ")
    raise AssertionError(f"nothing asks {question.key}")


def test_what_is_quoted_is_a_wrong_answer_or_said_by_a_lab():
    wrong = {option.label for question in QUESTIONS for option in question.options if not option.right}
    assert [text for text in quoted() - wrong if not any(text.startswith(said) for *_, said in SHOWN)] == []


def test_every_exercise_has_an_answer_to_expect():
    table = GUIDE.split("## What they will write")[1].split("\n## ")[0]
    assert len(re.findall(r"^\| \[0\d\]", table, re.M)) == len(EXERCISES)
    for number in range(len(NOTEBOOKS)):
        own = [exercise for exercise in EXERCISES if exercise.key.startswith(f"{number:02}")]
        assert len(re.findall(rf"^\| \[{number:02}\]", table, re.M)) == len(own)


def test_controls_and_options_are_called_so_in_the_labs():
    files = [ROOT / "workbook" / "methods.py", *(ROOT / "workbook" / "labs").rglob("*.py")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    known = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    cited = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", GUIDE)) - TESTS - MENUS
    assert len(cited) > 20
    assert cited - known == set()


def minutes(clock):
    hours, rest = clock.split(":")
    return 60 * int(hours) + int(rest)


@pytest.mark.parametrize(("title", "total"), [("Ninety minutes", 90), ("Half a day", 210), ("A day", 415)])
def test_a_schedule_adds_up(title, total):
    part = GUIDE.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [(minutes(clock), int(length)) for clock, length in re.findall(r"^\| (\d+:\d\d) \| (\d+) \|", part, re.M)]
    ends = [clock + length for clock, length in rows]
    assert [clock for clock, _ in rows[1:]] == ends[:-1]
    assert ends[-1] - rows[0][0] == total


def test_a_day_gives_each_notebook_the_time_that_it_states():
    part = GUIDE.split("## A day\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| \d+:\d\d \| (\d+) \| \[\d\d\]\(\.\./notebooks/(\S+?)\) \|", part, re.M)
    given = {name: int(length) for length, name in rows}
    assert given.keys() == {*NOTEBOOKS}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"\]\(notebooks/(\S+?)\) \| .* \| (\d+) \|", readme))
    assert stated.keys() == given.keys()
    del stated["00_start_here.ipynb"]  # takes longer with a class than alone
    assert {name: given[name] for name in stated} == {name: int(length) for name, length in stated.items()}


@pytest.mark.parametrize(
    ("module", "changes", "sentence"), [slow_unless(number % 4 == 0, *each) for number, each in enumerate(SHOWN)]
)
def test_the_projector_shows_what_the_guide_says(packages, module, changes, sentence):
    assert any(text.startswith(sentence) for text in quoted())
    begin = {
        # Fewer steps than in the lab, because the first ones are enough for the sentence.
        layer: lambda: (layer.LayerRun, layer.LayerSettings(pretrain=10, steps=3)),
        birth: lambda: (birth.BirthRun, birth.BirthSettings()),
        save_load: lambda: (save_load.SaveLoadRun, save_load.SaveLoadSettings()),
        interruption: lambda: (interruption.InterruptionRun, interruption.InterruptionSettings(layers="both")),
        posteriors: lambda: (posteriors.PosteriorsRun, posteriors.PosteriorsSettings(steps=3)),
    }
    run, settings = begin[module]()
    done = run(settings.replace(**changes))
    for _ in done.stages():
        pass
    assert sentence in done.verdict
