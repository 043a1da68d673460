"""Errors and accuracies in a notebook do not depend on the machine."""

import numpy as np
import pytest

from helpers import CloneError
from workbook import accuracy_in_words, expected_error, table
from workbook.notebook import raised


def test_an_expected_error_is_printed_without_a_trace(capsys):
    with expected_error():
        raise ValueError("first line\n\nmore")
    assert capsys.readouterr().out == "ValueError: first line more\n"


def test_the_code_in_a_refusal_keeps_its_lines(capsys):
    with expected_error():
        raise CloneError("Add:\n\n    def get_config(self):\n")
    assert capsys.readouterr().out == "CloneError: Add:\n\n    def get_config(self):\n"


def test_a_cell_that_no_longer_fails_is_noticed():
    with pytest.raises(AssertionError, match="expected to fail"), expected_error():
        pass


def test_a_name_that_a_cell_above_defines_is_no_expected_error():
    """If a cell is run before those above it, its NameError must not count as the expected error."""
    with pytest.raises(NameError, match="model_of_a_cell_above"), expected_error():
        model_of_a_cell_above.save("model.keras")  # noqa: F821
    with pytest.raises(NameError, match="model_of_a_cell_above"):
        raised(lambda: model_of_a_cell_above(1))  # noqa: F821


def test_a_name_that_is_missing_elsewhere_may_be_the_lesson(capsys):
    elsewhere = eval("lambda: lost", {})
    assert isinstance(raised(lambda: elsewhere()), NameError)
    with expected_error():
        elsewhere()
    assert capsys.readouterr().out == "NameError: name 'lost' is not defined\n"


@pytest.mark.parametrize(
    ("right", "words"), [(100, "more than 8 of 10 right"), (10, "no better than guessing"), (60, "about 6 of 10 right")]
)
def test_accuracy_in_words(right, words):
    outputs, labels = np.eye(2)[np.zeros(100, int)], np.zeros(100, int)
    labels[right:] = 1
    assert accuracy_in_words(lambda inputs: outputs, None, labels) == words


def test_a_table_as_text_and_as_html():
    made = table(["layer", "weights"], ["<hidden>", 2], ["flatten", 0])
    assert repr(made) == "layer     weights\n<hidden>  2\nflatten   0"
    assert "&lt;hidden&gt;" in made._repr_html_()
    assert made._repr_html_().count("<tr>") == 3
    # The corner above the names of the rows has no words, so it must not be a heading.
    corner = table(["", "weights"], ["hidden", 2])._repr_html_()
    assert corner.count("<th ") == 1 and corner.index("<td></td>") < corner.index(">weights</th>")
    with pytest.raises(ValueError, match="2 values"):
        table(["layer", "weights"], ["hidden"])
