"""Write HEIF and AVIF files that are nothing but the most expensive part of their format."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from imagesearch.pictures.structures.boxes import box, full_box
from support.hostile.boxed import CODINGS, File, Item, drawn, grid, ispe, single

_UNIT_HEAD = 4
_FRAME, _HAS_SIZE = 6, 2


def _with_boxes(size: int) -> bytes:
    return replace(single("HEIF", drawn("HEIF")), outer=box(b"free") * (size // 8)).bytes()


def _with_items(size: int) -> bytes:
    made = single("HEIF", drawn("HEIF"))
    made.items += [Item(b"Exif", b"") for _ in range(min(60_000, size // 40))]
    return made.bytes()


def _with_properties(size: int) -> bytes:
    made = single("HEIF", drawn("HEIF"))
    made.properties += [full_box(b"pixi", b"\1\x08")] * (size // 14)
    return made.bytes()


def _with_pieces(size: int) -> bytes:
    """Return a file in which an item is made of very many pieces without bytes."""
    made = single("HEIF", drawn("HEIF")).bytes()
    count = min(60_000, size // 8)
    extra = struct.pack(">HHH", 2, 0, count) + bytes(8 * count)
    at = made.index(b"iloc") - 4
    length = struct.unpack_from(">I", made, at)[0]
    located = box(b"iloc", made[at + 8 : at + 14], struct.pack(">H", 2), made[at + 16 : at + length], extra)
    meta = made.index(b"meta") - 4
    return made[:meta] + box(b"meta", made[meta + 8 : at], located, made[at + length :])


def _with_references(size: int) -> bytes:
    made = single("HEIF", drawn("HEIF"))
    made.references = {(b"cdsc", number): [1] for number in range(min(60_000, size // 14))}
    return made.bytes()


def _with_empty_units(size: int) -> bytes:
    what = drawn("HEIF")
    return single("HEIF", what, data=bytes(4) * (size // 4) + what.data).bytes()


def _with_little_pictures(size: int) -> bytes:
    """Return a file in which a picture is followed by itself, which no reader shows."""
    what = drawn("HEIF", (160, 120), "teal")
    return single("HEIF", what, data=what.data * (size // len(what.data))).bytes()


def _with_slices(size: int) -> bytes:
    """Return a file whose first slice is followed by itself as if it were a further one of the same picture."""
    what = drawn("HEIF", (2_000, 2_000), "teal")
    again = bytearray(what.data)
    again[_UNIT_HEAD + 2] &= 127
    return single("HEIF", what, data=what.data + bytes(again) * (size // len(again))).bytes()


def _with_parameters(size: int) -> bytes:
    what = drawn("HEIF")
    head, arrays = what.configuration[:22], what.configuration[23:]
    unit = b"\x44\x01" + bytes(60)
    many = b"\x22" + struct.pack(">H", min(65_535, size // 64)) + (struct.pack(">H", 62) + unit) * (size // 64)
    count = struct.pack("B", what.configuration[22] + 1)
    return single("HEIF", what, configuration=head + count + arrays + many).bytes()


def _of_frames(size: int) -> bytes:
    """Return an AVIF whose frame is drawn again and again before it is shown."""
    what = drawn("AVIF", (2_000, 2_000), "teal")
    at = what.data.index(bytes((_FRAME << 3 | _HAS_SIZE,)))
    return single("AVIF", what, data=what.data[:at] + what.data[at:] * (size // len(what.data))).bytes()


def _of_empty_units(size: int) -> bytes:
    what = drawn("AVIF")
    return single("AVIF", what, data=b"\x12\0" * (size // 2) + what.data).bytes()


def _tiles(name: str) -> Callable[[int], bytes]:
    def made(_: int) -> bytes:
        return grid(name, drawn(name, (64, 64)), 30, 30, (1_920, 1_920)).bytes()

    return made


def _large_tiles(name: str) -> Callable[[int], bytes]:
    """Return what writes a picture of 3 x 3 tiles, each of which is far larger than what is shown of it."""

    def made(_: int) -> bytes:
        return grid(name, drawn(name, (2_000, 2_000), "teal"), 1, 2, (2_001, 4)).bytes()

    return made


def _larger_than_it_says(name: str) -> Callable[[int], bytes]:
    def made(_: int) -> bytes:
        return single(name, replace(drawn(name, (2_000, 2_000), "teal"), size=(16, 16))).bytes()

    return made


def _heavy_tiles(size: int) -> bytes:
    """Return a picture whose tiles are all the same bytes, and many of them."""
    what = drawn("HEIF", (128, 128))
    padding = b"".join(struct.pack(">I", 1_000) + b"\x4e\x01" + bytes(998) for _ in range(size // 2_000))
    return grid("HEIF", replace(what, data=padding + what.data), 3, 3, (380, 380)).bytes()


def _with_notes(size: int) -> bytes:
    """Return a file with many further pictures, all of which are described by one long note."""
    made = single("HEIF", drawn("HEIF"))
    note = bytes(size // 2)
    kind = CODINGS["HEIF"][0]
    made.items += [Item(b"Exif", note), *(Item(kind, made.items[0].data, [1, 2]) for _ in range(100))]
    made.references = {(b"cdsc", 2): [1, *range(3, 103)]}
    return made.bytes()


def only_a_sequence(name: str) -> bytes:
    """Return a file that says of no item that it is the picture."""
    return File(name, [Item(b"Exif", b"")], [ispe(2, 2)], primary=None).bytes()


STILL_BOMBS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "heif of boxes": ("HEIF", _with_boxes),
    "heif of items": ("HEIF", _with_items),
    "heif of properties": ("HEIF", _with_properties),
    "heif of pieces": ("HEIF", _with_pieces),
    "heif of references": ("HEIF", _with_references),
    "heif of empty units": ("HEIF", _with_empty_units),
    "heif of pictures behind the first": ("HEIF", _with_little_pictures),
    "heif of slices": ("HEIF", _with_slices),
    "heif of parameters": ("HEIF", _with_parameters),
    "heif of one note for all": ("HEIF", _with_notes),
    "heif of tiles": ("HEIF", _tiles("HEIF")),
    "heif of large tiles": ("HEIF", _large_tiles("HEIF")),
    "heif of heavy tiles": ("HEIF", _heavy_tiles),
    "heif larger than it says": ("HEIF", _larger_than_it_says("HEIF")),
    "avif of frames": ("AVIF", _of_frames),
    "avif of empty units": ("AVIF", _of_empty_units),
    "avif of tiles": ("AVIF", _tiles("AVIF")),
    "avif of large tiles": ("AVIF", _large_tiles("AVIF")),
    "avif larger than it says": ("AVIF", _larger_than_it_says("AVIF")),
}
