"""Describe jobs: what was asked, how far it is, and in which state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from imagesearch.access.tenants import NOBODY, Owner, Tenancy
from imagesearch.catalog.jobs.wishes import Wishes
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import JobKind, JobState, Outcome
from imagesearch.job_progress import JobProgress


@dataclass(frozen=True, slots=True)
class Job:
    """Describe one job row.

    Attributes:
        options: what else it was asked for; of a job that indexes its `wishes`.
        directory: the source; None for a manifest, and for a list of paths that the ledger itself holds.
        manifest: a file that lists the pictures.
        partition: given to every picture of the job; None leaves what a picture has.
        metadata: given to every picture of the job; None or empty leaves what a picture has.
        listed_at: when the whole source was in the ledger.
        planned_at: when every path in the ledger had its batch or its outcome.
        finished_at: when every path had its outcome and the vectors were searchable.
        api_key_id: the public id of the API key that submitted it; None where there was none.
        bound_partition: the partition that the key was bound to, beyond which the job changes nothing.
        bound_roots: the directories that the key was bound to, beyond which the job reads nothing.
        reopened_up_to: behind which row of the ledger failed paths are still to be tried again; None: none are.
        folded: how many paths of each outcome have been folded away from the ledger.
        pruned_up_to: up to which path it has been looked which images have lost their files.
        traceparent: the trace of the request that submitted it; None where nobody records traces.
        callback_url: who is told of its end; None where nobody is.
    """

    id: str
    number: int
    collection_id: int
    collection: str
    origin: JobOrigin
    kind: JobKind
    options: dict[str, Any] | None
    directory: str | None
    manifest: str | None
    recursive: bool
    partition: str | None
    metadata: dict[str, Any] | None
    prune: bool
    state: JobState
    error: str | None
    total: int
    indexed: int
    unchanged: int
    failed: int
    cancelled: int
    removed: int
    rate: float | None
    revision: int
    planned_up_to: str | None
    listed_at: datetime | None
    planned_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    progressed_at: datetime | None
    stalled_at: datetime | None
    finished_at: datetime | None
    request_sha256: str | None
    api_key_id: str | None = None
    bound_partition: str | None = None
    bound_roots: list[str] | None = None
    reopened_up_to: int | None = None
    pruned_up_to: str | None = None
    folded: dict[str, int] = field(default_factory=dict)
    traceparent: str | None = None
    callback_url: str | None = None

    @property
    def tenancy(self) -> Tenancy:
        """Return what the job reaches beside its collection."""
        roots = None if self.bound_roots is None else tuple(self.bound_roots)
        return Tenancy(partition=self.bound_partition, roots=roots)

    @property
    def done(self) -> int:
        """Return how many paths have reached their outcome."""
        return self.indexed + self.unchanged + self.failed + self.cancelled

    @property
    def outcomes(self) -> Counter[Outcome]:
        """Return the counters by outcome, without those that are zero."""
        counts = {
            Outcome.INDEXED: self.indexed,
            Outcome.UNCHANGED: self.unchanged,
            Outcome.FAILED: self.failed,
            Outcome.CANCELLED: self.cancelled,
        }
        return Counter({outcome: count for outcome, count in counts.items() if count})

    @property
    def all_settled(self) -> bool:
        """Tell whether no path waits for its outcome and none will be added.

        Also a cancelled job is settled only when its listing was closed, because its build was given up before.
        """
        return self.planned_at is not None and self.done == self.total

    @property
    def needs_planner(self) -> bool:
        """Tell whether the job stands still unless somebody plans it."""
        goes_on = self.plans_while_running and self.state == JobState.RUNNING and self.planned_at is None
        return self.state == JobState.PLANNING or goes_on

    @property
    def plans_while_running(self) -> bool:
        """Tell whether planning goes on when everything is listed: it does the work, or looks what is left."""
        return self.kind != JobKind.INDEX

    @property
    def finds_duplicates(self) -> bool:
        """Tell whether groups of like pictures are what comes of the job."""
        return self.kind == JobKind.DUPLICATES

    @property
    def makes_export(self) -> bool:
        """Tell whether files of vectors are what comes of the job; it is not tried again, but submitted again."""
        return self.kind == JobKind.EXPORT

    @property
    def reads_uploads(self) -> bool:
        """Tell whether the service itself has pictures read again, which may be uploads."""
        return self.kind != JobKind.INDEX or self.origin in (JobOrigin.SINGLE_IMAGE, JobOrigin.REPAIR)

    @property
    def adds_pictures(self) -> bool:
        """Tell whether what the job indexes may be more than its tenant has: others only restore that."""
        return self.kind == JobKind.INDEX and self.origin is not JobOrigin.REPAIR

    @property
    def labels(self) -> Labels:
        """Return what the job gives to every picture; empty metadata gives none."""
        return Labels(self.partition, self.metadata or None)

    @property
    def wishes(self) -> Wishes:
        """Return what the job is to find out about its pictures."""
        return Wishes.of(self.options if self.kind == JobKind.INDEX else None)

    def progress(self) -> JobProgress:
        """Return the counters as they are published."""
        return JobProgress(
            job_id=self.id,
            collection=self.collection,
            directory=self.directory or self.manifest,
            state=self.state,
            total=self.total,
            indexed=self.indexed,
            unchanged=self.unchanged,
            failed=self.failed,
            cancelled=self.cancelled,
            removed=self.removed,
            rate=self.rate,
            stalled=self.stalled_at is not None,
            error=self.error,
            created_at=self.created_at.timestamp(),
            started_at=_seconds(self.started_at),
            finished_at=_seconds(self.finished_at),
            revision=self.revision,
            published_at=0.0,
            kind=self.kind,
        )


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment is not None else None


def extracts_for_collection(kind: JobKind) -> bool:
    """Tell whether jobs of a kind have pictures extracted for their collection as it is.

    A build is for another pipeline than its collection's.
    """
    return kind == JobKind.INDEX


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Name a request that may come again: by a key that is unique within its scope, the operation asked for."""

    scope: str
    key: str


@dataclass(frozen=True, slots=True)
class NewJob:
    """Hold what a caller asks for; see `Job` for the fields."""

    id: str
    origin: JobOrigin
    directory: str | None
    recursive: bool = True
    partition: str | None = None
    metadata: dict[str, Any] | None = None
    prune: bool = False
    idempotency_key: IdempotencyKey | None = None
    request_sha256: str | None = None
    kind: JobKind = JobKind.INDEX
    options: dict[str, Any] | None = None
    manifest: str | None = None
    owner: Owner = NOBODY
    callback_url: str | None = None

    @property
    def is_list(self) -> bool:
        """Tell whether the job's paths are written to the ledger together with it."""
        return self.kind == JobKind.INDEX and self.directory is None and self.manifest is None
