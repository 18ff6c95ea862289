"""Give images and paths of jobs a column for the caller's own id; its index is built by `own_key_index`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0023", "0022"


def upgrade() -> None:
    """Add the columns, which writes no row; images that are there have no key."""
    for table in ("images", "job_items"):
        op.add_column(table, sa.Column("own_key", sa.Text()))
