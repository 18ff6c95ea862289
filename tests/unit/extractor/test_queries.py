from __future__ import annotations

import time
from threading import Event, Thread

import numpy as np
import pytest

from imagesearch.contract import Pixels, QueryPixels, QueryVectors, Vectors, unpack_vectors
from imagesearch.errors import InvalidMessage
from imagesearch_extractor.embedding import ComputeFailed, SeededEmbedder
from imagesearch_extractor.queries import QueryBatcher, answer

LATER = 10.0


def pictures(count: int, seed: int = 0) -> Pixels:
    cells = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return cells.repeat(56, axis=1).repeat(56, axis=2)


def query(pixels: Pixels, seconds: float = LATER) -> QueryPixels:
    return QueryPixels(len(pixels), pixels.tobytes(), time.time() + seconds)


class Gated(SeededEmbedder):
    """Hold the first pass until the gate opens, and note the size of each."""

    def __init__(self) -> None:
        super().__init__(1)
        self.entered, self.gate = Event(), Event()
        self.sizes: list[int] = []

    def embed(self, pixels: Pixels) -> Vectors:
        self.sizes.append(len(pixels))
        self.entered.set()
        assert self.gate.wait(10)
        return super().embed(pixels)


class Callers:
    """Put queries into a batcher from threads of their own."""

    def __init__(self, batcher: QueryBatcher) -> None:
        self.batcher = batcher
        self.threads: list[Thread] = []
        self.answers: dict[int, QueryVectors | None] = {}
        self.errors: dict[int, Exception] = {}

    def ask(self, place: int, asked: QueryPixels) -> None:
        def call() -> None:
            try:
                self.answers[place] = answer(asked, self.batcher)
            except (ComputeFailed, InvalidMessage) as error:
                self.errors[place] = error

        before = self.batcher.waiting
        thread = Thread(target=call)
        thread.start()
        self.threads.append(thread)
        if len(self.threads) > 1:
            while self.batcher.waiting == before:  # until the query stands in the queue
                thread.join(0.001)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(10)


def test_a_query_is_answered_with_one_vector_a_picture() -> None:
    embedder = SeededEmbedder(1)
    pixels = pictures(3)
    answered = answer(query(pixels), QueryBatcher(embedder, 16))
    assert answered is not None
    assert answered.model == embedder.identity
    assert unpack_vectors(answered.vectors, 3) == pytest.approx(embedder.embed(pixels))


def test_a_query_past_its_deadline_is_dropped_without_a_pass() -> None:
    network = Gated()
    assert answer(query(pictures(1), seconds=-0.1), QueryBatcher(network, 16)) is None
    assert network.sizes == []


def test_pixels_that_do_not_match_the_count_are_an_error() -> None:
    with pytest.raises(InvalidMessage):
        answer(QueryPixels(2, pictures(1).tobytes(), time.time() + LATER), QueryBatcher(SeededEmbedder(1), 16))


def test_queries_that_arrive_during_a_pass_share_the_next_one() -> None:
    network = Gated()
    callers = Callers(QueryBatcher(network, 16))
    asked = [pictures(1 + place % 2, seed=place) for place in range(5)]
    callers.ask(0, query(asked[0]))
    assert network.entered.wait(10)
    for place in range(1, 5):
        callers.ask(place, query(asked[place]))
    network.gate.set()
    callers.join()
    assert network.sizes == [1, 6]
    for place, pixels in enumerate(asked):
        answered = callers.answers[place]
        assert answered is not None
        vectors = unpack_vectors(answered.vectors, len(pixels))
        assert vectors == pytest.approx(SeededEmbedder(1).embed(pixels), abs=1e-6)


def test_a_pass_takes_no_more_than_its_limit_unless_one_query_has_more() -> None:
    network = Gated()
    callers = Callers(QueryBatcher(network, 4))
    callers.ask(0, query(pictures(1)))
    assert network.entered.wait(10)
    for place, count in enumerate([3, 2, 9], start=1):
        callers.ask(place, query(pictures(count)))
    network.gate.set()
    callers.join()
    assert network.sizes == [1, 3, 2, 9]


def test_a_query_that_expires_while_it_waits_takes_no_place_in_a_pass() -> None:
    network = Gated()
    callers = Callers(QueryBatcher(network, 16))
    callers.ask(0, query(pictures(1)))
    assert network.entered.wait(10)
    expiring = query(pictures(1), seconds=0.05)
    callers.ask(1, expiring)
    callers.ask(2, query(pictures(1)))
    while time.time() <= expiring.deadline:
        callers.threads[0].join(0.01)
    network.gate.set()
    callers.join()
    assert network.sizes == [1, 1]
    assert callers.answers[1] is None
    assert callers.answers[2] is not None


def test_a_failed_pass_fails_its_queries_and_no_later_one() -> None:
    class Failing(Gated):
        def embed(self, pixels: Pixels) -> Vectors:
            vectors = super().embed(pixels)
            if len(self.sizes) == 2:
                raise ComputeFailed("no memory")
            return vectors

    network = Failing()
    batcher = QueryBatcher(network, 16)
    callers = Callers(batcher)
    callers.ask(0, query(pictures(1)))
    assert network.entered.wait(10)
    callers.ask(1, query(pictures(1)))
    callers.ask(2, query(pictures(1)))
    network.gate.set()
    callers.join()
    assert sorted(callers.errors) == [1, 2]
    assert callers.answers[0] is not None
    assert answer(query(pictures(1)), batcher) is not None


def test_many_callers_all_get_their_own_answer() -> None:
    embedder = SeededEmbedder(1)
    batcher = QueryBatcher(embedder, 8)
    asked = [pictures(1, seed=place) for place in range(40)]
    found: dict[int, Vectors | None] = {}

    def call(place: int) -> None:
        found[place] = batcher.embed(asked[place], time.time() + LATER)

    threads = [Thread(target=call, args=(place,)) for place in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    for place in range(40):
        assert found[place] == pytest.approx(embedder.embed(asked[place]), abs=1e-6)
