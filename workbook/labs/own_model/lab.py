"""The bench in a notebook: name or upload a model, and get the audit of every method and the code of the one to use."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython
from matplotlib.figure import Figure

from workbook.labs.framework import figure as plots
from workbook.labs.framework.panel import Lab
from workbook.labs.method_table.figure import MatrixPicture
from workbook.labs.method_table.lab import _CSS
from workbook.labs.method_table.run import Matrix
from workbook.labs.own_model.run import Bench, BenchSettings, Upload

__all__ = ["BenchPanel"]


class _BenchPicture(MatrixPicture):
    """The matrix of one model, or a word in its place."""

    def update(self, bench: Bench, message: str | None = None) -> bool:
        """Show the outcomes so far."""
        if bench.matrix is None:
            return super().update(Matrix(subjects=[]), "There is no model to try the methods on.")
        return super().update(bench.matrix, message)

    def still(self, bench: Bench) -> Figure:
        """Return the figure with the verdict under it."""
        self.update(bench)
        return self.captioned(bench.verdict)


class BenchPanel(Lab):
    """A panel that takes a reader's own model.

    Args:
        model: A model, the name of a variable of the notebook, or the path of a `.keras` file.
        inputs: Arrays, the name of a variable, or a description such as `28, 28, 1` or `20 int below 1000`; nothing to
            have them inferred.
        targets: Arrays or the name of a variable; nothing to have some made up.
        title: Heading of the panel.

    Attributes:
        bench: What was found out.

    Example:
        >>> BenchPanel(model, x_train, y_train).verdict   # doctest: +SKIP
        'Use .keras file: it makes a true clone of Sequential 'sequential'. ...'
    """

    title = "The bench"
    dom_class = "bench-panel"
    source_title = "The code to use"

    def __init__(self, model: Any = "", inputs: Any = "", targets: Any = "", title: str | None = None) -> None:
        self._given: dict[str, Any] = {}
        self._upload: Upload | None = None
        names = [
            value if isinstance(value, str) else self._named(value, name)
            for name, value in (("model", model), ("inputs", inputs), ("targets", targets))
        ]
        super().__init__(BenchSettings(*names), title)
        place = self.children.index(self._verdict_line) + 1
        self.children = [
            widgets.HTML(_CSS),
            *self.children[:place],
            self._told,
            *self.children[place:],
            self._table,
        ]

    @property
    def bench(self) -> Bench:
        """What was found out."""
        return self._run

    def _named(self, value: Any, name: str) -> str:
        """Return the name by which the notebook knows an object, or give it one."""
        if value is None:
            return ""
        for known, other in _variables().items():
            if other is value and not known.startswith("_"):
                return known
        while name in _variables():  # the name of another object, which stays what it is
            name = f"given_{name}"
        self._given[name] = value
        return name

    def controls(self) -> Sequence[widgets.Widget]:
        """Make the fields, and the button for a file."""
        self._told, self._table = widgets.HTML(), widgets.HTML()
        self._table.add_class("matrix-table")
        self._told.add_class("bench-told")
        late = {"continuous_update": False}
        model = "a variable of this notebook, or the path of a .keras file"
        inputs = "inferred; or a variable, or 28, 28, 1 or 20 int below 1000"
        self.upload = widgets.FileUpload(accept=".keras", description="Upload a .keras file", layout={"width": "190px"})
        self.upload.observe(lambda change: self._on_upload(), "value")
        return [
            self._control("model", widgets.Text, "Model", placeholder=model, **late),
            self._control("inputs", widgets.Text, "Its inputs", placeholder=inputs, **late),
            self._control("targets", widgets.Text, "Its targets", placeholder="made up; or a variable", **late),
            self.checkbox("use_own_classes", "A file may use my own classes"),
            widgets.HBox([self.upload]),
        ]

    def buttons(self) -> Sequence[widgets.Widget]:
        """Make the button that tries the same names again, for what they stand for may have changed."""
        self.again = widgets.Button(
            description="Try again", icon="refresh", tooltip="Try what these names stand for now"
        )
        self.again.on_click(lambda button: self.changed())
        return [self.again]

    def _on_upload(self) -> None:
        if self.upload.value:
            file = self.upload.value[0]
            self._upload = Upload(file["name"], bytes(file["content"]))
            self.upload.value = ()  # up to 200 MB, which need not be held twice
            with self.silently():
                self.control("model").value = file["name"]
            self.changed()

    def run(self, settings: BenchSettings) -> Bench:
        """Set up a run with what the names stand for now."""
        if self._upload is not None and settings.model == self._upload.name:
            settings = dataclasses.replace(settings, model=self._upload)
        return Bench(settings, {**_variables(), **self._given})

    def picture(self) -> _BenchPicture:
        """Make the picture."""
        return _BenchPicture()

    def draw(self, run: Bench) -> None:
        """Send the picture and the table."""
        super().draw(run)
        self._told.value = html.escape(run.told)
        self._table.value = run.matrix.to_html(evidence=run.finished) if run.matrix else ""

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        table = self.bench.matrix.to_html(evidence=False) if self.bench.matrix else ""
        code = f"<pre><code>{html.escape(self.bench.source)}</code></pre>" if self.bench.source else ""
        page = f"<div><p><strong>{html.escape(self.verdict)}</strong></p>{code}{table}</div>"
        return {**data, "text/html": page}, metadata

    def still(self) -> tuple[bytes, str]:
        """Return the picture with the verdict under it, and the verdict."""
        return plots.png(_BenchPicture().still(self.bench)), self.verdict


def _variables() -> Mapping[str, Any]:
    """Return the variables of the notebook; none outside of one."""
    shell = get_ipython()
    return shell.user_ns if shell is not None else {}
