"""The tables of quotas: what tenants may have, and what is counted of it."""

from __future__ import annotations

import sqlalchemy as sa

from imagesearch.catalog.columns import identity, metadata, moment, now

EVERY_COLLECTION = 0
EVERY_PARTITION = ""
"""No image of a tenant has it: that is the partition of images without one."""

quotas = sa.Table(
    "quotas",
    metadata,
    identity(),
    # No foreign key: 0 is every collection.
    sa.Column("collection_id", sa.BigInteger, nullable=False),
    sa.Column("partition", sa.Text, nullable=False),
    # NULL is no limit.
    sa.Column("max_images", sa.BigInteger),
    sa.Column("max_bytes", sa.BigInteger),
    sa.Column("max_jobs", sa.BigInteger),
    now("created_at"),
    # When what was there before the quota began to be counted, and when all of it had been.
    moment("count_began_at"),
    moment("counted_at"),
    sa.UniqueConstraint("partition", "collection_id"),
    sa.CheckConstraint("collection_id <> 0 OR partition <> ''", name="tenant"),
)

# What is indexed of a quota in a block of ids: the sum over its rows, each of which was free when it was made.
quota_counts = sa.Table(
    "quota_counts",
    metadata,
    identity(),
    sa.Column("quota_id", sa.BigInteger, nullable=False),
    sa.Column("collection_id", sa.BigInteger, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("images", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Index("ix_quota_counts_quota_id_collection_id_block", "quota_id", "collection_id", "block", "id"),
    sa.Index("ix_quota_counts_collection_id_block", "collection_id", "block"),
)
