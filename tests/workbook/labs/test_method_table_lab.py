"""The panels of the method table and of the lab on their widget objects, without a browser."""

from __future__ import annotations

import asyncio
import base64
import datetime
import re
import types

import ipywidgets
import numpy as np
import pytest
from lab_widgets import assert_keeps_a_picture, everything

from workbook.labs.framework import figure as plots
from workbook.labs.framework import panel as framework
from workbook.labs.method_table import lab as method_table_lab
from workbook.labs.method_table.lab import MethodTablePanel
from workbook.labs.method_table.models import kinds_on
from workbook.labs.method_table.run import MethodTableSettings, kind_labels
from workbook.labs.own_model import lab as own_model_lab
from workbook.labs.own_model.lab import OwnModelPanel
from workbook.methods import ALL_METHODS, METHODS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared():
    """One panel for all tests that do not change it."""
    return MethodTablePanel("keras", "sequential")


def plain(keras, size=6):
    model = keras.Sequential([keras.layers.Input((size,)), keras.layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


# -- the method table ------------------------------------------------------------------------------------------------


def test_it_begins_complete(shared):
    assert shared.status == "Up to date" and shared.table.finished
    assert shared._bar.value == shared._bar.max == len(METHODS) and "9 of 9 cells" in shared._count.value
    assert shared.table_box.value.startswith('<details class="method-table-evidence"><summary>'), "it is folded away"
    assert shared.table_box.value.count("<details>") == len(METHODS)
    assert shared.verdict in shared._verdict_line.value.replace("&#x27;", "'")
    assert "def sequential(keras):" in shared.source_box.value


def test_the_cell_keeps_a_picture_a_table_and_the_sentence(shared):
    assert assert_keeps_a_picture(shared)["text/html"] == shared.table.to_html(evidence=False)


def test_it_is_handed_out_as_csv_and_as_a_picture(shared):
    links = re.findall(r'download="([^"]+)" href="data:([\w/]+);base64,([^"]+)"', shared._links.value)
    assert [(name, kind) for name, kind, _ in links] == [
        ("method-table-sequential-on-keras-3.csv", "text/csv"),
        ("method-table-sequential-on-keras-3.png", "image/png"),
    ]
    assert base64.b64decode(links[0][2]).decode() == shared.table.to_csv()
    assert base64.b64decode(links[1][2])[1:4] == b"PNG"


def test_every_control_has_a_description(shared):
    kinds = (ipywidgets.Dropdown, ipywidgets.Button, ipywidgets.IntProgress)
    assert all(each.description or each.tooltip for each in everything(shared) if isinstance(each, kinds))


def test_the_models_are_those_of_the_chosen_keras(shared):
    asked = []
    shared._latest.start, before = asked.append, shared._latest.start
    try:
        shared.control("kind").value = "lora"
        shared.control("generation").value = "tf_keras"
        assert shared.settings == MethodTableSettings("tf_keras", "short")
        assert dict(shared.control("kind").options)["DenseFlipout"] == "dense_flipout"
        shared.control("kind").value = "dropout"
        shared.control("generation").value = "keras"
        assert shared.settings == MethodTableSettings("keras", "dropout") and len(asked) == 4
    finally:
        shared._latest.start = before
        shared._write(shared.preset)


def test_a_change_fills_in_another_table_slice_by_slice():
    async def change():
        panel = MethodTablePanel("keras", "sequential")
        panel.control("kind").value = "dropout"
        seen = set()
        while panel.status != "Up to date":
            await asyncio.sleep(0.002)
            seen.add(panel._bar.value)
        assert panel.table.rows == ["Dropout"] and len(seen) > 3

    asyncio.run(asyncio.wait_for(change(), 120))


def test_what_is_seen_while_the_cell_runs():
    live = method_table_lab._Live()
    run = method_table_lab.MethodTableRun(MethodTableSettings("keras", "sequential"))
    seen = []
    for stage in run.stages():
        if stage.pictured and not run.finished:
            live.show(run)
            seen.append(live._bar.value)
    assert seen == list(range(1, len(METHODS))) and live._bar.max == len(METHODS)
    assert "…" in live.table_box.value and "✓&nbsp;passed" in live.table_box.value
    bundle = live._repr_mimebundle_()
    assert (bundle[0] if isinstance(bundle, tuple) else bundle)["text/plain"].endswith("while the cell runs.")
    live.done(run)
    assert "All 9 cells" in live.children[-1].value and live.table_box not in live.children


def test_ones_own_model_gives_a_row_for_each_method(keras):
    model = plain(keras)
    x = np.random.default_rng(0).uniform(size=(64, 6)).astype("float32")
    panel = MethodTablePanel(model=model, inputs=x, targets=np.arange(64) % 3)
    assert panel.table.rows == ["your model"] and "Your model: true clones are made by" in panel.verdict
    assert panel._by_field == {} and panel.table_box.value.count("<details>") == len(METHODS)
    panel.reset.click()
    assert panel.status == "Up to date"


def test_all_kinds_can_be_chosen():
    for generation in ("keras", "tf_keras"):
        labels = kind_labels(generation)
        assert labels[""] == "all kinds" and len(labels) == 2 + len(kinds_on(generation))


# -- the lab ---------------------------------------------------------------------------------------------------------


def test_the_own_model_lab_judges_a_model_that_it_is_given(keras):
    panel = OwnModelPanel(plain(keras))
    assert panel.status == "Up to date" and panel.verdict.startswith("Use .keras file")
    assert panel.settings.model == "model" and panel.settings.inputs == ""
    assert "Inputs made up from model.inputs" in panel._note.value
    assert panel.table_box.value.count("<details>") == len(ALL_METHODS)
    assert panel.table_box.value.count("no training step yet; once there is one") > 1
    assert f"{keras.__name__}.models.load_model" in panel.source_box.value
    data, _ = panel._repr_mimebundle_()
    assert panel.found.source in data["text/html"].replace("&quot;", '"') and data["text/plain"] == panel.verdict


def test_mistakes_are_answered_and_mended_one_after_the_other(keras, monkeypatch):
    class Net(keras.Model):
        pass

    variables = {"Net": Net, "mine": plain(keras), "few": np.zeros((8, 2), "float32")}
    monkeypatch.setattr(own_model_lab, "_variables", lambda: variables)
    panel = OwnModelPanel()
    assert panel.verdict.startswith("Name a variable") and panel.table_box.value == "" and panel.problems == []
    for field, value, expected in (
        ("model", "Net", "Net is a class"),
        ("model", "nine", "There is no variable 'nine'"),
        ("model", "gone.keras", "There is no file 'gone.keras'"),
        ("model", "mine", "Use .keras file"),
        ("inputs", "few", "does not take inputs of (8, 2)"),
        ("inputs", "six", "neither a variable"),
        ("inputs", "6", "Use .keras file"),
    ):
        panel.control(field).value = value
        assert expected in panel.verdict, (field, value)
        assert panel.status == "Up to date"
    assert "mine.save(path)" in panel.found.source
    panel.reset.click()
    assert panel.settings == panel.preset and panel.found.model is None


def test_a_purpose_is_answered_from_what_was_tried(packages, monkeypatch):
    variables = {"mine": plain(packages["keras"])}
    monkeypatch.setattr(own_model_lab, "_variables", lambda: variables)
    panel = OwnModelPanel("mine", purpose="serve")
    assert panel.verdict.startswith("For serving its answers, .keras file is enough")
    table = panel.found.table
    panel.control("purpose").value = "target"
    assert panel.verdict.startswith("For a target network or an EMA teacher, clone_model + set_weights is enough")
    assert panel.found.table is table and panel.status == "Up to date"
    panel.again.click()
    assert panel.found.table is not table and panel.verdict.startswith("For a target network")
    panel.reset.click()
    assert panel.settings.purpose == "serve"


def test_a_large_model_shows_below_its_cell_how_far_it_is(packages, monkeypatch):
    keras = packages["keras"]
    large = keras.Sequential([keras.layers.Input((1000,)), keras.layers.Dense(250)])
    shown = []

    class Handle:
        def update(self, page):
            shown.append(page.data)

    def display(page, display_id):
        shown.append(page.data)
        return Handle()

    monkeypatch.setattr(framework, "CALM", -1)  # it says everything, and not only what lasts
    monkeypatch.setattr(own_model_lab, "display", display)
    monkeypatch.setattr(own_model_lab, "get_ipython", lambda: types.SimpleNamespace(kernel=True, user_ns=variables))
    variables = {"large": large, "small": plain(keras)}
    OwnModelPanel("small")
    assert shown == []
    panel = OwnModelPanel("large")
    told = [re.sub("<.*?>", "", each) for each in shown]
    assert [int(found[1]) for each in told if (found := re.search(r", (\d+) of \d", each))] == [
        *range(1, len(ALL_METHODS) + 1)
    ]
    assert told[1].startswith("Working: second name (=), 1 of 11")
    assert told[-1] == "All methods were tried: see below."
    panel.again.click()
    assert len(shown) == len(told), "only the cell that makes the panel shows it"


def test_trying_again_sees_what_a_name_stands_for_now(keras, monkeypatch):
    variables = {"mine": plain(keras)}
    monkeypatch.setattr(own_model_lab, "_variables", lambda: variables)
    panel = OwnModelPanel("mine")
    first = panel.found.model
    variables["mine"] = plain(keras, 4)
    panel.again.click()
    assert panel.found.model is variables["mine"] is not first and "(64, 4)" in panel.found.note


def test_a_name_that_the_notebook_knows_is_found(keras, monkeypatch):
    variables = {"mine": plain(keras)}
    monkeypatch.setattr(own_model_lab, "_variables", lambda: variables)
    panel = OwnModelPanel(variables["mine"], "3 4 5")
    assert panel.settings.model == "mine" and "does not take inputs of (64, 3, 4, 5)" in panel.verdict


def test_an_upload_is_judged_and_a_damaged_one_is_refused(keras, tmp_path):
    plain(keras).save(tmp_path / "mine.keras")
    content = (tmp_path / "mine.keras").read_bytes()
    panel = OwnModelPanel()
    file = {"name": "mine.keras", "type": "", "size": len(content), "last_modified": datetime.datetime(2026, 1, 1)}
    panel.upload.value = ({**file, "content": memoryview(content)},)
    assert panel.settings.model == "mine.keras" and panel.verdict.startswith("Use .keras file")
    assert 'load_file("mine.keras")' in panel.found.source
    panel.upload.value = ({**file, "content": memoryview(content[:500])},)
    assert "is cut short" in panel.verdict


def test_the_own_model_lab_keeps_a_picture_whether_there_is_a_model_or_not(keras):
    for panel in (OwnModelPanel(), OwnModelPanel(plain(keras))):
        picture, sentence = panel.still()
        assert sentence == panel.verdict and picture == plots.png(panel._drawn.still(panel.found))


def test_an_object_without_a_name_does_not_take_that_of_another(packages, monkeypatch):
    keras = packages["keras"]
    mine, other = plain(keras), plain(keras, 4)
    monkeypatch.setattr(own_model_lab, "_variables", lambda: {"model": other})
    panel = OwnModelPanel(mine)
    assert panel.settings.model == "given_model" and "given_model.save(path)" in panel.current_run.source
    assert panel.current_run.model is mine
