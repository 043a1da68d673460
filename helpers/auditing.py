"""Judge a clone by the three tests, with all the evidence."""

from typing import Any

from helpers.engine import tried
from helpers.report import SAME_START, Report


def audit(
    original: Any, clone: Any, inputs: Any, targets: Any = None, steps: int = 3, train_batch: Any = None
) -> Report:
    """Judge whether a clone is true by the three tests: Same start, Same future, Own life.

    The two models are compared object by object. Then each answers the inputs, and is trained for a few steps while
    the other is watched; both draw the same random numbers. Afterwards everything is as it was, even if an error was
    raised: values, attributes, optimizers, metrics and the random state of the process. `three_tests` reaches the same
    verdicts, and returns the distances step by step and for several clones at once.

    Args:
        original: A model of keras or tf_keras.
        clone: The model to judge, of the same Keras version.
        inputs: A batch of inputs that both take, (samples, ...), or a list or dict of such arrays.
        targets: Targets for the loss that the models were compiled with, (samples, ...). Without them, the model's
            own `train_step` is used if it needs no targets; otherwise training reduces the mean square of the outputs.
        steps: How many training steps each model makes, at least 1.
        train_batch: The batch that the model's own `train_step` takes, where that is not `(inputs, targets)`:
            the images of a GAN that is called on noise, for example.

    Returns:
        A `Report` with `.ok`, `.failures` and one `Check` for each thing compared.

    Raises:
        ValueError: The two are of different Keras versions, or the original does not take `inputs`, `targets` or
            `train_batch`, or `steps` is not a number of steps.
        TypeError: One of them is not a Keras model.

    Example:
        >>> import keras, numpy
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> x, y = numpy.ones((8, 2), "float32"), numpy.ones((8, 1), "float32")
        >>> audit(model, model, x, y).failures
        ['separate storage', 'clone keeps still', 'original keeps still']
    """
    clones = {"clone": clone}
    # Compiling would take longer than so few steps. And eagerly, random operations of any kind draw the same numbers.
    return tried(original, clones, inputs, targets, steps, train_batch, compiled=False).results()["clone"].report


def assert_true_clone(
    original: Any, clone: Any, inputs: Any, targets: Any = None, steps: int = 3, train_batch: Any = None
) -> Report:
    """Raise an error if a clone is not true, for the tests of your own project.

    A test that cannot be tried, such as Same future of a model without trainable weights, is no failure. But Same start
    has to be tried and passed.

    Args:
        original: See `audit`.
        clone: See `audit`.
        inputs: See `audit`.
        targets: See `audit`.
        steps: See `audit`.
        train_batch: See `audit`.

    Returns:
        The report, which says what was tried.

    Raises:
        AssertionError: The clone is not true. The message is the report.
        ValueError: See `audit`.
        TypeError: See `audit`.

    Example:
        >>> import keras, numpy
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> assert_true_clone(model, keras.models.clone_model(model), numpy.ones((8, 2)))
        Traceback (most recent call last):
        ...
        AssertionError: ✗ Not a true clone: it fails “Same start” and “Same future”.
        ...
    """
    __tracebackhide__ = True  # pytest then shows the line that called this
    report = audit(original, clone, inputs, targets, steps, train_batch)
    if not passes(report):
        raise AssertionError(str(report))
    return report


def passes(report: Report) -> bool:
    """Return True if nothing that was tried differs, and Same start was tried."""
    return report.ok and report.passed(SAME_START)
