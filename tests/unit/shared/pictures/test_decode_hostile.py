"""Whatever the bytes, the outcome is a picture or one `PictureRejected`, with the right code."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from imagesearch.errors import PictureRejected
from imagesearch.failures import FailureCode
from imagesearch.pictures import decode as decode_module
from imagesearch.pictures.decode import Picture, decode
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from support.drawing import encoded, photo_like
from support.hostile import layouts
from support.hostile.layouts import Entry, grey_entries

# Pillow warns about damaged notes and repairs; here they are expected.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

LIMITS = PictureSettings()
WRITERS: dict[str, tuple[str, dict[str, object]]] = {
    "jpeg": ("JPEG", {"quality": 70}),
    "progressive jpeg": ("JPEG", {"progressive": True}),
    "jpeg with a thumbnail": ("JPEG", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0" + b"\xff\xd8\xff\xda\0\2\xff\xd9"}),
    "mpo": ("MPO", {"save_all": True, "append_images": [photo_like(2, (90, 60))]}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 80}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "lzw tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "jpeg tiff": ("TIFF", {"compression": "jpeg"}),
    "big tiff": ("TIFF", {"compression": "tiff_lzw", "big_tiff": True}),
}


@cache
def written(kind: str) -> bytes:
    file_format, options = WRITERS[kind]
    return encoded(photo_like(1, (90, 60)), file_format, **options)


@cache
def whole(kind: str) -> Picture:
    return read(written(kind))


def read(data: bytes, limits: PictureSettings = LIMITS) -> Picture:
    return decode(data, Preprocessing(), limits)


def refusal(data: bytes, limits: PictureSettings = LIMITS) -> PictureRejected:
    with pytest.raises(PictureRejected) as caught:
        read(data, limits)
    return caught.value


def picture_or_code(data: bytes, limits: PictureSettings = LIMITS) -> Picture | FailureCode:
    try:
        return read(data, limits)
    except PictureRejected as rejected:
        assert_readable(rejected)
        return rejected.code


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_cut_in_half_is_truncated(kind: str) -> None:
    assert (
        refusal(written(kind)[: len(written(kind)) // (3 if kind == "mpo" else 2)]).code is FailureCode.TRUNCATED
    )


@pytest.mark.parametrize("kind", WRITERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_cut_file_is_refused_or_loses_no_pixel(kind: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(written(kind)) - 1))
    outcome = picture_or_code(written(kind)[:cut])
    if isinstance(outcome, Picture):
        assert np.array_equal(outcome.pixels, whole(kind).pixels)
    else:
        # Too little is left to tell the format, or the byte that ends a GIF stands at the cut by chance.
        codes = {FailureCode.EMPTY, FailureCode.UNSUPPORTED_FORMAT} if cut < 12 else set()
        assert outcome in codes | {FailureCode.TRUNCATED, *([FailureCode.UNREADABLE] if kind == "gif" else [])}


def test_a_file_cut_behind_its_thumbnail_is_truncated() -> None:
    data = written("jpeg with a thumbnail")
    assert refusal(data[: data.index(b"\xff\xd9") + 2]).code is FailureCode.TRUNCATED


@pytest.mark.parametrize("kind", WRITERS)
@given(damage=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=20))
@settings(max_examples=80, deadline=None)
def test_damaged_bytes_cost_only_their_picture(kind: str, damage: list[tuple[int, int]]) -> None:
    data = bytearray(written(kind))
    for offset, value in damage:
        # Half of the damage goes to the header, where it hurts.
        data[offset % (200 if offset % 2 else len(data))] = value
    assert picture_or_code(bytes(data), PictureSettings(max_pixels=1_000_000))


@given(st.sampled_from([written(kind)[:12] for kind in WRITERS] + [b""]), st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_at_all_raise_anything_else(beginning: bytes, rest: bytes) -> None:
    assert_readable(refusal(beginning + rest))


def tiff(**tags: int) -> bytes:
    """Write the directory of a grey TIFF of 64x64 by hand, with some tags changed."""
    plain = {"t256": 64, "t257": 64, "t258": 8, "t259": 1, "t262": 1, "t273": 8, "t277": 1, "t279": 4096}
    entries = sorted((int(name[1:]), value) for name, value in (plain | tags).items())
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return (
        b"II*\0"
        + struct.pack("<I", 8 + 4096)
        + bytes(4096)
        + struct.pack("<H", len(entries))
        + directory
        + bytes(4)
    )


def assert_readable(rejected: PictureRejected) -> None:
    assert rejected.reason
    assert not any(sign in rejected.reason for sign in ("/", "<", "0x", "b'", "Error", "\n"))


def test_no_bytes_are_an_empty_file() -> None:
    assert refusal(b"").code is FailureCode.EMPTY


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"this is not a picture at all\n" * 20, "not a picture"),
        (b"\0" * 500, "not a picture"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "Canon"),
        (b"IIU\0\x18\0\0\0", "Panasonic"),
        (tiff(t259=7, t50706=0x0401), "a raw picture"),
        (tiff(t259=6, t271=0, t330=0), "a raw picture"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "video"),
        (b"%PDF-1.7\n", "PDF"),
        (b"8BPS\0\1", "Photoshop"),
        (b"DDS |\0\0\0", "DDS"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not a picture"),
        (b"PK\3\4\x14\0", "archive"),
        (encoded(photo_like(3, (20, 20)), "JPEG2000"), "JPEG 2000"),
        (encoded(photo_like(3, (20, 20)), "TGA"), "not a picture"),
        (encoded(photo_like(3, (20, 20)), "PPM"), "not a picture"),
        (encoded(photo_like(3, (20, 20)), "ICO"), "icon"),
    ],
)
def test_what_begins_as_no_indexed_format_is_unsupported(data: bytes, said: str) -> None:
    rejected = refusal(data)
    assert rejected.code is FailureCode.UNSUPPORTED_FORMAT
    assert said in rejected.reason
    assert "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF are indexed" in rejected.reason


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + bytes(500) + b"\xff\xd9",
        written("png")[:300] + bytes(len(written("png")) - 312) + written("png")[-12:],
        b"GIF89a" + bytes(40) + b";",
        written("webp")[:12] + bytes(len(written("webp")) - 12),
        b"BM" + bytes(100),
    ],
    ids=["jpeg", "png", "gif", "webp", "bmp"],
)
def test_what_is_complete_and_makes_no_sense_is_unreadable(data: bytes) -> None:
    assert refusal(data).code is FailureCode.UNREADABLE


@pytest.mark.parametrize("kind", ["jpeg", "progressive jpeg", "png"])
def test_a_file_whose_second_half_was_never_written_is_refused(kind: str) -> None:
    """A broken download often has its full length, filled with zeros."""
    half = len(written(kind)) // 2
    assert refusal(written(kind)[:half] + bytes(half)).code is FailureCode.TRUNCATED


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def claiming(kind: str, side: int) -> bytes:
    """Return a small file whose header claims so many pixels across and down."""
    if kind == "png":
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9_000))) + chunk(b"IEND", b"")
    if kind == "tiff":
        return tiff(t256=side, t257=side)
    data = bytearray(encoded(Image.new("RGB", (16, 16)), kind))
    layout, offset = {
        "bmp": ("<ii", 18),
        "gif": ("<HH", 6),
        "jpeg": (">HH", data.find(b"\xff\xc0") + 5),
    }[kind]
    struct.pack_into(layout, data, offset, side, side)
    return bytes(data)


@pytest.mark.parametrize("kind", ["png", "bmp", "gif", "jpeg", "tiff"])
@pytest.mark.parametrize("side", [8_001, 10_000, 60_000])
def test_too_many_pixels_are_refused_from_the_header(
    kind: str, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_: object) -> None:
        pytest.fail("the picture was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert refusal(claiming(kind, side)).code is FailureCode.TOO_LARGE


def test_a_webp_that_claims_too_many_pixels_is_refused() -> None:
    frames = [Image.new("RGBA", (10, 10), colour) for colour in ("red", "blue")]
    data = bytearray(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    offset = data.index(b"VP8X") + 12
    data[offset : offset + 6] = (16_382).to_bytes(3, "little") * 2
    assert refusal(bytes(data)).code is FailureCode.TOO_LARGE


def test_a_tiff_tile_that_is_larger_than_its_picture_is_refused() -> None:
    assert read(tiff()).format == "TIFF"
    assert refusal(tiff(t322=9_000, t323=9_000, t324=8, t325=4096)).code is FailureCode.TOO_LARGE


@pytest.mark.parametrize("tag", [256, 257, 258, 259, 266, 273, 277, 278, 279, 284])
@pytest.mark.parametrize("place", [2**31, 2**63, 2**64 - 1])
def test_a_value_that_no_file_can_hold_is_no_mistake_of_ours(tag: int, place: int) -> None:
    entries = [Entry(tag, 16, 2, place), *(entry for entry in grey_entries(160, 120) if entry.tag != tag)]
    with suppress(PictureRejected):  # some readers do as if it were not there
        decode(layouts.tiff(bytes(160 * 120), entries, is_big=True), Preprocessing(), PictureSettings())


def test_the_limits_are_inclusive() -> None:
    photo = encoded(photo_like(5, (40, 25)), "PNG")
    assert read(photo, PictureSettings(max_pixels=1000, min_side=25)).width == 40
    assert refusal(photo, PictureSettings(max_pixels=999)).code is FailureCode.TOO_LARGE
    assert refusal(photo, PictureSettings(min_side=26)).code is FailureCode.TOO_SMALL
    assert refusal(encoded(Image.new("RGB", (400, 1)), "PNG")).code is FailureCode.TOO_SMALL


def test_a_limit_above_pillows_own_holds_and_nothing_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for picture, kind in ((photo_like(6, (100, 90)), "GIF"), (photo_like(6, (100, 90)), "WEBP")):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert read(encoded(picture, kind), PictureSettings(max_pixels=10_000)).width == 100
    assert refusal(encoded(photo_like(6, (120, 90)), "GIF"), PictureSettings(max_pixels=10_000)).code is (
        FailureCode.TOO_LARGE
    )


def test_pillows_limit_is_never_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)
    read(encoded(photo_like(6, (40, 40)), "PNG"), PictureSettings(max_pixels=2_000))
    assert Image.MAX_IMAGE_PIXELS == 5_000


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_text_bomb_in_a_png_is_refused(name: bytes) -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    body = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[name] + bomb
    png = written("png")
    assert refusal(png[:33] + chunk(name, body) + png[33:]).code is FailureCode.UNREADABLE


def test_a_jpeg_that_is_drawn_in_endless_passes_is_refused() -> None:
    jpeg = encoded(Image.new("RGB", (64, 64), "teal"), "JPEG", progressive=True)
    last_pass = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    assert read(jpeg[:-2] + last_pass * 20 + b"\xff\xd9").width == 64
    assert "passes" in refusal(jpeg[:-2] + last_pass * 200 + b"\xff\xd9").reason


def test_what_trails_a_jpeg_is_not_taken_for_passes() -> None:
    trailing = b"\xff\xda" * 500
    assert np.array_equal(read(written("jpeg") + trailing).pixels, whole("jpeg").pixels)


def test_too_little_memory_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert refusal(written("png")).code is FailureCode.TOO_LARGE


def test_a_mistake_of_ours_is_not_taken_for_a_bad_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def trim(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(decode_module, "content_box", trim)
    with pytest.raises(ZeroDivisionError):
        read(written("png"))


def test_truncated_files_are_not_filled_in() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_threads_do_not_disturb_each_other() -> None:
    kinds = [kind for kind in WRITERS if kind != "mpo"] * 4
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda kind: read(written(kind)), kinds))
    for kind, picture in zip(kinds, pictures, strict=True):
        assert np.array_equal(picture.pixels, whole(kind).pixels)


def test_the_bytes_are_left_as_they_are() -> None:
    data = written("tiff")
    copy = io.BytesIO(data).getvalue()[:]
    read(data)
    assert data == copy
