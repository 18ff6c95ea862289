"""Unpack the run lengths of a BMP (BI_RLE8 and BI_RLE4)."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from imagesearch.pictures.structures.bounds import Dishonest

_FEW, _NEAR, _MANY = 200, 512, 8_192
"""Fewer runs are unpacked one by one, at 70 to 150 ns each, as numpy takes as long to begin; how many are looked
through first for the next escape; and the most that are unpacked together."""
_RUNS = re.compile(rb"(?:[^\0].|\0\0){1,%d}" % _FEW, re.DOTALL)
"""Runs and ends of rows up to the next other escape."""
_BASE_STEPS, _STEP_PIXELS = 1_000, 3
"""Escapes, and runs together between two of them, of any picture, and pixels for each more. Literal pixels are
three at least, and so is what lies between two stretches of them, or a writer would have joined them; 8-bit photos
have one of either for each 15 pixels. Each costs one to three microseconds."""
_BASE_BYTES, _PIXEL_BYTES = 4_096, 2
"""Bytes of any picture, and of each pixel and the end of each row: a run of a single pixel takes two."""

_WHOLE = tuple(bytes((value,)) * 255 for value in range(256))
_HALVES = tuple((bytes((value >> 4, value & 15)) * 128)[:255] for value in range(256))
"""The longest run of each value."""
_DIGITS = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))


def unpack(data: bytes, offset: int, width: int, height: int, *, is_4_bits: bool) -> bytes:
    """Return one byte a pixel, row by row in the file's order.

    It gives what Pillow's decoder does, also for what no writer would write: a run ends with its row, and
    literal pixels go on into the next.

    Args:
        data: the whole file; literal pixels are padded to an even place in it.
        offset: where the runs begin.
        width: of the picture; runs end with a row.
        height: of the picture.
        is_4_bits: two pixels share a byte.

    Raises:
        Dishonest: there are more runs or escapes than the pixels need, as they draw nothing or are cut too small.
        ValueError: the runs end before the picture is complete.
    """
    wanted = width * height
    pixels = bytearray()
    steps = _BASE_STEPS + wanted // _STEP_PIXELS
    most = offset + _BASE_BYTES + _PIXEL_BYTES * (wanted + height)
    x, end = 0, len(data) - 1
    while len(pixels) < wanted and offset < end:
        kind = data[offset + 1]
        steps -= 1
        if data[offset] or not kind:
            runs = _RUNS.match(data, offset)
            assert runs  # noqa: S101 - There is one here, or the end of a row.
            number = (runs.end() - offset) // 2
            if number < _FEW:
                x = _draw_few(pixels, runs[0], x, width, wanted, is_4_bits=is_4_bits)
            else:
                pairs = _pairs(data, offset)
                number = len(pairs)
                x = _draw_many(pixels, pairs, x, width, wanted, is_4_bits=is_4_bits)
            offset += 2 * number
        elif kind == 1:
            break
        elif kind == 2:
            if offset + 4 > len(data):
                break
            pixels += bytes(min(wanted - len(pixels), data[offset + 2] + data[offset + 3] * width))
            x = len(pixels) % width
            offset += 4
        else:
            offset += 2
            size = (kind + 1) // 2 if is_4_bits else kind
            literal = data[offset : offset + size]
            pixels += _halves(literal)[:kind] if is_4_bits else literal
            offset += size + (offset + size) % 2
            x += kind
            if len(literal) < size:
                break
        if steps < 0 or offset > most:
            raise Dishonest("it has more runs and escapes than its pixels need")
    if len(pixels) < wanted:
        raise ValueError("not enough image data")
    return bytes(pixels[:wanted])


def _draw_few(pixels: bytearray, runs: bytes, x: int, width: int, wanted: int, *, is_4_bits: bool) -> int:
    """Append the pixels of runs; return the new place in the row.

    A run without pixels ends the row.
    """
    longest = _HALVES if is_4_bits else _WHOLE
    counts, values = runs[::2], runs[1::2]
    if 0 not in counts and x + sum(counts) <= width:
        pixels += b"".join([longest[value][:count] for count, value in zip(counts, values, strict=True)])
        return x + sum(counts)
    for count, value in zip(counts, values, strict=True):
        if count:
            drawn = max(0, min(count, width - x))
            pixels += longest[value][:drawn]
            x += drawn
        else:
            rest = -len(pixels) % width
            pixels += bytes(min(rest, wanted - len(pixels)))
            x = 0
        if len(pixels) >= wanted:
            break
    return x


def _pairs(data: bytes, offset: int) -> npt.NDArray[np.uint8]:
    """Return runs and ends of rows, two bytes each, up to the next other escape."""
    pairs = np.frombuffer(data, np.uint8, (len(data) - offset) // 2 * 2, offset).reshape(-1, 2)[:_MANY]
    # Where the next escape is near, looking through all of them would cost more than unpacking what is before it.
    for number in (_NEAR, _MANY):
        near = pairs[:number]
        escapes = np.flatnonzero((near[:, 0] == 0) & (near[:, 1] != 0))
        if len(escapes):
            return pairs[: escapes[0]]
    return pairs


def _draw_many(
    pixels: bytearray, pairs: npt.NDArray[np.uint8], x: int, width: int, wanted: int, *, is_4_bits: bool
) -> int:
    """Do the same for all runs at once, row by row."""
    lengths = pairs[:, 0].astype(np.int64)
    ends = np.flatnonzero(lengths == 0)
    until = _sums(lengths, ends, x)
    if until.max() > width:
        # Some runs reach beyond their rows.
        before = np.cumsum(lengths) - lengths
        rows = np.searchsorted(ends, np.arange(len(lengths)))
        begins = np.concatenate(([-x], before[ends]))
        lengths = np.clip(width - (before - begins[rows]), 0, lengths)
        until = _sums(lengths, ends, x)
    lengths[ends] = -until[:-1] % width
    if len(ends):
        # Literal pixels may have gone on into another row than `x` knows of.
        drawn = int(until[0]) - x
        lengths[ends[0]] = -(len(pixels) + drawn) % width
    total = np.cumsum(lengths)
    room = wanted - len(pixels)
    if total[-1] > room:
        last = int(np.searchsorted(total, room))
        lengths = lengths[: last + 1]
        lengths[-1] -= total[last] - room
    pixels += _repeated(lengths, pairs[: len(lengths), 1], is_4_bits=is_4_bits)
    return int(until[-1])


def _sums(lengths: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], x: int) -> npt.NDArray[np.int64]:
    """Return how far the runs of each row reach; the last row has no end yet."""
    sums = np.concatenate((np.cumsum(lengths)[ends], [lengths.sum()]))
    sums[1:] -= sums[:-1].copy()
    sums[0] += x
    return sums


def _repeated(lengths: npt.NDArray[np.int64], values: npt.NDArray[np.uint8], *, is_4_bits: bool) -> bytes:
    if not is_4_bits:
        return np.repeat(values, lengths).tobytes()
    # High and low halves take turns, beginning anew with each run.
    begins = np.cumsum(lengths) - lengths
    is_low = np.repeat((begins & 1).astype(np.uint8), lengths)
    is_low[1::2] ^= 1
    return np.where(is_low, np.repeat(values & 15, lengths), np.repeat(values >> 4, lengths)).tobytes()


def _halves(packed: bytes) -> bytes:
    return packed.hex().encode().translate(_DIGITS)
