"""Questions and exercises without widgets: the grading of answers, and the errors for authors of lessons."""

from __future__ import annotations

import linecache
import re
import subprocess
import sys
import textwrap

import pytest

from workbook.lessons.quiz import Exercise, Feedback, Option, Outcome, Question, is_untouched


def a_question(**changes):
    values = {
        "key": "demo",
        "text": "Which one?",
        "options": [
            Option("This", "It is this one.", right=True),
            Option("That", "That one is `old`."),
            Option("Both", "They exclude each other."),
        ],
    }
    return Question(**{**values, **changes})


def _returns_something(my_clone):
    return "your function returns nothing" if my_clone([1, 2]) is None else None


def _is_another_object(my_clone):
    original = [1, 2]
    return "it returns the original itself" if my_clone(original) is original else None


def _is_equal(my_clone):
    return None if my_clone([1, 2]) == [1, 2] else "the copy differs"


def an_exercise(**changes):
    values = {
        "key": "demo-exercise",
        "title": "Copy a list",
        "task": "Write `my_clone`.",
        "checks": [_returns_something, _is_another_object, _is_equal],
        "hints": ["First.", "Second."],
        "solution": "def my_clone(x):\n    return list(x)",
        "praise": "A life of its own.",
    }
    return Exercise(**{**values, **changes})


def cell(source: str, name: str = "my_clone"):
    """Run source like a notebook cell, in __main__ and with its lines available to tracebacks; return one name."""
    source = textwrap.dedent(source)
    file_name = "/tmp/ipykernel_1/2.py"
    linecache.cache[file_name] = (len(source), None, source.splitlines(keepends=True), file_name)
    namespace = {"__name__": "__main__"}
    exec(compile(source, file_name, "exec"), namespace)
    return namespace[name]


# -- questions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "outcome", "text"),
    [
        (None, Outcome.NOT_ANSWERED, "Choose one of the options first."),
        ("This", Outcome.RIGHT, "It is this one."),
        ("That", Outcome.NOT_RIGHT, "That one is `old`."),
        ("Both", Outcome.NOT_RIGHT, "They exclude each other."),
    ],
)
def test_every_choice_gets_its_own_explanation(choice, outcome, text):
    assert a_question().grade(choice) == Feedback(outcome, text)


def test_an_unknown_choice_is_an_error_and_not_a_wrong_answer():
    with pytest.raises(ValueError, match=r"no option 'Other'; it has 'This', 'That', 'Both'"):
        a_question().grade("Other")


def test_a_question_prints_its_options_and_not_the_answer():
    text = str(a_question())
    assert text == "Predict: Which one?\n  ( ) This\n  ( ) That\n  ( ) Both"
    assert repr(a_question()) == text


def test_indented_triple_quotes_lose_their_indentation():
    question = a_question(
        text="""
            One line.

                indented
        """
    )
    assert question.text == "One line.\n\n    indented"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"key": "Has Spaces"}, ValueError, "lower-case letters"),
        ({"key": None}, ValueError, "lower-case letters"),
        ({"text": "  "}, ValueError, "text of question 'demo' must not be empty"),
        ({"text": 5}, TypeError, "must be a text; it is int"),
        ({"options": "This"}, TypeError, "must be a list; it is str"),
        ({"options": ["This", "That"]}, TypeError, "must be Option objects; one is str"),
        ({"options": [Option("A", "a", right=True)]}, ValueError, "at least two options; it has 1"),
        ({"options": [Option("A", "a"), Option("B", "b")]}, ValueError, "exactly one right option; it has 0"),
        (
            {"options": [Option("A", "a", right=True), Option("B", "b", right=True)]},
            ValueError,
            "exactly one right option; it has 2",
        ),
        ({"options": [Option("A", "a", right=True), Option("A", "b")]}, ValueError, "more than once: 'A'"),
    ],
)
def test_a_faulty_question_is_refused_with_its_name_and_the_reason(changes, error, message):
    with pytest.raises(error, match=re.escape(message)):
        a_question(**changes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", "why"), "label must not be empty"),
        (("A", ""), "explanation of the option 'A' must not be empty"),
        (("A\nB", "why"), "must be one line"),
        (("A", "why", "yes"), "must be True or False"),
    ],
)
def test_a_faulty_option_is_refused(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Option(*arguments)


# -- feedback ---------------------------------------------------------------------------------------------------------


def test_each_outcome_has_words_of_its_own_and_a_symbol():
    assert len({outcome.words for outcome in Outcome}) == len(Outcome)
    assert all(outcome.symbol in "✓✗○" for outcome in Outcome)
    assert {outcome for outcome in Outcome if outcome.passed} == {Outcome.RIGHT, Outcome.CORRECT}
    # Stored progress refers to the outcomes by these names.
    assert Outcome("not-attempted") is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize(
    ("feedback", "text"),
    [
        (Feedback(Outcome.INCORRECT, "it is late."), "✗ Incorrect, because it is late."),
        (Feedback(Outcome.CORRECT), "✓ Correct."),
        (Feedback(Outcome.NOT_RIGHT, "It is late."), "✗ Not right. It is late."),
    ],
)
def test_feedback_prints_as_a_sentence(feedback, text):
    assert str(feedback) == repr(feedback) == text


# -- exercises: the three states --------------------------------------------------------------------------------------


def nothing_yet(model): ...


def only_a_docstring(model):
    """Return a clone."""


def passes(model):
    pass


def returns_dots(model):
    """Return a clone."""
    return ...


def not_implemented(model):
    raise NotImplementedError("Write me.")


class Empty:
    """To be written."""


@pytest.mark.parametrize(
    "answer",
    [
        *(None, ..., "", "  ", [...], (None, ...), {"alias": ..., "copy": None}),
        *(nothing_yet, only_a_docstring, passes, returns_dots, not_implemented, lambda model: ..., Empty),
    ],
)
def test_an_untouched_answer_is_not_attempted(answer):
    assert is_untouched(answer)
    feedback = an_exercise().check(answer)
    assert feedback.outcome is Outcome.NOT_ATTEMPTED
    assert "run it again" in feedback.text


def returns_a_constant(model):
    return 5


def returns_a_text(model):
    return "text"


def refuses(model):
    raise ValueError("no")


class WithAttribute:
    units = 3


@pytest.mark.parametrize(
    "answer",
    [
        *(0, False, [], {}, "text", [1, ...], {"alias": True, "copy": ...}, object()),
        *(returns_a_constant, returns_a_text, refuses, lambda model: model, WithAttribute, int, len),
    ],
)
def test_an_answer_of_any_kind_counts_as_an_attempt(answer):
    assert not is_untouched(answer)
    assert an_exercise().check(answer).outcome is Outcome.INCORRECT


def test_an_exercise_can_recognise_its_own_starting_point():
    exercise = an_exercise(untouched=lambda answer: answer is refuses)
    assert exercise.check(refuses).outcome is Outcome.NOT_ATTEMPTED
    assert exercise.check(nothing_yet).outcome is Outcome.NOT_ATTEMPTED
    assert exercise.check(list).outcome is Outcome.CORRECT


def test_the_right_answer_is_correct_and_says_what_was_learned():
    assert str(an_exercise().check(lambda model: list(model))) == "✓ Correct. A life of its own."


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (print, "your function returns nothing"),
        (lambda model: model, "it returns the original itself"),
        (lambda model: model[:1], "the copy differs"),
    ],
)
def test_each_foreseen_mistake_has_its_own_diagnosis(answer, text):
    assert str(an_exercise().check(answer)) == f"✗ Incorrect, because {text}"


def test_the_first_diagnosis_wins_and_later_checks_do_not_run():
    seen = []
    exercise = an_exercise(checks=[lambda answer: "first", lambda answer: seen.append(answer)])
    assert exercise.check(1).text == "first"
    assert seen == []


@pytest.mark.parametrize("nonsense", [True, False, "", 0])
def test_a_check_that_returns_neither_none_nor_a_text_is_an_error_of_the_author(nonsense):
    with pytest.raises(TypeError, match="must return None or a text"):
        an_exercise(checks=[lambda answer: nonsense]).check(1)


# -- exercises: errors raised by an answer ----------------------------------------------------------------------------


def test_an_error_in_the_learners_code_is_told_with_its_line():
    my_clone = cell(
        """
        def my_clone(model):
            clone = model.cpy()
            return clone
        """
    )
    feedback = an_exercise().check(my_clone)
    assert str(feedback) == (
        "✗ Incorrect, because your code raised AttributeError: 'list' object has no attribute 'cpy'\n\n"
        "It happened in `my_clone`, line 3 of its cell: `clone = model.cpy()`"
    )


def test_the_line_is_the_learners_and_not_the_librarys():
    my_clone = cell(
        """
        import json
        def my_clone(model):
            return json.loads("{")
        """
    )
    text = an_exercise().check(my_clone).text
    assert "JSONDecodeError" in text
    assert text.endswith('line 4 of its cell: `return json.loads("{")`')


def test_an_error_without_a_line_of_the_learners_asks_about_the_kind_of_answer():
    text = an_exercise().check(7).text
    assert text.startswith("checking it raised TypeError: 'int' object is not callable")
    assert text.endswith("Is it the kind of object that the task asks for?")


def test_a_frame_that_autograph_generated_is_not_taken_for_the_learners():
    names = {"__name__": "__main__"}
    exec(compile("def my_clone(model):\n    raise OSError", "/tmp/__autograph_generated_file_x.py", "exec"), names)
    assert an_exercise().check(names["my_clone"]).text.startswith("checking it raised OSError.")


def test_a_long_message_is_told_without_wrapping_paths_addresses_and_colours():
    message = (
        "Exception encountered when calling M.call().\n\n\x1b[1mNo attribute in <M object at 0x7f00ab>\x1b[0m\n\n"
        'File "/home/someone/x.py", line 1\n\nArguments received by M.call():\n  • args=(<tf.Tensor>)'
    )

    def my_clone(model):
        raise ValueError(message)

    text = an_exercise().check(my_clone).text
    assert "ValueError: Exception encountered when calling M.call(). No attribute in <M object>\n" in text
    assert "someone" not in text
    message = "word " * 500
    assert len(an_exercise().check(my_clone).text) < 600


def test_stopping_the_kernel_is_not_taken_for_a_wrong_answer():
    def my_clone(model):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        an_exercise().check(my_clone)


# -- exercises: construction ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "Demo Exercise"}, "lower-case letters"),
        ({"title": ""}, "title of exercise 'demo-exercise' must not be empty"),
        ({"title": "a\nb"}, "title of exercise 'demo-exercise' must be one line"),
        ({"task": " "}, "task of exercise 'demo-exercise' must not be empty"),
        ({"checks": []}, "at least one check"),
        ({"checks": ["no function"]}, "must be functions; one is str"),
        ({"checks": _is_equal}, "must be a list; it is function"),
        ({"hints": []}, "at least one hint"),
        ({"hints": "a hint"}, "must be a list; it is str"),
        ({"hints": ["a", ""]}, "must not be empty"),
        ({"solution": "def f(:"}, "is not Python"),
        ({"untouched": "no"}, "must be a function or None"),
    ],
)
def test_a_faulty_exercise_is_refused_with_the_reason(changes, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        an_exercise(**changes)


@pytest.mark.parametrize(
    "solution",
    ["def f(x):\n    return x", "\n        def f(x):\n            return x\n    ", "    def f(x):\n        return x"],
)
def test_the_solution_keeps_the_indentation_of_its_code(solution):
    assert an_exercise(solution=solution).solution == "def f(x):\n    return x"


def test_an_exercise_shows_its_task_as_markdown_and_as_text():
    exercise = an_exercise()
    assert exercise._repr_markdown_() == "**Exercise: Copy a list**\n\nWrite `my_clone`."
    assert repr(exercise) == "Exercise: Copy a list\nWrite `my_clone`."


def test_questions_load_neither_keras_nor_widgets():
    heavy = ["numpy", "tensorflow", "keras", "ipywidgets"]
    code = f"import sys, workbook.lessons.quiz; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("solution", "name"),
    [("import os\n\ndef f(x):\n    return x", "f"), ("class A:\n    b = 1", "A"), ("answer = {}", "answer")],
)
def test_an_exercise_knows_what_its_solution_defines(solution, name):
    assert an_exercise(solution=solution).answer_name == name
