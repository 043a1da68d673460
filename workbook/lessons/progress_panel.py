"""The panel that shows the learner's own progress and where to go on, with a button that erases the progress."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import ipywidgets

from workbook.lessons import progress
from workbook.lessons.panels import StaticPanel
from workbook.lessons.places import Place, first_place
from workbook.lessons.progress import LessonProgress

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
    """Where to go on, the progress in each lesson, and a button that erases it when pressed twice.

    It shows an answer of its own kernel at once, and those of other kernels when its cell is run again.

    Attributes:
        page: What is shown, as HTML.
        erase: The button.
    """

    def __init__(self) -> None:
        """Read the progress and show it."""
        text = (
            "In JupyterLab this cell shows how far you are in each notebook and where to go on, and has a button that "
            "erases your progress."
        )
        self._end = progress.subscribe(lambda: self._main_loop(self._safely, self._show))
        super().__init__("lesson-progress", text, f"<p><em>{text}</em></p>")
        self.page = ""
        # JupyterLab opens links to notebooks from an output. From an HTML widget they would load the whole page again.
        self._output = ipywidgets.Output()
        self._sure = False
        self.erase = self._button("Erase my progress", "Forget all answers: press twice", self._press)
        self._fill(self._output, self.erase, self.verdict_box)
        self._show()

    def close(self) -> None:
        """Close the panel, which no longer follows the progress."""
        self._end()
        super().close()

    def _show(self) -> None:
        lessons = progress.lessons()
        head = "".join(f'<th scope="col">{text}</th>' for text in ("Notebook", "Done", "Questions", "Exercises"))
        file = progress.path()
        where = f"Kept in {file}, and sent nowhere." if file else "Progress is not kept: storing it is switched off."
        self.page = (
            f"<p>{_where_to_go_on(lessons)}</p><table><caption>Your progress</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(map(_row, lessons))}</tbody></table><p>{html.escape(where)}</p>"
        )
        data = {"text/html": self.page, "text/plain": "Your progress"}
        self._output.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)

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

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        self._show()  # other kernels may have stored answers since
        return super()._repr_mimebundle_(**kwargs)


def _where_to_go_on(lessons: list[LessonProgress]) -> str:
    """Say as HTML where the first open question or exercise is."""
    lesson = progress.next_lesson(lessons)
    if lesson is None:
        return "You have answered every question and solved every exercise."
    place = first_place(_file(lesson.number), lesson.open)
    heading = f": {place.heading}" if place and place.heading else ""
    lead = "Go on with" if any(each.begun for each in lessons) else "Begin with"
    return f"{lead} {_linked(_name(lesson.number) + heading, place)}"


def _row(lesson: LessonProgress) -> str:
    name = _name(lesson.number)
    done, count = (sum(pair) for pair in zip(lesson.right, lesson.solved, strict=True))
    text = f"{done} of {count} done"
    bar = f'<progress max="{count}" value="{done}" aria-label="{html.escape(name)}: {text}">{text}</progress>'
    counts = "".join(f"<td>{_of(pair)}</td>" for pair in (lesson.right, lesson.solved))
    return f'<tr><th scope="row">{_linked(name, first_place(_file(lesson.number)))}</th><td>{bar}</td>{counts}</tr>'


def _name(number: str) -> str:
    return f"{number} {TITLES.get(number, '')}".strip()


def _file(number: str) -> Path:
    """Return where the notebook of a lesson is: beside the one that is open, whose folder its kernel works in."""
    return Path.cwd() / f"{_name(number).lower().replace(' ', '_')}.ipynb"


def _linked(text: str, place: Place | None) -> str:
    """Return a text as HTML, as a link if there is a place to go to."""
    return f'<a href="{html.escape(place.link)}">{html.escape(text)}</a>' if place else html.escape(text)


def _of(done: tuple[int, int]) -> str:
    """Return "2 of 3", or "none here"."""
    return f"{done[0]} of {done[1]}" if done[1] else "none here"


def show_progress() -> ProgressPanel:
    """Show the learner's progress.

    Returns:
        The panel, to be the last line of a cell.
    """
    return ProgressPanel()
