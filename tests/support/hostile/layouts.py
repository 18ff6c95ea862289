"""Take files apart into the pieces of their formats, and put pieces together again, right or wrong."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RUNS = re.compile(rb"(.)\1{2,254}", re.DOTALL)


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def segment(marker: int, body: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def riff_chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a WebP."""
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def riff(chunks: Sequence[bytes]) -> bytes:
    """Return a WebP made of chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def blocks(data: bytes, size: int = 255) -> bytes:
    """Return data as the blocks of a GIF, of so many bytes each, with the empty one at the end."""
    cut = (data[offset : offset + size] for offset in range(0, len(data), size))
    return b"".join(bytes((len(block),)) + block for block in cut) + b"\0"


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one entry of a TIFF's directory: its value as it stands there, or where it lies."""

    tag: int
    kind: int
    count: int
    value: int


def directory(entries: Sequence[Entry], order: str = "<", *, is_big: bool = False) -> bytes:
    """Return the directory of a TIFF, without a next one."""
    head, entry = ("Q", "HHQQ") if is_big else ("H", "HHII")
    packed = b"".join(struct.pack(order + entry, e.tag, e.kind, e.count, e.value) for e in entries)
    return struct.pack(order + head, len(entries)) + packed + bytes(8 if is_big else 4)


def tiff(data: bytes, entries: Sequence[Entry], *, is_big: bool = False) -> bytes:
    """Return a TIFF: data from byte 16 on, then the directory."""
    start = 16 + len(data)
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, start) if is_big else struct.pack("<2sHI8x", b"II", 42, start)
    return head + data + directory(entries, is_big=is_big)


def grey_entries(width: int, height: int, **changes: int) -> list[Entry]:
    """Return the entries of a grey TIFF in one strip at byte 16; changes are named `t256` and so on."""
    plain = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 16, 277: 1, 278: height, 279: width * height}
    given = plain | {int(name[1:]): value for name, value in changes.items()}
    return [Entry(tag, 4, 1, value) for tag, value in sorted(given.items())]


def parts(name: str, data: bytes) -> list[bytes]:
    """Take a file apart by its format, or into pieces of 64 bytes where that does not fit."""
    try:
        match name:
            case "JPEG":
                return _segments(data)
            case "PNG":
                return [data[:8], *_cut(data, 8, lambda at: 12 + _number(">I", data, at))]
            case "WEBP":
                return [data[:12], *_cut(data, 12, lambda at: 8 + _even(_number("<I", data, at + 4)))]
            case "GIF":
                return _gif_blocks(data)
            case "TIFF" if data.startswith(b"II*"):
                return _entries(data)
            case "HEIF" | "AVIF":
                return _leaves(data)
    except (struct.error, IndexError):
        pass  # A seed from outside may be anything.
    return [data[:14], data[14:54], *(data[at : at + 64] for at in range(54, len(data), 64))]


def _even(length: int) -> int:
    return length + length % 2


def _number(layout: str, data: bytes | bytearray, offset: int) -> int:
    number: int
    (number,) = struct.unpack_from(layout, data, offset)
    return number


def _cut(data: bytes, offset: int, length: Callable[[int], int]) -> list[bytes]:
    found = []
    while offset < len(data):
        size = length(offset)
        found.append(data[offset : offset + size])
        offset += size
    return found


def _segments(data: bytes) -> list[bytes]:
    found, offset = [data[:2]], 2
    while data[offset + 1] != 0xDA:
        end = offset + 2 + struct.unpack_from(">H", data, offset + 2)[0]
        found.append(data[offset:end])
        offset = end
    scans = data[offset:-2].split(b"\xff\xda")[1:]
    return [*found, *(b"\xff\xda" + scan for scan in scans), data[-2:]]


def _gif_blocks(data: bytes) -> list[bytes]:
    offset = 13 + (3 << (data[10] & 7) + 1 if data[10] & 128 else 0)
    found = [data[:offset]]
    while data[offset : offset + 1] == b"!":
        end = _behind_blocks(data, offset + 2)
        found.append(data[offset:end])
        offset = end
    body = offset + 10 + (3 << (data[offset + 9] & 7) + 1 if data[offset + 9] & 128 else 0) + 1
    found.append(data[offset:body])
    while data[body]:
        found.append(data[body : body + 1 + data[body]])
        body += 1 + data[body]
    return [*found, data[body:]]


def _behind_blocks(data: bytes, offset: int) -> int:
    while data[offset]:
        offset += 1 + data[offset]
    return offset + 1


_HOLDERS = {b"meta": 4, b"iinf": 6, b"iprp": 0, b"ipco": 0, b"iref": 4}
"""Boxes that hold others, and what stands before those."""


def _leaves(data: bytes, start: int = 0, end: int | None = None) -> list[bytes]:
    """Return the boxes that hold no others, and the heads of those that do; `joined` writes the lengths anew."""
    found = []
    while start < (len(data) if end is None else end):
        length = _number(">I", data, start)
        skip = _HOLDERS.get(data[start + 4 : start + 8])
        if skip is None:
            found.append(data[start : start + length])
        else:
            found.append(data[start : start + 8 + skip])
            found += _leaves(data, start + 8 + skip, start + length)
            found.append(_END)
        start += max(8, length)
    return found


def with_data_first(data: bytes) -> bytes:
    """Return a file of boxes with its data in front of what says where they lie: the places stay right.

    Writers put one box of each kind: what it is, what it holds, and the data, in places of four bytes.
    """
    boxes = _cut(data, 0, lambda at: _number(">I", data, at))
    head, data_box = boxes[0], next(box for box in boxes if box[4:8] == b"mdat")
    first = len(head), len(head) + len(data_box)
    moved = len(head) - data.index(data_box)
    made = bytearray(head + data_box + b"".join(box for box in boxes[1:] if box is not data_box))
    at = made.index(b"iloc", first[1]) + 4
    version, has_base = made[at], made[at + 5] >> 4
    (number,) = struct.unpack_from(">H", made, at + 6)
    at += 8
    for _ in range(number):
        (method,) = struct.unpack_from(">H", made, at + 2) if version else (0,)
        at += 6 if version else 4
        (count,) = struct.unpack_from(">H", made, at + has_base)
        pieces = range(at + has_base + 2, at + has_base + 2 + 8 * count, 8)
        for place in [at] if has_base else pieces:
            if method == 0:
                struct.pack_into(">I", made, place, _number(">I", made, place) + moved)
        at = pieces.stop
    return bytes(made)


_END = b"end of those within"


def _nested(pieces: Sequence[bytes]) -> bytes:
    """Put boxes together: each holder has the length of what follows up to its end."""
    made = bytearray()
    open_at: list[int] = []
    for piece in pieces:
        if piece == _END:
            if open_at:
                at = open_at.pop()
                made[at : at + 4] = struct.pack(">I", len(made) - at)
        else:
            if piece[4:8] in _HOLDERS:
                open_at.append(len(made))
            made += piece
    return bytes(made)


def _entries(data: bytes) -> list[bytes]:
    """Return a TIFF, and the entries of its directory; `joined` writes them behind it."""
    (start,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, start)
    return [data, *(data[at : at + 12] for at in range(start + 2, start + 2 + 12 * number, 12))]


def joined(name: str, pieces: Sequence[bytes]) -> bytes:
    """Put parts together, with the lengths and checksums without which no reader begins."""
    if name in {"HEIF", "AVIF"}:
        return _nested(pieces)
    data = b"".join(pieces)
    match name:
        case "WEBP":
            return data[:4] + struct.pack("<I", max(0, len(data) - 8)) + data[8:]
        case "PNG":
            return b"".join(pieces[:1]) + b"".join(_summed(piece) for piece in pieces[1:])
        case "TIFF" if data.startswith(b"II*"):
            head = pieces[0] + bytes(len(pieces[0]) % 2) if pieces else b""
            entries = [piece for piece in pieces[1:] if len(piece) == 12][:65_535]
            return (
                head[:4]
                + struct.pack("<I", len(head))
                + head[8:]
                + struct.pack("<H", len(entries))
                + b"".join(entries)
                + bytes(4)
            )
    return data


def _summed(piece: bytes) -> bytes:
    return piece[:-4] + struct.pack(">I", zlib.crc32(piece[4:-4])) if len(piece) >= 12 else piece


def run_lengths(size: int, token: bytes, *, width: int = 160, height: int = 120, depth: int = 8) -> bytes:
    """Return a BMP whose pixels are one token over and over, and runs of a whole row behind it."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, 1 if depth == 8 else 2, 0, 0, 0, 256, 0)
    palette = b"".join(bytes((at, 255 - at, at, 0)) for at in range(256))
    body = token * (size // len(token)) + b"\xff\x07" * (-(-width // 255)) * height + b"\0\1"
    offset = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + header + palette + body


def packed_row(pixels: bytes) -> bytes:
    """Return a row in run lengths as usual writers do it: runs of three pixels or more, and the rest as it is."""
    made, at = bytearray(), 0
    for run in _RUNS.finditer(pixels):
        made += _literal(pixels[at : run.start()]) + bytes((len(run[0]), run[0][0]))
        at = run.end()
    return bytes(made + _literal(pixels[at:]) + b"\0\0")


def _literal(pixels: bytes) -> bytes:
    pieces = [pixels[at : at + 254] for at in range(0, len(pixels), 254)]
    return b"".join(
        bytes((0, len(piece))) + piece + bytes(len(piece) % 2)
        if len(piece) > 2
        else b"".join(bytes((1, pixel)) for pixel in piece)
        for piece in pieces
    )
