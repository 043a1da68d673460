"""The panel that shows the learner's own progress, with a button that erases it."""

from __future__ import annotations

import html

import ipywidgets

from workbook.lessons import progress
from workbook.lessons.panels import StaticPanel

__all__ = ["ProgressPanel", "show_progress"]

TITLES = {
    "00": "Start here",
    "01": "How subclassing works",
    "02": "Cloning subclassed models",
    "03": "Why a clone will not load",
    "04": "Save and resume without loss",
    "05": "Cloning probabilistic models",
    "06": "Bring your own model",
}


class ProgressPanel(StaticPanel):
    """A table of the progress in each lesson, and a button that erases it when pressed twice.

    Attributes:
        erase: The button.
    """

    def __init__(self) -> None:
        """Read the progress and show it."""
        text = "In JupyterLab this cell shows your own progress, and a button that erases it."
        super().__init__("lesson-progress", text, f"<p><em>{text}</em></p>")
        self.table_box = ipywidgets.HTML()
        self._sure = False
        self.erase = self._button("Erase my progress", "Forget all answers: press twice", self._press)
        self._fill(self.table_box, self.erase, self.verdict_box)
        self._show()

    def _show(self) -> None:
        rows = "".join(
            f'<tr><th scope="row">{lesson.number} {html.escape(TITLES.get(lesson.number, ""))}</th>'
            f"<td>{_of(lesson.right)}</td><td>{_of(lesson.solved)}</td></tr>"
            for lesson in progress.lessons()
        )
        head = "".join(f'<th scope="col">{text}</th>' for text in ("Lesson", "Predictions right", "Exercises solved"))
        file = progress.path()
        where = f"Kept in {file}, and sent nowhere." if file else "Progress is not kept: storing it is switched off."
        self.table_box.value = (
            f"<table><caption>Your progress</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            f"<p>{html.escape(where)}</p>"
        )

    def _press(self) -> None:
        if not self._sure:
            self._sure, self.erase.description = True, "Yes, erase it"
            self.verdict_box.content = "<p>Sure? Press again, and all answers are forgotten.</p>"
            return
        self._sure, self.erase.description = False, "Erase my progress"
        try:
            progress.erase()
        except OSError as error:
            reason = html.escape(error.strerror or str(error))
            self.verdict_box.content = f"<p>Your progress could not be erased: {reason}. Delete the file yourself.</p>"
            return
        self._show()
        self.verdict_box.content = "<p>Your progress is erased.</p>"


def _of(done: tuple[int, int]) -> str:
    """Return "2 of 3", or "none here"."""
    return f"{done[0]} of {done[1]}" if done[1] else "none here"


def show_progress() -> ProgressPanel:
    """Show the learner's progress.

    Returns:
        The panel, to be the last line of a cell.
    """
    return ProgressPanel()
