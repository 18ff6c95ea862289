"""Every kind of picture becomes the pixels that a person would see."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from imagesearch.errors import PictureRejected
from imagesearch.failures import FailureCode
from imagesearch.pictures.decode import Picture, decode
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from support.drawing import encoded, photo_like

LIMITS = PictureSettings()
WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


def read(data: bytes, preprocessing: Preprocessing | None = None, limits: PictureSettings = LIMITS) -> Picture:
    return decode(data, preprocessing or Preprocessing(trim_borders=False), limits)


def as_published(picture: Image.Image) -> np.ndarray:
    """Return what Keras' ``load_img`` gives: RGB, 224x224, NEAREST."""
    return np.asarray(picture.convert("RGB").resize((224, 224), Image.Resampling.NEAREST))


def colour_at(picture: Picture, across: float, down: float) -> tuple[int, ...]:
    return tuple(int(channel) for channel in picture.pixels[int(down * 224), int(across * 224)])


def png(width: int, height: int, depth: int, kind: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """Write a PNG by hand, for depths and chunks that Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_picture_carries_pixels_size_format_and_digest() -> None:
    data = encoded(photo_like(1, (300, 200)))
    picture = read(data)
    assert picture.pixels.shape == (224, 224, 3)
    assert picture.pixels.dtype == np.uint8
    assert (picture.width, picture.height, picture.format) == (300, 200, "JPEG")
    assert picture.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {"quality": 80}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 80}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("TIFF", {"big_tiff": True}),
    ],
)
def test_each_format_gives_the_published_pixels(file_format: str, options: dict[str, object]) -> None:
    data = encoded(photo_like(2, (301, 199)), file_format, **options)
    with Image.open(io.BytesIO(data)) as opened:
        expected = as_published(opened)
    picture = read(data)
    assert picture.format == file_format
    assert np.array_equal(picture.pixels, expected)


@pytest.mark.parametrize("resize", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_the_resize_is_the_one_that_was_asked_for(
    resize: Literal["nearest", "bilinear", "bicubic", "lanczos"],
) -> None:
    photo = photo_like(3, (640, 360))
    expected = photo.resize((224, 224), Image.Resampling[resize.upper()])
    picture = read(encoded(photo, "PNG"), Preprocessing(resize=resize, trim_borders=False))
    assert np.array_equal(picture.pixels, np.asarray(expected))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(photo_like(4, (60, 40)), file_format, exif=exif)
    with Image.open(io.BytesIO(data)) as opened:
        upright = ImageOps.exif_transpose(opened)
    picture = read(data)
    assert (picture.width, picture.height) == ((60, 40) if orientation < 5 else (40, 60))
    assert np.array_equal(picture.pixels, as_published(upright))


@pytest.mark.parametrize("note", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0garbage" * 9])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_damaged_exif_note_leaves_the_picture_as_it_lies(note: bytes) -> None:
    photo = photo_like(5, (60, 40))
    assert np.array_equal(read(encoded(photo, exif=note)).pixels, read(encoded(photo)).pixels)


def test_an_orientation_that_does_not_exist_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    photo = photo_like(5, (60, 40))
    assert np.array_equal(read(encoded(photo, exif=exif)).pixels, read(encoded(photo)).pixels)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_transparency_shows_white_paper(mode: str, file_format: str) -> None:
    picture = Image.new(mode, (40, 20), 0)
    picture.paste(Image.new(mode, (20, 20), (0, 255) if mode == "LA" else (0, 0, 0, 255)), (20, 0))
    options = {"lossless": True} if file_format == "WEBP" else {}
    read_back = read(encoded(picture, file_format, **options))
    assert colour_at(read_back, 0.25, 0.5) == WHITE
    assert colour_at(read_back, 0.75, 0.5) == BLACK


def test_half_transparency_is_blended_with_white() -> None:
    picture = read(encoded(Image.new("RGBA", (10, 10), (255, 0, 0, 128)), "PNG"))
    assert colour_at(picture, 0.5, 0.5) == (255, 127, 127)


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_a_transparent_palette_entry_shows_white_paper(file_format: str) -> None:
    picture = Image.new("P", (40, 20), 0)
    picture.putpalette([0, 0, 255, 255, 0, 0])
    picture.paste(1, (20, 0, 40, 20))
    read_back = read(encoded(picture, file_format, transparency=0))
    assert colour_at(read_back, 0.25, 0.5) == WHITE
    assert colour_at(read_back, 0.75, 0.5) == RED


def test_palette_entries_may_be_half_transparent() -> None:
    picture = Image.new("P", (10, 10), 1)
    picture.putpalette([0, 0, 255, 255, 0, 0])
    assert colour_at(read(encoded(picture, "PNG", transparency=b"\xff\x80")), 0.5, 0.5) == (255, 127, 127)


@pytest.mark.parametrize(
    ("depth", "kind", "row", "transparent"),
    [
        (1, 0, b"\x40", b"\0\1"),
        (2, 0, b"\x20", b"\0\2"),
        (4, 0, b"\x09", b"\0\x09"),
        (8, 0, b"\0\x09", b"\0\x09"),
        (16, 0, b"\0\0\x12\x34", b"\x12\x34"),
        (8, 2, b"\0\0\0\4\5\6", b"\0\4\0\5\0\6"),
        (16, 2, b"\0\0\0\0\0\0\x56\x78\x9a\xbc\xde\xf0", b"\x56\x78\x9a\xbc\xde\xf0"),
    ],
)
def test_a_transparent_colour_is_found_at_every_png_depth(
    depth: int, kind: int, row: bytes, transparent: bytes
) -> None:
    second_is_transparent = png(2, 2, depth, kind, b"\0" + row + b"\0" + row, (b"tRNS", transparent))
    picture = read(second_is_transparent)
    assert colour_at(picture, 0.25, 0.25) == BLACK
    assert colour_at(picture, 0.75, 0.25) == WHITE


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_pictures_of_one_channel_become_rgb(mode: str) -> None:
    grey = photo_like(6, (80, 60)).convert(mode)
    assert np.array_equal(read(encoded(grey, "PNG")).pixels, as_published(grey))


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_keeps_its_colours(file_format: str) -> None:
    picture = Image.new("CMYK", (40, 20), (0, 0, 0, 0))
    picture.paste((0, 255, 255, 0), (20, 0, 40, 20))
    read_back = read(encoded(picture, file_format))
    assert colour_at(read_back, 0.1, 0.5) == pytest.approx(WHITE, abs=6)
    assert colour_at(read_back, 0.9, 0.5) == pytest.approx(RED, abs=6)


def test_ycbcr_and_lab_tiffs_keep_their_colours() -> None:
    flat = Image.new("RGB", (32, 32), (200, 60, 30))
    transform = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(flat, transform)
    assert lab is not None
    for data in (encoded(flat.convert("YCbCr"), "TIFF"), encoded(lab, "TIFF")):
        assert colour_at(read(data), 0.5, 0.5) == pytest.approx((200, 60, 30), abs=4)


def grey_ramp(last: float, dtype: str, first: float = 0) -> Image.Image:
    """Return 64x64 samples that run from `first` in the left column to `last` in the right one."""
    return Image.fromarray(np.tile(np.linspace(first, last, 64), (64, 1)).astype(dtype))


@pytest.mark.parametrize(
    ("picture", "file_format", "right"),
    [
        pytest.param(grey_ramp(65_535, "uint16"), "PNG", 255, id="16 bits"),
        pytest.param(grey_ramp(65_535, "uint16"), "TIFF", 255, id="16 bits, TIFF"),
        pytest.param(grey_ramp(65_535, ">u2"), "TIFF", 255, id="16 bits, big endian"),
        pytest.param(grey_ramp(40_000, "uint16"), "PNG", 156, id="a dim picture of 16 bits stays dim"),
        pytest.param(grey_ramp(16_383, "uint16"), "TIFF", 255, id="14 bits in 16"),
        pytest.param(grey_ramp(4_095, "uint16"), "TIFF", 255, id="12 bits in 16"),
        pytest.param(grey_ramp(4_095, "uint16"), "PNG", 255, id="12 bits in 16, PNG"),
        pytest.param(grey_ramp(255, "uint16"), "TIFF", 255, id="8 bits in 16"),
        pytest.param(grey_ramp(65_535, "int32"), "TIFF", 255, id="32 bits that hold 16"),
        pytest.param(grey_ramp(2_000_000, "int32"), "TIFF", 255, id="32 bits"),
        pytest.param(grey_ramp(8_000, "int32", first=-400), "TIFF", 255, id="heights"),
        pytest.param(grey_ramp(1.0, "float32"), "TIFF", 255, id="floats to 1"),
        pytest.param(grey_ramp(255.0, "float32"), "TIFF", 255, id="floats to 255"),
        pytest.param(grey_ramp(310.0, "float32", first=-40), "TIFF", 255, id="temperatures"),
        pytest.param(grey_ramp(3e38, "float32", first=-3e38), "TIFF", 255, id="the largest floats"),
    ],
)
def test_deep_greyscale_is_scaled_not_clipped(picture: Image.Image, file_format: str, right: int) -> None:
    row = read(encoded(picture, file_format)).pixels[112, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == right
    assert row[112] == pytest.approx(right / 2, abs=4)


def test_floats_that_are_no_numbers_count_as_black_and_infinity_as_white() -> None:
    samples = np.full((64, 64), 0.5, dtype=np.float32)
    samples[:, :16], samples[:, 48:] = np.nan, np.inf
    row = read(encoded(Image.fromarray(samples), "TIFF")).pixels[100, :, 0]
    assert (row[10], row[112], row[200]) == (0, 128, 255)


@pytest.mark.parametrize("level", [0.0, -7.0, 5.0])
def test_a_flat_float_picture_is_flat(level: float) -> None:
    data = encoded(Image.fromarray(np.full((9, 9), level, dtype=np.float32)), "TIFF")
    assert len(np.unique(read(data).pixels)) == 1


def test_a_16_bit_tiff_that_counts_from_white_is_turned_round() -> None:
    data = encoded(grey_ramp(65_535, "uint16"), "TIFF", tiffinfo={262: 0})
    row = read(data).pixels[112, :, 0]
    assert (row[0], row[-1]) == (255, 0)


def test_large_deep_pictures_are_scaled_as_one() -> None:
    """More rows than are looked at together must share one range."""
    samples = np.zeros((3000, 1000), dtype=np.int32)
    samples[-1] = 60_000
    samples[0] = 30_000
    pixels = read(encoded(Image.fromarray(samples), "TIFF", compression="tiff_lzw")).pixels
    assert pixels[0].max() <= 117
    assert pixels.max() in (0, 117, 233)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_the_first_frame_counts(file_format: str) -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "lime", "blue")]
    picture = read(encoded(frames[0], file_format, save_all=True, append_images=frames[1:]))
    assert colour_at(picture, 0.5, 0.5) == pytest.approx(RED, abs=3)
    assert picture.format == ("JPEG" if file_format == "MPO" else file_format)


def test_the_bytes_tell_the_format_and_equal_bytes_give_equal_pixels() -> None:
    data = encoded(photo_like(7), "WEBP")
    first, second = read(data), read(data)
    assert first.format == "WEBP"
    assert np.array_equal(first.pixels, second.pixels)
    assert first.sha256 == second.sha256


def test_pixels_cannot_be_changed_by_mistake() -> None:
    picture = read(encoded(photo_like(8)))
    with pytest.raises(ValueError, match="read-only"):
        picture.pixels[0, 0, 0] = 1


def test_every_refusal_of_pillow_is_about_the_picture_and_nothing_else() -> None:
    with pytest.raises(PictureRejected) as refusal:
        read(encoded(photo_like(9), "PNG")[:300])
    assert refusal.value.code is FailureCode.TRUNCATED
    assert refusal.value.reason == "the PNG data ends before the picture is complete"


def test_sizes_are_those_before_borders_are_trimmed() -> None:
    framed = Image.new("RGB", (100, 90))
    framed.paste(photo_like(10, (100, 50)), (0, 20))
    picture = read(encoded(framed, "PNG"), replace(Preprocessing(), trim_borders=True))
    assert (picture.width, picture.height) == (100, 90)
    assert picture.pixels.min() >= 24
