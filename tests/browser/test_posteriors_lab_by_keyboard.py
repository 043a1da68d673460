"""The lab "Two posteriors" in JupyterLab, by keyboard."""

from __future__ import annotations

import re

import pytest
from lab_panel import change, choose

pytestmark = pytest.mark.slow

CELL = """import workbook

workbook.quiet_tensorflow("tensorflow", "keras", "tf_keras", "tensorflow_probability")
from workbook.labs import PosteriorsLab
from workbook.labs.posteriors.run import PosteriorsSettings

PosteriorsLab(PosteriorsSettings(pretrain=4, steps=4))"""

PANEL = ".posteriors-lab"
DROPDOWNS = ("How it is written", "Prior", "How it is cloned", "Train after cloning")


def test_it_begins_with_an_answer(panel):
    assert "unequal from step 1 on" in panel.text(".lab-verdict") and panel.text(".lab-error") == ""
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
    assert "it passes “Same start” and “Same future”" in verdict and error == ""
    verdict, error = new(*choose(panel, "Train after cloning", "the original only"))
    assert "it passes “Same start” and “Own life”" in verdict and error == ""
    verdict, error = new(*choose(panel, "How it is cloned", "a second name"))
    assert "share their variables" in verdict and error == ""
    verdict, error = new(*choose(panel, "How it is cloned", "clone_model"))
    assert "NameError" in verdict
    assert re.match(r".+ raised NameError\. .*made with functions.+", error)
    assert panel.accessibility_problems() == []
    panel.lab.screenshot("posteriors-lab-error", of=".posteriors-lab")
    verdict, error = new(*choose(panel, "How it is written", "IndependentNormal layer with a KL regulariser"))
    assert "it fails “Same start” (the posteriors differ)" in verdict and error == ""
    verdict, error = new(*choose(panel, "Prior", "narrow, spread 0.1"))
    assert error == "" and "spread = 0.1" in panel.text(".lab-source pre")


def test_slider_and_number_are_answered(panel):
    before = panel.picture()
    change(panel, "Steps before cloning", "ArrowRight")
    after = panel.wait_other_picture(before)
    change(panel, "Steps before cloning", "ArrowLeft")
    assert panel.wait_other_picture(after) == before
    change(panel, "Seed", "7", "Enter")
    assert panel.picture() != before


def test_tab_reaches_every_control(panel):
    stops = panel.tab_stops()
    assert {*DROPDOWNS, "Steps before cloning", "Seed", "Reset"} - set(stops) == set()
    assert "" not in stops
