"""The port between the work (batches, queries) and the network, and a twin that needs no network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from imagesearch.contract import Pixels, Vectors
from imagesearch.errors import PermanentError, TransientError
from imagesearch.networks import VGG16, NetworkSpec
from imagesearch.pipeline import Pooling, model_identity

FeatureMaps = npt.NDArray[np.float32]
"""float32[n, height, width, dimension], not negative; up to a factor, the same for all. As they are before the
network's last pooling, see `Embedder.window`."""


class Embedder(ABC):
    """Turn pixels into vectors.

    Attributes:
        spec: what is known of the network whatever its weights.
        identity: names the network; vectors of two identities must never meet.
        weights: what the ``WEIGHTS`` setting says, of a path only the file's name.
        untrained: the weights are random, good for tests and trials only.
        window: of so many cells each way the network takes the largest, before vectors are pooled; 1 has no such
            layer.
    """

    spec: NetworkSpec
    identity: str
    weights: str
    untrained: bool
    window: int = 1

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

    def embed_with_maps(self, pixels: Pixels, pooling: Pooling | None = None) -> tuple[Vectors, FeatureMaps]:
        """Return vectors as `embed` does, and the feature maps that they were pooled from.

        Args:
            pixels: as for `embed`, of no more pictures than one pass takes.
            pooling: likewise.

        Raises:
            ComputeFailed: as in `embed`.
            NoFeatureMaps: this network shows none.
        """
        raise NoFeatureMaps

    def warm_up(self) -> None:  # noqa: B027 - not all have something to do
        """Run the passes that are slow the first time, and check that vectors come out.

        Raises:
            WeightsUnavailable: none do.
        """


class NoFeatureMaps(PermanentError):
    """A network gives vectors, and nothing shows where in a picture they come from."""

    def __init__(self) -> None:
        super().__init__("this network shows no feature maps")


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
        return normalise(pooled(np.maximum(self._cells(pixels) @ self._projection, 0)))

    def embed_with_maps(self, pixels: Pixels, pooling: Pooling | None = None) -> tuple[Vectors, FeatureMaps]:
        """Return one vector a picture, and what each of sixteen cells adds to it."""
        cells = self._cells(pixels).reshape(-1, 16, 3)
        added = np.einsum("nkc,kcd->nkd", cells, self._projection.reshape(16, 3, -1))
        return self.embed(pixels, pooling), np.maximum(added, 0).reshape(len(pixels), 4, 4, -1)

    def _cells(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Return the mean colours of four by four cells, float32[n, 48]."""
        cell = pixels.shape[1] // 4
        means: npt.NDArray[np.float32] = pixels.reshape(len(pixels), 4, cell, 4, cell, 3).mean(
            axis=(2, 4), dtype=np.float32
        )
        return means.reshape(len(pixels), 48)


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
