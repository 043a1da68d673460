"""What the recipes of notebook 07 say is true, and each runs alone after the first two cells, on both Keras versions.

Below, a function for each heading checks the facts that its text states, with what its cells have made.
"""

from __future__ import annotations

import ast
import builtins
import copy
import multiprocessing
import pickle
import subprocess
import sys
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


@fact("A target network")
def _(n):
    assert n.target is not n.reader and equal(n.target, n.reader) and not equal(n.known, n.target)
    before = n.target.get_weights()
    n.reader.fit(n.images, n.labels, verbose=0)
    assert equal(before, n.target) and not equal(n.target, n.reader)


@fact("An EMA teacher")
def _(n):
    assert not equal(n.teacher, n.reader)
    names = {id(each) for each in n.teacher.trainable_weights}
    assert id(n.teacher.get_layer("normal").moving_mean) not in names
    before, led = n.teacher.get_weights(), n.reader.get_weights()
    for slow, fast in zip(n.teacher.weights, n.reader.weights, strict=True):
        slow.assign(0.9 * slow + 0.1 * fast)
    for new, old, goal in zip(n.teacher.get_weights(), before, led, strict=True):
        np.testing.assert_allclose(new, 0.9 * old + 0.1 * goal, rtol=1e-4, atol=1e-5)
    assert n.keras.optimizers.Adam(use_ema=True).use_ema


@fact("Cross-validation")
def _(n):
    assert equal(n.start, n.model) and int(n.model.optimizer.iterations) > 0
    slots = [each for each in n.model.optimizer.variables if tuple(each.shape) == tuple(n.model.weights[0].shape)]
    assert slots and all(np.any(np.asarray(each)) for each in slots)  # Adam remembers the last fold
    again = n.keras.models.clone_model(n.reader)
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
    copied = n.keras.models.clone_model(n.reader)
    if n.keras.__name__ == "keras":
        copied.name = "other"
        inputs = n.keras.Input((8, 8, 1))
        assert n.keras.Model(inputs, [n.reader(inputs), copied(inputs)]).layers[-1].name == "other"
    else:
        with pytest.raises(AttributeError, match="name"):
            copied.name = "other"


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


@fact("Some layers in another model")
def _(n):
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


@fact("A vocabulary")
def _(n):
    assert len(n.words.get_vocabulary()) == 7
    lost = n.keras.models.clone_model(n.model)
    assert len(lost.layers[0].get_vocabulary()) == 2
    assert not n.words.get_config().get("vocabulary")
    assert n.loaded.layers[0].get_vocabulary() == n.words.get_vocabulary()
    assert equal(n.copied, n.model)


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


@fact("Two classes under one name")
def _(n):
    assert float(n.loaded(n.one)[0, 0]) == float(n.told(n.one)[0, 0]) == 3.0
    assert float(n.doubled(n.one)[0, 0]) == 2.0
    assert "recipes07>Scale" not in n.keras.saving.get_custom_objects()


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


@fact("A quantized model in a file")
def _(n):
    import tf_keras

    (layer,) = n.quantized.layers
    assert str(layer._kernel.dtype) == str(n.loaded.layers[0]._kernel.dtype) == "int8"
    assert np.array_equal(n.loaded.layers[0]._kernel, layer._kernel)
    assert [each.name for each in n.quantized.trainable_weights] == ["bias"]
    assert not hasattr(tf_keras.Model, "quantize")


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
