"""Try the claims on older versions of TensorFlow, each in a temporary environment: `run.py versions`.

The verdicts are stored in workbook/lessons/claims/versions.json, and shown by the lessons, the site and notebook 00.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from run import ROOT, Problem
from tools.versions import stored
from tools.versions.environments import ENVIRONMENTS, Environment, make, write_lock
from tools.versions.trials import try_claims

COLUMNS = {name: each for each in ENVIRONMENTS.values() for name in each.columns}
NEWEST = list(ENVIRONMENTS)[-1]


def _options(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py versions",
        description="Try the claims of the lessons on older TensorFlows, and store what is found. "
        "It makes one environment after the other and removes each: 2 GB of disk at a time.",
    )
    parser.add_argument("--only", nargs="+", choices=COLUMNS, metavar="NAME", help=f"of {', '.join(COLUMNS)}")
    parser.add_argument("--claims", nargs="+", default=[], metavar="NUMBER", help="try these claims alone, such as 0.4")
    parser.add_argument("--lock", action="store_true", help="resolve the packages again, and try nothing")
    parser.add_argument(
        "--newest",
        action="store_true",
        help="take the newest packages of today, store nothing, and fail if a verdict differs from what is stored",
    )
    return parser.parse_args(args)


def _try_environment(
    environment: Environment, columns: Sequence[str], upgrade: bool = False, claims: Sequence[str] = ()
) -> dict[str, dict]:
    """Make an environment, try the claims in it, and remove it; return the verdicts, by column.

    Each column is stored as soon as it is tried, but only if the packages are those of the lock.
    """
    found = {}
    with tempfile.TemporaryDirectory(prefix="workbook-versions-", ignore_cleanup_errors=True) as folder:
        start, cache, lock = time.monotonic(), Path(folder, "cache"), environment.lock
        if upgrade:
            lock = write_lock(environment, Path(folder, "lock.txt"), cache, upgrade=True)
        python = make(environment, lock, Path(folder, "env"), cache)
        size = sum(file.stat().st_size for file in Path(folder, "env").rglob("*") if file.is_file())
        print(f"{environment.name}: made in {time.monotonic() - start:.0f} s, {size / 1e6:.0f} MB", flush=True)
        for name in columns:
            start = time.monotonic()
            found[name] = try_claims(python, environment.columns[name], Path(folder), claims)
            count = len(found[name]["claims"])
            if claims:
                found[name] = stored.with_claims(name, found[name])
            if not upgrade:
                stored.write(stored.merged({name: found[name]}, list(COLUMNS)))
            print(f"{name}: {count} claims tried in {time.monotonic() - start:.0f} s", flush=True)
    return found


def versions(args: Sequence[str]) -> int:
    """Update the stored verdicts or the locks, or compare the verdicts with those on today's newest packages.

    Args:
        args: The options of the command line.

    Returns:
        The exit code: 1 if `--newest` found verdicts that differ from the stored ones, or if no environment could be
        made.
    """
    options = _options(args)
    wanted = options.only or ([name for name in ENVIRONMENTS[NEWEST].columns] if options.newest else list(COLUMNS))
    done: dict[str, dict] = {}
    for name in dict.fromkeys(COLUMNS[each].name for each in wanted):
        environment = ENVIRONMENTS[name]
        try:
            if options.lock:
                with tempfile.TemporaryDirectory() as cache:
                    write_lock(environment, environment.lock, Path(cache, "cache"))
                    print(f"{name}: {environment.lock.relative_to(ROOT)} is written", flush=True)
                    done[name] = {}
                continue
            columns = [each for each in wanted if COLUMNS[each] is environment]
            found = _try_environment(environment, columns, upgrade=options.newest, claims=options.claims)
        except Problem as problem:
            print(f"{name} is left out: {problem}", flush=True)
            continue
        done.update(found)
    if options.newest:
        return _compared(done)
    return 0 if done else 1


def _compared(found: Mapping[str, Mapping]) -> int:
    """Print the verdicts that differ from the stored ones, and return 1 if there are any."""
    lines = stored.differences(found)
    print("\n".join(lines) or "All verdicts are those of the stored file.")
    return 1 if lines or not found else 0
