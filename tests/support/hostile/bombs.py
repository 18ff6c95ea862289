"""Write files that are nothing but the most expensive part of their format, as often as it fits."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from support.drawing import encoded, photo_like
from support.hostile import misread, packed
from support.hostile.layouts import (
    PNG_SIGNATURE,
    Entry,
    blocks,
    chunk,
    grey_entries,
    riff,
    riff_chunk,
    run_lengths,
    segment,
    tiff,
)

SIZE = (160, 120)
"""Width and height of the pictures that are made worse."""


def plain(name: str) -> bytes:
    """Return an honest little picture."""
    return encoded(photo_like(1, SIZE), name)


def _times(part: bytes, size: int) -> bytes:
    return part * (size // len(part))


def _png(size: int, part: bytes, *, behind: bool = False) -> bytes:
    data = plain("PNG")
    offset = len(data) - 12 if behind else 33
    return data[:offset] + _times(part, size) + data[offset:]


def _jpeg(size: int, part: bytes, offset: int = 2) -> bytes:
    data = plain("JPEG")
    return data[:offset] + _times(part, size) + data[offset:]


def _gif(size: int, part: bytes) -> bytes:
    data = plain("GIF")
    offset = data.index(b",", 13 + 768)
    return data[:offset] + _times(part, size) + data[offset:]


def _packed(size: int) -> bytes:
    """Return zeros that take about so many bytes packed."""
    return zlib.compress(bytes(size * 1_000), 9)


def _exif(entries: bytes, number: int) -> bytes:
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", number) + entries + bytes(4)


def _many_tags(size: int) -> bytes:
    number = min(65_535, size // 12)
    return _exif(b"".join(struct.pack(">HHII", tag, 4, 1, 7) for tag in range(number)), number)


def _many_orientations(size: int) -> bytes:
    count = size // 2
    return _exif(struct.pack(">HHII", 0x0112, 3, count, 26), 1) + b"\0\x06" * count


def _exif_segments(note: bytes) -> bytes:
    cut = (note[at : at + 65_000] for at in range(0, len(note), 65_000))
    data = plain("JPEG")
    return data[:2] + b"".join(segment(0xE1, b"Exif\0\0" + part) for part in cut) + data[2:]


def tiff_strips(size: int, entries: int = 4_000) -> bytes:
    """Return a TIFF whose directory gives the same strips again and again, and none of which can be unpacked."""
    count = max(1, (size - 12 * entries) // 4)
    many = [Entry(273, 4, count, 16), *[Entry(279, 4, count, 16)] * entries]
    head = [entry for entry in grey_entries(*SIZE, t259=8) if entry.tag not in (273, 279)]
    return tiff(bytes(4 * count), head + many)


def _tiff_overlapping(size: int) -> bytes:
    values = [Entry(40_000 + tag, 12, size // 8, 16) for tag in range(900)]
    return tiff(bytes(max(size, SIZE[0] * SIZE[1])), grey_entries(*SIZE) + values)


def _tiff_rationals(size: int) -> bytes:
    """Return a TIFF whose second directory holds nothing but fractions."""
    inner = struct.pack("<HHHIII", 1, 40_000, 5, size // 8, 16, 0)
    pixels = bytes(SIZE[0] * SIZE[1])
    data = pixels + bytes(max(0, size - len(pixels))) + inner
    return tiff(data, grey_entries(*SIZE, t34665=16 + len(data) - len(inner)))


def _tiff_tiny_strips(size: int) -> bytes:
    """Return a TIFF of very many rows, each a strip of its own."""
    height = size // 10
    table = np.full(height, 16, dtype="<u4").tobytes()
    data = bytes(2) + table + table
    entries = grey_entries(2, height, t278=1)
    entries = [entry for entry in entries if entry.tag not in (273, 279)]
    entries += [Entry(273, 4, height, 18), Entry(279, 4, height, 18 + len(table))]
    return tiff(data, sorted(entries, key=lambda entry: entry.tag))


def _tiff_one_packed_strip(size: int) -> bytes:
    """Return a TIFF whose many strips are all the same long run of empty blocks."""
    strip = packed.empty_deflate(size)
    rows = 400
    table = np.concatenate([np.full(rows, 16), np.full(rows, len(strip))]).astype("<u4").tobytes()
    entries = [e for e in grey_entries(100, rows, t278=1, t259=8) if e.tag not in (273, 279)]
    entries += [Entry(273, 4, rows, 16 + len(strip)), Entry(279, 4, rows, 16 + len(strip) + 4 * rows)]
    return tiff(strip + table, sorted(entries, key=lambda entry: entry.tag))


def _tiff_big_tiles(size: int) -> bytes:
    entries = [e for e in grey_entries(64, 64) if e.tag not in (273, 278, 279)]
    entries += [Entry(322, 4, 1, 7_168), Entry(323, 4, 1, 7_168), Entry(324, 4, 1, 16), Entry(325, 4, 1, size)]
    return tiff(
        zlib.compress(bytes(7_168**2)).ljust(size, b"\0"), [*entries[:3], Entry(259, 4, 1, 8), *entries[4:]]
    )


def _narrow_rows(size: int) -> bytes:
    height = min(size // 4, 200_000)
    return run_lengths(4 * height, b"\2\1\0\0", width=2, height=height)


def _bmp_colours(size: int) -> bytes:
    data = bytearray(encoded(photo_like(1, SIZE).convert("P"), "BMP"))
    struct.pack_into("<I", data, 46, 65_536)
    return bytes(data) + bytes(size)


def _webp(size: int, part: bytes) -> bytes:
    data = encoded(photo_like(1, SIZE), "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    return riff([data[12:], _times(part, size)])


def _webp_again(size: int) -> bytes:
    """Return a picture that is followed by itself, which no decoder reads."""
    picture = encoded(photo_like(1, SIZE), "WEBP", lossless=True)[12:]
    return riff([picture, _times(picture, size)])


def _webp_frame_with(note: bytes) -> bytes:
    """Return an animation with notes within a frame, behind its pixels; a reader takes them for the file's."""
    frames = [photo_like(seed, SIZE) for seed in range(2)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], exif=b"MM")
    at = data.index(b"ANMF")
    end = at + 8 + struct.unpack_from("<I", data, at + 4)[0]
    return riff([data[12:at], riff_chunk(b"ANMF", data[at + 8 : end] + riff_chunk(b"EXIF", note))])


def _webp_exif(note: bytes) -> bytes:
    return encoded(photo_like(1, SIZE), "WEBP", exif=b"Exif\0\0" + note)


def _wide_rows(size: int) -> bytes:
    return tiff(bytes(size), grey_entries(size // 2, 2))


def _interlaced(size: int) -> bytes:
    width = max(8, size // 8)
    rows = b"".join(bytes((-(-width // step) + 1) * 1) for step in (8, 8, 4, 4, 2, 2, 1))
    header = struct.pack(">IIBBBBB", width, 2, 8, 0, 0, 0, 1)
    body = zlib.compress(rows * 2)
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _endless_passes(size: int) -> bytes:
    jpeg = encoded(Image.new("RGB", SIZE, "teal"), "JPEG", progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + _times(last, size) + b"\xff\xd9"


def _animated(size: int) -> bytes:
    frames = [photo_like(seed, (16, 16)) for seed in range(2)]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    data = file.getvalue()
    frame = data[data.index(b"ANMF") :]
    frame = frame[: 8 + struct.unpack_from("<I", frame, 4)[0]]
    return riff([data[12:], _times(frame, size)])


def _few_tags(number: int) -> bytes:
    return _exif(b"".join(struct.pack(">HHII", tag, 4, 1, 7) for tag in range(number)), number)


def _tiff_comments(size: int) -> bytes:
    """Return a TIFF of four megapixels whose strips are all one JPEG, most of which is empty comments."""
    strip = encoded(Image.new("L", (2_000, 2), "grey"), "JPEG")
    comments = segment(0xFE, b"") * min(400, size // 4)
    return packed.tiff_of_strips(7, strip[:2] + comments + strip[2:], 1_000)


_TABLE = segment(0xDB, (b"\0" + bytes(range(1, 65))) * 1_000)
_CODES = segment(0xC4, (b"\0" + bytes(16)) * 3_800)
_RESOURCES = segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\1\0\0\0\0\0\0" * 5_000)

BOMBS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "jpeg of stray bytes": ("JPEG", lambda size: _jpeg(size, b"\0")),
    "jpeg of fill bytes": ("JPEG", lambda size: _jpeg(size, b"\xff")),
    "jpeg of escaped bytes": ("JPEG", lambda size: _jpeg(size, b"\xff\0")),
    "jpeg of restarts": ("JPEG", lambda size: _jpeg(size, b"\xff\xd0")),
    "jpeg of fill bytes in its picture": ("JPEG", lambda size: _jpeg(size, b"\xff", 700)),
    "jpeg of empty comments behind no picture": (
        "JPEG",
        lambda size: b"\xff\xd8" + segment(0xDA, b"") + _times(segment(0xFE, b""), size),
    ),
    "jpeg of empty comments": ("JPEG", lambda size: _jpeg(size, segment(0xFE, b""))),
    "jpeg of empty notes": ("JPEG", lambda size: _jpeg(size, segment(0xE1, b"Exif\0\0"))),
    "jpeg of full notes": ("JPEG", lambda size: _jpeg(size, segment(0xE1, b"Exif\0\0" + bytes(65_000)))),
    "jpeg of tables": ("JPEG", lambda size: _jpeg(size, _TABLE)),
    "jpeg of codes": ("JPEG", lambda size: _jpeg(size, _CODES)),
    "jpeg of resources": ("JPEG", lambda size: _jpeg(size, _RESOURCES)),
    "jpeg of tags": ("JPEG", lambda size: _exif_segments(_many_tags(size))),
    "jpeg of orientations": ("JPEG", lambda size: _exif_segments(_many_orientations(size))),
    "jpeg of passes": ("JPEG", _endless_passes),
    "jpeg of hidden passes": ("JPEG", packed.jpeg_of_hidden_passes),
    "jpeg in arithmetic": ("JPEG", lambda size: packed.jpeg_in_arithmetic()),
    "png of empty chunks": ("PNG", lambda size: _png(size, chunk(b"prVt", b""))),
    "png of empty chunks behind": ("PNG", lambda size: _png(size, chunk(b"prVt", b""), behind=True)),
    "png of empty data": ("PNG", lambda size: _png(size, chunk(b"IDAT", b""), behind=True)),
    "png of ends": ("PNG", lambda size: _png(size, chunk(b"IEND", b""))),
    "png of packed texts": ("PNG", lambda size: _png(size, chunk(b"zTXt", b"a\0\0" + _packed(900)))),
    "png of packed profiles": ("PNG", lambda size: _png(size, chunk(b"iCCP", b"a\0\0" + _packed(900)))),
    "png of packed notes behind": (
        "PNG",
        lambda size: _png(size, chunk(b"iTXt", b"a\0\1\0\0\0" + _packed(900)), behind=True),
    ),
    "png of little packed texts": (
        "PNG",
        lambda size: _png(size, chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a").ljust(1_009, b"\0"))),
    ),
    "png of lines": (
        "PNG",
        lambda size: _png(size, chunk(b"tEXt", b"Raw profile type exif\0" + b"\n" * (size - 40))),
    ),
    "png of lines in another chunk": (
        "PNG",
        lambda size: _png(size, chunk(b"iTXt", b"Raw profile type exif\0\0\0\0\0" + b"\n" * (size - 40))),
    ),
    "png of tags": ("PNG", lambda size: _png_exif(_many_tags(size))),
    "png of orientations": ("PNG", lambda size: _png_exif(_many_orientations(size))),
    "png of notes": ("PNG", lambda size: _png(size, chunk(b"eXIf", _few_tags(80)))),
    "png of notes behind": ("PNG", lambda size: _png(size, chunk(b"eXIf", _few_tags(80)), behind=True)),
    "png of empty blocks": ("PNG", lambda size: _png_data(packed.empty_deflate(size))),
    "png of short blocks": ("PNG", lambda size: packed.png_of_short_blocks(1)),
    "png of fewer short blocks": ("PNG", lambda size: packed.png_of_short_blocks(0.3)),
    "little png of short blocks": ("PNG", lambda size: packed.png_of_short_blocks(1, 400)),
    "grey png of short blocks": ("PNG", lambda size: packed.png_of_short_blocks(1, kind=0)),
    "deep png of short blocks": ("PNG", lambda size: packed.png_of_short_blocks(1, 1_400, depth=16, kind=6)),
    "png of frames": ("PNG", lambda size: _png(size, chunk(b"fcTL", bytes(26)), behind=True)),
    "interlaced png": ("PNG", _interlaced),
    "gif of stray bytes": ("GIF", lambda size: _gif(size, b"\0")),
    "gif of empty notes": ("GIF", lambda size: _gif(size, b"!\xfe\0")),
    "gif of short blocks": ("GIF", lambda size: _gif(size, b"!\xfe" + blocks(b"a" * 5_000, 1))),
    "gif of clear codes": (
        "GIF",
        lambda size: _gif_data(blocks(b"\x00\x01\x02\x04\x08\x10\x20\x40\x80" * (size // 9))),
    ),
    "gif of empty extensions": ("GIF", lambda size: _gif(size, b"!\xff\x0bNETSCAPE2.0\x03\1\0\0\0")),
    "webp of empty chunks": ("WEBP", lambda size: _webp(size, riff_chunk(b"abcd", b""))),
    "webp of frames": ("WEBP", _animated),
    "webp of tags": ("WEBP", lambda size: _webp_exif(_many_tags(size))),
    "webp of orientations": ("WEBP", lambda size: _webp_exif(_many_orientations(size))),
    "webp of little notes": ("WEBP", lambda size: _webp(size, riff_chunk(b"EXIF", _few_tags(0)))),
    "webp of notes": ("WEBP", lambda size: _webp(size, riff_chunk(b"EXIF", _few_tags(18)))),
    "webp of full notes": ("WEBP", lambda size: _webp(size, riff_chunk(b"EXIF", _few_tags(1_000)))),
    "webp of tags in a frame": ("WEBP", lambda size: _webp_frame_with(_many_tags(size))),
    "webp of orientations in a frame": ("WEBP", lambda size: _webp_frame_with(_many_orientations(size))),
    "webp of groups of codes": ("WEBP", lambda size: packed.webp_of_groups(min(10_000, size // 32))),
    "little webp of groups of codes": ("WEBP", lambda size: packed.webp_of_groups(400)),
    "webp of transparent groups of codes": (
        "WEBP",
        lambda size: packed.webp_of_transparent_groups(min(10_000, size // 32)),
    ),
    "bmp of colours": ("BMP", _bmp_colours),
    "bmp of line ends": ("BMP", lambda size: run_lengths(size, b"\0\0")),
    "bmp of steps": ("BMP", lambda size: run_lengths(size, b"\0\2\0\0")),
    "bmp of runs that do not fit": ("BMP", lambda size: run_lengths(size, b"\xff\1")),
    "bmp of short runs": ("BMP", lambda size: run_lengths(size, b"\1\1", width=1_000, height=1 + size // 2_000)),
    "bmp of short literals": (
        "BMP",
        lambda size: run_lengths(size, b"\0\3abc\0", width=1_000, height=1 + size // 2_000),
    ),
    "bmp of line ends that fill": (
        "BMP",
        lambda size: run_lengths(2, b"\0\0", width=2 + min(size, 8_000_000), height=2),
    ),
    "bmp of 4 bits in shortest stretches": (
        "BMP",
        lambda size: run_lengths(
            size, b"\3a\0\3ab", depth=4, width=1_000, height=1 + min(size // 1_000, 3_990_000 // 1_000)
        ),
    ),
    "bmp of short runs of 4 bits": ("BMP", lambda size: run_lengths(size, b"\1\1", depth=4, width=1_000)),
    "bmp of few runs and steps": (
        "BMP",
        lambda size: run_lengths(size, b"\1\1" * 5 + b"\0\2\0\0", width=1_000, height=250),
    ),
    "bmp of narrow rows": ("BMP", _narrow_rows),
    "bmp of runs that end in steps": (
        "BMP",
        lambda size: run_lengths(size, b"\1\1" * 210 + b"\0\2\0\0", width=210, height=1 + size // 424),
    ),
    "bmp of 4 bits whose runs end in rows and steps": (
        "BMP",
        lambda size: run_lengths(
            size, b"\1\1" * 420 + b"\0\0\0\2\0\0", width=420, height=1 + size // 846, depth=4
        ),
    ),
    "webp of pictures behind the first": ("WEBP", _webp_again),
    "tiff of strips": ("TIFF", tiff_strips),
    "tiff of overlapping values": ("TIFF", _tiff_overlapping),
    "tiff of fractions": ("TIFF", _tiff_rationals),
    "tiff of tiny strips": ("TIFF", _tiff_tiny_strips),
    "tiff of repeated rows": ("TIFF", misread.repeated_rows),
    "tiff of repeated rows, cut": ("TIFF", misread.cut_short),
    "tiff of repeated rows, a value elsewhere": ("TIFF", misread.with_a_value_elsewhere),
    "tiff of repeated rows, told twice": ("TIFF", misread.told_twice),
    "tiff of one packed strip": ("TIFF", _tiff_one_packed_strip),
    "tiff of big tiles": ("TIFF", _tiff_big_tiles),
    "tiff of short packed strips": (
        "TIFF",
        lambda size: packed.tiff_of_strips(8, packed.empty_deflate(min(size, 60_000)), 50),
    ),
    "tiff of packed strips, turned": (
        "TIFF",
        lambda size: packed.tiff_of_strips(
            8, packed.empty_deflate(4_000_000).translate(packed.TURNED), fill_order=2
        ),
    ),
    "tiff of short blocks": (
        "TIFF",
        lambda size: packed.tiff_of_strips(8, packed.short_blocks(1, 4_000_000)),
    ),
    "tiff of fewer short blocks": (
        "TIFF",
        lambda size: packed.tiff_of_strips(8, packed.short_blocks(0.3, 4_000_000)),
    ),
    "tiff of old codes": ("TIFF", lambda size: packed.tiff_of_strips(5, packed.old_lzw(min(size, 8_000_000)))),
    "tiff of lzma chunks": ("TIFF", lambda size: packed.tiff_of_strips(34925, packed.xz(min(size, 4_000_000)))),
    "tiff of zstandard blocks": (
        "TIFF",
        lambda size: packed.tiff_of_strips(50000, packed.zstandard(min(size, 4_000_000))),
    ),
    "tiff of arithmetic": ("TIFF", lambda size: packed.tiff_of_strips(7, packed.jpeg_in_arithmetic(1))),
    "tiff of comments": ("TIFF", _tiff_comments),
    "tiff of orientations": (
        "TIFF",
        lambda size: tiff(
            bytes(size), [*grey_entries(*SIZE)[:6], Entry(274, 3, size // 2, 16), *grey_entries(*SIZE)[6:]]
        ),
    ),
    "tiff of wide rows": ("TIFF", _wide_rows),
    "tiff of tags": (
        "TIFF",
        lambda size: tiff(
            bytes(19_200),
            [
                *grey_entries(*SIZE),
                *(Entry(tag, 4, 1, 1) for tag in range(1_000, 1_000 + min(60_000, size // 12))),
            ],
        ),
    ),
}


def _png_exif(note: bytes) -> bytes:
    data = plain("PNG")
    return data[:33] + chunk(b"eXIf", note) + data[33:]


def _png_data(packed: bytes) -> bytes:
    return plain("PNG")[:33] + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def _gif_data(codes: bytes) -> bytes:
    data = plain("GIF")
    offset = data.index(b",", 13 + 768)
    return data[: offset + 10] + b"\x08" + codes + b";"
