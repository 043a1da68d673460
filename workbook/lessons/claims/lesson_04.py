"""Claims about saving a subclassed model without loss, treated in lesson 04. How they are tried: `trial.py`."""

WRITTEN_FOR = "2.6"  # the TensorFlow that the texts with these claims are about


def check_4_E1(keras, np, folder):
    """A model whose config passes its activation through `activations.serialize` is saved to a folder and loaded.

    Today: Put the activation into the config as it came, and save to a `.keras` file.
    """

    class Reader(keras.Model):
        def __init__(self, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.activation = activation
            self.head = keras.layers.Dense(3, activation=activation)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {"activation": keras.activations.serialize(self.activation)}

    def listing():
        x, model = np.ones((1, 4), "float32"), Reader("relu")
        model(x)
        model.save(folder + "/my_model")
        loaded = keras.models.load_model(folder + "/my_model", custom_objects={"Reader": Reader})
        return isinstance(loaded, Reader) and np.array_equal(loaded(x), model(x))

    return {"it runs, and the loaded model answers the same": listing}


def check_4_E2(keras, np, folder):
    """A model with BatchNormalization, saved to a folder, answers as before when it is loaded.

    Today: Save to a `.keras` file: both Keras versions then give the same bits.
    """

    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.norm = keras.layers.Dense(3), keras.layers.BatchNormalization()

        def call(self, inputs, training=False):
            return self.norm(self.dense(inputs), training=training)

    def listing():
        x, model = np.ones((2, 4), "float32"), Reader()
        model(x, training=True)
        model.save(folder + "/bn_model")
        return np.array_equal(keras.models.load_model(folder + "/bn_model")(x), model(x))

    return {"it runs, and the answers are equal": listing}


def check_4_E3(keras, np, folder):
    """A layer with a weight that has no name is saved to a folder and loaded.

    Today: Name the weight, and save to a `.keras` file.
    """

    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.factor = self.add_weight(shape=(input_shape[-1],), initializer="normal")

        def call(self, inputs):
            return inputs * self.factor

    class Scaled(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale = Scale()

        def call(self, inputs):
            return self.scale(inputs)

    def listing():
        x, model = np.ones((1, 4), "float32"), Scaled()
        model(x)
        model.save(folder + "/my_model")
        return np.array_equal(keras.models.load_model(folder + "/my_model")(x), model(x))

    return {"it runs, and the answers are equal": listing}


def check_4_1(keras, tf, np, folder):
    """The usual ways to save do not take along what `call` computes.

    Today: A `.keras` file needs the code; `export`, and a folder of `tf_keras`, hold the traced computation.
    """

    class Double(keras.Model):
        def call(self, inputs):
            return 2 * inputs

    x, model = np.ones((4, 2), "float32"), Double()
    model.predict(x, verbose=0)

    def file_needs_the_class():
        model.save(folder + "/model.keras")
        try:
            keras.models.load_model(folder + "/model.keras")
        except Exception:
            return True
        return False

    def recording_lacks_it():
        if keras.__version__.startswith("3"):
            model.export(folder + "/recorded")
            loaded = tf.saved_model.load(folder + "/recorded")
            return not np.array_equal(loaded.serve(x), 2 * x)
        model.save(folder + "/recorded")
        return not np.array_equal(keras.models.load_model(folder + "/recorded")(x), 2 * x)

    return {
        "a `.keras` file needs the class": file_needs_the_class,
        "so does an export or a folder": recording_lacks_it,
    }


def check_4_2(keras, np, folder):
    """A subclassed model can be saved with `save` and loaded with `load_model`, whatever the ending.

    Today: Use the ending `.keras`.
    """

    class Reader(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {}

    x, model = np.ones((2, 4), "float32"), Reader()
    model.predict(x, verbose=0)  # TensorFlow 2.0 can save no model that was only called

    def comes_back(path):
        model.save(path)
        loaded = keras.models.load_model(path, custom_objects={"Reader": Reader})
        return np.array_equal(loaded(x), model(x))

    return {
        "a folder": lambda: comes_back(folder + "/model"),
        "a `.keras` file": lambda: comes_back(folder + "/model.keras"),
        "an `.h5` file": lambda: comes_back(folder + "/model.h5"),
    }


def check_4_3(keras, np, folder):
    """Saving and loading loses the state of the optimizer.

    Today: A `.keras` file keeps it; a folder of `tf_keras` does not.
    """

    class Reader(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    model = Reader()
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 3), "float32"))

    def loses(path):
        return int(keras.models.load_model(path, custom_objects={"Reader": Reader}).optimizer.iterations.numpy()) == 0

    parts = {}
    for name, path in (("a folder", folder + "/model"), ("a `.keras` file", folder + "/model.keras")):
        try:
            model.save(path)
        except (ValueError, NotImplementedError):
            continue  # this Keras does not write such a file of a subclass
        parts[name + " loses it"] = lambda path=path: loses(path)
    return parts


def check_4_4(keras, np):
    """The simplest reliable way is a `get_config` that lets `from_config` make the model again.

    Today: Write `get_config`; the inherited `from_config` will do.
    """

    class Reader(keras.Model):
        def __init__(self, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.activation = activation
            self.head = keras.layers.Dense(3, activation=activation)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {"activation": self.activation}

    x = np.ones((2, 4), "float32")

    def made_again(model):
        model(x)
        clone = Reader.from_config(model.get_config())
        clone(x)
        clone.set_weights(model.get_weights())
        return np.array_equal(clone(x), model(x))

    return {"with an activation": lambda: made_again(Reader("tanh")), "without one": lambda: made_again(Reader())}


def check_4_5(keras, np):
    """The config has to hold the arguments of the constructor, and the kinds of its layers too.

    Today: The arguments have to be in it; the layers are made by your code.
    """

    class Reader(keras.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units, self.head = units, keras.layers.Dense(units)

        def call(self, inputs):
            return self.head(inputs)

    x, model = np.ones((2, 4), "float32"), Reader(7)
    model(x)

    def suffices(config):
        clone = Reader(**config)
        clone(x)
        return [each.shape for each in clone.get_weights()] == [each.shape for each in model.get_weights()]

    return {
        "without the arguments the layers are other ones": not suffices({}),
        "without the kinds of the layers they are": not suffices({"units": 7}),
    }


def check_4_6(keras, tf, np, folder):
    """From a checkpoint alone a subclassed model cannot be made.

    Today: Make the model from code, call it, build its optimizer, then read and `assert_consumed`.
    """

    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

    model = Reader()
    model(np.ones((2, 4), "float32"))
    path = tf.train.Checkpoint(model=model).write(folder + "/model")
    try:
        keras.models.load_model(path)
        made = True
    except Exception:
        made = False
    return {"`load_model` makes none of it": not made}


def check_4_7(keras, np):
    """An activation that is not in the config is lost.

    Today: Put it into the config: nothing warns you when it is missing.
    """

    class Omitting(keras.Model):
        def __init__(self, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3, activation=activation)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {}

    x, model = np.ones((2, 4), "float32"), Omitting("tanh")
    model(x)
    clone = Omitting(**model.get_config())
    clone(x)
    clone.set_weights(model.get_weights())
    return {"the clone with the same weights answers otherwise": not np.allclose(clone(x), model(x))}


def check_4_8(keras):
    """`activations.serialize` takes what users pass as an activation: a name, nothing, a function.

    Today: It takes a function: `activations.serialize(activations.get(activation))`.
    """
    serialize = keras.activations.serialize
    return {
        "a name": lambda: serialize("relu") == "relu",
        "nothing": lambda: serialize(None) is None,
        "a function": lambda: serialize(keras.activations.relu) == "relu",
    }


def check_4_9(keras):
    """A `from_config` that replaces an entry of the config by a function works and does no harm.

    Today: Begin it with `config = dict(config)`, or leave it out.
    """
    import json

    class Replacing(keras.layers.Layer):
        def __init__(self, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.activation = keras.activations.get(activation)

        @classmethod
        def from_config(cls, config):
            config["activation"] = keras.activations.deserialize(config["activation"])
            return cls(**config)

    config = {"activation": "tanh"}
    return {
        "it makes the layer": lambda: Replacing.from_config(config).activation is keras.activations.tanh,
        "the config can still be stored": lambda: json.dumps(config),
    }


def check_4_10(keras, np, folder):
    """`save` stores config and weights, and not the computation.

    Today: So it is for a `.keras` file; a folder of `tf_keras` holds the computation too.
    """

    class Double(keras.Model):
        def call(self, inputs):
            return 2 * inputs

    x, model = np.ones((4, 2), "float32"), Double()
    model.predict(x, verbose=0)

    def lacks_it(path):
        model.save(path)
        try:
            return not np.array_equal(keras.models.load_model(path)(x), 2 * x)
        except TypeError:  # the class is not found
            return True

    parts = {"a `.keras` file does not hold it": lambda: lacks_it(folder + "/model.keras")}
    if not keras.__version__.startswith("3"):  # Keras 3 saves to files only
        parts["a folder does not hold it"] = lambda: lacks_it(folder + "/model")
    return parts


def check_4_11(keras, tf, np, folder):
    """State of your own needs code of its own to be saved, such as a checkpoint.

    Today: `add_weight(..., trainable=False)` is saved by a `.keras` file and by a checkpoint.
    """

    class Counting(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.weight = self.add_weight(shape=(), initializer="zeros", trainable=False, name="weight")
            self.variable = tf.Variable(0.0, trainable=False, name="variable")
            self.number = 0

        def call(self, inputs):
            return inputs

    counting = Counting()
    model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,)), counting])
    counting.weight.assign(7.0)
    counting.variable.assign(7.0)
    counting.number = 7
    model.save(folder + "/model.keras")
    loaded = keras.models.load_model(folder + "/model.keras", custom_objects={"Counting": Counting}).layers[-1]
    return {
        "a weight of `add_weight` is lost otherwise": float(loaded.weight.numpy()) != 7,
        "a `tf.Variable` is": float(loaded.variable.numpy()) != 7,
        "a Python attribute is": loaded.number != 7,
    }


def check_4_12(keras, np, folder):
    """Layers that come with Keras are saved and loaded without further work.

    Today: Most are; test those that hold functions, wrap layers or are adapted.
    """

    def comes_back(layer):
        inputs = keras.Input((2,))
        model, x = keras.Model(inputs, layer(inputs)), np.array([[1, 30], [60, 90]], "float32")
        answers = np.array(model(x))
        model.save(folder + "/model.keras")
        return np.array_equal(keras.models.load_model(folder + "/model.keras")(x), answers)

    parts = {
        "Dense": lambda: comes_back(keras.layers.Dense(3)),
        "BatchNormalization": lambda: comes_back(keras.layers.BatchNormalization()),
        "Lambda": lambda: comes_back(keras.layers.Lambda(lambda inputs: 2 * inputs)),
    }
    if hasattr(keras.layers, "Discretization"):  # TensorFlow 2.6 and later

        def adapted():
            bins = keras.layers.Discretization(num_bins=4)
            bins.adapt(np.arange(100.0))
            return comes_back(bins)

        parts["Discretization, adapted"] = adapted
    return parts


def check_4_13(keras, np, folder):
    """The statistics of BatchNormalization are saved without further work.

    Today: Every way that carries all weights carries them; copying `trainable_weights` does not.
    """

    def made():
        return keras.Sequential([keras.layers.Dense(3, input_shape=(4,)), keras.layers.BatchNormalization()])

    model, by_file, by_hand = made(), made(), made()
    model(np.random.normal(size=(8, 4)).astype("float32"), training=True)
    wanted = model.layers[-1].get_weights()[2:]
    model.save(folder + "/model.keras")
    model.save_weights(folder + "/model.weights.h5")
    by_file.load_weights(folder + "/model.weights.h5")
    by_hand.set_weights(model.get_weights())
    loaded = {
        "by a `.keras` file": keras.models.load_model(folder + "/model.keras"),
        "by a file of weights": by_file,
        "by `set_weights`": by_hand,
    }
    return {way: all(map(np.array_equal, each.layers[-1].get_weights()[2:], wanted)) for way, each in loaded.items()}


def check_4_14(keras, np, folder):
    """The statistics are saved only if the model was called with `training=True` before.

    Today: They are weights from the moment on that the layer is built.
    """
    model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,)), keras.layers.BatchNormalization()])
    model(np.ones((2, 4), "float32"), training=False)
    model.layers[-1].moving_mean.assign([5.0, 6.0, 7.0])
    model.save(folder + "/model.keras")
    loaded = keras.models.load_model(folder + "/model.keras")
    kept = np.array_equal(loaded.layers[-1].moving_mean.numpy(), [5.0, 6.0, 7.0])
    return {"without such a call they are lost": not kept}


def check_4_15(keras, np):
    """Outputs are equal if the sum of their differences is near 0.

    Today: Take the largest absolute difference.
    """
    x = np.random.normal(size=(8, 4)).astype("float32")
    made = [keras.Sequential([keras.layers.Dense(3, "softmax", input_shape=(4,))]) for _ in range(2)]
    difference = np.array(made[0](x)) - np.array(made[1](x))
    near_zero = abs(difference.sum()) < 1e-4
    return {"two models that have nothing in common are told apart": not near_zero or abs(difference).max() < 1e-4}


def check_4_16(keras, np, folder):
    """A class of your own is found again when the model is loaded, with nothing done for it.

    Today: Register the class, and import its module before you load.
    """

    class Reader(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {}

    model = Reader()
    model.predict(np.ones((2, 4), "float32"), verbose=0)  # TensorFlow 2.0 can save no model that was only called

    def found(path):
        model.save(path)
        return isinstance(keras.models.load_model(path), Reader)

    parts = {"in a `.keras` file": lambda: found(folder + "/model.keras")}
    if not keras.__version__.startswith("3"):  # Keras 3 saves to files only
        parts["in a folder"] = lambda: found(folder + "/model")
    return parts


def check_4_17(keras, np, folder):
    """Small differences after reloading come from the compiler and the hardware.

    Today: On one machine the bits are equal; look for what was lost.
    """
    x = np.random.normal(size=(8, 40)).astype("float32")
    model = keras.Sequential([keras.layers.Dense(30, "tanh", input_shape=(40,)), keras.layers.Dense(3)])
    model.save(folder + "/model.keras")
    loaded = keras.models.load_model(folder + "/model.keras")
    same = np.array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    return {"the reloaded model predicts other bits": not same}
