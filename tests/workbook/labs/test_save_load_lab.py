"""The lab Save here, load there on its widget objects, without a browser."""

from __future__ import annotations

import io

import ipywidgets
import numpy as np
import pytest
from lab_widgets import assert_keeps_a_picture, everything
from PIL import Image

from workbook.labs import SaveLoadLab
from workbook.labs.save_load.run import SaveLoadSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared(packages):
    return SaveLoadLab(SaveLoadSettings(steps=0))


@pytest.fixture
def lab(shared):
    shared.load(shared.preset)
    return shared


def test_it_begins_with_a_true_clone(lab):
    assert lab.status == "Up to date" and lab.problems == []
    assert "✓ A true clone" in lab.verdict and "The file holds 6 arrays" in lab.verdict


def test_a_silent_change_is_seen(lab):
    before = bytes(lab.figure.value)
    lab.control("change").value = "activation"
    assert lab.problems == [] and "another model" in lab.verdict
    assert bytes(lab.figure.value) != before
    assert "tanh" in lab.source_box.value


def test_an_error_is_shown_with_what_it_teaches(lab):
    lab.load(lab.preset.replace(change="unregistered", file=".keras"))
    assert [problem.name for problem in lab.problems] == ["TypeError"]
    assert "TypeError" in lab.error_box.value and "register the class" in lab.error_box.value
    lab.reset.click()
    assert lab.problems == [] and lab.error_box.value == "" and lab.settings == lab.preset


def test_every_field_has_a_control_with_a_description(lab):
    controls = [lab.control(field) for field in vars(SaveLoadSettings())]
    assert all(control.description for control in controls)
    assert {type(control) for control in controls} == {
        ipywidgets.Dropdown,
        ipywidgets.IntSlider,
        ipywidgets.Checkbox,
    }
    names = {name for widget in everything(lab) for name in widget._dom_classes}
    assert names >= {"save-load-lab", "lab-status", "lab-verdict", "lab-error", "lab-source", "lab-picture"}


def test_the_cell_keeps_a_picture_and_the_sentence(lab):
    assert_keeps_a_picture(lab)


def test_a_picture_stands_for_the_lab_when_nothing_was_loaded(lab):
    lab.control("change").value = "units"
    picture, sentence = lab.still()
    assert "Loading raises an error" in sentence
    assert np.asarray(Image.open(io.BytesIO(picture)).convert("L")).std() > 5
