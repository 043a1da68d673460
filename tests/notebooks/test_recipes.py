"""What the recipes of notebook 07 say is true, and each runs alone after the first two cells, on both Keras versions.

Below, a function for each heading checks the facts that its text states, with what its cells have made.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import copy
import multiprocessing
import pickle
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import nbformat
import numpy as np
import pytest
import tensorflow as tf
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell

import helpers
from workbook import both

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "07_recipes.ipynb"


def _recipes():
    """Return the sources of the code cells by heading; those of the set-up have none."""
    found, heading = {}, None
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.source.startswith("## "):
            heading = cell.source.splitlines()[0].removeprefix("## ")
        elif cell.cell_type == "code":
            found.setdefault(heading, []).append(cell.source)
    return found


RECIPES = _recipes()
SET_UP = RECIPES.pop(None)
FACTS = {}


def fact(heading):
    """Register a function that checks what a recipe states: it gets the names of one Keras version."""

    def register(function):
        FACTS[heading] = function
        return function

    return register


def _on_both(heading):
    return any(source.startswith("%both") for source in RECIPES[heading])


def equal(one, other):
    """Whether two models have equal weights, or two lists of arrays are equal."""
    one, other = (each.get_weights() if hasattr(each, "get_weights") else each for each in (one, other))
    return len(one) == len(other) and all(map(np.array_equal, one, other))


@pytest.fixture(scope="module")
def shell(packages):
    """A shell in which the first two cells have run."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    both.register(shell)
    with warnings.catch_warnings():
        for source in SET_UP:
            shell.run_cell(source).raise_error()
        yield shell
    InteractiveShell.clear_instance()


def names_of(shell):
    """Return the names that each Keras version sees."""
    shell.user_ns["seen"] = seen = []
    shell.run_cell("%both\nseen.append(dict(globals()))").raise_error()
    return {"keras": SimpleNamespace(**seen[0]), "tf_keras": SimpleNamespace(**seen[1])}


def test_every_recipe_has_its_facts():
    assert list(FACTS) == list(RECIPES)


@pytest.mark.parametrize("heading", RECIPES)
def test_a_recipe_uses_only_its_own_names_and_those_of_the_first_two_cells(heading):
    known, used = set(dir(builtins)), set()
    for source in [*SET_UP, *RECIPES[heading]]:
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(source.removeprefix("%both\n")))):
            if isinstance(node, ast.Name):
                (used if isinstance(node.ctx, ast.Load) else known).add(node.id)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                known |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                known.add(node.name)
            elif isinstance(node, ast.arg):
                known.add(node.arg)
    assert used - known == set()


@pytest.mark.slow
@pytest.mark.parametrize("heading", RECIPES)
def test_a_recipe_is_true(shell, heading):
    for source in RECIPES[heading]:
        shell.run_cell(source).raise_error()
    for package, names in names_of(shell).items():
        if package == "keras" or _on_both(heading):
            FACTS[heading](names)


# -- what the set-up says about a model of one's own -------------------------------------------------------------------


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_layer_that_is_frozen_inside_a_layer_changes_the_order_of_weights_on_keras_2(packages, package):
    keras = packages[package]

    class Block(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first, self.second = keras.layers.Dense(2), keras.layers.Dense(2)

        def call(self, inputs):
            return self.second(self.first(inputs))

    model = keras.Sequential([keras.Input((2,)), Block()])
    ones = np.ones((1, 2), "float32")
    model.layers[0].first.trainable = False
    answers = []
    for copied, frozen in ((keras.models.clone_model(model), False), (keras.models.clone_model(model), True)):
        copied(ones)
        copied.layers[0].first.trainable = not frozen
        copied.set_weights(model.get_weights())
        answers.append(np.array_equal(copied(ones), model(ones)))
    assert answers == [package == "keras", True]
    cloned = helpers.clone(model)
    model.layers[0].second.kernel.assign(np.ones((2, 2)))
    cloned.set_weights(model.get_weights())
    assert np.array_equal(cloned(ones), model(ones))


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_clone_model_needs_to_know_a_loss_on_keras_3(packages, package):
    keras = packages[package]

    def own_loss(real, predicted):
        return tf.reduce_mean((real - predicted) ** 2, -1)

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.compile("adam", own_loss)
    if package == "keras":
        with pytest.raises(TypeError, match="own_loss"):
            keras.models.clone_model(model)
    known = keras.saving.register_keras_serializable("recipes07_test")(own_loss)
    model.compile("adam", known)
    copied = keras.models.clone_model(model)
    assert (getattr(copied, "loss", None) is known) == (package == "keras")
    keras.saving.get_custom_objects().pop("recipes07_test>own_loss")


# -- a function for each heading ---------------------------------------------------------------------------------------


@fact("A target network")
def _(n):
    assert n.target is not n.reader and equal(n.target, n.reader) and not equal(n.known, n.target)
    before = n.target.get_weights()
    n.reader.fit(n.images, n.labels, verbose=0)
    assert equal(before, n.target) and not equal(n.target, n.reader)
    adapted = n.keras.layers.Normalization()
    adapted.adapt(np.arange(8.0).reshape(4, 2))
    model = n.keras.Sequential([n.keras.Input((2,)), adapted, n.keras.layers.Dense(2)])
    cloned, ones = helpers.clone(model), np.ones((1, 2), "float32")
    model.layers[1].kernel.assign(np.ones((2, 2)))
    cloned.set_weights(model.get_weights())
    assert np.array_equal(cloned(ones), model(ones))


@fact("An EMA teacher")
def _(n):
    assert all(n.close) and not equal(n.teacher, n.reader)
    names = {id(each) for each in n.teacher.trainable_weights}
    assert id(n.teacher.get_layer("normal").moving_mean) not in names
    expected = n.teacher.get_weights()

    def follow(batch, logs):
        expected[:] = [0.9 * old + 0.1 * new for old, new in zip(expected, n.reader.get_weights(), strict=True)]

    n.reader.fit(
        *(n.images, n.labels),
        callbacks=[n.Follow(n.teacher), n.keras.callbacks.LambdaCallback(on_train_batch_end=follow)],
        verbose=0,
    )
    for new, goal in zip(n.teacher.get_weights(), expected, strict=True):
        np.testing.assert_allclose(new, goal, rtol=1e-4, atol=1e-5)
    count = n.keras.layers.Normalization()
    count.adapt(np.ones((2, 2)))
    with contextlib.nullcontext() if n.keras.__name__ == "keras" else pytest.raises(TypeError, match="int64"):
        count.weights[-1].assign(0.9 * count.weights[-1])
    assert hasattr(n.keras.callbacks, "SwapEMAWeights") == (n.keras.__name__ == "keras")


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_an_average_by_the_optimizer_is_one_of_trainable_weights(packages, package):
    keras = packages[package]
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5), "mse")
    last = []
    keep = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: last.append(model.get_weights()))
    model.fit(np.arange(8.0).reshape(4, 2), np.ones((4, 1)), batch_size=2, callbacks=[keep], verbose=0)
    kept = [np.array_equal(old, new) for old, new in zip(last[-1], model.get_weights(), strict=True)]
    statistics = [weight is each for weight in model.weights for each in model.non_trainable_weights]
    assert sum(kept) == 2 == sum(statistics) and kept[2] and kept[3]


@fact("Cross-validation")
def _(n):
    assert equal(n.start, n.model) and int(n.model.optimizer.iterations) > 0
    slots = [each for each in n.model.optimizer.variables if tuple(each.shape) == tuple(n.model.weights[0].shape)]
    assert slots and all(np.any(np.asarray(each)) for each in slots)  # Adam remembers the last fold
    lowered = helpers.clone(n.reader)
    lowered.compile(n.keras.optimizers.Adam(0.5), n.loss)
    lowered.optimizer.learning_rate = 0.25
    again = n.keras.models.clone_model(n.reader)
    again.compile_from_config(lowered.get_compile_config())
    assert float(again.optimizer.learning_rate) == 0.25
    again.compile_from_config(n.reader.get_compile_config())
    assert int(again.optimizer.iterations) == 0 and type(again.optimizer) is type(n.reader.optimizer)


@fact("An ensemble")
def _(n):
    assert equal(n.first, n.second)
    fresh = [n.keras.models.clone_model(n.reader) for _ in range(2)]
    assert not np.array_equal(*(each.weights[0] for each in fresh))
    assert equal(helpers.clone(n.reader), n.reader)


@fact("Model and clone in one model")
def _(n):
    first, second = n.both(n.images)
    assert np.array_equal(first, second)
    copied = type(n.reader).from_config({**n.reader.get_config(), "name": "other"})
    copied.set_weights(n.reader.get_weights())
    inputs = n.keras.Input((8, 8, 1))
    both = n.keras.Model(inputs, [n.reader(inputs), copied(inputs)])
    assert both.layers[-1].name == "other" and np.array_equal(*both(n.images))

    class Both(n.keras.Model):  # not a functional model
        def __init__(self, *parts):
            super().__init__()
            self.first, self.second = parts

        def call(self, inputs):
            return self.first(inputs), self.second(inputs)

    assert np.array_equal(*Both(n.reader, helpers.clone(n.reader))(n.images))


@fact("A frozen base")
def _(n):
    assert n.base.trainable and equal(n.known[-2:], n.statistics) and not np.array_equal(n.known[0], n.hidden)
    for cloned in (True, False):  # and now without keeping the statistics, and then sharing the base
        base = n.keras.Model(n.reader.inputs, n.reader.get_layer("normal").output)
        base = helpers.clone(base) if cloned else base
        inputs = n.keras.Input((8, 8, 1))
        tuned = n.keras.Model(inputs, n.keras.layers.Dense(2)(base(inputs, training=False)))
        tuned.compile("adam", n.loss)
        original, known = n.reader.get_weights(), base.get_layer("normal").get_weights()[2:]
        tuned.fit(n.images, n.labels % 2, verbose=0)
        assert equal(original, n.reader) == cloned
        assert equal(known, base.get_layer("normal").get_weights()[2:]) == (n.keras.__name__ == "tf_keras")

    class Tuned(n.keras.Model):  # not a functional model
        def __init__(self):
            super().__init__()
            self.normal, self.head = n.keras.layers.BatchNormalization(), n.keras.layers.Dense(2)

        def call(self, inputs, training=False):
            return self.head(self.normal(inputs, training=False))

    tuned = Tuned()
    tuned.compile("adam", n.loss)
    tuned.fit(n.images.reshape(-1, 64), n.labels % 2, verbose=0)
    assert not np.any(tuned.normal.moving_mean)


@fact("A GAN")
def _(n):
    copied = helpers.clone(n.parts)
    drawn, original = copied["generator"].get_weights(), n.generator.get_weights()
    copied["both"].compile("sgd", "mse")
    copied["both"].fit(n.noise, np.ones((len(n.noise), 1)), verbose=0)
    assert not equal(drawn, copied["generator"]) and equal(original, n.generator)
    assert int(n.copied.critic_optimizer.iterations) == int(n.gan.critic_optimizer.iterations) > 0
    assert n.copied.critic_optimizer is not n.gan.critic_optimizer
    assert helpers.audit(n.gan, n.copied, n.noise, train_batch=n.images[:32]).ok
    n.gan.fit(n.images[:40], verbose=0)  # the last batch is smaller


@fact("Gradients through a copy")
def _(n):
    import tf_keras

    assert all(np.any(step) for step in n.through_tensors) and n.through_clone == [None, None]
    assert not hasattr(tf_keras.Model, "stateless_call")
    inner = tf_keras.Sequential([tf_keras.Input((64,)), tf_keras.layers.Dense(10)])
    copied = helpers.clone(inner)
    with tf.GradientTape() as tape:
        copied.layers[0].kernel = 2 * inner.layers[0].kernel
        value = tf.reduce_sum(copied(n.pixels))
    assert np.any(tape.gradient(value, inner.layers[0].kernel))


@fact("A clone for each request")
def _(n):
    assert len(n.alive) == 0 and n.reader.predict_function is not None
    clones, before = [helpers.clone(n.reader) for _ in range(2)], n.reader.get_weights()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: each.fit(n.images, n.labels, verbose=0), clones))
    assert equal(before, n.reader) and not any(equal(before, each) for each in clones)
    remembers = n.keras.Sequential([n.keras.layers.LSTM(2, stateful=True)])
    series = np.ones((1, 2, 2), "float32")
    assert not np.array_equal(remembers(series), remembers(series))


@fact("Some layers in another model")
def _(n):
    assert not helpers.clone(n.keras.layers.Dense(2)).built
    assert all(n.equal) and n.features.layers[-1].name == "hidden"
    assert np.array_equal(n.features.layers[-1].kernel, n.hidden.kernel)
    second = n.keras.Sequential([n.keras.Input((64,)), n.hidden])
    second.compile("sgd", "mse")
    before = n.reader.get_weights()
    second.fit(n.images.reshape(-1, 64), np.ones((len(n.images), 24)), verbose=0)
    assert not equal(before, n.reader)
    assert not np.array_equal(n.cloned.kernel, n.hidden.kernel)


@fact("Weights for another head")
def _(n):
    assert equal(n.wider.get_layer("hidden"), n.reader.get_layer("hidden"))
    assert n.wider.get_layer("head").kernel.shape == (24, 12)
    assert np.array_equal(n.another.kernel, n.hidden.kernel)
    with tempfile.TemporaryDirectory() as folder, pytest.warns(UserWarning, match="ould not") as caught:
        n.reader.save_weights(f"{folder}/reader.weights.h5")
        n.stranger.load_weights(f"{folder}/reader.weights.h5", skip_mismatch=True)
    words = next(str(each.message) for each in caught if "ould not" in str(each.message))
    assert ("value=[[" in words) == (n.keras.__name__ == "keras")


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_new_model_without_weights_is_not_passed_over_in_silence(packages, package, capsys):
    keras = packages[package]
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(24, name="hidden")]
    source = RECIPES["Weights for another head"][0].removeprefix("%both\n")
    exec(source.replace("keras.Input((8, 8, 1)),", ""), {"keras": keras, "reader": keras.Sequential(layers)})
    assert capsys.readouterr().out == "hidden starts fresh\n"


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_by_name_works_with_old_files_only(packages, package, tmp_path):
    keras = packages[package]
    names = ("one", "one", "another")
    one, same, other = (keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name=name)]) for name in names)
    one.save_weights(tmp_path / "new.weights.h5")
    if package == "keras":
        with pytest.raises(ValueError, match="by_name"):
            same.load_weights(tmp_path / "new.weights.h5", by_name=True)
    else:
        other.load_weights(tmp_path / "new.weights.h5", by_name=True)
        assert equal(one, other)
    one.save(tmp_path / "old.h5")
    before = other.get_weights()
    for each in (same, other):
        each.load_weights(tmp_path / "old.h5", by_name=True)
    assert equal(one, same) and equal(before, other)


@fact("An optimizer or a metric alone")
def _(n):
    assert equal([np.asarray(each) for each in n.optimizer.variables], [np.asarray(each) for each in n.old.variables])
    before = n.reader.get_weights()
    n.optimizer.apply_gradients([(tf.ones_like(each), each) for each in n.copied.trainable_variables])
    assert int(n.optimizer.iterations) == int(n.old.iterations) + 1 and equal(before, n.reader)
    with pytest.raises(TypeError, match="Clone the model that was compiled with it"):
        helpers.clone(n.old)
    assert int(helpers.clone(n.reader).optimizer.iterations) == int(n.old.iterations)
    excluding = n.keras.optimizers.AdamW(0.1, weight_decay=0.5)
    excluding.exclude_from_weight_decay(var_names=["kernel"])
    again, model = type(excluding).from_config(excluding.get_config()), helpers.clone(n.copied)
    for each in (excluding, again):
        each.build(model.trainable_variables)
    kernel = model.trainable_variables[0]
    assert [each._use_weight_decay(kernel) for each in (excluding, again)] == [False, True]
    assert n.keras.metrics.F1Score().variables == []
    nadam = n.keras.optimizers.Nadam()
    nadam.build(model.trainable_variables)
    kept = any(each is nadam._u_product for each in nadam.variables)
    assert kept == (n.keras.__name__ == "keras")


@fact("A vocabulary")
def _(n):
    assert len(n.words.get_vocabulary()) == 7 and not n.words.get_config().get("vocabulary")
    assert n.loaded.layers[0].get_vocabulary() == n.words.get_vocabulary()
    assert np.allclose(n.copied.get_weights()[0], n.scale.get_weights()[0])
    assert np.allclose(n.copied(n.pixels), n.model(n.pixels), atol=1e-5)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_set_weights_sets_a_vocabulary_on_keras_2_only(packages, package):
    keras = packages[package]
    words = keras.layers.TextVectorization()
    words.adapt(["the cat sat"])
    model = keras.Sequential([words, keras.layers.Embedding(9, 2)])
    model(tf.constant([["cat"]]))
    copied = keras.models.clone_model(model)
    copied.layers[1].build((None, 1))
    copied.set_weights(model.get_weights())
    assert (copied.layers[0].get_vocabulary() == words.get_vocabulary()) == (package == "tf_keras")


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_vocabulary_of_tf_idf_needs_its_weights(packages, package):
    layers = packages[package].layers
    words, again = (layers.TextVectorization(output_mode="tf_idf") for _ in range(2))
    words.adapt(["the cat sat"])
    with pytest.raises(ValueError, match="idf_weights"):
        again.set_vocabulary(words.get_vocabulary())


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_file_of_keras_2_loses_the_borders_of_discretization(packages, package, tmp_path):
    keras = packages[package]
    x = np.arange(8, dtype="float32").reshape(4, 2)
    borders = keras.layers.Discretization(num_bins=3)
    borders.adapt(x)
    model = keras.Sequential([keras.Input((2,)), borders])
    model.save(tmp_path / "borders.keras")
    loaded = keras.models.load_model(tmp_path / "borders.keras")
    assert np.array_equal(loaded(x), model(x)) == (package == "keras")
    assert np.array_equal(helpers.clone(model)(x), model(x))


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_file_of_weights_has_no_vocabulary(packages, package, tmp_path):
    keras = packages[package]
    words = keras.layers.TextVectorization()
    words.adapt(["the cat sat"])
    model = keras.Sequential([words, keras.layers.Embedding(9, 2)])
    model(tf.constant([["cat"]]))
    model.save_weights(tmp_path / "words.weights.h5")
    copied = keras.models.clone_model(model)
    copied.layers[1].build((None, 1))
    copied.load_weights(tmp_path / "words.weights.h5")
    assert equal(copied.layers[1], model.layers[1])
    assert len(copied.layers[0].get_vocabulary()) == 2 < len(words.get_vocabulary())


@fact("Point network and Bayesian network")
def _(n):
    dense, flipout = n.point.layers[-1], n.bayesian.layers[-1]
    assert np.array_equal(flipout.kernel_posterior.mean(), dense.kernel) and equal(n.back, n.point)
    assert np.array_equal(flipout.bias_posterior.mean(), dense.bias)
    fresh = n.tfp.layers.DenseFlipout(10)
    fresh.build((None, 64))
    spreads = [float(np.mean(each.kernel_posterior.stddev())) for each in (flipout, fresh)]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.05)
    with pytest.raises(ValueError, match="Only instances of"):
        n.keras.Sequential([n.tfp.layers.DenseFlipout(10)])


@fact("Resume after a crash")
def _(n):
    assert n.lost == ["other state", "outputs in training mode", "training steps"]
    assert helpers.audit(n.reader, n.resumed, n.images[:64], n.labels[:64]).ok
    assert len(n.seeds) == len(n.states) == 1


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("by_name", [True, False])
def test_a_lowered_rate_is_in_the_file_unless_keras_2_compiled_with_a_name(packages, package, by_name, tmp_path):
    keras = packages[package]
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd" if by_name else keras.optimizers.SGD(0.01), "mse")
    model.optimizer.learning_rate = 0.25
    model.save(tmp_path / "model.keras")
    rate = float(keras.models.load_model(tmp_path / "model.keras").optimizer.learning_rate)
    assert (rate == 0.25) == (package == "keras" or not by_name)
    assert float(helpers.clone(model).optimizer.learning_rate) == 0.25


def test_on_keras_2_the_random_state_of_dropout_is_not_in_the_model(packages):
    layer = packages["tf_keras"].layers.Dropout(0.5)
    layer(np.ones((1, 2)), training=True)
    assert layer.variables == []


@fact("Callbacks when resuming")
def _(n):
    assert n.kept["wait"] == 1 and n.plateau.wait == 0  # the second epoch without progress: the rate was lowered
    assert float(n.model.optimizer.learning_rate) == pytest.approx(0.005)
    stopping = n.keras.callbacks.EarlyStopping("loss", patience=9, min_delta=9)
    waits = []
    for first in (0, 2):
        n.model.fit(n.images, n.labels, initial_epoch=first, epochs=first + 2, callbacks=[stopping], verbose=0)
        waits.append(stopping.wait)
    assert waits == [1, 1]


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_best_weights_are_put_back_only_if_they_were_kept(packages, package):
    keras = packages[package]
    by_epoch, found = {}, []

    class Epoch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["judged"] = float(epoch > 0)  # the first epoch was the best
            by_epoch[epoch] = self.model.get_weights()

    for names in (("best", "wait"), ("best", "wait", "best_weights", "best_epoch")):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        stopping = keras.callbacks.EarlyStopping("judged", mode="min", patience=3, restore_best_weights=True)
        data = np.ones((4, 2)), 9 * np.ones((4, 1))
        model.fit(*data, epochs=2, callbacks=[Epoch(), stopping], verbose=0)
        kept = {name: getattr(stopping, name) for name in names}
        put_back = keras.callbacks.LambdaCallback(on_train_begin=lambda logs, of=stopping, k=kept: vars(of).update(k))
        model.fit(*data, initial_epoch=2, epochs=9, callbacks=[Epoch(), stopping, put_back], verbose=0)
        assert stopping.stopped_epoch == 3
        found.append(equal(model, by_epoch[0]))
    assert found == [False, True]


@fact("Two classes under one name")
def _(n):
    assert float(n.loaded(n.one)[0, 0]) == float(n.told(n.one)[0, 0]) == 3.0
    assert float(n.doubled(n.one)[0, 0]) == 2.0
    assert "recipes07>Scale" not in n.keras.saving.get_custom_objects()
    n.keras.saving.register_keras_serializable("recipes07")(n.Doubled)
    with tempfile.TemporaryDirectory() as folder:
        n.doubled.save(f"{folder}/doubled.keras")
        assert float(n.keras.models.load_model(f"{folder}/doubled.keras")(n.one)[0, 0]) == 2.0
    n.keras.saving.get_custom_objects().pop("recipes07>Scale")


@fact("LoRA in a file")
def _(n):
    import tf_keras

    assert equal(n.loaded, n.model) and np.any(n.dense.lora_kernel_b)
    cloned = helpers.clone(n.model).layers[-1]
    assert np.array_equal(cloned.lora_kernel_a, n.dense.lora_kernel_a)
    assert np.array_equal(cloned.lora_kernel_b, n.dense.lora_kernel_b)
    assert not hasattr(tf_keras.layers.Dense, "enable_lora")


def test_the_adapters_in_a_file_are_zero(packages, tmp_path):
    keras = packages["keras"]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    (dense,) = model.layers
    dense.enable_lora(2)
    dense.lora_kernel_b.assign(np.ones((2, 3)))
    kernel = np.asarray(dense._kernel)
    model.save(tmp_path / "lora.keras")
    loaded = keras.models.load_model(tmp_path / "lora.keras").layers[0]
    assert not np.any(loaded.lora_kernel_a) and not np.any(loaded.lora_kernel_b)
    assert not np.allclose(loaded._kernel, kernel) and np.allclose(loaded.kernel, dense.kernel, atol=1e-6)


@pytest.mark.parametrize(("kind", "forgets"), [("Dense", True), ("Embedding", True), ("EinsumDense", False)])
def test_a_file_forgets_the_scale_of_the_adapters_of_some_layers(packages, kind, forgets, tmp_path):
    keras = packages["keras"]
    makers = {"Dense": {"units": 3}, "Embedding": {"input_dim": 4, "output_dim": 3}}
    layer = getattr(keras.layers, kind)(**makers.get(kind, {"equation": "ab,bc->ac", "output_shape": 3}))
    model = keras.Sequential([keras.Input((4,)), layer])
    layer.enable_lora(2, lora_alpha=6)
    layer.lora_kernel_b.assign(np.ones((2, 3))) if kind != "Embedding" else layer.lora_embeddings_b.assign(
        np.ones((2, 3))
    )
    model.save(tmp_path / "lora.keras")
    loaded, x = keras.models.load_model(tmp_path / "lora.keras"), np.ones((1, 4), "float32")
    loaded.set_weights(model.get_weights())
    assert np.allclose(loaded(x), model(x), atol=1e-5) != forgets
    loaded.layers[0].lora_alpha = 6
    assert np.allclose(loaded(x), model(x), atol=1e-5)


@fact("A quantized model in a file")
def _(n):
    import tf_keras

    (layer,) = n.quantized.layers
    assert str(layer._kernel.dtype) == str(n.loaded.layers[0]._kernel.dtype) == "int8"
    assert np.array_equal(n.loaded.layers[0]._kernel, layer._kernel)
    assert [each.name for each in n.quantized.trainable_weights] == ["bias"]
    assert not hasattr(tf_keras.Model, "quantize")


def test_a_file_of_a_subclassed_model_that_was_quantized_does_not_load(packages, tmp_path):
    keras = packages["keras"]

    class Small(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(2)

        def call(self, inputs):
            return self.head(inputs)

    model, ones = Small(), np.ones((1, 3), "float32")
    model(ones)
    model.quantize("int8")
    model.save(tmp_path / "small.keras")
    with pytest.raises(ValueError, match="expected 2 variables"):
        keras.models.load_model(tmp_path / "small.keras", custom_objects={"Small": Small})
    assert np.array_equal(helpers.clone(model)(ones), model(ones))


def test_a_file_of_weights_goes_into_a_model_that_was_quantized_alike(packages, tmp_path):
    keras = packages["keras"]
    models = [keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]) for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in models:
            model.quantize("int8")
    models[0].save_weights(tmp_path / "small.weights.h5")
    models[1].load_weights(tmp_path / "small.weights.h5")
    assert equal(*models)


@fact("Serve a model")
def _(n):
    assert np.allclose(n.answers, n.reader(n.images), atol=1e-5) and not hasattr(n.served, "fit")


def test_a_model_of_keras_2_is_exported_without_verbose(packages, tmp_path):
    keras = packages["tf_keras"]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(TypeError, match="verbose"):
        model.export(str(tmp_path), verbose=False)
    model.export(str(tmp_path))
    ones = tf.ones((1, 3))
    assert np.allclose(tf.saved_model.load(str(tmp_path)).serve(ones), model(ones))


@fact("Pickle and joblib")
def _(n):
    lost = ["other state", "outputs in training mode", "training steps"] if n.keras.__name__ == "keras" else []
    for copied in (n.unpickled, copy.deepcopy(n.reader)):
        assert helpers.audit(n.reader, copied, n.images[:64], n.labels[:64]).failures == lost
    with pytest.raises(TypeError, match="Unregistered"):
        pickle.loads(cloudpickle.dumps(n.own))
    assert helpers.clone(n.own) is not n.own


@fact("Another process")
def _(n):
    assert n.done.stdout == "In the other process: [[0.5]]\n"


@pytest.mark.slow
def test_a_process_that_did_not_import_the_class_cannot_load_it(packages, tmp_path):
    (module,) = [
        node.value.value
        for node in ast.walk(ast.parse(RECIPES["Another process"][0]))
        if isinstance(node, ast.Assign) and node.targets[0].id == "module"
    ]
    (tmp_path / "halved.py").write_text(module.replace("Half", "Halved"))
    names = {}
    exec(module.replace("Half", "Halved"), names)
    keras = packages["keras"]
    keras.Sequential([keras.Input((1,)), names["Halved"]()]).save(tmp_path / "half.keras")
    keras.saving.get_custom_objects().pop("recipes07>Halved")
    program = "import keras; keras.models.load_model('half.keras')"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "Could not locate class 'Halved'" in done.stderr


@pytest.mark.slow  # starts a process for each Keras version
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_model_of_library_layers_may_be_an_argument_of_a_new_process(packages, package):
    keras = packages[package]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    ones = np.ones((4, 3), "float32")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        answers = pool.submit(model.predict, ones, verbose=0).result()
    np.testing.assert_allclose(answers, model(ones), rtol=1e-5, atol=1e-6)


@fact("Several devices")
def _(n):
    assert (
        n.inside.distribute_strategy is n.cloned.distribute_strategy is n.strategy is not n.outside.distribute_strategy
    )
    assert equal(n.cloned, n.spread) and not equal(n.inside, n.spread)
    with pytest.raises((RuntimeError, ValueError)), n.strategy.scope():
        n.outside.compile("adam", "mse")
        n.outside.fit(n.images.reshape(-1, 64), n.labels, verbose=0)


def test_keras_3_does_not_train_what_was_compiled_outside_the_scope(packages):
    keras, strategy = packages["keras"], tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(RuntimeError, match="Mixing different"):
        model.compile("adam", "mse")
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_loaded_model_has_the_strategy_of_the_scope(packages, package, tmp_path):
    keras, strategy = packages[package], tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.save(tmp_path / "model.keras")
        inside = keras.models.load_model(tmp_path / "model.keras")
    outside = keras.models.load_model(tmp_path / "model.keras")
    assert inside.distribute_strategy is strategy is not outside.distribute_strategy
