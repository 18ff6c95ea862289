"""In a real Redis all processes count together, and each request costs one command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask

from imagesearch.access.scopes import Scope
from imagesearch.messaging.broker import create_redis
from imagesearch_api.access import RateStorage
from imagesearch_api.app import create_app
from imagesearch_api.settings import ApiSettings
from support.api_keys import Keys, bearer
from support.api_twin import services_of

pytestmark = pytest.mark.integration


@pytest.fixture
def counter(stores: Any) -> Iterator[redis.Redis]:
    made = create_redis(stores.redis)
    yield made
    made.close()


def process(keys: Keys, counter: redis.Redis, **settings: int) -> Flask:
    storage = RateStorage(
        "redis://", {"connection_pool": counter.connection_pool, "key_prefix": "imagesearch:rates"}
    )
    return create_app(keys.asked_for_by(services_of(ApiSettings(**settings), rate_storage=storage)))


def calls(client: redis.Redis) -> dict[str, int]:
    """Return how often each command was called, but for those of this question."""
    found: dict[str, dict[str, int]] = client.info("commandstats")
    return {name: stats["calls"] for name, stats in found.items() if name not in ("cmdstat_info", "cmdstat_ping")}


def test_processes_count_together_and_a_request_costs_one_command(
    client: redis.Redis, counter: redis.Redis
) -> None:
    keys = Keys()
    header = bearer(keys.make(Scope.READ))
    one, other = (process(keys, counter, requests_per_minute=10) for _ in range(2))

    def ask(app: Flask) -> int:
        return app.test_client().get("/api/v2/session", headers=header, buffered=True).status_code

    # Redis is given the script with the first request.
    assert ask(one) == 200
    before = calls(client)
    assert [ask(app) for app in (one, other) * 4] == [200] * 8
    grown = {name: count - before.get(name, 0) for name, count in calls(client).items()}
    assert grown["cmdstat_evalsha"] == 8
    # What the script itself does is no round trip.
    in_script = {"get", "set", "pttl", "exists", "incrby", "rename"}
    assert {name for name, count in grown.items() if count} <= {
        "cmdstat_evalsha",
        *(f"cmdstat_{each}" for each in in_script),
    }
    assert [ask(app) for app in (one, other, one)] == [200, 429, 429]
    [key] = [key.decode() for key in client.scan_iter("imagesearch:rates:*")]
    assert 0 < client.ttl(key) <= 120


def test_wrong_keys_are_counted_for_all_processes_together(counter: redis.Redis) -> None:
    keys = Keys()
    one, other = (process(keys, counter, wrong_keys_per_minute=3) for _ in range(2))
    wrong = {"Authorization": "Bearer wrong"}
    answers = [
        app.test_client().get("/api/v2/session", headers=wrong, buffered=True).status_code
        for app in (one, other, one, other, one)
    ]
    assert answers == [401, 401, 401, 429, 429]
