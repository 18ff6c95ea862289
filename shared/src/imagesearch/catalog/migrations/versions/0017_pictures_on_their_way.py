"""Note which pictures are on their way, and which batches wait for those that other jobs have sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add both, and take what is on its way now as noted."""
    op.add_column("job_batches", sa.Column("waits_for", sa.BigInteger()))
    op.add_column("job_batches", sa.Column("waited_for", sa.BigInteger()))
    op.drop_index("ix_job_batches_ready", "job_batches")
    op.create_index(
        "ix_job_batches_ready",
        "job_batches",
        ["job_id", "id"],
        postgresql_where=sa.text("state = 'ready' AND waits_for IS NULL"),
    )
    op.create_index(
        "ix_job_batches_waits_for",
        "job_batches",
        ["waits_for"],
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    )
    op.create_table(
        "sent_images",
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("image_id", "batch_id", name=op.f("pk_sent_images")),
    )
    op.create_index("ix_sent_images_batch_id", "sent_images", ["batch_id"])
    op.execute(
        "INSERT INTO sent_images (image_id, batch_id) SELECT DISTINCT item.image_id, item.batch_id "
        "FROM job_batches AS batch JOIN job_items AS item ON item.batch_id = batch.id "
        "WHERE batch.state = 'sent' AND batch.queue IS NOT NULL "
        "AND item.outcome IS NULL AND item.image_id IS NOT NULL"
    )
