"""On a full disk, the labs do not blame a model or a method, and say what to do."""

from __future__ import annotations

import builtins
import errno
import io
import os
import tempfile

import numpy as np
import pytest

from workbook import errors, labs, notebook
from workbook.labs.interruption.run import InterruptionRun, InterruptionSettings
from workbook.labs.method_table.run import MethodTableRun, Subject
from workbook.labs.own_model.run import OwnModelRun, OwnModelSettings, Upload
from workbook.lessons import lesson_02, progress
from workbook.lessons.quiz import Outcome

pytestmark = pytest.mark.slow


@pytest.fixture
def full_disk(monkeypatch):
    """Simulate a full disk: no file can be opened for writing until the test calls the returned function."""
    original = io.open

    def no_room(file, mode="r", *arguments, **details):
        # Three kinds of files still open on a full disk: unnamed temporary files, which fail only at the first write,
        # /dev/null, and pipes to processes, which are opened by number.
        named = not isinstance(file, int) and file != os.devnull
        if any(letter in mode for letter in "wxa+") and "opener" not in details and named:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        return original(file, mode, *arguments, **details)

    def fill():
        monkeypatch.setattr(io, "open", no_room)
        monkeypatch.setattr(builtins, "open", no_room)

    return fill


def model_of(keras):
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    return model


def test_no_method_is_called_bad_for_want_of_room(keras, full_disk):
    model, x = model_of(keras), np.zeros((8, 6), "float32")
    full_disk()
    own_model = OwnModelRun(OwnModelSettings(model, x), methods=("alias", "keras_file", "clone"))
    list(own_model.stages())
    assert [outcome.no_room for outcome in own_model.outcomes] == [False, True, False]
    assert "no verdict, for .keras file could not write a file: free some room" in own_model.verdict
    assert own_model.best == "" and own_model.source == ""
    evidence = own_model.table.to_html()
    assert "could not write its file" in evidence and "says nothing about the model or the method" in evidence
    method_table = MethodTableRun(subjects=[Subject("mine", lambda: (model, x, None))], methods=("keras_file",))
    list(method_table.stages())
    assert "no verdict" in method_table.verdict and "could not write its file" in method_table.to_csv()


def test_an_upload_is_not_called_bad_for_want_of_room(keras, tmp_path, full_disk):
    model_of(keras).save(tmp_path / "mine.keras")
    upload = Upload("mine.keras", (tmp_path / "mine.keras").read_bytes())
    full_disk()
    own_model = OwnModelRun(OwnModelSettings(upload))
    list(own_model.stages())
    assert own_model.refusal.startswith("mine.keras could not be unpacked (OSError: [Errno 28]")
    assert "make room on the disk" in own_model.refusal and own_model.model is None


def test_a_lab_says_what_the_error_means(packages, full_disk):
    full_disk()
    run = InterruptionRun(InterruptionSettings(stop=0))
    list(run.stages())
    assert [problem.hint for problem in run.problems] == [errors.NO_ROOM]
    assert "fails (see below)" in run.verdict


def test_the_reason_is_found_behind_other_errors():
    try:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            raise RuntimeError("Can't destroy cache")  # the error of HDF5 on a full disk
    except RuntimeError as error:
        found = error.with_traceback(None)
    assert errors.is_no_room(found) and errors.hint_for(found) == errors.NO_ROOM
    assert not errors.is_no_room(RuntimeError("Can't destroy cache"))


def test_the_first_cell_runs_without_a_temporary_folder(monkeypatch, capfd):
    def none(*arguments, **details):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "TemporaryFile", none)
    with notebook.standard_error_held_back():
        os.write(2, b"a line of TensorFlow")
    with pytest.raises(ValueError, match="no"), notebook.standard_error_held_back():
        raise ValueError("no")
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


def test_an_answer_that_cannot_be_stored_is_judged_and_those_before_are_kept(tmp_path, monkeypatch):
    file = tmp_path / "progress.json"
    monkeypatch.setenv(progress.VARIABLE, str(file))
    question = lesson_02.FIT_THE_CLONE
    panel = labs.ask(question)
    panel.choice.value = question.options[0].label
    panel.answer.click()
    before = file.read_bytes()

    def no_room(*arguments, **details):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(progress.json, "dump", no_room)
    panel.choice.value = next(option.label for option in question.options if option.right)
    panel.answer.click()
    assert panel.feedback.outcome is Outcome.RIGHT
    assert "could not be stored" in panel.verdict_box.content and "No space left on device" in panel.verdict_box.content
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
