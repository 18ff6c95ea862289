"""Run lengths unpack to what Pillow's own decoder makes of them, also where no writer would write them so."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile

from imagesearch.pictures.readers import READERS
from imagesearch.pictures.run_lengths import unpack
from imagesearch.pictures.structures import Dishonest
from support.drawing import photo_like
from support.hostile.layouts import packed_row, run_lengths


def literals(body: bytes, depth: int) -> bytes:
    """Return an escape that draws pixels as they are, padded to an even number of bytes."""
    return bytes((0, len(body) * 8 // depth)) + body + bytes(len(body) % 2)


def tokens(depth: int) -> st.SearchStrategy[bytes]:
    run = st.tuples(st.integers(1, 255), st.integers(0, 255)).map(bytes)
    step = st.tuples(st.just(0), st.just(2), st.integers(0, 9), st.integers(0, 1)).map(bytes)
    literal = st.binary(min_size=3, max_size=30).map(lambda body: literals(body, depth))
    few = st.sampled_from([b"\0\0", b"\0\1", b"\1\1", b"\2\7", b"\5"])
    rows = st.lists(st.one_of(run, st.just(b"\0\0")), min_size=1, max_size=60).map(b"".join)
    return rows | st.lists(st.one_of(run, few, literal, step), min_size=1, max_size=60).map(b"".join)


def opened(reader: type[ImageFile], data: bytes) -> tuple[str, bytes, list[int] | None] | None:
    try:
        image = reader(io.BytesIO(data))
        image.load()
    except (OSError, ValueError, SyntaxError):
        return None
    return image.mode, image.tobytes(), image.getpalette()


@pytest.mark.parametrize(("depth", "times"), [(8, 1), (8, 60), (4, 1), (4, 60)])
@given(data=st.data(), size=st.tuples(st.integers(1, 300), st.integers(1, 12)), cut=st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_run_lengths_give_what_pillow_makes_of_them(
    depth: int, times: int, data: st.DataObject, size: tuple[int, int], cut: int
) -> None:
    body = data.draw(tokens(depth)) * times
    width, height = size[0], size[1] * times
    whole = run_lengths(len(body), body, width=width, height=height, depth=depth)
    file = whole[: len(whole) - cut]
    assert opened(READERS["BMP"], file) == opened(BmpImageFile, file)


def test_a_picture_in_run_lengths_is_the_one_that_was_packed() -> None:
    rows = b"\3\7\2\1\0\0" + literals(b"abcde", 8) + b"\0\0\0\1"
    assert unpack(rows, 0, 5, 2, is_4_bits=False) == b"\7\7\7\1\1abcde"
    file = run_lengths(len(rows), rows, width=5, height=2)
    assert READERS["BMP"](io.BytesIO(file)).transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes() == (
        b"\7\7\7\1\1abcde"
    )


@pytest.mark.parametrize(("mode", "size"), [("L", (700, 400)), ("P", (700, 400)), ("P", (24, 9))])
def test_a_photo_as_usual_writers_pack_it_is_a_picture(mode: str, size: tuple[int, int]) -> None:
    photo = photo_like(1, size).convert(mode)
    pixels = photo.tobytes()
    rows = b"".join(packed_row(pixels[at : at + size[0]]) for at in range(0, len(pixels), size[0]))
    assert unpack(rows, 0, *size, is_4_bits=False) == pixels


@pytest.mark.parametrize(
    ("row", "width"),
    [
        (b"\3\1\3\2" * 83 + b"\2\1", 500),
        ((b"\x14\1\5\2" + literals(b"abcdefghijklmnopqrstuvwxy", 8)) * 10, 500),
        (b"\x18\1\x18\2", 48),
        (b"\2\1", 2),
        (b"\x0a\1", 10),
    ],
)
def test_what_is_drawn_in_short_runs_may_go_on(row: bytes, width: int) -> None:
    assert len(unpack((row + b"\0\0") * 2_000, 0, width, 2_000, is_4_bits=False)) == width * 2_000


@pytest.mark.parametrize("idle", [b"\0\0", b"\0\2\0\0", b"\xff\1"])
def test_what_draws_nothing_may_not_go_on_for_ever(idle: bytes) -> None:
    with pytest.raises(Dishonest):
        unpack(idle * 100_000, 0, 40, 30, is_4_bits=False)


def test_runs_that_end_before_the_picture_does_are_no_picture() -> None:
    with pytest.raises(ValueError, match="not enough"):
        unpack(b"\5\1\0\1", 0, 40, 30, is_4_bits=False)
