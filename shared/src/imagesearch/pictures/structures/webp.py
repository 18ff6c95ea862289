"""Walk the chunks of a WebP."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imagesearch.pictures.structures import exif, vp8l
from imagesearch.pictures.structures.bounds import Allowance

_FIRST_CHUNK, _CHUNK_HEAD = 12, 8
_FRAME_SIZE, _FRAME_HEAD = 6, 16
_COMPRESSION, _LOSSLESS = 3, 1
_CODED = (b"ALPH", b"VP8 ", b"VP8L")
_CHUNK_SHARE = 256
"""Frames of an animation are seldom smaller."""


def check(data: bytes) -> None:
    """Check that there are not too many chunks, and the codes of what is lossless.

    Raises:
        Dishonest: there are, or the codes claim too much.
    """
    chunks = Allowance(len(data), _CHUNK_SHARE, "chunks")
    across, down = size(data) or vp8l.size(data[_FIRST_CHUNK + _CHUNK_HEAD :])
    symbols = vp8l.symbols(across * down)
    is_first = True
    unread = {*_CODED}
    for name, body in _chunks(data, chunks):
        if name == b"ANMF" and is_first:
            is_first = False
            width, high_width, height, high_height = struct.unpack_from("<HBHB", body, _FRAME_SIZE)
            frame = (high_width << 16 | width) + 1, (high_height << 16 | height) + 1
            unread_of_frame = {*_CODED}
            for inner, part in _chunks(body, chunks, _FRAME_HEAD):
                if _is_read(inner, unread_of_frame):
                    _check_codes(inner, part, frame, symbols)
        elif _is_read(name, unread):
            _check_codes(name, body, (across, down), symbols)


def _is_read(name: bytes, unread: set[bytes]) -> bool:
    """Tell whether a decoder reads a chunk: the first transparency, and the first picture, with which it ends."""
    if name not in unread:
        return False
    if name == b"ALPH":
        unread.discard(name)
    else:
        unread.clear()
    return True


def _check_codes(name: bytes, body: bytes, frame: tuple[int, int], symbols: Allowance) -> None:
    if name == b"VP8L":
        vp8l.check(body, *vp8l.size(body), symbols, has_header=True)
    elif name == b"ALPH" and body and body[0] & _COMPRESSION == _LOSSLESS:
        vp8l.check(body[1:], *frame, symbols, has_header=False)


def _chunks(data: bytes, allowed: Allowance, offset: int = _FIRST_CHUNK) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the body of each chunk."""
    while offset + _CHUNK_HEAD <= len(data):
        name, length = struct.unpack_from("<4sI", data, offset)
        allowed.take()
        offset += _CHUNK_HEAD
        yield name, data[offset : offset + length]
        offset += length + length % 2


def note(data: bytes) -> bytes:
    """Return the camera's notes: a small TIFF, empty where there is none."""
    chunks = _chunks(data, Allowance(len(data), _CHUNK_SHARE, "chunks"))
    return next((body for name, body in chunks if name == b"EXIF"), b"").removeprefix(exif.NAME)


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
