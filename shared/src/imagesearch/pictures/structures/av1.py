"""Read what a picture in AV1 claims, and pick from its units those that draw it."""

from __future__ import annotations

from dataclasses import dataclass

from imagesearch.pictures.structures.bits import Bits
from imagesearch.pictures.structures.bounds import Damaged, Dishonest
from imagesearch.pictures.structures.hevc import Coded

CODING = b"av01"
_CONFIGURATION_BYTES = 4
_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6
_DRAWS = frozenset({_SEQUENCE, _FRAME_HEADER, 4, _FRAME})
"""Units that are decoded: the sequence's header, those of frames, and groups of tiles."""
_MAX_FRAMES = 4
"""Frames of one picture: as many layers as it can have, each of which is decoded whole."""
_MAX_UNITS = 128
_MAX_SEQUENCE_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class _Unit:
    code: int
    start: int
    body: int
    end: int


def read(configuration: bytes, data: bytes) -> Coded:
    """Return a picture without what does not draw it.

    Args:
        configuration: the body of the configuration box.
        data: of the item.

    Raises:
        Damaged: they make no sense.
        Dishonest: they claim more than a picture has.
    """
    if len(configuration) < _CONFIGURATION_BYTES:
        raise Damaged("its configuration is too short")
    units, pixels, frames = [], 0, 0
    for unit in _units(data):
        if unit.code not in _DRAWS:
            continue
        units.append(data[unit.start : unit.end])
        frames += unit.code in {_FRAME_HEADER, _FRAME}
        if frames > _MAX_FRAMES or len(units) > _MAX_UNITS:
            raise Dishonest("it is made of more frames than a picture has")
        if unit.code == _SEQUENCE:
            pixels = max(pixels, _drawn_pixels(data[unit.body : min(unit.end, unit.body + _MAX_SEQUENCE_BYTES)]))
    if not pixels:
        raise Damaged("it does not say how large it is")
    return Coded(configuration[:_CONFIGURATION_BYTES], b"".join(units), pixels)


def _units(data: bytes) -> list[_Unit]:
    found, offset = [], 0
    while offset < len(data):
        head = data[offset]
        body = offset + (2 if head & 4 else 1)
        if not head & 2:
            found.append(_Unit(head >> 3 & 15, offset, body, len(data)))
            break
        length, body = _length(data, body)
        if body + length > len(data):
            raise Damaged("a unit reaches beyond its item")
        found.append(_Unit(head >> 3 & 15, offset, body, body + length))
        if len(found) > 2 * _MAX_UNITS:
            raise Dishonest("it is made of more units than a picture has")
        offset = body + length
    return found


def _length(data: bytes, offset: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    value = 0
    for place in range(8):
        if offset >= len(data):
            raise Damaged("a length reaches beyond its item")
        byte = data[offset]
        offset += 1
        value |= (byte & 127) << 7 * place
        if not byte & 128:
            return value, offset
    raise Damaged("a length has too many bytes")


def _drawn_pixels(body: bytes) -> int:
    """Return the most pixels that a frame of the sequence can have."""
    bits = Bits(body)
    bits.take(4)
    is_reduced = bool(bits.take(1))
    if is_reduced:
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(width_bits) + 1, bits.take(height_bits) + 1
    # A frame of a sequence may say its own size, within as many bits.
    return width * height if is_reduced else 1 << width_bits + height_bits


def _skip_operating_points(bits: Bits) -> None:
    delay_bits = None
    if bits.take(1):
        bits.take(64)
        if bits.take(1):
            bits.golomb()
        if bits.take(1):
            delay_bits = bits.take(5) + 1
            bits.take(42)
    has_delays = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits is not None and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_delays and bits.take(1):
            bits.take(4)
