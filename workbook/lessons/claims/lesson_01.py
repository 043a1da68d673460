"""Claims about how subclassed models work, treated in lesson 01. How they are tried: `trial.py`."""

WRITTEN_FOR = "2.0"  # the TensorFlow that the texts with these claims are about


def check_3_E1(keras):
    """After `build((None, 64))`, `summary()` lists the parameters of a model with two Dense layers from `__init__`.

    Today: Call the model on data or on an `Input`; then both Keras versions list them.
    """

    class TwoLayers(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.head = keras.layers.Dense(16), keras.layers.Dense(10)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    model = TwoLayers()
    model.build((None, 64))
    # The total that `summary()` ends with.
    return {"it counts all of them": lambda: model.count_params() == 64 * 16 + 16 + 16 * 10 + 10}


def check_3_E2(keras, tf, np, folder):
    """A custom layer that makes an unnamed weight in `__init__` can be used in a model, copied and stored.

    Today: Name the weight, accept `**kwargs`, and write `get_config`.
    """

    class Shift(keras.layers.Layer):
        def __init__(self, features=4):
            super().__init__()
            self.offset = self.add_weight(shape=(features,), initializer="random_normal")

        def call(self, inputs):
            return inputs + self.offset

    class Shifted(keras.Model):
        def __init__(self):
            super().__init__()
            self.shift, self.head = Shift(), keras.layers.Dense(1)

        def call(self, inputs):
            return self.head(self.shift(inputs))

    return {
        "it can be used in a model": lambda: Shifted()(np.ones((2, 4), "float32")).shape == (2, 1),
        "it can be made again from its config": lambda: Shift.from_config(Shift().get_config()),
        "a checkpoint can hold it": lambda: tf.train.Checkpoint(layer=Shift()).write(folder + "/shift"),
    }


def check_3_E3(keras, np):
    """A model can answer with one head in training and with another in prediction.

    Today: Use one head for both, or train the head that predicts.
    """

    class TwoHeads(keras.Model):
        def __init__(self):
            super().__init__()
            self.coach, self.player = keras.layers.Dense(3), keras.layers.Dense(3)

        def call(self, inputs, training=False):
            return self.coach(inputs) if training else self.player(inputs)

    x, model = np.ones((2, 4), "float32"), TwoHeads()
    shapes = [tuple(model(x, training=training).shape) for training in (True, False)]
    before = model.coach.get_weights()[0], model.player.get_weights()[0]
    model.compile("sgd", "mse")
    model.train_on_batch(x, np.ones((2, 3), "float32"))
    return {
        "it answers in both ways": shapes == [(2, 3), (2, 3)],
        "the head of training learns": not np.array_equal(before[0], model.coach.get_weights()[0]),
        "the head of prediction learns too": not np.array_equal(before[1], model.player.get_weights()[0]),
    }


def check_3_1(keras, np):
    """A subclass of `keras.Model` has to write both `__init__` and `call`.

    Today: `call` is enough. If you write `__init__`, begin it with `super().__init__()`.
    """

    class OnlyCall(keras.Model):
        def call(self, inputs):
            return 2 * inputs

    class NoCall(keras.Model):
        pass

    def needed(model):
        try:
            model(np.ones((1, 4), "float32"))
        except NotImplementedError:
            return True
        return False

    return {"`call` has to be written": needed(NoCall()), "`__init__` has to be written": needed(OnlyCall())}


def check_3_2(keras, np, folder):
    """A layer set as an attribute of `self` is tracked: it is trained and stored with the model.

    Today: An attribute, or a list, dict or tuple in one. Not a plain object or a function.
    """

    class Holder(keras.Model):
        def __init__(self):
            super().__init__()
            self.held = keras.layers.Dense(3)

        def call(self, inputs):
            return self.held(inputs)

    x, model, loaded = np.ones((2, 4), "float32"), Holder(), Holder()
    model(x)
    loaded(x)
    before = model.held.get_weights()[0]
    model.compile("sgd", "mse")
    model.train_on_batch(x, np.ones((2, 3), "float32"))
    model.save_weights(folder + "/holder.weights.h5")
    loaded.load_weights(folder + "/holder.weights.h5")
    return {
        "the model lists its weights": len(model.weights) == 2,
        "it is trained": not np.array_equal(before, model.held.get_weights()[0]),
        "it is stored": np.array_equal(loaded(x), model(x)),
    }


def check_3_3(keras, tf, np):
    """A subclass can bring its own training step or loop.

    Today: Override `train_step`; unpack its data with `keras.utils.unpack_x_y_sample_weight`.
    """

    class OwnStep(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

        def train_step(self, data):
            used.append(True)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(data[0], training=True) - 7.0) ** 2)
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
            return {"own": loss}

    def learns(train):
        before = np.mean((model(x) - 7.0) ** 2)
        train()
        return np.mean((model(x) - 7.0) ** 2) < before

    used, x, y, model = [], np.ones((2, 4), "float32"), np.zeros((2, 3), "float32"), OwnStep()
    model.compile("sgd", "mse")
    with_fit = learns(lambda: model.fit(x, y, epochs=3, verbose=0))
    return {
        "`fit` uses the step": bool(used),
        "and the model learns": with_fit,
        "a loop trains it": lambda: learns(lambda: [model.train_step((x, y)) for _ in range(3)]),
    }


def check_3_4(keras, np):
    """`call` must not change the model; only its layers may hold state.

    Today: Assigning to a weight in `call` is fine; keeping a tensor or a Python value there is not.
    """

    class Keeper(keras.Model):
        def __init__(self):
            super().__init__()
            self.calls = self.add_weight(name="calls", shape=(), initializer="zeros", trainable=False)
            self.last = None

        def call(self, inputs):
            self.calls.assign_add(1.0)
            self.last = 2.0 * inputs
            return self.last

    model = Keeper()
    for _ in range(3):
        model.predict(np.ones((2, 4), "float32"), verbose=0)
    try:
        model.last.numpy()
        lost = False
    except Exception:  # which one depends on the version
        lost = True
    return {
        "a tensor kept there is of no use": lost,
        "a weight assigned there is not right": float(model.calls.numpy()) != 3,
    }


def check_3_5(keras, np):
    """State belongs in class variables.

    Today: Make it a weight: `add_weight(..., trainable=False)`.
    """

    class Counter(keras.Model):
        batches = 0

        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            Counter.batches += 1
            return self.head(inputs)

    model, idle = Counter(), Counter()
    model.compile("sgd", "mse")
    model.fit(np.ones((24, 4), "float32"), np.ones((24, 3), "float32"), batch_size=2, verbose=0)
    return {"all 12 batches are counted": model.batches == 12, "another model counts for itself": idle.batches == 0}


def check_3_6(keras, np):
    """`build` runs by itself, at the first call.

    Today: Rely on it. Make there what depends on the shape of the inputs.
    """
    ran = []

    class Talker(keras.layers.Layer):
        def build(self, input_shape):
            ran.append("build")
            super().build(input_shape)

        def call(self, inputs):
            ran.append("call")
            return 2 * inputs

    talker = Talker()
    talker(np.ones((1, 4), "float32"))
    talker(np.ones((1, 4), "float32"))
    return {"before the first call, and once": ran == ["build", "call", "call"]}


def check_3_7(keras, np):
    """A layer needs `compute_output_shape` to be used for prediction.

    Today: Write it only where Keras 3 cannot find the shape by itself, as with `tf.numpy_function`.
    """

    class Halve(keras.layers.Layer):
        def call(self, inputs):
            return inputs[:, ::2]

    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1)(Halve()(inputs)))
    try:
        model.predict(np.ones((1, 4), "float32"), verbose=0)
        predicts = True
    except Exception:
        predicts = False
    return {"without it, a model with the layer does not predict": not predicts}


def check_3_8(keras, np, folder):
    """`get_config` is what lets a custom object be saved and loaded.

    Today: List every argument of the constructor, or the loaded object silently gets its default.
    """

    class Scale(keras.layers.Layer):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs):
            return self.factor * inputs

        def get_config(self):
            return dict(super().get_config(), factor=self.factor)

    class Forgetful(Scale):
        def get_config(self):
            return {name: value for name, value in super().get_config().items() if name != "factor"}

    def loaded(layer):
        keras.Sequential([keras.layers.Dense(3, input_shape=(4,)), layer]).save(folder + "/model.keras")
        known = {type(layer).__name__: type(layer)}
        return keras.models.load_model(folder + "/model.keras", custom_objects=known).layers[-1].factor

    return {
        "with it the argument comes back": lambda: loaded(Scale(3.0)) == 3.0,
        "without it the argument is lost": lambda: loaded(Forgetful(3.0)) != 3.0,
    }


def check_3_9(keras, np):
    """A model that does not know the shape of its inputs needs `build(shape)` to get its weights.

    Today: Call it on data; that gives both Keras versions the weights.
    """

    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

    built, called = Reader(), Reader()
    built.build((None, 4))
    called(np.ones((1, 4), "float32"))
    return {"`build` gives it the weights": len(built.weights) == 2, "nothing else does": len(called.weights) == 0}


def check_3_10(keras, np):
    """Custom layers can be had in subclassed models only.

    Today: Use them in Sequential and Functional models just as well.
    """

    class Double(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    def fails(make):
        try:
            return make()(np.ones((1, 4), "float32")).shape != (1, 3)
        except Exception:
            return True

    inputs = keras.Input((4,))
    return {
        "a Sequential model does not take one": fails(lambda: keras.Sequential([Double(), keras.layers.Dense(3)])),
        "a Functional model does not": fails(lambda: keras.Model(inputs, keras.layers.Dense(3)(Double()(inputs)))),
    }


def check_3_11(keras, np):
    """A subclassed model of two layers is the same as the Sequential model of these layers.

    Today: It computes the same. It gets its weights later, and nothing can walk its layers.
    """

    class AsClass(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.head = keras.layers.Dense(5), keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(self.hidden(inputs))

    listed = keras.Sequential([keras.layers.Dense(5, input_shape=(4,)), keras.layers.Dense(3)])
    x, written = np.ones((2, 4), "float32"), AsClass()
    as_early = len(written.weights) == len(listed.weights)
    written(x)
    written.set_weights(listed.get_weights())
    renew = {"clone_function": lambda layer: type(layer).from_config(layer.get_config())}
    return {
        "it answers the same": np.array_equal(written(x), listed(x)),
        "it has its weights as early": as_early,
        "`clone_model` can walk its layers": lambda: keras.models.clone_model(written, **renew),
    }


def check_3_12(keras, tf, np):
    """Branching on `training` inside `call` is an everyday pattern.

    Today: Fine with a Python bool. For a tensor use `keras.ops.cond`.
    """

    class Branching(keras.Model):
        def call(self, inputs, training=False):
            if training:
                return 2 * inputs
            return inputs

    x, model = tf.ones((2, 4)), Branching()
    recorded = tf.function(lambda flag: model(x, training=flag))
    return {
        "on a Python bool": lambda: np.array_equal(model(x, training=True), 2 * x),
        "on a tensor, in a `tf.function`": lambda: np.array_equal(recorded(tf.constant(True)), 2 * x),
    }


def check_3_13(keras, np):
    """A model with branches can be cloned by handing over its weights.

    Today: Run every branch of both models first, then hand the weights over.
    """

    class TwoHeads(keras.Model):
        def __init__(self):
            super().__init__()
            self.coach, self.player = keras.layers.Dense(3), keras.layers.Dense(3)

        def call(self, inputs, training=False):
            return self.coach(inputs) if training else self.player(inputs)

    x, model, clone = np.ones((1, 4), "float32"), TwoHeads(), TwoHeads()
    model(x, training=True)
    clone(x, training=False)

    def handed_over():
        clone.set_weights(model.get_weights())
        return np.allclose(clone(x), model(x))

    return {"the clone answers the same": handed_over}
