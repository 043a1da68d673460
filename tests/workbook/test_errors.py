"""Error messages are cleaned in one way, and each has a hint."""

import pytest

from workbook import errors


def test_a_short_message_is_one_line_without_wrapping():
    message = (
        "\x1b[1mLayer <Dense at 0x7f00ab> failed\x1b[0m\n  at the end.\n\nArguments received by Dense.call():\n  • x=1"
    )
    assert errors.short_message(ValueError(message)) == "Layer <Dense> failed at the end."
    assert errors.short_message(ValueError()) == ""


def test_a_message_for_a_panel_keeps_its_lines_and_drops_the_made_up_module():
    error = ValueError("No <layer_lab_model_0123abcd.Reader object at 0xAB>\n\n\tmore\nlast")
    assert errors.readable(error) == "No <Reader object>\n    more\nlast"
    assert errors.readable(error, lines=1) == "No <Reader object>\n..."
    assert errors.readable(ValueError()) == "(no message)"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NameError("name 'tfd' is not defined"), "byte code"),
        (ValueError("You cannot add new elements of state (variables or sub-layers) to a layer"), "__init__ or build"),
        (OSError(28, "No space left on device"), "could not be written"),
        (ValueError("Unknown variable: <Variable path=x>"), "optimizer of its own"),
        (ValueError("something new"), "no explanation"),
    ],
)
def test_a_hint_explains_the_error(error, words):
    assert words in errors.hint_for(error)
