"""Claims about cloning models of TensorFlow Probability, treated in lesson 05."""

from workbook.lessons.claims import Claim

CLAIMS = (
    Claim(
        "1.E1",
        "A Sequential model goes through `tf.saved_model`, and the `weights` of what comes back are compared.",
        "`model.save` to a `.keras` file and `load_model`; `model.export` on Keras 3 where answers are enough.",
    ),
    Claim(
        "1.E2",
        "A network is saved, and with it a distribution class of your own that its training step uses.",
        "Write `_log_prob` and `_sample_n`, hand on `parameters`, and hold the distribution in the model or a module.",
    ),
    Claim(
        "1.E3",
        "A network is saved, and with it the surrogate posterior that was defined beside it.",
        "Put the posterior into a `tf.Module`, and that into a `tf.train.Checkpoint`.",
    ),
    Claim(
        "1.1",
        "`second = model` makes no second model: what you change in one shows in the other.",
        "It is so.",
    ),
    Claim(
        "1.2",
        "A model with TFP consists of variables, of layers if it is a Keras model, and of parts of your own.",
        "Use `tf_keras` wherever `tfp.layers` are in the model.",
    ),
    Claim(
        "1.3",
        "The surest clone of all is SavedModel together with `tf.function`.",
        "Run the code that made the model again, and carry its state over.",
    ),
    Claim(
        "1.4",
        "`tf.saved_model` clones any model of TFP, with your own distributions and layers in it.",
        "Make the model again from its class, then `set_weights` or a checkpoint.",
    ),
    Claim(
        "1.5",
        "What `tf.saved_model.load` returns can be used like the model that was saved.",
        "Use it for answers only, and keep it in a variable.",
    ),
    Claim(
        "1.6",
        "A SavedModel is portable, and any version reads it.",
        "Between the two Keras versions: the same code twice, and the weights as arrays.",
    ),
    Claim(
        "1.7",
        "What was loaded is an instance of its own, on which later changes of the original have no effect.",
        "It is so.",
    ),
    Claim(
        "1.8",
        "If `a is not b` holds for two weights, they have separate memory.",
        "Change one, and see that the other keeps still.",
    ),
    Claim(
        "1.9",
        "Loading fails if the class of your distribution is out of reach.",
        "It matters for routes that go through a config, such as `.keras` files.",
    ),
    Claim(
        "1.10",
        "A careless copy of a variational model shares the state of the optimizer.",
        "Give the clone an optimizer of its own, build it, and assign its variables.",
    ),
    Claim(
        "1.11",
        "SavedModel brings everything back, the variables of the optimizer included, so that training goes on.",
        "A checkpoint, a `.keras` file, or the optimizer's variables assigned one by one.",
    ),
    Claim(
        "1.12",
        "A normal distribution whose scale is `softplus(tf.Variable(...))` is a posterior that can be fitted.",
        "`tfp.util.TransformedVariable`, or `DeferredTensor`, as its scale.",
    ),
    Claim(
        "1.13",
        "For objects of TFP, a deep copy is the remedy.",
        "The class called with `distribution.parameters` and fresh variables, from the inside out.",
    ),
    Claim(
        "1.14",
        "`clone_model` of Keras takes the layers of TFP.",
        "Make the model again from its class, or pass `clone_model` a function that hands on the live functions.",
    ),
    Claim(
        "1.15",
        "Two Bayesian models with the same weights are the same model.",
        "Compare the added losses too. A model that its class made again has them all.",
    ),
    Claim(
        "1.16",
        "A model of variational layers behaves the same after SavedModel.",
        "The weights are the same; for the draws, the posterior and the optimizer make the model again.",
    ),
)
