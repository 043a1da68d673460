"""The Layer Lab on its widget objects, without a browser."""

from __future__ import annotations

import asyncio
import itertools
import threading

import ipywidgets
import numpy as np
import pytest
from lab_widgets import assert_keeps_a_picture, everything
from tiers import every

from helpers.engine import ThreeTests
from helpers.report import SAME_START
from workbook import errors
from workbook.labs.framework import panel, program
from workbook.labs.framework.figure import ThreeTestsPicture
from workbook.labs.layer import lab as layer_lab
from workbook.labs.layer import run as experiment
from workbook.labs.layer import spec as definitions
from workbook.labs.layer.lab import LayerLab
from workbook.labs.layer.run import LayerRun, LayerSettings
from workbook.labs.layer.spec import GENERATIONS, LAYER_KINDS, STYLES, Definition, LayerSpec
from workbook.methods import METHODS

SMALL = Definition((LayerSpec("Dense", 6),), "sequential")


@pytest.fixture(scope="module")
def shared():
    """One lab for all tests that do not change it."""
    return LayerLab(SMALL, steps=4)


@pytest.fixture
def lab(shared):
    shared.load(shared.preset)
    return shared


def combinations():
    """Yield every style on each Keras version, with methods and kinds in turn."""
    methods, kinds = itertools.cycle(METHODS), itertools.cycle(LAYER_KINDS)
    for _ in range(2):
        for generation, style in itertools.product(GENERATIONS, STYLES):
            layers = (LayerSpec(next(kinds), 5), LayerSpec(next(kinds), 7))
            yield LayerSettings(Definition(layers, style, generation), naive=next(methods), pretrain=5, steps=4)
        next(methods)


@pytest.mark.slow
@pytest.mark.parametrize("settings", every(2, combinations()), ids=lambda s: f"{s.definition.style}-{s.naive}")
def test_any_combination_works_or_shows_its_error_and_a_lesson(shared, settings):
    shared.load(settings)
    assert shared.settings == settings
    assert shared.status == "Up to date" and "lab-stale" not in shared._picture._dom_classes
    finished = [pair for pair in shared.current_run.pairs if not pair.error]
    assert all(len(pair.own_life) == 5 for pair in finished)
    missing = 2 - len(finished)
    assert len(shared.problems) == (1 if shared.current_run.model is None else missing)
    for problem in shared.problems:
        assert problem.name in shared.error_box.value and problem.hint != errors.FALLBACK
    assert shared.verdict.endswith(".")
    assert definitions.source(settings.definition).splitlines()[0] in shared.source_box.value


def test_the_naive_way_fails_and_the_correct_way_passes(lab):
    assert lab.verdict.splitlines() == [
        "clone_model: ✗ Not a true clone: it fails “Same start” (2 of 2 layers differ) and “Same future” (unequal from "
        "the start).",
        "helpers.clone: ✓ A true clone: same start, same future, own life.",
    ]


def test_a_new_value_gives_a_new_picture_and_a_new_model(lab):
    before = bytes(lab.figure.value)
    lab.rows[0].size.value = 9
    assert bytes(lab.figure.value) != before
    assert lab.current_run.model.count_params() == 64 * 9 + 9 + 9 * 10 + 10


@pytest.mark.slow
def test_layers_are_added_removed_and_changed(lab):
    lab.add.click()
    lab.rows[1].kind.value = "Dropout"
    assert lab.settings.definition.layers == (LayerSpec("Dense", 6), LayerSpec("Dropout", LAYER_KINDS["Dropout"].size))
    assert lab.rows[1].size.description == "rate in %"
    lab.rows[0].remove.click()
    assert lab.settings.definition.layers == (LayerSpec("Dropout"),)
    lab.rows[0].remove.click()
    assert lab.settings.definition.layers == () and lab.status == "Up to date"


@pytest.mark.slow
def test_there_is_room_for_a_few_layers_only(lab, monkeypatch):
    monkeypatch.setattr(lab._latest, "start", lambda work: None)
    for _ in range(9):
        lab.add.click()
    assert len(lab.settings.definition.layers) == layer_lab.MOST_LAYERS and lab.add.disabled
    monkeypatch.undo()
    with pytest.raises(ValueError, match="room"):
        LayerLab(Definition((LayerSpec("Dense"),) * 7))


@pytest.mark.slow
def test_reset_returns_to_the_preset(lab):
    verdict = lab.verdict
    lab.load(LayerSettings(Definition((), "functional", "tf_keras", "sgd", 5), "alias", "deepcopy", 5, "original", 4))
    assert lab.settings != lab.preset and lab.verdict != verdict
    lab.reset.click()
    assert lab.settings == lab.preset and lab.verdict == verdict


@pytest.mark.slow
@pytest.mark.parametrize("who", ["original", "clone"])
def test_one_model_alone_can_be_trained(lab, who):
    lab.control("naive").value, lab.control("train").value = "alias", who
    alias, clone = lab.current_run.pairs
    assert alias.own_life[-1] > 0 and clone.own_life[-1] == 0
    assert f"“Same future” was not tried, because only the {who} was trained." in lab.verdict


@pytest.mark.slow
def test_play_trains_on_and_stops_by_itself(lab, monkeypatch):
    monkeypatch.setattr(layer_lab, "MOST_STEPS", 24)
    lab.play.click()
    assert lab.current_run.step == 24 and lab.play.description == "Play" and lab.status == "Up to date"


@pytest.mark.slow
def test_steps_before_cloning_show_a_lost_optimizer(lab):
    lab.load(lab.preset.replace(naive="clone_model_set_weights", pretrain=10))
    naive, correct = lab.current_run.pairs
    assert naive.fails == ["Same future"] and correct.fails == []


def test_every_control_has_a_description_and_parts_have_their_names(lab):
    kinds = (ipywidgets.Dropdown, ipywidgets.Button, ipywidgets.IntSlider, ipywidgets.Text)
    controls = [widget for widget in everything(lab) if isinstance(widget, kinds)]
    assert len(controls) >= 14 and all(control.description or control.tooltip for control in controls)
    names = {name for widget in everything(lab) for name in widget._dom_classes}
    assert names >= {"layer-lab", "lab-status", "lab-verdict", "lab-error", "lab-source", "lab-picture"}
    assert 'aria-live="polite"' in lab._status_line.value
    assert lab.figure.tooltip == lab.verdict


def test_the_cell_keeps_a_picture_and_the_sentence(lab):
    assert_keeps_a_picture(lab)


def test_an_error_of_the_lab_itself_is_shown_in_the_lab(lab, monkeypatch):
    def broken(*arguments, **details):
        raise RuntimeError("no ink")

    monkeypatch.setattr(lab.figure, "show", broken)
    lab.control("seed").value = "3"
    assert lab.status.startswith("Out of date") and "no ink" in lab.error_box.value
    assert "lab-stale" in lab._picture._dom_classes


def test_the_latest_change_wins_and_the_others_are_not_finished(monkeypatch):
    built = []
    monkeypatch.setattr(
        LayerRun, "_build", lambda self, build=LayerRun._build: (built.append(self.settings), build(self))
    )

    async def drag():
        lab = LayerLab(SMALL, steps=4)
        assert lab.status == "Up to date"  # the cell that makes a lab stores a picture that is complete
        built.clear()
        for size in range(7, 17):
            lab.rows[0].size.value = size
            assert lab.status.startswith("Out of date") and "lab-stale" in lab._picture._dom_classes
        seen = set()
        for _ in range(1000):
            await asyncio.sleep(0.005)
            seen.add(lab.status)
            if lab.status.startswith("Working: training"):
                assert "lab-stale" not in lab._picture._dom_classes
            if lab.status == "Up to date":
                break
        assert lab.status == "Up to date" and any(status.startswith("Working") for status in seen)
        assert lab.current_run.settings == lab.settings and lab.settings.definition.layers[0].size == 16

    asyncio.run(drag())
    assert len(built) == 1


@pytest.mark.parametrize("typed", ["1e9", "3.7", "-5", "10000", "", "nine"])
def test_a_seed_that_is_none_is_said_and_kept_as_it_was_typed(typed):
    lab = LayerLab(SMALL, steps=1)
    before = lab.settings
    lab.control("seed").value = typed
    assert lab.control("seed").value == typed
    assert lab.status == f"Out of date: Seed is {typed or 'empty'}, and has to be a whole number from 0 to 9999"
    lab.reset.click()
    assert lab.settings == before and lab.status == "Up to date"


@pytest.mark.slow
def test_pictures_keep_coming_while_a_key_is_held_down():
    async def hold():
        lab = LayerLab(SMALL, steps=4)
        pictures = []
        lab.figure.observe(lambda change: pictures.append(lab.current_run.settings), "value")
        for _ in range(600):  # a slow machine needs more iterations
            lab.control("seed").value = str(int(lab.control("seed").value) + 1)
            await asyncio.sleep(0.1)
            if len(pictures) > 2:
                break
        assert len(pictures) > 2
        while lab.status != "Up to date":
            await asyncio.sleep(0.005)
        assert pictures[-1] == lab.settings

    asyncio.run(asyncio.wait_for(hold(), 120))


def test_a_change_while_the_curves_grow_stops_them():
    async def interrupt():
        lab = LayerLab(SMALL, steps=4)
        lab.load(lab.preset.replace(definition=SMALL.replace(seed=1)))
        while not lab.status.startswith("Working: training"):
            await asyncio.sleep(0)
        first = lab.current_run
        lab.control("seed").value = "2"
        while lab.status != "Up to date":
            await asyncio.sleep(0.005)
        assert not first.finished and lab.current_run.settings.definition.seed == 2

    asyncio.run(asyncio.wait_for(interrupt(), 120))


def test_the_sentence_says_what_the_picture_shows_while_the_models_are_trained(monkeypatch):
    monkeypatch.setattr(panel, "FRAME", 0)

    async def train():
        lab = LayerLab(SMALL, steps=40)
        said = []
        lab._verdict_line.observe(lambda change: said.append(change["new"]), "value")
        lab.control("seed").value = "2"
        while lab.status != "Up to date":
            await asyncio.sleep(0)
        first, *others, last = [each.partition("helpers.clone:")[2] for each in said]
        assert "passes “Same start”." in first and "not tried" not in first
        assert any("passes “Same start”, “Same future” and “Own life”." in each for each in others)
        assert "A true clone" in last and not any("A true clone" in each for each in (first, *others))

    asyncio.run(asyncio.wait_for(train(), 120))


def test_a_slider_that_is_dragged_has_a_picture_for_each_value_and_a_calm_status(monkeypatch):
    monkeypatch.setattr(panel, "CALM", 100)

    async def drag():
        lab = LayerLab(SMALL, steps=4)
        shown, told, drawn = [], [], []
        show = lab.figure.show

        def shows(*numbers, **details):
            show(*numbers, **details)
            shown.append(lab.current_run.settings.definition.layers[0].size)

        monkeypatch.setattr(lab.figure, "show", shows)
        lab._status_line.observe(lambda change: told.append(lab.status), "value")
        lab.models_box.observe(lambda change: drawn.append(lab.models_box.value), "value")
        for size in (7, 8, 9):
            lab.rows[0].size.value = size
            while shown[-1:] != [size]:
                await asyncio.sleep(0)
        assert shown == [7, 8, 9] and told == ["Out of date: the picture shows earlier settings"] and not drawn
        while lab.status != "Up to date":
            await asyncio.sleep(0.005)
        assert set(shown) == {7, 8, 9} and told[1:] == ["Working: training", "Up to date"]
        assert len(drawn) == 1 and "dense_1" in drawn[0], "the drawing of the models vanished, or was made twice"

    asyncio.run(asyncio.wait_for(drag(), 120))


def test_the_first_picture_of_a_run_claims_nothing_about_answers():
    run = LayerRun(LayerSettings(SMALL, steps=4))
    stage = next(stage for stage in run.stages() if stage.pictured)
    naive, correct = run.pairs
    assert stage.preview and naive.start["dense_1"] > 0 and correct.start == {"dense_1": 0.0, "logits": 0.0}
    assert naive.verdicts[SAME_START].passed is False and correct.verdicts[SAME_START].passed is None
    picture = ThreeTestsPicture()
    picture.update(run.pairs)
    words = [text.get_text() for text in picture.axes[0].texts]
    assert "\N{BALLOT X} 2 of 2 differ" in words and "weights equal" in words


def test_a_change_while_a_step_is_compiled_does_not_wait_for_the_next(monkeypatch):
    compiled = []

    def prepare(self, name=None, prepare=ThreeTests.prepare):
        compiled.append((self, name))
        if len(compiled) == 1:
            lab.control("seed").value = "2"
        prepare(self, name)

    async def change():
        lab.control("seed").value = "1"
        while lab.status != "Up to date":
            await asyncio.sleep(0.005)
        assert lab.current_run.settings.definition.seed == 2

    async def make():
        return LayerLab(SMALL, steps=4)

    loop = asyncio.new_event_loop()
    lab = loop.run_until_complete(make())
    monkeypatch.setattr(ThreeTests, "prepare", prepare)
    loop.run_until_complete(asyncio.wait_for(change(), 120))
    loop.close()
    assert {name for tests, name in compiled if tests is compiled[0][0]} == {None}, "a clone's step was compiled too"


@pytest.mark.slow
def test_models_are_made_on_the_main_loop_whatever_thread_the_change_came_on(monkeypatch):
    threads = []
    monkeypatch.setattr(
        LayerRun, "_build", lambda self, build=LayerRun._build: (threads.append(threading.get_ident()), build(self))
    )

    async def change():
        lab = LayerLab(SMALL, steps=4)
        other = threading.Thread(target=lambda: setattr(lab.control("seed"), "value", "8"))
        other.start()
        other.join()
        while lab.status != "Up to date":
            await asyncio.sleep(0.005)
        assert lab.current_run.settings.definition.seed == 8

    asyncio.run(asyncio.wait_for(change(), 120))
    assert set(threads) == {threading.get_ident()} and len(threads) == 2


@pytest.mark.slow
def test_play_can_be_paused():
    async def play():
        lab = LayerLab(SMALL, steps=4)
        lab.play.click()
        assert lab.play.description == "Pause"
        while lab.current_run.step < 12:
            await asyncio.sleep(0.005)
        lab.play.click()
        while lab.status != "Up to date":
            await asyncio.sleep(0.005)
        step = lab.current_run.step
        await asyncio.sleep(0.1)
        assert lab.current_run.step == step < layer_lab.MOST_STEPS

    asyncio.run(asyncio.wait_for(play(), 120))


def test_an_experiment_keeps_errors_and_goes_on_with_the_other_method():
    run = LayerRun(LayerSettings(SMALL, naive="new_instance", steps=4))
    list(run.stages())
    assert [problem.name for problem in run.problems] == ["TypeError"] and run.finished
    naive, correct = run.pairs
    assert naive.error == "TypeError" and correct.fails == [] and len(correct.future) == 5


def test_training_before_cloning_changes_the_model_and_its_optimizer():
    plain, trained = (
        LayerRun(LayerSettings(SMALL, pretrain=steps, steps=0)) for steps in (0, experiment.EAGER_STEPS + 2)
    )
    for run in (plain, trained):
        list(run.stages())
    assert not np.array_equal(plain.model.get_weights()[0], trained.model.get_weights()[0])
    assert int(trained.model.optimizer.iterations) == experiment.EAGER_STEPS + 2


def test_messages_are_readable():
    error = ValueError(f"\x1b[1mNo\x1b[0m <{program.MODULE}_0123abcd.DigitModel object at 0x7f00>\n\nmore")
    assert errors.readable(error) == "No <DigitModel object>\nmore"
    assert errors.hint_for(error) == errors.FALLBACK


@pytest.mark.slow
def test_every_lesson_is_one_sentence():
    for _, sentence in errors.HINTS:
        assert sentence.endswith(".") and len(sentence) < 260
