"""Every notebook in JupyterLab: it opens, runs from top to bottom, shows its widgets, and is accessible."""

from __future__ import annotations

import driver
import pytest

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted((driver.ROOT / "notebooks").glob("*.ipynb"))[1:]  # the first: see test_start_here.py


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_top_to_bottom(lab, path):
    lab.open(f"notebooks/{path.name}")
    lab.screenshot(f"{path.stem}-opened")
    lab.run_all()
    lab.screenshot_whole(path.stem)
    assert lab.accessibility_problems(".jp-RenderedMarkdown", ".jp-OutputArea-output") == []
    assert lab.errors() == []
    assert lab.widget_problems() == []
    assert lab.complaints == []
    assert lab.outside == []
