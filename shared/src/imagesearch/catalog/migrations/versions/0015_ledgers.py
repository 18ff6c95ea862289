"""Say how much of a job's ledger has been folded away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the counts; no row is written.

    The index reads the jobs once while nobody else can write them: seconds for a million jobs.
    """
    op.add_column("jobs", sa.Column("folded", JSONB(), server_default="{}", nullable=False))
    op.add_column("jobs", sa.Column("folded_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_jobs_unfolded",
        "jobs",
        ["finished_at"],
        postgresql_where=sa.text("finished_at IS NOT NULL AND folded_at IS NULL"),
    )
