"""Find what happened to a collection since its build began, and take out of the build what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagesearch.catalog.engine import Transaction, without_time_limit
from imagesearch.catalog.reindex import contents
from imagesearch.catalog.reindex.contents import Source
from imagesearch.catalog.reindex.filling import LockedBuild
from imagesearch.vectors import VectorStore


@dataclass(frozen=True, slots=True)
class Lacking:
    """Hold what a build lacks.

    Attributes:
        changed: indexed images that it has not, or has as they were.
        needs_round: it is more than the last round may do, or may not have been found whole.
    """

    changed: Sequence[Source]
    needs_round: bool


def lacking(tx: Transaction, vectors: VectorStore, locked: LockedBuild, *, limit: int) -> Lacking:
    """Take what is not indexed any more out of a build, and return what the build lacks.

    Args:
        tx: the transaction that holds the build.
        vectors: the store of the build's vectors.
        locked: the build.
        limit: how many images are looked at; a build that lacks as many may lack more.

    Raises:
        StoreUnavailable: a store went away; nothing is recorded.
    """
    without_time_limit(tx)
    gone = contents.gone(tx, locked.job.id, limit=limit)
    if gone:
        vectors.delete(locked.build.vector_collection, gone)
        contents.forget(tx, locked.job.id, gone)
    if len(gone) == limit:
        return Lacking((), needs_round=True)
    changed = contents.changed(tx, locked.job.id, locked.collection.id, limit=limit)
    return Lacking(changed, needs_round=needs_round(len(changed), limit=limit, extracts=locked.build.extracts))


def needs_round(changed: int, *, limit: int, extracts: bool) -> bool:
    """Tell whether so many changed images need a round of their own before the last one.

    The last round keeps every writer waiting: it copies few vectors, and has nothing extracted.
    """
    return changed > 0 if extracts else changed == limit
