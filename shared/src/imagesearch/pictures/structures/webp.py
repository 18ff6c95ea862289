"""Walk the chunks of a WebP."""

from __future__ import annotations

import struct

from imagesearch.pictures.structures import exif
from imagesearch.pictures.structures.bounds import Allowance

_FIRST_CHUNK = 12
_CHUNK_SHARE = 256
"""Frames of an animation are seldom smaller."""


def check(data: bytes) -> None:
    """Check that there are not too many chunks, and the camera's notes.

    Raises:
        Dishonest: there are, or the notes claim too much.
    """
    chunks = Allowance(len(data), _CHUNK_SHARE, "chunks")
    offset = _FIRST_CHUNK
    while offset + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, offset)
        chunks.take()
        if name == b"EXIF":
            exif.check(data[offset + 8 : offset + 8 + length])
        offset += 8 + length + length % 2


def size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height of an animation's canvas, None where there is none."""
    name, low_width, high_width, low_height, high_height = struct.unpack_from("<4s8xHBHB", data, _FIRST_CHUNK)
    if name != b"VP8X":
        return None
    return (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1


def ends_early(data: bytes) -> bool:
    """Tell whether the file is shorter than it says itself."""
    (length,) = struct.unpack_from("<I", data, 4)
    return bool(length + 8 > len(data))
