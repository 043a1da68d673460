"""Answers that never end: the notice, the stop button, and no second hang. The slow test uses a real kernel."""

from __future__ import annotations

import _thread
import os
import re
import signal

import jupyter_client
import pytest

from workbook import labs
from workbook.lessons import attempts, panels, progress
from workbook.lessons.quiz import Exercise, Outcome


def _calls(my_loop):
    return None if my_loop() == 2 else "it is not two."


LOOP = Exercise(
    key="demo-loop",
    title="Count",
    task="Count to two.",
    checks=[_calls],
    hints=["One."],
    solution="def my_loop():\n    return 2",
)


@pytest.fixture(autouse=True)
def cell(monkeypatch, tmp_path):
    """Progress of one's own, and a function that says what the learner's cell is."""
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress.json"))
    monkeypatch.setattr(attempts, "_stopped", set())

    def be(code):
        monkeypatch.setattr(panels, "code_of_cell", lambda: code)

    be("first")
    return be


def restart_kernel(monkeypatch):
    """Forget what only the memory of the kernel holds."""
    monkeypatch.setattr(attempts, "_stopped", set())


def press_stop():
    """What the stop button does to a function that never ends."""
    _thread.interrupt_main()
    for _ in range(10_000_000):
        pass
    pytest.fail("the stop button did nothing")


def said(panel):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", panel.verdict_box.content)).strip()


def test_a_learner_is_told_that_the_code_is_still_running(monkeypatch):
    shown, calls = [], []
    monkeypatch.setattr(panels._NoticeBelowCell, "show", lambda self, sentence: shown.append(sentence))

    def ends_when_told():
        calls.append(1)
        while not shown:
            pass
        return 2

    panel = panels.ExercisePanel(LOOP, ends_when_told, patience=0.0)
    assert shown == ["Still running: press the stop button (■), then look at your loop."]
    assert panel.feedback.outcome is Outcome.CORRECT and calls == [1]
    # It was only slow, so the same code is run at once the next time.
    assert panels.ExercisePanel(LOOP, lambda: 2).feedback.outcome is Outcome.CORRECT


def test_nothing_is_said_of_code_that_ends_in_time(monkeypatch):
    monkeypatch.setattr(panels._NoticeBelowCell, "show", lambda self, sentence: pytest.fail(sentence))
    assert panels.ExercisePanel(LOOP, lambda: 2).feedback.outcome is Outcome.CORRECT


def test_the_stop_button_leaves_a_sentence_and_no_traceback():
    panel = labs.exercise(LOOP, press_stop)
    assert panel.feedback.outcome is Outcome.STOPPED
    assert said(panel).startswith("○ Stopped. The check was still running.")
    assert "Stopped" in repr(panel) and "Traceback" not in repr(panel)
    assert panel.run_again is None


def test_the_sentence_names_the_line_of_the_loop():
    names = {"__name__": "__main__", "press_stop": press_stop}
    exec(compile("def my_loop():\n    press_stop()", "<cell>", "exec"), names)
    assert "Your code was still running, in my_loop , line 2 of its cell" in said(labs.exercise(LOOP, names["my_loop"]))


def refuses():
    """Return a panel for an answer that must not be called."""
    return labs.exercise(LOOP, lambda: pytest.fail("the code was run again"))


@pytest.mark.parametrize("restarted", [False, True])
def test_code_that_was_stopped_is_not_run_again_by_itself(monkeypatch, restarted):
    labs.exercise(LOOP, press_stop)
    if restarted:
        restart_kernel(monkeypatch)
    panel = refuses()
    assert said(panel).startswith("○ Not run. The last time, this code was still running")
    assert panel.run_again.description == "Run it all the same"


def test_code_whose_kernel_was_restarted_is_not_run_again_by_itself(monkeypatch):
    def restart_when_told():
        while progress.entry(LOOP.key) is None:
            pass
        raise SystemExit

    with pytest.raises(SystemExit):
        panels.ExercisePanel(LOOP, restart_when_told, patience=0.0)
    restart_kernel(monkeypatch)
    assert refuses().feedback.outcome is Outcome.NOT_RUN


def test_without_stored_progress_the_kernel_remembers(monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, "")
    labs.exercise(LOOP, press_stop)
    assert refuses().feedback.outcome is Outcome.NOT_RUN
    restart_kernel(monkeypatch)
    assert labs.exercise(LOOP, lambda: 2).feedback.outcome is Outcome.CORRECT


def test_changed_code_is_run(cell):
    labs.exercise(LOOP, press_stop)
    cell("second")
    assert labs.exercise(LOOP, lambda: 3).feedback.outcome is Outcome.INCORRECT
    cell("")
    assert labs.exercise(LOOP, lambda: 2).feedback.outcome is Outcome.CORRECT


def test_an_answer_from_outside_a_notebook_is_always_run(cell):
    cell("")
    labs.exercise(LOOP, press_stop)
    assert labs.exercise(LOOP, lambda: 2).feedback.outcome is Outcome.CORRECT


def test_the_button_runs_the_same_code_once_more():
    labs.exercise(LOOP, press_stop)
    panel = labs.exercise(LOOP, lambda: 2)
    panel.run_again.click()
    assert said(panel).startswith("✓ Correct")
    assert panel.run_again not in panel._buttons.children
    assert labs.exercise(LOOP, lambda: 2).feedback.outcome is Outcome.CORRECT


def test_a_solved_exercise_stays_solved():
    labs.exercise(LOOP, lambda: 2)
    assert "You solved this exercise before." in said(labs.exercise(LOOP, press_stop))
    assert progress.entry(LOOP.key).solved


def test_the_stop_button_works_in_a_handler_and_a_second_press_does_not_end_the_kernel():
    labs.exercise(LOOP, press_stop)
    panel = labs.exercise(LOOP, press_stop)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a kernel between two cells
    try:
        panel.run_again.click()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert said(panel).startswith("○ Stopped.")


# -- in a real kernel -------------------------------------------------------------------------------------------------

SETUP = """from workbook.lessons.panels import ExercisePanel
from workbook.lessons.quiz import Exercise

LOOP = Exercise(key="loop", title="Count", task="Count.", checks=[lambda answer: answer() and None], hints=["One."],
                solution="def my_loop(): return 2")"""
CELL = """def my_loop():
    print("in the loop", flush=True)
    while True:
        pass

panel = ExercisePanel(LOOP, my_loop, patience=0.0)
panel"""


class Kernel:
    """A kernel, and what a learner does with it."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    def run(self, code, stop_after=None):
        """Run a cell, and return what it shows as text; press the stop button after all of some texts were shown."""
        return self._follow(self.client.execute(code), set(stop_after or ()))

    def press(self, button, stop_after):
        """Press a button and then the stop button, and return what is shown."""
        content = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
        message = self.client.session.msg("comm_msg", content)
        self.client.shell_channel.send(message)
        return self._follow(None, set(stop_after), until="Stopped.")  # shown under the cell of the panel

    def _follow(self, request, stop_after, until=None):
        shown, waiting = [], bool(stop_after)
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            content = message["content"]
            if request is not None and message["parent_header"].get("msg_id") != request:
                continue
            data = content.get("data", {})
            state = data.get("state", {}) if isinstance(data, dict) else {}
            texts = [content.get("text"), data.get("text/plain"), state.get("value"), *content.get("traceback", [])]
            shown += [text for text in texts if isinstance(text, str)]
            stop_after = {text for text in stop_after if not any(text in each for each in shown)}
            if waiting and not stop_after:
                waiting = False
                self.manager.interrupt_kernel()
            if any(until in each for each in shown) if until else content.get("execution_state") == "idle":
                return "\n".join(shown)


@pytest.fixture
def kernel():
    manager = jupyter_client.KernelManager(kernel_name="python3")
    manager.start_kernel(env=dict(os.environ))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_an_endless_loop_in_a_real_kernel(kernel):
    assert kernel.run(SETUP) == ""
    shown = kernel.run(CELL, stop_after=["in the loop", "Still running"])
    assert "Stopped. Your code was still running, in `my_loop`, line " in shown
    assert "Traceback" not in shown and "panels.py" not in shown
    # *Run All* goes on, and does not begin the loop again.
    assert "Not run." in kernel.run(CELL)
    shown = kernel.press(kernel.run("print(panel.run_again.comm.comm_id)").strip(), ["in the loop", "Still running"])
    assert "Traceback" not in shown
    # The kernel is alive, and a new one remembers.
    assert kernel.run("print(panel.feedback.outcome.value)") == "stopped\n"
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)
    assert kernel.run(SETUP) == ""
    assert "Not run." in kernel.run(CELL)
    shown = kernel.run(CELL.replace("while True:\n        pass", "return 2"))
    assert "Correct." in shown
