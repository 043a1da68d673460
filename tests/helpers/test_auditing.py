"""helpers.audit finds what is wrong with a clone, says where, and leaves both models as they were."""

import random

import numpy as np
import pytest
import tensorflow as tf
from faulty_clones import FAULTS, PROBABILISTIC, pair
from tiers import every, on_one_keras
from zoo import (
    adapted_normalization,
    batch_normalization_and_dropout,
    compiled_training,
    data,
    not_compiled,
    not_trainable_eagerly,
    own_train_step,
    sequential,
    trained_without_a_call,
)

import helpers
import workbook
from helpers import distances, keras_compat, tf_private
from helpers.engine import ThreeTests
from workbook.methods import METHODS


def broken(keras, make=sequential):
    """A trained model, a true clone of it, and data."""
    model, x, y = make(keras)
    return model, helpers.clone(model, x), x, y


def copy_optimizer_state(source, target):
    """Copy iterations, slots and learning rate of an optimizer into one that is built for a like model."""
    theirs, ours = (keras_compat.optimizer_variables(optimizer) for optimizer in (source, target))
    distances.assign(ours[: len(theirs)], distances.values(theirs))
    rates = [source.learning_rate, target.learning_rate]
    if all(map(keras_compat.is_variable, rates)):  # Keras 2 leaves the rate out of the optimizer's variables
        distances.assign(rates[1:], distances.values(rates[:1]))


def test_an_alias_fails_own_life_only(keras):
    model, x, y = sequential(keras)
    report = helpers.audit(model, model, x, y)
    assert report.passed("Same start")
    assert report.passed("Same future")
    assert report.failures == ["separate storage", "clone keeps still", "original keeps still"]
    assert "one object" in str(report)


def test_fresh_weights_are_found_and_named(keras):
    model, x, y = sequential(keras)
    report = helpers.audit(model, METHODS["clone_model"](model, x), x, y)
    assert not report.passed("Same start")
    assert report.failures == ["weights", "outputs", "outputs in training mode", "optimizer state", "training steps"]
    evidence = next(check.evidence for check in report.checks if check.name == "weights")
    assert evidence.startswith("4 of 4 weights differ; largest |difference| ")
    assert "/kernel" in evidence or "/bias" in evidence


def test_copied_weights_with_a_lost_optimizer_fail_same_future_only(keras):
    model, x, y = sequential(keras)
    report = helpers.audit(model, METHODS["clone_model_set_weights"](model, x), x, y)
    assert report.passed("Same start")
    assert report.passed("Own life")
    assert report.failures == ["optimizer state", "training steps"]
    assert "made 4 steps, the clone 0" in str(report)


def test_nothing_is_created_on_a_model_that_was_never_trained(keras):
    """An optimizer counts its steps once it is asked; Keras 2 keeps the losses of the last call for each thread."""

    def attributes():
        held = [model, model.optimizer, *model.layers, *model.metrics]
        return [{name: id(value) for name, value in tf_private.attributes(each).items()} for each in held]

    optimizers = [keras.optimizers.SGD(0.1)]
    if keras.__name__ == "tf_keras":
        optimizers.append(keras.optimizers.legacy.SGD(0.1))
    for optimizer in optimizers:
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, activity_regularizer="l2")])
        model.compile(optimizer, "mse", metrics=["mae"])
        x, _ = data()
        model(2 * x)
        before, losses = attributes(), list(map(float, model.losses))
        clone = helpers.clone(model, x)
        ThreeTests(model, x, np.zeros((64, 3))).add("clone", clone)  # as the labs do
        assert attributes() == before
        assert helpers.audit(model, clone, x, np.zeros((64, 3)), steps=1).ok
        assert attributes() == before
        assert list(map(float, model.losses)) == losses


def test_one_changed_weight_is_found(keras):
    model, clone, x, y = broken(keras)
    kernel = clone.weights[2]
    kernel.assign(np.asarray(kernel) + np.eye(5, 3) * 0.25)
    report = helpers.audit(model, clone, x, y)
    evidence = next(check.evidence for check in report.checks if check.name == "weights")
    assert "1 of 4 weights differ; largest |difference| 0.25 in dense_" in evidence
    assert "outputs" in report.failures


def test_moving_statistics_are_weights_too(keras):
    model, clone, x, y = broken(keras, batch_normalization_and_dropout)
    clone.layers[1].moving_mean.assign(np.ones(5))
    report = helpers.audit(model, clone, x, y)
    assert {"weights", "outputs"} <= set(report.failures)
    assert "moving_mean" in str(report)


def test_a_lost_slot_is_found(keras):
    model, clone, x, y = broken(keras)
    distances.assign(clone.optimizer.variables[3:4], [np.ones(clone.optimizer.variables[3].shape, "float32")])
    report = helpers.audit(model, clone, x, y)
    assert report.failures == ["optimizer state", "training steps"]


def test_another_learning_rate_is_found(keras):
    model, clone, x, y = broken(keras)
    clone.optimizer.learning_rate.assign(0.5)
    assert {"compile settings", "training steps"} <= set(helpers.audit(model, clone, x, y).failures)


def test_another_loss_is_found(keras):
    model, clone, x, y = broken(keras)
    clone.compile("adam", "mse")
    report = helpers.audit(model, clone, x, y)
    assert {"compile settings", "training steps"} <= set(report.failures)
    if keras.__name__ == "keras":  # Keras 2 broadcasts targets of any shape
        assert "the clone cannot be trained" in str(report)


def test_targets_that_do_not_fit_are_refused(keras):
    model, clone, x, _ = broken(keras)
    with pytest.raises(ValueError, match="cannot be trained on these inputs and targets"):
        helpers.audit(model, clone, x, np.full(len(x), "cat"))


def test_a_clone_that_is_not_compiled_is_found(keras):
    model, x, y = sequential(keras)
    clone = keras.Sequential.from_config(model.get_config())
    clone.set_weights(model.get_weights())
    report = helpers.audit(model, clone, x, y)
    assert report.passed("Same start")
    assert report.failures == ["compile settings", "optimizer state", "training steps"]


def test_a_shared_variable_is_found(keras):
    class Head(keras.layers.Layer):
        def __init__(self, dense, **kwargs):
            super().__init__(**kwargs)
            self.dense = dense

        def call(self, inputs):
            return self.dense(inputs)

    shared = keras.layers.Dense(3)
    x, y = data()
    models = []
    for _ in range(2):
        model = keras.Sequential([keras.layers.Input((6,)), Head(shared)])
        model(x)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        models.append(model)
    report = helpers.audit(*models, x, y)
    assert report.failures == ["separate storage", "clone keeps still", "original keeps still"]
    assert "2 of " in str(report)


def test_random_state_is_found(packages):
    model, clone, x, y = broken(packages["keras"], batch_normalization_and_dropout)
    seeds = [variable for variable in clone.variables if "seed" in variable.path]
    seeds[0].assign(np.array([1, 2], "uint32"))
    report = helpers.audit(model, clone, x, y)
    assert report.failures == ["other state", "outputs in training mode", "training steps"]


def test_an_unrefreshed_normalization_is_found(packages):
    """set_weights on Keras 3 leaves the constants of Normalization as they were."""
    keras = packages["keras"]
    model, x, y = adapted_normalization(keras)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert "outputs" in helpers.audit(model, clone, x, y).failures


def test_a_layer_missing_in_the_clone_is_found(keras):
    model, x, y = sequential(keras)
    clone = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
    clone.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    report = helpers.audit(model, clone, x, y)
    assert {"weights", "outputs", "training steps"} <= set(report.failures)
    assert "has 4 weights, the clone 2" in str(report)


@pytest.mark.parametrize("make", [sequential, batch_normalization_and_dropout, own_train_step])
@pytest.mark.parametrize("method", ["alias", "clone"])
def test_both_models_and_the_random_state_are_left_as_they_were(keras, make, method):
    with compiled_training():
        model, x, y = make(keras)
    other = model if method == "alias" else helpers.clone(model, x)
    workbook.set_seeds(5)
    expected = random.random(), np.random.uniform(), float(tf.random.uniform([]))
    workbook.set_seeds(5)
    held = [distances.all_variables(either) for either in (model, other)]
    before = list(map(distances.values, held))
    optimizers = model.optimizer, other.optimizer
    functions = model.train_function
    helpers.audit(model, other, x, y)
    for one, two in zip(before, map(distances.values, held), strict=True):
        assert all(map(np.array_equal, one, two))
    # Keras adds metrics at the first training step. What came in with the audit counts nothing.
    known = set(map(id, map(keras_compat.storage, held[1])))
    new = [v for v in distances.all_variables(other) if id(keras_compat.storage(v)) not in known]
    assert not any(np.any(array) for array in distances.values(new))
    assert (model.optimizer, other.optimizer) == optimizers
    assert model.train_function is functions
    assert (random.random(), np.random.uniform(), float(tf.random.uniform([]))) == expected


def test_both_are_left_as_they_were_when_the_audit_raises(keras):
    model, clone, _, y = broken(keras)
    before = distances.values(distances.all_variables(model))
    with pytest.raises(ValueError, match="does not take these inputs"):
        helpers.audit(model, clone, np.zeros((4, 99), "float32"), y)
    assert all(map(np.array_equal, before, distances.values(distances.all_variables(model))))


def test_models_that_are_not_compiled_are_trained_on_a_stand_in(keras):
    model, x, _ = not_compiled(keras)
    clone = helpers.clone(model, x)
    report = helpers.audit(model, clone, x)
    assert report.ok
    assert "neither model is compiled" in str(report)
    clone.layers[0].bias.assign([1.0, 2.0, 3.0])
    assert helpers.audit(model, clone, x).failures == [
        "weights",
        "outputs",
        "outputs in training mode",
        "training steps",
    ]


def test_models_of_different_generations_are_refused(packages):
    model, x, y = sequential(packages["keras"])
    other, _, _ = sequential(packages["tf_keras"])
    with pytest.raises(ValueError, match="same Keras version"):
        helpers.audit(model, other, x, y)


def test_the_report_reads_without_colour(keras):
    model, x, y = sequential(keras)
    report = helpers.audit(model, METHODS["clone_model"](model, x), x, y)
    table = report._repr_html_()
    assert "✗ failed" in table
    assert "✓ passed" in table
    assert '<th scope="col"' in table
    assert "<caption" in table
    assert "color" not in table
    for check in report.checks:
        assert check.verdict in str(report)


CASES = on_one_keras(
    (package, name)
    for name, fault in FAULTS.items()
    for package in ("keras", "tf_keras")
    if fault.only_on in ("", package)
)


# On the other Keras version, test_engine.py tries each of them.
@pytest.mark.parametrize(("package", "name"), every(3, (case for case in CASES if not case.marks)))
def test_every_fault_is_found_and_named(packages, package, name):
    keras, fault = packages[package], FAULTS[name]
    model, clone, x, y = pair(keras, fault.make)
    broken_clone = fault.apply(keras, model, clone)
    report = helpers.audit(model, clone if broken_clone is None else broken_clone, x, y)
    assert fault.check in report.failures, report
    evidence = next(check.evidence for check in report.checks if check.name == fault.check)
    assert fault.names in evidence, report


MAKERS = {
    (package, fault.make.__name__): fault.make
    for fault in FAULTS.values()
    for package in ("keras", "tf_keras")
    if fault.make not in PROBABILISTIC and fault.only_on in ("", package)
}


@pytest.mark.parametrize(("package", "name"), every(3, (each for each in on_one_keras(MAKERS) if not each.marks)))
def test_a_model_built_twice_under_one_seed_is_a_true_clone(packages, package, name):
    model, clone, x, y = pair(packages[package], MAKERS[package, name])
    report = helpers.audit(model, clone, x, y)
    assert report.ok, report


@pytest.mark.parametrize("make", PROBABILISTIC, ids=[make.__name__ for make in PROBABILISTIC])
def test_probabilistic_models_with_equal_weights_are_true_clones(packages, make):
    model, clone, x, y = pair(packages["tf_keras"], make)
    # Training twice ends a few bits apart, which the audit would rightly find.
    clone.set_weights(model.get_weights())
    copy_optimizer_state(model.optimizer, clone.optimizer)
    report = helpers.audit(model, clone, x, y)
    assert report.ok, report


@pytest.mark.parametrize("make", [batch_normalization_and_dropout, trained_without_a_call])
def test_compiled_functions_keep_their_random_state(keras, make):
    """tf.random.set_seed would restart the random operations inside every compiled function of the process."""
    ends = []
    for audited in (False, True):
        workbook.set_seeds(0)
        with compiled_training():
            model, x, y = make(keras)
        if audited:
            assert helpers.audit(model, helpers.clone(model), x, y).ok
        model.fit(x, y, batch_size=32, verbose=0)
        ends.append(model.get_weights())
    assert all(map(np.array_equal, *ends))


def test_random_layers_draw_alike_when_the_targets_are_missing(keras):
    model, x, _ = batch_normalization_and_dropout(keras)
    report = helpers.audit(model, helpers.clone(model, x), x)
    assert report.ok, report


def test_a_model_without_a_call_is_trained_all_the_same(keras):
    model, x, _ = trained_without_a_call(keras)
    report = helpers.audit(model, helpers.clone(model, x), x)
    told = {check.name: (check.passed, check.evidence) for check in report.checks}
    assert told["outputs"] == (None, "the original has no call of its own")
    assert told["training steps"][0] is True
    assert report.sentence == "✓ A true clone: same start, same future, own life."


def test_a_model_that_can_only_be_trained_in_compiled_functions_is_trained_in_them(packages):
    model, x, _ = not_trainable_eagerly(packages["keras"])
    report = helpers.audit(model, helpers.clone(model, x), x)
    assert report.ok and report.sentence == "✓ A true clone: same start, same future, own life.", report


def test_a_model_that_cannot_be_trained_is_compared_as_far_as_it_goes(keras):
    @tf.custom_gradient
    def without_gradient(x):
        def gradient(_):
            raise ValueError("there is no gradient")

        return tf.identity(x), gradient

    class WithoutGradient(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(3)

        def get_config(self):
            return {"name": self.name}

        def call(self, inputs):
            return without_gradient(self.dense(inputs))

    model, x = WithoutGradient(), np.ones((4, 6), "float32")
    model(x)
    report = helpers.audit(model, helpers.clone(model, x), x)
    assert report.ok, report
    assert "training steps: the original cannot be trained (ValueError" in str(report)


def test_a_metric_that_starts_anew_is_no_difference(keras):
    model, x, y = sequential(keras)
    clone = helpers.clone(model, x)
    for metric in clone.metrics:
        metric.reset_state()
    assert helpers.audit(model, clone, x, y).ok


def test_models_without_weights_are_compared_as_far_as_they_go(keras):
    def unbuilt(rate):
        workbook.set_seeds(0)  # a layer of Keras 3 draws its seed when it is made
        return keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(rate)])

    x = np.zeros((4, 6), "float32")
    report = helpers.audit(unbuilt(0.1), unbuilt(0.1), x)
    assert report.ok
    assert (
        "“Same start”, “Same future” and “Own life” were not tried" in report.sentence
        and "true clone" not in report.sentence
    )
    assert "has no weights yet: call" in str(report)
    assert helpers.audit(unbuilt(0.1), unbuilt(0.2), x).failures == ["layer settings"]


def test_the_models_make_as_many_steps_as_asked_for(keras):
    model, x, y = sequential(keras)
    report = helpers.audit(model, helpers.clone(model), x, y, steps=2)
    evidence = {check.name: check.evidence for check in report.checks}
    assert evidence["training steps"].startswith("after 2 steps alike")
    assert "made 2 steps alone" in evidence["clone keeps still"]
    with pytest.raises(ValueError, match="Let them make 1 or more"):
        helpers.audit(model, model, x, y, steps=0)


def test_an_alias_has_the_optimizer_of_its_original(keras):
    model, x, y = sequential(keras)
    check = next(c for c in helpers.audit(model, model, x, y).checks if c.name == "optimizer state")
    assert check.passed and "variables are equal, after" in check.evidence
    assert "there is none" not in str(helpers.audit(model, model, x, y))
