"""Panels of a kernel that was restarted or shut down: a sentence, no dead button, no icon of a broken link."""

from __future__ import annotations

import re

import driver
import pytest
from playwright.sync_api import expect
from test_questions_by_keyboard import EXERCISE, QUESTION

pytestmark = pytest.mark.slow

LAB = 'labs.MethodTablePanel("keras", "sequential")'
RESTARTED = "The kernel was restarted: run this cell again."
GONE = "The kernel of this panel is gone: run this cell again."

# Whatever in an output can be pressed or changed, and the views on which ipywidgets shows a broken link.
DEAD = """() => [...document.querySelectorAll('.jp-OutputArea-output')].flatMap(output =>
  [...output.querySelectorAll('button, input, select, textarea, [role=slider], .jupyter-widgets-disconnected')]
).filter(node => node.checkVisibility()).map(node => node.outerHTML.slice(0, 200))"""


def restart(lab):
    """Restart the kernel from the menu, as a reader does."""
    lab.page.get_by_role("menuitem", name="Kernel", exact=True).click()
    lab.page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()  # its name ends with its keys
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()


def assert_only_told(lab, *sentences):
    """Assert that the panels of a notebook show these sentences and nothing else."""
    expect(lab.page.locator(".lesson-keys")).to_have_text(sentences, use_inner_text=True, timeout=driver.READY)
    assert lab.page.evaluate(DEAD) == []


def test_panels_say_that_the_kernel_was_restarted_also_when_the_notebook_is_opened_another_day(lab):
    lab.open_and_run(QUESTION, EXERCISE.format(answer=3), LAB)
    assert (lab.errors(), lab.widget_problems()) == ([], [])
    assert lab.page.evaluate(DEAD) != []
    with lab.page.expect_response(lambda answer: answer.request.method == "PUT" and "made.ipynb" in answer.url):
        lab.page.keyboard.press("Control+s")
    restart(lab)
    assert_only_told(lab, *[RESTARTED] * 3)
    lab.screenshot_whole("kernel-restarted")
    assert lab.accessibility_problems(".lesson-keys") == []
    lab.server.shut_kernels_down()
    lab.open("made.ipynb")
    assert_only_told(lab, *[RESTARTED] * 3)
    lab.screenshot_whole("opened-another-day")
    assert lab.complaints == []


def test_panels_work_when_their_cell_is_run_again(lab):
    lab.open_and_run(QUESTION, EXERCISE.format(answer=3))
    restart(lab)
    assert_only_told(lab, *[RESTARTED] * 2)
    lab.run_all()
    assert (lab.errors(), lab.widget_problems()) == ([], [])
    question = lab.panel(".lesson-question")
    question.press("Your prediction:", "Space")
    question.press("Answer", "Enter")
    question.wait_text(".lesson-verdict", "number of plus signs")
    assert lab.complaints == []


def test_a_panel_whose_kernel_was_shut_down_says_so_when_it_is_used(lab):
    lab.open_and_run(QUESTION)
    lab.choose("Kernel", "Shut Down Kernel")
    lab.until("() => !jupyterapp.shell.currentWidget.sessionContext.session", why="for the kernel to end")
    lab.page.locator(".lesson-keys").get_by_role("button", name="Answer").focus()
    assert_only_told(lab, GONE)
    assert lab.complaints == []
