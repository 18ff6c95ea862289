"""Hand the indexer a picture, or a change of one, and wait until it can be searched."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from threading import BoundedSemaphore

import structlog

from imagesearch.access.tenants import Owner
from imagesearch.catalog import images, jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import ledger, single_image
from imagesearch.catalog.jobs.single_image import Accepted
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.quotas.admission import Change
from imagesearch.contract import IndexBatch, TaskName
from imagesearch.errors import Conflict, ConflictCode, NotFound, QueryTimeout, StoreUnavailable
from imagesearch.failures import FailureCode
from imagesearch.files.roots import UploadStore
from imagesearch_api.images.deletion import Deletes
from imagesearch_api.jobs.ports import Ask
from imagesearch_api.search.embedding import Embedding

log = structlog.get_logger()


CHANGES = 4
"""Half of the connections that one process keeps."""


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
    embedding: Embedding
    deletes: Deletes
    ask: Ask
    timeout: float
    uploads: UploadStore | None = None
    changing: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(CHANGES))


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Tell what became of one picture.

    Attributes:
        image: its row as it is now.
        job_id: the job that did it, or is to do it; None where there was nothing to do.
        searchable_at: when searches began to see it as it is; None while the job goes on.
        is_new: the collection did not have it before.
    """

    image: Image
    job_id: str | None
    searchable_at: datetime | None
    is_new: bool = False


def unchanged(image: Image, waiting: Accepted | None) -> WriteResult:
    """Tell of a picture that is to stay as it is, or as a change that waits to be written will leave it."""
    if waiting is None:
        return WriteResult(image, None, image.indexed_at)
    return WriteResult(image, waiting.job_id, None)


def begin(ports: Writes, image: Image, labels: Labels, owner: Owner) -> tuple[str, int]:
    """Commit a single-image job: from here on it cannot get lost."""
    with ports.catalog.transaction() as tx:
        return single_image.begin(tx, image, labels, owner)


def finish(ports: Writes, message: IndexBatch, image_id: int, change: Change) -> WriteResult:
    """Have a picture written, and wait a while until searches see it.

    Raises:
        QuotaExceeded: others were faster, and it does not fit into a quota any more.
        Conflict: it was deleted meanwhile, or cannot be written as things stand; the message says why.
        StoreUnavailable: Postgres does not answer; the job goes on.
    """
    try:
        ports.ask(TaskName.INDEX, message, ports.timeout)
    except (StoreUnavailable, QueryTimeout) as error:
        log.warning("single_image.goes_on", job=message.job_id, reason=str(error))
    with ports.catalog.transaction() as tx:
        ended = jobs.get(tx, message.job_id)
        failed = ledger.failures(tx, message.job_id, after=0, limit=1)
        if failed and failed[0].code == FailureCode.QUOTA_EXCEEDED:
            admission.require_room(tx, ended.collection_id, change)
        if failed:
            raise Conflict(failed[0].reason, ConflictCode.WRITE_FAILED)
        try:
            image = images.get(tx, image_id)
        except NotFound:
            raise Conflict(
                "The picture was deleted while it was being written.", ConflictCode.IMAGE_DELETED
            ) from None
    return WriteResult(image, message.job_id, ended.finished_at)
