"""Read classes of photos, and change some of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bench.quality.near_duplicates import CHANGES, Change
from imagesearch.pictures.colours import to_rgb

SEED = 1


@dataclass(frozen=True, slots=True)
class Photos:
    """Hold what is indexed, and what is searched by.

    Attributes:
        folder: holds a folder for each class.
        changed: the name of a change, the photo that was changed, and the picture that came of it.
    """

    folder: Path
    paths: list[Path]
    changed: list[tuple[str, Path, bytes]]

    @classmethod
    def of(cls, folder: Path, sample: int, changes: Mapping[str, Change] = CHANGES) -> Photos:
        """Read the photos of a folder, and change so many of them in each way."""
        paths = sorted(path for path in folder.glob("*/*") if path.is_file())
        some = random.Random(SEED).sample(paths, min(sample, len(paths)))  # noqa: S311 - the same in each run
        return cls(folder, paths, list(_changed(some, changes)))


def _changed(paths: Sequence[Path], changes: Mapping[str, Change]) -> Iterator[tuple[str, Path, bytes]]:
    for path in paths:
        with Image.open(path) as opened:
            opened.load()
            # As a viewer shows it: behind what is transparent any colour may lie.
            picture = to_rgb(opened)
        for name, altered in changes.items():
            yield name, path, altered(picture)
