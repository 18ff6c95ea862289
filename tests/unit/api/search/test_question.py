"""Directions of vectors."""

from __future__ import annotations

import numpy as np
import pytest

from imagesearch_api.search.question import unit


@pytest.mark.parametrize("scale", [1.0, 1e300, 1e-300, 5e-324])
def test_a_direction_does_not_depend_on_the_length(scale: float) -> None:
    numbers = [scale] * 256 + [0.0] * 256
    made = unit(numbers)
    assert made.dtype == np.float32
    assert np.allclose(made, [1 / 16] * 256 + [0.0] * 256)
