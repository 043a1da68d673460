"""Two tiers of tests: quick ones that run after a change, and slow or rare ones that run only with `--all`."""

from __future__ import annotations

import gc
import sys

import pytest

# nbval executes these two after a change, because every reader opens them. With `--all` it executes all notebooks.
QUICK_NOTEBOOKS = ("00_start_here", "01_how_subclassing_works")

# Files with many independent tests, which are spread over the workers. One worker would take too long for such a file.
SPREAD = tuple(f"tests/helpers/{name}.py" for name in ("test_auditing", "test_cloning", "test_engine"))


def pytest_addoption(parser):
    """Add `--all`. If tests/conftest.py added it, pytest would not know it when only a notebook is named."""
    parser.addoption("--all", action="store_true", help="run the tests that are marked as slow, too")


def pytest_report_header(config):
    """Print the tier that is run."""
    return "tier: all tests" if config.getoption("all") else "tier: quick tests; --all runs the slow ones, too"


def pytest_collection_modifyitems(config, items):
    """Deselect slow tests unless `--all` is given."""
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
