"""The handwritten digits that the notebooks train on."""

from pathlib import Path

import numpy as np


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Load 1797 images of handwritten digits, 8 by 8 pixels.

    Returns:
        images: (1797, 8, 8, 1), float32, from 0.0 (white) to 1.0.
        labels: (1797,), int64, 0 to 9.

    Example:
        >>> images, labels = load_digits()
        >>> images.shape, labels[:3]
        ((1797, 8, 8, 1), array([0, 1, 2]))

    Source:
        E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
        https://doi.org/10.24432/C50P49, CC BY 4.0. The file is shipped in ``helpers/data``.
    """
    with np.load(Path(__file__).parent / "data" / "digits.npz") as data:
        return (data["images"] / 16).astype("float32")[..., np.newaxis], data["labels"].astype("int64")
