"""Which way of cloning makes a true clone of which kind of model. Tried as claims are, on old versions too: `trial.py`.

There is a check for each pair, such as `dropout.keras`. Its parts are that a clone is made at all, and the three
tests: the same start, the same future, an own life.
"""

import copy
import os

KINDS, METHODS = {}, {}  # what a reader calls it, and the function, by a word for it


def _enter(table, word, label):
    def enter(function):
        table[word] = (label, function)
        return function

    return enter


# -- Kinds of models. Each returns a model and what it takes, or says why there is none. -------------------------------


@_enter(KINDS, "sequential", "Sequential")
def _sequential(keras, np, tf, tfp):
    return keras.Sequential([keras.layers.Dense(5, activation="relu", input_shape=(6,)), keras.layers.Dense(3)])


@_enter(KINDS, "functional", "functional, shared layer")
def _functional(keras, np, tf, tfp):
    inputs, shared = keras.Input((6,)), keras.layers.Dense(6, activation="tanh")
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.add([shared(inputs), shared(shared(inputs))])))


@_enter(KINDS, "dropout", "Dropout")
def _dropout(keras, np, tf, tfp):
    layers = keras.layers
    return keras.Sequential([layers.Dense(16, input_shape=(6,)), layers.Dropout(0.5), layers.Dense(3)])


@_enter(KINDS, "configured", "subclass with get_config")
def _subclass_with_config(keras, np, tf, tfp):
    class WithConfig(keras.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.hidden, self.head = keras.layers.Dense(units), keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

        def get_config(self):
            return {"units": self.units}

    return WithConfig(5)


@_enter(KINDS, "unconfigured", "subclass without get_config")
def _subclass_without_config(keras, np, tf, tfp):
    class WithoutConfig(keras.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.hidden, self.head = keras.layers.Dense(units), keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    return WithoutConfig(5)


@_enter(KINDS, "variable", "raw tf.Variable")
def _raw_variable(keras, np, tf, tfp):
    class Raw(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)
            self.temperature = tf.Variable(1.0, trainable=False, name="temperature")

        def call(self, inputs):
            return self.head(inputs) * self.temperature

        def get_config(self):
            return {}

    return Raw()


@_enter(KINDS, "adapted", "adapted Normalization")
def _adapted_normalization(keras, np, tf, tfp):
    if not hasattr(keras.layers, "Normalization"):
        return "this Keras has no layer Normalization yet"
    return keras.Sequential([keras.layers.Normalization(input_shape=(6,)), keras.layers.Dense(3)])


@_enter(KINDS, "flipout", "DenseFlipout")
def _dense_flipout(keras, np, tf, tfp):
    if keras.__name__ == "keras" and hasattr(keras, "ops"):
        return "layers of TensorFlow Probability are of Keras 2"
    return keras.Sequential([tfp.layers.DenseFlipout(4, input_shape=(6,)), tfp.layers.DenseFlipout(3)])


def _live(np, model):
    """Change what is not trained, as a reader would after making the model."""
    if hasattr(model, "temperature"):
        model.temperature.assign(0.5)
    if "normalization" in type(model.layers[0]).__name__.lower():
        model.layers[0].adapt(5 * np.random.RandomState(1).uniform(size=(64, 6)).astype("float32") + 3)


# -- Ways of cloning. Each takes a model, a batch, a path in an empty folder, and the code that makes the model. -------


@_enter(METHODS, "clone", "clone_model + set_weights")
def _clone_model_set_weights(keras, tf, model, batch, path, make):
    clone = keras.models.clone_model(model)
    clone(batch)
    clone.set_weights(model.get_weights())
    return clone


@_enter(METHODS, "config", "from_config + set_weights")
def _from_config_set_weights(keras, tf, model, batch, path, make):
    clone = type(model).from_config(model.get_config())
    clone(batch)
    clone.set_weights(model.get_weights())
    return clone


@_enter(METHODS, "deepcopy", "copy.deepcopy")
def _deepcopy(keras, tf, model, batch, path, make):
    return copy.deepcopy(model)


def _saved(keras, model, path):
    model.save(path)
    return keras.models.load_model(path)


@_enter(METHODS, "keras", ".keras file")
def _keras_file(keras, tf, model, batch, path, make):
    return _saved(keras, model, path + ".keras")


@_enter(METHODS, "h5", ".h5 file")
def _h5_file(keras, tf, model, batch, path, make):
    return _saved(keras, model, path + ".h5")


@_enter(METHODS, "folder", "folder (SavedModel)")
def _saved_model(keras, tf, model, batch, path, make):
    return _saved(keras, model, path)


@_enter(METHODS, "weights", "weights file, model made by code")
def _weights_file(keras, tf, model, batch, path, make):
    model.save_weights(path + ".weights.h5")
    clone = make()
    clone(batch)
    _compiled(keras, clone)
    clone.load_weights(path + ".weights.h5")
    return clone


@_enter(METHODS, "checkpoint", "checkpoint, model made by code")
def _checkpoint(keras, tf, model, batch, path, make):
    where = tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(path)
    clone = make()
    clone(batch)
    _compiled(keras, clone)
    tf.train.Checkpoint(model=clone, optimizer=clone.optimizer).restore(where)
    return clone


# -- The judge ---------------------------------------------------------------------------------------------------------


def _compiled(keras, model):
    """Compile a model, unless it is compiled; eagerly, because tracing would take longer than all the rest."""
    if getattr(model, "optimizer", None) is None:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss)
        if hasattr(model.optimizer, "build"):
            model.optimizer.build(model.trainable_variables)
    model.run_eagerly = True
    return model


def _seed(keras, tf, number):
    getattr(keras.utils, "set_random_seed", tf.random.set_seed)(number)


def _train(keras, tf, model, batch, targets):
    """Train for three steps under the same seeds."""
    for step in range(3):
        _seed(keras, tf, step)
        model.train_on_batch(batch, targets)


def _equal(np, one, other):
    """Whether two lists of arrays are equal, but for rounding."""
    same = len(one) == len(other) > 0 and all(a.shape == b.shape for a, b in zip(one, other))
    return same and all(np.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(one, other))


def _arrays(keras, np, tf, model, batch):
    """Return all that the tests compare: the weights and, under a seed, the answers of a model."""
    _seed(keras, tf, 7)
    return [*model.get_weights(), np.array(model(batch))]


def _check(kind, method):
    """Return the check of a pair."""

    def check(keras, np, tf, tfp, folder):
        model = kind(keras, np, tf, tfp)
        if isinstance(model, str):
            return model
        random = np.random.RandomState(0)
        _live(np, model)
        batch = tf.constant(random.uniform(size=(32, 6)).astype("float32"))
        targets = tf.constant(random.randint(0, 3, 32))
        model(batch)
        _train(keras, tf, _compiled(keras, model), batch, targets)
        try:
            with keras.utils.custom_object_scope(_classes(model)):
                path = os.path.join(folder, "model")
                clone = method(keras, tf, model, batch, path, lambda: kind(keras, np, tf, tfp))
        except Exception as error:
            return {"a clone is made": _raises(error)}
        _compiled(keras, clone)
        return {"a clone is made": True, **_three_tests(keras, np, tf, (model, clone), batch, targets)}

    return check


def _classes(model):
    """Return the classes that a reader has to name when loading: those that are not of Keras."""
    parts = [model, *model.layers]
    return {type(part).__name__: type(part) for part in parts if "keras" not in type(part).__module__}


def _raises(error):
    def part():
        raise error

    return part


def _three_tests(keras, np, tf, models, batch, targets):
    """Return the three tests of a model and its clone, to be run in this order."""
    model, clone = models
    before = {}

    def same_start():
        before["clone"] = _arrays(keras, np, tf, clone, batch)
        return _equal(np, _arrays(keras, np, tf, model, batch), before["clone"])

    def own_life():
        _train(keras, tf, model, batch, targets)
        return _equal(np, _arrays(keras, np, tf, clone, batch), before["clone"])

    def same_future():
        _train(keras, tf, clone, batch, targets)
        return _equal(np, _arrays(keras, np, tf, model, batch), _arrays(keras, np, tf, clone, batch))

    return {"same start": same_start, "own life": own_life, "same future": same_future}


for _kind, (_kind_label, _make) in KINDS.items():
    for _method, (_method_label, _clone) in METHODS.items():
        _pair = _check(_make, _clone)
        _pair.__doc__ = f"{_method_label} makes a true clone of this kind of model: {_kind_label}."
        globals()[f"check_{_kind}_{_method}"] = _pair
