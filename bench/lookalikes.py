"""Make vectors that look like those of VGG16: non-negative, sparse, unit length, in families."""

from __future__ import annotations

import numpy as np

from imagesearch.contract import Vectors
from imagesearch.networks import VGG16

FAMILIES = 500
SPREAD = 0.35
"""Of 4,000 such vectors (seed 3) two of one family lie 0.11 apart in the median, two of different ones 0.66.
The shape is chosen to be sparse and clustered; it is not fitted to real features."""


def vgg_like(count: int, seed: int) -> Vectors:
    """Return float32[count, 512] unit vectors: a gamma-distributed centre for each family, noise around it."""
    random = np.random.default_rng(seed)
    centres = random.gamma(0.6, 1.0, (FAMILIES, VGG16.dimension)).astype(np.float32)
    family = random.integers(0, FAMILIES, count)
    noise = random.normal(0.0, SPREAD, (count, VGG16.dimension)).astype(np.float32)
    vectors = np.maximum(centres[family] * (1 + noise) + 0.1 * np.maximum(noise, 0), 0)
    normed: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normed
