"""Train a model for a few steps, record the values of its variables after each, and put everything back."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from helpers import distances, keras_compat, random_state, snapshot

BATCH_SIZE = 32


class Batches:
    """The inputs and targets, and the small batches of them that the training steps take.

    Args:
        model: The model that is to be trained.
        inputs: The inputs of the model: (samples, ...), or a list or dict of such arrays.
        targets: Targets of its loss, or None.
        train_batch: The batch that the model's own `train_step` takes, where that is not `(inputs, targets)`.
    """

    def __init__(self, model: Any, inputs: Any, targets: Any = None, train_batch: Any = None):
        package = keras_compat.namespace(keras_compat.generation(model))
        self.inputs = tf.nest.map_structure(_as_tensor, inputs)
        self.targets = None if targets is None else tf.nest.map_structure(_as_tensor, targets)
        self.train_batch = None if train_batch is None else tf.nest.map_structure(_as_tensor, train_batch)
        self._pack = package.utils.pack_x_y_sample_weight if hasattr(package.utils, "pack_x_y_sample_weight") else _pack
        self._samples = _samples(self.inputs)
        # Some models take batches of one size only.
        symbols = tf.nest.flatten(getattr(model, "inputs", None) or [])
        sizes = [symbol.shape[0] for symbol in symbols if len(symbol.shape)]
        self._size = next(filter(None, sizes), BATCH_SIZE)
        # To cut a batch takes about as long as a training step of a small model. A cut shares the memory of the whole.
        self._cut: dict[int, tuple[Any, Any]] = {}

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
        if first not in self._cut:
            self._cut[first] = self._from(first)
        return self._cut[first]

    def _from(self, first: int) -> tuple[Any, Any]:
        def cut(array: Any) -> Any:
            return array if isinstance(array, tf.SparseTensor) else array[first : first + self._size]

        targets = None if self.targets is None else tf.nest.map_structure(cut, self.targets)
        return tf.nest.map_structure(cut, self.inputs), targets

    def of_step(self, step: int, own: bool) -> Any:
        """Return what one training step takes: the model's own `train_step`, or the stand-in."""
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
    """Return True if a model can be trained by its `train_step`: it is compiled, or defines a step of its own."""
    return keras_compat.is_compiled(model) or defines_own_step(model)


def defines_own_step(model: Any) -> bool:
    """Return True if a model has a `train_step` that is not the one of Keras."""
    base = keras_compat.namespace(keras_compat.generation(model)).Model
    return isinstance(model, base) and getattr(model.train_step, "__func__", None) is not base.train_step


def make_step(model: Any, batch: Any, own: bool) -> Any:
    """Train a model by one step: its own `train_step`, or the stand-in, which reduces the mean square of its outputs.

    A model's own step is used whenever there is one (`has_own_step`). The one exception: only inputs were given, and
    the step raised an error on them. Then `engine.ThreeTests` uses the stand-in.
    """
    strategy = keras_compat.strategy(model)

    def step() -> Any:
        return model.train_step(batch) if own else _stand_in_step(model, batch[0])

    if strategy is None or not keras_compat.is_compiled(model):
        return step()
    strategy.run(step)  # each replica takes the whole batch
    return None


def _stand_in_step(model: Any, inputs: Any) -> Any:
    with tf.GradientTape() as tape:
        outputs = distances.tensors(model(inputs, training=True))
        floats = [output for output in outputs if isinstance(output, tf.Tensor) and output.dtype.is_floating]
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


class Run:
    """The training of one model while others are watched. After each call of `advance` all are as they were before.

    Args:
        model: The model to train.
        watched: The models to watch, by name. They may share parts with the one that is trained.
        batches: What to train on.
        own: Whether to use the model's own `train_step` (see `make_step`).

    Attributes:
        error: The error that the training raised, or None. After an error no further steps are made.
        steps: The number of steps made.
        weights: The values of the model's weights by step, as tensors, which share their memory with the weights until
            those are next written; step 0 is before training.
        state: The same for the variables outside the weights.
        moved: How far the weights are from where they were at step 0, by step.
        watched_moved: How far the weights of each watched model are from where they were, by step.
        watched_variables: The names of all its variables that moved at any step, with the largest distance.
    """

    def __init__(self, model: Any, watched: Mapping[str, Any], batches: Batches, own: bool):
        self.model, self.batches, self.own = model, batches, own
        self.error: Exception | None = None
        self.steps = 0
        # Listing the variables of a model takes longer than a training step, so it is done once.
        self._weights = list(map(keras_compat.storage, keras_compat.weights(model)))
        self._state = list(map(keras_compat.storage, keras_compat.other_state(model)))
        self.weights = {0: distances.read(self._weights)}
        self.state = {0: distances.read(self._state)}
        self.moved = [0.0]
        self._models = dict(watched)
        # The variables of each, with their values now.
        self._watched: dict[str, list[tuple[Any, Any]]] = {}
        for name, each in watched.items():
            variables = self._to_watch(each)
            self._watched[name] = list(zip(variables, distances.read(variables), strict=True))
        self._watched_weights = {
            name: {id(keras_compat.storage(weight)) for weight in keras_compat.weights(each)}
            for name, each in watched.items()
        }
        self.watched_moved: dict[str, list[float]] = {name: [0.0] for name in watched}
        self.watched_variables: dict[str, dict[str, float]] = {name: {} for name in watched}

    def advance(self, steps: int) -> None:
        """Train for some more steps."""
        raise NotImplementedError

    @contextlib.contextmanager
    def trained(self) -> Iterator[None]:
        """Put the model into its state after the last step while the body runs."""
        raise NotImplementedError

    def forget(self, before: int) -> None:
        """Drop the values of the steps before this one, except step 0."""
        for step in [step for step in self.weights if 0 < step < before]:
            del self.weights[step], self.state[step]

    def _to_watch(self, model: Any) -> list[Any]:
        """Return the variables of a model that this training could move."""
        return distances.all_variables(model)

    def _note(self) -> None:
        """Record the values of all variables after a step."""
        self.steps += 1
        self.weights[self.steps] = distances.read(self._weights)
        self.state[self.steps] = distances.read(self._state)
        self.moved.append(distances.largest_between(self.weights[self.steps], self.weights[0]))
        for name, pairs in self._watched.items():
            now = distances.read([variable for variable, _ in pairs])
            moved, largest = self.watched_variables[name], 0.0
            for (variable, before), value in zip(pairs, now, strict=True):
                distance = distances.largest_difference(value, before)
                if distance:
                    called = keras_compat.variable_name(variable, self._models[name])
                    moved[called] = max(moved.get(called, 0.0), distance)
                if id(keras_compat.storage(variable)) in self._watched_weights[name]:
                    largest = max(largest, distance)
            self.watched_moved[name].append(largest)


class EagerRun(Run):
    """A run that makes all its steps in one call and compiles nothing.

    Two runs draw the same random numbers, whatever operations the models draw them with.

    Args:
        model: See `Run`.
        watched: See `Run`.
        batches: See `Run`.
        own: See `Run`.
        draws: The random numbers that a different run drew, to be drawn again.

    Attributes:
        draws: The random numbers that this run drew.
    """

    def __init__(
        self, model: Any, watched: Mapping[str, Any], batches: Batches, own: bool, draws: list[Any] | None = None
    ):
        self.draws = draws
        self._after: snapshot.Snapshot | None = None
        super().__init__(model, watched, batches, own)

    def advance(self, steps: int) -> None:
        """Make all steps. It cannot be called a second time."""
        if self.steps and steps:
            raise ValueError("An eager run makes all its steps at once. Make a new one, or a compiled one.")
        with snapshot.unchanged(self.model, *self._models.values()):
            try:
                with random_state.same_random_state(self.draws) as self.draws:
                    for number in range(steps):
                        make_step(self.model, self.batches.of_step(number, self.own), self.own)
                        self._note()
            except Exception as error:  # whatever a model raises is part of the evidence
                self.error = error
                return
            self._after = snapshot.Snapshot(self.model)

    @contextlib.contextmanager
    def trained(self) -> Iterator[None]:
        """Put the model into its state after the last step, within `snapshot.unchanged`."""
        if self._after is not None:
            self._after.restore()
        yield


class CompiledRun(Run):
    """A run that compiles the training step once, and can then make a few steps at a time.

    The compiled step uses the model's own optimizer and metrics, and tracing may build them. Afterwards every attribute
    is put back. From then on the step needs only the variables that it has captured; their values are kept here between
    two calls.
    """

    SEED = 0

    def __init__(self, model: Any, watched: Mapping[str, Any], batches: Batches, own: bool):
        self._step: Any = None
        self._captured: list[Any] = []
        self._values: Sequence[Any] = []
        error = None
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
        optimizer: Any = model.optimizer if keras_compat.is_compiled(model) else None
        if hasattr(optimizer, "build") and not getattr(optimizer, "built", True):
            with keras_compat.strategy(model).scope() if keras_compat.strategy(model) else contextlib.nullcontext():
                optimizer.build(model.trainable_variables)
        function = tf.function(lambda data: make_step(model, data, own))
        with random_state.seeded_tracing(self.SEED):
            self._step = function.get_concrete_function(batch)
        self._function = function  # the concrete function lives as long as this
        held = [*self._step.variables, *map(keras_compat.storage, distances.all_variables(model))]
        self._captured = list({id(variable): variable for variable in held}.values())

    def advance(self, steps: int) -> None:
        """Train for some more steps."""
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
        """Put the model into its state after the last step while the body runs."""
        with random_state.random_state_kept():
            before = distances.read(self._captured)
            distances.assign(self._captured, self._values)
            try:
                yield
            finally:
                distances.assign(self._captured, before)

    def _to_watch(self, model: Any) -> list[Any]:
        # A compiled step can change only the variables that it has captured.
        captured = set(map(id, self._captured))
        return [v for v in distances.all_variables(model) if id(keras_compat.storage(v)) in captured]
