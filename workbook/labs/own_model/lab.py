"""The lab "Your own model": name or upload a model, and get the code of the method to use."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import HTML, display

from workbook.labs.framework.figure import Size
from workbook.labs.framework.panel import Lab
from workbook.labs.method_table.figure import MethodTablePicture
from workbook.labs.method_table.lab import folded_table
from workbook.labs.method_table.run import MethodTableRun
from workbook.labs.own_model.run import OwnModelRun, OwnModelSettings, Upload

__all__ = ["OwnModelPanel"]


class _OwnModelPicture(MethodTablePicture):
    """The table of one model, or a message instead."""

    def update(self, run: OwnModelRun, message: str | None = None) -> bool:
        """Show the outcomes so far."""
        if run.table is None:
            return super().update(MethodTableRun(subjects=[]), "There is no model to try the methods on.")
        return super().update(run.table, message)


class OwnModelPanel(Lab):
    """A panel that takes a reader's own model.

    Args:
        model: A model, the name of a variable of the notebook, or the path of a `.keras` or `.h5` file.
        inputs: Arrays, the name of a variable, several as `a, b`, or a description such as `28, 28, 1` or
            `20 int below 1000`; nothing to have them inferred.
        targets: Arrays or the name of a variable; nothing to have some made up.
        title: Heading of the panel.
        purpose: What the clone is for: a key of `purposes.PURPOSES`, and nothing for a true clone.

    Attributes:
        found: What was found out.

    Example:
        >>> OwnModelPanel(model, x_train, y_train).verdict   # doctest: +SKIP
        'Use .keras file: it makes a true clone of model. ...'
    """

    settings_type = OwnModelSettings
    title = "Your own model"
    dom_class = "own-model"
    source_title = "The code to use"

    def __init__(
        self, model: Any = "", inputs: Any = "", targets: Any = "", title: str | None = None, purpose: str = ""
    ) -> None:
        self._given: dict[str, Any] = {}
        self._progress = _CellOutput()
        self._upload: Upload | None = None
        names = [
            value if isinstance(value, str) else self._named(value, name)
            for name, value in (("model", model), ("inputs", inputs), ("targets", targets))
        ]
        super().__init__(OwnModelSettings(*names, purpose=purpose), title)
        self._progress.end(self.current_run is not None and self.found.finished)
        # The answer and its code come first, beside the controls that ask for it. What was tried is below.
        self.answer_first(self._note, below=[self.error_box, self.source_box, self._picture, self.table_box])

    @property
    def found(self) -> OwnModelRun:
        """What was found out."""
        return self.current_run

    def _named(self, value: Any, name: str) -> str:
        """Return the name by which the notebook knows an object, or give it one."""
        if value is None:
            return ""
        for known, other in _variables().items():
            if other is value and not known.startswith("_"):
                return known
        while name in _variables():  # a different object has this name and keeps it
            name = f"given_{name}"
        self._given[name] = value
        return name

    def controls(self) -> Sequence[widgets.Widget]:
        """Make the fields."""
        self._note, self.table_box = widgets.HTML(), widgets.HTML()
        self.table_box.add_class("method-table-cells")
        self._note.add_class("own-model-sources")
        self.upload = widgets.FileUpload(accept=".keras,.h5", description="Upload a file", layout={"width": "190px"})
        self.upload.observe(lambda change: self._on_upload(), "value")
        return self.declared_controls(OwnModelSettings)

    def buttons(self) -> Sequence[widgets.Widget]:
        """Make the button for a file, and the one that tries the same names again: they may mean something else now."""
        self.again = widgets.Button(
            description="Try again", icon="refresh", tooltip="Try what these names stand for now"
        )
        self.again.on_click(lambda button: self.changed())
        return [self.upload, self.again]

    def _on_upload(self) -> None:
        if self.upload.value:
            file = self.upload.value[0]
            self._upload = Upload(file["name"], bytes(file["content"]))
            self.upload.value = ()  # up to 200 MB, which need not be held twice
            with self.silently():
                self.control("model").value = file["name"]
            self.changed()

    def run(self, settings: OwnModelSettings) -> OwnModelRun:
        """Set up a run with what the names stand for now. A different purpose is answered from what was tried."""
        if self._upload is not None and settings.model == self._upload.name:
            settings = settings.replace(model=self._upload)
        before = self.current_run
        tried = isinstance(before, OwnModelRun) and before.finished and before.table and before.settings != settings
        if tried and before.settings.replace(purpose=settings.purpose) == settings:
            return before.for_purpose(settings.purpose)
        return OwnModelRun(settings, {**_variables(), **self._given})

    def picture(self, size: Size | None = None) -> _OwnModelPicture:
        """Make the picture."""
        return _OwnModelPicture(size)

    def _say(self, status: str) -> None:
        super()._say(status)
        run = self._begun
        if isinstance(run, OwnModelRun) and run.table and not run.finished and run.is_large:
            self._progress.show(f"{status}.")

    def draw(self, run: OwnModelRun) -> None:
        """Send the picture and the table."""
        super().draw(run)
        self._note.value = html.escape(run.note)
        self.table_box.value = folded_table(run.table) if run.table else ""

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        table = self.found.table.to_html(evidence=False) if self.found.table else ""
        code = f"<pre><code>{html.escape(self.found.source)}</code></pre>" if self.found.source else ""
        page = f"<div><p><strong>{html.escape(self.verdict)}</strong></p>{code}{table}</div>"
        return {**data, "text/html": page}, metadata


class _CellOutput:
    """One line below the cell while it runs: the panel itself is seen only when the cell is done."""

    def __init__(self) -> None:
        self._shown: Any = None
        self._text = ""
        self._ended = getattr(get_ipython(), "kernel", None) is None

    def show(self, text: str) -> None:
        if self._ended or text == self._text:
            return
        self._text = text
        page = HTML(f'<span role="status">{html.escape(text)}</span>')
        if self._shown is None:
            self._shown = display(page, display_id=True)
        else:
            self._shown.update(page)

    def end(self, all_tried: bool) -> None:
        if self._shown is not None:
            self.show(f"{'All' if all_tried else 'Not all'} methods were tried: see below.")
        self._ended = True


def _variables() -> Mapping[str, Any]:
    """Return the variables of the notebook; none outside of one."""
    shell = get_ipython()
    return shell.user_ns if shell is not None else {}
