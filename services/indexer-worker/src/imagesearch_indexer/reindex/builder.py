"""Build the index of a collection anew, beside the one that searches use, and switch to it in the end.

A build goes on until nothing is left that it lacks. First every indexed image is listed and filled in; then
come rounds over what was written, changed or deleted meanwhile; the last round and the switch are one
transaction that keeps every writer off the collection. Extracting takes longer than a transaction may: where
pictures are read again, the other jobs of the collection make room for the last rounds. Each step is repeatable,
and begins with what Postgres says is missing, so any number of workers may be killed or asked twice.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.listing import submit_indexed
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.reindex.filling import lock_for_filling, submit_changed
from imagesearch.catalog.states import BuildPhase, BuildState
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.dispatch import dispatch, dispatch_others
from imagesearch_indexer.lifecycle.finish import end_or_give_up
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.retirement import abandon, clear_up
from imagesearch_indexer.lifecycle.time_slice import work
from imagesearch_indexer.reindex.changes import lacking
from imagesearch_indexer.reindex.fill import fill
from imagesearch_indexer.reindex.switch import SwitchResult, switch, verify


class _Step(Enum):
    DONE = "there may be more to do"
    NOTHING = "others have to come first, or it is over"
    COMPLETE = "nothing is lacking, or so little that the last round can do it"


def plan(indexer: Indexer, job: jobs.Job, *, after_switch: Callable[[Indexer, jobs.Job], None]) -> None:
    """Work on a build for a time slice, until it has been switched to.

    Args:
        indexer: the stores.
        job: the job of the build.
        after_switch: plans what failed in a build that has been switched to, like any list of paths.

    Raises:
        StoreUnavailable: a store went away; the build may be taken up again.
    """
    job_id = job.id
    with indexer.catalog.transaction() as tx:
        build = builds.get(tx, job_id)
    if build is None or build.state == BuildState.SWITCHED:
        after_switch(indexer, job)
        return
    with indexer.catalog.transaction() as tx:
        locked = lock_for_filling(tx, job_id)
        if locked is not None:
            indexer.ensure_vectors(locked.build)
    work(indexer, job_id, lambda: _goes_on(indexer, job_id))
    with indexer.catalog.transaction() as tx:
        job = jobs.get(tx, job_id)
    show(indexer.catalog, indexer.progress, job)
    end_or_give_up(indexer, job_id)
    clear_up(indexer.catalog, indexer.vectors)


def cancel(indexer: Indexer, job: jobs.Job) -> None:
    """Give up the build of a job; the index in use stays."""
    abandon(indexer.catalog, job.id)


def phase_of(lacking: int, *, limit: int, last_round: int) -> BuildPhase:
    """Return the phase of a build that extracts and lacks so many pictures.

    Extracting them takes a while, in which others would write ever more; the last of them are few enough to keep
    everybody waiting.

    Args:
        lacking: pictures found lacking.
        limit: how many were looked for; as many may be more.
        last_round: how many the last round may have extracted.
    """
    is_last = lacking < limit and lacking <= last_round
    return BuildPhase.LAST_ROUND if is_last else BuildPhase.CATCHING_UP


def _goes_on(indexer: Indexer, job_id: str) -> bool:
    """Do one step; tell whether another one may follow at once."""
    with indexer.catalog.transaction() as tx:
        step = _step(indexer, tx, job_id)
        job = jobs.get(tx, job_id)
    show(indexer.catalog, indexer.progress, job)
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
        # Batches are on their way; whoever writes the last one asks for the next time slice.
        return _Step.NOTHING
    found = lacking(tx, indexer.vectors, locked, limit=limit)
    if found.needs_round:
        if found.changed:
            if locked.build.extracts:
                last_round = indexer.settings.last_round_images
                phase = phase_of(len(found.changed), limit=limit, last_round=last_round)
                builds.enter(tx, locked.build, phase)
            submit_changed(tx, locked, found.changed)
        return _Step.DONE
    indexer.vectors.compact(locked.build.vector_collection)
    return _Step.COMPLETE
