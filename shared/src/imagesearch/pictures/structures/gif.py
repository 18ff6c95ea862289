"""Walk the blocks of a GIF up to its first frame, which is all that is decoded."""

from __future__ import annotations

import struct

from imagesearch.pictures.structures.bounds import Allowance

_HEADER = 13
_EXTENSION, _FRAME, _END = b"!", b",", b";"
_BLOCK_SHARE = 256
"""A block of an extension has up to 255 bytes, and whoever writes many of them fills them."""


def check(data: bytes) -> None:
    """Check that there are not too many blocks, nor too many stray bytes between them.

    Raises:
        Dishonest: there are.
    """
    _first_frame(data)


def size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height of the screen, grown to hold the first frame."""
    width, height = struct.unpack_from("<HH", data, 6)
    offset = _first_frame(data)
    if offset is None:
        return None
    left, top, across, down = struct.unpack_from("<HHHH", data, offset)
    return max(width, left + across), max(height, top + down)


def ends_early(data: bytes) -> bool:
    """Tell whether the last byte is not the one that ends a GIF."""
    return not data.rstrip(b"\0").endswith(_END)


def _first_frame(data: bytes) -> int | None:
    """Return where the description of the first frame begins, None where there is none."""
    blocks = Allowance(len(data), _BLOCK_SHARE, "blocks")
    offset = _HEADER + _palette_bytes(data, 10)
    while offset < len(data):
        sign = data[offset : offset + 1]
        offset += 1
        if sign == _FRAME:
            return offset
        if sign == _END:
            return None
        blocks.take()
        if sign != _EXTENSION:
            continue
        offset += 1  # Which extension it is.
        while offset < len(data) and data[offset]:
            offset += 1 + data[offset]
            blocks.take()
        offset += 1
    return None


def _palette_bytes(data: bytes, flags_at: int) -> int:
    (flags,) = struct.unpack_from("B", data, flags_at)
    return 3 << (flags & 7) + 1 if flags & 128 else 0
