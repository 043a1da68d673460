"""Every lab under random sequences of changes: it never fails, and never shows an outdated result without saying so.

Most sequences use a simulated run, so that hundreds of them take seconds. Whether it is slow, records errors or raises
depends only on the settings. A few sequences use the real run, with fast changes of which only the last runs to the
end. `--all` and `--hypothesis-profile=thorough` try more of both.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import gc
import html
import io
import random
import threading
import time
import weakref
import zlib
from typing import Any

import ipywidgets
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from tiers import slow_unless

import workbook
from workbook import labs
from workbook.labs.birth.run import BirthSettings
from workbook.labs.framework import panel as base
from workbook.labs.framework.run import Run, Stage
from workbook.labs.interruption import run as interruption
from workbook.labs.interruption.run import InterruptionSettings
from workbook.labs.layer import lab as layer_lab
from workbook.labs.layer.spec import Definition, LayerSpec
from workbook.labs.own_model import lab as own_model_lab
from workbook.labs.own_model.run import OwnModelRun, OwnModelSettings, Upload
from workbook.labs.posteriors.run import PosteriorsSettings
from workbook.labs.save_load.run import SaveLoadSettings

workbook.quiet_tensorflow("tensorflow", "keras", "tf_keras", "tensorflow_probability")
REST = ("Up to date", "Out of date: the lab itself failed")
FEW = max(1, settings().max_examples // 25)  # sequences over the real run, for each lab

LABS = {
    "layer": lambda kind: kind(Definition((LayerSpec("Dense", 6),)), steps=4),
    "birth": lambda kind: kind(BirthSettings(units=4)),
    "save_load": lambda kind: kind(SaveLoadSettings(steps=0)),
    "interruption": lambda kind: kind(InterruptionSettings(stop=5)),
    "posteriors": lambda kind: kind(PosteriorsSettings(kind="surrogate", pretrain=2, steps=2)),
    "method_table": lambda kind: kind("keras", "sequential"),
    "own_model": lambda kind: kind("mine"),
}
CLASSES = {
    "layer": labs.LayerLab,
    "birth": labs.BirthLab,
    "save_load": labs.SaveLoadLab,
    "interruption": labs.InterruptionLab,
    "posteriors": labs.PosteriorsLab,
    "method_table": labs.MethodTablePanel,
    "own_model": labs.OwnModelPanel,
}


def test_no_lab_is_left_out():
    found = {value for value in vars(labs).values() if isinstance(value, type) and issubclass(value, base.Lab)}
    assert found == set(CLASSES.values()) and set(LABS) == set(CLASSES)


# -- a simulated run ---------------------------------------------------------------------------------------------------


class Pretended(Run):
    """A run that only yields stages. Its outcome depends only on the settings."""

    total = done = 1
    table = None
    pairs = ()

    def __init__(self, settings):
        super().__init__(settings)
        self.fate = zlib.crc32(repr(settings).encode())
        self.step = 0

    @property
    def verdict(self):
        return f"Fate {self.fate}, {len(self.problems)} errors, step {self.step}, {self.finished}."

    @property
    def source(self):
        return f"source = '<{self.fate}>'"

    def stages(self):
        for number in range(self.fate % 3):
            yield Stage(f"preparing {number}")
        if self.fate % 5 == 0:
            self.attempt("Pretending", lambda: int("no <number>"))
        if self.fate % 13 == 0:
            raise RuntimeError("the pretended lab breaks")
        for number in range(self.fate % 4):
            yield Stage(f"drawing {number}", pictured=True)
        self.finished = True

    def train_on(self, steps):
        for _ in range(steps):
            self.step += 1
            yield Stage("training", pictured=self.step % 2 == 0)


def pretending(kind):
    """Return a lab class with a simulated run, whose picture records which run it shows."""

    class Lab(kind):
        def run(self, settings):
            return Pretended(super().run(settings).settings)

        def draw(self, run):
            self.figure.value = run.verdict.encode()
            self.figure.tooltip = run.verdict

    return Lab


# -- user actions ------------------------------------------------------------------------------------------------------

CONTROLS = (
    *(ipywidgets.Dropdown, ipywidgets.IntSlider, ipywidgets.Checkbox, ipywidgets.Text),
    *(ipywidgets.Button, ipywidgets.FileUpload),
)
TEXTS = ("mine", "other", "", " mine ", "nothing", "Net", "6", "6; 3", "x", "a.keras", "~/x.keras", "<b>", "x" * 300)
Move = st.tuples(st.integers(0, 30), st.integers(0, 10_000), st.integers(0, 4), st.booleans())
"""The control, its new value, the wait after it, and whether the change comes on a different thread."""


def shown(widget):
    """Return all controls that a reader can reach now."""
    if isinstance(widget, CONTROLS) and not widget.disabled and widget.layout.display != "none":
        yield widget
    for child in getattr(widget, "children", ()):
        yield from shown(child)


def move(control, value, uploads):
    """Change or press a control as a reader could."""
    if isinstance(control, ipywidgets.Button):
        control.click()
    elif isinstance(control, ipywidgets.FileUpload):
        control.value = (uploads[value % len(uploads)],)
    elif isinstance(control, ipywidgets.Dropdown):
        control.index = value % len(control.options)
    elif isinstance(control, ipywidgets.Checkbox):
        control.value = not control.value
    elif hasattr(control, "number"):
        control.value = str(value % 10_000)
    elif isinstance(control, ipywidgets.Text):
        control.value = TEXTS[value % len(TEXTS)]
    else:
        step = getattr(control, "step", 1) or 1
        control.value = control.min + value * step % (control.max - control.min + 1)


def told(settings):
    """Return the settings as the controls show them, with an upload replaced by its name."""
    model = getattr(settings, "model", None)
    return dataclasses.replace(settings, model=model.name) if isinstance(model, Upload) else settings


def check(lab):
    """Assert everything that must be true between any two slices of work."""
    run, stale = lab.current_run, "lab-stale" in lab._picture._dom_classes
    current = told(run.settings) == lab.settings
    assert lab.status in lab._status_line.value.replace("&#x27;", "'")
    assert lab.status.startswith(("Up to date", "Working", "Out of date"))
    if not current:  # it says so, and shows it
        assert lab.status != "Up to date" and stale, (lab.status, stale, run.settings, lab.settings)
    if lab.status == "Up to date":
        assert current and not stale and run.finished
        assert lab.verdict == run.verdict == lab.figure.tooltip
        assert all(html.escape(line) in lab._verdict_line.value for line in run.verdict.splitlines())
        assert html.escape(run.source) in lab.source_box.value
        assert lab.error_box.value.count('class="lab-problem"') == len(run.problems) == len(lab.problems)
        assert all(html.escape(problem.message) in lab.error_box.value for problem in run.problems)
    if lab.status.startswith(REST[1]):
        assert stale and "lab-problem" in lab.error_box.value


def at_rest(lab):
    """Assert everything that must be true when no work is left."""
    check(lab)
    assert lab._latest._current is None
    if isinstance(lab, labs.LayerLab):
        layers = lab.settings.definition.layers
        chips = [each for each in lab._chips.children if "lab-chip" in each._dom_classes]
        assert lab.play.description == "Play" and len(chips) == len(layers) and len(lab._row_box.children) <= 1
    if isinstance(lab, labs.MethodTablePanel):
        assert lab.control("kind").value == lab.settings.kind


async def come_to_rest(lab, seconds=120):
    end = time.monotonic() + seconds
    while not (lab.status.startswith(REST) and lab._latest._current is None):
        assert time.monotonic() < end, f"it does not come to rest: {lab.status}"
        check(lab)
        await asyncio.sleep(0.0005)
    await asyncio.sleep(0.002)  # no later work may be scheduled
    at_rest(lab)


async def drive(lab, moves, uploads):
    """Make the moves, and check the lab after each of them and during its work."""
    for which, value, turns, elsewhere in moves:
        controls = list(shown(lab))
        control = controls[which % len(controls)]
        if elsewhere:
            thread = threading.Thread(target=move, args=(control, value, uploads))
            thread.start()
            thread.join()
        else:
            move(control, value, uploads)
        check(lab)
        for _ in range(turns):
            await asyncio.sleep(0)
            check(lab)
    await come_to_rest(lab)


@dataclasses.dataclass(repr=False)
class Rig:
    """Shared objects for the sequences."""

    loop: Any
    uploads: list
    errors: list
    variables: dict
    made: dict


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """An event loop like that of a kernel, variables of a notebook, and files to upload."""
    import keras

    other = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    mine = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2)])
    path = tmp_path_factory.mktemp("files") / "good.keras"
    other.save(path)
    when = datetime.datetime(2026, 1, 1)
    uploads = [
        {"name": name, "type": "", "size": len(content), "last_modified": when, "content": memoryview(content)}
        for name, content in (("good.keras", path.read_bytes()), ("bad.keras", b"PK"), ("good.keras", b""))
    ]
    variables = {"mine": mine, "other": other, "Net": keras.Model, "x": np.zeros((8, 6), "float32")}
    loop = asyncio.new_event_loop()
    errors = []
    loop.set_exception_handler(lambda loop, context: errors.append(context))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_model_lab, "_variables", lambda: variables)
        patch.setattr(layer_lab, "MOST_STEPS", 10)
        patch.setattr(base, "FRAME", 0.0005)
        patch.setattr(base, "SETTLE", 0.0005)
        patch.setattr(interruption, "AFTER", 8)
        patch.setattr(interruption, "MORE", 6)
        yield Rig(loop=loop, uploads=uploads, errors=errors, variables=variables, made={})
    loop.close()


def lab_of(rig, name, kind):
    """Return the lab that all sequences of its kind share, because the state after one must not affect the next."""

    async def make():
        return LABS[name](kind)

    if (name, kind.__name__) not in rig.made:
        rig.made[name, kind.__name__] = rig.loop.run_until_complete(make())
    return rig.made[name, kind.__name__]


def sequence(rig, lab, moves, rest=True):
    async def run():
        lab.reset.click()
        if rest:
            await come_to_rest(lab)
        assert lab.settings == lab.preset
        await drive(lab, moves, rig.uploads)

    rig.loop.run_until_complete(run())
    assert rig.errors == []


@pytest.mark.parametrize("name", LABS)
@given(moves=st.lists(Move, min_size=1, max_size=8))
def test_a_lab_holds_under_any_sequence_of_changes(rig, name, moves):
    sequence(rig, lab_of(rig, name, pretending(CLASSES[name])), moves)


@pytest.mark.parametrize("name", [slow_unless(name == "birth", name) for name in LABS])
@settings(max_examples=FEW)
@given(moves=st.lists(Move, min_size=1, max_size=4))
def test_the_latest_change_wins_over_the_real_run(rig, name, moves):
    lab = lab_of(rig, name, CLASSES[name])
    if name == "method_table":  # all kinds at once take a minute
        lab.control("kind").options = [each for each in lab.control("kind").options if each[1] not in ("", "short")]
    before = weakref.ref(lab.current_run)
    sequence(rig, lab, moves, rest=False)
    assert told(lab.current_run.settings) == lab.settings
    picture = np.asarray(Image.open(io.BytesIO(lab.still()[0])).convert("L"))
    assert picture.std() > 3 and lab.still()[1] == lab.verdict
    gc.collect()
    assert before() is None or before() is lab.current_run, "a run of before is still held"


# -- memory ------------------------------------------------------------------------------------------------------------


def held():
    """Return the numbers of objects, widgets, figures and models that are alive."""
    gc.collect()
    objects = gc.get_objects()
    models = sum(type(each).__name__ in ("Sequential", "Functional", "Pretended", "Figure") for each in objects)
    return len(objects), len(ipywidgets.Widget.widgets), models


@pytest.mark.parametrize("name", [slow_unless(name == "layer", name) for name in LABS])
def test_many_changes_leave_nothing_behind(rig, name):
    lab = lab_of(rig, name, pretending(CLASSES[name]))

    def sequences(first):
        for number in range(first, first + 25):
            draw = random.Random(number)
            moves = [(draw.randrange(31), draw.randrange(10_000), draw.randrange(4), False) for _ in range(6)]
            sequence(rig, lab, moves)
        lab.reset.click()
        rig.loop.run_until_complete(come_to_rest(lab))

    sequences(0)  # makes the objects that are kept for good
    objects, widgets, models = held()
    sequences(100)
    more, widgets_then, models_then = held()
    assert widgets_then == widgets and models_then <= models
    assert more - objects < 25 * 6 / 2, "more than an object for every second change is held"


def test_a_lab_that_is_opened_twice_is_two_labs(rig):
    kind = pretending(labs.BirthLab)

    async def both():
        one, other = kind(), kind()
        one.control("units").value = 9
        other.control("units").value = 11
        other.control("units").value = 12
        for lab in (one, other):
            await come_to_rest(lab)
        assert (one.settings.units, other.settings.units) == (9, 12)
        assert one.verdict != other.verdict and one.current_run.settings != other.current_run.settings

    rig.loop.run_until_complete(both())


# -- any text in the fields --------------------------------------------------------------------------------------------


@given(model=st.text(max_size=30) | st.sampled_from(TEXTS), inputs=st.text(max_size=12) | st.sampled_from(TEXTS))
@example(model="mine", inputs="9" * 40)
@example(model="mine", inputs="9 9 9 9 9 9 9 9 9 9 9 9")
@example(model="~nobody/" + "x" * 4000, inputs="")
def test_whatever_is_written_into_the_own_model_lab_is_answered(rig, model, inputs):
    own_model = OwnModelRun(OwnModelSettings(model, inputs), rig.variables, methods=("alias",))
    for stage in own_model.stages():
        assert isinstance(stage, Stage)
    assert own_model.finished and own_model.problems == [] and own_model.verdict.endswith(".")
    assert bool(own_model.refusal) != bool(own_model.outcomes)
