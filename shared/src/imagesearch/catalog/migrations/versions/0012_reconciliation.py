"""Who reconciles, and how far the comparison of everything has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables, and the one row of the first."""
    op.create_table(
        "reconciliation",
        sa.Column("is_only", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("holder", sa.Text()),
        sa.Column("held_until", sa.DateTime(timezone=True)),
        sa.Column("jobs_seen", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("is_only", name=op.f("ck_reconciliation_is_only")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("pk_reconciliation")),
    )
    op.execute("INSERT INTO reconciliation DEFAULT VALUES")
    op.create_table(
        "reconciliation_parts",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("place", sa.Text()),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_reconciliation_parts")),
    )
