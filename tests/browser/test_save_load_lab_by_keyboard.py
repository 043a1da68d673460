"""The lab "Save here, load there" in JupyterLab, by keyboard: controls change the verdict and the picture."""

from __future__ import annotations

import re

import pytest
from lab_panel import change, choose, source

pytestmark = pytest.mark.slow

CELL = """import workbook

workbook.quiet_tensorflow()
from workbook.labs import SaveLoadLab

SaveLoadLab()"""

PANEL = ".save-load-lab"


def test_it_begins_with_an_answer(panel):
    assert "✓ A true clone" in panel.text(".lab-verdict")
    assert panel.text(".lab-error") == ""
    assert "# Here" in source(panel) and "# There" in source(panel)
    assert panel.lab.widget_problems() == []
    assert panel.lab.outside == []
    panel.lab.screenshot("save-load-lab", of=".save-load-lab")


def test_every_change_of_the_receiver_is_answered(panel):
    """Each option gives a verdict, or the real error with a hint, and never a traceback of the lab itself."""
    shown = {}
    for option in panel.options("Where it is loaded"):
        if option != "nothing":
            choose(panel, "Where it is loaded", option)
        verdict, error = panel.text(".lab-verdict"), panel.text(".lab-error")
        assert verdict.endswith("."), option
        assert "Drawing the lab" not in error and "Traceback" not in error, (option, error)
        if error:
            assert re.match(r".+ raised \w+\. .+\.", error), (option, error)
        shown[option] = source(panel), bool(error)
    assert len({text for text, _ in shown.values()}) == len(shown), "two options show the same source"
    loud = {option for option, (_, error) in shown.items() if error}
    assert loud == {"24 units instead of 16", "one Dense layer more", "it is the other Keras"}


@pytest.mark.parametrize(
    ("description", "option", "words"),
    [
        ("How it is written", "Functional", "✓ A true clone"),
        ("Which Keras saves", "Keras 2 (tf_keras)", "✓ A true clone"),
        ("Kept as", ".h5, whole model (legacy)", "Loading raises an error"),
        ("Kept as", "JSON, structure", "another model"),
    ],
)
def test_every_dropdown_is_answered(panel, description, option, words):
    before, text = panel.picture(), source(panel)
    verdict, error = choose(panel, description, option)
    assert words in verdict
    assert bool(error) == ("Nothing" in words)
    assert source(panel) != text
    # Two true clones look alike: all their distances are zero.
    assert "✓ A true clone" in words or panel.picture() != before


def test_a_silent_change_and_back(panel):
    before = panel.picture()
    verdict, error = choose(panel, "Where it is loaded", "tanh instead of relu")
    assert "another model" in verdict and error == ""
    assert panel.picture() != before
    panel.lab.screenshot("save-load-lab-silent", of=".save-load-lab")
    # And back: the same settings give the same picture, to the last pixel.
    change(panel, "Reset", "Enter")
    assert panel.picture() == before


def test_slider_and_checkbox(panel):
    before = panel.picture()
    change(panel, "Steps before saving", "ArrowRight")
    assert panel.picture() != before and "images[:320]" in source(panel)
    change(panel, "The model is compiled", "Space")
    assert "model.compile" not in source(panel)


def test_tab_reaches_every_control(panel):
    stops = panel.tab_stops()
    expected = {"How it is written", "Which Keras saves", "Steps before saving", "Kept as", "Where it is loaded"}
    expected |= {"The model is compiled", "Reset"}
    assert expected - set(stops) == set()
    assert "" not in stops
