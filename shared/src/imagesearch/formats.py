"""Tell formats apart by their first bytes, and whether a file ends before its data does.

Names and extensions are never asked: `photo.png` may well hold a JPEG.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator

INDEXED = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF")
"""Formats that are decoded, by the names that people read."""

_INDEXED_SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("JPEG", 0, b"\xff\xd8"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("WEBP", 8, b"WEBP"),
    ("GIF", 0, b"GIF87a"),
    ("GIF", 0, b"GIF89a"),
    ("BMP", 0, b"BM"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("TIFF", 0, b"II+\0"),
    ("TIFF", 0, b"MM\0+"),
    # Scanners that swapped the magic number but not the rest; Pillow reads them too.
    ("TIFF", 0, b"II\0*"),
    ("TIFF", 0, b"MM*\0"),
)

_FOREIGN_SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("a HEIC picture", 4, b"ftyphei"),
    ("a HEIC picture", 4, b"ftyphev"),
    ("a HEIC picture", 4, b"ftypmif1"),
    ("a HEIC picture", 4, b"ftypmsf1"),
    ("an AVIF picture", 4, b"ftypavi"),
    ("a Canon raw picture", 4, b"ftypcrx"),
    ("a video", 4, b"ftyp"),
    ("a JPEG 2000 picture", 0, b"\0\0\0\x0cjP  "),
    ("a JPEG 2000 picture", 0, b"\xff\x4f\xff\x51"),
    ("a JPEG XL picture", 0, b"\xff\x0a"),
    ("a JPEG XL picture", 0, b"\0\0\0\x0cJXL "),
    ("a Photoshop document", 0, b"8BPS"),
    ("a PDF document", 0, b"%PDF"),
    ("a PostScript document", 0, b"%!PS"),
    ("a DDS texture", 0, b"DDS "),
    ("an icon", 0, b"\0\0\1\0"),
    ("an SVG drawing", 0, b"<svg"),
    ("an XML document", 0, b"<?xml"),
    ("a GIMP document", 0, b"gimp xcf"),
    ("a raw picture of a Fujifilm camera", 0, b"FUJIFILMCCD-RAW"),
    ("an archive", 0, b"PK\3\4"),
    ("an archive", 0, b"\x1f\x8b"),
    ("a video", 0, b"\x1aE\xdf\xa3"),
    ("a video", 8, b"AVI "),
)


def sniff(data: bytes) -> str | None:
    """Return Pillow's name of the indexed format that the bytes begin as, or None."""
    name = _match(_INDEXED_SIGNATURES, data)
    return None if name == "WEBP" and not data.startswith(b"RIFF") else name


def describe_foreign(data: bytes) -> str:
    """Say in a few words what bytes are that `sniff` does not know."""
    return _match(_FOREIGN_SIGNATURES, data) or "not a picture, or one of an unknown format"


def _match(signatures: tuple[tuple[str, int, bytes], ...], data: bytes) -> str | None:
    for name, offset, magic in signatures:
        if data.startswith(magic, offset):
            return name
    return None


def ends_early(name: str, data: bytes, complaint: str) -> bool:
    """Tell whether a file that could not be decoded was cut off, by the structure of its format.

    Args:
        name: what `sniff` returned.
        data: the whole file.
        complaint: what Pillow said. JPEG and PNG have an end marker, which knows better than Pillow; the
            others have none, or one that is a common byte.
    """
    if name not in ("JPEG", "PNG") and "truncated" in complaint.lower():
        return True
    try:
        return _ENDS_EARLY[name](data)
    except struct.error:
        # A length or an offset that the structure needs lies beyond the last byte.
        return True


def jpeg_passes(data: bytes, enough: int) -> int:
    """Count the scans of a JPEG, exactly up to one more than `enough`."""
    if data.count(b"\xff\xda") <= enough:
        return 0  # Thumbnails and what trails the picture only make this count too high.
    passes = 0
    try:
        for marker in _jpeg_markers(data):
            passes += marker == _SCAN
            if passes > enough:
                break
    except struct.error:
        pass  # Cut off; decoding it will tell.
    return passes


_SCAN, _END = 0xDA, 0xD9
# Within a scan, 0xFF stands before 0x00 where it is data, and before 0xD0 to 0xD7 to restart.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")


def _jpeg_markers(data: bytes) -> Iterator[int]:
    position = 2
    while found := _JPEG_MARKER.search(data, position):
        marker = found[1][0]
        yield marker
        if marker == _END:
            return
        (length,) = struct.unpack_from(">H", data, found.end())
        position = found.end() + length


def _jpeg_ends_early(data: bytes) -> bool:
    # A wrong length in a header leads past the end as well, but then the end marker is in its place: the
    # picture's own, not that of a thumbnail behind which the file was cut.
    is_closed = data.count(b"\xff\xd8\xff") <= data.count(b"\xff\xd9")
    ends_right = is_closed and data.rstrip(b"\0").endswith(b"\xff\xd9")
    return not ends_right and _END not in _jpeg_markers(data)


def png_is_intact(data: bytes) -> bool:
    """Tell whether the checksums of a PNG's picture data are right.

    Pillow leaves them unread and fills the picture with whatever wrong bytes inflate to; libpng, and so every
    browser, refuses such a file.
    """
    seen = False
    try:
        for name, place, length in _png_chunks(data):
            if name == b"IDAT":
                seen = True
                (checksum,) = struct.unpack_from(">I", data, place + length)
                if zlib.crc32(memoryview(data)[place - 4 : place + length]) != checksum:
                    return False
            elif seen:
                break
    except struct.error:
        return False
    return seen


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name and where its data begins and how long it is."""
    place = 8
    while True:
        length, name = struct.unpack_from(">I4s", data, place)
        yield name, place + 8, length
        place += 12 + length


def _png_ends_early(data: bytes) -> bool:
    if data[-8:-4] == b"IEND":
        return False
    return not any(name == b"IEND" and place + 4 <= len(data) for name, place, _ in _png_chunks(data))


def _webp_ends_early(data: bytes) -> bool:
    (length,) = struct.unpack_from("<I", data, 4)
    return bool(length + 8 > len(data))


def _gif_ends_early(data: bytes) -> bool:
    return not data.rstrip(b"\0").endswith(b";")


def _bmp_ends_early(data: bytes) -> bool:
    offset, header = struct.unpack_from("<II", data, 10)
    return bool(offset > len(data) or 14 + header > len(data))


_STRIP_OFFSETS, _STRIP_LENGTHS, _TILE_OFFSETS, _TILE_LENGTHS = 273, 279, 324, 325
_TIFF_TYPES = {
    1: "B",
    2: "c",
    3: "H",
    4: "I",
    5: "Q",
    6: "b",
    7: "c",
    8: "h",
    9: "i",
    10: "q",
    11: "f",
    12: "d",
    16: "Q",
}


def _tiff_ends_early(data: bytes) -> bool:
    order = "<" if data.startswith(b"II") else ">"
    # BigTIFF holds the same directory in wider words: pointer to it, number of entries, count and pointer.
    start, entries, word = (8, "Q", "Q") if b"+" in data[2:4] else (4, "H", "I")
    wide = struct.calcsize(order + word)
    (place,) = struct.unpack_from(order + word, data, start)
    (number,) = struct.unpack_from(order + entries, data, place)
    place += struct.calcsize(order + entries)
    values: dict[int, tuple[int, ...]] = {}
    for entry in range(place, place + number * (4 + 2 * wide), 4 + 2 * wide):
        tag, kind, count = struct.unpack_from(f"{order}HH{word}", data, entry)
        value = entry + 4 + wide
        size = count * struct.calcsize(order + _TIFF_TYPES.get(kind, "B"))
        if size > wide:
            (value,) = struct.unpack_from(order + word, data, value)
        if value + size > len(data):
            return True
        if tag in (_STRIP_OFFSETS, _STRIP_LENGTHS, _TILE_OFFSETS, _TILE_LENGTHS) and kind in (3, 4, 16):
            values[tag] = struct.unpack_from(f"{order}{count}{_TIFF_TYPES[kind]}", data, value)
    offsets = values.get(_STRIP_OFFSETS) or values.get(_TILE_OFFSETS) or ()
    lengths = values.get(_STRIP_LENGTHS) or values.get(_TILE_LENGTHS) or ()
    return any(offset + length > len(data) for offset, length in zip(offsets, lengths, strict=False))


_ENDS_EARLY: dict[str, Callable[[bytes], bool]] = {
    "JPEG": _jpeg_ends_early,
    "PNG": _png_ends_early,
    "WEBP": _webp_ends_early,
    "GIF": _gif_ends_early,
    "BMP": _bmp_ends_early,
    "TIFF": _tiff_ends_early,
}
