"""Answer queries: pixels in, vectors out, as soon as possible or not at all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Condition

import numpy as np
import structlog

from imagesearch.contract import Pixels, QueryPixels, QueryVectors, Queue, Vectors, pack_vectors, unpack_pixels
from imagesearch.telemetry import FORWARD_SECONDS
from imagesearch_extractor.embedding import Embedder

log = structlog.get_logger()


def answer(query: QueryPixels, batcher: QueryBatcher) -> QueryVectors | None:
    """Return one vector a picture, zeros for one without direction; None when nobody waits any more.

    Raises:
        InvalidMessage: the pixels are not as many as the query says.
        TransientError: the network failed.
    """
    vectors = batcher.embed(unpack_pixels(query.pixels, query.count), query.deadline)
    if vectors is None:
        log.info("query.expired", seconds_late=round(time.time() - query.deadline, 3))
        return None
    return QueryVectors(model=batcher.identity, vectors=pack_vectors(vectors))


@dataclass(eq=False)
class _Ticket:
    pixels: Pixels
    deadline: float
    vectors: Vectors | None = None
    error: BaseException | None = None
    done: bool = False


class QueryBatcher:
    """Let queries that arrive together share one forward pass.

    A query that finds the network idle runs at once. Those that arrive during its pass wait, and the first
    of them to wake runs the next pass for all. Sixteen pictures in one pass take a tenth less time than one by
    one on a CPU, and a fraction of it on a GPU.
    """

    def __init__(self, embedder: Embedder, limit: int) -> None:
        """Batch for `embedder`, with at most `limit` pictures in a pass unless one query alone has more."""
        self.identity = embedder.identity
        self._embedder = embedder
        self._limit = limit
        self._changed = Condition()
        self._waiting: list[_Ticket] = []
        self._running = False

    def embed(self, pixels: Pixels, deadline: float) -> Vectors | None:
        """Return one vector a picture, or None when `deadline` passed before their turn came.

        Args:
            pixels: uint8[n, 224, 224, 3].
            deadline: seconds since the epoch.
        """
        ticket = _Ticket(pixels, deadline)
        with self._changed:
            self._waiting.append(ticket)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: ticket.done or not self._running)
                if ticket.done:
                    break
                together = self._take()
                self._running = True
            self._run(together)
        if ticket.error is not None:
            raise ticket.error
        return ticket.vectors

    @property
    def waiting(self) -> int:
        """Return how many queries have not begun."""
        with self._changed:
            return len(self._waiting)

    def _take(self) -> list[_Ticket]:
        """Remove the next pass from the queue: the oldest queries, without those that nobody waits for."""
        together: list[_Ticket] = []
        pictures, now = 0, time.time()
        while self._waiting:
            ticket = self._waiting[0]
            if ticket.deadline <= now:
                ticket.done = True
            elif together and pictures + len(ticket.pixels) > self._limit:
                break
            else:
                together.append(ticket)
                pictures += len(ticket.pixels)
            del self._waiting[0]
        return together

    def _run(self, together: list[_Ticket]) -> None:
        try:
            if together:
                self._forward(together)
        except BaseException as error:  # noqa: BLE001 - each waiting thread raises it again
            for ticket in together:
                ticket.error = error
        finally:
            with self._changed:
                for ticket in together:
                    ticket.done = True
                self._running = False
                self._changed.notify_all()

    def _forward(self, together: list[_Ticket]) -> None:
        with FORWARD_SECONDS.labels(Queue.QUERY).time():
            vectors = self._embedder.embed(np.concatenate([ticket.pixels for ticket in together]))
        start = 0
        for ticket in together:
            ticket.vectors = vectors[start : start + len(ticket.pixels)]
            start += len(ticket.pixels)
