"""Say which job an image came by."""

from __future__ import annotations

import sqlalchemy as sa

from imagesearch.access.tenants import Owner
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import rows
from imagesearch.errors import NotFound

RECENT_JOBS = 50
"""Jobs of the collection whose ledgers are looked into, each by one look into an index."""

_BY = sa.text(
    "SELECT recent.id FROM (SELECT id, number FROM jobs WHERE collection_id = :collection_id ORDER BY number DESC "
    "LIMIT :recent) AS recent WHERE EXISTS (SELECT FROM job_items WHERE job_id = recent.id AND path = :path "
    "AND image_id = :image_id AND outcome = 'indexed') ORDER BY recent.number DESC LIMIT 1"
)


def job_of(tx: Transaction, image: Image, owner: Owner) -> str | None:
    """Return the id of the newest job that indexed an image.

    None where that is none of the collection's `RECENT_JOBS` last ones, its ledger has been folded away, or it is
    beyond the owner's reach.
    """
    given = {"collection_id": image.collection_id, "path": image.path, "image_id": image.id, "recent": RECENT_JOBS}
    found = tx.execute(_BY, given).scalar()
    try:
        return rows.get(tx, str(found), owner).id if found is not None else None
    except NotFound:
        return None
