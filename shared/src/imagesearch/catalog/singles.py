"""Take one picture as a job of its own, with its only batch on its way from the start.

The caller brings the vector along and hands the batch to the indexer itself. Should that get lost, the lease
runs out, and the batch goes the way of every other lost batch.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import sqlalchemy as sa

from imagesearch.catalog import batches, jobs, ledger
from imagesearch.catalog.images import Image
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.ledger import Item
from imagesearch.contract import JobState

LEASE = timedelta(seconds=30)


def begin(tx: sa.Connection, image: Image, labels: Labels) -> tuple[str, int]:
    """Write the job of one picture; return its id and that of its batch."""
    job, _ = jobs.create(tx, image.collection_id, jobs.NewJob(id=str(uuid4()), origin=jobs.SINGLE, directory=None))
    [batch_id] = batches.create(tx, job.id, 1)
    submitted, outcomes = ledger.record(tx, job.id, [Item(image.path, image.id, batch_id, labels=labels)])
    jobs.count(tx, job.id, outcomes, submitted=submitted)
    jobs.change(tx, job.id, state=JobState.RUNNING.value, planned_at=sa.func.now())
    batches.lease_ready(tx, job.id, window=1, lease=LEASE)
    return job.id, batch_id
