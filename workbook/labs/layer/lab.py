"""The Layer Lab: change a model layer by layer, clone it in two ways, and watch the three tests.

This module has only the controls and their handlers. `workbook.labs.layer.spec` makes the model,
`workbook.labs.layer.run` the run, and `workbook.labs.framework.figure` the picture.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import ipywidgets as widgets

from workbook.labs.framework.panel import ThreeTestsLab
from workbook.labs.framework.scheduler import IN_THE_MIDDLE
from workbook.labs.layer.run import LayerRun, LayerSettings
from workbook.labs.layer.spec import ACTIVATIONS, LAYER_KINDS, Definition, LayerSpec

__all__ = ["LayerLab"]

MOST_LAYERS = 6
MOST_STEPS = 2000  # upper bound for Play, so that an unattended lab cannot exhaust memory


class _Row(widgets.HBox):
    """The controls of one layer, and the chip that opens and folds them."""

    def __init__(self, number: int, changed: Any, remove: Any, fold: Any) -> None:
        self._number = number
        self.kind = widgets.Dropdown(
            options=[(kind.label, name) for name, kind in LAYER_KINDS.items()], description=f"Layer {number}"
        )
        self.size = widgets.IntSlider(description="units")
        self.activation = widgets.Dropdown(options=ACTIVATIONS, description="activation")
        self.remove = widgets.Button(
            description=f"Remove layer {number}", tooltip=f"Take layer {number} out of the model"
        )
        self.chip = widgets.Button(tooltip=f"Show or hide the controls of layer {number}")
        self.chip.add_class("lab-chip")
        super().__init__([self.kind, self.size, self.activation, self.remove])
        self.add_class("lab-controls")
        self.kind.observe(lambda change: changed(self), "value")
        self.size.observe(lambda change: changed(None), "value")
        self.activation.observe(lambda change: changed(None), "value")
        self.remove.on_click(lambda button: remove(number - 1))
        self.chip.on_click(lambda button: fold(number - 1))

    def show(self, is_open: bool) -> None:
        """Write the layer on the chip, and whether its controls are shown."""
        spec = self.read()
        words = [spec.kind, "" if spec.size is None else f"{spec.size}{' %' if spec.kind == 'Dropout' else ''}"]
        activation = f", {spec.activation}" if spec.activation not in (None, "linear") else ""
        self.chip.description = f"{self._number} {' '.join(filter(None, words))}{activation}"
        (self.chip.add_class if is_open else self.chip.remove_class)("lab-open")

    def read(self) -> LayerSpec:
        """Return the layer that the controls show."""
        return LayerSpec(self.kind.value, self.size.value, self.activation.value)

    def write(self, spec: LayerSpec) -> None:
        """Set the controls to a layer, and show only those that its kind has."""
        kind = LAYER_KINDS[spec.kind]
        self.kind.value = spec.kind
        if kind.argument is not None:
            # In this order, the lower bound is never above the upper one.
            self.size.min = min(self.size.min, kind.smallest)
            self.size.max = kind.largest
            self.size.value = spec.size
            self.size.min = kind.smallest
            self.size.description = "rate in %" if kind.argument == "rate" else kind.argument
        if kind.activation is not None:
            self.activation.value = spec.activation
        self.size.layout.display = None if kind.argument else "none"
        self.activation.layout.display = None if kind.activation else "none"


class LayerLab(ThreeTestsLab):
    """A panel in which a reader changes a model, clones it in two ways, and sees which clone is true.

    Args:
        definition: The model to begin with.
        naive: The first way to clone: a key of `workbook.methods.METHODS`.
        correct: The second way.
        pretrain: Training steps before cloning.
        train: The model that is trained after cloning: "both", "original" or "clone".
        steps: Number of training steps after cloning.
        title: Heading of the panel.

    Example:
        >>> LayerLab(Definition((LayerSpec("Dense", 24),)), naive="clone_model")
    """

    settings_type = LayerSettings
    title = "Layer Lab"
    dom_class = "layer-lab"

    def __init__(
        self,
        definition: Definition | None = None,
        naive: str = "clone_model",
        correct: str = "clone",
        pretrain: int = 0,
        train: str = "both",
        steps: int = 40,
        title: str | None = None,
    ) -> None:
        preset = LayerSettings(definition or Definition(), naive, correct, pretrain, train, steps)
        if len(preset.definition.layers) > MOST_LAYERS:
            raise ValueError(f"The lab has room for {MOST_LAYERS} layers, not {len(preset.definition.layers)}.")
        self._playing = False
        super().__init__(preset, title)

    def run(self, settings: LayerSettings) -> LayerRun:
        """Set up an experiment."""
        return LayerRun(settings)

    # -- controls --------------------------------------------------------------------------------------------------

    def controls(self) -> Sequence[widgets.Widget]:
        """Make a row for each layer, and the controls of the model and of the experiment."""
        handlers = self._on_layer, self._on_remove, self._on_fold
        self.rows = [_Row(number, *handlers) for number in range(1, MOST_LAYERS + 1)]
        self._count = 0
        self._open: int | None = 0  # the layer whose controls are shown; the others are folded
        self.add = widgets.Button(
            description="Add a layer", icon="plus", tooltip="Add a Dense layer before the ten logits"
        )
        self.add.on_click(lambda button: self._on_add())
        self._ends = widgets.HTML("8x8 image"), widgets.HTML("\N{RIGHTWARDS ARROW} 10 logits")
        self._chips, self._row_box = widgets.HBox(), widgets.VBox()
        self._chips.add_class("lab-chips")
        return [
            widgets.VBox([self._chips, self._row_box]),
            *self.declared_controls(Definition),
            *self.declared_controls(LayerSettings),
        ]

    def buttons(self) -> Sequence[widgets.Widget]:
        """Make the button that trains on."""
        self.play = widgets.Button(description="Play", icon="play", tooltip="Train on, and watch")
        self.play.on_click(lambda button: self._on_play())
        return [self.play]

    def read(self) -> LayerSettings:
        """Return the settings that the controls show, including the layers."""
        values = self.values()
        layers = tuple(row.read() for row in self.rows[: self._count])
        model = Definition(layers, **{field: values.pop(field) for field in Definition.declared()})
        return self.preset.replace(definition=model, **values)

    def write(self, settings: LayerSettings) -> None:
        """Set the controls to these settings."""
        self._write_layers(settings.definition.layers)
        super().write(SimpleNamespace(**{**vars(settings.definition), **vars(settings)}))

    def _write_layers(self, specs: tuple[LayerSpec, ...]) -> None:
        # A row belongs to a position, not to a layer, so that the focus stays in place when a layer is removed.
        with self.silently():
            for row, spec in zip(self.rows, specs, strict=False):
                row.write(spec)
            self._count = len(specs)
            self.add.disabled = self._count == MOST_LAYERS
            self._show_layers()

    def _show_layers(self) -> None:
        rows = self.rows[: self._count]
        if self._open is not None:
            self._open = min(self._open, len(rows) - 1) if rows else 0
        for index, row in enumerate(rows):
            row.show(index == self._open)
        self._row_box.children = [row for index, row in enumerate(rows) if index == self._open]
        self._chips.children = [self._ends[0], *(row.chip for row in rows), self._ends[1], self.add]

    # -- handlers: any of them may run on a different thread than the one on which models are made ---------------

    def _on_layer(self, row: _Row | None) -> None:
        if self._quiet:
            return
        if row is not None:  # sizes of different kinds are not comparable, so a new kind starts from its defaults
            with self.silently():
                row.write(LayerSpec(row.kind.value))
        self._show_layers()
        self.changed()

    def _on_fold(self, index: int) -> None:
        self._open = None if self._open == index else index
        self._show_layers()

    def _on_add(self) -> None:
        if self._count < MOST_LAYERS:
            self._open = self._count
            self._write_layers((*self.settings.definition.layers, LayerSpec("Dense")))
            self.changed()

    def _on_remove(self, index: int) -> None:
        layers = list(self.settings.definition.layers)
        del layers[index]
        self._write_layers(tuple(layers))
        self.changed()

    def on_reset(self) -> None:
        """Return to the preset, and stop playing."""
        self._set_playing(False)
        super().on_reset()

    def _on_play(self) -> None:
        self._set_playing(not self._playing)
        if self._playing and self._failed:
            self.changed()  # try again, and play then
        elif self._playing and self.current_run.finished and not self._stale:
            self._latest.start(self._play_on(self.current_run))

    def _set_playing(self, playing: bool) -> None:
        self._playing = playing
        self.play.description = "Pause" if playing else "Play"
        self.play.icon = "pause" if playing else "play"

    def _on_fault(self, error: Exception | KeyboardInterrupt) -> None:
        self._set_playing(False)
        super()._on_fault(error)

    # -- work, on the main loop ----------------------------------------------------------------------------------

    def afterwards(self, run: LayerRun) -> Iterator[float]:
        """Continue training until paused, if the lab is playing."""
        if not self._playing:
            return
        self._say("Working: playing")
        drawn = 0.0
        for stage in run.train_on(MOST_STEPS - run.step):
            if not self._playing:
                break
            if stage.pictured:
                yield self._draw_paced(run, drawn)
                drawn = time.monotonic()
            else:
                yield IN_THE_MIDDLE
        self._set_playing(False)
        self._show_words(run)

    def _play_on(self, run: LayerRun) -> Iterator[float]:
        yield from self.afterwards(run)
        if not self._stale:
            self._say("Up to date")
