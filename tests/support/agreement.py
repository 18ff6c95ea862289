"""Look whether the two stores agree: after whatever happened, each row has its vector, and there is no other."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import sqlalchemy as sa

from imagesearch.catalog import collections, image_counts
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import built_images, images, job_batches, retired_vectors, stray_files, tombstones
from imagesearch.contract import Reconcile
from imagesearch_indexer.lifecycle.deletion import collect
from imagesearch_indexer.reconcile.run import reconcile
from support.world import World, vector_of

REPAIRS = 5
"""Runs after which reconciliation has found everything, whatever a crash left."""


def repair(world: World) -> None:
    """Let reconciliation find all that a crash left, and the time of what is leased or buried run out."""
    for _ in range(REPAIRS):
        with world.catalog.transaction() as tx:
            tx.execute(sa.update(job_batches).values(leased_until=sa.func.now() - timedelta(seconds=1)))
            for collection in collections.all_active(tx):
                catch_up(world, collection.vector_collection)
        found = reconcile(world.indexer, Reconcile(dry_run=False, deep=True))
        is_idle = not found.findings and not world.outbox
        world.work()
        if is_idle:
            break
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(stray_files).values(look_after=sa.func.now()))
    reconcile(world.indexer, Reconcile(dry_run=False, deep=True))
    collect(world.indexer, timedelta(0))


def catch_up(world: World, name: str) -> None:
    """Let reads see what has been written: no store stays behind for long."""
    if world.vectors.has_collection(name):
        world.vectors.count(name, strong=True)


def check_agreement(world: World) -> None:
    """Repair, and assert that rows name all vectors, each that of its row's digest, with its row's labels.

    Nothing is left of what was buried, replaced, dropped or never named. The counts need no repair.
    """
    check_counts(world)
    repair(world)
    with world.catalog.transaction() as tx:
        active = collections.all_active(tx)
        assert tx.execute(sa.select(tombstones)).all() == []
        assert tx.execute(sa.select(built_images)).all() == []
        assert tx.execute(sa.select(stray_files)).all() == []
        assert tx.execute(sa.select(retired_vectors).where(retired_vectors.c.dropped_at.is_(None))).all() == []
    assert set(world.vectors.collections()) <= {one.vector_collection for one in active}
    for collection in active:
        _check_collection(world, collection)
    if world.upload_root is not None:
        _check_uploads(world)


def check_counts(world: World) -> None:
    """Assert that as many images are counted as there are, whatever was killed in the middle."""
    with world.catalog.transaction() as tx:
        tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        ids = [collection.id for collection in collections.all_active(tx)]
        indexed = sa.select(images.c.collection_id).where(images.c.state == ImageState.INDEXED)
        found = Counter(tx.execute(indexed).scalars())
        assert image_counts.indexed(tx, ids) == {collection_id: found[collection_id] for collection_id in ids}


def _check_collection(world: World, collection: collections.Collection) -> None:
    with world.catalog.transaction() as tx:
        rows = tx.execute(sa.select(images).where(images.c.collection_id == collection.id)).all()
    named = {row.vector_key: row for row in rows if row.vector_key is not None}
    name = collection.vector_collection
    catch_up(world, name)
    there = world.vectors.keys(name) if world.vectors.has_collection(name) else []
    assert there == sorted(named)
    vectors = world.vectors.fetch_vectors(name, there, strong=True) if there else {}
    for key, row in named.items():
        expected = vector_of(world.contents[row.sha256], collection.preprocessing.to_dict())
        np.testing.assert_allclose(vectors[key], expected, rtol=0, atol=1e-6, err_msg=row.path)
        hits = world.vectors.search(name, expected[None, :], limit=len(there), partition=row.partition)[0]
        assert key in {hit.key for hit in hits}, f"{row.path} is not in its partition"
        assert world.labels_in_store(name, key) in (None, (row.partition, row.metadata))


def _check_uploads(world: World) -> None:
    """Assert that each upload has its file, and each file its upload."""
    assert world.upload_root is not None
    with world.catalog.transaction() as tx:
        wanted = set(tx.execute(sa.select(images.c.path).where(images.c.uploaded)).scalars())
    found = {str(path) for path in world.upload_root.rglob("*") if path.is_file()}
    assert found == wanted
