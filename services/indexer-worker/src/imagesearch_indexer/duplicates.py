"""Look for duplicates in a collection that is too large to compare every picture with every other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np

from imagesearch.catalog import collections, duplicates, images, jobs, naming
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Transaction, without_time_limit
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.listing import submit_indexed
from imagesearch.catalog.states import CollectionState
from imagesearch.contract import Outcome
from imagesearch.errors import NotFound
from imagesearch.similarity import groups_of_pairs
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.finish import end_or_give_up
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.time_slice import work
from imagesearch_indexer.stored_vectors import fetch_vectors

NEIGHBOURS = 64
"""Nearest pictures that one is paired with. More copies than these still form one group: equal distances are
ordered by id, so that all of them are paired with the same first ones."""
QUERIES = 64
"""Pictures searched by at once."""


def plan(indexer: Indexer, job: jobs.Job) -> None:
    """Search by the next images of a job for a time slice, until all are paired.

    Raises:
        StoreUnavailable: a store went away; the search may be taken up again.
    """
    work(indexer, job.id, lambda: _goes_on(indexer, job.id))
    end_or_give_up(indexer, job.id)


def cancel(indexer: Indexer, job: jobs.Job) -> None:
    """Forget the pairs that a job has found so far."""
    with indexer.catalog.transaction() as tx:
        jobs.lock(tx, job.id)
        duplicates.forget_pairs(tx, job.id)


def _goes_on(indexer: Indexer, job_id: str) -> bool:
    with indexer.catalog.transaction() as tx:
        collection = collections.lock_shared(tx, jobs.get(tx, job_id).collection_id)
        job = jobs.lock(tx, job_id)
        if not job.state.is_working or job.planned_at is not None or collection.state != CollectionState.ACTIVE:
            return False
        more = _step(indexer, tx, job, collection)
        job = jobs.get(tx, job_id)
    show(indexer.catalog, indexer.progress, job)
    return more


def _step(indexer: Indexer, tx: Transaction, job: jobs.Job, collection: Collection) -> bool:
    options = job.options or {}
    if collection.generation != options["generation"]:
        reason = "The collection was reindexed with another pipeline meanwhile; look for duplicates again."
        jobs.fail(tx, job.id, reason)
        return False
    if job.listed_at is None:
        job = submit_indexed(tx, job, indexer.settings.plan_slice, options["partition"])
        if job.listed_at is not None:
            # Reads may be behind the writes of others: after this they see the vectors of all that is listed.
            with suppress(NotFound):
                indexer.vectors.count(collection.vector_collection, strong=True)
        return True
    waiting = ledger.unplanned_images(tx, job.id, limit=QUERIES)
    if waiting:
        ids = [image_id for image_id, _ in waiting]
        near = _neighbours(indexer, tx, collection, ids, options)
        duplicates.record_pairs(tx, job.id, near)
        items = [Item(path, image_id, None, Outcome.UNCHANGED) for image_id, path in waiting]
        submitted, outcomes = ledger.record(tx, job.id, items)
        counters.count(tx, job.id, outcomes, submitted=submitted, worked=True)
        return True
    without_time_limit(tx)
    _group(tx, job, options["partition"])
    return False


def _neighbours(
    indexer: Indexer,
    tx: Transaction,
    collection: Collection,
    ids: Sequence[int],
    options: Mapping[str, Any],
) -> Iterator[tuple[int, int, float]]:
    """Iterate over pairs of these images and those that lie near them."""
    keys = naming.keys_of_images(tx, ids)
    try:
        vectors = fetch_vectors(indexer.vectors, collection.vector_collection, list(keys.values()))
        if not vectors:
            return
        hits = indexer.vectors.search(
            collection.vector_collection,
            np.stack(list(vectors.values())),
            limit=NEIGHBOURS + 1,
            partition=options["partition"],
            max_distance=options["max_distance"],
        )
    except NotFound:
        return
    image_ids = {key: image_id for image_id, key in keys.items()}
    found = {hit.key for near in hits for hit in near} - image_ids.keys()
    image_ids |= {
        key: one.image_id for key, one in naming.follow(tx, collection.id, found).items() if one.is_current
    }
    for key, near in zip(vectors, hits, strict=True):
        for hit in near:
            # An image that was written anew meanwhile is near under its new key too, and no duplicate of itself.
            if image_ids.get(hit.key, image_ids[key]) != image_ids[key]:
                yield image_ids[key], image_ids[hit.key], hit.distance


def _group(tx: Transaction, job: jobs.Job, partition: str | None) -> None:
    """End the search: pairs that are still indexed become groups."""
    near = list(duplicates.pairs(tx, job.id))
    there = images.indexed_among(tx, {image_id for first, second, _ in near for image_id in (first, second)})
    kept = ((first, second, far) for first, second, far in near if first in there and second in there)
    same = duplicates.same_content(tx, job.collection_id, partition)
    duplicates.end(tx, job.id, groups_of_pairs(chain(kept, same)))
    jobs.planned(tx, job.id)
