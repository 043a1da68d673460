"""The matrix and the bench in JupyterLab, by keyboard: the one fills in, the other answers models and mistakes."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import driver
import pytest
from lab_panel import AT_REST, AT_WORK, change, choose, source, upload

pytestmark = pytest.mark.slow

SETUP = """import helpers
import workbook

workbook.quiet_tensorflow()
import keras
import numpy as np
import tf_keras

from workbook import labs


class Net(keras.Model):
    def __init__(self, units=2):
        super().__init__()
        self.head = keras.layers.Dense(units)

    def call(self, inputs):
        return self.head(inputs)


plain = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
random = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)])
old = tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Dense(3)])
net = Net(5)
x = np.random.default_rng(0).uniform(size=(64, 6)).astype("float32")
plain.save("plain.keras")"""

FILLED = "[...document.querySelectorAll('.matrix-live td')].filter(cell => !cell.textContent.includes('…')).length"


@pytest.fixture(scope="module")
def opened(server, browser):
    """A notebook with a matrix and an empty bench, and how many cells of the matrix were seen while it ran."""
    page = browser.new_page(viewport={"width": 1400, "height": 1600})
    lab = driver.Lab(page, server)
    lab.make_and_open(SETUP, 'labs.MatrixPanel("keras", "dropout")', "labs.BenchPanel()")
    lab.choose("Run", "Run All Cells")
    # Something stands in the table while the cell still runs.
    lab.until(
        f"() => {{ const filled = {FILLED}; if (!filled) return false;"
        f" const cell = ({driver._STATE})().cells[1];"
        " window.then = [filled, cell.running || cell.count === null]; return true; }",
        timeout=driver.RUN,
        why="for the first cell of the matrix",
    )
    lab.seen, lab.running_then = page.evaluate("() => window.then")
    lab.wait_idle()
    assert lab.errors() == []
    yield lab
    page.close()
    server.shut_kernels_down()


@pytest.fixture
def matrix(opened):
    """The panel of the matrix; afterwards the page must not have complained."""
    yield opened.panel(".matrix-panel")
    assert opened.complaints == []


@pytest.fixture
def bench(opened):
    """The bench, empty; afterwards the page must not have complained, nor any cell have changed."""
    before = [cell["source"] for cell in opened.state()["cells"]]
    panel = opened.panel(".bench-panel")
    change(panel, "Reset", "Enter", timeout=driver.RUN)
    yield panel
    assert [cell["source"] for cell in opened.state()["cells"]] == before
    assert opened.complaints == []


def write(panel, description, text):
    """Write into a text field by keyboard, and leave it with Enter; return what the panel then says."""
    panel.press(description, "Control+a", "Delete")
    panel.record(".lab-status")
    panel.page.keyboard.type(text)
    panel.page.keyboard.press("Enter")
    panel.wait_recorded(AT_WORK, AT_REST, timeout=driver.RUN)
    return panel.text(".lab-verdict")


def test_the_matrix_fills_in_while_its_cell_runs(opened, matrix):
    assert opened.running_then and 0 < opened.seen <= 9 * 6
    assert opened.page.locator(".matrix-live").inner_text().strip() == "All 9 cells are filled in: see below."
    assert matrix.text(".lab-verdict").startswith("Dropout on Keras 3: true clones are made by")
    assert opened.widget_problems() == [] and opened.outside == []
    opened.screenshot("matrix", of=".matrix-panel")


def test_a_cell_opens_to_its_evidence_by_keyboard(matrix):
    summaries = matrix.root.locator(".matrix-table summary")
    assert summaries.count() == 9
    file = summaries.nth(6)
    file.focus()
    for opened in (True, False, True):
        matrix.page.keyboard.press("Enter")
        assert matrix.root.locator(".matrix-table details").nth(6).evaluate("node => node.open") is opened
    evidence = matrix.root.locator(".matrix-table details").nth(6).inner_text()
    assert "other state" in evidence and "training steps" in evidence and "✗ failed" in evidence
    assert matrix.accessibility_problems() == []
    matrix.lab.screenshot("matrix-evidence", of=".matrix-panel")


def test_the_matrix_is_handed_out_as_csv_and_as_a_picture(matrix, tmp_path):
    for number, ending in enumerate((".csv", ".png")):
        with matrix.page.expect_download() as handed:
            matrix.root.locator(".matrix-links a").nth(number).focus()
            matrix.page.keyboard.press("Enter")
        assert handed.value.suggested_filename.endswith(ending)
        path = tmp_path / handed.value.suggested_filename
        handed.value.save_as(path)
        if ending == ".csv":
            lines = list(csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines()))
            assert len(lines) == 9 and {line["model"] for line in lines} == {"Dropout"}
        else:
            assert path.read_bytes()[1:4] == b"PNG"


def test_another_kind_of_model_and_the_other_keras(matrix):
    before = matrix.picture()
    verdict, _ = choose(matrix, "Which models", "Sequential", timeout=driver.RUN)
    assert verdict.startswith("Sequential on Keras 3")
    verdict, _ = choose(matrix, "Which Keras", "Keras 2", timeout=driver.RUN)
    assert verdict.startswith("Sequential on Keras 2")
    assert "LoRA" not in matrix.options("Which models") and "DenseFlipout" in matrix.options("Which models")
    assert matrix.wait_other_picture(before) != before


def test_the_bench_begins_by_saying_what_it_wants(bench):
    assert bench.text(".lab-verdict").startswith("Name a variable of this notebook")


def test_several_models_each_get_their_code(bench):
    assert write(bench, "Model", "plain").startswith("Use .keras file")
    assert "plain.save(path)" in source(bench) and "import keras" in source(bench)
    assert bench.root.locator(".matrix-table summary").count() == 9
    assert "Inputs made up from model.inputs, (64, 6) float32" in bench.text(".bench-told")
    assert bench.accessibility_problems() == []
    bench.lab.screenshot("bench", of=".bench-panel")
    assert write(bench, "Model", "random").startswith("Use helpers.clone")
    assert source(bench).endswith("twin = helpers.clone(random, make_inputs(random)[0])")
    assert write(bench, "Model", "old").startswith("Use .keras file")
    assert "tf_keras.models.load_model" in source(bench)
    assert write(bench, "Model", "plain.keras").startswith("Use .keras file")
    assert 'load_model("plain.keras")' in source(bench)


def test_mistakes_are_answered_in_a_sentence_and_can_be_mended(bench):
    for said, answer in (
        ("Net", "Net is a class, not a model"),
        ("modle", "There is no variable 'modle'"),
        ("gone.keras", "There is no file 'gone.keras'"),
        ("made.ipynb", "made.ipynb is no .keras file"),
        ("net", "was never called"),
    ):
        verdict = write(bench, "Model", said)
        assert answer in verdict and verdict.endswith("."), verdict
        assert bench.text(".lab-error") == "" and bench.root.locator(".matrix-table summary").count() == 0
    bench.lab.screenshot("bench-refusal", of=".bench-panel")
    assert "neither a variable" in write(bench, "Its inputs", "six numbers")
    assert write(bench, "Its inputs", "x").startswith("Use helpers.clone")
    assert "does not take inputs of (64, 7)" in write(bench, "Its inputs", "7")


def test_a_file_is_uploaded(bench, tmp_path):
    whole = bench.lab.server.folder / "plain.keras"
    broken = tmp_path / "broken.keras"
    broken.write_bytes(whole.read_bytes()[:700])
    for path, answer in ((broken, "^broken.keras is cut short"), (whole, "^Use .keras file")):
        assert re.search(answer, upload(bench, path))


def test_tab_reaches_every_control(bench, matrix):
    stops = bench.tab_stops()
    assert {"Model", "Its inputs", "Its targets", "Try again", "Reset"} <= set(stops), stops
    assert any("Upload" in stop for stop in stops) and "" not in stops
    assert {"Which Keras", "Which models", "Reset"} <= set(matrix.tab_stops())
