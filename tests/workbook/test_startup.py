"""Importing costs nothing beyond what is asked for, and says nothing."""

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


def test_clone_and_audit_need_no_widgets_and_no_plots():
    block = "import sys; sys.modules.update(dict.fromkeys(['ipywidgets', 'matplotlib', 'tensorflow_probability']))"
    done = run(
        f"{block}; import helpers; helpers.clone, helpers.audit, helpers.three_tests; print('tf_keras' in sys.modules)"
    )
    assert done.stdout.strip() == "False", done.stderr


def test_the_start_up_is_silent():
    done = run("import workbook; workbook.quiet_tensorflow(); print('ready')")
    assert (done.stdout, done.stderr) == ("ready\n", "")


def test_what_was_held_back_is_shown_if_an_import_fails():
    code = (
        "import os, workbook; os.environ['PYTHONPATH'] = ''; workbook.quiet_tensorflow('tensorflow', 'no_such_package')"
    )
    done = run(code)
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    # TensorFlow's own lines come out with the error.
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
