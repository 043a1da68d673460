"""Compare the time of `helpers.audit` with that of the calls and training steps that it must make; asserts nothing.

.venv/bin/python tools/benchmarks/audit_cost.py
.venv/bin/python tools/benchmarks/audit_cost.py small ResNet50
.venv/bin/python tools/benchmarks/audit_cost.py --profile small
"""

import argparse
import time

import numpy as np

REPEATS = 3
STEPS = 3  # the default of audit
NETWORKS = ("small", "deep", "MobileNetV3Small", "ResNet50")


def make(name):
    import keras

    layers = keras.layers
    generator = np.random.default_rng(0)
    if name == "small":
        stack = [layers.Input((20,)), layers.Dense(32, "relu"), layers.Dropout(0.2), layers.Dense(3)]
        model, x = keras.Sequential(stack), generator.uniform(size=(64, 20)).astype("float32")
    elif name == "deep":
        stack = [layers.Input((20,)), *(layers.Dense(32, "relu") for _ in range(40)), layers.Dense(3)]
        model, x = keras.Sequential(stack), generator.uniform(size=(64, 20)).astype("float32")
    else:
        model = getattr(keras.applications, name)(weights=None, classes=3, classifier_activation=None)
        x = generator.uniform(size=(8, 224, 224, 3)).astype("float32")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    y = generator.integers(0, 3, len(x))
    model.fit(x, y, verbose=0)
    return model, x, y


def bare_runs(models, x, y):
    """Do the minimum of an audit: for each model one call, one call in training mode, and the training steps."""
    import tensorflow as tf

    from helpers.training import BATCH_SIZE

    tf.config.run_functions_eagerly(True)
    batch = tf.constant(x[:BATCH_SIZE]), tf.constant(y[:BATCH_SIZE])
    for model in models:
        model(tf.constant(x), training=False)
        model(batch[0], training=True)
        for _ in range(STEPS):
            model.train_step(batch)
    tf.config.run_functions_eagerly(False)


def seconds(run, repeats=REPEATS):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NETWORKS)
    parser.add_argument("--profile", action="store_true", help="show where the time of audit goes")
    options = parser.parse_args()

    import helpers
    import workbook

    workbook.quiet_tensorflow()
    for name in options.names:
        model, x, y = make(name)
        clone = helpers.clone(model)
        helpers.audit(model, clone, x, y)
        if options.profile:
            import cProfile
            import pstats

            with cProfile.Profile() as profile:
                helpers.audit(model, clone, x, y)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
            continue
        audited = seconds(lambda m=model, t=clone, x=x, y=y: helpers.audit(m, t, x, y, steps=STEPS))
        bare = seconds(lambda m=model, t=clone, x=x, y=y: bare_runs((m, t), x, y))
        print(f"{name:20} audit {audited:7.3f} s   bare runs {bare:7.3f} s   {audited / bare:5.2f} x", flush=True)


if __name__ == "__main__":
    main()
