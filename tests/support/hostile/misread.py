"""Write TIFF files of which one reader makes a small picture and another one a large one."""

from __future__ import annotations

import struct

import numpy as np

from support.hostile.layouts import Entry, grey_entries, tiff


def repeated_rows(size: int) -> bytes:
    """Return a TIFF in which the same strips cover the picture over and over."""
    count = size // 8
    width, height = 1_000, 1_000
    data = np.full(2 * count, 16, dtype="<u4").tobytes()
    entries = [e for e in grey_entries(width, height, t278=height - 1) if e.tag not in (273, 279)]
    entries += [Entry(273, 4, count, 16), Entry(279, 4, count, 16 + 4 * count)]
    return tiff(data.ljust(width * height, b"\0"), sorted(entries, key=lambda entry: entry.tag))


def cut_short(size: int) -> bytes:
    """Return such a TIFF whose directory says that it goes on behind the end of the file."""
    data = bytearray(repeated_rows(size))
    (start,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<H", data, start, number + 1)
    return bytes(data[: start + 2 + 12 * number])


def with_a_value_elsewhere(size: int) -> bytes:
    """Return such a TIFF whose number of planes lies behind the end of the file."""
    data = repeated_rows(size)
    (start,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, start)
    last = struct.pack("<HHIII", 284, 3, 3, 2**31 - 1, 0)
    return data[:start] + struct.pack("<H", number + 1) + data[start + 2 : start + 2 + 12 * number] + last


def told_twice(size: int) -> bytes:
    """Return a TIFF of one strip to who takes the first of two entries, though its kind is unknown."""
    data = bytearray(repeated_rows(size))
    (start,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, start)
    many = data[start + 2 : start + 2 + 12 * number]
    one = struct.pack("<HHII", 273, 99, 1, 16) + struct.pack("<HHII", 279, 99, 1, 10**6)
    return bytes(data[:start] + struct.pack("<H", number + 2) + one + many + bytes(4))
