"""Walk the first directory of a TIFF, the only one that is decoded."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import product

import numpy as np
import numpy.typing as npt

from imagesearch.failures import FailureCode
from imagesearch.pictures.structures import deflate, jpeg, xz, zstandard
from imagesearch.pictures.structures.bounds import MAX_ENTRIES, Allowance, Dishonest

_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_FILL_ORDER, _STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_LENGTHS, _PLANES = 266, 273, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS = 322, 323, 324, 325
_TABLES = (_STRIP_OFFSETS, _STRIP_LENGTHS, _TILE_OFFSETS, _TILE_LENGTHS)

_READ = frozenset({254, 256, 257, 258, 259, 262, 266, 274, 277, 278, 282, 283, 284, 296, 317, 322, 323, 338, 339})
"""What Pillow unpacks, each a number or one for each sample."""
_NOTES = frozenset({700, 34675})
"""XMP and the colour profile, which are bytes."""
_MAX_VALUES = 64
_COLOUR_MAP, _MAX_COLOURS = 320, 3 * 65_536

_TYPES = {1: "B", 2: "c", 3: "H", 4: "I", 5: "Q", 6: "b", 7: "c", 8: "h", 9: "i", 10: "q"} | {
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
}
_BYTES = frozenset({1, 2, 6, 7})
_MAX_PLACE = 2**63
_WHOLE = frozenset({3, 4, 8, 9, 13, 16})

_RAW = frozenset({33421, 33422, 50706})
"""The pattern of a sensor's colours, and the version of Adobe's DNG."""
_OTHER_RAW, _CANON_RAW = frozenset({271, 330}), b"CR\2\0"
"""Nikon and Sony name the camera and further directories, which scanners do not."""

_BASE_PIECES, _PIECE_PIXELS = 2_048, 1_024
"""Strips or tiles: a reader spends 8 us on each, as long as on 4,000 pixels."""
_BASE_TILE_PIXELS = 2**20
"""One tile of a small picture may be so large."""
_LZW, _JPEG, _LZMA, _ZSTANDARD = 5, 7, 34925, 50000
_DEFLATE = frozenset({8, 32946})
_TIGHT = frozenset({8, 32946, 34925, 50000, 50001})
"""Deflate, LZMA, Zstandard and WebP, which store what they cannot pack."""
_PIECE_BYTES, _SLACK_BYTES = 256, 4 * 1024
_OLD_LZW_PIXELS = 10
"""Pixels for each byte of the LZW that went out of use with TIFF 5.0. Libtiff empties a table of 4,096 strings for
each code that asks for it: 0.6 us a byte, as long as 100 pixels take."""
_TURNED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_BLOCK_BYTES = 1_024
"""Bytes, packed or not, for each block of LZMA or Zstandard; writers fill 64 KB and more. One can describe its
codes anew, in up to 5 us."""
_SEGMENT_BYTES = 256
"""Bytes, packed or not, for each segment of JPEG in all strips: a small strip has four to ten. Strips may be the
same bytes, so each of them being honest is not enough."""


class _Reader(Enum):
    """Say who reads a directory: each may be led to another picture, and either is decoded.

    Of the entries of one tag libtiff takes the first, as if it were not there where its value is not in the file.
    Pillow 12, which reads first, and decodes what is not packed itself, takes the first that it can read: it
    passes over kinds that it does not know, over what claims more than the file together with those before, and
    over places that no number of 63 bits names; at any other value that is not in the file it ends.
    """

    LIBTIFF = auto()
    PILLOW = auto()


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    count: int
    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class _Directory:
    """Hold where the values of each tag lie.

    Attributes:
        order: of bytes, as `struct` names it.
        entries: by tag, as one reader takes them.
        claimed: bytes of all values that lie within the file.
        is_cut: a value lies beyond the last byte.
    """

    data: bytes
    order: str
    entries: dict[int, _Entry]
    claimed: int
    is_cut: bool

    def number(self, tag: int, default: int = 0) -> int:
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _WHOLE or not entry.count:
            return default
        kind = self.order + _TYPES[entry.kind]
        if entry.offset > len(self.data) - struct.calcsize(kind):
            # A reader that goes on does as if it were not there.
            return default
        value: int
        (value,) = struct.unpack_from(kind, self.data, entry.offset)
        return value

    def table(self, tag: int) -> npt.NDArray[np.float64]:
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _WHOLE or entry.end > len(self.data):
            return np.empty(0)
        # Doubles hold every offset within a file, and those beyond do not overflow in a sum.
        kind = self.order + _TYPES[entry.kind]
        return np.frombuffer(self.data, kind, entry.count, entry.offset).astype(np.float64)


def check(data: bytes) -> None:
    """Check the entries and the strips or tiles.

    Raises:
        Dishonest: they are more than the file, or its pixels, can hold.
    """
    for is_big, reader in product(_widths(data), _Reader):
        try:
            directory = _read(data, is_big, reader)
        except struct.error:
            continue  # There is no directory; decoding it will tell.
        _check_values(directory)
        _check_pieces(directory)


def ends_early(data: bytes) -> bool:
    """Tell whether an entry, a value, a strip or a tile lies beyond the last byte."""
    directory = _read(data, b"+" in data[2:4], _Reader.LIBTIFF)
    if directory.is_cut:
        return True
    offsets = directory.table(_STRIP_OFFSETS if _STRIP_OFFSETS in directory.entries else _TILE_OFFSETS)
    lengths = directory.table(_STRIP_LENGTHS if _STRIP_LENGTHS in directory.entries else _TILE_LENGTHS)
    number = min(len(offsets), len(lengths))
    return bool((offsets[:number] > len(data) - lengths[:number]).any())


def is_raw(data: bytes) -> bool:
    """Tell whether a file holds what a camera's sensor saw, and a picture only beside it."""
    try:
        tags = _read(data, b"+" in data[2:4], _Reader.LIBTIFF).entries.keys()
    except (struct.error, Dishonest):
        return False
    return data.startswith(_CANON_RAW, 8) or bool(tags & _RAW) or tags >= _OTHER_RAW


def _widths(data: bytes) -> tuple[bool, ...]:
    # Pillow takes a big-endian BigTIFF for a classic one, and libtiff, which decodes for it, does not.
    return (False, True) if data.startswith(b"MM\0+") else (b"+" in data[2:4],)


def _read(data: bytes, is_big: bool, reader: _Reader) -> _Directory:
    order = "<" if data.startswith(b"II") else ">"
    # BigTIFF holds the same directory in wider words: pointer to it, number of entries, count and pointer.
    start, entries, word = (8, "Q", "Q") if is_big else (4, "H", "I")
    wide = struct.calcsize(order + word)
    (offset,) = struct.unpack_from(order + word, data, start)
    if offset > len(data):
        raise struct.error
    (number,) = struct.unpack_from(order + entries, data, offset)
    if min(number, (len(data) - offset) // (4 + 2 * wide)) > MAX_ENTRIES:
        raise Dishonest("its directory has more entries than there are tags")
    offset += struct.calcsize(order + entries)
    found: dict[int, _Entry] = {}
    claimed, asked, is_cut = 0, 0, False
    for entry in range(offset, offset + number * (4 + 2 * wide), 4 + 2 * wide):
        if entry + 4 + 2 * wide > len(data):
            is_cut = True
            break  # What stands before it is used all the same.
        tag, kind, count = struct.unpack_from(f"{order}HH{word}", data, entry)
        if reader is _Reader.PILLOW and (tag in found or kind not in _TYPES or not count):
            continue
        value = entry + 4 + wide
        size = count * struct.calcsize(order + _TYPES.get(kind, "B"))
        if size > wide:
            (value,) = struct.unpack_from(order + word, data, value)
        if reader is _Reader.PILLOW and size > wide:
            asked += size if value < _MAX_PLACE else 0
            if value >= _MAX_PLACE or asked > len(data):
                continue
        if value + size > len(data):
            is_cut = True
            if reader is _Reader.PILLOW:
                break
        elif size > wide:
            claimed += size
        found.setdefault(tag, _Entry(kind, count, value, value + size))
    return _Directory(data, order, found, claimed, is_cut)


def _check_values(directory: _Directory) -> None:
    if directory.claimed > len(directory.data):
        raise Dishonest("its directory claims the same bytes many times")
    for tag, entry in directory.entries.items():
        if entry.end > len(directory.data):
            continue  # Every reader skips it.
        is_short = tag in _READ or (tag in _NOTES and entry.kind not in _BYTES)
        if is_short and entry.count > _MAX_VALUES:
            raise Dishonest("its directory gives one value many times")
        if tag == _COLOUR_MAP and entry.count > _MAX_COLOURS:
            raise Dishonest("its colour table is longer than pixels can name")


def _check_pieces(directory: _Directory) -> None:
    """Check that strips or tiles cover the picture once, and are read once."""
    width, height = max(0, directory.number(_WIDTH)), max(0, directory.number(_HEIGHT))
    pixels = width * height
    samples = min(max(1, directory.number(_SAMPLES, 1)), _MAX_VALUES)
    layers = samples if directory.number(_PLANES, 1) == 2 else 1
    if _TILE_OFFSETS in directory.entries or _TILE_WIDTH in directory.entries:
        across, down = directory.number(_TILE_WIDTH), directory.number(_TILE_HEIGHT)
    else:
        across, down = width, directory.number(_ROWS_PER_STRIP, height)
    if across <= 0 or down <= 0:
        return  # No reader knows how to go on.
    pieces = -(-width // across) * -(-height // down) * layers
    if across > width and pieces * across * down > layers * (4 * pixels + _BASE_TILE_PIXELS):
        raise Dishonest("its tiles are larger than the picture", FailureCode.TOO_LARGE)
    named = max((directory.entries[tag].count for tag in _TABLES if tag in directory.entries), default=0)
    if named > 2 * pieces + 8:
        raise Dishonest("its pieces cover the picture many times")
    if max(pieces, named) > _BASE_PIECES + layers * pixels // _PIECE_PIXELS:
        raise Dishonest("it is cut into more pieces than its pixels need")
    depth = max(4, min(64, directory.number(_DEPTH, 1)))
    # A reader takes no more of a strip or a tile than its pixels.
    piece = -(-across * min(down, max(height, 1)) * depth * (samples // layers) // 8)
    _check_packed(directory, pixels, pixels * samples * depth // 8, piece)


def _check_packed(directory: _Directory, pixels: int, raw: int, piece: int) -> None:
    """Check that compressed pieces are not longer than what they unpack to, nor made of many blocks.

    Fax codes of noise are up to four times as long, LZW half as long again. Blocks of no pixels are decoded all
    the same, at 80 ns a byte and more.
    """
    compression = directory.number(_COMPRESSION, 1)
    if compression == 1:
        return
    most = (raw + raw // 8) if compression in _TIGHT else 2 * raw
    for places, tag in ((_STRIP_OFFSETS, _STRIP_LENGTHS), (_TILE_OFFSETS, _TILE_LENGTHS)):
        offsets, lengths = directory.table(places), directory.table(tag)
        packed = float(lengths.sum())
        if packed > most + _PIECE_BYTES * len(lengths) + _SLACK_BYTES:
            raise Dishonest("its data are longer than its pixels")
        is_turned = directory.number(_FILL_ORDER, 1) == 2 and compression != _JPEG
        streams = _streams(directory.data, offsets, lengths, is_turned=is_turned)
        blocks = Allowance(raw + int(packed) + 2 * _BLOCK_BYTES * len(lengths), _BLOCK_BYTES, "blocks")
        if compression in _DEFLATE and deflate.is_suspicious(packed, raw):
            deflate.check(streams, piece, max(raw, piece))
        elif compression == _LZW and packed > pixels // _OLD_LZW_PIXELS + _SLACK_BYTES:
            # What is in use begins with a code of which one bit is set.
            if any(bytes(stream[:1]) == b"\0" for stream in streams):
                raise Dishonest("it is packed in a way that went out of use, and too large for that")
        elif compression == _JPEG:
            segments = Allowance(raw + int(packed), _SEGMENT_BYTES, "segments")
            for stream in streams:
                jpeg.check_piece(bytes(stream), segments)
        elif compression in (_LZMA, _ZSTANDARD):
            for stream in streams:
                (xz if compression == _LZMA else zstandard).check(stream, blocks)


def _streams(
    data: bytes, offsets: npt.NDArray[np.float64], lengths: npt.NDArray[np.float64], *, is_turned: bool
) -> Iterator[memoryview]:
    """Yield the packed bytes of each strip or tile, with their bits in order."""
    view = memoryview(data)
    for offset, length in zip(offsets, lengths, strict=False):
        stream = view[int(offset) : int(offset) + int(length)]
        yield memoryview(bytes(stream).translate(_TURNED)) if is_turned else stream
