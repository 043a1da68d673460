"""Prediction questions and the exercise of notebook 00, Start here."""

from typing import Any

import numpy as np

from helpers import audit, distances
from helpers import keras_compat as generations
from workbook.lessons.quiz import Exercise, Option, Question

SECOND_NAME = Question(
    key="00-second-name",
    text="You write `second = model`, and then you train `second`. What happens to `model`?",
    options=[
        Option("It stays as it is", "There is only one model here. The line gives it a second name."),
        Option("It changes too", "Both names stand for one model, so whoever trains one trains the other.", right=True),
        Option("Python raises an error", "Anything may have a second name, a model too."),
    ],
)

FRESH_WEIGHTS = Question(
    key="00-fresh-weights",
    text="You write `fresh = keras.models.clone_model(model)`. How well does `fresh` read the digits?",
    options=[
        Option("As well as the model", "That takes the weights of the model, and `clone_model` leaves them behind."),
        Option("A little worse than the model", "It has learned nothing at all, so it can only guess."),
        Option("No better than by guessing", "It has the same layers, and fresh weights drawn at random.", right=True),
    ],
)

LOST_OPTIMIZER = Question(
    key="00-lost-optimizer",
    text="Now the copy has the weights of the model, and answers exactly like it. You train both on the same data, in "
    "the same order. Do they stay equal?",
    options=[
        Option("Yes", "They would, if the optimizer had no memory. Adam has one, and the copy's is empty."),
        Option(
            "No, they differ after one step", "Adam goes by its earlier steps. The copy's has made none.", right=True
        ),
        Option("No, but it takes many steps to see it", "Rounding errors grow like that. This is no rounding error."),
    ],
)

_RATE = 0.0001


def _a_trained_model() -> tuple[Any, np.ndarray, np.ndarray]:
    """Make a small compiled model of Keras 3, and train it."""
    import keras

    generator = np.random.default_rng(0)
    inputs, targets = generator.normal(size=(64, 4)).astype("float32"), generator.integers(0, 3, 64)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, activation="relu"), keras.layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(inputs, targets, epochs=2, verbose=0)
    return model, inputs, targets


def _goes_on_slower(slower: Any) -> str | None:
    import keras

    if not callable(slower):
        return "`slower` is not a function. Keep the line `def slower(model):`."
    model, inputs, targets = _a_trained_model()
    weights, optimizer, rate = model.get_weights(), model.optimizer, float(model.optimizer.learning_rate)
    twin = slower(model)
    if twin is None:
        return "your function returns nothing. End it with `return twin`."
    if twin is model:
        return "it returns the model itself under a second name. That fails *Own life*: make a new model."
    if not isinstance(twin, keras.Model):
        return f"it returns a {type(twin).__name__}, not a model. End it with `return twin`."
    if any(map(distances.largest_difference, weights, model.get_weights())):
        return "the original has other weights than before. Leave it as it is."
    if model.optimizer is not optimizer or float(optimizer.learning_rate) != rate:
        return "the original has another learning rate than before. Set that of the twin only."
    if not generations.is_compiled(twin):
        return "the twin is not compiled, so it cannot be trained on."
    if twin.optimizer is optimizer:
        return "the two share one optimizer, so they have no lives of their own."
    twins_rate = float(twin.optimizer.learning_rate)
    # With the same rate the two have to be equal: what the audit then finds, the rate does not explain.
    twin.optimizer.learning_rate = rate
    report = audit(model, twin, inputs, targets)
    if "weights" in report.failures:
        return "the twin has fresh weights. That fails *Same start*: `clone_model` copies the layers, not the weights."
    if "optimizer state" in report.failures:
        return (
            "the twin's Adam has forgotten its earlier steps. That fails *Same future*. `clone_model` and `compile` "
            "both make a new optimizer."
        )
    if not np.isclose(twins_rate, _RATE):
        return f"the twin has the learning rate {twins_rate:g}, and {_RATE:g} is asked for."
    return None if report.ok else f"the audit finds: {', '.join(report.failures)}."


GO_ON_SLOWER = Exercise(
    key="00-go-on-slower",
    title="go on more slowly",
    task="""
    Write `slower(model)`. It returns a second model that goes on where `model` stands, but in smaller steps: with the
    learning rate 0.0001. The first model has to stay as it is. This line sets a learning rate:
    `twin.optimizer.learning_rate = 0.0001`.
    """,
    checks=[_goes_on_slower],
    hints=[
        "Which of the four ways passed all three tests? Begin with that one.",
        "Three lines: make `twin` with `helpers.clone(model)`, set its learning rate, return it.",
    ],
    solution="""
    def slower(model):
        twin = helpers.clone(model)
        twin.optimizer.learning_rate = 0.0001
        return twin
    """,
    praise="The usual way, to `compile` again with a new Adam, would have thrown away what Adam remembers.",
)
