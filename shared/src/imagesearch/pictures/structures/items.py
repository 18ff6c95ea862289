"""Read the items of a HEIF file (ISO/IEC 23008-12): what each is, where its data lie, and what is said of it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from imagesearch.pictures.structures.bounds import Allowance, Damaged
from imagesearch.pictures.structures.boxes import Box, inner_boxes, outer_boxes

_BASE, _SHARE = 256, 1_024
"""Boxes of any file, pieces, properties and references of its items, and bytes for each more. A camera of 48
megapixels writes 200 items, of some kilobytes each."""
_ONCE = frozenset({b"pitm", b"iinf", b"iloc", b"iprp", b"iref", b"idat"})
_FROM_FILE, _FROM_INNER = 0, 1
_SIZES = {0: "", 4: "I", 8: "Q"}

Extent = tuple[int, int]
"""Where data begin, and where they end."""


@dataclass(slots=True)
class Items:
    """Hold what a file says of its items.

    Attributes:
        data: the whole file.
        primary: the item that is the file's picture.
        kinds: of each item, in four letters.
        extents: where the data of each item lie, in their order.
        properties: of each item, in the order in which they are applied.
        references: from an item to others, by the name of the reference.
    """

    data: bytes
    primary: int | None = None
    kinds: dict[int, bytes] = field(default_factory=dict)
    extents: dict[int, list[Extent]] = field(default_factory=dict)
    properties: dict[int, list[Box]] = field(default_factory=dict)
    references: dict[tuple[bytes, int], list[int]] = field(default_factory=dict)

    def property(self, item: int, name: bytes) -> bytes | None:
        """Return the body of an item's first property of a name, None where it has none."""
        found = next((box for box in self.properties.get(item, ()) if box.name == name), None)
        return None if found is None else self.data[found.start : found.end]

    def content(self, item: int) -> bytes:
        """Return the data of an item.

        Raises:
            struct.error: they lie beyond the end of the file.
        """
        extents = self.extents.get(item, [])
        if any(end > len(self.data) for _, end in extents):
            raise struct.error
        return b"".join(self.data[start:end] for start, end in extents)


def read(data: bytes) -> Items:
    """Read the items of a file.

    Raises:
        struct.error: the file ends before they do.
        Damaged: they make no sense.
        Dishonest: there are more of them than a picture has.
    """
    allowed = _allowance(data, "boxes")
    outer = list(outer_boxes(data, allowed))
    metas = [box for box in outer if box.name == b"meta"]
    if not metas and any(box.name == b"moov" for box in outer):
        return Items(data)
    if not metas:
        raise struct.error
    if len(metas) > 1:
        raise Damaged("it says twice what it holds")
    inner: dict[bytes, Box] = {}
    for box in inner_boxes(data, metas[0], allowed, skip=4):
        if box.name in _ONCE and box.name in inner:
            raise Damaged("it says twice what it holds")
        inner.setdefault(box.name, box)
    items = Items(data)
    if b"pitm" in inner:
        (items.primary,) = _unpack(data, inner[b"pitm"], 4, ">I" if _version(data, inner[b"pitm"]) else ">H")
    if b"iinf" in inner:
        _read_kinds(items, inner[b"iinf"], allowed)
    if b"iloc" in inner:
        _Locations(items, inner[b"iloc"], inner.get(b"idat")).read()
    if b"iprp" in inner:
        _read_properties(items, inner[b"iprp"], allowed)
    if b"iref" in inner:
        _read_references(items, inner[b"iref"], allowed)
    return items


def _allowance(data: bytes, what: str) -> Allowance:
    return Allowance(len(data), _SHARE, what, base=_BASE)


def _version(data: bytes, box: Box) -> int:
    return data[box.start] if box.start < len(data) else 0


def _unpack(data: bytes, box: Box, offset: int, layout: str) -> tuple[int, ...]:
    if box.start + offset + struct.calcsize(layout) > box.end:
        raise Damaged(f"its {box.name.decode('latin-1')} is too short")
    return struct.unpack_from(layout, data, box.start + offset)


def _read_kinds(items: Items, outer: Box, allowed: Allowance) -> None:
    skip = 8 if _version(items.data, outer) else 6
    for box in inner_boxes(items.data, outer, allowed, skip=skip):
        version = _version(items.data, box)
        if box.name != b"infe" or version < 2:
            continue
        item, _ = _unpack(items.data, box, 4, ">HH" if version == 2 else ">IH")
        at = box.start + (8 if version == 2 else 10)
        if item in items.kinds:
            raise Damaged("two of its items have one number")
        items.kinds[item] = items.data[at : at + 4]


class _Locations:
    """Read where the data of each item lie."""

    def __init__(self, items: Items, box: Box, inner: Box | None) -> None:
        self._items = items
        self._box = box
        self._inner = inner
        self._at = 0

    def read(self) -> None:
        version = _version(self._items.data, self._box)
        self._at = 4
        sizes, more = self._take("BB")
        widths = (sizes >> 4, sizes & 15, more >> 4, more & 15 if version else 0)
        if not {*widths} <= {*_SIZES}:
            raise Damaged("its places are of an odd size")
        offset, length, base, index = (_SIZES[width] for width in widths)
        (number,) = self._take("H" if version < 2 else "I")
        pieces = _allowance(self._items.data, "pieces")
        for _ in range(number):
            (item,) = self._take("H" if version < 2 else "I")
            (method,) = self._take("H") if version else (0,)
            (elsewhere,) = self._take("H")
            start, count = self._number(base), self._take("H")[0]
            pieces.take(1 + count)
            found = []
            for _ in range(count):
                self._number(index)
                begin = start + self._number(offset)
                found.append((begin, begin + self._number(length)))
            self._place(item, method & 15, elsewhere, found)

    def _place(self, item: int, method: int, elsewhere: int, found: list[Extent]) -> None:
        if item in self._items.extents:
            raise Damaged("two of its items have one number")
        if elsewhere or method not in {_FROM_FILE, _FROM_INNER} or (method == _FROM_INNER and not self._inner):
            return  # Data in another file, or made of other items: none that is drawn has them.
        within = self._inner if method == _FROM_INNER else None
        begin, end = (within.start, within.end) if within else (0, None)
        if end is not None and any(begin + stop > end for _, stop in found):
            raise Damaged("an item reaches beyond the box that holds it")
        self._items.extents[item] = [(begin + start, begin + stop) for start, stop in found]

    def _take(self, layout: str) -> tuple[int, ...]:
        found = _unpack(self._items.data, self._box, self._at, f">{layout}")
        self._at += struct.calcsize(f">{layout}")
        return found

    def _number(self, layout: str) -> int:
        return self._take(layout)[0] if layout else 0


def _read_properties(items: Items, outer: Box, allowed: Allowance) -> None:
    inside = list(inner_boxes(items.data, outer, allowed))
    holders = [box for box in inside if box.name == b"ipco"]
    if len(holders) != 1:
        raise Damaged("it does not say once how its items are drawn")
    properties = list(inner_boxes(items.data, holders[0], allowed))
    said = _allowance(items.data, "properties")
    for box in inside:
        if box.name != b"ipma":
            continue
        version, _, flags = _unpack(items.data, box, 0, ">BHB")
        mask, letter = (0x7FFF, "H") if flags & 1 else (0x7F, "B")
        (number,) = _unpack(items.data, box, 4, ">I")
        at = 8
        for _ in range(number):
            item, count = _unpack(items.data, box, at, ">IB" if version else ">HB")
            at += 5 if version else 3
            said.take(1 + count // 8)
            layout = f">{count}{letter}"
            places = [place & mask for place in _unpack(items.data, box, at, layout)]
            at += struct.calcsize(layout)
            own = items.properties.setdefault(item, [])
            own += [properties[place - 1] for place in places if 0 < place <= len(properties)]


def _read_references(items: Items, outer: Box, allowed: Allowance) -> None:
    wide = _version(items.data, outer)
    said = _allowance(items.data, "references")
    for box in inner_boxes(items.data, outer, allowed, skip=4):
        item, count = _unpack(items.data, box, 0, ">IH" if wide else ">HH")
        said.take(1 + count // 8)
        places = _unpack(items.data, box, 6 if wide else 4, f">{count}{'I' if wide else 'H'}")
        items.references.setdefault((box.name, item), []).extend(places)
