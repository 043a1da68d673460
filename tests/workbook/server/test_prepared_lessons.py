"""The lessons in a kernel that the server has prepared: everything is as in a new kernel."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client import BlockingKernelClient
from kernel_tab import Tab

from workbook.server.prepared_kernel import SESSION, PreparingKernelManager

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]

# What the packages of the notebooks have set in the process, and random numbers of all of them.
PACKAGES = """
def look():
    import logging, random, sys, warnings
    import keras, matplotlib, numpy, tensorflow as tf, tf_keras
    from tensorflow.python.eager import context
    for name in ("absl", "tensorflow", "keras", "tf_keras", "matplotlib", "h5py"):
        logger = logging.getLogger(name)
        handlers = [(type(each).__name__, each.level, type(each.stream).__name__) for each in logger.handlers]
        print(name, logger.level, logger.disabled, logger.propagate, handlers)
    print(*warnings.filters, sep="\\n")
    print(sys.path, matplotlib.get_backend(), numpy.geterr(), numpy.get_printoptions())
    threading = tf.config.threading
    print(threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
    print(tf.executing_eagerly(), tf.config.functions_run_eagerly(), context.context()._seed)
    for each in (keras, tf_keras):
        backend = each.backend
        print(backend.backend(), backend.floatx(), backend.epsilon(), backend.image_data_format())
        print(sorted(each.saving.get_custom_objects()), each.layers.Dense(1).name)
    print(keras.config.is_traceback_filtering_enabled())
    print(random.random(), numpy.random.rand(), tf.random.uniform([2]).numpy())
    print(keras.random.uniform([2]).numpy(), tf_keras.backend.random_uniform([2]).numpy())
look()
"""


async def opened(manager, name):
    """Open a lesson, as JupyterLab does."""
    environment = {**os.environ, SESSION: str(Path(manager.root_dir, "notebooks", name))}
    return Tab(manager, await manager.start_kernel(path="notebooks", kernel_name="python3", env=environment))


LESSONS = [
    "00_start_here",
    # It imports one package more, after it has got the kernel.
    pytest.param("05_cloning_probabilistic_models", marks=pytest.mark.rare),
    pytest.param("04_save_and_resume_without_loss", marks=pytest.mark.rare),
]


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_prints_the_same_as_in_a_new_kernel(tmp_path, monkeypatch, name):
    """The seeds, the threads, the logs and the warnings are the same, too."""
    monkeypatch.setenv("MODEL_CLONING_PROGRESS", "")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    notebook = nbformat.read(tmp_path / "notebooks" / f"{name}.ipynb", as_version=4)
    first, *others = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    cells = [first, PACKAGES, *others]

    async def results(prepare):
        connections = tmp_path / f"connections-{prepare}"
        connections.mkdir()
        manager = PreparingKernelManager(connection_dir=str(connections), root_dir=str(tmp_path), prepare=prepare)
        try:
            while prepare and not (manager._prepared and manager._prepared.prepared):
                await asyncio.sleep(0.1)
            waiting = manager._prepared
            tab = await opened(manager, f"{name}.ipynb")
            assert prepare == (waiting is manager.get_kernel(tab.id))
            manager._pacemaker.stop()
            return [(tab.count, await tab.run(cell)) for cell in cells]
        finally:
            await manager.shutdown_all(now=True)

    new, prepared = asyncio.run(results(False)), asyncio.run(results(True))
    for cell, one, other in zip(cells, new, prepared, strict=True):
        assert one == other, cell


class Server:
    """Jupyter's server with the settings of the workbook."""

    def __init__(self, folder):
        shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        environment = {**os.environ, "JUPYTER_CONFIG_PATH": str(ROOT / "binder" / "jupyter"), "JUPYTER_TOKEN": "any"}
        for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
            environment[f"JUPYTER_{name}"] = str(folder / name)
        self.runtime = folder / "RUNTIME_DIR"
        command = [sys.executable, "-m", "jupyter_server", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]
        command += [f"--ServerApp.root_dir={folder}", "--allow-root", "--no-browser"]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace")
        self.log, self._more = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stderr:
            with self._more:
                self.log.append(line)
                self._more.notify_all()

    def wait_for(self, text):
        """Wait until the log says something; return its last word."""
        with self._more:
            assert self._more.wait_for(lambda: any(text in line for line in self.log), 180), "".join(self.log)
            return next(line for line in self.log if text in line).split()[-1]

    def call(self, method, path, body=None):
        """Call the REST interface; return its answer."""
        info = json.loads(next(self.runtime.glob("jpserver-*.json")).read_text(encoding="utf-8"))
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(
            f"{info['url']}api/{path}", data, {"Authorization": "token any"}, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def run(self, kernel, source):
        """Run a cell in a kernel; return its number, and what it printed."""
        client = BlockingKernelClient(connection_file=str(self.runtime / f"kernel-{kernel}.json"))
        client.load_connection_file()
        client.start_channels(hb=False)  # a kernel that restarts has no heartbeat for a moment
        said = []
        try:
            client.wait_for_ready(timeout=60)
            reply = client.execute_interactive(
                source, output_hook=lambda message: said.append(message["content"].get("text")), timeout=120
            )
        finally:
            client.stop_channels()
        return reply["content"]["execution_count"], "".join(filter(None, said))


def test_a_server_hands_out_the_prepared_kernel_and_leaves_none_behind(tmp_path):
    server = Server(tmp_path)
    try:
        waiting = server.wait_for("A kernel is prepared")
        assert server.call("GET", "kernels") == server.call("GET", "sessions") == []
        name = "00_start_here.ipynb"
        body = {"path": f"notebooks/{name}", "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        session = server.call("POST", "sessions", body)
        assert session["kernel"]["id"] == waiting
        assert session["kernel"]["name"] == "python3"
        assert [kernel["id"] for kernel in server.call("GET", "kernels")] == [waiting]
        where = "import os, sys; print(*map(os.path.basename, (os.getcwd(), __session__)), 'keras' in sys.modules)"
        assert server.run(waiting, where) == (1, f"notebooks {name} True\n")
        server.call("POST", f"kernels/{waiting}/restart")
        assert server.run(waiting, where) == (1, f"notebooks {name} False\n")
        children = psutil.Process(server.process.pid).children(recursive=True)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
    finally:
        server.process.kill()
        server.process.wait()
