"""Take photos of a directory, and as many random crops of them as are wanted."""

from __future__ import annotations

import random
from functools import cached_property
from io import BytesIO
from itertools import count
from pathlib import Path

from PIL import Image, ImageOps

from bench.options import PICTURES
from imagesearch.pictures.colours import to_rgb

MIRRORED = 0.5
"""So many of the crops are, by share of 1."""
MOTIFS = 64
"""Crops that files nobody has seen are made of."""
START_OF_IMAGE = b"\xff\xd8"
COMMENT = b"\xff\xfe"


class Pictures:
    """Give pictures of the photos below a directory, the same in each run."""

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
        self._numbers = count()

    @property
    def number(self) -> int:
        """Return how many photos there are."""
        return len(self._paths)

    def photos(self, number: int) -> list[bytes]:
        """Return so many different pictures: photos from all over the directory, then crops of them."""
        step = max(1, len(self._paths) // number)
        some = [path.read_bytes() for path in self._paths[::step][:number]]
        return some + [self.crop(at) for at in range(number - len(some))]

    def crop(self, number: int) -> bytes:
        """Return a JPEG of a part of a photo, another one for each number."""
        chance = random.Random(number)  # noqa: S311 - the same in each run
        with Image.open(self._paths[number % len(self._paths)]) as opened:
            opened.load()
            part = cut(to_rgb(opened), chance)
        with BytesIO() as written:
            part.save(written, "JPEG", quality=90)
            return written.getvalue()

    def unseen(self) -> bytes:
        """Return a file that nobody has been given before, and no cache knows; any thread may ask."""
        number = next(self._numbers)
        return renewed(self._motifs[number % MOTIFS], number)

    @cached_property
    def _motifs(self) -> list[bytes]:
        return [self.crop(1_000_000 + number) for number in range(MOTIFS)]


def renewed(picture: bytes, number: int) -> bytes:
    """Return another file of the same JPEG: its comment is a number."""
    comment = str(number).encode()
    return START_OF_IMAGE + COMMENT + (len(comment) + 2).to_bytes(2) + comment + picture[2:]


def cut(photo: Image.Image, chance: random.Random) -> Image.Image:
    """Return a part of half to all of a photo's width and height, half of them mirrored."""
    width, height = (max(1, int(side * chance.uniform(0.5, 1))) for side in photo.size)
    left, top = chance.randint(0, photo.width - width), chance.randint(0, photo.height - height)
    part = photo.crop((left, top, left + width, top + height))
    return ImageOps.mirror(part) if chance.random() < MIRRORED else part


def lay(folder: Path, pictures: list[bytes]) -> Path:
    """Write pictures into a new folder, and return it."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        (folder / f"{number:06}.jpg").write_bytes(picture)
    return folder
