"""Fill a catalogue by SQL with as much as years of indexing leave, as the product would have written it."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa

from imagesearch.catalog import collections
from imagesearch.catalog.engine import Catalog, Transaction, without_time_limit
from imagesearch.catalog.keys import RANDOM_BITS
from imagesearch.catalog.tables import duplicate_members, jobs

_IMAGES = """
INSERT INTO images
    (collection_id, path, state, sha256, size_bytes, mtime_ns, width, height, format, vector_key, version)
SELECT :collection_id, :folder || '/' || lpad(n::text, 9, '0') || '.jpg', 'indexed', md5(n::text) || md5(n::text),
    100000, 1700000000000000000, 640, 480, 'JPEG', n, n FROM generate_series(CAST(:first AS bigint), :last) AS n
"""
_COUNTS = """
INSERT INTO image_counts (collection_id, block, indexed) SELECT collection_id, id >> 20, count(*) FROM images
WHERE collection_id = :collection_id AND starts_with(path, :folder) GROUP BY 1, 2
"""
_INDEXED = """
UPDATE images SET state = 'indexed', vector_key = id, version = id, size_bytes = 0, mtime_ns = :mtime_ns
WHERE collection_id = :collection_id AND starts_with(path, :folder)
"""
_JOB = """
INSERT INTO jobs (id, collection_id, origin, directory, state, total, indexed, failed, listed_at, planned_at,
    started_at, progressed_at)
SELECT CAST(:id AS uuid), :collection_id, 'v2', :folder, 'running', count(*),
    count(*) FILTER (WHERE outcome = 'indexed'), count(*) FILTER (WHERE outcome = 'failed'),
    now(), now(), now(), now()
FROM job_items WHERE job_id = CAST(:id AS uuid)
"""
_BATCHES = """
INSERT INTO job_batches (job_id, state)
SELECT CAST(:id AS uuid), CASE WHEN n % 4 = 2 THEN 'ready' ELSE 'done' END FROM generate_series(0, :last) AS n
"""
_ITEMS = """
INSERT INTO job_items (job_id, batch_id, image_id, path, outcome, code, reason)
SELECT CAST(:id AS uuid), :first_batch + (n - 1) / :batch, n, :folder || '/' || lpad(n::text, 9, '0') || '.jpg',
    CASE (n - 1) / :batch % 4 WHEN 2 THEN NULL WHEN 1 THEN 'failed' ELSE 'indexed' END,
    CASE (n - 1) / :batch % 4 WHEN 1 THEN 'unreadable' END,
    CASE (n - 1) / :batch % 4 WHEN 1 THEN 'It is no picture.' END
FROM generate_series(1, CAST(:number AS bigint)) AS n
"""
_FAIL_AGAIN = """
WITH again AS (UPDATE job_items SET outcome = 'failed', code = 'unreadable', reason = 'It is no picture.'
    WHERE job_id = CAST(:id AS uuid) AND outcome IS NULL AND batch_id IS NULL RETURNING 1)
UPDATE jobs SET failed = failed + (SELECT count(*) FROM again) WHERE id = CAST(:id AS uuid)
"""
_SESSIONS = """
SELECT pid FROM pg_stat_activity WHERE application_name = 'imagesearch-indexer' AND datname = current_database()
"""
BATCH: Final = 32
"""Paths in each batch of a mixed job."""
MIXED: Final = 4 * BATCH
"""Paths of which one batch is ready, and one has failed."""


def seed_collection(tx: Transaction, name: str, images: int, folder: str) -> int:
    """Write a collection of so many indexed images below a folder; return its id."""
    without_time_limit(tx)
    made, _ = collections.create(tx, name)
    last_key = tx.execute(sa.text("SELECT coalesce(max(vector_key), 0) FROM images")).scalar_one()
    given = {"collection_id": made.id, "folder": folder, "first": last_key + 1, "last": last_key + images}
    tx.execute(sa.text(_IMAGES), given)
    tx.execute(sa.text(_COUNTS), {"collection_id": made.id, "folder": folder})
    # Keys end in random bits, and those that are drawn from now on lie behind these.
    tx.execute(sa.text("SELECT setval('vector_keys', :behind)"), {"behind": (given["last"] >> RANDOM_BITS) + 1})
    return made.id


def seed_mixed_job(tx: Transaction, collection_id: int, paths: int, folder: str) -> str:
    """Write a running job: of four batches two are indexed, one has failed and one is ready; return its id."""
    without_time_limit(tx)
    # Foreign keys hold by the way in which this is written, and looking costs as much as writing.
    tx.exec_driver_sql("SET LOCAL session_replication_role = replica")
    given = {"id": str(uuid4()), "collection_id": collection_id, "folder": folder, "number": paths, "batch": BATCH}
    tx.execute(sa.text(_BATCHES), {"id": given["id"], "last": (paths - 1) // BATCH})
    query = sa.text("SELECT min(id) FROM job_batches WHERE job_id = CAST(:id AS uuid)")
    given["first_batch"] = tx.execute(query, {"id": given["id"]}).scalar_one()
    tx.execute(sa.text(_ITEMS), given)
    tx.execute(sa.text(_JOB), given)
    return str(given["id"])


def set_running(catalog: Catalog, job_id: str) -> None:
    """Let a job run, all of whose paths are planned, and nothing be on its way."""
    _set(catalog, job_id, state="running")


def set_ended(catalog: Catalog, job_id: str) -> None:
    """Let a job have ended with failures."""
    _set(catalog, job_id, state="completed_with_failures", finished_at=sa.func.now())


def set_pruning(catalog: Catalog, job_id: str, folder: str) -> None:
    """Let a job have seen a folder, whose images it is to prune."""
    _set(catalog, job_id, state="running", directory=folder, prune=True)


def set_planning(catalog: Catalog, job_id: str, folder: str, listed: int) -> None:
    """Let a job over the folder above one have listed so many paths of it, and nothing behind them."""
    above, up_to = folder.rpartition("/")[0], f"{folder}/{listed:09}.jpg"
    _set(catalog, job_id, state="planning", directory=above, planned_up_to=up_to, listed_at=None, planned_at=None)


def _set(catalog: Catalog, job_id: str, **values: Any) -> None:
    now = sa.func.now()
    begun = {"listed_at": now, "planned_at": now, "progressed_at": now, "finished_at": None, "prune": False}
    none = dict.fromkeys(("reopened_up_to", "pruned_up_to", "planned_up_to"))
    with catalog.transaction() as tx:
        tx.execute(sa.text("UPDATE job_batches SET state = 'ready', leased_until = NULL WHERE state = 'sent'"))
        tx.execute(sa.text("DELETE FROM sent_images"))
        tx.execute(sa.update(jobs).where(jobs.c.id == job_id).values({**begun, **none, **values}))


def begin_behind(tx: Transaction, job_id: str, image_id: int) -> None:
    """Let a job over a collection have no listed path, and go on behind an image."""
    listing = {"planned_up_to": str(image_id), "listed_at": None}
    tx.execute(sa.update(jobs).where(jobs.c.id == job_id).values(listing))


def fail_again(catalog: Catalog, job_id: str) -> None:
    """Have paths of a job failed that are in no batch, because they are tried again."""
    with catalog.transaction() as tx:
        tx.execute(sa.text(_FAIL_AGAIN), {"id": job_id})


def forget_planned(tx: Transaction, job_id: str, seeded: int) -> None:
    """Remove what planning has added to a job of which so many paths were seeded, the first of a catalogue."""
    without_time_limit(tx)
    tx.execute(sa.text("DELETE FROM job_items WHERE id > :last"), {"last": seeded})
    tx.execute(sa.text("DELETE FROM job_batches WHERE id > :last"), {"last": -(-seeded // BATCH)})
    tx.execute(sa.update(jobs).where(jobs.c.id == job_id).values(total=seeded, unchanged=0))


def number_of(path: str | None) -> int:
    """Return the number of a seeded path; 0 is none."""
    return int(path.rpartition("/")[2].partition(".")[0]) if path else 0


def mark_indexed(tx: Transaction, collection_id: int, folder: str, mtime_ns: int) -> None:
    """Make all images of a folder indexed ones of empty files, written at one moment."""
    without_time_limit(tx)
    tx.execute(sa.text(_INDEXED), {"collection_id": collection_id, "folder": folder, "mtime_ns": mtime_ns})
    tx.execute(sa.text(_COUNTS), {"collection_id": collection_id, "folder": folder})


def analyze(tx: Transaction) -> None:
    """Let Postgres know what is there, as its own maintenance does in a while."""
    without_time_limit(tx)
    for name in ("images", "jobs", "job_batches", "job_items", "image_counts"):
        tx.execute(sa.text(f"ANALYZE {name}"))


def bytes_of(tx: Transaction, name: str) -> int:
    """Return the size of a table with its indexes, in bytes."""
    query = sa.text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
    return int(tx.execute(query, {"name": name}).scalar_one())


def session_of(tx: Transaction) -> tuple[int, str]:
    """Return the process of the session of a transaction, and the name of its database."""
    found = tx.execute(sa.text("SELECT pg_backend_pid(), current_database()")).one()
    return found[0], found[1]


def sessions_of_indexers(tx: Transaction) -> list[int]:
    """Return the processes of the sessions that indexers have on this database."""
    return list(tx.execute(sa.text(_SESSIONS)).scalars())


def largest_group(tx: Transaction) -> int:
    """Return how many pictures the largest group of duplicates has."""
    each = sa.select(sa.func.count()).select_from(duplicate_members).group_by(duplicate_members.c.group_id)
    return tx.execute(each.order_by(sa.func.count().desc()).limit(1)).scalar_one()
