"""`pip install .` installs `helpers` with TensorFlow, Keras and NumPy, and nothing from Jupyter."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASE = {Requirement(line).name for line in PROJECT["dependencies"]}
# Imported only if the reader's model uses these packages, and then they are installed.
IF_INSTALLED = {"tf_keras", "tensorflow_probability"}


def imported(path):
    """Return the packages that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_helpers_imports_its_declared_dependencies_and_no_others():
    found = {name for path in (ROOT / "helpers").rglob("*.py") for name in imported(path)}
    assert found - set(sys.stdlib_module_names) - {"helpers"} - IF_INSTALLED == BASE


def test_import_helpers_costs_nothing_until_it_is_used():
    program = "import sys, helpers; print(*{'tensorflow', 'keras', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_editors_see_the_names_that_helpers_loads_when_they_are_used():
    """A type checker reads the same objects that `__getattr__` returns."""
    import helpers

    tree = ast.parse((ROOT / "helpers" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    shown = {alias.asname or alias.name: node.module for node in block.body for alias in node.names}
    assert sorted(shown) == sorted(helpers.__all__)
    for name, module in shown.items():
        __import__(module)
        assert getattr(helpers, name) is getattr(sys.modules[module], name), name


# --- In an empty environment ------------------------------------------------------------------------------------

PREPARATION = """
import numpy as np
import keras

class Scorer(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(3, activation="relu")
        self.dropout = keras.layers.Dropout(0.5)
        self.score = keras.layers.Dense(1)

    def call(self, inputs, training=False):
        return self.score(self.dropout(self.hidden(inputs), training=training))

inputs, targets = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
model = Scorer()
model.compile(optimizer="adam", loss="mse")
model.fit(inputs, targets, verbose=0)
"""
AFTERWARDS = """
import importlib.util
from pathlib import Path

report = helpers.audit(model, clone, inputs, targets)
print("true" if report.ok else report)
print(Path(helpers.__file__).with_name("py.typed").exists(), "site-packages" in helpers.__file__)
print([name for name in ("tf_keras", "tensorflow_probability", "jupyterlab", "ipykernel", "ipywidgets", "matplotlib")
       if importlib.util.find_spec(name)])

from helpers import keras_files

keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save("own.keras")
print(keras_files.load_file("own.keras").count_params())
try:
    keras_files.load_file("keras2.keras")
except keras_files.Refusal as refusal:
    print(refusal)
"""


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """The Python of an environment with only the packages that `pip install .` installs."""
    folder = tmp_path_factory.mktemp("distribution")
    source = folder / "source"
    passed_over = shutil.ignore_patterns("__pycache__", ".*")
    for package in ("helpers", "workbook"):
        shutil.copytree(ROOT / package, source / package, ignore=passed_over)
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, source / name)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv, "uv is in the extra `test`"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment["UV_SYSTEM_CERTS"] = "1"
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    for command in (
        ["venv", "--python", sys.executable, folder / "venv"],
        ["pip", "install", "--python", python, source],
    ):
        done = subprocess.run([uv, *command], env=environment, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return python


@pytest.mark.slow
def test_the_lines_of_the_readme_work_with_what_pip_install_brings(bare_python, packages, tmp_path):
    lines = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    (tmp_path / "program.py").write_text("\n".join([PREPARATION, *lines, AFTERWARDS]), encoding="utf-8")
    keras2 = packages["tf_keras"]
    keras2.Sequential([keras2.Input((4,)), keras2.layers.Dense(2)]).save(tmp_path / "keras2.keras")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [bare_python, "program.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stderr
    verdict, packaged, others, parameters, refusal = done.stdout.splitlines()[-5:]
    assert (verdict, packaged, others, parameters) == ("true", "True True", "[]", "10")
    assert "keras2.keras was written by Keras 2" in refusal and "pip install tf-keras" in refusal
