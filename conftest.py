"""Two tiers of tests: what is run after a change, and with `--all` what is slow or rare as well."""

from __future__ import annotations

import gc
import sys

import pytest

# nbval executes these after a change: the two that every reader meets. With `--all` it executes the others, too.
QUICK_NOTEBOOKS = ("00_start_here", "01_how_subclassing_works")

# Files of many tests that share nothing. One worker would still be busy with them when the others are done.
SPREAD = tuple(f"tests/helpers/{name}.py" for name in ("test_auditing", "test_cloning", "test_engine"))


def pytest_addoption(parser):
    """Add `--all`. Here, because an option of tests/conftest.py is not known where only a notebook is named."""
    parser.addoption("--all", action="store_true", help="run the tests that are marked as slow, too")


def pytest_report_header(config):
    """Say which tier is run."""
    return "tier: all tests" if config.getoption("all") else "tier: quick tests; --all runs the slow ones, too"


def pytest_collection_modifyitems(config, items):
    """Deselect slow tests unless all are wanted."""
    for item in items:
        if item.path.suffix == ".ipynb" and item.path.stem not in QUICK_NOTEBOOKS:
            item.add_marker(pytest.mark.slow)
    if config.getoption("all"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep each file on one worker, as `--dist=loadfile` does, apart from those whose tests can be spread."""
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
    """Free the models of a module when it ends: a worker lives as long as the whole run."""
    yield
    for name in ("keras", "tf_keras"):
        if name in sys.modules:
            sys.modules[name].backend.clear_session()
    gc.collect()
