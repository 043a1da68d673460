"""What ipywidgets leaves out: keys, names for controls, code in options, a sentence if the kernel is gone; styles.

JupyterLab handles plain keys itself unless the focus is on a slider or a text box: on a radio button, a checkbox or a
dropdown, an arrow key moves to the next cell instead of changing the control, and "d d" deletes the cell. ipywidgets
has no setting to prevent this. JupyterLab ignores keys on elements with a certain attribute, and `keyboard.js` sets
that attribute. The script also makes up for three gaps in ipywidgets: it groups radio buttons, so that arrow keys move
between them and screen readers announce their number; it gives the handle of each slider its label as a name; and it
shows text between backticks beside a radio button as code.

If the kernel is restarted or dies, ipywidgets leaves the views where they are, with a verdict that may be out of date,
buttons that do nothing, and an icon of a broken link on each. The script shows a sentence instead: what to do.
In front ends that do not run this script, panels still work with Tab, Space and Enter.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets
import traitlets

__all__ = ["LabAssets", "PanelAssets", "asset", "keep_keys"]

_PANEL = "lesson-keys"


def asset(path: Path) -> traitlets.Unicode:
    """Return a trait that sends the text of a file to the browser.

    A path would also work, but anywidget then watches the file, and its watcher keeps every widget alive.
    """
    return traitlets.Unicode(path.read_text(encoding="utf-8")).tag(sync=True)


class PanelAssets(anywidget.AnyWidget):
    """An invisible widget that loads `keyboard.js` for a panel."""

    _esm = asset(Path(__file__).with_name("keyboard.js"))


class LabAssets(PanelAssets):
    """An invisible widget that loads `keyboard.js` and `lab.css` for a lab."""

    _css = asset(Path(__file__).with_name("lab.css"))


def keep_keys(panel: ipywidgets.DOMWidget, assets: type[PanelAssets] = PanelAssets) -> ipywidgets.DOMWidget:
    """Stop JupyterLab from handling plain keys inside a panel, and name its sliders.

    Args:
        panel: The outermost widget of the panel.
        assets: The widget that loads the panel's files in the browser.

    Returns:
        An invisible widget; add it to the children of the panel.
    """
    panel.add_class(_PANEL)
    return assets(layout={"display": "none"})
