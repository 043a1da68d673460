"""The browser code of a panel comes from files, and is released with the panel."""

from __future__ import annotations

import gc
import weakref

import ipywidgets
import pytest

from workbook.labs.framework.keyboard import LabAssets, PanelAssets, keep_keys


@pytest.mark.parametrize(("assets", "style"), [(PanelAssets, False), (LabAssets, True)])
def test_a_panel_brings_its_script_and_a_lab_its_style_too(assets, style):
    panel = ipywidgets.VBox()
    state = keep_keys(panel, assets).get_state()
    assert "export default" in state["_esm"] and "lesson-keys" in panel._dom_classes
    assert (".workbook-lab" in state.get("_css", "")) == style


def test_assets_go_with_their_panel():
    widget = keep_keys(ipywidgets.VBox(), LabAssets)
    gone = weakref.ref(widget)
    widget.close()
    del widget
    gc.collect()
    assert gone() is None
