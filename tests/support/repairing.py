"""Lose what a crash loses, and have reconciliation find it."""

from __future__ import annotations

import pytest
import redis
import sqlalchemy as sa

from imagesearch.catalog.tables import collections as collection_rows
from imagesearch.catalog.tables import images as image_rows
from imagesearch.catalog.tables import job_batches, job_items, sent_images
from imagesearch.catalog.tables import jobs as job_table
from imagesearch.contract import ExtractBatch, Findings, IndexBatch, Reconcile, TaskName
from imagesearch_indexer import batches
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.report import Report
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.reconcile.vectors import sweep_slice
from support.world import World


def extract_batches(world: World) -> list[ExtractBatch]:
    return [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]


def forget_sent(world: World) -> None:
    """Forget which pictures are on their way, as if an older release, which notes none, had sent them."""
    with world.catalog.transaction() as tx:
        tx.execute(sa.delete(sent_images))


def settle_and_die(world: World, answer: IndexBatch) -> None:
    """Have a worker take the answer to a batch and die before it counts the batch or sends another."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batches, "count_and_send_next", die)
        with pytest.raises(KeyboardInterrupt):
            batches.index_batch(world.indexer, answer)


def planned(world: World, files: int) -> str:
    """Submit a job over so many new files and plan it; its first batches lie in the outbox."""
    world.write(*(f"{index:03}.jpg" for index in range(files)))
    job_id = world.submit(world.root)
    world.plan(job_id)
    return job_id


def repaired(world: World, *, deep: bool = False, indexer: Indexer | None = None) -> dict[str, int]:
    """Look only, check that this changed nothing, then repair, and return what was found by kind."""
    before = snapshot(world)
    seen = kinds(reconcile(indexer or world.indexer, Reconcile(dry_run=True, deep=deep)))
    assert snapshot(world) == before, "a dry run changed something"
    assert kinds(reconcile(indexer or world.indexer, Reconcile(dry_run=False, deep=deep))) == seen
    return seen


def swept(indexer: Indexer) -> dict[str, int]:
    """Compare all rows with all vectors, and nothing else; return what was found by kind."""
    report = Report(dry_run=False, renew=lambda: None)
    step = sweep_slice(indexer, report, None)
    while step.place is not None:
        assert not step.waits
        step = sweep_slice(indexer, report, step.place)
    return kinds(Findings(report.findings()))


def kinds(findings: Findings) -> dict[str, int]:
    return {finding.kind: finding.count for finding in findings.findings}


def snapshot(world: World) -> object:
    """Return everything that a repair could change."""
    tables = (job_table, job_batches, job_items, image_rows, collection_rows)
    with world.catalog.transaction() as tx:
        rows = [sorted(map(repr, tx.execute(sa.select(table)).all())) for table in tables]
        names = tx.execute(sa.select(collection_rows.c.vector_collection)).scalars().all()
    vectors = [world.vectors.keys(name) for name in names if world.vectors.has_collection(name)]
    return rows, vectors, list(world.outbox)


def attempts(world: World, job_id: str) -> list[int]:
    with world.catalog.transaction() as tx:
        query = sa.select(job_batches.c.attempts).where(job_batches.c.job_id == job_id)
        return list(tx.execute(query.order_by(job_batches.c.id)).scalars())


def die(client: redis.Redis, batch_id: int) -> None:
    """Let the claim run out, as that of a worker that was killed does."""
    assert client.delete(f"imagesearch:claim:extract:{batch_id}") == 1
