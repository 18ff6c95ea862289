"""Find duplicates: at once where few pictures are to be compared, else as a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import numpy as np

from imagesearch.access.tenants import Owner, Tenancy
from imagesearch.catalog import collections, duplicates, image_queries, jobs, tenants
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.images import Image
from imagesearch.catalog.states import CollectionState, JobOrigin
from imagesearch.contract import JobKind, JobState
from imagesearch.errors import Conflict, NotFound
from imagesearch.similarity import Group, groups_of_vectors
from imagesearch_api.jobs.ports import Jobs
from imagesearch_api.search.ports import Search
from imagesearch_api.search.stored_vectors import stored_vectors


@dataclass(frozen=True, slots=True)
class Page:
    """Hold some groups, the rows of their pictures, and behind which group the next page begins."""

    groups: list[Group]
    images: Mapping[int, Image]
    next: int | None


def duplicates_now(
    ports: Search,
    name: str,
    *,
    max_distance: float,
    partition: str | None,
    most: int,
    limit: int,
    after: int,
    tenancy: Tenancy,
) -> Page:
    """Compare each picture of a collection, or of one partition, with each other, `most` of them at once.

    Raises:
        Forbidden: the key is bound to another partition.
        NotFound: there is no such collection.
        Conflict: it holds more pictures than are compared while the caller waits.
        StoreUnavailable: a store does not answer.
    """
    partition = tenancy.partition_of(partition)
    with ports.catalog.transaction() as tx:
        collection = tenants.collection(tx, name, tenancy)
        rows = image_queries.listing(tx, collection.id, partition=partition, after=0, limit=most + 1)
    if len(rows) > most:
        raise Conflict(
            f"More than {most} pictures are compared in a job: POST to this URL, and read its duplicates."
        )
    vectors = stored_vectors(ports.catalog, ports.vectors, collection, rows, needs_all=False)
    compared = [row.id for row in rows if row.id in vectors]
    stacked = np.stack([vectors[image_id] for image_id in compared]) if compared else np.empty((0, 0), np.float32)
    found = groups_of_vectors(compared, stacked, max_distance)
    behind = [group for group in found if group.id > after]
    return _page(ports.catalog, behind[:limit], tenancy, has_more=len(behind) > limit)


def submit_duplicates(
    ports: Jobs, name: str, *, max_distance: float, partition: str | None, origin: JobOrigin, owner: Owner
) -> jobs.Job:
    """Commit a job that looks for duplicates, and ask for its planning.

    Raises:
        Forbidden: the owner is bound to another partition.
        NotFound: there is no such collection.
        StoreUnavailable: Postgres or Redis does not answer; no job was made.
    """
    partition = owner.tenancy.partition_of(partition)
    ports.workers.alive()
    with ports.catalog.transaction() as tx:
        collection = tenants.collection(tx, name, owner.tenancy)
        options = {"max_distance": max_distance, "partition": partition, "generation": collection.generation}
        wanted = jobs.NewJob(
            id=str(uuid4()),
            origin=origin,
            directory=None,
            kind=JobKind.DUPLICATES,
            options=options,
            owner=owner,
        )
        job = jobs.create(tx, collection.id, wanted)
    ports.announce(job)
    return job


def duplicates_of_job(catalog: Catalog, job_id: str, *, limit: int, after: int, owner: Owner) -> Page:
    """Return groups that a job has found.

    Raises:
        NotFound: there is no such job, it does not look for duplicates, or its collection is deleted.
        Conflict: it has not ended, or not well.
    """
    with catalog.transaction() as tx:
        job = jobs.get(tx, job_id, owner)
        if not job.finds_duplicates:
            raise NotFound(f"Job {job_id} does not look for duplicates.")
        if job.state != JobState.SUCCEEDED:
            raise Conflict(f"The job is {job.state}; its duplicates can be read when it has succeeded.")
        if collections.by_id(tx, job.collection_id).state != CollectionState.ACTIVE:
            raise NotFound(f"The collection that job {job_id} looked at is deleted.")
        found = duplicates.groups(tx, job_id, after=after, limit=limit + 1)
    return _page(catalog, found[:limit], owner.tenancy, has_more=len(found) > limit)


def _page(catalog: Catalog, groups: list[Group], tenancy: Tenancy, *, has_more: bool) -> Page:
    with catalog.transaction() as tx:
        members = [image_id for group in groups for image_id in group.members]
        rows = tenants.indexed_by_ids(tx, members, tenancy)
    # Deleted since, or moved to another partition: a picture alone is no group.
    alive = [
        Group(group.id, {image_id: far for image_id, far in group.members.items() if image_id in rows})
        for group in groups
    ]
    kept = [group for group in alive if len(group.members) > 1]
    return Page(kept, rows, groups[-1].id if has_more else None)
