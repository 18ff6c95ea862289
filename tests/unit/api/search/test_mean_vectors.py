"""What pictures have in common is remembered for a while, each collection's and each partition's by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imagesearch_api.search import mean_vectors
from imagesearch_api.search.mean_vectors import MAX_REMEMBERED, SECONDS, Mean, MeanVectors


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Return whose mean was made of vectors, in that order."""
    asked: list[tuple[str, str | None]] = []

    def make(_: object, __: object, collection: Any, partition: str | None) -> Mean:
        asked.append((collection.vector_collection, partition))
        return Mean(np.zeros(2, np.float32), len(asked))

    monkeypatch.setattr(mean_vectors, "_mean", make)
    return asked


def ask(means: MeanVectors, name: str, partition: str | None = None) -> int:
    collection: Any = SimpleNamespace(vector_collection=name)
    nothing: Any = None
    return means.of(nothing, nothing, collection, partition).count


def test_a_mean_is_made_once_for_each_index_and_partition(made: list[tuple[str, str | None]]) -> None:
    means = MeanVectors()
    assert [ask(means, "cats"), ask(means, "cats", "anna"), ask(means, "cats 2"), ask(means, "cats")] == [
        1,
        2,
        3,
        1,
    ]
    assert made == [("cats", None), ("cats", "anna"), ("cats 2", None)]


def test_a_mean_is_made_anew_after_some_minutes(
    made: list[tuple[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(mean_vectors.time, "monotonic", lambda: now)
    means = MeanVectors()
    assert ask(means, "cats") == 1
    now += SECONDS - 1
    assert ask(means, "cats") == 1
    now += 1
    assert ask(means, "cats") == 2


def test_no_more_than_some_are_remembered(made: list[tuple[str, str | None]]) -> None:
    means = MeanVectors()
    for number in range(MAX_REMEMBERED + 1):
        ask(means, str(number))
    ask(means, str(MAX_REMEMBERED))
    assert len(made) == MAX_REMEMBERED + 1
    ask(means, "0")
    assert len(made) == MAX_REMEMBERED + 2
