"""The tables of the catalogue, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from imagesearch.access.scopes import Scope
from imagesearch.catalog.background_tables import (
    built_images,
    count_backlog,
    index_builds,
    key_backlog,
    path_backlog,
    reconciliation,
    reconciliation_parts,
    retired_vectors,
    stray_files,
    tombstones,
)
from imagesearch.catalog.columns import Word, count, identity, json, metadata, moment, now, one_of, word
from imagesearch.catalog.states import BatchState, CollectionState, ImageState, JobOrigin
from imagesearch.contract import JobKind, JobState, Outcome
from imagesearch.networks import VGG16

__all__ = [
    "api_keys",
    "audit_events",
    "built_images",
    "collection_aliases",
    "collections",
    "count_backlog",
    "duplicate_contents",
    "duplicate_members",
    "image_counts",
    "images",
    "index_builds",
    "job_batches",
    "job_items",
    "jobs",
    "key_backlog",
    "metadata",
    "path_backlog",
    "reconciliation",
    "reconciliation_parts",
    "retired_vectors",
    "signing_secrets",
    "stray_files",
    "tombstones",
]

collections = sa.Table(
    "collections",
    metadata,
    identity(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("dimension", sa.Integer, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    # Whose workers its pictures go to, before and after its vectors fix the weights.
    sa.Column("network", sa.Text, nullable=False, server_default=VGG16.name),
    # Both are unknown until the first batch arrives, and fixed from then on.
    sa.Column("model", sa.Text),
    sa.Column("fingerprint", sa.Text),
    json("preprocessing"),
    sa.Column("index_type", sa.Text, nullable=False),
    json("index_params"),
    sa.Column("vector_collection", sa.Text, nullable=False, unique=True),
    # The job of the build that made it, as long as exceptions of that are still to be applied to rows.
    sa.Column("switched_build", UUID(as_uuid=False)),
    # Grows with every change of the pipeline: a batch that was sent under an older one is sent again.
    sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
    word("state", CollectionState, CollectionState.ACTIVE),
    now("created_at"),
    one_of("state", CollectionState),
    # A collection that is being deleted no longer holds its name.
    sa.Index("uq_collections_name", "name", unique=True, postgresql_where=sa.text("state = 'active'")),
)

collection_aliases = sa.Table(
    "collection_aliases",
    metadata,
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("collection_id", sa.BigInteger, sa.ForeignKey("collections.id"), nullable=False),
    now("created_at"),
    sa.Index("ix_collection_aliases_collection_id", "collection_id"),
)

images = sa.Table(
    "images",
    metadata,
    identity(),
    sa.Column("collection_id", sa.BigInteger, sa.ForeignKey("collections.id"), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    word("state", ImageState, ImageState.PENDING),
    sa.Column("sha256", sa.Text),
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("mtime_ns", sa.BigInteger),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("format", sa.Text),
    sa.Column("partition", sa.Text, nullable=False, server_default=""),
    json("metadata"),
    # Whether the service stored the file itself, and so may remove it.
    sa.Column("uploaded", sa.Boolean, nullable=False, server_default=sa.false()),
    # The key of its vector; a key names one vector for ever.
    sa.Column("vector_key", sa.BigInteger),
    # Another one with each reading that counted, whether its vector was named, kept, taken or refused: a key, or a
    # number that is drawn like one.
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    moment("indexed_at"),
    now("created_at"),
    one_of("state", ImageState),
    # By bytes, so that a directory is one range; built by `path_index`, not by a migration.
    sa.Index("uq_images_path", "collection_id", "path", unique=True, postgresql_ops={"path": "text_pattern_ops"}),
    sa.CheckConstraint("(state = 'indexed') = (vector_key IS NOT NULL)", name="vector_key"),
    sa.Index(
        "uq_images_vector_key",
        "collection_id",
        "vector_key",
        unique=True,
        postgresql_where=sa.text("vector_key IS NOT NULL"),
    ),
    sa.Index("ix_images_indexed", "collection_id", "id", postgresql_where=sa.text("state = 'indexed'")),
    sa.Index(
        "ix_images_partition", "collection_id", "partition", "id", postgresql_where=sa.text("state = 'indexed'")
    ),
)

# How many images of a block of ids are indexed: the sum over its rows, each of which was free when it was made.
image_counts = sa.Table(
    "image_counts",
    metadata,
    identity(),
    # No foreign key: it would be looked up with every batch. They go with their collection.
    sa.Column("collection_id", sa.BigInteger, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("indexed", sa.BigInteger, nullable=False),
    sa.Index("ix_image_counts_collection_id_block", "collection_id", "block", "id"),
)

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
    sa.Index("ix_jobs_open", "number", postgresql_where=sa.text("finished_at IS NULL")),
    sa.Index("ix_jobs_origin_number", "origin", "number"),
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

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    # The digest of 256 random bits.
    sa.Column("secret_sha256", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    word("scope", Scope),
    # What it is bound to; NULL is no bound.
    sa.Column("collections", ARRAY(sa.Text)),
    sa.Column("partition", sa.Text),
    sa.Column("source_roots", ARRAY(sa.Text)),
    sa.Column("created_by", sa.Text),
    now("created_at"),
    # The row stays: jobs and the audit log speak of it.
    moment("revoked_at"),
    one_of("scope", Scope),
)

audit_events = sa.Table(
    "audit_events",
    metadata,
    identity(),
    now("at"),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text),
    json("detail"),
    sa.Index("ix_audit_events_at", "at"),
)

signing_secrets = sa.Table(
    "signing_secrets",
    metadata,
    identity(),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
)
