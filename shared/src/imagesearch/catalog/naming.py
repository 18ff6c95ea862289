"""Say which vector is an image's: rows get their keys here, and where exceptions of a build are applied to them.

Each change of a vector is a new key, named here in the transaction that writes everything else about it; the key
before is buried in the same transaction. While exceptions of a build are still to be applied to the rows of a
collection, its searches use that build's vectors already: then a row is read together with its exception.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from imagesearch.catalog import image_counts, images, keys, path_backlog, stray_files, tombstones
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.quotas import counts as quota_counts
from imagesearch.catalog.quotas.counts import Content, contents_of
from imagesearch.catalog.reindex import exceptions
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import images as table
from imagesearch.catalog.tombstones import Buried
from imagesearch.contract import ExtractedImage


@dataclass(frozen=True, slots=True)
class Named:
    """Hold a vector that is in the store, and what is recorded of its image.

    Attributes:
        row: the image as it was locked.
        key: the vector's.
        facts: of the file that was read; None leaves what is recorded.
    """

    row: Image
    key: int
    partition: str
    metadata: Mapping[str, Any]
    facts: ExtractedImage | None = None


_NAME = sa.text(
    f"UPDATE images SET state = '{ImageState.INDEXED.value}', vector_key = given.key, version = given.key, "  # noqa: S608 - names of columns
    "partition = given.partition, metadata = CAST(given.metadata AS jsonb), indexed_at = now(), "
    + ", ".join(f"{fact} = given.{fact}" for fact in exceptions.FACTS)
    + " FROM unnest(CAST(:ids AS bigint[]), CAST(:keys AS bigint[]), CAST(:partitions AS text[]), "
    "CAST(:metadata AS text[]), "
    + ", ".join(f"CAST(:{fact} AS {kind}[])" for fact, kind in exceptions.FACT_TYPES.items())
    + f") AS given (id, key, partition, metadata, {', '.join(exceptions.FACTS)}) WHERE images.id = given.id"
)
"""One statement for a batch: one for each of its images would be as many round trips."""


def lock(tx: Transaction, collection: Collection, image_ids: Iterable[int]) -> dict[int, Image]:
    """Lock the rows of images, whose vectors are about to change, and return them by id."""
    rows = images.lock(tx, image_ids)
    if collection.switched_build is not None and exceptions.apply_to(tx, collection, rows.values()):
        rows = images.lock(tx, image_ids)
    return rows


def name(tx: Transaction, collection: Collection, named: Sequence[Named]) -> None:
    """Make vectors those of their images, whose rows are locked, and bury the ones before."""
    if not named:
        return
    ordered = sorted(named, key=lambda one: one.row.id)
    tx.execute(
        _NAME,
        {
            "ids": [one.row.id for one in ordered],
            "keys": [one.key for one in ordered],
            "partitions": [one.partition for one in ordered],
            "metadata": [json.dumps(dict(one.metadata)) for one in ordered],
            **{fact: [getattr(one.facts or one.row, fact) for one in ordered] for fact in exceptions.FACTS},
        },
    )
    image_counts.move(tx, collection.id, gained=[one.row.id for one in named if one.row.vector_key is None])
    quota_counts.move(
        tx, collection.id, gained=map(_content, ordered), lost=contents_of(one.row for one in ordered)
    )
    tombstones.bury(tx, collection.id, _buried(one.row for one in named))


def _content(one: Named) -> Content:
    size = one.row.size_bytes if one.facts is None else one.facts.size_bytes
    return Content(one.row.id, one.partition, size)


def unname(tx: Transaction, collection: Collection, rows: Iterable[Image], state: ImageState) -> None:
    """Take their vectors from images, whose rows are locked, and leave them in a state that has none."""
    rows = [row for row in rows if row.vector_key is not None]
    if rows:
        tx.execute(
            sa.update(table)
            .where(table.c.id.in_([row.id for row in rows]))
            .values(state=state, version=keys.version(), **exceptions.NOTHING)
        )
        image_counts.move(tx, collection.id, lost=[row.id for row in rows])
        quota_counts.move(tx, collection.id, lost=contents_of(rows))
        tombstones.bury(tx, collection.id, _buried(rows))


def delete(
    tx: Transaction,
    collection: Collection,
    image_ids: Iterable[int],
    partition: str | None = None,
    *,
    is_wanted: Callable[[Image], bool] = lambda _: True,
) -> list[int]:
    """Remove images of a collection: from this commit on nobody finds them. Return the ids that were removed.

    Their vectors, and the files of uploads, are collected later. With a partition, images that belong to another
    one stay. So do those of which `is_wanted` says no: it is asked when the row is locked, as labels may have
    changed since it was chosen.
    """
    rows = {
        row.id: row
        for row in lock(tx, collection, image_ids).values()
        if row.collection_id == collection.id and partition in (None, row.partition) and is_wanted(row)
    }
    if rows:
        tombstones.bury(tx, collection.id, _buried(rows.values()))
        # Rows of an older release may not have their mark yet.
        has_all_marks = not path_backlog.is_open(tx)
        stray_files.note(
            tx, collection.id, [row.path for row in rows.values() if row.uploaded or not has_all_marks]
        )
        tx.execute(sa.delete(table).where(table.c.id.in_(sorted(rows))))
        image_counts.move(tx, collection.id, lost=[row.id for row in rows.values() if row.vector_key is not None])
        quota_counts.move(tx, collection.id, lost=contents_of(rows.values()))
    return sorted(rows)


@dataclass(frozen=True, slots=True)
class Followed:
    """Tell whose vector has a key that was not found in a row.

    Attributes:
        is_current: it is the vector that the image has now; otherwise the one that it had until a moment ago.
    """

    image_id: int
    is_current: bool


_FOLLOW = sa.text(
    "SELECT vector_key AS key, id AS image_id, true AS is_current FROM images "
    "WHERE collection_id = :collection_id AND vector_key = ANY(CAST(:keys AS bigint[])) UNION ALL "
    "SELECT built_images.vector_key, image_id, true FROM collections "
    "JOIN built_images ON job_id = switched_build AND built_images.vector_key = ANY(CAST(:keys AS bigint[])) "
    "JOIN images ON images.id = image_id AND images.vector_key = from_key "
    "WHERE collections.id = :collection_id UNION ALL "
    "SELECT key, image_id, false FROM tombstones WHERE key = ANY(CAST(:keys AS bigint[])) "
    "AND image_id IS NOT NULL AND since > clock_timestamp() - :young"
)
"""One statement, and so one moment: between two, a key may move from an exception to a row, or from a row to the
tombstones, and be missed in both."""


def follow(tx: Transaction, collection_id: int, wanted: Iterable[int]) -> dict[int, Followed]:
    """Return whose vectors have these keys, by key, where they stand in no row of the collection, or did not yet.

    A read of Milvus that is a moment behind finds the old vector of an image and may not find the new one. What is
    returned may belong to another collection, or be deleted by now.
    """
    found: dict[int, Followed] = {}
    asked = {"collection_id": collection_id, "keys": list(wanted), "young": tombstones.YOUNG}
    for row in tx.execute(_FOLLOW, asked):
        if row.is_current or row.key not in found:
            found[row.key] = Followed(row.image_id, row.is_current)
    return found


_KEYS_OF_IMAGES = sa.text(
    "SELECT images.id, coalesce(built_images.vector_key, images.vector_key) AS key FROM images "
    "JOIN collections ON collections.id = images.collection_id "
    "LEFT JOIN built_images ON job_id = switched_build AND image_id = images.id AND from_key = images.vector_key "
    "WHERE images.id = ANY(CAST(:ids AS bigint[])) AND images.vector_key IS NOT NULL"
)
"""One statement, and so one moment: between two, a key may move from an exception to its row."""


def keys_of_images(tx: Transaction, image_ids: Iterable[int]) -> dict[int, int]:
    """Return the keys of the vectors of those of the images that are indexed, by id."""
    return {row.id: row.key for row in tx.execute(_KEYS_OF_IMAGES, {"ids": list(image_ids)})}


def _buried(rows: Iterable[Image]) -> list[Buried]:
    return [Buried(row.vector_key, row.id, row.sha256) for row in rows if row.vector_key is not None]
