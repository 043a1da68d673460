"""The run of the lab "Two posteriors", without widgets, and its picture."""

import warnings

import matplotlib
import numpy as np
import pytest
from tiers import every

import workbook
from workbook import errors
from workbook.labs.framework import figure as plots
from workbook.labs.posteriors import run as posteriors
from workbook.labs.posteriors.figure import PosteriorsPicture
from workbook.labs.posteriors.run import (
    CLONING_METHODS,
    POSTERIOR_KINDS,
    PosteriorsRun,
    PosteriorsSettings,
    kl_divergence,
)

workbook.quiet_tensorflow("tensorflow", "keras", "tf_keras", "tensorflow_probability")
SHORT = PosteriorsSettings(pretrain=3, steps=3)
LAYERS = [name for name in POSTERIOR_KINDS if name.startswith("Dense")]


def run(**changes):
    made = PosteriorsRun(SHORT.replace(**changes))
    stages = list(made.stages())
    assert made.finished and any(stage.pictured for stage in stages)
    return made


@pytest.mark.parametrize("kind", every(3, POSTERIOR_KINDS))
def test_the_whole_recipe_and_helpers_clone_are_true(kind):
    for method in ("whole", "clone"):
        both = run(kind=kind, method=method)
        assert both.problems == [] and both.between == [0.0] * 4 and not both.shared
        assert "it passes “Same start” and “Same future”. “Own life” was not tried, because both" in both.verdict
        assert both.moved[0][-1] > 0
    for train in ("original", "clone"):
        alone = run(kind=kind, method="clone", train=train)
        watched = 1 if train == "original" else 0
        assert max(alone.moved[watched]) == 0 and max(alone.moved[1 - watched]) > 0
        assert "it passes “Same start” and “Own life”" in alone.verdict
        assert f"not tried, because only the {train} was trained" in alone.verdict


@pytest.mark.slow
@pytest.mark.parametrize("kind", every(3, POSTERIOR_KINDS))
def test_weights_without_the_optimizer_part_at_the_first_step(kind):
    made = run(kind=kind, method="weights")
    assert made.between[0] == 0 and made.between[1] > 0
    assert "fails “Same future” (unequal from step 1 on)" in made.verdict


@pytest.mark.slow
@pytest.mark.parametrize("method", ["alias", "copy"])
@pytest.mark.parametrize("kind", every(3, POSTERIOR_KINDS))
def test_shared_variables_show_when_one_is_trained_alone(kind, method):
    made = run(kind=kind, method=method, train="original")
    assert made.problems == [] and made.shared and made.moved[1][-1] > 0
    assert "fails “Own life” (they share their variables and training one moves the other)" in made.verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "method", "name"),
    [
        (LAYERS[:3], "clone_model", "NameError"),
        (LAYERS[:3], "clone_model_set_weights", "NameError"),
        (["DenseVariational"], "clone_model", "NotImplementedError"),
        (["DenseVariational"], "deepcopy", "NotImplementedError"),
        (["surrogate", "lost"], "clone_model", "AttributeError"),
        (["surrogate", "lost"], "deepcopy", "TypeError"),
        (["regularizer", *LAYERS[:3]], "deepcopy", "TypeError"),
    ],
)
def test_an_error_has_its_lesson(kinds, method, name):
    for kind in kinds:
        made = run(kind=kind, method=method)
        assert [problem.name for problem in made.problems] == [name]
        assert made.problems[0].hint != errors.FALLBACK
        assert "no clone of this posterior: it raises a" in made.verdict and name in made.verdict
        assert len(made.posteriors) == 1  # the original is still shown


def test_clone_model_drops_the_kl_term():
    # With a narrow prior, and no step before cloning, so that the optimizer has no effect.
    made = run(kind="regularizer", method="clone_model_set_weights", prior="narrow", pretrain=0)
    assert made.between[0] == 0 and made.between[-1] > 0
    assert run(kind="regularizer", method="weights", prior="narrow", pretrain=0).between == [0.0] * 4


def test_a_lost_spread_never_moves():
    made = run(kind="lost", method="clone")
    assert made.verdict.endswith("so no clone can be better than that.")
    assert "never moves" not in run(kind="surrogate", method="clone").verdict


def test_a_new_untrained_flipout_layer_looks_like_a_clone():
    assert run(method="class", pretrain=0).between[0] == 0
    assert run(method="class").between[0] > 0


def test_the_prior_pulls():
    means = {prior: run(prior=prior, kind="surrogate", pretrain=20).posteriors[0][0] for prior in ("narrow", "wide")}
    assert np.abs(means["narrow"]).sum() < np.abs(means["wide"]).sum()


def test_divergence():
    one = (np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    assert kl_divergence(one, one) == 0.0
    assert kl_divergence(one, (one[0] + 1, one[1])) == pytest.approx(0.5 + 1 / 8)
    assert kl_divergence(one, (one[0], one[1] * (1 + 1e-9))) > 0  # rounding does not make it 0
    assert np.isnan(kl_divergence(one, (one[0], np.zeros(2))))
    assert posteriors.is_same(0.0) and not posteriors.is_same(1e-300)  # both are computed by the same arithmetic


@pytest.mark.parametrize("kind", every(3, POSTERIOR_KINDS))
def test_the_source_is_what_runs(kind):
    made = run(kind=kind, method="whole")
    scope = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(made.source, scope)
    made._scope = scope
    made._starts, made.between = [], []
    made._note()
    assert made.between == [0.0]
    assert int(scope["clone"].optimizer.iterations) == SHORT.pretrain


def test_settings_and_methods_are_told_apart():
    labels = [label for label, *_ in CLONING_METHODS.values()] + [kind.label for kind in POSTERIOR_KINDS.values()]
    assert len(labels) == len(set(labels))
    sources = {PosteriorsRun(SHORT.replace(method=method)).source for method in CLONING_METHODS}
    assert len(sources) == len(CLONING_METHODS)


def test_the_picture_shows_zero_as_its_own_level_and_repaints_little():
    picture = PosteriorsPicture()
    made = run(kind="surrogate", method="weights")
    assert picture.update(made) is True and picture.update(made) is False
    between = picture._lines[0].get_ydata()
    assert between[0] < -8 < between[1]
    assert all(artist.get_animated() for artist in picture.moving)
    assert picture.update(run(kind="surrogate", method="clone")) is True


def test_a_still_has_the_verdict():
    made = run(kind="surrogate", method="deepcopy")
    figure = PosteriorsPicture().still(made)
    assert figure.alt == made.verdict and plots.png(figure)[1:4] == b"PNG"
    assert any(made.verdict[:40] in text.get_text() for text in figure.findobj(matplotlib.text.Text))
