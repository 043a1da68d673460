"""Prediction questions and exercises: their texts, the grading of answers, and the feedback.

This module holds only texts and grading rules and loads neither Keras nor widgets, so every question and every check
can be tested without a notebook. `workbook.labs.ask` and `workbook.labs.exercise` show them on the screen.

Texts may use a little Markdown: paragraphs, lists, `code`, fenced code, **strong**, *emphasis* and links. Of these, the
label of an option may use `code`; a radio button shows nothing else.
"""

from __future__ import annotations

import ast
import dis
import enum
import inspect
import linecache
import re
import textwrap
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from workbook.errors import short_message

__all__ = ["Exercise", "Feedback", "Option", "Outcome", "Question", "is_untouched"]


class Outcome(enum.Enum):
    """How an answer was graded: always a symbol and words, so that nothing depends on colour.

    The values are stable names that can be stored.
    """

    NOT_ANSWERED = ("not-answered", "○", "Not answered")
    NOT_RIGHT = ("not-right", "✗", "Not right")
    RIGHT = ("right", "✓", "Right")
    NOT_ATTEMPTED = ("not-attempted", "○", "Not attempted")
    INCORRECT = ("incorrect", "✗", "Incorrect")
    CORRECT = ("correct", "✓", "Correct")
    STOPPED = ("stopped", "○", "Stopped")
    NOT_RUN = ("not-run", "○", "Not run")

    symbol: str
    words: str

    def __new__(cls, value: str, symbol: str, words: str) -> Outcome:
        """Make a member whose value is its stable name, with the symbol and the words as attributes."""
        member = object.__new__(cls)
        member._value_ = value
        member.symbol = symbol
        member.words = words
        return member

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self in (Outcome.RIGHT, Outcome.CORRECT)

    def __str__(self) -> str:
        """The symbol and the words, such as "✓ Right"."""
        return f"{self.symbol} {self.words}"


@dataclass(frozen=True)
class Feedback:
    """The feedback on an answer.

    Attributes:
        outcome: How the answer was graded.
        text: The reason, and what to do next. After `Outcome.INCORRECT` it is a clause that follows "because".
    """

    outcome: Outcome
    text: str = ""

    @property
    def verdict(self) -> str:
        """The outcome in words, with the punctuation that introduces the text."""
        if not self.text:
            return f"{self.outcome.words}."
        return f"{self.outcome.words}, because" if self.outcome is Outcome.INCORRECT else f"{self.outcome.words}."

    def __str__(self) -> str:
        """The whole feedback as one text, such as "✗ Incorrect, because the clone shares its weights."."""
        return f"{self.outcome.symbol} {self.verdict} {self.text}".rstrip()

    __repr__ = __str__


_KEY = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")


def _checked_key(kind: str, key: object) -> str:
    """Return the key, or raise: progress is stored under it, so it must be short, plain and stable."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError(
            f"The key of {kind} must be lower-case letters, digits and single hyphens or underscores, "
            f"such as '02-what-is-copied'; it is {key!r}."
        )
    return key


def _checked_text(where: str, text: object, clean: Callable[[str], str] = inspect.cleandoc) -> str:
    """Return the text without its common indentation, so that lessons can use indented triple quotes."""
    if not isinstance(text, str):
        raise TypeError(f"{where} must be a text; it is {type(text).__name__}.")
    cleaned = clean(text).strip()
    if not cleaned:
        raise ValueError(f"{where} must not be empty.")
    return cleaned


def _checked_series(where: str, series: object) -> tuple[Any, ...]:
    """Return the series as a tuple; refuse a single text, which would be split into letters."""
    if isinstance(series, str) or not isinstance(series, Iterable):
        raise TypeError(f"{where} must be a list; it is {type(series).__name__}.")
    return tuple(series)


@dataclass(frozen=True)
class Option:
    """One possible answer to a question.

    Attributes:
        label: The answer as the learner sees it: one line of text, with `code` between backticks.
        why: Why it is right or wrong, shown after the learner chose it.
        right: Whether it is the right answer.
    """

    label: str
    why: str
    right: bool = False

    def __post_init__(self) -> None:
        """Check the option."""
        label = _checked_text("An option's label", self.label)
        if "\n" in label:
            raise ValueError(f"An option's label must be one line: {label!r}.")
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "why", _checked_text(f"The explanation of the option {label!r}", self.why))
        if not isinstance(self.right, bool):
            raise TypeError(f"`right` of the option {label!r} must be True or False; it is {self.right!r}.")


@dataclass(frozen=True)
class Question:
    """A question that a learner answers before the code shows the answer.

    Attributes:
        key: A stable name, unique in the workbook.
        text: The question.
        options: Two or more options, exactly one of them right.

    Example:
        >>> question = Question(
        ...     key="sky",
        ...     text="What colour is the sky on a clear day?",
        ...     options=[Option("Blue", "Blue light is scattered most.", right=True), Option("Red", "Only at dusk.")],
        ... )
        >>> print(question.grade("Red"))
        ✗ Not right. Only at dusk.
    """

    key: str
    text: str
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        """Check the question."""
        _checked_key("a question", self.key)
        where = f"question {self.key!r}"
        object.__setattr__(self, "text", _checked_text(f"The text of {where}", self.text))
        options = _checked_series(f"The options of {where}", self.options)
        object.__setattr__(self, "options", options)
        for option in options:
            if not isinstance(option, Option):
                raise TypeError(f"The options of {where} must be Option objects; one is {type(option).__name__}.")
        if len(options) < 2:
            raise ValueError(f"The {where} needs at least two options; it has {len(options)}.")
        labels = [option.label for option in options]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"The {where} has the same label more than once: {', '.join(map(repr, twice))}.")
        right = sum(option.right for option in options)
        if right != 1:
            raise ValueError(f"The {where} needs exactly one right option; it has {right}.")

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the options, in order."""
        return tuple(option.label for option in self.options)

    def grade(self, choice: str | None) -> Feedback:
        """Grade a choice.

        Args:
            choice: The label of the chosen option, or None if nothing was chosen.

        Returns:
            Whether it is right, and why.

        Raises:
            ValueError: If no option has that label.
        """
        if choice is None:
            return Feedback(Outcome.NOT_ANSWERED, "Choose one of the options first.")
        for option in self.options:
            if option.label == choice:
                return Feedback(Outcome.RIGHT if option.right else Outcome.NOT_RIGHT, option.why)
        known = ", ".join(map(repr, self.labels))
        raise ValueError(f"The question {self.key!r} has no option {choice!r}; it has {known}.")

    def __str__(self) -> str:
        """The question and its options as text, without showing which one is right."""
        return "\n".join([f"Predict: {self.text}", *(f"  ( ) {label}" for label in self.labels)])

    __repr__ = __str__


@dataclass(frozen=True)
class Exercise:
    """A task that a learner solves in code; its answer is not attempted, incorrect with a diagnosis, or correct.

    Attributes:
        key: A stable name, unique in the workbook.
        title: A short name for the learner.
        task: The task, as Markdown.
        checks: Functions of the answer, called in order. Each returns None if it finds no fault, or a diagnosis: a
            clause that follows "Incorrect, because". The first diagnosis is shown, so checks that recognise a
            particular mistake come before general ones. Checks for many exercises are in `workbook.lessons.checks`.
        hints: Hints, from a first idea to nearly the answer.
        solution: Code that solves the task.
        praise: Feedback on a correct answer, with a conclusion to remember.
        untouched: Recognises a starting point that `is_untouched` does not know, such as a half-written class.
        begin: Message for an exercise that was not attempted.
    """

    key: str
    title: str
    task: str
    checks: tuple[Callable[[Any], str | None], ...]
    hints: tuple[str, ...]
    solution: str
    praise: str = ""
    untouched: Callable[[Any], bool] | None = None
    begin: str = "Replace the `...` in the cell with your own code, then run it again."

    def __post_init__(self) -> None:
        """Check the exercise."""
        _checked_key("an exercise", self.key)
        where = f"exercise {self.key!r}"
        for name in ("title", "task"):
            object.__setattr__(self, name, _checked_text(f"The {name} of {where}", getattr(self, name)))
        # In code, unlike in prose, the indentation of the first line matters.
        solution = _checked_text(f"The solution of {where}", self.solution, textwrap.dedent)
        object.__setattr__(self, "solution", solution)
        if "\n" in self.title:
            raise ValueError(f"The title of {where} must be one line.")
        if self.praise:
            object.__setattr__(self, "praise", _checked_text(f"The praise of {where}", self.praise))
        checks = _checked_series(f"The checks of {where}", self.checks)
        if not checks:
            raise ValueError(f"The {where} needs at least one check.")
        for check in checks:
            if not callable(check):
                raise TypeError(f"The checks of {where} must be functions; one is {type(check).__name__}.")
        object.__setattr__(self, "checks", checks)
        hints = _checked_series(f"The hints of {where}", self.hints)
        if not hints:
            raise ValueError(f"The {where} needs at least one hint.")
        object.__setattr__(self, "hints", tuple(_checked_text(f"Each hint of {where}", hint) for hint in hints))
        if self.untouched is not None and not callable(self.untouched):
            raise TypeError(f"`untouched` of {where} must be a function or None.")
        try:
            compile(self.solution, f"<solution of {self.key}>", "exec")
        except SyntaxError as error:
            raise ValueError(f"The solution of {where} is not Python: {error.msg} in line {error.lineno}.") from None

    @property
    def answer_name(self) -> str:
        """The name that the solution defines last, which the learner's cell passes on to be checked."""
        last = ast.parse(self.solution).body[-1]
        return last.targets[0].id if isinstance(last, ast.Assign) else last.name

    def check(self, answer: Any) -> Feedback:
        """Grade an answer.

        Args:
            answer: The learner's answer: a function, a class, a model or a value.

        Returns:
            Not attempted, incorrect with a diagnosis, or correct. An error raised by the answer is a diagnosis too.
        """
        try:
            if is_untouched(answer) or (self.untouched is not None and self.untouched(answer)):
                return Feedback(Outcome.NOT_ATTEMPTED, self.begin)
            for check in self.checks:
                diagnosis = check(answer)
                if diagnosis is not None:
                    break
        except Exception as error:
            return Feedback(Outcome.INCORRECT, explain_error(error))
        if diagnosis is None:
            return Feedback(Outcome.CORRECT, self.praise)
        if not isinstance(diagnosis, str) or not diagnosis.strip():
            # The mistake is in the exercise, not in the answer, so it must not look like a verdict.
            name = getattr(check, "__name__", repr(check))
            where = f"The check {name} of exercise {self.key!r}"
            raise TypeError(f"{where} must return None or a text; it gave {diagnosis!r}.")
        return Feedback(Outcome.INCORRECT, textwrap.dedent(diagnosis).strip())

    def __str__(self) -> str:
        """The title and the task as text."""
        return f"Exercise: {self.title}\n{self.task}"

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return f"**Exercise: {self.title}**\n\n{self.task}"


# Instructions of a function that counts as not attempted: its body is `...`, `pass`, a docstring, `return`,
# `return ...`, or raises NotImplementedError. Names differ between Python versions.
_IDLE_INSTRUCTIONS = {
    *("RESUME", "NOP", "LOAD_CONST", "POP_TOP", "RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS"),
    *("LOAD_GLOBAL", "PUSH_NULL", "PRECALL", "CALL", "CALL_FUNCTION", "COPY_FREE_VARS", "CACHE"),
}


def _does_nothing(function: types.FunctionType) -> bool:
    """Return True if the body of a function is still a placeholder."""
    instructions = list(dis.get_instructions(function))
    raises = any(instruction.opname == "RAISE_VARARGS" for instruction in instructions)
    for instruction in instructions:
        if instruction.opname not in _IDLE_INSTRUCTIONS:
            return False
        if instruction.opname == "LOAD_GLOBAL" and instruction.argval != "NotImplementedError":
            return False
        if instruction.opname in ("LOAD_CONST", "RETURN_CONST"):
            value = instruction.argval
            if value is not None and value is not ... and not (raises and isinstance(value, str)):
                return False
    return True


# Names that Python adds to the namespace of every class.
_CLASS_BOOKKEEPING = {
    *("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"),
    *("__abstractmethods__", "_abc_impl", "__annotations__", "__parameters__", "__orig_bases__"),
}


def is_untouched(answer: Any) -> bool:
    """Return True if an answer is still the placeholder that the learner found.

    Placeholders are None, `...`, a blank text, a list, tuple or dict that holds only placeholders, a function whose
    body is `...`, `pass` or `raise NotImplementedError`, and a class whose body is `...` or `pass`.

    Args:
        answer: The answer from the learner's cell.

    Returns:
        True if there is nothing to check yet.
    """
    if answer is None or answer is ...:
        return True
    if isinstance(answer, str):
        return not answer.strip()
    if isinstance(answer, dict):
        return bool(answer) and all(is_untouched(value) for value in answer.values())
    if isinstance(answer, (list, tuple)):
        return bool(answer) and all(is_untouched(value) for value in answer)
    if isinstance(answer, types.FunctionType):
        return _does_nothing(answer)
    if isinstance(answer, type):
        return not set(vars(answer)) - _CLASS_BOOKKEEPING
    return False


def _learners_line(error: BaseException) -> tuple[str, int, str] | None:
    """Return the innermost frame in the learner's own code: function, line number, text of the line."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        names = trace.tb_frame.f_globals
        code = trace.tb_frame.f_code
        # The cells of a notebook are the module __main__, and AutoGraph generates code under the same name.
        if names.get("__name__") == "__main__" and "__autograph_generated_file" not in code.co_filename:
            found = (code, trace.tb_lineno, names)
        trace = trace.tb_next
    if found is None:
        return None
    code, number, names = found
    function = getattr(code, "co_qualname", code.co_name)  # co_qualname: since Python 3.11
    return function.replace("<locals>.", ""), number, linecache.getline(code.co_filename, number, names).strip()


def explain_error(error: BaseException) -> str:
    """Describe in one sentence an error in a learner's code, instead of a stack trace.

    Args:
        error: The error that was raised while the answer was checked.

    Returns:
        A clause that follows "Incorrect, because".
    """
    message = short_message(error)
    what = f"{type(error).__name__}: {message}" if message else f"{type(error).__name__}."
    line = _learners_line(error)
    if line is None:
        # No line of the learner's code is involved: the answer may be a library function, or of the wrong type.
        return f"checking it raised {what}\n\nIs it the kind of object that the task asks for?"
    function, number, source = line
    where = f"It happened in `{function}`, line {number} of its cell"
    return f"your code raised {what}\n\n{where}" + (f": `{source}`" if source else ".")


def explain_stop(error: KeyboardInterrupt) -> str:
    """Describe where a learner's code was when it was stopped.

    Args:
        error: The interrupt.

    Returns:
        What happened and what to do, in whole sentences.
    """
    line = _learners_line(error)
    if line is None:
        return "The check was still running. Run the cell again to have your answer checked."
    function, number, source = line
    where = f"in `{function}`, line {number} of its cell" + (f": `{source}`" if source else ".")
    advice = "Look at your loop: what ends it? Change it, then run the cell again."
    return f"Your code was still running, {where}\n\n{advice}"
