"""Build the index of a collection anew, beside the one that searches use, and switch to it in the end.

A build goes on until nothing is left that it lacks. First every indexed image is listed and filled in. What is
indexed or changed meanwhile has a new key, and new keys are larger: rounds take the keys since the one before, up
to a fence that no transaction is behind any more. All of it is looked for in the store once; then the last round
and the switch are one transaction that keeps every writer off the collection. Extracting takes longer than a
transaction may: where pictures are read again, the other jobs of the collection make room for the last rounds.
Each step is repeatable, and begins with what Postgres says is missing, so any number of workers may be killed or
asked twice. What was deleted needs no round: nothing names it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from imagesearch.catalog import jobs, keys
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.listing import submit_indexed
from imagesearch.catalog.reindex import builds, contents
from imagesearch.catalog.reindex.filling import LockedBuild, lock_for_filling, submit_changed
from imagesearch.catalog.states import BuildPhase, BuildState
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.dispatch import dispatch
from imagesearch_indexer.lifecycle.finish import end_or_give_up
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.retirement import abandon, clear_up, follow_switch
from imagesearch_indexer.lifecycle.time_slice import work
from imagesearch_indexer.reindex.fill import fill, verify
from imagesearch_indexer.reindex.switch import SwitchResult, switch

FENCE_POLL_SECONDS = 0.1


class _Step(Enum):
    DONE = "there may be more to do"
    FENCED = "transactions that may change what is to be listed are on their way"
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
            if not indexer.vectors.has_collection(locked.build.vector_collection):
                # Where there was one, the store has lost it: all is looked for once more before the switch.
                builds.verify(tx, locked.build, 0)
            indexer.ensure_vectors(locked.build)
    work(indexer, job_id, lambda: _goes_on(indexer, job_id))
    with indexer.catalog.transaction() as tx:
        job = jobs.get(tx, job_id)
    show(indexer.progress, job)
    end_or_give_up(indexer, job_id)
    clear_up(indexer.catalog, indexer.vectors)


def cancel(indexer: Indexer, job: jobs.Job) -> bool:
    """Give up the build of a job; the index in use stays."""
    abandon(indexer.catalog, job.id)
    return True


def finish(indexer: Indexer, job: jobs.Job) -> bool:
    """Have rows follow the switch, some slices of them; return whether all have: the job may end then."""
    return follow_switch(indexer.catalog, job.collection_id)


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
    show(indexer.progress, job)
    dispatch(indexer)
    if step is _Step.FENCED:
        indexer.stopping.wait(FENCE_POLL_SECONDS)
        return True
    if step is not _Step.COMPLETE:
        return step is _Step.DONE
    result = switch(indexer, job_id)
    if result is SwitchResult.SWITCHED:
        dispatch(indexer)
    return result is SwitchResult.LACKING


def _step(indexer: Indexer, tx: Transaction, job_id: str) -> _Step:
    locked = lock_for_filling(tx, job_id)
    if locked is None:
        return _Step.NOTHING
    limit = indexer.settings.plan_slice
    if locked.job.listed_at is None:
        if locked.job.planned_up_to is None and not keys.is_past(tx, locked.build.fence_xid):
            return _Step.FENCED
        submit_indexed(tx, locked.job, limit)
        return _Step.DONE
    waiting = ledger.unplanned_images(tx, job_id, limit=limit)
    if waiting:
        fill(tx, indexer.vectors, locked, waiting, batch_size=indexer.settings.batch_size)
        return _Step.DONE
    if locked.job.done < locked.job.total:
        # Batches are on their way; whoever writes the last one asks for the next time slice.
        return _Step.NOTHING
    return _round(indexer, tx, locked, limit)


def _round(indexer: Indexer, tx: Transaction, locked: LockedBuild, limit: int) -> _Step:
    """List what has been written since the round before, or find that this is little enough."""
    build = locked.build
    reached = build.reached_key
    if reached is None:
        builds.raise_fence(tx, build, build.fence_key)
        return _Step.DONE
    if reached < build.fence_key:
        if not keys.is_past(tx, build.fence_xid):
            return _Step.FENCED
        found = contents.changed(tx, locked.collection.id, after=reached, up_to=build.fence_key, limit=limit)
        builds.reach(tx, build, found[-1].vector_key if len(found) == limit else build.fence_key)
        if found and build.extracts:
            last_round = indexer.settings.last_round_images
            builds.enter(tx, build, phase_of(len(found), limit=limit, last_round=last_round))
        submit_changed(tx, locked, found)
        return _Step.DONE
    if build.verified_key < reached:
        verify(tx, indexer.vectors, locked, reached)
        return _Step.DONE
    lacking = contents.changed(tx, locked.collection.id, after=reached, up_to=None, limit=limit)
    if needs_round(len(lacking), limit=limit, extracts=build.extracts):
        builds.raise_fence(tx, build, reached)
        return _Step.DONE
    indexer.vectors.compact(build.vector_collection)
    return _Step.COMPLETE


def needs_round(lacking: int, *, limit: int, extracts: bool) -> bool:
    """Tell whether so many images that were written since need a round of their own before the last one.

    The last round keeps every writer waiting: it copies few vectors, and has nothing extracted.
    """
    return lacking > 0 if extracts else lacking == limit
