"""The pictures of callers: a file, bytes, or an array of pixels."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Protocol

BINARY = "application/octet-stream"
"""The API looks at the bytes, whatever they are called."""
_CHANNELS = {1: 0, 2: 4, 3: 2, 4: 6}
"""Colour types of PNG (11.2.1 of its specification): grey, grey with alpha, RGB, RGB with alpha."""
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FAST = 1
"""Of zlib's levels: pixels go over the wire once."""


class Pixels(Protocol):
    """Hold rows of pixels as numpy's arrays do: uint8, of shape (height, width) or (height, width, 1 to 4)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return height, width and channels."""

    @property
    def dtype(self) -> Any:
        """Return the type of a number."""

    def tobytes(self) -> bytes:
        """Return the numbers, row by row."""


Picture = str | os.PathLike[str] | bytes | BinaryIO | Pixels
"""The path of a file, its bytes, an open file, or its pixels."""

Part = tuple[str, bytes, str]
"""A file of a form: its name, its bytes, its type."""


def read_picture(picture: Picture) -> Part:
    """Return a picture as a form holds it; read at once, so that a repeated request sends all of it again.

    Raises:
        OSError: its file cannot be read.
        TypeError, ValueError: it is no picture.
    """
    match picture:
        case bytes():
            return "image", picture, BINARY
        case str() | os.PathLike():
            path = Path(picture)
            return path.name, path.read_bytes(), BINARY
    if hasattr(picture, "read"):
        return "image", picture.read(), BINARY
    if hasattr(picture, "shape") and hasattr(picture, "tobytes"):
        return "image.png", png_of_pixels(picture), BINARY
    raise TypeError(f"a picture is a path, bytes, an open file or an array of pixels, not a {_type(picture)}")


def png_of_pixels(pixels: Pixels) -> bytes:
    """Return pixels as a PNG, which loses nothing.

    Raises:
        ValueError: they are not uint8, or of another shape than a picture's.
    """
    shape = tuple(pixels.shape)
    height, width, channels = (*shape, 1)[:3] if len(shape) in (2, 3) else (0, 0, 0)
    if channels not in _CHANNELS or not height or not width:
        raise ValueError(
            f"pixels are of shape (height, width) or (height, width, 1 to 4), not {shape};"
            " a vector is searched by as Query(vector=...)"
        )
    if str(pixels.dtype) != "uint8":
        raise ValueError(f"pixels are uint8, 0 to 255, not {pixels.dtype}")
    content, stride = pixels.tobytes(), width * channels
    # Each row is preceded by the number of its filter: 0, none.
    rows = b"".join(b"\0" + content[begin : begin + stride] for begin in range(0, len(content), stride))
    header = struct.pack(">IIBBBBB", width, height, 8, _CHANNELS[channels], 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, _FAST)), (b"IEND", b"")]
    return _PNG_SIGNATURE + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def _type(value: object) -> str:
    return type(value).__name__
