"""Cuts a rendered notebook into slides: a new one at each heading and each beat of a lesson, and where one is full."""

from __future__ import annotations

import copy
import itertools

from bs4 import BeautifulSoup, NavigableString, Tag
from nbformat import NotebookNode

__all__ = ["cut", "cut_code"]

# A slide holds about this many lines of text. The style sheet's sizes make it so, and the script shrinks what is
# a little longer; what is much longer can be scrolled.
LINES = 15
CHARACTERS = 70  # in a line of text
CODE = 0.7  # of a line of text: a line of code
HEADINGS = ("h1", "h2", "h3")


class _Deck:
    """The slides so far, and the one that is being filled."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self.soup = soup
        self.slides: list[Tag] = []
        self.running: Tag | None = None
        self.room = 0.0
        self.closed = True

    def begin(self, heading: Tag | None = None) -> None:
        """Begin a slide, under a heading of its own or under the one that still holds."""
        slide = self.soup.new_tag("section", attrs={"class": "slide"})
        self.slides.append(slide)
        self.room = LINES
        self.closed = False
        if heading is not None:
            self.running = heading
            slide.append(heading)
            self.room -= 2 * _lines(heading)
        elif self.running is not None:
            again = self.soup.new_tag("h2", attrs={"class": "running"})
            again.string = self.running.get_text().strip()
            slide.append(again)

    @property
    def empty(self) -> bool:
        """Whether the slide has nothing but its heading."""
        return len(self.slides[-1].find_all(recursive=False)) <= 1

    def add(self, block: Tag, step: bool = False, after: float = 0) -> None:
        """Put a block on the slide if there is room for it and nothing is closed, or else on a new one.

        A `step` is hidden until it is asked for. `after` says how many lines it must not be parted from.
        """
        lines = _lines(block)
        if self.closed or (lines + after > self.room and not self.empty):
            self.begin()
        if step and not self.empty:
            block["class"] = [*block.get_attribute_list("class"), "step"]
        self.slides[-1].append(block)
        self.room -= lines


def cut_code(notebook: NotebookNode) -> NotebookNode:
    """Cut code cells that are too long for a slide, between statements; what they put out stays with the last part.

    Args:
        notebook: a notebook, which is left as it is.

    Returns:
        A notebook with the same code in more cells.
    """
    shorter = copy.deepcopy(notebook)
    shorter.cells = []
    for cell in notebook.cells:
        parts = _parts(cell.source) if cell.cell_type == "code" else [cell.source]
        for number, part in enumerate(parts, start=1):
            piece = copy.deepcopy(cell)
            piece.id = f"{cell.id}-{number}"
            piece.source = part
            if number < len(parts):
                piece.outputs = []
            shorter.cells.append(piece)
    return shorter


def _parts(source: str) -> list[str]:
    """Cut code where an empty line is followed by one that is not indented, into as few parts as fit."""
    lines = source.split("\n")
    whole = [[lines[0]]]
    for before, line in itertools.pairwise(lines):
        if not before.strip() and line[:1].strip():
            whole.append([])
        whole[-1].append(line)
    parts = [whole[0]]
    for block in whole[1:]:
        if (len(parts[-1]) + len(block)) * CODE > LINES:
            parts.append([])
        parts[-1] = parts[-1] + block
    return ["\n".join(part).rstrip("\n") for part in parts]


def cut(soup: BeautifulSoup) -> None:
    """Cut the cells of a page into slides.

    A heading begins a slide, and so does a paragraph that opens with a bold phrase and a full stop, as each beat of a
    lesson does: "**Why.** ...". A prediction question is the last thing on its slide, so that the class can answer
    before the cell is shown that answers it. What came of a cell, and what a `<details>` holds, is told one key later.

    Args:
        soup: a page that was rendered into the frame `slides`; what is in `main` is changed.
    """
    deck = _Deck(soup)
    for cell in soup.main.find_all("div", class_=["text", "run"], recursive=False):
        if "text" in cell["class"]:
            _text(deck, cell)
        else:
            _run(deck, cell)
    soup.main.clear()
    for number, slide in enumerate(deck.slides, start=1):
        slide["aria-label"] = f"Slide {number} of {len(deck.slides)}"
        soup.main.append(slide)


def _text(deck: _Deck, cell: Tag) -> None:
    for block in list(cell.children):
        if isinstance(block, NavigableString):
            if block.strip():
                wrapped = deck.soup.new_tag("p")
                wrapped.append(block.extract())
                deck.add(wrapped)
            continue
        if block.name in HEADINGS:
            deck.begin(block.extract())
            continue
        if block.name == "p" and _opens_a_beat(block) and not deck.closed and not deck.empty:
            deck.begin()
        following = block.find_next_sibling()
        leads = block.name == "p" and not block.get_text().rstrip().endswith((".", "?", "!"))
        after = _lines(following) if leads and following is not None else 0
        deck.add(block.extract(), step=block.name == "details", after=after)
        if block.name == "details":
            deck.closed = True  # what comes next must not stand below something that is still hidden


def _opens_a_beat(paragraph: Tag) -> bool:
    first = next(
        (child for child in paragraph.children if not isinstance(child, NavigableString) or child.strip()), None
    )
    return getattr(first, "name", None) == "strong" and first.get_text().rstrip().endswith(".")


def _run(deck: _Deck, cell: Tag) -> None:
    """A code cell: its code, and then what came of it. Of claims, a room sees the verdicts and not the programs."""
    for detail in cell.select(".claims-program, .claims-parts"):
        detail.decompose()
    outputs = cell.select(".outputs > *")
    question = any(output.find("strong", string="Predict") for output in outputs)
    code = cell.select_one("div.highlight")
    if question:  # the code says nothing but that there is one, and the last line where else to answer it
        for hint in cell.select(".outputs p:has(> em:only-child)"):
            hint.decompose()
    else:
        if "exercise" in cell["class"]:
            code["class"] = [*code["class"], "exercise"]
        deck.add(code.extract())
    for output in outputs:
        if output.select_one(".lesson-verdict"):
            continue  # on an exercise that nobody has tried
        if output.find_previous_sibling("figure"):  # a table that says what the picture says
            for table in output.select(".scroll"):
                table.decompose()
            if not output.get_text(strip=True):
                continue
        deck.add(output.extract(), step=not question)
    deck.closed = deck.closed or bool(outputs)


def _lines(block: Tag) -> float:
    """About how many lines of a slide a block takes."""
    if block.name in ("figure", "table") or block.find(["figure", "table", "img"]):
        return LINES if block.find("img") else 1.2 * len(block.find_all("tr")) + 1
    if block.name == "pre" or block.find("pre"):
        return CODE * (block.get_text().strip("\n").count("\n") + 1) + 0.8
    items = block.find_all("li") or [block]
    return sum(-(-len(item.get_text()) // CHARACTERS) for item in items) + 0.6
