"""Reindex a collection of a `World`, and look whether its index is whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import sqlalchemy as sa

from imagesearch.catalog import jobs
from imagesearch.catalog.tables import built_images, retired_vectors
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import ExtractBatch, PlanJob, Reconcile, TaskName
from imagesearch.pipeline import Preprocessing
from imagesearch.vectors import VectorStore
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.tasks import plan_job
from support.waiting import until
from support.world import World, vector_of

SMOOTH = Preprocessing(resize="bilinear")
OTHER = "vgg16-max-512:other"


def filled(world: World, count: int = 25) -> World:
    world.write(*(f"{index:03}.jpg" for index in range(count)))
    assert world.run(world.root, metadata={"year": 1999}).indexed == count
    return world


def on(world: World, store: object) -> Indexer:
    return replace(world.indexer, vectors=cast(VectorStore, store))


def finish(world: World, job_id: str) -> jobs.Job:
    """Deliver what there is, and let reconciliation ask for what got lost, until the job has ended."""

    def has_ended() -> bool:
        plan_job(world.indexer, PlanJob(job_id))
        world.work()
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
        world.work()
        return world.job(job_id).finished_at is not None

    until(has_ended)
    return world.job(job_id)


def check_whole(world: World, preprocessing: Preprocessing | None = None) -> None:
    """Assert that each indexed picture has the vector of its file, and its own partition and metadata."""
    collection = world.collection()
    # Milvus itself reads some seconds behind, unless it is made to wait.
    world.vectors.count(collection.vector_collection, strong=True)
    world.check()
    with world.catalog.transaction() as tx:
        rows = tx.execute(sa.select(image_table).where(image_table.c.state == "indexed")).all()
        assert tx.execute(sa.select(retired_vectors).where(retired_vectors.c.dropped_at.is_(None))).all() == []
        assert tx.execute(sa.select(built_images)).all() == []
    vectors = world.vectors.fetch_vectors(collection.vector_collection, [row.vector_key for row in rows])
    options = (preprocessing or Preprocessing()).to_dict()
    for row in rows:
        expected = vector_of(Path(row.path).read_bytes(), options)
        np.testing.assert_allclose(vectors[row.vector_key], expected, rtol=0, atol=1e-6, err_msg=row.path)
        (found,) = world.vectors.search(
            collection.vector_collection, expected[None, :], limit=1, partition=row.partition
        )[0]
        assert found.key == row.vector_key


def work_alone(world: World, indexer: Indexer, job_id: str) -> None:
    """Let one process do all of a job, until it has ended or the process dies."""
    while world.job(job_id).finished_at is None:
        plan_job(indexer, PlanJob(job_id))
        for batch in world.taken(TaskName.EXTRACT):
            assert isinstance(batch, ExtractBatch)
            index_batch(indexer, world.extract(batch))


def meddle(world: World) -> None:
    """Add, change, move, describe and delete pictures, as jobs and callers do."""
    world.write("004.jpg", content=b"changed")
    world.write("a new one.jpg")
    world.run(world.root)
    world.write("moved.jpg")
    world.run([world.root / "moved.jpg", world.root / "005.jpg"], partition="other", metadata={"year": 2001})
    world.delete("006.jpg")
    (world.root / "006.jpg").unlink()


def is_anything_open(world: World) -> bool:
    """Let reconciliation finish what is open, and tell whether there was anything."""
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    with world.catalog.transaction() as tx:
        return bool(jobs.open_jobs(tx))


def named_states(world: World) -> list[tuple[str, str]]:
    with world.catalog.transaction() as tx:
        rows = tx.execute(sa.select(image_table.c.path, image_table.c.state)).all()
    return [(Path(row.path).name, row.state) for row in rows]


def is_somebody_waiting(world: World) -> bool:
    """Tell whether a session waits for a lock in Postgres."""
    with world.catalog.transaction() as tx:
        waiting = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return tx.execute(waiting).scalar_one() > 0
