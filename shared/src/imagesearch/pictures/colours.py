"""Bring every kind of sample that Pillow reads to RGB of 8 bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

_PHOTOMETRIC = 262

_WHITES = (255, 1_023, 4_095, 16_383, 65_535)
"""Largest values of the 8, 10, 12, 14 and 16 bits in which cameras and scanners record."""

_BAND_PIXELS = 2**20
"""Pixels that are looked at together, so that a large picture is never copied whole into an array."""


def repair_transparency(source: ImageFile.ImageFile, data: bytes) -> None:
    """Scale a PNG's transparent colour to 8 bits, as Pillow has scaled the samples."""
    colour = source.info.get("transparency")
    if not isinstance(source, PngImageFile) or colour is None:
        return
    depth = data[24]
    if source.mode == "L" and depth < 8 and isinstance(colour, int):
        source.info["transparency"] = colour * 255 // (2**depth - 1)
    elif source.mode == "RGB" and depth == 16:
        source.info["transparency"] = tuple(sample >> 8 for sample in colour)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded picture of 8 bits a sample to RGB, with white where it is transparent.

    CMYK is converted without its colour profile, as the published system does.
    """
    if image.mode == "La":
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    if image.mode != "RGBA":
        image = image.convert("RGBA")
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image)
    return paper


def to_8_bits(image: Image.Image) -> Image.Image:
    """Bring greyscale samples of more than 8 bits to L, or to LA where one value is transparent.

    Pillow itself would clip them, which makes most such pictures white.
    """
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    low, high = _range(image)
    width, height = image.size
    grey = np.empty((height, width), dtype=np.uint8)
    for top, band in bands(image):
        finite = np.nan_to_num(band.astype(np.float64), nan=low, posinf=high, neginf=low)
        grey[top : top + len(band)] = (finite - low) * (255 / (high - low)) + 0.5
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == 0:
        grey = 255 - grey  # WhiteIsZero, which Pillow turns round for 8 bits only.
    made = Image.fromarray(grey)
    transparent = image.info.get("transparency")
    if transparent is not None:
        opaque = np.concatenate([band != transparent for _, band in bands(image)])
        made.putalpha(Image.fromarray(opaque * np.uint8(255)))
    return made


def _range(image: Image.Image) -> tuple[float, float]:
    """Return the values that stand for black and white.

    The container says little: 12-bit scans lie in 16-bit TIFFs and PNGs, floats run to 1 or to 255. White is
    the smallest usual one that holds all values, so no picture turns white, and nearly none so dark that
    its brightest spot stays below a quarter of white; where none holds them, as in heights or temperatures,
    the values' own range is taken.
    """
    low, high = np.inf, -np.inf
    for _, band in bands(image):
        finite = band[np.isfinite(band)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low >= 0:
        for white in (1, *_WHITES) if image.mode == "F" else _WHITES:
            if high <= white:
                return 0, white
    return (low, high) if low < high else (0, 1)


def bands(image: Image.Image) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Yield a picture's rows as arrays, some at a time, each with the position of its first row."""
    width, height = image.size
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        yield top, np.asarray(image.crop((0, top, width, min(top + rows, height))))
