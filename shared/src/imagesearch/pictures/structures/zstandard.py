"""Walk the blocks of a Zstandard frame (RFC 8878), as TIFFs hold them."""

from __future__ import annotations

import struct
from contextlib import suppress

from imagesearch.pictures.structures.bounds import Allowance

_MAGIC = 0xFD2FB528
_DICTIONARY_BYTES, _SIZE_BYTES = (0, 1, 2, 4), (0, 2, 4, 8)
_RUN = 1


def check(stream: memoryview, blocks: Allowance) -> None:
    """Check that there are not too many blocks, each of which can describe its codes anew.

    Args:
        stream: of one strip or tile; a reader takes its first frame.
        blocks: counts those of all strips.

    Raises:
        Dishonest: there are.
    """
    with suppress(struct.error):  # Cut off; decoding it will tell.
        _check(stream, blocks)


def _check(stream: memoryview, blocks: Allowance) -> None:
    magic, flags = struct.unpack_from("<IB", stream)
    if magic != _MAGIC:
        return
    is_whole = bool(flags & 32)
    offset = 5 + _DICTIONARY_BYTES[flags & 3] + (_SIZE_BYTES[flags >> 6] or is_whole) + (not is_whole)
    is_last = False
    while not is_last:
        blocks.take()
        low, high = struct.unpack_from("<HB", stream, offset)
        head = low | high << 16
        is_last = bool(head & 1)
        offset += 3 + (1 if head >> 1 & 3 == _RUN else head >> 3)
