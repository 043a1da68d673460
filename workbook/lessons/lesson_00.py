"""Prediction questions and the exercise of notebook 00, Start here."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import audit, distances, keras_compat
from workbook.lessons import checks
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
        Option(
            "No, but it takes many steps to see it", "Rounding errors grow like that. This is not a rounding error."
        ),
    ],
)

# -- go on more slowly -------------------------------------------------------------------------------------------------

_RATE = 0.0001


@dataclass
class _Slower(checks.Trial):
    """A call of `slower`, with the original's optimizer and learning rate before the call."""

    optimizer: Any = None
    rate: float = 0.0

    @functools.cached_property
    def clone_rate(self) -> float:
        """The clone's learning rate, as `slower` set it."""
        return float(self.result.optimizer.learning_rate)

    @functools.cached_property
    def report(self) -> Any:
        """The audit at equal learning rates, so that the rate does not count as a difference."""
        asked, self.result.optimizer.learning_rate = self.clone_rate, self.rate
        try:
            return audit(self.original, self.result, self.inputs, self.targets)
        finally:
            self.result.optimizer.learning_rate = asked


def _call_slower(slower: Any) -> Iterator[_Slower]:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, activation="relu"), keras.layers.Dense(3)])
    checks.compile_and_fit(model, epochs=2)
    before, optimizer, rate = distances.values(model.weights), model.optimizer, float(model.optimizer.learning_rate)
    yield _Slower(model, slower(model), before, *checks.training_data(), optimizer, rate)


def _returns_a_model(trial: _Slower) -> str | None:
    import keras

    if isinstance(trial.result, keras.Model):
        return None
    return f"it returns a {type(trial.result).__name__}, not a model. End it with `return clone`."


def _leaves_the_rate_alone(trial: _Slower) -> str | None:
    if trial.original.optimizer is trial.optimizer and float(trial.optimizer.learning_rate) == trial.rate:
        return None
    return "the original has another learning rate than before. Set that of the clone only."


def _has_an_optimizer_of_its_own(trial: _Slower) -> str | None:
    if not keras_compat.is_compiled(trial.result):
        return "the clone is not compiled, so it cannot be trained on."
    if trial.result.optimizer is trial.optimizer:
        return "the two share one optimizer, so they have no lives of their own."
    return None


def _has_the_rate_that_was_asked_for(trial: _Slower) -> str | None:
    if np.isclose(trial.clone_rate, _RATE):
        return None
    return f"the clone has the learning rate {trial.clone_rate:g}, and {_RATE:g} is asked for."


GO_ON_SLOWER = Exercise(
    key="00-go-on-slower",
    title="go on more slowly",
    task="""
    Write `slower(model)`. It returns a second model that goes on where `model` stands, but in smaller steps: with the
    learning rate 0.0001. The first model has to stay as it is. This line sets a learning rate:
    `clone.optimizer.learning_rate = 0.0001`.
    """,
    checks=[
        checks.is_function("slower(model)"),
        checks.after(
            _call_slower,
            checks.returns_something("return clone"),
            checks.is_a_new_object(
                "it returns the model itself under a second name. That fails *Own life*: make a new model."
            ),
            _returns_a_model,
            checks.leaves_the_original_alone(
                lambda model: model.weights, "the original has other weights than before. Leave it as it is."
            ),
            _leaves_the_rate_alone,
            _has_an_optimizer_of_its_own,
            checks.audit_passes(
                "weights",
                "the clone has fresh weights. That fails *Same start*: `clone_model` copies the layers, not the "
                "weights.",
            ),
            checks.audit_passes(
                "optimizer state",
                "the clone's Adam has forgotten its earlier steps. That fails *Same future*. `clone_model` and "
                "`compile` both make a new optimizer.",
            ),
            _has_the_rate_that_was_asked_for,
            checks.audit_passes(),
        ),
    ],
    hints=[
        "Which of the four ways passed all three tests? Begin with that one.",
        "Three lines: make `clone` with `helpers.clone(model)`, set its learning rate, return it.",
    ],
    solution="""
    def slower(model):
        clone = helpers.clone(model)
        clone.optimizer.learning_rate = 0.0001
        return clone
    """,
    praise="The usual way, to `compile` again with a new Adam, would have thrown away what Adam remembers.",
)
