"""Read how the picture of a HEIF file is cut and turned."""

from __future__ import annotations

import struct
from fractions import Fraction

from imagesearch.pictures.structures.bounds import Damaged
from imagesearch.pictures.structures.items import Items

Edges = tuple[int, int, int, int]
"""Left, upper, right and lower edge."""

_RIGHTED: dict[tuple[int, ...], int] = {
    (0, 1, 2, 3): 1,
    (1, 0, 3, 2): 2,
    (2, 3, 0, 1): 3,
    (3, 2, 1, 0): 4,
    (0, 3, 2, 1): 5,
    (3, 0, 1, 2): 6,
    (2, 1, 0, 3): 7,
    (1, 2, 3, 0): 8,
}
"""The value of EXIF's orientation that puts the corners so: upper left, upper right, lower right, lower left."""


def transformed(found: Items, item: int, shown: tuple[int, int]) -> tuple[Edges, int]:
    """Return what is cut out of a picture, and what turns that upright.

    What the file's EXIF says of its orientation is not asked: it tells how the camera was held, and the picture is
    turned by its properties alone (ISO/IEC 23008-12, 6.5.10).

    Raises:
        Damaged: they make no sense.
    """
    box: Edges = (0, 0, *shown)
    corners: tuple[int, ...] = (0, 1, 2, 3)
    seen: set[bytes] = set()
    for each in found.properties.get(item, ()):
        if each.name not in {b"clap", b"irot", b"imir"}:
            continue
        body = found.data[each.start : each.end]
        if each.name in seen or not body or (each.name == b"clap" and seen):
            raise Damaged("it is turned in a way that makes no sense")
        seen.add(each.name)
        if each.name == b"clap":
            box = _clean_aperture(body, shown)
        elif each.name == b"irot":
            turns = body[0] & 3
            corners = corners[turns:] + corners[:turns]
        elif body[0] & 1:
            corners = (corners[1], corners[0], corners[3], corners[2])
        else:
            corners = (corners[3], corners[2], corners[1], corners[0])
    return box, _RIGHTED[corners]


def _clean_aperture(body: bytes, shown: tuple[int, int]) -> Edges:
    if len(body) < 32:
        raise Damaged("it is cut in a way that makes no sense")
    sizes = struct.unpack_from(">IIIIiIiI", body)
    if not all(sizes[1::2]):
        raise Damaged("it is cut in a way that makes no sense")
    across, down, right, low = (Fraction(*sizes[at : at + 2]) for at in (0, 2, 4, 6))
    edges = []
    for whole, part, shift in ((shown[0], across, right), (shown[1], down, low)):
        length = round(part)
        start = round(Fraction(whole - length, 2) + shift)
        if not 0 < length <= whole or not 0 <= start <= whole - length:
            raise Damaged("it is cut in a way that makes no sense")
        edges.append((start, start + length))
    (left, end), (top, bottom) = edges
    return left, top, end, bottom
