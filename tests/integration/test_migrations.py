"""Migrations move a filled catalogue forward and lose nothing; what they leave is what the tables say."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from imagesearch.catalog import collections, images, jobs, ledger
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import is_current, migrate
from imagesearch.catalog.tables import metadata
from integration.conftest import Stores

pytestmark = pytest.mark.integration

JOB = str(uuid4())
FILLED_WITH = """
INSERT INTO collections (name, dimension, metric, model, fingerprint, index_type, vector_collection)
    VALUES ('cats', 512, 'COSINE', 'vgg16-max-512:ab', 'ab12', 'HNSW', 'imagesearch_1');
INSERT INTO images (collection_id, path, state, sha256, metadata)
    SELECT id, '/photos/cat.jpg', 'indexed', 'ab', '{"year": 1999}' FROM collections;
INSERT INTO jobs (id, collection_id, origin, directory, state, total, indexed, listed_at, planned_at, finished_at)
    SELECT CAST(:job AS uuid), id, 'v1', '/photos', 'succeeded', 1, 1, now(), now(), now() FROM collections;
INSERT INTO job_batches (job_id, state) VALUES (CAST(:job AS uuid), 'done');
INSERT INTO job_items (job_id, image_id, batch_id, path, outcome)
    SELECT CAST(:job AS uuid), images.id, job_batches.id, path, 'indexed' FROM images, job_batches;
"""


@pytest.fixture
def empty(stores: Stores) -> Iterator[Catalog]:
    made = Catalog(stores.create_database())
    yield made
    made.close()


def test_a_filled_first_catalogue_comes_along(empty: Catalog) -> None:
    migrate(empty, "0001")
    with empty.transaction() as tx:
        for statement in FILLED_WITH.split(";\n")[:-1]:
            tx.execute(sa.text(statement), {"job": JOB} if ":job" in statement else {})
    migrate(empty)
    assert is_current(empty)
    with empty.transaction() as tx:
        collection = collections.get(tx, "cats")
        assert (collection.vector_collection, collection.generation) == ("imagesearch_1", 0)
        job = jobs.get(tx, JOB)
        assert (job.kind, job.indexed, job.collection) == ("index", 1, "cats")
        assert ledger.recount(tx, JOB) == (1, job.outcomes)
        # Removing a job takes its batches and ledger along, and reads no others for it.
        assert "ix_job_batches_job_id" in [one["name"] for one in sa.inspect(tx).get_indexes("job_batches")]
        assert [each.path for each in images.indexed_by_ids(tx, [1]).values()] == ["/photos/cat.jpg"]


def test_migrations_and_tables_agree(empty: Catalog) -> None:
    migrate(empty)
    with empty.transaction() as tx:
        assert compare_metadata(MigrationContext.configure(tx), metadata) == []


def test_migrating_again_changes_nothing(empty: Catalog) -> None:
    migrate(empty)
    migrate(empty)
    assert is_current(empty)
