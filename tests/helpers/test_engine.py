"""The engine of the three tests: audit and three_tests agree, nothing hides, and training leaves no trace."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import zoo
from faulty_clones import FAULTS, KEPT, own_parts, pair
from tiers import thinned
from zoo import batch_normalization_and_dropout, frozen_entirely, not_compiled, sequential

import helpers
import workbook
from helpers import distances, keras_compat
from helpers.engine import ThreeTests
from helpers.report import OTHER_STATE, OUTPUTS, OWN_LIFE, QUESTIONS, SAME_FUTURE, SAME_START, describe
from workbook.methods import METHODS


def compiled(model, clones, x, y=None, steps=3):
    """Let the engine run as the labs do: compiled, a few steps at a time."""
    tests = ThreeTests(model, x, y, compiled=True)
    for name, clone in clones.items():
        tests.add(name, clone)
    for _ in range(steps):
        tests.advance(1)
    tests.compare_answers()
    return tests.results()


def assert_agree(model, clone, x, y, steps=3):
    """Assert that audit, which runs eagerly, and three_tests, which compiles its steps, reach one outcome."""
    report = helpers.audit(model, clone, x, y, steps=steps)
    (result,) = helpers.three_tests(model, clone, x, y, steps=steps).values()
    for test in QUESTIONS:
        assert result.verdicts[test].passed is report.verdict(test).passed, (test, report, result.report)
    assert result.ok is report.ok and result.report.failures == report.failures, (report, result.report)
    different = {"weights", "other state", "outputs"} & set(report.failures)
    assert bool(result.different) == bool(different), (report, result.different)
    assert result.sentence.startswith(report.sentence.split("”")[0].rstrip("."))
    return report


# Compiling takes long, so a quick run tries these alone, and each kind and fault is tried on one Keras version: the one
# on which the quick tests in test_cloning.py and test_auditing.py do not try it.
REPRESENTATIVE = {"sequential", "batch_normalization_and_dropout", "own_train_step", "frozen_entirely", "raw_variable"}


def cases(versions, representative):
    """Make parameters of (package, name), on the two Keras versions in turn, and mark those that a quick run omits."""
    found = []
    for number, (name, packages) in enumerate(versions.items()):
        marks = [] if name in representative else [pytest.mark.slow]
        package = packages[(number + 1) % len(packages)]
        found.append(pytest.param(package, name, marks=marks, id=f"{package}-{name}"))
    return thinned(6, found)


def versions_of_kinds():
    """Return for each kind of the zoo the Keras versions on which helpers.clone makes a clone of it."""
    found = {}
    for package, name in zoo.KINDS:
        if (package, name) not in zoo.REFUSED:
            found.setdefault(name, []).append(package)
    return found


VERSIONS_OF_FAULTS = {
    name: [fault.only_on] if fault.only_on else ["keras", "tf_keras"] for name, fault in FAULTS.items()
}


@pytest.mark.parametrize(("package", "name"), cases(versions_of_kinds(), REPRESENTATIVE))
def test_audit_and_three_tests_agree_on_a_true_clone_of(packages, package, name):
    model, x, y = zoo.ZOO[name](packages[package])
    assert assert_agree(model, helpers.clone(model, x), x, y, steps=2).ok


@pytest.mark.parametrize(("package", "name"), cases(VERSIONS_OF_FAULTS, set(list(FAULTS)[::12])))
def test_audit_and_three_tests_agree_on_a_clone_with(packages, package, name):
    keras, fault = packages[package], FAULTS[name]
    model, clone, x, y = pair(keras, fault.make)
    broken = fault.apply(keras, model, clone)
    assert fault.check in assert_agree(model, clone if broken is None else broken, x, y, steps=2).failures


@pytest.mark.parametrize(
    ("package", "name"), cases(dict.fromkeys(KEPT, ("keras", "tf_keras")), {"activation_is_a_method"})
)
def test_audit_and_three_tests_agree_on_a_clone_that_uses_of_the_original(packages, package, name):
    model, clone, x, y = pair(packages[package], own_parts)
    KEPT[name](packages[package], model, clone)
    assert not assert_agree(model, clone, x, y, steps=2).ok


@pytest.mark.parametrize("method", ["alias", "clone_model", "clone_model_set_weights", "keras_file"])
def test_audit_and_three_tests_agree_on_the_ways_people_clone(keras, method):
    model, x, y = batch_normalization_and_dropout(keras)
    assert_agree(model, METHODS[method](model, x), x, y)


def test_what_compiling_changes_is_not_taken_for_a_difference(packages):
    # The gradients of a flow are small beside their rounding: compiled, one clone in six went apart by more.
    for _ in range(6):
        model, x, y = zoo.normalising_flow(packages["tf_keras"])
        result = helpers.three_tests(model, helpers.clone(model, x), x, y, steps=2)["clone"]
        assert result.ok, result.report


@pytest.mark.parametrize("nudge", ["one unit in the last place", 2e-7])
def test_one_nudged_weight_is_found_by_all(keras, nudge):
    model, x, y = sequential(keras)
    clone = helpers.clone(model, x)
    array = np.array(clone.weights[0])
    array[0, 0] = array[0, 0] + nudge if nudge == 2e-7 else np.nextafter(array[0, 0], np.float32(9))
    clone.weights[0].assign(array)
    report = assert_agree(model, clone, x, y)
    assert "weights" in report.failures and not report.passed(SAME_START)


@pytest.mark.parametrize("step_by_step", [False, True])
def test_what_moved_nothing_was_not_tried(keras, step_by_step):
    model, x, y = frozen_entirely(keras)
    still, x2, y2 = sequential(keras)
    still.optimizer.learning_rate.assign(0.0)
    for original, inputs, targets, why in ((model, x, y, "trainable weights"), (still, x2, y2, "moved no weight")):
        clones = {"clone": helpers.clone(original, inputs)}
        run = compiled if step_by_step else helpers.three_tests
        result = run(original, clones, inputs, targets, steps=2)["clone"]
        assert result.ok and result.verdicts[SAME_START].passed
        for test in (SAME_FUTURE, OWN_LIFE):
            assert result.verdicts[test].passed is None and why in result.verdicts[test].reason
        assert "true clone" not in result.sentence and "were not tried, because" in result.sentence


def test_models_that_are_not_compiled_are_trained_by_the_stand_in(keras):
    model, x, _ = not_compiled(keras)
    assert assert_agree(model, helpers.clone(model, x), x, None).sentence.startswith("✓ A true clone")
    compiled_model, x, y = sequential(keras)
    clone = keras.Sequential.from_config(compiled_model.get_config())
    clone.set_weights(compiled_model.get_weights())
    report = assert_agree(compiled_model, clone, x, y)
    assert "the clone cannot be trained: it is not compiled" in str(report) and report.passed(SAME_START)


def test_large_numbers_in_one_weight_hide_nothing(keras):
    generator = np.random.default_rng(0)
    raw = np.stack([generator.normal(2e5, 6e4, 64), generator.integers(1, 9, 64)], 1).astype("float32")
    targets = (raw[:, :1] / 2e5).astype("float32")
    normalization = keras.layers.Normalization()
    normalization.adapt(raw)
    layers = [keras.layers.Input((2,)), normalization, keras.layers.Dense(4, "relu"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(raw, targets, epochs=3, verbose=0)
    clone = helpers.clone(model, raw)
    clone.compile(keras.optimizers.Adam(0.01), "mse")  # a fresh optimizer
    report = assert_agree(model, clone, raw, targets)
    assert "training steps" in report.failures


def painter(keras):
    """A model that is called on noise and trained on pictures."""

    class Painter(keras.Model):
        def __init__(self, rate=0.1, **kwargs):
            super().__init__(**kwargs)
            self.hand, self.average = keras.layers.Dense(6), keras.layers.Dense(6, trainable=False)
            self.rate = [rate]

        def build(self, shape):
            self.hand.build((None, 3))
            self.average.build((None, 3))
            self.built = True

        def call(self, noise):
            return self.average(noise)

        def train_step(self, pictures):
            pictures = pictures[0] if isinstance(pictures, tuple) else pictures
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self.hand(pictures[:, :3]) - pictures))
            for weight, gradient in zip(self.hand.weights, tape.gradient(loss, self.hand.weights), strict=True):
                weight.assign_sub(self.rate[0] * gradient)
            return {"loss": loss}

    workbook.set_seeds(0)
    model = Painter()
    noise = np.ones((8, 3), "float32")
    model(noise)
    model.compile("sgd")
    return model, noise, np.random.default_rng(0).normal(size=(16, 6)).astype("float32")


def test_a_batch_for_the_models_own_step_lets_its_future_be_tried(keras):
    model, noise, pictures = painter(keras)
    clone = helpers.clone(model, noise)
    untried = helpers.audit(model, clone, noise)
    assert untried.ok and untried.verdict(SAME_FUTURE).passed is None
    assert "true clone" not in untried.sentence and "“Same future”" in untried.sentence
    assert untried.sentence.endswith("pass the batch that its train_step takes as train_batch.")
    assert "○ not tried training steps: the original cannot be trained" in str(untried)
    tried = helpers.audit(model, clone, noise, train_batch=pictures)
    assert tried.sentence == "✓ A true clone: same start, same future, own life."
    result = helpers.three_tests(model, clone, noise, train_batch=pictures)["clone"]
    assert result.verdicts[SAME_FUTURE].passed and result.moved[-1] > 0
    clone.rate[0] = 0.05
    assert "training steps" in helpers.audit(model, clone, noise, train_batch=pictures).failures
    with pytest.raises(ValueError, match="cannot be trained on this train_batch"):
        helpers.audit(model, clone, noise, train_batch=noise[:, :1])


def test_an_alias_stays_equal_and_has_no_life_of_its_own(keras):
    model, x, y = batch_normalization_and_dropout(keras)
    tests = ThreeTests(model, x, y, compiled=True)
    tests.add("alias", model)
    tests.advance(3)
    tests.advance(4)
    result = tests.results()["alias"]
    assert set(result.start.values()) == {0.0}
    assert result.future == [0.0] * 8
    assert result.own_life[1:] == result.moved[1:]
    assert min(result.own_life[1:]) > 0
    tests.compare_answers()
    assert tests.results()["alias"].answers_moved > 0


def test_a_true_clone_stays_equal_and_keeps_still(keras):
    model, x, y = batch_normalization_and_dropout(keras)
    result = compiled(model, {"clone": helpers.clone(model, x)}, x, y, steps=7)["clone"]
    assert result.future == [0.0] * 8 and result.future_state == [0.0] * 8
    assert result.own_life == [0.0] * 8
    assert result.moved[-1] > 0.01
    assert result.future_outputs == result.answers_moved == 0.0


def test_fresh_weights_are_apart_from_the_start(keras):
    model, x, y = sequential(keras)
    result = compiled(model, {"x": keras.models.clone_model(model)}, x, y, steps=0)["x"]
    assert min(result.start.values()) > 0
    assert result.future[0] == max(result.layers.values())


def test_equal_weights_do_not_make_equal_outputs(keras):
    layers = keras.layers
    stacks = [[layers.Input((6,)), layers.Dense(3, activation=name)] for name in ("relu", "tanh")]
    model, other = (keras.Sequential(stack) for stack in stacks)
    other.set_weights(model.get_weights())
    for each in (model, other):
        each.compile("sgd", "mse")
    inputs = np.linspace(-1, 1, 48, dtype="float32").reshape(8, 6)
    result = compiled(model, {"other": other}, inputs, inputs[:, :3], steps=0)["other"]
    assert result.future == [0.0]
    assert result.start[OUTPUTS] > 0.01 and result.different == (OUTPUTS,)
    assert SAME_START in result.fails and "layer settings" in result.report.failures


def test_clones_of_one_original_do_not_disturb_each_other(keras):
    model, x, y = batch_normalization_and_dropout(keras)
    clone = helpers.clone(model, x)
    alone = compiled(model, {"clone": clone}, x, y, steps=6)["clone"]
    tests = ThreeTests(model, x, y, compiled=True)
    tests.add("alias", model)
    tests.add("clone", clone)
    for _ in range(3):
        tests.advance(2, names=["alias"])
        tests.advance(2, names=["clone"])
    together = tests.results()["clone"]
    assert together.moved == alone.moved and together.future == alone.future
    with pytest.raises(ValueError, match="The training has begun"):
        tests.add("late", clone)


def test_a_comparison_in_parts_from_one_snapshot_finds_the_same(keras):
    model, x, y = batch_normalization_and_dropout(keras)
    clones = {"clone_model": METHODS["clone_model"](model, x), "clone": helpers.clone(model, x)}
    expected = compiled(model, clones, x, y)
    held = distances.all_variables(model)
    before = distances.values(held)
    tests = ThreeTests(model, x, y, compiled=True)
    for name, clone in clones.items():
        tests.begin(name, clone)
    begun = tests.results()
    assert begun["clone_model"].verdicts[SAME_START].passed is False
    assert begun["clone"].verdicts[SAME_START].passed is None and set(begun["clone"].start.values()) == {0.0}
    tests.hold(*clones.values())
    for name, clone in clones.items():
        tests.add(name, clone)
    tests.prepare()
    for name in clones:
        tests.prepare(name)
    tests.advance(3)
    tests.compare_answers()
    for name, found in tests.results().items():
        # Dropout of Keras 2 draws afresh, so distances in training mode, which are evidence, differ.
        outcomes = [[(check.name, check.passed) for check in each.checks] for each in (found, expected[name])]
        assert outcomes[0] == outcomes[1]
        assert dataclasses.replace(found, checks=[]) == dataclasses.replace(expected[name], checks=[])
    assert all(map(np.array_equal, before, distances.values(held)))


def test_one_model_can_be_trained_alone(keras):
    model, x, y = sequential(keras)
    tests = ThreeTests(model, x, y, compiled=True)
    tests.add("clone", helpers.clone(model, x))
    tests.advance(3, train="clone")
    result = tests.results()["clone"]
    assert len(result.own_life) == 4
    assert len(result.future) == 1
    assert result.verdicts[SAME_FUTURE].reason == "only the clone was trained" and result.verdicts[OWN_LIFE].passed
    with pytest.raises(ValueError, match="new ThreeTests"):
        tests.advance(1)
    with pytest.raises(ValueError, match="cannot be 'neither'"):
        tests.advance(1, train="neither")


def test_a_clone_without_weights_has_no_counterpart(keras):
    model, x, y = sequential(keras)
    result = compiled(model, {"x": keras.Sequential([keras.layers.Dense(5)])}, x, y, steps=1)["x"]
    assert set(result.layers.values()) == {None}
    assert result.future == [np.inf]
    assert "without a counterpart" in describe([result]) and "it has no weights" in str(result.report)


@pytest.mark.parametrize("make", [sequential, batch_normalization_and_dropout])
def test_a_compiled_run_leaves_both_models_as_they_were(keras, make):
    with zoo.compiled_training():
        model, x, y = make(keras)
    clone = helpers.clone(model, x)
    held = distances.all_variables(model) + distances.all_variables(clone)
    before = distances.values(held)
    optimizers, functions = (model.optimizer, clone.optimizer), (model.train_function, clone.train_function)
    compiled(model, {"clone": clone}, x, y)
    assert all(map(np.array_equal, before, distances.values(held)))
    assert (model.optimizer, clone.optimizer) == optimizers
    assert (model.train_function, clone.train_function) == functions
    assert len(held) == len(distances.all_variables(model) + distances.all_variables(clone))


def test_a_compiled_run_does_not_restart_random_operations_of_others(packages):
    keras = packages["tf_keras"]
    model, x, y = batch_normalization_and_dropout(keras)
    ends = []
    for meanwhile in (False, True):
        workbook.set_seeds(3)
        draw = tf.function(lambda: tf.random.uniform([]))
        drawn = [float(draw())]
        if meanwhile:
            compiled(model, {"clone": helpers.clone(model, x)}, x, y, steps=1)
        ends.append([*drawn, float(draw())])
    assert ends[0] == ends[1]


def test_other_state_is_compared_after_training_too(packages):
    model, x, y = batch_normalization_and_dropout(packages["keras"])
    clone = helpers.clone(model, x)
    seed = next(v for v in keras_compat.other_state(clone) if "seed" in keras_compat.variable_name(v, clone))
    seed.assign(np.array([1, 2], "uint32"))
    result = compiled(model, {"clone": clone}, x, y)["clone"]
    assert result.start[OTHER_STATE] == np.inf and OTHER_STATE in result.different
    assert min(result.future_state[1:]) > 0 and result.first_apart == 0
    evidence = {check.name: check.evidence for check in result.checks}
    name = keras_compat.variable_name(seed, clone)
    assert evidence["other state"] == f"{name}: unequal"  # the distance of two random states says nothing
    told = evidence["training steps"]
    assert told.startswith("after 3 steps alike, the weights differ by up to ")
    assert ", and training moved them by up to " in told
    assert told.endswith(f". State outside the weights is unequal: {name}")
    assert "“Same future” (unequal from step 1 on)" in result.sentence  # as in the picture, which shows the weights
