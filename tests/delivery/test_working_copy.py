"""The reader's own copy of the notebooks: without answers, up to date, and never losing the reader's changes."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import lab, working_copy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def notebooks(tmp_path):
    """A folder with notebooks like those of the workbook, which a test may change."""
    return Path(shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks"))


def edit(path, source):
    """Change the last cell of a notebook."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source = source
    nbformat.write(notebook, path)


def last(path):
    return nbformat.read(path, as_version=4).cells[-1].source


def test_the_copy_has_every_cell_and_no_result(notebooks, tmp_path):
    assert working_copy.update(notebooks, tmp_path / "my") == []
    paths = sorted((tmp_path / "my").glob("*.ipynb"))
    assert [path.name for path in paths] == sorted(path.name for path in notebooks.glob("*.ipynb"))
    for path in paths:
        copy, original = (nbformat.read(each, as_version=4) for each in (path, notebooks / path.name))
        nbformat.validate(copy)
        assert [(c.id, c.source) for c in copy.cells] == [(c.id, c.source) for c in original.cells]
        assert all(c.outputs == [] and c.execution_count is None for c in copy.cells if c.cell_type == "code")
        # JupyterLab stores the language info of the kernel in a notebook, and marks it as changed if the info is new.
        assert copy.metadata.language_info.version == platform.python_version()


def test_what_the_reader_only_ran_follows_the_workbook(notebooks, tmp_path):
    working_copy.update(notebooks, tmp_path / "my")
    own = tmp_path / "my" / "00_start_here.ipynb"
    ran = nbformat.read(own, as_version=4)
    code = next(cell for cell in ran.cells if cell.cell_type == "code")
    code.outputs, code.execution_count = [nbformat.v4.new_output("stream", text="seen")], 1
    nbformat.write(ran, own)
    as_run = own.read_bytes()
    assert working_copy.update(notebooks, tmp_path / "my") == []
    assert own.read_bytes() == as_run  # there is no newer version
    edit(notebooks / own.name, "a newer last cell")
    assert working_copy.update(notebooks, tmp_path / "my") == []
    assert last(own) == "a newer last cell"


def test_what_the_reader_changed_stays_and_a_newer_one_is_put_beside_it_once(notebooks, tmp_path):
    working_copy.update(notebooks, tmp_path / "my")
    own, newer = (tmp_path / "my" / name for name in ("00_start_here.ipynb", "00_start_here.newer.ipynb"))
    edit(own, "the reader's answer")
    assert working_copy.update(notebooks, tmp_path / "my") == [] and not newer.exists()
    edit(notebooks / own.name, "a newer last cell")
    (message,) = working_copy.update(notebooks, tmp_path / "my")
    assert own.name in message and newer.name in message
    assert (last(own), last(newer)) == ("the reader's answer", "a newer last cell")
    newer.unlink()
    assert working_copy.update(notebooks, tmp_path / "my") == [] and not newer.exists()
    own.unlink()
    working_copy.update(notebooks, tmp_path / "my")
    assert last(own) == "a newer last cell"


@pytest.mark.parametrize("content", ["", "no notebook", "[]", "{}", '{"cells": [1]}'])
def test_whatever_the_reader_put_there_is_theirs(notebooks, tmp_path, content):
    working_copy.update(notebooks, tmp_path / "my")
    own = tmp_path / "my" / "00_start_here.ipynb"
    own.write_text(content)
    edit(notebooks / own.name, "a newer last cell")
    assert len(working_copy.update(notebooks, tmp_path / "my")) == 1
    assert own.read_text() == content


@pytest.mark.parametrize("record", [None, "", "[]"])
def test_without_a_record_what_differs_is_the_readers(notebooks, tmp_path, record):
    working_copy.update(notebooks, tmp_path / "my")
    edit(tmp_path / "my" / "00_start_here.ipynb", "the reader's answer")
    (tmp_path / "my" / working_copy.RECORD).unlink()
    if record is not None:
        (tmp_path / "my" / working_copy.RECORD).write_text(record)
    assert len(working_copy.update(notebooks, tmp_path / "my")) == 1
    assert last(tmp_path / "my" / "00_start_here.ipynb") == "the reader's answer"


def test_a_copy_that_broke_off_does_not_count_as_the_readers(notebooks, tmp_path, monkeypatch):
    def break_off(self, text, **options):
        self.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", break_off)
        with pytest.raises(OSError):
            working_copy.update(notebooks, tmp_path / "my")
    assert list((tmp_path / "my").glob("*.ipynb")) == []
    working_copy.update(notebooks, tmp_path / "my")
    assert json.loads((tmp_path / "my" / "00_start_here.ipynb").read_text("utf-8"))["cells"]


def test_lab_opens_the_copy_and_goes_on_where_it_cannot_be_made(tmp_path, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(lab, "become", lambda *command: started.append(command))
    monkeypatch.setattr(working_copy, "ROOT", tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    lab.lab([])
    assert (tmp_path / "my_notebooks" / "00_start_here.ipynb").is_file()
    shutil.rmtree(tmp_path / "my_notebooks")
    (tmp_path / "my_notebooks").touch()
    lab.lab([])
    assert "Open those in the folder notebooks" in capsys.readouterr().err
    assert len(started) == 2


def test_it_runs_by_itself_as_on_binder(tmp_path):
    command = [sys.executable, "-I", "-S", ROOT / "tools" / "working_copy.py", tmp_path / "my"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""
    assert (tmp_path / "my" / "00_start_here.ipynb").is_file()
