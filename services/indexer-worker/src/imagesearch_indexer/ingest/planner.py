"""Plan a job: list its source, compare with the catalogue, write the ledger, cut batches.

Planning streams. It works slice by slice, commits each with the place that it has reached, and sends the
first batches while it still lists; a planner that dies is followed by one that goes on behind that place.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import structlog

from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.constants import MAX_PATH_BYTES
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import batches, counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.labels import NO_LABELS, Labels
from imagesearch.catalog.states import CollectionState, ImageState
from imagesearch.contract import JobState, Outcome
from imagesearch.errors import SourceRejected
from imagesearch.failures import FailureCode
from imagesearch.photo_facts import Fact, are_there
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.ingest.given import beside_facts, given_to
from imagesearch_indexer.ingest.quotas import growth, room_to_plan
from imagesearch_indexer.ingest.source import Listed, listing, look_again
from imagesearch_indexer.lifecycle.dispatch import dispatch
from imagesearch_indexer.lifecycle.finish import cancel_orphaned, end_job
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.time_slice import work

log = structlog.get_logger()

OTHER_PARTITION = "the job's API key may not index this file in this collection"
"""It is an image of another partition; whose, and whether it is indexed, is not said."""


def plan(indexer: Indexer, job: jobs.Job) -> None:
    """Plan a job for a time slice, until its whole source is in the ledger and every path in its batch.

    Raises:
        StoreUnavailable: a store went away; planning may be repeated and goes on behind the last slice.
    """
    with indexer.catalog.transaction() as tx:
        # Held, so that a deletion cannot drop the vectors' collection before it is made here.
        collection = collections.lock_shared(tx, job.collection_id)
        is_wanted = job.state == JobState.PLANNING and collection.state == CollectionState.ACTIVE
        if is_wanted:
            # The count at the job's end waits until it can be searched: the first batches leave seconds earlier.
            indexer.ensure_vectors(collection, wait=False)
    if collection.state != CollectionState.ACTIVE and job.finished_at is None:
        cancel_orphaned(indexer, job.id)
        return
    if is_wanted:
        _plan_on(indexer, job)
    dispatch(indexer)
    end_job(indexer, job.id)


def _plan_on(indexer: Indexer, job: jobs.Job) -> None:
    """Write slices of a job for some seconds."""
    unlisted = listing(job, indexer.roots) if job.listed_at is None else iter(())
    begun_in = 0.0

    def list_next() -> list[Listed]:
        """Return the next entries; before the first, the names of the directory that was left halfway are read."""
        nonlocal begun_in
        began = time.monotonic()
        first = list(islice(unlisted, 1))
        begun_in = begun_in or time.monotonic() - began
        return first + list(islice(unlisted, indexer.settings.plan_slice - 1))

    def step() -> bool:
        nonlocal job
        try:
            entries = _look_again(indexer, job) if job.listed_at else list_next()
        except SourceRejected as error:
            _give_up(indexer, job, f"The source cannot be read any more: {error}.")
            return False
        with indexer.catalog.transaction() as tx:
            # Nothing is added to a collection behind its deletion.
            is_there = collections.lock_shared(tx, job.collection_id).state == CollectionState.ACTIVE
            written = _write_slice(indexer, tx, job, entries) if is_there else None
        if written is None:
            log.info("plan.left_to_another", job=job.id)
            return False
        job = written
        show(indexer.progress, job)
        dispatch(indexer)
        return job.state == JobState.PLANNING

    work(indexer, job.id, step, begun_in=lambda: begun_in)


def _write_slice(indexer: Indexer, tx: Transaction, seen: jobs.Job, entries: Sequence[Listed]) -> jobs.Job | None:
    """Write one slice to the ledger; an empty one ends the listing, and after that the planning.

    Returns:
        The job, or None when another planner has moved it on since it was `seen`, or it no longer plans.
    """
    job = jobs.lock(tx, seen.id)
    if job.state != JobState.PLANNING or (job.planned_up_to, job.listed_at) != (
        seen.planned_up_to,
        seen.listed_at,
    ):
        return None
    if not entries:
        return _end_phase(tx, job)
    reached = entries[-1].cursor
    # A path that is listed twice counts once, the first time.
    by_name: dict[str, Listed] = {}
    for listed in map(storable, entries):
        by_name.setdefault(listed.name, listed)
    if job.listed_at is None:
        known = ledger.holds(tx, job.id, list(by_name))
        entries = [listed for name, listed in by_name.items() if name not in known]
        jobs.reached(tx, job.id, reached)
    else:
        waiting = set(ledger.unplanned(tx, job.id, limit=indexer.settings.plan_slice))
        entries = [listed for name, listed in by_name.items() if name in waiting]
    submitted, outcomes = _assign(indexer, tx, job, entries)
    return counters.count(tx, job.id, outcomes, submitted=submitted)


def _end_phase(tx: Transaction, job: jobs.Job) -> jobs.Job:
    return jobs.listed(tx, job.id) if job.listed_at is None else jobs.planned(tx, job.id)


def _assign(
    indexer: Indexer, tx: Transaction, job: jobs.Job, listed: Sequence[Listed]
) -> tuple[int, Counter[Outcome]]:
    """Give each path its row, and its outcome or its batch; several names of one file share them."""
    readable = [item.entry.path for item in listed if item.entry.failure is None]
    rows = images.ensure_rows(tx, job.collection_id, readable, job.partition, job.metadata)
    items: list[Item] = []
    to_extract: dict[int, list[Listed]] = {}
    given = [given_to(job, item.entry.path, item.labels) for item in listed]
    room = room_to_plan(tx, job, rows.values(), given)
    for item, labels in zip(listed, given, strict=True):
        row = rows.get(item.entry.path)
        if row is not None and not job.tenancy.holds_partition(row.partition):
            items.append(_failed(item.name, FailureCode.FORBIDDEN, OTHER_PARTITION))
            continue
        if row is not None:
            labels = beside_facts(job, row, labels)  # noqa: PLW2901 - the same, beside what the file says
        found = found_out(item, row, labels, job.wishes.facts)
        if row is not None and found is None:
            refusal = room.lacking(growth(row, labels, item.entry.size_bytes))
            if refusal is not None:
                found = _failed(item.name, FailureCode.QUOTA_EXCEEDED, str(refusal))
        if row is not None and (found is None or row.id in to_extract):
            to_extract.setdefault(row.id, []).append(item)
        elif found is not None:
            items.append(found)
    size = indexer.settings.batch_size
    made = batches.create(tx, job.id, -(-len(to_extract) // size))
    for at, (image_id, names) in enumerate(to_extract.items()):
        # What the first name is given holds for the picture.
        items += [Item(item.name, image_id, made[at // size], labels=names[0].labels) for item in names]
    return ledger.record(tx, job.id, items)


def found_out(listed: Listed, row: Image | None, labels: Labels, facts: Sequence[Fact] = ()) -> Item | None:
    """Return the outcome that planning itself finds for a path; None where its picture has to be extracted.

    Args:
        listed: what the source says of the path.
        row: the image's row; None where the path cannot be read.
        labels: what the path and its job give to the picture.
        facts: what is to be known of its file.
    """
    entry = listed.entry
    if row is None:
        return _failed(listed.name, entry.failure or FailureCode.IO_ERROR, entry.reason)
    # A file is as it was indexed where its size and modification time are.
    is_same = row.state == ImageState.INDEXED and (row.size_bytes, row.mtime_ns) == (
        entry.size_bytes,
        entry.mtime_ns,
    )
    keeps = labels.change_nothing(row.partition, row.metadata) and labels.keep_key(row.own_key)
    if is_same and keeps and are_there(row.metadata, facts):
        return Item(listed.name, image_id=row.id, outcome=Outcome.UNCHANGED)
    return None


def _failed(name: str, code: FailureCode, reason: str) -> Item:
    return Item(name, outcome=Outcome.FAILED, code=code, reason=reason)


def _look_again(indexer: Indexer, job: jobs.Job) -> list[Listed]:
    """Return entries for submitted paths that are in no batch yet: those of a list, or of a retry."""
    with indexer.catalog.transaction() as tx:
        paths = ledger.unplanned(tx, job.id, limit=indexer.settings.plan_slice)
        labels = ledger.labels_of(tx, job.id, paths)
    return [
        Listed(look_again(job, path, indexer.roots), path, path, labels.get(path, NO_LABELS)) for path in paths
    ]


def storable(listed: Listed) -> Listed:
    """Return the entry, or a failure with a shortened path when the path is too long for an index entry."""
    longest = max((listed.name, listed.entry.path), key=lambda path: len(path.encode()))
    raw = longest.encode()
    if len(raw) <= MAX_PATH_BYTES:
        return listed
    digest = hashlib.sha256(raw).hexdigest()[:16]
    short = f"{raw[: MAX_PATH_BYTES - 32].decode(errors='ignore')}…{digest}"
    reason = f"the path is longer than {MAX_PATH_BYTES} bytes"
    entry = replace(listed.entry, path=short, failure=FailureCode.UNSUPPORTED_NAME, reason=reason)
    # A name that is in the ledger already fits, and is the one by which its loss is found there.
    return replace(listed, entry=entry, name=short if listed.name == longest else listed.name)


def _give_up(indexer: Indexer, job: jobs.Job, reason: str) -> None:
    """End the listing of a source that is gone; what was listed before still gets its outcome."""
    log.warning("plan.source_gone", job=job.id, reason=reason)
    with indexer.catalog.transaction() as tx:
        jobs.break_off(tx, job.id, reason)
