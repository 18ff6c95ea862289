"""Measure whether several views of a query find more than the whole picture: crops, scales, the mirror image.

`python -m bench.quality.views` with PHOTOS=DIR, one folder a class, and WEIGHTS=FILE: for VGG16, an antialiased
resize and each pooling. SAMPLE photos (30) are changed in each way. Each view costs a place in a forward pass.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.quality.distances import STRANGERS, Distances, trained_network
from bench.quality.extraction import TrainedNetwork
from bench.quality.measures import average_precision
from bench.quality.near_duplicates import CHANGES, HARDER
from bench.quality.photos import Photos
from imagesearch.contract import Pixels, Vectors
from imagesearch.pictures.decode import decode
from imagesearch.pictures.regions import Region
from imagesearch.pipeline import Pooling, Preprocessing
from imagesearch.settings import PictureSettings
from imagesearch_extractor.cpu import prepare_process


def _box(x: float, y: float, side: float) -> Region:
    return Region(x, y, side, side, is_fraction=True)


BOXES: Final = {
    "centre 0.9": _box(0.05, 0.05, 0.9),
    "centre 0.8": _box(0.1, 0.1, 0.8),
    "centre 0.65": _box(0.175, 0.175, 0.65),
    "upper left": _box(0, 0, 0.8),
    "upper right": _box(0.2, 0, 0.8),
    "lower left": _box(0, 0.2, 0.8),
    "lower right": _box(0.2, 0.2, 0.8),
}
VIEWS: Final = ("whole", "mirrored", *BOXES)
OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "whole": ("whole",),
    "and mirrored": ("whole", "mirrored"),
    "and three scales of the centre": ("whole", "centre 0.9", "centre 0.8", "centre 0.65"),
    "and five crops": ("whole", "centre 0.8", "upper left", "upper right", "lower left", "lower right"),
    "all of these": VIEWS,
}
DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class Found:
    """Hold what an option came to; shares are of 1.

    Attributes:
        mean_average: mAP over classes, of photos as queries.
        first: share of changed photos whose original comes first.
        three: share of those whose original is among the first three.
        near: share of those that are nearer to their original than all but one photo in a hundred to any other
            one, which is what tells copies from strangers in a large library.
        lost: for each change, how many originals are not among the first three.
    """

    mean_average: float
    first: float
    three: float
    near: float
    lost: dict[str, int]

    @classmethod
    def of(
        cls, between: Distances, classes: Sequence[str], changes: Sequence[str], originals: Sequence[int]
    ) -> Found:
        """Judge distances.

        Args:
            between: float32[photos + changed, photos].
            classes: of each photo.
            changes: the name of each change.
            originals: for each changed photo, the row of the one that was changed.
        """
        number = len(classes)
        photos, copies = between[:number].copy(), between[number:]
        np.fill_diagonal(photos, np.inf)
        ranked = photos.argsort(axis=1, kind="stable")[:, :-1]
        kinds = np.unique(classes, return_inverse=True)[1]
        precisions = [average_precision(list(kinds[order] == kinds[at])) for at, order in enumerate(ranked)]
        right = copies[np.arange(len(copies)), list(originals)]
        places = (copies < right[:, None]).sum(axis=1)
        limit = np.quantile(photos.min(axis=1), STRANGERS)
        missed = [name for name, place in zip(changes, places, strict=True) if place >= DEPTH]
        return cls(
            mean_average=float(np.mean(precisions)),
            first=float((places == 0).mean()),
            three=float((places < DEPTH).mean()),
            near=float((right <= limit).mean()),
            lost={name: missed.count(name) for name in dict.fromkeys(changes) if name in missed},
        )

    def row(self, option: str, pictures: int) -> str:
        """Return a line of a table."""
        shares = [f"{share:.3f}" for share in (self.mean_average, self.first, self.three, self.near)]
        lost = ", ".join(f"{name} {count}" for name, count in self.lost.items()) or "none"
        return "| " + " | ".join([option, str(pictures), *shares, lost]) + " |"


HEADER: Final = (
    "| views | pictures in the pass | mAP | copies @1 | copies @3 | within 1 % of strangers | not in 3 |\n"
    + "|---" * 7
    + "|"
)


def main() -> int:
    """Print a table for each pooling: a line for each option."""
    prepare_process()
    changes = {**CHANGES, **HARDER}
    photos = Photos.of(Path(os.environ["PHOTOS"]).resolve(), int(os.environ.get("SAMPLE", "30")), changes)
    files = [path.read_bytes() for path in photos.paths] + [data for _, _, data in photos.changed]
    places = {path: at for at, path in enumerate(photos.paths)}
    classes, names = [path.parent.name for path in photos.paths], [name for name, _, _ in photos.changed]
    originals = [places[path] for _, path, _ in photos.changed]
    for pooling, vectors in _embedded(trained_network(os.environ["WEIGHTS"]), files).items():
        print(f"\n{pooling}\n{HEADER}")
        for option, views in OPTIONS.items():
            chosen = vectors[:, [VIEWS.index(view) for view in views]]
            found = Found.of(best_of(chosen, vectors[: len(classes), 0]), classes, names, originals)
            print(found.row(option, len(views)), flush=True)
    return 0


def _embedded(network: TrainedNetwork, files: Sequence[bytes]) -> dict[Pooling, Vectors]:
    """Return float32[files, views, dimension] by pooling."""
    made: defaultdict[Pooling, list[Vectors]] = defaultdict(list)
    for data in files:
        for pooling, vectors in network.embed_each(views_of(data)).items():
            made[pooling].append(vectors)
    return {pooling: np.stack(parts) for pooling, parts in made.items()}


def views_of(data: bytes) -> Pixels:
    """Return each of `VIEWS` of a picture as the network sees it, uint8[views, side, side, 3]."""
    limits, preprocessing = PictureSettings(), Preprocessing("antialiased")
    whole = decode(data, preprocessing, limits).pixels
    parts = [decode(data, preprocessing, limits, box).pixels for box in BOXES.values()]
    return np.stack([whole, whole[:, ::-1], *parts])


def best_of(queries: Vectors, photos: Vectors) -> Distances:
    """Return how far each query lies from each photo by the nearest of its views, float32[queries, photos].

    Args:
        queries: float32[queries, views, dimension] of length one.
        photos: float32[photos, dimension] likewise.
    """
    nearest: Distances = 1 - np.stack([views @ photos.T for views in queries]).max(axis=1)
    return nearest


if __name__ == "__main__":
    sys.exit(main())
