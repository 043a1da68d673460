"""Train a model for a few steps from where it stands, note where its variables go, and put everything back."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from helpers import distances, snapshot
from helpers import keras_compat as generations

BATCH_SIZE = 32


class Batches:
    """The inputs and targets, and the small batches of them that training uses.

    Args:
        model: the model that is to be trained.
        inputs: what it is called with: (samples, ...), or a list or dict of such arrays.
        targets: targets of its loss, or None.
        train_batch: the batch that the model's own ``train_step`` takes, where that is not ``(inputs, targets)``.
    """

    def __init__(self, model: Any, inputs: Any, targets: Any = None, train_batch: Any = None):
        package = generations.namespace(generations.generation(model))
        self.inputs = tf.nest.map_structure(_as_tensor, inputs)
        self.targets = None if targets is None else tf.nest.map_structure(_as_tensor, targets)
        self.train_batch = None if train_batch is None else tf.nest.map_structure(_as_tensor, train_batch)
        self._pack = package.utils.pack_x_y_sample_weight if hasattr(package.utils, "pack_x_y_sample_weight") else _pack
        self._samples = _samples(self.inputs)
        # A model that was made for batches of one size takes no other.
        symbols = tf.nest.flatten(getattr(model, "inputs", None) or [])
        sizes = [symbol.shape[0] for symbol in symbols if len(symbol.shape)]
        self._size = next(filter(None, sizes), BATCH_SIZE)

    @property
    def only_inputs(self) -> bool:
        """Whether there is nothing to train on but the inputs."""
        return self.targets is None and self.train_batch is None

    def check(self) -> None:
        """Raise an error if there is not one target for each input."""
        if self.targets is not None and _samples(self.targets) != self._samples:
            raise ValueError(
                f"There are {self._samples} inputs, but {_samples(self.targets)} targets. "
                "Pass one target for each input."
            )

    def batch(self, step: int) -> tuple[Any, Any]:
        """Return inputs and targets of one training step."""
        first = step % max(1, self._samples // self._size) * self._size

        def cut(array: Any) -> Any:
            return array if isinstance(array, tf.SparseTensor) else array[first : first + self._size]

        targets = None if self.targets is None else tf.nest.map_structure(cut, self.targets)
        return tf.nest.map_structure(cut, self.inputs), targets

    def of_step(self, step: int, own: bool) -> Any:
        """Return what one training step takes: the model's own ``train_step``, or the stand-in."""
        if not own:
            return (self.batch(step)[0],)
        return self._pack(*self.batch(step)) if self.train_batch is None else self.train_batch


def _pack(inputs: Any, targets: Any) -> Any:
    if targets is None:
        return inputs if not isinstance(inputs, (list, tuple, dict)) else (inputs,)
    return inputs, targets


def _as_tensor(value: Any) -> Any:
    return value if tf.is_tensor(value) else tf.convert_to_tensor(value)


def _samples(data: Any) -> int:
    first = tf.nest.flatten(data)[0]
    return int(first.shape[0]) if len(first.shape) else 1


def has_own_step(model: Any) -> bool:
    """Return True if a model can be trained by its ``train_step``: it is compiled, or its class defines one."""
    base = generations.namespace(generations.generation(model)).Model
    step = getattr(model.train_step, "__func__", None)
    return generations.is_compiled(model) or step is not base.train_step


def make_step(model: Any, batch: Any, own: bool) -> Any:
    """Train a model by one step: its own ``train_step``, or the stand-in, which reduces the mean square of its outputs.

    This is the one rule for when a model's own step is used: whenever ``has_own_step`` holds, unless that step was
    tried, there was nothing to give it but inputs, and it does not take those (see ``engine.ThreeTests``).
    """
    return model.train_step(batch) if own else _stand_in_step(model, batch[0])


def _stand_in_step(model: Any, inputs: Any) -> Any:
    with tf.GradientTape() as tape:
        outputs = tf.nest.flatten(model(inputs, training=True))
        floats = [output for output in map(tf.convert_to_tensor, outputs) if output.dtype.is_floating]
        means = [tf.reduce_mean(tf.square(tf.cast(output, tf.float32))) for output in floats]
        loss = tf.add_n(means + [tf.cast(extra, tf.float32) for extra in model.losses])
    weights = model.trainable_variables
    pairs = [(g, w) for g, w in zip(tape.gradient(loss, weights), weights, strict=True) if g is not None]
    if generations.is_compiled(model):
        model.optimizer.apply_gradients(pairs)
    else:
        for gradient, weight in pairs:
            weight.assign_sub(0.01 * tf.cast(tf.convert_to_tensor(gradient), weight.dtype))
    return loss


class Run:
    """One model in training while others are watched. Between two calls of ``advance`` all are as they were.

    Args:
        model: the model to train.
        watched: the models to watch, by name. They may share parts with it.
        batches: what to train on.
        own: whether to use the model's own ``train_step`` (see ``make_step``).

    Attributes:
        error: what the training raised, or None. A run that raised makes no further steps.
        steps: how many steps were made.
        weights: the values of the model's weights after each step, by step; those of step 0 stay.
        state: the same for the variables outside the weights.
        moved: how far the weights are from where they were at step 0, by step.
        watched_moved: how far the weights of each watched model are from where they were, by step.
        watched_variables: the names of all its variables that moved at any step, with the largest distance.
    """

    def __init__(self, model: Any, watched: Mapping[str, Any], batches: Batches, own: bool):
        self.model, self.batches, self.own = model, batches, own
        self.error: Exception | None = None
        self.steps = 0
        # Listing the variables of a model takes longer than a training step, so it is done once.
        self._weights = list(map(generations.storage, generations.weights(model)))
        self._state = list(map(generations.storage, generations.other_state(model)))
        self.weights = {0: distances.values(self._weights)}
        self.state = {0: distances.values(self._state)}
        self.moved = [0.0]
        self._models = dict(watched)
        self._watched = {name: self._to_watch(each) for name, each in watched.items()}
        self._watched_weights = {
            name: {id(generations.storage(weight)) for weight in generations.weights(each)}
            for name, each in watched.items()
        }
        self.watched_moved: dict[str, list[float]] = {name: [0.0] for name in watched}
        self.watched_variables: dict[str, dict[str, float]] = {name: {} for name in watched}

    def advance(self, steps: int) -> None:
        """Train on by a number of steps."""
        raise NotImplementedError

    @contextlib.contextmanager
    def trained(self) -> Iterator[None]:
        """Let the model be as trained as it is after the last step, until the body ends."""
        raise NotImplementedError

    def forget(self, before: int) -> None:
        """Drop the values of the steps before this one, except step 0."""
        for step in [step for step in self.weights if 0 < step < before]:
            del self.weights[step], self.state[step]

    def _to_watch(self, model: Any) -> list[tuple[Any, Any]]:
        """Return the variables of a model that this training could move, each with its values."""
        variables = distances.all_variables(model)
        return list(zip(variables, distances.values(variables), strict=True))

    def _note(self) -> None:
        """Note where everything is after a step."""
        self.steps += 1
        self.weights[self.steps] = distances.values(self._weights)
        self.state[self.steps] = distances.values(self._state)
        self.moved.append(distances.largest_between(self.weights[self.steps], self.weights[0]))
        for name, pairs in self._watched.items():
            now = distances.values([variable for variable, _ in pairs])
            moved, largest = self.watched_variables[name], 0.0
            for (variable, before), value in zip(pairs, now, strict=True):
                distance = distances.largest_difference(value, before)
                if distance:
                    called = generations.variable_name(variable, self._models[name])
                    moved[called] = max(moved.get(called, 0.0), distance)
                if id(generations.storage(variable)) in self._watched_weights[name]:
                    largest = max(largest, distance)
            self.watched_moved[name].append(largest)


class EagerRun(Run):
    """A run that makes all its steps at once, without compiling anything, under a random state of its own.

    This is the exact way: the training of two models draws the same random numbers, whatever the models are made of.

    Args:
        draws: the random numbers that another run drew, to be drawn again.

    Attributes:
        draws: what this run drew.
    """

    def __init__(self, model: Any, watched: Mapping[str, Any], batches: Batches, own: bool, draws: list | None = None):
        self.draws = draws
        self._after: snapshot.Snapshot | None = None
        super().__init__(model, watched, batches, own)

    def advance(self, steps: int) -> None:
        """Make all the steps. There is no second call."""
        if self.steps and steps:
            raise ValueError("An eager run makes all its steps at once. Make a new one, or a compiled one.")
        with snapshot.unchanged(self.model, *self._models.values()):
            try:
                with generations.same_random_state(self.draws) as self.draws:
                    for number in range(steps):
                        make_step(self.model, self.batches.of_step(number, self.own), self.own)
                        self._note()
            except Exception as error:  # whatever a model raises is part of the evidence
                self.error = error
                return
            self._after = snapshot.Snapshot(self.model)

    @contextlib.contextmanager
    def trained(self) -> Iterator[None]:
        """Let the model be as trained as it is after the last step, until the body ends."""
        with snapshot.unchanged(self.model):
            if self._after is not None:
                self._after.restore()
            yield


class CompiledRun(Run):
    """A run that compiles the training step once, and then makes a few steps at a time.

    The compiled step uses the model's own optimizer and metrics. Tracing may build them; afterwards every attribute is
    as before, and the step needs no Python object: only the variables that it has captured, whose values are kept here
    between calls.
    """

    SEED = 0

    def __init__(self, model: Any, watched: Mapping[str, Any], batches: Batches, own: bool):
        self._step: Any = None
        self._captured: list[Any] = []
        self._values: Sequence[Any] = []
        error = None
        # A step that is only inputs to a stand-in has no use for targets.
        batch = batches.of_step(0, own)
        with snapshot.unchanged(model, *watched.values()):
            try:
                self._compile(model, batch, own)
            except Exception as raised:  # whatever a model raises is part of the evidence
                error = raised
        self._values = distances.read(self._captured)
        super().__init__(model, watched, batches, own)
        self.error = error

    def _compile(self, model: Any, batch: Any, own: bool) -> None:
        optimizer = model.optimizer if generations.is_compiled(model) else None
        if hasattr(optimizer, "build") and not getattr(optimizer, "built", True):
            optimizer.build(model.trainable_variables)
        function = tf.function(lambda data: make_step(model, data, own))
        with generations.seeded_tracing(self.SEED):
            self._step = function.get_concrete_function(batch)
        self._function = function  # the concrete function lives as long as this
        held = [*self._step.variables, *map(generations.storage, distances.all_variables(model))]
        self._captured = list({id(variable): variable for variable in held}.values())

    def advance(self, steps: int) -> None:
        """Train on by a number of steps."""
        if self.error is not None:
            return
        with self.trained():
            try:
                for _ in range(steps):
                    self._step(self.batches.of_step(self.steps, self.own))
                    self._note()
            except Exception as error:  # whatever a model raises is part of the evidence
                self.error = error
            self._values = distances.read(self._captured)

    @contextlib.contextmanager
    def trained(self) -> Iterator[None]:
        """Let the model be as trained as it is after the last step, until the body ends."""
        before = distances.read(self._captured)
        distances.assign(self._captured, self._values)
        try:
            yield
        finally:
            distances.assign(self._captured, before)

    def _to_watch(self, model: Any) -> list[tuple[Any, Any]]:
        # A compiled step moves what it has captured, and nothing else.
        captured = set(map(id, self._captured))
        held = [v for v in distances.all_variables(model) if id(generations.storage(v)) in captured]
        return list(zip(held, distances.values(held), strict=True))
