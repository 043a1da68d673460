"""Every notebook passes every check, and every check finds a notebook that is broken in its way."""

from __future__ import annotations

import base64
import copy
import functools
import io
from pathlib import Path

import nbformat
import notebook_checks as checks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, ImageDraw

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LESSONS = checks.lessons(NOTEBOOKS)


@functools.cache
def _read(path):
    return nbformat.read(path, as_version=4)


def test_there_are_notebooks():
    """Without this test, all tests would pass if no notebook were found."""
    assert NOTEBOOKS, f"no notebook found in {FOLDER}"


@pytest.mark.parametrize(
    ("path", "check"),
    [(path, check) for path in NOTEBOOKS for check in checks.checks_of(path)],
    ids=lambda value: getattr(value, "stem", None) or value.__name__,
)
def test_notebook(path, check):
    assert check(_read(path)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    assert checks.broken_links(_read(path), path.parent) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_ends_with_a_link_to_the_next_lesson(path):
    """The last lesson links to the first, and so does a reference."""
    following = LESSONS[(LESSONS.index(path) + 1) % len(LESSONS)] if path in LESSONS else LESSONS[0]
    title = _read(following).cells[0].source.strip().splitlines()[0].removeprefix("# ")
    assert _read(path).cells[-1].source.splitlines()[-1].endswith(f": [{title}]({following.name}).")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_size(path):
    assert checks.too_large(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_format(path):
    nbformat.validate(_read(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_keeps_within_its_budget(path):
    assert checks.over_budget(_read(path), checks.BUDGETS[path.name[:2]]) == []


# --- a notebook with nothing wrong, and ways to break it ---------------------------------------------------------

TOLD = "The clone starts equal and stays equal."


def _png(paint=None, size=(320, 200), mode="RGB", background="white"):
    """Return a small picture in the form that a notebook stores; `paint` draws into it."""
    image = Image.new(mode, size, background)
    if paint:
        paint(ImageDraw.Draw(image))
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def _curves(draw):
    for shade in range(20):
        draw.line([(10, 10 + 8 * shade), (300, 20 + 8 * shade)], fill=(0, 114 - shade, 178 + shade), width=3)


def _axes_only(draw):
    """Draw an empty plot as matplotlib does: thin grey lines, in more than a few shades of grey."""
    for shade in range(20):
        draw.line([(30, 10 + shade), (34, 10 + shade)], fill=(shade * 12,) * 3)
    draw.rectangle([(30, 10), (300, 180)], outline="black")


def _code(source, outputs=(), tags=()):
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)} if tags else {})


def _display(data, metadata=None):
    return new_output("display_data", data=data, metadata=metadata or {})


def _picture(png=None, alt=TOLD, text=TOLD, **more):
    return _display(
        {"image/png": png or _png(_curves), "text/plain": text, **more},
        {"image/png": {"alt": alt}},
    )


def _number(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, start=1):
        cell.execution_count = number
    return notebook


def _sound():
    opening = """# Clones
What is a true clone?

You will be **able to** tell a clone from an alias. It takes 10 minutes to read.
What you should know first: Python."""
    return _number(
        new_notebook(
            cells=[
                new_markdown_cell(opening),
                _code("import helpers"),
                _code("class Net(keras.Model):\n    def call(self, x):\n        return x"),
                _code("plots.show()", [_picture(), new_output("stream", name="stdout", text=TOLD)]),
                _code("LayerLab()", [_picture(**{checks.WIDGET_VIEW: {"model_id": "a"}})]),
                new_markdown_cell(
                    f"{TOLD} See [the checks](notebook_checks.py#frame) and [this](https://example.org)."
                ),
                _code("quiz()", [_display({checks.WIDGET_VIEW: {"model_id": "b"}, "text/plain": TOLD})]),
                _code("1 / 0", [new_output("error", ename="ZeroDivisionError", evalue="")], ["raises-exception"]),
                new_markdown_cell("## Recap\n- one\n- two\n\nNext: more."),
            ]
        )
    )


def _problems(notebook):
    """Return the names of the checks that find a problem, including the two that need a path."""
    found = {check.__name__ for check in checks.CHECKS if check(notebook)}
    return found | ({"broken_links"} if checks.broken_links(notebook, Path(checks.__file__).parent) else set())


def _add(*cells):
    """Break the notebook by adding cells in its middle."""

    def change(notebook):
        notebook.cells[4:4] = copy.deepcopy(cells)
        _number(notebook)

    return change


def _says(text, where="stdout"):
    return _add(_code("run()", [new_output("stream", name=where, text=text)]))


def _set(index, **fields):
    """Break the notebook by replacing fields of one of its cells."""

    def change(notebook):
        notebook.cells[index].update(copy.deepcopy(fields))

    return change


def _shows(*outputs):
    """Break the notebook by adding outputs, with a sentence beside them, so that they are the only fault."""
    return _add(_code("run()", [*outputs, new_output("stream", name="stdout", text=TOLD)]))


def _widget(**data):
    return _display({checks.WIDGET_VIEW: {"model_id": "c"}, **data})


def _in_folder(*parts):
    """Return an absolute path, made at run time because this file must not contain one."""
    return "/" + "/".join(parts)


def _drop_cell(index):
    return lambda notebook: (notebook.cells.pop(index), _number(notebook))


BREAKAGES = [
    ("saved_widget_state", lambda notebook: notebook.metadata.update(widgets={"state": {}})),
    ("log_lines", _says("2026-01-02 03:04:05.678901: I tensorflow/core/util/port.cc:153] hello", "stderr")),
    ("log_lines", _says("I0000 00:00:1700000000.000001      12 port.cc:153] hello")),
    ("log_lines", _says("WARNING:tensorflow:5 out of the last 5 calls triggered retracing", "stderr")),
    ("log_lines", _says("... external/local_xla/xla/tsl/cuda/cudart_stub.cc ...")),
    ("machine_paths", _says("saved to " + _in_folder("home", "ada", "model.keras"))),
    ("machine_paths", _says("saved to " + _in_folder("tmp", "tmpabc123"))),
    ("machine_paths", _says("saved to " + _in_folder("private", "var", "folders", "x"))),
    ("machine_paths", _says("saved to C:\\Users\\ada\\model.keras")),
    ("machine_paths", _says("File ~/venv/site-packages/keras/x.py:3")),
    (
        "machine_paths",
        _add(
            _code(
                "raise_it()",
                [
                    new_output(
                        "error",
                        ename="ValueError",
                        evalue="",
                        traceback=["File \x1b[32m" + _in_folder("usr", "lib", "x.py") + "\x1b[39m:3"],
                    )
                ],
                ["raises-exception"],
            )
        ),
    ),
    ("machine_paths", lambda notebook: notebook.metadata.update(interpreter=_in_folder("opt", "python", "bin"))),
    ("execution_order", _set(2, execution_count=7)),
    ("execution_order", _set(1, execution_count=None)),
    ("execution_order", _add(_code("  "))),
    ("errors", _add(_code("1 / 0", [new_output("error", ename="ZeroDivisionError", evalue="")]))),
    ("errors", _add(_code("fine()", tags=["raises-exception"]))),
    ("blank_pictures", _shows(_picture(_png()))),
    ("blank_pictures", _shows(_picture(_png(_axes_only)))),
    ("blank_pictures", _shows(_picture(_png(_curves, size=(320, 20))))),
    ("blank_pictures", _shows(_picture(_png(_curves, mode="RGBA", background=(255, 255, 255, 0))))),
    ("blank_pictures", _shows(_picture("bm90IGEgcGljdHVyZQ=="))),
    ("blank_pictures", _shows(_picture(_png(_curves)[:200]))),
    ("widget_stand_ins", _add(_code("box", [_widget()]))),
    ("widget_stand_ins", _add(_code("box", [_widget(**{"text/plain": "VBox(children=(IntSlider(value=1),))"})]))),
    ("widget_stand_ins", _add(_code("box", [_widget(**{"text/plain": "A Jupyter Widget"})]))),
    ("widget_stand_ins", _add(_code("LayerLab()", [_widget(**{"text/plain": TOLD})]))),
    ("widget_stand_ins", _add(_code("LayerLab()"))),
    ("picture_descriptions", _shows(_picture(alt=""))),
    ("picture_descriptions", _shows(_picture(alt="Figure"))),
    ("picture_descriptions", _shows(_picture(text="<Figure size 640x480 with 1 Axes>"))),
    ("picture_descriptions", _shows(_display({"image/png": _png(_curves), "text/plain": TOLD}))),
    ("picture_descriptions", _shows(_display({"image/svg+xml": "<svg/>", "text/plain": TOLD}))),
    ("picture_sentences", _add(_code("plots.show()", [_picture()]), _code("more()"))),
    ("picture_sentences", _add(_code("plots.show()", [_picture()]), new_markdown_cell("## A long heading is not it."))),
    ("image_alternatives", _add(new_markdown_cell("![](notebook_checks.py)"))),
    ("image_alternatives", _add(new_markdown_cell("![image](notebook_checks.py)"))),
    ("image_alternatives", _add(new_markdown_cell('<img src="notebook_checks.py">'))),
    ("image_alternatives", _shows(_display({"text/html": '<img alt="" src="data:image/png;base64,aa/bb/cc">'}))),
    ("image_alternatives", _shows(_display({"text/html": '<svg width="9"></svg>'}))),
    ("too_many_code_cells", _add(*[_code("1") for _ in range(30)])),
    ("frame", _drop_cell(0)),
    ("frame", lambda notebook: _set(0, source=notebook.cells[0].source.replace("# Clones", "Clones"))(notebook)),
    ("frame", lambda notebook: _set(0, source=notebook.cells[0].source.replace("?", "."))(notebook)),
    ("frame", lambda notebook: _set(0, source=notebook.cells[0].source.replace("able", "going"))(notebook)),
    ("frame", lambda notebook: _set(0, source=notebook.cells[0].source.replace("10 minutes", "a while"))(notebook)),
    ("frame", lambda notebook: _set(0, source=notebook.cells[0].source.replace("know first", "know"))(notebook)),
    ("recap", _drop_cell(-1)),
    ("recap", _set(-1, source="## Recap\nNothing as a list.")),
    ("recap", _set(-1, source="## Recap\n" + "- a line\n" * 6)),
    ("recap", lambda notebook: (notebook.cells.append(_code("more()")), _number(notebook))),
    ("own_functions", _add(_code("def helper():\n    pass"))),
    ("own_functions", _add(_code("%matplotlib inline\nif True:\n    async def helper():\n        pass"))),
    ("own_functions", _add(_code("helper = lambda x: x"))),
    ("own_functions", _add(_code("class Namespace:\n    pass"))),
    ("own_functions", _add(_code("class Net(keras.Model) pass"))),
    ("broken_links", _add(new_markdown_cell("[next](03_missing.ipynb)"))),
    ("broken_links", _add(new_markdown_cell("[next][label]\n\n[label]: 03_missing.ipynb"))),
    ("broken_links", _add(new_markdown_cell('<a href="03_missing.ipynb">next</a>'))),
    ("broken_links", _add(new_markdown_cell("![a picture of it](pictures/missing.png)"))),
    ("broken_links", _add(new_markdown_cell("![a picture of it](attachment:missing.png)"))),
    ("broken_links", _add(new_markdown_cell("[root](" + _in_folder("etc") + ")"))),
]


def test_a_sound_notebook_has_no_problem():
    assert {check.__name__: check(_sound()) for check in checks.CHECKS if check(_sound())} == {}
    assert checks.broken_links(_sound(), Path(checks.__file__).parent) == []


@pytest.mark.parametrize("name, breaking", BREAKAGES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(BREAKAGES)])
def test_a_broken_notebook_is_found(name, breaking):
    """Each fault is found by the check for it, and by no other check."""
    notebook = _sound()
    breaking(notebook)
    assert _problems(notebook) == {name}


def _short_lesson():
    """A notebook of 25 minutes: 5 lines, a question, an exercise and two labs, and the words of its opening."""
    opening = "# Clones\n\n**Time:** 25 minutes.\n" + "word " * 175
    return new_notebook(
        cells=[
            new_markdown_cell(opening),
            _code("labs.ask(lesson.QUESTION)"),
            _code("labs.LayerLab(\n\n)"),
            _code("labs.OwnModelPanel()"),
            _code("answer = ...", tags=["exercise"]),
        ]
    )


def test_the_size_of_a_notebook():
    # 180 words are 1 minute, 5 lines half of one, the question 1.5, the exercise 8, and the labs 12.
    assert checks.size(_short_lesson()) == checks.Size(words=179, lines=5, cells=4, longest=2, minutes=23)
    assert checks.over_budget(_short_lesson(), checks.LESSON) == []


@pytest.mark.parametrize(
    ("found", "breaking"),
    [
        ("words", _add(new_markdown_cell("word " * 1300))),
        ("lines", _add(*[_code("x\n" * 20)] * 9)),
        ("cells", _add(*[_code("x")] * 20)),
        ("longest", _add(_code("x\n" * 21))),
        ("minutes", _add(*[_code("labs.ask()")] * 16)),
        ("it says 25", _add(_code("x", tags=["exercise"]))),
        ("it says 30", _set(0, source=_short_lesson().cells[0].source.replace("25", "30"))),
    ],
)
def test_a_notebook_that_grows_is_found(found, breaking):
    notebook = _short_lesson()
    breaking(notebook)
    assert any(problem.startswith(found) for problem in checks.over_budget(notebook, checks.LESSON))


def _reference():
    """A notebook to look things up in, with nothing wrong."""
    return new_notebook(
        cells=[
            new_markdown_cell("# Recipes\n\n[One thing](#One-thing) · [Another](#Another)"),
            _code("import helpers"),
            new_markdown_cell("## One thing\n\nIt is done like this."),
            _code("1"),
            new_markdown_cell("## Another\n\nIt is done like that."),
            _code("2"),
            new_markdown_cell("## Something else\n\nThat is in another notebook."),
        ]
    )


@pytest.mark.parametrize(
    ("found", "breaking"),
    [
        ("title", _set(0, source="[One thing](#One-thing) · [Another](#Another)")),
        ("anchor 'one-thing'", _set(0, source="# Recipes\n\n[One thing](#one-thing) · [Another](#Another)")),
        ("['Another']", _set(0, source="# Recipes\n\n[One thing](#One-thing)")),
        ("same order", _set(0, source="# Recipes\n\n[Another](#Another) · [One thing](#One-thing)")),
        ("no text", _set(2, source="## One thing")),
        ("no code", lambda notebook: notebook.cells.pop(3)),
        ("asks something", _set(3, source="labs.ask(lesson.QUESTION)")),
        ("asks something", _set(3, metadata={"tags": ["exercise"]})),
    ],
)
def test_a_reference_without_its_contents_is_found(found, breaking):
    notebook = _reference()
    assert checks.contents(notebook) == []
    breaking(notebook)
    assert any(found in problem for problem in checks.contents(notebook))


def test_a_reference_states_no_minutes_and_has_a_budget():
    budget = checks.Size(words=100, lines=10, cells=5, longest=20, minutes=None)
    notebook = _reference()
    assert checks.over_budget(notebook, budget) == []
    _add(new_markdown_cell("word " * 100))(notebook)
    assert [problem.split(":")[0] for problem in checks.over_budget(notebook, budget)] == ["words"]


def test_every_check_has_been_seen_to_fail():
    assert {name for name, _ in BREAKAGES} == {check.__name__ for check in checks.CHECKS} | {"broken_links"}


@pytest.mark.parametrize(
    "text",
    [
        "see https://example.org/docs/page/one",
        "largest |difference| 1.31 in dense/kernel, 4/6 equal and/or not",
        "<table><tr><td>1</td></tr></table>",
        "saved to model.keras, or to checkpoints/epoch/1",
        "12:30: fine",
    ],
)
def test_what_only_looks_like_a_machine_path(text):
    notebook = _sound()
    _says(text)(notebook)
    _shows(_display({"text/html": f"<p>{text}</p>"}))(notebook)
    assert checks.machine_paths(notebook) == []


def test_code_in_markdown_is_no_image_and_no_link():
    notebook = _sound()
    _add(new_markdown_cell("Write `![](x.png)`, or:\n\n```\n[next](missing.ipynb)\n![](y.png)\n```\n"))(notebook)
    assert _problems(notebook) == set()


def test_a_large_file_is_found(tmp_path):
    path = tmp_path / "large.ipynb"
    path.write_bytes(b" " * checks.MAX_BYTES)
    assert checks.too_large(path) == []
    path.write_bytes(b" " * (checks.MAX_BYTES + 1))
    assert len(checks.too_large(path)) == 1
