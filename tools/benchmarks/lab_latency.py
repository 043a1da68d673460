"""Measure the response time of the labs in a real JupyterLab, and compare the Layer Lab with a panel of the usual kind.

    python tools/benchmarks/lab_latency.py [--presses 30] [--screenshots FOLDER] [--labs-only]

Time is measured in the browser, from the key press on a control until a new picture has been decoded. In each lab of
the lessons, every dropdown, slider and checkbox is changed in turn. The Layer Lab is also compared with a simple panel
in the same notebook that does the same work: a slider sets the units of a layer, then the model is built, cloned with
clone_model and with a correct method, compared, trained, and drawn in three panels. The numbers depend on the machine,
so they are printed and not asserted; compare the rows.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "browser"))
import driver

LABS = {  # class in workbook.labs: class of its panel in the page
    "LayerLab": ".layer-lab",
    "BirthLab": ".birth-lab",
    "SaveLoadLab": ".save-load-lab",
    "InterruptionLab": ".interruption-lab",
    "PosteriorsLab": ".posteriors-lab",
}

LAB = """\
import workbook
workbook.quiet_tensorflow()
from workbook.labs.layer.spec import Definition, LayerSpec
from workbook.labs import LayerLab
LayerLab(Definition((LayerSpec("Dense", 20),)), steps=40)
"""

USUAL = """\
import keras
import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import IntSlider, interact
from workbook.notebook import load_digits

images, labels = (array[:256] for array in load_digits())

def make(units):
    model = keras.Sequential([
        keras.Input((8, 8, 1)), keras.layers.Flatten(),
        keras.layers.Dense(units, activation="relu"), keras.layers.Dense(10),
    ])
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model

def clones(model):
    naive = keras.models.clone_model(model)
    correct = keras.models.clone_model(model)
    correct.set_weights(model.get_weights())
    for clone in (naive, correct):
        clone.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return {"clone_model": naive, "correct": correct}

def distance(a, b):
    return max(float(np.abs(x - y).max()) for x, y in zip(a, b))

class Record(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.weights = []
    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(self.model.get_weights())

def panel(units=20):
    model = make(units)
    figure, axes = plt.subplots(1, 3, figsize=(11, 4.3))
    pairs = clones(model)
    before = model.get_weights()
    for name, clone in pairs.items():
        axes[0].plot([np.abs(a - b).max() for a, b in zip(before, clone.get_weights())], "o", label=name)
    seen = Record()
    model.fit(images, labels, epochs=5, shuffle=False, verbose=0, callbacks=[seen])
    for name, clone in pairs.items():
        untouched = clone.get_weights()
        axes[2].plot([0.0], [distance(untouched, clone.get_weights())], "o", label=name)
        mine = Record()
        clone.fit(images, labels, epochs=5, shuffle=False, verbose=0, callbacks=[mine])
        axes[1].plot([distance(a, b) for a, b in zip(seen.weights, mine.weights)], label=name)
    for ax in axes:
        ax.legend()
    plt.show()

interact(panel, units=IntSlider(20, 1, 64));
"""

# Listens to `load` events in the capture phase, so it sees new images as well as changed sources of old ones.
CLOCK = """() => {
  window.pictures = [];
  document.addEventListener('load', event => {
    if (event.target.tagName === 'IMG') {
      window.pictures.push([performance.now(), event.target.closest('.layer-lab') ? 'lab' : 'usual']);
    }
  }, true);
  document.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
}"""

# The keys that change a control and change it back, by the kind of control.
KEYS = {
    "select": ("ArrowDown", "ArrowUp"),
    "[role=slider]": ("ArrowRight", "ArrowLeft"),
    "input[type=checkbox]": ("Space", "Space"),
}

WATCH = """selector => {
  window.told = [];
  const status = document.querySelector(selector + ' .lab-status');
  new MutationObserver(() => {
    const text = status.textContent.trim();
    if (text && text !== window.told.at(-1)?.[1]) window.told.push([performance.now(), text]);
  }).observe(status, {childList: true, subtree: true, characterData: true});
}"""

AT_END = """node => node.options ? node.selectedIndex === node.options.length - 1
  : node.ariaValueNow !== null && node.ariaValueNow === node.ariaValueMax"""

AT_REST = "() => window.told.length > 1 && window.told.at(-1)[1].startsWith('Up to date')"


def press(page: Page, panel: str, key: str, timeout: float = 60_000) -> float:
    """Press a key and return the milliseconds until that panel has a new picture."""
    page.evaluate("() => { window.pictures = []; }")
    page.keyboard.press(key)
    page.wait_for_function("panel => window.pictures.some(p => p[1] === panel)", arg=panel, timeout=timeout, polling=5)
    return page.evaluate("panel => window.pictures.find(p => p[1] === panel)[0] - window.pressed", panel)


def until_quiet(page: Page, panel: str, quiet: float = 1.0) -> None:
    """Wait until a panel has had no new picture for `quiet` seconds."""
    page.wait_for_function(
        "([panel, quiet]) => performance.now() - Math.max(window.pressed || 0,"
        " ...window.pictures.filter(p => p[1] === panel).map(p => p[0])) > quiet",
        arg=[panel, 1000 * quiet],
        timeout=120_000,
    )


def up_to_date(page: Page) -> None:
    """Wait until the status line of the lab is "Up to date"."""
    page.wait_for_function(
        "() => document.querySelector('.layer-lab .lab-status').textContent.trim() === 'Up to date'", timeout=120_000
    )


def p95(times: list[float]) -> float:
    """Return the 95th percentile."""
    return sorted(times)[round(0.95 * (len(times) - 1))]


def figures(times: list[float]) -> str:
    """Format median, 95th percentile and maximum."""
    return f"{statistics.median(times):>8.0f}{p95(times):>8.0f}{max(times):>8.0f}"


def line(name: str, times: list[float]) -> str:
    """Format one row of the table."""
    return f"{name:<46}{figures(times)}{len(times):>6}"


def changes(page: Page, selector: str) -> list[tuple[str, int, str, str]]:
    """List the controls of a panel: kind, number, the key that changes it, and the key that changes it back."""
    counts = {kind: page.locator(f"{selector} {kind}").locator("visible=true").count() for kind in KEYS}
    return [(kind, number, *KEYS[kind]) for kind, count in counts.items() for number in range(count)]


def measure_lab(lab: driver.Lab, name: str, rounds: int) -> tuple[list[float], list[float]]:
    """Change every control of a lab and back; return milliseconds to the first new picture and to "Up to date"."""
    selector, page = LABS[name], lab.page
    lab.open_and_run(
        "import workbook\nworkbook.quiet_tensorflow('tensorflow', 'keras', 'tf_keras', 'tensorflow_probability')",
        f"from workbook.labs import {name}\n{name}()",
    )
    page.wait_for_selector(f"{selector} .lab-picture img")
    page.evaluate(WATCH, selector)
    first, rest = [], []
    for kind, number, there, back in changes(page, selector) * rounds:
        control = page.locator(f"{selector} {kind}").locator("visible=true").nth(number)
        at_end = control.evaluate(AT_END)
        for key in (back, there) if at_end else (there, back):
            if not control.is_enabled():
                continue
            control.focus()
            page.evaluate("() => { window.pictures = []; window.told = []; }")
            page.keyboard.press(key)
            page.wait_for_function(AT_REST, timeout=120_000, polling=5)
            picture, end = page.evaluate(
                "() => [window.pictures[0]?.[0], window.told.at(-1)[0]].map(time => time - window.pressed)"
            )
            rest.append(end)
            # If two settings have the same picture, byte for byte, none is sent.
            first.append(end if picture is None else picture)
    return first, rest


def measure_labs(lab: driver.Lab, rounds: int) -> None:
    """Measure each lab in a separate notebook, and print the table."""
    print(f"{'milliseconds from key press':<34}{'first new picture':^24}{'up to date':^24}")
    print(f"{'':<34}{'median':>8}{'p95':>8}{'max':>8}{'median':>8}{'p95':>8}{'max':>8}{'n':>6}")
    for name in LABS:
        first, rest = measure_lab(lab, name, rounds)
        print(f"{name:<34}{figures(first)}{figures(rest)}{len(first):>6}", flush=True)
        lab.server.shut_kernels_down()


def measure_usual(lab: driver.Lab, presses: int) -> list[float]:
    """Move the slider of the panel that is made the usual way; return milliseconds to each new picture."""
    lab.open_and_run("import workbook\nworkbook.quiet_tensorflow()", USUAL)
    lab.page.wait_for_selector(".widget-interact img")
    times = []
    for _ in range(presses):
        lab.page.locator(".jp-OutputArea-output .widget-interact .noUi-handle").first.focus()
        times.append(press(lab.page, "usual", "ArrowRight"))
        until_quiet(lab.page, "usual", 0.5)
    return times


def measure(page: Page, presses: int, screenshots: Path | None) -> None:
    """Measure both panels and print the table."""
    handles = {"lab": page.locator(".layer-lab .lab-controls .noUi-handle").first}
    handles["usual"] = page.locator(".jp-OutputArea-output .widget-interact .noUi-handle").first
    times: dict[str, list[float]] = {"lab": [], "usual": [], "busy": []}
    streams: list[float] = []
    up_to_date(page)
    # In turns, so that a slow moment of the machine affects both.
    for number in range(presses):
        key = "ArrowRight" if number % 20 < 10 else "ArrowLeft"
        handles["lab"].focus()
        times["lab"].append(press(page, "lab", key))
        up_to_date(page)
        stamps = page.evaluate("() => window.pictures.filter(p => p[1] === 'lab').map(p => p[0])")
        if len(stamps) > 4:  # the first comes before the training step is compiled
            streams.append((len(stamps) - 2) / (stamps[-1] - stamps[1]) * 1000)
        if number % 3 == 0:
            handles["usual"].focus()
            times["usual"].append(press(page, "usual", key))
            until_quiet(page, "usual", 0.5)
    handles["lab"].focus()
    for number in range(presses):  # pressed again while the curves of the last press are still growing
        times["busy"].append(press(page, "lab", "ArrowRight" if number % 20 < 10 else "ArrowLeft"))
        page.wait_for_timeout(400)
    up_to_date(page)
    page.evaluate("() => { window.pictures = []; }")
    start = page.evaluate("() => performance.now()")
    for number in range(25):  # held down
        page.keyboard.press("ArrowRight" if number < 13 else "ArrowLeft")
        page.wait_for_timeout(33)
    held = page.evaluate("start => [window.pictures.length, performance.now() - start]", start)
    up_to_date(page)
    page.evaluate("() => { window.pictures = []; }")
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(6000)
    stamps = page.evaluate("() => window.pictures.map(p => p[0])")
    page.get_by_role("button", name="Pause").click()
    up_to_date(page)
    if screenshots:
        page.locator(".layer-lab").screenshot(path=screenshots / "layer_lab.png")
        page.screenshot(path=screenshots / "page.png")
    print(f"{'milliseconds from key press to new picture':<46}{'median':>8}{'p95':>8}{'max':>8}{'n':>6}")
    print(line("Layer Lab, at rest", times["lab"]))
    print(line("Layer Lab, pressed while its curves grow", times["busy"]))
    print(line("interact + fit + plt.show()", times["usual"]))
    ratio = statistics.median(times["usual"]) / statistics.median(times["lab"])
    print(f"The lab is {ratio:.1f} times as fast (median against median).")
    grow = f"median {statistics.median(streams):.1f}, least {min(streams):.1f}"
    print(f"Pictures a second while the curves grow: {grow}.")
    print(f"Pictures a second while it plays: {(len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1000:.1f}.")
    print(f"Pictures during {held[1] / 1000:.1f} s of a key held down: {held[0]}.")


@contextlib.contextmanager
def opened(private: Path) -> Iterator[driver.Lab]:
    """Start JupyterLab and a browser with a clock in each page; all files are written to the folder."""
    folder = private / "notebooks"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        server = driver.Server(folder, private)
        stack.callback(server.stop)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=driver.find_chromium(), args=list(driver.CHROMIUM_ARGUMENTS)
        )
        stack.callback(browser.close)
        page = browser.new_page(viewport={"width": 1400, "height": 1600})
        page.add_init_script(f"({CLOCK})()")
        yield driver.Lab(page, server)


def main() -> None:
    """Measure all labs, and then compare the Layer Lab with the panel that is made the usual way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presses", type=int, default=30)
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--labs-only", action="store_true", help="leave out the panel written the usual way")
    options = parser.parse_args()
    if driver.find_chromium() is None:
        sys.exit(driver.NO_CHROMIUM)
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as lab:
        try:
            measure_labs(lab, max(1, options.presses // 10))
            if options.labs_only:
                return
            lab.open_and_run(LAB, USUAL)
            lab.page.wait_for_selector(".layer-lab .lab-picture img")
            lab.page.wait_for_selector(".widget-interact img")
            measure(lab.page, options.presses, options.screenshots)
        except Exception:
            print(lab.errors(), lab.complaints)
            if options.screenshots:
                lab.page.screenshot(path=options.screenshots / "failed.png")
            raise


if __name__ == "__main__":
    main()
