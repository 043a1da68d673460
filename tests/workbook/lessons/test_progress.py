"""A learner's progress is stored, survives faults, and is never lost silently."""

from __future__ import annotations

import asyncio
import dataclasses
import html
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from workbook import labs
from workbook.lessons import lesson_02, panels, progress
from workbook.lessons.quiz import Exercise, Feedback, Outcome

QUESTION = lesson_02.FIT_THE_CLONE
RIGHT = next(option.label for option in QUESTION.options if option.right)
WRONG = next(option.label for option in QUESTION.options if not option.right)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A separate progress file for a test, in a folder that does not exist yet."""
    file = tmp_path / "new" / "progress.json"
    monkeypatch.setenv(progress.VARIABLE, str(file))
    return file


def answered(label):
    panel = labs.ask(QUESTION)
    panel.choice.value = label
    panel.answer.click()
    return panel


@pytest.mark.slow
def test_an_answer_is_there_again_in_another_process(file):
    answered(WRONG)
    code = (
        "from workbook import labs\nfrom workbook.lessons import lesson_02\n"
        "panel = labs.ask(lesson_02.FIT_THE_CLONE)\nprint(panel.choice.value)\nprint(panel.feedback.outcome.value)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.splitlines() == [WRONG, "not-right"]
    again = labs.ask(QUESTION)
    assert "Your answer from before" in again.verdict_box.content
    # A reader of the stored notebook gets no warning.
    assert WRONG not in labs.ask(QUESTION)._static["text/plain"].split("\n", 1)[0]
    assert again._static == panels.QuestionPanel(QUESTION)._static


def test_an_answer_from_before_stays_when_the_kernel_comes_to_rest(file):
    answered(RIGHT)

    async def in_a_kernel():
        panel = labs.ask(QUESTION)
        await asyncio.sleep(0.05)
        return panel

    panel = asyncio.run(in_a_kernel())
    assert panel.choice.value == RIGHT
    assert "Your answer from before" in panel.verdict_box.content


def test_nothing_is_stored_before_an_answer(file):
    labs.ask(QUESTION).answer.click()
    labs.exercise(lesson_02.PUT_BACK, None)
    assert not file.exists()


def test_solved_once_is_solved(file):
    exercise = Exercise("demo", "t", "Give 2.", [lambda x: None if x == 2 else "it is not 2."], ["h"], "2")
    labs.exercise(exercise, 3)
    assert progress.entry("demo") == progress.Entry(Outcome.INCORRECT, False)
    labs.exercise(exercise, 2)
    panel = labs.exercise(exercise, 3)
    assert progress.entry("demo") == progress.Entry(Outcome.INCORRECT, True)
    assert "You solved this exercise before" in panel.verdict_box.content
    assert "You solved this exercise before" not in str(panel)


def test_lessons_are_counted_by_their_own_questions(file):
    before = {lesson.number: lesson for lesson in progress.lessons()}
    answered(RIGHT)
    answered(WRONG)
    after = {lesson.number: lesson for lesson in progress.lessons()}
    assert before["02"].right[0] == 0 and after["02"].right[0] == 1
    assert after["02"].right[1] == sum(type(value) is type(QUESTION) for value in vars(lesson_02).values())
    assert [after[number] for number in after if number != "02"] == [before[n] for n in before if n != "02"]


def test_the_button_erases_when_it_is_pressed_twice(file):
    answered(RIGHT)
    panel = labs.show_progress()
    assert "1 of" in panel.page and str(file) in panel.page
    panel.erase.click()
    assert file.exists() and "Press again" in panel.verdict_box.content
    panel.erase.click()
    assert not file.exists() and "erased" in panel.verdict_box.content
    assert progress.entry(QUESTION.key) is None


NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"


def row(panel, number):
    """Return what the panel shows for a lesson, without the tags."""
    (found,) = re.findall(rf"<tr><th[^>]*>(?:<a[^>]*>)?{number} .*?</tr>", panel.page)
    return re.sub(r"<[^>]+>", "|", found)


def go_on(panel):
    return html.unescape(re.sub(r"<[^>]+>", "", re.match(r"<p>(.*?)</p>", panel.page).group(1)))


def test_the_panel_shows_each_answer_at_once(file):
    panel = labs.show_progress()
    assert "0 of 5 done" in row(panel, "02")
    question = answered(RIGHT)
    assert "1 of 5 done" in row(panel, "02") and 'max="5" value="1"' in panel.page
    labs.exercise(dataclasses.replace(lesson_02.PUT_BACK, checks=[lambda answer: None]), "an answer")
    assert "2 of 5 done" in row(panel, "02") and "1 of 2" in row(panel, "02")
    question.choice.value = WRONG
    question.answer.click()
    assert "2 of 5 done" in row(panel, "02")  # once right is right
    progress.erase()
    assert "0 of 5 done" in row(panel, "02")


def test_an_answer_that_is_not_stored_changes_nothing(tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, where a folder is wanted")
    monkeypatch.setenv(progress.VARIABLE, str(blocked / "progress.json"))
    panel = labs.show_progress()
    answered(RIGHT)
    assert "0 of 5 done" in row(panel, "02")


def test_answers_of_other_kernels_are_there_when_the_panel_is_shown_again(file):
    panel = labs.show_progress()
    file.parent.mkdir()
    file.write_text(json.dumps({"version": 1, "answers": {QUESTION.key: GOOD}}))
    panel._repr_mimebundle_()
    assert "1 of 5 done" in row(panel, "02")


def test_a_closed_panel_no_longer_follows(file):
    panel = labs.show_progress()
    panel.close()
    answered(RIGHT)
    assert "0 of 5 done" in row(panel, "02")


def test_an_error_of_the_panel_costs_no_verdict(file, monkeypatch):
    panel = labs.show_progress()
    monkeypatch.setattr(panel, "_show", lambda: 1 / 0)
    monkeypatch.setattr(progress, "lessons", lambda: 1 / 0)
    assert "Right" in answered(RIGHT).verdict_box.content
    assert "ZeroDivisionError" in panel.verdict_box.content


def store(file, *keys, outcome="right"):
    """Store an answer to each of these questions and exercises."""
    answers = {key: {"outcome": outcome, "solved": outcome == "right", "answer": None} for key in keys}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"version": 1, "answers": answers}))


def test_it_says_where_to_go_on(file, monkeypatch):
    monkeypatch.chdir(NOTEBOOKS)
    assert go_on(labs.show_progress()) == "Begin with 00 Start here: A model and two clones"
    keys = {number: [task.key for task in tasks.values()] for number, tasks in progress._tasks()}
    store(file, QUESTION.key)
    panel = labs.show_progress()
    assert go_on(panel) == "Go on with 02 Cloning subclassed models: A frozen layer"
    assert '<a href="02_cloning_subclassed_models.ipynb#heading=A-frozen-layer">' in panel.page
    # A wrong answer is open, too.
    store(file, keys["06"][0], outcome="not-right")
    assert go_on(labs.show_progress()).startswith("Go on with 06 Bring your own model: ")
    store(file, *keys["02"])
    assert go_on(labs.show_progress()).startswith("Go on with 03 Why a clone will not load: ")
    # What was left out comes when the last lesson is done.
    store(file, *keys["00"], *keys["02"], *keys["06"])
    assert go_on(labs.show_progress()).startswith("Go on with 01 How subclassing works: ")
    store(file, *(key for each in keys.values() for key in each))
    assert go_on(labs.show_progress()) == "You have answered every question and solved every exercise."


def test_nothing_is_linked_that_is_not_there(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = labs.show_progress()
    assert "<a " not in panel.page and go_on(panel) == "Begin with 00 Start here"
    (tmp_path / "00_start_here.ipynb").write_text("{")
    panel = labs.show_progress()
    assert go_on(panel) == "Begin with 00 Start here" and '<a href="00_start_here.ipynb">' in panel.page
    assert "01_how_subclassing_works.ipynb" not in panel.page


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"answers": 3}', '{"answers": {"a": {"outcome": "odd"}}}'])
def test_a_file_that_cannot_be_read_is_kept_beside(file, broken):
    file.parent.mkdir()
    file.write_text(broken)
    assert progress.entry(QUESTION.key) is None and labs.show_progress()
    assert file.read_text() == broken
    answered(RIGHT)
    assert progress.entry(QUESTION.key).solved
    assert file.with_suffix(".unreadable.json").read_text() == broken


GOOD = {"outcome": "right", "solved": True, "answer": "yes"}
SPOILED = {
    "an outcome that is a number": {**GOOD, "outcome": 3},
    "an outcome that is a list": {**GOOD, "outcome": []},
    "no outcome": {"solved": True},
    "an entry that is a list": [1],
    "an entry that is nothing": None,
    "solved is a text": {**GOOD, "solved": "false"},
    "solved is infinite": {**GOOD, "solved": float("inf")},
    "an answer that is NaN": {**GOOD, "answer": float("nan")},
    "an answer that is a huge number": {**GOOD, "answer": 10**4000},
    "an answer that is a list": {**GOOD, "answer": ["yes"]},
    "an answer that is an object": {**GOOD, "answer": {"yes": 1}},
}


@pytest.mark.parametrize("spoiled", [*SPOILED.values()], ids=[*SPOILED])
def test_an_entry_of_wrong_types_costs_no_other_answer(file, spoiled):
    file.parent.mkdir()
    broken = json.dumps({"version": 1, "answers": {"good": GOOD, "spoiled": spoiled}})
    file.write_text(broken)
    assert progress.entry("good") == progress.Entry(Outcome.RIGHT, True, "yes")
    assert progress.entry("spoiled") is None and labs.show_progress()
    assert file.read_text() == broken
    panel = answered(RIGHT)
    assert "could not be stored" not in panel.verdict_box.content
    assert progress.entry(QUESTION.key).solved and progress.entry("good").answer == "yes"
    assert file.with_suffix(".unreadable.json").read_text() == broken
    # The stored file is now valid, so the next answer sets nothing aside.
    answered(WRONG)
    assert progress.entry(QUESTION.key).outcome is Outcome.NOT_RIGHT
    assert len(list(file.parent.iterdir())) == 2


@pytest.mark.parametrize("levels", [100, 900, 100_000])
@pytest.mark.parametrize("place", ["answer", "outcome", "solved", None])
def test_deep_nesting_stops_no_answer(file, levels, place):
    file.parent.mkdir()
    deep = "[" * levels + "]" * levels
    fields = ", ".join(f'"{name}": {deep if name == place else json.dumps(value)}' for name, value in GOOD.items())
    entry = deep if place is None else f"{{{fields}}}"
    file.write_text(f'{{"version": 1, "answers": {{"deep": {entry}}}}}')
    assert progress.entry("deep") is None and labs.show_progress()
    answered(RIGHT)
    assert progress.entry(QUESTION.key).solved


def test_a_number_that_is_too_long_to_read_stops_no_answer(file):
    file.parent.mkdir()
    for number in ("1" * 5000, "1e999", "-Infinity", "NaN"):
        file.write_text(f'{{"version": {number}, "answers": {{"a": {{"outcome": {number}, "solved": {number}}}}}}}')
        assert progress.entry("a") is None
        answered(RIGHT)
        assert progress.entry(QUESTION.key).solved


LONE = "\ud800"
"""Half of a character: JSON can hold it, UTF-8 cannot."""


@pytest.mark.parametrize("where", ["key", "answer"])
def test_half_a_character_in_the_file_stops_no_later_answer(file, where):
    file.parent.mkdir()
    key, answer = (LONE if where == name else "plain" for name in ("key", "answer"))
    file.write_text(json.dumps({"version": 1, "answers": {key: {**GOOD, "answer": answer}}}))
    for _ in range(2):
        panel = answered(RIGHT)
        assert "could not be stored" not in panel.verdict_box.content
    assert progress.entry(QUESTION.key).solved
    assert progress.entry(key) == progress.Entry(Outcome.RIGHT, True, answer)
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]


def test_half_a_character_in_an_answer_stops_no_later_answer(file):
    assert progress.note("half", Feedback(Outcome.RIGHT), f"a {LONE} b") is None
    assert progress.note("whole", Feedback(Outcome.RIGHT), "“ä” 🙂") is None
    assert progress.entry("half").answer == f"a {LONE} b" and progress.entry("whole").answer == "“ä” 🙂"
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]


def test_two_notebooks_do_not_undo_each_other(file):
    progress.note("one", Feedback(Outcome.RIGHT), "a")
    progress.note("two", Feedback(Outcome.RIGHT), "b")
    assert progress.entry("one").solved and progress.entry("two").answer == "b"
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]
    assert set(json.loads(file.read_text())) == {"version", "answers"}


WRITER = """import sys
from workbook.lessons import progress
from workbook.lessons.quiz import Feedback, Outcome
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    assert progress.note(f"{sys.argv[1]}-{number}", Feedback(Outcome.RIGHT), "yes") is None
    print(f"{sys.argv[1]}-{number}", flush=True)
"""


def writers(*names, count):
    """Start processes that each store `count` answers, and that begin at the same time."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    found = [subprocess.Popen([sys.executable, "-c", WRITER, name, str(count)], **pipes) for name in names]
    for process in found:
        assert process.stdout.readline() == "ready\n"
    for process in found:
        process.stdin.write("go\n")
        process.stdin.flush()
    return found


def test_two_processes_that_write_at_once_lose_no_answer(file):
    for process in writers("one", "two", count=150):
        process.communicate()
        assert process.returncode == 0
    assert len(json.loads(file.read_text())["answers"]) == 300
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]


def test_a_kernel_that_is_killed_loses_no_answer(file):
    for name in ("one", "two", "three"):
        (process,) = writers(name, count=100_000)
        noted = [process.stdout.readline().strip() for _ in range(40)]
        process.kill()
        noted += process.communicate()[0].splitlines()[:-1]  # the last line may be cut short
        stored = json.loads(file.read_text())["answers"]
        assert len(noted) >= 40 and set(noted) <= set(stored)
    assert progress.note("after", Feedback(Outcome.RIGHT)) is None and progress.entry("one-0").solved


def test_each_file_that_cannot_be_read_is_kept(file):
    file.parent.mkdir()
    for broken in ("first", "second", "[" * 100_000):
        file.write_text(broken)
        answered(RIGHT)
    kept = sorted(path.read_text() for path in file.parent.glob("*.unreadable*.json"))
    assert kept == sorted(["first", "second", "[" * 100_000])


def test_a_file_that_cannot_be_opened_is_left_alone(file, monkeypatch):
    answered(RIGHT)
    before = file.read_bytes()

    def denied(*arguments, **details):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(type(file), "read_text", denied)
        assert progress.entry(QUESTION.key) is None
        panel = answered(WRONG)
        assert "could not be stored" in panel.verdict_box.content and "Permission denied" in panel.verdict_box.content
    assert file.read_bytes() == before and [path.name for path in file.parent.iterdir()] == ["progress.json"]


def test_progress_that_cannot_be_erased_is_said(file, monkeypatch):
    answered(RIGHT)
    panel = labs.show_progress()
    panel.erase.click()

    def denied(*arguments, **details):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(file), "unlink", denied)
    panel.erase.click()
    assert "could not be erased: Permission denied" in panel.verdict_box.content
    assert "1 of" in panel.page and progress.entry(QUESTION.key).solved


def test_a_folder_that_takes_nothing_is_said(tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, where a folder is wanted")
    monkeypatch.setenv(progress.VARIABLE, str(blocked / "progress.json"))
    panel = answered(RIGHT)
    assert panel.feedback.outcome is Outcome.RIGHT
    assert "could not be stored" in panel.verdict_box.content


def test_switched_off_nothing_is_stored_and_the_panel_says_so(monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, "")
    answered(RIGHT)
    assert progress.path() is None and progress.entry(QUESTION.key) is None
    assert "switched off" in labs.show_progress().page


def test_the_usual_place_is_the_users_own(monkeypatch, tmp_path):
    monkeypatch.delenv(progress.VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    place = progress.path()
    assert place.name == "progress.json" and "model-cloning-workbook" in place.parts
    if sys.platform == "linux":
        assert place.is_relative_to(tmp_path)
        answered(RIGHT)
        assert stat.S_IMODE(os.stat(place).st_mode) == 0o600  # nobody else can read a learner's answers
