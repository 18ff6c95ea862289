"""Give each vector a key of its own, which the row of its image names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

OLDEST_REVISION = "0008"
"""A release that does not know keys would overwrite vectors, and find none of the new ones."""

GIVEN_UP = "A newer release was installed while this reindex was on its way; reindex the collection again."


def upgrade() -> None:
    """Add keys, tombstones and what builds record from now on; no vector moves, and no row of images is written.

    The key of a vector so far is the id of its image. `key_backlog` gives each row its key in slices, after this
    migration has committed; services wait for the last of them. The large table is read once, for an index that is
    empty at first: nobody can write to it meanwhile.
    """
    op.execute("CREATE SEQUENCE vector_keys")
    # Keys end in 20 random bits: the first new one lies above each id.
    op.execute("SELECT setval('vector_keys', (SELECT coalesce(max(id), 0) >> 20 FROM images) + 1)")
    _images()
    _tombstones()
    _builds()


def _images() -> None:
    op.add_column("images", sa.Column("vector_key", sa.BigInteger()))
    op.add_column("images", sa.Column("version", sa.BigInteger(), server_default="0", nullable=False))
    op.drop_column("images", "read_at")
    op.drop_index("ix_images_deleting", "images")
    op.drop_constraint(op.f("ck_images_state"), "images")
    # Checked for each row that is written from now on; the backlog has the others checked at its end.
    op.execute(
        "ALTER TABLE images ADD CONSTRAINT ck_images_state "
        "CHECK (state IN ('pending', 'indexed', 'failed')) NOT VALID"
    )
    op.execute(
        "ALTER TABLE images ADD CONSTRAINT ck_images_vector_key "
        "CHECK ((state = 'indexed') = (vector_key IS NOT NULL)) NOT VALID"
    )
    op.create_index(
        "uq_images_vector_key",
        "images",
        ["collection_id", "vector_key"],
        unique=True,
        postgresql_where=sa.text("vector_key IS NOT NULL"),
    )
    op.create_table(
        "key_backlog",
        sa.Column("reached", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reached", name=op.f("pk_key_backlog")),
    )
    op.execute("INSERT INTO key_backlog (reached) VALUES (0)")


def _tombstones() -> None:
    op.create_table(
        "tombstones",
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("vector_collection", sa.Text(), nullable=False),
        sa.Column("image_id", sa.BigInteger()),
        sa.Column("sha256", sa.Text()),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("key", "vector_collection", name=op.f("pk_tombstones")),
    )
    op.create_index("ix_tombstones_vector_collection_since", "tombstones", ["vector_collection", "since"])
    op.create_index("ix_tombstones_image_id", "tombstones", ["image_id"])
    op.create_table(
        "stray_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("look_after", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stray_files")),
    )
    op.create_index("ix_stray_files_look_after", "stray_files", ["look_after"])


def _builds() -> None:
    """Give up builds on their way: what they recorded says nothing of keys."""
    op.execute(
        sa.text(
            "UPDATE jobs SET error = :reason, revision = revision + 1 FROM index_builds "
            "WHERE index_builds.job_id = jobs.id AND index_builds.state = 'building'"
        ).bindparams(reason=GIVEN_UP)
    )
    op.execute(
        "INSERT INTO retired_vectors (vector_collection, drop_after) "
        "SELECT vector_collection, now() FROM index_builds WHERE state = 'building' ON CONFLICT DO NOTHING"
    )
    op.execute("UPDATE index_builds SET state = 'abandoned' WHERE state = 'building'")
    op.drop_table("built_images")
    op.create_table(
        "built_images",
        sa.Column("job_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("from_key", sa.BigInteger(), nullable=False),
        sa.Column("vector_key", sa.BigInteger()),
        sa.Column("sha256", sa.Text()),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("mtime_ns", sa.BigInteger()),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("format", sa.Text()),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_built_images_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "image_id", name=op.f("pk_built_images")),
    )
    op.create_index("ix_built_images_vector_key", "built_images", ["job_id", "vector_key"])
    for name in ("fence_key", "fence_xid", "verified_key"):
        op.add_column("index_builds", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("index_builds", sa.Column("reached_key", sa.BigInteger()))
    op.add_column("collections", sa.Column("switched_build", sa.UUID(as_uuid=False)))
    op.add_column("retired_vectors", sa.Column("keep_for", sa.Interval(), server_default="0", nullable=False))
    op.alter_column("retired_vectors", "keep_for", server_default=None)
    op.alter_column("retired_vectors", "drop_after", nullable=True)
    op.add_column("retired_vectors", sa.Column("dropped_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_retired_vectors_undropped",
        "retired_vectors",
        ["vector_collection"],
        postgresql_where=sa.text("dropped_at IS NULL"),
    )
