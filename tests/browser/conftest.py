"""A JupyterLab and a browser for the tests in this folder."""

from __future__ import annotations

import os
import shutil

import driver
import pytest
from lab_panel import change
from playwright.sync_api import sync_playwright


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Save a screenshot of the page when a test fails."""
    report = yield
    if report.failed and call.when == "call":
        for value in item.funcargs.values():
            lab = getattr(value, "lab", value)
            if isinstance(lab, driver.Lab):
                lab.screenshot(f"failed-{item.name}")
    return report


@pytest.fixture(scope="session")
def chromium():
    """The path of a Chromium."""
    path = driver.find_chromium()
    if path is None:
        # If a browser is required, a skip would hide that nothing was tested.
        (pytest.fail if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip)(driver.NO_CHROMIUM)
    return path


@pytest.fixture(scope="session")
def server(chromium, tmp_path_factory):
    """A JupyterLab in a copy of the notebooks folder, so that nothing is saved into the checkout."""
    folder = tmp_path_factory.mktemp("lab")
    ignored = shutil.ignore_patterns(".ipynb_checkpoints")
    shutil.copytree(driver.ROOT / "notebooks", folder / "notebooks", ignore=ignored)
    server = driver.Server(folder, tmp_path_factory.mktemp("jupyter"))
    yield server
    server.stop()


# Not of scope "session": while Playwright is running, there is an event loop in this thread, and other tests of the
# same worker would mistake it for the loop of a kernel.
@pytest.fixture(scope="module")
def browser(chromium):
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(driver.CHROMIUM_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def lab(server, browser):
    """JupyterLab in a new browser context, as for a first visit; its kernels end with the test."""
    page = browser.new_page(viewport=driver.WINDOW)
    yield driver.Lab(page, server)
    page.close()
    server.shut_kernels_down()


# One kernel for all tests of a module: TensorFlow takes seconds to load. Each test begins with the reset button.
@pytest.fixture(scope="module")
def opened(request, server, browser):
    """A notebook with only the cell that the test module defines as `CELL`."""
    page = browser.new_page(viewport={"width": 1400, "height": 1700})
    lab = driver.Lab(page, server)
    lab.open_and_run(request.module.CELL)
    assert lab.errors() == []
    yield lab
    page.close()
    server.shut_kernels_down()


@pytest.fixture
def panel(request, opened):
    """The lab that the module defines as `PANEL`, after a reset.

    After the test, the browser must not have reported an error, and the cell must have no further output.
    """
    panel = opened.panel(request.module.PANEL)
    change(panel, "Reset", "Enter")
    before = opened.state()["cells"][0]["outputs"]
    yield panel
    assert opened.state()["cells"][0]["outputs"] == before
    assert opened.complaints == []
