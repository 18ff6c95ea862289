"""Walk the headers of a BMP."""

from __future__ import annotations

import struct

from imagesearch.pictures.structures.bounds import Dishonest

_MAX_COLOURS = 4_096
"""Entries of the colour table. 256 can be used; a reader looks at each of them."""


def check(data: bytes) -> None:
    """Check the colour table, the only list that a BMP has.

    Raises:
        Dishonest: it claims more colours than any depth can name.
    """
    (header,) = struct.unpack_from("<I", data, 14)
    if header == 12:
        return  # Its colour table has one entry for each value that a pixel can have.
    (colours,) = struct.unpack_from("<I", data, 46)
    (depth,) = struct.unpack_from("<H", data, 28)
    if depth <= 8 and colours > _MAX_COLOURS:
        raise Dishonest("its colour table is longer than pixels can name")


def ends_early(data: bytes) -> bool:
    """Tell whether the headers or the beginning of the pixels are missing."""
    offset, header = struct.unpack_from("<II", data, 10)
    return bool(offset > len(data) or 14 + header > len(data))
