"""Models made under a strategy of tf.distribute are cloned with all their replicas, and judged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import strategies
import tensorflow as tf

import helpers
from helpers import keras_compat

ROOT = Path(__file__).resolve().parents[2]
TRUE = "✓ A true clone: same start, same future, own life."


def test_a_model_of_one_replica_is_cloned_and_judged(packages):
    keras = packages["keras"]
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        model.compile("sgd", "mse")
    clone = helpers.clone(model)
    assert isinstance(clone.weights[0].value, tf.distribute.DistributedValues)
    assert keras_compat.strategy(clone) is keras_compat.strategy(model) is not None
    report = helpers.audit(model, clone, np.ones((4, 4)), np.ones((4, 2)), steps=1)
    assert report.sentence == TRUE
    clone.weights[0].assign(clone.weights[0] + 1)
    assert helpers.audit(model, clone, np.ones((4, 4)), steps=1).failures[0] == "weights"


@pytest.mark.slow  # each starts a process, with two devices
@pytest.mark.parametrize(
    "keras, strategy, replicas",
    [("keras", "mirrored", 2), ("tf_keras", "mirrored", 2), ("tf_keras", "central", 1), ("keras", "one device", 1)],
)
def test_a_model_of_several_replicas_is_cloned_and_judged(keras, strategy, replicas):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, strategies.__file__, keras, strategy]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["sentence"] == found["inside"] == TRUE
    assert found["kept still"] and found["trained"]
    assert found["replicas"] == replicas
    assert "weights" in found["faulty"]
