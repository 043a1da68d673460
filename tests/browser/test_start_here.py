"""Notebook 00 as a new reader uses it: it opens first; then a question, the lab, the exercise, and the progress."""

from __future__ import annotations

import json

import driver
import pytest
from lab_panel import choose

from workbook.lessons import lesson_00, progress

NAME = "notebooks/00_start_here.ipynb"
RIGHT = [option.right for option in lesson_00.SECOND_NAME.options].index(True)


@pytest.fixture(scope="module")
def progress_file(tmp_path_factory):
    """The progress file of this module's server."""
    return tmp_path_factory.mktemp("reader") / "progress.json"


@pytest.fixture(scope="module")
def server(chromium, tmp_path_factory, progress_file):
    """A separate server whose kernels store progress, which the usual server does not."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    (folder / NAME).write_bytes((driver.ROOT / NAME).read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(progress.VARIABLE, str(progress_file))
        server = driver.Server(folder, tmp_path_factory.mktemp("jupyter"))
    yield server
    server.stop()


def run_cell(lab, start, text=None):
    """Focus the code cell that starts with `start`, replace its text if `text` is given, and run it."""
    cell = lab.page.locator(".jp-CodeCell").filter(has=lab.page.locator(".cm-content", has_text=start))
    cell.locator(".cm-content").click()
    if text:
        lab.page.keyboard.press("ControlOrMeta+A")
        lab.page.keyboard.insert_text(text)
    lab.page.keyboard.press("Shift+Enter")
    lab.wait_idle()


def count(lab):
    """Run the cell that shows the progress, and return its text for this notebook."""
    run_cell(lab, "labs.show_progress()")
    return lab.panel(".lesson-progress").root.locator("tr", has_text="00").inner_text().split("\t")


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
    assert count(lab) == ["00 Start here", "0 of 3", "0 of 1"]
    assert not progress_file.exists()

    question = lab.panel(".lesson-question:has-text('second = model')")
    question.press("Your prediction:", "Space")
    question.press("Your prediction:", *["ArrowDown"] * RIGHT)
    question.press("Answer", "Enter")
    question.wait_text(".lesson-verdict", "Right.*Both names stand for one model")
    assert json.loads(progress_file.read_text(encoding="utf-8"))["answers"].keys() == {lesson_00.SECOND_NAME.key}
    assert count(lab) == ["00 Start here", "1 of 3", "0 of 1"]

    panel = lab.panel(".layer-lab")
    assert "fails “Same start”" in panel.text(".lab-verdict")
    assert "fails “Own life” (" in choose(panel, "Naive method", "second name (=)")[0]
    assert "fails “Same future” (" in choose(panel, "Naive method", "clone_model + set_weights")[0]
    verdict, _ = choose(panel, "Optimizer", "SGD, no memory")
    assert "clone_model + set_weights: ✗" in verdict and "(optimizer state differ" in verdict
    lab.screenshot("start-here-lab", of=".layer-lab")

    call = "\n\n\nlabs.exercise(lesson.GO_ON_SLOWER, slower)"
    for answer, said in (
        ("def slower(model):\n    return keras.models.clone_model(model)", "Same start"),
        (lesson_00.GO_ON_SLOWER.solution, "Correct"),
    ):
        run_cell(lab, "def slower", answer + call)
        lab.panel(".lesson-exercise").wait_text(".lesson-verdict", said)
    assert count(lab) == ["00 Start here", "1 of 3", "1 of 1"]
    assert lab.accessibility_problems(".lesson-progress") == []
    lab.screenshot("start-here-progress", of=".lesson-progress")
    assert (lab.errors(), lab.complaints, lab.outside) == ([], [], [])
