"""What the browser tests of all labs do: change a control by keyboard, wait for the answer, read what it says."""

from __future__ import annotations

__all__ = ["AT_REST", "AT_WORK", "change", "choose", "source"]

AT_WORK = "^(Out of date|Working)"
AT_REST = "^Up to date"


def change(panel, description, *keys):
    """Press keys on a control that change something, and wait for the lab to have noticed, worked, and come to rest.

    Returns what it then says: the verdict, and the error if there is one.
    """
    panel.record(".lab-status")
    panel.press(description, *keys)
    panel.wait_recorded(AT_WORK, AT_REST)
    return panel.text(".lab-verdict"), panel.text(".lab-error")


def choose(panel, description, option):
    """Choose an option of a dropdown, other than the one that is chosen, as `change` does."""
    panel.record(".lab-status")
    panel.choose(description, option)
    panel.wait_recorded(AT_WORK, AT_REST)
    return panel.text(".lab-verdict"), panel.text(".lab-error")


def source(panel):
    """Return the Python source that the lab shows."""
    return panel.text(".lab-source pre")
