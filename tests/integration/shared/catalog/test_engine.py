"""Connections to Postgres: trusted while they are in use, asked whether they live after that."""

from __future__ import annotations

from contextlib import closing

import pytest
import sqlalchemy as sa

from imagesearch.catalog import engine
from imagesearch.catalog.engine import Catalog
from imagesearch.errors import StoreUnavailable
from integration.conftest import Stores

pytestmark = pytest.mark.integration

MINE = "SELECT pg_backend_pid()"
END = sa.text("SELECT pg_terminate_backend(CAST(:pid AS integer), 10000)")


def ask_two(catalog: Catalog) -> None:
    with catalog.reading() as first, catalog.reading() as other:
        assert first.execute(sa.text(MINE)).scalar_one() != other.execute(sa.text(MINE)).scalar_one()


def end_idle(catalog: Catalog) -> None:
    """End one of the two connections that the pool then holds, as a restart of the server does."""
    with catalog.reading() as first, catalog.reading() as other:
        gone = other.execute(sa.text(MINE)).scalar_one()
        assert first.execute(END, {"pid": gone}).scalar()


def test_an_idle_connection_that_died_costs_no_error(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "TRUSTED_SECONDS", 0.0)
    end_idle(catalog)
    ask_two(catalog)
    end_idle(catalog)
    with catalog.transaction() as first, catalog.transaction() as other:
        assert first.execute(sa.text(MINE)).scalar_one() != other.execute(sa.text(MINE)).scalar_one()


def test_a_connection_that_died_in_use_is_an_error_of_the_store_and_the_next_one_works(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "TRUSTED_SECONDS", 1000.0)
    end_idle(catalog)
    with pytest.raises(StoreUnavailable):
        ask_two(catalog)
    ask_two(catalog)


def test_reads_see_what_others_commit_between_their_statements(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.execute(sa.text("CREATE TABLE seen (n integer)"))
    count = sa.text("SELECT count(*) FROM seen")
    with catalog.reading() as reader:
        assert reader.execute(count).scalar_one() == 0
        with catalog.transaction() as writer:
            writer.execute(sa.text("INSERT INTO seen VALUES (1)"))
            assert reader.execute(count).scalar_one() == 0
        assert reader.execute(count).scalar_one() == 1


def test_a_transaction_that_fails_leaves_nothing(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.execute(sa.text("CREATE TABLE kept (n integer)"))

    def fail_midway() -> None:
        with catalog.transaction() as tx:
            tx.execute(sa.text("INSERT INTO kept VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_midway()
    with catalog.reading() as tx:
        assert tx.execute(sa.text("SELECT count(*) FROM kept")).scalar_one() == 0


def test_postgres_shows_whose_a_session_is(stores: Stores) -> None:
    with closing(Catalog(stores.maintenance, service="api")) as catalog, catalog.reading() as tx:
        assert tx.execute(sa.text("SHOW application_name")).scalar_one() == "imagesearch-api"
