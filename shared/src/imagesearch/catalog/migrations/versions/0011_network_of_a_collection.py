"""Let each collection, and each build, say which network it is for and how long its vectors are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the network of collections and builds; all there are so far are VGG16's."""
    for table in ("collections", "index_builds"):
        op.add_column(table, sa.Column("network", sa.Text(), server_default="vgg16", nullable=False))
    op.add_column("index_builds", sa.Column("dimension", sa.Integer(), server_default="512", nullable=False))
