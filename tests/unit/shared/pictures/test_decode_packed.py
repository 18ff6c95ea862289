"""What is packed honestly is decoded, however hard it was to pack."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from imagesearch.pictures.decode import decode
from imagesearch.pictures.structures import Dishonest, check
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from support.drawing import encoded, photo_like
from support.hostile.packed import TURNED, webp_of_groups

SIZE = (600, 500)


def collage() -> Image.Image:
    """Return a picture of many kinds of parts, for which an encoder makes many groups of codes."""
    random = np.random.default_rng(3)
    made = photo_like(1, SIZE)
    for at in range(0, 500, 50):
        noise = random.integers(0, at // 2 + 2, (50, 300, 3), dtype=np.uint8)
        made.paste(Image.fromarray(noise), (at % 300, at))
    return made


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(4).integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8))


PICTURES = {"collage": collage, "noise": noise, "one colour": lambda: Image.new("RGB", SIZE, "teal")}


def is_decoded(data: bytes) -> bool:
    return bool(decode(data, Preprocessing(), PictureSettings()).pixels.size)


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("compression", ["zstd", "lzma", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
@pytest.mark.parametrize("rows", [8, SIZE[1] // 8 * 8])
def test_an_honest_tiff_is_a_picture(kind: str, compression: str, rows: int) -> None:
    assert is_decoded(encoded(PICTURES[kind](), "TIFF", compression=compression, tiffinfo={278: rows}))


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("method", [0, 4])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_an_honest_lossless_webp_is_a_picture(kind: str, method: int, mode: str) -> None:
    assert is_decoded(encoded(PICTURES[kind]().convert(mode), "WEBP", lossless=True, method=method, quality=100))


def test_transparency_that_is_hard_to_pack_is_a_picture() -> None:
    picture = collage()
    picture.putalpha(noise().convert("L"))
    assert is_decoded(encoded(picture, "WEBP", quality=70))
    frames = {"save_all": True, "append_images": [photo_like(2, SIZE)]}
    assert is_decoded(encoded(picture, "WEBP", lossless=True, **frames))


def test_some_groups_of_codes_are_let_pass() -> None:
    check("WEBP", webp_of_groups(16))
    with pytest.raises(Dishonest, match="groups of codes"):
        check("WEBP", webp_of_groups(64))


def test_bits_are_turned_both_ways() -> None:
    assert bytes(range(256)).translate(TURNED).translate(TURNED) == bytes(range(256))
