"""Both Kerases, imported without their log lines, for every test."""

import os

import pytest

import helpers

# Answers that tests give are not those of whoever runs them.
os.environ["MODEL_CLONING_PROGRESS"] = ""


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
