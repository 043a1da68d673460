"""Shared steps of the browser tests of labs: change a control by keyboard, wait for the result, and read it."""

from __future__ import annotations

import re

import driver

__all__ = ["AT_REST", "AT_WORK", "change", "choose", "source", "upload"]

AT_WORK = "^(Out of date|Working)"
AT_REST = "^Up to date"


def change(panel, description, *keys, timeout=driver.READY):
    """Press keys that change a control, and wait until the lab has noticed the change and is up to date.

    Returns:
        The verdict, and the error if there is one.
    """
    panel.record(".lab-status")
    panel.press(description, *keys)
    panel.wait_recorded(AT_WORK, AT_REST, timeout=timeout)
    return panel.text(".lab-verdict"), panel.text(".lab-error")


def choose(panel, description, option, timeout=driver.READY):
    """Choose a different option of a dropdown; wait and return as `change` does."""
    panel.record(".lab-status")
    panel.choose(description, option)
    panel.wait_recorded(AT_WORK, AT_REST, timeout=timeout)
    return panel.text(".lab-verdict"), panel.text(".lab-error")


def upload(panel, path):
    """Upload a file by keyboard, wait for the result, and return the verdict."""
    panel.record(".lab-status")
    with panel.page.expect_file_chooser() as chooser:
        panel.root.get_by_role("button", name=re.compile("Upload")).focus()
        panel.page.keyboard.press("Enter")
    chooser.value.set_files(path)
    panel.wait_recorded(AT_WORK, AT_REST, timeout=driver.RUN)
    return panel.text(".lab-verdict")


def source(panel):
    """Return the Python source that the lab shows."""
    return panel.text(".lab-source pre")
