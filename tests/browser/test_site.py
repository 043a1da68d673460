"""The static site and the slides, as files and in a browser.

They are complete, load nothing from other servers, and can be read on a phone, in a dark scheme, by keyboard and with a
screen reader.
"""

from __future__ import annotations

import base64
import itertools
import re
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urldefrag

import driver
import nbformat
import pytest
from accessibility import findings
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_checks import lessons

sys.path.insert(0, str(driver.ROOT / "tools" / "site"))
import build
import pages

# The quick tier checks the files of all notebooks, but opens only the first and the longest in a browser.
QUICK = ("index", "00_start_here")
PATHS = sorted((driver.ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = {path.stem: nbformat.read(path, 4) for path in PATHS}
LESSONS = {path.stem: NOTEBOOKS[path.stem] for path in lessons(PATHS)}  # these have slides
ALL = ("minor", "moderate", "serious", "critical")
PHONE, DESKTOP, PROJECTOR = (
    {"width": width, "height": height} for width, height in ((360, 740), (1280, 800), (1280, 720))
)
LEFT_OF_A_WIDGET = re.compile(
    r"\b\w*(?:Box|Lab|Panel|HTML|Slider|Button)\((?:children|value|description)=|model_id|widget-view"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built from the notebooks as they are stored."""
    folder = tmp_path_factory.mktemp("site")
    build.build_site(folder)
    return folder


@pytest.fixture(scope="module")
def documents(site):
    """Every page and every deck of slides, by its path in the site."""
    files = sorted(site.rglob("*.html"))
    return {str(path.relative_to(site)): BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in files}


def tiers(names, quick=QUICK):
    """Mark all names as slow except those in `quick`."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


def words(text):
    """Return a text without line breaks and indentation, which HTML does not keep."""
    return re.sub(r"\s+", " ", text).strip()


def outputs(name):
    """Every output of a notebook, with its data."""
    return [
        (output, output.get("data", {}))
        for cell in NOTEBOOKS[name].cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


# --- The files ---------------------------------------------------------------------------------------------------


def test_every_notebook_has_a_page_every_lesson_slides_and_they_can_be_reached(documents):
    assert len(NOTEBOOKS) >= 7
    order = ["index.html", *(f"{name}.html" for name in NOTEBOOKS)]
    assert {*order} <= documents.keys()
    assert {name for name in documents if name.startswith("slides/")} == {f"slides/{name}.html" for name in LESSONS}
    for place, name in enumerate(order):
        links = {link.get("rel", [""])[0]: link["href"] for link in documents[name].select(".turn a")}
        assert links.get("prev") == (order[place - 1] if place else None)
        assert links.get("next") == (order[place + 1] if place + 1 < len(order) else None)
        listed = [link["href"] for link in documents[name].select("nav[aria-label='All notebooks'] a")]
        assert listed == order[1:]
        assert len(documents[name].select("h1")) == 1
    assert {link["href"] for link in documents["index.html"].select("main .text a")} >= set(order[1:])


def test_nothing_is_fetched_from_elsewhere(site, documents):
    for name, soup in documents.items():
        for tag in soup.find_all(True):
            if tag.name == "a":  # a link that a reader clicks may lead anywhere
                continue
            for attribute in ("src", "href", "srcset", "data", "poster", "action", "style", "onload"):
                assert not re.search(r"//|url\(", re.sub(r"^data:[\w/+;,=]*$", "", tag.get(attribute, ""))), (
                    name,
                    tag.name,
                )
            if tag.name in ("script", "style"):
                assert not re.search(r"://|@import|url\(", tag.get_text()), (name, tag.name)
    texts = [path.read_text("utf-8") for path in site.rglob("*.*") if path.suffix in (".css", ".js")]
    assert len(texts) == 2
    assert not any(re.search(r"://|@import|url\(", text) for text in texts)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_picture_is_there_with_its_words(site, documents, name):
    stored = [base64.b64decode(data["image/png"]) for _, data in outputs(name) if "image/png" in data]
    alternatives = [output.metadata["image/png"]["alt"] for output, data in outputs(name) if "image/png" in data]
    for document, read in (
        (f"{name}.html", lambda source: (site / source).read_bytes()),
        (f"slides/{name}.html", lambda source: base64.b64decode(source.partition("base64,")[2])),
    )[: 1 + (name in LESSONS)]:
        images = documents[document].select("main img")
        assert [read(image["src"]) for image in images] == stored
        assert [image["alt"] for image in images] == alternatives


def test_every_image_of_the_site_has_words(documents):
    images = [(name, image) for name, soup in documents.items() for image in soup.select("img")]
    assert len(images) > 20
    for name, image in images:
        assert len(image.get("alt", "").split()) > 2 and "No description" not in image["alt"], name


def test_every_link_leads_somewhere(site, documents):
    ids = {name: [tag["id"] for tag in soup.select("[id]")] for name, soup in documents.items()}
    seen = 0
    for name, soup in documents.items():
        assert len(ids[name]) == len(set(ids[name])), f"an id is there twice in {name}"
        for link in soup.select("a[href], link[href], script[src]"):
            address, fragment = urldefrag(link.get("href") or link["src"])
            if re.match(r"[a-z]+:", address):
                continue
            target = (site / name).parent / unquote(address) if address else site / name
            assert target.is_file(), f"{name} links to {address}"
            if fragment:
                assert fragment in ids[str(target.resolve().relative_to(site.resolve()))], (
                    f"{name} links to #{fragment}"
                )
            seen += 1
    assert seen > 200


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_nothing_of_a_notebook_is_lost(documents, name):
    page = words(documents[f"{name}.html"].main.get_text())
    slides = words(documents[f"slides/{name}.html"].main.get_text()) if name in LESSONS else page
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "code":
            assert words(cell.source) in page
            # A long cell is spread over several slides, and the code of a question is not shown.
            if "labs.ask(" not in cell.source:
                missing = [line for line in cell.source.splitlines() if words(line) not in slides]
                assert missing == []
        else:
            plain = re.sub(r"\[([^\]]+)\]\([^)]*\)|<[^>]+>|[`*|#]|^\s*(?:[-:]+|\d+\.)", r"\1 ", cell.source, flags=re.M)
            for word in re.findall(r"\w{3,}", plain):
                assert word in page and word in slides
    for output, data in outputs(name):
        if output.output_type == "stream":
            assert words(output.text) in page and words(output.text) in slides
        elif driver.WIDGET_VIEW in data:
            stand_in = BeautifulSoup(data["text/html"], "html.parser").get_text(" ") if "text/html" in data else ""
            told = words(stand_in) or words(data["text/plain"])
            assert re.sub(r"\s", "", told) in re.sub(r"\s", "", page)


def test_no_widget_is_left_as_text(documents):
    for name, soup in documents.items():
        assert not LEFT_OF_A_WIDGET.search(soup.get_text().replace("\u200b", "")), name
        assert not soup.select(".jupyter-widgets, script[type*='jupyter']")
    assert LEFT_OF_A_WIDGET.search("VBox(children=(HTML(value='...'),))")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_there_is_no_formula_that_would_stay_unset(name):
    """The site does not include MathJax, which is large, so a formula would appear as LaTeX source."""
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```|`[^`]*`", "", cell.source, flags=re.DOTALL)
            assert not re.search(r"\$[^$]+\$|\\\(|\\\[|\\begin\{", text)


def test_tables_say_which_cells_are_headings(documents):
    tables = [table for soup in documents.values() for table in soup.select("main table")]
    assert len(tables) > 20
    for table in tables:
        assert table.find_parent("div", class_="scroll")["aria-label"]
        assert all(heading.get("scope") for heading in table.select("thead th"))


# --- Slides ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LESSONS)
def test_a_question_stands_before_its_answer(documents, name):
    slides = documents[f"slides/{name}.html"].select(".slide")
    questions = [slide for slide in slides if slide.find("strong", string="Predict")]
    assert len(questions) == sum("labs.ask(" in cell.source for cell in NOTEBOOKS[name].cells)
    for slide in questions:
        last = slide.find_all(recursive=False)[-1]
        assert last.find("strong", string="Predict")
        assert "step" not in last.get("class", []) and "labs.ask" not in slide.get_text()


@pytest.mark.parametrize("name", LESSONS)
def test_a_result_is_told_after_its_code(documents, name):
    """The output of a cell appears at the next key press: below its code, or first on the next slide."""
    kinds, results = ("figure", "printed", "html"), 0
    slides = documents[f"slides/{name}.html"].select(".slide")
    blocks = [(slide, block) for slide in slides for block in slide.find_all(recursive=False)]
    shown = [(slide, block) for slide, block in blocks if "running" not in block.get("class", [])]
    for (slide, before), (place, block) in itertools.pairwise(shown):
        # A block of code in the text has the class `highlight` alone, without the language of the kernel.
        code = any(each.startswith("hl-") for each in before.get("class", []))
        step = "step" in block.get("class", [])
        if code and {block.name, *block.get("class", [])} & set(kinds) and not block.find("strong", string="Predict"):
            assert step or place is not slide
            results += 1
        if "step" in before.get("class", []):
            assert step or place is not slide
    assert results == sum(has_a_result(cell) for cell in NOTEBOOKS[name].cells)


def has_a_result(cell):
    """Whether a cell has an output that the slides show; they do not show the verdict on an untouched exercise."""
    stands_in = [output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
    return bool(stands_in) and not any("Predict" in text or "lesson-verdict" in text for text in stands_in)


def test_slides_alone_are_whole(tmp_path):
    """A deck that is built alone is self-contained and has no dead links."""
    (file,) = build.build_slides(tmp_path, build.named(["06"]))
    soup = BeautifulSoup(file.read_text("utf-8"), "html.parser")
    assert soup.select("section.slide") and not soup.select("link[rel=stylesheet], script[src]")
    assert all(image["src"].startswith("data:image/png;base64,") for image in soup.select("img"))
    assert all(re.match(r"https?:", link["href"]) for link in soup.select("a[href]"))


@pytest.mark.parametrize("size", [1, 15, 40])
def test_long_code_is_cut_between_statements(size):
    block = "class A:\n" + "    x = 1\n" * size + "\n    y = 2\n"
    code = "\n\n".join([f"# {number}\n{block}" for number in range(3)]).strip()
    cell = new_code_cell(code, outputs=[new_output("stream", text="told")])
    parts = build.cut_code(new_notebook(cells=[cell])).cells
    assert words(" ".join(part.source for part in parts)) == words(code)
    assert all(compile(part.source, "part", "exec") for part in parts)
    assert len(parts) == {1: 1, 15: 3, 40: 3}[size]
    assert [len(part.outputs) for part in parts] == [0] * (len(parts) - 1) + [1]
    assert len({part.id for part in parts}) == len(parts)


# --- Errors are reported -------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small repository to which a test adds a fault."""
    for module in (build, pages):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "README.md").write_text("# Title\n\n[One](notebooks/1.ipynb), [two](x.md#Part)", encoding="utf-8")
    (tmp_path / "x.md").write_text("# X\n\n## Part\n\n[Home](README.md), [folder](notebooks)", encoding="utf-8")

    def write(*cells):
        notebook = new_notebook(cells=[new_markdown_cell("# One\n\n**Why?**"), *cells])
        nbformat.write(notebook, tmp_path / "notebooks" / "1.ipynb")

    write()
    return write


def test_files_that_are_linked_become_pages(small, tmp_path):
    written = build.build_site(tmp_path / "out")
    assert [path.name for path in written] == ["index.html", "1.html", "x.html"]
    soup = BeautifulSoup(written[2].read_text("utf-8"), "html.parser")
    # A folder has no page, so its link is replaced by its text.
    assert [link["href"] for link in soup.select(".text p a")] == ["index.html"]
    assert "folder" in soup.main.get_text()


def test_a_badge_from_the_web_becomes_words(small, tmp_path):
    small(new_markdown_cell("[![Start it](https://badge.example/b.svg)](https://start.example)"))
    build.build_site(tmp_path / "out")
    soup = BeautifulSoup((tmp_path / "out" / "1.html").read_text("utf-8"), "html.parser")
    assert not soup.select("img")
    assert soup.select_one("a[href='https://start.example']").get_text() == "Start it"


@pytest.mark.parametrize(
    "cell, said",
    [
        (new_markdown_cell("[gone](nothing.ipynb)"), "nothing.ipynb"),
        (new_markdown_cell("![a gone picture](nothing.png)"), "nothing.png"),
        (new_markdown_cell("[out](../../outside.md)"), "outside.md"),
        (new_code_cell("x", outputs=[new_output("display_data", {"image/svg+xml": "<svg/>"})]), "image/svg+xml"),
        (new_code_cell("x", outputs=[new_output("display_data", {driver.WIDGET_VIEW: {}})]), "a widget with nothing"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(small, tmp_path, cell, said):
    (tmp_path.parent / "outside.md").write_text("# Outside", encoding="utf-8")
    small(cell)
    with pytest.raises(pages.Problem, match=re.escape(said)) as caught:
        build.build_site(tmp_path / "out")
    assert "notebooks/1.ipynb" in str(caught.value) and str(caught.value).count(". ") == 0


def test_the_commands_say_where_it_is_and_what_is_wrong(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build, "OUTPUT", tmp_path / "site")
    assert build.main(["site"]) == 0
    assert (tmp_path / "site" / "index.html").as_uri() in capsys.readouterr().out
    (tmp_path / "site" / "old.html").touch()
    assert build.main(["site"]) == 0
    assert not (tmp_path / "site" / "old.html").exists()
    capsys.readouterr()
    assert build.main(["slides", "1"]) == 0
    assert (tmp_path / "site" / "slides" / "1.html").as_uri() in capsys.readouterr().out
    assert build.main(["slides", "7"]) == 1
    assert "no slides of '7'" in capsys.readouterr().err


def test_notebooks_are_found_by_what_a_person_would_type():
    expected = [PurePosixPath("notebooks/02_cloning_subclassed_models.ipynb")]
    for name in ("02", "02_cloning_subclassed_models", "notebooks/02_cloning_subclassed_models.ipynb"):
        assert build.named([name]) == expected
    assert [path.stem for path in build.named([])] == list(LESSONS)


def test_anchors_of_jupyterlab_lead_to_the_same_heading(small, tmp_path):
    small(new_markdown_cell("[there](#A-Part) [page](../x.md#Part) [out](https://a.example/#Up)\n\n## A Part"))
    build.build_site(tmp_path / "out")
    soup = BeautifulSoup((tmp_path / "out" / "1.html").read_text("utf-8"), "html.parser")
    found = [link["href"] for link in soup.select(".text p a")]
    assert found == ["#a-part", "x.html#part", "https://a.example/#Up"]
    assert soup.h2["id"] == "a-part"


# --- In a browser ------------------------------------------------------------------------------------------------

# Elements that extend beyond the right edge, except inside boxes that scroll.
STICKS_OUT = """() => {
  const edge = document.documentElement.clientWidth + 1;
  return [...document.querySelectorAll('body *')]
    .filter((node) => node.checkVisibility() && !node.closest('.skip') && !node.parentElement.closest('pre, .scroll')
      && node.getBoundingClientRect().right > edge)
    .map((node) => node.outerHTML.slice(0, 120));
}"""
PAGE_SCROLLS = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def page(browser):
    """A page that records its requests and its errors."""
    page = browser.new_page(viewport=DESKTOP)
    page.asked, page.complaints = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.complaints.append(message.text))
    yield page
    assert page.complaints == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    page.close()


def visit(page, file, size=DESKTOP, scheme="light"):
    """Open a file of the site on a screen, in light or dark."""
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme, media="screen")
    page.goto("about:blank")  # the same file with another `#` would not be loaded again
    page.goto(file.as_uri() if isinstance(file, Path) else file)


def luminance(page):
    """Return how light the background is, from 0 to 255."""
    colour = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@pytest.mark.parametrize("name", tiers(["index", *NOTEBOOKS]))
def test_a_page_fits_the_screen_and_can_be_read_by_all(site, page, name):
    for scheme in ("light", "dark"):
        visit(page, site / f"{name}.html", PHONE, scheme)
        assert not page.evaluate(PAGE_SCROLLS) and page.evaluate(STICKS_OUT) == []
        page.set_viewport_size(DESKTOP)
        assert not page.evaluate(PAGE_SCROLLS) and page.evaluate(STICKS_OUT) == []
        assert (luminance(page) > 200) == (scheme == "light") and (luminance(page) < 60) == (scheme == "dark")
        # Of the rules of axe-core, only the contrast depends on the colour scheme.
        assert findings(page, impacts=ALL, rules=["color-contrast"] if scheme == "dark" else None) == []
        page.screenshot(path=driver.artefact(f"site-{name}-{scheme}"))


@pytest.mark.slow
def test_other_files_fit_and_can_be_read_too(site, page, documents):
    others = [name for name in documents if "/" not in name and Path(name).stem not in ("index", *NOTEBOOKS)]
    assert len(others) >= 3
    for name in others:
        visit(page, site / name, PHONE)
        assert not page.evaluate(PAGE_SCROLLS) and page.evaluate(STICKS_OUT) == []
        assert findings(page, impacts=ALL) == []


def test_the_checks_see_what_sticks_out_and_what_is_too_faint(site, page):
    visit(page, site / "index.html", PHONE)
    page.evaluate(
        "() => document.querySelector('main p').insertAdjacentHTML('afterend', "
        "'<div style=\"width: 500px; color: #999; background: #aaa\">too wide</div>')"
    )
    assert page.evaluate(PAGE_SCROLLS) and "too wide" in page.evaluate(STICKS_OUT)[0]
    assert any("color-contrast" in finding for finding in findings(page))


def test_on_a_phone_code_and_tables_scroll_in_their_own_box_by_keyboard(site, page):
    visit(page, site / "06_bring_your_own_model.html", PHONE)
    for selector in (".highlight pre", ".scroll:has(table.wide)"):
        box = page.locator(f"{selector}[tabindex='0']").first
        box.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("(box) => box.scrollLeft > 0", arg=box.element_handle())
    # A box that does not need to scroll is not a Tab stop.
    fits = "boxes => boxes.filter(box => box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight)"
    assert page.locator("pre, .scroll").evaluate_all(f"boxes => ({fits})(boxes).length") > 5
    assert page.locator("pre, .scroll").evaluate_all(f"boxes => ({fits})(boxes).every(box => box.tabIndex < 0)")


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_a_version_is_chosen_by_keyboard_and_its_verdicts_are_shown(site, page, size):
    visit(page, site / "docs-what_holds.html", size)
    shown = page.locator("tbody tr:has-text('0.E2') td.only:visible")
    assert shown.count() == 1 and "does not hold" in shown.inner_text()
    page.get_by_label("tf_keras").focus()
    page.keyboard.press("ArrowRight")  # wraps around to the first
    assert page.get_by_label("TensorFlow 2.0").is_checked()
    assert shown.count() == 1 and "does not hold" not in shown.inner_text()
    rows = page.locator("tbody tr:not(.lesson):visible")
    assert "0.E2" in rows.locator("th").all_inner_texts()  # the verdict on this claim changes
    few = rows.count()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # claims that do not simply hold
    assert "0.E2" not in rows.locator("th").all_inner_texts()
    page.keyboard.press("ArrowRight")  # all
    assert 0 < few < rows.count()
    assert not page.evaluate(PAGE_SCROLLS) and page.evaluate(STICKS_OUT) == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_claims_open_to_their_programs_by_keyboard(site, page, size):
    visit(page, site / "02_cloning_subclassed_models.html", size)
    program = page.locator(".claims-program details").first
    source, folded = program.locator("pre"), page.locator(".claims > details")
    assert not source.is_visible() and folded.locator("tbody").is_visible() is False
    for opened in (program, folded):
        opened.locator("summary").first.focus()
        page.keyboard.press("Enter")
    assert source.inner_text().startswith("def check_0_") and folded.locator("tbody").is_visible()
    assert "It returned on Keras 3:" in program.inner_text()
    assert not page.evaluate(PAGE_SCROLLS) and page.evaluate(STICKS_OUT) == []
    assert findings(page) == []


def test_light_and_dark_can_be_switched_and_stay(site, page):
    visit(page, site / "index.html", scheme="dark")
    page.locator("#theme").focus()
    page.keyboard.press("Enter")
    assert luminance(page) > 200
    page.get_by_role("link", name="00 · Start here").first.click()
    assert page.locator("h1").inner_text() == "00 · Start here"
    assert luminance(page) > 200 and page.locator("#theme").inner_text() == "Dark"
    page.locator("#theme").click()
    assert luminance(page) < 60 and page.locator("#theme").inner_text() == "Light"
    page.evaluate("() => localStorage.clear()")


def test_answers_unfold_and_headings_can_be_linked_to(site, page):
    visit(page, site / "00_start_here.html", PHONE)
    answer = page.locator("main details")
    hidden = answer.locator("li").first
    assert not hidden.is_visible()
    answer.locator("summary").focus()
    page.keyboard.press("Enter")
    assert hidden.is_visible()
    # On a phone the table of contents is collapsed; beside the text it is open.
    contents = page.get_by_role("navigation", name="On this page")
    assert not contents.get_by_role("link", name="A smaller learning rate").is_visible()
    page.set_viewport_size(DESKTOP)
    contents.get_by_role("link", name="A smaller learning rate").click()
    assert page.url.endswith("#a-smaller-learning-rate")
    assert abs(page.locator("#a-smaller-learning-rate").bounding_box()["y"]) < 60


def test_it_prints_the_text_and_all_answers(site, page):
    visit(page, site / "00_start_here.html", {"width": 700, "height": 900}, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert not page.locator(".bar").is_visible() and not page.locator(".side").is_visible()
    assert page.locator("main details li").first.is_visible()
    assert page.evaluate("() => getComputedStyle(document.querySelector('h1')).color") == "rgb(28, 33, 38)"
    assert not page.evaluate(PAGE_SCROLLS) and page.evaluate(STICKS_OUT) == []


# --- Slides in a browser -----------------------------------------------------------------------------------------

# The visible slide: whether content is cut off that cannot be scrolled to, and its smallest font size.
SLIDE = """() => {
  const slide = document.querySelector('.slide.now');
  const inside = slide.getBoundingClientRect();
  const cut = [...slide.querySelectorAll('*')].filter((node) => {
    const box = node.getBoundingClientRect();
    const scrolls = node.parentElement.closest('pre, .scroll');
    return box.width && (box.left < -1 || (box.right > inside.right + 1 && !scrolls)
      || box.top + slide.scrollTop < inside.top - 1);
  }).map((node) => node.outerHTML.slice(0, 100));
  const type = [...slide.querySelectorAll('p, li, pre, td, th')]
    .map((node) => parseFloat(getComputedStyle(node).fontSize));
  return { cut, type: Math.min(99, ...type), empty: !slide.innerText.trim() && !slide.querySelector('img') };
}"""


@pytest.mark.parametrize("name", tiers(LESSONS, quick=("00_start_here",)))
def test_every_slide_can_be_read_across_a_room(site, page, name):
    visit(page, site / "slides" / f"{name}.html", PROJECTOR)
    count = page.locator(".slide").count()
    assert 10 < count < 120
    for number in range(1, count + 1):
        assert page.locator("#place").inner_text() == f"{number} of {count}"
        slide = page.evaluate(SLIDE)
        assert slide["cut"] == [] and slide["type"] >= 12.5 and not slide["empty"], (number, slide)
        for _ in range(60):  # no slide has as many steps
            if number == count or page.locator("#place").inner_text() != f"{number} of {count}":
                break
            page.keyboard.press("ArrowRight")


@pytest.mark.slow
def test_slides_can_be_read_by_all(site, page):
    for scheme in ("light", "dark"):
        visit(page, site / "slides" / "06_bring_your_own_model.html", PROJECTOR, scheme)
        # Shown below each other, all of them can be checked at once.
        page.evaluate("() => document.documentElement.classList.remove('presenting')")
        assert findings(page, impacts=ALL, rules=["color-contrast"] if scheme == "dark" else None) == []


def test_slides_are_driven_by_keyboard(site, page):
    visit(page, site / "slides" / "00_start_here.html", PROJECTOR)
    slide, place, predict = page.locator(".slide.now"), page.locator("#place"), "strong:text-is('Predict')"
    assert slide.locator("h1").inner_text() == "00 · Start here"
    for _ in range(60):
        if slide.locator(predict).count() and "570 and 0" in slide.inner_text():
            break
        page.keyboard.press("ArrowRight")
    asked = place.inner_text()
    assert "the smaller rate" in slide.inner_text() and "Keras 3 and Keras 2" not in slide.inner_text()
    # The code comes first, and its output at the next key press.
    page.keyboard.press("PageDown")
    coded = place.inner_text()
    assert coded != asked and "one, other =" in slide.inner_text()
    assert "Keras 3 and Keras 2" not in slide.inner_text()
    page.keyboard.press("Space")
    assert place.inner_text() == coded and "Keras 3 and Keras 2" in slide.inner_text()
    # The same way back.
    page.keyboard.press("ArrowLeft")
    assert place.inner_text() == coded and "Keras 3 and Keras 2" not in slide.inner_text()
    page.keyboard.press("PageUp")
    assert place.inner_text() == asked
    page.reload()
    assert place.inner_text() == asked
    page.keyboard.press("End")
    assert (
        slide.locator("h2").inner_text() == "Recap" and place.inner_text().split()[0] == place.inner_text().split()[2]
    )
    page.keyboard.press("ArrowRight")
    assert slide.locator("h2").inner_text() == "Recap"
    page.keyboard.press("Home")
    assert slide.locator("h1").is_visible() and page.locator("#back").is_disabled()


def test_slides_have_buttons_a_list_and_light_and_dark(site, page):
    visit(page, site / "slides" / "00_start_here.html", PHONE)
    page.get_by_role("button", name="On", exact=True).click()
    assert page.locator("#place").inner_text().startswith("2 of")
    page.get_by_label("Go to").select_option("A smaller learning rate")
    assert page.locator(".slide.now h2").inner_text() == "A smaller learning rate"
    page.get_by_role("button", name="Back").click()
    assert page.locator(".slide.now h2").inner_text() != "A smaller learning rate"
    page.locator("#theme").click()
    assert luminance(page) < 60
    page.evaluate("() => localStorage.clear()")
    page.set_viewport_size(PROJECTOR)
    page.get_by_role("link", name="Page").click()
    assert page.url == (site / "00_start_here.html").as_uri()


def test_slides_print_one_below_the_other(site, page):
    visit(page, site / "slides" / "00_start_here.html", PROJECTOR)
    page.emulate_media(media="print")
    assert all(slide.is_visible() for slide in page.locator(".slide").all())
    assert page.locator(".step", has_text="Keras 3 and Keras 2").is_visible()
    assert not page.locator(".controls").is_visible()
