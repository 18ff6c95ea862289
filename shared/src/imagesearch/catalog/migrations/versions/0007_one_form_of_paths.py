"""Mark the files that the service stored itself, and note that paths have to be brought to their one form."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the mark, which no row has yet, and where the bringing of old rows to it begins.

    Neither reads a row of images: a column with a constant default is an entry in the table's description. Which
    file is an upload, and where a link leads, only a process that sees the files can tell: the indexer looks at
    row after row, behind `reached`.
    """
    op.add_column("images", sa.Column("uploaded", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "path_backlog",
        sa.Column("reached", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reached", name=op.f("pk_path_backlog")),
    )
    op.execute("INSERT INTO path_backlog (reached) SELECT 0 WHERE EXISTS (SELECT FROM images)")
