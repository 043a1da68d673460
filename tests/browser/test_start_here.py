"""Notebook 00 as a new reader uses it: it opens first; then a question, the lab, and the progress with its link."""

from __future__ import annotations

import json
import re

import driver
import pytest
from lab_panel import choose
from playwright.sync_api import expect

from workbook.lessons import lesson_00, progress

NAME = "notebooks/00_start_here.ipynb"
NEXT = "notebooks/01_how_subclassing_works.ipynb"


@pytest.fixture(scope="module")
def progress_file(tmp_path_factory):
    """The progress file of this module's server."""
    return tmp_path_factory.mktemp("reader") / "progress.json"


@pytest.fixture(scope="module")
def server(chromium, tmp_path_factory, progress_file):
    """A separate server whose kernels store progress, and which keeps a kernel ready; the usual server does neither."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    for name in (NAME, NEXT):
        (folder / name).write_bytes((driver.ROOT / name).read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(progress.VARIABLE, str(progress_file))
        server = driver.Server(folder, tmp_path_factory.mktemp("jupyter"), prepare=True)
    yield server
    server.stop()


def wait_shown(lab, done, next_place):
    """Wait until the progress panel shows so many questions as right, and this place to go on; no cell is run."""
    root = lab.panel(".lesson-progress").root
    expect(root.locator("tr", has_text="00 Start here").locator("td").nth(1)).to_have_text(f"{done} of 2")
    expect(root.get_by_role("progressbar", name=f"00 Start here: {done} of 2 done")).to_be_visible()
    expect(root.locator("p").first).to_have_text(next_place)


def answer(lab, start, question):
    """Choose the right answer to a question by keyboard, and wait for the verdict."""
    panel = lab.panel(f".lesson-question:has-text('{start}')")
    right = [option.right for option in question.options].index(True)
    panel.press("Your prediction:", "Space")
    panel.press("Your prediction:", *["ArrowDown"] * right)
    panel.press("Answer", "Enter")
    panel.wait_text(".lesson-verdict", "^\\W*Right")


def test_it_opens_first(lab):
    lab.page.goto(f"{lab.server.url}/?token={lab.server.token}")
    lab.until(
        f"(name) => ({driver._STATE})()?.path === name", arg=NAME, why="for JupyterLab to open notebook 00 by itself"
    )


@pytest.mark.slow
def test_someone_new_goes_through_it(lab, progress_file):
    lab.open(NAME)
    lab.run_all()
    assert (lab.errors(), lab.widget_problems()) == ([], [])
    lab.screenshot_whole("00_start_here")
    assert lab.accessibility_problems(".jp-RenderedMarkdown", ".jp-OutputArea-output") == []
    wait_shown(lab, 0, "Begin with 00 Start here: A model and two clones")
    assert not progress_file.exists()

    answer(lab, "one more training step", lesson_00.SAME_BATCHES)
    assert json.loads(progress_file.read_text(encoding="utf-8"))["answers"].keys() == {lesson_00.SAME_BATCHES.key}
    wait_shown(lab, 1, "Go on with 00 Start here: A smaller learning rate")

    panel = lab.panel(".layer-lab")
    panel.wait_text(".lab-verdict", "fails “Same start”")
    assert "fails “Same future” (" in choose(panel, "Method A", "clone_model + set_weights")[0]
    lab.screenshot("start-here-lab", of=".layer-lab")
    verdict, _ = choose(panel, "Optimizer", "SGD, no memory")
    assert "clone_model + set_weights: ✗" in verdict and "(optimizer state differ" in verdict
    assert "fails “Own life” (" in choose(panel, "Method A", "second name (=)")[0]

    answer(lab, "the smaller rate", lesson_00.COMPILED_AGAIN)
    place = "Which method runs when"
    wait_shown(lab, 2, f"Go on with 01 How subclassing works: {place}")
    assert lab.accessibility_problems(".lesson-progress") == []
    lab.screenshot("start-here-progress", of=".lesson-progress")
    assert (lab.errors(), lab.complaints, lab.outside) == ([], [], [])

    # The link opens the notebook beside this one, and does not load JupyterLab again.
    lab.page.evaluate("window.loadedOnce = true")
    link = lab.panel(".lesson-progress").root.get_by_role("link", name=re.compile(place))
    link.click()
    lab.wait_open(NEXT)
    # In a notebook that is open, it leads to the place.
    open_tab = "(path) => window.jupyterapp.commands.execute('docmanager:open', {path})"
    lab.page.evaluate(open_tab, NAME)
    link.click()
    heading = lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").get_by_role("heading", name=place)
    expect(heading).to_be_in_viewport(timeout=driver.READY)
    assert lab.page.evaluate("window.loadedOnce")
    lab.screenshot("start-here-next")
