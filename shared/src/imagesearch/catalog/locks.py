"""Take the advisory locks of Postgres: every key stands here, so that no two locks meet by chance.

Each is held until its transaction ends. The numbers are arbitrary; what matters is that they differ.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction

NAMES = 0x1A6E5
COLLECTIONS = 0x1A6E6
LABELS = 0x1A6E7
COUNTS = 0x1A6E8
DISPATCH = 0x1A6E9
IMAGE_COUNTS = 0x1A6EA
PICTURES = 0x1A6EB
API_KEYS = 0x1A6EC
QUOTA_COUNTS = 0x1A6ED
QUOTAS = 0x1A6EE
MIGRATION = 0x1A6E5EA2
SIGNING = 0x1A6E5EA3

PICTURES_TOGETHER = 1_024
PICTURE_LOCKS = 64


def name(tx: Transaction, wanted: str) -> None:
    """Wait until nobody else is taking this name of a collection or alias, and keep others from it."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(NAMES, sa.func.hashtext(wanted))))


def collection_shared(tx: Transaction, collection_id: int) -> None:
    """Keep `collection_exclusive` waiting; any number share a collection.

    Whoever waits for the exclusive lock goes before those that ask to share after it, so that sharing without a
    pause keeps nobody waiting for ever. Row locks would.
    """
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(COLLECTIONS, _key(collection_id))))


def collection_exclusive(tx: Transaction, collection_id: int) -> None:
    """Wait until nobody holds a collection, and keep everybody off it."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(COLLECTIONS, _key(collection_id))))


def labels(tx: Transaction, image_id: int) -> None:
    """Wait until nobody else is changing the labels of this image, and keep others from it."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(LABELS, _key(image_id))))


def counts(tx: Transaction, job_number: int) -> None:
    """Wait until nobody else is bringing the counters of this job up to date, and keep others from it."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(COUNTS, _key(job_number))))


def counts_if_free(tx: Transaction, job_number: int) -> bool:
    """Keep others from bringing the counters of this job up to date, unless somebody is; tell whether they are."""
    return _try(tx, COUNTS, _key(job_number))


def image_counts(tx: Transaction, collection_id: int) -> None:
    """Wait until nobody else is checking what is counted of this collection, and keep others from it."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(IMAGE_COUNTS, _key(collection_id))))


def dispatch(tx: Transaction, *, wait: bool) -> bool:
    """Keep others from giving out the room that is left for batches; tell whether they are kept from it.

    Args:
        tx: the transaction.
        wait: until nobody else does; otherwise leave it to whoever does.
    """
    if wait:
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(DISPATCH)))
        return True
    return _try(tx, DISPATCH)


def pictures(tx: Transaction, image_ids: Sequence[int]) -> None:
    """Wait until nobody else is telling which of these pictures are on their way, and keep others from it.

    Pictures that were submitted together share a lock, and few locks serve all. They are taken in one order, so
    that a transaction that asks once can never wait in a circle.
    """
    turns = sorted({image_id // PICTURES_TOGETHER % PICTURE_LOCKS for image_id in image_ids})
    tx.execute(
        sa.text("SELECT pg_advisory_xact_lock(:kind, turn) FROM unnest(CAST(:turns AS integer[])) AS turn"),
        {"kind": PICTURES, "turns": turns},
    )


def quota_counts(tx: Transaction, collection_id: int) -> None:
    """Wait until nobody else is checking what quotas count of this collection, and keep others from it."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(QUOTA_COUNTS, _key(collection_id))))


def quotas(tx: Transaction, quota_ids: Sequence[int]) -> None:
    """Wait until nobody else takes what is left of these quotas, and keep others from it.

    They are taken in one order, and behind the rows of images and of jobs.
    """
    tx.execute(
        sa.text("SELECT pg_advisory_xact_lock(:kind, turn) FROM unnest(CAST(:turns AS integer[])) AS turn"),
        {"kind": QUOTAS, "turns": sorted({_key(quota_id) for quota_id in quota_ids})},
    )


def api_keys(tx: Transaction) -> None:
    """Wait until nobody else is making or revoking an API key, and keep others from it."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(API_KEYS)))


def migration(tx: Transaction) -> None:
    """Wait until nobody else is migrating the schema, and keep others from it."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION)))


def signing(tx: Transaction) -> None:
    """Wait until nobody else is changing the secrets that sign, and keep others from it."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(SIGNING)))


def _try(tx: Transaction, *key: int) -> bool:
    return bool(tx.execute(sa.select(sa.func.pg_try_advisory_xact_lock(*key))).scalar_one())


def _key(number: int) -> int:
    """Return the second key of a lock, which has 32 bits; two that share it only wait for each other."""
    return number % 2**31
