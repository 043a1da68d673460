"""Each refusal's advice is followed as it stands, and the clone is then true, or lacks just what the advice says."""

import ast
import decimal
import pathlib
import textwrap
import threading

import numpy as np
import pytest
import tensorflow as tf
from zoo import ZOO, compiled_training, data, sequential

import helpers
from helpers import tf_private

HELPERS = pathlib.Path(helpers.__file__).parent
X, _ = data()


def layer_with(keras, **kept):
    """Make a model of a layer that keeps what is given, or what a function of the layer returns."""

    class Keeper(keras.layers.Layer):
        def __init__(self):
            super().__init__(name="keeper")
            self.dense = keras.layers.Dense(3)
            for name, value in kept.items():
                setattr(self, name, value)

        def call(self, inputs):
            return self.dense(inputs)

    model = keras.Sequential([keras.Input((6,)), Keeper(), keras.layers.Dense(2)])
    model(X)
    return model


def numbers():
    yield from range(3)


def advised(error, **names):
    """Run the code in a refusal, and return the clone that it makes."""
    code = textwrap.dedent(str(error).partition("\n\n")[2])
    names |= {"helpers": helpers, "tf": tf}  # a reader has no `clone` by itself
    exec(code, names)
    return names["copied"]


def without_an_attribute(model, name, error):
    """Follow the advice to leave an attribute out: the clone lacks that, and is true once the original lacks it too."""
    layer = model.get_layer("keeper")
    before = dict(vars(layer))
    copied = advised(error, model=model, layer=layer)
    after = vars(layer)
    assert all(after[key] is value or list(after[key]) == list(value) for key, value in before.items())
    assert f"as `{name}`" in str(error)
    assert getattr(copied.get_layer("keeper"), name) is None and getattr(layer, name) is not None
    setattr(layer, name, None)
    return model, copied


# -- one function for each refusal: it makes the model, follows the advice, and returns the original and the clone -----

ADVICE = {}


def advice(*beginnings):
    """Enter a check of a refusal by how its texts begin in the source, without what is filled in."""

    def enter(check):
        ADVICE.update(dict.fromkeys(beginnings, check))
        return check

    return enter


def refused(model, inputs=None, match=""):
    with pytest.raises(helpers.CloneError, match=match) as error:
        helpers.clone(model, inputs)
    return error.value


@advice("holds in")
def something_that_has_begun(keras):
    model = layer_with(keras, kept=numbers())
    return without_an_attribute(model, "kept", refused(model, match=r"generator in \.kept"))


@advice("a thread runs outside the model")
def thread(keras):
    model = layer_with(keras, kept=[{"work": threading.Thread()}])
    return without_an_attribute(model, "kept", refused(model, match=r"Thread in \.kept\[0\]\['work'\].* a thread runs"))


@advice("it is a handle to a resource, which a copy would share")
def handle(keras):
    model = layer_with(keras, kept=tf.Variable(1.0).handle)
    return without_an_attribute(model, "kept", refused(model, match=r"in \.kept.* handle to a resource"))


@advice("it keeps a resource of TensorFlow, which a copy would share")
def resource(keras):
    model = layer_with(keras, kept=iter(tf.data.Dataset.range(3)))
    return without_an_attribute(model, "kept", refused(model, match=r"OwnedIterator in \.kept.* keeps a resource"))


@advice("it uses")
def data_set(keras):
    scale = tf.Variable(2, dtype=tf.int64)
    model = layer_with(keras, kept=tf.data.Dataset.range(3).map(lambda x: x * scale))
    return without_an_attribute(model, "kept", refused(model, match=r"in \.kept.* it uses .*Variable"))


class SetByAFunction(decimal.Decimal):
    def __reduce_ex__(self, protocol):
        return type(self), ("1",), None, None, None, print


Number = type("Number", (np.float64,), {"__module__": __name__})


@advice("its type does not say how it is rebuilt", "its type rebuilds it as", "it is a view of a part of the memory")
def not_rebuilt_from_its_parts(keras):
    number, decimal_number = Number(2.0), SetByAFunction(1)
    number.note = decimal_number.note = 1
    for value, why in (
        (decimal_number, "does not say how"),
        (number, "as a float64"),
        (memoryview(b"abc")[1:], "part"),
    ):
        model = layer_with(keras, kept=value)
        pair = without_an_attribute(model, "kept", refused(model, match=rf"in \.kept.* {why}"))
    return pair


STATE = {}


@advice("The function", "leads to through")
def function_that_leads_to_a_layer(keras):
    STATE["layer"] = keras.layers.Dense(3)

    def model_with(function):
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3), function, keras.layers.Dense(2)])
        model(X)
        return model

    STATE["layer"].build((None, 3))
    error = refused(model_with(keras.layers.Lambda(lambda x: STATE["layer"](x), output_shape=(3,))))
    return as_an_attribute(model_with, STATE["layer"], error)


@advice("The class")
def class_that_holds_a_layer(keras):
    part = keras.layers.Dense(3)
    part.build((None, 3))

    class Holder(keras.layers.Layer):
        held = part

        def call(self, inputs):
            return Holder.held(inputs)

    def model_with(layer):
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3), layer, keras.layers.Dense(2)])
        model(X)
        return model

    return as_an_attribute(model_with, part, refused(model_with(Holder())))


def as_an_attribute(model_with, part, error):
    """Write the layer that the advice shows around the part, and use it in the model."""
    code = textwrap.dedent(str(error).partition("\n\n")[2])
    names = {"Layer": next(base for base in type(part).__mro__ if base.__name__ == "Layer")}
    exec("class Advised(Layer):\n" + textwrap.indent(code, "    ").replace("super()", "super(Advised, self)"), names)
    model = model_with(names["Advised"](part))
    return model, helpers.clone(model)


@advice("The trainable flag of")
def frozen_after_training(_):
    import keras  # Keras 2 does not note how a model was compiled

    with compiled_training():
        model, _, _ = sequential(keras)
    model.layers[0].trainable = False
    error = refused(model, match="train_function")
    return model, advised(error, part=model, model=model)


@advice("has changed since")
def attribute_changed_after_tracing(keras):
    class Scale(keras.layers.Layer):
        factor = 2.0

        def call(self, inputs):
            return inputs * self.factor

    model = keras.Sequential([keras.Input((6,)), Scale(name="scale"), keras.layers.Dense(2)])
    model.predict(X, verbose=0)
    model.get_layer("scale").factor = 3.0
    copied = advised(refused(model, X, match="predict_function"), model=model)
    np.testing.assert_array_equal(copied.predict(X, verbose=0), model.predict(X, verbose=0))
    return model, copied


@advice("does not take these inputs")
def inputs_that_do_not_fit(keras):
    model = layer_with(keras)
    assert "helpers.clone(model, inputs)" in str(refused(model, X[:, :4]))
    return model, helpers.clone(model, X)


@advice("The clone of has equal weights and answers differently")
def looked_up_by_identity(keras):
    homes = {}

    class AtHome(keras.layers.Layer):
        def __init__(self, by_identity):
            super().__init__()
            self.by_identity, self.home = by_identity, hex(id(self))
            homes["here"] = self.home

        def call(self, inputs):
            return inputs if not self.by_identity or hex(id(self)) == self.home else -inputs

    def model_of(layer):
        model = keras.Sequential([keras.Input((6,)), layer, keras.layers.Dense(2)])
        model(X)
        return model

    refused(model_of(AtHome(True)), X, match=r"answers differently.*do not look anything up by id\(\)")
    model = model_of(AtHome(False))
    return model, helpers.clone(model, X)


@advice("The clone of answers with weights of the original")
def use_that_nobody_sees(keras):
    model, inputs, _ = ZOO["data_set_mapped_over_a_layer"](keras)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf_private, "captured", lambda value: [])
        refused(model, inputs, match="Make what it uses an attribute of the model")
    model = layer_with(keras)
    return model, helpers.clone(model, X)


# These say that clone itself is wrong: no model is known that gets so far, and there is nothing to change in one.
BUGS = ("was copied as", "has parts, its clone", "The copy of the variable", "The clone of would still reach")


@pytest.mark.parametrize("check", dict.fromkeys(ADVICE.values()), ids=lambda check: check.__name__)
def test_what_a_refusal_advises_makes_a_true_clone(packages, check):
    keras = packages["keras" if list(dict.fromkeys(ADVICE.values())).index(check) % 2 else "tf_keras"]
    model, copied = check(keras)
    report = helpers.audit(model, copied, X[:8], steps=1)
    assert report.ok, str(report)


@pytest.mark.slow
def test_a_series_of_probability_is_cloned_inside_a_module():
    import tensorflow_probability as tfp

    series = np.arange(9.0, dtype="float32")
    it = tfp.sts.Sum([tfp.sts.LocalLevel(observed_time_series=series)], observed_time_series=series)
    with pytest.raises(TypeError, match=r"Sum is not a Keras model\. Put it into a tf\.Module") as error:
        helpers.clone(it)
    copied = advised(error.value, it=it)
    assert type(copied) is type(it) and copied.components[0] is not it.components[0]
    samples = [each.parameters[0].prior.sample(seed=(1, 2)) for each in (it, copied)]
    np.testing.assert_array_equal(*samples)


# -- every refusal in the source has a check ---------------------------------------------------------------------------


def texts_of_refusals():
    """Return the texts of the refusals in the source, without what is filled in."""
    found = []
    for name in ("cloning", "graph_copy"):
        tree = ast.parse((HELPERS / f"{name}.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in ("CloneError", "_hidden", "_refusal"):
                message = node.args[-1] if called(node) == "_refusal" else node.args[0]
                found.append(fixed(message))
            elif called(node) == "TypeError" and name == "graph_copy":
                found.append(fixed(node.args[0]))
            elif isinstance(node, ast.Assign) and "why" in ast.unparse(node.targets[0]):
                found.append(fixed(node.value))
    return found


def called(node):
    function = getattr(node, "func", None)
    return getattr(function, "attr", getattr(function, "id", None))


def fixed(message):
    parts = [node.value for node in ast.walk(message) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return " ".join(" ".join(parts).split())


def test_every_refusal_has_a_check():
    beginnings = [*ADVICE, *BUGS]
    texts = [text for text in texts_of_refusals() if text]
    checks = [[beginning for beginning in beginnings if text.startswith(beginning)] for text in texts]
    assert [text for text, found in zip(texts, checks, strict=True) if len(found) != 1] == []
    assert sorted(beginnings) == sorted(found[0] for found in checks)
