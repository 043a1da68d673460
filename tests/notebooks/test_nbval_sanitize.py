"""The patterns that nbval removes from outputs before it compares them: they match all noise, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbval.plugin import get_sanitize_patterns

PATTERNS = get_sanitize_patterns((Path(__file__).parent / "nbval_sanitize.cfg").read_text(encoding="utf-8"))

# Two outputs that mean the same, with one line per pattern.
SAME = [
    ("<Dense object at 0x7f70aa499440>", "<Dense object at 0x7f70bb001200>"),
    ("saved as tmpab12cd34.keras", "saved as tmp_x9y8z7w.keras"),
    ("|difference| 1.31, moved 0.2, differ by up to 1e-05", "|difference| 1.3, moved 0.21, differ by up to 1.01e-05"),
    ("1/1 - 0s 36ms/step - loss: 0.5", "1/1 - 1s 900us/step - loss: 0.5"),
]
# Two outputs that mean something different.
DIFFERENT = [
    ("largest |difference| 1.31 in dense/kernel", "largest |difference| 0 exactly"),
    ("the clone moved 2.5e-05", "the clone moved 0 exactly"),
    ("loss: 0.5012", "loss: 0.5013"),
    ("4 of 6 weights differ", "0 of 6 weights differ"),
    ("dense_1", "dense_2"),
    ("tmp is a name", "tmpdir is a name"),
    ("12 ms", "13 ms"),
    ("flags 0x1f", "flags 0x2f"),
]


def _sanitize(text):
    """Apply every pattern in the order of the file, as nbval does."""
    for pattern, replacement in PATTERNS:
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize("one, other", SAME)
def test_what_means_the_same_compares_equal(one, other):
    assert _sanitize(one) == _sanitize(other)


@pytest.mark.parametrize("one, other", DIFFERENT)
def test_what_differs_stays_different(one, other):
    assert _sanitize(one) != _sanitize(other)


def test_every_pattern_is_needed():
    assert len(PATTERNS) == len(SAME)
    for pattern, _ in PATTERNS:
        assert any(re.search(pattern, one) for one, _ in SAME)
