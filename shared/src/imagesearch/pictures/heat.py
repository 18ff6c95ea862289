"""Draw heat over pictures: which parts of them count, for people to look at."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from imagesearch.pictures.framing import Frame

Heat = npt.NDArray[np.float64]
"""float64[height, width] of an upright picture, 0..1."""

_LEVELS = 64
_OPAQUE = 190
"""How much of the picture the warmest place hides, of 255."""
_COLD, _WARM = np.array((255, 214, 0)), np.array((204, 0, 20))
_GAP = 8


def fitted(image: Image.Image, side: int) -> Image.Image:
    """Return a picture of which the longer side has so many pixels, whether it had more or fewer."""
    return image.resize(fitted_size(image.size, side), Image.Resampling.BICUBIC, reducing_gap=2.0)


def fitted_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the width and height of a picture whose longer side is brought to so many pixels."""
    width, height = size
    longer = max(width, height)
    return max(1, round(side * width / longer)), max(1, round(side * height / longer))


def heat_over(cells: npt.NDArray[np.float32], frame: Frame, size: tuple[int, int]) -> Heat:
    """Spread cells over the picture that they were seen in; the warmest cell becomes 1, and what is below 0 is 0.

    Args:
        cells: float32[height, width], which cover the network's square.
        frame: which part of the upright picture that square showed; the rest of the picture stays cold.
        size: width and height of what is returned.
    """
    warmest = float(cells.max(initial=0.0))
    warm = np.maximum(cells, 0) / warmest if warmest > 0 else np.zeros(cells.shape)
    down = _spread(cells.shape[0], size[1], frame.top, frame.bottom)
    across = _spread(cells.shape[1], size[0], frame.left, frame.right)
    heat: Heat = down @ warm @ across.T
    return heat


def _spread(cells: int, pixels: int, begin: float, end: float) -> npt.NDArray[np.float64]:
    """Return how much each pixel takes from each cell of an axis, float64[pixels, cells]: linear between."""
    at = (np.arange(pixels) + 0.5) / pixels
    place = (at - begin) / (end - begin) * cells - 0.5
    is_inside = (at >= begin) & (at <= end)
    near = np.clip(place, 0, cells - 1)
    taken: npt.NDArray[np.float64] = np.maximum(0, 1 - np.abs(near[:, None] - np.arange(cells)))
    return taken * is_inside[:, None]


def overlay(heat: Heat) -> bytes:
    """Return heat as a PNG to be laid over the picture: transparent where it is cold, then yellow, then red."""
    image = Image.fromarray(np.round(heat * (_LEVELS - 1)).astype(np.uint8), "P")
    steps = np.linspace(0, 1, _LEVELS)
    image.putpalette(_colours(steps).round().astype(np.uint8).tobytes())
    return _png(image, transparency=bytes(np.round(steps * _OPAQUE).astype(np.uint8)))


def beside_each_other(pictures: Sequence[Image.Image], heats: Sequence[Heat]) -> bytes:
    """Return pictures with heat over them, one beside the other, as a PNG."""
    drawn = [_drawn(picture, heat) for picture, heat in zip(pictures, heats, strict=True)]
    width = sum(each.width for each in drawn) + _GAP * (len(drawn) - 1)
    sheet = Image.new("RGB", (width, max(each.height for each in drawn)), "white")
    left = 0
    for each in drawn:
        sheet.paste(each, (left, 0))
        left += each.width + _GAP
    return _png(sheet)


def _drawn(picture: Image.Image, heat: Heat) -> Image.Image:
    below = np.asarray(picture, np.float64)
    hidden = heat[:, :, None] * (_OPAQUE / 255)
    return Image.fromarray((below * (1 - hidden) + _colours(heat) * hidden).round().astype(np.uint8))


def _colours(heat: Heat) -> npt.NDArray[np.float64]:
    mixed: npt.NDArray[np.float64] = _COLD + heat[..., None] * (_WARM - _COLD)
    return mixed


def _png(image: Image.Image, **options: bytes) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, **options)
    return file.getvalue()
