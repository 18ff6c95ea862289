"""The tables of the catalogue, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from imagesearch.catalog.access_tables import api_keys, audit_events, keyed_requests, signing_secrets
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
from imagesearch.catalog.callback_tables import callback_attempts, callbacks
from imagesearch.catalog.columns import identity, json, metadata, moment, now, one_of, word
from imagesearch.catalog.job_tables import (
    duplicate_contents,
    duplicate_members,
    export_parts,
    exports,
    job_batches,
    job_increments,
    job_items,
    jobs,
    sent_images,
)
from imagesearch.catalog.quota_tables import quota_counts, quotas
from imagesearch.catalog.states import CollectionState, ImageState
from imagesearch.networks import VGG16

__all__ = [
    "api_keys",
    "audit_events",
    "built_images",
    "callback_attempts",
    "callbacks",
    "collection_aliases",
    "collections",
    "count_backlog",
    "duplicate_contents",
    "duplicate_members",
    "export_parts",
    "exports",
    "image_counts",
    "images",
    "index_builds",
    "job_batches",
    "job_increments",
    "job_items",
    "jobs",
    "key_backlog",
    "keyed_requests",
    "metadata",
    "path_backlog",
    "quota_counts",
    "quotas",
    "reconciliation",
    "reconciliation_parts",
    "retired_vectors",
    "sent_images",
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
    # The caller's own id: one image's in its partition of the collection, so that no tenant meets another's.
    sa.Column("own_key", sa.Text),
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
    # A key can also be looked up in all partitions. Built by `own_key_index`.
    sa.Index(
        "uq_images_own_key",
        "collection_id",
        "own_key",
        "partition",
        unique=True,
        postgresql_where=sa.text("own_key IS NOT NULL"),
    ),
    sa.CheckConstraint("(state = 'indexed') = (vector_key IS NOT NULL)", name="vector_key"),
    sa.Index(
        "uq_images_vector_key",
        "collection_id",
        "vector_key",
        unique=True,
        postgresql_where=sa.text("vector_key IS NOT NULL"),
    ),
    # Built by `listing_indexes`.
    sa.Index("ix_images_created", "collection_id", "created_at", "id"),
    sa.Index(
        "ix_images_unindexed", "collection_id", "state", "id", postgresql_where=sa.text("state <> 'indexed'")
    ),
    sa.Index(
        "ix_images_unindexed_partition",
        "collection_id",
        "partition",
        "state",
        "id",
        postgresql_where=sa.text("state <> 'indexed'"),
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
