"""Every notebook runs twice in the same kernel, without a network, leaves no file behind, and stays within its memory.

nbval runs each notebook once in a fresh kernel. A reader runs cells again, in a kernel that still has earlier objects,
and expects an unchanged folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MAX_MEMORY = 1.5e9  # bytes; free hosts give a session 2 GB, of which the server needs a part


def _files(folder):
    """Return every file below a folder, with a digest of its content, and every folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def _peak_memory(pid):
    """Return the peak memory of a process in bytes, or its current memory if the system does not record the peak."""
    status = Path("/proc") / str(pid) / "status"
    if status.exists():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    memory = psutil.Process(pid).memory_info()
    return getattr(memory, "peak_wset", memory.rss)


GUARD = """import socket

_connect, _look_up = socket.socket.connect, socket.getaddrinfo


def _check(host):
    if host not in ("127.0.0.1", "::1", "localhost", "", None):
        with open({log!r}, "a") as log:
            print(host, file=log)
        raise OSError(101, "Network is unreachable")


def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        _check(address[0])
    return _connect(self, address)


def getaddrinfo(host, *arguments, **details):
    _check(host)
    return _look_up(host, *arguments, **details)


socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""


@pytest.fixture
def asked(tmp_path_factory, monkeypatch):
    """Restrict new kernels to connections to this machine; the file lists all other addresses that they requested."""
    folder = tmp_path_factory.mktemp("guard")
    log = folder / "asked.txt"
    log.touch()
    (folder / "sitecustomize.py").write_text(GUARD.format(log=str(log)))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return log


def run_twice(notebook, folder):
    """Run all cells from top to bottom, then again in the same kernel; return its peak memory in bytes."""
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    peak = 0
    with client.setup_kernel():
        for _ in range(2):
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
                peak = max(peak, _peak_memory(client.km.provisioner.pid))
    return peak


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_twice_and_leaves_no_file(path, tmp_path, asked):
    folder = tmp_path / FOLDER.name
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    before = _files(folder)
    for each in (*folder.iterdir(), folder):  # read-only, as in a course that shares one folder of notebooks
        each.chmod(each.stat().st_mode & ~0o222)
    try:
        peak = run_twice(nbformat.read(path, as_version=4), folder)
    finally:
        folder.chmod(0o755)
    assert _files(folder) == before
    assert peak <= MAX_MEMORY
    assert asked.read_text() == ""


def test_a_notebook_that_asks_for_the_network_is_found(tmp_path, asked):
    asking = "import urllib.request\ntry:\n    urllib.request.urlopen('http://example.org')\nexcept OSError:\n    pass"
    run_twice(new_notebook(cells=[new_code_cell(asking)]), tmp_path)
    assert asked.read_text().split() == ["example.org"] * 2


def test_a_notebook_that_runs_only_once_is_found(tmp_path):
    notebook = new_notebook(cells=[new_code_cell("value = globals().get('value', 2) - 1\nassert value > 0")])
    with pytest.raises(CellExecutionError, match="assert value > 0"):
        run_twice(notebook, tmp_path)


def test_a_file_left_behind_is_found_and_memory_is_seen(tmp_path):
    (tmp_path / "kept.txt").write_text("as it was")
    before = _files(tmp_path)
    cells = ["block = bytearray(300_000_000)\nblock[::4096] = b'x' * len(block[::4096])", "del block"]
    peak = run_twice(new_notebook(cells=[new_code_cell(cell) for cell in cells]), tmp_path)
    assert _files(tmp_path) == before
    assert peak > 300_000_000
    for leaving in ("import pathlib; pathlib.Path('left.txt').touch()", "open('kept.txt', 'w').close()"):
        before = _files(tmp_path)
        run_twice(new_notebook(cells=[new_code_cell(leaving)]), tmp_path)
        assert _files(tmp_path) != before
