"""A box is read one way, lies within its picture or is refused, and equals cropping first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagesearch.pictures.decode import decode
from imagesearch.pictures.regions import InvalidRegion, Region
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from support.drawing import encoded, framed, photo_like

LIMITS = PictureSettings()


@pytest.mark.parametrize(
    ("raw", "pixels"),
    [
        ("10,20,30,40", (10, 20, 40, 60)),
        (" 10, 20 ,30,40 ", (10, 20, 40, 60)),
        ([10, 20, 30, 40], (10, 20, 40, 60)),
        ("0,0,200,100", (0, 0, 200, 100)),
        ("0.0,0.0,1.0,1.0", (0, 0, 200, 100)),
        ("0,0,1.0,1", (0, 0, 200, 100)),
        ([0, 0.5, 0.25, 0.5], (0, 50, 50, 100)),
        ("0.1,0.1,0.9,0.9", (20, 10, 200, 100)),
        (".5,.5,.5,.5", (100, 50, 200, 100)),
    ],
)
def test_whole_numbers_are_pixels_and_a_decimal_point_makes_fractions(
    raw: object, pixels: tuple[int, int, int, int]
) -> None:
    assert Region.parse(raw).pixels(200, 100, 2) == pixels


@pytest.mark.parametrize(
    "raw",
    [
        *("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,nan", "1e1,0,2,2", "-1,0,5,5", "0,0,0,5", "0,0,5,0"),
        *("0.5,0.5,0.6,0.5", "0.1,0.1,2.0,0.5", "1_0,0,5,5", "٣,0,5,5", "9" * 20 + ",0,1,1"),
        *(None, 5, {}, [1, 2, 3], [1, 2, 3, "4"], [True, 0, 5, 5], [float("nan"), 0, 5, 5], [-1, 0, 5, 5]),
    ],
)
def test_what_is_no_box_is_refused(raw: Any) -> None:
    with pytest.raises(InvalidRegion):
        Region.parse(raw)


@pytest.mark.parametrize("raw", ["150,0,51,10", "0,95,10,6", "200,0,5,5", "0,0,1,50", "0.999,0.0,0.001,1.0"])
def test_a_box_beyond_the_picture_or_too_small_for_one_is_refused(raw: str) -> None:
    with pytest.raises(InvalidRegion):
        Region.parse(raw).pixels(200, 100, 2)


def test_boxes_in_pixels_and_in_fractions_have_different_names() -> None:
    names = {str(Region.parse(raw)) for raw in ("0,0,1,1", "0,0,1.0,1", "0,0,2,1", "0.0,0.0,0.5,0.5")}
    assert len(names) == 4


@pytest.mark.parametrize("box", ["40,30,100,80", "0.125,0.125,0.3125,0.33333333"])
def test_a_box_gives_the_pixels_of_the_picture_cropped_first(box: str) -> None:
    picture = photo_like(3, (320, 240))
    cropped = picture.crop((40, 30, 140, 110))
    part = decode(encoded(picture, "PNG"), Preprocessing(), LIMITS, Region.parse(box))
    whole = decode(encoded(cropped, "PNG"), Preprocessing(), LIMITS)
    assert np.array_equal(part.pixels, whole.pixels)
    assert (part.width, part.height) == (320, 240)


def test_a_box_is_meant_in_the_picture_as_it_is_seen() -> None:
    picture = photo_like(4, (320, 240))
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(turned, "PNG", exif=exif)
    box = Region.parse("40,30,100,80")
    upright = decode(data, Preprocessing(), LIMITS)
    assert (upright.width, upright.height) == (320, 240)
    expected = decode(encoded(picture.crop((40, 30, 140, 110)), "PNG"), Preprocessing(), LIMITS)
    assert np.array_equal(decode(data, Preprocessing(), LIMITS, box).pixels, expected.pixels)


def test_black_borders_go_after_the_box_was_cut() -> None:
    picture = framed(photo_like(5, (160, 120)), 20, 10)
    part = decode(encoded(picture, "PNG"), Preprocessing(), LIMITS, Region.parse("10,0,180,140"))
    bare = decode(encoded(photo_like(5, (160, 120)), "PNG"), Preprocessing(), LIMITS)
    assert np.array_equal(part.pixels, bare.pixels)
