"""First catalogue: collections, images, jobs and their ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "collections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("preprocessing", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("index_type", sa.Text(), nullable=False),
        sa.Column("index_params", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("vector_collection", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('active', 'deleting', 'deleted')", name=op.f("ck_collections_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint("vector_collection", name=op.f("uq_collections_vector_collection")),
    )
    op.create_index(
        "uq_collections_name", "collections", ["name"], unique=True, postgresql_where=sa.text("state = 'active'")
    )
    op.create_table(
        "images",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("partition", sa.Text(), server_default="", nullable=False),
        sa.Column("metadata", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("read_at", sa.Double(), nullable=True),
        sa.Column("indexed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'indexed', 'failed', 'deleting')", name=op.f("ck_images_state")),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name=op.f("fk_images_collection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("collection_id", "path", name=op.f("uq_images_collection_id_path")),
    )
    op.create_index(
        "ix_images_deleting",
        "images",
        ["collection_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'deleting'"),
    )
    op.create_index(
        "ix_images_indexed",
        "images",
        ["collection_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'indexed'"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("directory", sa.Text(), nullable=True),
        sa.Column("recursive", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(), nullable=True),
        sa.Column("prune", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("indexed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cancelled", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("removed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("planned_up_to", sa.Text(), nullable=True),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progressed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_sha256", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('planning', 'running', 'paused', 'succeeded', 'completed_with_failures', "
            "'failed', 'cancelled')",
            name=op.f("ck_jobs_state"),
        ),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name=op.f("fk_jobs_collection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_jobs_idempotency_key")),
        sa.UniqueConstraint("number", name=op.f("uq_jobs_number")),
    )
    op.create_index(
        "ix_jobs_open", "jobs", ["number"], unique=False, postgresql_where=sa.text("finished_at IS NULL")
    )
    op.create_index("ix_jobs_origin_number", "jobs", ["origin", "number"], unique=False)
    op.create_table(
        "job_batches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("state", sa.Text(), server_default="ready", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("crashes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('ready', 'sent', 'done', 'cancelled')", name=op.f("ck_job_batches_state")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_batches_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_batches")),
    )
    op.create_index(
        "ix_job_batches_open",
        "job_batches",
        ["job_id", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('ready', 'sent')"),
    )
    op.create_table(
        "job_items",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("image_id", sa.BigInteger(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(outcome = 'failed') = (code IS NOT NULL)", name=op.f("ck_job_items_code")),
        sa.CheckConstraint(
            "outcome IN ('indexed', 'unchanged', 'failed', 'cancelled')", name=op.f("ck_job_items_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["job_batches.id"], name=op.f("fk_job_items_batch_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_items_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_items")),
        sa.UniqueConstraint("job_id", "path", name=op.f("uq_job_items_job_id_path")),
    )
    op.create_index("ix_job_items_batch_id", "job_items", ["batch_id"], unique=False)
    op.create_index(
        "ix_job_items_failed",
        "job_items",
        ["job_id", "id"],
        unique=False,
        postgresql_where=sa.text("outcome = 'failed'"),
    )
    op.create_index(
        "ix_job_items_unplanned",
        "job_items",
        ["job_id", "id"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL AND batch_id IS NULL"),
    )
