"""One run of the lab "Save here, load there": a model is saved, then loaded by code that may have changed.

The lab shows and runs a program in two parts: the first makes, trains and saves a model, the second loads it. Both run
in this process, because a new process would spend seconds on importing TensorFlow at every change. To behave like a new
process, the second part first removes the class from the registry of Keras, and neither part is a module that Keras
could import.
"""

from __future__ import annotations

import collections
import dataclasses
import gc
import itertools
import json
import linecache
import weakref
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers.report import OUTPUTS, ThreeTestsResult
from helpers.text import listed
from workbook import notebook
from workbook.labs.framework.models_drawing import ModelRow, clone_row, original_row
from workbook.labs.framework.program import GENERATIONS, MODULE
from workbook.labs.framework.run import Problem, Run, Stage
from workbook.labs.framework.settings import LabSettings, choice, flag, integer

STYLES = {"subclassed": "Subclassed, with get_config", "functional": "Functional"}
FORMATS = {
    ".keras": ".keras, whole model",
    ".h5": ".h5, whole model (legacy)",
    ".weights.h5": ".weights.h5, weights",
    "checkpoint": "tf.train.Checkpoint",
    ".json": "JSON, structure",
}
CHANGES = {
    "nothing": "nothing",
    "optimizer": "its optimizer is not built yet",
    "units": "24 units instead of 16",
    "activation": "tanh instead of relu",
    "layer": "one Dense layer more",
    "dropout": "one Dropout layer more",
    "order": "two equal layers made in the other order",
    "name": "another name for one layer",
    "class_name": "another name for the class",
    "unregistered": "its class is not registered",
    "other_keras": "it is the other Keras",
}
STEPS = 30  # training steps after loading
STRIDE = 5
SAMPLES = 256
MOST_KEPT = 4  # trained models that are kept, so that a change of only the file or the receiver is fast
PACKAGE = "save_and_load"

_LAYERS = ("left", "right", "head")

# Formats whose files hold the structure; for all others the receiver's code makes the model.
_WHOLE = (".keras", ".h5", ".json")


@dataclass(frozen=True)
class SaveLoadSettings(LabSettings):
    """The model, the file format, and the change in the code that loads the file.

    Example:
        >>> SaveLoadSettings(file=".h5").replace(change="units").change
        'units'
    """

    style: str = choice("subclassed", STYLES, "How it is written")
    generation: str = choice("keras", GENERATIONS, "Which Keras saves")
    steps: int = integer(5, "Steps before saving", 0, 20, step=5)
    file: str = choice(".weights.h5", FORMATS, "Kept as")
    change: str = choice("nothing", CHANGES, "Where it is loaded")
    compiled: bool = flag(True, "The model is compiled")  # without it there is no training before saving

    @property
    def receiver(self) -> str:
        """The Keras version that loads the file."""
        other = {"keras": "tf_keras", "tf_keras": "keras"}
        return other[self.generation] if self.change == "other_keras" else self.generation

    @property
    def from_code(self) -> bool:
        """Whether the receiver's code matters, because it makes the model or defines its class."""
        return self.file not in _WHOLE or self.style == "subclassed"


# -- the program -------------------------------------------------------------------------------------------------------


def _class(change: str = "nothing") -> str:
    """Write the class of the model, as it was at saving or with a later change."""
    activation = "tanh" if change == "activation" else "relu"
    right = "other" if change == "name" else "right"
    rows = [
        f'        self.left = keras.layers.Dense(units, activation="{activation}")',
        f'        self.{right} = keras.layers.Dense(units, activation="{activation}")',
    ]
    if change == "order":
        rows.reverse()
    rows.append("        self.head = keras.layers.Dense(10)")
    result = f"self.left(x) - self.{right}(x)"
    if change == "layer":
        rows.insert(2, "        self.extra = keras.layers.Dense(units)")
        result = f"self.extra({result})"
    if change == "dropout":
        rows.insert(2, "        self.dropout = keras.layers.Dropout(0.3)")
        result = f"self.dropout({result}, training=training)"
    name = "Comparer" if change == "class_name" else "Reader"
    register = f'@keras.saving.register_keras_serializable(package="{PACKAGE}")\n'
    return (
        f"{'' if change == 'unregistered' else register}"
        f"class {name}(keras.Model):\n"
        f"    def __init__(self, units={24 if change == 'units' else 16}, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.units = units\n"
        "        self.flatten = keras.layers.Flatten()\n" + "\n".join(rows) + "\n\n"
        "    def call(self, inputs, training=None):\n"
        "        x = self.flatten(inputs)\n"
        f"        return self.head({result})\n\n"
        "    def get_config(self):\n"
        '        return {**super().get_config(), "units": self.units}\n'
    )


def _graph(model: str, change: str = "nothing") -> str:
    """Write the same model with the Functional API."""
    activation = "tanh" if change == "activation" else "relu"
    units = 24 if change == "units" else 16
    right = "other" if change == "name" else "right"
    rows = [
        f'left = keras.layers.Dense({units}, activation="{activation}", name="left")',
        f'right = keras.layers.Dense({units}, activation="{activation}", name="{right}")',
    ]
    if change == "order":
        rows.reverse()
    rows.append("x = keras.layers.Subtract()([left(x), right(x)])")
    if change == "layer":
        rows.append(f'x = keras.layers.Dense({units}, name="extra")(x)')
    if change == "dropout":
        rows.append("x = keras.layers.Dropout(0.3)(x)")
    return (
        "inputs = keras.Input((8, 8, 1))\n"
        "x = keras.layers.Flatten()(inputs)\n" + "\n".join(rows) + "\n"
        f'{model} = keras.Model(inputs, keras.layers.Dense(10, name="head")(x))\n'
    )


def _import(generation: str) -> str:
    return "import keras\n" if generation == "keras" else "import tf_keras as keras\n"


def _compile(model: str) -> str:
    return (
        f"{model}.compile(\n"
        "    optimizer=keras.optimizers.Adam(learning_rate=0.01),\n"
        "    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),\n"
        "    run_eagerly=True,  # compiling so few steps would take longer than making them\n"
        ")\n"
    )


def _save(file: str) -> str:
    return {
        ".keras": 'model.save(folder / "reader.keras")\n',
        ".h5": 'model.save(folder / "reader.h5")\n',
        ".weights.h5": 'model.save_weights(folder / "reader.weights.h5")\n',
        "checkpoint": ('import tensorflow as tf\n\ntf.train.Checkpoint(model).write(str(folder / "reader"))\n'),
        ".json": '(folder / "reader.json").write_text(model.to_json())\n',
    }[file]


def _load(file: str) -> str:
    return {
        ".keras": 'loaded = keras.models.load_model(folder / "reader.keras")\n',
        ".h5": 'loaded = keras.models.load_model(folder / "reader.h5")\n',
        ".weights.h5": 'loaded.load_weights(folder / "reader.weights.h5")\n',
        "checkpoint": (
            'status = tf.train.Checkpoint(loaded).read(str(folder / "reader"))\n'
            "status.expect_partial().assert_existing_objects_matched()\n"
        ),
        ".json": 'loaded = keras.models.model_from_json((folder / "reader.json").read_text())\n',
    }[file]


def here(settings: SaveLoadSettings) -> list[tuple[str, str]]:
    """Write the part of the program that saves.

    Args:
        settings: The settings of the lab; the change is ignored.

    Returns:
        For each section, its description and its text.

    Example:
        >>> here(SaveLoadSettings())[-1][0]
        'saving the model'
    """
    subclassed = settings.style == "subclassed"
    start = (
        "# Here: the model is made, trained and saved.\n"
        "import tempfile\nfrom pathlib import Path\n\n"
        f"{_import(settings.generation)}\nfrom workbook import load_digits\n"
        "\nworkspace = tempfile.TemporaryDirectory()\nfolder = Path(workspace.name)\n"
        "images, labels = load_digits()\nkeras.utils.set_random_seed(0)\n"
    )
    if subclassed:
        start += f"\n\n{_class()}\n\nmodel = Reader()\nmodel(images[:1])  # one call on data creates the weights\n"
    else:
        start += f"\n{_graph('model')}"
    if settings.compiled:
        start += _compile("model")
    sections = [("building the model", start)]
    if settings.compiled and settings.steps:
        train = f"model.fit(images[:{32 * settings.steps}], labels[:{32 * settings.steps}], batch_size=32, verbose=0)\n"
        sections.append((f"training it for {settings.steps} steps", train))
    return [*sections, ("saving the model", _save(settings.file))]


def there(settings: SaveLoadSettings) -> list[tuple[str, str]]:
    """Write the part of the program that loads.

    Args:
        settings: The settings of the lab.

    Returns:
        For each section, its description and its text.

    Example:
        >>> there(SaveLoadSettings())[-1][0]
        'loading the file'
    """
    subclassed = settings.style == "subclassed"
    start = "\n\n# There: the file is loaded, by code that was written since.\n"
    start += f"{_import(settings.receiver)}{'import tensorflow as tf' * (settings.file == 'checkpoint')}"
    start = f"{start.rstrip()}\n\nkeras.utils.set_random_seed(1)\n"
    if subclassed:
        start += "# A process of its own would not know the class that saved the file."
        start += f'\nkeras.saving.get_custom_objects().pop("{PACKAGE}>Reader", None)\n\n\n{_class(settings.change)}\n\n'
    if settings.file not in _WHOLE:
        name = "Comparer" if settings.change == "class_name" else "Reader"
        start += f"loaded = {name}()\nloaded(images[:1])\n" if subclassed else f"\n{_graph('loaded', settings.change)}"
        if settings.compiled:
            start += _compile("loaded")
            if settings.change != "optimizer":
                start += "loaded.optimizer.build(loaded.trainable_variables)\n"
    return [("making the receiver", start), ("loading the file", _load(settings.file))]


_serial = itertools.count()


class _Program:
    """A program that is run section by section in one namespace, like a script."""

    def __init__(self, sections: list[tuple[str, str]], **names: Any) -> None:
        self._sections: list[tuple[str, str]] = []
        self._names = {"__name__": "__main__", **names}
        self._file = f"{MODULE}_{next(_serial):08x}.py"
        weakref.finalize(self, linecache.cache.pop, self._file, None)
        self.add(sections)

    def __getitem__(self, name: str) -> Any:
        return self._names[name]

    def add(self, sections: list[tuple[str, str]]) -> range:
        """Add sections at the end; return their numbers."""
        first = len(self._sections)
        self._sections += sections
        text = "".join(text for _, text in self._sections)
        # Tracebacks and TensorFlow's AutoGraph look the source up here.
        linecache.cache[self._file] = (len(text), None, text.splitlines(keepends=True), self._file)
        return range(first, len(self._sections))

    def run(self, number: int) -> None:
        """Run one section."""
        # Padded with empty lines, so that line numbers are those of the whole text.
        above = "".join(text for _, text in self._sections[:number]).count("\n")
        code = compile("\n" * above + self._sections[number][1], self._file, "exec")
        with notebook.logs_held_back():
            exec(code, self._names)


_trained: collections.OrderedDict[tuple, _Program] = collections.OrderedDict()


# -- contents of a file ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Carried:
    """The contents of a file.

    Args:
        structure: How the file describes the structure of the model, in words; empty if it does not.
        weights: Number of arrays of the model's weights.
        optimizer: Number of arrays of the optimizer's state.
        compiled: Whether the file holds the arguments of `compile`.

    Example:
        >>> Carried("", 6, 0, False).sentence
        'The file holds 6 arrays of weights; no structure, no state of an optimizer, no settings of compile.'
    """

    structure: str
    weights: int
    optimizer: int
    compiled: bool

    @property
    def sentence(self) -> str:
        """The contents of the file, and what is missing from it, in one sentence."""
        parts = [
            (self.structure, "no structure", self.structure),
            (self.weights, "no weights", f"{self.weights} arrays of weights"),
            (self.optimizer, "no state of an optimizer", f"{self.optimizer} arrays of the optimizer"),
            (self.compiled, "no settings of compile", "the settings of compile"),
        ]
        there = [words for found, _, words in parts if found]
        missing = [words for found, words, _ in parts if not found]
        return f"The file holds {listed(there)}{'; ' + ', '.join(missing) if missing else ''}."


def carried(folder: Path, file: str) -> Carried:
    """Inspect a file that the first part of the program has written.

    Args:
        folder: The folder of the file.
        file: Its format, a key of `FORMATS`.

    Returns:
        Its contents.
    """
    import h5py
    import tensorflow as tf

    if file == ".json":
        return Carried(*_config(json.loads((folder / "reader.json").read_text())))
    if file == "checkpoint":
        names = [name for name, _ in tf.train.list_variables(str(folder / "reader"))]
        slots = [name for name in names if "optimizer" in name]
        values = [name for name in names if "VARIABLE_VALUE" in name and name not in slots and "counter" not in name]
        return Carried("", len(values), len(slots), False)
    if file == ".keras":
        with zipfile.ZipFile(folder / "reader.keras") as archive:
            structure, _, _, compiled = _config(json.loads(archive.read("config.json")))
            with archive.open("model.weights.h5") as stream, h5py.File(stream, "r") as tree:
                return Carried(structure, *_arrays(tree), compiled)
    with h5py.File(folder / f"reader{file}", "r") as tree:
        if file == ".weights.h5":
            return Carried("", *_arrays(tree), False)
        structure = _config(json.loads(tree.attrs["model_config"]))[0]
        slots = _count(tree["optimizer_weights"]) if "optimizer_weights" in tree else 0
        return Carried(structure, _count(tree["model_weights"]), slots, "training_config" in tree.attrs)


def _config(config: dict[str, Any]) -> tuple[str, int, int, bool]:
    name = config["class_name"]
    structure = "the layers and how they are connected" if name == "Functional" else f"the name of the class {name}"
    settings = config.get("compile_config") or {}
    return structure, 0, 0, bool(settings.get("optimizer") or settings.get("loss"))


def _count(group: Any) -> int:
    found: list[str] = []
    group.visititems(lambda name, item: found.append(name) if hasattr(item, "shape") else None)
    return len(found)


def _arrays(tree: Any) -> tuple[int, int]:
    slots = _count(tree["optimizer"]) if "optimizer" in tree else 0
    metrics = sum(_count(tree[name]) for name in ("metrics", "_compile_metrics", "compiled_metrics") if name in tree)
    return _count(tree) - slots - metrics, slots


# -- the run -----------------------------------------------------------------------------------------------------------


class _Foreign(Problem):
    """An error of one Keras version that loads a file of the other, whatever its message."""

    @property
    def hint(self) -> str:
        """A hint on the error, in one sentence."""
        return (
            "A file speaks the language of the Keras that wrote it, and the other one stumbles over a word that you "
            "never wrote: write the model's code for both and hand the weights over with set_weights."
        )


class SaveLoadRun(Run):
    """A run of one setting.

    Args:
        settings: The settings of the lab.

    Attributes:
        carried: The contents of the file, once it is written.
        loaded: The loaded object, once there is one.

    Example:
        >>> run = SaveLoadRun(SaveLoadSettings())
        >>> for stage in run.stages():
        ...     pass
        >>> run.finished
        True
    """

    def __init__(self, settings: SaveLoadSettings) -> None:
        super().__init__(settings)
        self.carried: Carried | None = None
        self.loaded: Any = None
        self._here: Any = None
        self._there: Any = None
        self._tests: Any = None
        self._names: dict[str, str] = {}
        self._compared = False  # whether the answers are
        self.rows: list[ModelRow] = []  # the model that was saved, and what was loaded
        self._unlike = 0  # number of inputs that the two models classify differently
        self._untrainable = ""

    @property
    def source(self) -> str:
        """The program: the part that saves and the part that loads."""
        return "".join(text for _, text in here(self.settings) + there(self.settings))

    @property
    def pairs(self) -> list[ThreeTestsResult]:
        """The results so far; empty if nothing was loaded."""
        if self._tests is None:
            return []
        (found,) = self._tests.results().values()
        start = {self._names.get(layer, layer): distance for layer, distance in found.start.items()}
        different = [self._names.get(layer, layer) for layer in found.different]
        return [dataclasses.replace(found, start=start, different=different)]

    @property
    def digits(self) -> tuple[np.ndarray, np.ndarray]:
        """The images that both models read, and the right answers."""
        return self._here["images"], self._here["labels"]

    @property
    def train(self) -> str:
        """Both models are trained alike."""
        return "both"

    @property
    def span(self) -> int:
        """Length of the picture's step axis."""
        return STEPS

    @property
    def message(self) -> str | None:
        """Text across the picture if there is nothing to draw."""
        if self._tests is not None:
            return None
        return "Nothing was loaded.\nThe reason stands below." if self.problems else "No model was loaded."

    @property
    def verdict(self) -> str:
        """The result of loading and the contents of the file, in words."""
        sentences = [self._outcome()]
        if self.settings.change not in ("nothing", "other_keras") and not self.settings.from_code:
            sentences.append("The receiver's code plays no part: the file brings the structure.")
        if self.carried:
            sentences.append(self.carried.sentence)
        return " ".join(sentences)

    def _outcome(self) -> str:
        if self.carried is None:
            return "Nothing is saved: the model is refused." if self.problems else "Nothing is saved yet."
        if self._tests is None:
            if self.problems:
                return "Loading raises an error: you cannot overlook it."
            return (
                f"No error, and what comes back is not a model: it is {self.loaded!r}, a {type(self.loaded).__name__}."
            )
        if not self._compared:
            return "No error; the answers are not compared yet."
        (found,) = self.pairs
        if self._unlike or OUTPUTS in found.different:
            how = "all" if self._unlike == SAMPLES else "most" if self._unlike > SAMPLES / 2 else "some"
            reads = (
                f"reads {how} of the {SAMPLES} digits differently" if self._unlike else "answers a little differently"
            )
            return f"No error, and it is a different model: it {reads}."
        if self._untrainable:
            return f"Loading raises nothing and the answers are the same, but training raises {self._untrainable}."
        return f"No error, and the same answers. {found.sentence if self.finished else found.so_far}"

    def stages(self) -> Iterator[Stage]:
        """Save, load, compare and train on, slice by slice."""
        yield from self._save()
        if self.carried is not None:
            yield from self._load()
        if self._tests is not None:
            yield Stage("training", pictured=True)
            yield from self._train()
        self.finished = True
        yield Stage("drawing", pictured=True)

    def _save(self) -> Iterator[Stage]:
        settings = self.settings
        *making, saving = here(settings)
        # Keras 3 changes a model when it saves it to .h5, so other formats get a model that was never saved to .h5.
        key = (settings.style, settings.generation, settings.compiled, settings.steps, settings.file == ".h5")
        program = _trained.pop(key, None)
        if program is None:
            program = _Program(making)
            for number, (text, _) in enumerate(making):
                yield Stage(text)
                if not self.attempt("Making the model", lambda n=number: program.run(n)):
                    return
        _trained[key] = program
        while len(_trained) > MOST_KEPT:
            _trained.popitem(last=False)
        yield Stage(saving[0])
        (number,) = program.add([saving])
        if self.attempt("Saving the model", lambda: program.run(number)):
            self._here = program
            self.carried = carried(program["folder"], settings.file)

    def _load(self) -> Iterator[Stage]:
        sections = there(self.settings)
        names = {name: self._here[name] for name in ("folder", "images", "labels")}
        # Kept alive, because the source is looked up whenever the model is traced.
        self._there = program = _Program(sections, **names)
        for number, (text, _) in enumerate(sections):
            yield Stage(text)
            where = "Loading the file" if number == len(sections) - 1 else "Making the receiver"
            if not self.attempt(where, lambda n=number: program.run(n)):
                if self.settings.change == "other_keras":
                    self.problems[-1] = _Foreign(where, self.problems[-1].error)
                with notebook.logs_held_back():
                    gc.collect()  # a half-read checkpoint warns when it is freed; here the warning is hidden
                return
        self.loaded = program["loaded"]
        if callable(self.loaded):
            yield Stage("comparing the two")
            if self._begin():
                yield Stage("comparing the answers", pictured=True, preview=True)
            if not self.attempt("Asking the loaded model", self._compare):
                self._tests = None

    def _begin(self) -> bool:
        """Compare the weights. Return False if they cannot be compared; then `_compare` raises the reason."""
        from helpers.engine import ThreeTests

        model, images, labels = (self._here[name] for name in ("model", "images", "labels"))
        if self.settings.style == "subclassed":  # Keras calls them dense_7; the class calls them left
            self._names = {getattr(model, name).name: name for name in _LAYERS}
        tests = ThreeTests(model, images[:SAMPLES], labels[:SAMPLES], compiled=True)
        try:
            tests.begin(self._label, self.loaded)
        except Exception:
            return False
        self._tests = tests
        return True

    @property
    def _label(self) -> str:
        return f"loaded from {FORMATS[self.settings.file].split(',')[0]}"

    def _compare(self) -> None:
        from helpers.engine import ThreeTests

        model, images, labels = (self._here[name] for name in ("model", "images", "labels"))
        original, loaded = (np.asarray(each(images[:SAMPLES])) for each in (model, self.loaded))
        self._unlike = int((original.argmax(-1) != loaded.argmax(-1)).sum())
        tests = self._tests or ThreeTests(model, images[:SAMPLES], labels[:SAMPLES], compiled=True)
        tests.hold(self.loaded)
        tests.add(self._label, self.loaded)
        self._tests, self._compared = tests, True
        found = tests.results()[self._label]
        self.rows = [
            original_row(model, original, self._names),
            clone_row(self._label, model, self.loaded, found, loaded, self._names),
        ]

    def _train(self) -> Iterator[Stage]:
        tests = self._tests
        (name,) = tests.results()
        slices = [lambda: tests.prepare(), lambda: tests.prepare(name)]
        slices += [lambda: tests.advance(STRIDE)] * (STEPS // STRIDE) + [lambda: tests.compare_answers()]
        for number, action in enumerate(slices):
            if number:
                yield Stage("training", pictured=number > 2)
            went_well = self.attempt("Training the loaded model", action)
            error = tests.error(name)
            if went_well and error is not None:
                self.problems.append(Problem("Training the loaded model", error.with_traceback(None)))
            if not went_well or error is not None:
                raised = self.problems[-1].name
                self._untrainable = f"{'an' if raised[0] in 'AEIOU' else 'a'} {raised}"
                return
