"""Compare everything with everything, slice by slice: what nobody would find by looking at open work alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from imagesearch.catalog import reconciliation
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.step import DONE, Step

Part: TypeAlias = Callable[[Indexer, Report, str | None], Step]


def begin(indexer: Indexer, parts: Iterable[str]) -> None:
    """Have everything compared, now and in the runs that follow.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    with indexer.catalog.transaction() as tx:
        reconciliation.begin(tx, tuple(parts))


def go_on(indexer: Indexer, report: Report, parts: Mapping[str, Part], *, seconds: float) -> None:
    """Take slices of what has not been compared yet, for some seconds; a dry run begins anew and keeps no place.

    Raises:
        StoreUnavailable: Postgres went away; the next run goes on behind the last slice.
        TurnLost: another process reconciles.
    """
    deadline = time.monotonic() + seconds
    with indexer.catalog.reading() as tx:
        left = dict.fromkeys(parts) if report.dry_run else reconciliation.places(tx)
    for name, part in parts.items():
        if name in left and not _take_slices(indexer, report, name, part, place=left[name], deadline=deadline):
            report.add("comparison_goes_on", 1, "the rest is compared in the runs that follow")
            return


def _take_slices(
    indexer: Indexer, report: Report, name: str, part: Part, *, place: str | None, deadline: float
) -> bool:
    """Take slices of one part; return False where the time is up. A part that fails has ended for this time."""
    while True:
        step = DONE
        with report.guarded(name):
            step = part(indexer, report, place)
        place = step.place
        if not report.dry_run:
            with indexer.catalog.transaction() as tx:
                if place is None:
                    reconciliation.end(tx, name)
                else:
                    reconciliation.reach(tx, name, place)
        if place is None or step.waits:
            return True
        if time.monotonic() > deadline or indexer.stopping.is_set():
            return False
