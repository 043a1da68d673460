"""Judge a clone by the three tests, with all the evidence."""

from typing import Any

from helpers.engine import check_arguments, tried
from helpers.report import Report


def audit(
    original: Any, clone: Any, inputs: Any, targets: Any = None, steps: int = 3, train_batch: Any = None
) -> Report:
    """Judge whether a clone is true: Same start, Same future, Own life.

    Both models are compared object by object; then each answers the inputs and is trained for a few steps under the
    same random state, while the other is watched. Everything is put back afterwards, also if an error is raised:
    values, attributes, optimizers, metrics and the random state of the process. ``three_tests`` has the same
    outcome in numbers, for several clones at once.

    Args:
        original: a model of keras or tf_keras.
        clone: the model to judge, of the same generation.
        inputs: a batch of inputs that both take, (samples, ...), or a list or dict of such arrays.
        targets: targets for the loss that the models were compiled with, (samples, ...). Without them the training
            is the model's own as far as it needs none, and otherwise reduces the mean square of the outputs.
        steps: how many training steps each model makes, at least 1.
        train_batch: the batch that the model's own ``train_step`` takes, where that is not ``(inputs, targets)``:
            the images of a GAN that is called on noise, for example.

    Returns:
        A ``Report`` with ``.ok``, ``.failures`` and one ``Check`` for each thing compared.

    Raises:
        ValueError: the two are of different generations, or the original does not take ``inputs``, ``targets`` or
            ``train_batch``, or ``steps`` is not a number of steps.
        TypeError: one of them is not a Keras model.

    Example:
        >>> report = audit(model, keras.models.clone_model(model), x, y)   # doctest: +SKIP
        >>> report.failures                                                # doctest: +SKIP
        ['weights', 'outputs', 'outputs in training mode', 'optimizer state', 'training steps']
    """
    clones = {"clone": clone}
    check_arguments(original, clones, steps)
    # Nothing is compiled: so few steps are made sooner than that, and random operations of any kind draw alike.
    return tried(original, clones, inputs, targets, steps, train_batch, compiled=False).results()["clone"].report
