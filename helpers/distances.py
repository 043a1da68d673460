"""Distances between two models, at rest and while they are trained."""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from helpers import keras_compat, random_state

BATCH_SIZE = 32


def largest_difference(a: Any, b: Any) -> float:
    """Return the largest absolute difference between two arrays.

    Args:
        a: array or tensor of any shape and dtype.
        b: the same shape as ``a``.

    Returns:
        0.0 if the arrays are equal bit for bit (NaN counts as equal to NaN); ``inf`` if the shapes differ, or if
        only one of two elements is a number, or if arrays that are not of numbers differ.

    Example:
        >>> largest_difference([1.0, 2.0], [1.0, 2.5])
        0.5
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return float("inf")
    try:
        a, b = a.astype(np.float64), b.astype(np.float64)
    except (TypeError, ValueError):
        return 0.0 if np.array_equal(a, b) else float("inf")
    if a.size == 0 or np.array_equal(a, b, equal_nan=True):
        return 0.0
    # Equal infinities subtract to NaN; so does a number and a NaN. Only the first pair is equal.
    with np.errstate(invalid="ignore"):
        difference = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    return float(np.max(np.nan_to_num(difference, nan=np.inf, posinf=np.inf)))


def tolerance(array: Any) -> float:
    """Return how far two equal computations may end up apart: 100 units in the last place of the largest element.

    Args:
        array: an array of numbers, or of anything else, for which it is 0.
    """
    array = np.asarray(array)
    dtype = tf.as_dtype(array.dtype)
    if not dtype.is_floating or array.size == 0:
        return 0.0
    largest = np.max(np.abs(np.nan_to_num(array.astype(np.float64), posinf=0.0, neginf=0.0)))
    # NumPy itself knows nothing of bfloat16.
    unit = 2.0**-7 if dtype == tf.bfloat16 else float(np.finfo(dtype.as_numpy_dtype).eps)
    return 100 * unit * max(1.0, float(largest))


def differs(a: Any, b: Any) -> bool:
    """Tell whether two arrays are further apart than rounding explains (see ``tolerance``)."""
    return largest_difference(a, b) > tolerance(a)


def read(variables: Sequence[Any]) -> list[tf.Tensor]:
    """Read variables into tensors, in order.

    A tensor shares its memory with the variable until the variable is next written, so reading copies nothing. The
    raw operation is an order of magnitude faster than ``Variable.read_value``.
    """
    held = map(keras_compat.storage, variables)
    return [tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype) for variable in held]


def equal_states(a: Any, b: Any) -> bool:
    """Tell whether two states of a random generator, however nested, are equal."""
    mine, theirs = tf.nest.flatten(a), tf.nest.flatten(b)
    return len(mine) == len(theirs) and all(map(np.array_equal, mine, theirs))


def values(variables: Sequence[Any]) -> list[np.ndarray]:
    """Copy the values of variables into NumPy arrays, in order."""
    return [tensor.numpy() for tensor in read(variables)]


def assign(variables: Sequence[Any], contents: Sequence[Any]) -> None:
    """Write tensors or arrays into variables of the same shapes, in order, past any constraint of a layer."""
    for variable, content in zip(map(keras_compat.storage, variables), contents, strict=True):
        tensor = tf.convert_to_tensor(content, variable.dtype)
        tf.raw_ops.AssignVariableOp(resource=variable.handle, value=tensor)


def all_variables(model: Any) -> list[Any]:
    """List every variable of a model: weights, other state, optimizer and metrics."""
    found = [*keras_compat.weights(model), *keras_compat.other_state(model), *keras_compat.metric_variables(model)]
    if keras_compat.is_compiled(model):
        found += keras_compat.optimizer_variables(model.optimizer)
    return found


def held_by(*models: Any) -> list[Any]:
    """List the TensorFlow variables behind everything that models hold, each once, also if models share it."""
    return list({id(held): held for m in models for held in map(keras_compat.storage, all_variables(m))}.values())


@contextmanager
def kept_as_they_are(*models: Any):
    """Put every variable of the models, and the random state of the process, back when the body ends.

    Args:
        *models: models that have their weights. They may share variables.

    Example:
        >>> with kept_as_they_are(model):
        ...     model.fit(inputs, targets)
    """
    held = held_by(*models)
    with restored(held):
        yield
    # Keras creates metrics when it first trains. What came in meanwhile goes back to zero, as it started.
    known = set(map(id, held))
    for variable in held_by(*models):
        if id(variable) not in known:
            variable.assign(tf.zeros_like(variable))


@contextmanager
def restored(held: Sequence[Any]):
    """Put TensorFlow variables, and the random state of the process, back when the body ends."""
    contents = read(held)
    with random_state.random_state_kept():
        try:
            yield
        finally:
            assign(held, contents)


def distance_per_weight(
    original: Any, clone: Any, counterparts: Sequence[Any] | None = None
) -> dict[str, float | None]:
    """Measure how far each weight of a clone is from the original's, paired by position.

    Args:
        original: a model that has its weights.
        clone: the other model.
        counterparts: the clone's weights in the original's order, if their own order is another.

    Returns:
        One entry for each weight of the original, named like ``dense/kernel``: the largest absolute difference, or
        None where the clone has no weight of that shape at that position. Weights that only the clone has follow,
        with None.
    """
    mine, theirs = keras_compat.weights(original), list(counterparts or keras_compat.weights(clone))
    distances: dict[str, float | None] = {}

    def note(name: str, distance: float | None) -> None:
        count = 2
        unique = name
        while unique in distances:
            unique, count = f"{name} #{count}", count + 1
        distances[unique] = distance

    for position, weight in enumerate(mine):
        other = theirs[position] if position < len(theirs) else None
        matches = other is not None and tuple(other.shape) == tuple(weight.shape)
        distance = largest_difference(*values([weight, other])) if matches else None
        note(keras_compat.variable_name(weight, original), distance)
    for weight in theirs[len(mine) :]:
        note(f"{keras_compat.variable_name(weight, clone)} (clone only)", None)
    return distances


def distance_per_layer(original: Any, clone: Any, counterparts: Sequence[Any] | None = None) -> dict[str, float | None]:
    """Measure how far each layer of a clone is from the original's: the largest of its weights' distances.

    Returns:
        One entry for each layer that holds weights, in order; None where a weight has no counterpart.
    """
    layers: dict[str, float | None] = {}
    for name, distance in distance_per_weight(original, clone, counterparts).items():
        layer = name.rsplit("/", 1)[0]
        known = layers.get(layer, 0.0)
        layers[layer] = None if distance is None or known is None else max(known, distance)
    return layers


def predictions(model: Any, inputs: Any) -> list[np.ndarray]:
    """Return what a model answers in inference mode, as a flat list of arrays.

    Distributions, as TensorFlow Probability's layers return them, are taken by their mean.
    """
    outputs = tf.nest.flatten(model(inputs, training=False))
    return [np.asarray(output.mean() if hasattr(output, "log_prob") else output) for output in outputs]


def answers(outputs: Any) -> list[np.ndarray]:
    """Turn what a model returned into a flat list of arrays.

    A distribution of TensorFlow Probability is one of its mean, its standard deviation, and the sample that it
    stands for, as far as it has them.
    """
    found = []
    for output in tf.nest.flatten(outputs, expand_composites=True):
        if not hasattr(output, "log_prob"):
            found.append(np.asarray(output))
            continue
        for moment in (output.mean, output.stddev, lambda output=output: tf.convert_to_tensor(output)):
            try:
                found.append(np.asarray(moment()))
            except (NotImplementedError, TypeError, ValueError):
                continue
    return found


def distance_per_pair(original: Any, pairs: Sequence[tuple[Any, Any]]) -> dict[str, float | None]:
    """Measure how far the variables of pairs are apart, by the names that they have in the original.

    Returns:
        The largest absolute differences; None where shapes or dtypes differ. Names that occur twice get a number.
    """
    distances: dict[str, float | None] = {}
    for a, b in pairs:
        name = keras_compat.variable_name(a, original)
        count = 2
        while name in distances:
            name, count = f"{keras_compat.variable_name(a, original)} #{count}", count + 1
        mine, theirs = values([a, b])
        alike = mine.shape == theirs.shape and mine.dtype == theirs.dtype
        distances[name] = largest_difference(mine, theirs) if alike else None
    return distances


def has_own_step(model: Any) -> bool:
    """Tell whether a model can be trained its own way: it is compiled, or it has a ``train_step`` of its own."""
    base = keras_compat.namespace(keras_compat.generation(model)).Model
    step = getattr(model.train_step, "__func__", None)
    return keras_compat.is_compiled(model) or step is not base.train_step


def own_step(model: Any, batch: Any) -> Any:
    """Train a model by one step of its own ``train_step``; return what it logs."""
    return model.train_step(batch)


def stand_in_step(model: Any, batch: Any) -> Any:
    """Train a model by one step that reduces the mean square of its outputs; return the loss."""
    with tf.GradientTape() as tape:
        outputs = tf.nest.flatten(model(batch[0], training=True))
        floats = [output for output in map(tf.convert_to_tensor, outputs) if output.dtype.is_floating]
        means = [tf.reduce_mean(tf.square(tf.cast(output, tf.float32))) for output in floats]
        loss = tf.add_n(means + [tf.cast(extra, tf.float32) for extra in model.losses])
    weights = model.trainable_variables
    pairs = [(g, w) for g, w in zip(tape.gradient(loss, weights), weights, strict=True) if g is not None]
    if keras_compat.is_compiled(model):
        model.optimizer.apply_gradients(pairs)
    else:
        for gradient, weight in pairs:
            weight.assign_sub(0.01 * tf.cast(tf.convert_to_tensor(gradient), weight.dtype))
    return loss


def largest_of(distances: Any) -> float:
    """Return the largest of many distances, with None (no counterpart) counted as infinite."""
    return max((float("inf") if distance is None else distance for distance in distances), default=0.0)


class TrainingStep:
    """One training step of a model, compiled once and used many times.

    The step is the model's own ``train_step``, the method that ``fit`` calls
    (https://keras.io/guides/custom_train_step_in_tensorflow/). It uses a stand-in for the model's optimizer, with
    the same settings and state, so that neither the optimizer object nor ``model.train_function`` is touched.

    Args:
        model: a model that has its weights. Without ``compile``, or with ``targets`` None, the step reduces the
            mean square of the outputs instead.
        inputs: one batch: a tensor, or a structure of tensors whose first axis is the batch.
        targets: targets that the model's loss takes, or None.
    """

    def __init__(self, model: Any, inputs: Any, targets: Any = None):
        self.model = model
        compiled = keras_compat.is_compiled(model)
        self.optimizer = _stand_in(model) if compiled else None
        own_objective = compiled and targets is not None

        def step(batch: Any) -> Any:
            if own_objective:
                return model.train_step(batch)
            with tf.GradientTape() as tape:
                outputs = tf.nest.flatten(model(batch[0], training=True))
                means = [tf.reduce_mean(tf.square(tf.cast(output, tf.float32))) for output in outputs]
                loss = tf.add_n(means + [tf.cast(extra, tf.float32) for extra in model.losses])
            weights = model.trainable_variables
            pairs = [(g, w) for g, w in zip(tape.gradient(loss, weights), weights, strict=True) if g is not None]
            if self.optimizer is not None:
                self.optimizer.apply_gradients(pairs)
            else:
                for gradient, weight in pairs:
                    weight.assign_sub(0.01 * tf.cast(tf.convert_to_tensor(gradient), weight.dtype))
            return loss

        # Python code of the step runs only while it is traced, so the stand-in is needed no longer than that.
        self._step = tf.function(step)
        own = model.optimizer if compiled else None
        try:
            if compiled:
                model.optimizer = self.optimizer
            self._step.get_concrete_function((inputs,) if targets is None else (inputs, targets))
        finally:
            if compiled:
                model.optimizer = own

    @property
    def state(self) -> list[Any]:
        """The variables that a step may change: weights, other state and the stand-in optimizer's own."""
        own = keras_compat.optimizer_variables(self.optimizer) if self.optimizer is not None else []
        return [*keras_compat.weights(self.model), *keras_compat.other_state(self.model), *own]

    def __call__(self, inputs: Any, targets: Any = None) -> None:
        """Train on one batch of the shapes and dtypes that the step was compiled for."""
        self._step((inputs,) if targets is None else (inputs, targets))


def _stand_in(model: Any) -> Any:
    """Make an optimizer with the same settings and state as a model's own, for the same weights."""
    own = model.optimizer
    stand_in = type(own).from_config(own.get_config())
    stand_in.build(model.trainable_variables)
    copy_optimizer_state(own, stand_in)
    return stand_in


def copy_optimizer_state(source: Any, target: Any) -> None:
    """Copy iterations, slots and learning rate of an optimizer into one that is built for a like model.

    An optimizer that has made no step yet has fewer variables than a built one: only what both have is copied.

    Raises:
        ValueError: the optimizers are of different kinds.
    """
    theirs, ours = keras_compat.optimizer_variables(source), keras_compat.optimizer_variables(target)
    if len(theirs) > len(ours) or any(tuple(a.shape) != tuple(b.shape) for a, b in zip(theirs, ours, strict=False)):
        raise ValueError(
            f"The state of the {type(source).__name__} optimizer ({len(theirs)} variables) does not fit "
            f"the new one ({len(ours)} variables). Build both for the same trainable weights."
        )
    assign(ours[: len(theirs)], values(theirs))
    rates = [source.learning_rate, target.learning_rate]
    if all(map(keras_compat.is_variable, rates)):
        # Keras 2 leaves the rate out of the optimizer's variables.
        assign(rates[1:], values(rates[:1]))


class ThreeTests:
    """Measure the three tests of a true clone, step by step: Same start, Same future, Own life.

    Each of the two models is trained from its state at the start while the other is watched. Between calls both
    are as they were, so that several pairs can share an original, and an alias (the same object twice) is
    measured like any other pair.

    Args:
        original: a model that has its weights.
        clone: the model to hold against it, of the same Keras generation.
        inputs: arrays whose first axis is the batch: (samples, ...), or a list or dict of such arrays.
        targets: targets for the models' own loss, or None for a stand-in objective (see ``TrainingStep``).
        seed: the seed under which both are trained.
        counterparts: the clone's weights in the original's order, if their own order is another.

    Attributes:
        start: distance per layer at step 0; None where there is no counterpart. ``"random state and others"``
            stands for state outside the weights, with ``inf`` where it differs; ``"outputs"`` for what they answer.
        future: the largest distance between the two at each step when both are trained alike.
        own_life: how far the model that was not trained has moved at each step (the larger of both directions).
        moved: how far the trained original itself has moved at each step, for scale.

    Example:
        >>> tests = ThreeTests(model, keras.models.clone_model(model), x, y)   # doctest: +SKIP
        >>> tests.advance(10)                                                  # doctest: +SKIP
        >>> tests.future[-1]                                                   # doctest: +SKIP
    """

    def __init__(
        self,
        original: Any,
        clone: Any,
        inputs: Any,
        targets: Any = None,
        seed: int = 0,
        counterparts: Sequence[Any] | None = None,
    ):
        self.original, self.clone, self.seed = original, clone, seed
        places = {id(weight): place for place, weight in enumerate(keras_compat.weights(clone))}
        self._order = [places[id(weight)] for weight in counterparts] if counterparts else None
        self._data = tf.nest.map_structure(tf.convert_to_tensor, (inputs,) if targets is None else (inputs, targets))
        self.start = distance_per_layer(original, clone, counterparts)
        self.future = [largest_of(self.start.values())]
        mine, theirs = (values(keras_compat.other_state(model)) for model in (original, clone))
        if mine or theirs:
            same = len(mine) == len(theirs) and not any(map(largest_difference, mine, theirs))
            self.start["random state and others"] = 0.0 if same else float("inf")
        if len(keras_compat.weights(original)) == len(keras_compat.weights(clone)):
            self.start["outputs"] = self._distance_of_outputs()
        self.own_life = [0.0]
        self.moved = [0.0]
        self._runs: dict[str, _Run] = {}
        self._chosen: list[str] | None = None
        self._held: list[Any] = []

    def _distance_of_outputs(self) -> float:
        """Return how far the outputs are apart for one batch; equal weights do not make equal models."""
        inputs = tf.nest.map_structure(lambda array: array[:BATCH_SIZE], self._data[0])
        outputs = []
        with kept_as_they_are(self.original, self.clone):
            for model in (self.original, self.clone):
                tf.random.set_seed(self.seed)
                outputs.append(predictions(model, inputs))
        if len(outputs[0]) != len(outputs[1]):
            return float("inf")
        return largest_of(map(largest_difference, *outputs))

    def advance(self, steps: int = 1, train: str = "both") -> None:
        """Train on by a number of steps, and add one number per step to each list.

        Args:
            steps: how many training steps.
            train: ``"both"``, ``"original"`` or ``"clone"``; the same at every call. With one alone, ``future``
                stays as it is, since the two were not trained alike.
        """
        if train not in ("both", "original", "clone"):
            raise ValueError(f"There is no training of {train!r}. Use 'both', 'original' or 'clone'.")
        chosen = ["original", "clone"] if train == "both" else [train]
        if self._chosen not in (None, chosen):
            raise ValueError("The training has begun with other models. Make a new ThreeTests to train others.")
        for who in chosen:
            self.prepare(who)
        if self._chosen is None:
            self._chosen, self._held = chosen, held_by(self.original, self.clone)
            # It starts the random state inside traced functions anew, alike for both and once for all.
            with random_state.random_state_kept():
                tf.random.set_seed(self.seed)
        paths = {}
        for who in chosen:
            # Both models go back to the start after each run: they may share variables.
            with restored(self._held):
                paths[who] = self._runs[who].advance(steps)
        for step in range(steps):
            self.own_life.append(max(path.other_moved[step] for path in paths.values()))
            self.moved.append(max(path.moved[step] for path in paths.values()))
            if train == "both":
                mine, theirs = paths["original"].weights[step], paths["clone"].weights[step]
                theirs = [theirs[place] for place in self._order] if self._order else theirs
                alike = len(mine) == len(theirs)
                self.future.append(largest_of(map(largest_difference, mine, theirs)) if alike else float("inf"))

    def moved_while(self, trained: str) -> float:
        """Return how far the other model has moved while ``"original"`` or ``"clone"`` was trained alone."""
        return self._runs[trained].watched_moved

    def prepare(self, who: str) -> None:
        """Compile the training step of the ``"original"`` or the ``"clone"``, which takes longer than many steps.

        ``advance`` does it when needed. A caller that has something else to do in between can do it before.
        """
        if who in self._runs:
            return
        trained, watched = (self.original, self.clone) if who == "original" else (self.clone, self.original)
        with kept_as_they_are(self.original, self.clone):
            # Operations of Keras 2 take their seeds from the global one while they are traced.
            tf.random.set_seed(self.seed)
            self._runs[who] = _Run(trained, watched, self._data)


def compare(
    original: Any, clones: Mapping[str, Any], inputs: Any, targets: Any = None, steps: int = 20
) -> dict[str, ThreeTests]:
    """Measure the three tests for several clones of one model, each over the same number of steps.

    Args:
        original: a model that has its weights.
        clones: the clones by label.
        inputs: arrays whose first axis is the batch.
        targets: targets for the models' own loss, or None.
        steps: how many training steps.

    Example:
        >>> plots.show(plots.three_tests(compare(model, {"=": model}, x, y)))   # doctest: +SKIP
    """
    measured = {label: ThreeTests(original, clone, inputs, targets) for label, clone in clones.items()}
    for tests in measured.values():
        tests.advance(steps)
    return measured


class _Path:
    """What was seen in a stretch of training: per step the weights, and how far both models have moved."""

    def __init__(self):
        self.weights: list[list[np.ndarray]] = []
        self.moved: list[float] = []
        self.other_moved: list[float] = []


class _Run:
    """One model in training while the other is watched; between calls the state is kept here."""

    def __init__(self, trained: Any, watched: Any, data: tuple):
        self._data = data
        self._batches = max(1, len(tf.nest.flatten(data)[0]) // BATCH_SIZE)
        self._step_number = 0
        self._step = TrainingStep(trained, *self._batch())
        # Listing a model's variables takes longer than a training step, so it is done once.
        self._trained, self._watched, self._variables = (
            list(map(keras_compat.storage, variables))
            for variables in (keras_compat.weights(trained), keras_compat.weights(watched), self._step.state)
        )
        self._start, self._watched_start = values(self._trained), values(self._watched)
        self._state = read(self._variables)
        self.watched_moved = 0.0

    def _batch(self) -> tuple:
        first = self._step_number % self._batches * BATCH_SIZE
        return tf.nest.map_structure(lambda array: array[first : first + BATCH_SIZE], self._data)

    def advance(self, steps: int) -> _Path:
        assign(self._variables, self._state)
        path = _Path()
        for _ in range(steps):
            self._step(*self._batch())
            self._step_number += 1
            path.weights.append(values(self._trained))
            path.moved.append(largest_of(map(largest_difference, path.weights[-1], self._start)))
            self.watched_moved = largest_of(map(largest_difference, values(self._watched), self._watched_start))
            path.other_moved.append(self.watched_moved)
        self._state = read(self._variables)
        return path
