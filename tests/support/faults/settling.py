"""Wait until what is collected, compared and dropped in the background has been."""

from __future__ import annotations

import sqlalchemy as sa

from imagesearch.catalog import collections
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.states import BuildState
from imagesearch.catalog.tables import built_images, images, index_builds, retired_vectors, tombstones
from imagesearch.catalog.tables import collections as collections_table
from imagesearch.errors import NotFound
from support.faults.living import Living
from support.waiting import last_answer

SETTLE_SECONDS = 240.0
"""The grace period, a collector and a sweep behind it, on a machine that is busy with other things."""


def settle(stack: Living, name: str) -> Collection:
    """Wait until nothing of a collection is left to be done, or nothing moves any more, and return the collection.

    What is still left then is found by the judge, and said in its words.
    """
    left = _left(stack, name)

    def is_settled() -> bool:
        nonlocal left
        left = _left(stack, name)
        return not any(left)

    last_answer(is_settled, seconds=SETTLE_SECONDS, moves=lambda: left)
    with stack.catalog.transaction() as tx:
        return collections.get(tx, name)


def buried(stack: Living, vector_collection: str) -> list[int]:
    """Return the keys that wait to be deleted from a Milvus collection."""
    query = sa.select(tombstones.c.key).where(tombstones.c.vector_collection == vector_collection)
    with stack.catalog.transaction() as tx:
        return list(tx.execute(query).scalars())


def unnamed_stores(stack: Living) -> list[str]:
    """Return the Milvus collections that nobody uses, or will drop later."""
    retired = sa.select(retired_vectors.c.vector_collection).where(retired_vectors.c.dropped_at.is_(None))
    built = sa.select(index_builds.c.vector_collection).where(index_builds.c.state == BuildState.BUILDING)
    live = sa.select(collections_table.c.vector_collection).where(collections_table.c.state == "active")
    there = stack.vectors.collections()
    with stack.catalog.transaction() as tx:
        return sorted(set(there) - set(tx.execute(sa.union(retired, built, live)).scalars()))


def left_over(stack: Living) -> int:
    """Return how many exceptions of builds and replaced stores are still to be cleared up."""
    with stack.catalog.transaction() as tx:
        return sum(
            tx.execute(query).scalar_one()
            for query in (
                sa.select(sa.func.count()).select_from(built_images),
                sa.select(sa.func.count()).where(retired_vectors.c.dropped_at.is_(None)),
            )
        )


def _left(stack: Living, name: str) -> tuple[int, ...]:
    """Return how much is left to be done, of each kind."""
    with stack.catalog.transaction() as tx:
        found = collections.get(tx, name)
        query = sa.select(images.c.vector_key).where(
            images.c.collection_id == found.id, images.c.vector_key.is_not(None)
        )
        named = set(tx.execute(query).scalars())
    try:
        there = stack.vectors.keys(found.vector_collection)
    except NotFound:
        there = []
    unlike = len(named.symmetric_difference(there)) + len(there) - len(set(there))
    graves, stores = buried(stack, found.vector_collection), unnamed_stores(stack)
    return len(graves), left_over(stack), found.switched_build is not None, unlike, len(stores)
