"""Draw every family into files."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from imagesearch_local.samples import landscapes, life, made
from imagesearch_local.samples.canvas import Canvas

FAMILIES: tuple[Callable[[Canvas], None], ...] = (
    landscapes.beach_from_above,
    landscapes.city_at_night,
    landscapes.desert_dunes,
    landscapes.harbour_at_dusk,
    landscapes.mountain_lake,
    landscapes.northern_lights,
    landscapes.pine_forest,
    landscapes.snowy_village,
    life.autumn_leaves,
    life.butterflies_in_meadow,
    life.cactus_garden,
    life.citrus_slices,
    life.jellyfish_deep_sea,
    life.koi_pond,
    life.sunflower_field,
    made.checkered_floor,
    made.hot_air_balloons,
    made.painted_tiles,
    made.stained_glass,
    made.vinyl_records,
    made.woven_tartan,
)
PER_FAMILY = 10
SIZES = ((480, 360), (480, 360), (420, 420), (512, 340))
FORMATS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("jpg", {"quality": 90}),
    ("jpg", {"quality": 90}),
    ("jpg", {"quality": 75}),
    ("png", {}),
    ("webp", {"quality": 85}),
)


def draw_samples(directory: Path) -> list[Path]:
    """Draw what is missing of the sample pictures and return all their paths, sorted.

    Every picture has its own seed, so the same name always shows the same picture. Files that exist are
    left alone: a second run finds the same bytes.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = []
    for path, family, seed in _plan(directory):
        paths.append(path)
        if not path.exists():
            _draw(path, family, Random(seed))  # noqa: S311  # repeatable is what it has to be
    return sorted(paths)


def _plan(directory: Path) -> Iterator[tuple[Path, Callable[[Canvas], None], str]]:
    formats = itertools.cycle(FORMATS)
    for family in FAMILIES:
        for number in range(1, PER_FAMILY + 1):
            name = f"{family.__name__.replace('_', '-')}_{number:02}"
            yield directory / f"{name}.{next(formats)[0]}", family, name


def _draw(path: Path, family: Callable[[Canvas], None], random: Random) -> None:
    canvas = Canvas(random.choice(SIZES), random)
    family(canvas)
    options = random.choice([options for suffix, options in FORMATS if suffix == path.suffix[1:]])
    # Written beside the directory first, so that a kill leaves no half picture in it.
    fresh = path.parent.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    canvas.finished().save(fresh, **options)
    fresh.replace(path)
