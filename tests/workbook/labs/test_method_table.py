"""The method table on both Keras versions: picture, text and CSV agree with the audit."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from matplotlib.text import Text

from helpers import auditing
from helpers.report import QUESTIONS, Check, Report
from workbook.labs.framework.figure import png
from workbook.labs.framework.run import Problem
from workbook.labs.method_table import run as method_table
from workbook.labs.method_table.figure import MethodTablePicture
from workbook.labs.method_table.lab import folded_table
from workbook.labs.method_table.models import MODEL_KINDS, kinds_on
from workbook.labs.method_table.run import MethodTableRun, MethodTableSettings, Outcome, Subject
from workbook.methods import METHODS


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.rare) for name in ("keras", "tf_keras")])
def full(request, packages):
    """The table of all kinds of models on one Keras version."""
    made = MethodTableRun(MethodTableSettings(request.param))
    list(made.stages())
    return made


def test_it_is_filled_in_completely_and_no_maker_fails(full):
    assert full.finished and full.done == full.total == len(kinds_on(full.settings.generation)) * len(METHODS)
    assert full.problems == []
    assert {"Sequential", "BatchNormalization", "Dropout", "raw tf.Variable", "stateful RNN"} <= set(full.rows)
    assert len(full.rows) == 13


def test_every_cell_is_a_report_or_an_error(full):
    for outcome in full.outcomes.values():
        assert (outcome.report is None) != (outcome.problem is None), outcome.subject
        assert outcome.words[0] in "✓✗!" and outcome.evidence
        if outcome.report is not None:
            assert outcome.true == outcome.report.ok == (not outcome.failed)
            steps = next(check for check in outcome.report.checks if check.name == "training steps")
            assert "5 steps" in steps.evidence or "cannot be trained" in steps.evidence or "weights" in steps.evidence


def test_an_alias_fails_own_life_and_loses_nothing(full):
    found = [full.outcomes[row, "alias"] for row in full.rows]
    assert {(*each.failed, *each.lost) for each in found} == {("Own life",)}
    assert {each.words for each in found} == {"✗ fails Own life"}


def test_no_copy_other_than_an_alias_is_ever_dependent(full):
    shared = [key for key, each in full.outcomes.items() if "Own life" in each.failed]
    assert {name for _, name in shared} == {"alias"}


def test_the_workbooks_clone_passes_what_is_tried(full):
    for row in full.rows:
        outcome = full.outcomes[row, "clone"]
        assert outcome.report is not None and not outcome.failed


def test_clone_model_never_carries_trained_weights(full):
    found = [full.outcomes[row, "clone_model"] for row in full.rows]
    assert all(outcome.problem or "weights" in outcome.lost for outcome in found)


def test_methods_that_are_called_correct_make_a_true_clone_of_a_plain_model(full):
    for name, method in METHODS.items():
        assert full.outcomes["Sequential", name].true == method.correct, name


def test_the_csv_has_a_line_for_each_cell(full):
    lines = list(csv.DictReader(io.StringIO(full.to_csv())))
    assert len(lines) == full.total
    for line in lines:
        assert line["Keras"] == method_table.KERAS_VERSIONS[full.settings.generation]
        assert line["outcome"] in ("true clone", "not a true clone", "raises")
        assert bool(line["error"]) == (line["outcome"] == "raises")
        values = {line[test] for test in QUESTIONS}
        assert values == {""} if line["error"] else values <= {*method_table.WORDS.values()}


class _Table(HTMLParser):
    """Collects the cells of the outer table, and the kinds of tags."""

    def __init__(self):
        super().__init__()
        self.tags, self.scopes, self.labels, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.scopes += [value for key, value in attributes if key == "scope"]
        self.labels += [value for key, value in attributes if key == "aria-label"]

    def handle_data(self, data):
        self.text.append(data)


def test_the_table_reads_without_colour_and_opens_to_evidence(full):
    page = _Table()
    page.feed(full.to_html())
    assert page.tags.count("details") == page.tags.count("summary") == full.total
    assert len(page.labels) == full.total and sum("true clone" in label for label in page.labels) > 0
    assert page.scopes.count("row") > len(full.rows) and page.scopes.count("col") > len(METHODS)
    assert "caption" in page.tags and full.verdict in page.text
    assert not re.search(r"(?<!-)color:", full.to_html())
    true = sum(outcome.true for outcome in full.outcomes.values())
    assert page.text.count("✓\N{NO-BREAK SPACE}✓\N{NO-BREAK SPACE}✓") <= true <= page.tags.count("strong")


def test_what_is_committed_has_no_numbers_that_change(full):
    page = full._repr_html_()
    assert "details" not in page and not re.search(r"\d\.\d|e-\d", page)
    assert str(full).count("\n") > full.total and not re.search(r"\d\.\d|e-\d", str(full))


def test_the_verdict_counts_ties_and_none():
    run = MethodTableRun(subjects=[Subject("a", None), Subject("b", None)], methods=("clone", "deepcopy"))
    for subject in run.rows:
        for name in run.methods:
            run.outcomes[subject, name] = Outcome(subject, name, problem=Problem("x", ValueError("y")))
    assert run.verdict == "Your model: no method makes a true clone of any of 2 kinds of models."
    with pytest.raises(ValueError, match=r"no method 'keras-file'. Use some of alias"):
        MethodTableRun(methods=("keras-file",))


def test_the_verdict_is_one_sentence_made_of_the_counts(full):
    assert full.verdict.endswith(".") and full.verdict.count(".") <= full.verdict.count(".keras") + 3
    assert f"of {len(full.rows)} kinds" in full.verdict


@pytest.mark.slow
def test_the_picture_is_drawn_at_every_stage():
    picture, run = MethodTablePicture(), MethodTableRun(MethodTableSettings("keras", "sequential"))
    assert picture.update(run)
    first = png(picture.figure)
    list(run.stages())
    picture.update(run)
    assert png(picture.figure) != first
    still = picture.still(run)
    assert still.alt == run.verdict
    assert png(MethodTablePicture().still(run)) == png(MethodTablePicture().still(run))


def of_errors(*subjects):
    """A table in which every method raises an error with a long name."""
    run = MethodTableRun(subjects=[Subject(subject, None) for subject in subjects])
    for subject in subjects:
        for name in run.methods:
            run.outcomes[subject, name] = Outcome(subject, name, problem=Problem("x", NotImplementedError("y")))
    return run


@pytest.mark.parametrize("subjects", [("subclass without get_config", "LoRA"), ("LoRA",)])
def test_letters_can_be_read_where_the_page_is_narrow(subjects):
    """The picture is as wide as its panel: 818 px on a small screen with the file browser open."""
    picture = MethodTablePicture()
    picture.update(of_errors(*subjects))
    picture.figure.canvas.draw()
    texts = [text for text in picture.figure.findobj(Text) if text.get_text()]
    assert min(text.get_fontsize() / 72 * 818 / picture.figure.get_figwidth() for text in texts) >= 11
    boxes = [text.get_window_extent() for text in texts]
    inside = picture.figure.bbox.padded(2)
    assert all(inside.contains(*box.min) and inside.contains(*box.max) for box in boxes)
    assert not [1 for i, box in enumerate(boxes) for other in boxes[:i] if box.overlaps(other)]


def test_the_evidence_is_folded_away_until_somebody_asks_for_it():
    page = folded_table(of_errors("LoRA"))
    assert page.startswith('<details class="method-table-evidence"><summary>') and "<details open" not in page


def test_one_kind_gives_a_row_for_each_method():
    run = MethodTableRun(MethodTableSettings("tf_keras", "dropout"))
    list(run.stages())
    assert run.rows == ["Dropout"] and run.title == "Dropout on Keras 2"
    page = _Table()
    page.feed(run.to_html(evidence=False))
    assert page.tags.count("tr") == len(METHODS) + 1
    assert all(method.label in page.text for method in METHODS.values())
    assert "def dropout(keras):" in run.source and "@" not in run.source.splitlines()[0]


def test_the_short_selection_is_a_part_of_all_and_shows_something_of_its_own_on_each():
    for generation, own in (("keras", "LoRA"), ("tf_keras", "DenseFlipout")):
        rows = MethodTableRun(MethodTableSettings(generation, "short")).rows
        assert own in rows and 4 < len(rows) < len(kinds_on(generation))


def test_an_unknown_kind_is_refused_by_naming_those_there_are():
    with pytest.raises(ValueError, match="sequential"):
        MethodTableRun(MethodTableSettings("keras", "dense_flipout"))
    assert MODEL_KINDS["dense_flipout"].only_on == "tf_keras"


def test_a_maker_that_fails_is_an_error_in_every_cell_of_its_row():
    def broken():
        raise ImportError("no such package")

    run = MethodTableRun(subjects=[Subject("mine", broken)], methods=("alias", "clone"))
    list(run.stages())
    assert [each.words for each in run.of("mine")] == ["! raises ImportError"] * 2
    assert "no method" in run.verdict and [problem.name for problem in run.problems] == ["ImportError"]


def test_an_error_of_the_audit_itself_stands_in_the_cell(keras, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("no paper")

    monkeypatch.setattr(auditing, "audit", broken)
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    outcome = method_table.try_method("mine", "alias", model, None, None)
    assert outcome.words == "! raises RuntimeError" and outcome.problem.where == "Auditing the clone"


def test_the_models_make_the_steps_that_the_method_table_names(keras):
    model, x, y = MODEL_KINDS["sequential"].make(keras.__name__)
    report = method_table.try_method("mine", "clone", model, x, y).report
    evidence = next(check.evidence for check in report.checks if check.name == "training steps")
    assert evidence.startswith("after 5 steps alike")


def test_a_symbol_for_each_test_and_what_is_lost_in_words():
    checks = [
        Check("Same start", "outputs", True, ""),
        Check("Same start", "layer settings", False, ""),
        Check("Own life", "clone keeps still", True, ""),
    ]
    outcome = Outcome("mine", "alias", Report(checks))
    assert not outcome.true and outcome.words == "✗ loses layer settings"
    assert outcome.symbols.split() == ["✗", "○", "✓"]
    shared = Outcome("mine", "alias", Report([*checks, Check("Own life", "original keeps still", False, "")]))
    assert shared.words == "✗ loses layer settings; fails Own life" and shared.symbols.split() == ["✗", "○", "✗"]
    failed = Outcome("mine", "alias", problem=Problem("Cloning", ValueError("a\nb\nc")))
    assert failed.passed == {} and failed.symbols == "! ValueError"
    assert failed.evidence == [("error", "! ValueError", "a b ...")]
