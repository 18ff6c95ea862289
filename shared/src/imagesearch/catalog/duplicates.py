"""Keep what a search for duplicates finds: each picture that has one stands in its group from then on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.tables import duplicate_contents as contents
from imagesearch.catalog.tables import duplicate_members as members
from imagesearch.catalog.tables import images
from imagesearch.similarity import Group

FORGET_ROWS = 20_000


def groups_of(tx: Transaction, job_id: str, image_ids: Iterable[int]) -> dict[int, int]:
    """Return the groups that pictures are in, by picture."""
    query = sa.select(members.c.image_id, members.c.group_id).where(
        members.c.job_id == job_id, members.c.image_id == _any(image_ids)
    )
    return {row.image_id: row.group_id for row in tx.execute(query)}


def members_of(tx: Transaction, job_id: str, group_id: int, *, most: int) -> list[int] | None:
    """Return the pictures of a group; None where there are more than `most`."""
    query = sa.select(members.c.image_id).where(members.c.job_id == job_id, members.c.group_id == group_id)
    found = list(tx.execute(query.limit(most + 1)).scalars())
    return found if len(found) <= most else None


def put(tx: Transaction, job_id: str, groups: Mapping[int, int], nearest: Mapping[int, float]) -> None:
    """Record the groups that pictures are in, and the distances that are smaller than those known so far."""
    rows = [
        {"job_id": job_id, "image_id": image_id, "group_id": group_id, "distance": nearest.get(image_id, math.inf)}
        for image_id, group_id in sorted(groups.items())
    ]
    if rows:
        put_row = insert(members)
        distance = sa.func.least(members.c.distance, put_row.excluded.distance)
        changed = {"group_id": put_row.excluded.group_id, "distance": distance}
        tx.execute(put_row.on_conflict_do_update(index_elements=["job_id", "image_id"], set_=changed), rows)


def first_of_contents(tx: Transaction, job_id: str, image_ids: Iterable[int]) -> dict[int, int]:
    """Return the first picture of the job that has the bytes of each of these, by picture; it may be itself."""
    wanted = sa.select(images.c.id, images.c.sha256).where(
        images.c.id == _any(image_ids), images.c.sha256.is_not(None)
    )
    digests = {row.id: row.sha256 for row in tx.execute(wanted.order_by(images.c.id))}
    if not digests:
        return {}
    new = [
        {"job_id": job_id, "sha256": sha256, "image_id": image_id}
        # The first picture of each digest.
        for sha256, image_id in {sha256: image_id for image_id, sha256 in reversed(digests.items())}.items()
    ]
    tx.execute(insert(contents).on_conflict_do_nothing(), sorted(new, key=lambda row: str(row["sha256"])))
    query = sa.select(contents.c.sha256, contents.c.image_id).where(
        contents.c.job_id == job_id,
        contents.c.sha256 == sa.func.any(sa.cast(sorted(set(digests.values())), sa.ARRAY(sa.Text))),
    )
    first = {row.sha256: row.image_id for row in tx.execute(query)}
    return {image_id: first[sha256] for image_id, sha256 in digests.items()}


def forget_contents(tx: Transaction, job_id: str) -> bool:
    """Forget some of the digests that a job has seen; return whether none is left."""
    return _forget(tx, contents, contents.c.sha256, job_id)


def forget_groups(tx: Transaction, job_id: str) -> bool:
    """Forget some of the groups of a job; return whether none is left."""
    return _forget(tx, members, members.c.image_id, job_id)


def _forget(tx: Transaction, table: sa.Table, key: sa.ColumnElement[object], job_id: str) -> bool:
    some = sa.select(key).where(table.c.job_id == job_id).order_by(key).limit(FORGET_ROWS)
    gone = tx.execute(sa.delete(table).where(table.c.job_id == job_id, key.in_(some.scalar_subquery())))
    return gone.rowcount < FORGET_ROWS


def groups(tx: Transaction, job_id: str, *, after: int, limit: int) -> list[Group]:
    """Return groups that a job found, in the order of their ids, from behind the one with id `after`."""
    wanted = (
        sa.select(members.c.group_id)
        .distinct()
        .where(members.c.job_id == job_id, members.c.group_id > after)
        .order_by(members.c.group_id)
        .limit(limit)
    )
    query = (
        sa.select(members.c.group_id, members.c.image_id, members.c.distance)
        .where(members.c.job_id == job_id, members.c.group_id.in_(wanted))
        .order_by(members.c.group_id, members.c.image_id)
    )
    found: dict[int, dict[int, float]] = {}
    for row in tx.execute(query):
        found.setdefault(row.group_id, {})[row.image_id] = row.distance
    return [Group(group_id, row) for group_id, row in found.items()]


def _any(image_ids: Iterable[int]) -> sa.ColumnElement[int]:
    wanted: Sequence[int] = sorted(image_ids)
    return sa.func.any(sa.cast(wanted, sa.ARRAY(sa.BigInteger)))
