"""Claims about saving and loading a cloned model, treated in lesson 03. How they are tried: `trial.py`."""


def check_2_E1(keras, np, folder):
    """Compile, train, save to `.h5`, `load_model`: the loaded model is equal and ready for use, training included.

    Today: Save to `.keras`; a Keras 3 model from `.h5` has to be compiled again before it can be trained.
    """
    x, y = np.ones((8, 4), "float32"), np.eye(8, 3, dtype="float32")
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax", input_shape=(4,))])
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    model.train_on_batch(x, y)
    model.save(folder + "/model.h5")
    loaded = keras.models.load_model(folder + "/model.h5")
    return {
        "its weights are equal": all(map(np.array_equal, loaded.get_weights(), model.get_weights())),
        "it answers the same": np.array_equal(loaded(x), model(x)),
        "it can be trained on": lambda: loaded.train_on_batch(x, y),
    }


def check_2_E2(keras, np):
    """Running the code of the architecture a second time gives a model with fresh weights.

    Today: Hand the weights over, or load a file.
    """
    model, again = (keras.Sequential([keras.layers.Dense(3, input_shape=(4,))]) for _ in range(2))
    same = np.array_equal(again.get_weights()[0], model.get_weights()[0])
    return {"the weights are other ones": len(again.weights) == len(model.weights) and not same}


def check_2_E3(keras, np, folder):
    """`save_weights` into a file with a name like `my_weights.h5`, and `load_weights` into a second model.

    Today: End the name in `.weights.h5`; that works on both.
    """
    model, clone = (keras.Sequential([keras.layers.Dense(3, input_shape=(4,))]) for _ in range(2))

    def listing():
        model.save_weights(folder + "/my_weights.h5")
        clone.load_weights(folder + "/my_weights.h5")
        return all(map(np.array_equal, clone.get_weights(), model.get_weights()))

    return {"it runs, and the weights are equal": listing}


def check_2_1(keras, np, folder):
    """`save` to `.h5` stores the architecture and the weights of a model.

    Today: That is so for Sequential and Functional models; save a subclassed model to `.keras`.
    """

    class Reader(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def get_config(self):
            return {}

    x = np.ones((2, 4), "float32")

    def comes_back(model):
        answers = np.array(model(x))
        model.save(folder + "/model.h5")
        loaded = keras.models.load_model(folder + "/model.h5", custom_objects={"Reader": Reader})
        return np.array_equal(loaded(x), answers)

    return {
        "of a Sequential model": lambda: comes_back(keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])),
        "of a subclassed model": lambda: comes_back(Reader()),
    }


def check_2_2(keras, np, folder):
    """`load_model` makes a fully configured model out of an `.h5` file.

    Today: Save to `.keras`, which brings the loss, the optimizer and vocabularies back.
    """
    x, y, loaded = np.ones((2, 4), "float32"), np.ones((2, 3), "float32"), []

    def reload(loss):
        model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
        model.compile("adam", loss)
        model.train_on_batch(x, y)
        model.save(folder + "/model.h5")
        loaded.append(keras.models.load_model(folder + "/model.h5"))

    return {
        "the loss comes back, given as an object": lambda: reload(keras.losses.MeanSquaredError()),
        "the optimizer can go on": lambda: loaded[0].train_on_batch(x, y),
        "the loss comes back, given as `mse`": lambda: reload("mse"),
    }


def check_2_3(keras, tf, np):
    """A new object of the same class has weights drawn at random.

    Today: Unless the seeds are set again before it is made; then it draws the same numbers.
    """
    set_seed = getattr(keras.utils, "set_random_seed", tf.random.set_seed)

    def drawn():
        return keras.Sequential([keras.layers.Dense(3, input_shape=(4,))]).get_weights()[0]

    seeded = []
    for _ in range(2):
        set_seed(1)
        seeded.append(drawn())
    return {
        "another draw each time": not np.array_equal(drawn(), drawn()),
        "though the seeds are set before each": not np.array_equal(*seeded),
    }


def check_2_4(keras, np):
    """Handing weights over in memory, from one model to the other, is unreliable.

    Today: `set_weights(get_weights())` is exact between two models made by the same code.
    """
    x = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 4)
    model, clone = (keras.Sequential([keras.layers.Dense(3, input_shape=(4,))]) for _ in range(2))
    clone.set_weights(model.get_weights())
    exact = all(map(np.array_equal, clone.get_weights(), model.get_weights()))
    return {"weights or answers differ afterwards": not (exact and np.array_equal(clone(x), model(x)))}


def check_2_5(keras, tf, np, folder):
    """HDF5 is the robust way to keep a whole model.

    Today: It is the legacy format on both; use `.keras`.
    """

    class Reader(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

    def reloaded(model):
        model.save(folder + "/model.h5")
        return keras.models.load_model(folder + "/model.h5", custom_objects={"Reader": Reader})

    subclassed, compiled = Reader(), keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    subclassed(np.ones((2, 4), "float32"))
    compiled.compile("adam", "mse")
    compiled.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 3), "float32"))
    parts = {
        "a model compiled with `mse`": lambda: reloaded(compiled),
        "a subclassed model": lambda: reloaded(subclassed),
    }
    if hasattr(keras.layers, "StringLookup"):  # TensorFlow 2.6 and later
        lookup = keras.layers.StringLookup()
        lookup.adapt(tf.constant([["owl"], ["elk"]]))
        words = keras.Sequential([keras.Input((1,), dtype="string"), lookup])
        parts["a vocabulary"] = lambda: len(reloaded(words).layers[-1].get_vocabulary()) == 3
    return parts


def check_2_6(keras, np, folder):
    """The usual causes of a failed load are a wrong path, another Keras version and another architecture.

    Today: Read the message: on Keras 3 the type is the same for all three. A missing class is the fourth.
    """

    def fails(action, *arguments):
        try:
            action(*arguments)
        except Exception:
            return True
        return False

    model, wider = (keras.Sequential([keras.layers.Dense(n, input_shape=(4,))]) for n in (3, 5))
    model.save_weights(folder + "/model.weights.h5")
    foreign = keras.layers.deserialize, {"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "x"}}
    if keras.__version__.startswith("3"):  # what Keras 2 writes of an optimizer; above, what Keras 3 writes of an input
        settings = {"learning_rate": 0.1, "jit_compile": False, "is_legacy_optimizer": False}
        foreign = keras.optimizers.deserialize, {"class_name": "Adam", "config": settings}
    return {
        "a wrong path": fails(keras.models.load_model, folder + "/missing.h5"),
        "another Keras version": fails(*foreign),
        "another architecture": fails(wider.load_weights, folder + "/model.weights.h5"),
    }


def check_2_7(keras, np, folder):
    """A model has to be compiled before it can be saved and loaded.

    Today: Compile it to train it; an uncompiled model is saved and loaded all the same.
    """
    x, model = np.ones((2, 4), "float32"), keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    try:
        model.save(folder + "/model.h5")
        comes_back = np.array_equal(keras.models.load_model(folder + "/model.h5")(x), model(x))
    except Exception:
        comes_back = False
    return {"an uncompiled model does not come back": not comes_back}


def check_2_8(keras, np, folder):
    """The model from the `.h5` file is independent of the original and identical to it.

    Today: It has memory and weights of its own; for equal training use `.keras`, and mind the state of Dropout.
    """
    x, y = np.ones((2, 4), "float32"), np.ones((2, 3), "float32")
    model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    model.compile("adam", keras.losses.MeanSquaredError())
    model.train_on_batch(x, y)
    model.save(folder + "/model.h5")
    loaded, before = keras.models.load_model(folder + "/model.h5"), model.get_weights()
    identical = all(map(np.array_equal, loaded.get_weights(), before))

    def trained_alike():
        loaded.train_on_batch(x, y)
        still = all(map(np.array_equal, model.get_weights(), before))
        model.train_on_batch(x, y)
        return still and all(map(np.array_equal, loaded.get_weights(), model.get_weights()))

    return {"its weights are identical": identical, "trained on, each for itself, they stay so": trained_alike}


def check_2_9(keras, np, folder):
    """Loaded weights agree with the saved ones only up to floating-point precision.

    Today: Compare them with `np.array_equal`: a file keeps every bit.
    """
    model = keras.Sequential([keras.layers.Dense(30, input_shape=(40,)), keras.layers.BatchNormalization()])
    model.save(folder + "/model.h5")
    loaded = keras.models.load_model(folder + "/model.h5")
    return {"some bits differ": not all(map(np.array_equal, loaded.get_weights(), model.get_weights()))}


def check_2_10(keras, np):
    """Comparing means and other summaries of the weights is the stronger check.

    Today: Compare the arrays themselves, and the outputs.
    """
    x = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 4)
    model, other = (keras.Sequential([keras.layers.Dense(3, input_shape=(4,))]) for _ in range(2))
    other.set_weights([np.flip(each) for each in model.get_weights()])
    pairs = list(zip(other.get_weights(), model.get_weights()))
    alike = [np.allclose([a.mean(), a.std(), a.max()], [b.mean(), b.std(), b.max()]) for a, b in pairs]
    differ = not np.allclose(other(x), model(x))
    return {"it tells a model with the weights in another order apart": differ and not all(alike)}


def check_2_11(keras, np, folder):
    """Loading weights into another architecture always raises an error.

    Today: Keep some inputs with their outputs beside the file, and compare after loading.
    """

    def stack(units=5, activation="relu", more=(3,)):
        hidden = keras.layers.Dense(units, activation=activation, input_shape=(4,))
        return keras.Sequential([hidden] + [keras.layers.Dense(n) for n in more])

    def raises(receiver):
        try:
            receiver.load_weights(folder + "/model.weights.h5")
        except Exception:
            return True
        return False

    stack().save_weights(folder + "/model.weights.h5")
    return {
        "other units": raises(stack(units=7)),
        "a layer more": raises(stack(more=(5, 3))),
        "a layer less": raises(stack(more=())),
        "another activation": raises(stack(activation="tanh")),
    }


def check_2_12(keras, np, folder):
    """Keras keeps a model in two ways: its structure, and its weights.

    Today: There are also whole models, exports for inference, and checkpoints of any variables.
    """
    model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 3), "float32"))
    model.save(folder + "/model.keras")
    loaded = keras.models.load_model(folder + "/model.keras")
    more = getattr(loaded, "optimizer", None) is not None and int(loaded.optimizer.iterations.numpy()) == 1
    return {"a file of the whole model keeps no more than these": not more}


def check_2_13(keras, np, folder):
    """A cloned model cannot be loaded.

    Today: It can be saved and loaded like any other; give it weights first.
    """
    x, model = np.ones((2, 4), "float32"), keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    clone.save(folder + "/clone.h5")
    try:
        comes_back = np.array_equal(keras.models.load_model(folder + "/clone.h5")(x), model(x))
    except Exception:
        comes_back = False
    return {"a saved clone does not come back": not comes_back}


def check_2_14(keras, np, folder):
    """Loading the whole model is simpler and more robust than loading weights into code.

    Today: It is for built-in classes; for your own, register them, or load weights into the code.
    """

    class Reader(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

    x = np.ones((2, 4), "float32")

    def comes_back(model):
        answers = np.array(model(x))
        model.save(folder + "/model.keras")
        return np.array_equal(keras.models.load_model(folder + "/model.keras")(x), answers)

    return {
        "for built-in layers": lambda: comes_back(keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])),
        "for a class of your own, with nothing done for it": lambda: comes_back(Reader()),
    }


def check_2_15(keras):
    """The first layer is given the shape of the input as `input_shape`.

    Today: Begin with `keras.Input`, which both take without a warning.
    """
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    warned = any("input_shape" in str(each.message) for each in caught)
    return {"it works": len(model.weights) == 2, "without a warning": not warned}
