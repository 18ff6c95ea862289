"""Write honest files of given bytes and pixels, which others are measured against.

A file is a photo-like picture in the same coding. Where that leaves room, its upper rows get grain until it has
the bytes; what even grain does not fill goes into a note, which readers pass over. Where a photo does not fit, it
is of one colour; in run lengths, of which a photo has most, the lower rows are.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from imagesearch.pictures.structures.boxes import box
from support.drawing import encoded, photo_like
from support.hostile.claims import Claim
from support.hostile.layouts import blocks, chunk, packed_row, riff, riff_chunk, run_lengths, segment

_NOTE_BYTES = 60_000
_TIFF_WRITERS = {
    "1": "raw",
    "5": "tiff_lzw",
    "7": "jpeg",
    "8": "tiff_adobe_deflate",
    "32773": "packbits",
    "32946": "tiff_adobe_deflate",
    "34925": "lzma",
    "50000": "zstd",
}
_STEPS = 4
_ENOUGH = 0.95
"""Share of the bytes from which on a note is as good as more grain."""


@lru_cache(maxsize=64)
def honest(name: str, claim: Claim, size: int) -> bytes:
    """Return a picture of that format, those pixels and about that many bytes."""
    width, height = claim.size
    photo = photo_like(1, (min(width, 512), min(height, 512))).resize(claim.size)
    photo = photo.convert("L") if claim.is_grey else photo
    best = _written(name, Image.new(photo.mode, claim.size, 128), claim)
    if name == "BMP" and claim.packing:
        return _filled(name, made := _in_runs(photo.convert("P"), size), max(0, size - len(made)))
    low, high, target = (0.0, 0), (1.0, 0), (1 + _ENOUGH) / 2 * size
    for step in range(2 + _STEPS):
        # About as many bytes come with each row of grain.
        grain = float(step) if step < 2 else low[0] + (high[0] - low[0]) * (target - low[1]) / (high[1] - low[1])
        made = _written(name, _grainy(photo, grain), claim)
        fits = len(made) <= size
        if fits:
            low, best = (grain, len(made)), max(best, made, key=len)
        else:
            high = (grain, len(made))
        # Too large without grain, or with grain everywhere still too small: no share does better.
        if len(best) >= _ENOUGH * size or (step < 2 and fits == bool(step)):
            break
    return _filled(name, best, max(0, size - len(best)))


def _in_runs(photo: Image.Image, size: int) -> bytes:
    """Return the rows of a photo in run lengths as far as there is room, and the others of one colour."""
    width, height = photo.size
    flat = b"\xff\7" * -(-width // 255) + b"\0\0"
    room = size - len(run_lengths(0, b"\0", width=width, height=height)) - height * len(flat)
    body = bytearray()
    for row in np.asarray(photo):
        packed = packed_row(row.tobytes())
        room -= max(0, len(packed) - len(flat))
        body += packed if room >= 0 else flat
    return run_lengths(len(body), bytes(body), width=width, height=height)


def _grainy(photo: Image.Image, share: float) -> Image.Image:
    if not share:
        return photo
    pixels = np.asarray(photo).astype(np.int16)
    rows = int(share * len(pixels))
    pixels[:rows] += np.random.default_rng(1).normal(0, 40, pixels[:rows].shape).astype(np.int16)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _written(name: str, picture: Image.Image, claim: Claim) -> bytes:
    options: dict[str, Any] = {}
    match name:
        case "JPEG":
            options = {"progressive": claim.packing == "progressive"}
        case "HEIF" | "AVIF":
            options = {"quality": 90}
        case "WEBP":
            options = {"lossless": claim.packing == "lossless", "method": 0}
        case "TIFF":
            options = {"compression": _TIFF_WRITERS.get(claim.packing, "tiff_adobe_deflate")}
    return encoded(picture, name, **options)


def _filled(name: str, data: bytes, room: int) -> bytes:
    notes = [bytes(min(_NOTE_BYTES, room - at)) for at in range(0, room, _NOTE_BYTES)]
    match name:
        case "JPEG":
            return data[:2] + b"".join(segment(0xFE, note) for note in notes) + data[2:]
        case "PNG":
            return data[:33] + b"".join(chunk(b"prVt", note) for note in notes) + data[33:]
        case "GIF":
            offset = data.index(b",", 13 + (3 << (data[10] & 7) + 1))
            return data[:offset] + b"!\xfe" + blocks(b"a" * room) + data[offset:]
        case "HEIF" | "AVIF":
            return data + box(b"free", bytes(room))
        case "WEBP":
            return riff([data[12:], riff_chunk(b"XMP ", bytes(room))])
        case "TIFF":
            return data + bytes(room)
    (length,) = struct.unpack_from("<I", data, 2)
    return data[:2] + struct.pack("<I", length + room) + data[6:] + bytes(room)
