"""Prediction questions of notebook 00, Start here."""

from workbook.lessons.quiz import Option, Question

SAME_BATCHES = Question(
    key="00-same-batches",
    text="`copied` has the weights of `model`, and reads every digit as `model` does. Both are compiled with Adam. You "
    "train both on the same batches, in the same order. Are their weights still equal?",
    options=[
        Option(
            "Yes, after any number of steps",
            "Equal weights and equal batches give equal gradients. But what Adam makes of a gradient depends on the "
            "steps before it, and `copied` has made none.",
        ),
        Option(
            "No, from the first step on",
            "Adam keeps averages of its earlier steps. The Adam of `model` has them, that of `copied` begins without.",
            right=True,
        ),
        Option(
            "No, but only after many steps",
            "Rounding errors grow like that, and both do the same arithmetic. Something was not copied.",
        ),
    ],
)

COMPILED_AGAIN = Question(
    key="00-compiled-again",
    text="`compiled = helpers.clone(model)` has all that the model has. Then you call "
    "`compiled.compile(keras.optimizers.Adam(0.0001), model.loss)`. With what does its next `fit` begin?",
    options=[
        Option(
            "The model's weights, and Adam's averages",
            "The averages were in the optimizer that `helpers.clone` made. `compile` puts the new one in its place.",
        ),
        Option(
            "The model's weights, and no averages",
            "`compile` leaves weights alone. The optimizer that you pass to it is new, so it has made no steps.",
            right=True,
        ),
        Option(
            "New random weights, and no averages",
            "`compile` sets optimizer, loss and metrics. It draws no weights.",
        ),
    ],
)
