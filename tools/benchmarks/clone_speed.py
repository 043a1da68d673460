"""Compare `helpers.clone` with other ways to copy a model: time and peak extra memory; asserts nothing.

    .venv/bin/python tools/benchmarks/clone_speed.py            # all
    .venv/bin/python tools/benchmarks/clone_speed.py small ResNet50
    .venv/bin/python tools/benchmarks/clone_speed.py --profile ResNet50

Every number comes from a new process, because the peak memory of a process never goes down.
"""

import argparse
import copy
import gc
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

REPEATS = 3
NETWORKS = ("small", "MobileNetV3Small", "ResNet50", "EfficientNetB0")
MILLIONS = (1, 10, 100, 500)


def make(name):
    import keras

    if name == "small":
        layers = keras.layers
        model = keras.Sequential([layers.Input((20,)), layers.Dense(32, "relu"), layers.Dropout(0.2), layers.Dense(3)])
    elif name.startswith("dense"):
        # A single kernel with this many million values.
        inputs = 1000
        model = keras.Sequential([keras.layers.Input((inputs,)), keras.layers.Dense(int(name[5:]) * 1000)])
        return model
    else:
        model = getattr(keras.applications, name)(weights=None)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def with_clone(model):
    import helpers

    return helpers.clone(model)


def with_copy_of_the_graph_only(model):
    from helpers import graph_copy

    return graph_copy.Copy(model).clone


def with_keras_file(model):
    import keras

    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        return keras.models.load_model(Path(folder) / "model.keras")


def with_deepcopy(model):
    return copy.deepcopy(model)


def with_clone_model(model):
    import keras

    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    return clone


def with_memory_copy(model):
    variables = [*model.variables, *(model.optimizer.variables if getattr(model, "optimizer", None) else [])]
    return [np.array(memoryview(variable.value.read_value()), copy=True) for variable in variables]


METHODS = {
    "clone": with_clone,
    "the copy alone, unchecked": with_copy_of_the_graph_only,
    ".keras round trip": with_keras_file,
    "copy.deepcopy": with_deepcopy,
    "clone_model + set_weights": with_clone_model,
    "memory copy of the variables": with_memory_copy,
}


class Peak:
    """Samples the resident memory of this process while the block runs, and keeps the maximum."""

    def __enter__(self):
        import psutil

        process = psutil.Process()
        self.start = self.largest = process.memory_info().rss
        self._over = threading.Event()

        def sample():
            while not self._over.wait(0.001):
                self.largest = max(self.largest, process.memory_info().rss)

        self._sampler = threading.Thread(target=sample)
        self._sampler.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._sampler.join()

    @property
    def extra(self):
        return self.largest - self.start


def measure(name, method):
    import workbook

    workbook.quiet_tensorflow()
    model = make(name)
    variables = [*model.variables, *(model.optimizer.variables if getattr(model, "optimizer", None) else [])]
    size = sum(int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for v in variables)
    # TensorFlow does not return freed memory to the system, and a copy made in such memory would not be measured. So
    # small copies are kept alive, and the result is the memory of the copy that took most.
    seconds, extra, kept = [], [], []
    for _ in range(REPEATS):
        gc.collect()
        with Peak() as peak:
            start = time.perf_counter()
            kept.append(METHODS[method](model))
            seconds.append(time.perf_counter() - start)
        extra.append(peak.extra)
        if size > 1e9:
            kept.clear()
    return {
        "first": seconds[0],
        "best": min(seconds),
        "extra": max(extra) / size,
        "megabytes": size / 1e6,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def in_own_process(name, method):
    command = [sys.executable, __file__, "--one", name, method]
    finished = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in finished.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {"error": finished.stderr.strip().splitlines()[-1][:100]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*NETWORKS, *(f"dense{n}" for n in MILLIONS)])
    parser.add_argument("--one", nargs=2, metavar=("NAME", "METHOD"), help=argparse.SUPPRESS)
    parser.add_argument("--profile", action="store_true", help="show where the time of clone goes")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one)))
        return
    if options.profile:
        import cProfile
        import pstats

        import helpers
        import workbook

        workbook.quiet_tensorflow()
        for name in options.names:
            model = make(name)
            helpers.clone(model)
            with cProfile.Profile() as profile:
                helpers.clone(model)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(30)
        return
    for name in options.names:
        print(f"\n{name}", flush=True)
        clone = None
        for method in METHODS:
            result = in_own_process(name, method)
            if "error" in result:
                print(f"  {method:32} {result['error']}")
                continue
            clone = clone or result
            print(
                f"  {method:32} first {result['first']:7.3f} s   best {result['best']:7.3f} s   "
                f"{result['best'] / clone['best']:6.2f} x clone   "
                f"extra memory {result['extra']:5.2f} x {result['megabytes']:.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
