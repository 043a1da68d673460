"""The faults of tools/source_mutations.py, which is run by hand, still fit the code, and quick tests are named for them."""

from __future__ import annotations

import os
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


# Collects each set of tests as the tool does, in one process, because to start one takes longer than to collect.
COLLECT = """
import contextlib, io, json, sys
import pytest

class Count:
    def pytest_collection_finish(self, session):
        self.found = len(session.items)

counts = []
for tests in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["-n0", "--collect-only", "-q", "-p", "no:cacheprovider", *tests], plugins=[count := Count()])
    counts.append(getattr(count, "found", 0))
print(json.dumps(counts))
"""
