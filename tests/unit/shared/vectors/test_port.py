"""The port's own checks."""

from __future__ import annotations

import numpy as np

from imagesearch.vectors.port import checked_rows
from support.vector_contract import unit_vectors


def test_of_rows_with_one_id_the_last_is_written() -> None:
    assert checked_rows([7, 8, 7, 9, 8], unit_vectors(1, 5)).tolist() == [2, 4, 3]
    assert checked_rows(np.array([], dtype=np.int64), unit_vectors(1, 0)).tolist() == []
