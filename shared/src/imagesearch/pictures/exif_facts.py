"""Read facts from what cameras note in pictures: a few tags, each of which may be missing or nonsense.

A note that makes no sense says nothing; no picture fails for its sake.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from imagesearch.photo_facts import Fact
from imagesearch.pictures import formats, structures
from imagesearch.pictures.structures import Dishonest
from imagesearch.pictures.structures.bounds import MAX_ENTRIES

MAX_TEXT = 128
"""Characters of the name of a camera."""
_MAKE, _MODEL, _ORIENTATION, _CHANGED = 271, 272, 274, 306
_CAMERA_DIRECTORY, _PLACE_DIRECTORY = 34665, 34853
_TAKEN, _ZONE = 36867, 36881
_LATITUDE, _LONGITUDE = (1, 2), (3, 4)
"""Which half of the earth, and how far from its middle."""
_ASCII, _SHORT, _LONG, _RATIONAL, _DIRECTORY, _UTF8 = 2, 3, 4, 5, 13, 129
_WIDTHS = {_ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _DIRECTORY: 4, _UTF8: 1}
_MOMENT = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")

_Values = dict[int, tuple[int, int, int]]
"""Where the value of each tag lies: its kind, how many there are, and where they begin."""


def read(data: bytes, wanted: Iterable[Fact]) -> dict[str, Any]:
    """Return facts of a picture by their names in metadata, None for what it does not tell.

    Args:
        data: the whole file.
        wanted: which.
    """
    found: dict[str, Any] = {name: None for fact in wanted for name in fact.fields}
    name = formats.sniff(data)
    if name is not None:
        with suppress(Dishonest, struct.error):
            told = _Note(structures.note(name, data)).told()
            found |= {name: told[name] for name in found.keys() & told.keys()}
    return found


class _Note:
    """Read a small TIFF file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order = "<" if data.startswith(b"II") else ">"

    def told(self) -> dict[str, Any]:
        """Return all facts that it tells."""
        if not self._data.startswith((b"II*\0", b"MM\0*")):
            return {}
        (start,) = struct.unpack_from(self._order + "I", self._data, 4)
        first = self._directory(start)
        camera = self._directory(self._number(first, _CAMERA_DIRECTORY))
        place = self._directory(self._number(first, _PLACE_DIRECTORY))
        orientation = self._number(first, _ORIENTATION)
        told: dict[str, Any] = {
            "taken": self._moment(camera) or self._time(first, _CHANGED),
            "camera": self._camera(first),
            "orientation": orientation if orientation is not None and 1 <= orientation <= 8 else None,
        }
        latitude, longitude = self._angle(place, *_LATITUDE, 90), self._angle(place, *_LONGITUDE, 180)
        if latitude is not None and longitude is not None:
            told |= {"latitude": latitude, "longitude": longitude}
        return {f"exif.{name}": value for name, value in told.items() if value is not None}

    def _directory(self, start: int | None) -> _Values:
        found: _Values = {}
        if start is None:
            return found
        with suppress(struct.error):
            (number,) = struct.unpack_from(self._order + "H", self._data, start)
            for at in range(start + 2, start + 2 + 12 * min(number, MAX_ENTRIES), 12):
                tag, kind, count = struct.unpack_from(self._order + "HHI", self._data, at)
                size = count * _WIDTHS.get(kind, 0)
                if not size:
                    continue
                place = at + 8
                if size > 4:
                    (place,) = struct.unpack_from(self._order + "I", self._data, place)
                if place + size <= len(self._data):
                    found.setdefault(tag, (kind, count, place))
        return found

    def _number(self, values: _Values, tag: int) -> int | None:
        kind, count, at = values.get(tag, (0, 0, 0))
        if kind not in {_SHORT, _LONG, _DIRECTORY} or count != 1:
            return None
        value: int = struct.unpack_from(self._order + ("H" if kind == _SHORT else "I"), self._data, at)[0]
        return value

    def _text(self, values: _Values, tag: int) -> str:
        kind, count, at = values.get(tag, (0, 0, 0))
        if kind not in {_ASCII, _UTF8}:
            return ""
        raw = self._data[at : at + min(count, 4 * MAX_TEXT)].partition(b"\0")[0]
        text = raw.decode(errors="ignore")
        return "".join(sign for sign in text if sign.isprintable()).strip()[:MAX_TEXT]

    def _camera(self, values: _Values) -> str | None:
        make, model = self._text(values, _MAKE), self._text(values, _MODEL)
        # Most makers begin the name of the model with their own.
        has_make = not make or model.lower().startswith(make.lower())
        return (model if has_make else f"{make} {model}").strip()[:MAX_TEXT] or None

    def _moment(self, values: _Values) -> str | None:
        taken, offset = self._time(values, _TAKEN), self._text(values, _ZONE)
        return taken + offset if taken and _OFFSET.fullmatch(offset) else taken

    def _time(self, values: _Values, tag: int) -> str | None:
        found = _MOMENT.fullmatch(self._text(values, tag))
        if not found:
            return None
        with suppress(ValueError):
            return datetime.strptime(found[0], "%Y:%m:%d %H:%M:%S").isoformat()
        return None

    def _angle(self, values: _Values, side: int, tag: int, most: int) -> float | None:
        kind, count, at = values.get(tag, (0, 0, 0))
        half = self._text(values, side).upper()
        if kind != _RATIONAL or count != 3 or half not in {"N", "S", "E", "W"} or (most == 90) != (half in "NS"):
            return None
        numbers = struct.unpack_from(self._order + "6I", self._data, at)
        if not all(numbers[1::2]):
            return None
        parts: Iterator[float] = (above / below for above, below in zip(numbers[::2], numbers[1::2], strict=True))
        degrees = sum(part / share for part, share in zip(parts, (1, 60, 3600), strict=True))
        return round(-degrees if half in "SW" else degrees, 6) if degrees <= most else None
