"""Thumbnails fit their size, stand upright, tell nothing else, and refuse what `decode` refuses."""

from __future__ import annotations

import io
from typing import Literal

import pytest
from PIL import Image

from imagesearch.errors import PictureRejected
from imagesearch.pictures.thumbnails import thumbnail
from imagesearch.settings import PictureSettings
from support.drawing import encoded, photo_like

LIMITS = PictureSettings()


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("size", "expected"), [((1600, 1200), (128, 96)), ((300, 900), (43, 128)), ((50, 40), (50, 40))]
)
def test_a_thumbnail_fits_and_is_never_enlarged(
    size: tuple[int, int], expected: tuple[int, int], file_format: Literal["JPEG", "WEBP"]
) -> None:
    made = Image.open(io.BytesIO(thumbnail(encoded(photo_like(1, size)), 128, LIMITS, file_format)))
    assert made.format == file_format
    assert made.size == expected


def test_a_thumbnail_stands_upright_and_carries_no_notes() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "where it was taken"
    made = Image.open(io.BytesIO(thumbnail(encoded(photo_like(1, (400, 200)), exif=exif), 128, LIMITS)))
    assert made.size == (64, 128)
    assert not made.getexif()


def test_transparency_becomes_white() -> None:
    made = Image.open(io.BytesIO(thumbnail(encoded(Image.new("RGBA", (64, 64), (9, 9, 9, 0)), "PNG"), 64, LIMITS)))
    assert made.getpixel((30, 30)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"no picture", encoded(photo_like(1))[:800]])
def test_what_cannot_be_decoded_is_rejected(data: bytes) -> None:
    with pytest.raises(PictureRejected):
        thumbnail(data, 128, LIMITS)


def test_a_thumbnail_carries_no_comment_however_long_it_is() -> None:
    gif = encoded(photo_like(1, (90, 60)), "GIF", comment=b"a" * 70_000)
    assert Image.open(io.BytesIO(thumbnail(gif, 64, LIMITS))).size == (64, 43)
    jpeg = encoded(photo_like(1, (90, 60)), "JPEG", comment=b"a secret note")
    assert b"secret" not in thumbnail(jpeg, 64, LIMITS)
