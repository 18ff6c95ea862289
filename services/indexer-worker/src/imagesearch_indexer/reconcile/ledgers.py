"""Fold the ledgers of jobs away that ended long ago."""

from __future__ import annotations

import json

from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import folding
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.step import DONE, Step

PATHS = 10_000
BATCHES = 5_000
MAX_REPORTED = 1_000
"""Jobs that a dry run counts."""


def fold_ledgers(indexer: Indexer, report: Report, place: str | None) -> Step:
    """Fold the next paths of a job away, or remove the next of its batches, or go to the next job.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on behind the last slice.
    """
    age = indexer.settings.keep_ledgers
    if report.dry_run:
        with indexer.catalog.reading() as tx:
            report.add("ledgers_to_fold", folding.count_due(tx, age, most=MAX_REPORTED), "folded away")
        return DONE
    after: str | None
    job_id, after = json.loads(place) if place is not None else (None, "")
    with indexer.catalog.transaction() as tx:
        job_id = job_id or folding.next_due(tx, age)
        if job_id is None:
            return DONE
        job = jobs.lock(tx, job_id)
        if job.finished_at is None:
            # Somebody has its failed paths tried again.
            return Step(json.dumps([None, ""]))
        if after is not None:
            return Step(json.dumps([job_id, folding.fold_slice(tx, job, after=after, limit=PATHS)]))
        if folding.remove_batches(tx, job_id, limit=BATCHES) == BATCHES:
            return Step(json.dumps([job_id, None]))
        folding.end(tx, job_id)
    report.add("ledgers_to_fold", 1, "folded away")
    return Step(json.dumps([None, ""]))
