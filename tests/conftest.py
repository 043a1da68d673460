"""What tests of every kind need: both Kerases, imported without their log lines, and run.py as a module."""

import importlib.util
import os
from pathlib import Path

import hypothesis
import pytest

import helpers

# Answers that tests give are not those of whoever runs them.
os.environ["MODEL_CLONING_PROGRESS"] = ""
# Two workers, and the kernels that they start, share the cores: more threads than that only wait for one another.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


# The same examples each time in the suite; `--hypothesis-profile=thorough` draws many others.
hypothesis.settings.register_profile("suite", max_examples=80, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def packages():
    """The two generations of Keras by name."""
    helpers.quiet_tensorflow()
    import keras
    import tf_keras

    return {"keras": keras, "tf_keras": tf_keras}


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request, packages):
    """Each of the two Kerases in turn, under the same seed."""
    helpers.set_seeds(0)
    return packages[request.param]


@pytest.fixture
def run():
    """A fresh copy of run.py as a module, which a test may bend as it likes."""
    spec = importlib.util.spec_from_file_location("run", Path(__file__).resolve().parents[1] / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
