"""Build the index of a collection anew, beside the one that searches use, and switch to it in the end.

A build goes on until nothing is left that it lacks. First every indexed image is listed and filled in; then
come rounds over what was written, changed or deleted meanwhile; the last round and the switch are one
transaction that keeps every writer off the collection. Extracting takes longer than a transaction may: where
pictures are read again, the other jobs of the collection make room for the last rounds. Each step is repeatable,
and begins with what Postgres says is missing, so any number of workers may be killed or asked twice.
"""

from __future__ import annotations

from enum import Enum

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.jobs.listing import submit_indexed
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.reindex.filling import lock_for_filling, submit_changed
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.cancel import give_up
from imagesearch_indexer.lifecycle.dispatch import dispatch, dispatch_others
from imagesearch_indexer.lifecycle.finish import end_job
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.retirement import clear_up
from imagesearch_indexer.lifecycle.time_slice import work
from imagesearch_indexer.reindex.changes import lacking
from imagesearch_indexer.reindex.fill import fill
from imagesearch_indexer.reindex.switch import SwitchResult, switch, verify


def works_on_build(tx: Transaction, job: jobs.Job) -> bool:
    """Tell whether a job is about its build; once it has been switched to, the rest is planned like any list."""
    build = builds.get(tx, job.id) if job.kind == jobs.REINDEX else None
    return build is not None and build.state != builds.SWITCHED


class _Step(Enum):
    DONE = "there may be more to do"
    NOTHING = "others have to come first, or it is over"
    COMPLETE = "nothing is lacking, or so little that the last round can do it"


def rebuild(indexer: Indexer, job_id: str) -> None:
    """Work on a build for some seconds, then ask for the next turn, until it has been switched to.

    Raises:
        StoreUnavailable: a store went away; the build may be taken up again.
    """
    with indexer.catalog.transaction() as tx:
        locked = lock_for_filling(tx, job_id)
        if locked is not None:
            indexer.ensure_vectors(locked.build)
    work(indexer, job_id, lambda: _goes_on(indexer, job_id))
    with indexer.catalog.transaction() as tx:
        job = jobs.get(tx, job_id)
    show(indexer, job)
    if job.error is not None and job.finished_at is None:
        give_up(indexer, job_id)
    end_job(indexer, job_id)
    clear_up(indexer)


def _phase(indexer: Indexer, lacking: int) -> builds.Phase:
    """Return the phase of a build that lacks so many pictures.

    Extracting them takes a while, in which others would write ever more; the last of them are few enough to keep
    everybody waiting.
    """
    is_last = lacking < indexer.settings.plan_slice and lacking <= indexer.settings.last_round_images
    return builds.Phase.LAST_ROUND if is_last else builds.Phase.CATCHING_UP


def _goes_on(indexer: Indexer, job_id: str) -> bool:
    """Do one step; tell whether another one may follow at once."""
    with indexer.catalog.transaction() as tx:
        step = _step(indexer, tx, job_id)
        job = jobs.get(tx, job_id)
    show(indexer, job)
    dispatch(indexer, job_id)
    if step is not _Step.COMPLETE:
        return step is _Step.DONE
    result = switch(indexer, job_id)
    if result is SwitchResult.MISCOUNTED and verify(indexer, job_id) == 0:
        # The ids agree one by one, so it is the store that counts wrongly.
        result = switch(indexer, job_id, counts=False)
    if result is SwitchResult.SWITCHED:
        dispatch_others(indexer, job_id)
    return result in (SwitchResult.LACKING, SwitchResult.MISCOUNTED)


def _step(indexer: Indexer, tx: Transaction, job_id: str) -> _Step:
    locked = lock_for_filling(tx, job_id)
    if locked is None:
        return _Step.NOTHING
    limit = indexer.settings.plan_slice
    if locked.job.listed_at is None:
        submit_indexed(tx, locked.job, limit)
        return _Step.DONE
    waiting = ledger.unplanned_images(tx, job_id, limit=limit)
    if waiting:
        fill(tx, indexer.vectors, locked, waiting, batch_size=indexer.settings.batch_size)
        return _Step.DONE
    if locked.job.done < locked.job.total:
        # Batches are on their way; whoever writes the last one asks for the next turn.
        return _Step.NOTHING
    found = lacking(tx, indexer.vectors, locked, limit=limit)
    if found.needs_round:
        if found.changed:
            if locked.build.extracts:
                builds.enter(tx, locked.build, _phase(indexer, len(found.changed)))
            submit_changed(tx, locked, found.changed)
        return _Step.DONE
    indexer.vectors.compact(locked.build.vector_collection)
    return _Step.COMPLETE
