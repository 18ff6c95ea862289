"""Dispatch for all jobs at once: where a batch was sent, and counts that wait to be added to their job's row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add them, and indexes that find what is ready, on its way, or suspected, without the rest."""
    # NULL: not sent to extractors, or by a release that did not note where.
    op.add_column("job_batches", sa.Column("queue", sa.Text()))
    op.execute("UPDATE job_batches SET queue = 'extract' WHERE state = 'sent'")
    for name, columns, where in (
        ("ready", ["job_id", "id"], "state = 'ready'"),
        ("sent", ["job_id"], "state = 'sent'"),
        ("leased_until", ["leased_until"], "state = 'sent'"),
        ("suspects", ["job_id", "id"], "crashes > 0 AND state IN ('ready', 'sent')"),
    ):
        op.create_index(f"ix_job_batches_{name}", "job_batches", columns, postgresql_where=sa.text(where))
    op.create_table(
        "job_increments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.UUID(as_uuid=False), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("indexed", "unchanged", "failed", "cancelled")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_increments")),
    )
    op.create_index("ix_job_increments_job_id", "job_increments", ["job_id"])
