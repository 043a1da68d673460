"""The drawing above the three tests: what differs is named, and what a wrong clone answers is crossed out."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest

import helpers
from workbook.labs.framework import models_drawing as drawing
from workbook.labs.framework.models_drawing import ModelRow
from workbook.labs.layer.run import LayerRun, LayerSettings
from workbook.labs.layer.spec import Definition, LayerSpec


def run(**settings):
    definition = Definition((LayerSpec("Dense", 4), LayerSpec("Dropout")), style="sequential")
    made = LayerRun(LayerSettings(definition, steps=0, **settings))
    for _ in made.stages():
        pass
    return made


def states(row):
    return {strip.name: strip.state for strip in row.layers}


def test_each_layer_and_the_optimizer_are_equal_different_or_shared():
    made = run(naive="clone_model", correct="clone", pretrain=5)
    original, naive, correct = made.rows
    assert [original.name, naive.name, correct.name] == ["original", "clone_model", "helpers.clone"]
    nothing = {"flatten_1": "none", "dropout_1": "none"}
    assert states(naive) == nothing | {"dense_1": "different", "logits": "different"}
    assert states(correct) == nothing | {"dense_1": "equal", "logits": "equal"}
    assert (original.optimizer.name, naive.optimizer.name, correct.optimizer.name) == ("5 steps", "0 steps", "5 steps")
    assert (naive.optimizer.state, correct.optimizer.state) == ("different", "equal")
    assert naive.optimizer.words == "the optimizer has made 0 steps, that of the original 5"
    assert original.answers == correct.answers and len(original.answers) == drawing.DIGITS
    images, _ = made.digits
    assert original.answers == list(np.asarray(made.model(images[: drawing.DIGITS])).argmax(-1))


def test_a_second_name_shares_everything_and_an_error_is_named():
    _, alias, failed = run(naive="alias", correct="new_instance").rows
    assert {state for state in states(alias).values()} == {"none", "shared"} and alias.optimizer.state == "shared"
    assert failed.error == "TypeError" and failed.layers == ()


def test_the_original_is_drawn_whatever_the_first_method_raises():
    original, failed, correct = run(naive="new_instance", correct="clone").rows
    assert original.name == "original" and original.answers == correct.answers and failed.error == "TypeError"


def test_only_what_differs_takes_the_focus_and_says_what():
    made = run(naive="clone_model", correct="clone")
    html = drawing.drawn(made.rows, *made.digits)
    assert html.count('tabindex="0"') == 2 == html.count("weights differ by up to ") / 2
    assert re.findall(r'alt="([^"]+)"', html) == [f"a handwritten {digit}" for digit in made.digits[1][:5]]


def test_other_answers_are_crossed_out():
    rows = [ModelRow("original", answers=[1, 2, 3, 4, 5]), ModelRow("x", answers=[1, 2, 9, 4, 5])]
    html = drawing.drawn(rows, np.zeros((5, 8, 8, 1), "float32"), [1, 2, 3, 4, 5])
    assert html.count("\N{BALLOT X}") == 1 and "\N{BALLOT X} 9" in html
    assert "no clone: TypeError" in drawing.drawn([rows[0], ModelRow("y", error="TypeError")], np.zeros((0, 8, 8)), [])


@pytest.mark.parametrize("outputs", [None, ValueError("no")])
def test_a_model_that_does_not_answer_has_no_answers(outputs):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    row = drawing.original_row(model, outputs)
    assert row.answers == [] and row.optimizer is None
    assert helpers.clone(model) is not model
