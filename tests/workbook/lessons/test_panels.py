"""The panels of questions and exercises, tested through their widgets; tests/browser covers the browser's part."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading

import ipywidgets
import pytest

from workbook import labs
from workbook.labs.framework.keyboard import PanelAssets
from workbook.labs.framework.markup import to_html
from workbook.lessons.quiz import Exercise, Option, Outcome, Question

QUESTION = Question(
    key="demo",
    text="Is `clone` **<new>**?",
    options=[
        Option("Yes & no", "Wrong: it cannot be *both*."),
        Option("Yes", "Right: it was made from a `config`.", right=True),
        Option("No", "Wrong: that would be an alias."),
    ],
)


def _is_another(my_clone):
    original = [1]
    return "it returns the *original*." if my_clone(original) is original else None


EXERCISE = Exercise(
    key="demo-exercise",
    title="Copy a list",
    task="Write `my_clone(model)`.",
    checks=[_is_another],
    hints=["Nudge.", "Push.", "```\nalmost(it)\n```"],
    solution="def my_clone(model):\n    return model[:] if model > [] else []",
    praise="A life of its own.",
)


def not_yet(model): ...


def text_of(panel):
    """Return the whole text of a panel, without tags."""
    parts = []

    def visit(widget):
        if widget.layout.display == "none":
            return
        if isinstance(widget, ipywidgets.HTML):
            parts.append(widget.value)
        for child in getattr(widget, "children", ()):
            visit(child)

    visit(panel)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(parts))).strip()


def said(panel):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", panel.verdict_box.content)).strip()


def static(panel):
    return panel._repr_mimebundle_()


# -- questions --------------------------------------------------------------------------------------------------------


def test_a_question_starts_with_nothing_chosen_and_nothing_said():
    panel = labs.ask(QUESTION)
    assert panel.choice.value is None
    assert panel.choice.options == QUESTION.labels
    assert panel.feedback is None
    assert said(panel) == ""
    assert "Wrong" not in text_of(panel)
    assert "Right" not in text_of(panel)


def test_answering_without_a_choice_says_so():
    panel = labs.ask(QUESTION)
    panel.answer.click()
    assert panel.feedback.outcome is Outcome.NOT_ANSWERED
    assert said(panel).startswith("○ Not answered. Choose one")


@pytest.mark.parametrize(
    ("label", "why"), [("Yes & no", "Wrong: it cannot be both ."), ("No", "Wrong: that would be an alias.")]
)
def test_each_wrong_option_is_explained_in_words_and_with_a_symbol(label, why):
    panel = labs.ask(QUESTION)
    panel.choice.value = label
    assert said(panel) == "", "a choice is not an answer yet: the keyboard passes through the options"
    panel.answer.click()
    assert said(panel).startswith(f"✗ Not right. {why}")
    assert "Right:" not in said(panel)


def test_the_right_option_is_confirmed_and_the_others_explained():
    panel = labs.ask(QUESTION)
    panel.choice.value = "Yes"
    panel.answer.click()
    assert panel.feedback.outcome is Outcome.RIGHT
    assert said(panel).startswith("✓ Right. Right: it was made from a config .")
    assert "that would be an alias" in said(panel)


def test_a_verdict_does_not_outlive_the_choice_it_is_about():
    panel = labs.ask(QUESTION)
    panel.choice.value = "No"
    panel.answer.click()
    panel.choice.value = "Yes"
    assert said(panel) == ""
    assert panel.feedback is None
    panel.answer.click()
    assert panel.feedback.outcome is Outcome.RIGHT


def test_an_error_in_a_handler_is_shown_in_the_panel(monkeypatch):
    def broken(self, choice):
        raise RuntimeError("broken <here>")

    monkeypatch.setattr(Question, "grade", broken)
    panel = labs.ask(QUESTION)
    panel.answer.click()
    assert "RuntimeError: broken &lt;here&gt;" in said(panel)


# -- exercises --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        (not_yet, Outcome.NOT_ATTEMPTED, "○ Not attempted. Replace the"),
        (None, Outcome.NOT_ATTEMPTED, "○ Not attempted. Replace the"),
        (lambda model: model, Outcome.INCORRECT, "✗ Incorrect, because it returns the original ."),
        (lambda model: model / 0, Outcome.INCORRECT, "✗ Incorrect, because checking it raised TypeError: unsupported"),
        (list, Outcome.CORRECT, "✓ Correct. A life of its own."),
    ],
)
def test_an_exercise_is_in_one_of_three_states(answer, outcome, text):
    panel = labs.exercise(EXERCISE, answer)
    assert panel.feedback.outcome is outcome
    assert said(panel).startswith(text)


def test_hints_come_one_at_a_time_and_are_counted():
    panel = labs.exercise(EXERCISE, not_yet)
    assert "Hint" not in text_of(panel)
    panel.hint.click()
    assert "Hint 1 of 3: Nudge." in text_of(panel)
    assert "Push" not in text_of(panel)
    panel.hint.click()
    assert "Hint 1 of 3: Nudge. Hint 2 of 3: Push." in text_of(panel)
    assert "Nudge" not in panel._help.content, "only the newest hint is announced"
    panel.hint.click()
    assert "Hint 3 of 3: almost(it)" in text_of(panel)
    assert "last hint" not in text_of(panel)
    panel.hint.click()
    assert text_of(panel).count("Hint 3 of 3") == 1
    assert "That was the last hint." in text_of(panel)


def test_the_solution_needs_a_second_press():
    panel = labs.exercise(EXERCISE, not_yet)
    panel.solution.click()
    assert "return model" not in text_of(panel)
    assert "Press again" in text_of(panel)
    assert panel.solution.description == "Yes, show solution"
    panel.solution.click()
    assert "return model[:] if model &gt; [] else []" in text_of(panel)
    panel.solution.click()
    assert "return model" not in text_of(panel)
    assert panel.solution.description == "Show solution"


def test_asking_for_a_hint_takes_back_the_wish_for_the_solution():
    panel = labs.exercise(EXERCISE, not_yet)
    panel.solution.click()
    panel.hint.click()
    assert "Press again" not in text_of(panel)
    panel.solution.click()
    assert "return model" not in text_of(panel)
    assert "Hint 1 of 3" in text_of(panel), "hints already given stay"


def test_the_solution_of_the_example_is_correct():
    names = {}
    exec(EXERCISE.solution, names)
    assert EXERCISE.check(names["my_clone"]).outcome is Outcome.CORRECT


# -- both -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [lambda: labs.ask(QUESTION), lambda: labs.exercise(EXERCISE, not_yet)], ids=["question", "exercise"]
)
def test_the_static_stand_in_is_the_same_each_time_and_gives_nothing_away(make):
    first, second = make(), make()
    for panel in (first, second):
        for button in (getattr(panel, "hint", None), getattr(panel, "solution", None)):
            if button is not None:
                button.click()
                button.click()
    one, two = static(first), static(second)
    view = "application/vnd.jupyter.widget-view+json"
    assert set(one) == {"text/plain", "text/html", view}
    assert one.pop(view)["model_id"] == first.model_id
    two.pop(view)
    assert one == two
    for text in one.values():
        assert "VBox" not in text
        assert not re.search("Wrong|Right|Nudge|Push|almost|return model", text)


def test_the_stand_in_of_a_question_lists_the_options():
    bundle = static(labs.ask(QUESTION))
    assert bundle["text/plain"] == (
        "Predict: Is `clone` **<new>**?\n  ( ) Yes & no\n  ( ) Yes\n  ( ) No\n(Run this cell in JupyterLab to answer.)"
    )
    assert "<li>Yes &amp; no</li>" in bundle["text/html"]
    assert "<code>clone</code> <strong>&lt;new&gt;</strong>" in bundle["text/html"]
    assert repr(labs.ask(QUESTION)) == bundle["text/plain"]


def test_the_stand_in_of_an_exercise_says_its_state():
    assert static(labs.exercise(EXERCISE, lambda model: model))["text/plain"] == (
        "Exercise: Copy a list\n✗ Incorrect, because it returns the *original*.\n"
        "(In JupyterLab this cell offers 3 hints and a solution.)"
    )
    assert "Not attempted" in static(labs.exercise(EXERCISE, ...))["text/html"]


def test_a_closed_panel_still_prints_as_text():
    panel = labs.ask(QUESTION)
    panel.close()
    assert repr(panel).startswith("Predict:")


@pytest.mark.parametrize("panel", [labs.ask(QUESTION), labs.exercise(EXERCISE, not_yet)], ids=["question", "exercise"])
def test_a_panel_announces_its_verdict_and_describes_its_controls(panel):
    region, text = panel.verdict_box.children
    assert 'aria-live="polite"' in region.value
    owned = re.search(r'aria-owns="([^"]+)"', region.value)[1]
    assert f'id="{owned}"' in text.value
    before = region.value
    panel.verdict_box.content = "changed"
    assert region.value == before, "a live region that is itself replaced is not announced"
    assert f'id="{owned}"' in text.value
    assert "lesson-feedback" in panel.verdict_box._dom_classes
    assert {"lesson-question", "lesson-exercise"} & set(panel._dom_classes)
    controls = [getattr(panel, name, None) for name in ("choice", "answer", "hint", "solution")]
    assert all(control.description for control in controls if control is not None)


def test_plain_keys_stay_in_the_panel():
    panel = labs.ask(QUESTION)
    assert "lesson-keys" in panel._dom_classes
    assets = [child for child in panel.children if isinstance(child, PanelAssets)]
    assert len(assets) == 1 and "data-lm-suppress-shortcuts" in assets[0]._esm


def test_handlers_run_on_the_loop_of_the_cell_whatever_thread_the_press_came_from(monkeypatch):
    threads = []
    grade = Question.grade

    def grade_and_note(self, choice):
        threads.append(threading.current_thread())
        graded.set()
        return grade(self, choice)

    monkeypatch.setattr(Question, "grade", grade_and_note)

    async def kernel():
        nonlocal graded
        graded = asyncio.Event()
        panel = labs.ask(QUESTION)
        press = threading.Thread(target=panel.answer.click)
        press.start()
        press.join()
        assert threads == [], "the press was handled on its own thread"
        # The last change of the choice may arrive after the press: it counts, and does not remove the verdict.
        panel.choice.index = 0
        await asyncio.wait_for(graded.wait(), 30)
        await asyncio.sleep(0)
        return panel

    graded = None
    panel = asyncio.run(kernel())
    assert threads == [threading.current_thread()]
    assert panel.feedback == QUESTION.grade(QUESTION.labels[0])


def test_the_package_loads_no_widgets_before_they_are_used():
    loaded = "print('ipywidgets' in sys.modules)"
    code = f"import sys; from workbook import labs; {loaded}; labs.ask; {loaded}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
    assert {"ask", "exercise", "LayerLab"} <= set(dir(labs))
    with pytest.raises(AttributeError, match=r"has no attribute 'aks'; it has .*ask"):
        labs.aks  # noqa: B018


@pytest.mark.parametrize(
    ("markdown", "page"),
    [
        ("a\nb\n\nc", "<p>a b</p><p>c</p>"),
        ("so:\n- one\n  more\n- two", "<p>so:</p><ul><li>one more</li><li>two</li></ul>"),
        ("1. one\n2. two", "<ol><li>one</li><li>two</li></ol>"),
        (
            "```python\nif a < b:\n\n    c\n```\nd",
            '<pre><code class="language-python">if a &lt; b:\n\n    c\n</code></pre><p>d</p>',
        ),
        ("`a*b*c` **d** *e*", "<p><code>a*b*c</code> <strong>d</strong> <em>e</em></p>"),
        ("2 * 3 * 4 and **kwargs", "<p>2 * 3 * 4 and **kwargs</p>"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
        ("[here](https://keras.io)", '<p><a href="https://keras.io">here</a></p>'),
        ("[here](javascript:x)", '<p><a href="#harmful-link">here</a></p>'),
        ("it's `'a'`", "<p>it&#x27;s <code>&#x27;a&#x27;</code></p>"),
    ],
)
def test_markdown_becomes_html_and_nothing_in_it_acts_as_a_tag(markdown, page):
    assert to_html(markdown) == page
