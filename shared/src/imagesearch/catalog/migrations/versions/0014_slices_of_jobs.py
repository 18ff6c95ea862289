"""Say how far the retry and the pruning of a job have come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the places; no row is written."""
    op.add_column("jobs", sa.Column("reopened_up_to", sa.BigInteger()))
    op.add_column("jobs", sa.Column("pruned_up_to", sa.Text()))
