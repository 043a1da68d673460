"""The exercises of notebook 04 tell right, wrong and untouched answers apart; Keras does what the notebook says."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest

import helpers
from workbook.lessons import lesson_04
from workbook.lessons.lesson_04 import GO_ON_COUNTING, INTERRUPT
from workbook.lessons.quiz import Exercise, Outcome, Question

QUESTIONS = [value for value in vars(lesson_04).values() if isinstance(value, Question)]
EXERCISES = [value for value in vars(lesson_04).values() if isinstance(value, Exercise)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_the_solution_is_correct(exercise, answer_from):
    assert exercise.check(answer_from(exercise)).outcome is Outcome.CORRECT


def test_keys_are_unique():
    keys = [each.key for each in QUESTIONS + EXERCISES]
    assert len(keys) == len(set(keys)) == 5 and all(key.startswith("04-") for key in keys)


# -- interrupt a training ----------------------------------------------------------------------------------------------


def stop(model, folder):
    """Save what a weights file holds, the config, and the whole structure as JSON, with the settings of compile."""
    Path(folder, "config.json").write_text(json.dumps({"units": model.units}))
    Path(folder, "model.json").write_text(model.to_json())
    model.save_weights(Path(folder) / "model.weights.h5")


def go_on(folder, build=False, compiled=True, called=True):
    import keras

    reader = keras.saving.get_registered_object("workbook_exercises>Reader")
    clone = reader.from_config(json.loads(Path(folder, "config.json").read_text()))
    if not called:
        return clone
    clone(np.zeros((1, 4), "float32"))
    if compiled:
        clone.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    if build:
        schedule = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=2, decay_rate=0.5)
        clone.compile(keras.optimizers.Adam(schedule), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        clone.optimizer.build(clone.trainable_variables)
    clone.load_weights(Path(folder) / "model.weights.h5")
    return clone


def go_on_with_steps_only(folder):
    clone = go_on(folder, build=True)
    for average in clone.optimizer.variables[2:]:
        average.assign(0 * average)
    return clone


STOPPED = []


def stop_and_remember(model, folder):
    stop(model, folder)
    STOPPED.append(model)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((stop, lambda folder: print(end="")), "returns nothing"),
        ((lambda model, folder: print(end=""), lambda folder: 1), "leaves the folder empty"),
        ((stop_and_remember, lambda folder: STOPPED[-2]), "returns the model itself"),
        ((stop_and_remember, lambda folder: helpers.clone(STOPPED[-1])), "switched off"),
        ((stop, lambda folder: folder), "returns a str"),
        ((stop, functools.partial(go_on, called=False)), "no weights yet"),
        ((stop, functools.partial(go_on, compiled=False)), "is not compiled"),
        ((stop, go_on), "optimizer starts again"),
        ((stop, go_on_with_steps_only), "its averages are not"),
        (stop, "two functions"),
        ("a text", "two functions"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_lossy_interruption_gets_its_own_diagnosis(answer, words, packages):
    feedback = INTERRUPT.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


RESTORE, END = "    clone.dropout.seed_generator.state.assign(", "    return clone"
SAVE, LOAD = "    np.save(", 'np.load(f"{folder}/dropout.npy")'


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(SAVE, f"    model.train_on_batch(np.ones((4, 4)), np.zeros(4))\n{SAVE}")], "original is not as it was"),
        ([(END, f"    clone.head.bias.assign(clone.head.bias + 1)\n{END}")], "has other weights"),
        ([(RESTORE, f"{END}\n{RESTORE}")], "random state of the Dropout layer is not that"),
        (
            [(SAVE, f"    global state\n    state = model.dropout.seed_generator.state\n{SAVE}"), (LOAD, "state")],
            "random state of the Dropout layer is not that",
        ),
        ([(f'{SAVE}f"{{folder}}/dropout.npy"', f"{SAVE}FILE"), (LOAD, "np.load(FILE)")], "random state of the Dropout"),
        (
            [(END, f"    clone.compile(clone.optimizer, keras.losses.SparseCategoricalCrossentropy())\n{END}")],
            "after one more epoch it is not",
        ),
    ],
    ids=["trains", "other weights", "no state", "from memory", "elsewhere", "other loss"],
)
@pytest.mark.filterwarnings("ignore")
def test_a_resumption_that_changes_something_gets_its_own_diagnosis(changes, words, answer_from, tmp_path):
    """What is kept in memory, or in a file elsewhere, is that of the model that was stopped last."""
    changes = [(old, new.replace("FILE", repr(str(tmp_path / "dropout.npy")))) for old, new in changes]
    feedback = INTERRUPT.check(answer_from(INTERRUPT, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def go_on_with_json(folder):
    import keras

    clone = keras.models.model_from_json(Path(folder, "model.json").read_text())
    clone.load_weights(Path(folder) / "model.weights.h5")
    clone.dropout.seed_generator.state.assign(json.loads(Path(folder, "state.json").read_text()))
    return clone


def stop_with_dropout(model, folder):
    stop(model, folder)
    Path(folder, "state.json").write_text(json.dumps(model.dropout.seed_generator.state.numpy().tolist()))


def go_on_with_dropout(folder):
    clone = go_on(folder, build=True)
    clone.dropout.seed_generator.state.assign(json.loads(Path(folder, "state.json").read_text()))
    return clone


def test_other_right_ways_and_no_way(packages):
    for right in (go_on_with_dropout, go_on_with_json):
        assert INTERRUPT.check((stop_with_dropout, right)).outcome is Outcome.CORRECT

    def untouched_stop(model, folder): ...

    def untouched_go_on(folder): ...

    assert INTERRUPT.check((untouched_stop, untouched_go_on)).outcome is Outcome.NOT_ATTEMPTED


# -- a callback that goes on -------------------------------------------------------------------------------------------

READ, WRITE = "self.wait, self.best = np.loadtxt(self.path)", "np.savetxt(self.path, [self.wait, self.best])"
BEGIN = "super().on_train_begin(logs)"
# Answers that remember outside the file: in a module, as a global variable or a class attribute does.
KEEP = "keras.kept = self.wait, self.best"
KEEP_BY_PATH = "keras.kept = {self.path: (self.wait, self.best)}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(WRITE, "pass")], "no file at `self.path`"),
        ([(READ, "pass")], "stays the same lasts 8 of 8 epochs, and 3 at one go"),
        ([(READ, "self.wait, _ = np.loadtxt(self.path)")], "stays the same lasts 8 of 8 epochs"),
        ([(READ, "_, self.best = np.loadtxt(self.path)")], "stays the same lasts 4 of 8 epochs"),
        ([(BEGIN, ""), (READ, f"{READ}\n        {BEGIN}")], "read the file after it"),
        ([(WRITE, "np.savetxt(self.path, [self.wait + 1, self.best])")], "falls once and rises"),
        ([(WRITE, WRITE.replace("])", "]" + ', fmt="%.2f")'))], "falls by 0.0002 in every epoch lasts"),
        ([(READ, READ.replace("loadtxt", "load")), (WRITE, WRITE.replace("savetxt", "save"))], "appends `.npy`"),
        ([(READ, "self.wait, self.best = keras.kept"), (WRITE, f"{KEEP}; self.path.touch()")], "nothing but the file"),
        (
            [(READ, "self.wait, self.best = keras.kept[self.path]"), (WRITE, f"{KEEP_BY_PATH}; self.path.touch()")],
            "nothing but the file",
        ),
        ([("if self.path.exists():", "if True:")], "FileNotFoundError"),
        ([("EarlyStopping", "Callback")], "derived from"),
    ],
)
def test_a_callback_that_counts_wrongly_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = GO_ON_COUNTING.check(answer_from(GO_ON_COUNTING, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def test_the_callback_as_it_was_found_is_no_attempt(packages):
    import keras

    class ResumableStopping(keras.callbacks.EarlyStopping):
        def __init__(self, path, **options):
            super().__init__(**options)
            self.path = Path(path)

        ...

    assert GO_ON_COUNTING.check(ResumableStopping).outcome is Outcome.NOT_ATTEMPTED


# -- what the notebook says of callbacks and Dropout, beyond what its cells show ---------------------------------------

INPUTS, TARGETS = np.random.default_rng(0).normal(size=(32, 4)).astype("float32"), np.arange(32) % 3


def make(keras, dropout=0.0, rate=0.01):
    """Make the same model each time: that is what a program does that is started again."""
    keras.utils.set_random_seed(4)
    layers = [keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dropout(dropout), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def train(model, *callbacks, epochs=4, **options):
    return model.fit(
        INPUTS, TARGETS, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks, **options
    ).epoch


def same_weights(first, second):
    return all(map(np.array_equal, first.get_weights(), second.get_weights()))


def crash_before(keras, epoch):
    return keras.callbacks.LambdaCallback(on_epoch_begin=lambda number, logs: 1 / (epoch - number))


@pytest.mark.parametrize(("dropout", "equal"), [(0.0, True), (0.5, False)])
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_backup_and_restore_brings_back_all_but_the_random_state(package, dropout, equal, packages, tmp_path):
    keras = packages[package]
    uninterrupted, crashed, again = (make(keras, dropout) for _ in range(3))
    train(uninterrupted)
    with pytest.raises(ZeroDivisionError):
        train(crashed, keras.callbacks.BackupAndRestore(tmp_path / "backup"), crash_before(keras, 2))
    assert train(again, keras.callbacks.BackupAndRestore(tmp_path / "backup")) == [2, 3]
    assert int(again.optimizer.iterations) == int(uninterrupted.optimizer.iterations)
    assert same_weights(again, uninterrupted) == equal


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_backup_and_restore_does_not_bring_back_what_a_callback_remembers(package, packages, tmp_path):
    keras = packages[package]

    def callbacks():
        stopping = keras.callbacks.EarlyStopping("loss", patience=2, min_delta=9)  # nothing counts as better
        return keras.callbacks.BackupAndRestore(tmp_path / "backup"), stopping

    assert train(make(keras), *callbacks(), epochs=6) == [0, 1, 2]
    for epoch in (2, 4):
        with pytest.raises(ZeroDivisionError):
            train(make(keras), *callbacks(), crash_before(keras, epoch), epochs=6)
    assert train(make(keras), *callbacks(), epochs=6) == [4, 5]


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_new_model_checkpoint_does_not_know_the_best_value(package, packages, tmp_path):
    keras, path = packages[package], tmp_path / "best.keras"
    path.write_text("better than all that follows")
    best = {"monitor": "loss", "save_best_only": True}
    model = make(keras, rate=0.0)
    train(model, keras.callbacks.ModelCheckpoint(str(path), initial_value_threshold=0.0, **best), epochs=1)
    assert path.read_bytes().startswith(b"better")
    train(model, keras.callbacks.ModelCheckpoint(str(path), **best), epochs=1)
    assert not path.read_bytes().startswith(b"better")


@pytest.mark.parametrize(("made_new", "equal"), [(False, False), (True, True)])
def test_on_keras_2_a_seed_reaches_dropout_only_in_a_new_graph(made_new, equal, packages, tmp_path):
    keras = packages["tf_keras"]
    model = make(keras, dropout=0.5)
    train(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        keras.utils.set_random_seed(5)
        each.make_train_function(force=made_new)
        train(each)
    assert same_weights(model, loaded) == equal


def test_on_keras_2_a_seed_of_any_value_begins_the_numbers_of_a_graph_again(packages):
    keras = packages["tf_keras"]
    model = make(keras, dropout=0.5)
    model.compile(keras.optimizers.SGD(0.1), model.loss)
    start = model.get_weights()

    def trained(seed):
        model.set_weights(start)
        if seed is not None:
            keras.utils.set_random_seed(seed)
        train(model, epochs=1)
        return model.get_weights()

    first, second, with_5, with_99 = map(trained, (None, None, 5, 99))
    assert not all(map(np.array_equal, first, second))
    assert all(map(np.array_equal, first, with_5)) and all(map(np.array_equal, first, with_99))


@pytest.mark.parametrize(
    ("package", "optimizer", "file", "kept"),
    [
        ("keras", "name", ".keras", True),
        ("keras", "name", ".weights.h5", True),
        ("tf_keras", "name", ".keras", False),
        ("tf_keras", "object", ".keras", True),
        ("tf_keras", "object", ".weights.h5", False),
    ],
)
def test_a_learning_rate_that_was_changed_may_not_be_in_a_file_of_keras_2(
    package, optimizer, file, kept, packages, tmp_path
):
    keras, path = packages[package], tmp_path / f"model{file}"

    def compiled():
        model = make(keras)
        model.compile("adam" if optimizer == "name" else keras.optimizers.Adam(), model.loss)
        model.optimizer.build(model.trainable_variables)
        return model

    model = compiled()
    model.optimizer.learning_rate.assign(0.5)
    if file == ".keras":
        model.save(path)
        loaded = keras.models.load_model(path)
    else:
        model.save_weights(path)
        loaded = compiled()
        loaded.load_weights(path)
    assert (float(loaded.optimizer.learning_rate) == 0.5) == kept


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("package", "called", "runs"), [("keras", False, False), ("keras", True, True), ("tf_keras", False, True)]
)
def test_backup_and_restore_of_keras_3_wants_a_model_that_was_called(package, called, runs, packages, tmp_path):
    keras = packages[package]

    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(inputs)

    def fit():
        model = Reader()
        if called:
            model(INPUTS)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        train(model, keras.callbacks.BackupAndRestore(tmp_path / "backup"), epochs=1)

    if runs:
        fit()
    else:
        with pytest.raises(ValueError, match="must be built before"):
            fit()
