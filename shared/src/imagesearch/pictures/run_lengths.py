"""Unpack the run lengths of a BMP (BI_RLE8 and BI_RLE4)."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate

import numpy as np

from imagesearch.pictures.structures.bounds import Dishonest

_RUNS = re.compile(rb"(?:[^\0].){1,2048}", re.DOTALL)
"""Runs up to the next escape, as many as are unpacked together."""
_FEW = 200
"""Runs that are unpacked one by one, at 70 ns each; numpy takes as long as these do to begin."""
_IDLE_RUNS = _SINGLE_RUNS = 8
"""Runs that cost as much as an escape: those that draw nothing, and those that are unpacked one by one."""
_BASE_ESCAPES, _ESCAPE_PIXELS = 10_000, 24
"""Escapes of any picture, and pixels for each more. One costs about a microsecond, five times what these pixels
do in a file without run lengths."""

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
        Dishonest: there are more runs or escapes than the pixels need.
        ValueError: the runs end before the picture is complete.
    """
    wanted = width * height
    pixels = bytearray()
    escapes = _BASE_ESCAPES + wanted // _ESCAPE_PIXELS
    longest = _HALVES if is_4_bits else _WHOLE
    x = 0
    while len(pixels) < wanted and offset + 2 <= len(data):
        if runs := _RUNS.match(data, offset):
            offset = runs.end()
            counts, idle = _cut(runs[0][::2], width - x)
            drawn = _runs(counts, runs[0][1::2], longest, is_4_bits=is_4_bits)
            pixels += drawn
            x += len(drawn)
            escapes -= 1 + idle // _IDLE_RUNS + round(min(len(counts), _FEW) / _SINGLE_RUNS)
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


def _cut(counts: bytes, room: int) -> tuple[bytes, int]:
    """Return the lengths of the runs that fit into a row, and how many behind its end draw nothing."""
    if sum(counts) <= room:
        return counts, 0
    until = [0, *accumulate(counts)]
    whole = max(0, bisect_left(until, room) - 1)
    return counts[:whole] + bytes((max(0, room - until[whole]),)), len(counts) - whole - 1


def _runs(counts: bytes, values: bytes, longest: tuple[bytes, ...], *, is_4_bits: bool) -> bytes:
    """Return the pixels of runs."""
    if len(counts) < _FEW:
        return b"".join([longest[value][:count] for count, value in zip(counts, values, strict=False)])
    lengths = np.frombuffer(counts, np.uint8)
    drawn = np.repeat(np.frombuffer(values, np.uint8, len(counts)), lengths)
    if is_4_bits:
        since = np.arange(drawn.size) - np.repeat(np.cumsum(lengths, dtype=np.int64) - lengths, lengths)
        drawn = np.where(since % 2 == 0, drawn >> 4, drawn & 15).astype(np.uint8)
    return drawn.tobytes()


def _halves(packed: bytes) -> bytes:
    return packed.hex().encode().translate(_DIGITS)
