from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from imagesearch import tracing
from imagesearch.contract import Pixels, Queue, Vectors, pack_vectors, unpack_vectors
from imagesearch.errors import StoreUnavailable, TransientError
from imagesearch.messaging.query_channel import QueryRequest
from imagesearch.networks import queues_of
from imagesearch.pipeline import Pooling
from imagesearch.query_contract import ExplainedCells, ExplainPixels, QueryPixels, QueryVectors, unpack_cells
from imagesearch.worker.heartbeat import Liveness
from imagesearch_extractor.embedding import ComputeFailed, FeatureMaps, NoFeatureMaps, SeededEmbedder
from imagesearch_extractor.queries import FAILED, answer, answer_why, passes, serve
from support.clocks import shifted

LATER = 10.0
HOURS = 36_000.0
"""Of what is made before the first test runs."""


def pictures(count: int, seed: int = 0) -> Pixels:
    cells = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return cells.repeat(56, axis=1).repeat(56, axis=2)


def request(name: str, pixels: Pixels, seconds: float = LATER) -> QueryRequest:
    return QueryRequest(name, QueryPixels(len(pixels), pixels.tobytes(), pixels.shape[1], seconds))


class Counting(SeededEmbedder):
    """Note the size of each pass, and fail those that are told to."""

    def __init__(self, *, failing: frozenset[int] = frozenset()) -> None:
        super().__init__(1)
        self.sizes: list[int] = []
        self._failing = failing

    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        self.sizes.append(len(pixels))
        if len(self.sizes) in self._failing:
            raise ComputeFailed("no memory")
        return super().embed(pixels, pooling)


class Sent(dict[str, QueryVectors]):
    """Keep answers by the place that they were sent to."""

    def __call__(self, to: QueryRequest, what: QueryVectors) -> None:
        assert to.reply not in self
        self[to.reply] = what


def test_queries_share_a_pass_and_each_gets_its_own_vectors() -> None:
    network, sent = Counting(), Sent()
    samples = {str(index): pictures(1 + index % 2, seed=index) for index in range(5)}
    answer([request(name, pixels) for name, pixels in samples.items()], network, sent)
    assert network.sizes == [7]
    for name, pixels in samples.items():
        assert (sent[name].model, sent[name].refusal) == (network.identity, None)
        vectors = unpack_vectors(sent[name].vectors, len(pixels), network.spec.dimension)
        assert vectors == pytest.approx(SeededEmbedder(1).embed(pixels), abs=1e-6)


def test_a_query_that_was_held_too_long_is_refused_without_a_pass() -> None:
    network, sent = Counting(), Sent()

    def held(name: str) -> QueryRequest:
        return replace(request(name, pictures(1)), taken_at=time.monotonic() - LATER)

    answer([held("late")], network, sent)
    assert network.sizes == []
    assert "held for more than the 10 s" in str(sent["late"].refusal)
    answer([held("later"), request("in time", pictures(2))], network, sent)
    assert network.sizes == [2]
    assert sent["in time"].refusal is None


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_query_is_answered_whatever_the_clock_of_this_host_says(
    hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Sent()
    with shifted(monkeypatch, hours):
        answer([request("a", pictures(1))], Counting(), sent)
    assert sent["a"].refusal is None


def test_pixels_that_do_not_match_the_count_are_refused_and_cost_no_other_query() -> None:
    network, sent = Counting(), Sent()
    wrong = QueryRequest("wrong", QueryPixels(2, pictures(1).tobytes(), 224, LATER))
    answer([wrong, request("right", pictures(1))], network, sent)
    assert "are not 2 x" in str(sent["wrong"].refusal)
    assert sent["right"].refusal is None


def test_what_the_network_cannot_do_is_refused_and_costs_no_other_query() -> None:
    network, sent = Counting(), Sent()
    network.spec = replace(network.spec, has_one_side=True)
    small = pictures(1).repeat(2, axis=1)[:, :320, :320]
    answer([request("wrong", small), request("right", pictures(1))], network, sent)
    assert "side: vgg16 takes 224 alone" in str(sent["wrong"].refusal)
    assert sent["right"].refusal is None
    assert network.sizes == [1]


def test_a_failed_pass_is_told_to_its_query_and_fails_no_later_one() -> None:
    network, sent = Counting(failing=frozenset({1})), Sent()
    answer([request("a", pictures(1))], network, sent)
    answer([request("b", pictures(1))], network, sent)
    assert [sent[name].refusal for name in "ab"] == [FAILED, None]


POISON = 7


class Poisoned(Counting):
    """Fail each pass that holds a picture whose first number is `POISON`."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        made = super().embed(pixels, pooling)
        if (pixels[:, 0, 0, 0] == POISON).any():
            raise self._error
        return made


def poison(name: str) -> QueryRequest:
    return request(name, np.full((1, 224, 224, 3), POISON, np.uint8))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("/secret/path"),
        RuntimeError("cudaErrorIllegalAddress"),
        MemoryError(),
        ComputeFailed("no memory"),
    ],
)
def test_a_query_that_fails_its_pass_fails_no_other_and_not_the_loop(error: Exception) -> None:
    liveness, network = Liveness("worker", concurrency=1), Poisoned(error)
    together = [request("a", pictures(1, seed=1)), poison("bad"), request("b", pictures(2, seed=2))]
    channel = ScriptedChannel(liveness, [together, [request("later", pictures(1, seed=3))]])
    with capture_logs() as logged:
        serve(channel, network, limit=4, liveness=liveness)  # type: ignore[arg-type]
    refusals = {name: sent.refusal for name, sent in channel.answer.items()}
    assert refusals == {"a": None, "bad": FAILED, "b": None, "later": None}
    assert network.sizes == [4, 1, 1, 2, 1]
    failed = [line for line in logged if line["event"] == "queries.failed"]
    assert [(line["queries"], line["exc_info"]) for line in failed] == [(3, True), (1, True)]


def test_what_nobody_foresaw_outside_of_a_pass_costs_its_queries_alone() -> None:
    liveness = Liveness("worker", concurrency=1)
    endless = request("endless", pictures(1), seconds=float("inf"))

    class Refusing(ScriptedChannel):
        def __init__(self, *script: list[QueryRequest]) -> None:
            super().__init__(liveness, [*script])
            self.answer = self._answer  # type: ignore[assignment]
            self.sent: list[str] = []

        def _answer(self, to: QueryRequest, _: QueryVectors) -> None:
            round(to.left)
            self.sent.append(to.reply)

    channel = Refusing([endless], [request("next", pictures(1))])
    with capture_logs() as logged:
        serve(channel, Counting(), limit=4, liveness=liveness)  # type: ignore[arg-type]
    assert channel.sent == ["next"]
    assert [line["event"] for line in logged if line.get("exc_info")] == ["queries.unexpected_error"]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([], []), ([1, 1], [[1, 1]]), ([3, 2, 9, 1], [[3], [2], [9], [1]]), ([2, 2, 1], [[2, 2], [1]])],
)
def test_a_pass_takes_no_more_than_its_limit_unless_one_query_has_more(
    counts: list[int], expected: list[list[int]]
) -> None:
    taken = [QueryRequest(str(index), QueryPixels(count, b"", 224, 0.0)) for index, count in enumerate(counts)]
    grouped = list(passes(taken, 4))
    assert [[query.query.count for query in together] for together in grouped] == expected
    assert [query for together in grouped for query in together] == taken


def test_a_pass_holds_pictures_of_one_size() -> None:
    sides = [224, 224, 448, 224]
    taken = [QueryRequest(str(index), QueryPixels(1, b"", side, 0.0)) for index, side in enumerate(sides)]
    assert [[each.query.side for each in together] for together in passes(taken, 4)] == [[224, 224], [448], [224]]


def why(
    name: str, pixels: Pixels, *, mean: bytes = b"", seconds: float = LATER, pooling: str | None = None
) -> QueryRequest:
    return QueryRequest(name, ExplainPixels(pixels.tobytes(), pixels.shape[1], seconds, pooling, mean))


def explained(request: QueryRequest, network: SeededEmbedder) -> ExplainedCells:
    sent: list[ExplainedCells | QueryVectors] = []
    answer_why(request, network, lambda to, what: sent.append(what))
    (made,) = sent
    assert isinstance(made, ExplainedCells)
    assert made.model == network.identity
    return made


@pytest.mark.parametrize("pooling", [None, "max", "avg", "gem"])
def test_cells_are_answered_that_sum_to_the_similarity(pooling: Pooling | None) -> None:
    network, pixels = SeededEmbedder(1), pictures(2)
    vectors = network.embed(pixels, pooling)
    mean = network.embed(pictures(1, seed=9), pooling)
    made = explained(why("a", pixels, mean=pack_vectors(mean), pooling=pooling), network)
    assert made.refusal is None
    assert made.similarity == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    assert made.common == pytest.approx((vectors @ mean[0]).tolist(), abs=1e-5)
    sums = unpack_cells(made.cells, made.height, made.width).sum(axis=(1, 2))
    assert sums == pytest.approx(made.similarity - np.array(made.common), abs=1e-5)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (why("late", pictures(2), seconds=0.0), "held for more than"),
        (why("one", pictures(1), seconds=HOURS), "are not 2 x 224"),
        (why("short", pictures(2), mean=bytes(8), seconds=HOURS), "are not 1 x 512"),
        (why("odd", pictures(2), pooling="median", seconds=HOURS), "pooling"),
    ],
)
def test_what_cannot_be_explained_is_refused(asked: QueryRequest, reason: str) -> None:
    made = explained(asked, SeededEmbedder(1))
    assert reason in str(made.refusal)
    assert made.cells == b""


def test_a_network_without_maps_and_one_that_fails_say_so() -> None:
    class Failing(SeededEmbedder):
        error: Exception = NoFeatureMaps()

        def embed_with_maps(self, pixels: Pixels, pooling: Pooling | None = None) -> tuple[Vectors, FeatureMaps]:
            raise self.error

    network = Failing()
    made = explained(why("a", pictures(2)), network)
    assert (made.refusal, made.height, made.cells) == (None, 0, b"")
    network.error = MemoryError()
    with capture_logs() as logged:
        assert explained(why("b", pictures(2)), network).refusal == FAILED
    assert [line["event"] for line in logged if line.get("exc_info")] == ["queries.not_explained"]


def test_what_is_to_be_explained_shares_no_pass() -> None:
    liveness, network = Liveness("worker", concurrency=1), Counting()
    together = [request("a", pictures(1)), why("b", pictures(2)), why("c", pictures(2)), request("d", pictures(1))]
    assert [len(each) for each in passes(together, 16)] == [1, 1, 1, 1]
    channel = ScriptedChannel(liveness, [[together[1]], [together[0]]])
    serve(channel, network, limit=4, liveness=liveness)  # type: ignore[arg-type]
    assert {name: sent.refusal for name, sent in channel.answer.items()} == {"a": None, "b": None}


class ScriptedChannel:
    """Give out what a test has prepared, fail where it says so, and stop the loop behind the last of it."""

    def __init__(self, liveness: Liveness, script: list[list[QueryRequest] | TransientError]) -> None:
        self.answer = Sent()
        self.first: list[str] = []
        self._liveness, self._script = liveness, script

    def take(self, queues: Sequence[str], _: int, *, sharers: int) -> list[QueryRequest]:
        self.first.append(queues[0])
        assert sharers == 1
        if not self._script:
            self._liveness.stopping.set()
            return []
        step = self._script.pop(0)
        if isinstance(step, TransientError):
            raise step
        return step


def test_the_queues_of_the_weights_and_of_the_name_come_first_in_turn() -> None:
    channel = ScriptedChannel(liveness := Liveness("worker", concurrency=1), [[], [], []])
    serve(channel, Counting(), limit=4, liveness=liveness)  # type: ignore[arg-type]
    assert channel.first == [*queues_of(Queue.QUERY, SeededEmbedder(1).identity)] * 2


def test_the_loop_outlives_a_redis_that_is_away_and_answers_what_it_took_before_it_stops() -> None:
    liveness = Liveness("worker", concurrency=1)
    liveness.asked_at = time.monotonic()
    away = StoreUnavailable("redis", "away")
    channel = ScriptedChannel(liveness, [[request("a", pictures(1))], away, away, [], [request("b", pictures(1))]])
    serve(channel, Counting(), limit=4, liveness=liveness)  # type: ignore[arg-type]
    assert sorted(channel.answer) == ["a", "b"]
    assert liveness.asked_at is None


def test_an_answer_that_cannot_be_sent_does_not_end_the_loop() -> None:
    class CannotAnswer(ScriptedChannel):
        def __init__(self, liveness: Liveness, script: list[list[QueryRequest] | TransientError]) -> None:
            super().__init__(liveness, script)
            self.answer = self._answer  # type: ignore[assignment]
            self.sent: list[str] = []

        def _answer(self, to: QueryRequest, _: QueryVectors) -> None:
            if to.reply == "a":
                raise StoreUnavailable("redis", "away")
            self.sent.append(to.reply)

    liveness = Liveness("worker", concurrency=1)
    channel = CannotAnswer(liveness, [[request("a", pictures(1))], [request("b", pictures(1))]])
    serve(channel, Counting(), limit=4, liveness=liveness)  # type: ignore[arg-type]
    assert channel.sent == ["b"]


def test_a_pass_is_shown_by_the_trace_of_each_query_that_shares_it() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before = tracing.use(provider)
    callers = [f"00-{number:032x}-00f067aa0ba902b7-01" for number in (1, 2)]
    asked = [replace(request(caller, pictures(1)), headers={tracing.HEADER: caller}) for caller in callers]
    network, liveness = Counting(), Liveness("query", 1)

    class Channel:
        def take(self, *_: object, **__: object) -> list[QueryRequest]:
            return asked

        def answer(self, *_: object) -> None:
            liveness.stopping.set()

    try:
        serve(Channel(), network, limit=4, liveness=liveness)  # type: ignore[arg-type]
    finally:
        tracing.use(before)
        provider.shutdown()
    assert network.sizes == [2]
    spans = exporter.get_finished_spans()
    assert sorted((span.name, span.context.trace_id) for span in spans if span.context) == [
        ("query", 1),
        ("query", 2),
    ]
