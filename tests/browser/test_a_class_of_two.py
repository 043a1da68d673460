"""A class on the classroom's JupyterHub: two students log in, each has their own workbook, and its lab works."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import driver
import nbformat
import psutil
import pytest
from lab_panel import choose

if sys.platform != "linux":
    pytest.skip("the classroom's hub is for Linux", allow_module_level=True)
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "classroom"))
import local_hub
import student_server

NAME = "notebooks/00_start_here.ipynb"


OPTIONS = ("--Spawner.args=--LabApp.expose_app_in_browser=True",)
"""Exposes the state of the cells of a page to the driver."""


@pytest.fixture(scope="module")
def proxy(chromium):
    """The hub's proxy, without which there is nothing to test."""
    if not local_hub.has_proxy():
        # If the proxy is required, a skip would hide that nothing was tested.
        (pytest.fail if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip)(local_hub.NO_PROXY)


@pytest.fixture(scope="module")
def hub(proxy, tmp_path_factory):
    """The hub of a class of two."""
    with local_hub.LocalHub(tmp_path_factory.mktemp("class"), seats=2, options=OPTIONS) as hub:
        yield hub


@pytest.fixture
def hub_with_subdomains(proxy, tmp_path):
    """A hub that gives each student a separate origin."""
    with local_hub.LocalHub(tmp_path, seats=1, options=OPTIONS, subdomains=True) as hub:
        yield hub


def log_in(browser, hub, student, password=None):
    """Log in with the form, in a separate browser profile, and wait until the first notebook has opened by itself."""
    page = browser.new_context(viewport=driver.WINDOW).new_page()
    lab = driver.Lab(page, hub)
    page.goto(hub.url)
    page.get_by_label("Username").fill(student)
    page.get_by_label("Password").fill(password or hub.password)
    page.get_by_role("button", name="Sign in").click()
    return lab


def status(page, path):
    """Request a path of the hub as the user of the page, and return the status of the response."""
    return page.request.get(path, max_redirects=0).status


def kernels(hub):
    """The processes of the students' kernels, with the contents of their connection files."""
    for process in psutil.Process(hub.process.pid).children(recursive=True):
        words = process.cmdline()
        if "ipykernel_launcher" in words:
            yield process, json.loads(Path(words[words.index("-f") + 1]).read_text(encoding="utf-8"))


READ = "url => fetch(url, {credentials: 'include'}).then(answer => answer.status, () => 'refused')"
"""JavaScript that requests an address with the cookies of the page, and returns the status or "refused"."""

pytestmark = pytest.mark.slow


def test_a_class_of_two(hub, browser):
    ada, ben = log_in(browser, hub, "ada"), log_in(browser, hub, "ben")
    ben.wait_open(NAME, timeout=driver.RUN)
    # A third student would take memory that the two need.
    full = log_in(browser, hub, "cleo")
    full.page.get_by_role("heading", name="Active user limit exceeded").wait_for()

    ada.wait_open(NAME, timeout=driver.RUN)
    ada.run_all()
    assert (ada.errors(), ada.widget_problems()) == ([], [])
    panel = ada.panel(".layer-lab")
    verdict, error = choose(panel, "Method A", "second name (=)")
    assert ("fails “Own life” (" in verdict, error) == (True, "")
    ada.screenshot("classroom-ada")

    # Nobody can subscribe to the output of a kernel, and no kernel can exceed the memory limit or change it.
    assert list(kernels(hub))
    for process, connection in kernels(hub):
        assert connection["transport"] == "ipc" and Path(connection["ip"]).parent.stat().st_mode & 0o077 == 0
        assert process.rlimit(psutil.RLIMIT_DATA) == (2 * 1024**3,) * 2

    # Changes of one student are only in their own copy.
    copies = {student: hub.home(student) / student_server.COPY / NAME for student in ("ada", "ben")}
    original = copies["ben"].read_bytes()
    assert {len(cell.get("outputs", [])) for cell in nbformat.reads(original.decode("utf-8"), 4).cells} == {0}
    ada.page.keyboard.press("ControlOrMeta+s")
    ada.until("() => !window.jupyterapp.shell.currentWidget.context.model.dirty", why="for the notebook to be saved")
    saved = copies["ada"].read_bytes()
    assert saved != original
    assert nbformat.reads(saved.decode("utf-8"), 4).cells[2].outputs != []
    assert copies["ben"].read_bytes() == original

    # A link of nbgitpuller leads to its page.
    assert status(ada.page, f"{hub.url}/user/ada/git-pull?repo=https%3A%2F%2Fexample.org%2Fworkbook") == 200

    # Each student can reach their own server, but not that of the other.
    assert status(ada.page, f"{hub.url}/user/ada/api/contents") == 200
    assert status(ada.page, f"{hub.url}/user/ben/api/contents") in (302, 403)
    assert status(ada.page, f"{hub.url}/hub/api/users/ben") == 404

    # The work survives a restart of the server.
    ada.page.goto(f"{hub.url}/hub/home")
    ada.page.get_by_role("button", name="Stop My Server").click()
    ada.page.get_by_role("button", name="Start My Server").click()
    ada.wait_open(NAME, timeout=driver.RUN)
    assert copies["ada"].read_bytes() == saved
    assert next(cell["count"] for cell in ada.state()["cells"] if cell["type"] == "code") is not None


def test_with_subdomains_a_students_page_cannot_act_on_the_hub(hub_with_subdomains, hub, browser):
    ada = log_in(browser, hub_with_subdomains, "ada")
    ada.wait_open(NAME, timeout=driver.RUN)
    assert ada.page.evaluate("location.hostname") == "ada.class.localhost"
    ada.run_all()
    assert (ada.errors(), ada.widget_problems()) == ([], [])
    assert ada.page.evaluate(READ, f"{hub_with_subdomains.url}/hub/home") == "refused"
    # The hub's own page can do it, and without subdomains every page can.
    hub_page = ada.page.context.new_page()
    hub_page.goto(f"{hub_with_subdomains.url}/hub/home")
    assert hub_page.evaluate(READ, f"{hub_with_subdomains.url}/hub/home") == 200
    shared = log_in(browser, hub, "ada")
    shared.wait_open(NAME, timeout=driver.RUN)
    assert shared.page.evaluate(READ, f"{hub.url}/hub/home") == 200


def test_a_wrong_password_and_a_name_that_is_no_name_for_a_folder_stay_outside(hub, browser):
    for student, password in (("dora", "wrong password"), ("../dora", None), (".dora", None)):
        lab = log_in(browser, hub, student, password)
        lab.page.get_by_text(re.compile("Invalid username or password")).wait_for()
    assert not list(hub.folder.rglob("*dora*"))
