"""Keep how many images of each collection are indexed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the counts, empty. No row of images is read: reconciliation counts what is there, slice by slice.

    Until a collection is through, its images are counted whenever somebody asks, as before.
    """
    op.create_table(
        "image_counts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("indexed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_counts")),
    )
    op.create_index("ix_image_counts_collection_id_block", "image_counts", ["collection_id", "block", "id"])
    op.create_table(
        "count_backlog",
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("behind", sa.BigInteger(), server_default="-1", nullable=False),
        sa.PrimaryKeyConstraint("collection_id", name=op.f("pk_count_backlog")),
    )
    op.execute("INSERT INTO count_backlog (collection_id) SELECT id FROM collections WHERE state = 'active'")
