"""Notebook 00: its questions have the right answers, and its map and the README agree with the notebooks on disk."""

import math
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tensorflow as tf
from notebook_checks import lessons, size, stated_minutes

import helpers
import workbook
from workbook.lessons import lesson_00
from workbook.lessons.progress_panel import TITLES
from workbook.lessons.quiz import Question

ROOT = Path(__file__).resolve().parents[3]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = {path.name[:2]: path for path in lessons(PATHS)}
QUESTIONS = {name: value for name, value in vars(lesson_00).items() if isinstance(value, Question)}
IMAGES = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
LABELS = np.arange(32) % 3


def right_answer(question):
    return next(option.label for option in question.options if option.right)


@pytest.fixture
def model(packages):
    """A small model of Keras 3 that has been trained with Adam."""
    keras = packages["keras"]
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(IMAGES, LABELS, epochs=2, verbose=0)
    return model


def same_weights(one, other):
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def gradients(model):
    with tf.GradientTape() as tape:
        loss = model.loss(LABELS, model(IMAGES, training=True))
    return tape.gradient(loss, [weight.value for weight in model.trainable_weights])


def test_weights_that_were_copied_have_equal_gradients_and_differ_after_one_step(model, packages):
    assert right_answer(lesson_00.SAME_BATCHES) == "Equal gradients, and unequal weights after the step"
    copied = packages["keras"].models.clone_model(model)
    copied.set_weights(model.get_weights())
    assert same_weights(copied, model)
    assert all(map(np.array_equal, gradients(copied), gradients(model)))
    for each in (copied, model):
        each.train_on_batch(IMAGES, LABELS)
    assert not same_weights(copied, model)


def test_a_clone_that_is_compiled_again_keeps_its_weights_and_no_steps(model, packages):
    assert right_answer(lesson_00.COMPILED_AGAIN) == "0 and 570"
    one, other = helpers.clone(model), helpers.clone(model)
    one.compile(packages["keras"].optimizers.Adam(0.0001), model.loss)
    other.optimizer.learning_rate = 0.0001
    assert same_weights(one, model)
    assert [int(each.optimizer.iterations) for each in (model, one, other)] == [2, 0, 2]
    assert len(one.optimizer.variables) < len(model.optimizer.variables)


def test_the_model_of_the_lesson_has_made_570_steps():
    """The notebook reads 1797 digits in batches of 32, ten times."""
    cells = nbformat.read(NOTEBOOKS["00"], as_version=4).cells
    assert any("model.fit(images, labels, epochs=10, verbose=0)" in cell.source for cell in cells)
    assert "`model` has made 570 steps" in lesson_00.COMPILED_AGAIN.text
    assert 10 * math.ceil(len(workbook.load_digits()[0]) / 32) == 570


def test_every_question_is_asked_before_the_answer():
    cells = nbformat.read(NOTEBOOKS["00"], as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    answers = {"SAME_BATCHES": "labs.LayerLab(", "COMPILED_AGAIN": "one, other ="}
    assert answers.keys() == QUESTIONS.keys()
    for question, answer in answers.items():
        assert code.index(f"lesson.{question})") < code.index(answer)


def test_a_reader_is_at_the_lab_within_five_minutes():
    """By the rule for the minutes of a notebook, with the words that introduce the lab."""
    notebook = nbformat.read(NOTEBOOKS["00"], as_version=4)
    (lab,) = [i for i, cell in enumerate(notebook.cells) if "labs.LayerLab(" in cell.source]
    notebook.cells = notebook.cells[:lab]
    assert size(notebook).minutes <= 5


def test_the_six_things_are_called_as_in_the_lesson_on_cloning():
    tables = [six_things(NOTEBOOKS[number]) for number in ("00", "02")]
    assert len(tables[0]) == 6
    assert tables[0] == tables[1]


def six_things(path):
    """Return the rows of the table of what a clone has to carry: what, and an example."""
    cells = nbformat.read(path, as_version=4).cells
    (text,) = [cell.source for cell in cells if "it has to carry six things" in cell.source]
    return re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \|", text.partition("six things.")[2], re.M)


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


def test_it_takes_fifteen_minutes():
    assert minutes(NOTEBOOKS["00"]) == 15
