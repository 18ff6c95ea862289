"""Walk the chunks of LZMA2 in an xz stream, as TIFFs hold them."""

from __future__ import annotations

import struct
from contextlib import suppress

from imagesearch.pictures.structures.bounds import Allowance

_HEADER = 12
_CHECK_BYTES = (0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64)
_PACKED, _WITH_PROPERTIES = 0x80, 0xC0


def check(stream: memoryview, blocks: Allowance) -> None:
    """Check that there are not too many chunks, each of which can forget all that was learned.

    Args:
        stream: of one strip or tile.
        blocks: counts those of all strips.

    Raises:
        Dishonest: there are.
    """
    with suppress(struct.error):  # Cut off; decoding it will tell.
        _check(stream, blocks)


def _check(stream: memoryview, blocks: Allowance) -> None:
    (kind,) = struct.unpack_from("B", stream, 7)
    offset = _HEADER
    while True:
        (size,) = struct.unpack_from("B", stream, offset)
        if size == 0:
            return  # The index, behind the last block.
        blocks.take()
        end = _behind_chunks(stream, offset + 4 * (size + 1), blocks)
        offset = end + (-end) % 4 + _CHECK_BYTES[kind & 15]


def _behind_chunks(stream: memoryview, offset: int, blocks: Allowance) -> int:
    while True:
        (control,) = struct.unpack_from("B", stream, offset)
        if control == 0:
            return offset + 1
        blocks.take()
        if control >= _PACKED:
            (length,) = struct.unpack_from(">H", stream, offset + 3)
            offset += 6 + length + (control >= _WITH_PROPERTIES)
        else:
            (length,) = struct.unpack_from(">H", stream, offset + 1)
            offset += 4 + length
