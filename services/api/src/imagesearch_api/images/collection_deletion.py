"""Delete collections: nobody finds one from the answer on; its images, vectors and files follow soon after."""

from __future__ import annotations

import time

import structlog

from imagesearch.access.tenants import Owner
from imagesearch.catalog import audit, collections, jobs, tenants
from imagesearch.catalog.audit import Action
from imagesearch.catalog.collection import Collection
from imagesearch.contract import CancelJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch_api import versions
from imagesearch_api.dry_runs import changing
from imagesearch_api.images.deletion import Deletes
from imagesearch_api.versions import ANY_VERSION, Expected

log = structlog.get_logger()

CANCELLED_AT_ONCE = 100
"""Jobs, in one transaction: each has a message, which follows it."""


def delete_collection(
    ports: Deletes, name: str, owner: Owner, *, expected: Expected = ANY_VERSION, dry_run: bool = False
) -> bool:
    """Delete a collection, cancel its open jobs; return whether all of it is gone already.

    A dry run only sees that it could be deleted.

    Raises:
        VersionMismatch: its settings are not what they are expected to be.
        Forbidden: the owner is bound to a partition.
        NotFound: there is no such collection.
        Conflict: the name is an alias.
        StoreUnavailable: Postgres does not answer; nothing was deleted.
    """
    owner.tenancy.require_whole_collections()
    with changing(ports.catalog, dry_run=dry_run) as tx:
        collection = tenants.collection_by_name(tx, name, owner.tenancy)
        collections.mark_deleting(
            tx, collection, check=lambda found: expected.check(versions.of_collection(found))
        )
        audit.note(tx, Action.COLLECTION_DELETED, owner.key_id, {"collection": name})
    if dry_run:
        return False
    _cancel_jobs(ports, collection)
    return ports.finish(collection.id)


def _cancel_jobs(ports: Deletes, collection: Collection) -> None:
    """Cancel the open jobs of a collection, for as long as a delete may take; reconciliation finds those left."""
    deadline, behind = time.monotonic() + ports.timeout, 0
    while True:
        with ports.catalog.transaction() as tx:
            cancelled = jobs.cancel_some(tx, collection.id, behind=behind, limit=CANCELLED_AT_ONCE)
        try:
            for job in cancelled:
                ports.send(TaskName.CANCEL, CancelJob(job.id), None)
        except StoreUnavailable as error:
            log.warning("cancel.not_announced", reason=str(error))
        if len(cancelled) < CANCELLED_AT_ONCE or time.monotonic() >= deadline:
            return
        behind = cancelled[-1].number
