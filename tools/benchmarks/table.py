"""Measure every notebook and the labs of the lessons, and write the table docs/measured.md.

.venv/bin/python tools/benchmarks/table.py     # about ten minutes; do not use the machine meanwhile
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import lab_latency
import notebook_cost

TABLE = Path(__file__).resolve().parents[2] / "docs" / "measured.md"
WORKERS = 2


def notebooks() -> list[str]:
    """Run all notebooks, one by one and then two at a time; return the rows of their table."""
    rows = ["| Notebook | Seconds | Slowest cell, seconds | Peak of the kernel, MB |", "|---|---:|---:|---:|"]
    with notebook_cost.copied() as paths:
        for cost in map(notebook_cost.measure, paths):
            print(cost, flush=True)
            rows.append(f"| {cost.name} | {cost.seconds:.0f} | {cost.slowest:.1f} | {cost.megabytes:.0f} |")
        start = time.perf_counter()
        with ThreadPoolExecutor(WORKERS) as workers:
            list(workers.map(notebook_cost.measure, paths))
        rows += ["", f"All of them, {WORKERS} at a time: {time.perf_counter() - start:.0f} seconds."]
    return rows


def labs(rounds: int = 1) -> list[str]:
    """Change every dropdown, slider and checkbox of the labs; return the rows of their table."""
    rows = ["| Lab | First new picture, median | p95 | Up to date, median | p95 | Changes |", "|---|" + "---:|" * 5]
    with tempfile.TemporaryDirectory() as name, lab_latency.opened(Path(name)) as lab:
        for title in lab_latency.LABS:
            first, rest = lab_latency.measure_lab(lab, title, rounds)
            lab.server.shut_kernels_down()
            cells = [f"{statistics.median(each):.0f} | {lab_latency.p95(each):.0f}" for each in (first, rest)]
            rows.append(f"| {title} | {' | '.join(cells)} | {len(first)} |")
            print(rows[-1], flush=True)
        usual = lab_latency.measure_usual(lab, 5)
        cells = f"{statistics.median(usual):.0f} | {lab_latency.p95(usual):.0f}"
        rows.append(f"| a slider with `interact`, `fit` and `plt.show()` | {cells} | {cells} | {len(usual)} |")
    return rows


def main() -> int:
    """Write the table."""
    if lab_latency.driver.find_chromium() is None:
        sys.exit(lab_latency.driver.NO_CHROMIUM)
    os.environ["MODEL_CLONING_PROGRESS"] = ""  # keeps the progress of the person who measures
    load = os.getloadavg()[0]
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "tf-keras", "jupyterlab"))
    text = [
        "# What it costs to run",
        "",
        f"Measured on {datetime.date.today():%d %B %Y} by `tools/benchmarks/table.py`, on {os.cpu_count()} cores "
        f"(load average {load:.1f} at the start), {platform.system()}, Python {platform.python_version()}, {packages}. "
        "Compare rows, not machines.",
        "",
        "The time of a notebook includes the start of its kernel. The peak is the most resident memory that the kernel "
        "ever had.",
        "",
        *notebooks(),
        "",
        "The labs of the lessons in milliseconds, in Chromium: from a key press on a control until a new picture has "
        "been decoded, and until the lab says that it is up to date. Each dropdown, slider and checkbox is changed and "
        "changed back. The last row is a panel that does the work of the Layer Lab the usual way.",
        "",
        *labs(),
    ]
    TABLE.write_text("\n".join(text) + "\n", encoding="utf-8")
    print(f"Written: {TABLE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
