"""Keep images: one row for each path in a collection. Which vector is theirs, `naming` says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog import keys
from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import images as table
from imagesearch.contract import UnchangedImage
from imagesearch.errors import NotFound, StoreUnavailable


@dataclass(frozen=True, slots=True)
class Image:
    """Describe one image row; file facts are None until it has been indexed once.

    Attributes:
        own_key: the caller's own id; None where it was given none.
    """

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
    vector_key: int | None
    version: int
    indexed_at: datetime | None
    created_at: datetime
    own_key: str | None = None


_COLUMNS = columns_of(table, Image)
ATTEMPTS = 5
"""At giving a path its row: each further one needs somebody who deletes it in between."""


def get(tx: Transaction, image_id: int, *, collection_id: int | None = None) -> Image:
    """Return an image.

    Raises:
        NotFound: there is none of that id, or it lies in another collection.
    """
    query = sa.select(*_COLUMNS).where(table.c.id == image_id)
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


_BY_KEYS = sa.select(*_COLUMNS).where(
    table.c.collection_id == sa.bindparam("collection_id"),
    table.c.vector_key == sa.func.any(sa.cast(sa.bindparam("keys"), sa.ARRAY(sa.BigInteger))),
)


def by_keys(tx: Transaction, collection_id: int, keys: Iterable[int]) -> dict[int, Image]:
    """Return the images of a collection whose rows name these keys, by key."""
    found = tx.execute(_BY_KEYS, {"collection_id": collection_id, "keys": list(keys)})
    return {row.vector_key: Image(*row) for row in found}


def ids_by_keys(tx: Transaction, collection_id: int, keys: Iterable[int]) -> dict[int, int]:
    """Return the ids of the images of a collection whose rows name these keys, by key."""
    query = sa.select(table.c.vector_key, table.c.id).where(
        table.c.collection_id == collection_id,
        table.c.vector_key == sa.func.any(sa.cast(list(keys), sa.ARRAY(sa.BigInteger))),
    )
    return {row.vector_key: row.id for row in tx.execute(query)}


def keys_behind(
    tx: Transaction, collection_id: int, *, after: int, up_to: int | None, limit: int | None = None
) -> dict[int, int]:
    """Return keys in the range (after, up_to] that rows of a collection name, in ascending order, with the ids.

    Args:
        up_to: None is no upper bound.
        limit: the most keys; None is no bound.
    """
    query = sa.select(table.c.vector_key, table.c.id).where(
        table.c.collection_id == collection_id, table.c.vector_key > after
    )
    if up_to is not None:
        query = query.where(table.c.vector_key <= up_to)
    found = tx.execute(query.order_by(table.c.vector_key).limit(limit))
    return {row.vector_key: row.id for row in found}


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
    rows: dict[str, Image] = {}
    for _ in range(ATTEMPTS):
        missing = sorted(set(paths) - rows.keys())
        _insert(tx, collection_id, missing, partition, metadata)
        # A row that was there may be deleted before it is read: then the path has none, and is given one.
        found = tx.execute(
            sa.select(*_COLUMNS).where(
                table.c.collection_id == collection_id,
                table.c.path == sa.func.any(sa.cast(missing, sa.ARRAY(sa.Text))),
            )
        )
        rows |= {row.path: Image(*row) for row in found}
        if len(rows) == len(set(paths)):
            return rows
    raise StoreUnavailable("postgres", "the same images are deleted again and again")


def _insert(
    tx: Transaction,
    collection_id: int,
    paths: Sequence[str],
    partition: str | None,
    metadata: dict[str, Any] | None,
) -> None:
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


def mark_uploaded(tx: Transaction, image_id: int) -> None:
    """Record that the service stores the file of an image itself, before it does so."""
    tx.execute(sa.update(table).where(table.c.id == image_id).values(uploaded=True))


def lock(tx: Transaction, image_ids: Iterable[int]) -> dict[int, Image]:
    """Lock image rows in id order until the transaction ends, and return them by id.

    Deletes and other batches of the same images wait; planning, which only refers to the rows, does not.
    Whoever is about to name or un-name vectors calls `naming.lock` instead.
    """
    query = (
        sa.select(*_COLUMNS)
        .where(table.c.id.in_(sorted(image_ids)))
        .order_by(table.c.id)
        .with_for_update(key_share=True)
    )
    return {row.id: Image(*row) for row in tx.execute(query)}


def mark_seen(tx: Transaction, unchanged: Sequence[UnchangedImage]) -> None:
    """Record that files hold the bytes that are indexed already, and their new modification time."""
    if unchanged:
        tx.execute(
            sa.text(
                # Whoever has read the file before may have read something else: hence a new version.
                "UPDATE images SET size_bytes = seen.size_bytes, mtime_ns = seen.mtime_ns, "  # noqa: S608 - a constant
                f"version = {keys.NEW_VERSION} FROM unnest(CAST(:ids AS bigint[]), CAST(:sizes AS bigint[]), "
                "CAST(:mtimes AS bigint[])) AS seen (id, size_bytes, mtime_ns) WHERE images.id = seen.id"
            ),
            {
                "ids": [seen.image_id for seen in unchanged],
                "sizes": [seen.size_bytes for seen in unchanged],
                "mtimes": [seen.mtime_ns for seen in unchanged],
            },
        )


def mark_failed(tx: Transaction, image_ids: Sequence[int]) -> None:
    """Record that those of these images that have no vector get none."""
    if image_ids:
        tx.execute(
            sa.update(table)
            .where(table.c.id.in_(image_ids), table.c.vector_key.is_(None))
            # As in `mark_seen`; of what had failed before as well.
            .values(state=ImageState.FAILED, version=keys.version())
        )


def put_labels(tx: Transaction, image_id: int, partition: str, metadata: Mapping[str, Any]) -> None:
    """Record the labels of an image without a vector."""
    tx.execute(sa.update(table).where(table.c.id == image_id).values(partition=partition, metadata=dict(metadata)))
