"""An interrupted training: models are equal bit for bit if nothing is lost, and the lab runs the program it shows."""

from __future__ import annotations

import contextlib
import io
import itertools
import runpy

import numpy as np
import pytest
from PIL import Image
from tiers import slow_unless

from workbook import errors
from workbook.labs.framework import figure as plots
from workbook.labs.framework.program import GENERATIONS
from workbook.labs.interruption import run as interruption
from workbook.labs.interruption.figure import InterruptionPicture
from workbook.labs.interruption.run import (
    LAYERS,
    LOSSES,
    OPTIMIZERS,
    SAVES,
    InterruptionRun,
    InterruptionSettings,
    source,
)

LOSSLESS = ("keras", "weights", "checkpoint", "variables")
REFUSED = {
    ("keras", "folder"): ("Saving", "ValueError"),
    ("keras", "h5"): ("Loading", "ValueError"),
    ("keras", "export"): ("Loading", "AttributeError"),
    ("tf_keras", "h5"): ("Saving", "NotImplementedError"),
    ("tf_keras", "export"): ("Loading", "AttributeError"),
}


AFTER, MORE = 8, 6


@pytest.fixture(autouse=True)
def short(packages, monkeypatch):
    """Fewer steps, which are enough here; most of the time goes into compiling."""
    monkeypatch.setattr(interruption, "AFTER", AFTER)
    monkeypatch.setattr(interruption, "MORE", MORE)


def finished(**settings):
    run = InterruptionRun(InterruptionSettings(**{"stop": 4, **settings}))
    for _ in run.stages():
        assert run.verdict.endswith(".")
    assert run.finished
    return run


@pytest.mark.parametrize(
    ("generation", "layers"),
    [slow_unless(number == 0, *each) for number, each in enumerate(itertools.product(GENERATIONS, LAYERS))],
)
def test_with_nothing_lost_no_weight_ever_differs(generation, layers):
    for save in LOSSLESS:
        run = finished(generation=generation, layers=layers, save=save)
        assert run.problems == [] and run.trained == [0.0] * (AFTER + 1)
        assert run.statistics == ([0.0] * (AFTER + 1) if run.settings.has_norm else [])
        assert run.resumed_losses == run.losses[4:] and run.back == run.uninterrupted_back
        assert run.verdict.startswith("Nothing is lost")


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("save", [save for save in SAVES if save not in LOSSLESS])
def test_every_other_way_loses_something_or_is_refused(generation, save):
    run = finished(generation=generation, layers="both", save=save)
    refused = REFUSED.get((generation, save))
    assert [(problem.where, problem.name) for problem in run.problems] == ([refused] if refused else [])
    for problem in run.problems:
        assert problem.hint != errors.FALLBACK
        assert run.verdict.startswith("The training does not go on") and run.trained == []
    if not refused:
        assert run.trained[0] == 0 and min(run.trained[1:]) > 0 and len(run.trained) == AFTER + 1
        assert "the trained weights differ from the uninterrupted model's from step 5 on" in run.verdict


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_unregistered_class_is_not_found_again(generation):
    run = finished(generation=generation, registered=False)
    assert [(problem.where, problem.name) for problem in run.problems] == [("Loading", "TypeError")]
    assert "register the class" in run.problems[0].hint
    assert finished(generation=generation, registered=False, save="weights").equal


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_loss_shows_where_it_should(generation):
    lost = {lose: finished(generation=generation, layers="both", lose=lose) for lose in LOSSES}
    assert lost["nothing"].equal
    for lose in ("optimizer", "position", "seeds"):
        assert lost[lose].trained[0] == 0 and lost[lose].trained[1] > 0, lose
    statistics = lost["statistics"]
    assert not any(statistics.trained) and statistics.statistics[0] > statistics.statistics[-1] > 0
    assert statistics.resumed_losses[0] != statistics.losses[4]
    assert "the trained weights stay exactly equal" in statistics.verdict


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_an_optimizer_has_to_lose(optimizer):
    kept = {schedule: finished(optimizer=optimizer, schedule=schedule, lose="optimizer") for schedule in (True, False)}
    assert kept[False].equal is (optimizer == "sgd") and not kept[True].equal
    position = finished(optimizer=optimizer, schedule=False, lose="position")
    assert position.equal is (optimizer != "adam")  # Adam corrects its averages by the number of steps


@pytest.mark.slow
def test_there_may_be_nothing_to_lose():
    assert "no Dropout, so there was no random state" in finished(lose="seeds").verdict
    assert "no BatchNormalization, so there were no statistics" in finished(layers="dense", lose="statistics").verdict
    assert "depends on what was lost" in finished(stop=0, lose="optimizer").verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"layers": "both", "save": "weights_unbuilt", "stop": 3},
        {"generation": "tf_keras", "layers": "both", "save": "folder", "lose": "seeds", "stop": 3},
        {"save": "variables", "lose": "optimizer", "stop": 3},
    ],
    ids=lambda settings: settings["save"],
)
@pytest.mark.filterwarnings("ignore")
def test_the_program_that_is_shown_gives_the_same_numbers(settings, tmp_path):
    run = finished(**settings)
    (tmp_path / "program.py").write_text(run.source, encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(str(tmp_path / "program.py"), run_name="__main__")
    rows = [line.split() for line in printed.getvalue().splitlines() if line[:1].isdigit()]
    assert [int(step) for step, _, _ in rows] == list(range(4, 4 + AFTER))
    assert [float(loss) for _, loss, _ in rows] == run.losses[4:]
    assert [float(loss) for _, _, loss in rows] == run.resumed_losses[1 : AFTER + 1]


def test_every_program_is_python():
    for generation, layers, save, lose, registered in itertools.product(
        GENERATIONS, LAYERS, SAVES, LOSSES, (True, False)
    ):
        settings = InterruptionSettings(4, save, lose, registered, generation, layers)
        text = source(settings)
        compile(text, "program", "exec")
        assert max(map(len, text.splitlines())) <= 120 and ("tf." not in text or "as tf" in text)


@pytest.mark.slow
def test_another_way_to_save_goes_on_with_the_same_training():
    interruption._trainings.clear()
    first = finished()
    again = finished(save="set_weights", stop=7)
    assert again._training is first._training and again.losses[: 5 + AFTER] == first.losses
    assert finished(layers="dense")._training is not first._training
    # Keras 3 changes a model when it saves it to .h5, so that model is not used again.
    spoiled = finished(save="h5")
    assert spoiled._training is first._training and finished()._training is not first._training
    assert finished().equal
    for seed in range(interruption._KEPT + 2):
        finished(seed=seed, save="folder")
    assert len(interruption._trainings) == interruption._KEPT


def test_steps_until_the_loss_is_back():
    assert interruption._steps_above([1.0, 0.5, 0.9], 1.0) == 0
    assert interruption._steps_above([1.0, 3.0, 0.9, 2.0, 1.0, 0.5], 1.0) == 4
    assert interruption._steps_above([1.0, 3.0, 2.0], 1.0) is None


def test_it_says_honestly_that_the_loss_does_not_come_back(monkeypatch):
    monkeypatch.setattr(interruption, "NEAR", 0.01)
    run = finished(save="set_weights")
    assert run.back is None and len(run.resumed_losses) == 1 + AFTER + MORE
    assert f"not even after {AFTER + MORE} steps" in run.verdict


def test_settings_are_checked():
    for wrong in ({"save": "paper"}, {"lose": "hope"}, {"layers": "none"}, {"optimizer": "x"}, {"generation": "x"}):
        with pytest.raises(ValueError, match="Unknown"):
            InterruptionSettings(**{"stop": 4, **wrong})
    with pytest.raises(ValueError, match="0 to 80"):
        InterruptionSettings(stop=81)


def test_a_run_that_is_given_up_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stages = InterruptionRun(InterruptionSettings(stop=0)).stages()
    for stage in stages:
        if stage.text == "loading":
            break
    assert list(tmp_path.iterdir())
    stages.close()
    assert not list(tmp_path.iterdir())


# -- the picture -------------------------------------------------------------------------------------------------------


def test_the_picture_shows_the_numbers_of_the_run():
    picture = InterruptionPicture()
    run = InterruptionRun(InterruptionSettings(layers="both", lose="optimizer", stop=4))
    assert picture.update(run) is True
    for stage in run.stages():
        if stage.pictured:
            picture.update(run)
            assert list(picture._lines["uninterrupted"][0].get_ydata()) == run.losses
            assert list(picture._lines["resumed"][0].get_ydata()) == run.resumed_losses
    assert picture.update(run) is False
    heights = picture._lines["trained"][0].get_ydata()
    bottom = picture.axes[1].get_ylim()[0]
    assert bottom < heights[0] < picture._scale.foot < heights[1]  # "0 exactly" has a separate band
    still = picture.still(run)
    assert still.alt == run.verdict
    assert np.asarray(Image.open(io.BytesIO(plots.png(still))).convert("L")).std() > 10


def test_an_error_stands_in_the_picture():
    picture = InterruptionPicture()
    picture.update(finished(save="folder"))
    texts = [text.get_text() for text in picture.axes[1].texts]
    assert any("saving raises ValueError" in text for text in texts)


def test_a_distance_that_is_no_number_is_drawn():
    run = finished(save="set_weights")
    run.trained[-1] = float("nan")
    picture = InterruptionPicture()
    picture.update(run)
    assert np.isfinite(picture._lines["trained"][0].get_ydata()).all()


@pytest.mark.parametrize("save", ["folder", "h5"])
def test_nothing_is_logged_below_the_lab(save, packages, caplog, capfd, recwarn):
    caplog.set_level("INFO")
    finished(generation="tf_keras", save=save)
    assert (caplog.messages, capfd.readouterr().out, recwarn.list) == ([], "", [])


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
def test_saving_prints_nothing_into_the_cell(generation, capsys):
    finished(generation=generation, save="export" if generation == "keras" else "folder")
    assert capsys.readouterr().out == ""
