"""A picture becomes a square in the way that its collection says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from imagesearch.pictures import decode as decoding
from imagesearch.pictures.decode import decode
from imagesearch.pictures.framing import to_square
from imagesearch.pipeline import Aspect, Preprocessing
from imagesearch.settings import PictureSettings
from support.drawing import encoded, photo_like

LIMITS = PictureSettings()


def thirds(width: int, height: int) -> Image.Image:
    """Draw red, green and blue along the longer side."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for channel, part in enumerate(np.array_split(np.arange(max(width, height)), 3)):
        if width >= height:
            pixels[:, part, channel] = 200
        else:
            pixels[part, :, channel] = 200
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(600, 200), (200, 600)], ids=["wide", "tall"])
@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
def test_each_aspect_keeps_what_it_says(aspect: Aspect, size: tuple[int, int]) -> None:
    made = np.asarray(to_square(thirds(*size), Preprocessing("antialiased", aspect=aspect)))
    assert made.shape == (224, 224, 3)
    along = made[112] if size[0] > size[1] else made[:, 112]
    across = made[:, 112] if size[0] > size[1] else made[112]
    ends = [int(along[place].argmax()) for place in (2, 112, -3)]
    assert ends == ([1, 1, 1] if aspect == "crop" else [0, 1, 2])
    greys = (across == (124, 116, 104)).all(axis=1).sum()
    assert greys == (224 - 75 if aspect == "pad" else 0)


@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
@pytest.mark.parametrize("size", [(2, 4_000), (4_000, 2), (224, 224), (3, 2)])
def test_pictures_of_any_shape_become_squares(aspect: Aspect, size: tuple[int, int]) -> None:
    made = to_square(Image.new("RGB", size, "red"), Preprocessing("antialiased", aspect=aspect, side=320))
    assert made.size == (320, 320)


@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
def test_a_square_is_the_same_in_every_aspect(aspect: Aspect) -> None:
    picture = photo_like(3, (300, 300))
    squashed = to_square(picture, Preprocessing())
    assert np.array_equal(np.asarray(to_square(picture, Preprocessing(aspect=aspect))), np.asarray(squashed))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_at_a_fraction_and_keeps_its_size(
    orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    large = photo_like(9, (2_000, 1_600))
    data = encoded(large, quality=95, exif=exif)
    decoded = []
    monkeypatch.setattr(
        decoding, "to_square", lambda image, options: decoded.append(image.size) or to_square(image, options)
    )
    smaller = decode(data, Preprocessing("antialiased"), LIMITS)
    whole = decode(data, Preprocessing("bicubic"), LIMITS)
    full = (2_000, 1_600) if orientation == 1 else (1_600, 2_000)
    assert decoded == [(full[0] // 2, full[1] // 2), full]
    assert (smaller.width, smaller.height) == (whole.width, whole.height) == full
    difference = np.abs(smaller.pixels.astype(int) - whole.pixels.astype(int))
    assert difference.mean() < 1.5
