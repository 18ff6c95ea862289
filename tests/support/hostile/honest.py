"""Write honest files of given bytes and pixels, which others are measured against."""

from __future__ import annotations

import struct
from functools import lru_cache

from PIL import Image

from support.drawing import encoded, photo_like
from support.hostile.layouts import blocks, chunk, riff, riff_chunk, segment

_NOTE_BYTES = 60_000


@lru_cache(maxsize=64)
def honest(name: str, width: int, height: int, size: int) -> bytes:
    """Return a picture of that format and those pixels, filled up with notes to about that many bytes.

    It is a photo where one fits, and one colour where only that does.
    """
    photo = photo_like(1, (min(width, 512), min(height, 512))).resize((width, height))
    data = encoded(photo, name)
    if len(data) > size:
        data = encoded(Image.new("RGB", (width, height), "teal"), name)
    return _filled(name, data, max(0, size - len(data)))


def _filled(name: str, data: bytes, room: int) -> bytes:
    notes = [bytes(min(_NOTE_BYTES, room - at)) for at in range(0, room, _NOTE_BYTES)]
    match name:
        case "JPEG":
            return data[:2] + b"".join(segment(0xFE, note) for note in notes) + data[2:]
        case "PNG":
            return data[:33] + b"".join(chunk(b"prVt", note) for note in notes) + data[33:]
        case "GIF":
            offset = data.index(b",", 13 + (3 << (data[10] & 7) + 1))
            return data[:offset] + b"!\xfe" + blocks(b"a" * room) + data[offset:]
        case "WEBP":
            return riff([data[12:], riff_chunk(b"XMP ", bytes(room))])
        case "TIFF":
            return data + bytes(room)
    (length,) = struct.unpack_from("<I", data, 2)
    return data[:2] + struct.pack("<I", length + room) + data[6:] + bytes(room)
