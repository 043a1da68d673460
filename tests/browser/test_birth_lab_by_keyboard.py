"""The lab of lesson 01 in JupyterLab, by keyboard: every control changes the verdict and the picture."""

from __future__ import annotations

import re

import pytest
from lab_panel import AT_REST, change, choose, source

pytestmark = pytest.mark.slow

CELL = """import workbook

workbook.quiet_tensorflow()
from workbook.labs import BirthLab

BirthLab()"""

PANEL = ".birth-lab"
DROPDOWNS = ("Layer is made in", "and held in", "Kind of layer", "Train (step 5)")
CHECKBOXES = ("Call build by hand (step 2)", "Add a head, made in __init__")


def test_it_begins_with_an_answer(panel):
    verdict, error = panel.text(".lab-verdict"), panel.text(".lab-error")
    assert "come with the first call" in verdict and error == ""
    assert "class Reader(keras.Model)" in source(panel)
    assert panel.lab.widget_problems() == []
    assert panel.lab.outside == []
    panel.lab.screenshot("birth-lab", of=".birth-lab")


def test_the_steps_are_walked_through(panel):
    seen = {panel.picture(): panel.text(".lab-verdict")}
    for _ in range(5):
        change(panel, "Step", "ArrowLeft")
        seen[panel.picture()] = panel.text(".lab-verdict")
    assert len(seen) == 6 and "There is a class and no model yet" in seen.popitem()[1]
    assert "Reader()" not in source(panel)
    for _ in range(2):
        change(panel, "Step", "ArrowRight")
    assert panel.text(".lab-verdict") == "The hidden layer has no weights yet."
    panel.lab.screenshot("birth-lab-steps", of=".birth-lab")


def test_a_slider_changes_picture_and_source(panel):
    before = panel.picture()
    assert "Dense(16" in source(panel)
    panel.record(".lab-status")
    panel.press("Units", "ArrowRight")
    after = panel.wait_other_picture(before)
    panel.wait_recorded("^Out of date", "^Working", AT_REST)
    assert "Dense(17" in source(panel)
    change(panel, "Units", "ArrowLeft")
    assert panel.wait_other_picture(after) == before


@pytest.mark.parametrize("description", DROPDOWNS)
def test_every_dropdown_is_answered(panel, description):
    """Choose one different option; test_birth.py tests every option without a browser."""
    chosen, before = panel.value(description), (panel.picture(), source(panel))
    option = next(option for option in reversed(panel.options(description)) if option != chosen)
    verdict, error = choose(panel, description, option)
    assert verdict.endswith(".") and error == ""
    assert panel.value(description) == option and panel.picture() != before[0] and source(panel) != before[1]


def test_an_error_is_shown_with_what_it_teaches(panel):
    verdict, error = choose(panel, "Layer is made in", "call, the first time")
    assert "On Keras 3 the first call raises a ValueError" in verdict
    assert re.match(r"Keras 3, first call, raised ValueError\. Keras 3 requires every layer", error)
    assert panel.accessibility_problems() == []
    panel.lab.screenshot("birth-lab-error", of=".birth-lab")
    assert change(panel, "Reset", "Enter")[1] == ""


def test_checkboxes_are_answered(panel):
    verdict, _ = change(panel, "Call build by hand (step 2)", "Space")
    assert "come with build on Keras 2" in verdict and "first.build(" in source(panel)
    before = panel.picture()
    change(panel, "Add a head, made in __init__", "Space")
    assert panel.picture() != before and "self.head" in source(panel)
    assert [panel.value(name) for name in CHECKBOXES] == [True, True]


def test_a_hidden_layer_and_a_shared_one(panel):
    verdict, _ = choose(panel, "and held in", "a plain object")
    assert "the model does not list them" in verdict and "training the first moves neither" in verdict
    verdict, _ = choose(panel, "and held in", "an attribute")
    assert "moves the first and leaves the second" in verdict
    verdict, _ = choose(panel, "Layer is made in", "a line above the class")
    assert "the two instances share them, and training the first moves both" in verdict


def test_tab_reaches_every_control(panel):
    stops = panel.tab_stops()
    assert {*DROPDOWNS, *CHECKBOXES, "Units", "Step", "Reset"} - set(stops) == set()
    assert "" not in stops
