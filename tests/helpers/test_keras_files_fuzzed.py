"""Configs that were changed at random: each is refused, or loaded with nothing run, within the bounds.

The quick run tries a few hundred files; `--fuzz=5000` tries as many as it says.
"""

from __future__ import annotations

import copy
import io
import json
import random
import sys
import zipfile

import numpy as np
import pytest

from helpers import keras_files
from helpers.keras_files import Refusal, child, process

MODULE = "a_module_of_a_stranger"
NAMES = [
    *(
        "Dense",
        "Lambda",
        "Functional",
        "Sequential",
        "Model",
        "Layer",
        "TFOpLambda",
        "TFSMLayer",
        "Thing",
        "leave_a_trace",
    ),
    *("system", "exec", "load_model", "get_file", "deserialize", "function", "__lambda__", "__tensor__", "__numpy__"),
    *(
        "__keras_tensor__",
        "__typespec__",
        "__slice__",
        "__bytes__",
        "__ellipsis__",
        "Switch",
        "Scan",
        "Map",
        "Add",
        "Mean",
    ),
    *(
        "MeanMetricWrapper",
        "Bidirectional",
        "TimeDistributed",
        "RNN",
        "StringLookup",
        "Orthogonal",
        "relu",
        "mse",
        "Adam",
    ),
    *("DTypePolicy", "TensorSpec", "ClassMethod", "DenseFeatures", "RandomFourierFeatures", "DistributionLambda"),
]
MODULES = [
    *(
        MODULE,
        "os",
        "builtins",
        "subprocess",
        "keras",
        "tf_keras",
        "keras.layers",
        "keras.models",
        "keras.utils",
        None,
        "",
    ),
    *(
        "keras.src.ops.core",
        "keras.src.ops.numpy",
        "keras.src.layers.core.lambda_layer",
        "tf_keras.src.layers",
        "__main__",
    ),
    *("tensorflow.python.keras.layers", "tensorflow.python.keras.layers.core", "tensorflow.python.framework.tensor"),
    *(
        "keras.losses",
        "keras.initializers",
        "keras.src.saving.serialization_lib",
        "helpers.keras_files.child",
        "pickle",
    ),
]
VALUES = [None, True, 0, -1, 3, 10**12, 1e308, "", "relu", "leave_a_trace", "../secret", [], {}, [[]], "x" * 1000]


def models(keras):
    """A few models whose configs have most of what configs can have."""
    inputs = keras.Input((6,), name="inputs")
    x = keras.layers.Dense(4, activation="relu", kernel_regularizer="l2")(inputs)
    x = keras.layers.BatchNormalization()(x) * 2.0 + 1.0
    x = keras.layers.Dropout(0.5)(keras.layers.Concatenate()([x, inputs]))
    functional = keras.Model(inputs, [keras.layers.Dense(2, name="a")(x), keras.layers.Dense(1, name="b")(x)])
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    losses = [keras.losses.mean_squared_error, keras.losses.Huber()]
    functional.compile(keras.optimizers.Adam(schedule), losses, metrics=[["mae"], [keras.metrics.MeanSquaredError()]])
    words = keras.layers.StringLookup(vocabulary=["cat", "dog"])
    cell = keras.layers.LSTM(3, recurrent_initializer="orthogonal", kernel_constraint=keras.constraints.MaxNorm(2))
    wrapped = keras.layers.Bidirectional(keras.layers.GRU(2, return_sequences=True))
    recurrent = keras.Sequential(
        [keras.layers.Input((5, 2)), wrapped, keras.layers.TimeDistributed(functional_part(keras)), cell]
    )
    recurrent.compile("sgd", "mse")
    text = keras.Sequential([keras.layers.Input((1,), dtype="string"), words, keras.layers.Embedding(4, 2)])
    return functional, recurrent, text


def functional_part(keras):
    return keras.Sequential([keras.layers.Dense(2), keras.layers.Rescaling(0.5)])


def nodes(value, path=()):
    """Yield every dictionary and list in a config."""
    if isinstance(value, (dict, list)):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from nodes(item)


def mutate(config, rng):
    """Change a config in one or two places: with more, nearly every one is refused for the first."""
    for _ in range(rng.randint(1, 2)):
        every = list(nodes(config))
        objects = [node for node in every if isinstance(node, dict) and "class_name" in node]
        node = rng.choice(objects)
        change = rng.choice([0, 1, 2, 3, 4, 4, 4, 5, 5, 5, 5, 5, 6, 7, 8])
        if change == 0:
            node["class_name"] = rng.choice(NAMES)
        elif change == 1:
            node["module"] = rng.choice(MODULES)
        elif change == 2:
            node["registered_name"] = rng.choice([*NAMES, None])
        elif change == 3:
            node.update(
                class_name=rng.choice(NAMES), module=rng.choice(MODULES), registered_name=rng.choice([*NAMES, None])
            )
        elif change == 4:  # a part of the config where it does not belong
            place = rng.choice([each for each in every if each])
            key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
            place[key] = copy.deepcopy(rng.choice([node, *(rng.choice(every) for _ in range(2))]))
        elif change == 5 and isinstance(node.get("config"), dict) and node["config"]:
            node["config"][rng.choice(list(node["config"]))] = rng.choice(VALUES)
        elif change == 6 and isinstance(node.get("config"), dict):
            function = {"module": rng.choice(MODULES), "class_name": "function", "config": rng.choice(NAMES)}
            keys = [
                "activation",
                "fn",
                "function",
                "kernel_initializer",
                "arguments",
                "standardize",
                "loss",
                "layer",
                "cell",
            ]
            node["config"][rng.choice(keys)] = {**function, "registered_name": rng.choice(["function", *NAMES])}
        elif change == 7:
            node.pop(rng.choice(list(node)))
        else:
            node["config"] = rng.choice(VALUES)


def packed(held, config):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, json.dumps(config) if name == "config.json" else data)
    return buffer.getvalue()


@pytest.fixture
def strangers_module(tmp_path, monkeypatch):
    """A module that leaves a trace when it is imported, on the path of this process and of the one that tries files."""
    trace = tmp_path / "trace"
    (tmp_path / f"{MODULE}.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    process.end_kept()
    yield trace
    process.end_kept()
    assert not trace.exists() and MODULE not in sys.modules


def leave_a_trace(*arguments, **more):
    pytest.fail("a function of the reader was called")


def test_a_config_changed_at_random_is_refused_or_runs_nothing(keras, tmp_path, strangers_module, request):
    count = request.config.getoption("--fuzz")
    rng = random.Random(keras.__name__)
    known = {"leave_a_trace": leave_a_trace}
    bases = []
    for model in models(keras):
        model.save(tmp_path / "model.keras")
        with zipfile.ZipFile(tmp_path / "model.keras") as archive:
            bases.append({name: archive.read(name) for name in archive.namelist()})
    seen = {"refused at sight": 0, "refused while loading": 0, "loaded": 0}
    to_load = []
    for _ in range(count):
        held = rng.choice(bases)
        config = json.loads(held["config.json"])
        mutate(config, rng)
        content = packed(held, config)
        try:
            child.inspect("model.keras", content, {keras.__name__: {"leave_a_trace": "function"}}, {})
            to_load.append(content)
        except Refusal as refusal:
            assert str(refusal).endswith(".") and len(str(refusal)) < 600
            seen["refused at sight"] += 1
        assert MODULE not in sys.modules
    # Loading takes a hundred times as long as a look.
    for content in rng.sample(to_load, min(len(to_load), max(10, count // 20))):
        try:
            keras_files.load("model.keras", content, known)
            seen["loaded"] += 1
        except Refusal as refusal:
            assert "does more than compute" not in str(refusal), "the second guard had to stop it"
            seen["refused while loading"] += 1
        assert not strangers_module.exists()
    print(f"\n{keras.__name__}: {count} files, {len(to_load)} passed the look; {seen}")
    assert seen["refused at sight"] > count / 4 and seen["loaded"] > 0


def test_the_models_that_are_changed_can_be_loaded_as_they_are(keras, tmp_path):
    for model in models(keras):
        model.save(tmp_path / "model.keras")
        loaded = keras_files.load_file(tmp_path / "model.keras")
        assert [np.shape(weight) for weight in loaded.get_weights()] == [
            np.shape(weight) for weight in model.get_weights()
        ]
