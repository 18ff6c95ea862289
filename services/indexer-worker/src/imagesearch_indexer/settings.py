"""Settings of the indexer."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from imagesearch.settings import Settings

PICTURE_BYTES = 12 * 1_024
"""What a picture on its way takes in Redis: a vector of 2,048 numbers and its facts, encoded for Celery. One of
512 numbers took 3 KiB."""


class IndexerSettings(Settings):
    """How jobs are planned, sent out, watched and repaired."""

    batch_size: int = Field(
        32, ge=1, le=128, description="Pictures a batch: 1 s (bfloat16) or 2 s (float32) of work on two cores."
    )
    window: int = Field(
        8,
        ge=1,
        description="Batches that are on their way at once for the workers of a network, of all jobs together, "
        "however few of these workers are seen.",
    )
    batches_per_thread: int = Field(
        3,
        ge=1,
        description="Batches on their way for each thread of a live extractor, where that makes more than WINDOW: "
        "one in hand, one that waits for it, and one that is being written.",
    )
    in_flight_bytes: int = Field(
        256 * 2**20,
        ge=2**20,
        description="Bytes that the batches on their way for the workers of one network may take in Redis, of all "
        "jobs together; 12 KiB a picture are taken for it.",
    )
    plan_slice: int = Field(2_000, ge=1, description="Paths that planning writes in one transaction.")
    plan_seconds: float = Field(
        15.0, gt=0, description="How long one planning task works before it lets other jobs have their turn."
    )
    lease_seconds: float = Field(
        30.0,
        gt=0,
        description="A batch that was sent this long ago is looked for, in the queues and in workers' hands.",
    )
    poison_crashes: int = Field(
        3,
        ge=1,
        description="Workers that may die on a batch before it is split; one more fails a picture on its own.",
    )
    reconcile_seconds: float = Field(10.0, gt=0, description="How often lost batches are looked for.")
    reconcile_lease_seconds: float = Field(
        30.0,
        gt=0,
        description="A reconciliation that has said nothing for so long was killed or stands still, and another "
        "one may begin: longer than a call to a store takes.",
    )
    sweep_seconds: float = Field(3_600.0, gt=0, description="How often every row is compared with every vector.")
    stall_seconds: float = Field(
        600.0, gt=0, description="A running job without any progress for this long is reported as stalled."
    )
    last_round_seconds: float = Field(
        60.0,
        gt=0,
        description="How long other jobs of a collection wait for the last round of a reindex while nothing of it "
        "moves: longer than its batches wait in the queues. Then they go on.",
    )
    retire_seconds: float = Field(
        60.0,
        ge=0,
        description="How long the vectors that a reindex replaced are kept: longer than any search takes that "
        "began before.",
    )
    vector_grace_seconds: float = Field(
        60.0,
        ge=20,
        description="How long a vector is kept that was replaced or deleted: longer than any search takes that "
        "began before.",
    )
    fence_seconds: float = Field(
        30.0,
        gt=0,
        description="How long the comparison of rows and vectors waits for transactions that are on their way, "
        "before it leaves vectors to the next one.",
    )
    single_jobs_hours: float = Field(
        24.0,
        ge=1,
        description="How long the job of one uploaded or changed picture is kept after its end: as long as "
        "RESULT_EXPIRES keeps its progress, for whoever was answered 202 and asks what became of it. "
        "Submitted jobs stay.",
    )
    ledger_days: float = Field(
        30.0,
        gt=0,
        description="How long each path of a job is kept after the job's end; what failed stays, and so do the "
        "counters.",
    )
    audit_days: float = Field(
        365.0, ge=1, description="How long the audit log keeps who deleted what, and who changed keys."
    )
    export_days: float = Field(
        7.0, gt=0, description="How long an export is kept after the end of its job, unless it is removed before."
    )
    indexer_threads: int = Field(4, ge=1, le=32, description="Batches that are written at once.")
    planner_threads: int = Field(
        2,
        ge=1,
        le=32,
        description="Jobs that are planned at once, in threads of their own: no batch waits behind a plan. One "
        "more thread reconciles.",
    )

    @property
    def last_round_timeout(self) -> timedelta:
        """Return `last_round_seconds` as a duration."""
        return timedelta(seconds=self.last_round_seconds)

    @property
    def last_round_images(self) -> int:
        """Return how many pictures a build may lack for its last round: as many as are on their way at once."""
        return self.window * self.batch_size

    @property
    def max_in_flight(self) -> int:
        """Return how many batches Redis has room for, for the workers of one network."""
        return max(1, self.in_flight_bytes // (self.batch_size * PICTURE_BYTES))

    @property
    def retire_after(self) -> timedelta:
        """Return `retire_seconds` as a duration."""
        return timedelta(seconds=self.retire_seconds)

    @property
    def vector_grace(self) -> timedelta:
        """Return `vector_grace_seconds` as a duration."""
        return timedelta(seconds=self.vector_grace_seconds)

    @property
    def keep_single_image_jobs(self) -> timedelta:
        """Return `single_jobs_hours` as a duration."""
        return timedelta(hours=self.single_jobs_hours)

    @property
    def keep_ledgers(self) -> timedelta:
        """Return `ledger_days` as a duration."""
        return timedelta(days=self.ledger_days)

    @property
    def keep_audit_events(self) -> timedelta:
        """Return `audit_days` as a duration."""
        return timedelta(days=self.audit_days)

    @property
    def keep_exports(self) -> timedelta:
        """Return `export_days` as a duration."""
        return timedelta(days=self.export_days)

    @property
    def reconcile_lease(self) -> timedelta:
        """Return `reconcile_lease_seconds` as a duration."""
        return timedelta(seconds=self.reconcile_lease_seconds)

    @property
    def threads(self) -> int:
        """Return how many tasks run at once: batches, plans and one reconciliation."""
        return self.indexer_threads + self.planner_threads + 1

    @property
    def lease(self) -> timedelta:
        """Return `lease_seconds` as a duration."""
        return timedelta(seconds=self.lease_seconds)
