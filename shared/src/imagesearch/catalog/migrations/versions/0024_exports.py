"""Let jobs export collections: another kind, what comes of it, and its parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision, down_revision = "0024", "0023"


def upgrade() -> None:
    """Allow the kind, and add both tables, which are empty."""
    op.drop_constraint(op.f("ck_jobs_kind"), "jobs")
    kinds = "kind IN ('index', 'reindex', 'duplicates', 'export')"
    op.create_check_constraint(op.f("ck_jobs_kind"), "jobs", kinds)
    op.create_table(
        "exports",
        sa.Column("job_id", UUID(), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("about", JSONB(), nullable=False, server_default="{}"),
        sa.Column("parts", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("rows", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
        sa.Column("cleared_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_exports_uncleared", "exports", ["job_id"], postgresql_where=sa.text("cleared_at IS NULL"))
    op.create_table(
        "export_parts",
        sa.Column("job_id", UUID(), sa.ForeignKey("exports.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
    )
