"""Answers for the exercises, made from their solutions."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest


@functools.cache
def scope():
    """The names that the cells above an exercise have imported."""
    import numpy as np
    import tensorflow as tf
    import tensorflow_probability as tfp

    import helpers

    tfb, tfd, tfu = tfp.bijectors, tfp.distributions, tfp.util
    tf_keras = importlib.import_module("tf_keras")
    keras = importlib.import_module("keras")
    modules = {
        "helpers": helpers,
        "keras": keras,
        "np": np,
        "tf": tf,
        "tf_keras": tf_keras,
        "tfb": tfb,
        "tfd": tfd,
        "tfu": tfu,
    }
    return {**modules, "Path": Path, "SimpleNamespace": SimpleNamespace}


@pytest.fixture
def answer_from(packages):
    """A function that makes an answer from the solution of an exercise, with parts of its text replaced."""

    def make(exercise, *changes):
        source = exercise.solution
        for old, new in changes:
            assert source.count(old) == 1, f"{old!r} is not in the solution exactly once"
            source = source.replace(old, new)
        names = dict(scope())
        exec(source, names)
        return names[exercise.answer_name]

    return make
