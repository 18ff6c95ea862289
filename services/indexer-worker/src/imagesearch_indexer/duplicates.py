"""Look for duplicates in a collection that is too large to compare every picture with every other.

Picture by picture, in the order of their ids, and in memory that does not grow with the collection: what lies near
one is searched for, and goes into its group at once.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from imagesearch.catalog import collections, duplicates, jobs, naming
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.listing import submit_indexed
from imagesearch.catalog.states import CollectionState
from imagesearch.contract import Outcome, Vectors
from imagesearch.errors import NotFound
from imagesearch.similarity import MERGED_MEMBERS, NEIGHBOURS, SPREAD, Grouping, distances_from
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.finish import end_or_give_up
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.time_slice import work
from imagesearch_indexer.stored_vectors import fetch_vectors

QUERIES = 64
"""Pictures searched by at once."""


def plan(indexer: Indexer, job: jobs.Job) -> None:
    """Search by the next images of a job for a time slice, until all are paired.

    Raises:
        StoreUnavailable: a store went away; the search may be taken up again.
    """
    work(indexer, job.id, lambda: _goes_on(indexer, job.id))
    end_or_give_up(indexer, job.id)


def cancel(indexer: Indexer, job: jobs.Job) -> bool:
    """Forget what a job has found so far, for a time slice; return whether nothing is left."""
    deadline = time.monotonic() + indexer.settings.plan_seconds
    while True:
        with indexer.catalog.transaction() as tx:
            jobs.lock(tx, job.id)
            is_forgotten = duplicates.forget_groups(tx, job.id) and duplicates.forget_contents(tx, job.id)
        if is_forgotten:
            return True
        if time.monotonic() > deadline or indexer.stopping.is_set():
            return False


def _goes_on(indexer: Indexer, job_id: str) -> bool:
    with indexer.catalog.transaction() as tx:
        collection = collections.lock_shared(tx, jobs.get(tx, job_id).collection_id)
        job = jobs.lock(tx, job_id)
        if not job.state.is_working or job.planned_at is not None or collection.state != CollectionState.ACTIVE:
            return False
        more = _step(indexer, tx, job, collection)
        job = jobs.get(tx, job_id)
    show(indexer.progress, job)
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
        _group(indexer, tx, job, collection, [image_id for image_id, _ in waiting])
        items = [Item(path, image_id, None, Outcome.UNCHANGED) for image_id, path in waiting]
        submitted, outcomes = ledger.record(tx, job.id, items)
        counters.count(tx, job.id, outcomes, submitted=submitted, worked=True)
        return True
    if not duplicates.forget_contents(tx, job.id):
        return True
    jobs.planned(tx, job.id)
    return False


def _group(
    indexer: Indexer, tx: Transaction, job: jobs.Job, collection: Collection, image_ids: Sequence[int]
) -> None:
    """Put the next pictures into groups, with those that lie near them."""
    options = job.options or {}
    known = _Vectors(indexer, tx, collection)
    near = _neighbours(known, image_ids, options)
    for image_id, first in duplicates.first_of_contents(tx, job.id, image_ids).items():
        if first != image_id:
            near[image_id][first] = 0.0
    together = {*near, *(each for others in near.values() for each in others)}
    before = duplicates.groups_of(tx, job.id, together)
    grouping = Grouping(
        reach=SPREAD * options["max_distance"],
        groups=before,
        distances=known.distances,
        members=lambda group_id: duplicates.members_of(tx, job.id, group_id, most=MERGED_MEMBERS),
    )
    for image_id in sorted(near):
        grouping.add(image_id, near[image_id])
    changed = {
        image_id: group_id
        for image_id, group_id in grouping.groups.items()
        if before.get(image_id) != group_id or image_id in grouping.nearest
    }
    duplicates.put(tx, job.id, changed, grouping.nearest)


class _Vectors:
    """Fetch the vectors of images, each once in a step."""

    def __init__(self, indexer: Indexer, tx: Transaction, collection: Collection) -> None:
        self.store, self.tx, self.collection = indexer.vectors, tx, collection
        self.keys: dict[int, int] = {}
        self._found: dict[int, Vectors] = {}

    def fetch(self, image_ids: Sequence[int]) -> dict[int, Vectors]:
        """Return the vectors of those of the images that have one.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        keys = naming.keys_of_images(self.tx, [each for each in image_ids if each not in self.keys])
        self.keys |= keys
        if keys:
            vectors = fetch_vectors(self.store, self.collection.vector_collection, list(keys.values()))
            self._found |= {image_id: vectors[key] for image_id, key in keys.items() if key in vectors}
        return {image_id: self._found[image_id] for image_id in image_ids if image_id in self._found}

    def distances(self, first: int, image_ids: Sequence[int]) -> dict[int, float]:
        """Return how far images lie from the first one of a group; none where that is gone."""
        found = self.fetch([first, *image_ids])
        others = [each for each in image_ids if each in found]
        if first not in found or not others:
            return {}
        far = distances_from(found[first], np.stack([found[each] for each in others]))
        return dict(zip(others, far, strict=True))


def _neighbours(
    known: _Vectors, image_ids: Sequence[int], options: Mapping[str, Any]
) -> dict[int, dict[int, float]]:
    """Return what lies near each of these images, with the distances."""
    near: dict[int, dict[int, float]] = defaultdict(dict)
    vectors = known.fetch(image_ids)
    if not vectors:
        return near
    try:
        hits = known.store.search(
            known.collection.vector_collection,
            np.stack(list(vectors.values())),
            limit=NEIGHBOURS + 1,
            partition=options["partition"],
            max_distance=options["max_distance"],
        )
    except NotFound:
        return near
    images_of = {known.keys[image_id]: image_id for image_id in vectors}
    found = {hit.key for some in hits for hit in some} - images_of.keys()
    images_of |= {
        key: one.image_id
        for key, one in naming.follow(known.tx, known.collection.id, found).items()
        if one.is_current
    }
    for image_id, some in zip(vectors, hits, strict=True):
        for hit in some:
            # An image that was written anew meanwhile is near under its new key too, and no duplicate of itself.
            other = images_of.get(hit.key, image_id)
            if other != image_id:
                near[image_id][other] = min(hit.distance, near[image_id].get(other, hit.distance))
    return near
