"""The index of paths is built beside those who write, once, and begun anew where somebody was killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, image_queries, images, path_index
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.catalog.migrate import is_current, migrate
from integration.conftest import Stores

pytestmark = pytest.mark.integration

PATHS = ("/lib/a", "/lib/a b", "/lib/A", "/lib/b/c", "/lib-2/a", "/lib0", "/lib.jpg", "/LIB/a", "/lib/ä")
"""No collation of words orders these by their bytes. The Postgres of tests has none, so the plan is looked at."""
BELOW = ["/lib/A", "/lib/a", "/lib/a b", "/lib/b/c", "/lib/ä"]


@pytest.fixture
def empty(stores: Stores) -> Iterator[Catalog]:
    with closing(Catalog(stores.create_database())) as made:
        yield made


def indexes(tx: Transaction) -> dict[str, bool]:
    found = tx.execute(
        sa.text("SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid")
    )
    return {row.relname: row.indisvalid for row in found if row.relname.startswith("uq_images_")}


def test_a_directory_is_one_range_of_the_order_of_bytes(empty: Catalog) -> None:
    migrate(empty)
    with empty.transaction() as tx:
        found, _ = collections.create(tx, "cats")
        images.ensure_rows(tx, found.id, PATHS, None, None)
        after, below = "", []
        while page := image_queries.below(tx, found.id, "/lib", after=after, limit=2):
            below += [image.path for image in page]
            after = below[-1]
        assert below == BELOW
        assert images.ensure_rows(tx, found.id, PATHS, None, None).keys() == set(PATHS)
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        tx.exec_driver_sql("SET LOCAL enable_sort = off")
        bounds = {"collection_id": found.id, "first": "/lib/", "end": "/lib0", "after": "/lib/a", "limit": 5}
        plan = "\n".join(tx.execute(sa.text(f"EXPLAIN {image_queries._BELOW.text}"), bounds).scalars())
    assert "uq_images_path" in plan
    assert "Sort" not in plan


def test_an_index_that_was_killed_is_begun_anew(empty: Catalog) -> None:
    migrate(empty)
    with empty.transaction() as tx:
        tx.exec_driver_sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'uq_images_path'::regclass")
    path_index.build(empty)
    with empty.transaction() as tx:
        assert indexes(tx) == {"uq_images_own_key": True, "uq_images_path": True, "uq_images_vector_key": True}
        before = tx.execute(sa.text("SELECT 'uq_images_path'::regclass::oid")).scalar_one()
    path_index.build(empty)
    with empty.transaction() as tx:
        assert tx.execute(sa.text("SELECT 'uq_images_path'::regclass::oid")).scalar_one() == before


def test_no_release_works_before_keys_are_unique(empty: Catalog) -> None:
    migrate(empty)
    assert is_current(empty)
    with empty.transaction() as tx:
        tx.exec_driver_sql(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'uq_images_own_key'::regclass"
        )
    assert not is_current(empty)
    migrate(empty)
    assert is_current(empty)
