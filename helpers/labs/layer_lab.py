"""The Layer Lab: change a model layer by layer, clone it in two ways, and watch the three tests.

Only controls stand here and what they call. The model is made by `helpers.definitions`, the run by
`helpers.experiment`, the picture by `helpers.plots`.
"""

from __future__ import annotations

import contextlib
import html
import time
from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets

from helpers import plots
from helpers.definitions import (
    ACTIVATIONS,
    GENERATIONS,
    KINDS,
    OPTIMIZERS,
    STYLES,
    Definition,
    LayerSpec,
    source,
)
from helpers.experiment import TRAIN, Experiment, Problem, Settings
from helpers.labs.keyboard import keep_keys
from helpers.labs.live_figure import Latest, LiveFigure, Panel
from helpers.methods import METHODS

__all__ = ["LayerLab"]

MOST_LAYERS = 6
MOST_STEPS = 2000  # play stops here: whoever leaves it running does not come back to a full memory
FRAME = 0.05  # seconds a picture stays at least; faster ones would pile up in the browser
SETTLE = 0.12  # a hand on a slider moves on within this time, and would wait for a trace that nobody needs

_EARLIER = "Out of date: the picture shows earlier settings"

_CSS = """<style>
.layer-lab { border: 1px solid var(--jp-border-color1, #999); border-radius: 6px; padding: 10px 14px 12px;
  max-width: 1240px; box-sizing: border-box; background: var(--jp-layout-color1, #fff); }
.layer-lab .widget-html, .layer-lab .widget-html-content { height: auto; line-height: 1.45; margin: 0; }
.layer-lab .widget-html-content { font-size: var(--jp-content-font-size1, 14px);
  color: var(--jp-content-font-color1, #111); overflow-wrap: anywhere; }
.layer-lab .lab-title { font-weight: 600; font-size: 1.15em; }
.layer-lab .lab-heading { font-weight: 600; margin: 6px 0 2px; }
.layer-lab .lab-status { font-variant-numeric: tabular-nums; }
.layer-lab .lab-status span { border: 1px solid currentColor; border-radius: 10px; padding: 1px 10px; }
.layer-lab .lab-row { flex-wrap: wrap; align-items: center; overflow: visible; }
.layer-lab .lab-controls { flex-wrap: wrap; gap: 4px 28px; overflow: visible; }
.layer-lab .lab-picture { overflow: hidden; background: #fff; border-radius: 4px; margin: 8px 0 4px; }
.layer-lab .lab-picture img { width: 100%; height: auto; display: block; transition: opacity 0.15s, filter 0.15s; }
.layer-lab .lab-stale img { opacity: 0.35; filter: grayscale(1); transition-delay: 0.3s; }
.layer-lab .lab-verdict { font-size: 1.05em; }
.layer-lab .lab-error .lab-problem { border-left: 4px solid #D55E00; padding: 2px 0 2px 12px; margin: 8px 0; }
.layer-lab pre { margin: 2px 0; padding: 8px 10px; overflow: auto; font-size: 12px; line-height: 1.4;
  font-family: var(--jp-code-font-family, monospace); color: var(--jp-content-font-color1, #111);
  background: var(--jp-layout-color2, #f2f2f2); border-radius: 3px; }
.layer-lab .lab-source pre { max-height: 24em; }
.layer-lab .lab-source button { font: inherit; padding: 2px 12px; cursor: pointer; margin-left: 10px;
  color: var(--jp-ui-font-color1, #111); background: var(--jp-layout-color2, #eee);
  border: 1px solid var(--jp-border-color1, #999); border-radius: 3px; }
.layer-lab button:focus-visible, .layer-lab select:focus-visible, .layer-lab input:focus-visible,
.layer-lab pre:focus-visible, .layer-lab .noUi-handle:focus-visible {
  outline: 3px solid var(--jp-brand-color1, #1976d2) !important; outline-offset: 2px; }
</style>"""

# The clipboard API is missing where a hub is served without TLS; selecting and copying works everywhere.
_COPY = (
    "const code = this.closest('.widget-html-content').querySelector('pre');"
    "getSelection().selectAllChildren(code); document.execCommand('copy'); this.textContent = 'Copied';"
)


class _Row(widgets.HBox):
    """The controls of one layer."""

    def __init__(self, number: int, changed: Any, remove: Any) -> None:
        wide = {"description_width": "62px"}
        self.kind = widgets.Dropdown(
            options=[(kind.label, name) for name, kind in KINDS.items()],
            description=f"Layer {number}",
            style=wide,
            layout={"width": "235px"},
        )
        self.size = widgets.IntSlider(
            description="units", style={"description_width": "72px"}, layout={"width": "260px"}
        )
        self.activation = widgets.Dropdown(
            options=ACTIVATIONS,
            description="activation",
            style={"description_width": "66px"},
            layout={"width": "165px"},
        )
        self.remove = widgets.Button(
            description=f"Remove layer {number}",
            tooltip=f"Take layer {number} out of the model",
            layout={"width": "130px"},
        )
        super().__init__([self.kind, self.size, self.activation, self.remove])
        self.add_class("lab-row")
        self.kind.observe(lambda change: changed(self), "value")
        self.size.observe(lambda change: changed(None), "value")
        self.activation.observe(lambda change: changed(None), "value")
        self.remove.on_click(lambda button: remove(number - 1))

    def read(self) -> LayerSpec:
        """Return what the controls say."""
        return LayerSpec(self.kind.value, self.size.value, self.activation.value)

    def write(self, spec: LayerSpec) -> None:
        """Make the controls say something else, and show only those that the kind has."""
        kind = KINDS[spec.kind]
        self.kind.value = spec.kind
        if kind.argument is not None:
            # In this order no bound ever passes the other.
            self.size.min = min(self.size.min, kind.smallest)
            self.size.max = kind.largest
            self.size.value = spec.size
            self.size.min = kind.smallest
            self.size.description = "rate in %" if kind.argument == "rate" else kind.argument
        if kind.activation is not None:
            self.activation.value = spec.activation
        self.size.layout.visibility = "visible" if kind.argument else "hidden"
        self.activation.layout.visibility = "visible" if kind.activation else "hidden"


class LayerLab(Panel):
    """A panel in which a reader changes a model, clones it in two ways, and sees which clone is true.

    Args:
        definition: The model to begin with.
        naive: The first way to clone: a key of `helpers.methods.METHODS`.
        correct: The second way.
        pretrain: Training steps before cloning.
        train: Who is trained after cloning: "both", "original" or "clone".
        steps: Training steps that every run makes.
        title: Heading of the panel.

    Attributes:
        preset: The settings to which the reset button returns.

    Example:
        >>> LayerLab(Definition((LayerSpec("Dense", 24),)), naive="clone_model")
    """

    def __init__(
        self,
        definition: Definition | None = None,
        naive: str = "clone_model",
        correct: str = "clone",
        pretrain: int = 0,
        train: str = "both",
        steps: int = 40,
        title: str = "Layer Lab",
    ) -> None:
        self.preset = Settings(definition or Definition(), naive, correct, pretrain, train, steps)
        if len(self.preset.definition.layers) > MOST_LAYERS:
            raise ValueError(f"The lab has room for {MOST_LAYERS} layers, not {len(self.preset.definition.layers)}.")
        self._quiet = False
        self._playing = False
        self._experiment: Experiment | None = None
        self._wanted = self.preset
        self._status = ""
        self._latest = Latest(self._on_fault)
        self._make_controls()
        self._make_outputs(title)
        super().__init__(self._arrange())
        self.children = [keep_keys(self), *self.children]
        self.add_class("layer-lab")
        self._write(self.preset)
        # At once, and not on the loop: the cell that makes the lab stores a picture that is complete.
        self._latest.run_now(self._work(self.preset))

    # --- what a lesson or a test may ask -------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """What the controls say now."""
        rows = self._rows[: self._count]
        definition = Definition(
            tuple(row.read() for row in rows),
            self.style_control.value,
            self.generation.value,
            self.optimizer.value,
            self.seed.value,
        )
        return Settings(
            definition, self.naive.value, self.correct.value, self.pretrain.value, self.train.value, self.preset.steps
        )

    @property
    def status(self) -> str:
        """The status line: "Up to date", "Working: ..." or "Out of date: ..."."""
        return self._status

    @property
    def verdict(self) -> str:
        """The sentence under the picture."""
        return self._experiment.verdict if self._experiment else ""

    @property
    def problems(self) -> list[Problem]:
        """The errors that the lab shows, with what each teaches."""
        return self._experiment.problems if self._experiment else []

    def load(self, settings: Settings) -> None:
        """Set all controls at once, and run.

        Args:
            settings: What the controls are to say.

        Example:
            >>> lab.load(lab.preset.replace(naive="deepcopy"))  # doctest: +SKIP
        """
        self._write(settings)
        self._on_change()

    def still(self) -> tuple[bytes, str]:
        """Return what stands for the lab where nothing runs.

        Returns:
            A PNG with the sentence under it, and the sentence.
        """
        experiment = self._experiment
        figure = plots.three_tests(experiment.pairs, experiment.settings.train, caption=self.verdict)
        return plots.png(figure), self.verdict

    # --- controls ------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self._rows = [_Row(number, self._on_layer, self._on_remove) for number in range(1, MOST_LAYERS + 1)]
        self._count = 0
        self.add = widgets.Button(
            description="Add a layer", icon="plus", tooltip="Add a Dense layer before the ten logits"
        )
        self.add.on_click(lambda button: self._on_add())

        wide = {"style": {"description_width": "150px"}, "layout": {"width": "430px"}}

        def dropdown(options: list[tuple[str, Any]], description: str) -> widgets.Dropdown:
            control = widgets.Dropdown(options=options, description=description, **wide)
            control.observe(lambda change: self._on_change(), "value")
            return control

        self.style_control = dropdown([(label, name) for name, label in STYLES.items()], "How it is written")
        self.generation = dropdown([(label, name) for name, label in GENERATIONS.items()], "Which Keras")
        self.optimizer = dropdown([(label, name) for name, (label, _) in OPTIMIZERS.items()], "Optimizer")
        methods = [(method.label, name) for name, method in METHODS.items()]
        self.naive = dropdown(methods, "Naive method")
        self.correct = dropdown(methods, "Correct method")
        self.train = dropdown([(label, name) for name, label in TRAIN.items()], "Train after cloning")
        self.pretrain = widgets.IntSlider(min=0, max=100, step=5, description="Steps before cloning", **wide)
        self.seed = widgets.BoundedIntText(min=0, max=9999, description="Seed", **wide)
        for control in (self.pretrain, self.seed):
            control.observe(lambda change: self._on_change(), "value")
        self.play = widgets.Button(description="Play", icon="play", tooltip="Train on, and watch")
        self.play.on_click(lambda button: self._on_play())
        self.reset = widgets.Button(
            description="Reset", icon="undo", tooltip="Return to the settings that the lab began with"
        )
        self.reset.on_click(lambda button: self._on_reset())

    def _make_outputs(self, title: str) -> None:
        self._title = widgets.HTML(f'<span class="lab-title">{html.escape(title)}</span>')
        self._status_line = widgets.HTML()
        self._status_line.add_class("lab-status")
        self._figure = LiveFigure(plots.ThreeTestsPicture())
        self._picture = widgets.Box([self._figure])
        self._picture.add_class("lab-picture")
        self._verdict_line = widgets.HTML()
        self._verdict_line.add_class("lab-verdict")
        self._error = widgets.HTML()
        self._error.add_class("lab-error")
        self._source = widgets.HTML()
        self._source.add_class("lab-source")

    def _arrange(self) -> list[widgets.Widget]:
        self._row_box = widgets.VBox()
        bar = widgets.HBox([self._title, self._status_line], layout={"justify_content": "space-between"})
        heading = widgets.HTML('<div class="lab-heading">Layers between the 8x8 image and the ten logits</div>')
        layers = widgets.VBox([heading, self._row_box])
        controls = widgets.HBox(
            [
                widgets.VBox([self.style_control, self.generation, self.optimizer, self.seed]),
                widgets.VBox([self.naive, self.correct, self.pretrain, self.train]),
            ]
        )
        controls.add_class("lab-controls")
        buttons = widgets.HBox([self.play, self.reset])
        return [
            widgets.HTML(_CSS),
            bar,
            layers,
            self.add,
            controls,
            buttons,
            self._picture,
            self._verdict_line,
            self._error,
            self._source,
        ]

    @contextlib.contextmanager
    def _silently(self) -> Iterator[None]:
        """Change several controls as one change."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _write(self, settings: Settings) -> None:
        with self._silently():
            self._write_layers(settings.definition.layers)
            self.style_control.value = settings.definition.style
            self.generation.value = settings.definition.generation
            self.optimizer.value = settings.definition.optimizer
            self.seed.value = settings.definition.seed
            self.naive.value = settings.naive
            self.correct.value = settings.correct
            self.pretrain.value = settings.pretrain
            self.train.value = settings.train

    def _write_layers(self, specs: tuple[LayerSpec, ...]) -> None:
        # A row belongs to a place and not to a layer, so that the focus stays where it is when one is removed.
        with self._silently():
            for row, spec in zip(self._rows, specs, strict=False):
                row.write(spec)
            self._count = len(specs)
            self._row_box.children = self._rows[: self._count]
            self.add.disabled = self._count == MOST_LAYERS

    # --- handlers: any of them may run on another thread than the one on which models are made ---------------

    def _on_change(self) -> None:
        if self._quiet:
            return
        self._wanted = self.settings
        self._mark(stale=True)
        self._say(_EARLIER)
        self._latest.start(self._work(self._wanted))

    def _on_layer(self, row: _Row | None) -> None:
        if self._quiet:
            return
        if row is not None:  # another kind: its sizes mean something else, so it starts from its own
            with self._silently():
                row.write(LayerSpec(row.kind.value))
        self._on_change()

    def _on_add(self) -> None:
        if self._count < MOST_LAYERS:
            self._write_layers((*self.settings.definition.layers, LayerSpec("Dense")))
            self._on_change()

    def _on_remove(self, index: int) -> None:
        layers = list(self.settings.definition.layers)
        del layers[index]
        self._write_layers(tuple(layers))
        self._on_change()

    def _on_reset(self) -> None:
        self._set_playing(False)
        self.load(self.preset)

    def _on_play(self) -> None:
        self._set_playing(not self._playing)
        if self._playing and self._experiment is not None and self._experiment.finished and not self._stale:
            self._latest.start(self._play_on(self._experiment))

    def _set_playing(self, playing: bool) -> None:
        self._playing = playing
        self.play.description = "Pause" if playing else "Play"
        self.play.icon = "pause" if playing else "play"

    def _on_fault(self, error: Exception) -> None:
        self._set_playing(False)
        self._show_problems([Problem("Drawing the lab", error)])
        self._say("Out of date: the lab itself failed, see the error below")

    # --- work, on the main loop -------------------------------------------------------------------------------

    def _work(self, settings: Settings) -> Iterator[float]:
        """Run an experiment and show it as it grows; yields the pause after every slice."""
        experiment = Experiment(settings)
        drawn = 0.0
        for stage in experiment.stages():
            if not stage.pictured:
                if self._experiment is not experiment:
                    self._say(f"Working: {stage.text}")
                yield 0.0
                continue
            if self._experiment is not experiment:
                self._experiment = experiment
                self._draw(experiment)
                if settings is self._wanted:
                    self._mark(stale=False)
                    self._say("Working: training")
                else:  # the controls have moved on while this picture was made
                    self._say(_EARLIER)
                self._show_words(experiment)
                yield SETTLE
            else:
                yield self._draw(experiment, drawn)
            drawn = time.monotonic()
        self._draw(experiment)
        self._show_words(experiment)
        if self._playing:
            yield from self._play_on(experiment)
        else:
            self._say("Up to date")

    def _play_on(self, experiment: Experiment) -> Iterator[float]:
        """Train on until paused."""
        self._say("Working: playing")
        drawn = 0.0
        for stage in experiment.train_on(MOST_STEPS - experiment.step):
            if not self._playing:
                break
            if stage.pictured:
                yield self._draw(experiment, drawn)
                drawn = time.monotonic()
            else:
                yield 0.0
        self._set_playing(False)
        self._show_words(experiment)
        self._say("Up to date")

    def _draw(self, experiment: Experiment, drawn: float = 0.0) -> float:
        """Send a picture; return how long to wait so that the browser keeps up."""
        steps = experiment.settings.steps
        while steps < experiment.step:  # the axis grows by leaps: each one costs a full repaint
            steps *= 2
        message = None if experiment.model is not None else "There is no model to clone.\nThe reason stands below."
        self._figure.show(
            experiment.pairs, experiment.verdict, train=experiment.settings.train, steps=steps, message=message
        )
        return max(0.001, FRAME - (time.monotonic() - drawn))  # not zero, which would mean "in the middle"

    def _show_words(self, experiment: Experiment) -> None:
        self._verdict_line.value = f"<div>{html.escape(experiment.verdict)}</div>"
        self._show_problems(experiment.problems)
        text = source(experiment.settings.definition)
        self._source.value = (
            '<div class="lab-heading">Python source of this model'
            f'<button type="button" onclick="{html.escape(_COPY)}">Copy</button></div>'
            f'<pre tabindex="0" aria-label="Python source of this model"><code>{html.escape(text)}</code></pre>'
        )

    def _show_problems(self, problems: list[Problem]) -> None:
        self._error.value = "".join(
            f'<div class="lab-problem" role="alert"><strong>{html.escape(problem.where)} raised '
            f"{html.escape(problem.name)}.</strong> {html.escape(problem.lesson)}"
            f'<pre tabindex="0" aria-label="Message of the error">{html.escape(problem.message)}</pre></div>'
            for problem in problems
        )

    def _mark(self, stale: bool) -> None:
        self._stale = stale
        if stale:
            self._picture.add_class("lab-stale")
        else:
            self._picture.remove_class("lab-stale")

    def _say(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._status_line.value = f'<span role="status" aria-live="polite">{html.escape(status)}</span>'
