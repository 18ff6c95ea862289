"""Settings of the indexer."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from imagesearch.settings import Settings


class IndexerSettings(Settings):
    """How jobs are planned, sent out, watched and repaired."""

    batch_size: int = Field(
        32, ge=1, le=128, description="Pictures a batch: 1 s (bfloat16) or 2 s (float32) of work on two cores."
    )
    window: int = Field(
        8, ge=1, description="Batches of one job that are on their way at once; bounds what a job puts into Redis."
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
    indexer_threads: int = Field(4, ge=1, le=32, description="Tasks that run at once.")

    @property
    def last_round_timeout(self) -> timedelta:
        """Return `last_round_seconds` as a duration."""
        return timedelta(seconds=self.last_round_seconds)

    @property
    def last_round_images(self) -> int:
        """Return how many pictures a build may lack for its last round: as many as it has on their way at once."""
        return self.window * self.batch_size

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
    def lease(self) -> timedelta:
        """Return `lease_seconds` as a duration."""
        return timedelta(seconds=self.lease_seconds)
