"""The next notebook gets a kernel in which the imports are done, and cannot tell it from a new one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from kernel_tab import Tab

from workbook.server import memory
from workbook.server.kernel_manager import MB
from workbook.server.prepared_kernel import SESSION, PreparableKernel, PreparingKernelManager, packages_of

PACKAGES = ["colorsys"]
"""A small module of Python that a new kernel does not import."""

IS_PREPARED = "import sys\nprint('colorsys' in sys.modules)"

LESSON = 'import workbook\nworkbook.quiet_tensorflow("colorsys")'

# All that a reader can see of a kernel that has just started, except for the modules that it has imported.
STATE = """
def show(name, value):
    print(name, value)
def look(shell=get_ipython()):
    import asyncio, gc, json, logging, os, pathlib, signal, sys, threading, warnings
    import ipykernel
    names = shell.user_ns
    show("names", sorted(set(names) - {"show", "look"}))
    show("hidden", sorted(shell.user_ns_hidden))
    show("history", (names["In"][:-1], names["Out"], names["_"], names["_i"], shell.execution_count))
    show("recorded", list(shell.history_manager.get_range(raw=True))[:-1])
    show("session", (names["__session__"], names["_dh"], shell.starting_dir, os.getcwd(), sys.path, len(sys.argv)))
    for variable in sorted(os.environ.items()):
        show("environment", variable)
    file = pathlib.Path(ipykernel.get_connection_file())
    info = json.loads(file.read_text())
    show("connection", (sorted(info), info["jupyter_session"], info["kernel_name"], file.parent.name))
    show("streams", [type(each).__name__ for each in (sys.stdout, sys.stderr, sys.displayhook)])
    show("logs", [(type(each).__name__, each.level) for each in logging.root.handlers])
    show("filters", warnings.filters)
    show("threads", sorted(each.name for each in threading.enumerate()))
    show("events", [(name, [each.__qualname__ for each in calls]) for name, calls in shell.events.callbacks.items()])
    show("magics", [sorted(each) for each in shell.magics_manager.magics.values()])
    show("cleanup", len(shell.input_transformers_cleanup + shell.input_transformers_post + shell.ast_transformers))
    show("comms", (sorted(shell.kernel.comm_manager.targets), len(shell.kernel.comm_manager.comms)))
    show("signals", sorted((each.name, str(signal.getsignal(each)).split(" at ")[0]) for each in signal.Signals))
    show("settings", (gc.isenabled(), gc.get_threshold(), sys.getrecursionlimit(), sys.gettrace()))
    show("priority", (os.nice(0), os.sched_getscheduler(0)) if hasattr(os, "sched_getscheduler") else ())
look()
"""


class Bench:
    """A manager whose notebooks are in a folder of their own."""

    def __init__(self, folder, **options):
        self.folder = Path(folder).resolve()
        (self.folder / "lessons").mkdir()
        connections = self.folder / "connections"
        connections.mkdir()
        self.manager = PreparingKernelManager(
            connection_dir=str(connections), root_dir=str(self.folder), **{"prepared_packages": PACKAGES, **options}
        )

    async def prepared(self):
        """Wait until a kernel is prepared; return its id."""
        await until(lambda: self.manager._prepared is not None and self.manager._prepared.prepared)
        return self.manager._prepared.kernel_id

    def write(self, name, source=LESSON):
        """Write a notebook of one cell; return its path."""
        notebook = self.folder / "lessons" / name
        cell = {"cell_type": "code", "source": source.splitlines(keepends=True)}
        notebook.write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
        return notebook

    async def would_get(self, kernel_name, arguments, waiting):
        """Ask for a kernel that is not started; return whether it is the one that waits, which then ends."""
        kernel, _, kernel_id = self.manager.pre_start_kernel(kernel_name, arguments)
        if kernel_id == waiting:
            await kernel.discard()
        return kernel_id == waiting

    async def open(self, name="lesson.ipynb", source=LESSON, **options):
        """Open a notebook as JupyterLab does; return its tab."""
        environment = {**os.environ, SESSION: str(self.write(name, source))}
        arguments = {"path": "lessons", "kernel_name": "python3", "env": environment, **options}
        return Tab(self.manager, await self.manager.start_kernel(**arguments))


def with_bench(what, **options):
    """Run a coroutine function on a bench, and end its kernels."""

    async def main(folder):
        bench = Bench(folder, **options)
        try:
            await asyncio.wait_for(what(bench), 180)
        finally:
            await bench.manager.shutdown_all(now=True)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(folder))


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """The module `gate`, whose import lasts until a file exists; returns that file."""
    file = tmp_path / "open"
    (tmp_path / "gate.py").write_text(
        f"import pathlib, time\nfile = pathlib.Path({str(file)!r})\nfile.with_name('begun').touch()\n"
        "while not file.exists():\n    time.sleep(0.02)\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    return file


async def until(condition):
    """Wait until a condition holds."""
    while not condition():
        await asyncio.sleep(0.02)


# -- A notebook gets it ------------------------------------------------------------------------------------------------


def test_a_notebook_cannot_tell_it_from_a_new_kernel():
    async def check(bench):
        waiting = await bench.prepared()
        assert bench.manager.list_kernels() == []
        first = await bench.open()
        assert first.id == waiting
        seen = "".join(await first.run(STATE)).splitlines()
        assert first.count == 1
        await bench.manager.end_prepared()
        bench.manager._pacemaker.stop()
        new = await bench.open()
        for one, other in zip(seen, "".join(await new.run(STATE)).splitlines(), strict=True):
            assert one == other
        assert (await first.run(IS_PREPARED), await new.run(IS_PREPARED)) == (["True\n"], ["False\n"])

    with_bench(check)


def test_only_one_of_two_notebooks_gets_it_and_both_are_in_their_folders():
    async def check(bench):
        (bench.folder / "more").mkdir()
        waiting = await bench.prepared()
        bench.manager._pacemaker.stop()
        tabs = await asyncio.gather(bench.open("one.ipynb"), bench.open("two.ipynb", path="more"))
        assert [tab.id == waiting for tab in tabs] == [True, False]
        where = "import os, pathlib\nprint(pathlib.Path.cwd().name, pathlib.Path(__session__).name)"
        assert [await tab.run(where) for tab in tabs] == [["lessons one.ipynb\n"], ["more two.ipynb\n"]]

    with_bench(check)


@pytest.mark.slow
def test_another_one_is_prepared_for_the_next_notebook():
    async def check(bench):
        waiting = await bench.prepared()
        first = await bench.open()
        await first.run("pass")
        assert await bench.prepared() not in (waiting, first.id)
        second = await bench.open("second.ipynb")
        assert second.id not in (waiting, first.id)
        assert await second.run(IS_PREPARED) == ["True\n"]

    with_bench(check, interval=50)


def test_what_may_need_a_different_kernel_gets_a_new_one():
    async def check(bench):
        waiting = await bench.prepared()
        notebook, other = bench.write("lesson.ipynb"), bench.write("other.ipynb", "import tensorflow")
        environment, folder = {**os.environ, SESSION: str(notebook)}, str(notebook.parent)
        for asked in (
            {"cwd": folder, "env": {**environment, SESSION: str(other)}},
            {"cwd": folder, "env": {**environment, SESSION: folder}},
            {"cwd": folder, "env": {**environment, "KERAS_BACKEND": "jax"}},
            {"cwd": folder, "env": dict(os.environ)},
            {"cwd": folder, "env": {}},
            {"cwd": folder},
            {"cwd": folder, "env": environment, "kernel_id": "of-the-caller"},
            {"cwd": folder, "env": environment, "extra_arguments": ["--debug"]},
        ):
            assert not await bench.would_get("python3", asked, waiting)
        assert not await bench.would_get("other", {"cwd": folder, "env": environment}, waiting)
        assert (await bench.open()).id == waiting

    with_bench(check)


@pytest.mark.slow
def test_a_kernel_of_another_kind_is_not_touched(tmp_path, monkeypatch):
    spec = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}
    folder = tmp_path / "kernels" / "other"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({**spec, "display_name": "Other"}), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    async def check(bench):
        waiting = await bench.prepared()
        other = await bench.open(kernel_name="other")
        assert other.id != waiting
        assert bench.manager.get_kernel(other.id).kernel_name == "other"
        assert await other.run(IS_PREPARED) == ["False\n"]

    with_bench(check)


@pytest.mark.parametrize(
    ("source", "packages"),
    [
        ("workbook.quiet_tensorflow()", ["tensorflow", "keras", "tf_keras"]),
        ('workbook.quiet_tensorflow("tensorflow", "tensorflow_probability")', ["tensorflow", "tensorflow_probability"]),
        ("import tensorflow", []),
    ],
)
def test_the_packages_of_a_notebook_are_those_that_its_first_cell_names(tmp_path, source, packages):
    notebook = tmp_path / "any.ipynb"
    notebook.write_text(json.dumps({"cells": [{"source": [source]}]}), encoding="utf-8")
    assert packages_of(str(notebook)) == packages
    assert packages_of(str(tmp_path / "missing.ipynb")) == packages_of("\0") == packages_of("") == []


def test_a_package_that_only_this_notebook_needs_is_imported_after_it_has_got_the_kernel():
    async def check(bench):
        await bench.prepared()
        tab = await bench.open(source='workbook.quiet_tensorflow("colorsys", "wave", "missing")')
        assert await tab.run("import sys\nprint('wave' in sys.modules)") == ["True\n"]
        assert tab.count == 1

    with_bench(check)


# -- It is not ready, or ends ------------------------------------------------------------------------------------------


def test_one_that_still_imports_is_handed_out_and_does_not_import_the_rest(gate):
    async def check(bench):
        await until(gate.with_name("begun").exists)
        waiting = bench.manager._prepared
        tab = await bench.open()
        assert tab.id == waiting.kernel_id
        gate.touch()
        shown = await tab.run("import sys\nprint('gate' in sys.modules, 'wave' in sys.modules)")
        assert shown == ["True False\n"]
        assert await tab.run("import os\nprint(os.path.basename(os.getcwd()))") == ["lessons\n"]
        assert tab.count == 2

    with_bench(check, prepared_packages=["gate", "wave"])


@pytest.mark.slow
def test_one_that_is_still_starting_is_handed_out_too():
    async def check(bench):
        await until(lambda: bench.manager._prepared is not None and bench.manager._prepared.alive)
        waiting = bench.manager._prepared
        assert not waiting.prepared
        tab = await bench.open()
        assert tab.id == waiting.kernel_id
        assert await tab.run(IS_PREPARED) == ["True\n"]
        await until(bench.manager.preparation.done)
        connection = json.loads(Path(waiting.connection_file).read_text(encoding="utf-8"))
        assert connection["jupyter_session"].endswith("lesson.ipynb")

    with_bench(check)


def test_it_pauses_while_a_kernel_works(gate, tmp_path):
    async def check(bench):
        await until(gate.with_name("begun").exists)
        process = psutil.Process(bench.manager._prepared.provisioner.pid)
        tab = await bench.open(source="not of the workbook")
        await tab.run("pass")
        await until(lambda: process.status() != psutil.STATUS_STOPPED)
        end = tmp_path / "end"
        source = f"import pathlib, time\nwhile not pathlib.Path({str(end)!r}).exists(): time.sleep(0.02)"
        running = asyncio.ensure_future(tab.run(source))
        await until(lambda: process.status() == psutil.STATUS_STOPPED)
        end.touch()
        await running
        await until(lambda: process.status() != psutil.STATUS_STOPPED)
        assert bench.manager._prepared is not None

    with_bench(check, prepared_packages=["gate"])


@pytest.mark.slow
def test_one_that_pauses_goes_on_for_the_notebook_that_gets_it(gate):
    async def check(bench):
        await until(gate.with_name("begun").exists)
        waiting = bench.manager._prepared
        waiting.pause()
        process = psutil.Process(waiting.provisioner.pid)
        await until(lambda: process.status() == psutil.STATUS_STOPPED)
        gate.touch()
        tab = await bench.open()
        assert tab.id == waiting.kernel_id
        assert await tab.run("print(1)") == ["1\n"]

    with_bench(check, prepared_packages=["gate"])


def test_one_that_has_ended_is_not_handed_out_and_no_other_is_prepared():
    async def check(bench):
        waiting = await bench.prepared()
        process = psutil.Process(bench.manager._prepared.provisioner.pid)
        process.kill()
        await until(lambda: not bench.manager._prepared.alive)
        tab = await bench.open()
        assert tab.id != waiting
        assert await tab.run(IS_PREPARED) == ["False\n"]
        await bench.manager.look_after_prepared()
        assert bench.manager._prepared is None and not bench.manager._pacemaker.is_running()

    with_bench(check)


@pytest.mark.slow
def test_one_that_ends_in_this_moment_is_started_anew(monkeypatch):
    async def check(bench):
        waiting = await bench.prepared()
        monkeypatch.setattr(PreparableKernel, "resume", lambda kernel: psutil.Process(kernel.provisioner.pid).kill())
        tab = await bench.open()
        assert tab.id == waiting
        assert await tab.run(IS_PREPARED) == ["False\n"]
        assert await tab.run("import os\nprint(os.path.basename(os.getcwd()))") == ["lessons\n"]

    with_bench(check)


@pytest.mark.slow
def test_without_the_packages_notebooks_get_new_kernels():
    async def check(bench):
        await until(lambda: bench.manager.preparation is not None)
        await bench.manager.preparation
        assert bench.manager._prepared is None and not bench.manager._pacemaker.is_running()
        assert await (await bench.open()).run("print(1)") == ["1\n"]

    with_bench(check, prepared_packages=["a_package_that_is_missing"])


def test_it_ends_with_the_server():
    ended = []

    async def check(bench):
        await bench.prepared()
        ended.append(psutil.Process(bench.manager._prepared.provisioner.pid))

    with_bench(check)
    assert not ended[0].is_running()


# -- It becomes a kernel like any other --------------------------------------------------------------------------------


def test_a_restart_starts_anew_in_the_same_place():
    async def check(bench):
        waiting = await bench.prepared()
        tab = await bench.open()
        before = await tab.run(STATE)
        await bench.manager.restart_kernel(tab.id)
        assert await tab.run(STATE) == before
        assert tab.count == 1 and tab.id == waiting
        assert await tab.run(IS_PREPARED) == ["False\n"]

    with_bench(check)


@pytest.mark.slow
def test_a_crash_restarts_it():
    async def check(bench):
        await bench.prepared()
        tab = await bench.open()
        await tab.run("here = 1")
        kernel = bench.manager.get_kernel(tab.id)
        crashed = kernel.provisioner.pid
        psutil.Process(crashed).kill()
        await until(lambda: kernel.has_kernel and kernel.provisioner.pid != crashed)
        assert await tab.run("here") == ["NameError"]

    with_bench(check)


@pytest.mark.slow
def test_it_can_be_interrupted_reset_and_shut_down(tmp_path):
    async def check(bench):
        await bench.prepared()
        tab = await bench.open()
        begun = tmp_path / "begun"
        source = f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\nwhile True: time.sleep(0.02)"
        running = asyncio.ensure_future(tab.run(source))
        await until(begun.exists)
        await bench.manager.interrupt_kernel(tab.id)
        assert await running == ["KeyboardInterrupt"]
        await tab.run("here = 1\n%reset -f")
        assert await tab.run("here") == ["NameError"]
        process = psutil.Process(bench.manager.get_kernel(tab.id).provisioner.pid)
        await bench.manager.shutdown_kernel(tab.id)
        assert tab.id not in bench.manager
        assert not process.is_running()

    with_bench(check)


@pytest.mark.slow
def test_an_idle_one_is_culled_and_one_that_waits_is_not():
    async def check(bench):
        await bench.prepared()
        tab = await bench.open()
        await tab.run("pass")
        waiting = await bench.prepared()
        bench.manager.cull_idle_timeout = 1
        await until(lambda: bench.manager.get_kernel(tab.id).execution_state == "idle")
        while tab.id in bench.manager:
            await bench.manager.cull_kernels()
            await asyncio.sleep(0.1)
        assert bench.manager._prepared.kernel_id == waiting
        assert bench.manager._prepared.alive

    with_bench(check)


# -- Memory ------------------------------------------------------------------------------------------------------------


def test_none_is_prepared_if_the_setting_or_the_memory_does_not_allow_it(monkeypatch):
    async def off(bench):
        assert await (await bench.open()).run(IS_PREPARED) == ["False\n"]
        assert bench.manager.preparation is None

    with_bench(off, prepare=False)

    async def check(bench):
        await bench.open(source="not of the workbook")
        for limit, used, available, room in [
            (None, 0, 4000, True),
            (None, 0, 1200, False),  # 700 for the kernel, 600 for the headroom
            (2000, 150, 4000, True),  # Binder's first notebook
            (2000, 800, 4000, False),  # its second: everything together would take more than half
            (8000, 800, 4000, True),
        ]:
            monkeypatch.setattr(memory, "limit", lambda limit=limit: limit and limit * MB)
            monkeypatch.setattr(memory, "used", lambda pid=None, used=used: used * MB)
            available = type("Memory", (), {"available": available * MB})
            monkeypatch.setattr(psutil, "virtual_memory", lambda available=available: available)
            bench.manager._no_room_with = None
            assert bench.manager._has_room() == room

    with_bench(check, prepare=False)


@pytest.mark.slow
def test_it_is_ended_first_when_memory_gets_short(monkeypatch):
    monkeypatch.delenv("MEM_LIMIT", raising=False)

    async def check(bench):
        await bench.prepared()
        bench.manager._pacemaker.stop()
        waiting = psutil.Process(bench.manager._prepared.provisioner.pid)
        tabs = [await bench.open(f"{number}.ipynb", source="not of the workbook") for number in range(2)]
        for tab in tabs:
            await tab.run(f"held = bytearray(b'x') * {200 * MB}")
        limit = memory.used() + 590 * MB
        monkeypatch.setattr(memory, "limit", lambda: limit)
        assert await bench.manager.reclaim_memory() == []
        assert bench.manager._prepared is None and not waiting.is_running()
        assert await tabs[0].run("print(len(held))") == [f"{200 * MB}\n"]

    with_bench(check)
