"""A similarity is shared out to cells without a rest, whatever pooled them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageOps

from imagesearch.contract import Pixels, Vectors
from imagesearch.messaging.query_channel import QueryRequest
from imagesearch.networks import NetworkSpec
from imagesearch.pictures.decode import decode
from imagesearch.pictures.heat import heat_over
from imagesearch.pipeline import Aspect, Pooling, Preprocessing
from imagesearch.query_contract import ExplainedCells, ExplainPixels, QueryVectors, unpack_cells
from imagesearch.settings import PictureSettings
from imagesearch_extractor.embedding import Embedder, FeatureMaps, normalise
from imagesearch_extractor.explaining import explain, shares
from imagesearch_extractor.queries import answer_why
from support.drawing import encoded, framed, photo_like

POOLED = {
    "max": lambda maps: maps.max(axis=(1, 2)),
    "avg": lambda maps: maps.mean(axis=(1, 2)),
    "gem": lambda maps: (maps**3).mean(axis=(1, 2)) ** (1 / 3),
}


def maps_of(seed: int) -> np.ndarray:
    """Draw float32[2, 4, 5, 60] as ReLU leaves it: zeros, a channel that is zero everywhere, and equal maxima."""
    drawn = np.maximum(np.random.default_rng(seed).normal(0, 1, (2, 4, 5, 60)), 0).astype(np.float32)
    drawn[0, :, :, 7] = 0
    drawn[1, 0, :3, 9] = 9
    return drawn


@pytest.mark.parametrize("pooling", POOLED)
def test_the_cells_of_each_picture_sum_to_the_similarity(pooling: str) -> None:
    maps = maps_of(1)
    vectors = normalise(POOLED[pooling](maps))
    found = explain(vectors, maps, pooling, np.zeros(60, np.float32))
    assert found.similarity == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-6)
    assert found.cells.shape == (2, 4, 5)
    assert found.cells.sum(axis=(1, 2)) == pytest.approx([found.similarity] * 2, abs=1e-5)
    assert found.common == (0, 0)


@pytest.mark.parametrize("pooling", POOLED)
def test_what_each_has_in_common_with_the_mean_is_taken_away(pooling: str) -> None:
    maps = maps_of(2)
    vectors = normalise(POOLED[pooling](maps))
    mean = np.abs(np.random.default_rng(3).normal(0, 0.1, 60)).astype(np.float32)
    found = explain(vectors, maps, pooling, mean)
    assert found.common == pytest.approx(vectors @ mean, abs=1e-6)
    assert found.cells.sum(axis=(1, 2)) == pytest.approx(found.similarity - vectors @ mean, abs=1e-5)


def test_a_picture_that_is_the_mean_explains_nothing() -> None:
    maps = maps_of(4)
    maps[1] = maps[0]
    vectors = normalise(maps.max(axis=(1, 2)))
    assert explain(vectors, maps, "max", vectors[0]).cells == pytest.approx(np.zeros((2, 4, 5)), abs=1e-7)


@pytest.mark.parametrize("pooling", POOLED)
def test_a_pooling_before_shows_which_cell_of_its_window_it_took(pooling: str) -> None:
    fine = maps_of(7)[:, :, :4]
    coarse = fine.reshape(2, 2, 2, 2, 2, 60).max(axis=(2, 4))
    vectors = normalise(POOLED[pooling](coarse))
    zeros = np.zeros(60, np.float32)
    found, expected = explain(vectors, fine, pooling, zeros, 2), explain(vectors, coarse, pooling, zeros)
    assert found.cells.shape == (2, 4, 4)
    assert found.cells.reshape(2, 2, 2, 2, 2).sum(axis=(2, 4)) == pytest.approx(expected.cells, abs=1e-6)
    is_smaller = fine[1, :2, :2] < coarse[1, 0, 0]
    assert is_smaller.any()
    assert not shares(fine[1], pooling, 2)[:2, :2][is_smaller].any()


@pytest.mark.parametrize("pooling", POOLED)
def test_the_shares_of_a_number_sum_to_one_unless_it_is_zero(pooling: str) -> None:
    first, second = (shares(maps, pooling) for maps in maps_of(5))
    expected = np.ones(60)
    assert second.sum(axis=(0, 1)) == pytest.approx(expected)
    expected[7] = 0
    assert first.sum(axis=(0, 1)) == pytest.approx(expected)


def test_equal_maxima_share_and_the_largest_alone_counts() -> None:
    found = shares(maps_of(6)[1], "max")
    assert found[0, :, 9].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])
    assert (np.count_nonzero(found[:, :, 20]), found[:, :, 20].max()) == (1, 1)


class Colours(Embedder):
    """See colours, as a trained network sees things: each number is how much of one of 64 colours a cell shows."""

    spec = NetworkSpec("colours", 64)
    identity = "colours-max-64:test"
    weights = "none"
    untrained = False

    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        return self.embed_with_maps(pixels, pooling)[0]

    def embed_with_maps(self, pixels: Pixels, pooling: Pooling | None = None) -> tuple[Vectors, FeatureMaps]:
        count, side, _, _ = pixels.shape
        bins = (pixels >> 6).astype(np.intp) @ [16, 4, 1]
        cells = (bins[..., None] == np.arange(64)).reshape(count, 14, side // 14, 14, side // 14, 64)
        maps = cells.mean(axis=(2, 4), dtype=np.float32)
        return normalise(POOLED[pooling or "max"](maps)), maps


THING = (60, 45)
TINTS = (((20, 20, 90), (90, 140, 255)), ((90, 40, 20), (255, 230, 90)))
"""The darkest and the brightest colour of two pictures that have none in common."""


def scene(seed: int, at: tuple[int, int]) -> Image.Image:
    """Draw a picture of its own, with the same small thing in it."""
    dark, bright = TINTS[seed]
    picture = ImageOps.colorize(photo_like(seed, (320, 240)).convert("L"), dark, bright)
    picture.paste(Image.new("RGB", THING, (255, 0, 255)), at)
    return picture


@cache
def others(aspect: Aspect) -> Pixels:
    """Draw what a collection may hold besides, as the network sees it."""
    options = Preprocessing("antialiased", aspect=aspect)
    drawn = [encoded(photo_like(seed, (320, 240))) for seed in range(10, 26)]
    return np.stack([decode(data, options, PictureSettings()).pixels for data in drawn])


@pytest.mark.parametrize("pooling", ["max", "avg", "gem"])
@pytest.mark.parametrize(("is_turned", "border"), [(False, 0), (True, 40)])
@pytest.mark.parametrize("aspect", ["squash", "pad"])
def test_a_thing_in_two_other_pictures_is_what_lights_up(
    pooling: Pooling, is_turned: bool, border: int, aspect: Aspect
) -> None:
    network, places = Colours(), ((30, 160), (220, 40))
    options = Preprocessing("antialiased", aspect=aspect, pooling=pooling)
    exif = Image.Exif()
    if is_turned:
        exif[0x0112] = 6
    found = []
    for seed, place in enumerate(places):
        whole = framed(scene(seed, place), border, border // 2)
        data = encoded(whole.transpose(Image.Transpose.ROTATE_90) if is_turned else whole, quality=95, exif=exif)
        found.append(decode(data, options, PictureSettings(), preview=200))
    mean = network.embed(others(aspect), pooling).mean(axis=0)
    pixels = np.stack([picture.pixels for picture in found])
    asked = ExplainPixels(pixels.tobytes(), 224, 10.0, pooling, mean.tobytes())
    sent: list[ExplainedCells | QueryVectors] = []
    answer_why(QueryRequest("a", asked), network, lambda _, answer: sent.append(answer))
    (made,) = sent
    assert isinstance(made, ExplainedCells)
    cells = unpack_cells(made.cells, made.height, made.width)
    for picture, place, its in zip(found, places, cells, strict=True):
        heat = heat_over(its, picture.frame, (picture.width, picture.height))
        left, top = place[0] + border, place[1] + border // 2
        # A cell is 23 pixels wide, and shows what lies within it.
        within = heat[max(0, top - 23) : top + THING[1] + 23, max(0, left - 23) : left + THING[0] + 23]
        assert within.size / heat.size < 0.14
        assert within.sum() / heat.sum() > 0.8
