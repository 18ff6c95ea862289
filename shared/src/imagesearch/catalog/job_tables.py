"""The tables of jobs: what was asked for, its batches, what is on its way, and the ledger of what came of it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from imagesearch.catalog.columns import Word, count, identity, json, metadata, moment, now, one_of, word
from imagesearch.catalog.states import BatchState, JobOrigin
from imagesearch.contract import JobKind, JobState, Outcome

_SUBMITTED = sa.text("origin <> 'single'")

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", UUID(as_uuid=False), primary_key=True),
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False, unique=True),
    sa.Column("collection_id", sa.BigInteger, sa.ForeignKey("collections.id"), nullable=False),
    word("origin", JobOrigin),
    word("kind", JobKind, JobKind.INDEX),
    # What a job that does not index was asked for.
    sa.Column("options", JSONB),
    # A directory, or NULL for a list whose paths are the ledger itself.
    sa.Column("directory", sa.Text),
    # A file that lists the pictures; never together with a directory.
    sa.Column("manifest", sa.Text),
    sa.Column("recursive", sa.Boolean, nullable=False, server_default=sa.true()),
    # NULL leaves what an image has.
    sa.Column("partition", sa.Text),
    sa.Column("metadata", JSONB),
    sa.Column("prune", sa.Boolean, nullable=False, server_default=sa.false()),
    word("state", JobState),
    sa.Column("error", sa.Text),
    count("total"),
    count("indexed"),
    count("unchanged"),
    count("failed"),
    count("cancelled"),
    count("removed"),
    # Pictures a second, and when it was last brought up to date.
    sa.Column("rate", sa.Double),
    moment("rated_at"),
    count("revision"),
    # The last path that planning has written to the ledger.
    sa.Column("planned_up_to", sa.Text),
    # The row of the ledger behind which failed paths are still to be tried again; NULL where none are.
    sa.Column("reopened_up_to", sa.BigInteger),
    # The path up to which pruning has looked for images whose files are gone.
    sa.Column("pruned_up_to", sa.Text),
    sa.Column("traceparent", sa.Text),
    # Who is told of its end.
    sa.Column("callback_url", sa.Text),
    # When the whole source was in the ledger, and when every path in it had its batch or its outcome.
    moment("listed_at"),
    moment("planned_at"),
    now("created_at"),
    moment("started_at"),
    moment("progressed_at"),
    moment("stalled_at"),
    moment("finished_at"),
    # The operation that a key was sent with; means nothing without a key.
    sa.Column("idempotency_scope", sa.Text),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("request_sha256", sa.Text),
    # The public id of the API key that submitted it, and what that was bound to.
    sa.Column("api_key_id", sa.Text),
    sa.Column("bound_partition", sa.Text),
    sa.Column("bound_roots", ARRAY(sa.Text)),
    # How many paths of each outcome are gone from the ledger, and when the last of them went.
    json("folded"),
    moment("folded_at"),
    one_of("state", JobState),
    one_of("kind", JobKind),
    sa.Index(
        "ix_jobs_unfolded",
        "finished_at",
        postgresql_where=sa.text("finished_at IS NOT NULL AND folded_at IS NULL"),
    ),
    # Single-image jobs that are forgotten some time after their end.
    sa.Index(
        "ix_jobs_forgettable",
        "finished_at",
        postgresql_where=sa.text("origin = 'single' AND idempotency_key IS NULL AND finished_at IS NOT NULL"),
    ),
    sa.Index("ix_jobs_open", "number", postgresql_where=sa.text("finished_at IS NULL")),
    sa.Index("ix_jobs_origin_number", "origin", "number"),
    # What lists of submitted jobs are restricted to.
    sa.Index("ix_jobs_created_at_number", "created_at", "number", postgresql_where=_SUBMITTED),
    sa.Index("ix_jobs_state_number", "state", "number", postgresql_where=_SUBMITTED),
    # The lists of keys that are bound to a collection, to a partition, and of those of the published interface.
    sa.Index("ix_jobs_collection_id_number", "collection_id", "number"),
    sa.Index(
        "ix_jobs_bound_partition_number",
        "bound_partition",
        "number",
        postgresql_where=sa.text("bound_partition IS NOT NULL"),
    ),
    sa.Index(
        "ix_jobs_api_key_id_number", "api_key_id", "number", postgresql_where=sa.text("api_key_id IS NOT NULL")
    ),
    sa.Index(
        "uq_jobs_idempotency_scope_key",
        "idempotency_scope",
        "idempotency_key",
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    ),
)

job_batches = sa.Table(
    "job_batches",
    metadata,
    identity(),
    sa.Column("job_id", UUID(as_uuid=False), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    word("state", BatchState, BatchState.READY),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("crashes", sa.Integer, nullable=False, server_default="0"),
    # The lease: until then the batch is taken to be on its way or in hand.
    moment("leased_until"),
    # Where extractors were given it last; NULL for one that its sender answers himself.
    sa.Column("queue", sa.Text),
    # The batch in which its pictures are on their way for another job, and the one that it waited for last.
    sa.Column("waits_for", sa.BigInteger),
    sa.Column("waited_for", sa.BigInteger),
    one_of("state", BatchState),
    sa.Index("ix_job_batches_job_id", "job_id"),
    sa.Index("ix_job_batches_open", "job_id", "id", postgresql_where=sa.text("state IN ('ready', 'sent')")),
    sa.Index(
        "ix_job_batches_ready",
        "job_id",
        "id",
        postgresql_where=sa.text("state = 'ready' AND waits_for IS NULL"),
    ),
    sa.Index("ix_job_batches_waits_for", "waits_for", postgresql_where=sa.text("waits_for IS NOT NULL")),
    sa.Index("ix_job_batches_sent", "job_id", postgresql_where=sa.text("state = 'sent'")),
    sa.Index("ix_job_batches_leased_until", "leased_until", postgresql_where=sa.text("state = 'sent'")),
    sa.Index(
        "ix_job_batches_suspects",
        "job_id",
        "id",
        postgresql_where=sa.text("crashes > 0 AND state IN ('ready', 'sent')"),
    ),
)

# The pictures that are on their way. No foreign keys: a row counts only as long as its batch is on its way.
sent_images = sa.Table(
    "sent_images",
    metadata,
    sa.Column("image_id", sa.BigInteger, primary_key=True),
    sa.Column("batch_id", sa.BigInteger, primary_key=True),
    sa.Index("ix_sent_images_batch_id", "batch_id"),
)

# What batches have come to since their job's counters were brought up to date: a row a batch, so that no batch
# waits for another one's commit. No foreign key, for the same reason.
job_increments = sa.Table(
    "job_increments",
    metadata,
    identity(),
    sa.Column("job_id", UUID(as_uuid=False), nullable=False),
    count("indexed"),
    count("unchanged"),
    count("failed"),
    count("cancelled"),
    sa.Index("ix_job_increments_job_id", "job_id"),
)

job_items = sa.Table(
    "job_items",
    metadata,
    identity(),
    sa.Column("job_id", UUID(as_uuid=False), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("batch_id", sa.BigInteger, sa.ForeignKey("job_batches.id", ondelete="CASCADE")),
    # No foreign key: the ledger outlives the images that it speaks of.
    sa.Column("image_id", sa.BigInteger),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("outcome", Word(Outcome)),
    sa.Column("code", sa.Text),
    sa.Column("reason", sa.Text),
    # What this one picture is given, over what its job gives to all; NULL gives nothing.
    sa.Column("partition", sa.Text),
    sa.Column("metadata", JSONB),
    sa.Column("own_key", sa.Text),
    sa.UniqueConstraint("job_id", "path"),
    one_of("outcome", Outcome),
    sa.CheckConstraint("(outcome = 'failed') = (code IS NOT NULL)", name="code"),
    sa.Index("ix_job_items_batch_id", "batch_id"),
    sa.Index(
        "ix_job_items_unplanned",
        "job_id",
        "id",
        postgresql_where=sa.text("outcome IS NULL AND batch_id IS NULL"),
    ),
    sa.Index("ix_job_items_failed", "job_id", "id", postgresql_where=sa.text("outcome = 'failed'")),
)

exports = sa.Table(
    "exports",
    metadata,
    sa.Column("job_id", UUID(as_uuid=False), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    # What the collection was when the job was submitted, and its network once a part was written.
    json("about"),
    count("parts"),
    count("rows"),
    count("bytes"),
    # When nobody was to have it any longer, and when its objects were gone.
    moment("removed_at"),
    moment("cleared_at"),
    sa.Index("ix_exports_uncleared", "job_id", postgresql_where=sa.text("cleared_at IS NULL")),
)

export_parts = sa.Table(
    "export_parts",
    metadata,
    sa.Column(
        "job_id", UUID(as_uuid=False), sa.ForeignKey("exports.job_id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
)

duplicate_members = sa.Table(
    "duplicate_members",
    metadata,
    sa.Column("job_id", UUID(as_uuid=False), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    # The picture that the group began with.
    sa.Column("group_id", sa.BigInteger, primary_key=True),
    sa.Column("image_id", sa.BigInteger, primary_key=True),
    # To the nearest other picture of the group.
    sa.Column("distance", sa.Double, nullable=False),
    sa.Index("uq_duplicate_members_job_id_image_id", "job_id", "image_id", unique=True),
)

# The first picture of each content that a search for duplicates has met, for as long as it goes on.
duplicate_contents = sa.Table(
    "duplicate_contents",
    metadata,
    sa.Column("job_id", UUID(as_uuid=False), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("image_id", sa.BigInteger, nullable=False),
)
