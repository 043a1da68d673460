"""The method table in a notebook: it fills in while the cell runs, and the evidence for each of its cells unfolds.

A notebook shows the result of a cell only when the cell is done. Until then, a small widget shows the progress; the
panel replaces it when the table is complete.
"""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import display

from workbook.labs.framework.figure import Size
from workbook.labs.framework.keyboard import LabAssets
from workbook.labs.framework.panel import Lab
from workbook.labs.method_table.figure import MethodTablePicture
from workbook.labs.method_table.run import MethodTableRun, MethodTableSettings, Subject, kind_labels

__all__ = ["MethodTablePanel", "folded_table"]

PACE = 2.0  # seconds between two pictures, because painting one takes as long as filling in a cell


class _Live(widgets.VBox):
    """The widget that is shown while the cell runs: a progress bar, and the cells that are filled in."""

    def __init__(self) -> None:
        self._bar = widgets.IntProgress(description="Filling in", layout={"width": "300px"})
        self._text = widgets.HTML()
        self.table_box = widgets.HTML()
        self.table_box.add_class("method-table-cells")
        self._assets = LabAssets(layout={"display": "none"})
        super().__init__([self._assets, widgets.HBox([self._bar, self._text]), self.table_box])
        self.add_class("workbook-lab")
        self.add_class("method-table-progress")

    def show(self, run: MethodTableRun) -> None:
        self._bar.max, self._bar.value = run.total, run.done
        self._text.value = f'<span role="status" aria-live="off">{run.done} of {run.total} cells</span>'
        self.table_box.value = run.to_html(evidence=False)

    def done(self, run: MethodTableRun) -> None:
        count = f"All {run.total}" if run.done == run.total else f"{run.done} of {run.total}"
        text = f"{count} cells are filled in: see below."
        self.children = [self._assets, widgets.HTML(f'<span role="status" aria-live="polite">{text}</span>')]

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": "The table fills in here while the cell runs."}, metadata


class MethodTablePanel(Lab):
    """Every way to clone, tried on many kinds of models or on the reader's own model.

    Args:
        generation: `"keras"` or `"tf_keras"`.
        kind: `"short"` for the few kinds that differ most, an empty text for all, or a key of `models.MODEL_KINDS`.
        model: The reader's own model; the table then has a row for each method.
        inputs: A batch of inputs for the model.
        targets: Targets for its loss, or None.
        title: Heading of the panel.

    Attributes:
        table: The outcomes.

    Example:
        >>> MethodTablePanel("keras", "dropout").table.true_for("clone")   # doctest: +SKIP
        ['Dropout']
    """

    settings_type = MethodTableSettings
    title = "The method table"
    dom_class = "method-table"
    source_title = "Python source of the models"

    def __init__(
        self,
        generation: str = "keras",
        kind: str = "short",
        model: Any = None,
        inputs: Any = None,
        targets: Any = None,
        title: str | None = None,
    ) -> None:
        self._own = None if model is None else Subject("your model", lambda: (model, inputs, targets))
        self._live: _Live | None = _Live()
        self._painted = 0.0
        if getattr(get_ipython(), "kernel", None) is not None:
            display(self._live)
        super().__init__(MethodTableSettings(generation, kind), title)
        self._live.done(self.table)
        self._live = None
        below = [self._picture, self._links, self.table_box, self.error_box, self.source_box]
        self.answer_first(below=below)

    @property
    def table(self) -> MethodTableRun:
        """The outcomes so far."""
        return self.current_run

    def controls(self) -> Sequence[widgets.Widget]:
        """Make the choice of Keras and of models, and the progress bar."""
        self.table_box, self._links = widgets.HTML(), widgets.HTML()
        self.table_box.add_class("method-table-cells")
        self._links.add_class("method-table-links")
        self._bar = widgets.IntProgress(description="Filled in", layout={"width": "300px"})
        self._count = widgets.HTML()
        progress = widgets.HBox([self._bar, self._count])
        if self._own is not None:
            return [progress]
        which, self._kinds = self.declared_controls(MethodTableSettings)
        which.observe(lambda change: self._offer(change["new"]), "value")
        return [which, self._kinds, progress]

    def _offer(self, generation: str) -> None:
        """Offer the kinds of models of a Keras version, and keep the current choice if it is one of them."""
        chosen, labels = self._kinds.value, kind_labels(generation)
        with self.silently():
            self._kinds.options = [(label, name) for name, label in labels.items()]
            self._kinds.value = chosen if chosen in labels else "short"

    def read(self) -> MethodTableSettings:
        """Return the settings that the controls show."""
        settings = super().read()
        return settings if settings.kind in kind_labels(settings.generation) else settings.replace(kind="short")

    def write(self, settings: MethodTableSettings) -> None:
        """Set the controls to these settings."""
        if self._own is None:
            self._by_field["generation"].value = settings.generation
            self._offer(settings.generation)
            self._by_field["kind"].value = settings.kind

    def run(self, settings: MethodTableSettings) -> MethodTableRun:
        """Set up a run."""
        return MethodTableRun(settings, None if self._own is None else [self._own])

    def picture(self, size: Size | None = None) -> MethodTablePicture:
        """Make the picture."""
        return MethodTablePicture(size)

    def draw(self, run: MethodTableRun) -> None:
        """Show the progress; repaint the picture from time to time, and at the end."""
        if self._live is not None and not run.finished:
            self._live.show(run)
            return
        self._bar.max, self._bar.value = run.total, run.done
        self._count.value = f"{run.done} of {run.total} cells"
        if run.finished or time.monotonic() - self._painted > PACE:
            super().draw(run)
            self.table_box.value = folded_table(run)
            self._links.value = _links(run, self.figure.value) if run.finished else ""
            self._painted = time.monotonic()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/html": self.table.to_html(evidence=False)}, metadata


def folded_table(run: MethodTableRun) -> str:
    """Return the table as HTML, folded away below the picture; each of its cells opens to its evidence."""
    return (
        '<details class="method-table-evidence"><summary>The evidence for each cell</summary>'
        f"{run.to_html(evidence=run.finished)}</details>"
    )


def _links(run: MethodTableRun, picture: bytes) -> str:
    """Return links to download the table and its picture, whose data are in the links themselves."""
    table = base64.b64encode(run.to_csv().encode()).decode()
    image = base64.b64encode(bytes(picture)).decode()
    name = html.escape(run.title.lower().replace(" ", "-").replace(",", ""))
    return (
        f'<a download="method-table-{name}.csv" href="data:text/csv;base64,{table}">Download as CSV</a>'
        f'<a download="method-table-{name}.png" href="data:image/png;base64,{image}">Download as a picture</a>'
    )
