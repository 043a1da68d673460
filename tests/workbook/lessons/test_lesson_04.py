"""The exercises of notebook 04 tell right, wrong and untouched answers apart; Keras does what the notebook says."""

import shutil
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


def untouched_interrupt(model, folder): ...


def from_weights(model, folder, build=False, compiled=True, called=True):
    path = Path(folder) / "model.weights.h5"
    model.save_weights(path)
    clone = type(model).from_config(model.get_config())
    if called:
        clone(np.zeros((1, 4), "float32"))
        if compiled:
            clone.compile(type(model.optimizer).from_config(model.optimizer.get_config()), model.loss)
        if build:
            clone.optimizer.build(clone.trainable_variables)
        clone.load_weights(path)
    return clone


def with_steps_only(model, folder):
    clone = from_weights(model, folder)
    clone.optimizer.build(clone.trainable_variables)
    clone.optimizer.iterations.assign(model.optimizer.iterations)
    return clone


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda model, folder: print(end=""), "returns nothing"),
        (lambda model, folder: model, "returns the model itself"),
        (lambda model, folder: helpers.clone(model), "switched off"),
        (lambda model, folder: [shutil.copy(__file__, folder)][0], "returns a str"),
        (lambda model, folder: from_weights(model, folder, called=False), "no weights yet"),
        (lambda model, folder: from_weights(model, folder, compiled=False), "is not compiled"),
        (from_weights, "optimizer starts again"),
        (with_steps_only, "its averages are not"),
        ("a text", "not a function"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_lossy_interruption_gets_its_own_diagnosis(answer, words, packages):
    feedback = INTERRUPT.check(answer)
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


RESTORE, END = "    clone.dropout.seed_generator", "    return clone"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            [(END, f"    (path / 'model.keras').unlink(), (path / 'dropout.npy').unlink()\n{END}")],
            "the folder is empty",
        ),
        ([(END, f"    model.train_on_batch(np.ones((4, 4)), np.zeros(4))\n{END}")], "original is not as it was"),
        ([(END, f"    clone.head.bias.assign(clone.head.bias + 1)\n{END}")], "has other weights"),
        ([(RESTORE, f"{END}\n{RESTORE}")], "Dropout layer starts its random numbers again"),
        (
            [(END, f"    clone.compile(clone.optimizer, keras.losses.SparseCategoricalCrossentropy())\n{END}")],
            "after one more epoch it is not",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_resumption_that_changes_something_gets_its_own_diagnosis(changes, words, answer_from):
    feedback = INTERRUPT.check(answer_from(INTERRUPT, *changes))
    assert feedback.outcome is Outcome.INCORRECT
    assert words in feedback.text


def weights_and_dropout(model, folder):
    clone = from_weights(model, folder, build=True)
    clone.dropout.seed_generator.state.assign(model.dropout.seed_generator.state)
    return clone


def test_another_right_way_and_no_way(packages):
    assert INTERRUPT.check(weights_and_dropout).outcome is Outcome.CORRECT
    assert INTERRUPT.check(untouched_interrupt).outcome is Outcome.NOT_ATTEMPTED


# -- a callback that goes on -------------------------------------------------------------------------------------------

READ, WRITE = "self.wait, self.best = np.loadtxt(self.path)", "np.savetxt(self.path, [self.wait, self.best])"
BEGIN = "super().on_train_begin(logs)"


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
