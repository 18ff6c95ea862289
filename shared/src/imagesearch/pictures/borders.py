"""Find where a picture ends and its black border begins, also where a JPEG has blended the two.

A JPEG is coded in blocks. One that lies astride the edge keeps some of the picture's brightness in rows that
were black, so behind a clean black bar stand up to 16 rows that are neither bar nor picture. They end at the
edge, where the brightness jumps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from imagesearch.contract import Pixels
from imagesearch.pictures.colours import bands

Box = tuple[int, int, int, int]
"""Left, top, right and bottom as Pillow counts them."""

_BLEND_ROWS = 16
"""Colour that is stored at half the size has blocks of 16 rows, brightness of 8."""

_BLEND_PEAK = 128
_BLEND_LEVEL = 32
"""Largest sample and largest mean of a row of the border that was blended with the picture.

Over 240 photos of Caltech-101 with borders of 3 to 40 pixels on all sides, saved as JPEG with colour at half
the size, the brightest of these rows had 70 and 21 at quality 60 to 95, and 88 and 27 at quality 40 to 60; the
drawn pictures of the unit tests, which have harder edges, reach 113 at quality 40."""

_JUMP_FACTOR, _JUMP_STEP = 2, 4
"""How far the mean of the picture's first row stands above that of the brightest row of the blend.

With these 94% of the same photos at quality 60 to 95 were cut at the very rows and columns where their
originals end, and 7% where nothing but rows within the tolerance goes; a step of 8 found 92%. A gradient rises
more slowly from row to row and is never cut."""


def content_box(image: Image.Image, tolerance: int) -> Box:
    """Return what an RGB picture is within its black borders, as `trim_black_borders` finds them."""
    width, height = image.size
    whole = (0, 0, width, height)
    boxes = (0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)
    edges = [np.asarray(image.crop(box)) for box in boxes]
    # Most pictures have no border, and their four edges tell it without a look at all their pixels.
    if not any(edge.max() <= tolerance or _may_be_blend(edge) for edge in edges):
        return whole
    box = whole
    if any(edge.max() <= tolerance for edge in edges):
        found = _within_black((band.astype(np.uint8, copy=False) for _, band in bands(image)), tolerance)
        if found is None:
            return whole
        box = found
    return _behind_the_blend(box, lambda part: np.asarray(image.crop(part)), tolerance)


def trim_black_borders(pixels: Pixels, tolerance: int) -> Pixels:
    """Return a view of the picture without the black rows and columns at its edges.

    First go those in which every channel of all pixels is at most `tolerance`. That is strict on purpose:
    allowing a few brighter pixels would eat the stars of a night sky. Then go, at each edge, the rows in which
    a JPEG has blended the border with the picture: at most 16 and at most an eighth of the picture, dark and
    without one bright pixel, one of them black in the mean, and only where the brightness jumps behind them.

    Args:
        pixels: uint8[height, width, 3].
        tolerance: largest value that counts as black.

    Returns:
        uint8[h, w, 3] with h, w >= 1; the whole picture where all of it is black.
    """
    box = _within_black([pixels], tolerance)
    if box is None:
        return pixels

    def part(box: Box) -> Pixels:
        left, top, right, bottom = box
        return pixels[top:bottom, left:right]

    return part(_behind_the_blend(box, part, tolerance))


def _within_black(bands: Iterable[Pixels], tolerance: int) -> Box | None:
    row_peaks, column_peaks = [], []
    for band in bands:
        # Two dimensions instead of three: numpy reduces long rows a hundred times faster than pixels.
        samples = band.reshape(band.shape[0], -1)
        row_peaks.append(samples.max(axis=1))
        column_peaks.append(samples.max(axis=0))
    rows = np.flatnonzero(np.concatenate(row_peaks) > tolerance)
    if not rows.size:
        return None
    columns = np.flatnonzero(np.max(column_peaks, axis=0).reshape(-1, 3).max(axis=1) > tolerance)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _behind_the_blend(box: Box, part: Callable[[Box], Pixels], tolerance: int) -> Box:
    """Move each side of a box inwards past the rows or columns that are a blend.

    Args:
        box: what is left without clean borders.
        part: gives the pixels of a box.
        tolerance: largest mean of a row that counts as black.
    """
    left, top, right, bottom = box
    across = min(_BLEND_ROWS, (right - left) // 8) + 1
    down = min(_BLEND_ROWS, (bottom - top) // 8) + 1
    sides = (
        part((left, top, left + across, bottom)).transpose(1, 0, 2),
        part((left, top, right, top + down)),
        part((right - across, top, right, bottom)).transpose(1, 0, 2)[::-1],
        part((left, bottom - down, right, bottom))[::-1],
    )
    depths = [_blended_rows(rows, tolerance) for rows in sides]
    return left + depths[0], top + depths[1], right - depths[2], bottom - depths[3]


def _blended_rows(rows: Pixels, tolerance: int) -> int:
    """Return how many rows, from the outermost on, are a blend; the last of `rows` can only be the picture.

    That one of them must be black in the mean leaves a picture its edge where that is dark and not black.
    """
    samples = rows.reshape(len(rows), -1)
    levels, peaks = samples.mean(axis=1), samples.max(axis=1)
    inside, outside = levels[1:], np.maximum.accumulate(levels)[:-1]
    blend = (np.maximum.accumulate(peaks)[:-1] <= _BLEND_PEAK) & (outside <= _BLEND_LEVEL)
    blend &= np.minimum.accumulate(levels)[:-1] <= tolerance
    jumps = np.where(blend & (inside >= _JUMP_FACTOR * outside + _JUMP_STEP), inside - outside, 0)
    return int(jumps.argmax()) + 1 if jumps.any() else 0


def _may_be_blend(edge: Pixels) -> bool:
    return bool(edge.max() <= _BLEND_PEAK and edge.mean() <= _BLEND_LEVEL)
