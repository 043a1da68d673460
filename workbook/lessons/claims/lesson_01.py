"""Claims about how subclassed models work, treated in lesson 01."""

from workbook.lessons.claims import Claim

CLAIMS = (
    Claim(
        "3.E1",
        "After `build((None, 64))`, `summary()` lists the parameters of a model with two Dense layers from `__init__`.",
        "Call the model on data or on an `Input`; then both Keras versions list them.",
    ),
    Claim(
        "3.E2",
        "A custom layer that makes an unnamed weight in `__init__` can be used in a model, copied and stored.",
        "Name the weight, accept `**kwargs`, and write `get_config`.",
    ),
    Claim(
        "3.E3",
        "A model can answer with one head in training and with another in prediction.",
        "Use one head for both, or train the head that predicts.",
    ),
    Claim(
        "3.1",
        "A subclass of `keras.Model` has to write both `__init__` and `call`.",
        "`call` is enough. If you write `__init__`, begin it with `super().__init__()`.",
    ),
    Claim(
        "3.2",
        "A layer set as an attribute of `self` is tracked: it is trained and stored with the model.",
        "An attribute, or a list, dict or tuple in one. Not a plain object or a function.",
    ),
    Claim(
        "3.3",
        "A subclass can bring its own training step or loop.",
        "Override `train_step`; unpack its data with `keras.utils.unpack_x_y_sample_weight`.",
    ),
    Claim(
        "3.4",
        "`call` must not change the model; only its layers may hold state.",
        "Assigning to a weight in `call` is fine; keeping a tensor or a Python value there is not.",
    ),
    Claim(
        "3.5",
        "State belongs in class variables.",
        "Make it a weight: `add_weight(..., trainable=False)`.",
    ),
    Claim(
        "3.6",
        "`build` runs by itself, at the first call.",
        "Rely on it. Make there what depends on the shape of the inputs.",
    ),
    Claim(
        "3.7",
        "A layer needs `compute_output_shape` to be used for prediction.",
        "Write it only where Keras 3 cannot find the shape by itself, as with `tf.numpy_function`.",
    ),
    Claim(
        "3.8",
        "`get_config` is what lets a custom object be saved and loaded.",
        "List every argument of the constructor, or the loaded object silently gets its default.",
    ),
    Claim(
        "3.9",
        "A model that does not know the shape of its inputs needs `build(shape)` to get its weights.",
        "Call it on data; that gives both Keras versions the weights.",
    ),
    Claim(
        "3.10",
        "Custom layers can be had in subclassed models only.",
        "Use them in Sequential and Functional models just as well.",
    ),
    Claim(
        "3.11",
        "A subclassed model of two layers is the same as the Sequential model of these layers.",
        "It computes the same. It gets its weights later, and nothing can walk its layers.",
    ),
    Claim(
        "3.12",
        "Branching on `training` inside `call` is an everyday pattern.",
        "Fine with a Python bool. For a tensor use `keras.ops.cond`.",
    ),
    Claim(
        "3.13",
        "A model with branches can be cloned by handing over its weights.",
        "Run every branch of both models first, then hand the weights over.",
    ),
)
