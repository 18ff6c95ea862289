"""Partition and metadata for each picture of a job, manifests, and an index by partition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns without defaults, so that no table is written anew, and the index."""
    op.add_column("jobs", sa.Column("manifest", sa.Text(), nullable=True))
    op.add_column("job_items", sa.Column("partition", sa.Text(), nullable=True))
    op.add_column("job_items", sa.Column("metadata", postgresql.JSONB(), nullable=True))
    op.create_index(
        "ix_images_partition",
        "images",
        ["collection_id", "partition", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'indexed'"),
    )
