"""Walk the markers of a JPEG."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from imagesearch.pictures.structures import exif
from imagesearch.pictures.structures.bounds import Allowance, Dishonest

_MAX_PASSES = 32
"""Scans of a progressive JPEG. Encoders write about ten; each costs a walk over all pixels (40 ms at 64
megapixels, measured, where an honest picture takes 330 to 690) and 60 bytes of file, so a small file could keep
a worker busy for hours."""

_MAX_NOTES = 32
"""Segments of EXIF, which are joined one by one; 64 KB each."""
_MAX_TABLE_BYTES = 64 * 1024
"""Tables of quantisation and of Huffman codes, of which an encoder writes four and eight a scan."""

_SEGMENT_SHARE = 1_024
"""Segments hold up to 64 KB, and whoever writes many of them fills them."""
_STRAY_SHARE = 256
"""Bytes that stand between segments and belong to none, which readers pass over one by one."""

_START_OF_SCAN, _END, _QUANTISATION, _HUFFMAN = 0xDA, 0xD9, 0xDB, 0xC4
_EXIF, _PHOTOSHOP = 0xE1, 0xED
_PROGRESSIVE, _ARITHMETIC = frozenset({0xC2, 0xCA}), frozenset({0xC9, 0xCA, 0xCB})
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3}) | _ARITHMETIC
"""Heads of the picture: all that libjpeg draws. Arithmetic codes take a hundred decisions a block and hardly a bit
of the file, 15 times the CPU of Huffman codes; no browser reads them, and hardly a program writes them."""
_COMPONENTS_AT = 5
_BARE = frozenset({0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)})
"""Markers that stand alone, without a length behind them, or that a reader takes so."""

# Within a scan, 0xFF stands before 0x00 where it is data, and before 0xD0 to 0xD7 to restart. Libjpeg passes over
# what is below 0xC0 there, without the length that stands behind other markers.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
_ANY_MARKER = re.compile(rb"\xff([^\x00\xff])")


def check(data: bytes) -> None:
    """Check the segments before the picture, the camera's notes in them, its coding and the number of passes.

    Raises:
        Dishonest: there are more than a picture has.
    """
    resources = Allowance(len(data), _SEGMENT_SHARE, "resources")
    for marker, body in _checked(data, _segments(data)):
        if marker == _PHOTOSHOP:
            resources.take(body.count(b"8BIM"))
    exif.check(note(data))
    _check_passes(data, _segments(data))


def note(data: bytes) -> bytes:
    """Return the camera's notes: a small TIFF.

    Raises:
        Dishonest: they are in more parts than a camera writes, or there are too many segments.
    """
    notes: list[bytes] = []
    for marker, body in _headers(data, _segments(data)):
        if marker == _EXIF and body.startswith(exif.NAME):
            notes.append(body.removeprefix(exif.NAME))
            if len(notes) > _MAX_NOTES:
                raise Dishonest("its notes are in more parts than a camera writes")
    return b"".join(notes)


def check_piece(data: bytes, segments: Allowance) -> None:
    """Check the coding and the number of passes of a strip or tile, whose notes nobody reads.

    Args:
        data: a JPEG, without the tables that it shares with others.
        segments: what all strips or tiles of the file may have together.

    Raises:
        Dishonest: there are more than a picture has.
    """
    for _ in _checked(data, segments):
        pass
    _check_passes(data, segments)


def ends_early(data: bytes) -> bool:
    """Tell whether the marker that ends a JPEG is missing."""
    # A wrong length in a header leads past the end as well, but then the end marker is in its place: the
    # picture's own, not that of a thumbnail behind which the file was cut.
    is_closed = data.count(b"\xff\xd8\xff") <= data.count(b"\xff\xd9")
    ends_right = is_closed and data.rstrip(b"\0").endswith(b"\xff\xd9")
    return not ends_right and _END not in _markers(data, _segments(data))


def _segments(data: bytes) -> Allowance:
    return Allowance(len(data), _SEGMENT_SHARE, "segments")


def _checked(data: bytes, segments: Allowance) -> Iterator[tuple[int, bytes]]:
    """Yield what `_headers` does, as long as the coding and the tables are those of a picture.

    Raises:
        Dishonest: they are not, or there are too many segments.
    """
    table_bytes = 0
    for marker, body in _headers(data, segments):
        if marker in _ARITHMETIC:
            raise Dishonest("it is in arithmetic codes, which hardly a program writes")
        if marker in (_QUANTISATION, _HUFFMAN):
            table_bytes += len(body)
            if table_bytes > _MAX_TABLE_BYTES:
                raise Dishonest("it has more tables than a picture needs")
        yield marker, body


def _headers(data: bytes, segments: Allowance) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and the body of each segment up to the head of the first scan, as Pillow finds them.

    Raises:
        Dishonest: there are too many of them, or too many bytes between them.
    """
    stray = Allowance(len(data), _STRAY_SHARE, "stray bytes")
    offset = 2
    while True:
        found = _ANY_MARKER.search(data, offset, offset + stray.left + 3)
        stray.take((found.start() if found else len(data)) - offset)
        if not found:
            return
        segments.take()
        marker, offset = found[1][0], found.end()
        if marker not in _BARE:
            if offset + 2 > len(data):
                return
            (length,) = struct.unpack_from(">H", data, offset)
            yield marker, data[offset + 2 : offset + length]
            if marker == _START_OF_SCAN:
                return
            offset += max(2, length)


def is_drawn_in_passes(data: bytes) -> bool:
    """Tell whether a reader keeps the coefficients of the whole picture: its first scan does not hold all.

    Raises:
        Dishonest: there are too many segments.
    """
    components = 0
    for marker, body in _headers(data, _segments(data)):
        if marker in _FRAMES and len(body) > _COMPONENTS_AT:
            if marker in _PROGRESSIVE:
                return True
            components = body[_COMPONENTS_AT]
        elif marker == _START_OF_SCAN and body:
            return body[0] < components
    return False


def _check_passes(data: bytes, segments: Allowance) -> None:
    """Check that a picture has no more scans than encoders write.

    Raises:
        Dishonest: it has, or there are too many segments.
        struct.error: the file is cut off.
    """
    if data.count(b"\xff\xda") <= _MAX_PASSES:
        return  # Thumbnails and what trails the picture only make this count too high.
    found = 0
    for marker in _markers(data, segments):
        found += marker == _START_OF_SCAN
        if found > _MAX_PASSES:
            raise Dishonest(f"it is drawn in more than {_MAX_PASSES} passes")


def _markers(data: bytes, segments: Allowance) -> Iterator[int]:
    """Yield the markers up to the one that ends the picture.

    Raises:
        Dishonest: there are too many segments.
    """
    offset = 2
    while found := _MARKER.search(data, offset):
        marker = found[1][0]
        yield marker
        if marker == _END:
            return
        segments.take()
        (length,) = struct.unpack_from(">H", data, found.end())
        offset = found.end() + length
