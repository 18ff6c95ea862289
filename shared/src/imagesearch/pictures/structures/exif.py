"""Walk the directory of tags in which cameras keep their notes."""

from __future__ import annotations

import struct

from imagesearch.pictures.structures.bounds import MAX_ENTRIES, Dishonest

NAME = b"Exif\0\0"
"""What stands before the notes in a JPEG, and often elsewhere."""

_READ = {0x0112, 0x011A, 0x0128}
"""Orientation and resolution: the values that Pillow unpacks."""
_MAX_VALUES = 64
_SIZES = {3: 2, 4: 4, 5: 8, 6: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
"""Bytes of the types that are unpacked one by one; text and bytes are taken as they are."""


def check(note: bytes) -> None:
    """Check the first directory, the only one that is read.

    Args:
        note: a small TIFF file, with or without the name that stands before it in a JPEG.

    Raises:
        Dishonest: it has too many entries, or too many values where one is meant.
    """
    for _ in range(2):
        note = note.removeprefix(NAME)
    try:
        _check(note)
    except struct.error:
        return  # Cut off; what is there was right.


def _check(note: bytes) -> None:
    order = "<" if note.startswith(b"II") else ">"
    (offset,) = struct.unpack_from(order + "I", note, 4)
    (number,) = struct.unpack_from(order + "H", note, offset)
    if min(number, (len(note) - offset) // 12) > MAX_ENTRIES:
        raise Dishonest("the directory of its notes has more entries than a camera writes")
    for entry in range(offset + 2, offset + 2 + 12 * number, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", note, entry)
        # What lies beyond the last byte is skipped by every reader.
        is_there = count * _SIZES.get(kind, 1) <= len(note)
        if tag in _READ and kind in _SIZES and count > _MAX_VALUES and is_there:
            raise Dishonest("its notes give one value many times")
