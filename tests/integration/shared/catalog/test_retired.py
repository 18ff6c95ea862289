"""Vectors that nobody uses are kept for a while from when that is known, and their names for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from imagesearch.catalog import retired
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.tables import retired_vectors as table

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)


def retire(catalog: Catalog, name: str, *, keep_for: timedelta = timedelta(0)) -> None:
    with catalog.transaction() as tx:
        retired.retire(tx, name, keep_for=keep_for)


def due(catalog: Catalog) -> list[str]:
    with catalog.transaction() as tx:
        return retired.due(tx)


def test_what_is_not_to_be_kept_is_dropped_at_once_and_once(catalog: Catalog) -> None:
    retire(catalog, "old")
    assert due(catalog) == due(catalog) == ["old"]
    with catalog.transaction() as tx:
        assert retired.count_due(tx) == 1
        retired.dropped(tx, "old")
        assert (retired.due(tx), retired.count_due(tx)) == ([], 0)
    retire(catalog, "old")
    assert due(catalog) == []


def test_the_time_begins_when_somebody_sees_it_and_not_when_a_long_transaction_began(catalog: Catalog) -> None:
    retire(catalog, "old", keep_for=HOUR)
    with catalog.transaction() as tx:
        assert tx.execute(sa.select(table.c.drop_after)).scalar_one() is None
        assert retired.count_due(tx) == 0
    assert due(catalog) == []
    with catalog.transaction() as tx:
        clock = sa.select(table.c.drop_after - sa.func.clock_timestamp())
        assert timedelta(minutes=55) < tx.execute(clock).scalar_one() <= HOUR
        tx.execute(sa.update(table).values(drop_after=table.c.drop_after - HOUR))
    assert due(catalog) == ["old"]


def test_those_come_first_whose_time_was_over_first(catalog: Catalog) -> None:
    for name, minutes in (("a", 10), ("b", 30), ("c", 20)):
        retire(catalog, name)
        with catalog.transaction() as tx:
            since = sa.func.clock_timestamp() - timedelta(minutes=minutes)
            tx.execute(sa.update(table).where(table.c.vector_collection == name).values(drop_after=since))
    assert due(catalog) == ["b", "c", "a"]


def test_a_name_that_was_dropped_is_known_when_it_appears_again(catalog: Catalog) -> None:
    for name in ("dropped", "also dropped", "waiting"):
        retire(catalog, name)
    with catalog.transaction() as tx:
        retired.dropped(tx, "dropped")
        retired.dropped(tx, "also dropped")
        there = ["dropped", "waiting", "in use"]
        assert retired.dropped_among(tx, there) == ["dropped"]
        assert retired.dropped_among(tx, []) == []
