"""What index types are compared over is what it says, and the truth is found by comparing with everything."""

from __future__ import annotations

import numpy as np

from bench.milvus import features
from bench.milvus.features import NOISE, Mixtures
from bench.milvus.truth import Nearest


def test_vectors_are_unit_vectors_without_negative_numbers_and_the_same_in_each_run() -> None:
    mixtures = Mixtures.of(features.drawn_parts()[:200])
    first, again = (np.concatenate(list(features.chunks(mixtures, 100, 40))) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.shape == (100, 512)
    assert (first >= 0).all()
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    near = first @ mixtures.parts.T
    assert near[::NOISE].max() < np.delete(near, slice(None, None, NOISE), axis=0).max(axis=1).min()


def test_the_nearest_of_all_chunks_are_found() -> None:
    chance = np.random.default_rng(0)
    questions, vectors = (chance.random((number, 512), dtype=np.float32) for number in (3, 50))
    found = Nearest(questions)
    for start in (0, 20, 40):
        found.look(vectors[start : start + 20], start + 1)
    expected = np.argsort(-(questions @ vectors.T), axis=1)[:, :10] + 1
    assert [set(row) for row in found.keys.tolist()] == [set(row) for row in expected.tolist()]
