"""A picture in a lab: only what changed is painted, and the pixels are those of a picture that is painted whole."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from results import result

from helpers.report import OUTPUTS
from workbook.labs.birth.figure import BirthPicture
from workbook.labs.birth.run import MADE, SECOND_CALL, TRAINING, BirthRun, BirthSettings, Variable
from workbook.labs.framework.figure import Size, ThreeTestsPicture
from workbook.labs.framework.live_figure import LiveFigure
from workbook.labs.interruption.figure import InterruptionPicture
from workbook.labs.interruption.run import InterruptionRun, InterruptionSettings
from workbook.labs.posteriors.figure import PosteriorsPicture
from workbook.labs.posteriors.run import PosteriorsRun, PosteriorsSettings

NAIVE = result("clone_model", {"a": 0.4, "b": 0.0, "c": None}, [0.4, 0.5, 0.6], [0.0, 0.0, 0.0], [0.0, 0.1, 0.2])
TRUE = result("helpers.clone", {"a": 0.0, "b": 0.0, "c": 0.0}, [0.0] * 3, [0.0] * 3)


def birth(step, count=2, failed=None, trained=False):
    run = BirthRun(BirthSettings(step=step))
    variables = [Variable("hidden", f"kernel{row}", (64, 5), row != 1, False) for row in range(count)]
    for life in run.lives.values():
        life.births = {step: variables for step in range(MADE, min(step, SECOND_CALL) + 1)}
        life.failed, life.error = failed, "ValueError" if failed else ""
        life.apart = [0.1, 0.2] if trained else []
    return run


def interruption(losses, **settings):
    run = InterruptionRun(InterruptionSettings(**settings))
    run.resumed_losses = losses
    run.trained = [0.0] * len(losses)
    return run


def posteriors(between=(), **settings):
    run = PosteriorsRun(PosteriorsSettings(**settings))
    run.between = list(between)
    run.posteriors = [(np.zeros(3), np.ones(3)), (np.ones(3), np.ones(3))] if between else []
    return run


MANY = result("other", dict.fromkeys(["flatten", "a", "b", "c", OUTPUTS], 0.1), [0.4] * 9)
MORE = result("other", {f"dense_{number}": 0.1 for number in range(9)}, [0.4] * 9)
# For each picture what it shows, one after the other: other words on the same axes, other numbers, other axes.
UPDATES = {
    ThreeTestsPicture: [
        (([NAIVE, TRUE],), {"steps": 40}),
        (([result("other", NAIVE.start, [0.4]), TRUE],), {"steps": 40}),
        (([MANY, TRUE],), {"steps": 80}),
        (([MORE],), {"steps": 80}),
        (([result("other", NAIVE.start, [3e7]), TRUE],), {"steps": 40, "train": "clone"}),
        (([],), {"message": "Nothing"}),
    ],
    BirthPicture: [
        ((birth(MADE),), {}),
        ((birth(MADE, count=1),), {}),
        ((birth(TRAINING),), {}),
        ((birth(TRAINING, trained=True),), {}),
        ((birth(SECOND_CALL, count=4),), {}),
        ((birth(SECOND_CALL, failed=SECOND_CALL),), {"message": "Nothing"}),
    ],
    InterruptionPicture: [
        ((interruption([2.0, 1.0], stop=10),), {}),
        ((interruption([2.0, 1.0], stop=10, layers="both"),), {}),
        ((interruption([2.0, 1.0], stop=30),), {}),
        ((interruption([9.0, 7.0], stop=30),), {"message": "Nothing"}),
    ],
    PosteriorsPicture: [
        ((posteriors([0.1, 0.2]),), {}),
        ((posteriors([0.1], prior="wide"),), {}),
        ((posteriors([0.1, 0.0], steps=60, method="deepcopy"),), {}),
        ((posteriors(steps=60),), {"message": "Nothing"}),
    ],
}


@pytest.mark.parametrize("size", [Size(818, 289, 1.0), Size(391, 169, 1.5)], ids=lambda size: str(size.width))
@pytest.mark.parametrize("kind", UPDATES, ids=lambda kind: kind.__name__)
def test_a_picture_that_is_painted_in_parts_is_the_same_as_one_that_is_painted_whole(kind, size):
    live, frames = LiveFigure(kind(size)), set()
    for numbers, details in UPDATES[kind]:
        live.show("x", *numbers, **details)
        whole = LiveFigure(kind(size))
        whole.show("x", *numbers, **details)
        assert live.value == whole.value
        pixels = np.asarray(Image.open(io.BytesIO(live.value)))
        canvas = np.asarray(whole._picture.figure.canvas.buffer_rgba())
        assert np.array_equal(pixels, canvas[..., :3])
        frames.add(repr(live._picture.frame))
    assert 1 < len(frames) < len(UPDATES[kind]), "the frame was painted each time, or never again"


@pytest.mark.parametrize("kind", UPDATES, ids=lambda kind: kind.__name__)
def test_a_picture_for_another_size_is_painted_whole(kind):
    numbers, details = UPDATES[kind][0]
    live = LiveFigure(kind(Size(818, 289, 1.0)))
    live.show("x", *numbers, **details)
    live.exchange(kind(Size(700, 250, 1.0)))
    fresh = LiveFigure(kind(Size(700, 250, 1.0)))
    fresh.show("x", *numbers, **details)
    assert live.value == fresh.value and Image.open(io.BytesIO(live.value)).size == (700, 250)
