"""Keep images: one row for each path in a collection, whose id is the vector's primary key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import images as table
from imagesearch.contract import ExtractedImage, UnchangedImage
from imagesearch.errors import NotFound


@dataclass(frozen=True, slots=True)
class Image:
    """Describe one image row; file facts are None until it has been indexed once."""

    id: int
    collection_id: int
    path: str
    state: ImageState
    sha256: str | None
    size_bytes: int | None
    mtime_ns: int | None
    width: int | None
    height: int | None
    format: str | None
    partition: str
    metadata: dict[str, Any]
    uploaded: bool
    read_at: float | None
    indexed_at: datetime | None
    created_at: datetime


_COLUMNS = columns_of(table, Image)


def get(tx: Transaction, image_id: int, *, collection_id: int | None = None) -> Image:
    """Return an image that is not being deleted.

    Raises:
        NotFound: there is none of that id, or it lies in another collection.
    """
    query = sa.select(*_COLUMNS).where(table.c.id == image_id, table.c.state != ImageState.DELETING)
    if collection_id is not None:
        query = query.where(table.c.collection_id == collection_id)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no image {image_id}.")
    return Image(*row)


_INDEXED_BY_IDS = sa.select(*_COLUMNS).where(
    # One array, where IN would be a parameter for each id.
    table.c.id == sa.func.any(sa.cast(sa.bindparam("ids"), sa.ARRAY(sa.BigInteger))),
    table.c.state == ImageState.INDEXED,
)
"""Made once: every search reads its rows, and making a statement is a third of a short read."""


def indexed_by_ids(tx: Transaction, image_ids: Iterable[int]) -> dict[int, Image]:
    """Return those of the images that are indexed, by id."""
    return {row.id: Image(*row) for row in tx.execute(_INDEXED_BY_IDS, {"ids": list(image_ids)})}


def indexed_by_paths(tx: Transaction, collection_id: int, paths: Sequence[str]) -> dict[str, Image]:
    """Return those images of a collection that are indexed, by path."""
    query = sa.select(*_COLUMNS).where(
        table.c.collection_id == collection_id,
        table.c.path == sa.func.any(sa.cast(list(paths), sa.ARRAY(sa.Text))),
        table.c.state == ImageState.INDEXED,
    )
    return {row.path: Image(*row) for row in tx.execute(query)}


def indexed_among(tx: Transaction, image_ids: Iterable[int]) -> set[int]:
    """Return those of the ids whose images are indexed."""
    query = sa.select(table.c.id).where(
        table.c.id == sa.func.any(sa.cast(list(image_ids), sa.ARRAY(sa.BigInteger))),
        table.c.state == ImageState.INDEXED,
    )
    return set(tx.execute(query).scalars())


def ensure_rows(
    tx: Transaction,
    collection_id: int,
    paths: Sequence[str],
    partition: str | None,
    metadata: dict[str, Any] | None,
) -> dict[str, Image]:
    """Give every path a row, and return the rows by path.

    New rows are pending and take partition and metadata from the job; rows that exist are left as they are.
    Paths are inserted in sorted order, so that two planners over the same paths wait for each other and
    never deadlock.
    """
    tx.execute(
        sa.text(
            "INSERT INTO images (collection_id, path, partition, metadata) "
            "SELECT :collection_id, path, :partition, CAST(:metadata AS jsonb) "
            "FROM unnest(CAST(:paths AS text[])) AS path ORDER BY path "
            "ON CONFLICT (collection_id, path) DO NOTHING"
        ).bindparams(sa.bindparam("metadata", type_=sa.JSON)),
        {
            "collection_id": collection_id,
            "partition": partition or "",
            "metadata": metadata or {},
            "paths": list(paths),
        },
    )
    rows = tx.execute(
        sa.select(*_COLUMNS).where(
            table.c.collection_id == collection_id,
            table.c.path == sa.func.any(sa.cast(list(paths), sa.ARRAY(sa.Text))),
        )
    )
    return {row.path: Image(*row) for row in rows}


def mark_uploaded(tx: Transaction, image_id: int) -> None:
    """Record that the service stores the file of an image itself, before it does so."""
    tx.execute(sa.update(table).where(table.c.id == image_id).values(uploaded=True))


def lock(tx: Transaction, image_ids: Iterable[int]) -> dict[int, Image]:
    """Lock image rows in id order until the transaction ends, and return them by id.

    Deletes and other batches of the same images wait; planning, which only refers to the rows, does not.
    """
    query = (
        sa.select(*_COLUMNS)
        .where(table.c.id.in_(sorted(image_ids)))
        .order_by(table.c.id)
        .with_for_update(key_share=True)
    )
    return {row.id: Image(*row) for row in tx.execute(query)}


def mark_indexed(
    tx: Transaction,
    extracted: Sequence[ExtractedImage],
    *,
    read_at: float,
    labels: Sequence[tuple[str, Mapping[str, Any]]],
) -> None:
    """Record what was indexed, each with the partition and metadata that its vector was given."""
    if not extracted:
        return
    tx.execute(
        sa.update(table)
        .where(table.c.id == sa.bindparam("image_id"))
        .values(
            state=ImageState.INDEXED,
            sha256=sa.bindparam("new_sha256"),
            size_bytes=sa.bindparam("new_size_bytes"),
            mtime_ns=sa.bindparam("new_mtime_ns"),
            width=sa.bindparam("new_width"),
            height=sa.bindparam("new_height"),
            format=sa.bindparam("new_format"),
            partition=sa.bindparam("new_partition"),
            metadata=sa.bindparam("new_metadata", type_=JSONB),
            read_at=read_at,
            indexed_at=sa.func.now(),
        ),
        [
            {
                "image_id": image.image_id,
                "new_sha256": image.sha256,
                "new_size_bytes": image.size_bytes,
                "new_mtime_ns": image.mtime_ns,
                "new_width": image.width,
                "new_height": image.height,
                "new_format": image.format,
                "new_partition": partition,
                "new_metadata": dict(metadata),
            }
            for image, (partition, metadata) in zip(extracted, labels, strict=True)
        ],
    )


def mark_seen(tx: Transaction, unchanged: Sequence[UnchangedImage]) -> None:
    """Record the new modification time of files whose bytes are indexed already."""
    if unchanged:
        tx.execute(
            sa.update(table)
            .where(table.c.id == sa.bindparam("image_id"))
            .values(size_bytes=sa.bindparam("new_size_bytes"), mtime_ns=sa.bindparam("new_mtime_ns")),
            [
                {"image_id": seen.image_id, "new_size_bytes": seen.size_bytes, "new_mtime_ns": seen.mtime_ns}
                for seen in unchanged
            ],
        )


def mark_failed(tx: Transaction, image_ids: Sequence[int]) -> None:
    """Record that these images have no vector (any more)."""
    if image_ids:
        tx.execute(
            sa.update(table)
            .where(table.c.id.in_(image_ids), table.c.state.in_((ImageState.PENDING, ImageState.INDEXED)))
            .values(state=ImageState.FAILED, sha256=None, size_bytes=None, mtime_ns=None, read_at=None)
        )


def mark_pending(tx: Transaction, image_ids: Sequence[int]) -> None:
    """Record that these images lost their vectors and have to be read again."""
    tx.execute(
        sa.update(table)
        .where(table.c.id.in_(image_ids), table.c.state == ImageState.INDEXED)
        .values(state=ImageState.PENDING, sha256=None, size_bytes=None, mtime_ns=None, read_at=None)
    )


def mark_deleting(tx: Transaction, collection_id: int, image_ids: Sequence[int]) -> list[int]:
    """Begin the deletion of images: from this commit on nobody sees them. Return the ids that were there."""
    rows = tx.execute(
        sa.update(table)
        .where(
            table.c.collection_id == collection_id, table.c.id.in_(image_ids), table.c.state != ImageState.DELETING
        )
        .values(state=ImageState.DELETING)
        .returning(table.c.id)
    )
    return sorted(row.id for row in rows)
