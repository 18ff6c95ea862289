"""Tell how near a build is to its end, so that writers make room for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the phase; builds on their way go on as if they were still filling, and find out."""
    op.add_column("index_builds", sa.Column("phase", sa.Text(), server_default="filling", nullable=False))
    op.create_check_constraint(
        op.f("ck_index_builds_phase"), "index_builds", "phase IN ('filling', 'catching_up', 'last_round')"
    )
