"""Draw test pictures: seeded, textured like photos, and in families of look-alikes."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image, ImageDraw, ImageEnhance

Rgb = tuple[int, int, int]


def photo_like(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Return an RGB picture with the clouds, edges and grain of a photo; another seed is another motif.

    No pixel is darker than 24, so its edges never pass for black borders.
    """
    return _photo_like(seed, size).copy()


@lru_cache(maxsize=8)
def _photo_like(seed: int, size: tuple[int, int]) -> Image.Image:
    random = np.random.default_rng(seed)
    picture = Image.fromarray(_clouds(random, size))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(4, 9))):
        _shape(draw, random, size)
    grain = random.normal(0, 4, (size[1], size[0], 1))
    return Image.fromarray((np.asarray(picture) + grain).clip(24, 255).astype(np.uint8))


def draw_album(folder: Path) -> Path:
    """Fill a directory with forty small pictures in two folders, with endings that are often overlooked."""
    for index, ending in enumerate(["jpg", "JPG", "jpeg", "png"] * 10):
        path = folder / ("first" if index < 20 else "second") / f"picture {index:02}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo_like(index, (160, 120)).save(path, format="PNG" if ending == "png" else "JPEG")
    return folder


def look_alikes(seed: int, count: int, size: tuple[int, int] = (320, 240)) -> list[Image.Image]:
    """Return versions of one motif: the first untouched, the others cropped, lit and sharpened anew."""
    random = np.random.default_rng([seed, count])
    motif = photo_like(seed, size)
    family = [motif]
    while len(family) < count:
        left, top, right, bottom = random.uniform(0, 0.06, 4)
        box = (left * size[0], top * size[1], (1 - right) * size[0], (1 - bottom) * size[1])
        version = motif.resize(size, Image.Resampling.BICUBIC, box=box)
        version = ImageEnhance.Brightness(version).enhance(float(random.uniform(0.85, 1.15)))
        family.append(ImageEnhance.Contrast(version).enhance(float(random.uniform(0.85, 1.15))))
    return family


def encoded(picture: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    """Return the picture as the bytes of a file; options go to Pillow's writer."""
    if file_format == "HEIF":
        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def framed(picture: Image.Image, across: int, down: int, colour: Rgb = (0, 0, 0)) -> Image.Image:
    """Return the picture with bars of so many pixels left and right, and above and below."""
    width, height = picture.size
    frame = Image.new("RGB", (width + 2 * across, height + 2 * down), colour)
    frame.paste(picture, (across, down))
    return frame


def night_sky(seed: int, size: tuple[int, int] = (320, 240), stars: int = 60) -> Image.Image:
    """Return a black sky with single bright pixels, one of them in every edge row and column."""
    random = np.random.default_rng(seed)
    width, height = size
    sky = np.zeros((height, width, 3), dtype=np.uint8)
    sky[random.integers(0, height, stars), random.integers(0, width, stars)] = 200
    sky[0, width // 2] = sky[-1, width // 3] = sky[height // 2, 0] = sky[height // 3, -1] = 200
    return Image.fromarray(sky)


def _clouds(random: np.random.Generator, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return uint8[height, width, 3] of noise in octaves, whose power falls with frequency as in nature."""
    sky = np.zeros((size[1], size[0], 3))
    for octave in range(1, 7):
        cells = random.uniform(-1, 1, (2**octave + 1, 2**octave + 1, 3))
        coarse = Image.fromarray(((cells + 1) * 127.5).astype(np.uint8))
        smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
        sky += (smooth / 127.5 - 1) * 110 / octave**1.3
    return (sky + random.uniform(70, 180, 3)).clip(24, 255).astype(np.uint8)


def _shape(draw: ImageDraw.ImageDraw, random: np.random.Generator, size: tuple[int, int]) -> None:
    colour = tuple(int(channel) for channel in random.integers(24, 256, 3))
    corners = [(random.uniform(0, size[0]), random.uniform(0, size[1])) for _ in range(3)]
    if random.random() < 0.5:
        (x, y), radius = corners[0], random.uniform(0.05, 0.25) * min(size)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    else:
        draw.polygon(corners, fill=colour)
