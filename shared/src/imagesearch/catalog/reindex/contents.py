"""Keep what a build holds: which images, each as of which version of its row.

The version is the `xmin` that Postgres gives every row: it changes with whatever changes the row, whoever does
it, and an image whose row has another version than the build has is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.image_queries import indexed_behind
from imagesearch.catalog.states import BuildState, ImageState
from imagesearch.catalog.tables import built_images as table
from imagesearch.catalog.tables import images, index_builds
from imagesearch.contract import ExtractedImage

CLEAR_SLICE = 10_000
_version: sa.ColumnElement[int] = sa.literal_column("images.xmin::text::bigint", sa.BigInteger)


@dataclass(frozen=True, slots=True)
class Source:
    """Describe an indexed image as a build needs it.

    Attributes:
        version: of the row, as of which everything here is.
    """

    id: int
    path: str
    version: int
    sha256: str | None
    read_at: float | None
    partition: str
    metadata: dict[str, Any]


_SOURCE = columns_of(images, Source, version=_version)


def sources(tx: Transaction, image_ids: Iterable[int]) -> dict[int, Source]:
    """Return those of the images that are indexed, by id."""
    query = sa.select(*_SOURCE).where(images.c.id.in_(list(image_ids)), images.c.state == ImageState.INDEXED)
    return {row.id: Source(*row) for row in tx.execute(query)}


def next_sources(
    tx: Transaction, collection_id: int, *, after: int, limit: int, partition: str | None = None
) -> list[Source]:
    """Return indexed images of a collection, or of one partition, by id and from behind `after`."""
    query = sa.select(*_SOURCE).where(*indexed_behind(collection_id, after, partition))
    return [Source(*row) for row in tx.execute(query.order_by(images.c.id).limit(limit))]


def changed(tx: Transaction, job_id: str, collection_id: int, *, limit: int) -> list[Source]:
    """Return indexed images that the build lacks, or has as they were before."""
    query = (
        sa.select(*_SOURCE)
        .outerjoin(table, sa.and_(table.c.job_id == job_id, table.c.image_id == images.c.id))
        .where(
            images.c.collection_id == collection_id,
            images.c.state == ImageState.INDEXED,
            table.c.row_version.is_distinct_from(_version),
        )
        .order_by(images.c.id)
        .limit(limit)
    )
    return [Source(*row) for row in tx.execute(query)]


def gone(tx: Transaction, job_id: str, *, limit: int) -> list[int]:
    """Return images that the build holds and that are not indexed any more."""
    query = (
        sa.select(table.c.image_id)
        .outerjoin(images, sa.and_(images.c.id == table.c.image_id, images.c.state == ImageState.INDEXED))
        .where(table.c.job_id == job_id, images.c.id.is_(None))
        .order_by(table.c.image_id)
        .limit(limit)
    )
    return list(tx.execute(query).scalars())


def record(tx: Transaction, job_id: str, versions: dict[int, int], *, has_vector: bool) -> None:
    """Record as of which version the build has images, or has found out that there is no vector for them."""
    rows = [
        {"job_id": job_id, "image_id": image_id, "row_version": version, "has_vector": has_vector}
        for image_id, version in sorted(versions.items())
    ]
    if rows:
        put = insert(table)
        kept = {"row_version": put.excluded.row_version, "has_vector": put.excluded.has_vector}
        tx.execute(put.on_conflict_do_update(index_elements=["job_id", "image_id"], set_=kept), rows)


def record_read(
    tx: Transaction, job_id: str, read: Sequence[tuple[ExtractedImage, int]], *, read_at: float
) -> None:
    """Record images that were read again, with the facts of their files and the version of each row."""
    rows = [
        {
            "job_id": job_id,
            "image_id": image.image_id,
            "row_version": version,
            "sha256": image.sha256,
            "size_bytes": image.size_bytes,
            "mtime_ns": image.mtime_ns,
            "width": image.width,
            "height": image.height,
            "format": image.format,
            "read_at": read_at,
            "has_vector": True,
        }
        for image, version in read
    ]
    if rows:
        put = insert(table)
        facts = {name: put.excluded[name] for name in rows[0] if name not in ("job_id", "image_id")}
        tx.execute(put.on_conflict_do_update(index_elements=["job_id", "image_id"], set_=facts), rows)


def digests(tx: Transaction, job_id: str, image_ids: Iterable[int]) -> dict[int, str]:
    """Return the digests of the files that the build has vectors of, by image id."""
    query = sa.select(table.c.image_id, table.c.sha256).where(
        table.c.job_id == job_id, table.c.image_id.in_(list(image_ids)), table.c.has_vector
    )
    return {row.image_id: row.sha256 for row in tx.execute(query)}


def forget(tx: Transaction, job_id: str, image_ids: Sequence[int]) -> None:
    """Record that the build does not hold these images."""
    tx.execute(sa.delete(table).where(table.c.job_id == job_id, table.c.image_id.in_(list(image_ids))))


def count(tx: Transaction, job_id: str) -> tuple[int, int]:
    """Return how many vectors the build holds, and for how many images it found that there is none."""
    query = sa.select(
        sa.func.count().filter(table.c.has_vector), sa.func.count().filter(~table.c.has_vector)
    ).where(table.c.job_id == job_id)
    held, lacking = tx.execute(query).one()
    return held, lacking


def held_ids(tx: Transaction, job_id: str, *, after: int, up_to: int | None) -> set[int]:
    """Return the ids in the range (after, up_to] that the build holds vectors of; None is no upper bound."""
    query = sa.select(table.c.image_id).where(
        table.c.job_id == job_id, table.c.has_vector, table.c.image_id > after
    )
    if up_to is not None:
        query = query.where(table.c.image_id <= up_to)
    return set(tx.execute(query).scalars())


def apply(tx: Transaction, job_id: str, collection_id: int) -> None:
    """Bring the rows of a collection in line with what was read again; the caller switches to the build.

    A picture whose file had changed takes the new facts. One that could not be read is failed from now on:
    there is no vector of the new pipeline for it, and one of the old could not be compared.
    """
    facts = ("sha256", "size_bytes", "mtime_ns", "width", "height", "format", "read_at")
    mine = sa.and_(
        images.c.collection_id == collection_id,
        images.c.state == ImageState.INDEXED,
        table.c.job_id == job_id,
        table.c.image_id == images.c.id,
    )
    tx.execute(
        sa.update(images)
        .where(mine, table.c.has_vector, images.c.sha256.is_distinct_from(table.c.sha256))
        .values({**{name: table.c[name] for name in facts}, "indexed_at": sa.func.now()})
    )
    nothing = dict.fromkeys(("sha256", "size_bytes", "mtime_ns", "read_at"))
    tx.execute(sa.update(images).where(mine, ~table.c.has_vector).values(state=ImageState.FAILED, **nothing))


def clear_ended(tx: Transaction) -> int:
    """Remove some records of builds that have ended; return how many."""
    ended = sa.select(index_builds.c.job_id).where(
        index_builds.c.state != BuildState.BUILDING,
        sa.exists().where(table.c.job_id == index_builds.c.job_id),
    )
    job_id = tx.execute(ended.limit(1)).scalar_one_or_none()
    if job_id is None:
        return 0
    some = sa.select(table.c.image_id).where(table.c.job_id == job_id).limit(CLEAR_SLICE)
    return tx.execute(sa.delete(table).where(table.c.job_id == job_id, table.c.image_id.in_(some))).rowcount
