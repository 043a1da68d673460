"""Turns notebooks and other files of the repository into the HTML that the site and the slides are made of."""

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


# What stands below the text of a file.
TABLES: dict[PurePosixPath, Callable[[], str]] = {PurePosixPath("docs/what_holds.md"): _what_holds}


class Problem(Exception):
    """One sentence for whoever builds: what is wrong and what to do."""


@dataclass(frozen=True)
class Source:
    """A file of the repository that becomes a page.

    Attributes:
        path: where it is, seen from the root of the repository.
        notebook: its content; what is no notebook is made one.

    Example:
        >>> read(PurePosixPath("README.md")).title
        'The Model Cloning Workbook'
    """

    path: PurePosixPath
    notebook: NotebookNode

    @property
    def is_notebook(self) -> bool:
        """Whether it is a notebook, and not another file."""
        return self.path.suffix == ".ipynb"

    @property
    def title(self) -> str:
        """Its first heading."""
        return re.sub(r"`", "", re.match(r"# +(.+)", self.notebook.cells[0].source).group(1)).strip()

    @property
    def description(self) -> str:
        """The question that a notebook asks, or the title."""
        question = re.search(r"\*\*(.+?\?)\*\*", self.notebook.cells[0].source)
        return question.group(1).replace("`", "") if question else self.title


def read(path: PurePosixPath) -> Source:
    """Read a file of the repository.

    Args:
        path: where it is, seen from the root of the repository.

    Returns:
        The file with its content.

    Raises:
        Problem: a notebook stores an output of a kind that the pages do not show.

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
    """Stop at what the template would leave out silently."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            kinds = set(output.get("data", {"text/plain": ""})) - {WIDGET_VIEW}
            if not kinds or kinds - SHOWN:
                what = ", ".join(sorted(kinds - SHOWN)) or "a widget with nothing in its place"
                raise Problem(f"Cell {number} of {path} stores {what}: add it to tools/site/template/cells.html.j2.")


def render(source: Source, frame: str, **resources: object) -> BeautifulSoup:
    """Render a file into a frame.

    Args:
        source: the file.
        frame: which template, `page` or `slides`.
        **resources: what the template reads as `resources`.

    Returns:
        The page, with links and pictures as the file has them.

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
    """Return the file of the repository that a reference leads to, or None for elsewhere, and the part after `#`."""
    parts = urlsplit(reference)
    if parts.scheme or parts.netloc or not parts.path:
        return None, parts.fragment
    file = (ROOT / source.parent / unquote(parts.path)).resolve()
    if ROOT not in (file, *file.parents) or not file.exists():
        raise Problem(f"{source} refers to {reference}, which is not there: fix it.")
    return PurePosixPath(file.relative_to(ROOT).as_posix()), parts.fragment


def rewrite_links(soup: BeautifulSoup, source: PurePosixPath, address: Callable[[PurePosixPath], str | None]) -> None:
    """Let links to files of the repository lead to their pages.

    Args:
        soup: the page; the links of its cells are changed.
        source: the file it was made from.
        address: gives the address of a file's page, or None if it has none: then the words stay and the link goes.

    Raises:
        Problem: a link leads to a file that is not there.
    """
    for link in soup.select(".text a[href], .run a[href]"):
        target, fragment = _target(link["href"], source)
        if target is None:
            continue
        if (ROOT / target).is_dir():
            target /= "README.md"
        found = address(target) if (ROOT / target).is_file() else None
        if found is None:
            link.unwrap()
        else:
            link["href"] = found + (f"#{fragment}" if fragment else "")


def rewrite_images(soup: BeautifulSoup, source: PurePosixPath, address: Callable[[str, bytes], str]) -> None:
    """Put pictures where a page can show them without a network.

    Args:
        soup: the page; it is changed.
        source: the file it was made from.
        address: takes a file name and the bytes of a picture, and returns where the page finds it. A picture that lies
            elsewhere on the web, such as a badge, is replaced by its words.

    Raises:
        Problem: a picture is not there.
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
    """Return a picture as an address that holds all of it.

    Args:
        name: its file name.
        data: its bytes.

    Returns:
        A data address.

    Example:
        >>> embedded("dot.png", b"dot")
        'data:image/png;base64,ZG90'
    """
    return f"data:{mimetypes.guess_type(name)[0]};base64,{base64.b64encode(data).decode()}"


def table_boxes(soup: BeautifulSoup) -> None:
    """Put every table into a box of its own, in which it can be scrolled; the page then never has to be.

    Args:
        soup: the page; it is changed.
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
