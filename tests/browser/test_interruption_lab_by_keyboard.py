"""The lab "Interrupted training" in JupyterLab, by keyboard."""

from __future__ import annotations

import re

import pytest
from lab_panel import change, choose

pytestmark = pytest.mark.slow

CELL = """import workbook

workbook.quiet_tensorflow()
from workbook.labs import InterruptionLab

InterruptionLab()"""

PANEL = ".interruption-lab"
LABEL = {"weights": "a weights file (optimizer not built)", "statistics": "the statistics of BatchNormalization"}


def test_it_begins_with_nothing_lost(panel):
    assert panel.text(".lab-verdict").startswith("Nothing is lost by way of a .keras file")
    assert panel.text(".lab-error") == ""
    assert "def resume(folder):" in panel.text(".lab-source pre")
    assert panel.lab.widget_problems() == [] and panel.lab.outside == []
    panel.lab.screenshot("interruption-lab", of=".interruption-lab")


def test_another_way_to_save_loses_the_optimizer(panel):
    before = panel.picture()
    verdict, error = choose(panel, "Save to", LABEL["weights"])
    assert "the trained weights differ from the uninterrupted model's from step 61 on" in verdict and error == ""
    assert panel.picture() != before and "load_weights" in panel.text(".lab-source pre")
    panel.lab.screenshot("interruption-lab-lost", of=".interruption-lab")


def test_statistics_are_lost_alone(panel):
    verdict, error = choose(panel, "Lose on top", LABEL["statistics"])
    assert "the trained weights stay exactly equal" in verdict and error == ""


def test_an_unregistered_class_is_an_error_with_its_lesson(panel):
    verdict, error = change(panel, "The class is registered", "Space")
    assert verdict.startswith("The training does not go on")
    assert re.match(r"Loading raised TypeError\. .{20,}", error) and "register the class" in error
    assert panel.accessibility_problems() == []
    panel.lab.screenshot("interruption-lab-error", of=".interruption-lab")
    assert change(panel, "Reset", "Enter")[1] == ""


def test_the_slider_moves_the_interruption(panel):
    before = panel.picture()
    verdict, _ = change(panel, "Stop after step", "ArrowLeft", "ArrowLeft")
    assert int(float(panel.value("Stop after step"))) == 50 and verdict.startswith("Nothing is lost")
    assert panel.picture() != before and "range(50, 110)" in panel.text(".lab-source pre")


def test_the_other_keras_and_an_error_of_its_own(panel):
    verdict, error = choose(panel, "Which Keras", "Keras 2 (tf_keras)")
    assert verdict.startswith("Nothing is lost") and error == ""
    assert "import tf_keras as keras" in panel.text(".lab-source pre")
    verdict, error = choose(panel, "Save to", "an .h5 file")
    assert re.match(r"Saving raised NotImplementedError\. .{20,}", error)


def test_tab_reaches_every_control(panel):
    stops = panel.tab_stops()
    expected = {"Stop after step", "Save to", "Lose on top", "The class is registered", "Which Keras", "Layers"}
    assert {*expected, "Optimizer", "The learning rate falls", "Reset"} - set(stops) == set()
    assert "" not in stops
