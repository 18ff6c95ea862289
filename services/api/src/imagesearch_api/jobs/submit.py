"""Take a job: check its source, commit it, and ask for its planning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import structlog

from imagesearch.access.tenants import Owner
from imagesearch.catalog import audit, jobs, tenants
from imagesearch.catalog.audit import Action
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.jobs.wishes import NO_WISHES, Wishes
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.states import JobOrigin
from imagesearch.errors import PictureRejected, SourceRejected
from imagesearch.failures import FailureCode
from imagesearch.files.manifests import Manifest
from imagesearch.files.paths import open_file, resolve_directory, resolve_file
from imagesearch.files.roots import Roots
from imagesearch.pipeline import DEFAULT_PRESET, Preset
from imagesearch_api.jobs.ports import Jobs
from imagesearch_api.jobs.repeats import digest_of, earlier, same_request

log = structlog.get_logger()

SLICE = 10_000


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """Name the file that lists a job's pictures."""

    path: str


@dataclass(frozen=True, slots=True)
class Submission:
    """Hold a checked request for a job; `source` is a directory, a list of paths or a manifest."""

    source: str | list[str] | ManifestSource
    collection: str
    origin: JobOrigin
    owner: Owner
    recursive: bool = True
    partition: str | None = None
    metadata: dict[str, Any] | None = None
    prune: bool = False
    wishes: Wishes = NO_WISHES
    callback_url: str | None = None
    idempotency_key: jobs.IdempotencyKey | None = None

    @property
    def preset(self) -> Preset:
        """Return the pipeline of a collection that the job makes: the published contract's stays what it was."""
        return Preset.PUBLISHED if self.origin == JobOrigin.V1 else DEFAULT_PRESET

    def digest(self) -> str:
        """Return a digest of what was asked, without the key it was asked under.

        Jobs keep it, so it stays as it is: of the request alone, never of what its paths lead to.
        """
        source = {"manifest": self.source.path} if isinstance(self.source, ManifestSource) else self.source
        asked = [source, self.collection, self.recursive, self.partition, self.metadata, self.prune]
        if self.callback_url is not None:
            asked.append(self.callback_url)
        if (options := self.wishes.to_options()) is not None:
            asked.append(options)
        return digest_of(asked)


def submit(ports: Jobs, submission: Submission) -> jobs.Job:
    """Commit a job, ask for its planning and return it; a request that came before gets the job that it made.

    The commit comes first. When Redis goes away after it, the job is safe: reconciliation asks for its
    planning once Redis is back.

    Raises:
        CallbackRejected: nobody may be called back there.
        Conflict: the idempotency key was used for another request.
        Forbidden: the owner is bound to other collections, or to another partition.
        NotFound: there is no such collection, and the owner makes none.
        QuotaExceeded: as many jobs as a quota allows have not ended.
        SourceRejected: the directory or manifest is missing, forbidden or none.
        StoreUnavailable: Postgres or Redis does not answer; no job was made.
    """
    bounds = submission.owner.tenancy
    submission = replace(submission, partition=bounds.partition_of(submission.partition))
    # Before anything else: what the job was made from may be gone by now, and its collection, too.
    before = earlier(ports, submission.idempotency_key, submission.digest())
    if before is not None:
        return before
    wanted = _checked(ports, submission)
    try:
        with ports.catalog.transaction() as tx:
            collection = tenants.collection_to_fill(tx, submission.collection, bounds, submission.preset)
            admission.require_job(tx, collection.id, submission.partition)
            job = jobs.create(tx, collection.id, wanted)
            if submission.prune:
                audit.note(tx, Action.PRUNE_SUBMITTED, submission.owner.key_id, {"job": job.id})
            if isinstance(submission.source, list):
                job = _write_list(tx, job, submission.source)
    except jobs.KeyTaken as taken:
        # It came twice at once, and the other was faster. A collection made for this one was rolled back.
        return same_request(taken.job, submission.digest())
    log.info("job.submitted", job=job.id, origin=str(submission.origin))
    ports.announce(job)
    return job


def _checked(ports: Jobs, submission: Submission) -> jobs.NewJob:
    """Return the job to be made, after a look at its source and at Redis."""
    ports.check_callback(submission.callback_url)
    source = submission.source
    roots = submission.owner.tenancy.roots_within(ports.roots)
    directory = str(resolve_directory(source, roots)) if isinstance(source, str) else None
    manifest = _manifest(source.path, roots) if isinstance(source, ManifestSource) else None
    ports.workers.alive()
    return jobs.NewJob(
        id=str(uuid4()),
        origin=submission.origin,
        directory=directory,
        manifest=manifest,
        recursive=submission.recursive,
        partition=submission.partition,
        metadata=submission.metadata or None,
        prune=submission.prune,
        options=submission.wishes.to_options(),
        idempotency_key=submission.idempotency_key,
        request_sha256=submission.digest(),
        owner=submission.owner,
        callback_url=submission.callback_url,
    )


def _manifest(path: str, roots: Roots) -> str:
    """Return the real path of a manifest whose beginning can be read."""
    try:
        found = resolve_file(path, roots)
        with open_file(str(found), roots) as file:
            next(Manifest(found, file).lines(), None)
    except PictureRejected as error:
        kind = {FailureCode.FORBIDDEN: "forbidden", FailureCode.VANISHED: "missing"}.get(error.code, "invalid")
        raise SourceRejected(kind, f"the manifest cannot be read: {error.reason}") from error
    return str(found)


def _write_list(tx: Transaction, job: jobs.Job, paths: list[str]) -> jobs.Job:
    distinct = list(dict.fromkeys(paths))
    for start in range(0, len(distinct), SLICE):
        submitted, outcomes = ledger.record(tx, job.id, [Item(path) for path in distinct[start : start + SLICE]])
        job = counters.count(tx, job.id, outcomes, submitted=submitted)
    return job
