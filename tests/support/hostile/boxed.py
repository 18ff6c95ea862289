"""Write HEIF and AVIF files whose items, properties and units are whatever an attacker likes."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from PIL import Image

from imagesearch.pictures.structures import items
from imagesearch.pictures.structures.boxes import box, full_box
from support.drawing import encoded, photo_like

CODINGS = {"HEIF": (b"hvc1", b"hvcC"), "AVIF": (b"av01", b"av1C")}


@dataclass(frozen=True, slots=True)
class Item:
    """Hold an item of a file.

    Attributes:
        kind: in four letters.
        data: of the item; those of items with the same bytes are written once.
        properties: by their numbers, which begin at 1.
    """

    kind: bytes
    data: bytes
    properties: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """Hold what draws a picture: parameters and units."""

    configuration: bytes
    data: bytes
    size: tuple[int, int]

    @property
    def ispe(self) -> bytes:
        return ispe(*self.size)


@dataclass(slots=True)
class File:
    """Hold a file that is to be written; the first item is the picture."""

    name: str
    items: list[Item]
    properties: list[bytes]
    references: Mapping[tuple[bytes, int], Sequence[int]] = field(default_factory=dict)
    inner: bytes = b""
    outer: bytes = b""
    primary: int | None = 1

    def bytes(self) -> bytes:
        """Return the file: its data before what says where they lie."""
        brand = b"avif" if self.name == "AVIF" else b"heic"
        head = box(b"ftyp", brand, bytes(4), b"mif1", brand)
        data, places = bytearray(), {}
        for item in self.items:
            if item.data not in places:
                places[item.data] = len(head) + 8 + len(data)
                data += item.data
        numbered = list(enumerate(self.items, 1))
        iloc = [struct.pack(">HHHII", at, 0, 1, places[item.data], len(item.data)) for at, item in numbered]
        infe = [box(b"infe", b"\2\0\0\0", struct.pack(">HH4sx", at, 0, item.kind)) for at, item in numbered]
        ipma = [struct.pack(">HB", at, len(item.properties)) + bytes(item.properties) for at, item in numbered]
        iref = [
            box(name, struct.pack(f">HH{len(to)}H", item, len(to), *to))
            for (name, item), to in self.references.items()
        ]
        count = len(numbered)
        meta = full_box(
            b"meta",
            full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            b"" if self.primary is None else full_box(b"pitm", struct.pack(">H", self.primary)),
            full_box(b"iloc", struct.pack(">BBH", 0x44, 0, count), *iloc),
            full_box(b"iinf", struct.pack(">H", count), *infe),
            box(b"iprp", box(b"ipco", *self.properties), full_box(b"ipma", struct.pack(">I", count), *ipma)),
            full_box(b"iref", *iref) if iref else b"",
            self.inner,
        )
        return head + box(b"mdat", bytes(data)) + meta + self.outer


def ispe(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


@cache
def drawn(name: str, size: tuple[int, int] = (160, 120), colour: str = "") -> Drawn:
    """Return what draws a photo, or a picture of one colour."""
    picture = Image.new("RGB", size, colour) if colour else photo_like(1, size)
    found = items.read(encoded(picture, name, quality=60))
    assert found.primary is not None
    configuration = found.property(found.primary, CODINGS[name][1])
    assert configuration is not None
    return Drawn(configuration, found.content(found.primary), size)


def single(name: str, what: Drawn, *more: bytes, **changes: bytes) -> File:
    """Return a file of one item, with more properties of it."""
    kind, box_name = CODINGS[name]
    properties = [box(box_name, changes.get("configuration", what.configuration)), what.ispe, *more]
    return File(name, [Item(kind, changes.get("data", what.data), range(1, len(properties) + 1))], properties)


def grid(name: str, what: Drawn, rows: int, columns: int, size: tuple[int, int]) -> File:
    """Return a file whose picture is the same tile again and again."""
    kind, box_name = CODINGS[name]
    head = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *size)
    properties = [ispe(*size), box(box_name, what.configuration), what.ispe]
    made = File(name, [Item(b"grid", head, [1]), Item(kind, what.data, [2, 3])], properties)
    made.references = {(b"dimg", 1): [2] * (rows * columns)}
    return made
