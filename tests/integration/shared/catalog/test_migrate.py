"""Migrations move a filled catalogue forward and lose nothing; what they leave is what the tables say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog import migrate as migrating
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import IdempotencyKey, ledger
from imagesearch.catalog.jobs.ledger import CountedSlice
from imagesearch.catalog.migrate import is_current, migrate
from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import metadata
from imagesearch_api.v2.jobs import SUBMITTING
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
UPDATE jobs SET idempotency_key = 'monday', request_sha256 = 'cd';
INSERT INTO jobs (id, collection_id, origin, directory, state)
    SELECT gen_random_uuid(), id, 'v1', '/photos', 'running' FROM collections, generate_series(1, 2);
INSERT INTO job_batches (job_id, state) VALUES (CAST(:job AS uuid), 'done');
INSERT INTO job_items (job_id, image_id, batch_id, path, outcome)
    SELECT CAST(:job AS uuid), images.id, job_batches.id, path, 'indexed' FROM images, job_batches;
"""


def new_job(scope: str) -> jobs.NewJob:
    key = IdempotencyKey(scope, "monday")
    return jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory="/photos", idempotency_key=key)


def fill(tx: sa.Connection) -> None:
    for statement in FILLED_WITH.split(";\n")[:-1]:
        tx.execute(sa.text(statement), {"job": JOB} if ":job" in statement else {})


@pytest.fixture
def empty(stores: Stores) -> Iterator[Catalog]:
    made = Catalog(stores.create_database())
    yield made
    made.close()


def test_a_filled_first_catalogue_comes_along(empty: Catalog) -> None:
    migrate(empty, "0001")
    with empty.transaction() as tx:
        fill(tx)
    migrate(empty)
    assert is_current(empty)
    with empty.transaction() as tx:
        collection = collections.get(tx, "cats")
        assert (collection.vector_collection, collection.generation) == ("imagesearch_1", 0)
        assert (collection.network, collection.dimension, collection.preprocessing.side) == ("vgg16", 512, 224)
        job = jobs.get(tx, JOB)
        assert (job.kind, job.indexed, job.collection) == ("index", 1, "cats")
        assert ledger.count_slice(tx, JOB, after="", limit=9) == CountedSlice(1, job.outcomes, None)
        # A key that was used before its scope was known finds its job, and belongs to the jobs alone.
        assert jobs.by_key(tx, IdempotencyKey(SUBMITTING, "monday")) == job
        assert jobs.by_key(tx, IdempotencyKey("POST /api/v2/other", "monday")) is None
        with pytest.raises(jobs.KeyTaken):
            jobs.create(tx, collection.id, new_job(SUBMITTING))
        assert jobs.create(tx, collection.id, new_job("POST /api/v2/other")).id != JOB
        # Removing a job takes its batches and ledger along, and reads no others for it.
        assert "ix_job_batches_job_id" in [index["name"] for index in sa.inspect(tx).get_indexes("job_batches")]
        found = images.by_keys(tx, collection.id, [1])
        assert {key: row.path for key, row in found.items()} == {1: "/photos/cat.jpg"}


def test_migrations_and_tables_agree(empty: Catalog) -> None:
    migrate(empty)
    with empty.transaction() as tx:
        assert compare_metadata(MigrationContext.configure(tx), metadata) == []


def test_giving_keys_their_scope_writes_no_row(empty: Catalog) -> None:
    migrate(empty, "0005")
    with empty.transaction() as tx:
        fill(tx)
        before = [tuple(row) for row in tx.execute(sa.text("SELECT ctid, xmin, id FROM jobs ORDER BY number"))]
    migrate(empty, "0006")
    with empty.transaction() as tx:
        after = [tuple(row) for row in tx.execute(sa.text("SELECT ctid, xmin, id FROM jobs ORDER BY number"))]
    assert after == before


def test_migrating_again_changes_nothing(empty: Catalog) -> None:
    migrate(empty)
    migrate(empty)
    assert is_current(empty)


def migrate_with_the_next_release(
    empty: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch, *says: str
) -> None:
    """Migrate as a release does that has one migration more, which says something of itself."""
    newest = max(path.name[:4] for path in (migrating.MIGRATIONS / "versions").glob("0*.py"))
    shutil.copytree(migrating.MIGRATIONS, folder / "migrations")
    lines = ('revision = "next"', f'down_revision = "{newest}"', *says, "def upgrade() -> None: ...")
    (folder / "migrations/versions/next.py").write_text("\n".join(lines))
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "MIGRATIONS", folder / "migrations")
        migrate(empty)
        assert is_current(empty)


def test_a_release_goes_on_when_the_next_one_has_migrated(
    empty: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty)
    migrate_with_the_next_release(empty, tmp_path, monkeypatch)
    assert is_current(empty)
    # Its own migration, which comes late, does no harm.
    migrate(empty)
    assert is_current(empty)


def test_a_release_stands_back_when_the_next_one_says_that_it_cannot_go_on(
    empty: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty)
    migrate_with_the_next_release(empty, tmp_path, monkeypatch, 'OLDEST_REVISION = "next"')
    assert not is_current(empty)


def test_what_an_earlier_migration_said_holds_behind_it(
    empty: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate_with_the_next_release(empty, tmp_path, monkeypatch, 'OLDEST_REVISION = "0003"')
    assert is_current(empty)


def test_a_release_waits_for_its_own_migrations(empty: Catalog) -> None:
    assert not is_current(empty)
    migrate(empty, "0006")
    assert not is_current(empty)
