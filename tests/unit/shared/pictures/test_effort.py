"""A decoder stops when packed bytes take several times the CPU of honest ones, and honest ones never stop it."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from imagesearch.errors import PictureRejected
from imagesearch.pictures.decode import decode
from imagesearch.pictures.structures import Dishonest, check, effort
from imagesearch.pictures.structures.effort import Effort
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from support.drawing import encoded, photo_like
from support.hostile.packed import TURNED, png_of_short_blocks, short_blocks, tiff_of_strips

SIZE = (1_200, 900)


class Clock:
    """Show whatever time a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def thread_time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock()
    monkeypatch.setattr(effort, "time", made)
    return made


def honest_costs(monkeypatch: pytest.MonkeyPatch, usual: float, now: float) -> None:
    monkeypatch.setattr(effort, "_usual", lambda _: usual)
    monkeypatch.setattr(effort, "_now", lambda _: now)


def photo(mode: str) -> Image.Image:
    return photo_like(1, SIZE).convert(mode)


def grain() -> Image.Image:
    pixels = np.random.default_rng(1).normal(128, 40, (*SIZE[::-1], 3)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("share", "kind"), [(1.0, 2), (0.69, 2), (1.0, 0)])
def test_a_png_whose_codes_change_all_the_time_is_refused(share: float, kind: int) -> None:
    with pytest.raises(PictureRejected, match="many times the work"):
        decode(png_of_short_blocks(share, kind=kind), Preprocessing(), PictureSettings())


@pytest.mark.parametrize("share", [1.0, 0.69, 0.3])
@pytest.mark.parametrize("fill_order", [1, 2])
def test_a_tiff_whose_codes_change_all_the_time_is_refused(share: float, fill_order: int) -> None:
    strip = short_blocks(share, 4_000_000)
    if fill_order == 2:
        strip = strip.translate(TURNED)
    with pytest.raises(Dishonest, match="many times the work"):
        check("TIFF", tiff_of_strips(8, strip, fill_order=fill_order))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA"])
@pytest.mark.parametrize("level", [1, 9])
def test_an_honest_png_is_a_picture_at_every_level(mode: str, level: int) -> None:
    data = encoded(photo(mode), "PNG", compress_level=level)
    assert decode(data, Preprocessing(), PictureSettings()).width == SIZE[0]


@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("rows", [8, SIZE[1]])
def test_an_honest_tiff_is_a_picture_in_one_strip_and_in_many(predictor: int, rows: int) -> None:
    for picture in (photo("RGB"), grain()):
        options = {"compression": "tiff_adobe_deflate", "tiffinfo": {317: predictor, 278: rows}}
        assert decode(encoded(picture, "TIFF", **options), Preprocessing(), PictureSettings()).width == SIZE[0]


def test_narrow_and_wide_pngs_are_pictures() -> None:
    for size in ((2, 300_000), (300_000, 2)):
        data = encoded(Image.new("1", size), "PNG")
        assert decode(data, Preprocessing(), PictureSettings()).width == size[0]


def spend(made: Effort, clock: Clock, seconds: float) -> None:
    """Let portions of a millisecond go by, and look at the clock after each, as a decoder does."""
    for _ in range(round(seconds * 1_000)):
        clock.now += 0.001
        made.check()


def test_work_within_its_worth_goes_on(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    honest_costs(monkeypatch, 1e-8, 1e-8)
    spend(Effort("png", 1_000_000), clock, 0.019)


def test_work_beyond_its_worth_stops(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    honest_costs(monkeypatch, 1e-8, 1e-8)
    with pytest.raises(Dishonest):
        spend(Effort("png", 1_000_000), clock, 0.022)


def test_on_a_machine_that_is_busy_now_work_may_take_longer(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    honest_costs(monkeypatch, 1e-8, 3e-8)
    made = Effort("png", 1_000_000)
    spend(made, clock, 0.059)
    with pytest.raises(Dishonest):
        spend(made, clock, 0.003)


def test_an_interruption_is_not_counted_as_the_pictures_work(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """A host that runs something else for a moment charges it to the thread that it stopped."""
    honest_costs(monkeypatch, 1e-8, 1e-8)
    made = Effort("png", 1_000_000)
    spend(made, clock, 0.009)
    clock.now += 10.0
    made.check()
    spend(made, clock, 0.008)


def test_small_pictures_are_not_looked_at(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    honest_costs(monkeypatch, 1e-8, 1e-8)
    made = Effort("png", 10)
    clock.now = 0.003
    made.check()


def test_the_sample_holds_what_is_said_of_it() -> None:
    picture, packed, raw = effort._sample()
    opened = Image.open(io.BytesIO(picture))
    assert raw == (1 + 3 * opened.width) * opened.height
    assert len(zlib.decompress(packed)) == raw
