"""Keep what tenants may have, and count what they have of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add both tables, empty: nothing is counted of images before somebody sets a quota."""
    op.create_table(
        "quotas",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("max_images", sa.BigInteger()),
        sa.Column("max_bytes", sa.BigInteger()),
        sa.Column("max_jobs", sa.BigInteger()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("count_began_at", sa.DateTime(timezone=True)),
        sa.Column("counted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotas")),
        sa.UniqueConstraint("partition", "collection_id", name=op.f("uq_quotas_partition_collection_id")),
        sa.CheckConstraint("collection_id <> 0 OR partition <> ''", name=op.f("ck_quotas_tenant")),
    )
    op.create_table(
        "quota_counts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("quota_id", sa.BigInteger(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_counts")),
    )
    op.create_index(
        "ix_quota_counts_quota_id_collection_id_block",
        "quota_counts",
        ["quota_id", "collection_id", "block", "id"],
    )
    op.create_index("ix_quota_counts_collection_id_block", "quota_counts", ["collection_id", "block"])
