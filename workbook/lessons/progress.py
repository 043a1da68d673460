"""What a learner has answered so far, in one JSON file under the user's own data folder. Nothing is sent anywhere.

The file is read again each time and replaced as a whole, so that a kernel that is killed leaves either the old file or
the new one. Where the file system knows locks, only one writes at a time: two notebooks do not undo each other.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import pkgutil
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # on Windows two notebooks that store in the same instant may lose one answer
    fcntl = None

from workbook import lessons as exercises
from workbook.lessons.quiz import Exercise, Feedback, Outcome, Question

__all__ = ["Entry", "Lesson", "entry", "erase", "lessons", "note", "path"]

VARIABLE = "MODEL_CLONING_PROGRESS"
"""Environment variable that names another file, or no file if it is empty."""

_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """What is stored of one question or exercise.

    Attributes:
        outcome: how the last answer was judged.
        solved: whether any answer so far was right.
        answer: the label that was chosen; nothing for an exercise, whose answer stands in the notebook.
    """

    outcome: Outcome
    solved: bool
    answer: str | None = None


@dataclass(frozen=True)
class Lesson:
    """How far a learner has come in one lesson.

    Attributes:
        number: such as "02".
        right: questions answered rightly, and questions in all.
        solved: exercises solved, and exercises in all.
    """

    number: str
    right: tuple[int, int]
    solved: tuple[int, int]


def path() -> Path | None:
    """Return the file, which need not exist yet; None if nothing is to be stored."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    from platformdirs import user_data_path

    return user_data_path("model-cloning-workbook") / "progress.json"


def entry(key: str) -> Entry | None:
    """Return what is stored of a question or an exercise.

    Args:
        key: its key.

    Returns:
        The entry, or None if there is none that can be read.

    Example:
        >>> entry("02-trained-clone")   # doctest: +SKIP
        Entry(outcome=<Outcome.RIGHT: 'right'>, solved=True, answer='Nothing')
    """
    return _read().get(key)


def note(key: str, feedback: Feedback, answer: str | None = None) -> str | None:
    """Store how an answer was judged. An answer that was not given is not stored.

    Args:
        key: key of the question or exercise.
        feedback: the judgement.
        answer: the label that was chosen.

    Returns:
        None, or a sentence that says why nothing could be stored.
    """
    file = path()
    if file is None or feedback.outcome in (Outcome.NOT_ANSWERED, Outcome.NOT_ATTEMPTED):
        return None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _alone(file.parent):
            entries = _read(set_aside=True)
            solved = feedback.outcome.passed or (key in entries and entries[key].solved)
            _write(file, {**entries, key: Entry(feedback.outcome, solved, answer)})
    except OSError as error:
        return (
            f"Your progress could not be stored in {file}: {error.strerror or error}. Name another file in the "
            f"environment variable {VARIABLE} before you start JupyterLab, or free some room."
        )
    return None


def erase() -> None:
    """Forget all answers: delete the file.

    Raises:
        OSError: the file cannot be deleted.
    """
    file = path()
    if file is not None:
        file.unlink(missing_ok=True)


def lessons() -> list[Lesson]:
    """Return how far the learner has come in each lesson that has questions or exercises."""
    entries = _read()
    found = []
    for number, tasks in _tasks():
        done = {kind: [task.key in entries and entries[task.key].solved for task in each] for kind, each in tasks}
        right, solved = ((sum(done[kind]), len(done[kind])) for kind in (Question, Exercise))
        found.append(Lesson(number, right, solved))
    return found


def _tasks() -> Iterator[tuple[str, list[tuple[type, list[Any]]]]]:
    """Yield the questions and exercises of each lesson, each once and by its key."""
    names = sorted(module.name for module in pkgutil.iter_modules(exercises.__path__))
    for name in (name for name in names if name.startswith("lesson_")):
        values = vars(importlib.import_module(f"{exercises.__name__}.{name}")).values()
        tasks = [(kind, [value for value in values if isinstance(value, kind)]) for kind in (Question, Exercise)]
        yield name.removeprefix("lesson_"), tasks


def _read(set_aside: bool = False) -> dict[str, Entry]:
    """Read the file, and leave out what cannot be understood.

    Args:
        set_aside: whether to keep a copy of the file beside it if anything is left out, because it will be replaced.
    """
    file = path()
    if file is None or not file.is_file():
        return {}
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))["answers"].items()
    except OSError:
        if set_aside:
            raise  # what stands in it may well be readable another time
        return {}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        entries, complete = {}, False
    else:
        found = {key: _entry(each) for key, each in stored}
        entries = {key: each for key, each in found.items() if each is not None}
        complete = len(entries) == len(found)
    if set_aside and not complete:
        names = (file.with_suffix(f".unreadable{number or ''}.json") for number in itertools.count())
        # A copy, so that the entries that are in order are never only in the file that is set aside.
        shutil.copy(file, next(name for name in names if not name.exists()))
    return entries


def _entry(stored: Any) -> Entry | None:
    """Return an entry from what was read, or None if it is not what `_write` writes.

    The types are checked here, because a number or a list that passes would fail later: when the file is written.
    """
    if not isinstance(stored, dict):
        return None
    outcome, solved, answer = stored.get("outcome"), stored.get("solved"), stored.get("answer")
    if outcome not in [each.value for each in Outcome] or not isinstance(solved, bool):
        return None
    return Entry(Outcome(outcome), solved, answer) if answer is None or isinstance(answer, str) else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let no other process that asks for the same be in the body at the same time."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system of a network may know no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # which gives the lock back, as the end of a process does


def _write(file: Path, entries: dict[str, Entry]) -> None:
    """Replace the file as a whole, so that no reader ever finds half of it."""
    answers = {
        key: {"outcome": each.outcome.value, "solved": each.solved, "answer": each.answer}
        for key, each in sorted(entries.items())
    }
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name, suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            # In ASCII, because UTF-8 cannot hold half of a surrogate pair, and JSON's escapes can.
            json.dump({"version": _VERSION, "answers": answers}, stream, indent=1)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
