"""Picture and sentence of each lab stay in view while its controls are used, and the letters are readable.

Three windows: a small laptop or projector with JupyterLab's file browser open, a narrow one, and a zoom of 150 %.
"""

from __future__ import annotations

import driver
import pytest
from lab_panel import AT_REST

pytestmark = pytest.mark.slow

FIRST = """import keras
import numpy as np
import workbook

workbook.quiet_tensorflow()
from matplotlib.text import Text

from workbook import labs
from workbook.labs.layer.spec import Definition, LayerSpec


def smallest(lab):
    figure = lab._drawn.figure
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    return min(sizes) / 72 * figure.dpi


reader = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
reader.compile("adam", "mse")
images, labels = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")"""

LAYERS = "('Dense', 'BatchNormalization', 'Dropout', 'Dense', 'LayerNormalization', 'Dense')"
PANELS = {
    "layer-lab": f"labs.LayerLab(Definition([LayerSpec(kind) for kind in {LAYERS}]), steps=12)",
    "birth-lab": "labs.BirthLab()",
    "save-load-lab": "labs.SaveLoadLab()",
    "interruption-lab": "labs.InterruptionLab()",
    "posteriors-lab": "labs.PosteriorsLab()",
    "method-table": "labs.MethodTablePanel('keras', 'dropout')",
    "own-model": "labs.OwnModelPanel('reader', 'images', 'labels')",
}
# The picture of these two is a table, which may be longer than a window. What answers is the sentence.
TABLES = ("method-table", "own-model")

WINDOWS = {"1280 px": (1280, 720, 1.0), "900 px": (900, 720, 1.0), "150 %": (853, 480, 1.5)}

CONTROLS = "select, input:not([type=file]), .noUi-handle, button:not(.lab-copy)"

# What of a panel is outside of the notebook's window, or covered, while one of its controls has the focus.
_OUT_OF_VIEW = """([panel, parts]) => {
  const page = document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect();
  const root = document.querySelector(panel);
  const control = document.activeElement;
  const words = [];
  for (const part of parts) {
    const box = root.querySelector(part).getBoundingClientRect();
    const outside = [page.top - box.top, box.bottom - page.bottom, page.left - box.left, box.right - page.right];
    if (Math.max(...outside) > 1) {
      words.push(`${part} from ${Math.round(box.top - page.top)} to ${Math.round(box.bottom - page.top)} px`
        + ` of ${Math.round(page.height)}`);
    }
  }
  const own = control.getBoundingClientRect();
  const at = document.elementFromPoint(own.left + own.width / 2, own.top + own.height / 2);
  if (!control.contains(at) && !at?.contains(control)) words.push('the control is covered');
  return words.length ? `${control.className || control.tagName}: ${words.join('; ')}` : '';
}"""

_VALUE = """async (expression) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const done = kernel.requestExecute({code: '', silent: true, user_expressions: {value: expression}});
  return (await done.done).content.user_expressions.value.data['text/plain'];
}"""


@pytest.fixture(scope="module")
def page_of_labs(server, browser):
    """A notebook with every lab."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    lab = driver.Lab(page, server)
    names = {name: name.replace("-", "_") for name in PANELS}
    lab.open_and_run(FIRST, *(f"{names[name]} = {code}\n{names[name]}" for name, code in PANELS.items()))
    assert lab.errors() == []
    yield lab
    page.close()
    server.shut_kernels_down()


def resize(page, window):
    """Give the page a size, and to each of its pixels a number of device pixels."""
    width, height, ratio = WINDOWS[window]
    page.set_viewport_size({"width": width, "height": height})
    metrics = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", metrics)


def wait_sharp(lab, name):
    """Wait until the picture has been drawn for its place: one pixel of it is one pixel of the screen."""
    lab.until(
        """(selector) => {
          const image = document.querySelector(selector);
          image.scrollIntoView({block: 'nearest'}); // the cells above may have grown; what is out of view is not drawn
          const panel = image.closest('.workbook-lab'), shown = panel.querySelector('.lab-shown');
          const known = parseInt(getComputedStyle(panel).getPropertyValue('--lab-shown'));
          const wanted = Math.floor(image.parentElement.clientWidth) * devicePixelRatio;
          return image.complete && known === shown.offsetHeight && Math.abs(image.naturalWidth - wanted) <= 2;
        }""",
        f".{name} .lab-picture img",
        why=f"for the picture of {name} to have the size of its place",
    )


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", PANELS)
def test_picture_and_sentence_stay_in_view_while_a_control_is_used(page_of_labs, name, window):
    lab, page = page_of_labs, page_of_labs.page
    resize(page, window)
    panel = lab.panel(f".{name}")
    wait_sharp(lab, name)
    parts = [".lab-verdict"] if name in TABLES else [".lab-picture img", ".lab-verdict"]
    hidden = []
    controls = panel.root.locator(CONTROLS).locator("visible=true")
    if name in TABLES:  # this button is in the picture
        controls = controls.and_(page.locator(":not(.lab-full)"))
    for index in range(controls.count()):
        control = controls.nth(index)
        if control.is_disabled():
            continue
        control.focus()
        hidden.append(page.evaluate(_OUT_OF_VIEW, [f".{name}", parts]))
        kind = control.evaluate("(node) => node.tagName + (node.type ?? '')")
        if name not in TABLES and kind in ("SELECTselect-one", "DIV", "INPUTcheckbox"):
            page.keyboard.press(" " if kind == "INPUTcheckbox" else "ArrowLeft" if kind == "DIV" else "ArrowDown")
            hidden.append(page.evaluate(_OUT_OF_VIEW, [f".{name}", parts]))
    assert list(filter(None, hidden)) == []
    panel.wait_text(".lab-status", AT_REST, timeout=driver.RUN)
    if name not in TABLES:  # with the sentence and the picture of the new settings
        assert page.evaluate(_OUT_OF_VIEW, [f".{name}", parts]) == ""


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", PANELS)
def test_the_smallest_letter_of_a_picture_is_at_least_11_px_high(page_of_labs, name, window):
    lab, page = page_of_labs, page_of_labs.page
    resize(page, window)
    lab.panel(f".{name}")
    wait_sharp(lab, name)
    shown = page.locator(f".{name} .lab-picture img").evaluate("(node) => node.clientWidth / node.naturalWidth")
    assert float(page.evaluate(_VALUE, f"smallest({name.replace('-', '_')})")) * shown >= 11


def test_the_picture_alone_fills_the_screen(page_of_labs):
    lab, page = page_of_labs, page_of_labs.page
    resize(page, "1280 px")
    panel = lab.panel(".layer-lab")
    wait_sharp(lab, "layer-lab")
    before = panel.root.locator(".lab-picture img").evaluate("(node) => node.clientHeight")
    panel.press("Picture only", "Enter")
    larger = """(before) => {
      const image = document.fullscreenElement?.querySelector('.lab-picture img');
      return image && image.clientHeight > 1.5 * before && image.naturalWidth >= image.clientWidth - 2;
    }"""
    lab.until(larger, before, why="for a larger picture")
    below = page.locator(".layer-lab .lab-verdict").evaluate("(node) => node.getBoundingClientRect().bottom")
    assert below <= page.viewport_size["height"]
    page.keyboard.press("Enter")
    lab.until("() => !document.fullscreenElement")
    wait_sharp(lab, "layer-lab")


def test_a_shorter_sentence_does_not_move_the_controls_but_a_wider_panel_does(page_of_labs):
    lab, page = page_of_labs, page_of_labs.page
    resize(page, "900 px")
    lab.panel(".layer-lab")
    wait_sharp(lab, "layer-lab")
    sentence = page.locator(".layer-lab .lab-verdict")
    before, after = sentence.evaluate(
        """(node) => {
          const before = node.offsetHeight;
          node.querySelector('.widget-html-content').textContent = 'Short.';
          return [before, node.offsetHeight];
        }"""
    )
    assert after == before > 50
    resize(page, "1280 px")
    wait_sharp(lab, "layer-lab")
    assert sentence.evaluate("(node) => node.offsetHeight") < before
