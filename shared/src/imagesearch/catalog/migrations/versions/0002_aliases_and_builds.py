"""Aliases, rebuilding an index beside the old one, and groups of duplicates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what is new; columns have constant defaults, so that no table is written anew."""
    op.add_column("collections", sa.Column("generation", sa.Integer(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("kind", sa.Text(), server_default="index", nullable=False))
    op.add_column("jobs", sa.Column("options", postgresql.JSONB(), nullable=True))
    op.create_check_constraint(op.f("ck_jobs_kind"), "jobs", "kind IN ('index', 'reindex', 'duplicates')")
    op.create_table(
        "collection_aliases",
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_collection_aliases_collection_id")
        ),
        sa.PrimaryKeyConstraint("alias", name=op.f("pk_collection_aliases")),
    )
    op.create_index("ix_collection_aliases_collection_id", "collection_aliases", ["collection_id"])
    _create_builds()
    _create_duplicates()


def _create_builds() -> None:
    op.create_table(
        "index_builds",
        sa.Column("job_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("vector_collection", sa.Text(), nullable=False),
        sa.Column("index_type", sa.Text(), nullable=False),
        sa.Column("index_params", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("preprocessing", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("extracts", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), server_default="building", nullable=False),
        sa.CheckConstraint("state IN ('building', 'switched', 'abandoned')", name=op.f("ck_index_builds_state")),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name=op.f("fk_index_builds_collection_id")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_index_builds_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_index_builds")),
        sa.UniqueConstraint("vector_collection", name=op.f("uq_index_builds_vector_collection")),
    )
    op.create_index(
        "uq_index_builds_collection_id",
        "index_builds",
        ["collection_id"],
        unique=True,
        postgresql_where=sa.text("state = 'building'"),
    )
    op.create_table(
        "built_images",
        sa.Column("job_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("read_at", sa.Double(), nullable=True),
        sa.Column("has_vector", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_built_images_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "image_id", name=op.f("pk_built_images")),
    )
    op.create_table(
        "retired_vectors",
        sa.Column("vector_collection", sa.Text(), nullable=False),
        sa.Column("drop_after", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("vector_collection", name=op.f("pk_retired_vectors")),
    )


def _create_duplicates() -> None:
    op.create_table(
        "duplicate_pairs",
        sa.Column("job_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("low_id", sa.BigInteger(), nullable=False),
        sa.Column("high_id", sa.BigInteger(), nullable=False),
        sa.Column("distance", sa.Double(), nullable=False),
        sa.CheckConstraint("low_id < high_id", name=op.f("ck_duplicate_pairs_order")),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_duplicate_pairs_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "low_id", "high_id", name=op.f("pk_duplicate_pairs")),
    )
    op.create_table(
        "duplicate_members",
        sa.Column("job_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("distance", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_duplicate_members_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "group_id", "image_id", name=op.f("pk_duplicate_members")),
    )
