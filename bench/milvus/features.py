"""Make as many vectors as are wanted that resemble those of real photos, and as many that resemble nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from bench.lookalikes import vgg_like
from bench.pictures import cut
from imagesearch.contract import Vectors
from imagesearch.networks import VGG16
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import DEFAULT_PRESET
from imagesearch.settings import PictureSettings
from imagesearch_extractor.embedding import Embedder

CROPS = 4
"""Parts of each photo that are seen by the network, the whole one among them."""
NEIGHBOURS = 20
"""A vector is mixed of one part of a photo and one of so many that are nearest to it."""
MAX_MIX = 0.5
SPREAD = 0.2
"""By so much each number of a mixture is changed on average, which puts two of one mixture 0.04 apart: as far as a
photo and a copy of it that was made smaller."""
NOISE = 10
"""Every tenth vector is of no photo: it shares nothing with any other, and no index serves it well."""
BATCH = 16


@dataclass(frozen=True, slots=True)
class Mixtures:
    """Draw vectors between those of real photos; the same in each run.

    Attributes:
        parts: float32[n, 512], the unit vectors of parts of photos.
        nearest: int[n, NEIGHBOURS + 1], the rows nearest to each.
    """

    parts: Vectors
    nearest: np.ndarray[tuple[int, int], np.dtype[np.int64]]

    @classmethod
    def of(cls, parts: Vectors) -> Mixtures:
        """Look for the neighbours of each part."""
        order = np.argpartition(-(parts @ parts.T), NEIGHBOURS, axis=1)[:, : NEIGHBOURS + 1]
        return cls(parts, order)

    def draw(self, count: int, seed: int) -> Vectors:
        """Return float32[count, 512] unit vectors without negative numbers."""
        chance = np.random.default_rng(seed)
        first = chance.integers(0, len(self.parts), count)
        second = self.nearest[first, chance.integers(0, self.nearest.shape[1], count)]
        share = chance.uniform(0, MAX_MIX, (count, 1)).astype(np.float32)
        changed = np.exp(chance.normal(0, SPREAD, (count, self.parts.shape[1])).astype(np.float32))
        return _unit((self.parts[first] * (1 - share) + self.parts[second] * share) * changed)


def noise(count: int, seed: int) -> Vectors:
    """Return float32[count, 512] unit vectors without negative numbers, each drawn by itself."""
    return _unit(np.random.default_rng(seed).gamma(0.6, 1.0, (count, VGG16.dimension)).astype(np.float32))


def chunks(mixtures: Mixtures, size: int, rows: int) -> Iterator[Vectors]:
    """Yield so many vectors in chunks of so many rows, noise among them."""
    for start in range(0, size, rows):
        number = min(rows, size - start)
        vectors = mixtures.draw(number, seed=start)
        vectors[::NOISE] = noise(len(vectors[::NOISE]), seed=start)
        yield vectors


def parts_of_photos(folder: Path, network: Embedder) -> Vectors:
    """Return float32[photos * CROPS, 512], as the recommended pipeline sees the photos and parts of them."""
    options, limits = DEFAULT_PRESET.options(VGG16), PictureSettings()
    pixels = [decode(data, options, limits).pixels for data in _parts(folder)]
    return np.concatenate(
        [
            network.embed(np.stack(pixels[start : start + BATCH]), options.pooling)
            for start in range(0, len(pixels), BATCH)
        ]
    )


def drawn_parts() -> Vectors:
    """Return vectors in the place of those of photos, where there are none."""
    return vgg_like(3_000, seed=1)


def _parts(folder: Path) -> Iterator[bytes]:
    chance = random.Random(1)  # noqa: S311 - the same in each run
    for path in sorted(path for path in folder.glob("*/*") if path.is_file()):
        with Image.open(path) as opened:
            photo = opened.convert("RGB")
        for crop in range(CROPS):
            part = photo if crop == 0 else cut(photo, chance)
            with BytesIO() as written:
                part.save(written, "PNG", compress_level=1)
                yield written.getvalue()


def _unit(vectors: Vectors) -> Vectors:
    made: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return made
