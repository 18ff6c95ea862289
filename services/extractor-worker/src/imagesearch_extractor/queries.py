"""Answer queries: pixels in, vectors out, as soon as possible or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import structlog

from imagesearch.contract import Pixels, QueryVectors, Queue, pack_vectors, unpack_pixels
from imagesearch.errors import InvalidMessage, TransientError
from imagesearch.messaging.query_channel import Asked, QueryLane
from imagesearch.retry import keep_trying
from imagesearch.telemetry import FORWARD_SECONDS
from imagesearch.worker.heartbeat import Pulse
from imagesearch_extractor.embedding import Embedder

log = structlog.get_logger()

Answer = Callable[[Asked, QueryVectors], None]


def serve(lane: QueryLane, embedder: Embedder, *, limit: int, pulse: Pulse) -> None:
    """Answer queries until the process is told to stop.

    A query that finds the network idle runs at once. Those that arrive during its pass wait in Redis and share
    the next one: sixteen pictures in one pass take a tenth less time than one by one on a CPU, and a fraction of
    it on a GPU.

    Args:
        lane: where queries come from.
        embedder: the network.
        limit: the most pictures in a pass, unless one query alone has more.
        pulse: told whenever the loop has come round.
    """
    while not pulse.stopping.is_set():
        try:
            taken = keep_trying(partial(lane.take, limit), pulse.stopping, doing="taking queries")
            pulse.consumed()
            for together in passes(taken, limit):
                answer(together, embedder, lane.answer)
                pulse.consumed()
        except TransientError as error:
            # Redis is away: whoever waits is told so by the API.
            log.warning("queries.interrupted", reason=str(error))


def passes(taken: Sequence[Asked], limit: int) -> Iterator[list[Asked]]:
    """Group queries, in their order, into passes of at most `limit` pictures unless one alone has more."""
    together: list[Asked] = []
    pictures = 0
    for asked in taken:
        if together and pictures + asked.query.count > limit:
            yield together
            together, pictures = [], 0
        together.append(asked)
        pictures += asked.query.count
    if together:
        yield together


def answer(together: Sequence[Asked], embedder: Embedder, send: Answer) -> None:
    """Answer queries from one forward pass; each gets one vector a picture, zeros for one without direction.

    A query past its deadline takes no part in the pass. It is refused like one that the network failed on: the
    clock of whoever asked may be behind.

    Raises:
        StoreUnavailable: the answers cannot be sent.
    """
    wanted: list[tuple[Asked, Pixels]] = []
    for asked in together:
        try:
            pixels = _pixels(asked)
        except (InvalidMessage, _TooLate) as error:
            log.info("query.refused", reason=str(error))
            send(asked, _refusal(embedder, str(error)))
        else:
            wanted.append((asked, pixels))
    if not wanted:
        return
    try:
        with FORWARD_SECONDS.labels(Queue.QUERY).time():
            vectors = embedder.embed(np.concatenate([pixels for _, pixels in wanted]))
    except TransientError as error:
        log.warning("queries.failed", queries=len(wanted), reason=str(error))
        for asked, _ in wanted:
            send(asked, _refusal(embedder, str(error)))
        return
    start = 0
    for asked, pixels in wanted:
        own = vectors[start : start + len(pixels)]
        send(asked, QueryVectors(model=embedder.identity, vectors=pack_vectors(own)))
        start += len(pixels)


class _TooLate(Exception):
    """Nobody waits for the answer any more."""


def _pixels(asked: Asked) -> Pixels:
    late = time.time() - asked.query.deadline
    if late >= 0:
        raise _TooLate(f"the query came {late:.1f} s after its deadline")
    return unpack_pixels(asked.query.pixels, asked.query.count)


def _refusal(embedder: Embedder, reason: str) -> QueryVectors:
    return QueryVectors(model=embedder.identity, vectors=b"", refusal=reason)
