"""What the network saw at a place is drawn where people see it, whatever was done to the picture in between."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imagesearch.pictures.decode import Picture, decode
from imagesearch.pictures.framing import Frame
from imagesearch.pictures.heat import beside_each_other, fitted_size, heat_over, overlay
from imagesearch.pictures.regions import Region
from imagesearch.pipeline import Aspect, Preprocessing
from imagesearch.settings import PictureSettings
from support.drawing import encoded, framed

CELLS = 14
SIDEWAYS = 6
"""What a camera that was held upright writes: the picture is to be turned by a quarter."""


def spot(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    """Draw a red box on grey."""
    picture = Image.new("RGB", size, (90, 90, 90))
    ImageDraw.Draw(picture).rectangle(box, fill=(255, 0, 0))
    return picture


def redness(picture: Picture) -> np.ndarray:
    """Stand in for a network that looks for red: float32[14, 14] of what it saw."""
    # The grey beside a padded picture has a little of it.
    red = np.maximum(picture.pixels[..., 0].astype(np.float32) - picture.pixels[..., 1] - 20, 0)
    cell = len(red) // CELLS
    return red.reshape(CELLS, cell, CELLS, cell).mean(axis=(1, 3))


def middle_of(heat: np.ndarray) -> tuple[float, float]:
    """Return where the heat is, in fractions of width and height."""
    down, across = np.indices(heat.shape)
    return (
        float(((across + 0.5) * heat).sum() / heat.sum() / heat.shape[1]),
        float(((down + 0.5) * heat).sum() / heat.sum() / heat.shape[0]),
    )


@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("size", [(448, 300), (300, 448)])
def test_heat_lies_where_the_thing_is_in_the_upright_picture(
    aspect: Aspect, is_turned: bool, size: tuple[int, int]
) -> None:
    # Not in the middle, and within what a crop keeps; with black borders, of which no two are alike.
    box = (size[0] // 2 - 90, size[1] // 2 - 90, size[0] // 2 - 30, size[1] // 2 - 40)
    whole = Image.new("RGB", (size[0] + 100, size[1] + 60))
    whole.paste(spot(size, box), (70, 20))
    exif = Image.Exif()
    if is_turned:
        exif[0x0112] = SIDEWAYS
    data = encoded(whole.transpose(Image.Transpose.ROTATE_90) if is_turned else whole, quality=95, exif=exif)
    picture = decode(data, Preprocessing("antialiased", aspect=aspect), PictureSettings(), preview=256)
    assert (picture.width, picture.height) == whole.size
    assert picture.preview is not None
    heat = heat_over(redness(picture), picture.frame, picture.preview.size)
    expected = ((box[0] + box[2]) / 2 + 70, (box[1] + box[3]) / 2 + 20)
    found = middle_of(heat)
    assert found[0] * whole.width == pytest.approx(expected[0], abs=12)
    assert found[1] * whole.height == pytest.approx(expected[1], abs=12)


def test_heat_of_a_part_lies_within_it() -> None:
    data = encoded(spot((400, 400), (210, 310, 260, 350)))
    box = Region(200, 300, 100, 100, is_fraction=False)
    picture = decode(data, Preprocessing(), PictureSettings(), box)
    assert picture.frame == Frame(0.5, 0.75, 0.75, 1.0)
    heat = heat_over(redness(picture), picture.frame, (200, 200))
    assert middle_of(heat) == pytest.approx((235 / 400, 330 / 400), abs=0.02)
    assert not heat[:148].any()
    assert not heat[:, :98].any()


def test_what_the_square_does_not_show_stays_cold_and_the_warmest_cell_is_one() -> None:
    cells = np.full((2, 2), -1.0, np.float32)
    cells[0, 1] = 0.25
    heat = heat_over(cells, Frame(0.25, 0.0, 0.75, 1.0), (80, 40))
    assert heat.max() == pytest.approx(1)
    assert not heat[:, :20].any()
    assert not heat[:, 60:].any()
    assert heat[5, 55] == pytest.approx(1)
    assert heat[35, 25] == 0
    assert not heat_over(-np.ones((2, 2), np.float32), Frame(), (8, 8)).any()


def test_an_overlay_is_transparent_where_it_is_cold_and_small() -> None:
    heat = np.zeros((160, 256))
    heat[40:80, 100:180] = 1
    data = overlay(heat)
    assert len(data) < 4_000
    with Image.open(io.BytesIO(data)) as made:
        assert (made.format, made.size) == ("PNG", (256, 160))
        colours = np.asarray(made.convert("RGBA"))
    assert colours[0, 0, 3] == 0
    red, green, _, opacity = colours[60, 140]
    assert red > 190
    assert green < 50
    assert 150 < opacity < 255, "what lies below still shows"


def test_pictures_are_drawn_beside_each_other_with_their_heat() -> None:
    pictures = [Image.new("RGB", (30, 20), "blue"), Image.new("RGB", (20, 30), "blue")]
    heats = [np.ones((20, 30)), np.zeros((30, 20))]
    with Image.open(io.BytesIO(beside_each_other(pictures, heats))) as made:
        assert made.size == (58, 30)
        warm, cold = made.getpixel((5, 5)), made.getpixel((45, 5))
    assert cold == (0, 0, 255)
    assert isinstance(warm, tuple)
    assert warm[0] > warm[2]


@pytest.mark.parametrize(
    ("size", "expected"), [((512, 100), (256, 50)), ((10, 20), (128, 256)), ((9_000, 1), (256, 1))]
)
def test_a_picture_is_fitted_whether_it_is_large_or_small(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fitted_size(size, 256) == expected


def test_a_preview_shows_the_whole_picture_upright_with_its_borders() -> None:
    picture = decode(
        encoded(framed(spot((200, 100), (0, 0, 99, 99)), 50, 50), "PNG"),
        Preprocessing(),
        PictureSettings(),
        preview=150,
    )
    assert picture.preview is not None
    assert picture.preview.size == (150, 100)
    assert picture.preview.getpixel((5, 5)) == (0, 0, 0)
    assert picture.preview.getpixel((50, 50)) == (255, 0, 0)
