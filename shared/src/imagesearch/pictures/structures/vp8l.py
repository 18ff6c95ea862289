"""Read a lossless WebP up to the number of its groups of codes (RFC 9649, section 3).

A picture may name 65,536 groups of five Huffman codes in two megabytes. Each takes a decoder up to 36 us and
14 KB, however few pixels use it. The number is found only behind the small pictures that say how to undo the
transforms, so these are read too, without making their pixels.
"""

from __future__ import annotations

import struct
from contextlib import suppress

from imagesearch.pictures.structures.bounds import Allowance, Dishonest

_SIGNATURE = 0x2F
_HEADER_BITS = 8 + 14 + 14 + 1 + 3

_BASE_GROUPS, _GROUP_PIXELS = 32, 256
_MANY_GROUPS, _MANY_GROUP_PIXELS = 1_024, 4_096
"""Groups of any picture, and pixels for each more, of small pictures and of large ones. The most that libwebp
wrote for pictures of many kinds of parts were 5 at 64 x 64 pixels, 8 at 120 x 120, 22 at 480 x 480 and 37 at
900 x 900."""
_BASE_SYMBOLS, _SYMBOL_PIXELS = 20_000, 64
"""Symbols of the small pictures, which take two microseconds each. Those of libwebp have a pixel for 256 of the
picture, or fewer than 2,600."""

_PREDICTOR, _CROSS_COLOUR, _INDEXING = 0, 1, 3
_LITERALS, _LENGTHS, _DISTANCES = 256, 24, 40
_LENGTH_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_REPEATS = {16: (2, 3), 17: (3, 3), 18: (7, 11)}
"""Bits and least number of what repeats the length before, or none."""
_MAX_CODE_LENGTH = 15


class _Damaged(Exception):
    """No decoder goes on here."""


def symbols(pixels: int) -> Allowance:
    """Return how many symbols the small pictures of a file of so many pixels may have."""
    return Allowance(pixels + _BASE_SYMBOLS * _SYMBOL_PIXELS, _SYMBOL_PIXELS, "symbols")


def size(data: bytes) -> tuple[int, int]:
    """Return the width and height in the header."""
    (bits,) = struct.unpack_from("<I", data, 1)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def check(data: bytes, width: int, height: int, allowed: Allowance, *, has_header: bool) -> None:
    """Check that there are not too many groups of codes.

    Args:
        data: the picture, with its header or, as transparency is stored, without.
        width: of the picture.
        height: of the picture.
        allowed: symbols, counted over all pictures of a file.
        has_header: the header is there.

    Raises:
        Dishonest: there are, or too many small pictures' symbols before them.
    """
    if has_header and data[:1] != bytes((_SIGNATURE,)):
        return
    with suppress(_Damaged):
        groups = _Reader(data, allowed, _HEADER_BITS if has_header else 0).groups(width, height)
        pixels = width * height
        most = _MANY_GROUPS + pixels // _MANY_GROUP_PIXELS
        if groups > min(most, _BASE_GROUPS + pixels // _GROUP_PIXELS):
            raise Dishonest("it has more groups of codes than its pixels need")


class _Code:
    """Look symbols up by the bits that follow, as many as the longest code has.

    Attributes:
        longest: bits of the longest code; none where there is one symbol only.
        entries: bits and symbol for each value of so many bits.
    """

    def __init__(self, lengths: list[int]) -> None:
        used = [(length, symbol) for symbol, length in enumerate(lengths) if length]
        if not used:
            raise _Damaged
        if len(used) == 1:
            self.longest, self.entries = 0, [(0, used[0][1])]
            return
        self.longest = max(used)[0]
        if sum(1 << self.longest - length for length, _ in used) != 1 << self.longest:
            raise _Damaged
        # Codes of one length follow each other; the first bit to be read is the highest.
        self.entries = [(0, 0)] * (1 << self.longest)
        code = 0
        for length, symbol in sorted(used):
            turned = int(f"{code:0{self.longest}b}"[::-1], 2)
            self.entries[turned :: 1 << length] = [(length, symbol)] * (1 << self.longest - length)
            code += 1 << self.longest - length


class _Reader:
    """Read bits, lowest first."""

    def __init__(self, data: bytes, allowed: Allowance, offset: int) -> None:
        self._data = data
        self._allowed = allowed
        self._place = offset // 8
        self._bits = self._held = 0

    def groups(self, width: int, height: int) -> int:
        """Return how many groups of codes the picture names."""
        seen = set()
        while self._take(1):
            kind = self._take(2)
            if kind in seen:
                raise _Damaged
            seen.add(kind)
            if kind in (_PREDICTOR, _CROSS_COLOUR):
                self._small_picture(width, height, self._take(3) + 2)
            elif kind == _INDEXING:
                colours = self._take(8) + 1
                self._small_picture(colours, 1, 0)
                packed = 0 if colours > 16 else 1 if colours > 4 else 2 if colours > 2 else 3
                width = -(-width >> packed)
        self._cached()
        return 1 + self._small_picture(width, height, self._take(3) + 2) if self._take(1) else 1

    def _fill(self, number: int) -> None:
        while self._held < number:
            more = self._data[self._place : self._place + 8]
            if not more:
                raise _Damaged
            self._bits |= int.from_bytes(more, "little") << self._held
            self._held += 8 * len(more)
            self._place += 8

    def _take(self, number: int) -> int:
        self._fill(number)
        value = self._bits & (1 << number) - 1
        self._bits >>= number
        self._held -= number
        return value

    def _symbol(self, code: _Code) -> int:
        if not code.longest:
            return code.entries[0][1]
        if self._held < code.longest:
            with suppress(_Damaged):  # The last symbol may be shorter than the longest.
                self._fill(code.longest)
        length, symbol = code.entries[self._bits & (1 << code.longest) - 1]
        self._take(length)
        return symbol

    def _cached(self) -> int:
        """Return how many colours are kept to be named again."""
        return 1 << self._take(4) if self._take(1) else 0

    def _code(self, size: int) -> _Code:
        lengths = [0] * size
        if self._take(1):
            number = self._take(1) + 1
            named = [self._take(8 if self._take(1) else 1), *([self._take(8)] if number == 2 else [])]
            for symbol in named:
                if symbol < size:
                    lengths[symbol] = 1
            return _Code(lengths)
        of_lengths = [0] * len(_LENGTH_ORDER)
        for at in _LENGTH_ORDER[: 4 + self._take(4)]:
            of_lengths[at] = self._take(3)
        code = _Code(of_lengths)
        left = 2 + self._take(2 + 2 * self._take(3)) if self._take(1) else size
        at, last = 0, 8
        while at < size and left:
            left -= 1
            length = self._symbol(code)
            if length <= _MAX_CODE_LENGTH:
                lengths[at] = length
                at, last = at + 1, length or last
                continue
            bits, least = _REPEATS[length]
            repeat = least + self._take(bits)
            if at + repeat > size:
                raise _Damaged
            lengths[at : at + repeat] = [last if length == 16 else 0] * repeat
            at += repeat
        return _Code(lengths)

    def _small_picture(self, width: int, height: int, shift: int) -> int:
        """Read a picture of one pixel for each square of that size; return the highest red and green of it."""
        left = -(-width >> shift) * -(-height >> shift)
        cached = self._cached()
        sizes = (_LITERALS + _LENGTHS + cached, _LITERALS, _LITERALS, _LITERALS, _DISTANCES)
        green_code, red_code, blue_code, alpha_code, distance_code = [self._code(size) for size in sizes]
        highest = 0
        while left > 0:
            self._allowed.take()
            green = self._symbol(green_code)
            left -= 1
            if green < _LITERALS:
                highest = max(highest, self._symbol(red_code) << 8 | green)
                self._symbol(blue_code)
                self._symbol(alpha_code)
            elif green < _LITERALS + _LENGTHS:
                left -= self._number(green - _LITERALS) - 1
                self._number(self._symbol(distance_code))
        return highest

    def _number(self, symbol: int) -> int:
        """Return a length or a distance from its symbol and the bits behind it."""
        if symbol < 4:
            return symbol + 1
        bits = symbol - 2 >> 1
        return (2 + (symbol & 1) << bits) + self._take(bits) + 1
