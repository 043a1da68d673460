"""If memory is limited, the least recently used kernel is restarted, and says so."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from kernel_tab import Tab
from traitlets.config.loader import PyFileConfigLoader
from traitlets.utils.importstring import import_item

from workbook.server import memory
from workbook.server.kernel_manager import MB, MemoryLimitedKernelManager
from workbook.server.prepared_kernel import PreparingKernelManager

ROOT = Path(__file__).resolve().parents[3]


# -- How much memory there is ------------------------------------------------------------------------------------------


def test_memory_that_is_taken_is_seen_and_the_children_s_too():
    code = f"held = bytearray(b'x') * {100 * MB}; print('ready', flush=True); input()"
    before = memory.used()
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        assert memory.used(child.pid) > 100 * MB
        assert memory.used() > before + 90 * MB
    finally:
        child.communicate()
    with pytest.raises(psutil.NoSuchProcess):
        memory.used(child.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how memory is shared")
def test_shared_memory_counts_once():
    code = f"import os; held = bytearray(b'x') * {100 * MB}; os.fork(); os.write(1, b'ready\\n'); os.read(0, 1)"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        for _ in range(2):
            assert child.stdout.readline() == b"ready\n"
        assert 100 * MB < memory.used(child.pid) < 150 * MB
    finally:
        child.communicate()


@pytest.mark.parametrize(
    ("variable", "files", "expected"),
    [
        ("2147483648", [], 2 * 1024**3),
        ("", ["1073741824\n"], 1024**3),
        ("2147483648", ["1073741824\n"], 2 * 1024**3),
        ("", ["max\n"], None),
        ("", ["9223372036854771712\n"], None),  # the value for "no limit" in control groups version 1
        ("", ["max\n", "1073741824\n"], 1024**3),
        ("", [], None),
        ("plenty", [], None),
        ("0", [], None),
    ],
)
def test_the_limit_is_what_the_hub_or_the_container_says(monkeypatch, tmp_path, variable, files, expected):
    monkeypatch.setenv("MEM_LIMIT", variable)
    paths = [tmp_path / str(number) for number in range(3)]
    for path, text in zip(paths, files, strict=False):
        path.write_text(text, encoding="ascii")
    monkeypatch.setattr(memory, "_CONTROL_GROUPS", [str(path) for path in paths])
    assert memory.limit() == expected


def test_free_memory_is_what_the_session_has_left_of_its_limit(monkeypatch):
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setenv("MEM_LIMIT", str(memory.used() + 300 * MB))
    assert 200 * MB < memory.free() < 400 * MB
    monkeypatch.setenv("MEM_LIMIT", str(10 * MB))
    assert memory.free() == 0


# -- Room for a notebook -----------------------------------------------------------------------------------------------

TAKE = f"held = bytearray(b'x') * {250 * MB}"


def with_tabs(number, what, **options):
    """Run a coroutine function on a manager and some open tabs, and end their kernels."""

    async def main(connections):
        manager = MemoryLimitedKernelManager(connection_dir=connections, **options)
        tabs = [Tab(manager, await manager.start_kernel()) for _ in range(number)]
        try:
            await asyncio.wait_for(what(manager, *tabs), 180)
        finally:
            await manager.shutdown_all(now=True)

    with tempfile.TemporaryDirectory() as connections:
        asyncio.run(main(connections))


def limit_memory(monkeypatch, headroom):
    """Set a limit that leaves `headroom` megabytes above the current use."""
    monkeypatch.setenv("MEM_LIMIT", str(memory.used() + headroom * MB))


@pytest.mark.slow
def test_the_least_recently_used_kernel_is_restarted_and_says_so(monkeypatch):
    monkeypatch.delenv("MEM_LIMIT", raising=False)

    async def check(manager, first, second, third):
        for tab in (second, first, third):
            await tab.run(TAKE)
        limit_memory(monkeypatch, 400)  # 600 must be free, so exactly one of the three must be restarted
        assert await manager.reclaim_memory() == [second.id]
        assert await manager.reclaim_memory() == []
        said = await second.run("len(held)")
        assert said[0].startswith("The kernel of this notebook was restarted to free memory") and "Run All" in said[0]
        assert said[1] == "NameError"
        assert await second.run("print('again')") == ["again\n"]  # the notice comes once
        assert await first.run("print(len(held))") == await third.run("print(len(held))") == [f"{250 * MB}\n"]

    with_tabs(3, check)


def test_no_kernel_is_restarted_while_memory_is_free_or_unlimited(monkeypatch):
    monkeypatch.delenv("MEM_LIMIT", raising=False)

    async def check(manager, first, second):
        await first.run(TAKE)
        await second.run("pass")
        monkeypatch.setattr(memory, "limit", lambda: None)
        assert await manager.reclaim_memory() == []
        monkeypatch.undo()
        limit_memory(monkeypatch, 700)
        assert await manager.reclaim_memory() == []
        limit_memory(monkeypatch, 500)
        assert await manager.reclaim_memory() == [first.id]

    with_tabs(2, check)


def test_a_kernel_at_work_the_last_one_used_and_small_ones_are_left_alone(monkeypatch, tmp_path):
    monkeypatch.delenv("MEM_LIMIT", raising=False)

    async def check(manager, busy, small, last):
        await busy.run(TAKE)
        await small.run("pass")
        await last.run(TAKE)
        begun = tmp_path / "begun"
        source = f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\nwhile True: time.sleep(0.1)"
        running = asyncio.ensure_future(busy.run(source))
        # A kernel is also busy for a moment when it is asked whether it is alive.
        while not begun.exists() or manager.kernel_model(busy.id)["execution_state"] != "busy":
            await asyncio.sleep(0.05)
        await last.run("pass")
        limit_memory(monkeypatch, 1)
        assert await manager.reclaim_memory() == []
        running.cancel()

    with_tabs(3, check)


@pytest.mark.slow
def test_the_manager_checks_memory_by_itself(monkeypatch):
    monkeypatch.setenv("MEM_LIMIT", str(memory.used() + 100 * MB))
    seen = []

    async def check(manager, first, second):
        await first.run(TAKE)
        await second.run("pass")
        while not seen:
            await asyncio.sleep(0.05)
        assert seen == [first.id]

    async def restart(self, kernel_id, now=False):
        seen.append(kernel_id)
        self._timer.stop()

    async def no_notice(self, kernel_id, sentence):
        pass

    monkeypatch.setattr(MemoryLimitedKernelManager, "restart_kernel", restart)
    monkeypatch.setattr(MemoryLimitedKernelManager, "_leave_a_notice", no_notice)
    with_tabs(2, check, interval=100)


@pytest.mark.slow
@pytest.mark.parametrize("program", ["jupyterlab", "notebook", "jupyter_server"])
def test_every_way_to_start_jupyter_uses_the_manager(program):
    """Binder, JupyterHub and users start different programs."""
    env = {**os.environ, "JUPYTER_CONFIG_PATH": str(ROOT / "binder" / "jupyter")}
    command = [sys.executable, "-m", program, "--show-config-json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    name = json.loads(done.stdout)["ServerApp"]["kernel_manager_class"]
    assert import_item(name) is PreparingKernelManager


def test_a_server_without_the_workbook_s_packages_starts_all_the_same(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config = PyFileConfigLoader("jupyter_server_config.py", str(ROOT / "binder" / "jupyter")).load_config()
    assert "kernel_manager_class" not in config.ServerApp
