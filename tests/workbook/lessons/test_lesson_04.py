"""The exercises of notebook 04 tell right, wrong and untouched answers apart, and say what is wrong."""

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
