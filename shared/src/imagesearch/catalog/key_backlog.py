"""Give the images of an older release the keys of their vectors, slice by slice: each is the image's id."""

from __future__ import annotations

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.tables import key_backlog

SLICE = 5_000


def is_open(tx: Transaction) -> bool:
    """Tell whether there are rows that may have no key yet."""
    if not tx.execute(sa.text("SELECT to_regclass('key_backlog') IS NOT NULL")).scalar_one():
        return False
    return tx.execute(sa.select(key_backlog.c.reached)).first() is not None


def fill_next(tx: Transaction) -> bool:
    """Give the next rows their keys, and end the deletions among them; tell whether there may be more.

    The last call has Postgres check what each row must be from now on.
    """
    reached = tx.execute(sa.select(key_backlog.c.reached).with_for_update()).scalar_one_or_none()
    if reached is None:
        return False
    last = tx.execute(
        sa.text("SELECT max(id) FROM (SELECT id FROM images WHERE id > :after ORDER BY id LIMIT :limit) AS slice"),
        {"after": reached, "limit": SLICE},
    ).scalar_one()
    if last is None:
        for name in ("ck_images_state", "ck_images_vector_key"):
            tx.execute(sa.text(f"ALTER TABLE images VALIDATE CONSTRAINT {name}"))
        tx.execute(sa.delete(key_backlog))
        return False
    bounds = {"after": reached, "last": last}
    for statement in _SLICE:
        tx.execute(sa.text(statement), bounds)
    tx.execute(sa.update(key_backlog).values(reached=last))
    return True


_SLICE = (
    "UPDATE images SET vector_key = id, version = id "
    "WHERE id > :after AND id <= :last AND state = 'indexed' AND vector_key IS NULL",
    # Nobody finds these any more; what is left of them is found by what collects vectors and files.
    "INSERT INTO tombstones (key, vector_collection, image_id) SELECT images.id, vector_collection, images.id "
    "FROM images JOIN collections ON collections.id = collection_id "
    "WHERE images.id > :after AND images.id <= :last AND images.state = 'deleting' ON CONFLICT DO NOTHING",
    "INSERT INTO stray_files (collection_id, path, look_after) SELECT collection_id, path, clock_timestamp() "
    "FROM images WHERE id > :after AND id <= :last AND state = 'deleting'",
    "DELETE FROM images WHERE id > :after AND id <= :last AND state = 'deleting'",
)
