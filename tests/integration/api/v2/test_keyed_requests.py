"""What is asked for twice under one Idempotency-Key is made once, and answered twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from imagesearch.access.keys import Token
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import EVERYTHING
from imagesearch.catalog import api_keys, collections, keyed_requests
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import IdempotencyKey
from imagesearch.catalog.tables import keyed_requests as table
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_api.app import create_app
from imagesearch_api.settings import ApiSettings
from support.api_keys import bearer
from support.api_twin import services_of
from support.plans import plan_of, rows_read
from support.waiting import until

pytestmark = pytest.mark.integration

Ask = Callable[..., TestResponse]
NETWORKS: Any = type("Workers", (), {"alive": lambda _: []})()


@pytest.fixture
def admins(catalog: Catalog) -> list[Token]:
    tokens = [Token.new(), Token.new()]
    with catalog.transaction() as tx:
        for token in tokens:
            api_keys.create(tx, token, "admin", Scope.ADMIN, EVERYTHING, by=None)
    return tokens


@pytest.fixture
def ask(catalog: Catalog, admins: list[Token]) -> Ask:
    settings = ApiSettings(api_keys=True)
    app = create_app(services_of(settings, catalog=catalog, vectors=InMemoryVectorStore(), workers=NETWORKS))

    def send(url: str, body: dict[str, Any], key: str = "k", by: int = 0) -> TestResponse:
        headers = {**bearer(admins[by]), "Idempotency-Key": key}
        return app.test_client().post(f"/api/v2/{url}", json=body, headers=headers, buffered=True)

    return send


def told(answer: TestResponse) -> tuple[Any, ...]:
    return answer.status_code, answer.get_json(), answer.headers.get("ETag"), answer.headers.get("Location")


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def age(catalog: Catalog, by: timedelta) -> None:
    with catalog.transaction() as tx:
        tx.execute(sa.update(table).values(created_at=table.c.created_at - by))


def test_a_collection_is_made_once_and_shown_twice(ask: Ask, catalog: Catalog) -> None:
    first = ask("collections", {"name": "cats"})
    assert first.status_code == 201
    assert told(ask("collections", {"name": "cats"})) == told(first)
    assert code(ask("collections", {"name": "dogs"})) == (409, "idempotency_key_used")
    assert code(ask("collections", {"name": "cats"}, key="another")) == (409, "name_taken")
    # What was refused leaves its key free, and keys of one caller are not those of another.
    assert ask("collections", {"name": "dogs"}, key="another").status_code == 201
    assert ask("collections", {"name": "birds"}, by=1).status_code == 201
    with catalog.reading() as tx:
        assert [one.name for one in collections.all_active(tx)] == ["birds", "cats", "dogs"]


def test_of_two_at_once_one_is_made(ask: Ask, catalog: Catalog, admins: list[Token]) -> None:
    key = IdempotencyKey(f"POST /api/v2/collections {admins[0].id}", "k")

    def waiters() -> int:
        with catalog.reading() as tx:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
            return int(tx.execute(sa.text(f"{waiting} datname = current_database()")).scalar_one())

    with ThreadPoolExecutor(1) as pool:
        with catalog.transaction() as tx:
            assert keyed_requests.take(tx, key, "another request") is None
            second = pool.submit(ask, "collections", {"name": "cats"})
            until(lambda: waiters() == 1)
        assert code(second.result()) == (409, "idempotency_key_used")


def test_after_a_day_a_key_is_free_and_forgotten(ask: Ask, catalog: Catalog) -> None:
    assert ask("collections", {"name": "cats"}).status_code == 201
    age(catalog, timedelta(hours=23))
    assert ask("collections", {"name": "cats"}).status_code == 201
    age(catalog, timedelta(hours=2))
    assert ask("collections", {"name": "dogs"}).status_code == 201
    age(catalog, timedelta(hours=25))
    with catalog.transaction() as tx:
        tx.execute(
            sa.text(
                "INSERT INTO keyed_requests (scope, key, request_sha256) "
                "SELECT 'young', n, '' FROM generate_series(1, 5000) AS n"
            )
        )
        tx.exec_driver_sql("ANALYZE keyed_requests")
        assert max(rows_read(plan_of(tx, keyed_requests.removal(limit=10)))) <= 10
        left = sa.select(table.c.scope).where(table.c.scope != "young")
        assert tx.execute(left).all() == []


def test_an_api_key_is_made_once_and_its_secret_is_nowhere(ask: Ask, catalog: Catalog) -> None:
    first = ask("keys", {"name": "phone"})
    assert first.status_code == 201
    again = ask("keys", {"name": "phone"})
    assert code(again) == (409, "shown_once")
    assert first.get_json()["id"] in again.get_json()["detail"]
    token = Token.parse(first.get_json()["key"])
    assert token is not None
    with catalog.reading() as tx:
        kept = str(tx.execute(sa.select(table)).all())
        assert len(api_keys.listing(tx, after="", limit=10)) == 3
    assert token.id in kept
    assert token.secret not in kept
    assert token.digest not in kept
