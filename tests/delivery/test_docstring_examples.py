"""Every example in a docstring of helpers runs, and its output is right."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
import tensorflow as tf

import helpers

MODULES = ["helpers", *(module.name for module in pkgutil.walk_packages(helpers.__path__, "helpers."))]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name, packages):
    module = importlib.import_module(name)
    known = {**vars(module), "helpers": helpers, "keras": packages["keras"], "np": np, "tf": tf}
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    said = []
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, name, globs=known):
        runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)
