"""Both Kerases, imported without their log lines, for every test."""

import os

import hypothesis
import pytest

import helpers

# Answers that tests give are not those of whoever runs them.
os.environ["MODEL_CLONING_PROGRESS"] = ""


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
