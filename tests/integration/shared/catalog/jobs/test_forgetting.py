"""Single-image jobs that ended long ago are found without reading those that stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import single_image
from support.plans import plan_of, rows_read

pytestmark = pytest.mark.integration

_JOBS = """
INSERT INTO jobs (id, collection_id, origin, state, finished_at, idempotency_scope, idempotency_key)
SELECT gen_random_uuid(), :collection_id, 'single', 'succeeded', now() - (20000 - n) * interval '1 second',
    CASE WHEN n % 2 = 0 THEN 'upload' END, CASE WHEN n % 2 = 0 THEN n::text END
FROM generate_series(1, 20000) AS n
"""


@pytest.mark.parametrize(("age", "expected"), [(timedelta(days=1), 0), (timedelta(seconds=10_000), 1_000)])
def test_forgetting_single_image_jobs_reads_only_those(catalog: Catalog, age: timedelta, expected: int) -> None:
    with catalog.transaction() as tx:
        made, _ = collections.create(tx, "library")
        tx.execute(sa.text(_JOBS), {"collection_id": made.id})
        tx.exec_driver_sql("ANALYZE jobs")
        plan = plan_of(tx, single_image.removal(age, limit=1_000))
    assert max(rows_read(plan)) == expected
