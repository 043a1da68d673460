"""Importing a package loads only what is needed, and prints nothing."""

import json
import subprocess
import sys

import pytest

import helpers
import workbook


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("package", ["helpers", "workbook"])
def test_importing_a_package_loads_nothing_heavy(package):
    heavy = ["tensorflow", "keras", "tf_keras", "tensorflow_probability", "ipywidgets", "matplotlib", "numpy"]
    done = run(f"import sys, {package}; print([name for name in {heavy} if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.slow
def test_clone_and_audit_need_no_widgets_and_no_plots():
    block = "import sys; sys.modules.update(dict.fromkeys(['ipywidgets', 'matplotlib', 'tensorflow_probability']))"
    done = run(
        f"{block}; import helpers; helpers.clone, helpers.audit, helpers.three_tests; print('tf_keras' in sys.modules)"
    )
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.slow
def test_the_start_up_is_silent():
    done = run("import workbook; workbook.quiet_tensorflow(); print('ready')")
    assert (done.stdout, done.stderr) == ("ready\n", "")


@pytest.mark.slow  # each starts a process
@pytest.mark.parametrize("where", ["variable", "file"])
def test_keras_is_set_up_as_the_pages_need_it_and_one_line_says_so(where, tmp_path, monkeypatch):
    settings = {"floatx": "float64", "image_data_format": "channels_first"}
    if where == "file":
        settings["backend"] = "jax"
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
    else:
        monkeypatch.setenv("KERAS_BACKEND", "jax")
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    code = (
        "import workbook; workbook.quiet_tensorflow(); import keras, tf_keras; workbook.quiet_tensorflow(); "
        "print({p.backend.floatx() + p.backend.image_data_format() for p in (keras, tf_keras)}); "
        "print(keras.backend.backend())"
    )
    done = run(code)
    said, *state = done.stdout.splitlines()
    assert said == (
        "In this workbook Keras uses tensorflow instead of jax, float32 instead of float64, "
        "channels_last instead of channels_first. Your own settings still hold elsewhere."
    )
    assert state == ["{'float32channels_last'}", "tensorflow"]


def test_a_different_float_type_is_put_right_and_one_line_says_so(keras, capsys):
    keras.backend.set_floatx("float64")
    workbook.quiet_tensorflow()
    assert keras.backend.floatx() == "float32"
    assert "Keras uses float32 instead of float64." in capsys.readouterr().out


def test_a_kernel_in_which_keras_already_runs_on_something_else_has_to_be_restarted(packages, monkeypatch):
    monkeypatch.setattr(packages["keras"].backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"Keras already runs on jax .*: restart the kernel"):
        workbook.quiet_tensorflow()


@pytest.mark.slow
def test_what_was_held_back_is_shown_if_an_import_fails():
    code = (
        "import os, workbook; os.environ['PYTHONPATH'] = ''; workbook.quiet_tensorflow('tensorflow', 'no_such_package')"
    )
    done = run(code)
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    # TensorFlow's own lines are shown with the error.
    assert "oneDNN" in done.stderr or "cpu_feature_guard" in done.stderr or "InitializeLog" in done.stderr


def test_seeds_make_models_alike(keras):
    import numpy as np

    kernels = []
    for _ in range(2):
        workbook.set_seeds(11)
        kernels.append(np.asarray(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).weights[0]))
    assert np.array_equal(*kernels)


@pytest.mark.parametrize("package", [helpers, workbook], ids=lambda package: package.__name__)
def test_every_public_name_is_there_and_no_other(package):
    assert set(package.__all__) <= set(dir(package))
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = package.nonsense
