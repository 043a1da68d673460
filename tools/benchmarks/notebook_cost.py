"""Measure the running time and the peak memory of every notebook; asserts nothing.

python tools/benchmarks/notebook_cost.py [NAME ...] [--at-once 2]

Each notebook is run from top to bottom in a new kernel, in a copy of its folder. The time includes the start of the
kernel; the memory is the peak of the kernel. With `--at-once 2` two run at the same time, which measures the total time
on two workers.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@dataclass(frozen=True)
class Cost:
    """The cost of running a notebook: seconds in total, seconds of the slowest cell, and peak megabytes."""

    name: str
    seconds: float
    slowest: float
    megabytes: float


def peak(pid: int) -> float:
    """Return the peak memory of a process, in megabytes."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in status if line.startswith("VmHWM:"))


def measure(path: Path) -> Cost:
    """Run a notebook and return its cost."""
    notebook = nbformat.read(path, as_version=4)
    cells: list[float] = []
    started: list[float] = []
    client = NotebookClient(
        notebook,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=lambda cell, cell_index: started.append(time.perf_counter()),
        on_cell_executed=lambda cell, cell_index, execute_reply: cells.append(time.perf_counter() - started[-1]),
    )
    start = time.perf_counter()
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        seconds = time.perf_counter() - start
        megabytes = peak(client.km.provisioner.pid)
    return Cost(path.stem, seconds, max(cells), megabytes)


@contextlib.contextmanager
def copied(names: Sequence[str] = ()) -> Iterator[list[Path]]:
    """Copy the folder of notebooks; yield the paths of those whose names begin with one of `names`, or of all."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(NOTEBOOKS, Path(folder, "notebooks")))
        yield [path for path in sorted(copy.glob("*.ipynb")) if path.name.startswith(tuple(names or [""]))]


def main() -> None:
    """Measure the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 03; all if none")
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    os.environ["MODEL_CLONING_PROGRESS"] = ""  # keeps the progress of the person who measures
    with copied(options.names) as paths:
        start = time.perf_counter()
        print(f"{'notebook':<34}{'seconds':>9}{'slowest cell':>14}{'peak MB':>9}")
        with ThreadPoolExecutor(options.at_once) as workers:
            for cost in workers.map(measure, paths):
                row = f"{cost.name:<34}{cost.seconds:>9.1f}{cost.slowest:>14.1f}{cost.megabytes:>9.0f}"
                print(row, flush=True)
        print(f"{'all, ' + str(options.at_once) + ' at once':<34}{time.perf_counter() - start:>9.1f}")


if __name__ == "__main__":
    main()
