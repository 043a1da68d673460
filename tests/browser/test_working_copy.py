"""The reader's own copy, opened in JupyterLab: no output is shown, and nothing counts as changed."""

from __future__ import annotations

import driver
import pytest

from tools import working_copy

NAME = "my_notebooks/00_start_here.ipynb"


@pytest.mark.slow
def test_opening_shows_no_result_and_changes_nothing(lab):
    working_copy.update(driver.ROOT / "notebooks", lab.server.folder / "my_notebooks")
    before = (lab.server.folder / NAME).read_bytes()
    lab.open(NAME)
    assert lab.page.locator(".jp-OutputArea-output").count() == 0
    assert lab.page.evaluate("() => jupyterapp.shell.currentWidget.context.model.dirty") is False
    assert (lab.server.folder / NAME).read_bytes() == before
