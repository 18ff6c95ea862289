"""Compare what quotas count with what is indexed, block by block; a new quota begins with that."""

from __future__ import annotations

import json

from imagesearch.catalog import collections
from imagesearch.catalog.quotas import counts
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.step import DONE, Step


def count_new_quotas(indexer: Indexer, report: Report, place: str | None) -> Step:
    """Count the next block for quotas that were set a moment ago: that they lack something is no finding.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    return DONE if report.dry_run else check_quotas(indexer, Report(dry_run=False, renew=lambda: None), place)


def check_quotas(indexer: Indexer, report: Report, place: str | None) -> Step:
    """Count the next block of a collection for all quotas at once, and correct what is kept of it.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    with indexer.catalog.transaction() as tx:
        if place is None:
            if not counts.any_quota(tx):
                return DONE
            began_at, collection_id, behind = "" if report.dry_run else counts.begin(tx), 0, -1
        else:
            began_at, collection_id, behind = json.loads(place)
        checked = counts.check_next(tx, collection_id, behind=behind) if collection_id else None
        if checked is not None:
            lacking = sum(abs(each.images) for each in checked.lacking.values())
            report.add("quotas_miscounted", lacking, "counted anew")
            if not report.dry_run:
                counts.correct(tx, collection_id, checked)
            return Step(json.dumps([began_at, collection_id, checked.block]))
        following = collections.next_active(tx, behind=collection_id)
        if following is not None:
            return Step(json.dumps([began_at, following.id, -1]))
        if report.dry_run or counts.end(tx, began_at):
            return DONE
        # A quota was set meanwhile: what was counted before has not counted for it.
        return Step(json.dumps([counts.begin(tx), 0, -1]))
