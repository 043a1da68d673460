"""The definition of a model, its source, and the resulting model."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys

import numpy as np
import pytest

from workbook.labs.framework import program
from workbook.labs.layer import spec as definitions
from workbook.labs.layer.spec import ACTIVATIONS, GENERATIONS, LAYER_KINDS, OPTIMIZERS, STYLES, Definition, LayerSpec

IMAGES = np.random.default_rng(0).random((3, *definitions.IMAGE_SHAPE)).astype("float32")


def some_definitions(number):
    """Yield random lists of layers, with each style and Keras version in turn."""
    dice = random.Random(7)
    ways = [way for way in itertools.product(STYLES, GENERATIONS) if way != ("layers_in_call", "keras")]
    for index in range(number):
        style, generation = ways[index % len(ways)]
        layers = []
        for _ in range(dice.randint(0, 4)):
            name = dice.choice([kind for kind in LAYER_KINDS if kind != "LSTM"])
            kind = LAYER_KINDS[name]
            layers.append(LayerSpec(name, dice.randint(kind.smallest, kind.largest), dice.choice(ACTIVATIONS)))
        yield Definition(tuple(layers), style, generation, dice.choice(list(OPTIMIZERS)), dice.randint(0, 99))


@pytest.mark.parametrize("definition", list(some_definitions(27)), ids=str)
def test_any_list_of_layers_gives_a_model_for_digits(definition):
    model = definitions.build(definition)
    assert model(IMAGES).shape == (3, definitions.CLASSES)
    assert type(model).__mro__[-1] is object and model.optimizer is not None
    assert f"{definition.generation}." in "".join(base.__module__ + "." for base in type(model).__mro__)


@pytest.mark.parametrize("kinds", [*itertools.permutations(["Conv2D", "LSTM", "Dense"])], ids="-".join)
def test_layers_that_want_other_shapes_follow_each_other_in_any_order(kinds):
    definition = Definition(tuple(LayerSpec(kind, 4) for kind in kinds), "sequential")
    assert definitions.build(definition)(IMAGES).shape == (3, definitions.CLASSES)


@pytest.mark.parametrize("definition", [*some_definitions(9), Definition(), Definition(style="functional")], ids=str)
def test_the_source_when_run_gives_that_very_model(definition):
    built = definitions.build(definition)
    namespace = {"__name__": "copied_by_a_reader"}
    exec(definitions.source(definition), namespace)
    copied = namespace["model"]
    assert len(built.weights) == len(copied.weights)
    for mine, theirs in zip(built.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(np.asarray(built(IMAGES)), np.asarray(copied(IMAGES)))
    mine, theirs = (dict(model.optimizer.get_config(), name="") for model in (built, copied))  # Keras numbers the names
    assert mine == theirs


@pytest.mark.slow
def test_the_source_is_a_program_of_its_own(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(definitions.source(Definition()) + "print(model.count_params())\n")
    run = subprocess.run([sys.executable, path], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert run.stdout.split()[-1] == str(definitions.build(Definition()).count_params())


@pytest.mark.parametrize("style", STYLES)
def test_the_source_is_well_formed(style, tmp_path):
    layers = tuple(LayerSpec(kind) for kind in [*LAYER_KINDS, "Dense", "Linear"])
    path = tmp_path / "model.py"
    path.write_text(definitions.source(Definition(layers, style)))
    rules = ["--isolated", "--line-length=120"]
    subprocess.run([sys.executable, "-m", "ruff", "check", *rules, "--select=E,F,W,I", path], check=True)
    subprocess.run([sys.executable, "-m", "ruff", "format", *rules, "--check", path], check=True)


def test_another_seed_gives_other_weights_and_the_same_seed_the_same():
    first, same, other = (definitions.build(Definition(seed=seed)).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_the_class_without_get_config_falls_back_on_its_default_size():
    import keras

    model = definitions.build(Definition((LayerSpec("Dense", 24),), "subclassed_without_config"))
    clone = keras.models.clone_model(model)
    clone(IMAGES)
    assert (model.dense_1.units, clone.dense_1.units) == (24, LAYER_KINDS["Dense"].size)


def test_layers_made_in_call_work_on_one_keras_only():
    with pytest.raises(ValueError, match="cannot add new elements of state"):
        definitions.build(Definition(style="layers_in_call"))
    assert definitions.build(Definition(style="layers_in_call", generation="tf_keras")).weights


def test_settings_that_a_kind_does_not_have_are_dropped():
    assert LayerSpec("BatchNormalization", 9, "relu") == LayerSpec("BatchNormalization")
    assert LayerSpec("Dropout", 20, "relu").activation is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: LayerSpec("Dance"),
        lambda: LayerSpec("Dense", 0),
        lambda: LayerSpec("Dense", 4, "magic"),
        lambda: Definition(style="poetic"),
        lambda: Definition(generation="theano"),
        lambda: Definition(optimizer="luck"),
    ],
)
def test_what_is_unknown_is_refused(make):
    with pytest.raises(ValueError):
        make()


def test_few_modules_are_kept():
    for seed in range(40):
        definitions.build(Definition((), "sequential", seed=seed))
    assert len([name for name in sys.modules if name.startswith(program.MODULE)]) <= 33
