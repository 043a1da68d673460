"""The run of the lab "Save here, load there", without widgets: its program, its results, and its sentences."""

from __future__ import annotations

import gc
import itertools
import sys

import pytest
from tiers import every

from helpers.report import OUTPUTS
from workbook import errors
from workbook.labs.framework.program import GENERATIONS
from workbook.labs.save_load import run as save_load
from workbook.labs.save_load.run import CHANGES, FORMATS, STYLES, SaveLoadRun
from workbook.labs.save_load.run import SaveLoadSettings as Settings


def run(settings):
    done = SaveLoadRun(settings)
    stages = list(done.stages())
    assert done.finished and stages[-1].pictured
    return done


def every_setting():
    """Yield every change of the receiver, with styles, formats and Keras versions in turn."""
    others = itertools.cycle(itertools.product(FORMATS, GENERATIONS, STYLES))
    for change in CHANGES:
        for _ in range(2):
            file, generation, style = next(others)
            yield Settings(style, generation, file=file, change=change)
        next(others)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", every(2, every_setting()), ids=lambda s: f"{s.style}-{s.generation}-{s.file}-{s.change}"
)
def test_any_setting_is_answered(settings, packages, recwarn, caplog):
    done = run(settings)
    assert done.verdict.endswith(".") and "  " not in done.verdict
    for problem in done.problems:
        assert problem.hint != errors.FALLBACK, problem.message
    if done.message is None:
        (pair,) = done.pairs
        assert OUTPUTS in pair.start
        assert done.problems or len(pair.own_life) == save_load.STEPS + 1
        # A clone without an optimizer is not trained alike; the report says so.
        untrainable = "the clone cannot be trained: it is not compiled" in str(pair.report)
        assert done.problems or len(pair.future) == (1 if untrainable else save_load.STEPS + 1)
    else:
        assert done.pairs == []
    assert [str(warning.message) for warning in recwarn if issubclass(warning.category, UserWarning)] == []
    assert caplog.records == []


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("file", [".keras", ".weights.h5", "checkpoint"])
def test_unchanged_code_gets_a_true_clone(file, generation, packages):
    done = run(Settings("subclassed", generation, file=file))
    assert "✓ A true clone" in done.verdict and done.pairs[0].fails == []


@pytest.mark.slow
def test_the_silent_ones(packages):
    """No error is raised, and the model is still wrong."""
    settings = Settings()
    for change, words in (
        ("activation", "another model: it reads most of the 256"),
        ("order", "another model: it reads"),
        ("optimizer", "the same answers. ✗ Not a true clone: it fails “Same future” (unequal from step 1 on)."),
        ("dropout", "and “Same future” ("),
    ):
        done = run(settings.replace(change=change))
        assert done.problems == [] and words in done.verdict
    activation = run(settings.replace(change="activation")).pairs[0].start
    assert list(activation) == ["left", "right", "head", OUTPUTS]
    assert activation.pop(OUTPUTS) > 0 and set(activation.values()) == {0.0}


@pytest.mark.slow
def test_two_layers_that_changed_places(packages):
    """A Keras 3 file matches weights by position, a checkpoint by name; both match Adam's averages by position."""
    swapped = run(Settings(file=".weights.h5", change="order")).pairs[0]
    by_name = run(Settings(file="checkpoint", change="order")).pairs[0]
    assert "Same start" in swapped.fails and swapped.start[OUTPUTS] > 0
    assert set(by_name.start.values()) == {0.0} and by_name.fails == ["Same start", "Same future"]
    untrained = run(Settings(file="checkpoint", change="order", compiled=False)).pairs[0]
    assert untrained.fails == ["Same start"], untrained.report


def test_the_loud_ones(packages):
    for change, file, error in (
        ("units", ".weights.h5", "ValueError"),
        ("layer", ".weights.h5", "ValueError"),
        ("unregistered", ".keras", "TypeError"),
        ("class_name", ".keras", "TypeError"),
    ):
        done = run(Settings(change=change, file=file))
        assert [problem.name for problem in done.problems] == [error] and "Loading raises an error" in done.verdict


def test_an_h5_file_of_keras_3_cannot_be_trained_and_leaves_others_alone(packages):
    settings = Settings("functional", file=".h5")
    done = run(settings)
    assert "training raises a ValueError" in done.verdict and done.pairs[0].start[OUTPUTS] == 0
    assert "✓ A true clone" in run(settings.replace(file=".keras")).verdict


def test_a_foreign_file_is_explained_as_one(packages):
    done = run(Settings(file=".keras", change="other_keras"))
    assert "the Keras that wrote it" in done.problems[0].hint


def test_json_of_a_class_comes_back_as_a_word_on_keras_2(packages):
    done = run(Settings("subclassed", "tf_keras", file=".json"))
    assert done.loaded == "Reader" and "what comes back is not a model" in done.verdict


def test_a_file_brings_its_own_structure(packages):
    done = run(Settings("functional", file=".keras", change="units"))
    assert "plays no part" in done.verdict and "✓ A true clone" in done.verdict
    assert "24" not in done.source


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(file=".json"), "the name of the class Reader and the settings of compile; no weights"),
        (Settings(file=".weights.h5"), "6 arrays of weights and 14 arrays of the optimizer; no structure"),
        (
            Settings(file=".weights.h5", compiled=False),
            "holds 6 arrays of weights; no structure, no state of an optim",
        ),
        (Settings(file="checkpoint"), "6 arrays of weights and 14 arrays of the optimizer; no structure"),
        (Settings("functional"), "6 arrays of weights"),
        (
            Settings("functional", file=".keras"),
            "how they are connected, 6 arrays of weights, 14 arrays of the opt",
        ),
        (
            Settings("functional", "tf_keras", file=".h5"),
            "6 arrays of weights, 13 arrays of the optimizer and the settings",
        ),
    ],
)
def test_what_the_file_holds(settings, words, packages):
    assert words in run(settings).carried.sentence


@pytest.mark.slow
@pytest.mark.parametrize("change", ["nothing", "order", "layer", "dropout", "name", "class_name", "unregistered"])
@pytest.mark.parametrize("style", every(2, STYLES))
def test_the_source_is_a_program_of_its_own(style, change, packages):
    """The shown program runs unchanged, and fails where the lab says that it fails."""
    settings = Settings(style, file=".keras", change=change, steps=0)
    done, names = run(settings), {"__name__": "__main__"}
    try:
        exec(compile(done.source, "source.py", "exec"), names)
        raised = None
    except Exception as error:
        raised = type(error).__name__
    assert raised == (done.problems[0].name if done.problems else None)
    assert done.source.startswith("# Here") and "# There" in done.source


@pytest.mark.slow
def test_equal_settings_give_equal_numbers(packages):
    first, second = (run(Settings(file=".json")).pairs[0] for _ in range(2))
    assert first == second


def test_nothing_is_left_behind(packages):
    import linecache

    def left():
        save_load._trained.clear()
        gc.collect()
        return {name for name in (*linecache.cache, *sys.modules) if name.startswith(save_load.MODULE)}

    before = left()  # other tests in this process may keep labs alive
    run(Settings(file="checkpoint", change="layer"))
    assert left() - before == set()


def test_unknown_names_are_refused():
    for field in ("style", "generation", "file", "change"):
        with pytest.raises(ValueError, match="Unknown"):
            Settings(**{field: "nowhere"})
