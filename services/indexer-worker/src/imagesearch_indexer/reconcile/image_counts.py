"""Compare how many images are counted as indexed with how many are, block by block."""

from __future__ import annotations

import json
import time

from imagesearch.catalog import collections, image_counts
from imagesearch.catalog.engine import Transaction
from imagesearch.contract import Finding
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.step import DONE, Step

SECONDS = 1.0
"""How long one run counts what an older release left uncounted: a block takes a tenth of that."""


def check_counts(indexer: Indexer, report: Report, place: str | None) -> Step:
    """Compare the next block of a collection, and correct what is kept of it.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    collection_id, behind = json.loads(place) if place is not None else (0, -1)
    with indexer.catalog.transaction() as tx:
        checked = image_counts.check_next(tx, collection_id, behind=behind) if collection_id else None
        if checked is None:
            following = collections.next_active(tx, behind=collection_id)
            return Step(json.dumps([following.id, -1])) if following is not None else DONE
        report.add("images_miscounted", abs(checked.lacking), "counted anew")
        if not report.dry_run:
            image_counts.correct(tx, collection_id, checked)
    return Step(json.dumps([collection_id, checked.block]))


def count_backlog(indexer: Indexer, *, dry_run: bool) -> Finding:
    """Count what older releases left uncounted, for a moment.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on behind the last block.
    """
    deadline, counted = time.monotonic() + SECONDS, 0
    while True:
        with indexer.catalog.transaction() as tx:
            begun = image_counts.uncounted(tx)
            if begun is None or dry_run:
                return _finding(counted + (begun is not None))
            counted += _count_next(tx, *begun)
        if time.monotonic() >= deadline or indexer.stopping.is_set():
            return _finding(counted)


def _count_next(tx: Transaction, collection_id: int, behind: int) -> int:
    """Count the next block of a collection, or find that it is through; return how many blocks were counted."""
    checked = image_counts.check_next(tx, collection_id, behind=behind)
    if checked is None:
        image_counts.end_backlog(tx, collection_id)
        return 0
    image_counts.correct(tx, collection_id, checked)
    image_counts.reach(tx, collection_id, checked.block)
    return 1


def _finding(count: int) -> Finding:
    return Finding("images_uncounted", count, "images of older releases are counted" if count else "")
