"""Find duplicates: at once where few pictures are to be compared, else as a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import numpy as np

from imagesearch.access.tenants import Owner, Tenancy
from imagesearch.catalog import collections, duplicates, image_queries, jobs, tenants
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import IdempotencyKey
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.states import CollectionState, JobOrigin
from imagesearch.contract import JobKind, JobState
from imagesearch.errors import Conflict, ConflictCode, NotFound
from imagesearch.similarity import Group, groups_of_vectors
from imagesearch_api.jobs.ports import Jobs
from imagesearch_api.jobs.repeats import digest_of, made_once, marked
from imagesearch_api.networks import is_untrained
from imagesearch_api.search.ports import Search
from imagesearch_api.search.stored_vectors import stored_vectors


@dataclass(frozen=True, slots=True)
class Page:
    """Hold some groups, the rows of their pictures, and behind which group the next page begins.

    Attributes:
        max_distance: how far apart like pictures were allowed to lie.
        untrained: whether a network with random weights made the vectors; None where nobody knows.
    """

    groups: list[Group]
    images: Mapping[int, Image]
    next: int | None
    max_distance: float
    untrained: bool | None


def duplicates_now(
    ports: Search,
    name: str,
    *,
    max_distance: float | None,
    partition: str | None,
    most: int,
    limit: int,
    after: int,
    tenancy: Tenancy,
) -> Page:
    """Compare each picture of a collection, or of one partition, with each other, `most` of them at once.

    Without a distance, what the collection's pipeline calls near is meant.

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
            f"More than {most} pictures are compared in a job: POST to this URL, and read its duplicates.",
            ConflictCode.TOO_MANY_IMAGES,
        )
    vectors = stored_vectors(ports.catalog, ports.vectors, collection, rows, needs_all=False)
    compared = [row.id for row in rows if row.id in vectors]
    stacked = np.stack([vectors[image_id] for image_id in compared]) if compared else np.empty((0, 0), np.float32)
    far = collection.duplicates_distance if max_distance is None else max_distance
    behind = [group for group in groups_of_vectors(compared, stacked, far) if group.id > after]
    untrained = is_untrained(ports.embedding.workers, collection.model)
    return _page(ports.catalog, behind, limit, tenancy, max_distance=far, untrained=untrained)


def submit_duplicates(
    ports: Jobs,
    name: str,
    *,
    max_distance: float | None,
    partition: str | None,
    origin: JobOrigin,
    owner: Owner,
    callback_url: str | None = None,
    idempotency_key: IdempotencyKey | None = None,
) -> jobs.Job:
    """Commit a job that looks for duplicates, and ask for its planning.

    Without a distance, what the collection's pipeline calls near is meant.

    Raises:
        CallbackRejected: nobody may be called back there.
        Conflict: the idempotency key was used for another request.
        Forbidden: the owner is bound to another partition.
        NotFound: there is no such collection.
        StoreUnavailable: Postgres or Redis does not answer; no job was made.
    """
    partition = owner.tenancy.partition_of(partition)
    digest = digest_of([name, max_distance, partition, callback_url])

    def make(tx: Transaction) -> jobs.Job:
        collection = tenants.collection(tx, name, owner.tenancy)
        far = collection.duplicates_distance if max_distance is None else max_distance
        wanted = jobs.NewJob(
            id=str(uuid4()),
            origin=origin,
            directory=None,
            kind=JobKind.DUPLICATES,
            options={"max_distance": far, "partition": partition, "generation": collection.generation},
            owner=owner,
            callback_url=callback_url,
            **marked(idempotency_key, digest),
        )
        admission.require_job(tx, collection.id, owner.tenancy.partition)
        return jobs.create(tx, collection.id, wanted)

    return made_once(ports, make, key=idempotency_key, digest=digest, callback_url=callback_url)


def duplicates_of_job(ports: Jobs, job_id: str, *, limit: int, after: int, owner: Owner) -> Page:
    """Return groups that a job has found.

    Raises:
        NotFound: there is no such job, it does not look for duplicates, or its collection is deleted.
        Conflict: it has not ended, or not well.
    """
    with ports.catalog.transaction() as tx:
        job = jobs.get(tx, job_id, owner)
        if not job.finds_duplicates:
            raise NotFound(f"Job {job_id} does not look for duplicates.")
        if job.state != JobState.SUCCEEDED:
            raise Conflict(
                f"The job is {job.state}; its duplicates can be read when it has succeeded.",
                ConflictCode.JOB_STATE,
            )
        collection = collections.by_id(tx, job.collection_id)
        if collection.state != CollectionState.ACTIVE:
            raise NotFound(f"The collection that job {job_id} looked at is deleted.")
        found = duplicates.groups(tx, job_id, after=after, limit=limit + 1)
    untrained = is_untrained(ports.workers, collection.model)
    options = job.options or {}
    return _page(
        ports.catalog, found, limit, owner.tenancy, max_distance=options["max_distance"], untrained=untrained
    )


def _page(
    catalog: Catalog,
    found: list[Group],
    limit: int,
    tenancy: Tenancy,
    *,
    max_distance: float,
    untrained: bool | None,
) -> Page:
    groups = found[:limit]
    with catalog.transaction() as tx:
        members = [image_id for group in groups for image_id in group.members]
        rows = tenants.indexed_by_ids(tx, members, tenancy)
    # Deleted since, or moved to another partition: a picture alone is no group.
    alive = [
        Group(group.id, {image_id: far for image_id, far in group.members.items() if image_id in rows})
        for group in groups
    ]
    kept = [group for group in alive if len(group.members) > 1]
    following = groups[-1].id if len(found) > limit else None
    return Page(kept, rows, following, max_distance, untrained)
