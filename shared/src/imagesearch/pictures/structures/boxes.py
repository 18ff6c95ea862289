"""Walk the boxes of an ISO base media file (ISO/IEC 14496-12), and write them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from imagesearch.pictures.structures.bounds import Allowance, Damaged


@dataclass(frozen=True, slots=True)
class Box:
    """Say where the body of a box lies in a file.

    Attributes:
        name: of four letters.
        start: of the body, behind the head.
        end: behind the last byte; of a file that was cut off, beyond it.
    """

    name: bytes
    start: int
    end: int


def outer_boxes(data: bytes, allowed: Allowance) -> Iterator[Box]:
    """Yield the boxes of a file; the last one may reach beyond its end.

    Raises:
        Damaged: what stands there is no box.
        Dishonest: there are more than are allowed.
    """
    return _boxes(data, 0, len(data), allowed)


def inner_boxes(data: bytes, outer: Box, allowed: Allowance, *, skip: int = 0) -> Iterator[Box]:
    """Yield the boxes within another one, behind the first `skip` bytes of its body.

    Raises:
        struct.error: the outer box reaches beyond the end of the file.
        Damaged, Dishonest: as `outer_boxes` says, and where one reaches beyond the box that holds it.
    """
    if outer.end > len(data):
        raise struct.error
    for box in _boxes(data, outer.start + skip, outer.end, allowed):
        if box.end > outer.end:
            raise Damaged("a box reaches beyond the one that holds it")
        yield box


def _boxes(data: bytes, offset: int, end: int, allowed: Allowance) -> Iterator[Box]:
    while offset + 8 <= end:
        allowed.take()
        size, name = struct.unpack_from(">I4s", data, offset)
        start = offset + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        elif size == 0:
            size = end - offset
        if size < start - offset:
            raise Damaged("a box is shorter than its head")
        yield Box(name, start, offset + size)
        offset += size


def box(name: bytes, *parts: bytes) -> bytes:
    """Return a box with a body made of parts."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def full_box(name: bytes, *parts: bytes) -> bytes:
    """Return a box of version 0 without flags."""
    return box(name, bytes(4), *parts)
