"""One run of the Layer Lab, without widgets: build, train a little, clone in two ways, compare, train on."""

from __future__ import annotations

import dataclasses
import functools
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.report import OUTPUTS, ThreeTestsResult, describe
from workbook.labs.framework.models_drawing import ModelRow, clone_row, original_row
from workbook.labs.framework.run import Run, Stage
from workbook.labs.framework.settings import LabSettings, choice, integer
from workbook.labs.layer import spec as definitions
from workbook.labs.layer.spec import Definition
from workbook.methods import METHODS

TRAIN = {"both": "both, alike", "original": "the original only", "clone": "the clone only"}
SAMPLES = 256  # enough for eight different batches; more would only cost time
SLICE = 0.03  # seconds of training per picture: enough pictures to see the curves grow, and little else to wait for
LEAST_STRIDE, MOST_STRIDE = 4, 8  # steps per picture: with more the curves would jump, with fewer they would take long
EAGER_STEPS = 6  # tracing a step costs about as much as this many eager steps


_METHOD_LABELS = {name: method.label for name, method in METHODS.items()}


@dataclass(frozen=True)
class LayerSettings(LabSettings):
    """A model, two methods to clone it, and the numbers of training steps before and after cloning.

    Example:
        >>> LayerSettings(naive="deepcopy").replace(pretrain=5).pretrain
        5
    """

    definition: Definition = field(default_factory=Definition)
    naive: str = choice("clone_model", _METHOD_LABELS, "Method A")
    correct: str = choice("clone", _METHOD_LABELS, "Method B")
    pretrain: int = integer(0, "Steps before cloning", 0, 100, step=5)
    train: str = choice("both", TRAIN, "Train after cloning")
    steps: int = 40  # after cloning


class LayerRun(Run):
    """A run of one setting.

    Args:
        settings: The settings of the lab.

    Attributes:
        model: The original, once it is built.

    Example:
        >>> run = LayerRun(LayerSettings())
        >>> for stage in run.stages():
        ...     pass
        >>> run.finished
        True
    """

    def __init__(self, settings: LayerSettings) -> None:
        super().__init__(settings)
        self.model: Any = None
        self._tests: Any = None  # a ThreeTests, whose clones are named by the index of their method
        self._clones: dict[int, Any] = {}
        self._cloned: list[int] = []
        self._held = False  # whether the engine keeps the state of the models
        self._raised: dict[int, str] = {}
        self._rows: dict[int, ModelRow] = {}  # by the index of the method; -1 is the original

    @property
    def labels(self) -> tuple[str, str]:
        """Names of the two methods, as the picture shows them."""
        return METHODS[self.settings.naive].label, METHODS[self.settings.correct].label

    @property
    def pairs(self) -> list[ThreeTestsResult]:
        """The results so far, one per method; empty if there is no model."""
        found = self._tests.results() if self._tests is not None else {}
        pairs = []
        for index, label in enumerate(self.labels):
            if index in self._raised:
                pairs.append(ThreeTestsResult(label, error=self._raised[index]))
            elif index in found:
                pairs.append(dataclasses.replace(found[index], name=label))
        return pairs

    @property
    def rows(self) -> list[ModelRow]:
        """The original and its clones when they were made; empty until they are compared."""
        return [self._rows[index] for index in sorted(self._rows)] if -1 in self._rows else []

    @property
    def digits(self) -> tuple[np.ndarray, np.ndarray]:
        """The images that all models read, and the right answers."""
        return _data()

    @property
    def step(self) -> int:
        """Training steps made since the cloning."""
        return max((self._tests.steps(index) for index in self._cloned), default=0)

    @property
    def verdict(self) -> str:
        """One sentence on the results so far."""
        if self.model is None and self.problems:
            return "There is no model to clone: Keras refuses this definition, for the reason below."
        return describe(self.pairs, so_far=not self.finished)

    @property
    def source(self) -> str:
        """The Python source of the model."""
        return definitions.source(self.settings.definition)

    @property
    def train(self) -> str:
        """The model that is trained after cloning: "both", "original" or "clone"."""
        return self.settings.train

    @property
    def span(self) -> int:
        """Length of the picture's step axis; it grows in large jumps, because each one costs a full repaint."""
        steps = self.settings.steps
        while steps < self.step:
            steps *= 2
        return steps

    @property
    def message(self) -> str | None:
        """Text across the picture if there is nothing to draw."""
        return None if self.model is not None else "There is no model to clone.\nThe reason stands below."

    def stages(self) -> Iterator[Stage]:
        """Build, train, clone and compare, slice by slice."""
        settings = self.settings
        yield Stage("building the model")
        if not self._attempt("Building the model", self._build):
            self.finished = True
            yield Stage("drawing", pictured=True)
            return
        if settings.pretrain:
            yield Stage(f"training the original for {settings.pretrain} steps")
            if not self._attempt("Training before cloning", self._pretrain):
                self.model = None
                self.finished = True
                yield Stage("drawing", pictured=True)
                return
        for index, name in enumerate((settings.naive, settings.correct)):
            label = self.labels[index]
            yield Stage(f"cloning with {label}")
            self._attempt(f"Cloning with {label}", functools.partial(self._clone, index, name), index)
        self._attempt_each("Comparing", self._begin)
        yield Stage("comparing the answers", pictured=True, preview=bool(self._cloned))
        self._attempt_each("Comparing", self._compare)
        self._rows[-1] = original_row(self.model, _outputs(self._tests.answers() if self._cloned else None))
        yield Stage("training", pictured=True)
        # Compiling a training step takes longer than anything else here, so each one has its own slice.
        if self._cloned:
            yield Stage("compiling the training step")
            self._prepare(None)
        for index in [] if settings.train == "original" else list(self._cloned):
            yield Stage("compiling the training step")
            if index in self._cloned:
                self._prepare(index)
        yield Stage("training")
        yield from self.train_on(settings.steps)
        self.finished = True

    def train_on(self, steps: int) -> Iterator[Stage]:
        """Train all pairs further, slice by slice. The faster the steps, the more of them to a slice.

        Args:
            steps: Number of steps.

        Yields:
            Stages; a stage has new numbers to draw if all pairs have made the same number of steps.
        """
        target, stride = self.step + steps, 1
        while self._cloned and self.step < target:
            ahead = min(self.step + stride, target)
            begun = time.monotonic()
            for index in list(self._cloned):
                missing = ahead - self._tests.steps(index)
                if missing > 0:
                    label = self.labels[index]
                    advance = functools.partial(self._tests.advance, missing, self.settings.train, [index])
                    self._attempt(f"Training with {label}", advance, index)
            taken = (time.monotonic() - begun) / stride
            stride = min(max(LEAST_STRIDE, round(SLICE / max(taken, 1e-6))), MOST_STRIDE)
            yield Stage("training", pictured=True)
        if self._cloned and steps:
            self._tests.compare_answers(self._cloned)
            yield Stage("training", pictured=True)

    def _prepare(self, index: int | None) -> None:
        """Compile the training step of a clone, or of the original. An error of the original counts for all clones."""
        for each in list(self._cloned) if index is None else [index]:
            self._attempt(f"Training with {self.labels[each]}", lambda: self._tests.prepare(index), each)
            error = self._tests.error(index) if each in self._cloned else None
            if error is not None:
                self._attempt(f"Training with {self.labels[each]}", functools.partial(_raise, error), each)

    def _attempt(self, where: str, action: Any, index: int | None = None) -> bool:
        """Call a function that may raise; a method that raises is dropped from the run."""
        went_well = self.attempt(where, action)
        if not went_well and index is not None:
            if index in self._cloned:
                self._cloned.remove(index)
                self._tests.drop(index)
            self._raised[index] = self.problems[-1].name
            self._rows.setdefault(index, ModelRow(self.labels[index], error=self.problems[-1].name))
        return went_well

    def _build(self) -> None:
        self.model = definitions.build(self.settings.definition)

    def _pretrain(self) -> None:
        import tensorflow as tf

        model, (images, labels) = self.model, _data()
        optimizer = model.optimizer
        if hasattr(optimizer, "build"):
            optimizer.build(model.trainable_variables)
        steps = self.settings.pretrain
        step = model.train_step if steps <= EAGER_STEPS else tf.function(model.train_step)
        for number in range(steps):
            first = number * 32 % SAMPLES
            step((tf.constant(images[first : first + 32]), tf.constant(labels[first : first + 32])))

    def _clone(self, index: int, name: str) -> None:
        from helpers.engine import ThreeTests

        images, labels = _data()
        # The picture shows what a method loses. A warning would stay in the output of the cell.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clone = METHODS[name](self.model, images[:1])
        if self._tests is None:
            self._tests = ThreeTests(self.model, images, labels, compiled=True)
        self._clones[index] = clone
        self._cloned.append(index)

    def _begin(self, index: int) -> None:
        self._tests.begin(index, self._clones[index])

    def _compare(self, index: int) -> None:
        if not self._held:
            self._tests.hold(*(self._clones[each] for each in self._cloned))
            self._held = True
        self._tests.add(index, self._clones[index])
        found, answers = self._tests.results()[index], _outputs(self._tests.answers(index))
        self._rows[index] = clone_row(self.labels[index], self.model, self._clones[index], found, answers)

    def _attempt_each(self, doing: str, action: Any) -> None:
        """Do something with each clone."""
        for index in list(self._cloned):
            self._attempt(f"{doing} {self.labels[index]}", functools.partial(action, index), index)


def _outputs(answers: Any) -> Any:
    return answers.by_name[OUTPUTS] if answers is not None else None


def _raise(error: Exception) -> None:
    raise error


@functools.lru_cache(maxsize=1)
def _data() -> tuple[np.ndarray, np.ndarray]:
    from workbook.notebook import load_digits

    images, labels = load_digits()
    return images[:SAMPLES], labels[:SAMPLES]
