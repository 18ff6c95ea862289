"""Keep with each job the trace of the request that submitted it: what is sent for it later belongs to that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the column; jobs that are there have no trace."""
    op.add_column("jobs", sa.Column("traceparent", sa.Text()))
