"""The three tests of a true clone, in numbers and words: Same start, Same future, Own life.

There is one engine, `ThreeTests`. `three_tests` and `audit` run it to the end; a lab runs it a few steps at a time.
Its rule of tolerance applies to each variable separately:

- Before training, a variable must equal its counterpart bit for bit.
- After training, the two may differ by 100 units in the last place, but never by more than a thousandth of what this
  variable has moved (`distances.allowed_in_training`).
- Outputs may differ by 100 units in the last place of the largest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from helpers import checks, distances, keras_compat, model_diff, snapshot
from helpers.report import (
    ORDER,
    OTHER_STATE,
    OUTPUTS,
    OWN_LIFE,
    QUESTIONS,
    SAME_FUTURE,
    SAME_START,
    Check,
    ThreeTestsResult,
)
from helpers.text import digits
from helpers.training import Batches, CompiledRun, EagerRun, Run, defines_own_step, has_own_step

__all__ = ["ThreeTests", "three_tests"]

TRAIN = ("both", "original", "clone")


def three_tests(
    original: Any,
    clones: Any,
    inputs: Any,
    targets: Any = None,
    steps: int = 20,
    train_batch: Any = None,
) -> dict[str, ThreeTestsResult]:
    """Put one or more clones of a model to the three tests, and leave all models as they were.

    Args:
        original: A model of keras or tf_keras.
        clones: The clones by name, or one clone, which is then called "clone".
        inputs: A batch of inputs that all of them take, (samples, ...), or a list or dict of such arrays.
        targets: Targets for the loss that the models were compiled with, (samples, ...). Without them, the model's
            own `train_step` is used if it needs no targets; otherwise training reduces the mean square of the outputs.
        steps: How many training steps each model makes, at least 1.
        train_batch: The batch that the model's own `train_step` takes, where that is not `(inputs, targets)`.

    Returns:
        A result for each clone, by its name: `.ok`, `.verdicts`, `.sentence`, and the distances.

    Raises:
        ValueError: The models are of different Keras versions, or the original does not take `inputs`, `targets`
            or `train_batch`, or `steps` is less than 1.
        TypeError: One of them is not a Keras model.

    Example:
        >>> import keras, numpy
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> x, y = numpy.ones((8, 2), "float32"), numpy.ones((8, 1), "float32")
        >>> results = three_tests(model, {"clone_model": keras.models.clone_model(model)}, x, y)
        >>> results["clone_model"].fails
        ['Same start', 'Same future']
    """
    named = clones if isinstance(clones, Mapping) else {"clone": clones}
    return tried(original, named, inputs, targets, steps, train_batch, compiled=True).results()


def tried(
    original: Any,
    clones: Mapping[str, Any],
    inputs: Any,
    targets: Any,
    steps: int,
    train_batch: Any,
    compiled: bool,
) -> ThreeTests:
    """Run the engine to the end, for all clones.

    Some models can be trained only in compiled functions, others only outside them. If an error was raised in one way,
    the other is tried. So it is if nothing but the training steps went apart: TensorFlow may compile the steps of two
    equal models to different arithmetic, and Adam turns the rounding of a small gradient into a whole step.

    Args:
        original: See `three_tests`.
        clones: The clones by name.
        inputs: See `three_tests`.
        targets: See `three_tests`.
        steps: See `three_tests`.
        train_batch: See `three_tests`.
        compiled: The way to try first; see `ThreeTests`.
    """
    _check_arguments(original, clones, steps)
    # The replicas of a strategy draw random numbers in threads of their own, unless the step is compiled.
    compiled = compiled or any(map(keras_compat.strategy, (original, *clones.values())))

    @snapshot.unchanged()
    def run(compiled: bool) -> ThreeTests:
        tests = ThreeTests(original, inputs, targets, train_batch=train_batch, compiled=compiled)
        with snapshot.taken_once(original, *clones.values()):
            for name, clone in clones.items():
                tests.add(name, clone)
            tests.advance(steps)
            tests.compare_answers()
        return tests

    def failed(tests: ThreeTests) -> tuple[bool, int, int]:
        errors = sum(tests.error(name) is not None for name in clones)
        return tests.stuck, errors, sum(pair.only_steps_went_apart for pair in tests.results().values())

    try:
        first = run(compiled)
    except ValueError as error:
        try:
            second = run(not compiled)
        except ValueError as other:
            raise (other if compiled else error) from None  # the one without the traces of a compiled function
        if second.error() is not None:  # a compiled step may fail only once it runs
            raise
        return second
    return min(first, run(not compiled), key=failed) if any(failed(first)) else first


def _check_arguments(original: Any, clones: Mapping[str, Any], steps: int) -> None:
    """Raise an error if the models are of different Keras versions, or there are fewer than one step."""
    for clone in clones.values():
        kinds = [keras_compat.generation(model) for model in (original, clone)]
        if kinds[0] != kinds[1]:
            raise ValueError(
                f"The original is a model of {kinds[0]}, the clone one of {kinds[1]}. "
                "Compare models of the same Keras version."
            )
    if steps < 1:
        raise ValueError(f"The models cannot be trained for {steps} steps. Let them make 1 or more.")


class ThreeTests:
    """The engine of the three tests, one step at a time. All models are as they were after every call.

    Call `add` for each clone, then `advance` as often as you like, then `compare_answers` if the outputs after training
    should be compared as well. `results` is cheap at any time. `prepare` does a part of the work of `advance` earlier.

    Args:
        original: The model.
        inputs: See `three_tests`.
        targets: See `three_tests`.
        train_batch: See `three_tests`.
        compiled: Whether to compile the training step. If it is compiled, many steps are fast, and `advance` may be
            called again and again; if not, one call of `advance` has to make all steps.

    Example:
        >>> import keras, numpy
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> x, y = numpy.ones((8, 2), "float32"), numpy.ones((8, 1), "float32")
        >>> tests = ThreeTests(model, x, y, compiled=True)
        >>> tests.add("alias", model)
        >>> tests.advance(2)
        >>> tests.results()["alias"].future
        [0.0, 0.0, 0.0]
    """

    def __init__(
        self, original: Any, inputs: Any, targets: Any = None, *, train_batch: Any = None, compiled: bool = False
    ):
        keras_compat.generation(original)
        self.original, self.compiled = original, compiled
        try:
            self._batches = Batches(original, inputs, targets, train_batch)
        except Exception as error:  # whatever TensorFlow says about values that are not arrays
            raise ValueError(
                f"The inputs, targets or train_batch cannot be made into tensors ({checks.first_line(error)}). "
                "Pass arrays of numbers or texts, or lists or dicts of such arrays."
            ) from error
        self._answers: checks.Answers | None = None
        self._pairs: dict[str, _Pair] = {}
        self._run: Run | None = None
        self._held: snapshot.Snapshot | None = None
        self._why_not = ""  # why the original cannot be trained
        self._train: str | None = None

    def hold(self, *clones: Any) -> None:
        """Keep the present state of the models for all later calls. Walking through them takes long.

        Args:
            *clones: The clones. Until the last call, nobody else may change them or the original.
        """
        self._held = snapshot.Snapshot(self.original, *clones)

    def begin(self, name: str, clone: Any) -> None:
        """Compare the weights of a clone with those of the original, and nothing else yet. `add` does the rest.

        A lab shows their distances at once. Until `add`, the result has no verdict on a test that did not fail.

        Args:
            name: What to call the clone.
            clone: The model to judge.
        """
        self._check_addition(clone)
        counted = [getattr(model, "optimizer", None) for model in (self.original, clone)]
        # An optimizer of Keras 2 counts its steps once it is asked.
        with snapshot.objects_unchanged(
            part for each in counted for part in (each, *getattr(each, "__dict__", {}).values())
        ):
            self._pairs[name] = _Pair(self, name, clone)

    def add(self, name: str, clone: Any) -> None:
        """Compare a clone with the original as they are now: everything that needs no training.

        Args:
            name: What to call the clone.
            clone: The model to judge.
        """
        self._check_addition(clone)
        begun = self._pairs.pop(name, None)
        # An optimizer of Keras 2 counts its steps once it is asked.
        with snapshot.at_hand(self._held), snapshot.taken_once(self.original, clone):
            if begun is None or begun.complete or begun.clone is not clone:
                self.begin(name, clone)
                begun = self._pairs.pop(name)
            begun.complete_start()
        self._pairs[name] = begun

    def _check_addition(self, clone: Any) -> None:
        keras_compat.generation(clone)
        if self._run is not None:
            raise ValueError("The training has begun. Add all clones before it, or make a new ThreeTests.")

    def drop(self, name: str) -> None:
        """Leave a clone out from now on."""
        self._pairs.pop(name, None)

    def steps(self, name: str) -> int:
        """Return how many steps a clone was asked to make, whether or not it can be trained."""
        return self._pairs[name].asked

    def prepare(self, name: str | None = None) -> None:
        """Compile the training step of a clone, or of the original. This takes longer than many steps.

        `advance` does it if it has not been done. A lab calls this first, to show something in between.
        """
        with snapshot.at_hand(self._held):
            if name is None:
                self._prepare_original(0)
            else:
                self._pairs[name].prepare(0)

    def advance(self, steps: int = 1, train: str = "both", names: Iterable[str] | None = None) -> None:
        """Train for some more steps.

        Args:
            steps: How many training steps.
            train: `"both"`, `"original"` or `"clone"`; the same at every call. With one alone, Same future
                is not tried, because the two were not trained alike.
            names: The clones to train; None for all of them.
        """
        if train not in TRAIN:
            raise ValueError(f"`train` cannot be {train!r}. Use 'both', 'original' or 'clone'.")
        if self._train not in (None, train):
            raise ValueError("The training has begun with other models. Make a new ThreeTests to train others.")
        self._train = train
        with snapshot.at_hand(self._held):
            for name in self._pairs if names is None else names:
                self._pairs[name].advance(steps, train)
        if self._run is not None and self._pairs:
            self._run.forget(min(pair.judged for pair in self._pairs.values()) + 1)

    def compare_answers(self, names: Iterable[str] | None = None) -> None:
        """Compare what the models answer after the steps made so far: with each other, and with before."""
        with snapshot.at_hand(self._held):
            for name in self._pairs if names is None else names:
                self._pairs[name].compare_answers()

    def results(self) -> dict[str, ThreeTestsResult]:
        """Return what was found so far, by the names of the clones."""
        return {name: pair.result() for name, pair in self._pairs.items()}

    @property
    def stuck(self) -> bool:
        """Whether training the original was tried, and raised an error or moved nothing."""
        return self._run is not None and (self._run.error is not None or not any(self._run.moved))

    def error(self, name: str | None = None) -> Exception | None:
        """Return the error that training a clone raised, or that training the original raised, or None."""
        run = self._run if name is None else self._pairs[name].run
        return run.error if run is not None else None

    def answers(self, name: str | None = None) -> checks.Answers | None:
        """Return the answers of a clone, or of the original, before training; None if there are no weights yet."""
        if name is not None:
            return self._pairs[name]._answers
        if self._answers is None and (self.original.built or keras_compat.weights(self.original)):
            found = checks.Answers(self.original, self._batches)
            error = found.by_name["outputs"]
            # A model that is only ever trained, such as many GANs, may not define call.
            if isinstance(error, Exception) and not isinstance(error, NotImplementedError):
                raise ValueError(
                    f"The model {self.original.name!r} does not take these inputs ({checks.first_line(error)}). "
                    "Pass inputs of the shape and dtype that it is called with."
                ) from error
            self._batches.check()
            self._answers = found
        return self._answers

    def make_run(self, model: Any, watched: Mapping[str, Any], own: bool, draws: list[Any] | None = None) -> Run:
        """Make a run of a model, compiled or not."""
        if self.compiled:
            return CompiledRun(model, watched, self._batches, own)
        return EagerRun(model, watched, self._batches, own, draws)

    def _prepare_original(self, steps: int) -> Run | None:
        """Train the original until it has made so many steps. Return its run, or None if it cannot be trained."""
        if self._run is None and not self._why_not:
            self._start_original(steps)
        run = self._run
        if run is not None and run.error is None and run.steps < steps:
            run.advance(steps - run.steps)
        if run is not None and run.error is not None:
            self._why_not = f"the original cannot be trained ({checks.first_line(run.error)})"
            if self._batches.only_inputs and defines_own_step(self.original):
                self._why_not += "; pass the batch that its train_step takes as train_batch"
        return None if self._why_not else run

    def _start_original(self, steps: int) -> None:
        model, batches = self.original, self._batches
        if self.answers() is None:
            self._why_not = f"the original has no weights yet: call {model.name} once on inputs"
            return
        if not keras_compat.weights(model) or not model.trainable_weights:
            self._why_not = "the original has no trainable weights"
            return
        watched = {name: pair.clone for name, pair in self._pairs.items()}

        def started(own: bool) -> Run:
            run = self.make_run(model, watched, own)
            if run.error is None:
                run.advance(max(steps, 1) if not self.compiled else 0)
            return run

        if not has_own_step(model) and batches.train_batch is None:
            self._run = started(False)
            return
        self._run = started(True)
        error = self._run.error
        if error is None:
            return
        if batches.train_batch is not None:
            raise ValueError(
                f"The model {model.name!r} cannot be trained on this train_batch ({checks.first_line(error)}). "
                "Pass the batch that its train_step takes."
            ) from error
        stand_in = started(False)
        # With targets, only a model that cannot be trained in any way is excused.
        if not batches.only_inputs and (stand_in.error is None or isinstance(stand_in.error, NotImplementedError)):
            raise ValueError(
                f"The model {model.name!r} cannot be trained on these inputs and targets "
                f"({checks.first_line(error)}). Pass targets of the kind that its loss takes, or none."
            ) from error
        if stand_in.error is None and (self.compiled or stand_in.moved[-1]):
            self._run = stand_in


class _Pair:
    """The original and one clone, with everything found about them so far."""

    def __init__(self, tests: ThreeTests, name: str, clone: Any):
        self._tests, self.name, self.clone = tests, name, clone
        original = tests.original
        self.complete = False
        self._compare_weights(model_diff.compare(original, clone))
        # That equal weights are not all of Same start is still to be found out.
        self._checks = [check for check in [checks.of_weights(original, clone, self._apart)] if not check.passed]
        self.different = [name for name, distance in self.start.items() if distance != 0.0]
        self.run: Run | None = None
        self.asked = self.judged = 0
        self.future: list[Any] = [self._largest]
        self.future_state: list[Any] = []
        self.first_apart: int | None = None
        # Of the weights and of the other state: distance, name of the variable, distance that was allowed.
        self._worst = [(0.0, "", 0.0), (0.0, "", 0.0)]
        self.future_outputs: float | None = None
        self._outputs_apart = False
        self.answers_moved: dict[str, float] = {}

    def _compare_weights(self, walk: model_diff.Comparison) -> None:
        original, clone = self._tests.original, self.clone
        self._walk = walk
        self._weights = checks.Counterparts(keras_compat.weights(original), keras_compat.weights(clone), walk)
        self._apart = apart = self._weights.apart(original, clone)
        self.start: dict[str, float | None] = {}
        for weight, distance in apart.items():
            layer = weight.rsplit("/", 1)[0]
            known = self.start.get(layer, 0.0)
            self.start[layer] = None if distance is None or known is None else max(known, distance)
        self._largest = distances.largest_of(self.start.values())

    def complete_start(self) -> None:
        """Compare everything else that needs no training."""
        tests, original, clone = self._tests, self._tests.original, self.clone
        walk = self._walk
        if walk.of(model_diff.STRUCTURE, model_diff.SETTING, model_diff.STATE):
            notes = [checks.notes(model, tests._batches) for model in (original, clone)]
            self._compare_weights(walk := model_diff.compare(original, clone, set().union(*notes)))
        self._state = checks.Counterparts(keras_compat.other_state(original), keras_compat.other_state(clone), walk)
        self._checks = checks.at_rest(original, clone, walk, self._apart)
        self._answers: checks.Answers | None = None
        self._compare_answers_now()
        self.complete = True
        passed = {check.name: check.passed for check in self._checks}
        if passed["other state"] is not None:
            self.start[OTHER_STATE] = 0.0 if passed["other state"] else float("inf")
        if passed[OUTPUTS] is not None:
            self.start[OUTPUTS] = self._distance_of_outputs()
        unequal = {OTHER_STATE: passed["other state"] is False, OUTPUTS: passed[OUTPUTS] is False}
        self.different = [n for n, distance in self.start.items() if unequal.get(n, distance != 0.0)]
        self.future[0] = self._largest
        self.future_state = [self.start.get(OTHER_STATE, 0.0)]
        same = all(passed[name] is not False for name in ("weights", "other state"))
        self.first_apart = None if same else 0
        self._reach: list[list[float]] = [[0.0] * len(self._weights.originals), [0.0] * len(self._state.originals)]

    # -- at rest and in answering --

    def _compare_answers_now(self) -> None:
        tests, original = self._tests, self._tests.original
        of_original = tests.answers()
        if of_original is None:
            reason = f"the original has no weights yet: call {original.name} once on inputs"
            self._checks += [Check(SAME_START, name, None, reason) for name in checks.ANSWERS]
            self._checks.append(Check(SAME_FUTURE, "added losses", None, reason))
            return
        self._answers = checks.Answers(self.clone, tests._batches, of_original.draws)
        self._checks += [
            checks.of_answers(name, of_original, self._answers, original, self.clone) for name in checks.ANSWERS
        ]
        self._checks.append(checks.of_added_losses(of_original, self._answers))

    def _distance_of_outputs(self) -> float | None:
        both: Any = self._tests.answers(), self._answers
        of_original, of_clone = (each.by_name[OUTPUTS] for each in both)
        return None if isinstance(of_clone, Exception) else distances.largest_between(of_original, of_clone)

    # -- in training --

    @property
    def _why_not(self) -> str:
        """The reason why the clone cannot be trained, or an empty string."""
        original, clone = self._tests.original, self.clone
        if not keras_compat.weights(clone):
            return "it has no weights"
        if keras_compat.is_compiled(original) and not keras_compat.is_compiled(clone):
            return "it is not compiled"
        if not clone.trainable_weights:
            return "it has no trainable weights"
        return checks.first_line(self.run.error) if self.run is not None and self.run.error else ""

    def prepare(self, steps: int) -> Run | None:
        """Train the clone until it has made so many steps. Return its run, or None if it cannot be trained."""
        original = self._tests._prepare_original(steps)
        if original is None or self._why_not:
            return None
        if self.run is None:
            watched = {"original": self._tests.original}
            self.run = self._tests.make_run(self.clone, watched, original.own, getattr(original, "draws", None))
        if self.run.error is None and self.run.steps < steps:
            self.run.advance(steps - self.run.steps)
        return None if self.run.error else self.run

    def advance(self, steps: int, train: str) -> None:
        self.asked += steps
        original = self._tests._prepare_original(self.asked if train != "clone" else 0)
        clone = self.prepare(self.asked) if train != "original" and original is not None else None
        if train == "both" and original is not None and clone is not None:
            for step in range(self.judged + 1, self.asked + 1):
                self._judge(step, original, clone)
        self.judged = self.asked

    def _judge(self, step: int, original: Run, clone: Run) -> None:
        """Compare the two after one step of training alike."""
        largest = []
        for kind, (counterparts, of_original, of_clone, start) in enumerate(
            (
                (self._weights, original.weights[step], clone.weights[step], original.weights[0]),
                (self._state, original.state[step], clone.state[step], original.state[0]),
            )
        ):
            apart = 0.0
            if not counterparts.complete or len(of_clone) != len(counterparts.candidates):
                apart = float("inf")
                self._note_worst(kind, float("inf"), "", 0.0, step)
            else:
                for number, (a, place) in enumerate(zip(of_original, counterparts.places, strict=True)):
                    reach = self._reach[kind]
                    reach[number] = max(reach[number], distances.largest_difference(a, start[number]))
                    distance = distances.largest_difference(a, of_clone[place])
                    apart = max(apart, distance)
                    if not distance:
                        continue
                    allowed = distances.allowed_in_training(a, reach[number])
                    if distance > allowed:
                        name = keras_compat.variable_name(counterparts.originals[number], self._tests.original)
                        self._note_worst(kind, distance, name, allowed, step)
            largest.append(apart)
        self.future.append(largest[0])
        self.future_state.append(largest[1])
        clone.forget(step + 1)

    def _note_worst(self, kind: int, distance: float, name: str, allowed: float, step: int) -> None:
        if self.first_apart is None:
            self.first_apart = step
        if distance >= self._worst[kind][0]:
            self._worst[kind] = distance, name, allowed

    def compare_answers(self) -> None:
        """Compare the answers of both after training, and the answers of each before and after the other is trained."""
        tests = self._tests
        of_original, of_clone = tests.answers(), self._answers
        if (
            of_original is None
            or of_clone is None
            or any(isinstance(each.by_name[OUTPUTS], Exception) for each in (of_original, of_clone))
        ):
            return
        runs = {"original": tests._run if tests._train != "clone" else None, "clone": self.run}
        models = {"original": tests.original, "clone": self.clone}
        before = {"original": of_original.by_name[OUTPUTS], "clone": of_clone.by_name[OUTPUTS]}
        trained = {}
        for who, watched in (("original", "clone"), ("clone", "original")):
            run = runs[who]
            if run is None or run.error is not None or not run.steps:
                continue
            with snapshot.unchanged(tests.original, self.clone), run.trained():
                now = checks.outputs(models[watched], tests._batches, of_original.draws)
                trained[who] = checks.outputs(models[who], tests._batches, of_original.draws)
            self.answers_moved[watched] = checks.movement(now, before[watched])
        if len(trained) == 2:
            one, two = trained["original"], trained["clone"]
            self.future_outputs = distances.largest_between(one, two)
            # Once weights differ by rounding, outputs may differ by any amount.
            exact = not any(self.future) and not any(self.future_state)
            self._outputs_apart = exact and checks.movement(one, two) > 0.0

    # -- the result --

    def result(self) -> ThreeTestsResult:
        """Put together what was found so far."""
        found = sorted(
            [*self._checks, *(self._training_checks() if self.complete else [])],
            key=lambda check: (_TESTS.index(check.test), ORDER.index(check.name)),
        )
        original, clone = self._runs()
        moves = [
            run.watched_moved[name]
            for run, name in ((original, self.name), (clone, "original"))
            if run is not None and run.steps
        ]
        moved = [run.moved for run in (original, clone) if run is not None and run.steps]
        answers = self.answers_moved.values()
        return ThreeTestsResult(
            self.name,
            found,
            dict(self.start),
            tuple(self.different),
            list(self.future),
            list(self.future_state),
            self.future_outputs,
            self.first_apart,
            _largest_by_step(moves, self.asked),
            max(answers) if answers else None,
            _largest_by_step(moved, self.asked),
        )

    def _runs(self) -> tuple[Run | None, Run | None]:
        """Return the runs of the original and the clone; None for one that was not trained."""
        train = self._tests._train
        original = self._tests._run if train != "clone" and not self._tests._why_not else None
        return original, self.run if train != "original" else None

    def _training_checks(self) -> list[Check]:
        why = self._tests._why_not
        names = [(SAME_FUTURE, "training steps"), (OWN_LIFE, "clone keeps still"), (OWN_LIFE, "original keeps still")]
        if not why and not self.asked:
            why = "no training step was made yet"
        if why:
            return [Check(test, name, None, why) for test, name in names]
        original, clone = self._runs()
        why_not = self._why_not
        if why_not:
            why_not = f"the clone cannot be trained: {why_not}"
        return [
            self._of_steps(original, clone, why_not),
            self._of_watching("clone", "original", original, why_not),
            self._of_watching("original", "clone", clone, why_not),
        ]

    def _of_steps(self, original: Any, clone: Any, why_not: str) -> Check:
        name = "training steps"
        alone = self._tests._train
        if alone != "both":
            return Check(SAME_FUTURE, name, None, f"only the {alone} was trained")
        if why_not:
            return Check(SAME_FUTURE, name, False, why_not)
        if not self._weights.complete:
            return Check(SAME_FUTURE, name, False, "the models have different weights, so their steps cannot be alike")
        steps, moved = len(self.future) - 1, original.moved[-1]
        (weights_apart, weight, allowed), (state_apart, state, _) = self._worst
        apart = weights_apart or state_apart
        if not any(original.moved) and not any(clone.moved) and not apart:
            return Check(SAME_FUTURE, name, None, f"{steps} training steps moved no weight")
        differ = f"differ by up to {digits(self.future[-1])}" if self.future[-1] else "are equal"
        evidence = f"after {steps} steps alike, the weights {differ}, and training moved them by up to {digits(moved)}"
        if weights_apart and weight:
            evidence += f". In {weight}, rounding explains a difference by up to {allowed:.1g}"
        elif any(self.future):
            evidence += ". All of it is rounding"
        if state_apart:
            # No distance: that of two random states, or of two counts, says nothing beside that of the weights.
            evidence += f". State outside the weights is unequal{f': {state}' if state else ''}"
        if self._outputs_apart:
            evidence += ". The outputs went apart"
            return Check(SAME_FUTURE, name, False, evidence)
        return Check(SAME_FUTURE, name, not apart, evidence)

    def _of_watching(self, watched: str, trained: str, run: Run | None, why_not: str) -> Check:
        name = f"{watched} keeps still"
        if run is None:
            alone = self._tests._train
            only = f"only the {alone} was trained" if alone != "both" else f"the {trained} was not trained"
            return Check(OWN_LIFE, name, None, why_not if trained == "clone" and why_not else only)
        if run.error is not None or not run.steps:
            return Check(OWN_LIFE, name, None, why_not or f"the {trained} was not trained")
        key = self.name if watched == "clone" else "original"
        variables = run.watched_variables[key]
        moved = max(variables.values(), default=0.0)
        if not moved and not any(run.moved):
            return Check(OWN_LIFE, name, None, f"{run.steps} training steps moved no weight")
        evidence = f"while the {trained} made {run.steps} steps alone, the {watched} moved {digits(moved)}"
        if variables:
            evidence += f", such as in {max(variables, key=lambda place: variables[place])}"
        answers = self.answers_moved.get(watched, 0.0)
        if answers and not moved:
            evidence += f", but its answers moved {digits(answers)}"
        return Check(OWN_LIFE, name, not moved and not answers, evidence)


_TESTS = list(QUESTIONS)


def _largest_by_step(traces: Sequence[Sequence[float]], steps: int) -> list[float]:
    """Return the largest of several traces at each step."""
    if not traces:
        return [0.0]
    length = min(steps + 1, max(map(len, traces)))
    return [max(trace[step] for trace in traces if step < len(trace)) for step in range(length)]
