"""Files in the `.h5` format: what is loaded from one, and that nothing which could do harm is."""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from tiers import every, on_one_keras

from helpers.keras_files import Refusal, hdf5, load


def file_of(model):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        model.save(path)
        return path.read_bytes()


def plain(keras):
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2, "relu", name="dense")])
    model.compile("adam", keras.losses.MeanSquaredError(), metrics=["accuracy"])
    model.train_on_batch(np.ones((4, 6)), np.ones((4, 2)))
    return model


def changed(content, change):
    """The file, changed by a function of the HDF5 file and of the config of the model."""
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(file, config)
        file.attrs["model_config"] = json.dumps(config)
    return stream.getvalue()


def with_layer(content, **changes):
    return changed(content, lambda file, config: config["config"]["layers"][1].update(changes))


def with_training(content, **changes):
    def change(file, config):
        file.attrs["training_config"] = json.dumps({**json.loads(file.attrs["training_config"]), **changes})

    return changed(content, change)


def branched(keras):
    a = keras.Input((4,))
    inner = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.BatchNormalization()])
    b = keras.layers.Dropout(0.5)(inner(a))
    # An operator with a number is not read back by Keras 3 itself.
    c = b + 1.0 if keras.__name__ == "tf_keras" else keras.layers.Activation("relu")(b)
    return keras.Model(a, keras.layers.Concatenate()([c, keras.layers.Dense(2, keras.activations.tanh)(b)]))


def recurrent(keras):
    cell = keras.layers.GRU(2, kernel_regularizer=keras.regularizers.L2(0.1))
    model = keras.Sequential([keras.layers.Input((5, 3)), keras.layers.Bidirectional(cell), keras.layers.Dense(1)])
    loss = keras.losses.Huber(0.5)
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9), momentum=0.5), loss)
    return model


@pytest.mark.parametrize("make", every(3, [plain, branched, recurrent]), ids=lambda make: make.__name__)
def test_a_whole_model_is_loaded_into_the_keras_that_wrote_it(keras, make):
    model = make(keras)
    loaded = load("model.h5", file_of(model))
    assert type(loaded) is type(model)
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))
    x = np.ones((3, *model.inputs[0].shape[1:]), "float32")
    assert np.array_equal(loaded(x), model(x))
    assert (getattr(loaded, "optimizer", None) is None) == (getattr(model, "optimizer", None) is None)
    if make is plain:
        assert int(loaded.optimizer.iterations) == 1


def test_a_loss_that_keras_does_not_read_back_costs_the_compile_settings_alone(packages):
    keras = packages["keras"]
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    loaded = load("model.h5", file_of(model))
    assert not loaded.compiled and np.array_equal(loaded(np.ones((1, 6))), model(np.ones((1, 6))))


def test_a_file_as_tensorflow_2_0_wrote_it_is_loaded(packages):
    """There, initializers are named without modules too, and there is no compiled loss."""

    def change(file, config):
        for name in ("kernel_initializer", "bias_initializer"):
            each = config["config"]["layers"][1]["config"][name]
            config["config"]["layers"][1]["config"][name] = {key: each[key] for key in ("class_name", "config")}
        file.attrs["keras_version"] = "2.2.4-tf"
        del file.attrs["training_config"]

    model = plain(packages["tf_keras"])
    content = changed(file_of(model), change)
    assert all(map(np.array_equal, load("model.hdf5", content).get_weights(), model.get_weights()))
    assert "was written by Keras 2.2.4-tf. It holds the structure, the weights" in hdf5.holds("a.h5", content)
    assert "lacks the compile settings and the random state" in hdf5.holds("a.h5", content)


def test_ones_own_class_is_used_only_if_it_is_given(keras):
    class Scale(keras.layers.Layer):
        def call(self, inputs):
            return 2.0 * inputs

    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2), Scale()])
    content = file_of(model)
    with pytest.raises(Refusal, match="names the class Scale, which is not one of Keras's own"):
        load("model.h5", content)
    with pytest.raises(Refusal, match="would make your class Scale"):
        load("model.h5", content, withheld={"Scale": Scale})
    assert isinstance(load("model.h5", content, {"Scale": Scale}).layers[-1], Scale)


def test_the_code_of_a_lambda_never_runs(keras, tmp_path):
    proof = tmp_path / "ran"
    layer = keras.layers.Lambda(lambda x, path=str(proof): (open(path, "w").close(), x)[1])
    content = file_of(keras.Sequential([keras.layers.Input((2,)), layer]))
    proof.unlink(missing_ok=True)
    with pytest.raises(Refusal, match="Lambda layer or its code"):
        load("model.h5", content)
    assert not proof.exists()


def external(content):
    def change(file, config):
        file["model_weights/dense/elsewhere"] = h5py.ExternalLink("secret.h5", "kernel")

    return changed(content, change)


def without_a_name(content):
    return changed(content, lambda file, config: config["config"]["layers"][1]["config"].pop("name"))


def with_broken_config(content):
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        file.attrs["model_config"] = "{"
    return stream.getvalue()


BAD = {
    "a module to import": (lambda c: with_layer(c, module="antigravity"), "names the class antigravity.Dense"),
    "a class that reads files": (lambda c: with_layer(c, class_name="TFSMLayer"), "names the class TFSMLayer"),
    "a class that is none": (lambda c: with_layer(c, class_name="os.system"), "names the class os.system"),
    "a class of TensorFlow": (lambda c: with_layer(c, class_name="TensorFlowOpLayer"), "names the class TensorFlowOp"),
    "serialized code": (lambda c: with_layer(c, class_name="__lambda__"), "Lambda layer or its code"),
    "a strange key": (lambda c: with_layer(c, function="eval"), "names the class Dense"),
    "an activation of no list": (
        lambda c: with_layer(c, config={"name": "dense", "units": 2, "activation": "deserialize"}),
        "'deserialize' as its activation",
    ),
    "a loss of no list": (lambda c: with_training(c, loss="serialize_keras_object"), "as its loss"),
    "one loss among several": (lambda c: with_training(c, loss={"dense": ["deserialize"]}), "as its loss"),
    "a metric of no list": (lambda c: with_training(c, metrics=["accuracy", "get"]), "'get' as its metrics"),
    "a link to another file": (external, "takes weights from another file"),
    "a layer without a name": (without_a_name, "without a name"),
    "a config that is none": (with_broken_config, "is damaged"),
    "half of a file": (lambda c: c[: len(c) // 2], "is damaged"),
    "a file of another kind": (lambda c: b"PK" + c, "not an HDF5 file at all"),
    "an empty file": (lambda c: b"", "is empty"),
}


@pytest.mark.parametrize(
    ("keras", "bad"),
    on_one_keras((package, bad) for bad in BAD for package in ("keras", "tf_keras")),
    indirect=["keras"],
)
def test_what_could_do_harm_is_refused(keras, bad):
    change, reason = BAD[bad]
    modules = set(sys.modules)
    with pytest.raises(Refusal, match=reason) as refused:
        load("model.h5", change(file_of(plain(keras))))
    assert str(refused.value).endswith(".") and len(str(refused.value)) < 500
    assert "antigravity" not in set(sys.modules) - modules


def test_a_file_of_weights_alone_says_what_to_do_with_it(keras):
    model = plain(keras)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.weights.h5"
        model.save_weights(path)
        with pytest.raises(Refusal, match=r"no model: make the model by code .* call model.load_weights"):
            load("mine.weights.h5", path.read_bytes())
        other = plain(keras)
        other.load_weights(path)
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))
