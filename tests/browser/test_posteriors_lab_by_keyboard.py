"""The lab "Two posteriors" in JupyterLab, by keyboard."""

from __future__ import annotations

import re

import driver
import pytest

CELL = """import helpers

helpers.quiet_tensorflow("tensorflow", "keras", "tf_keras", "tensorflow_probability")
from helpers.labs import PosteriorsLab
from helpers.posteriors import Settings

PosteriorsLab(Settings(pretrain=4, steps=4))"""

AT_WORK = "^(Out of date|Working)"
AT_REST = "^Up to date"
DROPDOWNS = ("How it is written", "Prior", "How it is cloned", "Train after cloning")


@pytest.fixture(scope="module")
def opened(server, browser):
    """A notebook with nothing but the lab."""
    page = browser.new_page(viewport={"width": 1400, "height": 1400})
    lab = driver.Lab(page, server)
    lab.open_and_run(CELL)
    assert lab.errors() == []
    yield lab
    page.close()
    server.shut_kernels_down()


@pytest.fixture
def panel(opened):
    """The lab as it begins, at rest; afterwards it must not have complained, nor written anything below itself."""
    panel = opened.panel(".posteriors-lab")
    change(panel, "Reset", "Enter")
    before = opened.state()["cells"][0]["outputs"]
    yield panel
    assert opened.state()["cells"][0]["outputs"] == before
    assert opened.complaints == []


def change(panel, description, *keys):
    """Press keys on a control, and wait for the lab to come to rest; return the verdict and the error."""
    panel.record(".lab-status")
    panel.press(description, *keys)
    panel.wait_recorded(AT_WORK, AT_REST)
    return panel.text(".lab-verdict"), panel.text(".lab-error")


def choose(panel, description, option):
    """Choose another option of a dropdown, as `change` does."""
    panel.record(".lab-status")
    panel.choose(description, option)
    panel.wait_recorded(AT_WORK, AT_REST)
    return panel.text(".lab-verdict"), panel.text(".lab-error")


def test_it_begins_with_an_answer(panel):
    assert "part at step 1" in panel.text(".lab-verdict") and panel.text(".lab-error") == ""
    assert "class Posterior" in panel.text(".lab-source pre")
    assert panel.lab.widget_problems() == [] and panel.lab.outside == []
    outputs = panel.lab.state()["cells"][0]["outputs"]
    assert [output["output_type"] for output in outputs] == ["execute_result"], outputs
    panel.lab.screenshot("posteriors-lab", of=".posteriors-lab")


def test_five_settings_one_of_them_an_error(panel):
    shown = [panel.picture()]

    def new(*answer):
        shown.append(panel.picture())
        assert len(set(shown)) == len(shown), "two settings show the same picture"
        return answer

    verdict, error = new(*choose(panel, "How it is cloned", "helpers.clone"))
    assert "stay equal" in verdict and error == ""
    verdict, error = new(*choose(panel, "Train after cloning", "the original only"))
    assert "the clone keeps still" in verdict and error == ""
    verdict, error = new(*choose(panel, "How it is cloned", "a second name"))
    assert "share their variables" in verdict and error == ""
    verdict, error = new(*choose(panel, "How it is cloned", "clone_model"))
    assert "NameError" in verdict
    assert re.match(r".+ raised NameError\. .*made with functions.+", error)
    panel.lab.screenshot("posteriors-lab-error", of=".posteriors-lab")
    verdict, error = new(*choose(panel, "How it is written", "IndependentNormal layer with a KL regulariser"))
    assert "keeps still" in verdict and error == ""
    verdict, error = new(*choose(panel, "Prior", "narrow, spread 0.1"))
    assert error == "" and "spread = 0.1" in panel.text(".lab-source pre")


def test_slider_and_number_are_answered(panel):
    before = panel.picture()
    change(panel, "Steps before cloning", "ArrowRight")
    after = panel.wait_other_picture(before)
    change(panel, "Steps before cloning", "ArrowLeft")
    assert panel.wait_other_picture(after) == before
    change(panel, "Seed", "ArrowUp", "Enter")
    assert panel.picture() != before


def test_tab_reaches_every_control(panel):
    stops = panel.tab_stops()
    assert {*DROPDOWNS, "Steps before cloning", "Seed", "Reset"} - set(stops) == set()
    assert "" not in stops
