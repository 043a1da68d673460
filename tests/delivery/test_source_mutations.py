"""The faults in tools/source_mutations.py still match the code, and each names quick tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from source_mutations import FAULTS, ROOT


def test_there_are_enough_faults_in_the_packages_and_in_notebooks():
    files = [fault.file.split("/")[0] for fault in FAULTS]
    assert files.count("helpers") + files.count("workbook") >= 15 and files.count("notebooks") >= 3


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_stands_where_it_is_put(fault):
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.old) == 1 and fault.old != fault.new
    assert all((ROOT / each).exists() for each in fault.tests if each.startswith(("tests/", "notebooks/")))


@pytest.fixture(scope="module")
def quick():
    """The tests in the files that any fault names, as pytest collects them without --all."""
    files = {each for fault in FAULTS for each in fault.tests if each.startswith(("tests/", "notebooks/"))}
    options = ["-n0", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *sorted(files)]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def chosen(tests, node_id):
    """Return True if a fault's arguments for pytest (files, and `-k` with a few words) select a test."""
    *files, words = tests if "-k" in tests else (*tests, "True")
    name = node_id.rpartition("/")[2].lower()
    known = {"and", "or", "not", "True"}
    terms = re.sub(r"\w+", lambda word: word[0] if word[0] in known else str(word[0].lower() in name), words)
    return node_id.startswith(tuple(files)) and eval(terms)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_quick_tests_are_named_for_a_fault(fault, quick):
    assert any(chosen(fault.tests, node_id) for node_id in quick)
