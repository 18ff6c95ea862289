"""What writing and deleting images needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any

import structlog

from imagesearch.catalog.engine import Catalog
from imagesearch.contract import FinishDeletes, TaskName
from imagesearch.errors import QueryTimeout, StoreUnavailable
from imagesearch.files.uploads import Uploads
from imagesearch.vectors import VectorStore
from imagesearch.wire import Message
from imagesearch_api.jobs.ports import Send
from imagesearch_api.search.ports import Embedding

log = structlog.get_logger()

CHANGES = 4
"""Half of the connections that one process keeps."""

Ask = Callable[[TaskName, Message, float], Any]
"""Publishes a message, waits some seconds, and returns the answer's wire form; raises `StoreUnavailable` or
`QueryTimeout`."""


@dataclass(frozen=True, slots=True)
class Deletes:
    """Bundle what deleting images and collections needs.

    Attributes:
        timeout: seconds that a delete waits for the indexer, and that one by filter looks for images.
    """

    catalog: Catalog
    send: Send
    ask: Ask
    timeout: float

    def finish(self, collection_id: int) -> bool:
        """Wait a moment for the indexer to finish; when it cannot now, reconciliation does later."""
        try:
            self.ask(TaskName.DELETE, FinishDeletes(collection_id), self.timeout)
        except (StoreUnavailable, QueryTimeout) as error:
            log.warning("delete.goes_on", collection=collection_id, reason=str(error))
            return False
        return True


@dataclass(frozen=True, slots=True)
class Writes:
    """Bundle what adding and changing single images needs.

    Attributes:
        timeout: seconds that a write waits for the indexer.
        uploads: keeps uploaded pictures; None takes none.
        changing: bounds the changes of images in flight, each of which holds a connection of the catalogue while
            it needs others: without a bound they could wait for each other.
    """

    catalog: Catalog
    vectors: VectorStore
    embedding: Embedding
    deletes: Deletes
    ask: Ask
    timeout: float
    uploads: Uploads | None = None
    changing: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(CHANGES))
