"""The base of all labs: controls, a status line, a picture that is updated at once, errors, and the source.

A lab defines its settings, its run and its picture. This module does the rest: it reads the settings from the controls,
runs the latest change, says in the status line when the picture is out of date, and shows errors.
"""

from __future__ import annotations

import contextlib
import html
import time
from collections.abc import Iterator, Sequence
from typing import Any

import ipywidgets as widgets

from workbook.labs.framework import figure as plots
from workbook.labs.framework import models_drawing
from workbook.labs.framework.keyboard import LabAssets, keep_keys
from workbook.labs.framework.live_figure import LiveFigure, Panel
from workbook.labs.framework.run import Problem, Run, Stage
from workbook.labs.framework.scheduler import IN_THE_MIDDLE, Latest, MainLoop
from workbook.labs.framework.settings import Choice, Flag, Integer, LabSettings, Setting, Text
from workbook.labs.framework.viewport import Viewport

__all__ = ["Lab", "ThreeTestsLab"]

FRAME = 0.05  # least seconds between two pictures; faster ones would pile up in the browser
SETTLE = 0.12  # seconds; a slider that is being dragged moves again within this time, so work starts only after it

CALM = 0.4  # seconds without a new picture after which the status line says what the lab is doing
SOON = 0.001  # seconds; newer settings take over, and otherwise the work goes on

_EARLIER = "Out of date: the picture shows earlier settings"
_STOPPED = "Stopped: press Reset or change a setting to start again"


class Lab(Panel):
    """A panel whose controls set up a run, and which shows the progress of that run.

    A lab derives from this class, sets the attributes below, and defines `run` and `picture`. Its controls follow
    from its settings, unless it defines `controls`.

    Args:
        preset: The settings to begin with, if not the usual ones.
        title: Heading of the panel, if not the usual one.

    Attributes:
        preset: The settings to which the reset button returns.
        settings_type: The class of its settings.
        dom_class: Class of the panel for styling and tests.
        source_title: Heading above the source.
        current_run: The run that is shown, or None before the first.
        figure: The picture.
        error_box: The errors that the run recorded, with their hints.
        source_box: The Python source of the run.
    """

    settings_type = LabSettings
    title = "Lab"
    dom_class = "lab"
    source_title = "Python source of this model"

    def __init__(self, preset: LabSettings | None = None, title: str | None = None) -> None:
        self.preset = preset = preset or self.settings_type()
        self._quiet = False
        self._stale = False
        self._failed = False
        self.current_run: Run | None = None
        self._begun: Run | None = None
        self._wanted: Any = preset
        self._old = _EARLIER
        self._status = ""
        self._latest = Latest(self._on_fault)
        self._on_main_loop = MainLoop()
        self._by_field: dict[str, widgets.Widget] = {}
        controls = self._arranged(self.controls())
        self.reset = widgets.Button(
            description="Reset", icon="undo", tooltip="Return to the settings that the lab began with"
        )
        self.reset.on_click(lambda button: self.on_reset())
        self._title = widgets.HTML(f'<span class="lab-title">{html.escape(title or self.title)}</span>')
        self._status_line = widgets.HTML()
        self._status_line.add_class("lab-status")
        self._drawn = self.picture(Viewport.last)
        self.figure = LiveFigure(self._drawn)
        self._viewport = Viewport(lambda size: self._on_main_loop(self._fit, size))
        # keyboard.js opens the full screen, because only a click in the browser may.
        full = widgets.Button(icon="expand", tooltip="Picture only")
        full.add_class("lab-full")
        self._picture = widgets.Box([self.figure, self._viewport, full])
        self._picture.add_class("lab-picture")
        self._verdict_line = widgets.HTML()
        self._verdict_line.add_class("lab-verdict")
        self._shown = widgets.VBox([self._picture, self._verdict_line])
        self._shown.add_class("lab-shown")
        self.error_box = widgets.HTML()
        self.error_box.add_class("lab-error")
        self.source_box = widgets.HTML()
        self.source_box.add_class("lab-source")
        bar = widgets.HBox([self._title, self._status_line])
        bar.add_class("lab-bar")
        buttons = widgets.HBox([*self.buttons(), self.reset])
        buttons.add_class("lab-buttons")
        # The picture is above the controls, and stays in view while the page scrolls under it.
        super().__init__([bar, *self.above(), self._shown, *controls, buttons, self.error_box, self.source_box])
        self.children = [keep_keys(self, LabAssets), *self.children]
        self.add_class("workbook-lab")
        self.add_class(self.dom_class)
        self._write(preset)
        # Not later on the loop, because the output of the cell that makes the lab should store a complete picture.
        self._latest.run_now(self._work(preset))

    # -- defined by each lab --------------------------------------------------------------------------------------

    def controls(self) -> Sequence[widgets.Widget]:
        """Make the controls, from top to bottom; by default one for each setting.

        Single controls are laid out in a strip; boxes keep their own layout.
        """
        return self.declared_controls(type(self.preset))

    def buttons(self) -> Sequence[widgets.Widget]:
        """Make the buttons to the left of the reset button."""
        return []

    def run(self, settings: Any) -> Run:
        """Set up a run without starting it."""
        raise NotImplementedError

    def picture(self, size: plots.Size | None = None) -> plots.Picture:
        """Make the picture for a size."""
        raise NotImplementedError

    def above(self) -> Sequence[widgets.Widget]:
        """Make what stands above the picture, and scrolls away."""
        return []

    def read(self) -> Any:
        """Return the settings that the controls show."""
        return self.preset.replace(**self.values())

    def write(self, settings: Any) -> None:
        """Set the controls to these settings."""
        for field, control in self._by_field.items():
            control.value = _for_control(control, getattr(settings, field))

    def values(self) -> dict[str, Any]:
        """Return the values of the declared settings. A typed number that is none, or out of range, is a ValueError."""
        return {
            field: each.number if isinstance(each, _WholeNumber) else each.value
            for field, each in self._by_field.items()
        }

    def draw(self, run: Run) -> None:
        """Send a picture of a run."""
        self.figure.show(run.verdict, run)

    def afterwards(self, run: Run) -> Iterator[float]:
        """Continue a finished run; yield the pause after every slice."""
        yield from ()

    def answer_first(self, *notes: widgets.Widget, below: Sequence[widgets.Widget]) -> None:
        """Put the sentence between controls and picture, for a picture that may be longer than a window.

        Args:
            *notes: What stands beside the sentence.
            below: What stands below it, in order; the picture is one of them.
        """
        self._shown.children = [self._verdict_line, *notes]
        others = [each for each in self.children if each not in (self._shown, *below)]
        self.children = [*others, self._shown, *below]
        self.add_class("lab-answer-first")

    def on_reset(self) -> None:
        """Return to the preset."""
        self.load(self.preset)

    # -- controls, one for each declared setting ------------------------------------------------------------------

    def declared_controls(self, settings: type[LabSettings]) -> list[widgets.Widget]:
        """Make a control for each setting that a class of settings declares, in order."""
        return [self._control(field, setting) for field, setting in settings.declared().items()]

    def _control(self, field: str, setting: Setting) -> widgets.Widget:
        kind, traits = _widget(setting)
        control = kind(description=setting.description, **traits)
        control.observe(lambda change: self.changed(), "value")
        self._by_field[field] = control
        return control

    def _arranged(self, controls: Sequence[widgets.Widget]) -> list[widgets.Widget]:
        arranged: list[widgets.Widget] = []
        singles: list[widgets.Widget] = []
        for control in [*controls, None]:
            if control is not None and not isinstance(control, (widgets.Box, widgets.Button)):
                singles.append(control)
                continue
            if singles:
                strip = widgets.HBox(singles)
                strip.add_class("lab-controls")
                arranged.append(strip)
                singles = []
            if control is not None:
                arranged.append(control)
        return arranged

    # -- for lessons and tests -------------------------------------------------------------------------

    @property
    def settings(self) -> Any:
        """The settings that the controls show now."""
        return self.read()

    @property
    def status(self) -> str:
        """The status line: "Up to date", "Working: ...", "Out of date: ..." or "Stopped: ..."."""
        return self._status

    @property
    def verdict(self) -> str:
        """The sentence under the picture."""
        return self.current_run.verdict if self.current_run else ""

    @property
    def problems(self) -> list[Problem]:
        """The errors that the lab shows, with their hints."""
        return self.current_run.problems if self.current_run else []

    def control(self, field: str) -> widgets.Widget:
        """Return the control of a field of the settings."""
        return self._by_field[field]

    def load(self, settings: Any) -> None:
        """Set all controls at once, and run.

        Args:
            settings: The settings.

        Example:
            >>> lab.load(lab.preset.replace(pretrain=5))  # doctest: +SKIP
        """
        self._write(settings)
        self.changed()

    def still(self) -> tuple[bytes, str]:
        """Return a static replacement for the lab.

        Returns:
            A PNG with the verdict under it, and the verdict.
        """
        if self.current_run is None:  # stopped before there was one
            return plots.png(self._drawn.figure), self.status
        return plots.png(self._drawn.still(self.current_run)), self.verdict

    # -- handlers: any of them may run on a different thread than the one on which models are made ---------------

    @contextlib.contextmanager
    def silently(self) -> Iterator[None]:
        """Change several controls as one change."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def changed(self) -> None:
        """Start work on changed controls."""
        if self._quiet:
            return
        self._failed = False
        try:
            self._wanted = self.settings
        except ValueError as error:  # a number that was typed
            self._wanted, self._old = None, f"Out of date: {error}"
            self._mark(stale=True)
            self._say(self._old)
            return
        self._old = _EARLIER
        self._mark(stale=True)
        self._say(_EARLIER)
        self._latest.start(self._work(self._wanted))

    def _write(self, settings: Any) -> None:
        with self.silently():
            self.write(settings)

    def _on_fault(self, error: Exception | KeyboardInterrupt) -> None:
        self._failed = True
        if self.current_run is None:  # the first run: its picture and its error belong in the output of the cell
            self.current_run = self._begun
        self._mark(stale=True)
        if isinstance(error, KeyboardInterrupt):
            self._say(_STOPPED)
            return
        self._show_problems([Problem("Drawing the lab", error)])
        self._say("Out of date: the lab itself failed, see the error below")

    # -- work, on the main loop ----------------------------------------------------------------------------------

    def _work(self, settings: Any) -> Iterator[float]:
        """Run, and show the progress; yield the pause after every slice."""
        run = self._begun = self.run(settings)
        if self.current_run is not None:
            self._say(self._old)  # the work before may have failed after this change
        begun, drawn, told = time.monotonic(), 0.0, False
        for stage in run.stages():
            if not stage.pictured:
                if self.current_run is not run and time.monotonic() - begun > CALM:
                    self._say_progress(settings, stage)
                yield SOON if told else IN_THE_MIDDLE
                continue
            if told:
                if time.monotonic() - drawn >= FRAME:
                    self.draw(run)
                    self._show_verdict(run)
                    drawn = time.monotonic()
                self._say_progress(settings, stage)
                yield SOON
                continue
            self.current_run = run
            self.draw(run)
            # If the controls changed while this picture was made, it is newer than the last, and not the latest.
            self._mark(stale=settings is not self._wanted, newer=True)
            if stage.preview:
                yield SOON
                continue
            told = True
            self._show_words(run)
            yield SETTLE
            drawn = time.monotonic()
            self._say_progress(settings, stage)
        self.current_run = run
        self.draw(run)
        # A different thread may have changed the controls during the last slice.
        self._mark(stale=settings is not self._wanted)
        self._show_words(run)
        yield from self.afterwards(run)
        self._say("Up to date" if settings is self._wanted else self._old)

    def _say_progress(self, settings: Any, stage: Stage) -> None:
        self._say(f"Working: {stage.text}" if settings is self._wanted else self._old)

    def _draw_paced(self, run: Run, drawn: float) -> float:
        """Send a picture; return the seconds to wait until the browser can take the next one."""
        self.draw(run)
        return max(0.001, FRAME - (time.monotonic() - drawn))  # never IN_THE_MIDDLE

    def _fit(self, size: plots.Size) -> None:
        """Show the picture at a different size."""
        if size != self._drawn.size:
            self._drawn = self.picture(size)
            self.figure.exchange(self._drawn)

    def verdict_html(self, run: Run) -> str:
        """Return the sentence under the picture, one line for each method."""
        return "".join(f"<div>{html.escape(line)}</div>" for line in run.verdict.splitlines())

    def _show_verdict(self, run: Run) -> None:
        self._verdict_line.value = f"<div>{self.verdict_html(run)}</div>"

    def _show_words(self, run: Run) -> None:
        self._show_verdict(run)
        self._show_problems(run.problems)
        if not run.source:
            self.source_box.value = ""
            return
        title = html.escape(self.source_title)
        self.source_box.value = (
            f'<div class="lab-heading">{title}'
            '<button type="button" class="lab-copy">Copy</button></div>'
            f'<pre tabindex="0" role="group" aria-label="{title}"><code>{html.escape(run.source)}</code></pre>'
        )

    def _show_problems(self, problems: list[Problem]) -> None:
        self.error_box.value = "".join(
            f'<div class="lab-problem" role="alert"><strong>{html.escape(problem.where)} raised '
            f"{html.escape(problem.name)}.</strong> {html.escape(problem.hint)}"
            '<pre tabindex="0" role="group" aria-label="Message of the error">'
            f"{html.escape(problem.message)}</pre></div>"
            for problem in problems
        )

    def _mark(self, stale: bool, newer: bool = False) -> None:
        """Say whether the picture is out of date. It fades after a while, and later if a newer one has come."""
        self._stale = stale
        if stale:
            self._picture.add_class("lab-stale")
            if newer:
                again = "lab-stale-again"
                (self._picture.remove_class if again in self._picture._dom_classes else self._picture.add_class)(again)
        else:
            self._picture.remove_class("lab-stale")

    def _say(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._status_line.value = f'<span role="status" aria-live="polite">{html.escape(status)}</span>'


class _WholeNumber(widgets.Text):
    """A field for a number. It keeps what was typed: the number fields of ipywidgets change it silently."""

    def __init__(self, least: int, most: int, **traits: Any) -> None:
        self._least, self._most = least, most
        super().__init__(continuous_update=False, layout={"width": "90px"}, **traits)

    @property
    def number(self) -> int:
        """The number that was typed; a ValueError if it is none, or out of range."""
        text = self.value.strip()
        if text.isascii() and text.isdigit() and self._least <= int(text) <= self._most:
            self.remove_class("lab-invalid")
            return int(text)
        self.add_class("lab-invalid")
        needed = f"a whole number from {self._least} to {self._most}"
        raise ValueError(f"{self.description} is {text or 'empty'}, and has to be {needed}")


def _for_control(control: widgets.Widget, value: Any) -> Any:
    return str(value) if isinstance(control, _WholeNumber) else value


def _widget(setting: Setting) -> tuple[type, dict[str, Any]]:
    """Return the widget class for a setting, and its traits."""
    match setting:
        case Choice():
            return widgets.Dropdown, {"options": [(label, name) for name, label in setting.labels.items()]}
        case Integer(typed=True):
            return _WholeNumber, {"least": setting.least, "most": setting.most}
        case Integer():
            return widgets.IntSlider, {"min": setting.least, "max": setting.most, "step": setting.step}
        case Flag():
            return widgets.Checkbox, {"indent": False}
        case Text():
            wide = {"width": f"{max(len(setting.placeholder) * 0.62, 14):.0f}em"}
            return widgets.Text, {"placeholder": setting.placeholder, "continuous_update": False, "layout": wide}
    raise TypeError(f"There is no control for a setting of type {type(setting).__name__}.")


class ThreeTestsLab(Lab):
    """A lab that shows the three tests. Its run has `pairs`, `train`, `span`, `message`, `rows` and `digits`."""

    def above(self) -> Sequence[widgets.Widget]:
        """Make the drawing of the models."""
        self.models_box = widgets.HTML()
        self.models_box.add_class("lab-drawing")
        self._rows: Sequence[Any] = ()
        return [self.models_box]

    def picture(self, size: plots.Size | None = None) -> plots.ThreeTestsPicture:
        """Make the picture of the three tests."""
        return plots.ThreeTestsPicture(size)

    def draw(self, run: Any) -> None:
        """Send a picture of the three tests."""
        self.figure.show(run.verdict, run.pairs, train=run.train, steps=run.span, message=run.message)
        rows = run.rows
        # The drawing of an earlier model stays until this one is compared, or it turns out that there is none.
        if rows != self._rows and (rows or run.finished):
            self._rows = rows
            self.models_box.value = models_drawing.drawn(rows, *run.digits) if rows else ""

    def verdict_html(self, run: Any) -> str:
        """Return a line for each method, with its mark in the picture."""
        lines = run.verdict.splitlines()
        marks = [look.svg for look in plots.looks(pair.name for pair in run.pairs)]
        if len(marks) != len(lines):
            return super().verdict_html(run)
        return "".join(f"<div>{mark}{html.escape(line)}</div>" for mark, line in zip(marks, lines, strict=True))
