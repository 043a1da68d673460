"""Cut a rendered notebook into slides: a new one at each heading, at each step of a lesson, and if a slide is full."""

from __future__ import annotations

import copy
import itertools

from bs4 import BeautifulSoup, NavigableString, Tag
from nbformat import NotebookNode

__all__ = ["cut", "cut_code"]

# A slide holds about this many lines of text at the sizes of the style sheet. The script shrinks a slide that is a
# little longer; a much longer one can be scrolled.
LINES = 15
CHARACTERS = 70  # in a line of text
CODE = 0.7  # height of a line of code, in lines of text
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
        """Begin a slide with a new heading, or with the current one."""
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
        """Whether the slide has only its heading."""
        return len(self.slides[-1].find_all(recursive=False)) <= 1

    def add(self, block: Tag, step: bool = False, after: float = 0) -> None:
        """Put a block on the slide if there is room and the slide is not closed, otherwise on a new one.

        A `step` is hidden until the next key press. `after` is the number of lines that must follow on the same slide.
        """
        lines = _lines(block)
        if self.closed or (lines + after > self.room and not self.empty):
            self.begin()
        if step and not self.empty:
            block["class"] = [*block.get_attribute_list("class"), "step"]
        self.slides[-1].append(block)
        self.room -= lines


def cut_code(notebook: NotebookNode) -> NotebookNode:
    """Cut code cells that are too long for a slide between statements; the output stays with the last part.

    Args:
        notebook: A notebook, which is not changed.

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
    """Cut code at empty lines that are followed by an unindented line, into as few parts as possible."""
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

    A heading begins a slide, and so does a paragraph that begins with a bold phrase and a full stop, as each step of a
    lesson does: "**Why.** ...". A prediction question is last on its slide, so that the class can answer before it sees
    the cell with the answer. The output of a cell, and the content of a `<details>`, appear at the next key press.

    Args:
        soup: A page that was rendered with the template `slides`; its `main` is changed.
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
            deck.closed = True  # nothing visible may follow a hidden block on the same slide


def _opens_a_beat(paragraph: Tag) -> bool:
    first = next(
        (child for child in paragraph.children if not isinstance(child, NavigableString) or child.strip()), None
    )
    return getattr(first, "name", None) == "strong" and first.get_text().rstrip().endswith(".")


def _run(deck: _Deck, cell: Tag) -> None:
    """Add a code cell: its code, then its output. Of claims, only the verdicts are shown, not the programs."""
    for detail in cell.select(".claims-program, .claims-parts"):
        detail.decompose()
    outputs = cell.select(".outputs > *")
    question = any(output.find("strong", string="Predict") for output in outputs)
    code = cell.select_one("div.highlight")
    if question:  # the code only shows the question, and the last line of the output says where to answer it
        for hint in cell.select(".outputs p:has(> em:only-child)"):
            hint.decompose()
    else:
        if "exercise" in cell["class"]:
            code["class"] = [*code["class"], "exercise"]
        deck.add(code.extract())
    for output in outputs:
        if output.select_one(".lesson-verdict"):
            continue  # the verdict on an exercise that was not attempted
        if output.find_previous_sibling("figure"):  # a table with the same content as the picture
            for table in output.select(".scroll"):
                table.decompose()
            if not output.get_text(strip=True):
                continue
        deck.add(output.extract(), step=not question)
    deck.closed = deck.closed or bool(outputs)


def _lines(block: Tag) -> float:
    """Estimate the lines of a slide that a block takes."""
    if block.name in ("figure", "table") or block.find(["figure", "table", "img"]):
        return LINES if block.find("img") else 1.2 * len(block.find_all("tr")) + 1
    if block.name == "pre" or block.find("pre"):
        return CODE * (block.get_text().strip("\n").count("\n") + 1) + 0.8
    items = block.find_all("li") or [block]
    return sum(-(-len(item.get_text()) // CHARACTERS) for item in items) + 0.6
