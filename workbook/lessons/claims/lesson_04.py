"""Claims about saving a subclassed model and going on without loss, treated in lesson 04."""

from workbook.lessons.claims import Claim

CLAIMS = (
    Claim(
        "4.E1",
        "A model whose config passes its activation through `activations.serialize` is saved to a folder and loaded.",
        "Put the activation into the config as it came, and save to a `.keras` file.",
    ),
    Claim(
        "4.E2",
        "A model with BatchNormalization, saved to a folder, answers as before when it is loaded.",
        "Save to a `.keras` file: both Keras versions then give the same bits.",
    ),
    Claim(
        "4.E3",
        "A layer with a weight that has no name is saved to a folder and loaded.",
        "Name the weight, and save to a `.keras` file.",
    ),
    Claim(
        "4.1",
        "The usual ways to save do not take along what `call` computes.",
        "A `.keras` file needs the code; `export`, and a folder of `tf_keras`, hold the traced computation.",
    ),
    Claim(
        "4.2",
        "A subclassed model can be saved with `save` and loaded with `load_model`, whatever the ending.",
        "Use the ending `.keras`.",
    ),
    Claim(
        "4.3",
        "Saving and loading loses the state of the optimizer.",
        "A `.keras` file keeps it; a folder of `tf_keras` does not.",
    ),
    Claim(
        "4.4",
        "The simplest reliable way is a `get_config` that lets `from_config` make the model again.",
        "Write `get_config`; the inherited `from_config` will do.",
    ),
    Claim(
        "4.5",
        "The config has to hold the arguments of the constructor, and the kinds of its layers too.",
        "The arguments have to be in it; the layers are made by your code.",
    ),
    Claim(
        "4.6",
        "From a checkpoint alone a subclassed model cannot be made.",
        "Make the model from code, call it, build its optimizer, then read and `assert_consumed`.",
    ),
    Claim(
        "4.7",
        "An activation that is not in the config is lost.",
        "Put it into the config: nothing warns you when it is missing.",
    ),
    Claim(
        "4.8",
        "`activations.serialize` takes what users pass as an activation: a name, nothing, a function.",
        "It takes a function: `activations.serialize(activations.get(activation))`.",
    ),
    Claim(
        "4.9",
        "A `from_config` that replaces an entry of the config by a function works and does no harm.",
        "Begin it with `config = dict(config)`, or leave it out.",
    ),
    Claim(
        "4.10",
        "`save` stores config and weights, and not the computation.",
        "So it is for a `.keras` file; a folder of `tf_keras` holds the computation too.",
    ),
    Claim(
        "4.11",
        "State of your own needs code of its own to be saved, such as a checkpoint.",
        "`add_weight(..., trainable=False)` is saved by a `.keras` file and by a checkpoint.",
    ),
    Claim(
        "4.12",
        "Layers that come with Keras are saved and loaded without further work.",
        "Most are; test those that hold functions, wrap layers or are adapted.",
    ),
    Claim(
        "4.13",
        "The statistics of BatchNormalization are saved without further work.",
        "Every way that carries all weights carries them; copying `trainable_weights` does not.",
    ),
    Claim(
        "4.14",
        "The statistics are saved only if the model was called with `training=True` before.",
        "They are weights from the moment on that the layer is built.",
    ),
    Claim(
        "4.15",
        "Outputs are equal if the sum of their differences is near 0.",
        "Take the largest absolute difference.",
    ),
    Claim(
        "4.16",
        "A class of your own is found again when the model is loaded, with nothing done for it.",
        "Register the class, and import its module before you load.",
    ),
    Claim(
        "4.17",
        "Small differences after reloading come from the compiler and the hardware.",
        "On one machine the bits are equal; look for what was lost.",
    ),
)
