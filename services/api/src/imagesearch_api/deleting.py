"""Delete images and collections: marked and invisible at once, their vectors gone soon after."""

from __future__ import annotations

import structlog

from imagesearch.catalog import collections, images, jobs
from imagesearch.contract import CancelJob, FinishDeletes, JobState, TaskName
from imagesearch.errors import NotFound, QueryTimeout, StoreUnavailable
from imagesearch_api.composition import Services

log = structlog.get_logger()


def delete_image(services: Services, name: str, image_id: int) -> bool:
    """Delete one image; return whether its vector is gone already, or will be soon.

    Raises:
        NotFound: there is no such collection, or no such image in it.
        StoreUnavailable: Postgres does not answer; nothing was deleted.
    """
    with services.catalog.transaction() as tx:
        collection = collections.get(tx, name)
        if not images.mark_deleting(tx, collection.id, [image_id]):
            raise NotFound(f"There is no image {image_id} in collection {name!r}.")
    return _finish(services, collection.id)


def delete_collection(services: Services, name: str) -> bool:
    """Delete a collection, cancel its open jobs; return whether all of it is gone already.

    Raises:
        NotFound: there is no such collection.
        Conflict: the name is an alias.
        StoreUnavailable: Postgres does not answer; nothing was deleted.
    """
    with services.catalog.transaction() as tx:
        collection = collections.get_by_name(tx, name)
        collections.mark_deleting(tx, collection)
    with services.catalog.transaction() as tx:
        open_jobs = [job for job in jobs.open_jobs(tx) if job.collection_id == collection.id]
        for job in open_jobs:
            jobs.change(tx, job.id, state=JobState.CANCELLED.value)
    try:
        for job in open_jobs:
            services.send(TaskName.CANCEL, CancelJob(job.id), None)
    except StoreUnavailable as error:
        log.warning("cancel.not_announced", reason=str(error))
    return _finish(services, collection.id)


def _finish(services: Services, collection_id: int) -> bool:
    """Wait a moment for the indexer to finish; when it cannot now, reconciliation does later."""
    try:
        services.ask(TaskName.DELETE, FinishDeletes(collection_id), services.settings.delete_timeout)
    except (StoreUnavailable, QueryTimeout) as error:
        log.warning("delete.goes_on", collection=collection_id, reason=str(error))
        return False
    return True
