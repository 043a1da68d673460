"""The Layer Lab in JupyterLab, by keyboard: every control is answered, in words and by a new picture."""

from __future__ import annotations

import driver
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
DROPDOWNS = (
    "Layer 1",
    "activation",
    "How it is written",
    "Which Keras",
    "Optimizer",
    "Naive method",
    "Correct method",
    "Train after cloning",
)


# One kernel for all: TensorFlow takes seconds to load. Each test begins with the reset button.
@pytest.fixture(scope="module")
def opened(server, browser):
    """A notebook with nothing but the lab."""
    cell = new_code_cell("from helpers.labs import LayerLab\n\nLayerLab()")
    nbformat.write(new_notebook(cells=[cell], metadata=KERNEL), server.folder / "lab.ipynb")
    page = browser.new_page(viewport={"width": 1400, "height": 1400})
    lab = driver.Lab(page, server)
    lab.open("lab.ipynb")
    lab.run_all()
    yield lab
    page.close()
    server.shut_kernels_down()


@pytest.fixture
def panel(opened):
    """The lab as it begins, at rest; afterwards it must not have complained, nor written anything below itself."""
    assert opened.errors() == []
    panel = opened.panel(".layer-lab")
    panel.press("Reset", "Enter")
    settled(panel)
    yield panel
    assert opened.complaints == []
    assert len(opened.state()["cells"][0]["outputs"]) == 1


def settled(panel):
    """Wait until the lab is up to date, and return what it says: verdict and error."""
    panel.wait_text(".lab-status", "^Up to date")
    return panel.text(".lab-verdict"), panel.text(".lab-error")


def test_it_begins_with_an_answer(panel):
    verdict, error = settled(panel)
    assert verdict.endswith(".") and len(verdict.split()) > 5
    assert error == ""
    assert "import keras" in panel.text(".lab-source pre")
    assert panel.lab.widget_problems() == []
    assert panel.lab.outside == []
    panel.lab.screenshot("layer-lab", of=".layer-lab")


def test_a_slider_changes_picture_and_source(panel):
    before, source = panel.picture(), panel.text(".lab-source pre")
    panel.record()
    panel.press("units", "ArrowRight")
    after = panel.wait_other_picture(before)
    settled(panel)
    assert panel.text(".lab-source pre") != source
    assert panel.value("units").split(".")[0] in panel.text(".lab-source pre")
    said = panel.recorded()
    assert [word for word in said if word.startswith("Out of date")], said
    assert [word for word in said if word.startswith("Working")], said
    assert said[-1].startswith("Up to date"), said
    # And back: the same settings give the same picture, to the last pixel.
    panel.press("units", "ArrowLeft")
    panel.wait_other_picture(after)
    settled(panel)
    assert panel.picture() == before


def test_the_newest_value_wins(panel):
    panel.press("units", *["ArrowRight"] * 12, *["ArrowLeft"] * 5, *["ArrowRight"] * 3)
    settled(panel)
    value = panel.value("units").split(".")[0]
    assert f"({value}" in panel.text(".lab-source pre")
    shown = panel.picture()
    # Nothing is left in a queue: one more change and back again ends at the same picture.
    panel.press("units", "ArrowLeft", "ArrowRight")
    settled(panel)
    assert panel.picture() == shown


@pytest.mark.parametrize("description", DROPDOWNS)
def test_every_option_is_answered(panel, description):
    """Each option alone, from the beginning: a verdict, or the real error with what it teaches, and never a trace."""
    options = panel.options(description)
    assert len(options) > 1
    for option in options:
        panel.press("Reset", "Enter")
        settled(panel)
        before, was = panel.picture(), panel.value(description)
        panel.choose(description, option)
        if option != was:
            panel.wait_text(".lab-status", "^(Out of date|Working|Up to date)")
        verdict, error = settled(panel)
        assert verdict.endswith("."), (option, verdict)
        assert "Traceback" not in error and "could not" not in panel.text(".lab-status"), (option, error)
        if option == was:
            assert panel.picture() == before, option
    panel.lab.screenshot(f"layer-lab-{description}", of=".layer-lab")


def test_an_error_is_shown_with_what_it_teaches(panel):
    panel.choose("How it is written", "Subclassed, without get_config")
    panel.choose("Naive method", "from_config + set_weights")
    verdict, error = settled(panel)
    assert "raised" in error and len(error.split()) > 10
    assert verdict.endswith(".")
    panel.lab.screenshot("layer-lab-error", of=".layer-lab")
    panel.press("Reset", "Enter")
    assert settled(panel)[1] == ""


def test_layers_are_added_and_removed(panel):
    before = panel.picture()
    source = panel.text(".lab-source pre")
    panel.press("Add a layer", "Enter")
    after = panel.wait_other_picture(before)
    settled(panel)
    count = panel.root.get_by_role("button", name="Remove layer").count()
    panel.press(f"Remove layer {count}", "Enter")
    panel.wait_other_picture(after)
    settled(panel)
    assert panel.text(".lab-source pre") == source
    assert panel.picture() == before


def test_play_and_pause(panel):
    seen = [panel.picture()]
    panel.press("Play", "Enter")
    for _ in range(5):
        seen.append(panel.wait_other_picture(seen[-1]))
    panel.press("Pause", "Enter")
    settled(panel)
    assert len(set(seen)) == len(seen)
    panel.press("Reset", "Enter")
    panel.wait_other_picture(panel.picture())
    settled(panel)
    assert panel.picture() == seen[0]


def test_tab_reaches_every_control(panel):
    stops = panel.tab_stops()
    missing = {*DROPDOWNS, "units", "Remove layer 1", "Add a layer", "Steps before cloning", "Seed", "Play", "Reset"}
    assert missing - set(stops) == set()
    assert "" not in stops
