"""Answer queries: pixels in, vectors out, as soon as possible or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

import numpy as np
import structlog

from imagesearch import tracing
from imagesearch.contract import Pixels, Queue, Vectors, pack_vectors, unpack_vectors
from imagesearch.errors import InvalidMessage, TransientError
from imagesearch.messaging.query_channel import QueryChannel, QueryRequest
from imagesearch.metrics import FORWARD_SECONDS
from imagesearch.networks import queues_of
from imagesearch.pipeline import Pooling, checked_pooling, require_possible
from imagesearch.query_contract import ExplainedCells, ExplainPixels, QueryVectors, unpack_pixels
from imagesearch.retry import retry_transient
from imagesearch.worker.heartbeat import Liveness
from imagesearch_extractor.embedding import Embedder, NoFeatureMaps
from imagesearch_extractor.explaining import explain

log = structlog.get_logger()

Answer = Callable[[QueryRequest, QueryVectors | ExplainedCells], None]

FAILED = "the network could not be run"
"""Whoever asked reads no more: what failed, and where, stands in the log."""


def one() -> int:
    """Say that a worker is the only one."""
    return 1


def serve(
    channel: QueryChannel, embedder: Embedder, *, limit: int, liveness: Liveness, sharers: Callable[[], int] = one
) -> None:
    """Answer queries, and requests to explain, until the process is told to stop.

    A query that finds the network idle runs at once. Those that arrive during its pass wait in Redis and share
    the next one: sixteen pictures in one pass take a tenth less time than one by one on a CPU, and a fraction of
    it on a GPU. No more is taken than one pass and this worker's share of what waits: the rest is there for
    workers that are idle, or soon will be.

    Args:
        channel: where queries come from.
        embedder: the network.
        limit: the most pictures in a pass, unless one query alone has more.
        liveness: told after each wait for queries and after each pass.
        sharers: tells how many workers take from the same queues; it may lag behind.
    """
    queues: Sequence[str] = queues_of(Queue.QUERY, embedder.identity)
    while not liveness.stopping.is_set():
        try:
            take = partial(channel.take, queues, limit, sharers=sharers())
            taken = retry_transient(take, liveness.stopping, doing="taking queries")
            liveness.consumed()
            # The first that has anything is taken from: none may keep the other waiting for ever.
            queues = queues[::-1]
            for together in passes(taken, limit):
                _answer_or_log(together, embedder, channel.answer)
                liveness.consumed()
        except TransientError as error:
            # Redis is away: the API tells its callers so.
            log.warning("queries.interrupted", reason=str(error))


def passes(taken: Sequence[QueryRequest], limit: int) -> Iterator[list[QueryRequest]]:
    """Group queries, in their order, into passes of one input size and one pooling, and of `limit` pictures.

    A query that alone has more of them has a pass of its own.
    """
    together: list[QueryRequest] = []
    pictures = 0
    for request in taken:
        too_many = pictures + request.query.count > limit
        if together and (too_many or _kind(request) != _kind(together[0])):
            yield together
            together, pictures = [], 0
        together.append(request)
        pictures += request.query.count
    if together:
        yield together


def _kind(request: QueryRequest) -> tuple[object, ...]:
    if isinstance(request.query, ExplainPixels):
        return (request,)
    return request.query.side, request.query.pooling


def answer(together: Sequence[QueryRequest], embedder: Embedder, send: Answer) -> None:
    """Answer queries from one forward pass; each gets one vector a picture, zeros for one without direction.

    Where a pass of several fails, each of them is tried alone; those that fail again are refused.

    A query that nobody can be waiting for any more, because this process stood still with it, takes no part in the
    pass, and is refused like one that the network failed on.

    Raises:
        StoreUnavailable: the answers cannot be sent.
    """
    wanted: list[tuple[QueryRequest, Pixels]] = []
    for request in together:
        try:
            pixels = _pixels(request, embedder)
        except (InvalidMessage, _TooLate) as error:
            log.info("query.refused", reason=str(error))
            send(request, _refusal(embedder, str(error)))
        else:
            wanted.append((request, pixels))
    if not wanted:
        return
    vectors = _embed(embedder, [pixels for _, pixels in wanted], checked_pooling(wanted[0][0].query.pooling))
    if vectors is None and len(wanted) > 1:
        # One of them may have failed the others: each has a pass of its own.
        for request, _ in wanted:
            answer([request], embedder, send)
    elif vectors is None:
        send(wanted[0][0], _refusal(embedder, FAILED))
    else:
        start = 0
        for request, pixels in wanted:
            own = vectors[start : start + len(pixels)]
            send(request, QueryVectors(model=embedder.identity, vectors=pack_vectors(own)))
            start += len(pixels)


def answer_why(request: QueryRequest, embedder: Embedder, send: Answer) -> None:
    """Answer a request to explain from a forward pass of its two pictures.

    Raises:
        StoreUnavailable: the answer cannot be sent.
    """
    try:
        made = _explained(request, embedder)
    except (InvalidMessage, _TooLate) as error:
        log.info("query.refused", reason=str(error))
        made = ExplainedCells(model=embedder.identity, refusal=str(error))
    except NoFeatureMaps:
        made = ExplainedCells(model=embedder.identity)
    except Exception:
        log.exception("queries.not_explained")
        made = ExplainedCells(model=embedder.identity, refusal=FAILED)
    send(request, made)


def _explained(request: QueryRequest, embedder: Embedder) -> ExplainedCells:
    query, dimension = request.query, embedder.spec.dimension
    assert isinstance(query, ExplainPixels)  # noqa: S101 - others are answered elsewhere
    pixels, pooling = _pixels(request, embedder), checked_pooling(query.pooling)
    mean = unpack_vectors(query.mean, 1, dimension)[0] if query.mean else np.zeros(dimension, np.float32)
    with FORWARD_SECONDS.labels("explain").time():
        vectors, maps = embedder.embed_with_maps(pixels, pooling)
    found = explain(vectors, maps, pooling or embedder.spec.pooling, mean, embedder.window)
    return ExplainedCells(
        model=embedder.identity,
        height=maps.shape[1],
        width=maps.shape[2],
        cells=pack_vectors(found.cells),
        similarity=found.similarity,
        common=found.common,
    )


def _answer_or_log(together: Sequence[QueryRequest], embedder: Embedder, send: Answer) -> None:
    """Answer queries; what nobody foresaw costs these alone, whose senders wait in vain.

    Raises:
        StoreUnavailable: the answers cannot be sent.
    """
    try:
        with ExitStack() as spans:
            for request in together:
                # One pass answers all of them: each of their traces shows it.
                spans.enter_context(tracing.handling(request.headers, "query"))
            if isinstance(together[0].query, ExplainPixels):
                answer_why(together[0], embedder, send)
            else:
                answer(together, embedder, send)
    except TransientError:
        raise
    except Exception:
        log.exception("queries.unexpected_error", queries=len(together))


def _embed(embedder: Embedder, pixels: Sequence[Pixels], pooling: Pooling | None) -> Vectors | None:
    """Return the vectors of some queries; None where the pass failed, whatever the network's library raised."""
    try:
        with FORWARD_SECONDS.labels(Queue.QUERY).time():
            return embedder.embed(np.concatenate(pixels), pooling)
    except Exception:
        log.exception("queries.failed", queries=len(pixels))
        return None


class _TooLate(Exception):
    """Nobody waits for the answer any more."""


def _pixels(request: QueryRequest, embedder: Embedder) -> Pixels:
    if request.left <= 0:
        raise _TooLate(f"the query was held for more than the {request.query.seconds:g} s that its sender waits")
    require_possible(embedder.spec, request.query.side, checked_pooling(request.query.pooling))
    return unpack_pixels(request.query.pixels, request.query.count, request.query.side)


def _refusal(embedder: Embedder, reason: str) -> QueryVectors:
    return QueryVectors(model=embedder.identity, vectors=b"", refusal=reason)
