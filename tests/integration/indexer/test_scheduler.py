"""Reconciliation is asked for regularly, whatever the clocks of the hosts say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery
from celery.beat import Scheduler

from imagesearch.contract import Queue, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.broker import close_celery, create_celery
from imagesearch.messaging.claims import InFlight
from imagesearch_indexer.scheduler import every, scheduler_of
from integration.conftest import Stores

pytestmark = pytest.mark.integration


@pytest.fixture
def app(stores: Stores) -> Iterator[Celery]:
    made = create_celery(stores.redis)
    yield made
    close_celery(made)


class Away(InFlight):
    """Redis does not answer."""

    def is_waiting(self, task_id: str) -> bool:
        raise StoreUnavailable("redis", "away")


def scheduler(app: Celery, in_flight: InFlight) -> Scheduler:
    app.conf.beat_schedule = {
        "reconcile": every(30.0, "reconcile", deep=False),
        "sweep": every(3600.0, "sweep", deep=True),
    }
    made = scheduler_of(in_flight)(app)
    made.setup_schedule()
    return made


def asked(client: redis.Redis) -> list[str]:
    messages = [json.loads(message) for message in client.lrange(Queue.RECONCILE.value, 0, -1)]
    assert {message["headers"]["task"] for message in messages} <= {str(TaskName.RECONCILE)}
    # A worker would compare it with a clock of its own.
    assert all(message["headers"]["expires"] is None for message in messages)
    return sorted(message["headers"]["id"] for message in messages)


def test_what_still_waits_is_not_asked_for_again(app: Celery, client: redis.Redis) -> None:
    made = scheduler(app, InFlight(client))
    for _ in range(3):
        made.apply_entry(made.schedule["reconcile"])
    assert asked(client) == ["scheduled-reconcile"]
    made.apply_entry(made.schedule["sweep"])
    assert asked(client) == ["scheduled-reconcile", "scheduled-sweep"]
    client.delete(Queue.RECONCILE.value)
    made.apply_entry(made.schedule["reconcile"])
    assert asked(client) == ["scheduled-reconcile"]


def test_a_redis_that_is_away_puts_it_off(app: Celery, client: redis.Redis) -> None:
    made = scheduler(app, Away(client))
    made.apply_entry(made.schedule["reconcile"])
    assert asked(client) == []


def test_the_heartbeat_of_a_scheduler_is_that_it_looks_what_is_due(
    app: Celery, client: redis.Redis, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "heartbeat"
    made = scheduler_of(Away(client), heartbeat)(app)
    made.setup_schedule()
    assert not heartbeat.exists()
    made.tick()
    assert heartbeat.exists()
