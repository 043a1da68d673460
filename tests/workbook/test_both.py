"""`%both` runs a cell on both Keras versions, keeps their names apart, and shows what differs."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from workbook import both
from workbook.both import BothVersions, SideBySide

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shell(packages):
    """A shell with the magic, which is gone after the test."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.user_ns.update(packages)
    both.register(shell)
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def cell(shell):
    """Run a cell and return its value; an error is raised."""

    def run(source):
        result = shell.run_cell(textwrap.dedent(source))
        result.raise_error()
        return result.result

    return run


def test_the_cell_runs_on_each_keras_and_shows_both(cell):
    shown = cell("%both\nprint(keras.__name__)\nkeras.layers.Dense(2).name[:5]")
    assert repr(shown) == "Keras 3:\n  keras\n  'dense'\n\nKeras 2:\n  tf_keras\n  'dense'"
    page = shown._repr_html_()
    assert page.index("Keras 3") < page.index(">keras<") < page.index("Keras 2") < page.index(">tf_keras<")


def test_what_is_alike_is_shown_once(cell):
    assert repr(cell("%both\n'one < two'")) == "Keras 3 and Keras 2:\n  'one < two'"
    assert "one &lt; two" in cell("%both\n'one < two'")._repr_html_()


def test_a_cell_that_shows_nothing_shows_nothing(cell):
    assert cell("%both\nmade = keras.layers.Dense(2)") is None
    assert cell("%both\n# nothing yet") is None


def test_each_keras_sees_its_own_names_and_the_notebook_those_of_keras_3(cell, packages):
    cell("""
        %both
        class Net(keras.Model):
            def call(self, inputs):
                return head(inputs) if inputs is not None else keras.__name__

        model = Net()
        head = None
    """)
    cell("%both\nhead = keras.layers.Dense(1)")
    assert cell("model").__class__.__mro__[1] is packages["keras"].Model
    assert cell("keras") is packages["keras"]
    shown = cell("%both\nisinstance(model, keras.Model), model(None), type(head).__module__.split('.')[0]")
    assert repr(shown) == "Keras 3:\n  (True, 'keras', 'keras')\n\nKeras 2:\n  (True, 'tf_keras', 'tf_keras')"


def test_what_a_later_cell_sets_holds_for_both(cell):
    cell("%both\nname = keras.__name__\nother = keras.__name__")
    cell("name = 'set since'")
    assert repr(cell("%both\nname")) == "Keras 3 and Keras 2:\n  'set since'"
    assert "tf_keras" in repr(cell("%both\nother"))
    cell("%both\nname = keras.__name__")
    assert "tf_keras" in repr(cell("%both\nname"))


def test_a_name_that_is_set_on_one_of_them_alone_is_kept_apart(cell):
    cell("count = 5")
    cell("%both\nif keras.__name__ == 'keras':\n    count = 7")
    assert repr(cell("%both\ncount")) == "Keras 3:\n  7\n\nKeras 2:\n  5"
    cell("%both\nif keras.__name__ == 'tf_keras':\n    fresh = 1")
    assert repr(cell("%both\n'fresh' in globals()")) == "Keras 3:\n  False\n\nKeras 2:\n  True"


def test_each_counts_on_from_its_own_value(cell):
    cell("count = 1")
    for _ in range(2):
        shown = cell("%both\ncount = count + 1\ncount")
    assert repr(shown) == "Keras 3 and Keras 2:\n  3"


def test_a_name_that_was_deleted_is_gone(cell):
    cell("lost = 1")
    cell("%both\nlost")
    cell("del lost")
    with pytest.raises(NameError, match="lost"):
        cell("%both\nlost")


def test_an_error_on_one_of_them_is_part_of_what_is_shown(cell):
    shown = cell("%both\nprint('before')\nif keras.__name__ == 'keras':\n    raise ValueError('too new')\n'fine'")
    assert repr(shown) == "Keras 3:\n  before\n  ValueError: too new\n\nKeras 2:\n  before\n  'fine'"


def test_an_error_on_both_stops_the_cell(cell, capsys):
    with pytest.raises(ZeroDivisionError):
        cell("%both\nprint('so far')\n1 / 0")
    assert "so far" in capsys.readouterr().out


def test_a_name_of_a_cell_above_that_did_not_run_is_no_expected_error(cell):
    with pytest.raises(NameError, match="model_of_a_cell_above"):
        cell("%both\nif keras.__name__ == 'tf_keras':\n    model_of_a_cell_above.save('x')")


def test_warnings_are_shown_once_each_without_the_file(cell):
    shown = cell("%both\nimport warnings\nfor _ in range(2):\n    warnings.warn('look here')")
    assert repr(shown) == "Keras 3 and Keras 2:\n  UserWarning: look here"


def test_what_is_logged_is_shown_without_the_time(cell):
    shown = cell("""
        %both
        import logging
        logging.getLogger("absl").warning("%s is old", "absl")
        logging.getLogger("tensorflow").warning("and this")
    """)
    assert repr(shown) == "Keras 3 and Keras 2:\n  Warning: absl is old\n  Warning: and this"


def test_displays_and_pictures_come_with_their_words(cell):
    shown = cell("""
        %both
        from IPython.display import display
        described = {"image/png": {"alt": "two <lines>"}}
        display({"image/png": "aa", "text/plain": "a picture"}, metadata=described, raw=True)
        display({"image/png": "bb", "text/plain": "no other words"}, raw=True)
    """)
    assert repr(shown) == "Keras 3 and Keras 2:\n  a picture\n  no other words"
    assert 'alt="two &lt;lines&gt;"' in shown._repr_html_() and 'alt="no other words"' in shown._repr_html_()


def test_the_richest_text_is_shown(cell):
    shown = cell("%both\nimport workbook\nworkbook.table(['a', 'b'], [1, keras.__name__])")
    assert "a  b\n  1  tf_keras" in repr(shown)
    assert "<td" in shown._repr_html_()


def test_training_finds_the_source_of_a_class_in_the_cell(cell):
    """AutoGraph needs it on Keras 2, or a branch on a tensor is an error, as it is on Keras 3."""
    shown = cell("""
        %both
        import tensorflow as tf

        class Halved(keras.layers.Layer):
            def call(self, inputs):
                if tf.reduce_sum(inputs) > 0:
                    inputs = inputs / 2
                return inputs

        layer = Halved()
        float(tf.function(lambda x: layer(x))(tf.ones(())))
    """)
    assert repr(shown).endswith("Keras 2:\n  0.5")


def test_only_the_first_line_makes_a_cell_run_on_both(cell):
    with pytest.raises(Exception, match="both"):
        cell("value = 1\n%both")
    assert both._whole_cell([]) == []


def test_two_percent_signs_do_the_same(cell):
    assert "tf_keras" in repr(cell("%%both\nkeras.__name__"))


def test_a_second_registration_changes_nothing(shell, cell):
    cell("%both\nname = keras.__name__")
    both.register(shell)
    assert "tf_keras" in repr(cell("%both\nname"))
    assert shell.input_transformers_cleanup.count(both._whole_cell) == 1


@pytest.mark.slow
def test_importing_the_workbook_in_ipython_registers_it():
    code = "%both\nkeras.__name__"
    program = (
        "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
        f"shell.run_cell('import workbook')\nprint(shell.run_cell({code!r}).result)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.endswith("Keras 3:\n  'keras'\n\nKeras 2:\n  'tf_keras'\n"), done.stdout + done.stderr


def test_the_linter_reads_what_stands_below_the_magic(tmp_path):
    source = ["%both\n", "import os\n", "made = nothing_of_this_name"]
    code = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": source}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": [code], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--output-format=concise", str(path)]
    found = subprocess.run(ruff, capture_output=True, text=True).stdout
    assert "F401" in found and "F821" in found


def test_a_run_can_be_used_without_the_magic(shell):
    assert isinstance(BothVersions(shell).run("keras.__name__"), SideBySide)
