"""The lab of lesson 01 on its widget objects, without a browser."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from workbook.labs import BirthLab
from workbook.labs.birth.run import FIRST_CALL, BirthSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared():
    """One lab for all tests."""
    return BirthLab(BirthSettings(units=5))


@pytest.fixture
def lab(shared):
    shared.load(shared.preset)
    return shared


def test_it_begins_with_an_answer(lab):
    assert lab.status == "Up to date" and lab.problems == []
    assert lab.settings == lab.preset
    assert "the two instances have drawn different ones" in lab.verdict
    assert np.ptp(np.asarray(Image.open(io.BytesIO(lab.figure.value)))) > 0


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("where", "module", "share them"),
        ("held", "object", "does not list them"),
        ("kind", "no_bias", "layer's weight comes"),
        ("units", 9, "come with the first call"),
        ("step", FIRST_CALL, "and the two instances have drawn different ones."),
        ("build", True, "come with build on Keras 2"),
        ("head", True, "come with the first call"),
        ("train", "both", "moves both"),
    ],
)
def test_every_control_changes_the_picture(lab, field, value, words):
    before, text = bytes(lab.figure.value), lab.source_box.value
    lab.control(field).value = value
    assert getattr(lab.settings, field) == value and lab.status == "Up to date"
    assert bytes(lab.figure.value) != before and lab.source_box.value != text
    assert words in lab.verdict and lab.verdict in lab._verdict_line.value.replace("&#x27;", "'")
    lab.reset.click()
    assert lab.settings == lab.preset and lab.source_box.value == text


def test_an_error_is_shown_with_what_it_teaches(lab):
    lab.control("where").value = "call"
    (problem,) = lab.problems
    assert "Keras 3 requires every layer to be created in __init__ or build" in problem.hint
    for words in ("Keras 3, first call,", "ValueError", "You cannot add new elements of state"):
        assert words in lab.error_box.value
    lab.control("head").value = True  # with a layer that creates its weights late, the same code raises no error
    assert lab.problems == [] and lab.error_box.value == ""


def test_it_leaves_a_picture_for_those_who_read_only(lab):
    data, metadata = lab._repr_mimebundle_()
    assert data["text/plain"] == lab.verdict == metadata["image/png"]["alt"]
