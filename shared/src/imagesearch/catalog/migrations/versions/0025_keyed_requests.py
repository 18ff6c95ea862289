"""Keep what was answered to requests that may come again and make no job; jobs keep their keys themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision, down_revision = "0025", "0024"


def upgrade() -> None:
    """Add the table, which is empty at first."""
    op.create_table(
        "keyed_requests",
        sa.Column("scope", sa.Text(), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("answer", JSONB()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_keyed_requests_created_at", "keyed_requests", ["created_at"])
