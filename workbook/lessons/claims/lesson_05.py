"""Claims about cloning models of TensorFlow Probability, treated in lesson 05. How they are tried: `trial.py`."""


def check_1_E1(keras, tf, folder):
    """A Sequential model goes through `tf.saved_model`, and the `weights` of what comes back are compared.

    Today: `model.save` to a `.keras` file and `load_model`; `model.export` on Keras 3 where answers are enough.
    """
    model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])

    def listing():
        tf.saved_model.save(model, folder + "/model")
        loaded = tf.saved_model.load(folder + "/model")
        return loaded.weights[0] is not model.weights[0]

    return {"it runs, and the weights are different objects": listing}


def check_1_E2(keras, tf, tfp, np, folder):
    """A network is saved, and with it a distribution class of your own that its training step uses.

    Today: Write `_log_prob` and `_sample_n`, hand on `parameters`, and hold the distribution in the model or a module.
    """
    import pathlib

    class Peaked(tfp.distributions.Distribution):
        def __init__(self, loc, scale):
            kind = tfp.distributions.FULLY_REPARAMETERIZED
            super().__init__(tf.float32, kind, validate_args=False, allow_nan_stats=False)
            self.loc, self.scale = loc, scale

        def log_prob(self, value):
            return -tf.math.log(self.scale) - tf.abs(value - self.loc) / self.scale

    model, grid = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))]), np.linspace(-20, 20, 4001)
    tf.saved_model.save(model, folder + "/model")
    stored = b"".join(path.read_bytes() for path in pathlib.Path(folder).rglob("*.*") if path.is_file())
    density = np.exp(Peaked(0.0, 1.0).log_prob(grid.astype("float32")))
    return {
        "the network is saved": len(stored) > 0,
        "the distribution is saved with it": b"Peaked" in stored,
        "its probabilities sum to 1": abs(density.sum() * 0.01 - 1) < 0.01,
        "it can be sampled": lambda: Peaked(0.0, 1.0).sample(),
    }


def check_1_E3(keras, tf, tfp, folder):
    """A network is saved, and with it the surrogate posterior that was defined beside it.

    Today: Put the posterior into a `tf.Module`, and that into a `tf.train.Checkpoint`.
    """
    import pathlib

    model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    surrogate = tfp.distributions.Normal(tf.Variable(0.0, name="surrogate_loc"), 1.0)
    tf.saved_model.save(model, folder + "/model")
    stored = b"".join(path.read_bytes() for path in pathlib.Path(folder).rglob("*.*") if path.is_file())
    return {"the surrogate's variable is in what was saved": surrogate.loc.name.split(":")[0].encode() in stored}


def check_1_1(keras):
    """`second = model` makes no second model: what you change in one shows in the other.

    Today: It is so.
    """
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(4,))])
    second = model
    second.layers[0].bias.assign([5.0])
    return {"a change of the second shows in the first": float(model.layers[0].bias.numpy()[0]) == 5.0}


def check_1_2(keras, tfp, np):
    """A model with TFP consists of variables, of layers if it is a Keras model, and of parts of your own.

    Today: Use `tf_keras` wherever `tfp.layers` are in the model.
    """

    def made():
        return keras.Sequential([tfp.layers.DenseFlipout(2), tfp.layers.IndependentNormal(1)])

    return {
        "Keras takes the layers of TFP": made,
        "what they answer is a distribution": lambda: hasattr(made()(np.ones((1, 4), "float32")), "log_prob"),
    }


def check_1_3(tf, folder):
    """The surest clone of all is SavedModel together with `tf.function`.

    Today: Run the code that made the model again, and carry its state over.
    """

    class Box(tf.Module):
        def __init__(self):
            super().__init__()
            self.number, self.never_called = tf.Variable(3.0), tf.function(self.double)

        def double(self, plus):
            return 2 * self.number + plus

    tf.saved_model.save(Box(), folder + "/box")
    loaded = tf.saved_model.load(folder + "/box")
    return {
        "a method without `tf.function` comes back": lambda: float(loaded.double(tf.constant(1.0))) == 7,
        "a `tf.function` that was not called yet does": lambda: float(loaded.never_called(tf.constant(1.0))) == 7,
    }


def check_1_4(keras, tf, tfp, np, folder):
    """`tf.saved_model` clones any model of TFP, with your own distributions and layers in it.

    Today: Make the model again from its class, then `set_weights` or a checkpoint.
    """

    def reloaded(thing):
        tf.saved_model.save(thing, folder + "/thing")
        return tf.saved_model.load(folder + "/thing")

    box = tf.Module()
    box.posterior = tfp.distributions.Normal(tf.Variable(0.0), 1.0)
    parts = {"a distribution can be sampled": lambda: reloaded(box).posterior.sample()}
    if issubclass(tfp.layers.DenseFlipout, keras.layers.Layer):  # they are layers of Keras 2
        x, made = np.ones((2, 4), "float32"), [keras.layers.Dense(2, input_shape=(4,)), tfp.layers.IndependentNormal(1)]
        parts["a model still answers with a distribution"] = lambda: reloaded(keras.Sequential(made))(x).mean()
    return parts


def check_1_5(keras, tf, np, folder):
    """What `tf.saved_model.load` returns can be used like the model that was saved.

    Today: Use it for answers only, and keep it in a variable.
    """
    model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    tf.saved_model.save(model, folder + "/model")
    loaded = tf.saved_model.load(folder + "/model")
    return {
        "it can be called": lambda: np.array_equal(loaded(np.ones((2, 4), "float32")), model(np.ones((2, 4)))),
        "it has `variables`": hasattr(loaded, "variables"),
        "it has `get_weights`": hasattr(loaded, "get_weights"),
        "it has `fit`": hasattr(loaded, "fit"),
    }


def check_1_6(keras, tf, folder):
    """A SavedModel is portable, and any version reads it.

    Today: Between the two Keras versions: the same code twice, and the weights as arrays.
    """
    tf.saved_model.save(keras.Sequential([keras.layers.Dense(3, input_shape=(4,))]), folder + "/model")
    return {"`load_model` of the same Keras reads it": lambda: keras.models.load_model(folder + "/model")}


def check_1_7(keras, tf, np, folder):
    """What was loaded is an instance of its own, on which later changes of the original have no effect.

    Today: It is so.
    """
    x, model = tf.ones((2, 4)), keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    tf.saved_model.save(model, folder + "/model")
    loaded = tf.saved_model.load(folder + "/model")

    def answers():
        return [np.array(each) for each in loaded.signatures["serving_default"](x).values()]

    before = answers()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    return {"it answers as before": all(map(np.array_equal, answers(), before))}


def check_1_8(keras, tf, tfp, np):
    """If `a is not b` holds for two weights, they have separate memory.

    Today: Change one, and see that the other keeps still.
    """
    layer = keras.layers.Dense(1)
    layer.build((None, 1))
    if keras.__version__.startswith("3"):  # Keras 3 wraps the variable of TensorFlow
        one, other = layer.kernel, layer.kernel.value
    else:
        one, other = (
            tfp.util.DeferredTensor(pretransformed_input=layer.kernel, transform_fn=tf.identity) for _ in range(2)
        )
    layer.kernel.assign([[7.0]])
    followed = [np.array_equal(tf.convert_to_tensor(each), [[7.0]]) for each in (one, other)]
    return {"two different objects do not follow the same change": not (one is not other and all(followed))}


def check_1_9(tf, tfp, folder):
    """Loading fails if the class of your distribution is out of reach.

    Today: It matters for routes that go through a config, such as `.keras` files.
    """

    def save():
        class Own(tfp.distributions.Normal):
            pass

        box = tf.Module()
        box.distribution = Own(tf.Variable(0.0), 1.0)
        tf.saved_model.save(box, folder + "/box")

    save()  # the class is gone with the function
    try:
        tf.saved_model.load(folder + "/box")
        fails = False
    except Exception:
        fails = True
    return {"loading raises an error": fails}


def check_1_10(keras, np):
    """A careless copy of a variational model shares the state of the optimizer.

    Today: Give the clone an optimizer of its own, build it, and assign its variables.
    """
    x, model = np.ones((2, 4), "float32"), keras.Sequential([keras.layers.Dense(1, input_shape=(4,))])
    model.compile("adam", "mse")
    model.train_on_batch(x, x[:, :1])
    second, clone = model, keras.models.clone_model(model)
    clone.compile(model.optimizer, "mse")
    return {
        "a second name has the same optimizer": second.optimizer is model.optimizer,
        "a clone that is handed the optimizer trains with it": lambda: clone.train_on_batch(x, x[:, :1]),
    }


def check_1_11(keras, tf, np, folder):
    """SavedModel brings everything back, the variables of the optimizer included, so that training goes on.

    Today: A checkpoint, a `.keras` file, or the optimizer's variables assigned one by one.
    """
    x, model = np.ones((2, 4), "float32"), keras.Sequential([keras.layers.Dense(1, input_shape=(4,))])
    model.compile("adam", "mse")
    model.train_on_batch(x, x[:, :1])
    tf.saved_model.save(model, folder + "/model")
    loaded = tf.saved_model.load(folder + "/model")

    def next_step():
        pairs = [(tf.zeros_like(variable), variable) for variable in loaded.trainable_variables]
        loaded.optimizer.apply_gradients(pairs)

    return {
        "its count of steps comes back": lambda: int(loaded.optimizer.iterations.numpy()) == 1,
        "its optimizer takes the next step": next_step,
    }


def check_1_12(tf, tfp, np):
    """A normal distribution whose scale is `softplus(tf.Variable(...))` is a posterior that can be fitted.

    Today: `tfp.util.TransformedVariable`, or `DeferredTensor`, as its scale.
    """
    tfd = tfp.distributions
    target = tfd.MultivariateNormalDiag([1.0, -2.0], [0.1, 0.1])
    scale = tf.nn.softplus(tf.Variable([0.0, 0.0]))
    posterior = tfd.MultivariateNormalDiag(loc=tf.Variable([0.0, 0.0]), scale_diag=scale)
    before = np.array(posterior.stddev())
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tfd.kl_divergence(posterior, target)
        for slope, variable in zip(tape.gradient(loss, posterior.trainable_variables), posterior.trainable_variables):
            variable.assign_sub(0.001 * slope)
    return {
        "its scale is a variable to train": len(posterior.trainable_variables) == 2,
        "training moves its spread": not np.array_equal(before, posterior.stddev()),
    }


def check_1_13(tf, tfp):
    """For objects of TFP, a deep copy is the remedy.

    Today: The class called with `distribution.parameters` and fresh variables, from the inside out.
    """
    import copy

    tfd = tfp.distributions
    normal = tfd.Normal(tf.Variable([0.0, 1.0]), 1.0)

    def copied(distribution):
        pairs = zip(copy.deepcopy(distribution).variables, distribution.variables)
        return not any(new is old for new, old in pairs)

    return {
        "of a Normal": lambda: copied(normal),
        "of a MultivariateNormalDiag": lambda: copied(tfd.MultivariateNormalDiag(tf.Variable([0.0, 1.0]))),
        "of an Independent": lambda: copied(tfd.Independent(normal, 1)),
        "of a TransformedDistribution": lambda: copied(tfd.TransformedDistribution(normal, tfp.bijectors.Exp())),
    }


def check_1_14(keras, tfp):
    """`clone_model` of Keras takes the layers of TFP.

    Today: Make the model again from its class, or pass `clone_model` a function that hands on the live functions.
    """
    if not issubclass(tfp.layers.DenseFlipout, keras.layers.Layer):
        return "the layers of TFP are layers of Keras 2"

    def cloned(layer, size):
        inputs = keras.Input((size,))
        keras.models.clone_model(keras.Model(inputs, layer(inputs)))

    layers, distribution = tfp.layers, tfp.distributions.Normal
    return {
        "DenseFlipout": lambda: cloned(layers.DenseFlipout(1), 2),
        "DenseReparameterization": lambda: cloned(layers.DenseReparameterization(1), 2),
        "OneHotCategorical": lambda: cloned(layers.OneHotCategorical(3), 3),
        "IndependentNormal": lambda: cloned(layers.IndependentNormal(1), 2),
        "DistributionLambda": lambda: cloned(layers.DistributionLambda(lambda loc: distribution(loc, 1.0)), 2),
    }


def check_1_15(keras, tf, tfp, np):
    """Two Bayesian models with the same weights are the same model.

    Today: Compare the added losses too. A model that its class made again has them all.
    """
    if not issubclass(tfp.layers.DenseFlipout, keras.layers.Layer):
        return "the layers of TFP are layers of Keras 2"
    prior = tfp.distributions.Independent(tfp.distributions.Normal(tf.zeros(1), 1.0), 1)
    pull = tfp.layers.KLDivergenceRegularizer(prior)
    inputs = keras.Input((4,))
    code = tfp.layers.IndependentNormal(1, activity_regularizer=pull)(keras.layers.Dense(2)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(code))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for each in (model, clone):
        each(np.ones((2, 4), "float32"))
    return {"the clone with the same weights has the same added losses": len(clone.losses) == len(model.losses)}


def check_1_16(keras, tf, tfp, np, folder):
    """A model of variational layers behaves the same after SavedModel.

    Today: The weights are the same; for the draws, the posterior and the optimizer make the model again.
    """
    if not issubclass(tfp.layers.DenseFlipout, keras.layers.Layer):
        return "the layers of TFP are layers of Keras 2"
    x, model = np.ones((2, 4), "float32"), keras.Sequential([tfp.layers.DenseFlipout(1, input_shape=(4,))])
    model.compile("adam", "mse")
    model.train_on_batch(x, x[:, :1])
    model.save(folder + "/model")
    loaded = keras.models.load_model(folder + "/model")

    def drawn(each):
        tf.random.set_seed(1)
        return np.array(each(x))

    return {
        "its weights are the same": all(map(np.array_equal, loaded.get_weights(), model.get_weights())),
        "it draws the same under one seed": np.array_equal(drawn(loaded), drawn(model)),
        "its posterior is a distribution": lambda: loaded.layers[0].kernel_posterior.sample(),
        "its optimizer has made the same steps": int(loaded.optimizer.iterations.numpy()) == 1,
    }
