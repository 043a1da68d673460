"""Files that would do harm: each is refused with the reason, and nothing of it ran or was read.

Every attack leaves a trace if it works: a module that writes a file when it is imported, a function that writes one
when it is called, a secret that shows up in the weights.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import marshal
import os
import pickle
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest

from helpers import keras_files
from helpers.keras_files import Refusal, allowed, child, process, refusal
from workbook.labs.own_model.run import OwnModelRun, OwnModelSettings, Upload, load

MODULE = "a_module_that_nobody_imported"
SECRET = 4711.0


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """A module to import and files to read for an attack, where this process and the one that tries files are."""
    folder = tmp_path_factory.mktemp("attacked")
    code = "open('trace', 'w').close()\n\n\nclass Thing:\n    from_config = _deserialize = classmethod(dict)\n"
    (folder / f"{MODULE}.py").write_text(code)
    np.full(12, SECRET, "float32").tofile(folder / "secret.bin")
    with h5py.File(folder / "secret.h5", "w") as file:
        file["kernel"] = np.full((6, 2), SECRET, "float32")
    process.end_kept()  # one that was started elsewhere would look elsewhere
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.chdir(folder)
        yield folder
    process.end_kept()


@pytest.fixture
def traces(folder):
    """The folder of the attacks; afterwards there must be no trace of one."""
    yield folder
    assert not (folder / "trace").exists() and MODULE not in sys.modules


@functools.cache
def plain_file(keras):
    """Save a plain model once for all tests, and return the bytes."""
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="dense")(inputs))
    model.compile("sgd", keras.losses.mean_squared_error)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plain.keras"
        model.save(path)
        return path.read_bytes()


@pytest.fixture
def content(keras):
    """The bytes of a plain model's file."""
    return plain_file(keras)


def repacked(content, change=None, **members):
    """The file with its members changed: by name, or all together by a function of a dictionary of bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    held.update(members)
    if change:
        change(held)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def with_config(content, change):
    """The file with its config changed by a function that gets the config and its Dense layer."""

    def edit(held):
        config = json.loads(held["config.json"])
        change(config, config["config"]["layers"][1])
        held["config.json"] = json.dumps(config).encode()

    return repacked(content, edit)


def with_weights(content, change):
    """The file with its weights changed by a function of the HDF5 file and the group of the Dense layer's variables."""

    def edit(held):
        stream = io.BytesIO(held["model.weights.h5"])
        with h5py.File(stream, "r+") as file:
            groups = []
            file.visititems(lambda name, item: groups.append(item.parent) if name.endswith("dense/vars/0") else None)
            change(file, groups[0])
        held["model.weights.h5"] = stream.getvalue()

    return repacked(content, edit)


def one_sentence(said):
    assert said.endswith(".") and "\n" not in said and 40 < len(said) < 500, said
    assert ": " in said  # what is wrong: what to do
    return said


def refused(content, known=None, allow=False):
    """Give the file to the lab; return the sentence with which it is refused."""
    own_model = OwnModelRun(OwnModelSettings(Upload("model.keras", content), use_own_classes=allow), known)
    list(own_model.stages())
    assert own_model.model is None and own_model.table is None and own_model.source == ""
    return one_sentence(own_model.refusal)


def refused_at_sight(content, own=None):
    """Look through the file in this process, in which nothing of it must be loaded; return the refusal."""
    with pytest.raises(Refusal) as error:
        child.inspect("model.keras", content, {"keras": own or {}, "tf_keras": own or {}}, {})
    return one_sentence(str(error.value))


def test_the_untouched_file_is_taken(content, traces):
    assert load(Upload("model.keras", repacked(content))).count_params() == 14


# -- what a file names -------------------------------------------------------------------------------------------------


def function(module, name, registered="function"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


def lambda_of(function, **more):
    return {"class_name": "Lambda", "config": {"name": "dense", "function": function, "arguments": {}, **more}}


def byte_code():
    code = (lambda inputs: open("trace", "w").close()).__code__
    return base64.b64encode(marshal.dumps(code)).decode()


NAMING = {
    # The module is imported to look for the class: Keras 2 does, and Keras 3 did (CVE-2025-1550).
    "a module to import": lambda layer: layer.update(module=MODULE, class_name="Thing"),
    "a name with underscores": lambda layer: layer.update(module=MODULE, class_name="__thing__"),
    "a name that is no text": lambda layer: layer.update(module=MODULE, class_name=["Dense"]),
    "a known class elsewhere": lambda layer: layer.update(module=MODULE, class_name="Mine", registered_name="other"),
    "a type of tensors elsewhere": lambda layer: layer["config"].update(
        extra={
            "class_name": "__typespec__",
            "spec_name": "Thing",
            "module": MODULE,
            "registered_name": None,
            "config": [],
        }
    ),
    "a function elsewhere": lambda layer: layer["config"].update(activation=function(MODULE, "Thing")),
    "a function of Python": lambda layer: layer["config"].update(activation=function("os", "system")),
    "a function under its own name": lambda layer: layer["config"].update(
        activation=function("os", "system", registered="system")
    ),
    "a builtin": lambda layer: layer["config"].update(activation=function("builtins", "exec")),
    "a builtin for a class": lambda layer: layer.update(module="builtins", class_name="exec"),
    "a process": lambda layer: layer.update(module="subprocess", class_name="Popen"),
    "another name in the register": lambda layer: layer.update(
        module="tf_keras.src.layers.core.lambda_layer", class_name="Nothing", registered_name="Lambda"
    ),
    # Functions of Keras that load, download or switch safe mode off (CVE-2025-8747, CVE-2025-9906).
    "a function for a class": lambda layer: layer.update(module="keras.models", class_name="load_model"),
    "a tool of Keras": lambda layer: layer.update(module="keras.utils", class_name="get_file"),
    "a Lambda that loads": lambda layer: layer.update(lambda_of(function("keras.models", "load_model"))),
    "a Lambda that reads JSON": lambda layer: layer.update(lambda_of(function("keras.models", "model_from_json"))),
    "a Lambda that downloads": lambda layer: layer.update(lambda_of(function("keras.utils", "get_file"))),
    "a Lambda that makes layers": lambda layer: layer.update(lambda_of(function("keras.layers", "deserialize"))),
    "a Lambda that unlocks": lambda layer: layer.update(
        lambda_of(function("keras.config", "enable_unsafe_deserialization"))
    ),
    # Byte code in a Lambda (CVE-2024-3660), in each of its places.
    "byte code of Keras 2": lambda layer: layer.update(
        lambda_of([byte_code(), None, None], function_type="lambda", module="builtins")
    ),
    "byte code as a text": lambda layer: layer.update(
        lambda_of(byte_code(), function_type="lambda", module="builtins")
    ),
    "byte code of Keras 3": lambda layer: layer.update(
        lambda_of({"class_name": "__lambda__", "config": {"code": byte_code(), "defaults": None, "closure": None}})
    ),
    "byte code for the shape": lambda layer: layer.update(
        lambda_of(function("builtins", "relu"), output_shape=[byte_code(), None, None], output_shape_type="lambda")
    ),
    "byte code for a mask": lambda layer: layer.update(
        lambda_of(function("builtins", "relu"), mask={"class_name": "__lambda__", "config": {"value": byte_code()}})
    ),
    "byte code in an activation": lambda layer: layer["config"].update(
        activation={"class_name": "__lambda__", "config": {"value": [byte_code(), None, None]}}
    ),
    # Layers that run what a graph or another file says.
    "a node of a graph": lambda layer: layer.update(
        class_name="TensorFlowOpLayer", config={"name": "dense", "node_def": "WriteFile"}
    ),
    "a SavedModel": lambda layer: layer.update(class_name="TFSMLayer", config={"name": "dense", "filepath": "saved"}),
    "columns that read files": lambda layer: layer.update(
        class_name="DenseFeatures", config={"name": "dense", "feature_columns": []}
    ),
    "a module of PyTorch": lambda layer: layer.update(
        class_name="TorchModuleWrapper", config={"name": "dense", "module": "UEsDBA=="}
    ),
    "an operation that writes": lambda layer: layer.update(
        class_name="TFOpLambda", config={"name": "dense", "function": "io.write_file"}
    ),
    "a class that writes": lambda layer: layer.update(
        class_name="ClassMethod", config={"name": "dense", "cls_symbol": "io.TFRecordWriter", "method_name": "__init__"}
    ),
    # A file of words (CVE-2025-12058).
    "a vocabulary elsewhere": lambda layer: layer.update(
        class_name="StringLookup", config={"name": "dense", "vocabulary": "secret.bin"}
    ),
    "a vocabulary in any layer": lambda layer: layer["config"].update(vocabulary="secret.bin"),
}


@pytest.mark.parametrize("attack", NAMING)
def test_a_file_that_names_what_may_act_is_refused_before_keras_sees_it(keras, content, attack, traces):
    bad = with_config(content, lambda config, layer: NAMING[attack](layer))
    refused_at_sight(bad, {"Mine": "class"})


def test_the_whole_way_to_the_reader_is_refused_too(keras, content, traces):
    for attack in ("a module to import", "a Lambda that loads", "a SavedModel"):
        refused(with_config(content, lambda config, layer, attack=attack: NAMING[attack](layer)))


SPECIAL = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__typespec__")
FIELDS = {
    "the module": {"module": MODULE},
    "the module and a name": {"module": MODULE, "registered_name": "Thing"},
    "a name": {"module": None, "registered_name": "Lambda"},
    "a module of TensorFlow": {"module": "tensorflow.python.keras.layers", "registered_name": "Lambda"},
    "a specification": {"module": MODULE, "spec_name": "Thing", "registered_name": "Thing"},
    "a specification of TensorFlow": {
        "module": "tensorflow.python.framework.tensor",
        "spec_name": "TensorSpec",
        "registered_name": "Lambda",
    },
}


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("kind", [*SPECIAL, "function", "Dense", "Functional", "Sequential", "InputLayer"])
def test_no_kind_of_object_takes_a_module_from_the_file(content, kind, fields, traces):
    """As an argument of a layer, as the layer itself, and as the loss."""
    for config_of_it in ({}, {"value": [1], "dtype": "int32"}, [], "Thing"):
        node = {"class_name": kind, "config": config_of_it, **FIELDS[fields]}
        places = (
            lambda config, layer, node=node: layer["config"].update(kernel_initializer=node),
            lambda config, layer, node=node: layer.update(node),
            lambda config, layer, node=node: config["compile_config"].update(loss=node),
        )
        for place in places:
            refused_at_sight(with_config(content, place))


def test_what_a_special_kind_is_for_is_accepted(packages):
    """Constants and slices in a functional model of Keras 3 come through."""
    keras = packages["keras"]
    inputs = keras.Input((6,))
    outputs = keras.ops.add(inputs[:, 1:3], np.ones(2, "float32"))
    held = held_by(keras.Model(inputs, outputs))
    assert np.array_equal(load(Upload("model.keras", held))(np.ones((1, 6), "float32")), [[2.0, 2.0]])


def held_by(model):
    """Save a model and return the bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def test_every_name_in_the_table_leads_keras_to_the_object_in_the_table(keras):
    """Keras looks names up by itself: what was judged has to be what it will make."""
    for (module, name), cls in allowed.classes(keras.__name__).items():
        seen = []
        node = {"module": module, "class_name": name, "config": {}, "registered_name": None}
        original = cls.__dict__.get("from_config")
        try:
            cls.from_config = classmethod(lambda cls, config, seen=seen: seen.append(cls) or cls)
            keras.utils.deserialize_keras_object(node)
        except ValueError:
            assert seen == []  # Keras refuses it by itself: some names of initializers are no longer in its register
            continue
        finally:
            if original is None:
                del cls.from_config
            else:
                cls.from_config = original
        assert seen == [cls], (module, name)


def test_nothing_in_the_table_is_derived_from_what_acts(keras):
    acting = (keras.layers.Lambda, getattr(keras.layers, "TFSMLayer", keras.layers.Lambda))
    assert not [name for name, cls in allowed.classes(keras.__name__).items() if issubclass(cls, acting)]
    for module, name in allowed.functions(keras.__name__):
        assert name not in ("get", "deserialize", "serialize") and module != "os"


@pytest.mark.parametrize("tool", ["rmtree", "get_file"])
def test_a_file_may_not_name_a_tool_of_the_notebook(keras, content, tool, traces):
    tools = {"rmtree": shutil.rmtree, "get_file": keras.utils.get_file}
    bad = with_config(content, lambda config, layer: layer["config"].update(activation=function("builtins", tool)))
    assert f"function {tool}" in refused(bad, tools, allow=True)


def leave_a_trace(*given, path="trace", **more):
    """What a reader may have written: harmless on tensors, and not on what a file says."""
    open(path, "w").close()
    return given[0]


def known_lambda(**more):
    options = {"function_type": "function", "module": "builtins", "output_shape": None, "output_shape_type": "raw"}
    return {**lambda_of(function("builtins", "leave_a_trace"), **options, **more), "module": "keras.layers"}


def known_metric(config, layer):
    wrapped = {"name": "m", "dtype": "float32", "fn": function("builtins", "leave_a_trace"), "path": "trace"}
    metric = {"class_name": "MeanMetricWrapper", "module": "keras.metrics", "registered_name": None, "config": wrapped}
    config["compile_config"]["metrics"] = [metric]


CALLING = {
    "arguments": lambda config, layer: layer.update(known_lambda(arguments={"path": "trace"})),
    "a constant for a tensor": lambda config, layer: layer.update(
        known_lambda(), inbound_nodes=[[["_CONSTANT_VALUE", -1, "trace", {}]]]
    ),
    "a text for a tensor": lambda config, layer: layer.update(
        known_lambda(), inbound_nodes=[{"args": [], "kwargs": {"inputs": "trace"}}]
    ),
    "a metric": known_metric,
    "a function for a layer": lambda config, layer: layer.update(
        class_name="leave_a_trace", module=None, registered_name="leave_a_trace"
    ),
    "a function for a layer, with what it is called with": lambda config, layer: layer.update(
        class_name="leave_a_trace",
        module=None,
        registered_name="leave_a_trace",
        config={"path": "trace"},
        inbound_nodes=[[["input_1", 0, 0, {"path": "trace"}]]],
    ),
    "an operation that chooses": lambda config, layer: layer.update(
        class_name="Switch", module="keras.src.ops.core", config={"name": "dense"}, registered_name="Switch"
    ),
    "an operation that repeats": lambda config, layer: layer.update(
        class_name="Scan", module="keras.src.ops.core", config={"name": "dense"}, registered_name="Scan"
    ),
    "an activation": lambda config, layer: layer["config"].update(activation=function("builtins", "leave_a_trace")),
    "a loss": lambda config, layer: config["compile_config"].update(loss=function("builtins", "leave_a_trace")),
}


@pytest.mark.parametrize("attack", CALLING)
def test_a_function_of_the_reader_is_never_called(keras, content, attack, traces):
    refused(with_config(content, CALLING[attack]), {"leave_a_trace": leave_a_trace}, allow=True)


def test_a_function_of_the_reader_in_the_place_of_a_layer_is_named(keras, content, traces):
    bad = with_config(content, CALLING["a function for a layer"])
    with pytest.raises(Refusal, match="your function leave_a_trace where a class belongs"):
        load(Upload("model.keras", bad), {"leave_a_trace": leave_a_trace}, use_own_classes=True)


def test_a_function_that_is_registered_is_not_called_either(keras, content, traces):
    """Keras finds it by itself: as a text in any place where it looks for a name."""
    keras.utils.register_keras_serializable("mine")(leave_a_trace)
    try:
        for name in ("mine>leave_a_trace", "leave_a_trace"):
            for place in ("activation", "kernel_initializer", "name"):
                bad = with_config(
                    content, lambda _, layer, name=name, place=place: layer["config"].update({place: name})
                )
                if name == "leave_a_trace" and place == "name":
                    continue  # only a name
                try:
                    load(Upload("model.keras", bad))
                except Refusal as error:
                    one_sentence(str(error))
            wrapped = with_config(
                content, lambda config, _, name=name: config["compile_config"].update(loss=function("builtins", name))
            )
            refused(wrapped, allow=True)
    finally:
        for key in [key for key, value in keras.utils.get_custom_objects().items() if value is leave_a_trace]:
            del keras.utils.get_custom_objects()[key]


def test_a_class_derived_from_lambda_is_not_used(keras, content, traces):
    class Mine(keras.layers.Lambda):
        pass

    def name_it(config, layer):
        layer.update(known_lambda(arguments={"path": "trace"}), class_name="Mine", module=None, registered_name="Mine")

    known = {"Mine": Mine, "leave_a_trace": leave_a_trace}
    assert "Lambda" in refused(with_config(content, name_it), known, allow=True)


def test_own_classes_are_used_with_leave_alone(keras, traces):
    class Scale(keras.layers.Layer):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    class Gap(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return abs(y_true - y_pred)

    inputs = keras.Input((6,))
    model = keras.Model(inputs, Scale(3.0)(keras.layers.Dense(2)(inputs)))
    model.compile("sgd", Gap())
    held = held_by(model)
    assert "names the class" in refused(held)
    assert "if you trust them, let the file use your own classes" in refused(held, {"Scale": Scale, "Gap": Gap})
    loaded = load(Upload("model.keras", held), {"Scale": Scale, "Gap": Gap}, use_own_classes=True)
    assert loaded.layers[-1].factor == 3.0 and type(loaded.loss) is Gap


def test_code_in_layers_of_tensorflow_probability_is_refused(packages, tmp_path, traces):
    """They are registered as soon as the package is imported, and unpickle what a file says."""
    import tensorflow_probability as tfp

    class Mine(tfp.layers.DenseFlipout):
        pass

    tf_keras = packages["tf_keras"]
    model = tf_keras.Sequential([tf_keras.layers.Input((6,)), tf_keras.layers.Dense(2, name="dense")])
    model.save(tmp_path / "plain.keras")
    pickled = base64.b64encode(pickle.dumps(Traced())).decode()
    config = {
        "name": "dense",
        "function": None,
        "function_type": "raw",
        "output_shape": None,
        "output_shape_type": "raw",
    }
    for name in ("DistributionLambda", "Mine"):
        layer = {"class_name": name, "module": "layers", "registered_name": name}
        layer["config"] = {**config, "make_distribution_fn": pickled}
        bad = with_config((tmp_path / "plain.keras").read_bytes(), lambda _, old, layer=layer: old.update(layer))
        known = {"Mine": Mine, "DistributionLambda": tfp.layers.DistributionLambda}
        assert f"names {name}; layers of TensorFlow Probability" in refused(bad, known, allow=True)
        refused(bad)


class Traced:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return open, ("trace", "w")


def test_keras_2_would_import_what_such_a_file_names(packages, tmp_path, monkeypatch):
    """The attack is real: without the look through the file, the module is imported."""
    tf_keras = packages["tf_keras"]
    (tmp_path / "imported_by_keras.py").write_text("open('trace', 'w').close()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    model = tf_keras.Sequential([tf_keras.layers.Input((6,)), tf_keras.layers.Dense(2)])
    model.save("plain.keras")

    def name_it(config, layer):
        config.update(module="imported_by_keras", class_name="__thing__", registered_name=None)

    bad = with_config((tmp_path / "plain.keras").read_bytes(), name_it)
    (tmp_path / "bad.keras").write_bytes(bad)
    with pytest.raises(Exception, match="Could not locate class"):
        tf_keras.models.load_model("bad.keras", safe_mode=True)
    assert (tmp_path / "trace").exists()
    sys.modules.pop("imported_by_keras", None)
    (tmp_path / "trace").unlink()
    refused(bad)
    assert not (tmp_path / "trace").exists() and "imported_by_keras" not in sys.modules


# -- the weights -------------------------------------------------------------------------------------------------------


def external_link(file, group):
    del group["0"]
    group["0"] = h5py.ExternalLink("secret.h5", "kernel")


def external_group(file, group):
    for name in list(file):
        del file[name]
    file["layers"] = h5py.ExternalLink("secret.h5", "/")


def soft_link(file, group):
    del group["0"]
    file["elsewhere"] = h5py.ExternalLink("secret.h5", "kernel")
    group["0"] = h5py.SoftLink("/elsewhere")


def external_storage(file, group):
    del group["0"]
    group.create_dataset("0", (6, 2), "float32", external=[("secret.bin", 0, 48)])


def virtual_dataset(file, group):
    del group["0"]
    layout = h5py.VirtualLayout((6, 2), "float32")
    layout[:] = h5py.VirtualSource("secret.h5", "kernel", (6, 2), "float32")
    group.create_virtual_dataset("0", layout)


@pytest.mark.parametrize("attack", [external_link, external_group, soft_link, external_storage, virtual_dataset])
def test_weights_that_stand_in_another_file_are_refused(keras, content, attack, traces):
    assert "takes weights from another file" in refused_at_sight(with_weights(content, attack))


def test_keras_2_would_read_the_other_file(packages, traces):
    tf_keras = packages["tf_keras"]
    model = tf_keras.Sequential([tf_keras.layers.Input((6,)), tf_keras.layers.Dense(2, name="dense")])
    model.save("plain.keras")
    bad = with_weights((traces / "plain.keras").read_bytes(), external_storage)
    (traces / "bad.keras").write_bytes(bad)
    assert SECRET in tf_keras.models.load_model("bad.keras").get_weights()[0]
    assert "takes weights from another file" in refused(bad)


def huge_array(file, group):
    del group["0"]
    group.create_dataset("0", (100_000, 100_000), "float32", chunks=(1000, 1000))


def test_weights_that_are_small_in_the_file_and_huge_in_memory_are_refused(content, traces):
    bad = with_weights(content, huge_array)
    assert len(bad) < 1_000_000 and "larger than 200 MB" in refused(bad)


def ragged_array(file, group):
    del group["0"]
    group.create_dataset("0", (6,), h5py.vlen_dtype("float32"))


def test_weights_whose_elements_may_all_be_one_large_one_are_refused(content, traces):
    assert "the weights cannot be read" in refused(with_weights(content, ragged_array))


def test_metadata_that_are_small_in_the_file_and_huge_in_memory_are_refused(content, traces):
    bad = repacked(content, **{"metadata.json": b'{"keras_version": "3", "x": [' + b"[]," * 8_000_000 + b"1]}"})
    assert "larger than 200 MB" in refused(bad)


# -- memory and time ---------------------------------------------------------------------------------------------------


def many_arrays(file, group):
    for number in range(refusal.MAX_WEIGHTS + 1):
        group[f"more{number}"] = np.zeros(1, "float32")


def filtered(file, group):
    del group["0"]
    group.create_dataset("0", data=np.zeros((6, 2), "float32"), chunks=(6, 2), compression="gzip")


def test_too_many_arrays_and_filters_are_refused_while_walking(content, traces, monkeypatch):
    monkeypatch.setattr(refusal, "MAX_WEIGHTS", 200)  # to write 20,000 takes long
    assert "more than 200 arrays" in refused_at_sight(with_weights(content, many_arrays))
    assert "cannot be read" in refused_at_sight(with_weights(content, filtered))


def test_too_many_members_are_refused_before_the_archive_is_opened(content, traces, monkeypatch):
    bad = repacked(content, **{f"assets/{number}": b"" for number in range(refusal.MAX_MEMBERS)})
    monkeypatch.setattr(zipfile, "ZipFile", lambda *a, **k: pytest.fail("the archive was opened"))
    assert "more than 5000 files" in refused_at_sight(bad)


def wide(config, layer):
    layer["config"]["units"] = 100_000_000
    layer.pop("build_config", None)


def orthogonal(config, layer):
    layer["config"].update(units=6000)
    layer["config"]["kernel_initializer"].update(class_name="Orthogonal", config={"gain": 1.0, "seed": None})
    layer["build_config"] = {"input_shape": [None, 6000]}
    config["config"]["layers"][0]["config"].update(
        {
            key: [None, 6000]
            for key in ("batch_shape", "batch_input_shape")
            if key in config["config"]["layers"][0]["config"]
        }
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is only looked after from outside")
@pytest.mark.parametrize("grow", [wide, pytest.param(orthogonal, marks=pytest.mark.slow)])
def test_a_config_that_asks_for_too_much_ends_another_process(content, grow):
    """The second one ends LAPACK by a segmentation fault, where memory has a limit."""
    before = psutil.Process().memory_info().rss
    said = refused(with_config(content, grow))
    # Which bound it meets first depends on how fast the computer is.
    assert re.search("more memory than a file of that size needs|takes more than 60 seconds|does not load", said)
    assert psutil.Process().memory_info().rss - before < 1e9
    assert load(Upload("model.keras", content)).count_params() == 14  # and there is room again


def side_by_side(count):
    def change(config, layer):
        layers = config["config"]["layers"]
        layers += [{**json.loads(json.dumps(layer)), "name": f"dense_{number}"} for number in range(count)]

    return change


def test_too_many_layers_are_counted_before_any_is_made(content, traces):
    assert "more than 4000 layers" in refused_at_sight(with_config(content, side_by_side(refusal.MAX_LAYERS)))


def test_a_call_with_constants_alone_is_refused(packages, keras, content, traces):
    """It would run while the file is loaded, for as long as the file says."""

    def constants(config, layer):
        if keras.__name__ == "keras":
            layer.update(class_name="Repeat", module="keras.src.ops.numpy", registered_name="Repeat")
            layer["config"] = {"name": "dense", "repeats": 2_000_000_000, "axis": None}
            layer["inbound_nodes"] = [
                {"args": [{"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}], "kwargs": {}}
            ]
        else:
            layer.update(class_name="TFOpLambda", config={"name": "dense", "function": "range", "trainable": True})
            layer["inbound_nodes"] = [[["_CONSTANT_VALUE", -1, 2_000_000_000, {}]]]

    assert "with constants alone" in refused_at_sight(with_config(content, constants))


def constant(value=(1.0,), dtype="float32"):
    return {"class_name": "__numpy__", "config": {"value": list(value), "dtype": dtype}}


SYMBOL = {
    "class_name": "__keras_tensor__",
    "config": {"shape": [None, 6], "dtype": "float32", "keras_history": ["a", 0, 0]},
}
DECOYS = {
    "keras": [
        {"args": [constant()], "kwargs": {}, "decoy": SYMBOL},
        {"args": [constant()]},
        {"args": [{"class_name": "__slice__", "config": {"start": SYMBOL, "stop": 1, "step": 1}}], "kwargs": {}},
        [["a", 0, 0, {}]],
    ],
    "tf_keras": [
        [["_CONSTANT_VALUE", -1, ["a", "b", "c"], {}]],
        [["_CONSTANT_VALUE", -1, ["a", 0, 0], {}]],
        [["_CONSTANT_VALUE", -1, 1.0, {"y": ["a", "b", "c"]}]],
    ],
}


def test_what_only_looks_like_a_result_of_a_layer_does_not_count(keras, content, traces):
    for node in DECOYS[keras.__name__]:
        bad = with_config(content, lambda config, layer, node=node: layer.update(inbound_nodes=[node]))
        assert "with constants alone" in refused_at_sight(bad)


def test_patterns_and_missing_names_are_refused(keras, content, traces):
    """A pattern may take for ever, and a name that Keras counts is a different one in another process."""
    pattern = {"(?=.*)((a+)+)!": "float32"}
    maps = {"class_name": "DTypePolicyMap", "module": "keras.dtype_policies", "config": {"policy_map": pattern}}
    muon = {"class_name": "Muon", "module": "keras.optimizers", "config": {"exclude_layers": list(pattern)}}
    for node in (maps, muon):
        bad = with_config(content, lambda _, layer, node=node: layer["config"].update(dtype=node))
        assert "a pattern" in refused_at_sight(bad) or keras.__name__ == "tf_keras"
    assert "without a name" in refused_at_sight(
        with_config(content, lambda _, layer: layer["config"].update(name=None))
    )


def test_names_of_tools_of_keras_2_are_no_functions(packages, traces):
    held = plain_file(packages["tf_keras"])
    for key in ("kernel_regularizer", "activation"):
        bad = with_config(held, lambda _, layer, key=key: layer["config"].update({key: "deserialize"}))
        assert f"'deserialize' as its {key}" in refused_at_sight(bad)


def test_a_scope_of_the_reader_is_not_the_files(keras, content, traces):
    """Keras looks into scopes first, and these are of the thread in which it loads."""

    class Dense(keras.layers.Layer):
        @classmethod
        def from_config(cls, config):
            pytest.fail("a class in a scope was made")

    with keras.utils.custom_object_scope({"Dense": Dense, "relu": leave_a_trace, "linear": leave_a_trace}):
        loaded = load(Upload("model.keras", content))
    assert type(loaded.layers[-1]) is keras.layers.Dense


def test_only_classes_that_were_passed_are_used_though_others_are_registered(keras, traces):
    class Passed(keras.layers.Layer):
        pass

    class Registered(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    keras.utils.register_keras_serializable("other")(Registered)
    try:
        inputs = keras.Input((6,))
        held = held_by(keras.Model(inputs, Registered()(keras.layers.Dense(2)(inputs))))
        with pytest.raises(Refusal, match="other>Registered"):
            keras_files.load("model.keras", held, {"Passed": Passed})
        assert keras_files.load("model.keras", held, {"Registered": Registered}).count_params() == 14
    finally:
        keras.utils.get_custom_objects().pop("other>Registered")


def test_each_keras_version_is_asked_for_what_it_has_registered(packages, traces):
    """A function registered with one does not stand for a class registered with the other."""
    keras, tf_keras = packages["keras"], packages["tf_keras"]
    own = {"keras": keras_files._states("keras", {}, {}), "tf_keras": keras_files._states("tf_keras", {}, {})}
    tf_keras.utils.get_custom_objects()["twice"] = leave_a_trace
    try:
        assert keras_files._states("tf_keras", {}, {})["twice"] == "function"
        assert "twice" not in keras_files._states("keras", {}, {}) and "twice" not in own["tf_keras"]
    finally:
        tf_keras.utils.get_custom_objects().pop("twice")
    assert keras is not tf_keras


@pytest.mark.parametrize("name", ["\ud800", "a\nb", "\u202eb", "\x1b[31mred"])
def test_a_refusal_can_be_shown_whatever_the_file_says(content, name, traces):
    said = refused_at_sight(with_config(content, lambda _, layer: layer.update(class_name=name)))
    assert said.isprintable() and said.encode("utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is only looked after from outside")
def test_a_model_that_needs_gigabytes_when_it_is_called_is_refused(keras, traces):
    inputs = keras.Input((1,), name="inputs")
    repeated = keras.layers.RepeatVector(4_000_000)(keras.layers.Dense(3)(inputs))
    held = held_by(keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(repeated)))
    assert "more memory" in refused(held)


@pytest.mark.slow
def test_a_good_file_is_taken_after_one_whose_class_cannot_be_sent(packages, traces):
    import threading

    lock = threading.Lock()
    held, known = acting(packages["keras"], lambda: lock.acquire())
    assert "cannot be sent there" in refused(held, known, allow=True)
    assert load(Upload("model.keras", plain_file(packages["keras"]))).count_params() == 14


def good_models(keras):
    """Yield models that honest people save, of kinds that the list of names has to know one by one."""
    inputs = keras.Input((8, 4))
    if keras.__name__ == "keras":
        yield keras.Model(inputs, keras.layers.Add()(keras.ops.unstack(inputs, axis=1)))
        yield keras.applications.ConvNeXtTiny(weights=None, input_shape=(32, 32, 3), classes=2)
    else:
        import tensorflow as tf

        model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
        model.compile(keras.mixed_precision.LossScaleOptimizer(keras.optimizers.Adam()), "mse")
        model.fit(np.zeros((4, 4)), np.zeros((4, 2)), verbose=0)  # Keras does not load it back without any step
        yield model
        yield keras.Model(inputs, inputs // 2.0 + tf.random.normal(tf.shape(inputs)) * 0.0)
        yield keras.Model(inputs, tf.fill(tf.shape(inputs), 1.0) + inputs)


@pytest.mark.slow
def test_good_files_of_rare_kinds_are_taken(keras):
    for model in good_models(keras):
        loaded = load(Upload("model.keras", held_by(model)))
        assert loaded.count_params() == model.count_params()


def acting(keras, act):
    """A model of a class that acts when it is made: of the reader's own, so that the look lets it through."""

    class Acting(keras.layers.Layer):
        def __init__(self, armed=False, **kwargs):
            super().__init__(**kwargs)
            if armed:
                act()

        def call(self, inputs):
            return inputs

        def get_config(self):
            return {**super().get_config(), "armed": True}

    inputs = keras.Input((6,))
    return held_by(keras.Model(inputs, Acting()(keras.layers.Dense(2)(inputs)))), {"Acting": Acting}


def write_a_file():
    open("trace", "w").close()


def import_a_module():
    import importlib

    importlib.import_module(MODULE)


def run_byte_code():
    import types

    types.FunctionType(marshal.loads(marshal.dumps((lambda: None).__code__)), {})()


def start_a_process():
    import subprocess

    subprocess.run(["touch", "trace"], check=False)


def connect():
    import socket

    socket.create_connection(("127.0.0.1", 9))


@pytest.mark.parametrize("act", [write_a_file, import_a_module, run_byte_code, start_a_process, connect])
def test_a_second_guard_stops_what_acts_while_it_is_loaded(packages, act, traces):
    held, known = acting(packages["keras"], act)
    assert "does more than compute" in refused(held, known, allow=True)


def die():
    import signal

    os.kill(os.getpid(), signal.SIGSEGV)


def fill_memory():
    held = [np.ones(50_000_000) for _ in range(40)]
    assert held


@pytest.mark.slow
@pytest.mark.parametrize(("act", "reason"), [(die, "ended the process"), (fill_memory, "more memory")])
def test_a_process_that_dies_or_grows_is_a_refusal(packages, act, reason, traces):
    held, known = acting(packages["keras"], act)
    assert reason in refused(held, known, allow=True)
    assert load(Upload("model.keras", plain_file(packages["keras"]))).count_params() == 14


@pytest.mark.slow
def test_a_process_that_hangs_is_ended(packages, monkeypatch, traces):
    import time

    held, known = acting(packages["keras"], lambda: time.sleep(600))
    load(Upload("model.keras", plain_file(packages["keras"])))  # so that the process is ready
    monkeypatch.setattr(refusal, "MAX_SECONDS", 2)
    assert "takes more than 2 seconds" in refused(held, known, allow=True)
    monkeypatch.undo()
    assert load(Upload("model.keras", plain_file(packages["keras"]))).count_params() == 14


@pytest.mark.slow
def test_the_process_is_kept_and_takes_files_from_several_threads(packages):
    from concurrent.futures import ThreadPoolExecutor

    held = [plain_file(packages[name]) for name in ("keras", "tf_keras")] * 3
    load(Upload("model.keras", held[0]))
    kept = list(process._kept)
    with ThreadPoolExecutor(3) as pool:
        assert [model.count_params() for model in pool.map(lambda each: load(Upload("m.keras", each)), held)] == [
            14
        ] * 6
    load(Upload("model.keras", held[0]))
    assert process._kept and (process._kept == kept or sys.platform != "linux" or len(process._kept) == 1)


def test_what_passed_is_what_is_loaded(packages, tmp_path, monkeypatch):
    """The file is read once: what somebody puts in its place afterwards is not seen."""
    path = tmp_path / "model.keras"
    path.write_bytes(plain_file(packages["keras"]))
    tried = process.Process.try_file

    def replace(self, *arguments):
        found = tried(self, *arguments)
        path.write_bytes(b"PK something else")
        return found

    monkeypatch.setattr(process.Process, "try_file", replace)
    assert load(path).count_params() == 14


# -- the archive -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../../escaped.txt",
        "assets/../../escaped.txt",
        "/escaped.txt",
        "..\\escaped.txt",
        "C:\\escaped.txt",
        "assets/..",
    ],
)
def test_a_path_that_climbs_out_of_the_archive_is_refused(content, path, traces):
    bad = repacked(content, lambda held: held.update({path: b"out"}))
    assert "leads out of the archive" in refused(bad)
    assert not list(traces.parent.rglob("escaped*"))


def test_a_symbolic_link_in_the_archive_is_refused(content, traces):
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        link = zipfile.ZipInfo("assets/words")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "leads out of the archive" in refused(stream.getvalue())


def other_weights(held):
    held["model.weights.npz"] = held.pop("model.weights.h5")


def text_for_config(held):
    held["config.json"] = b"model"


def nested_config(held):
    held["config.json"] = b"[" * 100_000 + b"]" * 100_000


def deep_config(held):
    held["config.json"] = b'{"a":' * 600 + b"1" + b"}" * 600


def list_for_metadata(held):
    held["metadata.json"] = b"[]"


def text_for_weights(held):
    held["model.weights.h5"] = b"weights" * 100


def cut_weights(held):
    held["model.weights.h5"] = held["model.weights.h5"][:3000]


def another_member(held):
    held["setup.py"] = b"import os"


ARCHIVES = [
    *(other_weights, text_for_config, nested_config, deep_config, list_for_metadata, text_for_weights, cut_weights),
    another_member,
]


@pytest.mark.parametrize("change", ARCHIVES, ids=lambda change: change.__name__)
def test_an_archive_that_model_save_did_not_make_is_refused(content, change, traces):
    assert re.search(
        "not one that model.save made|is damaged|does not write|does not load", refused(repacked(content, change))
    )


def test_an_archive_that_is_not_as_it_says_is_refused(content, traces):
    encrypted = bytearray(content)
    for found in re.finditer(rb"PK\x01\x02", content):
        encrypted[found.start() + 8] |= 1
    unknown = bytearray(content)
    for found in re.finditer(rb"PK\x01\x02", content):
        unknown[found.start() + 10] = 99
    for bad in (encrypted, unknown):
        assert "is damaged" in refused(bytes(bad))


def test_an_old_file_under_a_new_name_is_refused(keras, traces):
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.save("old.h5")
    assert "an HDF5 file under another name" in refused((traces / "old.h5").read_bytes())


def test_a_file_behind_another_is_refused(content, traces):
    assert "not a .keras file at all" in refused(b"MZ" + content)


def test_cut_anywhere_a_file_is_refused(content, traces):
    for length in range(1, len(content), len(content) // 40):
        assert re.search("cut short|damaged|HDF5", refused(content[:length]))


# -- what is not refused -----------------------------------------------------------------------------------------------


def test_functions_of_keras_that_only_compute_are_taken(packages, tmp_path):
    keras = packages["keras"]
    inputs = keras.Input((6,))
    outputs = keras.layers.Activation(keras.activations.relu)(keras.layers.Dense(2, keras.activations.gelu)(inputs))
    model = keras.Model(inputs, keras.ops.sum(keras.ops.add(outputs, 1.0), -1))
    model.compile(keras.optimizers.Adam(), keras.losses.mean_absolute_error, [keras.metrics.mean_squared_error])
    model.save(tmp_path / "model.keras")
    assert load(tmp_path / "model.keras").count_params() == 14


def test_operators_on_symbols_are_taken(packages):
    tf_keras = packages["tf_keras"]
    inputs = tf_keras.Input((6,))
    outputs = 2.0 * tf_keras.layers.Dense(2)(inputs)[:, :1] - 1.0
    model = tf_keras.Model(inputs, outputs)
    loaded = load(Upload("model.keras", held_by(model)))
    assert np.array_equal(loaded(np.ones((3, 6), "float32")), model(np.ones((3, 6), "float32")))


def test_a_vocabulary_in_the_file_is_taken(keras, tmp_path):
    lookup = keras.layers.StringLookup(vocabulary=["cat", "dog"])
    model = keras.Sequential([keras.layers.Input((1,), dtype="string"), lookup, keras.layers.Embedding(3, 2)])
    model.save(tmp_path / "model.keras")
    assert load(tmp_path / "model.keras").layers[0].get_vocabulary() == ["[UNK]", "cat", "dog"]


# -- what a path may be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("~nobody-of-that-name/model.keras", "cannot be read"),
        ("x" * 5000 + "/model.keras", "cannot be read|no file"),
        ("/dev/zero", "a device or a pipe"),
        ("no\0file.keras", "no file"),
    ],
)
def test_a_path_that_is_no_file_is_refused(packages, said, reason):
    own_model = OwnModelRun(OwnModelSettings(said))
    list(own_model.stages())
    assert re.search(reason, own_model.refusal) and len(own_model.refusal) < 500, own_model.refusal


def test_the_name_of_a_file_is_only_a_name(content, traces):
    name = '"); open("trace", "w").close(); ("\n.keras'
    own_model = OwnModelRun(OwnModelSettings(Upload(name, content)))
    own_model._methods = ("keras_file",)
    list(own_model.stages())
    first = own_model.source.split("load_file(")[1]
    assert json.loads(first[: first.index('keras"') + 6]) == name
    with pytest.raises(Refusal) as error:
        load(Upload("folder/\n" + "x" * 500 + ".keras", b"PK"))
    assert len(str(error.value)) < 250 and "\n" not in str(error.value)


def test_a_long_config_is_refused(content, traces, monkeypatch):
    monkeypatch.setattr(refusal, "MAX_CONFIG", 1000)
    assert "larger than" in refused_at_sight(content)
