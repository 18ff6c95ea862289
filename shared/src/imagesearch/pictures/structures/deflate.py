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


def check(streams: Iterable[Iterable[memoryview]], wanted: int) -> None:
    """Check that the streams of a picture unpack to at least half as many bytes, 64 KB after 64 KB.

    Args:
        streams: the parts of each.
        wanted: bytes of the pixels in one stream; no reader unpacks more of it.

    Raises:
        Dishonest: they do not.
    """
    taken = given = 0
    for parts in streams:
        unpacker = zlib.decompressobj()
        left = wanted
        for piece in _pieces(parts):
            rest: bytes | memoryview = piece
            try:
                while rest and not unpacker.eof and left > 0:
                    unpacked = len(unpacker.decompress(rest, min(_OUTPUT_BYTES, left)))
                    rest = unpacker.unconsumed_tail
                    given, left = given + unpacked, left - unpacked
            except zlib.error:
                break  # Damaged here; a reader gives up here too.
            taken += len(piece) - len(rest) - len(unpacker.unused_data)
            if taken >= _PIECE_BYTES:
                if 2 * given < taken:
                    raise Dishonest("its data are mostly empty")
                taken = given = 0
            if unpacker.eof or left <= 0:
                break


def _pieces(parts: Iterable[memoryview]) -> Iterable[memoryview]:
    for part in parts:
        for at in range(0, len(part), _PIECE_BYTES):
            yield part[at : at + _PIECE_BYTES]


def is_suspicious(packed: float, raw: int) -> bool:
    """Tell whether so many packed bytes are too many for that many bytes of pixels to be taken on trust."""
    return packed * SUSPICIOUS_DENOMINATOR > raw * SUSPICIOUS_NUMERATOR and packed > _PIECE_BYTES
