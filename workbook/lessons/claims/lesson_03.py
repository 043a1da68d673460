"""Claims about saving and loading a cloned model, treated in lesson 03."""

from workbook.lessons.claims import Claim

CLAIMS = (
    Claim(
        "2.E1",
        "Compile, train, save to `.h5`, `load_model`: the loaded model is equal and ready for use, training included.",
        "Save to `.keras`; a Keras 3 model from `.h5` has to be compiled again before it can be trained.",
    ),
    Claim(
        "2.E2",
        "Running the code of the architecture a second time gives a model with fresh weights.",
        "Hand the weights over, or load a file.",
    ),
    Claim(
        "2.E3",
        "`save_weights` into a file with a name like `my_weights.h5`, and `load_weights` into a second model.",
        "End the name in `.weights.h5`; that works on both.",
    ),
    Claim(
        "2.1",
        "`save` to `.h5` stores the architecture and the weights of a model.",
        "That is so for Sequential and Functional models; save a subclassed model to `.keras`.",
    ),
    Claim(
        "2.2",
        "`load_model` makes a fully configured model out of an `.h5` file.",
        "Save to `.keras`, which brings the loss, the optimizer and vocabularies back.",
    ),
    Claim(
        "2.3",
        "A new object of the same class has weights drawn at random.",
        "Unless the seeds are set again before it is made; then it draws the same numbers.",
    ),
    Claim(
        "2.4",
        "Handing weights over in memory, from one model to the other, is unreliable.",
        "`set_weights(get_weights())` is exact between two models made by the same code.",
    ),
    Claim(
        "2.5",
        "HDF5 is the robust way to keep a whole model.",
        "It is the legacy format on both; use `.keras`.",
    ),
    Claim(
        "2.6",
        "The usual causes of a failed load are a wrong path, another Keras version and another architecture.",
        "Read the message: on Keras 3 the type is the same for all three. A missing class is the fourth.",
    ),
    Claim(
        "2.7",
        "A model has to be compiled before it can be saved and loaded.",
        "Compile it to train it; an uncompiled model is saved and loaded all the same.",
    ),
    Claim(
        "2.8",
        "The model from the `.h5` file is independent of the original and identical to it.",
        "It has memory and weights of its own; for equal training use `.keras`, and mind the state of Dropout.",
    ),
    Claim(
        "2.9",
        "Loaded weights agree with the saved ones only up to floating-point precision.",
        "Compare them with `np.array_equal`: a file keeps every bit.",
    ),
    Claim(
        "2.10",
        "Comparing means and other summaries of the weights is the stronger check.",
        "Compare the arrays themselves, and the outputs.",
    ),
    Claim(
        "2.11",
        "Loading weights into another architecture always raises an error.",
        "Keep some inputs with their outputs beside the file, and compare after loading.",
    ),
    Claim(
        "2.12",
        "Keras keeps a model in two ways: its structure, and its weights.",
        "There are also whole models, exports for inference, and checkpoints of any variables.",
    ),
    Claim(
        "2.13",
        "A cloned model cannot be loaded.",
        "It can be saved and loaded like any other; give it weights first.",
    ),
    Claim(
        "2.14",
        "Loading the whole model is simpler and more robust than loading weights into code.",
        "It is for built-in classes; for your own, register them, or load weights into the code.",
    ),
    Claim(
        "2.15",
        "The first layer is given the shape of the input as `input_shape`.",
        "Begin with `keras.Input`, which both take without a warning.",
    ),
)
