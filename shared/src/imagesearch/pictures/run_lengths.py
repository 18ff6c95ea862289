"""Unpack the run lengths of a BMP (BI_RLE8 and BI_RLE4)."""

from __future__ import annotations

import numpy as np

from imagesearch.pictures.structures.bounds import BASE, Dishonest

_FEW = 4
"""Runs that are unpacked one by one before numpy, which takes 5 us to begin, takes over."""
_WINDOW_BYTES = 4_096
_IDLE_RUNS = 8
_ESCAPE_PIXELS = 32
"""Pixels for each escape. One costs as long as these do in a file without run lengths."""


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
        Dishonest: there are more escapes than rows and pixels need.
        ValueError: the runs end before the picture is complete.
    """
    wanted = width * height
    pixels = bytearray()
    escapes = BASE + 4 * height + wanted // _ESCAPE_PIXELS
    x = 0
    while len(pixels) < wanted and offset + 2 <= len(data):
        if data[offset]:
            since, drawn = offset, len(pixels)
            offset, x = _runs(data, offset, pixels, x, width, is_4_bits=is_4_bits)
            # Runs behind the end of their row draw nothing, as escapes do, and cost less.
            escapes -= max(0, (offset - since) // 2 - len(pixels) + drawn) // _IDLE_RUNS
            if escapes < 0:
                raise Dishonest("it has more runs than its pixels need")
            continue
        escapes -= 1
        if escapes < 0:
            raise Dishonest("it has more escapes than its pixels need")
        kind = data[offset + 1]
        offset += 2
        if kind == 0:
            pixels += bytes(-len(pixels) % width)
            x = 0
        elif kind == 1:
            break
        elif kind == 2:
            if offset + 2 > len(data):
                break
            right, up = data[offset], data[offset + 1]
            offset += 2
            pixels += bytes(min(wanted - len(pixels), right + up * width))
            x = len(pixels) % width
        else:
            count = min(wanted - len(pixels), kind)
            size = (count + 1) // 2 if is_4_bits else count
            literal = data[offset : offset + size]
            pixels += _halves(literal)[:count] if is_4_bits else literal
            offset += size + (offset + size) % 2
            x += kind
            if len(literal) < size:
                break
    if len(pixels) < wanted:
        raise ValueError("not enough image data")
    return bytes(pixels[:wanted])


def _runs(data: bytes, offset: int, pixels: bytearray, x: int, width: int, *, is_4_bits: bool) -> tuple[int, int]:
    """Unpack some runs up to the next escape at most; return the place and the column behind them."""
    for _ in range(_FEW):
        if offset + 2 > len(data) or not data[offset]:
            return offset, x
        count = max(0, min(data[offset], width - x))
        pixels += _run(data[offset + 1], count, is_4_bits=is_4_bits)
        offset, x = offset + 2, x + count
    pairs = np.frombuffer(data, np.uint8, min(_WINDOW_BYTES, len(data) - offset) // 2 * 2, offset).reshape(-1, 2)
    ends = np.flatnonzero(pairs[:, 0] == 0)
    if ends.size:
        pairs = pairs[: ends[0]]
    # A row takes no more than fits into it; what is left of its runs draws nothing.
    until = np.minimum(np.cumsum(pairs[:, 0], dtype=np.int64), max(0, width - x))
    counts = np.diff(until, prepend=0)
    drawn = np.repeat(pairs[:, 1], counts)
    if is_4_bits:
        since = np.arange(drawn.size) - np.repeat(until - counts, counts)
        drawn = np.where(since % 2 == 0, drawn >> 4, drawn & 15).astype(np.uint8)
    pixels += drawn.tobytes()
    return offset + 2 * len(pairs), x + drawn.size


def _run(value: int, count: int, *, is_4_bits: bool) -> bytes:
    if not is_4_bits:
        return bytes((value,)) * count
    return (bytes((value >> 4, value & 15)) * ((count + 1) // 2))[:count]


def _halves(packed: bytes) -> bytes:
    values = np.frombuffer(packed, np.uint8)
    return np.stack((values >> 4, values & 15), axis=1).tobytes()
