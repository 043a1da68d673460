"""Notebook 00: its exercise tells right from wrong, and its map and the README agree with the notebooks on disk."""

import re
from pathlib import Path

import nbformat
import pytest
from notebook_checks import lessons, stated_minutes

from workbook.lessons import lesson_00
from workbook.lessons.lesson_00 import GO_ON_SLOWER
from workbook.lessons.progress_panel import TITLES
from workbook.lessons.quiz import Exercise, Outcome, Question

ROOT = Path(__file__).resolve().parents[3]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = {path.name[:2]: path for path in lessons(PATHS)}
QUESTIONS = [value for value in vars(lesson_00).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_00).values() if isinstance(value, Exercise)]


def test_the_solution_is_correct(answer_from):
    feedback = GO_ON_SLOWER.check(answer_from(GO_ON_SLOWER))
    assert feedback.outcome is Outcome.CORRECT and feedback.text


def test_an_untouched_exercise_is_not_attempted():
    cells = nbformat.read(NOTEBOOKS["00"], as_version=4).cells
    (source,) = [cell.source for cell in cells if "exercise" in cell.metadata.get("tags", [])]
    scope = {}
    exec(source.split("labs.exercise")[0], scope)
    assert GO_ON_SLOWER.check(scope["slower"]).outcome is Outcome.NOT_ATTEMPTED


CLONE, RATE = "helpers.clone(model)", "    clone.optimizer.learning_rate = 0.0001\n"
COPIED = "keras.models.clone_model(model)\n    clone.set_weights(model.get_weights())"
FRESH_ADAM = 'clone.compile("adam", model.loss)'


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("return clone", "return None")], "returns nothing"),
        ([(CLONE, "model")], "second name"),
        ([("return clone", "return helpers.clone")], "a function, not a model"),
        ([(CLONE, "keras.models.clone_model(model)"), (RATE, f"    {FRESH_ADAM}\n")], "fresh weights"),
        ([(CLONE, COPIED), (RATE, f"    {FRESH_ADAM}\n")], "forgotten"),
        ([(RATE, "    clone.compile(keras.optimizers.Adam(0.0001), model.loss)\n")], "forgotten"),
        ([(RATE, "    clone.compile(model.optimizer, model.loss)\n")], "share one optimizer"),
        ([("clone.optimizer", "model.optimizer")], "original has another learning rate"),
        ([(RATE, f"{RATE}    model.compile(keras.optimizers.Adam(0.001), model.loss)\n")], "another learning rate"),
        ([(RATE, "    model.set_weights([0 * each for each in model.get_weights()])\n")], "original has other weights"),
        ([(CLONE, "keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])"), (RATE, "")], "not compiled"),
        ([(RATE, "")], "learning rate 0.001, and 0.0001"),
        ([(RATE, f"{RATE}    clone.loss.from_logits = False\n")], "the audit finds"),
        ([(CLONE, "model.no_such_method()")], "no_such_method"),
    ],
)
def test_a_wrong_answer_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = GO_ON_SLOWER.check(answer_from(GO_ON_SLOWER, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_an_answer_that_is_not_a_function_is_reported():
    assert "not a function" in GO_ON_SLOWER.check("slower").text


def test_every_question_is_asked_before_the_answer_and_every_exercise_is_offered():
    cells = nbformat.read(NOTEBOOKS["00"], as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    names = [name for name, value in vars(lesson_00).items() if isinstance(value, (Question, Exercise))]
    assert len(names) == len(QUESTIONS) + len(EXERCISES) == 4
    places = [code.index(f"lesson.{name}") for name in names]
    assert places == sorted(places)
    for question, answer in (("SECOND_NAME", "second ="), ("FRESH_WEIGHTS", "fresh ="), ("LOST_OPTIMIZER", "copied =")):
        assert code.index(f"lesson.{question}") < code.index(answer)


def test_the_task_stands_in_the_notebook_as_in_the_check():
    cells = nbformat.read(NOTEBOOKS["00"], as_version=4).cells
    text = " ".join(" ".join(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
    assert " ".join(GO_ON_SLOWER.task.split()) in text


def minutes(path):
    """Return the minutes that a notebook states."""
    return stated_minutes(nbformat.read(path, as_version=4))


def rows(text):
    """Return the rows of a table of notebooks: number -> (title, path, minutes)."""
    found = re.findall(r"^\| \[(\d\d) ([^\]]+)\]\(([^)]+)\) \|.*\| (\d+) \|$", text, re.M)
    return {number: (title, path, int(time)) for number, title, path, time in found}


def test_the_map_leads_to_every_other_lesson():
    cells = nbformat.read(NOTEBOOKS["00"], as_version=4).cells
    found = rows("\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))
    assert {number: title for number, (title, _, _) in found.items()} == {
        number: title for number, title in TITLES.items() if number != "00"
    }
    for number, path in NOTEBOOKS.items():
        if number != "00":
            assert found[number][1:] == (path.name, minutes(path)), path.name


def test_the_readme_leads_to_every_lesson():
    found = rows((ROOT / "README.md").read_text(encoding="utf-8"))
    expected = {n: (TITLES[n], f"notebooks/{path.name}", minutes(path)) for n, path in NOTEBOOKS.items()}
    assert found == expected
    assert list(found) == sorted(found)


def test_the_readme_leads_to_a_reference_too_and_states_no_minutes():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in set(PATHS) - set(NOTEBOOKS.values()):
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ").replace(" ·", "")
        assert re.search(rf"^\| \[{title}\]\(notebooks/{path.name}\) \| .+ \| \|$", text, re.M)


def test_it_takes_ten_minutes():
    assert minutes(NOTEBOOKS["00"]) == 10
