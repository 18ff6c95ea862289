"""Compare the counters of open jobs with their ledger, slice by slice."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, replace

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.contract import Outcome
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.step import DONE, Step

SLICE = 20_000


@dataclass(frozen=True, slots=True)
class _Place:
    """Hold how far a job is counted, and what was found so far.

    Attributes:
        behind: the number of the job that was counted last.
        revision: of the job that is being counted, when that began.
        after: its last path that was counted.
    """

    behind: int = 0
    revision: int = 0
    after: str = ""
    total: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return json.dumps(asdict(self))


def recount_jobs(indexer: Indexer, report: Report, place: str | None) -> Step:
    """Count the next slice of the ledger of an open job.

    What a batch has come to is noted together with its outcomes, and every counter moves in a transaction that
    changes the job's row. So a job that is at the same revision behind the last slice as before the first one,
    and of which nothing is noted, is counted right; one that has moved is looked at again when it stands
    still, as a job whose counters are wrong does in the end.
    """
    at = _Place(**json.loads(place)) if place is not None else _Place()
    with indexer.catalog.transaction() as tx:
        found = jobs.open_jobs(tx, behind=at.behind, limit=1)
        if not found:
            return DONE
        # A job that fits into one slice is counted while nobody moves it.
        job = jobs.lock(tx, found[0].id)
        behind = Step(str(_Place(behind=job.number)))
        if at.after and job.revision != at.revision:
            return behind
        part = ledger.count_slice(tx, job.id, after=at.after, limit=SLICE)
        outcomes = Counter(at.outcomes) + Counter({str(outcome): n for outcome, n in part.outcomes.items()})
        total = at.total + part.total
        if part.last is not None:
            counted = replace(at, revision=job.revision, after=part.last, total=total, outcomes=dict(outcomes))
            return Step(str(counted))
        outcomes += Counter(job.folded)
        total += sum(job.folded.values())
        if counters.has_noted(tx, job.id):
            return behind
        _compare(tx, job, total, Counter({Outcome(word): n for word, n in outcomes.items()}), report)
    return behind


def _compare(tx: Transaction, job: jobs.Job, total: int, outcomes: Counter[Outcome], report: Report) -> None:
    if (job.total, job.outcomes) != (total, outcomes):
        report.add("counters_wrong", 1, f"counted anew: {job.id}")
        if not report.dry_run:
            counters.recounted(tx, job.id, total, outcomes)
