"""Tests of the browser tools on notebooks with known faults, because a fault missed here is missed in lessons too."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_output

pytestmark = pytest.mark.rare

# A panel with one control of each kind, a picture of the number of steps, and a sentence about them all.
PANEL = """
import io
import ipywidgets
import traitlets
from PIL import Image

from workbook.labs.framework.keyboard import keep_keys

class Named(ipywidgets.Image):
    description = traitlets.Unicode("").tag(sync=True)

def picture(number):
    file = io.BytesIO()
    Image.new("RGB", (200, 80), (number * 12, 80, 160)).save(file, "png")
    return file.getvalue()

steps = ipywidgets.IntSlider(description="Steps", value=3, max=20)
kind = ipywidgets.Dropdown(description="Kind", options=["Dense", "LSTM"])
bias = ipywidgets.Checkbox(description="Use bias")
name = ipywidgets.Text(description="Name")
reset = ipywidgets.Button(description="Reset")
image = Named(value=picture(3), tooltip="A field in the colour of the steps")
frame = ipywidgets.Box([image]).add_class("lab-picture")
verdict = ipywidgets.HTML("nothing yet").add_class("lab-verdict")

def show(change):
    image.value = picture(steps.value)
    verdict.value = f"{steps.value} steps, {kind.value}, {bias.value}, {name.value}"

for control in (steps, kind, bias, name):
    control.observe(show, "value")
reset.on_click(lambda button: setattr(steps, "value", 3))
panel = ipywidgets.VBox([steps, kind, bias, name, reset, frame, verdict]).add_class("layer-lab")
panel.children = [keep_keys(panel), *panel.children]
panel
"""


def test_a_sound_notebook(lab):
    stale = new_code_cell("later = 2", execution_count=9, outputs=[new_output("stream", text="from an earlier run")])
    lab.open_and_run("import time; time.monotonic()", stale, PANEL, *["# a comment\n" * 40 + "1"] * 3)
    counts = [cell["count"] for cell in lab.state()["cells"]]
    assert counts == [1, 2, 3, 4, 5, 6]
    assert lab.state()["cells"][1]["outputs"] == []
    assert lab.widgets() == [(2, 0)]
    found = (lab.errors(), lab.widget_problems(), lab.complaints, lab.outside)
    assert found == ([], [], [], [])
    assert lab.page.locator(".Toastify__toast").count() == 0  # the question about news on a first visit
    whole = lab.screenshot_whole("rig")
    assert whole.stat().st_size > 10_000


def test_the_controls_answer_the_keyboard(lab):
    lab.open_and_run(PANEL)
    panel = lab.panel(".layer-lab")
    assert panel.tab_stops() == ["Steps", "Kind", "Use bias", "Name", "Reset"]
    first = panel.picture()
    assert panel.picture() == first
    with pytest.raises(AssertionError, match="another picture"):
        panel.wait_other_picture(first, timeout=300)
    panel.record(".lab-verdict")
    panel.press("Steps", "ArrowRight", "ArrowRight")
    second = panel.wait_other_picture(first)
    panel.wait_recorded("^4 steps", "^5 steps, Dense")
    with pytest.raises(AssertionError, match=r"told .*4 steps.*5 steps"):
        panel.wait_recorded("^5 steps", "^4 steps", timeout=300)
    panel.choose("Kind", "LSTM")
    panel.wait_text(".lab-verdict", "^5 steps, LSTM")
    panel.press("Use bias", "Space")
    panel.press("Name", "a", "b", "Enter")
    panel.wait_text(".lab-verdict", "^5 steps, LSTM, True, ab$")
    assert [panel.value(name) for name in ("Steps", "Kind", "Use bias", "Name")] == ["5", "LSTM", True, "ab"]
    panel.press("Reset", "Enter")
    panel.wait_text(".lab-verdict", "^3 steps")
    panel.wait_other_picture(second)
    assert panel.picture() == first
    with pytest.raises(AssertionError):
        panel.wait_text(".lab-verdict", "^7 steps", timeout=300)


def test_keys_that_jupyterlab_takes_are_seen(lab):
    lab.open_and_run(PANEL.replace("keep_keys(panel), ", ""))
    panel = lab.panel(".layer-lab")
    with pytest.raises(AssertionError, match="the arrow keys led 'Kind' to 'Dense'"):
        panel.choose("Kind", "LSTM")


def test_an_error_is_seen(lab):
    announced = new_code_cell("[][1]", metadata={"tags": ["raises-exception"]})
    lab.open_and_run(announced, "1 / 0", "never = 'run'")
    (error,) = lab.errors()
    assert "cell 2" in error and "ZeroDivisionError" in error
    assert lab.state()["cells"][2]["count"] is None


def test_a_kernel_that_dies_is_seen(lab):
    with pytest.raises(AssertionError, match="JupyterLab asks"):
        lab.open_and_run("import os; os._exit(1)", "1")


def test_widgets_that_do_not_show_are_seen(lab):
    lab.open_and_run(
        "import ipywidgets\nipywidgets.IntSlider()",
        "box = ipywidgets.VBox([]).add_class('empty')\nbox.layout.display = 'none'\nbox",
        "ipywidgets.Image(value=b'not a picture')",
        # Image has no description, and its view in ipywidgets 8.1.9 fails because of that if there is a tooltip.
        "ipywidgets.Image(value=b'', tooltip='The way that seems right')",
        "from PIL import Image\nimport io\nfile = io.BytesIO()\nImage.new('RGB', (9, 9)).save(file, 'png')\n"
        "ipywidgets.Image(value=file.getvalue())",
        "class Absent(ipywidgets.DOMWidget):\n    _view_name = _model_name = 'Absent'\nAbsent()",
        "gone = ipywidgets.IntSlider()\ngone.close()\n"
        "from IPython.display import display\n"
        "display({'application/vnd.jupyter.widget-view+json': {'model_id': '0' * 32, 'version_major': 2, "
        "'version_minor': 0}}, raw=True)",
    )
    problems = lab.widget_problems(timeout=2000)
    found = [problem.partition(":")[0].removeprefix("the widget of cell ") for problem in problems]
    assert found == ["2", "3", "4", "5", "6", "7"], problems
    assert lab.complaints != []


def test_complaints_and_addresses_outside_are_seen(lab):
    lab.open_and_run("from IPython.display import Javascript\nJavascript(\"console.error('ours')\")")
    lab.page.evaluate("() => fetch('http://127.0.0.1:9/outside').catch(() => null)")
    assert any("ours" in complaint for complaint in lab.complaints)
    assert lab.outside == ["http://127.0.0.1:9/outside"]


def test_what_some_cannot_read_or_find_is_seen(lab):
    lab.open_and_run(
        "import ipywidgets\nipywidgets.IntSlider().add_class('nameless')",
        "ipywidgets.HTML('<p style=\"color: #222\">Dark ink</p>').add_class('faint')",
        "ipywidgets.HTML('<p>Ink of the theme</p>').add_class('sound')",
    )
    assert any("aria-input-field-name" in problem for problem in lab.accessibility_problems(".nameless"))
    (faint,) = lab.accessibility_problems(".faint")  # only in the dark theme
    assert "color-contrast" in faint
    assert lab.accessibility_problems(".sound") == []
    with pytest.raises(AssertionError, match="nothing like"):
        lab.accessibility_problems(".absent")


def test_a_notebook_that_is_not_there_is_seen(lab):
    with pytest.raises(AssertionError, match="there is no"):
        lab.open("notebooks/nothing.ipynb")
