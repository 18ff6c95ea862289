"""Hold what the indexer's functions work with: built once a process, or by tests with twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event
from typing import cast

from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.reindex.builds import ReindexBuild
from imagesearch.contract import TaskName
from imagesearch.files.roots import Roots
from imagesearch.files.uploads import Uploads
from imagesearch.messaging.claims import InFlight
from imagesearch.messaging.progress import ProgressBoard
from imagesearch.vectors import IndexSpec, IndexType, VectorStore
from imagesearch.wire import Message
from imagesearch_indexer.settings import IndexerSettings


@dataclass(frozen=True)
class Indexer:
    """Bundle the stores, the way to send messages, and the settings.

    Attributes:
        send: publishes a message, optionally under a task id; raises `StoreUnavailable`.
        roots: directories under which pictures may be read.
        stopping: set when the process was told to stop.
    """

    catalog: Catalog
    vectors: VectorStore
    progress: ProgressBoard
    in_flight: InFlight
    send: Callable[[TaskName, Message, str | None], None]
    roots: Roots
    settings: IndexerSettings
    stopping: Event = field(default_factory=Event)

    @cached_property
    def uploads(self) -> Uploads | None:
        """Return the uploaded pictures, whose files go with their images; None where there are none."""
        return Uploads(self.roots.uploads) if self.roots.uploads is not None else None

    def ensure_vectors(self, collection: Collection | ReindexBuild) -> None:
        """Make the vectors' side of a collection, or of one that is being built, unless it is there.

        Raises:
            StoreUnavailable: the vector store does not answer.
        """
        spec = IndexSpec(cast(IndexType, collection.index_type), collection.index_params)
        self.vectors.ensure_collection(collection.vector_collection, spec)
