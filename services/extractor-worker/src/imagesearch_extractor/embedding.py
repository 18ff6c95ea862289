"""The port between the work (batches, queries) and the network, and a twin that needs no network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from imagesearch.contract import Pixels, Vectors
from imagesearch.errors import TransientError
from imagesearch.networks import VGG16, NetworkSpec
from imagesearch.pipeline import Pooling, model_identity


class Embedder(ABC):
    """Turn pixels into vectors.

    Attributes:
        spec: what is known of the network whatever its weights.
        identity: names the network; vectors of two identities must never meet.
        weights: what the ``WEIGHTS`` setting says, of a path only the file's name.
        untrained: the weights are random, good for tests and trials only.
    """

    spec: NetworkSpec
    identity: str
    weights: str
    untrained: bool

    @abstractmethod
    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        """Return one vector a picture, as float32[n, spec.dimension] of length one.

        A picture whose features have no direction (see `has_direction`) gets a row of zeros, never NaN. Any
        number of threads may call this at once.

        Args:
            pixels: uint8[n, side, side, 3], RGB; `side` is a multiple of 32.
            pooling: of the last feature map; None is the network's own.

        Raises:
            ComputeFailed: the machine could not run the network, for want of memory for example.
        """


class ComputeFailed(TransientError):
    """The network could not be run for reasons that have nothing to do with the pictures."""


class SeededEmbedder(Embedder):
    """Answer with vectors drawn from a seed and the picture's mean colours: the twin for tests and trials.

    Equal pixels get equal vectors, similar pixels similar vectors, and a black picture a row of zeros.
    """

    def __init__(self, seed: int = 0, spec: NetworkSpec = VGG16) -> None:
        self.spec = spec
        self.weights = f"seeded:{seed}"
        self.untrained = True
        self.identity = model_identity(self.weights, spec)
        self._projection = np.random.default_rng(seed).standard_normal((48, spec.dimension), dtype=np.float32)

    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        """Return one vector a picture."""
        pooled = _TWINS[pooling or self.spec.pooling]
        cell = pixels.shape[1] // 4
        cells = pixels.reshape(len(pixels), 4, cell, 4, cell, 3).mean(axis=(2, 4), dtype=np.float32)
        return normalise(pooled(np.maximum(cells.reshape(len(pixels), 48) @ self._projection, 0)))


_TWINS: dict[str, Callable[[Vectors], Vectors]] = {
    "max": lambda features: features,
    "avg": np.sqrt,
    "gem": np.cbrt,
}
"""Whatever makes other vectors of the same pixels: those of two poolings must not be mistaken for each other."""


def normalise(features: npt.NDArray[np.float32]) -> Vectors:
    """Divide each row by its L2 norm; rows that have none (zero, NaN, infinite) become zeros."""
    norms = np.sqrt(np.square(features, dtype=np.float64).sum(axis=1, keepdims=True))
    usable = np.isfinite(norms) & (norms > 0)
    return np.where(usable, features / np.where(usable, norms, 1.0), 0.0).astype(np.float32)


def has_direction(vectors: Vectors) -> npt.NDArray[np.bool_]:
    """Return which rows can be compared, as bool[n]."""
    usable: npt.NDArray[np.bool_] = (vectors != 0).any(axis=1)
    return usable
