"""Find the batches of a job that is removed."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the index that the foreign key of batches needs: without it, each removed job reads all of them."""
    op.create_index("ix_job_batches_job_id", "job_batches", ["job_id"], unique=False)
