"""Claims about `clone_model` and subclassed models, treated in lesson 02. How they are tried: `trial.py`."""

WRITTEN_FOR = "2.10"  # the TensorFlow that the texts with these claims are about


def check_0_E1(keras, np):
    """A model that makes its layer inside `call` can be cloned with `clone_model`, and the layers compared.

    Today: Make layers in `__init__`, call the new instance on data, then hand the weights over.
    """

    class Lazy(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = None

        def call(self, inputs):
            if self.hidden is None:
                self.hidden = keras.layers.Dense(8, activation="relu")
            return self.hidden(inputs)

    def listing():
        model = Lazy()
        model(np.ones((1, 4), "float32"))
        clone = keras.models.clone_model(model)
        return len(clone.hidden.get_weights()) == len(model.hidden.get_weights())

    return {"it runs, and both layers have weights to compare": listing}


def check_0_E2(keras, np):
    """New instance, `build(shape)`, `set_weights`: the weights are carried over.

    Today: Call the new instance on data instead of `build`.
    """

    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(8, activation="relu")

        def call(self, inputs):
            return self.hidden(inputs)

    def listing():
        model, clone = Reader(), Reader()
        model(np.ones((1, 4), "float32"))
        clone.build((None, 4))
        clone.set_weights(model.get_weights())
        return all(map(np.array_equal, clone.get_weights(), model.get_weights()))

    return {"it runs, and the weights are equal": listing}


def check_0_E3(keras, np):
    """A convolutional model whose layers are made inside `call` can be cloned by handing the weights over.

    Today: Make layers in `__init__` and compare every array and the outputs.
    """

    class LazyConvolution(keras.Model):
        def __init__(self):
            super().__init__()
            self.convolution, self.head = None, None
            self.dropout = keras.layers.Dropout(0.2)

        def call(self, inputs):
            if self.head is None:
                self.convolution, self.head = keras.layers.Conv2D(2, 3), keras.layers.Dense(3)
            return self.head(self.dropout(keras.layers.Flatten()(self.convolution(inputs))))

    def listing():
        images, model, clone = np.ones((1, 8, 8, 1), "float32"), LazyConvolution(), LazyConvolution()
        model(images)
        clone(images)
        clone.set_weights(model.get_weights())
        return np.allclose(clone(images), model(images))

    return {"it runs, and the clone answers like the model": listing}


def check_0_1(keras, tf):
    """`clone_model` came with TensorFlow 2.10.

    Today: It entered [Keras in August 2017](https://github.com/keras-team/keras/commit/e27b8b934); it takes subclassed
    models [since Keras 2.12](https://github.com/keras-team/keras/commit/7a5e2ccd9).
    """
    version = tuple(int(part) for part in tf.__version__.split(".")[:2])
    if version >= (2, 10):
        return "only a TensorFlow before 2.10 can show it"
    return {"it is missing before 2.10": not hasattr(keras.models, "clone_model")}


def check_0_2(keras):
    """Subclassed models are cloned another way than Functional and Sequential ones.

    Today: Rely on `get_config` and `from_config` for a subclassed model.
    """

    class Reader(keras.Model):
        def call(self, inputs):
            return 2 * inputs

    def with_new_layers(model):
        renew = {"clone_function": lambda layer: type(layer).from_config(layer.get_config())}
        return keras.models.clone_model(model, **renew)

    with_new_layers(keras.Sequential([keras.layers.Dense(3, input_shape=(4,))]))
    try:
        with_new_layers(Reader())
        refused = False
    except ValueError:
        refused = True
    return {"`clone_function` is for Sequential and Functional models only": refused}


def check_0_3(keras, np):
    """Of a subclassed model `clone_model` reproduces the architecture and not the weights.

    Today: Write a `get_config` with every argument of the constructor.
    """

    class Silent(keras.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units, self.head = units, keras.layers.Dense(units)

        def call(self, inputs):
            return self.head(inputs)

    class Configured(Silent):
        def get_config(self):
            return {"units": self.units}

    def clone_of(model):
        model(np.ones((1, 4), "float32"))
        clone = keras.models.clone_model(model)
        clone(np.ones((1, 4), "float32"))
        return clone

    model = Configured(7)
    return {
        "with a `get_config` the architecture is the same": lambda: clone_of(model).units == 7,
        "without one it is the same too": lambda: clone_of(Silent(7)).units == 7,
        "the weights stay behind": lambda: not np.array_equal(clone_of(model).get_weights()[0], model.get_weights()[0]),
    }


def check_0_4(keras, np):
    """Of a Functional or Sequential model `clone_model` copies the weights.

    Today: `clone.set_weights(model.get_weights())` carries them over.
    """
    sequential = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    inputs = keras.Input((4,))
    functional = keras.Model(inputs, keras.layers.Dense(3)(inputs))

    def copied(model):
        clone = keras.models.clone_model(model)
        return np.array_equal(clone.get_weights()[0], model.get_weights()[0])

    return {"of a Sequential model": lambda: copied(sequential), "of a Functional model": lambda: copied(functional)}


def check_0_5(keras, np):
    """The weights stay behind because a subclassed model makes its layers while it runs.

    Today: They stay behind because a clone is made from the config, which holds no weights.
    """

    class Reader(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {}

    def clone_has_the_weights():
        x, model = np.ones((1, 4), "float32"), Reader()
        model(x)
        clone = keras.models.clone_model(model)
        clone(x)
        return np.array_equal(clone.get_weights()[0], model.get_weights()[0])

    return {"with all layers made in `__init__`, the weights come along": clone_has_the_weights}


def check_0_6(keras, np):
    """`clone_model` looks only at how the class is written.

    Today: It looks at what `get_config` says at that moment.
    """

    class Reader(keras.Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units, self.head = units, keras.layers.Dense(units)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {"units": self.units}

    def clone_keeps_its_units():
        model = Reader(7)
        model(np.ones((1, 4), "float32"))
        model.units = 9
        return keras.models.clone_model(model).head.units == 7

    return {"an attribute that was changed since makes no difference": clone_keeps_its_units}


def check_0_7(keras, np):
    """The layer of a naive clone is there, and its weights are uninitialised.

    Today: Weights are absent or freshly drawn; call the clone on data to have them.
    """

    class Lazy(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = None

        def call(self, inputs):
            if self.hidden is None:
                self.hidden = keras.layers.Dense(8)
            return self.hidden(inputs)

    def clone_has_the_layer():
        model = Lazy()
        model(np.ones((1, 4), "float32"))
        return keras.models.clone_model(model).hidden is not None

    return {"the clone has the layer": clone_has_the_layer}


def check_0_8(keras, np):
    """Weights are carried over by taking them out, making a new instance, and putting them in.

    Today: New instance with the same arguments, one call, `set_weights`.
    """

    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

    x, model, new, called = np.ones((1, 4), "float32"), Reader(), Reader(), Reader()
    model(x)
    called(x)

    def after_a_call():
        called.set_weights(model.get_weights())
        return np.array_equal(called(x), model(x))

    return {
        "a new instance takes the weights at once": lambda: new.set_weights(model.get_weights()),
        "after one call it takes them, and answers the same": after_a_call,
    }


def check_0_9(keras):
    """`build(shape)` is what gives a subclassed model its weights.

    Today: A call on data gives both Keras versions the weights.
    """

    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

    model = Reader()
    model.build((None, 4))
    return {"after `build` the weights are there": len(model.weights) == 2}


def check_0_10(keras, np):
    """Handing the weights over copes with layers that differ from call to call.

    Today: Fix the layers in `__init__` and run every branch before you copy.
    """

    class TwoHeads(keras.Model):
        def __init__(self):
            super().__init__()
            self.day, self.night = keras.layers.Dense(3), keras.layers.Dense(3)

        def call(self, inputs, by_night=False):
            return self.night(inputs) if by_night else self.day(inputs)

    def handed_over():
        x, model, clone = np.ones((1, 4), "float32"), TwoHeads(), TwoHeads()
        model(x, by_night=False)
        clone(x, by_night=True)
        clone.set_weights(model.get_weights())
        return np.allclose(clone(x), model(x))

    return {"the same answers, though each has run another branch": handed_over}


def check_0_11(keras, np):
    """After `set_weights` the clone starts exactly like the original.

    Today: Carry other state, compile settings and optimizer state too.
    """
    x, y = np.ones((2, 4), "float32"), np.ones((2, 3), "float32")

    def compiled():
        model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
        model.compile("adam", "mse")
        return model

    model, clone = compiled(), compiled()
    model.train_on_batch(x, y)
    clone.set_weights(model.get_weights())
    same_steps = int(clone.optimizer.iterations.numpy()) == int(model.optimizer.iterations.numpy())
    return {
        "its answers are the same": np.array_equal(clone(x), model(x)),
        "its optimizer has made the same steps": same_steps,
    }


def check_0_12(keras, np):
    """Equal numbers of weight arrays show that the clone is right.

    Today: Compare every array and the outputs, and change one model to see the other keep still.
    """
    x = np.ones((1, 4), "float32")
    model, stranger = (keras.Sequential([keras.layers.Dense(3, input_shape=(4,))]) for _ in range(2))
    as_many = len(stranger.get_weights()) == len(model.get_weights())
    return {"a model with as many arrays answers the same": as_many and np.allclose(stranger(x), model(x))}


def check_0_13(keras, np):
    """`clone_model` is not enough for a subclassed model; other means are needed.

    Today: With a good `get_config`, `clone_model` and `set_weights` carry the weights; the optimizer needs more.
    """

    class Reader(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {}

    x, model = np.ones((1, 4), "float32"), Reader()
    model(x)
    try:
        clone = keras.models.clone_model(model)
    except ValueError:
        return {"it is refused": True}
    alone = np.array_equal(clone(x), model(x))
    clone.set_weights(model.get_weights())
    return {"alone it is not enough": not alone, "with `set_weights` it is not": not np.array_equal(clone(x), model(x))}
