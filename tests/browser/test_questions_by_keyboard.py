"""Prediction questions and exercises in JupyterLab, by keyboard."""

from __future__ import annotations

import pytest

QUESTION = """from workbook import labs
from workbook.lessons.quiz import Exercise, Option, Question

labs.ask(Question("sum", "What is `1 + 1`?", (
    Option("One, as in `1 - 0`", "That is the number of plus signs."),
    Option("Two", "Counting shows it.", right=True),
    Option("Three", "That is one too many."),
)))"""
EXERCISE = """labs.exercise(Exercise(
    "number", "find a number", "Give the number that is asked for.",
    checks=(lambda answer: None if answer == 2 else "it is not two",),
    hints=("It is small.", "It is even."), solution="answer = 2",
), {answer}).add_class("answer-{answer}")"""


def test_a_question_is_answered(lab):
    lab.open_and_run(QUESTION)
    assert (lab.errors(), lab.widget_problems()) == ([], [])
    panel = lab.panel(".lesson-question")
    assert panel.tab_stops() == ["Your prediction:", "Answer"]
    assert panel.root.locator(".widget-radio-box code").all_inner_texts() == ["1 - 0"]
    assert panel.root.locator(".widget-radio-box label").all_inner_texts() == ["One, as in 1 - 0", "Two", "Three"]
    panel.press("Answer", "Enter")
    panel.wait_text(".lesson-verdict", "Not answered")
    panel.press("Your prediction:", "Space")
    panel.press("Answer", "Enter")
    panel.wait_text(".lesson-verdict", "number of plus signs")
    panel.press("Your prediction:", "ArrowDown")
    panel.press("Answer", "Space")
    panel.wait_text(".lesson-verdict", "Counting shows it")
    assert panel.accessibility_problems() == []
    lab.screenshot("question", of=".lesson-question")
    # JupyterLab handled none of the keys; it would have moved to a different cell or deleted one.
    assert [cell["source"] for cell in lab.state()["cells"]] == [QUESTION]
    assert lab.complaints == []


@pytest.mark.slow
def test_an_exercise_is_judged_and_helps(lab):
    answers = {"None": "Not attempted", "3": "it is not two", "2": "Correct"}
    lab.open_and_run(QUESTION, *(EXERCISE.format(answer=answer) for answer in answers))
    assert (lab.errors(), lab.widget_problems()) == ([], [])
    for answer, said in answers.items():
        panel = lab.panel(f".answer-{answer}")
        panel.wait_text(".lesson-verdict", said)
    panel.press("Hint", "Enter")
    panel.wait_text(".lesson-help", "It is small")
    panel.press("Show solution", "Enter")
    panel.wait_text(".lesson-help", "Sure")
    assert "answer = 2" not in panel.root.inner_text()
    panel.press("Yes, show solution", "Enter")
    panel.wait_text("pre", "answer = 2")
    assert panel.accessibility_problems() == []
    lab.screenshot("exercise", of=".answer-2")
    assert lab.complaints == []
