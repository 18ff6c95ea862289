"""Turn photos and changed copies of them into vectors, one pass for all poolings of an input."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from bench.quality.photos import Photos
from imagesearch.contract import Pixels, Vectors
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import Pooling, Preprocessing
from imagesearch.settings import PictureSettings

BATCH: Final = 16


class TrainedNetwork(Protocol):
    """Be VGG16 in any number format."""

    def embed_each(self, pixels: Pixels) -> dict[Pooling, Vectors]:
        """Return what each pooling makes of some pictures."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """Hold the vectors of one pipeline.

    Attributes:
        vectors: float32[n, dimension] of length one, of the photos.
        classes: of each photo.
        changed: float32[m, dimension], of the changed copies.
        changes: the name of what was changed, of each copy.
        originals: for each copy, the row of its photo.
        pictures_a_second: decoded and embedded one after the other, on an otherwise idle process.
    """

    vectors: Vectors
    classes: Sequence[str]
    changed: Vectors
    changes: Sequence[str]
    originals: Sequence[int]
    pictures_a_second: float


def parse_input(text: str) -> Preprocessing:
    """Read ``resize[,aspect[,side]]``, as in ``antialiased,pad,320``.

    Raises:
        InvalidMessage: there is no such option.
    """
    names = ("resize", "aspect", "side")
    values = dict(zip(names, text.split(","), strict=False))
    options = {name: int(value) if name == "side" and value.isdigit() else value for name, value in values.items()}
    return Preprocessing.from_dict(options)


def described(options: Preprocessing, pooling: Pooling) -> str:
    """Return the name of a pipeline for a table; what is usual is left out."""
    usual = Preprocessing()
    said: list[str] = [options.resize, pooling]
    others = ((options.aspect, usual.aspect), (str(options.side), str(usual.side)))
    return ", ".join(said + [value for value, own in others if value != own])


def extract_each(photos: Photos, network: TrainedNetwork, options: Preprocessing) -> dict[Pooling, Extracted]:
    """Return what each pooling makes of photos and copies."""
    files = [path.read_bytes() for path in photos.paths] + [data for _, _, data in photos.changed]
    limits = PictureSettings()
    made: defaultdict[Pooling, list[Vectors]] = defaultdict(list)
    begun = time.perf_counter()
    for start in range(0, len(files), BATCH):
        pixels = np.stack([decode(data, options, limits).pixels for data in files[start : start + BATCH]])
        for pooling, vectors in network.embed_each(pixels).items():
            made[pooling].append(vectors)
    speed = len(files) / (time.perf_counter() - begun)
    number, places = len(photos.paths), {path: row for row, path in enumerate(photos.paths)}
    classes = [path.parent.name for path in photos.paths]
    originals = [places[path] for _, path, _ in photos.changed]
    changes = [name for name, _, _ in photos.changed]
    return {
        pooling: Extracted(together[:number], classes, together[number:], changes, originals, speed)
        for pooling, parts in made.items()
        for together in [np.concatenate(parts)]
    }
