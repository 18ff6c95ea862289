"""What cameras note is told as far as it makes sense, and costs no picture anything."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import IFD, Base

from imagesearch.photo_facts import Fact
from imagesearch.pictures.exif_facts import read
from support.drawing import encoded, photo_like

ALL = tuple(Fact)
TOLD = {
    "exif.taken": "2024-05-01T10:11:12+02:00",
    "exif.camera": "Canon EOS R5",
    "exif.orientation": 6,
    "exif.latitude": 47.376944,
    "exif.longitude": -8.5,
}
NOTHING = dict.fromkeys(TOLD)


def noted(**changes: Any) -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Make] = changes.get("make", "Canon")
    exif[Base.Model] = changes.get("model", "Canon EOS R5")
    exif[Base.Orientation] = changes.get("orientation", 6)
    exif[Base.DateTime] = changes.get("changed", "2025:01:01 00:00:00")
    exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = changes.get("taken", "2024:05:01 10:11:12")
    exif.get_ifd(IFD.Exif)[Base.OffsetTimeOriginal] = changes.get("zone", "+02:00")
    exif.get_ifd(IFD.GPSInfo).update(
        {1: changes.get("north", "N"), 2: changes.get("latitude", (47.0, 22.0, 37.0)), 3: "W", 4: (8.0, 30.0, 0.0)}
    )
    return exif


def told(**changes: Any) -> dict[str, Any]:
    return read(encoded(photo_like(1, (32, 24)), exif=noted(**changes)), ALL)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_a_photo_tells_when_where_and_with_what_it_was_taken(name: str) -> None:
    found = read(encoded(photo_like(1, (64, 48)), name, exif=noted().tobytes()), ALL)
    # Writers of both keep the orientation as a property of the picture.
    expected = TOLD | ({"exif.orientation": found["exif.orientation"]} if name in {"HEIF", "AVIF"} else {})
    assert found == expected


def test_a_tiff_is_its_own_note() -> None:
    # Pillow writes the first directory alone, in which the time is that of the last change.
    found = read(encoded(photo_like(1, (64, 48)), "TIFF", exif=noted()), ALL)
    told = {"exif.taken": "2025-01-01T00:00:00", "exif.camera": "Canon EOS R5", "exif.orientation": 6}
    assert found == NOTHING | told


def test_only_what_is_asked_is_told() -> None:
    data = encoded(photo_like(1, (32, 24)), exif=noted())
    assert read(data, [Fact.CAMERA]) == {"exif.camera": "Canon EOS R5"}
    assert read(data, []) == {}


@pytest.mark.parametrize(
    "data", [b"", b"text", encoded(photo_like(1, (32, 24))), encoded(photo_like(1, (32, 24)), "GIF")]
)
def test_what_has_no_notes_tells_nothing(data: bytes) -> None:
    assert read(data, ALL) == NOTHING


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"make": "NIKON CORPORATION", "model": "D850"}, "camera", "NIKON CORPORATION D850"),
        ({"make": "", "model": ""}, "camera", None),
        ({"model": "Canon\x07 EOS"}, "camera", "Canon EOS"),
        ({"model": "Canon " + "x" * 500}, "camera", "Canon " + "x" * 122),
        ({"taken": "0000:00:00 00:00:00"}, "taken", "2025-01-01T00:00:00"),
        ({"taken": "2024:02:30 10:00:00", "changed": "soon"}, "taken", None),
        ({"zone": "CEST"}, "taken", "2024-05-01T10:11:12"),
        ({"orientation": 9}, "orientation", None),
        ({"latitude": (91.0, 0.0, 0.0)}, "latitude", None),
        ({"north": "E"}, "latitude", None),
        ({"north": "S"}, "latitude", -47.376944),
    ],
)
def test_what_makes_no_sense_is_left_out(changes: dict[str, Any], field: str, value: object) -> None:
    assert told(**changes)[f"exif.{field}"] == value


def test_a_place_without_its_other_half_is_none() -> None:
    assert told(north="?")["exif.longitude"] is None


NOTE = noted().tobytes()


@given(
    damage=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=12), cut=st.integers(0, 400)
)
@settings(max_examples=200, deadline=None)
def test_no_note_makes_reading_fail(damage: list[tuple[int, int]], cut: int) -> None:
    note = bytearray(NOTE)
    for offset, value in damage:
        note[offset % len(note)] = value
    file = io.BytesIO()
    Image.new("L", (2, 2)).save(file, "JPEG", exif=bytes(note[: len(note) - cut % len(note)]))
    assert read(file.getvalue(), ALL).keys() == NOTHING.keys()
