"""Shared fixtures: both Keras versions without log lines, run.py as a module, the Dockerfile."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

import workbook

ROOT = Path(__file__).resolve().parents[1]

# Answers in tests must not count as progress of the person who runs the tests.
os.environ["MODEL_CLONING_PROGRESS"] = ""
# Two workers and their kernels share the cores, and more threads would only wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


# The same examples in each run, and more of them with `--all`; `--hypothesis-profile=thorough` draws new ones.
for _name, _examples in (("quick", 10), ("all", 30)):
    hypothesis.settings.register_profile(_name, max_examples=_examples, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("quick")


def pytest_addoption(parser):
    parser.addoption("--fuzz", type=int, default=100, help="how many files to change at random, for each Keras version")


def pytest_configure(config):
    if config.getoption("all") and not config.getoption("--hypothesis-profile"):
        hypothesis.settings.load_profile("all")


@pytest.fixture(scope="session")
def packages():
    """Both Keras versions by name."""
    workbook.quiet_tensorflow()
    import keras
    import tf_keras

    return {"keras": keras, "tf_keras": tf_keras}


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request, packages):
    """Each Keras version in turn, under the same seed."""
    workbook.set_seeds(0)
    return packages[request.param]


@pytest.fixture
def run():
    """A fresh copy of run.py as a module, which a test may modify."""
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def dockerfile_for():
    """A function that takes options of repo2docker and returns the Dockerfile that it would build."""
    if os.name == "nt" or not importlib.util.find_spec("repo2docker"):
        pytest.skip("repo2docker is not here: on Linux and macOS, `pip install jupyter-repo2docker` brings it")

    def make(*options):
        command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", *options, ROOT]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return (done.stdout + done.stderr).replace("\\n", "\n")

    return make
