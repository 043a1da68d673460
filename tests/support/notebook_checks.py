"""What a stored notebook must look like: pure functions from a notebook to a list of sentences, one a problem.

nbval runs a notebook and compares the text of its outputs. It does not look at pictures, widget views, metadata
or the words of the frame; these functions do. None of them runs anything.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from IPython.core.inputtransformer2 import TransformerManager
from PIL import Image

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# Notebooks to look things up in. They ask nothing, end in no recap, and state no minutes.
REFERENCES = {"07"}

MAX_CODE_CELLS = 30
MAX_BYTES = 1_000_000
MAX_RECAP_LINES = 5

# Fewer pixels a side than this is a stray image, more is a picture that no page shows in full.
SMALLEST_SIDE, LARGEST_SIDE = 60, 4000


def lessons(paths):
    """Return those of the paths of notebooks that are lessons, in their order."""
    return [path for path in paths if path.name[:2] not in REFERENCES]


# --- reading a notebook ------------------------------------------------------------------------------------------


def _place(index, cell):
    """Name a cell in a message: its position in the file, from 1, and how it begins."""
    first = cell.source.strip().splitlines()[:1] or [""]
    return f"cell {index + 1} ({first[0][:50]!r})"


def _cells(notebook, kind):
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == kind]


def _outputs(notebook):
    """Every output of every code cell, with the name of its cell."""
    return [(_place(i, cell), cell, output) for i, cell in _cells(notebook, "code") for output in cell.outputs]


def _pictures(notebook):
    """Every picture among the outputs: place, cell, output, MIME type."""
    return [
        (place, cell, output, mime)
        for place, cell, output in _outputs(notebook)
        for mime in output.get("data", {})
        if mime.startswith("image/")
    ]


def _tags(cell):
    return cell.metadata.get("tags", [])


def _without_code(markdown):
    """The markdown without its fenced blocks and code spans, where `![` and `](` are not pictures and links."""
    markdown = re.sub(r"^(```|~~~).*?^\1", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+).+?\1", "", markdown, flags=re.DOTALL)


class _Html(HTMLParser):
    """The text of a piece of HTML, and its tags with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.tags, self._text, self._hidden = [], [], 0
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self._text).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._hidden += tag in ("style", "script")

    def handle_endtag(self, tag):
        self._hidden -= tag in ("style", "script")

    def handle_data(self, data):
        if not self._hidden:
            self._text.append(data)


def _html_texts(notebook):
    """Every place that holds HTML: markdown cells, and outputs of the type text/html."""
    for i, cell in _cells(notebook, "markdown"):
        yield _place(i, cell), _without_code(cell.source)
    for place, _, output in _outputs(notebook):
        if "text/html" in output.get("data", {}):
            yield place, output.data["text/html"]


_SENTENCE = re.compile(r"(?:\S+\s+){3,}\S*\w\S*[.!?]")
_REPR = re.compile(r"<.*>|\w[\w.]*\(.*\)", re.DOTALL)


def has_sentence(text):
    """Whether a text says something to a reader: four words or more with an end, and not the repr of an object."""
    return bool(_SENTENCE.search(text)) and not _REPR.fullmatch(text.strip())


def _visible_text(output):
    """What a reader sees of an output as text. Of several types in one output, only the richest is shown."""
    if output.output_type == "stream":
        return output.text
    data = output.get("data", {})
    if "text/html" in data:
        return _Html(data["text/html"]).text
    if any(mime.startswith("image/") or mime == WIDGET_VIEW for mime in data):
        return ""
    return data.get("text/markdown", data.get("text/plain", ""))


# --- the checks: notebook -> problems ----------------------------------------------------------------------------


def saved_widget_state(notebook):
    """Saved widget state is large, does not show on GitHub and makes it refuse some notebooks."""
    return ["the notebook holds saved widget state (metadata.widgets)"] if "widgets" in notebook.metadata else []


_LOG_LINES = (
    re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] ", re.MULTILINE),
    re.compile(r"^[IWEF]\d{4} \d\d:\d\d:[\d.]+ ", re.MULTILINE),
    re.compile(r"^(?:DEBUG|INFO|WARNING|ERROR):(?:tensorflow|absl|jax|keras)\b", re.MULTILINE),
    re.compile(r"cudart_stub|cpu_feature_guard|computation_placer|absl::InitializeLog|oneDNN custom operations"),
)


def _texts(output):
    """Every piece of text stored in an output, without colour codes and embedded pictures."""
    if output.output_type == "stream":
        texts = [output.text]
    elif output.output_type == "error":
        texts = [output.evalue, *output.traceback]
    else:
        texts = [
            value if isinstance(value, str) else json.dumps(value)
            for mime, value in output.data.items()
            if not mime.startswith("image/") or mime == "image/svg+xml"
        ]
        texts.append(json.dumps(output.metadata))
    for text in texts:
        text = re.sub(r"\x1b\[[\d;]*m", " ", text)
        yield re.sub(r"data:[\w/+.-]+;base64,[\w+/=\s]+", "", text)


def log_lines(notebook):
    """Lines that a library's logger wrote are noise to a reader, and carry times and process numbers."""
    return [
        f"{place} stores a log line: {found.group(0)!r}"
        for place, _, output in _outputs(notebook)
        for text in _texts(output)
        for pattern in _LOG_LINES
        if (found := pattern.search(text))
    ]


# An absolute path of two parts or more, a path under the home folder, or one with a drive letter. What comes before
# must not make it the tail of a relative path, of an address or of an HTML tag.
_MACHINE_PATH = re.compile(r"(?<![\w./<:~])/[\w.+-]+/[\w.+-]+|(?<!\w)~/\w+|(?<!\w)[A-Za-z]:(?:\\+|/)\w+")


def machine_paths(notebook):
    """A path of the machine that ran the notebook differs for every reader, and tells of its author."""
    problems = [
        f"{place} stores a path of the machine that ran it: {found.group(0)!r}"
        for place, _, output in _outputs(notebook)
        for text in _texts(output)
        if (found := _MACHINE_PATH.search(text))
    ]
    if found := _MACHINE_PATH.search(json.dumps(notebook.metadata)):
        problems.append(f"the notebook's metadata holds a path of a machine: {found.group(0)!r}")
    return problems


def execution_order(notebook):
    """Every code cell was run, once, from top to bottom, in a fresh kernel."""
    problems = []
    for number, (i, cell) in enumerate(_cells(notebook, "code"), start=1):
        if not cell.source.strip():
            problems.append(f"{_place(i, cell)} is empty")
        elif cell.execution_count is None:
            problems.append(f"{_place(i, cell)} was not run")
        elif cell.execution_count != number:
            problems.append(f"{_place(i, cell)} has the execution count {cell.execution_count}, not {number}")
    return problems


def errors(notebook):
    """An error is stored exactly where the lesson announces one, by the tag raises-exception."""
    problems = []
    for i, cell in _cells(notebook, "code"):
        raised = [output.ename for output in cell.outputs if output.output_type == "error"]
        announced = "raises-exception" in _tags(cell)
        if raised and not announced:
            problems.append(f"{_place(i, cell)} ends in {raised[0]} and is not tagged raises-exception")
        if announced and not raised:
            problems.append(f"{_place(i, cell)} is tagged raises-exception and stores no error")
    return problems


def _contrast(one, other):
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _why_blank(image):
    """Why a picture shows nothing, or None. Axes with nothing drawn in them count as nothing."""
    colours = image.getcolors(maxcolors=image.width * image.height)
    if len(colours) <= 4:
        return f"it has {len(colours)} colours"
    total = image.width * image.height
    background = max(colours)[1]
    drawn = sum(count for count, colour in colours if _contrast(colour, background) > 16)
    vivid = sum(count for count, colour in colours if max(colour) - min(colour) > 48)
    if vivid < total / 20_000 and drawn < total / 10:
        return "nothing but empty axes is drawn in it"
    return None


def blank_pictures(notebook):
    """Every stored picture can be decoded, has a sensible size, an opaque background, and something drawn in it."""
    problems = []
    for place, _, output, mime in _pictures(notebook):
        if mime == "image/svg+xml":
            continue
        try:
            with Image.open(io.BytesIO(base64.b64decode(output.data[mime]))) as opened:
                image = opened.convert("RGBA")
        except (OSError, ValueError) as error:
            problems.append(f"{place} stores a picture that cannot be read: {error}")
            continue
        if min(image.size) < SMALLEST_SIDE or max(image.size) > LARGEST_SIDE:
            problems.append(f"{place} stores a picture of {image.width} x {image.height} pixels")
        elif image.getextrema()[3][0] < 255:
            problems.append(f"{place} stores a picture that can be seen through, unreadable on a dark theme")
        elif why := _why_blank(image.convert("RGB")):
            problems.append(f"{place} stores a blank picture: {why}")
    return problems


def widget_stand_ins(notebook):
    """A reader without a kernel sees no widgets: a picture or words must stand in for each one."""
    problems = []
    for i, cell in _cells(notebook, "code"):
        datas = [output.get("data", {}) for output in cell.outputs]
        for data in datas:
            if WIDGET_VIEW not in data:
                continue
            told = has_sentence(data.get("text/plain", "")) or has_sentence(_Html(data.get("text/html", "")).text)
            if not told:
                text = data.get("text/plain", "")[:40]
                problems.append(f"{_place(i, cell)} stores a widget with no sentence in its place, only {text!r}")
        makes_lab = re.search(r"\b[A-Z]\w*Lab\(", cell.source)
        if makes_lab and not any(WIDGET_VIEW in data and "image/png" in data for data in datas):
            problems.append(f"{_place(i, cell)} makes a lab and stores no widget with a picture")
    return problems


def picture_descriptions(notebook):
    """Every picture among the outputs carries its alternative text, in the two places where programs look.

    `metadata[mime]["alt"]` is where IPython's own Image(alt=...) puts it; text/plain is what stands there where no
    picture can be shown. JupyterLab 4.6 reads neither for its `img` element, so that `picture_sentences` is needed
    as well.
    """
    problems = []
    for place, _, output, mime in _pictures(notebook):
        alternative = output.metadata.get(mime, {}).get("alt", "")
        if not has_sentence(alternative):
            problems.append(
                f"{place} stores a picture whose metadata[{mime!r}]['alt'] has no sentence: {alternative!r}"
            )
        text = output.data.get("text/plain", "")
        if not has_sentence(text):
            problems.append(f"{place} stores a picture whose text/plain has no sentence: {text[:40]!r}")
    return problems


def picture_sentences(notebook):
    """Beside every picture stands a visible sentence: in another output of its cell, or in the text that follows."""
    problems = []
    for i, cell in _cells(notebook, "code"):
        if not any(mime.startswith("image/") for output in cell.outputs for mime in output.get("data", {})):
            continue
        following = notebook.cells[i + 1] if i + 1 < len(notebook.cells) else None
        lines = [_visible_text(output) for output in cell.outputs]
        if following is not None and following.cell_type == "markdown":
            lines += [line for line in following.source.splitlines() if not line.startswith("#")]
        if not any(has_sentence(line) for line in lines):
            problems.append(f"{_place(i, cell)} stores a picture and no sentence is shown beside it")
    return problems


def image_alternatives(notebook):
    """Every image of a markdown cell or of HTML has an alternative text, of three words or more."""
    problems = []
    for i, cell in _cells(notebook, "markdown"):
        for alternative in re.findall(r"!\[(.*?)\][(\[]", _without_code(cell.source), flags=re.DOTALL):
            if len(alternative.split()) < 3:
                problems.append(f"{_place(i, cell)} has an image with the alternative text {alternative!r}")
    for place, html in _html_texts(notebook):
        for tag, attributes in _Html(html).tags:
            if tag == "img" and len(attributes.get("alt", "").split()) < 3:
                problems.append(f"{place} has an <img> with the alternative text {attributes.get('alt')!r}")
            if tag == "svg" and not attributes.get("aria-label") and attributes.get("aria-hidden") != "true":
                problems.append(f"{place} has an <svg> with neither aria-label nor aria-hidden")
    return problems


def too_many_code_cells(notebook):
    """A lesson is short."""
    count = len(_cells(notebook, "code"))
    return [f"the notebook has {count} code cells, more than {MAX_CODE_CELLS}"] if count > MAX_CODE_CELLS else []


def frame(notebook):
    """The opening is the same in all notebooks: title and question, what one will be able to do, minutes, what to
    know first."""
    if not notebook.cells or notebook.cells[0].cell_type != "markdown":
        return ["the notebook does not begin with a markdown cell"]
    problems = []
    first = notebook.cells[0].source
    if not re.match(r"# \S", first):
        problems.append("the first cell does not begin with a title ('# ...')")
    if not re.search(r"\w\?", _without_code(first)):
        problems.append("the first cell asks no question")
    opening = ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            break
        opening += cell.source + "\n"
    for what, pattern in (
        ("what you will be able to do", r"able to"),
        ("how many minutes it takes", r"\d+\s+minutes"),
        ("what you should know first", r"know first"),
    ):
        if not re.search(pattern, opening, flags=re.IGNORECASE):
            problems.append(f"the opening does not say {what} (the words looked for: {pattern})")
    return problems


def recap(notebook):
    """The notebook ends in a recap of at most five lines."""
    headings = [
        (i, cell) for i, cell in _cells(notebook, "markdown") if re.search(r"^#+ .*\brecap\b", cell.source, re.I | re.M)
    ]
    if not headings:
        return ["the notebook has no heading with the word recap"]
    index, cell = headings[-1]
    if any(later.cell_type == "code" for later in notebook.cells[index:]):
        return ["code follows after the recap"]
    text = re.split(r"^#+ .*\brecap\b.*$", cell.source, flags=re.I | re.M)[-1]
    text = "\n".join([text, *(later.source for later in notebook.cells[index + 1 :])])
    count = len(re.findall(r"^(?:[-*+]|\d+[.)]) \S", text, flags=re.MULTILINE))
    if not 1 <= count <= MAX_RECAP_LINES:
        return [f"the recap has {count} lines (list items), not 1 to {MAX_RECAP_LINES}"]
    return []


def own_functions(notebook):
    """Notebooks define no helpers; only the classes that a lesson is about, and what an exercise asks for."""
    problems = []
    for i, cell in _cells(notebook, "code"):
        if "exercise" in _tags(cell):
            continue
        try:
            tree = ast.parse(TransformerManager().transform_cell(cell.source))
        except SyntaxError as error:
            if "raises-exception" not in _tags(cell):
                problems.append(f"{_place(i, cell)} is not valid Python: {error.msg}")
            continue
        pending = list(tree.body)
        while pending:
            node = pending.pop(0)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                problems.append(f"{_place(i, cell)} defines the function {node.name}")
            elif isinstance(node, ast.ClassDef):
                if not node.bases:
                    problems.append(f"{_place(i, cell)} defines the class {node.name}, which derives from nothing")
            else:
                if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Lambda):
                    problems.append(f"{_place(i, cell)} gives a lambda a name")
                pending += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    return problems


def contents(notebook):
    """A reference opens with its title and with links to all its headings, and each of them has a text and a cell.

    The last heading may have no cell: it leads on. Anchors are those of JupyterLab and GitHub.
    """
    first = notebook.cells[0].source
    problems = [] if re.match(r"# \S", first) else ["the first cell does not begin with a title ('# ...')"]
    titles = [cell.source.partition("\n") for _, cell in _cells(notebook, "markdown") if cell.source.startswith("## ")]
    headings = [heading.removeprefix("## ") for heading, *_ in titles]
    links = re.findall(r"\[([^\]]+)\]\(#([^)]+)\)", first)
    problems += [f"the link to {title!r} has the anchor {to!r}" for title, to in links if to != title.replace(" ", "-")]
    if [title for title, _ in links] != headings[:-1]:
        found = {title for title, _ in links} ^ set(headings[:-1])
        problems.append(f"headings and table of contents are not the same, or not in the same order: {sorted(found)}")
    problems += [f"{heading!r} has no text" for heading, _, text in titles if not has_sentence(text)]
    for cell, after in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.source.startswith("## ") and after.cell_type != "code":
            problems.append(f"{cell.source.splitlines()[0]!r} has no code")
    for i, cell in _cells(notebook, "code"):
        if "labs." in cell.source or "exercise" in _tags(cell):
            problems.append(f"{_place(i, cell)} asks something, which a reference does not")
    return problems


CHECKS = (
    saved_widget_state,
    log_lines,
    machine_paths,
    execution_order,
    errors,
    blank_pictures,
    widget_stand_ins,
    picture_descriptions,
    picture_sentences,
    image_alternatives,
    too_many_code_cells,
    frame,
    recap,
    own_functions,
)
REFERENCE_CHECKS = (*(check for check in CHECKS if check not in (too_many_code_cells, frame, recap)), contents)


def checks_of(path):
    """Return the checks of a notebook."""
    return CHECKS if lessons([path]) else REFERENCE_CHECKS


# --- how much a notebook asks of a reader ------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """What a reader has to read and to do: words, lines of code, code cells, lines of the longest, and minutes.

    A budget is a size, too, without minutes for a reference. Words are counted in markdown cells; empty lines are no
    lines.
    """

    words: int
    lines: int
    cells: int
    longest: int
    minutes: int | None


LESSON = Size(words=1300, lines=180, cells=20, longest=20, minutes=45)
BUDGETS = {
    "00": Size(words=700, lines=60, cells=20, longest=20, minutes=15),
    **dict.fromkeys(("01", "02", "03", "04", "05"), LESSON),
    "06": Size(words=1200, lines=150, cells=20, longest=20, minutes=40),
    "07": Size(words=2000, lines=450, cells=45, longest=20, minutes=None),
}


def size(notebook):
    """Measure a notebook. A lab is a class whose name ends in Lab or Panel, and counts once for both Keras versions."""
    words = sum(len(re.findall(r"\w[^\s|]*", cell.source)) for _, cell in _cells(notebook, "markdown"))
    sources = [cell.source for _, cell in _cells(notebook, "code")]
    lines = [sum(bool(line.strip()) for line in source.splitlines()) for source in sources]
    questions = sum("labs.ask(" in source for source in sources)
    exercises = sum("exercise" in _tags(cell) for _, cell in _cells(notebook, "code"))
    labs = {name for source in sources for name in re.findall(r"\b([A-Z]\w*(?:Lab|Panel))\(", source)}
    minutes = words / 180 + sum(lines) / 10 + 1.5 * questions + 8 * exercises + 6 * len(labs)
    return Size(words, sum(lines), len(lines), max(lines, default=0), round(minutes))


def stated_minutes(notebook):
    """The minutes that the opening says."""
    return sum(map(int, re.findall(r"(\d+) minutes", re.search(r"\*\*Time:\*\*.*", notebook.cells[0].source).group())))


def over_budget(notebook, budget):
    """Where a notebook asks more than its budget, or more minutes than it says. It may say the next full five."""
    found = size(notebook)
    problems = [
        f"{name}: {getattr(found, name)}, more than {limit}"
        for name, limit in vars(budget).items()
        if limit is not None and getattr(found, name) > limit
    ]
    if budget.minutes is None:
        return problems
    stated = stated_minutes(notebook)
    if not found.minutes <= stated < found.minutes + 5:
        problems.append(f"it says {stated} minutes, and by the rule they are {found.minutes}")
    return problems


# --- checks that need more than the notebook ---------------------------------------------------------------------


def broken_links(notebook, folder):
    """Every link and image that leads to a file leads to one that exists, seen from the notebook's folder."""
    problems = []
    targets = []
    for i, cell in _cells(notebook, "markdown"):
        source = _without_code(cell.source)
        found = re.findall(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)", source)
        found += re.findall(r"^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)", source, flags=re.MULTILINE)
        for target in found:
            if target.startswith("attachment:"):
                if unquote(target.removeprefix("attachment:")) not in cell.get("attachments", {}):
                    problems.append(f"{_place(i, cell)} shows an attachment that is not there: {target}")
            else:
                targets.append((_place(i, cell), target))
    for place, html in _html_texts(notebook):
        for _, attributes in _Html(html).tags:
            targets += [(place, attributes[name]) for name in ("href", "src") if attributes.get(name)]
    for place, target in targets:
        if re.match(r"[a-z][a-z0-9+.-]+:|#", target, flags=re.IGNORECASE):
            continue
        path = unquote(re.split(r"[?#]", target)[0])
        if path.startswith("/") or not (Path(folder) / path).exists():
            problems.append(f"{place} links to a file that is not there: {target}")
    return problems


def too_large(path):
    """A large notebook opens slowly, and GitHub does not show it."""
    size = Path(path).stat().st_size
    return [f"the file has {size} bytes, more than {MAX_BYTES}"] if size > MAX_BYTES else []
