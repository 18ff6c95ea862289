"""Find single-image jobs by the time of their end: a slice of those that are forgotten reads no others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "ix_jobs_forgettable",
        "jobs",
        ["finished_at"],
        postgresql_where=sa.text("origin = 'single' AND idempotency_key IS NULL AND finished_at IS NOT NULL"),
    )
