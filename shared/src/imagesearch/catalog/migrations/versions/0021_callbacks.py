"""Let jobs call somebody back: the URL, an outbox, and a log of attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision, down_revision = "0021", "0020"


def upgrade() -> None:
    """Add the column, which jobs that are there have empty, and the two tables."""
    op.add_column("jobs", sa.Column("callback_url", sa.Text()))
    op.create_table(
        "callbacks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", UUID(), nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("job_id", UUID(), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="waiting"),
        sa.Column("attempts", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'given_up')", name="state"),
    )
    op.create_index("ix_callbacks_job_id", "callbacks", ["job_id", "id"])
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_callbacks_due_at", "callbacks", ["due_at"], postgresql_where=waiting)
    op.create_index("ix_callbacks_host", "callbacks", ["host", "leased_until"], postgresql_where=waiting)
    op.create_table(
        "callback_attempts",
        sa.Column(
            "callback_id", sa.BigInteger(), sa.ForeignKey("callbacks.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.Column("seconds", sa.Double(), nullable=False),
    )
