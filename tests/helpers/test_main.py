"""The command line, and the assertion for a reader's own tests."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from zoo import sequential

import helpers
import workbook
from helpers.__main__ import _own_classes, main
from workbook.methods import METHODS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def files(keras, tmp_path):
    """Three files: a model, the same again, and one with fresh weights."""
    model, x, _ = sequential(keras)
    paths = [str(tmp_path / f"{name}.keras") for name in ("model", "same", "fresh")]
    for path, each in zip(paths, (model, helpers.clone(model), METHODS["clone_model"](model, x)), strict=True):
        each.save(path)
    return paths


def test_two_files_are_judged_by_the_exit_code(files, capsys):
    model, same, fresh = files
    assert main(["audit", model, same]) == 0
    said = capsys.readouterr().out
    assert said.startswith("✓ A true clone: same start, same future, own life.\n")
    assert said.endswith("\nTried on inputs made up from model.inputs, (64, 6) float32; made-up targets.\n")
    assert main(["audit", model, fresh, "--json", "--steps", "1", "--inputs", "6"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["sentence"].startswith("✗ Not a true clone")
    assert found["tests"] == {"Same start": "failed", "Same future": "failed", "Own life": "passed"}
    weights = next(check for check in found["checks"] if check["name"] == "weights")
    assert weights["passed"] is False and "weights differ" in weights["evidence"]
    assert found["tried_on"] == "made-up inputs, 6; made-up targets"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["audit", "nowhere.keras", "nowhere.keras"], "There is no file 'nowhere.keras'"),
        (["audit", __file__, __file__], "test_main.py"),
        (["audit", "a.keras", "b.keras", "--classes", "no_such_module"], "No module named 'no_such_module'"),
        (["audit", "a.keras", "b.keras", "--classes", "zoo:Nothing"], "The module 'zoo' has no class 'Nothing'."),
    ],
)
def test_what_cannot_be_judged_is_no_verdict(arguments, said, capsys):
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_wrong_arguments_and_inputs_are_no_verdict(files, capsys):
    model, same, _ = files
    assert main(["audit", model, same, "--inputs", "5"]) == 2
    assert "does not take inputs of (64, 5)" in capsys.readouterr().err
    assert main(["audit", model, same, "--steps", "0"]) == 2
    for wrong in ([], ["judge"], ["audit", model]):
        with pytest.raises(SystemExit) as ended:
            main(wrong)
        assert ended.value.code == 2


@pytest.fixture
def own_class(tmp_path, packages, monkeypatch):
    """A file whose model has a layer of the reader's own class, and the name of that class."""
    (tmp_path / "layers_of_mine.py").write_text(
        "import keras\n\n\nclass Doubled(keras.layers.Dense):\n"
        "    def call(self, inputs):\n        return 2 * super().call(inputs)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "layers_of_mine", raising=False)
    layers = importlib.import_module("layers_of_mine")
    packages["keras"].Sequential([packages["keras"].Input((3,)), layers.Doubled(2)]).save(tmp_path / "own.keras")
    return str(tmp_path / "own.keras"), "layers_of_mine:Doubled"


def test_own_classes_are_withheld_unless_they_are_named(own_class, capsys):
    path, name = own_class
    assert main(["audit", path, path]) == 2
    assert "Doubled" in capsys.readouterr().err
    assert list(_own_classes([name])) == ["Doubled"]
    assert _own_classes([name.split(":")[0]])["Doubled"] is _own_classes([name])["Doubled"]


@pytest.mark.slow  # it starts Python twice
def test_the_command_runs_in_a_process_of_its_own(own_class):
    path, name = own_class
    command = [sys.executable, "-m", "helpers", "audit", path, path, "--classes", name]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, cwd=Path(path).parent, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("✓ A true clone")


def test_a_clone_is_asserted_to_be_true_with_the_report_as_the_message(keras):
    model, x, y = sequential(keras)
    report = helpers.assert_true_clone(model, helpers.clone(model), x, y, steps=1)
    assert report.ok
    fresh = METHODS["clone_model"](model, x)
    with pytest.raises(AssertionError) as failed:
        helpers.assert_true_clone(model, fresh, x, y, steps=1)
    workbook.set_seeds(0)
    assert str(failed.value) == str(helpers.audit(model, fresh, x, y, steps=1))
    assert "✗ failed   weights: 4 of 4 weights differ" in str(failed.value)


@pytest.mark.slow
def test_a_frozen_clone_is_true_and_one_that_was_never_called_is_not_asserted(packages):
    keras = packages["keras"]
    model, x, _ = sequential(keras)
    model.trainable = False
    model.compile("sgd", "mse")
    assert helpers.assert_true_clone(model, helpers.clone(model), x).ok
    unbuilt = keras.Sequential([keras.layers.Dense(2)])
    with pytest.raises(AssertionError, match="not tried"):
        helpers.assert_true_clone(unbuilt, helpers.clone(unbuilt), np.ones((4, 3)))
