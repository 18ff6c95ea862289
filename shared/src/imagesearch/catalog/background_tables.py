"""The tables of work behind the scenes: builds, what is to be removed, and rows still to be brought up to date."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from imagesearch.catalog.columns import count, identity, json, metadata, moment, one_of, word
from imagesearch.catalog.states import BuildPhase, BuildState
from imagesearch.networks import VGG16

index_builds = sa.Table(
    "index_builds",
    metadata,
    sa.Column("job_id", UUID(as_uuid=False), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("collection_id", sa.BigInteger, sa.ForeignKey("collections.id"), nullable=False),
    sa.Column("vector_collection", sa.Text, nullable=False, unique=True),
    sa.Column("index_type", sa.Text, nullable=False),
    json("index_params"),
    json("preprocessing"),
    sa.Column("network", sa.Text, nullable=False, server_default=VGG16.name),
    sa.Column("dimension", sa.Integer, nullable=False, server_default=str(VGG16.dimension)),
    # NULL until the first batch of a new pipeline arrives, when no worker said at the start what it runs.
    sa.Column("model", sa.Text),
    # Whether pictures are read again; otherwise vectors are copied.
    sa.Column("extracts", sa.Boolean, nullable=False),
    word("state", BuildState, BuildState.BUILDING),
    # How near it is to its end: other jobs of the collection make room for it then.
    word("phase", BuildPhase, BuildPhase.FILLING),
    # Every transaction that can name a key up to `fence_key` has ended once all before `fence_xid` have.
    sa.Column("fence_key", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("fence_xid", sa.BigInteger, nullable=False, server_default="0"),
    # What has a key up to this one was listed; NULL until all that was there at the start is filled in.
    sa.Column("reached_key", sa.BigInteger),
    # What has a key up to this one was found in the build's vectors.
    sa.Column("verified_key", sa.BigInteger, nullable=False, server_default="0"),
    one_of("state", BuildState),
    one_of("phase", BuildPhase),
    sa.Index(
        "uq_index_builds_collection_id",
        "collection_id",
        unique=True,
        postgresql_where=sa.text("state = 'building'"),
    ),
)

built_images = sa.Table(
    "built_images",
    metadata,
    sa.Column("job_id", UUID(as_uuid=False), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    # No foreign key: that an image is gone is what a build has to find out.
    sa.Column("image_id", sa.BigInteger, primary_key=True),
    # The key that the row named then; what is recorded holds as long as it does.
    sa.Column("from_key", sa.BigInteger, nullable=False),
    # The key of the vector of what the file holds now; NULL where the file cannot be indexed any more.
    sa.Column("vector_key", sa.BigInteger),
    # Facts of the file as it was read again; all NULL without a vector.
    sa.Column("sha256", sa.Text),
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("mtime_ns", sa.BigInteger),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("format", sa.Text),
    sa.Index("ix_built_images_vector_key", "job_id", "vector_key"),
)

# Keys that no row names any more, until their vectors are gone.
tombstones = sa.Table(
    "tombstones",
    metadata,
    sa.Column("key", sa.BigInteger, primary_key=True),
    sa.Column("vector_collection", sa.Text, primary_key=True),
    # No foreign key: most images are gone as well. NULL where no row has ever named the key.
    sa.Column("image_id", sa.BigInteger),
    # Of the bytes that the vector was made of.
    sa.Column("sha256", sa.Text),
    # The clock and not the transaction's start: what takes long before its commit is not old at once.
    sa.Column("since", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Index("ix_tombstones_vector_collection_since", "vector_collection", "since"),
    sa.Index("ix_tombstones_image_id", "image_id"),
)

# Paths of uploads that may have a file without a row.
stray_files = sa.Table(
    "stray_files",
    metadata,
    identity(),
    sa.Column("collection_id", sa.BigInteger, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("look_after", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_stray_files_look_after", "look_after"),
)

# Behind which id the paths of images may have another form than today's; no row: none has.
path_backlog = sa.Table("path_backlog", metadata, sa.Column("reached", sa.BigInteger, primary_key=True))

# Behind which id images may have no key yet; no row: all have.
key_backlog = sa.Table("key_backlog", metadata, sa.Column("reached", sa.BigInteger, primary_key=True))

retired_vectors = sa.Table(
    "retired_vectors",
    metadata,
    sa.Column("vector_collection", sa.Text, primary_key=True),
    # From when somebody first sees the committed row; the transaction that retires them may take long.
    sa.Column("keep_for", sa.Interval, nullable=False),
    moment("drop_after"),
    # The row stays: a process that was frozen may make them again.
    moment("dropped_at"),
    sa.Index("ix_retired_vectors_undropped", "vector_collection", postgresql_where=sa.text("dropped_at IS NULL")),
)

# Collections that are not counted yet, and behind which block that goes on.
count_backlog = sa.Table(
    "count_backlog",
    metadata,
    sa.Column("collection_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("behind", sa.BigInteger, nullable=False, server_default="-1"),
)

# One row: who reconciles now, and until when that is taken for granted.
reconciliation = sa.Table(
    "reconciliation",
    metadata,
    sa.Column("is_only", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("holder", sa.Text),
    moment("held_until"),
    # The number of the open job that was looked at last, where there was no time for all; otherwise 0.
    count("jobs_seen"),
    sa.CheckConstraint("is_only", name="is_only"),
)

# Parts of the comparison of everything that have not ended, each with the place that it has reached.
reconciliation_parts = sa.Table(
    "reconciliation_parts",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("place", sa.Text),
)
