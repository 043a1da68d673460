"""The lab "Interrupted training" on its widget objects, without a browser."""

from __future__ import annotations

import asyncio

import ipywidgets
import pytest
from lab_widgets import assert_keeps_a_picture, everything

from workbook import labs
from workbook.labs.interruption import run as interruption
from workbook.labs.interruption.run import LAYERS, LOSSES, OPTIMIZERS, SAVES, InterruptionRun, InterruptionSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared():
    """One lab for all tests that do not change it, with fewer steps to save time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interruption, "AFTER", 8)
        patch.setattr(interruption, "MORE", 6)
        yield labs.InterruptionLab(InterruptionSettings(stop=5))


@pytest.fixture
def lab(shared):
    shared.load(shared.preset)
    return shared


def test_it_begins_with_an_answer(lab):
    assert lab.settings == lab.preset == InterruptionSettings(stop=5)
    assert lab.status == "Up to date" and lab.problems == []
    assert lab.verdict.startswith("Nothing is lost by way of a .keras file: for 8 steps")
    assert "import keras" in lab.source_box.value and "def resume(folder)" in lab.source_box.value


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("save", "weights_unbuilt", "the trained weights differ"),
        ("lose", "statistics", "the trained weights stay exactly equal"),
        ("optimizer", "sgd", "Nothing is lost"),
        ("layers", "dropout", "Nothing is lost"),
        ("schedule", False, "Nothing is lost"),
        ("stop", 0, "Nothing is lost"),
        ("generation", "tf_keras", "Nothing is lost"),
    ],
)
def test_every_control_is_answered_by_a_new_picture(lab, field, value, words):
    before = bytes(lab.figure.value)
    lab.control(field).value = value
    assert lab.status == "Up to date" and words in lab.verdict and lab.problems == []
    assert getattr(lab.settings, field) == value
    assert lab.figure.tooltip == lab.verdict
    assert bytes(lab.figure.value) != before or lab.current_run.equal


def test_an_error_is_shown_with_what_it_teaches(lab):
    lab.control("registered").value = False
    assert [problem.name for problem in lab.problems] == ["TypeError"]
    assert "Could not locate class" in lab.error_box.value and "register the class" in lab.error_box.value
    assert lab.verdict == "The training does not go on from a .keras file: loading fails (see below)."
    lab.reset.click()
    assert lab.problems == [] and lab.error_box.value == "" and lab.settings == lab.preset


def test_every_choice_is_offered(lab):
    for field, known in (("save", SAVES), ("lose", LOSSES), ("layers", LAYERS), ("optimizer", OPTIMIZERS)):
        assert [value for _, value in lab.control(field).options] == list(known)


def test_every_control_has_a_description(lab):
    kinds = (ipywidgets.Dropdown, ipywidgets.Button, ipywidgets.IntSlider, ipywidgets.Checkbox)
    controls = [widget for widget in everything(lab) if isinstance(widget, kinds)]
    assert len(controls) == 10 and all(control.description or control.tooltip for control in controls)


def test_the_cell_keeps_a_picture_and_the_sentence(lab):
    assert_keeps_a_picture(lab)


def test_the_latest_change_wins(shared, monkeypatch):
    made = []
    original = InterruptionRun._save
    monkeypatch.setattr(InterruptionRun, "_save", lambda run, *to: (made.append(run.settings), original(run, *to)))

    async def drag():
        lab = labs.InterruptionLab(shared.preset)
        made.clear()
        for stop in (10, 15, 20, 25):
            lab.control("stop").value = stop
            assert lab.status.startswith("Out of date")
        for _ in range(2000):
            await asyncio.sleep(0.005)
            if lab.status == "Up to date":
                break
        assert lab.status == "Up to date" and lab.current_run.settings.stop == 25

    asyncio.run(drag())
    assert [settings.stop for settings in made] == [25]
