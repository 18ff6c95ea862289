"""Keep what a build found otherwise than the rows say: files that have changed, or cannot be read any more.

A build writes the vector of an image under the key that its row names, as long as the file holds the bytes that
the row speaks of. Where it does not, the vector is written under a key of its own and recorded here, and applied
to the row once the collection has been switched to the build. An exception holds only while the row names the key
that it was recorded for: whatever was indexed since knows better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog import collections, image_counts, tombstones
from imagesearch.catalog import images as image_rows
from imagesearch.catalog import keys as drawn_keys
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.quotas import counts as quota_counts
from imagesearch.catalog.quotas.counts import Content, contents_of
from imagesearch.catalog.states import BuildState, ImageState
from imagesearch.catalog.tables import built_images as table
from imagesearch.catalog.tables import images, index_builds
from imagesearch.catalog.tombstones import Buried
from imagesearch.contract import ExtractedImage

FACTS = ("sha256", "size_bytes", "mtime_ns", "width", "height", "format")
"""What is recorded of a file."""
NOTHING = dict.fromkeys(("vector_key", "sha256", "size_bytes", "mtime_ns"))
"""What is recorded of an image without a vector."""
FACT_TYPES = {fact: str(images.c[fact].type) for fact in FACTS}
_APPLY = sa.text(
    f"UPDATE images SET state = '{ImageState.INDEXED.value}', vector_key = given.key, version = given.key, "  # noqa: S608 - names of columns
    + ", ".join(f"{fact} = given.{fact}" for fact in FACTS)
    + " FROM unnest(CAST(:ids AS bigint[]), CAST(:keys AS bigint[]), "
    + ", ".join(f"CAST(:{fact} AS {kind}[])" for fact, kind in FACT_TYPES.items())
    + f") AS given (id, key, {', '.join(FACTS)}) WHERE images.id = given.id"
)
"""One statement for all rows that a transaction holds, as they wait meanwhile."""


@dataclass(frozen=True, slots=True)
class ExceptionRecord:
    """Hold what a build found of one image.

    Attributes:
        from_key: the key that the row named then.
        key: of the new vector; None where the file cannot be indexed any more.
        facts: of the file that the new vector was made of.
    """

    image_id: int
    from_key: int
    key: int | None = None
    facts: ExtractedImage | None = None


def record(tx: Transaction, job_id: str, found: Sequence[ExceptionRecord]) -> None:
    """Record exceptions; the one that an image had before is replaced."""
    rows = [
        {
            "job_id": job_id,
            "image_id": one.image_id,
            "from_key": one.from_key,
            "vector_key": one.key,
            **{fact: getattr(one.facts, fact) if one.facts is not None else None for fact in FACTS},
        }
        for one in sorted(found, key=lambda one: one.image_id)
    ]
    if rows:
        put = insert(table)
        kept = {name: put.excluded[name] for name in rows[0] if name not in ("job_id", "image_id")}
        tx.execute(put.on_conflict_do_update(index_elements=["job_id", "image_id"], set_=kept), rows)


def forget(tx: Transaction, job_id: str, image_ids: Iterable[int]) -> list[Buried]:
    """Forget the exceptions of images, and return the vectors that they had."""
    gone = tx.execute(
        sa.delete(table)
        .where(table.c.job_id == job_id, table.c.image_id.in_(sorted(image_ids)))
        .returning(table.c.vector_key, table.c.sha256)
    )
    # No row has named these: nobody who finds one is led to an image.
    return [Buried(row.vector_key, None, row.sha256) for row in gone if row.vector_key is not None]


def in_open_build(tx: Transaction, collection_id: int, image_ids: Iterable[int]) -> set[int]:
    """Return those of the images of which the open build of their collection has recorded something else."""
    query = (
        sa.select(table.c.image_id)
        .join(index_builds, index_builds.c.job_id == table.c.job_id)
        .where(
            index_builds.c.collection_id == collection_id,
            index_builds.c.state == BuildState.BUILDING,
            table.c.image_id.in_(sorted(image_ids)),
        )
    )
    return set(tx.execute(query).scalars())


def has_any(tx: Transaction, job_id: str) -> bool:
    """Tell whether a build has exceptions."""
    return tx.execute(sa.select(table.c.image_id).where(table.c.job_id == job_id).limit(1)).first() is not None


def without_vector(tx: Transaction, job_id: str, image_keys: Mapping[int, int]) -> set[int]:
    """Return those of the images, given with their keys, whose vectors the build has not under these keys."""
    query = sa.select(table.c.image_id, table.c.from_key).where(
        table.c.job_id == job_id, table.c.image_id.in_(sorted(image_keys))
    )
    return {row.image_id for row in tx.execute(query) if image_keys[row.image_id] == row.from_key}


def apply_to(tx: Transaction, collection: Collection, rows: Iterable[Image]) -> int:
    """Bring locked rows in line with the build that their collection was switched to; return how many had one."""
    if collection.switched_build is None:
        return 0
    locked = {row.id: row for row in rows}
    found = tx.execute(
        sa.delete(table)
        .where(table.c.job_id == collection.switched_build, table.c.image_id.in_(sorted(locked)))
        .returning(*table.c)
    ).all()
    holding = [one for one in found if one.from_key == locked[one.image_id].vector_key]
    obsolete = [one for one in found if one.from_key != locked[one.image_id].vector_key]
    with_vector = [one for one in holding if one.vector_key is not None]
    without = [one.image_id for one in holding if one.vector_key is None]
    if with_vector:
        given = {fact: [getattr(one, fact) for one in with_vector] for fact in FACTS}
        ids, new_keys = ([getattr(one, name) for one in with_vector] for name in ("image_id", "vector_key"))
        tx.execute(_APPLY, {"ids": ids, "keys": new_keys, **given})
    if without:
        changed = {"state": ImageState.FAILED, "version": drawn_keys.version(), **NOTHING}
        tx.execute(sa.update(images).where(images.c.id.in_(without)).values(changed))
    image_counts.move(tx, collection.id, lost=without)
    quota_counts.move(
        tx,
        collection.id,
        gained=[Content(one.image_id, locked[one.image_id].partition, one.size_bytes) for one in with_vector],
        lost=contents_of(locked[one.image_id] for one in holding),
    )
    buried = [Buried(one.from_key, one.image_id, locked[one.image_id].sha256) for one in holding]
    buried += [Buried(one.vector_key, None, one.sha256) for one in obsolete if one.vector_key is not None]
    tombstones.bury(tx, collection.id, buried)
    return len(found)


def apply_next(tx: Transaction, collection_id: int, *, limit: int) -> bool:
    """Apply some exceptions of the build that a collection was switched to; tell whether there may be more."""
    collection = collections.lock_shared(tx, collection_id)
    if collection.switched_build is None:
        return False
    some = sa.select(table.c.image_id).where(table.c.job_id == collection.switched_build)
    image_ids = list(tx.execute(some.order_by(table.c.image_id).limit(limit)).scalars())
    if not image_ids:
        collections.end_switch(tx, collection)
        return False
    rows = image_rows.lock(tx, image_ids)
    gone = sorted(set(image_ids) - rows.keys())
    tombstones.bury(tx, collection.id, forget(tx, collection.switched_build, gone))
    apply_to(tx, collection, rows.values())
    return True


def clear_abandoned(tx: Transaction, *, limit: int) -> bool:
    """Forget some exceptions of a build that was given up; tell whether there may be more."""
    abandoned = sa.select(index_builds.c.job_id).where(
        index_builds.c.state == BuildState.ABANDONED,
        sa.exists().where(table.c.job_id == index_builds.c.job_id),
    )
    job_id = tx.execute(abandoned.limit(1)).scalar_one_or_none()
    if job_id is None:
        return False
    some = sa.select(table.c.image_id).where(table.c.job_id == job_id).order_by(table.c.image_id).limit(limit)
    forget(tx, job_id, tx.execute(some).scalars())
    return True
