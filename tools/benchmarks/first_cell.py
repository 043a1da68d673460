"""Measure the first cell of every notebook, with the kernel that the server prepares and with a new one.

    python tools/benchmarks/first_cell.py [--limit 2] [NOTEBOOK ...]

The program starts two servers with binder/start, for this computer only: one that prepares kernels and one that does
not. It opens each notebook in both, one right after the other, and runs its first cell over a websocket, as a tab of a
browser does. "first cell" is the time of that cell alone, for a reader who has read the lines above it; "opened" is the
time from the opening of the notebook until the cell is done, for a reader who runs it at once. `--limit` gives the
servers a limit of memory, in gigabytes; Binder's is 2. Numbers depend on the machine and on what else it does, so
compare only numbers of one run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
from memory import ROOT, Server

from workbook.server import memory


class PreparingServer(Server):
    """A server that prepares kernels, and says when one is ready."""

    def __init__(self, folder: Path, limit: float):
        self.prepared, self.used = threading.Event(), 0
        super().__init__(folder, limit)

    def _read_line(self, line: str) -> None:
        super()._read_line(line)
        if "A kernel is prepared" in line:
            self.prepared.set()
        self.used += "A notebook gets the prepared kernel" in line


def measure(server: Server, name: str) -> tuple[float, float]:
    """Open a notebook, run its first cell, and end its kernel; return the seconds of the cell, and of everything."""
    cells = nbformat.read(ROOT / "notebooks" / name, as_version=4).cells
    source = next(cell.source for cell in cells if cell.cell_type == "code")
    opened = time.perf_counter()
    tab = server.open(name)
    tab.run("")  # the kernel is there
    began = time.perf_counter()
    if error := tab.run(source):
        raise SystemExit(f"{name}: {error} in the first cell")
    ended = time.perf_counter()
    server.call("DELETE", f"kernels/{tab.kernel}")
    return ended - began, ended - opened


def main() -> None:
    """Measure the notebooks, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, default=0, help="gigabytes that the servers are told of; 0 for no limit")
    parser.add_argument("names", nargs="*", help="notebooks; default: all")
    options = parser.parse_args()
    names = options.names or sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    print(f"load average at the start: {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        for each in ("new", "prepared"):
            Path(folder, each).mkdir()
        plain = Server(Path(folder, "new"), options.limit, "--PreparingKernelManager.prepare=False")
        began = time.perf_counter()
        preparing = PreparingServer(Path(folder, "prepared"), options.limit)
        try:
            preparing.prepared.wait()
            [waiting] = psutil.Process(preparing.process.pid).children()
            print(f"prepared in {time.perf_counter() - began:.1f} s of the server's start; ", end="")
            resident = waiting.memory_info().rss
            print(f"it takes {resident / 1e6:.0f} MB, {memory.used(waiting.pid) / 1e6:.0f} of them not shared")
            print("| notebook | first cell, new | prepared | ratio | opened, new | prepared | ratio |")
            print("|---|---|---|---|---|---|---|")
            for name in names:
                new = measure(plain, name)
                preparing.prepared.wait()
                preparing.prepared.clear()
                ready = measure(preparing, name)
                columns = [f"{n:.2f} s | {r:.2f} s | {n / r:.1f}" for n, r in zip(new, ready, strict=True)]
                print(f"| {name} | {' | '.join(columns)} |", flush=True)
            print(f"{preparing.used} of {len(names)} notebooks got a prepared kernel; ", end="")
            print(f"load average at the end: {os.getloadavg()[0]:.1f}")
        finally:
            plain.stop()
            preparing.stop()


if __name__ == "__main__":
    main()
