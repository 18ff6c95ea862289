"""Fill a catalogue by SQL with as much as years of indexing leave, as the product would have written it."""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa

from imagesearch.catalog import collections
from imagesearch.catalog.engine import Transaction, without_time_limit

_IMAGES = """
INSERT INTO images
    (collection_id, path, state, sha256, size_bytes, mtime_ns, width, height, format, vector_key, version)
SELECT :collection_id, :folder || '/' || lpad(n::text, 9, '0') || '.jpg', 'indexed', md5(n::text) || md5(n::text),
    100000, 1700000000000000000, 640, 480, 'JPEG', n, n FROM generate_series(CAST(:first AS bigint), :last) AS n
"""
_COUNTS = """
INSERT INTO image_counts (collection_id, block, indexed)
SELECT collection_id, id >> 20, count(*) FROM images WHERE collection_id = :collection_id GROUP BY 1, 2
"""
_INDEXED = """
UPDATE images SET state = 'indexed', vector_key = id, version = id, size_bytes = 0, mtime_ns = :mtime_ns
WHERE collection_id = :collection_id
"""
_JOB = """
INSERT INTO jobs (id, collection_id, origin, directory, prune, state, total, indexed, failed, listed_at,
    planned_at, started_at, progressed_at, finished_at)
SELECT CAST(:id AS uuid), :collection_id, 'v2', :folder, :prune, :state, :total, :indexed, :failed, now(),
    CASE WHEN :is_planned THEN now() END, now(), now(), CASE WHEN :has_ended THEN now() END
"""
_BATCHES = """
INSERT INTO job_batches (job_id, state) SELECT CAST(:id AS uuid), :state FROM generate_series(1, :number)
"""
_ITEMS = """
INSERT INTO job_items (job_id, batch_id, image_id, path, outcome, code, reason)
SELECT CAST(:id AS uuid), :first_batch + (n - 1) / 32, n, :folder || '/' || lpad(n::text, 9, '0') || '.jpg',
    :outcome, :code, :reason FROM generate_series(1, CAST(:number AS bigint)) AS n
"""


def seed_collection(tx: Transaction, name: str, images: int, folder: str) -> int:
    """Write a collection of so many indexed images below a folder; return its id."""
    without_time_limit(tx)
    made, _ = collections.create(tx, name)
    last_key = tx.execute(sa.text("SELECT coalesce(max(vector_key), 0) FROM images")).scalar_one()
    given = {"collection_id": made.id, "folder": folder, "first": last_key + 1, "last": last_key + images}
    tx.execute(sa.text(_IMAGES), given)
    tx.execute(sa.text(_COUNTS), {"collection_id": made.id})
    return made.id


def seed_job(
    tx: Transaction,
    collection_id: int,
    paths: int,
    folder: str,
    *,
    state: str = "running",
    outcome: str | None = None,
    has_batches: bool = True,
    prune: bool = False,
) -> str:
    """Write a job of so many paths, all with one outcome or none, in batches of 32 or in none; return its id."""
    without_time_limit(tx)
    job_id, has_ended = str(uuid4()), outcome is not None and not prune
    counts = {"total": paths, "indexed": 0, "failed": 0} | ({outcome: paths} if outcome else {})
    job = {
        "id": job_id,
        "collection_id": collection_id,
        "folder": folder,
        "prune": prune,
        "state": state,
        **counts,
    }
    tx.execute(sa.text(_JOB), job | {"is_planned": has_batches, "has_ended": has_ended})
    first_batch = None
    if has_batches:
        batches = {"id": job_id, "state": "done" if outcome else "ready", "number": -(-paths // 32)}
        tx.execute(sa.text(_BATCHES), batches)
        query = sa.text("SELECT min(id) FROM job_batches WHERE job_id = CAST(:id AS uuid)")
        first_batch = tx.execute(query, {"id": job_id}).scalar_one()
    failure = ("unreadable", "It is no picture.") if outcome == "failed" else (None, None)
    items = {"id": job_id, "first_batch": first_batch, "folder": folder, "number": paths, "outcome": outcome}
    tx.execute(
        sa.text(_ITEMS).bindparams(sa.bindparam("first_batch", type_=sa.BigInteger)),
        items | dict(zip(("code", "reason"), failure, strict=True)),
    )
    return job_id


def mark_indexed(tx: Transaction, collection_id: int, mtime_ns: int) -> None:
    """Make all images of a collection indexed ones of empty files, written at one moment."""
    without_time_limit(tx)
    tx.execute(sa.text(_INDEXED), {"collection_id": collection_id, "mtime_ns": mtime_ns})
    tx.execute(sa.text(_COUNTS), {"collection_id": collection_id})


def analyze(tx: Transaction) -> None:
    """Let Postgres know what is there, as its own maintenance does in a while."""
    without_time_limit(tx)
    for name in ("images", "jobs", "job_batches", "job_items", "image_counts"):
        tx.execute(sa.text(f"ANALYZE {name}"))


def bytes_of(tx: Transaction, name: str) -> int:
    """Return the size of a table with its indexes, in bytes."""
    query = sa.text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
    return int(tx.execute(query, {"name": name}).scalar_one())
