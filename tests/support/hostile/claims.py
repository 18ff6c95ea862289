"""Read from a file's header what it says that it holds, without trusting it further."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from dataclasses import dataclass

from imagesearch.pictures.structures import heif
from imagesearch.pictures.structures.bounds import Dishonest

_FRAME = re.compile(rb"\xff([\xc0-\xc3\xc9-\xcb])..\x08(.{4})(.)", re.DOTALL)
_PROGRESSIVE = (b"\xc2", b"\xca")


@dataclass(frozen=True, slots=True)
class Claim:
    """Hold what decides what an honest file costs, besides its bytes.

    Attributes:
        size: width and height.
        is_grey: one sample a pixel, and not three.
        packing: a TIFF's compression, `progressive`, `lossless`, `runs`; empty for the usual.
    """

    size: tuple[int, int]
    is_grey: bool = False
    packing: str = ""


def claim(name: str, data: bytes) -> Claim | None:
    """Return what a header claims, None where it is damaged."""
    with suppress(struct.error, Dishonest):
        match name:
            case "JPEG":
                return _jpeg(data)
            case "PNG":
                width, height, _, kind = struct.unpack_from(">IIBB", data, 16)
                return Claim((width, height), is_grey=kind in (0, 3))
            case "GIF":
                return Claim(struct.unpack_from("<HH", data, 6))
            case "BMP":
                width, height, _, depth, packing = struct.unpack_from("<iiHHI", data, 18)
                return Claim((abs(width), abs(height)), depth <= 8, "runs" if packing in (1, 2) else "")
            case "WEBP":
                return _webp(data)
            case "TIFF":
                return _tiff(data)
            case "HEIF" | "AVIF":
                size = heif.size(data)
                return Claim(size) if size else None
    return None


def _jpeg(data: bytes) -> Claim | None:
    found = _FRAME.search(data)
    if not found:
        return None
    height, width = struct.unpack(">HH", found[2])
    return Claim((width, height), found[3] == b"\1", "progressive" if found[1] in _PROGRESSIVE else "")


def _webp(data: bytes) -> Claim:
    name = data[12:16]
    packing = "lossless" if b"VP8L" in data or b"ALPH" in data else ""
    if name == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
        return Claim(((high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1), packing=packing)
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Claim(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), packing=packing)
    width, height = struct.unpack_from("<HH", data, 26)
    return Claim((width & 0x3FFF, height & 0x3FFF), packing=packing)


def _tiff(data: bytes) -> Claim | None:
    order = "<" if data.startswith(b"II") else ">"
    if b"+" in data[2:4]:
        return None
    (start,) = struct.unpack_from(order + "I", data, 4)
    (number,) = struct.unpack_from(order + "H", data, start)
    found: dict[int, int] = {}
    # One that ends with the file is read as far as it goes.
    for at in range(start + 2, start + 2 + 12 * min(number, 1_000, (len(data) - start - 2) // 12), 12):
        tag, kind, _ = struct.unpack_from(order + "HHI", data, at)
        (value,) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, at + 8)
        found.setdefault(tag, value)
    size = found.get(256, 0), found.get(257, 0)
    return Claim(size, found.get(277, 1) == 1, str(found.get(259, 1)))
