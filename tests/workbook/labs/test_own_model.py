"""The lab: models as public examples write them, and everything that a reader may get wrong."""

from __future__ import annotations

import io
import re
import types
import zipfile

import numpy as np
import pytest
import tensorflow as tf
import third_party_models
from tiers import on_one_keras
from zoo import fit

import helpers
import workbook
from helpers import keras_files, made_up
from helpers.made_up import make_inputs, make_targets
from workbook.labs.own_model.purposes import PURPOSES
from workbook.labs.own_model.run import (
    OwnModelRun,
    OwnModelSettings,
    Refusal,
    Upload,
    code,
    find_model,
    load,
    progress,
)
from workbook.methods import ALL_METHODS, classes_and_functions

PUBLIC = ("clone_model_set_weights", "deepcopy", "keras_file", "weights_file", "clone")


def run(settings, namespace=None, methods=PUBLIC):
    found = OwnModelRun(settings, namespace, methods)
    list(found.stages())
    assert found.finished and found.verdict.endswith(".")
    return found


def plain(keras, size=6):
    model = keras.Sequential([keras.layers.Input((size,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).uniform(size=(64, size)).astype("float32")
    fit(model, x, np.arange(64) % 3, verbose=0)
    return model, x


def one_sentence(text):
    assert text.endswith(".") and "\n" not in text and 40 < len(text) < 500, text


# -- models as public examples write them ------------------------------------------------------------------------------

STRANGERS = [
    ("keras", third_party_models.transformer, "clone"),
    ("tf_keras", third_party_models.transformer, "keras_file"),
    ("keras", third_party_models.vae, "clone"),
    ("tf_keras", third_party_models.vae, "clone"),
    ("keras", third_party_models.recommender, "clone"),
    ("tf_keras", third_party_models.recommender, "keras_file"),
    ("tf_keras", third_party_models.probabilistic_regression, "clone"),
    ("keras", third_party_models.application("MobileNetV3Small", alpha=0.75, minimalistic=True), "clone"),
]


QUICK_STRANGERS = ("recommender-keras", "vae-tf_keras")


@pytest.mark.parametrize(
    ("package", "make", "expected"),
    [
        pytest.param(package, make, expected, id=name, marks=[pytest.mark.slow] * (name not in QUICK_STRANGERS))
        for package, make, expected in STRANGERS
        for name in [f"{make.__name__}-{package}"]
    ],
)
def test_a_stranger_gets_code_that_makes_a_true_clone(packages, package, make, expected):
    workbook.set_seeds(0)
    model, x = make(packages[package])
    # For a large model the audit of every method takes minutes; what is chosen depends on these only.
    large = len(model.layers) > 40
    namespace = {"model": model, "x": x}
    found = run(
        OwnModelSettings("model", "" if x is None else "x"), namespace, ("keras_file", "clone") if large else PUBLIC
    )
    assert (found.refusal, found.best) == ("", expected)
    assert ALL_METHODS[found.best].label in found.verdict
    inputs, _ = make_inputs(model, x)
    scope = {**classes_and_functions(model), **namespace}  # nothing but what the notebook has
    exec(found.source, scope)
    report = helpers.audit(model, scope["clone"], inputs, make_targets(model, inputs)[0])
    assert report.ok, str(report)


@pytest.mark.slow
def test_a_gan_without_call_is_refused_and_its_parts_are_taken(keras):
    model, _ = third_party_models.gan(keras)
    found = run(OwnModelSettings(model))
    one_sentence(found.refusal)
    assert "model.generator" in found.refusal and "model.discriminator" in found.refusal and found.source == ""
    for part in (model.generator, model.discriminator):
        assert run(OwnModelSettings(part)).best == "keras_file"
    # What the refusal advises does work.
    clone = helpers.clone(model)
    assert all(map(np.array_equal, clone.generator.get_weights(), model.generator.get_weights()))
    assert clone.g_optimizer is not model.g_optimizer


# -- what is tried, and what is said -----------------------------------------------------------------------------------


def test_the_code_names_the_readers_own_variable_and_package(keras):
    model, x = plain(keras)
    found = run(OwnModelSettings("reader", "x"), {"reader": model, "x": x})
    assert found.best == "keras_file" and "reader.save(path)" in found.source
    assert f"{keras.__name__}.models.load_model" in found.source
    assert "So do: " in found.verdict and found.note.startswith("Inputs from x; made-up targets")


@pytest.mark.slow
@pytest.mark.parametrize("said", ["x", "", "6"])
@pytest.mark.parametrize("method", ["clone", "weights_file"])
def test_the_code_runs_with_nothing_but_what_the_notebook_has(keras, said, method, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, x = plain(keras)
    scope = {"reader": model, "x": x}
    found = run(OwnModelSettings("reader", said), scope, (method,))
    exec(found.source, scope)
    assert helpers.audit(model, scope["clone"], x, np.arange(64) % 3).ok


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deepcopy", "keras_file", "weights_file", "clone", "file_then_seeds", "recipe"])
def test_the_code_of_every_method_runs_under_another_name(keras, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, x = plain(keras)
    scope = {"mine": model, "inputs": x, "keras": None, "tf_keras": None}
    exec(code(name, model, "mine"), scope)
    assert helpers.audit(model, scope["clone"], x, np.arange(64) % 3).ok


def test_if_nothing_is_true_it_says_so_and_what_comes_nearest(keras):
    model, x = plain(keras)
    found = run(OwnModelSettings("m", "x"), {"m": model, "x": x}, ("alias", "clone_model", "clone_model_set_weights"))
    assert found.verdict.startswith("No method makes a true clone")
    assert "Nearest is clone_model + set_weights, which loses optimizer state" in found.verdict
    assert found.source.startswith("# Not a true clone: it loses optimizer state")


def test_what_the_workbooks_clone_refuses_is_told(keras):
    model, x = plain(keras)
    model.layers[0].log = open(__file__)  # noqa: SIM115
    found = run(OwnModelSettings(model, x), methods=("new_instance", "clone"))
    assert "helpers.clone says: Dense " in found.verdict and "holds a TextIOWrapper" in found.verdict
    lines = found.source.splitlines()
    assert lines[0].startswith("# No method makes a clone") and len(lines) > 1 and "log" in found.source


def test_the_reader_s_model_is_left_as_it_was(keras):
    model, x = plain(keras)
    before, steps = model.get_weights(), int(model.optimizer.iterations)
    run(OwnModelSettings(model, x))
    assert all(map(np.array_equal, before, model.get_weights())) and int(model.optimizer.iterations) == steps


# -- two public ways in several steps ----------------------------------------------------------------------------------


class Reader:
    """Makes models as everybody has them: a class with an argument, Dropout, and a loss of one's own."""

    @staticmethod
    def make(keras):
        class Reader(keras.Model):
            def __init__(self, units=4, **kwargs):
                super().__init__(**kwargs)
                self.units = units
                self.hidden, self.dropout = keras.layers.Dense(units, "relu"), keras.layers.Dropout(0.2)
                self.head = keras.layers.Dense(3)

            def call(self, inputs, training=False):
                return self.head(self.dropout(self.hidden(inputs), training=training))

            def get_config(self):
                return {**super().get_config(), "units": self.units}

        def own_loss(y, predicted):
            return keras.losses.sparse_categorical_crossentropy(y, predicted, from_logits=True)

        model, x = Reader(5), np.random.default_rng(0).uniform(size=(64, 6)).astype("float32")
        model.compile("adam", own_loss)
        fit(model, x, np.arange(64) % 3, verbose=0)
        return {"reader": model, "x": x, "y": np.arange(64) % 3, "Reader": Reader, "own_loss": own_loss}


@pytest.fixture(scope="module")
def tried(packages):
    """All methods, tried on such a model once for all tests; and the variables of its notebook."""
    known = Reader.make(packages["keras"])
    return run(OwnModelSettings("reader", "x", "y"), known, tuple(ALL_METHODS)), known


def test_nothing_else_does_is_said_only_where_public_keras_does_not(tried):
    found, known = tried
    assert found.verdict == (
        "Use .keras file + seeds: it makes a true clone of reader. So do: config + weights + optimizer, helpers.clone."
    )
    for name in ("file_then_seeds", "recipe"):
        scope = dict(known)
        exec(code(name, known["reader"], "reader", inputs="x"), scope)
        assert helpers.audit(known["reader"], scope["clone"], known["x"], known["y"]).ok
    only = run(OwnModelSettings("reader", "x", "y"), known, ("keras_file", "clone"))
    assert only.verdict.endswith("Nothing else does.")


@pytest.mark.parametrize("variable", ["mine", "theirs", "path", "clone", "a.b"])
def test_the_code_runs_whatever_the_model_is_called(packages, variable):
    model, x = plain(packages["keras"])
    for name in ("keras_file", "file_then_seeds", "recipe"):
        scope = {variable: model, "x": x, "a": types.SimpleNamespace(b=model)}
        exec(code(name, model, variable, inputs="x"), scope)
        clone = scope["clone_" if variable == "clone" else "clone"]
        assert clone is not model and int(clone.optimizer.iterations) == int(model.optimizer.iterations) > 0
        assert scope[variable] is model


@pytest.mark.parametrize("name", ["deepcopy", "keras_file", "weights_file", "file_then_seeds", "recipe", "clone"])
def test_the_code_runs_for_a_model_that_was_never_compiled(keras, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
    scope = {"mine": model, "inputs": np.ones((8, 6), "float32")}
    exec(code(name, model, "mine"), scope)
    assert all(map(np.array_equal, scope["clone"].get_weights(), model.get_weights()))


# -- a model that was compiled and never trained -----------------------------------------------------------------------


def test_a_model_that_was_never_trained_is_judged_by_what_a_step_would_cost_it(keras):
    x = np.ones((64, 6), "float32")
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    methods = ("clone_model_set_weights", "from_config_set_weights", "keras_file", "clone")
    found = run(OwnModelSettings("fresh", "x"), {"fresh": model, "x": x}, methods)
    assert found.verdict == (
        "Use .keras file: it makes a true clone of fresh. So do: helpers.clone. fresh has made no training step yet; "
        "once there is one, the optimizer state is lost by clone_model + set_weights and from_config + set_weights."
    )
    page = found.table.to_html(evidence=False)
    assert page.count("no training step yet; once there is one, it is lost by this method") == 2
    assert page.count("<strong>") == 2, "two methods make a true clone that stays one"
    assert [each.words for each in found.outcomes].count("✓ true clone until trained") == 2
    assert int(model.optimizer.iterations) == 0, "the step was made by a clone"
    evidence = {name: told for name, _, told in found.outcomes[0].evidence}
    assert evidence["optimizer state"] == "no training step yet; once there is one, it is lost by this method"
    only = run(OwnModelSettings("fresh", "x"), {"fresh": model, "x": x}, methods[:1])
    assert only.verdict.startswith("No method makes a true clone of fresh. Nearest is clone_model + set_weights, which")
    assert only.source.startswith("# Not a true clone: it loses optimizer state once trained")
    # Now it is as the sentence says.
    fit(model, x, np.zeros((64, 3), "float32"), verbose=0)
    found = run(OwnModelSettings("fresh", "x"), {"fresh": model, "x": x}, methods)
    assert [outcome.true for outcome in found.outcomes] == [False, False, True, True]
    assert "no training step" not in found.verdict + found.table.to_html()


def test_a_legacy_optimizer_is_left_without_a_counter(packages):
    keras = packages["tf_keras"]
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.legacy.Adam(), "mse")
    found = run(OwnModelSettings("old"), {"old": model}, ("clone_model_set_weights", "clone"))
    assert found.best == "clone" and "no training step yet" in found.table.to_html()
    assert vars(model.optimizer)["_iterations"] is None


def test_a_model_that_was_never_compiled_has_no_optimizer_to_lose(keras):
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
    found = run(OwnModelSettings("fresh"), {"fresh": model}, ("clone_model_set_weights", "keras_file"))
    assert "no training step" not in found.verdict + found.table.to_html()


# -- what the model and its inputs are called --------------------------------------------------------------------------


def two_inputs(keras):
    a, b = keras.Input((4,)), keras.Input((3,))
    model = keras.Model([a, b], [keras.layers.Dense(2)(a), keras.layers.Dense(1)(b)])
    model.compile("sgd", ["mse", "mse"])
    draw = np.random.default_rng(0).uniform
    sizes = {"left": 4, "right": 3, "ya": 2, "yb": 1}
    return model, {name: draw(size=(40, size)).astype("float32") for name, size in sizes.items()}


@pytest.mark.parametrize("said", ["left, right", "[left, right]", "left; right", "(left,right)", " [ left , right, ] "])
def test_several_inputs_are_named_as_anybody_would(packages, said):
    model, known = two_inputs(packages["keras"])
    targets = said.replace("left", "ya").replace("right", "yb")
    scope = {"pair": model, **known}
    found = run(OwnModelSettings("pair", said, targets), scope, ("clone",))
    assert found.note == "Inputs from left and right; targets from ya and yb."
    assert found.source.endswith("clone = helpers.clone(pair, [left, right])")
    exec(found.source, scope)
    assert np.array_equal(scope["clone"]([known["left"], known["right"]])[0], model([known["left"], known["right"]])[0])


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("left, wrong", "There is no variable 'wrong'"),
        ("[wrong; right]", "There is no variable 'wrong'"),
        ("left, few", "left has 40 and few has 2"),
        ("left, ya", "pair does not take inputs of (40, 4) float32; (40, 2) float32"),
    ],
)
def test_a_mistake_among_several_inputs_is_answered(packages, said, answer):
    model, known = two_inputs(packages["keras"])
    found = run(OwnModelSettings("pair", said), {"pair": model, "few": np.ones((2, 3)), **known})
    assert answer in found.refusal
    one_sentence(found.refusal.replace(" Give", ""))


def test_every_sentence_calls_the_model_by_its_variable(packages):
    keras = packages["keras"]
    gan, _ = third_party_models.gan(keras)
    never_called = keras.Sequential([keras.layers.Dense(3)])
    known = {
        "gan": gan,
        "mine": never_called,
        "bare": keras.Sequential([keras.layers.Input((2,)), keras.layers.ReLU()]),
    }
    known |= {"head": keras.layers.Dense(3), "module": tf.Module(), "x": np.ones((4, 6)), "dense": plain(keras)[0]}
    known["dense"].layers[0].log = open(__file__)  # noqa: SIM115
    for settings, expected in (
        (("mine",), "mine was never called"),
        (("bare",), "bare has no weights"),
        (("dense", "7"), "dense does not take inputs of (64, 7)"),
        (("dense", "x", "x"), "dense cannot be trained on these targets"),
        (("head",), "head is a single Dense layer: put it into a model, keras.Sequential([head])"),
        (("module",), "clone it with helpers.clone(module)"),
        (("x",), "x is of type ndarray, which is not a model"),
        (("gan",), "gan.generator"),
    ):
        found = run(OwnModelSettings(*settings), known)
        assert expected in found.refusal and "'sequential" not in found.refusal
    # What the refusal advises can be written into the panel.
    found = run(OwnModelSettings("gan.generator"), known, ("clone",))
    assert found.verdict.startswith("Use helpers.clone: it makes a true clone of gan.generator")
    assert "helpers.clone(gan.generator, make_inputs(gan.generator)[0])" in found.source
    exec(found.source, known)
    refused = run(OwnModelSettings("dense", "6"), known, ("new_instance", "clone"))
    assert refused.verdict.startswith("No method makes a true clone of dense. helpers.clone says: ")


# -- how far it is -----------------------------------------------------------------------------------------------------


def test_the_stages_say_how_many_methods_were_tried(packages):
    model, _ = plain(packages["keras"])
    told = [stage.text for stage in OwnModelRun(OwnModelSettings("m"), {"m": model}, ("alias", "clone")).stages()]
    assert told[-3:] == ["second name (=), 1 of 2", "helpers.clone, 2 of 2", "drawing"]


@pytest.mark.parametrize(
    ("done", "seconds", "words"),
    [
        (0, 0, ", 1 of 10"),
        (3, 1, ", 4 of 10"),
        (3, 10, ", 4 of 10, about half a minute"),
        (3, 27, ", 4 of 10, about a minute"),
        (3, 90, ", 4 of 10, about 4 minutes"),
    ],
)
def test_what_takes_long_says_how_long(done, seconds, words):
    assert progress(done, 10, seconds) == words


# -- what it is for ----------------------------------------------------------------------------------------------------

ENOUGH = {
    "": "file_then_seeds",
    "target": "from_config_set_weights",
    "ensemble": "new_instance",
    "fold": "from_config_set_weights",
    "base": "from_config_set_weights",
    "try": "file_then_seeds",
    "resume": "file_then_seeds",
    "serve": "keras_file",
}


def test_for_each_purpose_the_simplest_method_that_is_enough(tried, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried, known = tried
    model, x, y = (known[name] for name in ("reader", "x", "y"))
    assert set(ENOUGH) == set(PURPOSES)
    for purpose, expected in ENOUGH.items():
        found = tried.for_purpose(purpose)
        assert len(list(found.stages())) == 1 and found.table is tried.table, "nothing is tried again"
        assert found.best == expected, purpose
        if purpose:
            assert f"For {PURPOSES[purpose].label}, {ALL_METHODS[expected].label} is enough: " in found.verdict
        scope = dict(known)
        exec(found.source, scope)
        clone = scope["clone"]
        equal = all(map(np.array_equal, clone.get_weights(), model.get_weights()))
        assert clone is not model and equal == (purpose != "ensemble")
        steps = int(clone.optimizer.iterations) if getattr(clone, "optimizer", None) is not None else None
        assert steps == {"target": None, "base": None, "fold": 0, "ensemble": 0}.get(
            purpose, int(model.optimizer.iterations)
        )
        if PURPOSES[purpose].in_a_file:
            assert (tmp_path / f"reader-to-{purpose}.keras").exists()
        if purpose in ("try", "resume"):
            assert helpers.audit(model, clone, x, y).ok


def test_a_purpose_that_no_method_is_enough_for(packages):
    model, x = plain(packages["keras"])
    found = run(OwnModelSettings("m", "x", purpose="ensemble"), {"m": model, "x": x}, ("alias", "keras_file"))
    assert found.verdict == "No method is enough for one more member of an ensemble."
    assert found.best == "" and found.source == "# No method is enough for one more member of an ensemble."


# -- inputs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "shape", "dtype"),
    [
        ("6", (64, 6), "float32"),
        ("(28, 28, 1)", (64, 28, 28, 1), "float32"),
        ("28x28x1", (64, 28, 28, 1), "float32"),
        ("20 int below 1000", (64, 20), "int32"),
        ("20 ints < 7", (64, 20), "int32"),
        ("text", (64, 1), "string"),
    ],
)
def test_a_description_of_inputs_is_understood(packages, said, shape, dtype):
    model = packages["keras"].Sequential([packages["keras"].layers.Identity()])
    made = made_up._described(said, model)
    assert tuple(made.shape) == shape and tf.as_dtype(made.dtype).name == dtype
    if "int" in said:
        assert made.min() >= 0 and made.max() < int(re.findall(r"\d+", said)[-1])


def test_several_inputs_are_described_with_semicolons(packages):
    made = made_up._described("6; 3 int", packages["keras"].Sequential([]))
    assert [each.shape for each in made] == [(64, 6), (64, 3)]


def test_inputs_are_inferred(keras):
    layers = keras.layers
    left, right = keras.Input((4,), name="left"), keras.Input((None, 2), name="right")
    several = keras.Model({"left": left, "right": right}, layers.Dense(1)(left) + layers.LSTM(1)(right))
    inputs, told = make_inputs(several)
    assert inputs["left"].shape == (64, 4) and inputs["right"].shape == (64, 8, 2) and "model.inputs" in told
    words = keras.Sequential([layers.Input((5,), dtype="int32"), layers.Embedding(9, 2)])
    assert make_inputs(words)[0].max() < 9
    lookup = layers.StringLookup(vocabulary=["cat", "dog"])
    text = keras.Sequential([layers.Input((1,), dtype="string"), lookup, layers.Embedding(3, 2)])
    assert {b"cat", b"dog"} <= {*make_inputs(text)[0].numpy().ravel()}
    fixed = keras.Sequential([layers.Input(batch_shape=(4, 3, 2)), layers.GRU(2, stateful=True)])
    assert make_inputs(fixed)[0].shape == (4, 3, 2)


def test_inputs_of_a_subclassed_model_are_inferred_from_what_it_was_called_on(keras):
    model, _ = third_party_models.vae(keras)
    inputs, told = make_inputs(model)
    assert inputs.shape == (64, 6) and "built for" in told


def test_a_model_that_was_never_called_needs_to_be_told_its_inputs(keras):
    model = keras.Sequential([keras.layers.Dense(3)])
    found = run(OwnModelSettings(model))
    one_sentence(found.refusal)
    assert "was never called" in found.refusal and "28, 28, 1" in found.refusal
    assert run(OwnModelSettings(model, "6")).best


def test_targets_are_made_up_to_fit_the_loss(keras):
    model, x = plain(keras)
    targets, told = make_targets(model, x)
    assert told == "made-up targets" and targets.shape == (64,) and targets.max() < 3
    model.compile("sgd", "mse")
    assert make_targets(model, x)[0].shape == (64, 3)
    assert make_targets(keras.Sequential(model.layers), x) == (None, "no targets, because the model is not compiled")


def test_a_model_whose_outputs_take_no_targets_is_compared_all_the_same(keras):
    class Mean(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(2)

        def call(self, inputs):
            return tf.reduce_mean(self.head(inputs))

    class Partly(Mean):
        def call(self, inputs):
            return {"logits": self.head(inputs), "loss": None}

    x = np.ones((64, 3), "float32")
    for model in (Mean(), Partly()):
        model(x)
        model.compile("sgd", "mse")
        found = run(OwnModelSettings(model, x), methods=("clone",))
        assert "no targets" in found.note and not found.refusal
    flat = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1), keras.layers.Reshape(())])
    flat.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert run(OwnModelSettings(flat), methods=("clone",)).best == "clone"


# -- what a reader gets wrong ------------------------------------------------------------------------------------------


def wrong_inputs(keras, folder):
    return OwnModelSettings(plain(keras)[0], "7"), "does not take inputs of (64, 7) float32, but of (None, 6)"


def unreadable_inputs(keras, folder):
    return OwnModelSettings(plain(keras)[0], "a lot"), "neither a variable of this notebook nor a description"


def inputs_that_are_no_batch(keras, folder):
    return OwnModelSettings(plain(keras)[0], object()), "not a batch of inputs"


def a_tensor_without_axes(keras, folder):
    return OwnModelSettings(plain(keras)[0], tf.constant(1.0)), "not a batch of inputs"


def dates(keras, folder):
    return OwnModelSettings(
        plain(keras)[0], np.array(["2020-01-01"] * 4, "datetime64[D]")
    ), "does not take inputs of (4,) "


def thousands_of_digits(keras, folder):
    return OwnModelSettings(plain(keras)[0], "9" * 5000), "neither a variable of this notebook nor a description"


def digits_that_are_no_shape(keras, folder):
    # The longest that is read; a careless pattern would try two to the hundredth ways to take it apart.
    return OwnModelSettings(plain(keras)[0], "1" * 99 + "."), "neither a variable of this notebook nor a description"


def huge_inferred_inputs(keras, folder):
    inputs = keras.Input((4000, 4000, 30))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(inputs)))
    return OwnModelSettings(model), "too large to be made up: give a few of your own"


def a_dataset(keras, folder):
    return OwnModelSettings(plain(keras)[0], tf.data.Dataset.range(3)), "x, y = next(iter(dataset))"


def too_few_targets(keras, folder):
    model, x = plain(keras)
    return OwnModelSettings(model, x, np.zeros(3)), "one target for each input"


def targets_of_another_kind(keras, folder):
    model, x = plain(keras)
    return OwnModelSettings(model, x, np.full((64, 2, 2, 5), 0.5)), "cannot be trained on these targets"


def missing_targets(keras, folder):
    model, x = plain(keras)
    return OwnModelSettings(model, x, "y_train"), "no variable 'y_train'"


def a_class(keras, folder):
    return OwnModelSettings("Net"), "Net is a class, not a model"


def a_function(keras, folder):
    return OwnModelSettings("build"), "build is a function"


def a_layer(keras, folder):
    return OwnModelSettings(keras.layers.Dense(3)), "is a single Dense layer"


def a_module(keras, folder):
    return OwnModelSettings(tf.Module()), "helpers.clone(it)"


def an_array(keras, folder):
    return OwnModelSettings(np.zeros(3)), "An object of type ndarray is not a model"


def an_unknown_variable(keras, folder):
    return OwnModelSettings("modle"), "no variable 'modle'"


def nothing(keras, folder):
    return OwnModelSettings("  "), "Name a variable"


def a_model_without_weights(keras, folder):
    return OwnModelSettings(keras.Sequential([keras.layers.Input((2,)), keras.layers.ReLU()])), "has no weights"


def a_missing_file(keras, folder):
    return OwnModelSettings(str(folder / "gone.keras")), "There is no file 'gone.keras'"


def a_folder(keras, folder):
    return OwnModelSettings(str(folder)), "is a folder"


def a_file_of_another_kind(keras, folder):
    (folder / "model.onnx").write_bytes(b"\x08")
    return OwnModelSettings(str(folder / "model.onnx")), "an ONNX file"


def an_h5_file_that_is_none(keras, folder):
    return OwnModelSettings(Upload("model.h5", b"PK")), "not an HDF5 file at all"


def a_damaged_h5_file(keras, folder):
    return OwnModelSettings(Upload("model.h5", b"\x89HDF")), "is damaged"


def an_h5_file_of_weights(keras, folder):
    plain(keras)[0].save_weights(folder / "model.weights.h5")
    return OwnModelSettings(
        str(folder / "model.weights.h5")
    ), "holds weights alone, and no model: make the model by code"


def a_picture(keras, folder):
    (folder / "cat.png").write_bytes(b"\x89PNG")
    return OwnModelSettings(str(folder / "cat.png")), "not a .keras file"


def a_pickle(keras, folder):
    return OwnModelSettings(Upload("model.pkl", b"\x80")), "runs code when it is opened"


def an_empty_upload(keras, folder):
    return OwnModelSettings(Upload("model.keras", b"")), "is empty"


def saved(model, folder):
    model.save(folder / "saved.keras")
    return (folder / "saved.keras").read_bytes()


def a_truncated_upload(keras, folder):
    content = saved(plain(keras)[0], folder)
    return OwnModelSettings(Upload("model.keras", content[: len(content) // 2])), "is cut short"


def a_damaged_upload(keras, folder):
    content = bytearray(saved(plain(keras)[0], folder))
    content[len(content) // 2] ^= 0xFF
    return OwnModelSettings(Upload("model.keras", bytes(content))), "is damaged"


def another_archive(keras, folder):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return OwnModelSettings(Upload("model.keras", buffer.getvalue())), "not one that model.save made"


def a_huge_upload(keras, folder):
    return OwnModelSettings(Upload("model.keras", bytes(keras_files.MAX_BYTES + 1))), "larger than 200 MB"


def a_bomb(keras, folder):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("config.json", "w") as file:
        for _ in range(45):
            file.write(bytes(10_000_000))
    assert len(buffer.getvalue()) < 1_000_000
    return OwnModelSettings(Upload("model.keras", buffer.getvalue())), "larger than 200 MB"


def an_unknown_class(keras, folder):
    class Swish(keras.layers.Layer):
        pass

    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2), Swish()])
    return OwnModelSettings(Upload("model.keras", saved(model, folder))), "names the class Swish"


WRONG = [
    *(wrong_inputs, unreadable_inputs, inputs_that_are_no_batch, a_dataset, too_few_targets, targets_of_another_kind),
    *(a_tensor_without_axes, dates, thousands_of_digits, digits_that_are_no_shape, huge_inferred_inputs),
    *(missing_targets, a_class, a_function, a_layer, a_module, an_array, an_unknown_variable, nothing),
    *(a_model_without_weights, a_missing_file, a_folder, a_file_of_another_kind, a_picture, a_pickle, an_empty_upload),
    *(an_h5_file_that_is_none, a_damaged_h5_file, an_h5_file_of_weights),
    *(a_truncated_upload, a_damaged_upload, another_archive, a_huge_upload, a_bomb, an_unknown_class),
]


@pytest.mark.parametrize(
    ("keras", "mistake"),
    on_one_keras((package, mistake) for mistake in WRONG for package in ("keras", "tf_keras")),
    indirect=["keras"],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_what_a_reader_gets_wrong_is_answered_in_one_sentence(keras, mistake, tmp_path):
    class Net(keras.Model):
        pass

    settings, expected = mistake(keras, tmp_path)
    found = run(settings, {"Net": Net, "build": plain})
    assert expected in found.refusal
    one_sentence(found.refusal)
    assert found.table is None and found.source == "" and found.problems == []
    assert str(tmp_path) not in found.refusal


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_file_is_loaded_into_the_keras_that_wrote_it(keras, tmp_path):
    model, x = plain(keras)
    upload = Upload("mine.keras", saved(model, tmp_path))
    loaded = load(upload)
    assert isinstance(loaded, keras.Model) and np.array_equal(loaded(x), model(x))
    assert isinstance(load(tmp_path / "saved.keras"), keras.Model)
    assert isinstance(find_model(str(tmp_path / "saved.keras")), keras.Model)
    found = run(OwnModelSettings(upload))
    assert found.best == "keras_file" and 'load_file("mine.keras")' in found.source


def test_an_h5_file_says_who_wrote_it_and_what_it_lacks(keras, tmp_path):
    model, x = plain(keras)
    model.save(tmp_path / "old.h5")
    found = run(OwnModelSettings(str(tmp_path / "old.h5")), methods=("clone",))
    assert found.verdict == "Use helpers.clone: it makes a true clone of old.h5. Nothing else does."
    assert np.array_equal(found.model(x), model(x)) and isinstance(found.model, keras.Model)
    holds = (
        "It holds the structure, the compile settings, the weights and the optimizer state, and lacks the random state."
    )
    assert f"old.h5 was written by Keras {keras.__version__}. {holds}" in found.note
    assert ("Compile the model again" in found.note) == (keras.__name__ == "keras")


def test_classes_of_the_file_are_found_among_the_variables(keras, tmp_path):
    model, known = third_party_models.with_own_parts(keras)
    upload = Upload("mine.keras", saved(model, tmp_path))
    with pytest.raises(Refusal, match="names the class Scale"):
        load(upload)
    with pytest.raises(Refusal, match="let the file use your own classes"):
        load(upload, known)
    with pytest.raises(Refusal, match="your function my_loss"):
        load(upload, known, use_own_classes=True)
    model.compile("sgd", "mse")
    upload = Upload("mine.keras", saved(model, tmp_path))
    found = run(OwnModelSettings(upload, use_own_classes=True), known)
    assert found.best == "keras_file" and '"Scale": Scale' in found.source


def test_the_code_of_a_lambda_never_runs(keras, tmp_path):
    proof = tmp_path / "ran"
    layer = keras.layers.Lambda(lambda x, path=str(proof): (open(path, "w").close(), x)[1])
    model = keras.Sequential([keras.layers.Input((2,)), layer, keras.layers.Dense(2)])
    content = saved(model, tmp_path)
    proof.unlink(missing_ok=True)
    found = run(OwnModelSettings(Upload("model.keras", content)))
    assert "Lambda" in found.refusal and "nothing of it ran" in found.refusal and not proof.exists()
    one_sentence(found.refusal)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["stateful_rnn", "functional", "batch_normalization", "mixed_precision", "adapted_normalization"]
)
def test_files_of_plain_models_are_not_refused(keras, name, tmp_path):
    from workbook.labs.method_table.models import MODEL_KINDS

    model, *_ = MODEL_KINDS[name].make(keras.__name__)
    assert load(Upload("model.keras", saved(model, tmp_path))).count_params() == model.count_params()
