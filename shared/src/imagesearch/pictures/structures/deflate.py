"""Check that packed bytes hold pixels and not blocks without end, each of which describes its codes anew."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from imagesearch.pictures.structures.effort import Effort

_SUSPICIOUS_NUMERATOR, _SUSPICIOUS_DENOMINATOR = 3, 20
"""Share of the pixels' size above which packed bytes are looked at. Hostile ones take 75 ns each, so fewer cost no
more than five times what the pixels do; and what packs well is spared a second unpacking."""

_PIECE_BYTES = 16 * 1024
_OUTPUT_BYTES = 256 * 1024


def check(streams: Iterable[memoryview], wanted: int, raw: int) -> None:
    """Check that the streams of a picture unpack with no more CPU than honest ones take.

    Args:
        streams: of each strip or tile.
        wanted: bytes of the pixels in one stream; no reader unpacks more of it.
        raw: bytes of the pixels in all streams.

    Raises:
        Dishonest: they do not.
    """
    effort = Effort("inflate", raw)
    for stream in streams:
        unpacker = zlib.decompressobj()
        left = wanted
        for at in range(0, len(stream), _PIECE_BYTES):
            rest: bytes | memoryview = stream[at : at + _PIECE_BYTES]
            try:
                while rest and not unpacker.eof and left > 0:
                    left -= len(unpacker.decompress(rest, min(_OUTPUT_BYTES, left)))
                    rest = unpacker.unconsumed_tail
                    effort.check()
            except zlib.error:
                break  # Damaged here; a reader gives up here too.
            if unpacker.eof or left <= 0:
                break


def is_suspicious(packed: float, raw: int) -> bool:
    """Tell whether so many packed bytes are too many for that many bytes of pixels to be taken on trust."""
    return packed * _SUSPICIOUS_DENOMINATOR > raw * _SUSPICIOUS_NUMERATOR and packed > _PIECE_BYTES
