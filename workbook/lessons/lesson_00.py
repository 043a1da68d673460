"""Prediction questions of notebook 00, Start here."""

from workbook.lessons.quiz import Option, Question

SAME_BATCHES = Question(
    key="00-same-batches",
    text="`model` and the second clone make one more training step, on the same batch. How do the two compare?",
    options=[
        Option(
            "Unequal gradients, and unequal weights after the step",
            "The gradients depend on the weights and the batch, and both are equal. What turns a gradient into a step?",
        ),
        Option(
            "Equal gradients, and equal weights after the step",
            "What Adam makes of a gradient depends on the steps before it, and the Adam of `copied` has made none.",
        ),
        Option(
            "Equal gradients, and unequal weights after the step",
            "Equal weights and an equal batch give equal gradients. But Adam keeps averages of its earlier steps: "
            "that of `model` has them, that of `copied` begins without.",
            right=True,
        ),
        Option(
            "Unequal gradients, and equal weights after the step",
            "It is the other way round: weights and batch are equal, and the two optimizers are not.",
        ),
    ],
)

COMPILED_AGAIN = Question(
    key="00-compiled-again",
    text="`model` has made 570 steps. The next cell makes two clones with `helpers.clone`, and gives them the smaller "
    "rate. How many steps does it print for the two?",
    options=[
        Option(
            "570 and 570",
            "One of the two is compiled with a new optimizer. Who has trained with that one?",
        ),
        Option(
            "0 and 570",
            "`compile` leaves weights alone, and puts a new optimizer in the place of the old one. A new rate alone "
            "changes nothing else in it.",
            right=True,
        ),
        Option(
            "570 and 0",
            "It is the other way round: the first one gets a new optimizer, the second keeps its own.",
        ),
        Option(
            "0 and 0",
            "`helpers.clone` carries the optimizer with its count. What does setting its rate change in it?",
        ),
    ],
)
