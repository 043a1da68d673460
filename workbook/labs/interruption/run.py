"""One run of the lab "Interrupted training": train, save, load, train on, beside a model that was never interrupted.

The lab runs the program that it shows: `source` writes it, and the run calls its functions. Only the loops at its end
are replaced by slices, so that pictures can be drawn in between.

Each trained model is kept with its state at every step. If only the way to save or the step of the interruption
changes, the run continues from there instead of repeating a training that would give the same numbers.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import distances, keras_compat
from workbook import notebook
from workbook.labs.framework import program
from workbook.labs.framework.run import Run, Stage
from workbook.labs.framework.settings import LabSettings, choice, flag, integer

LAYERS = {
    "dense": "Dense",
    "norm": "Dense, BatchNormalization",
    "dropout": "Dense, Dropout",
    "both": "Dense, BatchNormalization, Dropout",
}
OPTIMIZERS = {
    "adam": ("Adam", "Adam({rate})", 0.01, 0.05),
    "sgd": ("SGD, no memory", "SGD({rate})", 0.1, 0.3),
    "momentum": ("SGD with momentum", "SGD({rate}, momentum=0.9)", 0.05, 0.1),
    "rmsprop": ("RMSprop", "RMSprop({rate})", 0.005, 0.02),
}
"""For each optimizer its label, its call, its constant learning rate, and the initial value of a falling one."""
SAVES = {
    "keras": "a .keras file",
    "folder": "a folder, by save",
    "h5": "an .h5 file",
    "export": "a folder, by export",
    "weights": "a weights file (optimizer built first)",
    "weights_unbuilt": "a weights file (optimizer not built)",
    "checkpoint": "tf.train.Checkpoint",
    "set_weights": "get_weights and set_weights",
    "trainable": "trainable_weights only",
    "variables": "all variables, one by one",
}
LOSSES = {
    "nothing": "nothing more",
    "optimizer": "the optimizer's state",
    "position": "the number of steps (schedule)",
    "statistics": "the statistics of BatchNormalization",
    "seeds": "the random state of Dropout",
}
AFTER = 60  # steps that both make after the interruption
MORE = 60  # further steps in which the resumed model may return to the loss that it had at the interruption
NEAR = 1.05  # a loss counts as recovered up to 5% above: the loss of an uninterrupted training varies as much
STRIDE = 4  # steps per picture


@dataclass(frozen=True)
class InterruptionSettings(LabSettings):
    """The model, and how its training is interrupted.

    Example:
        >>> InterruptionSettings(save="folder").replace(stop=10).save
        'folder'
    """

    stop: int = integer(60, "Stop after step", 0, 80, step=5)
    save: str = choice("keras", SAVES, "Save to")
    lose: str = choice("nothing", LOSSES, "Lose on top")
    registered: bool = flag(True, "The class is registered")
    generation: str = choice("keras", program.GENERATIONS, "Which Keras")
    layers: str = choice("norm", LAYERS, "Layers")
    optimizer: str = choice("adam", {name: label for name, (label, *_) in OPTIMIZERS.items()}, "Optimizer")
    schedule: bool = flag(True, "The learning rate falls")
    seed: int = 0  # of the initial weights and of Dropout

    @property
    def has_norm(self) -> bool:
        """Whether there is a BatchNormalization layer."""
        return self.layers in ("norm", "both")

    @property
    def has_dropout(self) -> bool:
        """Whether there is a Dropout layer."""
        return self.layers in ("dropout", "both")

    @property
    def saves_seeds(self) -> bool:
        """Whether the random state of Dropout is saved beside the file, because the file does not contain it.

        Only on Keras 3, and only if everything else is saved: otherwise saving it would make no difference.
        """
        carried = self.save in ("keras", "weights", "checkpoint") and self.lose != "seeds"
        return carried and self.has_dropout and self.generation == "keras"


# -- the program -------------------------------------------------------------------------------------------------------

_STEADY_DROPOUT = '''

{register}class SteadyDropout(keras.layers.Layer):
    """Dropout whose random state is a weight: tf_keras keeps that of its own Dropout in a Python object."""

    def build(self, input_shape):
        self.draws = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="draws")

    def call(self, inputs, training=False):
        if not training:
            return inputs
        self.draws.assign_add(1)
        return tf.nn.experimental.stateless_dropout(inputs, 0.3, seed=[1, self.draws])
'''

_STEP = '''

def train_step(model, step):
    """Train on the batch that belongs to a step, whoever makes it."""
    first = step * 32 % 1280
    model.train_on_batch(images[first : first + 32], labels[first : first + 32])


def loss(model):
    """Return the loss on digits that are not trained on."""
    return float(loss_function(new_labels, model(new_images, training=False)))
'''

# For each way: the code that saves the model, and the code that loads it.
_WAYS = {
    "keras": ('model.save(folder / "model.keras")', 'model = keras.models.load_model(folder / "model.keras")'),
    "folder": ('model.save(str(folder / "my_model"))', 'model = keras.models.load_model(str(folder / "my_model"))'),
    "h5": ('model.save(str(folder / "model.h5"))', 'model = keras.models.load_model(str(folder / "model.h5"))'),
    "export": ('model.export(str(folder / "exported"))', 'model = tf.saved_model.load(str(folder / "exported"))'),
    "weights": (
        'model.save_weights(str(folder / "model.weights.h5"))',
        'model = make()  # its optimizer is built\nmodel.load_weights(str(folder / "model.weights.h5"))',
    ),
    "weights_unbuilt": (
        'model.save_weights(str(folder / "model.weights.h5"))',
        "model = make()\n"
        "model.compile(optimizer(), loss_function)  # this optimizer is not built\n"
        'model.load_weights(str(folder / "model.weights.h5"))',
    ),
    "checkpoint": (
        'tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(folder / "checkpoint"))',
        "model = make()  # its optimizer is built\n"
        "checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)\n"
        'checkpoint.read(str(folder / "checkpoint")).assert_consumed()',
    ),
    "set_weights": (
        'np.savez(folder / "weights.npz", *model.get_weights())',
        'model = make()\nmodel.set_weights(list(np.load(folder / "weights.npz").values()))',
    ),
    "trainable": (
        'np.savez(folder / "weights.npz", *[variable.numpy() for variable in model.trainable_weights])',
        "model = make()\n"
        'for variable, value in zip(model.trainable_weights, np.load(folder / "weights.npz").values()):\n'
        "    variable.assign(value)",
    ),
    "variables": (
        'np.savez(folder / "all.npz", *[variable.numpy() for variable in variables(model)])',
        "model = make()\n"
        'for variable, value in zip(variables(model), np.load(folder / "all.npz").values()):\n'
        "    variable.assign(value)",
    ),
}
_VARIABLES = {
    "keras": "list(model.variables) + list(model.optimizer.variables)",
    "tf_keras": "list(model.variables) + list(model.optimizer.variables)",
}


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _class(settings: InterruptionSettings) -> str:
    register = '@keras.saving.register_keras_serializable(package="interruption")\n' if settings.registered else ""
    own_dropout = settings.has_dropout and settings.generation == "tf_keras"
    text = _STEADY_DROPOUT.format(register=register) if own_dropout else ""
    rows = [
        f"\n\n{register}class Reader(keras.Model):",
        "    def __init__(self, units=24, **kwargs):",
        "        super().__init__(**kwargs)",
        "        self.units = units",
        "        self.flatten = keras.layers.Flatten()",
        '        self.hidden = keras.layers.Dense(units, activation="relu")',
    ]
    calls = ["        x = self.hidden(self.flatten(inputs))"]
    if settings.has_norm:
        rows.append("        self.norm = keras.layers.BatchNormalization(momentum=0.9)")
        calls.append("        x = self.norm(x, training=training)")
    if settings.has_dropout:
        rows.append(f"        self.dropout = {'SteadyDropout()' if own_dropout else 'keras.layers.Dropout(0.3)'}")
        calls.append("        x = self.dropout(x, training=training)")
    rows += ["        self.head = keras.layers.Dense(10)", "", "    def call(self, inputs, training=False):", *calls]
    rows += ["        return self.head(x)", "", "    def get_config(self):"]
    rows.append('        return {**super().get_config(), "units": self.units}')
    return text + "\n".join(rows) + "\n"


def _make(settings: InterruptionSettings) -> str:
    _, call, rate, first_rate = OPTIMIZERS[settings.optimizer]
    rows = ["\n\ndef optimizer():"]
    if settings.schedule:
        rows.append(
            f"    rate = keras.optimizers.schedules.ExponentialDecay({first_rate}, decay_steps=20, decay_rate=0.5)"
        )
    written = call.format(rate="rate" if settings.schedule else rate)
    rows += [
        f"    return keras.optimizers.{written}",
        "\n\ndef make():",
        '    """Make the model as the program makes it whenever it starts."""',
        "    model = Reader()",
        "    model(images[:1])  # a call gives it its weights",
        "    model.compile(optimizer(), loss_function)",
        "    model.optimizer.build(model.trainable_variables)",
        "    return model",
    ]
    return "\n".join(rows) + "\n"


def _save_and_resume(settings: InterruptionSettings) -> str:
    save, resume = _WAYS[settings.save]
    rows = ""
    if settings.save == "variables":
        rows += f"\n\ndef variables(model):\n    return {_VARIABLES[settings.generation]}\n"
    seeds = settings.has_dropout and settings.generation == "keras"
    if settings.saves_seeds:
        save += '\nnp.save(folder / "dropout.npy", model.dropout.seed_generator.state.numpy())'
        resume += '\nmodel.dropout.seed_generator.state.assign(np.load(folder / "dropout.npy"))'
    if settings.lose == "optimizer":
        resume += "\nmodel.compile(optimizer(), loss_function)  # a new optimizer"
    if settings.lose == "position":
        resume += "\nmodel.optimizer.iterations.assign(0)"
    if settings.lose == "statistics" and settings.has_norm:
        resume += "\nmodel.norm.moving_mean.assign(np.zeros(24))\nmodel.norm.moving_variance.assign(np.ones(24))"
    if settings.lose == "seeds" and settings.has_dropout:
        if not seeds:
            resume += "\nmodel.dropout.draws.assign(0)"
        elif settings.save == "variables":
            resume += "\nmodel.dropout.seed_generator.state.assign(make().dropout.seed_generator.state)"
    rows += f"\n\ndef save(model, folder):\n{_indented(save)}"
    return rows + f"\n\ndef resume(folder):\n{_indented(resume)}    return model\n"


def source(settings: InterruptionSettings) -> str:
    """Write the Python program of a run.

    Args:
        settings: The settings of the lab.

    Returns:
        A complete program: it trains, saves, loads, trains on, and prints both losses.

    Example:
        >>> source(InterruptionSettings()).splitlines()[0]
        'import tempfile'
    """
    package = "import keras" if settings.generation == "keras" else "import tf_keras as keras"
    rest = _save_and_resume(settings)
    own_dropout = settings.has_dropout and settings.generation == "tf_keras"
    imports = [package, "import numpy as np"] if settings.generation == "keras" else ["import numpy as np"]
    if "tf." in rest or own_dropout:
        imports.append("import tensorflow as tf")
    if settings.generation == "tf_keras":
        imports.append(package)
    head = f"""\
import tempfile
from pathlib import Path

{chr(10).join(imports)}

from workbook import load_digits

images, labels = load_digits()
images, new_images, labels, new_labels = images[:1280], images[1280:], labels[:1280], labels[1280:]
loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
"""
    end = settings.stop + AFTER
    tail = f"""

if __name__ == "__main__":
    keras.utils.set_random_seed({settings.seed})
    model = make()
    for step in range({settings.stop}):
        train_step(model, step)
    with tempfile.TemporaryDirectory() as folder:
        save(model, Path(folder))
        resumed = resume(Path(folder))
    for step in range({settings.stop}, {end}):
        train_step(model, step)  # the uninterrupted model, as if nothing had happened
        train_step(resumed, step)
        print(step + 1, loss(model), loss(resumed))
"""
    return head + _class(settings) + _make(settings) + _STEP + rest + tail


# -- the run -----------------------------------------------------------------------------------------------------------

_TRAINED = ("hidden.kernel", "hidden.bias", "norm.gamma", "norm.beta", "head.kernel", "head.bias")
_STATISTICS = ("norm.moving_mean", "norm.moving_variance")


def _read(model: Any, names: tuple[str, ...], settings: InterruptionSettings) -> list[Any]:
    """Copy the values of the weights in the named attributes of a model."""
    wanted = [name.split(".") for name in names if settings.has_norm or not name.startswith("norm.")]
    return distances.values([getattr(getattr(model, layer), weight) for layer, weight in wanted])


class _Training:
    """A training, with the state, the weights and the loss after each step."""

    def __init__(self, module: Any, settings: InterruptionSettings) -> None:
        self._settings = settings
        keras_compat.namespace(settings.generation).utils.set_random_seed(settings.seed)
        self.model = module.make()
        self._held = [
            *keras_compat.weights(self.model),
            *keras_compat.other_state(self.model),
            *keras_compat.optimizer_variables(self.model.optimizer),
        ]
        self._states: list[list[Any]] = []
        self.losses: list[float] = []
        self.trained: list[list[Any]] = []
        self.statistics: list[list[Any]] = []
        self._note(module)

    @property
    def step(self) -> int:
        """The number of steps made."""
        return len(self.losses) - 1

    def _note(self, module: Any) -> None:
        self._states.append(distances.values(self._held))
        self.losses.append(module.loss(self.model))
        self.trained.append(_read(self.model, _TRAINED, self._settings))
        self.statistics.append(_read(self.model, _STATISTICS, self._settings))

    def go_on(self, module: Any, steps: int) -> None:
        """Train some more steps."""
        distances.assign(self._held, self._states[-1])
        for _ in range(steps):
            module.train_step(self.model, self.step)
            self._note(module)

    def at(self, step: int) -> Any:
        """Return the model as it was after a step."""
        distances.assign(self._held, self._states[step])
        return self.model


_KEPT = 4
_trainings: collections.OrderedDict[InterruptionSettings, _Training] = collections.OrderedDict()


class InterruptionRun(Run):
    """A run of one setting.

    Args:
        settings: The settings of the lab.

    Attributes:
        losses: Loss of the uninterrupted model after each step, from step 0 on.
        resumed_losses: Loss of the resumed model, from the interruption on.
        trained: Distance between the trained weights of both models, from the interruption on.
        statistics: The same for the statistics of BatchNormalization; empty if the model has none.

    Example:
        >>> run = InterruptionRun(InterruptionSettings())
        >>> for stage in run.stages():
        ...     pass
        >>> max(run.trained)
        0.0
    """

    settings: InterruptionSettings

    def __init__(self, settings: InterruptionSettings) -> None:
        super().__init__(settings)
        self._training: _Training | None = None
        self._shown = 0
        self._resumed: Any = None
        self.resumed_losses: list[float] = []
        self.trained: list[float] = []
        self.statistics: list[float] = []

    @property
    def source(self) -> str:
        """The Python source of the run, for a reader to copy."""
        return source(self.settings)

    @property
    def losses(self) -> list[float]:
        """Loss of the uninterrupted model after each step, from step 0 to the last step that is shown."""
        return self._training.losses[: self._shown + 1] if self._training else []

    @property
    def end(self) -> int:
        """The step up to which both are trained."""
        return self.settings.stop + AFTER

    @property
    def level(self) -> float | None:
        """The loss at the interruption, or None if it is not known yet."""
        return self.losses[self.settings.stop] if len(self.losses) > self.settings.stop else None

    @property
    def back(self) -> int | None:
        """The number of steps until the loss of the resumed model stays at or below that of the interruption.

        None if it does not, or if that is not known yet.
        """
        return None if self.level is None else _steps_above(self.resumed_losses, NEAR * self.level)

    @property
    def uninterrupted_back(self) -> int | None:
        """The same as `back` for the uninterrupted model, whose loss also varies a little."""
        if self.level is None:
            return None
        return _steps_above(self.losses[self.settings.stop : self.end + 1], NEAR * self.level)

    @property
    def equal(self) -> bool:
        """Whether all weights have been equal to those of the uninterrupted model at every step so far."""
        return not any(self.trained) and not any(self.statistics)

    @property
    def verdict(self) -> str:
        """One sentence on the results so far."""
        way = SAVES[self.settings.save]
        if self.settings.saves_seeds:
            way += ", with the random state of Dropout beside it"
        if self.problems:
            return f"The training does not go on from {way}: {self.problems[-1].where.lower()} fails (see below)."
        if not self.trained:
            return "The training is not interrupted yet."
        steps = len(self.trained) - 1
        if self.equal and steps:
            aside = self._nothing_to_lose()
            return (
                f"Nothing is lost by way of {way}: for {steps} steps after the interruption the resumed model has "
                f"exactly the weights of the model that was never interrupted{aside}."
            )
        if not steps:
            return f"From {way} a model has come back, and is not trained on yet."
        return f"Something is lost by way of {way}: {self._difference()}; {self._cost()}."

    def _nothing_to_lose(self) -> str:
        if self.settings.lose == "statistics" and not self.settings.has_norm:
            return "; it has no BatchNormalization, so there were no statistics to lose"
        if self.settings.lose == "seeds" and not self.settings.has_dropout:
            return "; it has no Dropout, so there was no random state to lose"
        if self.settings.lose != "nothing":
            return ", for nothing that it does depends on what was lost"
        return ""

    def _difference(self) -> str:
        if not any(self.trained):
            return "the statistics differ from the uninterrupted model's, and the trained weights stay exactly equal"
        first = next(step for step, distance in enumerate(self.trained) if distance)
        told = "from the start" if first == 0 else f"from step {self.settings.stop + first} on"
        also = "" if not self.statistics or self.statistics[0] == 0 else ", and the statistics from the start"
        return f"the trained weights differ from the uninterrupted model's {told}{also}"

    def _cost(self) -> str:
        if len(self.resumed_losses) <= AFTER:
            return "what that costs is not measured yet"
        if self.back is None:
            made = len(self.resumed_losses) - 1
            return f"the loss is not back near the one at the interruption, not even after {made} steps"
        clone = f" (that of the uninterrupted model: {self.uninterrupted_back})" if self.uninterrupted_back else ""
        resumed, uninterrupted = self.resumed_losses[AFTER], self.losses[self.end]
        higher, lower = resumed > NEAR * uninterrupted, uninterrupted > NEAR * resumed
        end = "higher than" if higher else "lower than" if lower else "about"
        if self.back == 0:
            cost = "the loss hardly rises above the one at the interruption"
        else:
            cost = f"it takes {_steps(self.back)}{clone} until the loss is back near the one at the interruption"
        return f"{cost}, and {_steps(AFTER)} after the interruption it is {end} the uninterrupted model's"

    def stages(self) -> Iterator[Stage]:
        """Run to the end, slice by slice.

        Yields:
            The next stage. Its slice runs when the iterator is advanced.
        """
        settings = self.settings
        yield Stage("making the model")
        module = program.execute(self.source)
        # A reader's program is the module __main__. With a different name, Keras would find the class by importing it.
        for name in {"Reader", "SteadyDropout"} & set(vars(module)):
            getattr(module, name).__module__ = "__main__"
        self._training = self._training_of(module)
        self._shown = min(self._training.step, self.end)
        yield Stage("training", pictured=True)
        yield from self._train_uninterrupted(module, settings.stop)
        with tempfile.TemporaryDirectory() as folder:
            yield Stage("saving")
            saved = self.attempt("Saving", functools.partial(self._save, module, Path(folder)))
            if saved:
                yield Stage("loading")
                saved = self.attempt("Loading", functools.partial(self._load, module, Path(folder)))
        if saved and self.attempt("Training on", functools.partial(self._note, module)):
            yield Stage("compiling the training step", pictured=True)
            yield from self._train_uninterrupted(module, settings.stop + 1)
            # The first step is traced, which takes longer than all others, so it has its own slice.
            if self.attempt("Training on", functools.partial(self._go_on, module, 1)):
                yield from self._train_both(module)
        else:
            yield Stage("training", pictured=True)
        self.finished = True

    def _training_of(self, module: Any) -> _Training:
        """Return the training that this run interrupts; start it if it is not kept from an earlier run."""
        # A training depends neither on the way to save nor on the step of the interruption.
        key = self.settings.replace(save="keras", lose="nothing", stop=0)
        training = _trainings.pop(key, None) or _Training(module, self.settings)
        if self.settings.save != "h5":
            # Keras 3 removes the optimizer from the compile settings of a model saved to .h5 (seen in 3.15.1).
            _trainings[key] = training
        while len(_trainings) > _KEPT:
            _trainings.popitem(last=False)
        return training

    def _train_uninterrupted(self, module: Any, target: int) -> Iterator[Stage]:
        while self._training.step < target:
            steps = 1 if self._training.step == 0 else min(STRIDE * 2, target - self._training.step)
            self._training.go_on(module, steps)
            self._shown = max(self._shown, self._training.step)
            yield Stage("training", pictured=True)

    def _save(self, module: Any, folder: Path) -> None:
        # The lines that `export` prints would stay in the output of the cell.
        with notebook.logs_held_back(), contextlib.redirect_stdout(io.StringIO()):
            module.save(self._training.at(self.settings.stop), folder)

    def _load(self, module: Any, folder: Path) -> None:
        with notebook.logs_held_back():
            self._resumed = module.resume(folder)
        if not hasattr(self._resumed, "train_on_batch"):
            # The reader's program would fail at its next line; this reports the reason before the object is used.
            self._resumed.train_on_batch  # noqa: B018

    def _note(self, module: Any) -> None:
        step = self.settings.stop + len(self.resumed_losses)
        loss = module.loss(self._resumed)
        if step <= self.end:
            self._measure(step)
        self.resumed_losses.append(loss)

    def _measure(self, step: int) -> None:
        for names, uninterrupted, trace in (
            (_TRAINED, self._training.trained, self.trained),
            (_STATISTICS, self._training.statistics, self.statistics),
        ):
            resumed = _read(self._resumed, names, self.settings)
            if resumed:
                trace.append(max(map(distances.largest_difference, resumed, uninterrupted[step])))

    def _go_on(self, module: Any, steps: int) -> None:
        for _ in range(steps):
            module.train_step(self._resumed, self.settings.stop + len(self.resumed_losses) - 1)
            self._note(module)

    def _train_both(self, module: Any) -> Iterator[Stage]:
        while len(self.resumed_losses) <= AFTER:
            ahead = self.settings.stop + min(len(self.resumed_losses) - 1 + STRIDE, AFTER)
            if self._training.step < ahead:
                self._training.go_on(module, ahead - self._training.step)
            self._shown = max(self._shown, ahead)
            missing = ahead - self.settings.stop - (len(self.resumed_losses) - 1)
            if not self.attempt("Training on", functools.partial(self._go_on, module, missing)):
                return
            yield Stage("training", pictured=True)
        while self.back is None and len(self.resumed_losses) <= AFTER + MORE:
            self._go_on(module, 1)
            if len(self.resumed_losses) % STRIDE == 0:
                yield Stage("training on, to come back to the loss at the interruption", pictured=True)


def _steps_above(losses: list[float], level: float) -> int | None:
    """Return the first step from which all losses are at or below a level, or None if the last loss is above it."""
    above = [step for step, loss in enumerate(losses) if loss > level]
    if not above:
        return 0
    return None if above[-1] == len(losses) - 1 else above[-1] + 1


def _steps(number: int) -> str:
    return f"{number} step{'' if number == 1 else 's'}"
