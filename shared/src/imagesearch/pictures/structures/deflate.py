"""Check that packed bytes hold pixels and not empty blocks, each of which describes its codes anew."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from imagesearch.pictures.structures.bounds import Dishonest

SUSPICIOUS_NUMERATOR, SUSPICIOUS_DENOMINATOR = 7, 10
"""Share of the pixels' size above which packed bytes are looked at. Empty blocks take 80 ns a byte and pixels
that are hard to pack 8 to 12, so fewer of them cannot cost ten times what the picture does; and most pictures
are spared a second unpacking."""

_PIECE_BYTES = 64 * 1024
_OUTPUT_BYTES = 1024 * 1024


def check(parts: Iterable[memoryview], wanted: int) -> None:
    """Check that each piece of a stream unpacks to at least half as many bytes.

    Args:
        parts: of one stream.
        wanted: bytes of the pixels; no reader unpacks more.

    Raises:
        Dishonest: one does not.
    """
    unpacker = zlib.decompressobj()
    taken = given = total = 0
    try:
        for part in parts:
            for at in range(0, len(part), _PIECE_BYTES):
                rest: bytes | memoryview = part[at : at + _PIECE_BYTES]
                taken += len(rest)
                while rest and not unpacker.eof and total < wanted:
                    unpacked = len(unpacker.decompress(rest, _OUTPUT_BYTES))
                    rest = unpacker.unconsumed_tail
                    given, total = given + unpacked, total + unpacked
                if unpacker.eof or total >= wanted:
                    return
                if taken >= _PIECE_BYTES:
                    if 2 * given < taken:
                        raise Dishonest("its data are mostly empty")
                    taken = given = 0
    except zlib.error:
        return  # Damaged here; a reader gives up here too.


def is_suspicious(packed: float, raw: int) -> bool:
    """Tell whether so many packed bytes are too many for that many bytes of pixels to be taken on trust."""
    return packed * SUSPICIOUS_DENOMINATOR > raw * SUSPICIOUS_NUMERATOR and packed > _PIECE_BYTES
