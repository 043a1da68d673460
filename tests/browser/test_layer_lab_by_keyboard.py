"""The Layer Lab in JupyterLab, by keyboard: every control changes the verdict and the picture."""

from __future__ import annotations

import re

import pytest
from lab_panel import AT_REST, AT_WORK, change, choose, source
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

CELL = """import workbook

workbook.quiet_tensorflow()
from workbook.labs import LayerLab

LayerLab(steps=12)  # fewer than usual, so that it soon comes to rest"""

PANEL = ".layer-lab"
DROPDOWNS = (
    "Layer 1",
    "activation",
    "How it is written",
    "Which Keras",
    "Optimizer",
    "Method A",
    "Method B",
    "Train after cloning",
)


def number(panel, description):
    """Return the value of a slider as a whole number."""
    return int(float(panel.value(description)))


def test_it_begins_with_an_answer(panel):
    verdict, error = panel.text(".lab-verdict"), panel.text(".lab-error")
    assert verdict.endswith(".") and len(verdict.split()) > 5
    assert error == ""
    assert "import keras" in source(panel)
    assert panel.lab.widget_problems() == []
    assert panel.lab.outside == []
    outputs = panel.lab.state()["cells"][0]["outputs"]
    assert [output["output_type"] for output in outputs] == ["execute_result"], outputs
    panel.lab.screenshot("layer-lab", of=".layer-lab")


def test_a_slider_changes_picture_and_source(panel):
    before, size = panel.picture(), number(panel, "units")
    assert f"={size}" in source(panel)
    panel.record(".lab-status")
    panel.press("units", "ArrowRight")
    after = panel.wait_other_picture(before)
    panel.wait_recorded("^Out of date", "^Working", AT_REST)
    assert number(panel, "units") != size
    assert f"={number(panel, 'units')}" in source(panel)
    # And back: the same settings give the same picture, to the last pixel.
    change(panel, "units", "ArrowLeft")
    assert panel.wait_other_picture(after) == before
    assert f"={size}" in source(panel)


def test_the_newest_value_wins(panel):
    panel.record(".lab-status")
    panel.press("units", *["ArrowRight"] * 12, *["ArrowLeft"] * 5, *["ArrowRight"] * 3)
    size = number(panel, "units")
    panel.lab.until(
        "([selector, text]) => document.querySelector(selector).textContent.includes(text)",
        [".layer-lab .lab-source pre", f"={size}"],
    )
    panel.wait_recorded(AT_WORK, AT_REST)
    shown = panel.picture()
    # Nothing is left in a queue: the same value gives the same picture if it is reached in one step.
    change(panel, "units", "ArrowLeft")
    assert panel.wait_other_picture(shown) != shown
    change(panel, "units", "ArrowRight")
    assert number(panel, "units") == size
    assert panel.picture() == shown


@pytest.mark.parametrize("description", DROPDOWNS)
def test_every_dropdown_is_answered(panel, description):
    """A different option gives a verdict, or the real error with a hint, and never a traceback of the lab itself.

    test_layer_lab.py tests every option without a browser.
    """
    chosen, before = panel.value(description), (panel.picture(), source(panel))
    option = next(option for option in reversed(panel.options(description)) if option != chosen)
    verdict, error = choose(panel, description, option)
    assert verdict.endswith(".")
    assert "Drawing the lab" not in error and "Traceback" not in error
    if error:
        assert re.match(r".+ raised \w+\. .+\.", error), error
    assert panel.value(description) == option and (panel.picture(), source(panel)) != before
    panel.lab.screenshot(f"layer-lab-{description}", of=".layer-lab")


def test_an_error_is_shown_with_what_it_teaches(panel):
    choose(panel, "How it is written", "Sequential")
    verdict, error = choose(panel, "Method A", "new instance of the class")
    assert re.match(r".+ raised \w+\. .{20,}", error)
    assert verdict.endswith(".")
    assert panel.accessibility_problems() == []
    panel.lab.screenshot("layer-lab-error", of=".layer-lab")
    assert change(panel, "Reset", "Enter")[1] == ""


def test_layers_are_added_and_removed(panel):
    before, text = panel.picture(), source(panel)
    chips = panel.root.locator(".lab-chip")
    count = chips.count()
    change(panel, "Add a layer", "Enter")
    # The controls of the new layer are shown, and those of the others are folded.
    expect(panel.root.get_by_role("button", expanded=True)).to_have_text(re.compile(f"^{count + 1} "))
    expect(panel.root.get_by_role("slider", name="units")).to_have_count(1)
    assert chips.count() == count + 1
    assert source(panel) != text and panel.picture() != before
    change(panel, f"Remove layer {count + 1}", "Enter")
    assert source(panel) == text and panel.picture() == before


def test_the_controls_of_a_layer_fold(panel):
    chip = panel.root.locator(".lab-chip").first
    expect(chip).to_have_attribute("aria-expanded", "true")
    chip.press("Enter")
    expect(chip).to_have_attribute("aria-expanded", "false")
    expect(panel.root.get_by_role("slider", name="units")).to_have_count(0)
    chip.press("Enter")
    expect(panel.root.get_by_role("slider", name="units")).to_be_visible()


def test_play_and_pause(panel):
    seen = [panel.picture()]
    panel.record(".lab-status")
    panel.press("Play", "Enter")
    for _ in range(5):
        seen.append(panel.wait_other_picture(seen[-1]))
    panel.press("Pause", "Enter")
    panel.wait_recorded("^Working: playing", AT_REST)
    assert len(set(seen)) == len(seen)
    change(panel, "Reset", "Enter")
    assert panel.picture() == seen[0]


def test_the_source_is_copied(panel):
    panel.press("Copy", "Enter")
    expect(panel.root.get_by_role("button", name="Copied")).to_have_count(1)
    assert panel.page.evaluate("getSelection().toString()").strip() == source(panel).strip()


def test_tab_reaches_every_control(panel):
    stops = panel.tab_stops()
    expected = {*DROPDOWNS, "units", "Remove layer 1", "Add a layer", "Steps before cloning", "Seed", "Play", "Reset"}
    assert expected - set(stops) == set()
    assert "" not in stops
