"""Put pictures into groups of duplicates at once, in place of keeping every pair until the end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

GIVEN_UP = "A newer release was installed while this search was on its way; look for duplicates again."


def upgrade() -> None:
    """Keep the groups that were found; a search on its way is given up: nobody groups its pairs any more."""
    op.execute(
        sa.text(
            "UPDATE jobs SET error = :reason, revision = revision + 1 "
            "WHERE kind = 'duplicates' AND finished_at IS NULL AND state <> 'cancelled'"
        ).bindparams(reason=GIVEN_UP)
    )
    op.drop_table("duplicate_pairs")
    op.create_index(
        "uq_duplicate_members_job_id_image_id", "duplicate_members", ["job_id", "image_id"], unique=True
    )
    op.create_table(
        "duplicate_contents",
        sa.Column("job_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_duplicate_contents_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "sha256", name=op.f("pk_duplicate_contents")),
    )
