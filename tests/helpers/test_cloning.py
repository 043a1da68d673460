"""helpers.clone makes a true clone of every kind of model, or refuses with a reason."""

import gc
import random
import re
import textwrap
import weakref

import numpy as np
import pytest
import tensorflow as tf
from tiers import every, on_one_keras, slow_unless, thinned
from zoo import (
    KINDS,
    MODULES,
    REFUSED,
    ZOO,
    batch_normalization_and_dropout,
    compiled_training,
    data,
    sequential,
    subclass_with_config,
)

import helpers
import workbook
from helpers import distances, graph_copy, keras_compat, tf_private

# These hold state in a function or class: the advice is to write the model differently.
NOT_BY_AN_ATTRIBUTE = [
    (package, kind)
    for package in ("keras", "tf_keras")
    for kind in (
        *("importable_function_that_reaches_a_layer", "class_whose_method_closes_over_a_layer"),
        "layer_as_class_attribute",
    )
]
TRUE_KINDS = [entry for entry in KINDS if entry not in REFUSED]
# Each kind is trained eagerly on one Keras version, and compiled, which takes longer, on the other if it exists there.
TRAINED_EAGERLY = [tuple(case.values) for case in on_one_keras(TRUE_KINDS) if not case.marks]
KINDS_ON_BOTH = {kind for kind in ZOO if sum(kind == each for _, each in TRUE_KINDS) == 2}
TRAINED_COMPILED = [case for case in TRUE_KINDS if case not in TRAINED_EAGERLY or case[1] not in KINDS_ON_BOTH]
# TensorFlow Probability's cache of bijectors keeps such a model after compiled training, whether it was cloned or not.
KEPT_BY_ITS_BIJECTORS = ("flow_with_networks_of_keras",)
QUICK_COMPILED = ("sequential", "own_train_step", "stateful_recurrent", "dense_flipout", "counter_in_a_closure")


@pytest.mark.parametrize(("package", "kind"), every(3, [pytest.param(*case) for case in TRAINED_EAGERLY]))
def test_the_clone_is_true_and_the_original_untouched(package, kind, packages):
    clone_is_true(package, kind, packages)


@pytest.mark.parametrize(
    ("package", "kind"), thinned(3, [slow_unless(each[1] in QUICK_COMPILED, *each) for each in TRAINED_COMPILED])
)
def test_so_it_is_after_compiled_training_and_neither_stays_in_memory(package, kind, packages):
    with compiled_training():
        references = clone_is_true(package, kind, packages)
    for _ in range(2):  # what a finalizer holds is freed by the second
        gc.collect()
    ours = references[kind in KEPT_BY_ITS_BIJECTORS :]
    assert [reference() for reference in ours] == [None] * len(ours)


def clone_is_true(package, kind, packages):
    workbook.set_seeds(0)
    model, x, y = ZOO[kind](packages[package])
    before = distances.values(distances.all_variables(model))
    clone = helpers.clone(model, x)
    assert type(clone) is type(model)
    assert all(map(np.array_equal, before, distances.values(distances.all_variables(model))))
    if not model.built and not keras_compat.weights(model):
        assert not clone.built
        for either in (model, clone):
            workbook.set_seeds(1)
            either(x)
    report = helpers.audit(model, clone, x, y)
    assert report.ok, str(report)
    return weakref.ref(model), weakref.ref(clone)


@pytest.mark.parametrize(("package", "kind"), list(REFUSED))
def test_what_cannot_be_cloned_is_refused_by_name(package, kind, packages):
    model, x, _ = ZOO[kind](packages[package])
    with pytest.raises(helpers.CloneError, match=REFUSED[package, kind]):
        helpers.clone(model, x)


@pytest.mark.parametrize(("package", "kind"), [case for case in REFUSED if case not in NOT_BY_AN_ATTRIBUTE])
def test_what_a_refusal_advises_works(package, kind, packages):
    model, _, _ = ZOO[kind](packages[package])
    with pytest.raises(helpers.CloneError) as refused:
        helpers.clone(model)
    title = re.search(r"'(\w+)' (holds|had been)|part is \w+ '(\w+)'", str(refused.value))
    parts = [part for part in keras_compat.parts(model) if part.name in title.groups()]
    advice = textwrap.dedent(str(refused.value).partition("\n\n")[2])
    names = {"layer": parts[0], "part": parts[0], "model": model, "helpers": helpers}
    before = dict(vars(parts[0]))
    exec(advice, names)
    assert type(names["copied"]) is type(model)
    if "kept" in names:
        assert all(value is before[name] for name, value in vars(parts[0]).items())


@pytest.mark.parametrize("kind", list(MODULES))
def test_what_is_no_model_is_cloned_as_well(kind):
    module, told = MODULES[kind]()
    before = told(module)
    clone = helpers.clone(module)
    assert type(clone) is type(module)
    for a, b in zip(before, told(clone), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(clone.trainable_variables) == len(module.trainable_variables) > 0
    for variable in clone.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    for a, b in zip(before, told(module), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(before, told(clone), strict=True))


def test_without_inputs_a_model_that_needs_them_is_refused_or_true(keras):
    model, x, y = subclass_with_config(keras)
    assert helpers.audit(model, helpers.clone(model), x, y).ok


def test_what_is_not_a_model_is_refused(keras):
    with pytest.raises(TypeError, match="class, not a model"):
        helpers.clone(keras.Sequential)
    with pytest.raises(TypeError, match="not a Keras model"):
        helpers.clone("model.keras")


def test_the_vocabulary_of_a_lookup_is_copied(keras):
    layers = keras.layers
    lookup = layers.StringLookup()
    lookup.adapt(["cat", "dog", "dog"])
    model = keras.Sequential([layers.Input((1,), dtype="string"), lookup, layers.Embedding(8, 2)])
    words = tf.constant([["cat"], ["dog"], ["cow"]])
    model(words)
    clone = helpers.clone(model, words)
    assert clone.layers[0].get_vocabulary() == lookup.get_vocabulary()
    assert np.array_equal(clone(words), model(words))


def test_dropout_masks_of_the_next_steps_are_the_same(packages):
    # Keras 2 keeps the random state in the compiled training function, which belongs to no model.
    keras = packages["keras"]
    with compiled_training():
        model, x, y = batch_normalization_and_dropout(keras)
    clone = helpers.clone(model, x)
    for either in (model, clone):
        workbook.set_seeds(3)
        either.fit(x, y, epochs=2, verbose=0)
    assert all(map(np.array_equal, model.get_weights(), clone.get_weights()))


def test_training_the_clone_by_fit_leaves_the_original_alone(keras):
    model, _, _ = sequential(keras)
    clone = helpers.clone(model)
    before = model.get_weights(), int(model.optimizer.iterations)
    clone.fit(*data(), verbose=0)
    assert all(map(np.array_equal, before[0], model.get_weights()))
    assert int(model.optimizer.iterations) == before[1]


def test_a_layer_can_be_cloned_by_itself(keras):
    model, x, _ = sequential(keras)
    layer = model.layers[0]
    clone = helpers.clone(layer, x)
    assert np.array_equal(layer(x), clone(x))
    assert clone.kernel is not layer.kernel


def test_the_random_state_of_the_process_is_left_alone(packages):
    # Operations of Keras 2 keep theirs inside the compiled training function: setting a seed would restart it.
    keras = packages["tf_keras"]
    futures = []
    for cloned in (False, True):
        workbook.set_seeds(0)
        with compiled_training():
            model, x, y = batch_normalization_and_dropout(keras)
        if cloned:
            helpers.clone(model, x)
        model.fit(x, y, verbose=0)
        futures.append([*model.get_weights(), np.random.uniform(), random.random(), float(tf.random.uniform([]))])
    assert all(map(np.array_equal, *futures))


def test_no_attribute_of_the_original_changes(keras):
    class Counting(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)
            self.calls, self.seen = 0, []

        def call(self, inputs):
            self.calls += 1
            self.seen.append(self.calls)
            return self.head(inputs)

    model, (x, _) = Counting(), data()
    model(x)
    before = model.calls, list(model.seen)
    clone = helpers.clone(model, x)
    assert (model.calls, list(model.seen)) == (clone.calls, list(clone.seen)) == before


def test_models_cloned_together_keep_what_they_share(keras):
    inner, x, _ = sequential(keras)
    outer = keras.Sequential([inner, keras.layers.Dense(2)])
    outer(x)
    for several in ([inner, outer], (inner, outer), {"inner": inner, "outer": outer}):
        batches = {"inner": x, "outer": x} if isinstance(several, dict) else [x, x]
        clones = helpers.clone(several, batches)
        assert type(clones) is type(several)
        inner_clone, outer_clone = clones.values() if isinstance(clones, dict) else clones
        assert outer_clone.layers[0] is inner_clone is not inner
        assert np.array_equal(outer_clone(x), outer(x))


def test_several_models_need_one_batch_each_and_no_name(keras):
    model, x, _ = sequential(keras)
    for several, inputs in (([model, model], [x]), ({"a": model}, {"b": x}), ([model], x)):
        with pytest.raises(TypeError, match="one batch for each"):
            helpers.clone(several, inputs)
    with pytest.raises(TypeError, match="one by one"):
        helpers.clone([model], name="copied")


def test_a_clone_under_a_different_name_fits_into_one_model_with_the_original(keras, tmp_path):
    model, x, _ = sequential(keras)
    clone = helpers.clone(model, name="target")
    assert (model.name, clone.name) == ("sequential", "target") or clone.name == "target" != model.name
    inputs = keras.Input((6,))
    both = keras.Model(inputs, [model(inputs), clone(inputs)])
    assert all(np.array_equal(output, model(x)) for output in both(x))
    clone.save(tmp_path / "clone.keras")
    assert keras.models.load_model(tmp_path / "clone.keras").name == "target"


def test_what_to_pass_instead_is_said(keras):
    model, _, _ = sequential(keras)
    with pytest.raises(TypeError, match=r"Adam .* clone\(model\).optimizer"):
        helpers.clone(model.optimizer)
    holder = type("Wrapper", (), {})()
    holder.model_ = model
    with pytest.raises(TypeError, match=r"clone\(it.model_\)"):
        helpers.clone(holder)
    with pytest.raises(TypeError, match="load_model"):
        helpers.clone("model.keras")
    with pytest.raises(TypeError, match="that it returns"):
        helpers.clone(sequential)
    for container in ([model, 1], [], {"a": [model]}):
        with pytest.raises(TypeError):
            helpers.clone(container)


def test_a_clone_that_answers_with_the_original_is_refused(packages, monkeypatch):
    """What a data set captures is refused before; this is what the check of the answers says by itself."""
    monkeypatch.setattr(tf_private, "captured", lambda value: [])
    model, x, _ = ZOO["data_set_mapped_over_a_layer"](packages["keras"])
    with pytest.raises(helpers.CloneError, match="answers with weights of the original"):
        helpers.clone(model, x)


def test_an_error_of_keras_is_told_by_its_cause(keras):
    class Net(keras.Model):
        def call(self, inputs):
            return tf.matmul(inputs["a"], inputs["b"])

    net, right = Net(), {"a": np.ones((8, 4, 3), "float32"), "b": np.ones((8, 3, 2), "float32")}
    net(right)
    with pytest.raises(helpers.CloneError, match="InvalidArgumentError: Matrix size-incompatible"):
        helpers.clone(net, right | {"b": np.ones((8, 5, 2), "float32")})


def test_a_model_does_not_drag_the_models_around_it_along(keras):
    inner, _x, _ = sequential(keras)
    inputs = keras.Input((6,))
    around = keras.Model(inputs, keras.layers.Dense(2, name="outside")(inner(inputs)))
    names = {getattr(new, "name", None) for _, new in graph_copy.Copy(inner).pairs}
    assert "outside" not in names
    assert "outside" in {getattr(new, "name", None) for _, new in graph_copy.Copy(around).pairs}


def test_layers_of_the_clone_still_tell_their_outputs(keras):
    model, x, _ = sequential(keras)
    clone = helpers.clone(model)
    extractor = keras.Model(clone.inputs, clone.layers[0].output)
    assert np.array_equal(extractor(x), model.layers[0](x))


def test_compiled_functions_are_left_behind(keras):
    with compiled_training():
        model, x, _ = sequential(keras)
    model.predict(x, verbose=0)
    clone = helpers.clone(model, x)
    assert model.train_function is not None and model.predict_function is not None
    assert clone.train_function is None and clone.predict_function is None
    assert np.array_equal(clone.predict(x, verbose=0), model.predict(x, verbose=0))


def test_inputs_that_do_not_fit_are_refused(keras):
    model, _, _ = sequential(keras)
    with pytest.raises(helpers.CloneError, match="does not take these inputs"):
        helpers.clone(model, np.zeros((2, 7), "float32"))


def test_a_clone_that_answers_differently_is_refused(keras):
    class AtHome(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.home = hex(id(self))

        def call(self, inputs):
            return inputs if hex(id(self)) == self.home else -inputs

    model, x, _ = sequential(keras)
    at_home = keras.Sequential([model, AtHome()])
    at_home(x)
    reason = "equal weights and answers differently, and AtHome 'at_home.*' is the first layer to do so"
    with pytest.raises(helpers.CloneError, match=reason):
        helpers.clone(at_home, x)
    assert all("call" not in vars(layer) for layer in at_home.layers)


def test_a_clone_that_would_reach_into_the_original_is_refused(keras, monkeypatch):
    """No model is known that gets so far; the check is there for those that are not known."""
    model, x, _ = sequential(keras)
    monkeypatch.setattr(graph_copy.Copy, "leaks", lambda copy: [(model.layers[0], copy.clone)])
    with pytest.raises(helpers.CloneError, match="would still reach"):
        helpers.clone(model, x)
