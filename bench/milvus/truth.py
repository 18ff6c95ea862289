"""Learn which vectors are really the nearest."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from imagesearch.contract import Vectors

K = 10
"""So many of the nearest are looked for."""
Keys: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]


class Nearest:
    """Find the nearest of all vectors by comparing with each."""

    def __init__(self, questions: Vectors) -> None:
        self._questions = questions
        self._near = np.full((len(questions), K), -1, dtype=np.float32)
        self.keys: Keys = np.zeros((len(questions), K), dtype=np.int64)

    def look(self, vectors: Vectors, first_key: int) -> None:
        """Look at vectors with keys of one after the other."""
        near = np.hstack([self._near, self._questions @ vectors.T])
        keys = np.hstack([self.keys, np.tile(first_key + np.arange(len(vectors)), (len(near), 1))])
        best = np.argpartition(-near, K, axis=1)[:, :K]
        self._near = np.take_along_axis(near, best, axis=1)
        self.keys = np.take_along_axis(keys, best, axis=1)
