"""Convert notebooks and other files of the repository to HTML for the site and the slides."""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from traitlets.config import Config

__all__ = ["ROOT", "Problem", "Source", "read", "render", "rewrite_images", "rewrite_links", "table_boxes"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SHOWN = {"image/png", "text/html", "text/plain"}


def _what_holds() -> str:
    """Return the verdicts on all versions, as the notebooks show them."""
    from workbook.lessons.versions import WhatHolds

    return WhatHolds()._repr_html_()


# HTML below the text of a file, by its path.
TABLES: dict[PurePosixPath, Callable[[], str]] = {PurePosixPath("docs/what_holds.md"): _what_holds}


class Problem(Exception):
    """An error whose message says in one sentence what is wrong and what to do."""


@dataclass(frozen=True)
class Source:
    """A file of the repository that becomes a page.

    Attributes:
        path: Its path, relative to the root of the repository.
        notebook: Its content; other files are converted to notebooks.

    Example:
        >>> read(PurePosixPath("README.md")).title
        'The Model Cloning Workbook'
    """

    path: PurePosixPath
    notebook: NotebookNode

    @property
    def is_notebook(self) -> bool:
        """Whether the file is a notebook."""
        return self.path.suffix == ".ipynb"

    @property
    def title(self) -> str:
        """The first heading of the file."""
        return re.sub(r"`", "", re.match(r"# +(.+)", self.notebook.cells[0].source).group(1)).strip()

    @property
    def description(self) -> str:
        """The question that a notebook asks, or the title."""
        question = re.search(r"\*\*(.+?\?)\*\*", self.notebook.cells[0].source)
        return question.group(1).replace("`", "") if question else self.title


def read(path: PurePosixPath) -> Source:
    """Read a file of the repository.

    Args:
        path: Its path, relative to the root of the repository.

    Returns:
        The file with its content.

    Raises:
        Problem: If a notebook stores an output of a kind that the pages do not show.

    Example:
        >>> read(PurePosixPath("LICENSE")).title
        'LICENSE'
    """
    file = ROOT / path
    if path.suffix == ".ipynb":
        notebook = nbformat.read(file, as_version=4)
        _check_outputs(path, notebook)
        return Source(path, notebook)
    text = file.read_text(encoding="utf-8")
    if path.suffix == ".md":
        cells = [new_markdown_cell(text)]
        if path in TABLES:
            cells.append(new_code_cell("", outputs=[new_output("display_data", {"text/html": TABLES[path]()})]))
            cells[-1].metadata["transient"] = {"remove_source": True}
        return Source(path, new_notebook(cells=cells))
    if path.suffix == ".py":
        cell = new_code_cell(text)
    else:
        cell = new_code_cell("", outputs=[new_output("stream", text=text)])
        cell.metadata["transient"] = {"remove_source": True}
    return Source(path, new_notebook(cells=[new_markdown_cell(f"# {path}"), cell]))


def _check_outputs(path: PurePosixPath, notebook: NotebookNode) -> None:
    """Raise a Problem for outputs that the template would leave out silently."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            kinds = set(output.get("data", {"text/plain": ""})) - {WIDGET_VIEW}
            if not kinds or kinds - SHOWN:
                what = ", ".join(sorted(kinds - SHOWN)) or "a widget with nothing in its place"
                raise Problem(f"Cell {number} of {path} stores {what}: add it to tools/site/template/cells.html.j2.")


def render(source: Source, frame: str, **resources: object) -> BeautifulSoup:
    """Render a file with a template.

    Args:
        source: The file.
        frame: The template, `page` or `slides`.
        **resources: The variable `resources` of the template.

    Returns:
        The page, with unchanged links and pictures.

    Example:
        >>> render(read(PurePosixPath("LICENSE")), "page", page={}).h1.get_text()
        'LICENSE'
    """
    config = Config()
    config.HTMLExporter.exclude_anchor_links = True
    exporter = HTMLExporter(
        config=config,
        template_name="template",
        template_file=f"{frame}.html.j2",
        extra_template_basedirs=[str(HERE)],
    )
    html, _ = exporter.from_notebook_node(source.notebook, resources=resources)
    return BeautifulSoup(html, "html.parser")


def _target(reference: str, source: PurePosixPath) -> tuple[PurePosixPath | None, str]:
    """Return the target of a reference in the repository, or None if it is elsewhere, and the part after `#`."""
    parts = urlsplit(reference)
    if parts.scheme or parts.netloc or not parts.path:
        return None, parts.fragment
    file = (ROOT / source.parent / unquote(parts.path)).resolve()
    if ROOT not in (file, *file.parents) or not file.exists():
        raise Problem(f"{source} refers to {reference}, which is not there: fix it.")
    return PurePosixPath(file.relative_to(ROOT).as_posix()), parts.fragment


def anchor(words: str) -> str:
    """Return the anchor that GitHub gives to a heading in a text.

    Args:
        words: The words of the heading, or the anchor that JupyterLab gives to it.

    Returns:
        The anchor, without `#`.

    Example:
        >>> anchor("A target network"), anchor("A-target-network")
        ('a-target-network', 'a-target-network')
    """
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-") or "part"


def rewrite_links(soup: BeautifulSoup, source: PurePosixPath, address: Callable[[PurePosixPath], str | None]) -> None:
    """Point links to files of the repository to the pages of these files.

    Args:
        soup: The page; the links of its cells are changed.
        source: The file from which it was made.
        address: Returns the address of a file's page, or None if it has none. The link is then replaced by its text.

    Raises:
        Problem: If a link leads to a file that does not exist.
    """
    for link in soup.select(".text a[href], .run a[href]"):
        target, fragment = _target(link["href"], source)
        if link.find_parent(class_="text") and fragment:
            fragment = anchor(unquote(fragment))  # JupyterLab keeps capital letters
        if target is None:
            if link["href"].startswith("#") and fragment:
                link["href"] = f"#{fragment}"
            continue
        if (ROOT / target).is_dir():
            target /= "README.md"
        found = address(target) if (ROOT / target).is_file() else None
        if found is None:
            link.unwrap()
        else:
            link["href"] = found + (f"#{fragment}" if fragment else "")


def rewrite_images(soup: BeautifulSoup, source: PurePosixPath, address: Callable[[str, bytes], str]) -> None:
    """Store pictures so that a page can show them without a network.

    Args:
        soup: The page; it is changed.
        source: The file from which it was made.
        address: Takes the file name and the bytes of a picture, stores it, and returns its address. A picture from the
            web, such as a badge, is replaced by its alternative text.

    Raises:
        Problem: If a picture does not exist.
    """
    for number, image in enumerate(soup.select("img[src]"), start=1):
        if image["src"].startswith("data:"):
            data = base64.b64decode(image["src"].partition(",")[2])
            image["src"] = address(f"{source.stem}-{number}.png", data)
            continue
        target, _ = _target(image["src"], source)
        if target is None:
            image.replace_with(image.get("alt", ""))
        else:
            image["src"] = address(target.name, (ROOT / target).read_bytes())


def embedded(name: str, data: bytes) -> str:
    """Return the data URL of a picture.

    Args:
        name: The file name of the picture.
        data: Its bytes.

    Returns:
        The data URL.

    Example:
        >>> embedded("dot.png", b"dot")
        'data:image/png;base64,ZG90'
    """
    return f"data:{mimetypes.guess_type(name)[0]};base64,{base64.b64encode(data).decode()}"


def table_boxes(soup: BeautifulSoup) -> None:
    """Put every table into a box that scrolls sideways, so that the page itself never has to.

    Args:
        soup: The page; it is changed.
    """
    for table in soup.select("main table"):
        columns = max(
            sum(int(cell.get("colspan", 1)) for cell in row.find_all(["td", "th"], recursive=False))
            for row in table.select("tr")
        )
        caption = table.caption.get_text(" ", strip=True) if table.caption else "Table"
        box = soup.new_tag("div", attrs={"class": "scroll", "role": "group", "aria-label": caption})
        if columns > 3:
            table["class"] = [*table.get("class", []), "wide"]
            table["style"] = f"--columns: {columns}"
        table.wrap(box)
        for heading in table.select("thead th:not([scope])"):
            heading["scope"] = "col"
