"""A worker's lines of log carry the id of the request whose message it handles, and of no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import structlog
from celery import Celery
from celery.contrib.testing.worker import start_worker

from imagesearch import request_id
from imagesearch.contract import PlanJob, TaskName
from imagesearch.messaging.broker import close_celery, create_celery, register, send
from imagesearch.settings import RedisSettings
from support.valkey_server import ValkeyServer
from support.waiting import TIMEOUT

pytestmark = pytest.mark.integration


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Celery]:
    with ValkeyServer(tmp_path / "valkey") as server:
        made = create_celery(RedisSettings(redis_url=server.url))
        yield made
        close_celery(made)


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    request_id.end()


def test_a_message_brings_the_id_of_its_request_to_the_worker(app: Celery) -> None:
    seen: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def handle(message: PlanJob) -> None:
        seen.put((message.job_id, structlog.contextvars.get_contextvars().get("request")))

    register(app, TaskName.PLAN, PlanJob, handle)
    request_id.begin("order-7")
    send(app, TaskName.PLAN, PlanJob("first"))
    request_id.end()
    send(app, TaskName.PLAN, PlanJob("second"))
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=TIMEOUT):
        assert [seen.get(timeout=TIMEOUT) for _ in range(2)] == [("first", "order-7"), ("second", None)]
