"""Keys that stay with the control that has the focus, names for controls, code in options, and the style of labs.

JupyterLab takes plain keys for itself wherever the focus is on something that is not typed into: with the focus on a
radio button, a checkbox or a dropdown, an arrow key jumps to the next cell instead of changing the control, and "d d"
deletes the cell (sliders and text boxes are spared). ipywidgets has no setting against it. The browser side of
JupyterLab has: keys pressed on an element with a certain attribute are left alone, and `keyboard.js` sets it. It also
joins radio buttons to a group, which ipywidgets does not, so that arrow keys move between them and screen readers say
how many there are; it gives the handle of a slider the name that stands beside it, which ipywidgets leaves out; and it
shows what stands between backticks beside a radio button as code.
Where a front end forbids such code, panels still work with Tab, Space and Enter.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets
import traitlets

__all__ = ["LabAssets", "PanelAssets", "asset", "keep_keys"]

_PANEL = "lesson-keys"


def asset(path: Path) -> traitlets.Unicode:
    """Return a trait that brings the text of a file to the browser.

    A path would do as well, but anywidget then watches the file, and its watcher keeps every widget alive.
    """
    return traitlets.Unicode(path.read_text(encoding="utf-8")).tag(sync=True)


class PanelAssets(anywidget.AnyWidget):
    """An invisible widget that brings the browser's side of a panel: `keyboard.js`."""

    _esm = asset(Path(__file__).with_name("keyboard.js"))


class LabAssets(PanelAssets):
    """The same for a lab, with its style: `lab.css`."""

    _css = asset(Path(__file__).with_name("lab.css"))


def keep_keys(panel: ipywidgets.DOMWidget, assets: type[PanelAssets] = PanelAssets) -> ipywidgets.DOMWidget:
    """Keep plain keys inside a panel, and name its sliders.

    Args:
        panel: The outermost widget of the panel.
        assets: What the browser loads for it.

    Returns:
        An invisible widget that the panel must have among its children.
    """
    panel.add_class(_PANEL)
    return assets(layout={"display": "none"})
