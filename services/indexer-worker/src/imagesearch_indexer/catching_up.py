"""Bring a build up to what happened to the collection since it was listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from imagesearch.catalog import built, jobs, ledger
from imagesearch.catalog.built import Source
from imagesearch.catalog.ledger import Item
from imagesearch_indexer.claiming import Turn
from imagesearch_indexer.composition import Indexer


def without_time_limit(tx: sa.Connection) -> None:
    """Let a transaction compare every image of a collection with what a build holds."""
    tx.exec_driver_sql("SET LOCAL statement_timeout = 0")


def remove_gone(indexer: Indexer, tx: sa.Connection, turn: Turn, limit: int) -> bool:
    """Take out of a build what is not indexed any more; tell whether there was anything."""
    gone = built.gone(tx, turn.job.id, limit=limit)
    if gone:
        indexer.vectors.delete(turn.build.vector_collection, gone)
        built.forget(tx, turn.job.id, gone)
    return bool(gone)


def submit_changed(tx: sa.Connection, turn: Turn, changed: Sequence[Source]) -> None:
    """Put images into the ledger that the build lacks, or has as they were; those that are in it begin anew."""
    old = ledger.reopen(tx, turn.job.id, [row.path for row in changed])
    submitted, _ = ledger.record(tx, turn.job.id, [Item(row.path, row.id) for row in changed])
    jobs.count(
        tx,
        turn.job.id,
        Counter({outcome: -count for outcome, count in old.items()}),
        submitted=submitted,
    )
