"""Tell formats apart by their first bytes.

Names and extensions are never asked: `photo.png` may well hold a JPEG.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Format:
    """Describe a format that is decoded.

    Attributes:
        word: what people call it.
        ending: of the name of a file that holds it.
        media_type: what HTTP calls it.
    """

    word: str
    ending: str
    media_type: str


INDEXED: Final[Mapping[str, Format]] = {
    "JPEG": Format("JPEG", ".jpg", "image/jpeg"),
    "PNG": Format("PNG", ".png", "image/png"),
    "WEBP": Format("WebP", ".webp", "image/webp"),
    "GIF": Format("GIF", ".gif", "image/gif"),
    "BMP": Format("BMP", ".bmp", "image/bmp"),
    "TIFF": Format("TIFF", ".tif", "image/tiff"),
    "HEIF": Format("HEIC", ".heic", "image/heic"),
    "AVIF": Format("AVIF", ".avif", "image/avif"),
}
"""Formats that are decoded, by Pillow's names."""

_INDEXED_SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("JPEG", 0, b"\xff\xd8"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("WEBP", 8, b"WEBP"),
    ("GIF", 0, b"GIF87a"),
    ("GIF", 0, b"GIF89a"),
    ("BMP", 0, b"BM"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("TIFF", 0, b"II+\0"),
    ("TIFF", 0, b"MM\0+"),
    # Scanners that swapped the magic number but not the rest; Pillow reads them too.
    ("TIFF", 0, b"II\0*"),
    ("TIFF", 0, b"MM*\0"),
)

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
)
"""What HEIC files call themselves, and the names of pictures in any coding: which it is, the items tell."""
_MAX_BRANDS_BYTES = 256

_FOREIGN_SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("a raw picture of a Canon camera", 4, b"ftypcrx"),
    ("a video", 4, b"ftyp"),
    ("a JPEG 2000 picture", 0, b"\0\0\0\x0cjP  "),
    ("a JPEG 2000 picture", 0, b"\xff\x4f\xff\x51"),
    ("a JPEG XL picture", 0, b"\xff\x0a"),
    ("a JPEG XL picture", 0, b"\0\0\0\x0cJXL "),
    ("a Photoshop document", 0, b"8BPS"),
    ("a PDF document", 0, b"%PDF"),
    ("a PostScript document", 0, b"%!PS"),
    ("a DDS texture", 0, b"DDS "),
    ("an icon", 0, b"\0\0\1\0"),
    ("an SVG drawing", 0, b"<svg"),
    ("an XML document", 0, b"<?xml"),
    ("a GIMP document", 0, b"gimp xcf"),
    ("a raw picture of a Fujifilm camera", 0, b"FUJIFILMCCD-RAW"),
    ("a raw picture of an Olympus camera", 0, b"IIRO"),
    ("a raw picture of an Olympus camera", 0, b"IIRS"),
    ("a raw picture of an Olympus camera", 0, b"MMOR"),
    ("a raw picture of a Panasonic camera", 0, b"IIU\0"),
    ("a raw picture of a Sigma camera", 0, b"FOVb"),
    ("an archive", 0, b"PK\3\4"),
    ("an archive", 0, b"\x1f\x8b"),
    ("a video", 0, b"\x1aE\xdf\xa3"),
    ("a video", 8, b"AVI "),
)


def sniff(data: bytes) -> str | None:
    """Return Pillow's name of the indexed format that the bytes begin as, or None."""
    if data.startswith(b"ftyp", 4):
        return _sniff_brands(data)
    name = _match(_INDEXED_SIGNATURES, data)
    return None if name == "WEBP" and not data.startswith(b"RIFF") else name


def describe_foreign(data: bytes) -> str:
    """Say in a few words what bytes are that `sniff` does not know."""
    return _match(_FOREIGN_SIGNATURES, data) or "not a picture, or one of an unknown format"


def _sniff_brands(data: bytes) -> str | None:
    """Tell by its names whether a file of boxes holds a picture: by the first, and those that it goes by too."""
    end = min(int.from_bytes(data[:4], "big"), _MAX_BRANDS_BYTES)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
    if data.startswith(b"crx ", 8):
        return None
    return "AVIF" if brands & _AVIF_BRANDS else "HEIF" if brands & _HEIF_BRANDS else None


def _match(signatures: tuple[tuple[str, int, bytes], ...], data: bytes) -> str | None:
    for name, offset, magic in signatures:
        if data.startswith(magic, offset):
            return name
    return None
