"""A catalogue from before keys is given them in slices: each vector keeps the id of its image as its key."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, jobs, key_backlog, keys, retired, stray_files
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.catalog.migrate import is_current, migrate
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.states import BuildState
from imagesearch.catalog.tables import images, tombstones
from imagesearch.errors import StoreUnavailable
from integration.conftest import Stores

pytestmark = pytest.mark.integration

JOB = str(uuid4())
LARGE = 5 << keys.RANDOM_BITS
"""An id that a key drawn from a new sequence would lie below."""
STATES = ("indexed", "pending", "deleting", "failed", "indexed", "deleting", "indexed")
"""Of the images with the ids from 1 on; one more has a large id."""
FILLED_WITH = """
INSERT INTO collections (name, dimension, metric, model, fingerprint, index_type, vector_collection)
    VALUES ('cats', 512, 'COSINE', 'vgg16-max-512:ab', 'ab12', 'HNSW', 'live');
INSERT INTO images (id, collection_id, path, state, sha256, read_at) OVERRIDING SYSTEM VALUE
    SELECT position, collections.id, '/photos/' || position, given.state, 'ab', 5
    FROM collections, unnest(CAST(:states AS text[])) WITH ORDINALITY AS given (state, position);
INSERT INTO images (id, collection_id, path, state, sha256) OVERRIDING SYSTEM VALUE
    SELECT :large, id, '/photos/large', 'indexed', 'ab' FROM collections;
INSERT INTO jobs (id, collection_id, origin, kind, state)
    SELECT CAST(:job AS uuid), id, 'v2', 'reindex', 'running' FROM collections;
INSERT INTO index_builds (job_id, collection_id, vector_collection, index_type, extracts)
    SELECT CAST(:job AS uuid), id, 'half built', 'FLAT', false FROM collections;
INSERT INTO built_images (job_id, image_id, row_version, has_vector) VALUES (CAST(:job AS uuid), 1, 7, true);
INSERT INTO retired_vectors (vector_collection, drop_after) VALUES ('retired before', now() + interval '1 hour');
"""


@pytest.fixture
def filled(stores: Stores) -> Iterator[Catalog]:
    """A catalogue of the release before keys, in the middle of its work."""
    made = Catalog(stores.create_database())
    migrate(made, "0007")
    values = {"states": list(STATES), "large": LARGE, "job": JOB}
    with made.transaction() as tx:
        for statement in FILLED_WITH.split(";\n")[:-1]:
            tx.execute(sa.text(statement), {name: values[name] for name in values if f":{name}" in statement})
    yield made
    made.close()


@pytest.fixture
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_backlog, "SLICE", 2)


def check(catalog: Catalog) -> None:
    """Assert that every row of before is what it has to be now."""
    assert is_current(catalog)
    with catalog.transaction() as tx:
        rows = tx.execute(sa.select(images.c.id, images.c.state, images.c.vector_key).order_by(images.c.id)).all()
        dead = tx.execute(sa.select(tombstones).order_by(tombstones.c.key)).all()
        strays = stray_files.due(tx, limit=10)
        assert keys.draw(tx, 1)[0] > LARGE
    assert [tuple(row) for row in rows] == [
        (1, "indexed", 1),
        (2, "pending", None),
        (4, "failed", None),
        (5, "indexed", 5),
        (7, "indexed", 7),
        (LARGE, "indexed", LARGE),
    ]
    assert [(row.key, row.vector_collection, row.image_id) for row in dead] == [(3, "live", 3), (6, "live", 6)]
    assert sorted(one.path for one in strays) == ["/photos/3", "/photos/6"]


@pytest.mark.usefixtures("_small_slices")
def test_rows_get_their_keys_and_what_was_being_deleted_is_gone(filled: Catalog) -> None:
    migrate(filled)
    check(filled)


def test_all_rows_may_fit_into_one_slice(filled: Catalog) -> None:
    migrate(filled)
    check(filled)


@pytest.mark.usefixtures("_small_slices")
@pytest.mark.parametrize("slices", [0, 1, 2, 4])
def test_a_migration_that_was_killed_goes_on_and_nobody_begins_before_its_end(
    filled: Catalog, monkeypatch: pytest.MonkeyPatch, slices: int
) -> None:
    fill_next, filled_slices = key_backlog.fill_next, 0

    def die(tx: Transaction) -> bool:
        nonlocal filled_slices
        more = fill_next(tx)
        if filled_slices == slices:
            raise StoreUnavailable("postgres", "killed in this test")
        filled_slices += 1
        return more

    monkeypatch.setattr(key_backlog, "fill_next", die)
    with pytest.raises(StoreUnavailable):
        migrate(filled)
    assert not is_current(filled)
    with filled.transaction() as tx:
        keyless = images.c.vector_key.is_(None) & (images.c.state == "indexed")
        assert tx.execute(sa.select(sa.func.count()).where(keyless)).scalar_one() == (4, 3, 3, 0)[min(slices, 3)]
    monkeypatch.undo()
    migrate(filled)
    check(filled)


def test_a_build_on_its_way_is_given_up_and_its_job_says_why(filled: Catalog) -> None:
    migrate(filled)
    with filled.transaction() as tx:
        build = builds.get(tx, JOB)
        assert build is not None
        assert (build.state, build.reached_key) == (BuildState.ABANDONED, None)
        assert "reindex the collection again" in (jobs.get(tx, JOB).error or "")
        assert retired.due(tx) == ["half built"]
        assert collections.get(tx, "cats").switched_build is None


def test_vectors_that_were_retired_before_are_dropped_in_the_time_they_had(filled: Catalog) -> None:
    migrate(filled)
    with filled.transaction() as tx:
        tx.execute(sa.text("UPDATE retired_vectors SET drop_after = drop_after - interval '1 hour'"))
        assert sorted(retired.due(tx)) == ["half built", "retired before"]


@pytest.mark.usefixtures("_small_slices")
def test_from_then_on_postgres_takes_no_row_without_a_key_that_is_indexed(filled: Catalog) -> None:
    migrate(filled)
    with filled.transaction() as tx:
        unchecked = tx.execute(sa.text("SELECT conname FROM pg_constraint WHERE NOT convalidated")).scalars()
        assert list(unchecked) == []
    with pytest.raises(sa.exc.IntegrityError, match="ck_images_vector_key"), filled.transaction() as tx:
        tx.execute(sa.update(images).where(images.c.id == 1).values(vector_key=None))


def test_an_empty_catalogue_has_no_backlog(stores: Stores) -> None:
    made = Catalog(stores.create_database())
    try:
        migrate(made)
        with made.transaction() as tx:
            assert not key_backlog.is_open(tx)
            assert not key_backlog.fill_next(tx)
    finally:
        made.close()
