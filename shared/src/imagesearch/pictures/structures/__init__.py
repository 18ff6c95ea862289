"""Check the structure of a file before a decoder walks it: one pass, bounded by what the file can hold.

There is a module for each family of formats. None of them decodes pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

from imagesearch.pictures.structures import bmp, gif, heif, jpeg, png, tiff, webp
from imagesearch.pictures.structures.bounds import Dishonest, Unsupported

__all__ = ["Dishonest", "Unsupported", "check", "claimed_size", "ends_early", "note"]


class _Family(Protocol):
    def check(self, data: bytes) -> None: ...

    def ends_early(self, data: bytes) -> bool: ...


_FAMILIES: dict[str, _Family] = {
    "JPEG": jpeg,
    "PNG": png,
    "WEBP": webp,
    "GIF": gif,
    "BMP": bmp,
    "TIFF": tiff,
    "HEIF": heif,
    "AVIF": heif,
}

_SIZES: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "WEBP": webp.size,
    "GIF": gif.size,
    "HEIF": heif.size,
    "AVIF": heif.size,
}

_NOTES: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": jpeg.note,
    "PNG": png.note,
    "WEBP": webp.note,
    "TIFF": bytes,
    "HEIF": heif.note,
    "AVIF": heif.note,
}
"""The notes of a TIFF are the file itself."""


def check(name: str, data: bytes) -> None:
    """Check that decoding a file costs no more than its bytes and its pixels do.

    Damage is none of its business: a walk ends where the structure does, and so does the decoder's.

    Args:
        name: what `formats.sniff` returned.
        data: the whole file.

    Raises:
        Dishonest: its structure claims more than the file can hold.
        Unsupported: its picture is in a coding that is not decoded.
    """
    try:
        _FAMILIES[name].check(data)
    except struct.error:
        return  # Cut off; decoding it will tell.


def claimed_size(name: str, data: bytes) -> tuple[int, int] | None:
    """Return the width and height for which a decoder takes memory as soon as it opens the file.

    None where it asks first, or where the header is too short to say.
    """
    try:
        return _SIZES[name](data) if name in _SIZES else None
    except struct.error:
        return None


def note(name: str, data: bytes) -> bytes:
    """Return what a camera has noted in a picture: a small TIFF, empty where it is none of those that hold one.

    Args:
        name: what `formats.sniff` returned.
        data: the whole file.

    Raises:
        struct.error: the file is cut off.
        Dishonest: its structure claims more than it can hold.
    """
    return _NOTES[name](data) if name in _NOTES else b""


def ends_early(name: str, data: bytes, complaint: str) -> bool:
    """Tell whether a file that could not be decoded was cut off, by the structure of its format.

    Args:
        name: what `formats.sniff` returned.
        data: the whole file, which `check` has let pass.
        complaint: what Pillow said. JPEG and PNG have an end marker, which knows better than Pillow; the
            others have none, or one that is a common byte.
    """
    if name not in ("JPEG", "PNG") and "truncated" in complaint.lower():
        return True
    try:
        return _FAMILIES[name].ends_early(data)
    except struct.error:
        # A length or an offset that the structure needs lies beyond the last byte.
        return True
    except Dishonest:
        # The look for the end goes where `check` did not: behind the pixels of a JPEG.
        return False
