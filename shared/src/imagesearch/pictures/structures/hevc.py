"""Read what a picture in HEVC (ITU-T H.265) claims, and pick from its units those that draw it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from imagesearch.pictures.structures.bits import Bits
from imagesearch.pictures.structures.bounds import Allowance, Damaged, Dishonest

CODING = b"hvc1"
_HEADER_BYTES, _LENGTH_AT = 22, 21
_PARAMETERS = frozenset({32, 33, 34})
"""Units that describe the video, the sequence and the picture."""
_SEQUENCE = 33
_PICTURES = range(16, 22)
"""Units of a picture that stands for itself. Others need pictures that are not there."""
_MAX_PARAMETERS, _MAX_PARAMETER_BYTES = 16, 8 * 1024
"""Encoders write one of each kind, of some tens of bytes."""

_BASE_SLICES, _SLICE_BYTES = 8, 64 * 1024
"""Slices, and bytes for each more: one may draw the whole picture again, whatever those before have drawn."""
_BASE_UNITS, _UNIT_BYTES = 64, 1_024
_EMULATED = b"\0\0\3"
_ALL_PROFILE_BITS, _LEVEL_BITS = 88, 8
_SPARE_CHROMA = 3


@dataclass(frozen=True, slots=True)
class Coded:
    """Hold a picture as its decoder takes it.

    Attributes:
        header: the parameters, in the form of a configuration box.
        data: the units of the picture, each behind its length in four bytes.
        pixels: that a decoder draws, whatever is cut from them afterwards.
    """

    header: bytes
    data: bytes
    pixels: int


def read(configuration: bytes, data: bytes) -> Coded:
    """Return a picture without what does not draw it.

    Args:
        configuration: the body of the configuration box.
        data: of the item.

    Raises:
        struct.error, Damaged: they make no sense.
        Dishonest: they claim more than a picture has.
    """
    if len(configuration) <= _HEADER_BYTES or configuration[_LENGTH_AT] & 3 != 3:
        raise Damaged("its lengths are not of four bytes")
    arrays, pixels, total, offset = [], 0, 0, _HEADER_BYTES + 1
    for _ in range(configuration[_HEADER_BYTES]):
        kind, number = struct.unpack_from(">BH", configuration, offset)
        offset += 3
        for _ in range(number):
            (length,) = struct.unpack_from(">H", configuration, offset)
            unit = configuration[offset + 2 : offset + 2 + length]
            offset += 2 + length
            total += length
            if kind & 63 not in _PARAMETERS:
                continue
            arrays.append(struct.pack(">BHH", kind, 1, len(unit)) + unit)
            if len(arrays) > _MAX_PARAMETERS or total > _MAX_PARAMETER_BYTES:
                raise Dishonest("it has more parameters than a picture needs")
            if kind & 63 == _SEQUENCE:
                pixels = max(pixels, _drawn_pixels(unit))
    if not pixels:
        raise Damaged("it does not say how large it is")
    header = configuration[:_HEADER_BYTES] + bytes((len(arrays),)) + b"".join(arrays)
    return Coded(header, _first_picture(data), pixels)


def _first_picture(data: bytes) -> bytes:
    """Return the units of the first picture of the first layer, and nothing else."""
    slices = Allowance(len(data), _SLICE_BYTES, "slices", base=_BASE_SLICES)
    every = Allowance(len(data), _UNIT_BYTES, "units", base=_BASE_UNITS)
    units: list[bytes] = []
    offset = 0
    while offset < len(data):
        every.take()
        (length,) = struct.unpack_from(">I", data, offset)
        unit = data[offset + 4 : offset + 4 + length]
        if len(unit) < length:
            raise Damaged("a unit reaches beyond its item")
        offset += 4 + length
        if length < 3 or unit[0] >> 1 & 63 not in _PICTURES or unit[0] & 1 or unit[1] >> 3:
            continue
        is_first = unit[2] >> 7
        if units and is_first:
            break
        slices.take()
        units.append(data[offset - 4 - length : offset])
    return b"".join(units)


def _drawn_pixels(unit: bytes) -> int:
    bits = Bits(unit[2:].replace(_EMULATED, b"\0\0"))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    bits.take(_ALL_PROFILE_BITS + _LEVEL_BITS)
    given = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for has_profile, has_level in given:
        bits.take(has_profile * _ALL_PROFILE_BITS + has_level * _LEVEL_BITS)
    bits.golomb()
    if bits.golomb() == _SPARE_CHROMA:
        bits.take(1)
    return bits.golomb() * bits.golomb()
