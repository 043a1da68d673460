"""Two tabs on one notebook: a change in one shows in the other. Also an upload that is larger than usual."""

from __future__ import annotations

import re

import driver
import pytest
from lab_panel import AT_REST, AT_WORK, change, upload

pytestmark = pytest.mark.slow

CELL = """import workbook

workbook.quiet_tensorflow()

from workbook import labs

display(labs.BirthLab())
labs.OwnModelPanel()"""
PANEL = ".birth-lab"
SAID = (".lab-verdict", ".lab-source pre", ".lab-status")


@pytest.fixture
def second(server, browser, opened):
    """The same notebook in a second tab."""
    with opened.page.expect_response(lambda answer: answer.request.method == "PUT" and "made.ipynb" in answer.url):
        opened.page.keyboard.press("Control+s")
    page = browser.new_page(viewport={"width": 1400, "height": 1700})
    lab = driver.Lab(page, server)
    lab.open("made.ipynb")
    lab.page.wait_for_selector(f"{PANEL} .lab-status")
    yield lab.panel(PANEL)
    assert lab.complaints == []
    page.close()


def test_what_is_done_in_one_tab_shows_in_the_other(panel, second):
    assert [second.text(part) for part in SAID] == [panel.text(part) for part in SAID]
    for here, there in ((second, panel), (panel, second)):
        there.record(".lab-status")
        before = there.picture()
        change(here, "Units", "ArrowRight")
        there.wait_recorded(AT_WORK, AT_REST)
        assert there.wait_other_picture(before) == here.picture()
        assert [there.text(part) for part in SAID] == [here.text(part) for part in SAID]
        assert there.value("Units") == here.value("Units")
    # If both change at once, they finally agree on one of the two values.
    for each in (panel, second):
        each.record(".lab-status")
    panel.press("Step", "ArrowLeft")
    second.press("Units", "ArrowRight")
    for each in (panel, second):
        each.wait_recorded(AT_WORK, AT_REST)
    panel.wait_text(".lab-verdict", re.escape(second.text(".lab-verdict")))
    assert [panel.value(name) for name in ("Units", "Step")] == [second.value(name) for name in ("Units", "Step")]
    assert panel.text(".lab-source pre") == second.text(".lab-source pre")
    assert panel.wait_other_picture(None) == second.wait_other_picture(None)


def test_a_large_upload_arrives(opened, tmp_path):
    """With the server's default limit for a message, the connection would be closed and the lab would never respond."""
    own_model = opened.panel(".own-model")
    large = tmp_path / "large.keras"
    large.write_bytes(b"PK" + bytes(15_000_000))
    assert upload(own_model, large).startswith("large.keras is cut short")
    assert opened.complaints == []
