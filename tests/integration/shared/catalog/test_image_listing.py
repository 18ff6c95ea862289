"""A page of a list of images reads what it shows, however many images there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, image_listing, listing_indexes
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.image_listing import LAST, Moment, behind, between, in_state
from imagesearch.catalog.states import ImageState
from imagesearch.errors import StoreUnavailable
from support.plans import plan_of, rows_read

pytestmark = pytest.mark.integration

ROWS = 6_000
BEGIN = datetime(2025, 5, 1, tzinfo=UTC)


@pytest.fixture
def collection_id(catalog: Catalog) -> int:
    """A collection whose images became known second by second, every hundredth of which failed."""
    with catalog.transaction() as tx:
        made, _ = collections.create(tx, "cats")
        tx.execute(
            sa.text(
                "INSERT INTO images (collection_id, path, partition, state, vector_key, created_at) "
                "SELECT :id, '/' || n % 7 || '/' || n, CASE WHEN n % 2 = 0 THEN 'even' ELSE '' END, "
                "CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'indexed' END, "
                "CASE WHEN n % 100 = 0 THEN NULL ELSE n END, "
                "CAST(:begin AS timestamptz) + n / 2 * interval '1 second' FROM generate_series(1, :rows) AS n"
            ),
            {"id": made.id, "begin": BEGIN, "rows": ROWS},
        )
        tx.exec_driver_sql("ANALYZE images")
    return made.id


@pytest.mark.parametrize("partition", [None, "even"])
def test_what_failed_is_found_among_what_did_not(
    catalog: Catalog, collection_id: int, partition: str | None
) -> None:
    found: list[int] = []
    with catalog.reading() as tx:
        states = [ImageState.FAILED, ImageState.PENDING]
        while page := image_listing.by_id(
            tx, collection_id, states, partition=partition, after=found[-1] if found else 0, limit=7
        ):
            found += [image.id for image in page]
        query = in_state(collection_id, ImageState.FAILED, partition=partition, after=found[30], limit=10)
        assert max(rows_read(plan_of(tx, query))) <= 10
        expected = sa.text("SELECT id FROM images WHERE state = 'failed' ORDER BY id")
        assert found == list(tx.execute(expected).scalars())


def test_several_states_are_one_list(catalog: Catalog, collection_id: int) -> None:
    with catalog.reading() as tx:
        found = image_listing.by_id(tx, collection_id, ImageState, partition=None, after=0, limit=250)
    assert [image.path.rpartition("/")[2] for image in found] == [str(number) for number in range(1, 251)]


def test_a_time_is_one_range(catalog: Catalog, collection_id: int) -> None:
    since, until = BEGIN + timedelta(seconds=100), BEGIN + timedelta(seconds=130)
    found: list[Moment] = []
    with catalog.reading() as tx:
        while page := image_listing.by_time(
            tx, collection_id, since=since, until=until, after=found[-1] if found else None, limit=7
        ):
            found += [Moment(image.created_at, image.id) for image in page]
        query = between(collection_id, since=since, until=None, after=found[30], limit=10)
        assert max(rows_read(plan_of(tx, query))) <= 10
    assert len(found) == 60
    assert found == sorted(found)
    assert (found[0].created_at, found[-1].created_at) == (since, until - timedelta(seconds=1))


def test_a_prefix_is_one_range(catalog: Catalog, collection_id: int) -> None:
    found: list[str] = []
    with catalog.transaction() as tx:
        while page := image_listing.by_path(tx, collection_id, "/3/10", after=found[-1] if found else "", limit=7):
            found += [image.path for image in page]
        # The Postgres of tests orders by bytes; a collation of words would make the planner sort all of it.
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        tx.exec_driver_sql("SET LOCAL enable_sort = off")
        given = {"collection_id": collection_id, "first": "/3/10", "end": behind("/3/10"), "after": "", "limit": 5}
        plan = "\n".join(tx.execute(sa.text(f"EXPLAIN {image_listing.BELOW.text}"), given).scalars())
    assert found == sorted(f"/3/{n}" for n in range(1, ROWS + 1) if n % 7 == 3 and str(n).startswith("10"))
    assert "uq_images_path" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(
    ("prefix", "end"),
    [("/lib", "/lic"), ("/a\ud7ff", "/a\ue000"), (f"/a{LAST}{LAST}", "/b"), (f"{LAST}", LAST * 2_401)],
    ids=ascii,
)
def test_what_is_behind_a_prefix(prefix: str, end: str) -> None:
    assert behind(prefix) == end


def test_a_list_waits_for_its_index(catalog: Catalog, collection_id: int) -> None:
    with catalog.transaction() as tx:
        tx.exec_driver_sql(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_images_created'::regclass"
        )
    try:
        with catalog.reading() as tx, pytest.raises(StoreUnavailable, match="being built"):
            image_listing.by_time(tx, collection_id, since=BEGIN, until=None, after=None, limit=1)
    finally:
        listing_indexes.build(catalog)
    with catalog.reading() as tx:
        assert image_listing.by_time(tx, collection_id, since=BEGIN, until=None, after=None, limit=1)
