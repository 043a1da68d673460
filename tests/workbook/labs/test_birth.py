"""The program of the lab of lesson 01, the results of its runs, and its picture."""

from __future__ import annotations

import contextlib
import io
import itertools
import types
import warnings

import numpy as np
import pytest
from tiers import slow_unless

from workbook import errors
from workbook.labs.birth import run as birth
from workbook.labs.birth.figure import BirthPicture
from workbook.labs.birth.run import (
    BUILD,
    FIRST_CALL,
    HELD,
    HIDDEN_LAYERS,
    KERAS_VERSIONS,
    SECOND_CALL,
    STEPS,
    TRAIN,
    TRAINING,
    TRAINING_STEPS,
    WHERE,
    BirthRun,
    BirthSettings,
    parts,
    source,
)
from workbook.labs.framework import figure as plots


def finished(**changes):
    run = BirthRun(BirthSettings(units=5).replace(**changes))
    list(run.stages())
    assert run.finished
    return run


def refuses(settings):
    """Return True if Keras 3 locks the model before `call` makes a layer that Keras tracks."""
    hidden = settings.held in ("object", "function")
    # If the head creates its weights late, Keras 3 runs `call` once before it locks the model, and accepts the layer.
    waits = settings.head and not settings.build
    return settings.where == "call" and not hidden and not waits


def sees(name, settings):
    """Return True if, according to the lesson, the model lists the hidden layer's weights."""
    if settings.where == "class" or settings.held in ("object", "function"):
        return False
    return name == "keras" or settings.held != "set"


CASES = [
    BirthSettings(where, held, kind, units=5, head=head, build=build, train=train)
    for (where, held), (kind, head, build, train) in zip(
        itertools.product(WHERE, HELD),
        # Each of the 35 pairs of place and container gets a different one of the 36 combinations of the other options.
        itertools.cycle(itertools.product(HIDDEN_LAYERS, (False, True), (False, True), TRAIN)),
        strict=False,
    )
] + [
    BirthSettings("call", held, units=5, head=head, build=build)
    for held in ("list", "object")
    for head in (0, 1)
    for build in (0, 1)
]


@pytest.mark.parametrize("settings", CASES, ids=lambda s: f"{s.where}-{s.held}-{s.kind}-{s.head:d}{s.build:d}{s.train}")
def test_any_setting_shows_what_the_lesson_teaches(settings, monkeypatch):
    monkeypatch.setattr(birth, "TRAINING_STEPS", 3)
    run = finished(**vars(settings))
    for name, life in run.lives.items():
        if name == "keras" and refuses(settings):
            assert (life.failed, life.error, life.births.get(FIRST_CALL)) == (FIRST_CALL, "ValueError", None)
            assert "Keras 3 the first call raises a ValueError" in run.verdict
            continue
        assert life.failed is None
        assert life.born == (BUILD if settings.build and name == "tf_keras" else FIRST_CALL)
        assert len(life.hidden) == {"dense": 2, "no_bias": 1, "sequential": 4}[settings.kind]
        shared = settings.where in ("class", "module")
        listed = sees(name, settings)
        assert {(each.listed, each.shared) for each in life.hidden} == {(listed, shared)}
        # The layer is made once.
        assert life.births[FIRST_CALL] == life.births[SECOND_CALL]
        assert len(life.apart) == 4 and (life.apart[0] == 0) == shared
        for instance, trace in life.moved.items():
            trained = settings.train in (instance, "both") or shared
            assert (trace[-1] > 0) == (listed and trained), instance
    refused = refuses(settings)
    assert [problem.name for problem in run.problems] == ["ValueError"] * refused
    assert all(problem.hint != errors.FALLBACK for problem in run.problems)
    assert run.verdict.endswith(".") and "__" not in run.verdict


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_a_step_runs_and_shows_what_came_before_it(step):
    run = finished(step=step, build=True, head=True)
    for life in run.lives.values():
        assert list(life.births) == list(range(1, min(step, SECOND_CALL) + 1))
        assert bool(life.moved["first"][1:]) == (step == TRAINING)
    text = run.source
    assert ("Reader()" in text) == (step >= 1) and ("build(" in text) == (step >= BUILD)
    assert text.count("first(inputs)") == max(0, min(step, SECOND_CALL) - BUILD)
    assert ("GradientTape" in text) == ("import tensorflow" in text) == (step == TRAINING)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "held"),
    [
        slow_unless(number % 3 == 0, *each)
        for number, each in enumerate([*zip(itertools.cycle(WHERE), HELD), ("class", "function"), ("call", "set")])
    ],
)
def test_the_source_is_a_program_that_gives_the_same(where, held, packages):
    """Run the whole text, as a reader would copy it, on both Keras versions."""
    for name in KERAS_VERSIONS:
        settings = BirthSettings(where, held, units=5, head=True)
        text = source(settings)
        assert max(map(len, text.splitlines())) <= 110
        if name == "tf_keras":
            text = text.replace("import keras  #", "import tf_keras as keras  #")
        scope = types.ModuleType("copied").__dict__
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            exec(text, scope)
        run = finished(where=where, held=held, head=True)
        theirs = run._scope[name]["first"].get_weights()
        mine = scope["first"].get_weights()
        assert len(mine) == len(theirs) and all(map(np.allclose, mine, theirs))


def test_both_keras_versions_run_the_same_lines():
    settings = BirthSettings(held="object", where="module")
    one, other = (parts(settings, name) for name in KERAS_VERSIONS)
    assert one[1:] == other[1:]
    assert set("".join(one).splitlines()) ^ set("".join(other).splitlines()) == {
        "import keras",
        "import tf_keras as keras",
    }


def test_wrong_settings_are_refused():
    for wrong in ({"where": "nowhere"}, {"held": "hand"}, {"kind": "x"}, {"train": "none"}, {"step": 6}, {"units": 0}):
        with pytest.raises(ValueError, match=r"Use one of|Use a number"):
            BirthSettings(**wrong)


def test_verdicts():
    assert finished(where="call", step=SECOND_CALL).verdict == (
        "On Keras 3 the first call raises a ValueError; on Keras 2 the hidden layer's 2 weights come with the first "
        "call, the model lists them, and the two instances have drawn different ones."
    )
    assert finished(held="set", kind="no_bias", train="both").verdict == (
        "The hidden layer's weight comes with the first call, the model lists it on Keras 3 and does not list it on "
        "Keras 2, the two instances have drawn a different one, and training both moves both on Keras 3 and moves "
        "neither on Keras 2."
    )
    assert finished(where="module").verdict.endswith("the two instances share them, and training the first moves both.")
    assert finished(step=0).verdict == "There is a class and no model yet, so there are no weights."
    assert finished(step=1).verdict == "The hidden layer has no weights yet."


def test_the_picture_shows_each_variable_and_moves_only_lines_while_training():
    picture = BirthPicture()
    run = BirthRun(BirthSettings(units=5, held="set", head=True, kind="sequential"))
    changed = [picture.update(run) for stage in run.stages() if stage.pictured]
    assert changed == [True] + [False] * (len(changed) - 1) and len(changed) > 3
    assert picture.update(run) is False
    for name, listed in (("keras", True), ("tf_keras", False)):
        boxes = [patch for patch in picture._births[name].patches if patch.get_height() < 1]
        assert len(boxes) == 2 * 6  # two calls, four variables of the layer and two of the head
        white = [patch for patch in boxes if patch.get_facecolor()[:3] == (1, 1, 1)]
        assert len(white) == (0 if listed else 2 * 4)
        line, _, told = picture._lines[name, "first"]
        assert len(line.get_xdata()) == TRAINING_STEPS + 1
        assert told.get_text().endswith(": 0") == (not listed)


def test_the_picture_shows_an_error_where_it_was_raised():
    picture = BirthPicture()
    picture.update(finished(where="call"))
    texts = [text.get_text() for text in picture._births["keras"].texts]
    assert "\N{BALLOT X}\nValueError" in texts and "not reached" in texts and "not called" in texts
    assert picture._notes["keras"].get_text() == "Nothing to measure: first call failed."
    assert picture.update(finished()) is True
    assert not any("ValueError" in text.get_text() for text in picture._births["keras"].texts)


def test_the_still_picture_says_what_it_shows():
    run = finished(where="class")
    picture = BirthPicture()
    figure = picture.still(run)
    assert figure is not picture.figure and figure.alt == run.verdict
    assert plots.png(figure)[1:4] == b"PNG"
