"""A real JupyterLab in a real browser: the browser tests use it to drive pages and to inspect them.

No wait is for a fixed time. Each wait is for a condition in the page, and its timeout only ends a test that would
otherwise never end.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
from accessibility import findings
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import TimeoutError, expect

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "artefacts" / "browser"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",  # containers often have only the user root, and these pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NO_CHROMIUM = (
    "no Chromium found: install it (Debian, Ubuntu: apt-get install chromium; otherwise any Chromium or Chrome), and "
    "put one of " + ", ".join(CHROMIUM_NAMES) + " on the PATH or its path into the environment variable CHROMIUM"
)

WINDOW = {"width": 1400, "height": 1000}  # a small laptop, about
READY = 60_000  # milliseconds, for a page, a kernel or a widget to appear
RUN = 240_000  # milliseconds, for all cells of a notebook


def find_chromium():
    """Return the path of a Chromium on this machine, or None."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def artefact(name):
    """Return the path for a picture with this name; characters that a file name cannot have are replaced."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return ARTEFACTS / (re.sub(r"[^\w.-]+", "-", name).strip("-") + ".png")


class Server:
    """A JupyterLab server on a free port and in its own folder, which does not use the user's settings.

    Args:
        folder: The folder that it serves.
        private: A folder for what Jupyter writes.
        prepare: Whether it keeps a kernel ready. Tests of notebooks and labs do without: it would take memory and time.
    """

    def __init__(self, folder, private, prepare=False):
        self.folder = Path(folder)
        self.token = secrets.token_hex(16)
        # A copy, because the settings look beside themselves for the notebook to open first.
        settings = shutil.copytree(ROOT / "binder" / "jupyter", self.folder / "binder" / "jupyter", dirs_exist_ok=True)
        environment = dict(
            os.environ,
            JUPYTER_CONFIG_PATH=str(settings),
            JUPYTER_CONFIG_DIR=str(private / "config"),
            JUPYTER_DATA_DIR=str(private / "data"),
            JUPYTER_RUNTIME_DIR=str(private / "runtime"),
            JUPYTERLAB_SETTINGS_DIR=str(private / "settings"),
            JUPYTERLAB_WORKSPACES_DIR=str(private / "workspaces"),
            IPYTHONDIR=str(private / "ipython"),
            JUPYTER_TOKEN=self.token,
        )
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
        # With port 0 the system chooses a free one. Tests read the state of cells from the page's application object.
        command += ["--ServerApp.port=0", "--expose-app-in-browser", f"--ServerApp.root_dir={self.folder}"]
        command += [f"--PreparingKernelManager.prepare={prepare}"]
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        log = []
        for line in self._process.stderr:
            log.append(line)
            if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab", line):
                self.url = found.group(1)
                break
        else:
            raise RuntimeError("JupyterLab did not start:\n" + "".join(log))
        # Further output is not read, and a full pipe would block the server.
        threading.Thread(target=self._process.stderr.read, daemon=True).start()
        while self._process.poll() is None:  # it prints its address a moment before it listens there
            with contextlib.suppress(urllib.error.URLError):
                self._call("GET", "status")
                break

    def _call(self, method, path):
        request = urllib.request.Request(
            f"{self.url}/api/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def shut_kernels_down(self):
        """End every kernel, so that memory does not grow from test to test."""
        for kernel in json.loads(self._call("GET", "kernels")):
            # A kernel that has just died cannot be ended again.
            with contextlib.suppress(urllib.error.HTTPError):
                self._call("DELETE", f"kernels/{kernel['id']}")

    def stop(self):
        """End the kernels and the server."""
        with contextlib.suppress(OSError):
            self.shut_kernels_down()
        # After SIGTERM, Jupyter Server can wait forever for its idle worker threads.
        self._process.kill()
        self._process.wait()


# The state of the active notebook, as plain data. Off-screen cells may have no elements in the page, so cells are read
# from the notebook model.
_STATE = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const context = panel?.sessionContext;
  if (!panel?.content?.model || !panel.context?.isReady || !context?.isReady) return null;
  return {
    path: panel.context.path,
    kernel: context.session?.kernel?.connectionStatus === 'connected' ? context.session.kernel.status : 'absent',
    starred: [...panel.node.querySelectorAll('.jp-InputPrompt')].some(node => node.textContent.includes('*')),
    dialog: document.querySelector('.jp-Dialog')?.innerText ?? null,
    cells: panel.content.widgets.map(cell => ({
      type: cell.model.type,
      source: cell.model.sharedModel.source,
      tags: cell.model.getMetadata('tags') ?? [],
      count: cell.model.executionCount ?? null,
      running: cell.model.executionState === 'running',
      outputs: cell.model.type === 'code' ? cell.model.outputs.toJSON() : [],
    })),
  };
}"""

# A condition to wait for inside the page: the notebook is ready, and every cell is done or one has failed.
_DONE = f"""() => {{
  const state = ({_STATE})();
  if (!state) return false;
  if (state.dialog) return true;
  const cells = state.cells.filter(cell => cell.type === 'code' && cell.source.trim());
  if (state.kernel !== 'idle' || state.starred || cells.some(cell => cell.running)) return false;
  const failed = cell => !cell.tags.includes('raises-exception')
    && cell.outputs.some(output => output.output_type === 'error');
  return cells.every(cell => cell.count !== null) || cells.some(failed);
}}"""

# The reason why a widget view (cell, output) is not shown, if it is not. Called after scrolling to the cell, because
# the browser lays out only elements near the window.
_WIDGET_PROBLEM = """([cell, output]) => {
  const area = window.jupyterapp.shell.currentWidget.content.widgets[cell].node;
  const child = area.querySelectorAll('.jp-OutputArea-child')[output];
  const view = child?.querySelector('.jupyter-widgets');
  if (!view) return 'it is not in the page: ' + (child?.innerText ?? 'no output');
  const failed = child.querySelector('.jupyter-widgets-error-widget');
  if (failed) {
    failed.click();  // shows the reason instead of an invitation to click
    return 'a view failed: ' + failed.innerText;
  }
  if (child.textContent.includes('Error displaying widget')) return 'its model is gone';
  const box = view.getBoundingClientRect();
  if (!box.width || !box.height) return 'it has no size';
  for (const image of child.querySelectorAll('img')) {
    if (!image.complete || !image.naturalWidth) return 'a picture in it is not loaded';
    if (!(image.alt || image.title || image.getAttribute('aria-label'))) return 'a picture in it has no name in words';
  }
  return null;
}"""

_DIGEST = """async (image) => {
  await image.decode();
  const bytes = await (await fetch(image.src)).arrayBuffer();
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, '0')).join('');
}"""

# Check the picture at every frame of the page until its digest is not `before`. Playwright's own waiting does not await
# the promise of a digest. A picture can be replaced, and its address revoked, while it is read; then the next check
# finds the new one.
_OTHER_DIGEST = f"""async ([selector, before, limit]) => {{
  const end = performance.now() + limit;
  while (performance.now() < end) {{
    try {{
      const digest = await ({_DIGEST})(document.querySelector(selector));
      if (digest !== before) return digest;
    }} catch (error) {{
      if (error instanceof ReferenceError) throw error;
    }}
    await new Promise(requestAnimationFrame);
  }}
  return null;
}}"""


_JUPYTERLABS_OWN = (".jp-RenderedImage img", ".jp-RenderedMarkdown a", ".jp-RenderedText a")


class Lab:
    """The page of JupyterLab as a user sees it: tests open notebooks, run them from the menu, and inspect them.

    Attributes:
        page: Playwright's page.
        complaints: The errors in the browser's console.
        outside: Addresses outside of the server that the page requested; a reader may have no network.
    """

    def __init__(self, page, server):
        self.page, self.server = page, server
        self.complaints, self.outside = [], []
        page.set_default_timeout(READY)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("request", lambda request: self._note_request(request.url))

    def _note_request(self, url):
        if not url.startswith((self.server.url, "blob:", "data:")):
            self.outside.append(url)

    def until(self, condition, arg=None, timeout=READY, why=""):
        """Wait until a JavaScript condition holds in the page.

        Args:
            condition: A function in JavaScript, as text; it may be asynchronous.
            arg: Its argument.
            timeout: Milliseconds after which the test fails.
            why: The condition in words, for the message.
        """
        try:
            self.page.wait_for_function(condition, arg=arg, timeout=timeout)
        except TimeoutError:
            raise AssertionError(f"waited in vain {why or condition}; the notebook: {self._summary()}") from None

    def state(self):
        """Return the state of the active notebook, or None while it is not ready."""
        return self.page.evaluate(_STATE)

    def _summary(self):
        state = self.state()
        if state is None:
            return "not ready"
        cells = [(cell["count"], cell["running"]) for cell in state["cells"] if cell["type"] == "code"]
        return f"kernel {state['kernel']}, dialog {state['dialog']!r}, cells (count, running) {cells}"

    def open(self, name):
        """Open a notebook of the server's folder and wait until its kernel is ready for the first cell."""
        # JupyterLab shows an empty page for a link to a missing file.
        assert (self.server.folder / name).is_file(), f"there is no {name}"
        self.page.goto(f"{self.server.url}/lab/tree/{name}?token={self.server.token}&reset")
        self.wait_open(name)

    def wait_open(self, name, timeout=READY):
        """Wait until a notebook is open and its kernel is ready for the first cell."""
        self.until(
            f"(name) => {{ const state = ({_STATE})(); return state?.path === name && state.kernel === 'idle'; }}",
            arg=name,
            timeout=timeout,
            why=f"for {name} to open",
        )

    def make_and_open(self, *cells):
        """Make a notebook from these code cells, each a text or a node, and open it."""
        cells = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), self.server.folder / "made.ipynb")
        self.open("made.ipynb")

    def open_and_run(self, *cells):
        """Make a notebook from these code cells, each a text or a node; open it and run it."""
        self.make_and_open(*cells)
        self.run_all()

    def choose(self, menu, item):
        """Choose from JupyterLab's menu bar."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()

    def run_all(self):
        """Run all cells from the menu, and wait until the last one is done or one has failed."""
        # A stored notebook already has numbers and outputs, which are cleared, so that later ones are from this run.
        self.choose("Edit", "Clear Outputs of All Cells")
        self.choose("Run", "Run All Cells")
        self.wait_idle()

    def wait_idle(self):
        """Wait until no cell is running or waiting and the kernel is idle."""
        self.until(_DONE, timeout=RUN, why="for all cells to be done")
        dialog = self.state()["dialog"]
        assert dialog is None, f"JupyterLab asks: {dialog}"

    def errors(self):
        """Return the errors of cells, except in cells with the tag `raises-exception`."""
        return [
            f"cell {number} ({cell['source'][:40]!r}): {output['ename']}: {output['evalue']}"
            for number, cell in enumerate(self.state()["cells"], start=1)
            if "raises-exception" not in cell["tags"]
            for output in cell["outputs"]
            if output["output_type"] == "error"
        ]

    def widgets(self):
        """Return the positions of the notebook's widget views: pairs of cell index and output index."""
        return [
            (index, number)
            for index, cell in enumerate(self.state()["cells"])
            for number, output in enumerate(cell["outputs"])
            if WIDGET_VIEW in output.get("data", {})
        ]

    def widget_problems(self, timeout=READY):
        """Check every widget view in turn, and return the reasons for those that are not shown properly."""
        problems = []
        for place in self.widgets():
            self.page.evaluate(
                "(cell) => window.jupyterapp.shell.currentWidget.content.widgets[cell].node.scrollIntoView()", place[0]
            )
            try:
                self.page.wait_for_function(
                    f"(place) => ({_WIDGET_PROBLEM})(place) === null", arg=place, timeout=timeout
                )
            except TimeoutError:
                problems.append(f"the widget of cell {place[0] + 1}: {self.page.evaluate(_WIDGET_PROBLEM, place)}")
        return problems

    def screenshot(self, name, of=None):
        """Save a picture of the window, or of the element that a selector names, among the artefacts."""
        path = artefact(name)
        (self.page.locator(of) if of else self.page).screenshot(path=path)
        return path

    @contextlib.contextmanager
    def whole(self):
        """Inside the block, make the window high enough to show the whole notebook."""
        before = self.page.viewport_size
        # Cells far below get their true height only when the window reaches them. So the notebook is measured from the
        # top, the window is made that high, and both are done once more.
        measure = """() => {
          const cells = document.querySelectorAll('.jp-Notebook .jp-Cell');
          document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0;
          return Math.ceil(cells[cells.length - 1].getBoundingClientRect().bottom) + 60;
        }"""
        for _ in range(2):
            height = max(before["height"], min(self.page.evaluate(measure), 16_000))
            self.page.set_viewport_size({**before, "height": height})
        self.page.evaluate(measure)
        try:
            yield
        finally:
            self.page.set_viewport_size(before)

    def screenshot_whole(self, name):
        """Save a picture of the whole notebook."""
        with self.whole():
            return self.screenshot(name)

    def accessibility_problems(self, *within):
        """Return the accessibility problems in parts of the page, in the light and in the dark theme.

        Two problems of JupyterLab itself are left out: it ignores the alternative text of pictures in a cell's output
        (`notebook_checks.picture_sentences` checks that a sentence is beside each of them), and it does not underline
        links in Markdown and in printed text.
        """
        # axe-core skips elements that it considers clipped, such as all of them if the body of the page has no height,
        # as in JupyterLab. It also skips elements that have been scrolled out of the window.
        self.page.add_style_tag(content="html, body { height: 100vh !important; }")
        with self.whole():
            light = findings(self.page, within, without=_JUPYTERLABS_OWN)
            self.choose_theme("JupyterLab Dark")
            try:
                return light + findings(self.page, within, without=_JUPYTERLABS_OWN, rules=["color-contrast"])
            finally:
                self.choose_theme("JupyterLab Light")

    def choose_theme(self, theme):
        """Change JupyterLab's theme, and wait until the page has its colours."""
        self.page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        # Until the colours are loaded, JupyterLab hides the page behind a splash screen.
        shown = "document.body.dataset.jpThemeName === theme && !document.getElementById('jupyterlab-splash')"
        self.until(f"(theme) => {shown}", theme, why=f"for the theme {theme}")

    def panel(self, selector):
        """Return the panel of widgets that a CSS selector names."""
        return Panel(self, selector)


class Panel:
    """A panel of widgets, whose controls are found by their description and used by keyboard.

    Args:
        lab: The page.
        selector: Names the panel's outermost element. There must be exactly one in the notebook.
    """

    # Labels of ipywidgets are beside the element that takes the keys, and are not always its accessible name.
    _KEYS = "select, input, textarea, button, [role=slider]"

    def __init__(self, lab, selector):
        self.lab, self.page, self.selector = lab, lab.page, selector
        self.root = lab.page.locator(selector)
        expect(self.root).to_have_count(1)
        self.root.scroll_into_view_if_needed()

    def accessibility_problems(self):
        """Return the accessibility problems in the panel, in the light and in the dark theme."""
        return self.lab.accessibility_problems(self.selector)

    def control(self, description, nth=0):
        """Return the element that takes the keys of the control with this description (the nth of that name)."""
        exactly = re.compile(rf"^\s*{re.escape(description)}\s*$")
        label = self.page.locator(":scope > .widget-label", has_text=exactly)
        beside = self.root.locator(":has(> .widget-label)").filter(has=label).locator(self._KEYS)
        # An icon is a letter of a font, and part of the name.
        button = self.root.get_by_role("button", name=re.compile(rf"^\W*{re.escape(description)}$"))
        inside = self.root.get_by_label(description, exact=True).and_(self.page.locator("input[type=checkbox]"))
        found = beside.or_(button).or_(inside).locator("visible=true")
        expect(found.nth(nth), f"a control with the description {description!r}").to_be_visible()
        return found.nth(nth)

    def press(self, description, *keys, nth=0):
        """Focus a control and press keys, given by their names in Playwright, such as "ArrowRight" or "a"."""
        control = self.control(description, nth)
        control.focus()
        expect(control).to_be_focused()
        for key in keys:
            self.page.keyboard.press(key)

    def value(self, description, nth=0):
        """Return the text of a control: the value of a slider or field, or the label of the chosen option."""
        value = self.control(description, nth).evaluate(
            "(node) => node.getAttribute('aria-valuetext') ?? node.selectedOptions?.[0].textContent "
            "?? (node.type === 'checkbox' ? node.checked : node.value)"
        )
        return value.replace("\N{NO-BREAK SPACE}", " ") if isinstance(value, str) else value

    def tab_stops(self):
        """Return the descriptions of the controls that the Tab key reaches inside the panel, in this order.

        A slider and the number beside it share a description, and count once.
        """
        describe = """(panel) => {
          const node = document.activeElement;
          if (!panel.contains(node)) return null;
          const row = node.closest(':has(> .widget-label)');
          const beside = row?.querySelector('.widget-label').textContent.replace(/\u200b/g, '').trim();
          return node.getAttribute('aria-label') || beside || node.closest('label')?.textContent.trim()
            || node.textContent.trim();
        }"""
        self.root.evaluate(
            "(panel, keys) => [...panel.querySelectorAll(keys)].find(node => node.checkVisibility()).focus()",
            self._KEYS,
        )
        stops = []
        for _ in range(200):
            stop = self.root.evaluate(describe)
            if stop is None:
                return stops
            stops += [stop] if stops[-1:] != [stop] else []
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not lead out of the panel: {stops}")

    def choose(self, description, option, nth=0):
        """Choose an option of a dropdown by its label, with the arrow keys."""
        options = self.options(description, nth)
        away = options.index(option) - options.index(self.value(description, nth))
        self.press(description, *["ArrowDown" if away > 0 else "ArrowUp"] * abs(away), nth=nth)
        chosen = self.value(description, nth)
        assert chosen == option, f"the arrow keys led {description!r} to {chosen!r} and not to {option!r}"

    def options(self, description, nth=0):
        """Return the labels of the options of a dropdown."""
        texts = self.control(description, nth).locator("option").all_inner_texts()
        return [text.replace("\N{NO-BREAK SPACE}", " ").strip() for text in texts]

    def text(self, selector):
        """Return the text of a part of the panel."""
        return self.root.locator(selector).inner_text().strip()

    def wait_text(self, selector, pattern, timeout=READY):
        """Wait until the text of a part of the panel matches a regular expression."""
        expect(self.root.locator(selector)).to_have_text(re.compile(pattern), timeout=timeout)

    def record(self, selector=".lab-status"):
        """Begin to record every change of the text of a part of the panel, however short-lived."""
        self.root.locator(selector).evaluate("""(node) => {
          window.recorded = [];
          new MutationObserver(() => {
            const text = node.textContent.trim();
            if (text && text !== window.recorded.at(-1)) window.recorded.push(text);
          }).observe(node, {childList: true, subtree: true, characterData: true});
        }""")

    def wait_recorded(self, *patterns, timeout=READY):
        """Wait until the texts recorded since `record` matched these regular expressions in turn, the last one last.

        Until a panel has received a key press, it still shows its earlier status, so waiting only for "Up to date"
        could end too early.
        """
        condition = """(patterns) => {
          let next = 0;
          for (const text of window.recorded) next += new RegExp(patterns[next]).test(text);
          return next >= patterns.length && new RegExp(patterns.at(-1)).test(window.recorded.at(-1));
        }"""
        try:
            self.page.wait_for_function(condition, arg=list(patterns), timeout=timeout)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {patterns}, was told {self.recorded()}") from None

    def recorded(self):
        """Return the texts that were recorded since `record`."""
        return self.page.evaluate("() => window.recorded")

    def picture(self, selector=".lab-picture img"):
        """Return a digest of the bytes of a picture in the panel."""
        return self.wait_other_picture(None, selector)

    def wait_other_picture(self, before, selector=".lab-picture img", timeout=READY):
        """Wait until the digest of a picture in the panel is not `before`, and return the new digest."""
        digest = self.page.evaluate(_OTHER_DIGEST, [f"{self.selector} {selector}", before, timeout])
        assert digest is not None, f"waited in vain for another picture in {selector}"
        return digest
