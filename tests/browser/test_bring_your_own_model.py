"""The method table and the lab of notebook 06 in JupyterLab, by keyboard."""

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


class Scale(keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0


plain = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
scaled = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3), Scale()])
random = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)])
untrained = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
untrained.compile("adam", "mse")
old = tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Dense(3)])
net = Net(5)
x = np.random.default_rng(0).uniform(size=(64, 6)).astype("float32")
plain.save("plain.keras")
scaled.save("scaled.keras")"""

FILLED = (
    "[...document.querySelectorAll('.method-table-progress td')].filter(cell => !cell.textContent.includes('…')).length"
)


@pytest.fixture(scope="module")
def opened(server, browser):
    """A notebook with a method table and an empty lab, and the number of cells that were filled in while it ran."""
    page = browser.new_page(viewport={"width": 1400, "height": 1600})
    lab = driver.Lab(page, server)
    lab.make_and_open(SETUP, 'labs.MethodTablePanel("keras", "dropout")', "labs.OwnModelPanel()")
    lab.choose("Run", "Run All Cells")
    # The table shows its first results while the cell is still running.
    lab.until(
        f"() => {{ const filled = {FILLED}; if (!filled) return false;"
        f" const cell = ({driver._STATE})().cells[1];"
        " window.then = [filled, cell.running || cell.count === null]; return true; }",
        timeout=driver.RUN,
        why="for the first cell of the method table",
    )
    lab.seen, lab.running_then = page.evaluate("() => window.then")
    lab.wait_idle()
    assert lab.errors() == []
    yield lab
    page.close()
    server.shut_kernels_down()


@pytest.fixture
def method_table(opened):
    """The panel of the method table; after the test, the browser must not have reported an error."""
    yield opened.panel(".method-table")
    assert opened.complaints == []


@pytest.fixture
def own_model(opened):
    """The empty lab; after the test, the browser must not have reported an error, and no cell may have changed."""
    before = [cell["source"] for cell in opened.state()["cells"]]
    panel = opened.panel(".own-model")
    change(panel, "Reset", "Enter", timeout=driver.RUN)
    yield panel
    assert [cell["source"] for cell in opened.state()["cells"]] == before
    assert opened.complaints == []


def write(panel, description, text):
    """Write into a text field by keyboard, and press Enter; return the result as the panel shows it."""
    panel.press(description, "Control+a", "Delete")
    panel.record(".lab-status")
    panel.page.keyboard.type(text)
    panel.page.keyboard.press("Enter")
    panel.wait_recorded(AT_WORK, AT_REST, timeout=driver.RUN)
    return panel.text(".lab-verdict")


def test_the_method_table_fills_in_while_its_cell_runs(opened, method_table):
    assert opened.running_then and 0 < opened.seen <= 9 * 6
    assert opened.page.locator(".method-table-progress").inner_text().strip() == "All 9 cells are filled in: see below."
    assert method_table.text(".lab-verdict").startswith("Dropout on Keras 3: true clones are made by")
    assert opened.widget_problems() == [] and opened.outside == []
    opened.screenshot("method-table", of=".method-table")


def test_a_cell_opens_to_its_evidence_by_keyboard(method_table):
    folded = method_table.root.locator(".method-table-evidence")
    assert not folded.locator("table").first.is_visible(), (
        "the picture comes first, and the evidence when it is asked for"
    )
    folded.locator("summary").first.focus()
    method_table.page.keyboard.press("Enter")
    cells = folded.locator("td, th").locator("> details")
    assert cells.count() == 9
    file = cells.nth(6)
    file.locator("summary").focus()
    for opened in (True, False, True):
        method_table.page.keyboard.press("Enter")
        assert file.evaluate("node => node.open") is opened
    evidence = file.inner_text()
    assert "other state" in evidence and "training steps" in evidence and "✗ failed" in evidence
    assert method_table.accessibility_problems() == []
    method_table.lab.screenshot("method-table-evidence", of=".method-table")


def test_the_method_table_is_handed_out_as_csv_and_as_a_picture(method_table, tmp_path):
    for number, ending in enumerate((".csv", ".png")):
        with method_table.page.expect_download() as handed:
            method_table.root.locator(".method-table-links a").nth(number).focus()
            method_table.page.keyboard.press("Enter")
        assert handed.value.suggested_filename.endswith(ending)
        path = tmp_path / handed.value.suggested_filename
        handed.value.save_as(path)
        if ending == ".csv":
            lines = list(csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines()))
            assert len(lines) == 9 and {line["model"] for line in lines} == {"Dropout"}
        else:
            assert path.read_bytes()[1:4] == b"PNG"


def test_another_kind_of_model_and_the_other_keras(method_table):
    before = method_table.picture()
    verdict, _ = choose(method_table, "Which models", "Sequential", timeout=driver.RUN)
    assert verdict.startswith("Sequential on Keras 3")
    verdict, _ = choose(method_table, "Which Keras", "Keras 2", timeout=driver.RUN)
    assert verdict.startswith("Sequential on Keras 2")
    assert "LoRA" not in method_table.options("Which models") and "DenseFlipout" in method_table.options("Which models")
    assert method_table.wait_other_picture(before) != before


def test_the_own_model_lab_begins_by_saying_what_it_wants(own_model):
    assert own_model.text(".lab-verdict").startswith("Name a variable of this notebook")


def test_several_models_each_get_their_code(own_model):
    assert write(own_model, "Model", "plain").startswith("Use .keras file")
    assert "plain.save(path)" in source(own_model) and "import keras" in source(own_model)
    assert own_model.root.locator(".method-table-cells summary").count() == 1 + 11
    assert "Inputs made up from model.inputs, (64, 6) float32" in own_model.text(".own-model-sources")
    assert own_model.accessibility_problems() == []
    own_model.lab.screenshot("own-model", of=".own-model")
    assert write(own_model, "Model", "random").startswith("Use .keras file + seeds: it makes a true clone of random.")
    assert source(own_model).endswith("new.assign(old)")
    assert write(own_model, "Model", "old").startswith("Use .keras file")
    assert "tf_keras.models.load_model" in source(own_model)
    assert write(own_model, "Model", "plain.keras").startswith("Use .keras file")
    assert 'load_file("plain.keras")' in source(own_model)


def test_a_purpose_is_chosen_by_keyboard_and_answered_at_once(own_model):
    write(own_model, "Model", "untrained")
    verdict = own_model.text(".lab-verdict")
    assert verdict.startswith("Use .keras file: it makes a true clone of untrained.")
    assert "untrained has made no training step yet; once there is one, the optimizer state is lost by clone" in verdict
    own_model.lab.screenshot("own-model-untrained", of=".own-model")
    verdict, _ = choose(own_model, "What is it for", "a target network or an EMA teacher")
    assert verdict.startswith("For a target network or an EMA teacher, clone_model + set_weights is enough")
    assert source(own_model).endswith("clone.set_weights(untrained.get_weights())")
    assert own_model.accessibility_problems() == []
    own_model.lab.screenshot("own-model-purpose", of=".own-model")


def test_mistakes_are_answered_in_a_sentence_and_can_be_mended(own_model):
    for said, answer in (
        ("Net", "Net is a class, not a model"),
        ("modle", "There is no variable 'modle'"),
        ("gone.keras", "There is no file 'gone.keras'"),
        ("made.ipynb", "made.ipynb is not a .keras file"),
        ("net", "was never called"),
    ):
        verdict = write(own_model, "Model", said)
        assert answer in verdict and verdict.endswith("."), verdict
        assert own_model.text(".lab-error") == "" and own_model.root.locator(".method-table-cells summary").count() == 0
    own_model.lab.screenshot("own-model-refusal", of=".own-model")
    assert "neither a variable" in write(own_model, "Its inputs", "six numbers")
    assert write(own_model, "Its inputs", "x").startswith("Use helpers.clone")
    assert "does not take inputs of (64, 7)" in write(own_model, "Its inputs", "7")


def test_a_file_is_uploaded(own_model, tmp_path):
    whole = own_model.lab.server.folder / "plain.keras"
    broken = tmp_path / "broken.keras"
    broken.write_bytes(whole.read_bytes()[:700])
    for path, answer in ((broken, "^broken.keras is cut short"), (whole, "^Use .keras file")):
        assert re.search(answer, upload(own_model, path))


def test_a_file_uses_classes_of_the_notebook_with_leave_alone(own_model):
    verdict = upload(own_model, own_model.lab.server.folder / "scaled.keras")
    assert "would make your class Scale" in verdict and "let the file use your own classes" in verdict
    own_model.lab.screenshot("own-model-class-withheld", of=".own-model")
    verdict, _ = change(own_model, "A file may use my own classes", "Space", timeout=driver.RUN)
    assert verdict.startswith("Use .keras file"), verdict
    assert 'load_file("scaled.keras", {"Scale": Scale})' in source(own_model)
    own_model.lab.screenshot("own-model-class-used", of=".own-model")


def test_tab_reaches_every_control(own_model, method_table):
    stops = own_model.tab_stops()
    assert {"Model", "Its inputs", "Its targets", "What is it for", "Try again", "Reset"} <= set(stops), stops
    assert any("Upload" in stop for stop in stops) and "" not in stops
    assert {"Which Keras", "Which models", "Reset"} <= set(method_table.tab_stops())
