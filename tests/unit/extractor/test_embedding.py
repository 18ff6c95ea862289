from __future__ import annotations

import numpy as np
import pytest

from imagesearch_extractor.embedding import SeededEmbedder, has_direction, normalise


def test_rows_become_unit_vectors() -> None:
    vectors = normalise(np.array([[3, 4], [0.001, 0]], np.float32))
    assert vectors == pytest.approx(np.array([[0.6, 0.8], [1, 0]]))
    assert vectors.dtype == np.float32


def test_rows_without_direction_become_zeros_and_never_nan() -> None:
    vectors = normalise(np.array([[0, 0], [np.nan, 1], [np.inf, 1], [1, 0]], np.float32))
    assert np.isfinite(vectors).all()
    assert has_direction(vectors).tolist() == [False, False, False, True]


def test_large_activations_do_not_overflow_the_norm() -> None:
    assert normalise(np.full((1, 4), 1e30, np.float32)) == pytest.approx(np.full((1, 4), 0.5))


def test_the_stand_in_tells_pictures_apart_and_black_from_all() -> None:
    pixels = np.zeros((3, 224, 224, 3), np.uint8)
    pixels[0, :112], pixels[1, :, :112] = (200, 30, 30), (200, 30, 30)
    embedder = SeededEmbedder(1)
    vectors = embedder.embed(pixels)
    assert has_direction(vectors).tolist() == [True, True, False]
    assert vectors[0] @ vectors[1] < 0.9
    assert embedder.embed(pixels[:1]) == pytest.approx(vectors[:1], abs=1e-6)
    assert SeededEmbedder(2).identity != embedder.identity
