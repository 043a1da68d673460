"""Models made under strategies of tf.distribute on two logical devices: run as a program, which prints JSON.

The devices have to be set before TensorFlow is first used, so a test starts a process for this.
"""

import json
import sys

import numpy as np
import tensorflow as tf

import helpers
from helpers import keras_compat, tf_private

STRATEGIES = {
    "mirrored": lambda: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
    "central": lambda: tf.distribute.experimental.CentralStorageStrategy(["CPU:0", "CPU:1"], "CPU:0"),
    "one device": lambda: tf.distribute.OneDeviceStrategy("CPU:0"),
}


def distributed(keras, strategy):
    """A model made under a strategy, trained for one step, and data."""
    generator = np.random.default_rng(0)
    x, y = (generator.normal(size=(8, n)).astype("float32") for n in (4, 2))
    with strategy.scope():
        model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
        model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(x, y, batch_size=8, verbose=0)
    return model, x, y


def judged(keras, strategy):
    """Clone such a model, judge the clone as it is and once one replica differs, and train it alone."""
    model, x, y = distributed(keras, strategy)
    before = model.get_weights()
    clone = helpers.clone(model, x)
    with strategy.scope():  # as if a reader cloned there
        inside = helpers.clone(model, x)
    found = {
        "sentence": helpers.audit(model, clone, x, y, steps=1).sentence,
        "inside": helpers.audit(model, inside, x, y, steps=1).sentence,
    }
    clone.fit(x, y, batch_size=8, verbose=0)
    found["kept still"] = all(map(np.array_equal, before, model.get_weights()))
    found["trained"] = not any(map(np.array_equal, before, clone.get_weights()))
    last = tf_private.replicas(keras_compat.storage(inside.weights[0]))[-1]
    last.assign_add(tf.ones_like(last))
    found["replicas"] = len(tf_private.replicas(keras_compat.storage(inside.weights[0])))
    found["faulty"] = helpers.audit(model, inside, x, y, steps=1).failures
    return found


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    print(json.dumps(judged(keras_compat.namespace(sys.argv[1]), STRATEGIES[sys.argv[2]]())))
