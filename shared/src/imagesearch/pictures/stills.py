"""Draw the pictures of HEIF and AVIF files, tile by tile.

Decoders never see the file: each tile is written into a little file of its own, which holds nothing but the
parameters and the units that draw it. What attacks a decoder by the structure of its container does not come
through, and a picture is turned, cut and put together here alone.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import pillow_heif
from PIL import AvifImagePlugin, Image, ImageFile

from imagesearch.pictures.structures import av1, heif, hevc
from imagesearch.pictures.structures.boxes import box, full_box
from imagesearch.pictures.structures.heif import Layer, Still, Tile

_ORIENTATION = 0x0112
_BRANDS = {hevc.CODING: (b"heic", b"hvcC"), av1.CODING: (b"avif", b"av1C")}
_ESSENTIAL = 0x80


class StillImageFile(ImageFile.ImageFile):
    """Open a HEIF or AVIF file; `load` draws it."""

    format = "HEIF"
    _still: Still | None

    def _open(self) -> None:
        assert self.fp is not None  # noqa: S101 - Pillow has been given one.
        self._still = heif.read(self.fp.read())
        left, top, right, bottom = self._still.box
        self._size = (right - left, bottom - top)
        self._mode = "RGB" if self._still.alpha is None else "RGBA"
        self.getexif()[_ORIENTATION] = self._still.orientation

    def load(self) -> Any:
        """Draw the tiles, and cut out what is shown."""
        still = self._still
        if still is not None:
            self._still = None
            self.im = _drawn(still).im
            self.fp = None
        return super().load()


def _drawn(still: Still) -> Image.Image:
    picture = _layer(still.picture, "RGB")
    if still.alpha is not None:
        opacity = _layer(still.alpha, "L")
        if opacity.size != picture.size:
            opacity = opacity.resize(picture.size, Image.Resampling.NEAREST)
        if still.is_premultiplied:
            picture = Image.merge("RGBa", (*picture.split(), opacity)).convert("RGBA")
        else:
            picture.putalpha(opacity)
    return picture if still.box == (0, 0, *picture.size) else picture.crop(still.box)


def _layer(layer: Layer, mode: str) -> Image.Image:
    if len(layer.tiles) == 1:
        return _tile(layer.tiles[0], mode)
    sheet = Image.new(mode, layer.size)
    for number, tile in enumerate(layer.tiles):
        row, column = divmod(number, layer.columns)
        across, down = tile.size
        sheet.paste(_tile(tile, mode), (column * across, row * down))
    return sheet


def _tile(tile: Tile, mode: str) -> Image.Image:
    file = io.BytesIO(_file_of(tile))
    if tile.coding == hevc.CODING:
        image = pillow_heif.open_heif(file).to_pillow()
    else:
        # With more than one, the decoder starts threads beside those that the process has for pictures.
        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
        image = AvifImagePlugin.AvifImageFile(file)
        image.load()
    if image.size != tile.size:
        raise ValueError("a tile is of another size than it says")
    return image if image.mode == mode else image.convert(mode)


def _file_of(tile: Tile) -> bytes:
    """Return a file with one item, which is the tile."""
    brand, name = _BRANDS[tile.coding]
    width, height = tile.size
    properties = [box(name, tile.coded.header), full_box(b"ispe", struct.pack(">II", width, height))]
    if tile.colours:
        properties.append(box(b"colr", tile.colours))
    places = bytes((_ESSENTIAL | 1, *range(2, len(properties) + 1)))
    head = box(b"ftyp", brand, bytes(4), b"mif1", b"miaf", brand)
    inner = [
        full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", struct.pack(">H", 1)),
        full_box(
            b"iinf", struct.pack(">H", 1), box(b"infe", b"\2\0\0\0", struct.pack(">HH4sx", 1, 0, tile.coding))
        ),
        box(
            b"iprp",
            box(b"ipco", *properties),
            full_box(b"ipma", struct.pack(">IHB", 1, 1, len(places)), places),
        ),
    ]
    location = struct.Struct(">4xBBHHHHII")
    length = len(tile.coded.data)
    # Behind the head and this box, whose own head takes 12 bytes, and the head of the location and of the data.
    start = len(head) + 12 + sum(map(len, inner)) + 8 + location.size + 8
    inner.append(box(b"iloc", location.pack(0x44, 0, 1, 1, 0, 1, start, length)))
    return head + full_box(b"meta", *inner) + box(b"mdat", tile.coded.data)
