"""Make pictures worse by their structure: what an attacker tries, in random combinations."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import Literal

from hypothesis import strategies as st
from PIL import Image

from support.drawing import encoded, photo_like
from support.hostile.bombs import SIZE
from support.hostile.layouts import joined, parts, run_lengths, with_data_first

Kind = Literal["repeat", "saturate", "drop", "copy", "inflate", "point", "splice", "cut", "damage"]
KINDS: tuple[Kind, ...] = ("repeat", "saturate", "drop", "copy", "inflate", "point", "splice", "cut", "damage")
_EXTREMES = (0, 1, 2, 3, 12, 255, 256, 4_095, 65_535, 65_536, 2**20, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


LITTLE = (64, 48)
"""Width and height in formats whose writers are slow, as those of video codecs."""


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one thing that is done to a file.

    Attributes:
        kind: what; the numbers say where, and how much, modulo what there is.
    """

    kind: Kind
    piece: int
    offset: int
    amount: int


@cache
def seeds() -> tuple[tuple[str, bytes], ...]:
    """Return honest pictures of each format and of its kinds, with Pillow's name of the format."""
    photo, palette = photo_like(1, SIZE), photo_like(1, SIZE).convert("P")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a note"
    frames = [photo_like(2, SIZE)]
    grey = photo.convert("L")
    little = photo_like(1, LITTLE)
    clear = little.convert("RGBA")
    clear.putalpha(little.convert("L"))
    made = [
        ("JPEG", encoded(photo, exif=exif, comment=b"a comment")),
        ("JPEG", encoded(photo, progressive=True)),
        ("JPEG", encoded(photo, "MPO", save_all=True, append_images=frames)),
        ("PNG", encoded(photo, "PNG", exif=exif)),
        ("PNG", encoded(palette, "PNG", save_all=True, append_images=[palette.rotate(90)])),
        ("WEBP", encoded(photo, "WEBP", exif=exif)),
        ("WEBP", encoded(photo, "WEBP", lossless=True)),
        ("WEBP", encoded(photo, "WEBP", save_all=True, append_images=frames)),
        ("GIF", encoded(palette, "GIF", comment=b"a comment")),
        ("GIF", encoded(photo, "GIF", save_all=True, append_images=frames, loop=0)),
        ("BMP", encoded(photo, "BMP")),
        ("BMP", encoded(palette, "BMP")),
        ("BMP", run_lengths(400, b"\7\1\0\4abcd")),
        ("BMP", run_lengths(400, b"\7\1\0\4ab", depth=4)),
        ("TIFF", encoded(grey, "TIFF", tiffinfo={278: 8})),
        ("TIFF", encoded(photo, "TIFF", exif=exif)),
        *(
            ("TIFF", encoded(photo, "TIFF", compression=name))
            for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")
        ),
        ("TIFF", encoded(photo, "TIFF", big_tiff=True)),
        (
            "HEIF",
            with_data_first(encoded(little, "HEIF", exif=exif.tobytes(), save_all=True, append_images=[little])),
        ),
        ("HEIF", with_data_first(encoded(photo_like(1, (96, 96)), "HEIF", tile_size=64))),
        ("HEIF", with_data_first(encoded(clear, "HEIF"))),
        ("AVIF", with_data_first(encoded(clear, "AVIF", exif=exif))),
        ("AVIF", encoded(little, "AVIF", save_all=True, append_images=[little])),
    ]
    return tuple(made)


def changes(most: int = 5) -> st.SearchStrategy[list[Change]]:
    """Return what draws the changes to one file."""
    number = st.integers(0, 2**16)
    return st.lists(st.builds(Change, st.sampled_from(KINDS), number, number, number), min_size=1, max_size=most)


def changed(name: str, data: bytes, todo: list[Change], most: int) -> bytes:
    """Return a picture with all changes made, of about `most` bytes at most."""
    pieces = parts(name, data)
    for change in todo:
        _apply(change, pieces, most)
        if not pieces:
            return b""
    made = joined(name, pieces)
    for change in todo:
        made = _to_bytes(change, made)
    return made[: most + 65_536]


def _apply(change: Change, pieces: list[bytes], most: int) -> None:
    at, to = change.piece % len(pieces), change.offset % len(pieces)
    piece = pieces[at]
    room = (most - sum(map(len, pieces))) // max(1, len(piece))
    match change.kind:
        case "repeat":
            pieces[at:at] = [piece] * max(0, min(change.amount, room))
        case "saturate":
            pieces[at:at] = [piece] * max(0, room)
        case "drop":
            del pieces[at]
        case "copy":
            pieces.insert(to, piece)
        case "inflate":
            value = _EXTREMES[change.amount % len(_EXTREMES)]
            layout = "<>"[change.amount % 2] + "HI"[change.offset // 2 % 2]
            width = struct.calcsize(layout)
            where = change.offset % max(1, len(piece) - width + 1)
            packed = struct.pack(layout, value % 2 ** (8 * width))
            pieces[at] = piece[:where] + packed + piece[where + width :]
        case "point":
            # In most formats an offset or a length stands at the end of an entry or of a header.
            pieces[at] = piece[:-4] + pieces[to][-4:]
        case "splice":
            name, data = seeds()[change.amount % len(seeds())]
            strangers = parts(name, data)
            pieces.insert(at, strangers[change.offset % len(strangers)])
        case "cut" | "damage":
            pass  # These are done to the bytes as they are written.


def _to_bytes(change: Change, data: bytes) -> bytes:
    if change.kind == "cut":
        return data[: len(data) - change.amount % max(1, len(data))]
    if change.kind == "damage" and data:
        # Half of the damage goes to the headers, where it hurts.
        offset = change.offset % (min(200, len(data)) if change.piece % 2 else len(data))
        return data[:offset] + bytes((change.amount % 256,)) + data[offset + 1 :]
    return data
