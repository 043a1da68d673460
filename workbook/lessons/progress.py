"""A learner's answers so far, in one JSON file in the user's own data folder. Nothing is sent anywhere.

The file is read again each time and replaced as a whole, so a kernel that is killed leaves either the old file or the
new one. If the file system supports locks, only one process writes at a time, so two notebooks cannot overwrite
each other's answers.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import pkgutil
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: if two notebooks store at the same moment, one answer may be lost
    fcntl = None

from workbook import lessons as lesson_modules
from workbook.lessons.quiz import Exercise, Feedback, Outcome, Question

__all__ = ["Entry", "LessonProgress", "entry", "erase", "lessons", "next_lesson", "note", "path", "subscribe"]

VARIABLE = "MODEL_CLONING_PROGRESS"
"""Environment variable with the path of a different file; if it is empty, nothing is stored."""

_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """The stored data on one question or exercise.

    Attributes:
        outcome: How the last answer was graded.
        solved: Whether any answer so far was right.
        answer: The label that was chosen; None for an exercise, whose answer is in the notebook. If the exercise had
            to be stopped, a digest of its code.
    """

    outcome: Outcome
    solved: bool
    answer: str | None = None


@dataclass(frozen=True)
class LessonProgress:
    """A learner's progress in one lesson.

    Attributes:
        number: The number of the lesson, such as "02".
        right: Number of questions answered correctly, and number of all questions.
        solved: Number of exercises solved, and number of all exercises.
        begun: Whether anything in it was answered, right or wrong.
        open: Names, in the module of the lesson, of what was not answered correctly or solved yet.
    """

    number: str
    right: tuple[int, int]
    solved: tuple[int, int]
    begun: bool = False
    open: tuple[str, ...] = ()


_listeners: list[Callable[[], None]] = []


def subscribe(listener: Callable[[], None]) -> Callable[[], None]:
    """Call a function whenever this process has stored an answer or erased all of them.

    Args:
        listener: The function.

    Returns:
        A function that ends the subscription.

    Example:
        >>> end = subscribe(lambda: print("an answer"))
        >>> end()
    """
    _listeners.append(listener)

    def end() -> None:
        if listener in _listeners:
            _listeners.remove(listener)

    return end


def _tell_listeners() -> None:
    for listener in tuple(_listeners):
        listener()


def path() -> Path | None:
    """Return the path of the file, which need not exist yet; None if nothing should be stored."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    from platformdirs import user_data_path

    return user_data_path("model-cloning-workbook") / "progress.json"


def entry(key: str) -> Entry | None:
    """Return the stored data on a question or an exercise.

    Args:
        key: Its key.

    Returns:
        The entry, or None if there is no readable one.

    Example:
        >>> entry("02-trained-clone")   # doctest: +SKIP
        Entry(outcome=<Outcome.RIGHT: 'right'>, solved=True, answer='Nothing')
    """
    return _read().get(key)


def note(key: str, feedback: Feedback, answer: str | None = None) -> str | None:
    """Store how an answer was graded, unless there was no answer.

    Args:
        key: Key of the question or exercise.
        feedback: The feedback on the answer.
        answer: The label that was chosen, or the digest of the code that was stopped.

    Returns:
        None, or a sentence that says why the answer could not be stored.
    """
    file = path()
    if file is None or feedback.outcome in (Outcome.NOT_ANSWERED, Outcome.NOT_ATTEMPTED):
        return None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _locked(file.parent):
            entries = _read(set_aside=True)
            solved = feedback.outcome.passed or (key in entries and entries[key].solved)
            _write(file, {**entries, key: Entry(feedback.outcome, solved, answer)})
    except OSError as error:
        return (
            f"Your progress could not be stored in {file}: {error.strerror or error}. Set the environment variable "
            f"{VARIABLE} to another file before you start JupyterLab, or free some space on the disk."
        )
    _tell_listeners()
    return None


def erase() -> None:
    """Delete the file with all answers.

    Raises:
        OSError: If the file cannot be deleted.
    """
    file = path()
    if file is not None:
        file.unlink(missing_ok=True)
        _tell_listeners()


def lessons() -> list[LessonProgress]:
    """Return the progress in each lesson that has questions or exercises."""
    entries = _read()
    found = []
    for number, tasks in _tasks():
        solved = {name for name, task in tasks.items() if task.key in entries and entries[task.key].solved}
        counts = []
        for kind in (Question, Exercise):
            names = {name for name, task in tasks.items() if isinstance(task, kind)}
            counts.append((len(names & solved), len(names)))
        begun = any(task.key in entries for task in tasks.values())
        found.append(LessonProgress(number, *counts, begun, tuple(name for name in tasks if name not in solved)))
    return found


def next_lesson(found: list[LessonProgress]) -> LessonProgress | None:
    """Return the lesson to go on with: the last one that was begun, or the next after it in which something is open.

    Args:
        found: The progress in each lesson, in their order.

    Returns:
        The lesson; None if nothing is open in any of them.
    """
    last = max((i for i, lesson in enumerate(found) if lesson.begun), default=0)
    return next((lesson for lesson in found[last:] + found[:last] if lesson.open), None)


def _tasks() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield for each lesson its number, and its questions and exercises by their names in the module."""
    names = sorted(module.name for module in pkgutil.iter_modules(lesson_modules.__path__))
    for name in (name for name in names if name.startswith("lesson_")):
        values = vars(importlib.import_module(f"{lesson_modules.__name__}.{name}"))
        tasks = {each: value for each, value in values.items() if isinstance(value, Question | Exercise)}
        yield name.removeprefix("lesson_"), tasks


def _read(set_aside: bool = False) -> dict[str, Entry]:
    """Return the entries of the file that are valid.

    Args:
        set_aside: Whether to copy the file if anything in it is invalid, because the file will be replaced.
    """
    file = path()
    if file is None or not file.is_file():
        return {}
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))["answers"].items()
    except OSError:
        if set_aside:
            raise  # the file may be readable later, so it must not be replaced
        return {}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        entries, complete = {}, False
    else:
        found = {key: _entry(each) for key, each in stored}
        entries = {key: each for key, each in found.items() if each is not None}
        complete = len(entries) == len(found)
    if set_aside and not complete:
        names = (file.with_suffix(f".unreadable{number or ''}.json") for number in itertools.count())
        # Copied, not moved, because the original must keep the valid entries.
        shutil.copy(file, next(name for name in names if not name.exists()))
    return entries


def _entry(stored: Any) -> Entry | None:
    """Return an entry from stored data, or None if `_write` could not have written the data.

    The types are checked here, because a wrong one would otherwise fail later, when the file is written.
    """
    if not isinstance(stored, dict):
        return None
    outcome, solved, answer = stored.get("outcome"), stored.get("solved"), stored.get("answer")
    if outcome not in [each.value for each in Outcome] or not isinstance(solved, bool):
        return None
    return Entry(Outcome(outcome), solved, answer) if answer is None or isinstance(answer, str) else None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on the folder, across processes, while the block runs."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a network file system may not support locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # releases the lock, as the end of the process would


def _write(file: Path, entries: dict[str, Entry]) -> None:
    """Replace the file as a whole, so that a reader never sees a part of it."""
    answers = {
        key: {"outcome": each.outcome.value, "solved": each.solved, "answer": each.answer}
        for key, each in sorted(entries.items())
    }
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name, suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            # ASCII with JSON escapes can hold half of a surrogate pair; UTF-8 cannot.
            json.dump({"version": _VERSION, "answers": answers}, stream, indent=1)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
