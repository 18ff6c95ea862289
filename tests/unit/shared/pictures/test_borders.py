"""Black borders go, and nothing else does."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagesearch.contract import Pixels
from imagesearch.pictures.borders import trim_black_borders
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from support.drawing import encoded, framed, night_sky, photo_like

LIMITS = PictureSettings()
TOLERANCE = Preprocessing().border_tolerance
LEVELS = st.integers(0, TOLERANCE) | st.integers(129, 255)


def trimmed(picture: Image.Image) -> Pixels:
    return trim_black_borders(np.asarray(picture), TOLERANCE)


def trimmed_rows(pixels: Pixels) -> Pixels:
    cut = trim_black_borders(pixels, TOLERANCE)
    assert cut.shape[1] == pixels.shape[1]
    return cut


@pytest.mark.parametrize(("across", "down"), [(0, 30), (40, 0), (25, 35), (1, 1)])
def test_bars_are_removed_exactly(across: int, down: int) -> None:
    photo = photo_like(1, (200, 150))
    assert np.array_equal(trimmed(framed(photo, across, down)), np.asarray(photo))


def test_bars_may_differ_from_side_to_side() -> None:
    frame = Image.new("RGB", (300, 200))
    photo = photo_like(2, (120, 80))
    frame.paste(photo, (7, 90))
    assert np.array_equal(trimmed(frame), np.asarray(photo))


def test_a_picture_without_a_border_stays_whole() -> None:
    photo = photo_like(3)
    assert trimmed(photo).shape == np.asarray(photo).shape


def test_black_rows_inside_the_picture_stay() -> None:
    pixels = np.array(photo_like(4, (100, 80)))
    pixels[30:50] = 0
    pixels[:, 60:70] = 0
    assert np.array_equal(trim_black_borders(pixels, TOLERANCE), pixels)


@pytest.mark.parametrize("level", [0, TOLERANCE])
def test_an_all_black_picture_stays_whole(level: int) -> None:
    assert trimmed(Image.new("RGB", (30, 20), (level, level, level))).shape == (20, 30, 3)


def test_only_the_darkest_levels_count_as_black() -> None:
    photo = photo_like(5, (50, 40))
    assert trimmed(framed(photo, 5, 5, (TOLERANCE, 0, TOLERANCE))).shape == (40, 50, 3)
    assert trimmed(framed(photo, 5, 5, (TOLERANCE + 1,) * 3)).shape == (50, 60, 3)


def test_the_stars_of_a_night_sky_stay() -> None:
    sky = night_sky(6)
    assert np.array_equal(trimmed(sky), np.asarray(sky))


def test_a_dark_photo_loses_its_bars_and_no_row_of_its_own() -> None:
    dark = Image.fromarray((np.asarray(photo_like(7, (200, 150))) // 2).astype(np.uint8))
    assert np.asarray(dark).min() > TOLERANCE
    assert np.array_equal(trimmed(framed(dark, 10, 20)), np.asarray(dark))


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize(("across", "down"), [(0, 45), (3, 3), (5, 0), (13, 6), (21, 39)])
def test_a_jpeg_loses_its_border_to_the_row_whatever_the_blocks(
    across: int, down: int, subsampling: int, quality: int
) -> None:
    photo = photo_like(across + down)
    data = encoded(framed(photo, across, down), quality=quality, subsampling=subsampling)
    with Image.open(io.BytesIO(data)) as opened:
        cut = trimmed(opened.convert("RGB"))
    assert cut.shape == (240, 320, 3)
    assert np.abs(cut.astype(int) - np.asarray(photo)).mean() < 12


@pytest.mark.parametrize("across", [2, 3, 5, 7, 8, 11, 16])
def test_a_jpeg_with_a_border_meets_its_original(across: int) -> None:
    photo = photo_like(across)
    boxed = decode(encoded(framed(photo, across, across), quality=70), Preprocessing(), LIMITS).pixels
    alone = decode(encoded(photo, quality=70), Preprocessing(), LIMITS).pixels
    assert np.abs(boxed.astype(int) - alone).mean() < 12


@pytest.mark.parametrize("quality", [40, 60, 95])
@pytest.mark.parametrize("seed", range(12))
def test_a_jpeg_without_a_border_keeps_its_edges(seed: int, quality: int) -> None:
    with Image.open(io.BytesIO(encoded(photo_like(seed), quality=quality))) as opened:
        assert trimmed(opened.convert("RGB")).shape == (240, 320, 3)


def edged(*levels: int, bar: int = 0, size: tuple[int, int] = (320, 240)) -> Pixels:
    """Return a photo whose first rows have these means, half of their pixels black, below a black bar."""
    pixels = np.array(photo_like(13, size))
    pixels[: bar + len(levels)] = 0
    for row, level in enumerate(levels, bar):
        pixels[row, ::2] = 2 * level
    return pixels


@pytest.mark.parametrize("bar", [0, 1, 20])
@pytest.mark.parametrize("levels", [(7, 14), (12, 6, 18), (6, 11, 7) * 5, (8, 20, 30)])
def test_dim_rows_between_black_and_the_picture_go(levels: tuple[int, ...], bar: int) -> None:
    assert len(trimmed_rows(edged(*levels, bar=bar))) == 240 - bar - len(levels)


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param((25,) * 8, id="dark but not black"),
        pytest.param((6,) * 17, id="deeper than a block"),
        pytest.param((6, 9, 13, 18, 25, 37, 50, 66, 80, 95), id="a gradient"),
    ],
)
def test_a_dark_edge_of_a_photo_stays(levels: tuple[int, ...]) -> None:
    pixels = edged(*levels)
    assert len(trimmed_rows(pixels)) == len(pixels)


def test_stars_over_a_bright_horizon_stay() -> None:
    pixels = edged(*[0] * 10)
    pixels[:10, ::40] = 200
    assert np.array_equal(trim_black_borders(pixels, TOLERANCE), pixels)


def test_a_dim_object_before_black_stays() -> None:
    """A disc's first rows grow steadily: nothing jumps as at a straight edge."""
    y, x = np.indices((200, 200))
    pixels = np.repeat(np.uint8(90) * ((y - 100) ** 2 + (x - 100) ** 2 < 80**2)[:, :, None], 3, axis=2)
    assert trim_black_borders(pixels, TOLERANCE).shape == (159, 159, 3)


def test_a_small_picture_loses_an_eighth_at_most() -> None:
    assert len(trimmed_rows(edged(*[6] * 5, size=(40, 40)))) == 35
    assert len(trimmed_rows(edged(*[6] * 6, size=(40, 40)))) == 40


def test_the_result_is_a_view_and_costs_no_copy() -> None:
    pixels = np.asarray(framed(photo_like(8), 9, 9))
    assert np.shares_memory(trim_black_borders(pixels, TOLERANCE), pixels)


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), LEVELS), max_size=6),
)
def test_trimming_agrees_with_a_plain_definition(
    width: int, height: int, lights: list[tuple[int, int, int]]
) -> None:
    """Where every light is brighter than what a JPEG leaves in a border, only black rows go."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    for x, y, level in lights:
        pixels[y % height, x % width, level % 3] = level
    rows = [y for y in range(height) if pixels[y].max() > TOLERANCE]
    columns = [x for x in range(width) if pixels[:, x].max() > TOLERANCE]
    expected = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows else pixels
    result = trim_black_borders(pixels, TOLERANCE)
    assert np.array_equal(result, expected)
    assert np.array_equal(trim_black_borders(result, TOLERANCE), result)


@pytest.mark.parametrize("size", [(64, 48), (3000, 1700)])
@pytest.mark.parametrize(("across", "down"), [(0, 0), (0, 13), (13, 0), (9, 600)])
def test_decoding_trims_like_the_function_whatever_the_size(size: tuple[int, int], across: int, down: int) -> None:
    """Decoding looks at a large picture in pieces; 5 to 8 megapixels are several."""
    picture = framed(photo_like(9, size), across, down)
    expected = Image.fromarray(trimmed(picture)).resize((224, 224), Image.Resampling.NEAREST)
    assert np.array_equal(decode(encoded(picture, "BMP"), Preprocessing(), LIMITS).pixels, np.asarray(expected))


def test_a_letterboxed_picture_is_the_picture() -> None:
    photo = photo_like(10)
    plain = decode(encoded(photo, "PNG"), Preprocessing(), LIMITS)
    boxed = decode(encoded(framed(photo, 0, 50), "PNG"), Preprocessing(), LIMITS)
    assert np.array_equal(plain.pixels, boxed.pixels)


def test_trimming_can_be_switched_off() -> None:
    boxed = encoded(framed(photo_like(11), 0, 50), "PNG")
    assert decode(boxed, Preprocessing(trim_borders=False), LIMITS).pixels[:20].max() == 0


def test_bars_that_are_transparent_are_white_and_stay() -> None:
    boxed = framed(photo_like(12), 0, 50)
    boxed.putalpha(Image.fromarray(np.uint8(255) * (np.asarray(boxed).max(axis=2) > 0)))
    assert decode(encoded(boxed, "PNG"), Preprocessing(), LIMITS).pixels[0].min() == 255
