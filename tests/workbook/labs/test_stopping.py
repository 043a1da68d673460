"""The stop button while a lab is working: a sentence in the lab, and no traceback."""

from __future__ import annotations

import _thread
import signal

import pytest

from workbook import labs
from workbook.labs.framework.figure import ThreeTestsPicture
from workbook.labs.framework.panel import Lab
from workbook.labs.framework.run import Run, Stage

STOPPED = "Stopped: press Reset or change a setting to start again"


def press_stop():
    """What the stop button does to work that never ends."""
    _thread.interrupt_main()
    for _ in range(10_000_000):
        pass
    pytest.fail("the stop button did nothing")


class _Run(Run):
    verdict, source = "So far nothing.", ""

    def __init__(self, settings, stop):
        super().__init__(settings)
        self._stop = stop

    def stages(self):
        yield Stage("working")
        if self._stop:
            press_stop()
        self.finished = True


class _Lab(Lab):
    stop = False

    def run(self, settings):
        return _Run(settings, self.stop)

    def picture(self, size=None):
        return ThreeTestsPicture()

    def draw(self, run):
        pass


@pytest.fixture
def between_cells():
    """What a kernel does with the stop button while no cell is running."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.SIG_IGN


def test_a_lab_that_is_stopped_says_so_and_can_be_started_again(between_cells):
    lab = _Lab()
    assert lab.status == "Up to date"
    lab.stop = True
    lab.reset.click()
    assert lab.status == STOPPED
    assert "lab-stale" in lab._picture._dom_classes
    assert lab.error_box.value == ""
    lab.stop = False
    lab.reset.click()
    assert lab.status == "Up to date"
    assert "lab-stale" not in lab._picture._dom_classes


def test_a_lab_that_is_stopped_before_there_is_a_run_is_shown_with_the_sentence():
    class Stopped(_Lab):
        def run(self, settings):
            raise KeyboardInterrupt

    lab = Stopped()
    assert lab.status == STOPPED
    assert lab._repr_mimebundle_()[0]["text/plain"] == STOPPED


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "BirthLab",
        "InterruptionLab",
        "LayerLab",
        "MethodTablePanel",
        "OwnModelPanel",
        "PosteriorsLab",
        "SaveLoadLab",
    ],
)
def test_each_lab_that_is_stopped_in_its_first_run_is_shown_with_the_sentence(name, monkeypatch):
    kind = getattr(labs, name)
    run = kind.run

    def stopped(self, settings):
        begun = run(self, settings)
        begun.stages = press_stop
        return begun

    monkeypatch.setattr(kind, "run", stopped)
    lab = kind()
    assert lab.status == STOPPED
    data, _ = lab._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "Traceback" not in data["text/plain"]
