"""Distances are exact where arrays are equal, and rounding is told from difference."""

import numpy as np
import pytest

from helpers import distances
from helpers.distances import largest_difference


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5),
        ([np.nan, np.inf], [np.nan, np.inf], 0.0),
        ([np.nan], [1.0], np.inf),
        ([np.inf], [1.0], np.inf),
        ([1.0], [1.0, 1.0], np.inf),
        (np.array([2**32 - 1], "uint32"), np.array([0], "uint32"), 2.0**32 - 1),
        (np.array([2**62 + 1]), np.array([2**62]), 1.0),
        (np.array([-(2**62)]), np.array([1]), 2.0**62),
        (np.array(["a"]), np.array(["a"]), 0.0),
        (np.array(["a"]), np.array(["b"]), np.inf),
        ([], [], 0.0),
    ],
)
def test_largest_difference(a, b, expected):
    assert largest_difference(a, b) == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1000.0])
def test_rounding_is_no_difference_and_a_thousandth_is_one(dtype, size):
    array = np.full(3, size, dtype)
    rounded = array * (1 + 10 * np.finfo(dtype).eps)
    assert not np.array_equal(array, rounded) and not distances.differs(array, rounded)
    assert distances.differs(array, array * 1.001)


def test_both_parts_of_a_complex_number_count():
    a = np.array([1 + 2j, 3 - 4j], "complex64")
    assert largest_difference(a, a.copy()) == 0.0
    assert largest_difference(a, a + 0.5j) == 0.5 and largest_difference(a, a + 0.25) == 0.25
    assert largest_difference(a.real, a) == 4.0
    assert distances.differs(a, a + 0.5j) and not distances.differs(a, np.nextafter(a.real, 9) + 1j * a.imag)


def test_after_training_a_variable_that_did_not_move_has_to_be_equal_bit_for_bit():
    large = np.full(3, 2e5, "float32")
    assert distances.allowed_in_training(large, moved=0.0) == 0.0
    assert distances.allowed_in_training(large, moved=0.5) <= 0.5 / 1000
    small = np.full(3, 1.0, "float32")
    assert distances.allowed_in_training(small, moved=1e6) == distances.rounding(small)
    assert distances.allowed_in_training(np.arange(3), moved=7.0) == 0.0  # integers do not round
