"""Write packed pixels that are nothing but descriptions of codes."""

from __future__ import annotations

import math
import struct
import zlib

from PIL import Image

from support.drawing import encoded
from support.hostile.layouts import PNG_SIGNATURE, Entry, chunk, grey_entries, riff, riff_chunk, segment, tiff

TURNED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


class Bits:
    """Collect bits, lowest first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._value = self._number = 0
        self._done = bytearray()

    def put(self, *fields: tuple[int, int]) -> None:
        """Append values, each of so many bits."""
        for value, width in fields:
            self._value |= value << self._number
            self._number += width
            whole = self._number // 8
            self._done += (self._value & (1 << 8 * whole) - 1).to_bytes(whole, "little")
            self._value, self._number = self._value >> 8 * whole, self._number % 8

    def packed(self) -> bytes:
        """Return the bytes, the last filled up with zeros."""
        return bytes(self._done) + (bytes((self._value,)) if self._number else b"")


def tiff_of_strips(compression: int, strip: bytes, number: int = 1, *, fill_order: int = 1) -> bytes:
    """Return a grey TIFF of four megapixels whose strips are all the same bytes."""
    side = 2_000
    places, lengths = (struct.pack("<I", value) * number for value in (16, len(strip)))
    at = 16 + len(strip)
    where = (16, len(strip)) if number == 1 else (at, at + len(places))
    changes = {"t259": compression, "t266": fill_order, "t278": side // number}
    entries = [entry for entry in grey_entries(side, side, **changes) if entry.tag not in (273, 279)]
    entries += [Entry(273, 4, number, where[0]), Entry(279, 4, number, where[1])]
    return tiff(strip + places + lengths, sorted(entries, key=lambda entry: entry.tag))


def old_lzw(size: int) -> bytes:
    """Return codes that empty the table, as LZW was written before TIFF 5.0."""
    bits = Bits()
    bits.put(*[(256, 9)] * 8)
    return bits.packed() * (size // 9)


def empty_deflate(size: int) -> bytes:
    """Return deflate blocks that each describe their own codes, and hold nothing (RFC 1951, 3.2.7)."""
    bits, number = 0, 0
    codes = {18: 1, 1: 1}
    order = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1)
    fields = [(0, 1), (2, 2), (0, 5), (0, 5), (14, 4), *((codes.get(symbol, 0), 3) for symbol in order)]
    fields += [(1, 1), (138 - 11, 7), (1, 1), (118 - 11, 7), (0, 1), (0, 1), (0, 1)]
    for value, width in fields:
        bits |= value << number
        number += width
    eight = sum(bits << at * number for at in range(8)).to_bytes(number, "little")
    return b"\x78\x9c" + eight * (size // len(eight))


def short_blocks(share: float, raw: int) -> bytes:
    """Return zeros packed with deflate: up to a share of them, blocks that describe codes for ten bytes each."""
    order = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1)
    codes = {1: 1, 17: 2, 18: 2}
    fields = [(0, 1), (2, 2), (8, 5), (0, 5), (14, 4), *((codes.get(symbol, 0), 3) for symbol in order)]
    # 256 unused symbols, the end of a block, seven unused, a length of ten; then the distance of one.
    fields += [(3, 2), (138 - 11, 7), (3, 2), (118 - 11, 7), (0, 1), (1, 2), (7 - 3, 3), (0, 1), (0, 1)]
    fields += [(1, 1), (0, 1), (0, 1)]
    bits = Bits()
    bits.put(*fields * 8)
    eight = bits.packed()
    number = min(int(share * raw) // len(eight), (raw - 1) // 80)
    rest = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"\x78\x9c\0\1\0\xfe\xff\0" + eight * number + rest.compress(bytes(raw - 1 - 80 * number))
    return packed + rest.flush() + struct.pack(">I", zlib.adler32(bytes(raw)))


def png_of_short_blocks(share: float, side: int = 2_000, *, depth: int = 8, kind: int = 2) -> bytes:
    """Return a square PNG of short blocks."""
    raw = (1 + side * {0: 1, 2: 3, 6: 4}[kind] * depth // 8) * side
    header = struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", short_blocks(share, raw)) + chunk(b"IEND", b"")
    return PNG_SIGNATURE + body


def xz(size: int) -> bytes:
    """Return an xz stream of chunks that hold one byte each and forget all that was learned."""
    head = bytes((2, 0, 0x21, 1, 0, 0, 0, 0))
    chunk = b"\xe0\0\0\0\5" + bytes((4,)) + bytes(6)
    summed = [part + struct.pack("<I", zlib.crc32(part)) for part in (bytes(2), head)]
    return b"\xfd7zXZ\0" + b"".join(summed) + chunk * (size // len(chunk))


def zstandard(size: int) -> bytes:
    """Return a Zstandard frame of blocks with three tables of codes each, for one sequence of three bytes."""
    tables = b"\xe4\xff", b"\xe3\x7f", b"\xe4\xff"  # 512, 256 and 512 states; all but one for the first symbol.
    body = b"\0\x01\xa8" + b"".join(tables) + b"\0\0\0\x04"
    block = struct.pack("<I", 2 << 1 | len(body) << 3)[:3] + body
    first = struct.pack("<I", 16 << 3)[:3] + bytes(16)
    return b"\x28\xb5\x2f\xfd\x00\x58" + first + block * (size // len(block))


def webp_of_groups(number: int) -> bytes:
    """Return a lossless WebP with so many groups of codes, a square number, each for 16 pixels."""
    side = 4 * math.isqrt(number)
    bits = _lossless_groups(number)
    bits[:0] = [(0x2F, 8), (side - 1, 14), (side - 1, 14), (0, 4)]
    return riff([riff_chunk(b"VP8L", _packed(bits))])


def webp_of_transparent_groups(number: int) -> bytes:
    """Return a WebP whose transparency has so many groups of codes."""
    side = 4 * math.isqrt(number)
    canvas = struct.pack("<I", side - 1)[:3]
    alpha = riff_chunk(b"ALPH", b"\1" + _packed(_lossless_groups(number)))
    return riff(
        [
            riff_chunk(b"VP8X", b"\x10\0\0\0" + canvas + canvas),
            alpha,
            encoded(Image.new("RGB", (side, side)), "WEBP")[12:],
        ]
    )


def _lossless_groups(number: int) -> list[tuple[int, int]]:
    fields = [
        (0, 1),
        (1, 1),
        (11, 4),
        (1, 1),
        (0, 3),
        (0, 1),
    ]  # No transform, a cache of 2,048 colours, and squares of 4.
    fields += [*_even_codes(8, 256, 280), *_even_codes(8, 256, 256), *_ONE_SYMBOL * 3]
    for group in range(number):
        fields += [(TURNED[group & 255], 8), (TURNED[group >> 8], 8)]
    codes = _even_codes(11, 2_048, 2_328) + _even_codes(8, 256, 256) * 3 + _even_codes(5, 32, 40)
    return fields + codes * number


_ONE_SYMBOL = [(1, 4)]


def _even_codes(length: int, number: int, size: int) -> list[tuple[int, int]]:
    """Return the fields that give the first `number` of `size` symbols codes of the same length."""
    order = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11)
    many = order.index(length) + 1
    fields = [(0, 1), (many - 4, 4), *((at == length, 3) for at in order[:many])]
    if number == size:
        return [*fields, (0, 1)]
    width = (number - 2).bit_length() + (number - 2).bit_length() % 2
    return [*fields, (1, 1), (width // 2 - 1, 3), (number - 2, width)]


def _packed(fields: list[tuple[int, int]]) -> bytes:
    bits = Bits()
    bits.put(*fields)
    return bits.packed() + bytes(1_000)


def jpeg_of_hidden_passes(size: int) -> bytes:
    """Return a JPEG whose passes stand behind a marker that has no length, though it seems to have one."""
    side = 2_000
    scan = segment(0xDA, b"\1\1\0\1\x3f\0")
    codes = [segment(0xC4, bytes((kind, 1)) + bytes(16)) for kind in (0, 0x10)]
    blocks = (side // 8) ** 2
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xDB, b"\0" + b"\1" * 64),
            segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0"),
            *codes,
            segment(0xDD, struct.pack(">H", blocks - 1)),
            segment(0xDA, b"\1\1\0\0\0\0"),
            b"\0\xff\x02\xff\xff\xff\xd0",
            segment(0xDD, b"\0\0"),
            scan * (min(size, 60_000) // len(scan)),
            b"\xff\xd9",
        ]
    )


def jpeg_in_arithmetic(components: int = 4) -> bytes:
    """Return a JPEG of four megapixels in 31 passes without a byte of pixels."""
    side = 2_000
    named = bytes(range(1, components + 1))
    frame = struct.pack(">BHHB", 8, side, side, components) + b"".join(bytes((at, 0x11, 0)) for at in named)
    scans = [segment(0xDA, bytes((components,)) + b"".join(bytes((at, 0)) for at in named) + b"\0\0\0")]
    for at in named[:2]:
        scans += [
            segment(0xDA, bytes((1, at, 0, 1, 63, low)))
            for low in [13, *(high << 4 | high - 1 for high in range(13, 0, -1))]
        ]
    fill = bytes.fromhex("55aa137f") * 1_000
    return (
        b"\xff\xd8"
        + segment(0xDB, b"\0" + b"\1" * 64)
        + segment(0xCA, frame)
        + b"".join(scan + fill for scan in scans)
        + b"\xff\xd9"
    )
