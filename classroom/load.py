"""Start students on the classroom's JupyterHub, and measure how long each waits and how much memory each takes.

.venv/bin/python classroom/load.py
.venv/bin/python classroom/load.py 2 4 8
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import platform
import tempfile
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import aiohttp
import nbformat
import psutil
from local_hub import LocalHub
from yarl import URL

MEGABYTE = 1024**2
GIGABYTE = 1024**3
NOTEBOOK = "notebooks/00_start_here.ipynb"
SYSTEM = 2.0
"""Gigabytes for the system and the hub in the table of machines."""

KERNELS = 2
"""Open notebooks per student in the table of machines: this lesson's, and one that was left open."""

MINUTE = 60
"""Seconds in which everyone must be ready in the table of machines, if all start at once."""

SHARE = 0.5
"""Part of the cores' time that is available for the start, in the table of machines."""


@dataclass
class Student:
    """One simulated student.

    Attributes:
        name: The user name.
        hub: The hub.
        seconds: The seconds until each stage was reached, by the name of the stage.
    """

    name: str
    hub: LocalHub
    seconds: dict[str, float] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None
    _channel: aiohttp.ClientWebSocketResponse | None = None

    async def begin(self, cell: str) -> None:
        """Log in, start a kernel, and run the first cell, which imports the helpers.

        Args:
            cell: The code of the cell.
        """
        start = time.perf_counter()
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        headers = {"Authorization": f"token {await self._log_in(self._session)}"}
        await self._wait_for_server(self._session, headers)
        self.seconds["server"] = time.perf_counter() - start
        api = f"{self.hub.url}/user/{self.name}/api/kernels"
        async with self._session.post(api, json={"name": "python3", "path": "notebooks"}, headers=headers) as answer:
            answer.raise_for_status()
            kernel = (await answer.json())["id"]
        self._channel = await self._session.ws_connect(f"{api}/{kernel}/channels", headers=headers, max_msg_size=0)
        await self._run(cell)
        self.seconds["ready"] = time.perf_counter() - start

    async def go_on(self, cells: list[str]) -> None:
        """Run the other cells.

        Args:
            cells: The code of the cells.
        """
        start = time.perf_counter()
        for cell in cells:
            await self._run(cell)
        self.seconds["notebook"] = time.perf_counter() - start

    async def leave(self) -> None:
        """Close the connection; the kernel keeps running."""
        if self._session is not None:
            await self._session.close()

    async def _log_in(self, session: aiohttp.ClientSession) -> str:
        """Log in with the form, which starts the server, and return a token for further requests."""
        login = f"{self.hub.url}/hub/login"
        async with session.get(login):
            pass
        form = {"username": self.name, "password": self.hub.password, "_xsrf": self._xsrf(session)}
        async with session.post(login, data=form) as answer:
            answer.raise_for_status()
        url = f"{self.hub.url}/hub/api/users/{self.name}/tokens"
        async with session.post(url, json={}, headers={"X-XSRFToken": self._xsrf(session)}) as answer:
            answer.raise_for_status()
            return (await answer.json())["token"]

    def _xsrf(self, session: aiohttp.ClientSession) -> str:
        return session.cookie_jar.filter_cookies(URL(f"{self.hub.url}/hub/"))["_xsrf"].value

    async def _wait_for_server(self, session: aiohttp.ClientSession, headers: dict[str, str]) -> None:
        """Follow the progress reports of the hub until the server has started."""
        url = f"{self.hub.url}/hub/api/users/{self.name}/server/progress"
        timeout = aiohttp.ClientTimeout(total=None)
        async with session.get(url, headers=headers, timeout=timeout) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                event = json.loads(line[5:]) if line.startswith(b"data:") else {}
                if event.get("failed"):
                    raise RuntimeError(f"the server of {self.name} did not start: {event['message']}")
                if event.get("ready"):
                    return
        raise RuntimeError(f"the hub stopped reporting on the server of {self.name}")

    async def _run(self, code: str) -> None:
        """Run one cell, and wait until the kernel is idle."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": "execute_request", "session": self.name, "username": self.name}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = {"header": {**header, "version": "5.3", "date": ""}, "parent_header": {}, "metadata": {}}
        await self._channel.send_json({**message, "content": content, "channel": "shell", "buffers": []})
        async for received in self._channel:
            # Widgets also send pictures as bytes, which do not matter here.
            answer = json.loads(received.data) if received.type is aiohttp.WSMsgType.TEXT else {}
            if answer.get("parent_header", {}).get("msg_id") != number:
                continue
            if answer["msg_type"] == "error":
                raise RuntimeError(f"{self.name}: {answer['content']['ename']}: {answer['content']['evalue']}")
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return
        raise RuntimeError(f"the kernel of {self.name} went away")


def cells_of(notebook: Path) -> list[str]:
    """Return the code cells of a notebook without its exercises."""
    cells = nbformat.read(notebook, as_version=4).cells
    return [c.source for c in cells if c.cell_type == "code" and "exercise" not in c.metadata.get("tags", [])]


def usage(hub: LocalHub, students: Iterable[Student]) -> dict[str, dict[str, float]]:
    """Return for each student the memory of the server and of the kernel, and the CPU seconds of both.

    The memory is the proportional set size: memory shared by several processes is divided among them.
    """
    found = {student.name: {"server": 0.0, "kernel": 0.0, "cpu": 0.0} for student in students}
    for process in psutil.Process(hub.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # the process may have ended
            name = process.environ().get("JUPYTERHUB_USER")
            if name in found:
                kind = "kernel" if any("ipykernel" in word for word in process.cmdline()) else "server"
                found[name][kind] += process.memory_full_info().pss / MEGABYTE
                times = process.cpu_times()
                found[name]["cpu"] += times.user + times.system
    return found


def mean(values: Iterable[float]) -> float:
    """Return the mean of some numbers."""
    values = list(values)
    return sum(values) / len(values)


async def measure(number: int, hub: LocalHub, cells: list[str]) -> dict[str, float]:
    """Let several students work on a hub at the same time, and return one row of the table.

    Args:
        number: Number of students.
        hub: The hub.
        cells: The code cells of the notebook.
    """
    students = [Student(f"student{i + 1}", hub) for i in range(number)]
    try:
        await asyncio.gather(*(student.begin(cells[0]) for student in students))
        at_import = usage(hub, students).values()
        await asyncio.gather(*(student.go_on(cells[1:]) for student in students))
        at_end = usage(hub, students).values()
    finally:
        await asyncio.gather(*(student.leave() for student in students))
    row = {f"{name}, last": max(s.seconds[name] for s in students) for name in ("server", "ready", "notebook")}
    return {
        "students": number,
        **row,
        "cpu until ready": mean(each["cpu"] for each in at_import),
        "server MB": mean(each["server"] for each in at_end),
        "kernel MB": mean(each["kernel"] for each in at_end),
    }


def machines(row: dict[str, float]) -> list[tuple[int, int, int]]:
    """Return (gigabytes of memory, students, cores needed to be ready within a minute) for some sizes of machine.

    Args:
        row: A row of the table of measurements.
    """
    each = (row["server MB"] + KERNELS * row["kernel MB"]) / 1024
    table = []
    for memory in (8, 16, 32, 64, 128):
        students = int((memory - SYSTEM) / each)
        table.append((memory, students, max(1, math.ceil(students * row["cpu until ready"] / MINUTE / SHARE))))
    return table


def markdown(head: list[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---:"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main() -> None:
    """Measure each requested number of students on a new hub, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("students", nargs="*", type=int, default=[2])
    numbers = parser.parse_args().students
    load = os.getloadavg()[0]
    cells = cells_of(Path(__file__).resolve().parents[1] / NOTEBOOK)
    rows = []
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder, LocalHub(Path(folder), seats=number) as hub:
            rows.append(asyncio.run(measure(number, hub, cells)))
        print({name: round(value, 1) for name, value in rows[-1].items()}, flush=True)
    memory = psutil.virtual_memory().total / GIGABYTE
    print(f"\n{date.today():%d %B %Y}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, ", end="")
    print(f"Python {platform.python_version()}, load average at the start {load:.1f}\n")
    head = ["Students", "Server up", "Ready", "Notebook 00 run", "CPU until ready", "Server", "Kernel"]
    shown = [[f"{v:.0f}" for v in row.values()] for row in rows]
    units = ["", " s", " s", " s", " s", " MB", " MB"]
    print(markdown(head, [[text + unit for text, unit in zip(row, units, strict=True)] for row in shown]), "\n")
    head = ["Memory", "Students", "Cores to be ready within a minute"]
    print(markdown(head, [(f"{gigabytes} GB", n, cores) for gigabytes, n, cores in machines(rows[-1])]))


if __name__ == "__main__":
    main()
