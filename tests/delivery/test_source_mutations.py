"""The faults of tools/source_mutations.py, which is run by hand, still fit the code that they are put into."""

from __future__ import annotations

import pytest
from source_mutations import FAULTS, ROOT


def test_there_are_enough_faults_in_helpers_and_in_notebooks():
    files = [fault.file.split("/")[0] for fault in FAULTS]
    assert files.count("helpers") + files.count("workbook") >= 15 and files.count("notebooks") >= 3


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_stands_where_it_is_put(fault):
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.old) == 1 and fault.old != fault.new
    assert all((ROOT / each).exists() for each in fault.tests if each.startswith(("tests/", "notebooks/")))
