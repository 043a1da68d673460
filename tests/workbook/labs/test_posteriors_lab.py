"""The lab "Two posteriors" on its widget objects, without a browser."""

import ipywidgets
import pytest
from lab_widgets import assert_keeps_a_picture, everything

import workbook
from workbook import errors, labs
from workbook.labs.posteriors.lab import PosteriorsLab
from workbook.labs.posteriors.run import CLONING_METHODS, PosteriorsSettings

pytestmark = pytest.mark.slow

workbook.quiet_tensorflow("tensorflow", "keras", "tf_keras", "tensorflow_probability")
PRESET = PosteriorsSettings(kind="surrogate", pretrain=2, steps=2)


@pytest.fixture(scope="module")
def shared():
    return PosteriorsLab(PRESET)


@pytest.fixture
def lab(shared):
    shared.load(PRESET)
    return shared


def test_it_is_offered():
    assert labs.PosteriorsLab is PosteriorsLab


@pytest.mark.parametrize("method", CLONING_METHODS)
def test_any_method_works_or_shows_its_error_and_a_lesson(lab, method):
    lab.load(PRESET.replace(method=method))
    assert lab.settings.method == method and lab.status == "Up to date" and lab.verdict.endswith(".")
    assert bool(lab.problems) == (method in ("clone_model", "clone_model_set_weights", "deepcopy"))
    for problem in lab.problems:
        assert problem.name in lab.error_box.value and problem.hint != errors.FALLBACK
    assert "class Posterior" in lab.source_box.value


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "regularizer"), ("prior", "narrow"), ("train", "original"), ("pretrain", 0), ("seed", 3)],
)
def test_every_control_gives_another_picture(lab, field, value):
    before = bytes(lab.figure.value)
    lab.control(field).value = value
    assert getattr(lab.settings, field) == value
    assert bytes(lab.figure.value) != before


def test_reset_returns_to_the_preset(lab):
    verdict = lab.verdict
    lab.load(PRESET.replace(method="alias", train="clone", seed=4))
    assert lab.verdict != verdict
    lab.reset.click()
    assert lab.settings == PRESET and lab.verdict == verdict


def test_controls_are_described_and_the_cell_keeps_a_picture(lab):
    kinds = (ipywidgets.Dropdown, ipywidgets.Button, ipywidgets.IntSlider, ipywidgets.Text)
    controls = [widget for widget in everything(lab) if isinstance(widget, kinds)]
    assert len(controls) >= 7 and all(control.description for control in controls)
    assert_keeps_a_picture(lab)
