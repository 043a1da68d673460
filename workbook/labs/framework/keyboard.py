"""Keys that stay with the control that has the focus, and names for controls that have none.

JupyterLab takes plain keys for itself wherever the focus is on something that is not typed into: with the focus on a
radio button, a checkbox or a dropdown, an arrow key jumps to the next cell instead of changing the control, and "d d"
deletes the cell (sliders and text boxes are spared). ipywidgets has no setting against it. The browser side of
JupyterLab has: keys pressed on an element with a certain attribute are left alone, and the few lines of JavaScript here
set it. They also join radio buttons to a group, which ipywidgets does not, so that arrow keys move between them and
screen readers say how many there are; and they give the handle of a slider the name that stands beside it, which
ipywidgets leaves out. Where a front end forbids such code, panels still work with Tab, Space and Enter.
"""

from __future__ import annotations

import html

import ipywidgets

__all__ = ["keep_keys"]

_PANEL = "lesson-keys"

# Listening at the window comes before JupyterLab, which listens at the document. Once a page is enough for all panels.
# Shortcuts with a modifier (save, run) and Escape stay JupyterLab's.
_SCRIPT = f"""
if (!window.lessonKeys) {{
  window.lessonKeys = true;
  const inPanel = (event) => event.target.closest && event.target.closest('.{_PANEL}');
  window.addEventListener('keydown', (event) => {{
    if (!inPanel(event)) return;
    const forLab = event.ctrlKey || event.metaKey || event.altKey || event.key === 'Escape'
      || (event.shiftKey && event.key === 'Enter');
    event.target.toggleAttribute('data-lm-suppress-shortcuts', !forLab);
  }}, true);
  window.addEventListener('focusin', (event) => {{
    const box = inPanel(event) && event.target.closest('.widget-radio-box');
    if (!box || event.target.name) return;
    const name = 'lesson-radio-' + Math.random().toString(36).slice(2);
    box.querySelectorAll('input[type=radio]').forEach((radio) => {{ radio.name = name; }});
    const label = box.parentElement.querySelector('.widget-label');
    box.setAttribute('role', 'radiogroup');
    if (label) box.setAttribute('aria-label', label.textContent);
  }}, true);
}}
{{
  // Sliders can be added later, as with a layer of the Layer Lab.
  const panel = this.closest('.{_PANEL}');
  const name = () => panel.querySelectorAll('.noUi-handle:not([aria-label])').forEach((handle) => {{
    const label = handle.closest('.widget-slider')?.querySelector('.widget-label');
    if (label?.textContent.trim()) handle.setAttribute('aria-label', label.textContent.trim());
  }});
  if (panel) {{
    new MutationObserver(name).observe(panel, {{ childList: true, subtree: true }});
    name();
  }}
}}
"""


def keep_keys(panel: ipywidgets.DOMWidget) -> ipywidgets.HTML:
    """Keep plain keys inside a panel, and name its sliders.

    Args:
        panel: The outermost widget of the panel.

    Returns:
        An invisible widget that the panel must have among its children.
    """
    panel.add_class(_PANEL)
    # Scripts in HTML that arrives later do not run, but a style sheet reports when it is loaded.
    style = f'<style onload="{html.escape(_SCRIPT)}">.{_PANEL} {{ box-sizing: border-box; }}</style>'
    return ipywidgets.HTML(style, layout={"display": "none"})
