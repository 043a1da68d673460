"""Prediction questions and exercises of notebook 04, Save and resume without loss."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from helpers import distances, keras_compat
from workbook.lessons import checks
from workbook.lessons.quiz import Exercise, Option, Question

TRAIN_ON = Question(
    key="04-two-files",
    text="At which learning rate does the loaded model begin this epoch, and with which weights does it end?",
    options=[
        Option(
            "At 0.02, and with other weights than `model`",
            "The schedule computes its rate from the optimizer's number of steps, and that is in the file.",
        ),
        Option(
            "At 0.0006, and with the same weights as `model`",
            "The file holds all that an epoch without Dropout and shuffling depends on: weights, averages and the "
            "number of steps, from which the schedule computes the rate.",
            right=True,
        ),
        Option(
            "At 0.0006, and with other weights than `model`",
            "The file keeps each bit, Adam's averages too, and both models do the same sums in the same order.",
        ),
        Option(
            "At 0.02, and with the same weights as `model`",
            "A rate more than thirty times as high leads elsewhere. But the number of steps is in the file.",
        ),
    ],
)

TRAIN_WITH_DROPOUT = Question(
    key="04-dropout-resumed",
    text="Which weights are equal afterwards?",
    options=[
        Option(
            "Those of both layers, in all three models",
            "A Dropout layer of Keras 3 has a random state of its own, which no seed of the process puts back.",
        ),
        Option(
            "Those before Dropout, in all three models",
            "That layer computes the same outputs in the first step. But its gradients come back through the Dropout "
            "layer.",
        ),
        Option(
            "Those of both layers, in the two loaded models",
            "Both loaded Dropout layers begin to count again, so they draw the same masks. The first model has "
            "counted on.",
            right=True,
        ),
        Option(
            "Those of neither layer, in any two models",
            "The first model draws masks of its own. But the two loaded ones begin alike, and so do their Dropout "
            "layers.",
        ),
    ],
)

TRAIN_IN_THE_EVENINGS = Question(
    key="04-stopping",
    text="How many epochs does the next cell train, at one go, and then in all evenings together?",
    options=[
        Option(
            "2, and then 11",
            "`patience` counts the epochs after the best one, which is the first. And each evening the callback "
            "begins again.",
        ),
        Option(
            "2, and then 20",
            "The evenings are right. At one go, `patience` counts the epochs after the best one, which is the first.",
        ),
        Option(
            "3, and then 11",
            "It would have to remember: then each evening but the first would end after one epoch. But `fit` sets it "
            "back.",
        ),
        Option(
            "3, and then 20",
            "At one go it waits for two epochs after the first. Each further call of `fit` sets its count to 0 and "
            "forgets the best loss, so it never waits for two.",
            right=True,
        ),
    ],
)


# -- interrupt a training ----------------------------------------------------------------------------------------------


@dataclass
class _Interruption(checks.Trial):
    """A call of `stop`, and one of `go_on` with what it left; `written` is True if there was anything in the folder."""

    written: bool = False


def _are_two_functions(answer: Any) -> str | None:
    if isinstance(answer, (tuple, list)) and len(answer) == 2 and all(map(callable, answer)):
        return None
    return "two functions are asked for. Keep both `def` lines, and the last one: `(stop, go_on)`."


def _train(model: Any) -> None:
    inputs, targets = checks.training_data()
    model.fit(inputs, targets, batch_size=16, shuffle=False, verbose=0)


def _trained_model() -> Any:
    import keras

    model = checks.model_with_dropout()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=2, decay_rate=0.5)
    checks.compile_and_fit(model, keras.optimizers.Adam(schedule), batch_size=16, shuffle=False)
    return model


def _stop_and_go_on(answer: Any) -> Iterator[_Interruption]:
    """Stop two trainings, and go on with the first, so that what is kept outside the folder is that of the second."""
    stop, go_on = answer
    model, other = _trained_model(), _trained_model()
    before = distances.values(distances.all_variables(model))
    folders = tempfile.TemporaryDirectory(), tempfile.TemporaryDirectory()
    with folders[0] as folder, folders[1] as other_folder, checks.clone_switched_off():
        stop(model, folder)
        stop(other, other_folder)
        written = any(Path(folder).iterdir())
        resumed = go_on(folder) if written else None
    yield _Interruption(model, resumed, before, written=written)


def _is_of_the_same_class(trial: _Interruption) -> str | None:
    if type(trial.result) is not type(trial.original):
        return f"it returns a {type(trial.result).__name__}, not a {type(trial.original).__name__}."
    return None


def _has_the_weights(trial: _Interruption) -> str | None:
    new, old = keras_compat.weights(trial.result), keras_compat.weights(trial.original)
    if len(new) < len(old):
        return "the new model has no weights yet. Call it on data before you load weights into it."
    if checks.same_values(distances.values(old), new):
        return None
    return "the new model has other weights than the saved one. (Two models are saved here, each in its own folder.)"


def _has_the_optimizer_state(trial: _Interruption) -> str | None:
    if not keras_compat.is_compiled(trial.result):
        return "the new model is not compiled, so it cannot be trained. A `.keras` file brings the settings along."
    new, old = trial.result.optimizer, trial.original.optimizer
    new_state, old_state = keras_compat.optimizer_variables(new), keras_compat.optimizer_variables(old)
    if int(new.iterations) != int(old.iterations) or len(new_state) != len(old_state):
        return (
            "the optimizer starts again: its averages are lost, and the schedule is back at its beginning. Use a "
            "`.keras` file, or build the optimizer before you load the weights."
        )
    if not checks.same_values(distances.values(old_state), new_state):
        return "the optimizer knows its number of steps, and its averages are not those of the original."
    return None


def _has_the_random_state(trial: _Interruption) -> str | None:
    new, old = keras_compat.other_state(trial.result), keras_compat.other_state(trial.original)
    if not checks.same_values(distances.values(old), new):
        return (
            "the random state of the Dropout layer is not that of the saved model. Write "
            "`model.dropout.seed_generator.state` into the folder, and assign what you read to the new model's."
        )
    return None


def _trains_on_alike(trial: _Interruption) -> str | None:
    _train(trial.original)
    _train(trial.result)
    if checks.same_values(distances.values(trial.original.weights), trial.result.weights):
        return None
    return "everything looks equal, and after one more epoch it is not. What else does the training depend on?"


INTERRUPT = Exercise(
    key="04-interrupt",
    title="interrupt a training",
    task="""
    Write two functions for Keras 3. `stop(model, folder)` saves all that the model needs into the folder, a `str`.
    `go_on(folder)` makes a new model from these files, which trains on, bit for bit, as if nothing had happened.
    The model's class is registered, with a good `get_config`. Its layer `dropout` is a Dropout of Keras, which keeps
    its draws in `dropout.seed_generator.state`.
    """,
    checks=[
        _are_two_functions,
        checks.after(
            _stop_and_go_on,
            checks.fails(
                lambda trial: not trial.written,
                "`stop` leaves the folder empty: nothing was saved, so nothing could be resumed tomorrow.",
            ),
            checks.fails(lambda trial: trial.result is None, "`go_on` returns nothing. End it with `return clone`."),
            checks.is_a_new_object("`go_on` returns the model itself. Make a new one from the files."),
            _is_of_the_same_class,
            checks.leaves_the_original_alone(
                distances.all_variables,
                "the original is not as it was before. `stop` only saves.",
            ),
            _has_the_weights,
            _has_the_optimizer_state,
            _has_the_random_state,
            _trains_on_alike,
        ),
    ],
    hints=[
        "One file does most of it: `model.save(...)` and `keras.models.load_model(...)`, with the right ending.",
        "The random state is `model.dropout.seed_generator.state`. `np.save` can write its `.numpy()`.",
        "After loading, `clone.dropout.seed_generator.state.assign(...)` puts it back.",
    ],
    solution="""
    def stop(model, folder):
        model.save(f"{folder}/model.keras")
        np.save(f"{folder}/dropout.npy", model.dropout.seed_generator.state.numpy())

    def go_on(folder):
        clone = keras.models.load_model(f"{folder}/model.keras")
        clone.dropout.seed_generator.state.assign(np.load(f"{folder}/dropout.npy"))
        return clone

    answer = stop, go_on
    """,
    praise="Weights, statistics, optimizer, schedule and random state: that is all that the model needs.",
)


# -- a callback that goes on -------------------------------------------------------------------------------------------


@dataclass
class _Evenings(checks.Trial):
    """A training that is interrupted after every two epochs, with a new callback each time.

    Attributes:
        expected: How many epochs it should last.
        what: What is special about its losses.
    """

    expected: int = 0
    what: str = ""


def _is_as_it_was(answer: Any) -> bool:
    """Recognise the class as the learner found it: with a constructor only."""
    return isinstance(answer, type) and not {"on_train_begin", "on_epoch_end"} & set(vars(answer))


def _evening(answer: Any, path: Path, first: int, losses: list[float]) -> int | None:
    """Train for an evening of at most two epochs, and return how many epochs it were in all if it was stopped."""
    model = SimpleNamespace(stop_training=False)
    callback = answer(path, monitor="loss", patience=2)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(first, first + 2):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"loss": losses[epoch]})
        if model.stop_training:
            return epoch + 1
    callback.on_train_end()
    return None


def _train_in_the_evenings(answer: Any, folder: Path, losses: list[float]) -> int:
    """Train until the callback ends it, and return the number of epochs.

    After each evening another training is begun at the same path, without the files of this one. So what is kept
    anywhere but in files is that of the other training.
    """
    desk, drawer = folder / "desk", folder / "drawer"
    desk.mkdir()
    for first in range(0, len(losses), 2):
        stopped = _evening(answer, desk / "stopping", first, losses)
        if stopped:
            return stopped
        desk.rename(drawer)
        desk.mkdir()
        _evening(answer, desk / "stopping", 0, [5.0, 6.0])
        shutil.rmtree(desk)
        drawer.rename(desk)
    return len(losses)


def _call_the_callback(answer: Any) -> Iterator[_Evenings]:
    for expected, what, losses in (
        (3, "stays the same", [1.0] * 8),
        (4, "falls once and rises by a little each time after that", [1.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]),
        (8, "falls in every epoch", [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]),
        (8, "falls by 0.0002 in every epoch", [0.123 - 0.0002 * epoch for epoch in range(8)]),
        (7, "is better in every other epoch", [1.0, 1.1, 0.9, 1.0, 0.8, 0.9, 0.9, 0.9]),
    ):
        with tempfile.TemporaryDirectory() as folder:
            lasted = _train_in_the_evenings(answer, Path(folder), losses)
            written = [path.name for path in Path(folder, "desk").iterdir()]
        yield _Evenings(written, lasted, [], expected=expected, what=what)


def _writes_a_file(trial: _Evenings) -> str | None:
    if not trial.original:
        return "there is no file at `self.path` after an evening. On the next one, a new object knows nothing else."
    if trial.result != trial.expected and "stopping" not in trial.original:
        return f"`self.path` is `stopping`, and the file is called `{trial.original[0]}`: `np.save` appends `.npy`."
    return None


def _stops_at_the_right_epoch(trial: _Evenings) -> str | None:
    if trial.result == trial.expected:
        return None
    training = f"a training whose loss {trial.what} lasts {trial.result} of 8 epochs, and {trial.expected} at one go"
    if trial.result > trial.expected:
        return (
            f"{training}. Two attributes have to come back, `wait` and `best`. The `on_train_begin` of the base class "
            "sets both, so read the file after it; its `on_epoch_end` changes both, so write the file after that. A "
            "new object has nothing but the file."
        )
    return f"{training}. Write what the callback knows at the end of each epoch, and read no more than that."


GO_ON_COUNTING = Exercise(
    key="04-go-on-counting",
    title="a callback that goes on",
    task="""
    Write `on_train_begin(self, logs=None)` and `on_epoch_end(self, epoch, logs=None)`, so that the callback goes on
    with what is in the file `self.path`. A new object is made each evening, with the same path. It ends the training
    after as many epochs in all as `EarlyStopping` in one `fit`. On the first evening there is no file.
    """,
    checks=[
        checks.is_derived_from("keras.callbacks.EarlyStopping", "ResumableStopping"),
        checks.after(_call_the_callback, _writes_a_file, _stops_at_the_right_epoch),
    ],
    hints=[
        "What does `EarlyStopping` compare the next loss with, and what does it count? Both have to be in the file.",
        "`np.savetxt(self.path, [...])` writes two numbers, and `np.loadtxt(self.path)` reads them.",
        "`super().on_train_begin(logs)` sets `self.wait` and `self.best`. After it, and if `self.path.exists()`, set "
        "them to what you read.",
    ],
    solution="""
    class ResumableStopping(keras.callbacks.EarlyStopping):
        def __init__(self, path, **options):
            super().__init__(**options)
            self.path = Path(path)

        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)
            if self.path.exists():
                self.wait, self.best = np.loadtxt(self.path)

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            if self.best is not None:
                np.savetxt(self.path, [self.wait, self.best])
    """,
    praise="Callbacks are part of a training, too. `ReduceLROnPlateau` begins again in the same way.",
    untouched=_is_as_it_was,
)
