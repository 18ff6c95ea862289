"""Walk the chunks of a PNG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

from imagesearch.pictures.structures.bounds import Allowance, Dishonest

_SIGNATURE_BYTES = 8
HEADER_BYTES = 33
"""The signature, and the chunk that gives the size and the kind of the pixels."""
_CHUNK_SHARE = 2_048
"""Writers cut the picture's data into chunks of 8 KB and more."""
_MAX_PACKED_NOTES = 1_000
"""Compressed notes and profiles; beginning to unpack one costs as much as passing over two chunks."""

_MAX_TEXT_BYTES = 4 * 1024 * 1024
"""What compressed notes and the colour profile may unpack to, all together."""
_PIECE_BYTES = 64 * 1024
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_PROFILE_NAME = b"Raw profile type exif\0"
_MAX_PROFILE_BYTES = 512 * 1024
"""Camera's notes written as text, which a reader splits into lines."""

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_POOR_SHARE, _SLACK_BYTES = 8, 1_024
"""Packed data may be longer than the pixels by an eighth: a writer that knows only the fixed codes of deflate
takes up to 9 bits for a byte of noise."""


def check(data: bytes) -> None:
    """Check the number of chunks, what notes unpack to, and that the picture's data fit its pixels.

    Raises:
        Dishonest: they are more than a picture has.
    """
    with suppress(struct.error):  # Cut off, which a reader sees only behind the picture.
        _check_chunks(data)
    raw = raw_bytes(data)
    if packed_bytes(data) > raw + raw // _POOR_SHARE + _SLACK_BYTES:
        raise Dishonest("its data are longer than its pixels")


def _check_chunks(data: bytes) -> None:
    chunks = Allowance(len(data), _CHUNK_SHARE, "chunks")
    room, packed_notes = _MAX_TEXT_BYTES, 0
    for name, offset, length in _chunks(data):
        chunks.take()
        if name in (b"zTXt", b"iTXt", b"iCCP"):
            packed_notes += 1
            if packed_notes > _MAX_PACKED_NOTES:
                raise Dishonest("it has more compressed notes than anyone writes")
            room -= _unpacked_bytes(name, data[offset : offset + length], room)
        is_profile = name in _TEXTS and data.startswith(_PROFILE_NAME, offset)
        if is_profile and length > _MAX_PROFILE_BYTES:
            raise Dishonest("its notes are longer than a camera's")


def is_intact(data: bytes) -> bool:
    """Tell whether the checksums of the picture's data are right.

    Pillow leaves them unread and fills the picture with whatever wrong bytes inflate to; libpng, and so every
    browser, refuses such a file.
    """
    seen = False
    try:
        for name, offset, length in _chunks(data):
            if name == b"IDAT":
                seen = True
                (checksum,) = struct.unpack_from(">I", data, offset + length)
                if zlib.crc32(memoryview(data)[offset - 4 : offset + length]) != checksum:
                    return False
            elif seen:
                break
    except struct.error:
        return False
    return seen


def note(data: bytes) -> bytes:
    """Return the camera's notes: a small TIFF, empty where there is none."""
    chunks = Allowance(len(data), _CHUNK_SHARE, "chunks")
    for name, offset, length in _chunks(data):
        chunks.take()
        if name == b"eXIf":
            return data[offset : offset + length]
    return b""


def ends_early(data: bytes) -> bool:
    """Tell whether the chunk that ends a PNG is missing."""
    if data[-8:-4] == b"IEND":
        return False
    return not any(name == b"IEND" and offset + 4 <= len(data) for name, offset, _ in _chunks(data))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name and where its data begins and how long it is; no reader looks behind the last."""
    offset, name = _SIGNATURE_BYTES, b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, offset)
        yield name, offset + 8, length
        offset += 12 + length


def _unpacked_bytes(name: bytes, body: bytes, room: int) -> int:
    """Return what a note unpacks to, 0 where it is not compressed.

    Raises:
        Dishonest: it is more than there is room for.
    """
    _, _, rest = body.partition(b"\0")
    if name == b"iTXt":
        if not rest.startswith(b"\x01"):
            return 0
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        rest = rest[1:]
    unpacker = zlib.decompressobj()
    unpacked = 0
    try:
        while rest and not unpacker.eof and unpacked <= room:
            unpacked += len(unpacker.decompress(rest, _PIECE_BYTES))
            rest = unpacker.unconsumed_tail
    except zlib.error:
        pass  # A reader gives up here too.
    if unpacked > room:
        raise Dishonest("its notes unpack to more than anyone writes")
    return unpacked


def raw_bytes(header: bytes) -> int:
    """Return what the picture's data unpack to.

    Raises:
        struct.error: the header is cut off.
    """
    width, height, depth, colour = struct.unpack_from(">IIBB", header, 16)
    row = 1 + (width * depth * _CHANNELS.get(colour, 4) + 7) // 8
    # Seven passes have up to seven times as many rows, and a half byte lost at the end of each.
    return int(row * height + (8 * (width + height) if header[28:29] == b"\x01" else 0))


def packed_bytes(data: bytes) -> int:
    """Return how many bytes of the picture's packed data a reader takes."""
    packed = 0
    with suppress(struct.error):
        for name, offset, length in _chunks(data):
            if name == b"IDAT":
                packed += min(length, len(data) - offset)
            elif packed:
                break
    return packed
