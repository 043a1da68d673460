"""Measure the memory of the notebooks and their server, opened one after the other as on Binder.

    python tools/benchmarks/memory.py [--limit 2] [--close] [NOTEBOOK ...]

The program starts JupyterLab with binder/start, for this computer only. Like a tab of a browser, it opens each notebook
as a session of the server and runs its cells over a websocket. The result is the memory of the server, all kernels and
their child processes: the sum of the proportional set sizes, which counts shared memory once.

By default every kernel stays open, as for a reader who never closes a tab, and the server gets a limit of 2 GB, as on
Binder. `--limit 0` removes the limit, which shows the memory without workbook/server/kernel_manager.py. `--close` ends
each kernel before the next is opened. The numbers depend on the machine, so they are printed and not asserted.

If another process runs TensorFlow from the same files, it is charged a share of their memory, and the sum is too small.
Environments of uv share files. The environment that `tools/binder_layers.py --keep` leaves does not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import nbformat
import psutil
import websocket

from workbook.server import memory

ROOT = Path(__file__).resolve().parents[2]
GB = 1024**3


class Server:
    """JupyterLab as binder/start starts it, with only the settings of the workbook."""

    def __init__(self, folder: Path, limit: float, *arguments: str):
        self.token = secrets.token_hex(16)
        shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        environment = {**os.environ, "JUPYTER_TOKEN": self.token, "MODEL_CLONING_PROGRESS": ""}
        for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
            environment[f"JUPYTER_{name}"] = str(folder / name)
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        for name in ("JUPYTER_CONFIG_PATH", "MEM_LIMIT"):
            environment.pop(name, None)
        if limit:
            environment["MEM_LIMIT"] = str(int(limit * GB))
        command = [ROOT / "binder" / "start", "jupyter", "lab", "--no-browser", "--allow-root"]
        command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}", *arguments]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace")
        self.made_room = 0
        self._urls: list[str] = []
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        self._ready.wait()
        if not self._urls:
            raise SystemExit("JupyterLab did not start.")
        while self.process.poll() is None:  # it prints its address a moment before it listens there
            with contextlib.suppress(urllib.error.URLError):
                self.call("GET", "status")
                break

    def _read(self) -> None:
        for line in self.process.stderr:
            self._read_line(line)
        self._ready.set()

    def _read_line(self, line: str) -> None:
        """Note what a line of the server's log says."""
        if found := re.search(r"http://(127\.0\.0\.1:[1-9]\d*)/lab", line):
            self._urls.append(found.group(1))
            self._ready.set()
        self.made_room += "Memory is short: restarting" in line

    def call(self, method: str, path: str, body: dict | None = None) -> bytes:
        """Call the server's REST interface."""
        request = urllib.request.Request(
            f"http://{self._urls[0]}/api/{path}", json.dumps(body).encode() if body else None, method=method
        )
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def stop(self) -> None:
        """End the server and its kernels."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            child.kill()
        self.process.kill()
        self.process.wait()

    def open(self, name: str) -> Tab:
        """Open a notebook."""
        body = {"path": f"notebooks/{name}", "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        kernel = json.loads(self.call("POST", "sessions", body))["kernel"]["id"]
        return Tab(kernel, f"ws://{self._urls[0]}/api/kernels/{kernel}/channels", self.token)


class Tab:
    """The connection between a notebook in a browser and its kernel."""

    def __init__(self, kernel: str, url: str, token: str):
        self.kernel = kernel
        self._session = uuid.uuid4().hex
        self._socket = websocket.create_connection(
            f"{url}?session_id={self._session}", header=[f"Authorization: token {token}"], timeout=300
        )

    def run(self, source: str) -> str:
        """Run a cell to its end; return the name of its error, or an empty text."""
        identity = uuid.uuid4().hex
        header = {"msg_id": identity, "session": self._session, "username": "", "msg_type": "execute_request"}
        content = {"code": source, "silent": False, "allow_stdin": False, "stop_on_error": False}
        header |= {"version": "5.4", "date": "2020-01-01T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self._socket.send(json.dumps(message))
        error, waiting = "", {"execute_reply", "idle"}
        while waiting:
            frame = self._socket.recv()
            if isinstance(frame, bytes):  # a message with a widget's picture: its text is between the first two offsets
                frame = frame[int.from_bytes(frame[4:8], "big") : int.from_bytes(frame[8:12], "big")]
            answer = json.loads(frame)
            if answer["parent_header"].get("msg_id") == identity:
                waiting -= {answer["msg_type"], answer["content"].get("execution_state")}
                error = answer["content"]["ename"] if answer["msg_type"] == "error" else error
        return error


class Watch:
    """Measures a process and its children several times a second, and keeps the highest sum."""

    def __init__(self, pid: int):
        self.pid, self.peak = pid, 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._end.wait(0.2):
            self.peak = max(self.peak, memory.used(self.pid))

    def since_last(self) -> int:
        """Return the highest sum since the last call."""
        peak, self.peak = max(self.peak, memory.used(self.pid)), 0
        return peak

    def stop(self) -> None:
        self._end.set()
        self._thread.join()


def main() -> None:
    """Open the notebooks, and print their memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, default=2, help="gigabytes that the server is told of; 0 for no limit")
    parser.add_argument("--close", action="store_true", help="end each kernel before the next notebook is opened")
    parser.add_argument("names", nargs="*", help="notebooks; default: all")
    options = parser.parse_args()
    names = options.names or sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), options.limit)
        watch = Watch(server.process.pid)
        highest = watch.since_last()
        print(f"server alone: {highest / GB:.2f} GB")
        print("| notebook | its kernel, GB | sum afterwards, GB | highest sum, GB | restarted so far | s |")
        print("|---|---|---|---|---|---|")
        try:
            for name in names:
                began = time.monotonic()
                tab = server.open(name)
                cells = nbformat.read(ROOT / "notebooks" / name, as_version=4).cells
                for cell in (cell for cell in cells if cell.cell_type == "code"):
                    error = tab.run(cell.source)
                    if error and "raises-exception" not in cell.metadata.get("tags", []):
                        raise SystemExit(f"{name}: {error} in the cell\n{cell.source}")
                kernel = max(
                    (
                        memory.used(child.pid)
                        for child in psutil.Process(server.process.pid).children()
                        if any(tab.kernel in part for part in child.cmdline())
                    ),
                    default=0,
                )
                peak = watch.since_last()
                highest = max(highest, peak)
                print(
                    f"| {name} | {kernel / GB:.2f} | {memory.used(server.process.pid) / GB:.2f} | {peak / GB:.2f} "
                    f"| {server.made_room} | {time.monotonic() - began:.0f} |",
                    flush=True,
                )
                if options.close:
                    server.call("DELETE", f"kernels/{tab.kernel}")
            print(f"highest of all: {highest / GB:.2f} GB")
        finally:
            watch.stop()
            server.stop()


if __name__ == "__main__":
    main()
