"""Hold what operations are measured on: a seeded catalogue, real Postgres and Valkey, stand-ins for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imagesearch.catalog.engine import Catalog
from imagesearch.contract import TaskName
from imagesearch.files.roots import Roots
from imagesearch.messaging.claims import InFlight
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch.vectors.memory import InMemoryVectorStore
from imagesearch.vectors.port import MAX_WINDOW
from imagesearch.wire import Message
from imagesearch_indexer.composition import Indexer, Send
from imagesearch_indexer.settings import IndexerSettings
from imagesearch_indexer.tasks import KINDS


class NumberedVectors(InMemoryVectorStore):
    """Be a store whose one collection has the keys from 1 to a number, or none after it has lost them."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def keys(self, name: str, *, after: int = 0, limit: int = MAX_WINDOW) -> list[int]:
        """Return the next keys."""
        return list(range(after + 1, min(after + limit, self.number) + 1))

    def fetch_vectors(
        self, name: str, keys: Sequence[int] | npt.NDArray[np.int64], *, strong: bool = False
    ) -> dict[int, npt.NDArray[np.float32]]:
        """Find nothing: only what has been lost is looked for."""
        return {}

    def count(self, name: str, *, strong: bool = False) -> int:
        """Return how many there are."""
        return self.number


@dataclass(frozen=True)
class Ground:
    """Hold a catalogue with a collection of `size` images below `folder`, and who works on it.

    Attributes:
        sent: the messages that were sent.
    """

    size: int
    catalog: Catalog
    vectors: NumberedVectors
    collection_id: int
    folder: Path
    indexer: Indexer
    sent: list[tuple[TaskName, Message]]


def indexer_on(
    catalog: Catalog,
    vectors: NumberedVectors,
    in_flight: InFlight,
    root: Path,
    send: Send,
) -> Indexer:
    """Return an indexer as a process would have it, whose messages the caller gets."""
    return Indexer(
        catalog=catalog,
        vectors=vectors,
        progress=InMemoryProgressBoard(),
        in_flight=in_flight,
        send=send,
        roots=Roots((root,)),
        settings=IndexerSettings(),
        kinds=KINDS,
    )
