"""Say which vector is an image's: nothing else sets the key of a row.

Each change of a vector is a new key, named here in the transaction that writes everything else about it; the key
before is buried in the same transaction. While exceptions of a build are still to be applied to the rows of a
collection, its searches use that build's vectors already: then a row is read together with its exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from imagesearch.catalog import images, path_backlog, stray_files, tombstones
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
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
    changed: dict[str, Any] = {
        "state": ImageState.INDEXED,
        "vector_key": sa.bindparam("new_key"),
        "partition": sa.bindparam("new_partition"),
        "metadata": sa.bindparam("new_metadata", type_=JSONB),
        "indexed_at": sa.func.now(),
    }
    for fact in exceptions.FACTS:
        changed[fact] = sa.bindparam(f"new_{fact}")
    tx.execute(
        sa.update(table).where(table.c.id == sa.bindparam("image_id")).values(changed),
        [
            {
                "image_id": one.row.id,
                "new_key": one.key,
                "new_partition": one.partition,
                "new_metadata": dict(one.metadata),
                **{f"new_{fact}": getattr(one.facts or one.row, fact) for fact in exceptions.FACTS},
            }
            for one in sorted(named, key=lambda one: one.row.id)
        ],
    )
    tombstones.bury(tx, collection.id, _buried(one.row for one in named))


def unname(tx: Transaction, collection: Collection, rows: Iterable[Image], state: ImageState) -> None:
    """Take their vectors from images, whose rows are locked, and leave them in a state that has none."""
    rows = [row for row in rows if row.vector_key is not None]
    if rows:
        tx.execute(
            sa.update(table)
            .where(table.c.id.in_([row.id for row in rows]))
            .values(state=state, **exceptions.NOTHING)
        )
        tombstones.bury(tx, collection.id, _buried(rows))


def delete(tx: Transaction, collection: Collection, image_ids: Iterable[int]) -> list[int]:
    """Remove images of a collection: from this commit on nobody finds them. Return the ids that were there.

    Their vectors, and the files of uploads, are collected later.
    """
    rows = {row.id: row for row in lock(tx, collection, image_ids).values() if row.collection_id == collection.id}
    if rows:
        tombstones.bury(tx, collection.id, _buried(rows.values()))
        # Rows of an older release may not have their mark yet.
        has_all_marks = not path_backlog.is_open(tx)
        stray_files.note(
            tx, collection.id, [row.path for row in rows.values() if row.uploaded or not has_all_marks]
        )
        tx.execute(sa.delete(table).where(table.c.id.in_(sorted(rows))))
    return sorted(rows)


def images_of_keys(tx: Transaction, collection: Collection, keys: Iterable[int]) -> dict[int, Image]:
    """Return the images whose vectors have these keys, by key; an old key of an image leads nowhere."""
    wanted = set(keys)
    found = images.by_keys(tx, collection.id, wanted)
    if collection.switched_build is not None and (lacking := wanted - found.keys()):
        excepted = exceptions.image_ids(tx, collection.switched_build, lacking)
        rows = images.indexed_by_ids(tx, excepted.values())
        found |= {key: rows[image_id] for key, image_id in excepted.items() if image_id in rows}
    return found


def ids_of_keys(tx: Transaction, collection: Collection, keys: Iterable[int]) -> dict[int, int]:
    """Return the ids of the images whose vectors have these keys, by key."""
    wanted = set(keys)
    found = images.ids_by_keys(tx, collection.id, wanted)
    if collection.switched_build is not None and (lacking := wanted - found.keys()):
        found |= exceptions.image_ids(tx, collection.switched_build, lacking)
    return found


def replaced(tx: Transaction, keys: Iterable[int]) -> dict[int, Image]:
    """Return the indexed images that had these keys until a moment ago, by key.

    A read that is a moment behind finds the old vector of an image and may not find the new one.
    """
    young = tombstones.young_images(tx, keys)
    rows = images.indexed_by_ids(tx, young.values()) if young else {}
    return {key: rows[image_id] for key, image_id in young.items() if image_id in rows}


def keys_of_images(tx: Transaction, collection: Collection, rows: Iterable[Image]) -> dict[int, int]:
    """Return the keys of the vectors of indexed images, by id."""
    keys = {row.id: row.vector_key for row in rows if row.vector_key is not None}
    if collection.switched_build is not None and keys:
        keys |= exceptions.keys(tx, collection.switched_build, keys)
    return keys


def _buried(rows: Iterable[Image]) -> list[Buried]:
    return [Buried(row.vector_key, row.id, row.sha256) for row in rows if row.vector_key is not None]
