"""Checks that many exercises share, models to try answers on, and the switch that turns `helpers.clone` off.

A check takes the answer from the learner's cell. It returns None, or a diagnosis: a clause that follows "Incorrect,
because". `after` calls an answer once and passes the result to further checks, which keeps each of them short:

>>> double = after(lambda answer: [answer(3)], lambda six: None if six == 6 else f"twice 3 is not {six}.")
>>> double(lambda number: number + 2)
'twice 3 is not 5.'
"""

from __future__ import annotations

import functools
import importlib
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import audit, cloning, distances

__all__ = [
    "Check",
    "Trial",
    "after",
    "audit_passes",
    "clone_switched_off",
    "compile_and_fit",
    "config_keeps_the_name",
    "creates_state_too_late",
    "fails",
    "gives_a_placeholder",
    "has_no_config_yet",
    "is_a_new_object",
    "is_derived_from",
    "is_function",
    "leaves_the_original_alone",
    "model_with_dropout",
    "returns_a_config",
    "returns_something",
    "same_values",
    "training_data",
]

Check = Callable[[Any], "str | None"]


# -- first checks of nearly every exercise -----------------------------------------------------------------------------


def is_function(signature: str) -> Check:
    """Check that the answer is a function.

    Args:
        signature: As in the learner's cell, such as `"slower(model)"`.

    Example:
        >>> is_function("slower(model)")(7)
        '`slower` is not a function. Keep the line `def slower(model):`.'
    """
    name = signature.partition("(")[0]

    def check(answer: Any) -> str | None:
        return None if callable(answer) else f"`{name}` is not a function. Keep the line `def {signature}:`."

    return check


def is_derived_from(base: str, name: str) -> Check:
    """Check that the answer is a class with the right base class.

    Args:
        base: The base class as the learner writes it, such as `"keras.Model"`; it is imported when the check runs.
        name: The name of the learner's class.
    """

    def check(answer: Any) -> str | None:
        package, _, path = base.partition(".")
        wanted = operator.attrgetter(path)(importlib.import_module({"tf": "tensorflow"}.get(package, package)))
        if isinstance(answer, type) and issubclass(answer, wanted):
            return None
        return f"`{name}` has to stay a class derived from `{base}`."

    return check


def returns_a_config(**arguments: Any) -> Check:
    """Check that `get_config` of a model made with these arguments returns a dict."""

    def check(answer: Any) -> str | None:
        config = answer(**arguments).get_config()
        if config is None:
            return "`get_config` returns nothing. (`dict.update` returns nothing either.)"
        if not isinstance(config, dict):
            return f"`get_config` returns a {type(config).__name__}. It has to return a dict."
        return None

    return check


def config_keeps_the_name(**arguments: Any) -> Check:
    """Check that the config of a model made with these arguments keeps the entries of the base class."""

    def check(answer: Any) -> str | None:
        if answer(**arguments, name="mine").get_config().get("name") == "mine":
            return None
        return "the entries of the base class are lost, the name among them. Begin with `**super().get_config()`."

    return check


def creates_state_too_late(action: Callable[[], Any]) -> bool:
    """Call a function, and return True if Keras 3 raises because `call` creates a weight or a layer.

    Raises:
        Exception: Any other error of the function.
    """
    try:
        action()
    except ValueError as error:
        if "cannot add new elements of state" in str(error):
            return True
        raise
    return False


# -- answers that were not begun ---------------------------------------------------------------------------------------


def gives_a_placeholder(probe: Callable[[Any], Any]) -> Callable[[Any], bool]:
    """Return a function that recognises an answer that was not begun: `probe` returns `...` for it."""

    def untouched(answer: Any) -> bool:
        try:
            return probe(answer) is ...
        except Exception:
            return False

    return untouched


has_no_config_yet = gives_a_placeholder(lambda answer: answer(2).get_config())


# -- one call of the answer, and checks of its effects -----------------------------------------------------------------


@dataclass
class Trial:
    """One call of a learner's function, for checks of its effects.

    Attributes:
        original: The model or distribution that the function was called on.
        result: The value that the function returned.
        before: Values of the original's variables before the call.
        inputs: Inputs for both, or None.
        targets: Targets for these inputs, or None.
    """

    original: Any
    result: Any
    before: Sequence[np.ndarray]
    inputs: Any = None
    targets: Any = None

    @functools.cached_property
    def report(self) -> Any:
        """The audit of original and result."""
        return audit(self.original, self.result, self.inputs, self.targets)


def after(call: Callable[[Any], Iterable[Any]], *checks: Check) -> Check:
    """Call an answer once, and check the result.

    Args:
        call: A function that takes the answer, calls it, and yields one object per call.
        *checks: Checks of such an object, tried in order.

    Returns:
        A check of the answer.
    """

    def check(answer: Any) -> str | None:
        for trial in call(answer):
            for each in checks:
                diagnosis = each(trial)
                if diagnosis is not None:
                    return diagnosis
        return None

    return check


def returns_something(ending: str) -> Check:
    """Check that the function returned something.

    Args:
        ending: The line that is missing, such as `"return clone"`.
    """
    return fails(lambda trial: trial.result is None, f"your function returns nothing. End it with `{ending}`.")


def is_a_new_object(diagnosis: str) -> Check:
    """Check that the function did not return the original."""
    return fails(lambda trial: trial.result is trial.original, diagnosis)


def leaves_the_original_alone(variables: Callable[[Any], Sequence[Any]], diagnosis: str) -> Check:
    """Check that the original's variables have the same values as before the call.

    Args:
        variables: Returns the variables of the original, in the order of the values in `Trial.before`.
        diagnosis: The diagnosis if they changed.
    """
    return fails(lambda trial: not same_values(trial.before, variables(trial.original)), diagnosis)


def fails(condition: Callable[[Any], bool], diagnosis: str) -> Check:
    """Return a check that returns the diagnosis if the condition is true."""
    return lambda trial: diagnosis if condition(trial) else None


def audit_passes(name: str | None = None, diagnosis: str = "") -> Check:
    """Check that one check of the audit passes, or all of them.

    Args:
        name: Name of a check of the audit, such as `"optimizer state"`. Default: all of them.
        diagnosis: The diagnosis if it fails.
    """

    def check(trial: Trial) -> str | None:
        failures = trial.report.failures
        if name is not None:
            return diagnosis if name in failures else None
        return None if trial.report.ok else f"the audit finds: {', '.join(failures)}."

    return check


def same_values(before: Sequence[np.ndarray], variables: Sequence[Any]) -> bool:
    """Return True if the variables have exactly these earlier values."""
    now = distances.values(variables)
    return len(before) == len(now) and not any(map(distances.largest_difference, before, now))


# -- models to try answers on ------------------------------------------------------------------------------------------


def training_data() -> tuple[np.ndarray, np.ndarray]:
    """Return 64 random samples of 4 features, float32, and their classes, 0 to 2."""
    generator = np.random.default_rng(0)
    return generator.normal(size=(64, 4)).astype("float32"), generator.integers(0, 3, 64)


def compile_and_fit(model: Any, optimizer: Any = "adam", **options: Any) -> None:
    """Compile a Keras 3 classifier of `training_data`, and train it; the options are those of `fit`."""
    import keras

    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(*training_data(), verbose=0, **options)


@functools.cache
def _reader_class() -> type:
    import keras

    @keras.saving.register_keras_serializable(package="workbook_exercises")
    class Reader(keras.Model):
        def __init__(self, units: int, **kwargs: Any):
            super().__init__(**kwargs)
            self.units = units
            self.hidden = keras.layers.Dense(units, activation="relu")
            self.dropout = keras.layers.Dropout(0.3)
            self.head = keras.layers.Dense(3)

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.head(self.dropout(self.hidden(inputs), training=training))

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    return Reader


def model_with_dropout() -> Any:
    """Return a subclassed classifier of Keras 3 with a Dropout layer; it is registered and has a good `get_config`."""
    return _reader_class()(5)


# -- exercises in which the learner writes the clone -------------------------------------------------------------------


@contextmanager
def clone_switched_off() -> Iterator[None]:
    """Make `helpers.clone` raise an error inside the block, because it would solve the exercise.

    Raises:
        RuntimeError: If `helpers.clone` is called inside the block.
    """

    def refuse(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("helpers.clone is switched off in this exercise")

    # `helpers` looks `clone` up in this module at each access.
    clone, cloning.clone = cloning.clone, refuse
    try:
        yield
    finally:
        cloning.clone = clone
