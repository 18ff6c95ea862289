"""Write to the catalogue what the product's code never writes, but a crash, a bug or an old release may leave."""

from __future__ import annotations

import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.tables import jobs


def damage_job(catalog: Catalog, job_id: str, **values: object) -> None:
    """Set columns of a job, whatever its state; the revision moves, so that the job is shown as it is then."""
    statement = sa.update(jobs).where(jobs.c.id == job_id)
    with catalog.transaction() as tx:
        assert tx.execute(statement.values(revision=jobs.c.revision + 1, **values)).rowcount == 1
