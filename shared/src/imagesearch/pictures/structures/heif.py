"""Find what draws the picture of a HEIF or AVIF file, and check that it costs no more than its pixels.

The file's picture is one coded item or a grid of them, perhaps with another that says how transparent it is.
Nothing else is looked at: thumbnails, further pictures, sequences, depth, masks, gain maps and notes cost nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from imagesearch.pictures.structures import av1, exif, hevc, items
from imagesearch.pictures.structures.bounds import Allowance, Damaged, Dishonest, Unsupported
from imagesearch.pictures.structures.hevc import Coded
from imagesearch.pictures.structures.items import Items
from imagesearch.pictures.structures.transforms import transformed

_CODINGS: dict[bytes, tuple[bytes, Callable[[bytes, bytes], Coded]]] = {
    hevc.CODING: (b"hvcC", hevc.read),
    av1.CODING: (b"av1C", av1.read),
}
"""The box with the parameters of each coding, and what reads it."""
_GRID = b"grid"
_OTHERS = {
    b"avc1": "AVC",
    b"jpeg": "JPEG",
    b"j2k1": "JPEG 2000",
    b"vvc1": "VVC",
    b"evc1": "EVC",
    b"unci": "no coding at all",
    b"mski": "a mask",
    b"iovl": "layers",
    b"iden": "another picture",
    b"tmap": "another picture",
}
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0")

_TIMES_DRAWN, _BASE_PIXELS = 4, 2**20
"""Pixels that may be drawn for each that is shown, and of any picture: tiles reach beyond the edges."""
_BASE_TILES, _TILE_PIXELS = 4, 16_384
"""Tiles of any picture, and pixels for each more: a decoder spends 0.35 ms on each, as long as on 6,000 pixels."""

_HEADER_BYTES = 256
"""Parameters of a tile that are not counted: tiles share them, and a decoder reads them for each."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Hold one coded item.

    Attributes:
        coding: in four letters.
        size: width and height.
        coded: what its decoder takes.
        colours: the body of the box that says what its numbers mean, empty where its coding does.
    """

    coding: bytes
    size: tuple[int, int]
    coded: Coded
    colours: bytes


@dataclass(frozen=True, slots=True)
class Layer:
    """Hold tiles of one size, row by row, that cover a picture.

    Attributes:
        size: width and height of the picture.
        columns: tiles in a row.
        tiles: in their order.
    """

    size: tuple[int, int]
    columns: int
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Still:
    """Hold the picture of a file.

    Attributes:
        picture: its colours.
        alpha: how opaque it is; None where it is so everywhere.
        is_premultiplied: its colours are already mixed with black.
        box: left, upper, right and lower edge of what is shown.
        orientation: what turns it upright afterwards, as EXIF numbers it.
    """

    picture: Layer
    alpha: Layer | None
    is_premultiplied: bool
    box: tuple[int, int, int, int]
    orientation: int


def check(data: bytes) -> None:
    """Check that drawing the picture costs no more than its pixels and its bytes do.

    Raises:
        struct.error: the file is cut off.
        Dishonest: it claims more.
        Unsupported: its picture is in a coding that is not decoded.
    """
    try:
        read(data)
    except Damaged:
        return  # Decoding it will tell.


def size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height of the picture before anything is cut from it, None where it has none."""
    try:
        found = items.read(data)
        return None if found.primary is None else _size_of(found, found.primary)
    except Damaged:
        return None


def note(data: bytes) -> bytes:
    """Return the camera's notes of the picture: a small TIFF, empty where there is none.

    Raises:
        struct.error: the file is cut off.
        Dishonest: it claims more than a picture has.
    """
    with suppress(Damaged):
        found = items.read(data)
        for (name, number), places in found.references.items():
            if name == b"cdsc" and found.primary in places and found.kinds.get(number) == b"Exif":
                content = found.content(number)
                # Before the note stands how far it is to it.
                (skipped,) = struct.unpack_from(">I", content)
                return content[4 + skipped :].removeprefix(exif.NAME)
    return b""


def ends_early(data: bytes) -> bool:
    """Tell whether what draws the picture lies beyond the last byte.

    Raises:
        struct.error: it does.
        Dishonest: it claims more than a picture has.
    """
    with suppress(Damaged, Unsupported):
        read(data)
    return False


def read(data: bytes) -> Still:
    """Return what draws the picture of a file.

    Raises:
        struct.error: the file is cut off.
        Damaged: its structure makes no sense.
        Dishonest: it claims more than a picture has.
        Unsupported: its picture is in a coding that is not decoded.
    """
    found = items.read(data)
    if found.primary is None:
        raise Unsupported("a sequence of pictures without a still one")
    reader = _Reader(found)
    picture = reader.layer(found.primary)
    box, orientation = transformed(found, found.primary, picture.size)
    alpha = _alpha_of(found, found.primary)
    return Still(
        picture,
        None if alpha is None else reader.layer(alpha),
        alpha is not None and alpha in found.references.get((b"prem", found.primary), ()),
        box,
        orientation,
    )


class _Reader:
    def __init__(self, found: Items) -> None:
        self._items = found
        # Tiles may be the same bytes, so that each of them is short is not enough.
        self._bytes = Allowance(0, 1, "bytes", base=len(found.data))
        self._tiles: dict[int, Tile] = {}

    def layer(self, item: int) -> Layer:
        kind = self._items.kinds.get(item, b"")
        shown = _size_of(self._items, item)
        layer = self._grid(item, shown) if kind == _GRID else Layer(shown, 1, (self._tile(item, b""),))
        width, height = shown
        most = _TIMES_DRAWN * width * height + _BASE_PIXELS
        if sum(max(tile.coded.pixels, tile.size[0] * tile.size[1]) for tile in layer.tiles) > most:
            raise Dishonest("it draws more than it shows")
        return layer

    def _grid(self, item: int, shown: tuple[int, int]) -> Layer:
        head = self._items.content(item)
        wide = bool(head[1] & 1) if len(head) > 1 else False
        if len(head) < (12 if wide else 8) or head[0]:
            raise Damaged("its grid makes no sense")
        rows, columns = head[2] + 1, head[3] + 1
        if struct.unpack_from(">II" if wide else ">HH", head, 4) != shown:
            raise Damaged("its grid is of another size than its picture")
        numbers = self._items.references.get((b"dimg", item), [])
        if len(numbers) != rows * columns:
            raise Damaged("its grid has holes")
        if len(numbers) > _BASE_TILES + shown[0] * shown[1] // _TILE_PIXELS:
            raise Dishonest("it is cut into more tiles than its pixels need")
        colours = _colours_of(self._items, item)
        tiles = tuple(self._tile(number, colours) for number in numbers)
        across, down = tiles[0].size
        if any(tile.size != (across, down) for tile in tiles):
            raise Damaged("its tiles are of several sizes")
        if not (columns - 1) * across < shown[0] <= columns * across:
            raise Damaged("its tiles do not cover its width")
        if not (rows - 1) * down < shown[1] <= rows * down:
            raise Damaged("its tiles do not cover its height")
        return Layer(shown, columns, tiles)

    def _tile(self, item: int, colours: bytes) -> Tile:
        kind = self._items.kinds.get(item, b"")
        if kind not in _CODINGS:
            raise Unsupported(f"drawn in {_OTHERS.get(kind, 'a coding that nobody knows')}")
        if item not in self._tiles:
            self._tiles[item] = self._read(item, kind, colours)
        tile = self._tiles[item]
        self._bytes.take(max(0, len(tile.coded.header) - _HEADER_BYTES) + len(tile.coded.data))
        return tile

    def _read(self, item: int, kind: bytes, colours: bytes) -> Tile:
        name, read_coded = _CODINGS[kind]
        configuration = self._items.property(item, name)
        if configuration is None:
            raise Damaged("a tile has no parameters")
        content = self._items.content(item)
        try:
            coded = read_coded(configuration, content)
        except struct.error as error:
            raise Damaged("a tile makes no sense") from error
        return Tile(kind, _size_of(self._items, item), coded, _colours_of(self._items, item) or colours)


def _size_of(found: Items, item: int) -> tuple[int, int]:
    body = found.property(item, b"ispe")
    if body is None or len(body) < 12:
        raise Damaged("it does not say how large it is")
    width, height = struct.unpack_from(">II", body, 4)
    if not width or not height:
        raise Damaged("it has no pixels")
    return width, height


def _colours_of(found: Items, item: int) -> bytes:
    """Return what an item says of its numbers; profiles are left out, as they are of other formats."""
    for box in found.properties.get(item, ()):
        body = found.data[box.start : min(box.end, box.start + 11)]
        if box.name == b"colr" and body.startswith(b"nclx"):
            return body
    return b""


def _alpha_of(found: Items, item: int) -> int | None:
    for (name, number), places in found.references.items():
        if name == b"auxl" and item in places and (found.property(number, b"auxC") or b"")[4:].startswith(_ALPHA):
            return number
    return None
