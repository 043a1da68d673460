"""Three tiers of tests: quick ones for every change, slow ones with `--all`, and rare ones with `--exhaustive`."""

from __future__ import annotations

import gc
import sys
from collections import defaultdict
from zlib import crc32

import pytest

# nbval executes this one after a change, because every reader opens it. With `--all` it executes all notebooks.
QUICK_NOTEBOOKS = ("00_start_here",)

# Files with many independent tests, which are spread over the workers. One worker would take too long for such a file.
SPREAD = tuple(f"tests/helpers/{name}.py" for name in ("test_auditing", "test_cloning", "test_engine"))

# The cases of one test are much alike, so `--all` tries every third of the slow ones. In these files it tries all.
NOT_ALIKE = (*SPREAD, "tests/browser/test_opening.py")

VERSIONS = ("keras", "tf_keras")


def pytest_addoption(parser):
    """Add the options. If tests/conftest.py added them, pytest would not know them when only a notebook is named."""
    parser.addoption("--all", action="store_true", help="run the tests that are marked as slow, too")
    parser.addoption("--exhaustive", action="store_true", help="run every test, those that are marked as rare, too")


def pytest_report_header(config):
    """Print the tier that is run."""
    if config.getoption("exhaustive"):
        return "tier: every test"
    if config.getoption("all"):
        return "tier: quick and slow tests; --exhaustive runs the rare ones, too"
    return "tier: quick tests; --all runs the slow ones, too"


def pytest_collection_modifyitems(config, items):
    """Deselect slow and rare tests unless they are asked for."""
    for item in items:
        if item.path.suffix == ".ipynb" and item.path.stem not in QUICK_NOTEBOOKS:
            item.add_marker(pytest.mark.slow)
    if config.getoption("exhaustive"):
        return
    mark_rare(config, items)
    mark_one_keras_version(config, items)
    left_out = ("rare",) if config.getoption("all") else ("slow", "rare")
    chosen = [item for item in items if not any(map(item.get_closest_marker, left_out))]
    if len(chosen) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def mark_rare(config, items):
    """Leave every third of the slow cases of each test, beginning with a different one in each test."""
    cases = defaultdict(list)
    for item in items:
        alike = item.path.relative_to(config.rootpath).as_posix() not in NOT_ALIKE
        if alike and hasattr(item, "callspec") and item.get_closest_marker("slow"):
            cases[item.path, item.originalname].append(item)
    for (_, name), alike in cases.items():
        first = crc32(name.encode()) % min(3, len(alike))
        for number, item in enumerate(alike):
            if number % 3 != first:
                item.add_marker(pytest.mark.rare)


def mark_one_keras_version(config, items):
    """Leave a quick test that runs on both Keras versions one of them, by turns.

    The other is slow for `helpers`, and rare for what shows it: there, the two versions differ less.
    """
    for item in items:
        version = item.callspec.params.get("keras") if hasattr(item, "callspec") else None
        name = item.name.replace("tf_keras", "keras")
        if (
            version in VERSIONS
            and version != VERSIONS[crc32(name.encode()) % 2]
            and not item.get_closest_marker("slow")
        ):
            item.add_marker(pytest.mark.slow)
            if not item.path.is_relative_to(config.rootpath / "tests/helpers"):
                item.add_marker(pytest.mark.rare)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep each file on one worker, as `--dist=loadfile` does, except for the files whose tests can be spread."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return nodeid if file.endswith(SPREAD) else file

    return Scheduling(config, log)


@pytest.fixture(scope="module", autouse=True)
def _free_memory():
    """Free the models of a test module when it ends, because the worker lives until the end of the run."""
    yield
    for name in ("keras", "tf_keras"):
        if name in sys.modules:
            sys.modules[name].backend.clear_session()
    gc.collect()
