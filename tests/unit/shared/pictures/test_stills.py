"""HEIF and AVIF files become the pixels that their libraries draw, whatever else is in them."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
from dataclasses import replace

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps

from imagesearch.errors import PictureRejected
from imagesearch.failures import FailureCode
from imagesearch.pictures import formats
from imagesearch.pictures.decode import OpenedPicture, open_picture
from imagesearch.pictures.structures.boxes import box, full_box
from imagesearch.pictures.thumbnails import thumbnail
from imagesearch.settings import PictureSettings
from support.drawing import encoded, photo_like
from support.hostile.boxed import Item, drawn, grid, single
from support.hostile.layouts import with_data_first
from support.hostile.still_bombs import only_a_sequence

LIMITS = PictureSettings()
STILLS = ("HEIF", "AVIF")


def opened(data: bytes) -> OpenedPicture:
    return open_picture(data, LIMITS)


def refusal(data: bytes, limits: PictureSettings = LIMITS) -> PictureRejected:
    with pytest.raises(PictureRejected) as caught:
        open_picture(data, limits)
    return caught.value


def by_its_library(data: bytes) -> Image.Image:
    """Return what Pillow shows with the plugin of its own and that of libheif, upright and on white."""
    pillow_heif.register_heif_opener()
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.has_transparency_data:
        paper = Image.new("RGB", image.size, "white")
        paper.paste(image, mask=image)
        return paper
    return image.convert("RGB")


def see_through(size: tuple[int, int] = (61, 40)) -> Image.Image:
    picture = photo_like(2, size).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(size))
    return picture


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


PHOTO = photo_like(1, (61, 41))
FILES = {
    "heic": lambda: encoded(PHOTO, "HEIF"),
    "heic, grey": lambda: encoded(PHOTO.convert("L"), "HEIF"),
    "heic, full colours": lambda: encoded(PHOTO, "HEIF", chroma=444),
    "heic, transparent": lambda: encoded(see_through(), "HEIF"),
    "heic, in tiles": lambda: encoded(photo_like(3, (260, 190)), "HEIF", tile_size=128),
    "heic, several": lambda: encoded(PHOTO, "HEIF", save_all=True, append_images=[photo_like(4, (61, 41))]),
    "heic, the second": lambda: encoded(
        PHOTO, "HEIF", save_all=True, append_images=[photo_like(4, (61, 41))], primary_index=1
    ),
    "avif": lambda: encoded(PHOTO, "AVIF"),
    "avif, grey": lambda: encoded(PHOTO.convert("L"), "AVIF"),
    "avif, transparent": lambda: encoded(see_through(), "AVIF"),
    "avif, dimmed": lambda: encoded(PHOTO, "AVIF", range="limited", subsampling="4:4:4"),
    "avif, moving": lambda: encoded(PHOTO, "AVIF", save_all=True, append_images=[photo_like(4, (61, 41))]),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_gives_the_pixels_that_its_library_draws(kind: str) -> None:
    data = FILES[kind]()
    expected = by_its_library(data)
    picture = opened(data)
    assert (picture.width, picture.height, picture.format) == (
        *expected.size,
        "HEIF" if "heic" in kind else "AVIF",
    )
    assert np.array_equal(np.asarray(picture.image), np.asarray(expected))


@pytest.mark.parametrize("name", STILLS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_once(name: str, orientation: int) -> None:
    """Writers put the orientation into properties; what the EXIF says as well turns nothing again."""
    photo = photo_like(4, (64, 48))
    picture = opened(encoded(photo, name, exif=turned(orientation).tobytes(), quality=95))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded(photo, "PNG", exif=turned(orientation)))))
    assert (picture.width, picture.height) == upright.size
    assert np.abs(np.asarray(picture.image).astype(int) - np.asarray(upright)).mean() < 20


def test_what_the_exif_alone_says_of_the_orientation_turns_nothing() -> None:
    what = drawn("HEIF")
    made = single("HEIF", what)
    note = b"\0\0\0\6Exif\0\0" + turned(6).tobytes()[6:]
    made.items.append(Item(b"Exif", note))
    made.references = {(b"cdsc", 2): [1]}
    assert np.array_equal(
        np.asarray(opened(made.bytes()).image), np.asarray(opened(single("HEIF", what).bytes()).image)
    )


def test_a_mirror_before_a_turn_is_not_one_after_it() -> None:
    flip, turn = box(b"imir", b"\1"), box(b"irot", b"\1")
    plain = opened(single("HEIF", drawn("HEIF")).bytes()).image
    for properties, steps in (
        ((flip, turn), (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90)),
        ((turn, flip), (Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT)),
    ):
        expected = plain.transpose(steps[0]).transpose(steps[1])
        made = opened(single("HEIF", drawn("HEIF"), *properties).bytes())
        assert np.array_equal(np.asarray(made.image), np.asarray(expected))


def clap(*numbers: int) -> bytes:
    return box(b"clap", struct.pack(">IIIIiIiI", *numbers))


@pytest.mark.parametrize("name", STILLS)
def test_what_a_file_cuts_off_is_not_seen(name: str) -> None:
    whole = opened(single(name, drawn(name)).bytes()).image
    cut = opened(single(name, drawn(name), clap(100, 1, 60, 1, -10, 1, 5, 1)).bytes())
    assert (cut.width, cut.height) == (100, 60)
    assert np.array_equal(np.asarray(cut.image), np.asarray(whole.crop((20, 35, 120, 95))))


@pytest.mark.parametrize(
    "numbers",
    [
        (161, 1, 60, 1, 0, 1, 0, 1),
        (100, 1, 60, 1, 40, 1, 0, 1),
        (1, 0, 1, 0, 0, 0, 0, 0),
        (0, 1, 9, 1, 0, 1, 0, 1),
    ],
)
def test_a_cut_beyond_the_picture_is_damage(numbers: tuple[int, ...]) -> None:
    assert refusal(single("HEIF", drawn("HEIF"), clap(*numbers)).bytes()).code is FailureCode.UNREADABLE


@pytest.mark.parametrize("name", STILLS)
def test_a_file_that_was_cut_off_is_truncated(name: str) -> None:
    data = encoded(PHOTO, name)
    for length in (20, 200, len(data) // 2, len(data) - 1):
        assert refusal(data[:length]).code is FailureCode.TRUNCATED
    assert refusal(with_data_first(encoded(PHOTO, name))[:-1]).code is FailureCode.TRUNCATED


@pytest.mark.parametrize("name", STILLS)
def test_a_picture_of_zeros_is_unreadable(name: str) -> None:
    what = drawn(name)
    assert refusal(single(name, what, data=bytes(len(what.data))).bytes()).code is FailureCode.UNREADABLE


@pytest.mark.parametrize("name", STILLS)
def test_too_many_pixels_are_refused_before_they_are_drawn(name: str) -> None:
    made = refusal(single(name, replace(drawn(name), size=(20_000, 20_000))).bytes())
    assert made.code is FailureCode.TOO_LARGE
    limits = PictureSettings(max_pixels=160 * 120 - 1)
    assert refusal(single(name, drawn(name)).bytes(), limits).code is FailureCode.TOO_LARGE


def test_a_picture_that_is_smaller_than_it_says_is_damage() -> None:
    assert refusal(single("HEIF", replace(drawn("HEIF"), size=(170, 120))).bytes()).code is FailureCode.UNREADABLE


@pytest.mark.parametrize(
    ("kind", "said"),
    [(b"jpeg", "in JPEG"), (b"unci", "no coding"), (b"mski", "a mask"), (b"what", "nobody knows")],
)
def test_other_codings_are_unsupported(kind: bytes, said: str) -> None:
    made = single("HEIF", drawn("HEIF"))
    made.items[0] = replace(made.items[0], kind=kind)
    rejected = refusal(made.bytes())
    assert rejected.code is FailureCode.UNSUPPORTED_FORMAT
    assert said in rejected.reason


def test_a_sequence_without_a_still_picture_is_unsupported() -> None:
    assert refusal(only_a_sequence("HEIF")).code is FailureCode.UNSUPPORTED_FORMAT
    film = box(b"ftyp", b"hevc", bytes(4), b"msf1") + box(b"moov", bytes(20))
    assert refusal(film).code is FailureCode.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("again", [b"pitm", b"iloc", b"iprp"])
def test_what_is_said_twice_is_damage(again: bytes) -> None:
    made = replace(single("HEIF", drawn("HEIF")), inner=full_box(again, bytes(8)))
    assert refusal(made.bytes()).code is FailureCode.UNREADABLE


def tiles(size: tuple[int, int], numbers: list[int]) -> bytes:
    """Return a file of 2 x 2 tiles, with as many bytes as if they were not all the same."""
    what = drawn("HEIF", (128, 128))
    made = replace(grid("HEIF", what, 2, 2, size), outer=box(b"free", 4 * what.data))
    made.references = {(b"dimg", 1): numbers}
    return made.bytes()


def test_a_grid_with_holes_or_of_another_size_is_damage() -> None:
    assert opened(tiles((250, 200), [2, 2, 2, 2])).width == 250
    for size, numbers in (
        ((250, 200), [2, 2, 2]),
        ((257, 200), [2] * 4),
        ((128, 200), [2] * 4),
        ((250, 128), [2] * 4),
    ):
        assert refusal(tiles(size, numbers)).code is FailureCode.UNREADABLE
    assert refusal(tiles((250, 200), [2, 2, 2, 1])).code is FailureCode.UNSUPPORTED_FORMAT


def test_colours_mixed_with_black_are_taken_apart_again() -> None:
    red = single("HEIF", drawn("HEIF", (64, 64), "#800000"))
    grey = drawn("HEIF", (64, 64), "#808080")
    alpha = full_box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
    red.properties += [box(b"hvcC", grey.configuration), alpha]
    red.items.append(Item(b"hvc1", grey.data, [3, 2, 4]))
    red.references = {(b"auxl", 2): [1]}
    straight = np.asarray(opened(red.bytes()).image)[32, 32]
    red.references = {(b"auxl", 2): [1], (b"prem", 1): [2]}
    mixed = np.asarray(opened(red.bytes()).image)[32, 32]
    assert np.abs(straight.astype(int) - (191, 127, 127)).max() < 4
    assert np.abs(mixed.astype(int) - (255, 127, 127)).max() < 4


@pytest.mark.parametrize(
    ("brands", "name"),
    [
        (b"heic\0\0\0\0mif1heic", "HEIF"),
        (b"mif1\0\0\0\0mif1heic", "HEIF"),
        (b"mif1\0\0\0\0mif1avif", "AVIF"),
        (b"avis\0\0\0\0msf1", "AVIF"),
        (b"msf1\0\0\0\0hevc", "HEIF"),
        (b"isom\0\0\0\0mp42avc1", None),
        (b"crx \0\0\0\1crx isom", None),
        (b"qt  \0\0\0\0qt  ", None),
    ],
)
def test_a_format_is_told_by_all_its_names(brands: bytes, name: str | None) -> None:
    assert formats.sniff(box(b"ftyp", brands) + box(b"avif")) == name


def test_the_length_of_the_list_of_names_is_not_believed() -> None:
    assert formats.sniff(b"\xff\xff\xff\xffftypisom" + bytes(300) + b"avif" * 100) is None


def test_a_thumbnail_is_a_jpeg_that_stands_upright() -> None:
    made = Image.open(
        io.BytesIO(thumbnail(encoded(photo_like(1, (400, 200)), "HEIF", exif=turned(6).tobytes()), 128, LIMITS))
    )
    assert (made.format, made.size) == ("JPEG", (64, 128))


HEIC = """
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA
AAAERAAAEAAQAAAAABoQABAAAAAAAAARsAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAA
AADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkA
AAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAA
AAAoY2xhcAAAACgAAAABAAAAIAAAAAH////oAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAS
NtZGF0AAABFygBrxmArymInF/pA992LHhLiYsqrcO4q9DXGCWm5E+oRXy25RvB8nkzJaquM3SXqxmEUHf7+sGRYRvEGpX8aixVIOGLXxwu0hzK
1SvKB8EBu3KLPm8HvV3R27AHrSbLHyv5i/cYmt7Hq0LgvaHTBvBe++ClWxt0i0XVHb8YA5pwsbN/9F2YIxlEkEIR1hf9NZ8HHnaM8XiKKa+Kmn
FPRdLuWv2IZ7RnQCrG60OTdALoOLj/+w2A2mPcSZi6eF6zJ7V1VugsG3V9PrKtjO9huUWYbk53rMoxCkPhESSQYXyt0lJ2ts+BxSoSOHi4fiEb
4I/7VxZY6ED78LhXzrnSRoLdNlqPiXC5SK53m3kHX1cxhoPYdf81+A==
"""


def test_pixels_change_only_together_with_the_preprocessing_version() -> None:
    """Where this fails, libheif draws other pixels than before: raise PREPROCESSING_VERSION."""
    pixels = opened(base64.b64decode(HEIC)).image.tobytes()
    assert hashlib.sha256(pixels).hexdigest()[:16] == "4e32304a784f3ea6"
