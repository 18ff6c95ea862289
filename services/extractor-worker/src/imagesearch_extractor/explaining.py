"""Share the similarity of two pictures out to the cells of their last feature maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imagesearch.contract import Vectors
from imagesearch_extractor.embedding import FeatureMaps


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Tell where in two pictures their similarity comes from.

    Attributes:
        cells: float32[2, height, width]; those of each picture sum to `similarity` less its number of `common`.
        similarity: the cosine of the two vectors.
        common: for each picture the inner product of its vector and the mean.
    """

    cells: npt.NDArray[np.float32]
    similarity: float
    common: tuple[float, float]


Maps = npt.NDArray[np.float64]


def explain(vectors: Vectors, maps: FeatureMaps, pooling: str, mean: Vectors, window: int = 1) -> Explanation:
    """Share out the similarity of two pictures.

    It is a sum of products, one for each number of the vectors. Each number came out of one picture's feature map
    by pooling, which says how much of it is which cell's; so the product is shared out, in each picture by itself.
    Features are not negative, and some are there in most pictures: what a picture has in common with the mean of
    many pictures is taken away from what it has in common with the other one, product by product.

    Args:
        vectors: float32[2, dimension] of length one.
        maps: float32[2, height, width, dimension] that these were pooled from.
        pooling: how.
        mean: float32[dimension] of many pictures; zeros take nothing away.
        window: of so many cells each way the largest was taken before, see `Embedder.window`.
    """
    first, second = vectors.astype(np.float64)
    sides = ((first, second), (second, first))
    cells = [
        (shares(each, pooling, window) * (own * (other - mean))).sum(axis=2)
        for each, (own, other) in zip(maps, sides, strict=True)
    ]
    common = float(first @ mean), float(second @ mean)
    return Explanation(np.stack(cells).astype(np.float32), float(first @ second), common)


def shares(maps: FeatureMaps, pooling: str, window: int = 1) -> Maps:
    """Return which part of each number of a vector is which cell's, float64[height, width, dimension].

    Those of a number sum to one, or to zero where it is zero. Of the largest values each cell that has it gets as
    much; of a mean each gets what it adds.

    Args:
        maps: float32[height, width, dimension] of one picture.
        pooling: what made its vector of them.
        window: as for `explain`.
    """
    height, width, dimension = maps.shape
    blocks = maps.astype(np.float64).reshape(height // window, window, width // window, window, dimension)
    largest = blocks.max(axis=(1, 3), keepdims=True)
    parts = _PARTS[pooling](largest[:, 0, :, 0])
    total = parts.sum(axis=(0, 1))
    whole = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    is_largest = blocks == largest
    within = is_largest / is_largest.sum(axis=(1, 3), keepdims=True)
    made: Maps = (whole[:, None, :, None] * within).reshape(maps.shape)
    return made


def _largest(maps: Maps) -> Maps:
    is_largest: npt.NDArray[np.bool_] = (maps == maps.max(axis=(0, 1))) & (maps > 0)
    return is_largest.astype(np.float64)


_PARTS: dict[str, Callable[[Maps], Maps]] = {
    "max": _largest,
    "avg": lambda maps: maps,
    "gem": lambda maps: maps**3,
}
"""What a cell adds to each number, in proportion."""
