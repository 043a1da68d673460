"""Claims about `clone_model` and subclassed models, treated in lesson 02."""

from workbook.lessons.claims import Claim

CLAIMS = (
    Claim(
        "0.E1",
        "A model that makes its layer inside `call` can be cloned with `clone_model`, and the layers compared.",
        "Make layers in `__init__`, call the new instance on data, then hand the weights over.",
    ),
    Claim(
        "0.E2",
        "New instance, `build(shape)`, `set_weights`: the weights are carried over.",
        "Call the new instance on data instead of `build`.",
    ),
    Claim(
        "0.E3",
        "A convolutional model whose layers are made inside `call` can be cloned by handing the weights over.",
        "Make layers in `__init__` and compare every array and the outputs.",
    ),
    Claim(
        "0.1",
        "`clone_model` came with TensorFlow 2.10.",
        "It entered Keras in August 2017; it takes subclassed models since Keras 2.12.",
    ),
    Claim(
        "0.2",
        "Subclassed models are cloned another way than Functional and Sequential ones.",
        "Rely on `get_config` and `from_config` for a subclassed model.",
    ),
    Claim(
        "0.3",
        "Of a subclassed model `clone_model` reproduces the architecture and not the weights.",
        "Write a `get_config` with every argument of the constructor.",
    ),
    Claim(
        "0.4",
        "Of a Functional or Sequential model `clone_model` copies the weights.",
        "`clone.set_weights(model.get_weights())` carries them over.",
    ),
    Claim(
        "0.5",
        "The weights stay behind because a subclassed model makes its layers while it runs.",
        "They stay behind because a clone is made from the config, which holds no weights.",
    ),
    Claim(
        "0.6",
        "`clone_model` looks only at how the class is written.",
        "It looks at what `get_config` says at that moment.",
    ),
    Claim(
        "0.7",
        "The layer of a naive clone is there, and its weights are uninitialised.",
        "Weights are absent or freshly drawn; call the clone on data to have them.",
    ),
    Claim(
        "0.8",
        "Weights are carried over by taking them out, making a new instance, and putting them in.",
        "New instance with the same arguments, one call, `set_weights`.",
    ),
    Claim(
        "0.9",
        "`build(shape)` is what gives a subclassed model its weights.",
        "A call on data gives both Keras versions the weights.",
    ),
    Claim(
        "0.10",
        "Handing the weights over copes with layers that differ from call to call.",
        "Fix the layers in `__init__` and run every branch before you copy.",
    ),
    Claim(
        "0.11",
        "After `set_weights` the clone starts exactly like the original.",
        "Carry other state, compile settings and optimizer state too.",
    ),
    Claim(
        "0.12",
        "Equal numbers of weight arrays show that the clone is right.",
        "Compare every array and the outputs, and change one model to see the other keep still.",
    ),
    Claim(
        "0.13",
        "`clone_model` is not enough for a subclassed model; other means are needed.",
        "With a good `get_config`, `clone_model` and `set_weights` carry the weights; the optimizer needs more.",
    ),
)
