"""Take exports of collections, show what they have come to, and have them removed."""

from __future__ import annotations

from uuid import uuid4

from imagesearch.access.tenants import Owner
from imagesearch.catalog import collections, exports, jobs, tenants
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.exports import Export
from imagesearch.catalog.jobs import IdempotencyKey
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.states import CollectionState, JobOrigin
from imagesearch.contract import JobKind, JobState
from imagesearch.errors import Conflict, ConflictCode, NotFound
from imagesearch_api.jobs.ports import Jobs
from imagesearch_api.jobs.repeats import digest_of, made_once, marked

READABLE = (JobState.SUCCEEDED, JobState.COMPLETED_WITH_FAILURES)


def submit_export(
    ports: Jobs,
    name: str,
    *,
    partition: str | None,
    owner: Owner,
    callback_url: str | None = None,
    idempotency_key: IdempotencyKey | None = None,
) -> jobs.Job:
    """Commit a job that exports a collection, or one partition of it, and ask for its planning.

    Raises:
        CallbackRejected: nobody may be called back there.
        Conflict: the idempotency key was used for another request.
        Forbidden: the owner is bound to another partition.
        NotFound: there is no such collection.
        StoreUnavailable: Postgres or Redis does not answer; no job was made.
    """
    partition = owner.tenancy.partition_of(partition)
    digest = digest_of([name, partition, callback_url])

    def make(tx: Transaction) -> jobs.Job:
        collection = tenants.collection(tx, name, owner.tenancy)
        wanted = jobs.NewJob(
            id=str(uuid4()),
            origin=JobOrigin.V2,
            directory=None,
            kind=JobKind.EXPORT,
            options={"partition": partition, "generation": collection.generation},
            owner=owner,
            callback_url=callback_url,
            **marked(idempotency_key, digest),
        )
        admission.require_job(tx, collection.id, owner.tenancy.partition)
        job = jobs.create(tx, collection.id, wanted)
        exports.create(tx, job.id)
        return job

    return made_once(ports, make, key=idempotency_key, digest=digest, callback_url=callback_url)


def export_of_job(tx: Transaction, job_id: str, owner: Owner) -> tuple[jobs.Job, Export]:
    """Return a job and what it has exported.

    Raises:
        NotFound: there is no such job within reach, it exports nothing, its export was removed, or its collection.
        Conflict: it has not ended, or not well.
    """
    job = jobs.get(tx, job_id, owner)
    found = exports.get(tx, job_id)
    if job.state not in READABLE:
        reason = f"The job is {job.state}; its export can be read when it has succeeded."
        raise Conflict(reason, ConflictCode.JOB_STATE)
    is_there = collections.by_id(tx, job.collection_id).state == CollectionState.ACTIVE
    if found.removed_at is not None or not is_there:
        raise _removed(job_id)
    return job, found


def remove_export(tx: Transaction, job_id: str, owner: Owner, *, again: bool) -> tuple[jobs.Job, Export]:
    """Have the files of an export removed, which nobody is sent from then on; return what it was.

    Args:
        tx: the transaction.
        job_id: the job.
        owner: who asks.
        again: one that was removed before is none that is missing.

    Raises:
        NotFound: there is no such job within reach, it exports nothing, or its export was removed.
        Conflict: it has not ended: cancel it.
    """
    job = jobs.lock(tx, job_id, owner)
    found = exports.get(tx, job_id)
    if job.finished_at is None:
        raise Conflict("The job has not ended; cancel it, and nothing of it stays.", ConflictCode.JOB_STATE)
    if found.removed_at is not None and not again:
        raise _removed(job_id)
    exports.remove(tx, job_id)
    return job, found


def _removed(job_id: str) -> NotFound:
    return NotFound(f"The export of job {job_id} was removed.")
