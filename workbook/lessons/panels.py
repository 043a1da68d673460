"""Panels that show prediction questions and exercises, and the functions that make them.

`quiz` grades answers and writes the feedback; a panel only shows it. Every panel works with the keyboard alone and
gives its verdict in words, in a region that screen readers announce. A stored notebook shows plain text instead, which
never gives an answer away.
"""

from __future__ import annotations

import html
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets
from IPython import get_ipython
from IPython.display import display

from workbook.labs.framework.keyboard import PanelAssets, asset, keep_keys
from workbook.labs.framework.markup import to_html, with_code
from workbook.labs.framework.scheduler import MainLoop
from workbook.lessons import progress
from workbook.lessons.attempts import NOT_RUN, PATIENCE, Attempt, code_of_cell
from workbook.lessons.quiz import Exercise, Feedback, Outcome, Question

__all__ = ["ExercisePanel", "QuestionPanel", "StaticPanel", "ask", "exercise"]


class LessonAssets(PanelAssets):
    """An invisible widget that loads `keyboard.js` and `lesson.css` for a question or an exercise."""

    _css = asset(Path(__file__).with_name("lesson.css"))


class _LiveText(ipywidgets.VBox):
    """A text that screen readers announce when it changes.

    An HTML widget replaces its whole content with each new value, and screen readers often ignore a live region that is
    itself new. So the region is in a widget that never changes, and refers by id to the text in another widget.
    """

    def __init__(self, dom_class: str) -> None:
        """Make an empty region with a class for styling and tests."""
        self._text = ipywidgets.HTML()
        self._id = f"lesson-live-{self._text.model_id}"
        self.content = ""
        region = f'<div role="status" aria-live="polite" aria-atomic="true" aria-owns="{self._id}"></div>'
        super().__init__([ipywidgets.HTML(region), self._text])
        self.add_class(dom_class)

    @property
    def content(self) -> str:
        """The HTML that is shown."""
        return self._content

    @content.setter
    def content(self, content: str) -> None:
        self._content = content
        self._text.value = f'<div id="{self._id}">{content}</div>'


def _with_lead(lead: str, text: str) -> str:
    """Return a text as HTML, with a lead at the start of its first paragraph."""
    body = to_html(text)
    return body.replace("<p>", f"<p>{lead} ", 1) if body.startswith("<p>") else f"<p>{lead}</p>{body}"


def _verdict(feedback: Feedback, after: str = "") -> str:
    """Return feedback as HTML: symbol, verdict in words, and the reason."""
    outcome = feedback.outcome
    untouched = outcome in (Outcome.NOT_ANSWERED, Outcome.NOT_ATTEMPTED, Outcome.NOT_RUN)
    state = "untouched" if untouched else "passed" if outcome.passed else "failed"
    # Screen readers skip the symbol: the words follow.
    lead = f'<span aria-hidden="true">{outcome.symbol}</span> <strong>{html.escape(feedback.verdict)}</strong>'
    return f'<div class="lesson-verdict lesson-{state}">{_with_lead(lead, feedback.text)}{after}</div>'


class StaticPanel(ipywidgets.VBox):
    """A panel with a plain text and an HTML version for viewers without widgets, and handlers on the main loop.

    Attributes:
        verdict_box: The verdict, which screen readers announce.
    """

    def __init__(self, dom_class: str, text: str, page: str) -> None:
        """Make an empty panel with a class for styling and tests, and its versions as plain text and as HTML."""
        self._main_loop = MainLoop()
        self.verdict_box = _LiveText("lesson-feedback")
        self._static = {"text/plain": text, "text/html": page}
        super().__init__()
        self.add_class("lesson-panel")
        self.add_class(dom_class)

    def _fill(self, *children: ipywidgets.Widget) -> None:
        self.children = [keep_keys(self, LessonAssets), *children]

    def _button(
        self, description: str, tooltip: str, handler: Callable[[], None], delay: float = 0.0
    ) -> ipywidgets.Button:
        button = ipywidgets.Button(description=description, tooltip=tooltip)
        button.on_click(lambda _: self._main_loop(self._safely, handler, delay=delay))
        return button

    def _safely(self, handler: Callable[[], None]) -> None:
        """Run a handler, and show its error in the panel, because otherwise it would appear only in the log."""
        try:
            handler()
        except Exception as error:
            problem = html.escape(f"{type(error).__name__}: {error}")
            self.verdict_box.content = (
                '<div class="lesson-verdict lesson-failed"><p><strong>This panel could not do that.</strong> '
                f"{problem}</p><p>Your answer was not judged. Run the cell again.</p></div>"
            )

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return {**super()._repr_mimebundle_(**kwargs), **self._static}

    def __repr__(self) -> str:
        return self._static["text/plain"]


class QuestionPanel(StaticPanel):
    """A prediction question: options, a button to commit to one, and the verdict with its reason.

    The choice is graded when the button is pressed and not before, so that moving through the options with the keyboard
    gives nothing away. The question can be answered again at any time.

    Attributes:
        question: The question.
        choice: The radio buttons.
        answer: The button that commits to the choice.
        feedback: The feedback on the choice, or None before there is any.
    """

    def __init__(self, question: Question) -> None:
        """Make the panel of a question."""
        self.question = question
        self.feedback: Feedback | None = None
        text = f"{question}\n(Run this cell in JupyterLab to answer.)"
        options = "".join(f"<li>{with_code(label)}</li>" for label in question.labels)
        page = (
            f"<div><p><strong>Predict</strong></p>{to_html(question.text)}<ul>{options}</ul>"
            "<p><em>Run this cell in JupyterLab to answer.</em></p></div>"
        )
        super().__init__("lesson-question", text, page)
        earlier = progress.entry(question.key)
        answered = earlier is not None and earlier.answer in question.labels
        index = question.labels.index(earlier.answer) if answered else None
        # Set before the listener is attached: in a kernel the listener runs later, and would remove the verdict.
        self.choice = ipywidgets.RadioButtons(options=question.labels, index=index, description="Your prediction:")
        # While the kernel is busy, ipywidgets delays changes but not button presses, so a change may arrive after the
        # press that followed it.
        tooltip = "Commit to the chosen option and see whether it is right"
        self.answer = self._button("Answer", tooltip, self._grade, delay=0.2)
        self.choice.observe(lambda _: self._main_loop(self._safely, self._choice_changed), names="index")
        heading = ipywidgets.HTML(f"<p><strong>Predict</strong></p>{to_html(question.text)}")
        self._fill(heading, self.choice, self.answer, self.verdict_box)
        if answered:
            self._show("<p><em>Your answer from before.</em></p>")

    def _choice_changed(self) -> None:
        # A verdict beside an option that it does not grade would be misleading.
        self.feedback = None
        self.verdict_box.content = ""

    def _grade(self) -> None:
        self._show()
        failure = progress.note(self.question.key, self.feedback, self.choice.value)
        if failure:
            self._show(f"<p>{html.escape(failure)}</p>")

    def _show(self, remark: str = "") -> None:
        """Grade the choice and show the verdict, with a remark under it."""
        self.feedback = self.question.grade(self.choice.value)
        after = ""
        if self.feedback.outcome is Outcome.RIGHT:
            others = "".join(
                f"<li>{_with_lead(f'<strong>{with_code(option.label)}:</strong>', option.why)}</li>"
                for option in self.question.options
                if not option.right
            )
            after = f"<details><summary>Why not the others</summary><ul>{others}</ul></details>"
        elif self.feedback.outcome is Outcome.NOT_RIGHT:
            after = "<p>Choose again, or read on: the next cells show it.</p>"
        self.verdict_box.content = _verdict(self.feedback, after + remark)


class _NoticeBelowCell:
    """A sentence below the cell that is running, because the panel itself is shown only when the cell is done."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._name = f"lesson-notice-{uuid.uuid4().hex}"
        self._shown = False
        self._begun = time.monotonic()

    def show(self, sentence: str) -> None:
        """Show the sentence; may be called from any thread."""
        if getattr(get_ipython(), "kernel", None) is not None:
            self._display(sentence)
            self._shown = True

    def end(self) -> None:
        """If a sentence is shown, replace it by how long the cell was running."""
        if self._shown:
            self._display(f"Your code ran for {time.monotonic() - self._begun:.0f} seconds.")

    def _display(self, sentence: str) -> None:
        role = "status" if self._shown else "alert"
        bundle = {"text/plain": sentence, "text/html": f'<p role="{role}">{html.escape(sentence)}</p>'}
        display(bundle, raw=True, display_id=self._name, update=self._shown)


class ExercisePanel(StaticPanel):
    """The verdict on an exercise, with hints and a solution on request.

    Code that is the same as when it had to be stopped is not run again until a button is pressed.

    Attributes:
        exercise: The exercise.
        feedback: The verdict on the answer that the panel was made with.
        hint: The button that shows one more hint.
        solution: The button that shows the solution when it is pressed twice.
        run_again: The button that runs code that had to be stopped before, or None.
    """

    def __init__(self, exercise: Exercise, answer: Any, patience: float = PATIENCE) -> None:
        """Check the answer and make the panel with the verdict."""
        self.exercise = exercise
        self._patience = patience
        self._attempt = Attempt(exercise, answer, code_of_cell())
        earlier = progress.entry(exercise.key)
        self._solved_before = earlier is not None and earlier.solved
        self._hints_shown = 0
        self._solution_state = "hidden"
        hold = self._attempt.was_stopped
        failure = ""
        if hold:
            self.feedback = NOT_RUN
        else:
            notice = _NoticeBelowCell()
            self.feedback, failure = self._attempt.judge(notice.show, patience)
            notice.end()
        count = len(exercise.hints)
        on_request = f"In JupyterLab this cell offers {count} {'hint' if count == 1 else 'hints'} and a solution."
        text = f"Exercise: {exercise.title}\n{self.feedback}\n({on_request})"
        title = f"<p><strong>Exercise: {html.escape(exercise.title)}</strong></p>"
        page = f"<div>{title}{_verdict(self.feedback)}<p><em>{on_request}</em></p></div>"
        super().__init__("lesson-exercise", text, page)
        self._show_verdict(failure)
        tooltip = "Run the code that was stopped before"
        self.run_again = self._button("Run it all the same", tooltip, self._judge_again) if hold else None
        task = f"<details><summary>The task</summary>{to_html(exercise.task)}</details>"
        self.hint = self._button("Hint", "Show one more hint", self._show_hint)
        self.solution = self._button("Show solution", "Show the solution: press twice", self._press_solution)
        self._earlier_hints = ipywidgets.HTML()
        self._help = _LiveText("lesson-help")
        # Outside the live region, because a whole listing should not be read aloud.
        self._listing = ipywidgets.HTML()
        shown = [each for each in (self.run_again, self.hint, self.solution) if each is not None]
        self._buttons = ipywidgets.HBox(shown)
        heading = ipywidgets.HTML(title + task)
        self._fill(heading, self.verdict_box, self._buttons, self._earlier_hints, self._help, self._listing)

    def _show_verdict(self, failure: str) -> None:
        """Show the feedback, with a reason why it could not be stored or a remark on an earlier answer."""
        solved_before = self._solved_before and not self.feedback.outcome.passed
        remark = "You solved this exercise before." if solved_before else failure
        self.verdict_box.content = _verdict(self.feedback, f"<p>{html.escape(remark)}</p>" if remark else "")

    def _judge_again(self) -> None:
        self._buttons.children = [self.hint, self.solution]
        self.verdict_box.content = ""

        def show(sentence: str) -> None:
            self.verdict_box.content = f"<p>{html.escape(sentence)}</p>"

        self.feedback, failure = self._attempt.judge(show, self._patience)
        self._show_verdict(failure)

    def _hint_text(self, number: int) -> str:
        lead = f"<strong>Hint {number} of {len(self.exercise.hints)}:</strong>"
        return _with_lead(lead, self.exercise.hints[number - 1])

    def _show_hint(self) -> None:
        self._hide_solution()
        count = len(self.exercise.hints)
        if self._hints_shown == count:
            self._help.content = f"{self._hint_text(count)}<p>That was the last hint.</p>"
            return
        self._hints_shown += 1
        # Only the newest hint is announced.
        self._earlier_hints.value = "".join(self._hint_text(number) for number in range(1, self._hints_shown))
        self._help.content = self._hint_text(self._hints_shown)

    def _hide_solution(self) -> None:
        self._solution_state = "hidden"
        self.solution.description = "Show solution"
        self._listing.value = ""

    def _press_solution(self) -> None:
        newest = self._hint_text(self._hints_shown) if self._hints_shown else ""
        if self._solution_state == "hidden":
            self._solution_state = "asked"
            self.solution.description = "Yes, show solution"
            self._help.content = f"{newest}<p>Sure? Press again to see the solution, or press Hint to go on alone.</p>"
        elif self._solution_state == "asked":
            self._solution_state = "shown"
            self.solution.description = "Hide solution"
            self._help.content = f"{newest}<p><strong>The solution</strong> follows.</p>"
            listing = html.escape(self.exercise.solution)
            # A listing that scrolls sideways must be reachable with the keyboard.
            self._listing.value = f'<pre tabindex="0" role="region" aria-label="Solution"><code>{listing}</code></pre>'
        else:
            self._hide_solution()
            self._help.content = newest


def ask(question: Question) -> QuestionPanel:
    """Ask the learner for a prediction.

    Args:
        question: The question.

    Returns:
        The panel, to be the last line of a cell.
    """
    return QuestionPanel(question)


def exercise(exercise: Exercise, answer: Any = None) -> ExercisePanel:
    """Check a learner's answer and show the verdict, with hints and the solution on request.

    Args:
        exercise: The exercise.
        answer: The learner's answer; by default there is none yet.

    Returns:
        The panel, to be the last line of the learner's cell.
    """
    return ExercisePanel(exercise, answer)
