"""Forget jobs of one picture: nobody lists them, and there is one for every upload and every change."""

from __future__ import annotations

from imagesearch.catalog import singles
from imagesearch.contract import Finding
from imagesearch_indexer.composition import Indexer

SLICE = 1_000


def forget_singles(indexer: Indexer, *, dry_run: bool) -> Finding:
    """Remove the jobs of one picture that ended long enough ago, with their batches and their ledger.

    Jobs that were submitted as such are history, and stay.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on.
    """
    age = indexer.settings.keep_single_jobs
    if dry_run:
        with indexer.catalog.transaction() as tx:
            forgotten = singles.count_ended(tx, age)
    else:
        forgotten, removed = 0, SLICE
        while removed == SLICE:
            with indexer.catalog.transaction() as tx:
                removed = singles.remove_ended(tx, age, limit=SLICE)
            forgotten += removed
    return Finding("single_jobs_ended", forgotten, "jobs of one picture are forgotten" if forgotten else "")
