"""Compare the ledger as one table with one in partitions: `PYTHONPATH=tests python -m support.partitions`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bench.report import Report
from bench.scale.cpu import spent_by
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.catalog.migrate import migrate
from support.stores import running_stores

PARTITIONS: Final = 16
JOBS: Final = 40
SLICE: Final = 2_000
"""Paths that planning writes in one transaction."""
ROUNDS: Final = 50

_PARTITIONED = """
ALTER TABLE job_items RENAME TO job_items_before;
CREATE TABLE job_items (LIKE job_items_before INCLUDING DEFAULTS INCLUDING IDENTITY) PARTITION BY HASH (job_id);
{partitions}
ALTER TABLE job_items ADD PRIMARY KEY (job_id, id), ADD UNIQUE (job_id, path);
CREATE INDEX ON job_items (batch_id);
CREATE INDEX ON job_items (job_id, id) WHERE outcome IS NULL AND batch_id IS NULL;
CREATE INDEX ON job_items (job_id, id) WHERE outcome = 'failed';
DROP TABLE job_items_before;
"""
_PARTITION = """
CREATE TABLE job_items_{n} PARTITION OF job_items FOR VALUES WITH (MODULUS {of}, REMAINDER {n});
"""
_JOB: Final = "CAST(lpad(to_hex({job}), 32, '0') AS uuid)"
_FILL = """
INSERT INTO job_items (job_id, batch_id, image_id, path, outcome)
SELECT CAST(lpad(to_hex(mod(n, {jobs})), 32, '0') AS uuid), n / 32, n,
    '/library/' || lpad(n::text, 9, '0') || '.jpg', 'indexed' FROM generate_series(1, {rows}) AS n
"""
_PLAN = """
INSERT INTO job_items (job_id, batch_id, image_id, path)
SELECT {job}, 1000000000 + n / 32, n, '/new/' || lpad(n::text, 9, '0') || '.jpg'
FROM generate_series({first}, {first} + {slice} - 1) AS n ON CONFLICT (job_id, path) DO NOTHING
"""
_HOLDS = """
SELECT count(*) FROM job_items WHERE job_id = {job} AND path = ANY(ARRAY(
    SELECT '/new/' || lpad(n::text, 9, '0') || '.jpg' FROM generate_series({first}, {first} + {slice} - 1) AS n))
"""
_SETTLE = """
UPDATE job_items SET outcome = 'indexed' WHERE batch_id = 1000000000 + {first} / 32 AND outcome IS NULL
"""
_FOLD = """
DELETE FROM job_items WHERE id = ANY(ARRAY(SELECT id FROM job_items WHERE job_id = {job} AND path > '/new'
    ORDER BY path LIMIT {slice}))
"""
STEPS: Final = {
    "plan a slice of 2,000 paths": _PLAN,
    "look 2,000 paths up": _HOLDS,
    "settle a batch": _SETTLE,
    "fold 2,000 paths": _FOLD,
}


def main() -> int:
    """Measure both, and print what each statement takes of the CPU."""
    rows, report = int(os.environ.get("ROWS", "2000000")), Report()
    partitions = "".join(_PARTITION.format(n=n, of=PARTITIONS) for n in range(PARTITIONS))
    kinds = {"one table": "", f"{PARTITIONS} partitions by job": _PARTITIONED.format(partitions=partitions)}
    with tempfile.TemporaryDirectory(prefix="bench-partitions-") as name, running_stores(Path(name)) as stores:
        for kind, change in kinds.items():
            with closing(Catalog(stores.create_database())) as catalog:
                migrate(catalog)
                with catalog.transaction() as tx:
                    tx.exec_driver_sql("SET LOCAL statement_timeout = 0")
                    tx.exec_driver_sql("ALTER TABLE job_items DROP CONSTRAINT fk_job_items_job_id")
                    tx.exec_driver_sql("ALTER TABLE job_items DROP CONSTRAINT fk_job_items_batch_id")
                    if change:
                        tx.exec_driver_sql(change)
                    tx.exec_driver_sql(_FILL.format(jobs=JOBS, rows=rows))
                    tx.exec_driver_sql("ANALYZE job_items")
                for step, statement in STEPS.items():
                    taken = _measured(catalog, statement)
                    report.add(f"{kind}, {rows:,} rows: {step}", f"{taken * 1e3:.2f} ms of the CPU")
    return 0


def _measured(catalog: Catalog, statement: str) -> float:
    """Return what a statement takes of the CPU on the average, in seconds."""

    def run(tx: Transaction, at: int) -> None:
        job = _JOB.format(job=at % JOBS)
        tx.exec_driver_sql(statement.format(job=job, first=1 + at * SLICE, slice=SLICE))

    return _spent(catalog, run) / ROUNDS


def _spent(catalog: Catalog, run: Callable[[Transaction, int], None]) -> float:
    with catalog.transaction() as tx:
        session = tx.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        before = spent_by(session)
        for at in range(ROUNDS):
            run(tx, at)
        return spent_by(session) - before


if __name__ == "__main__":
    sys.exit(main())
