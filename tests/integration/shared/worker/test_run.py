"""A process that ends leaves no thread at work and no connection open."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from imagesearch.contract import FinishDeletes, PlanJob, Queue, TaskName
from imagesearch.errors import QueryTimeout
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, send
from imagesearch.settings import RedisSettings
from imagesearch_api.celery_rpc import CeleryAsker
from support.kept_ports import kept_port
from support.valkey_server import ValkeyServer
from support.waiting import TIMEOUT, until

pytestmark = pytest.mark.integration

AT_EXIT = """
import atexit, threading
import psutil
from imagesearch_api.app import create_app
from support.waiting import until

def show():
    print(sorted(thread.name for thread in threading.enumerate()), len(psutil.Process().net_connections()))

atexit.register(show)  # what is registered first runs last
services = create_app().extensions["services"]
cache = services.search.embedding.cache
cache.remember({"a": bytes(2048)})
until(lambda: cache.read(["a"], 512))
show()
"""


@pytest.fixture
def server(tmp_path: Path) -> ValkeyServer:
    return ValkeyServer(tmp_path / "valkey")


def connections(client: redis.Redis) -> int:
    return len(client.client_list())


def test_a_closed_celery_application_has_no_connection_left_and_does_not_disturb_the_next(
    server: ValkeyServer,
) -> None:
    settings = RedisSettings(redis_url=server.url)
    with server, create_redis(settings) as client:
        for _ in range(2):
            app = create_celery(settings)
            send(app, TaskName.PLAN, PlanJob("job"))
            with pytest.raises(QueryTimeout):
                CeleryAsker(app)(TaskName.INDEX, PlanJob("job"), 0.01)
            assert connections(client) > 1
            close_celery(app)
            until(lambda: connections(client) == 1)


def test_what_the_api_asks_for_is_dropped_by_no_worker_whose_clock_runs_ahead(server: ValkeyServer) -> None:
    settings = RedisSettings(redis_url=server.url)
    with server, create_redis(settings) as client:
        app = create_celery(settings)
        with pytest.raises(QueryTimeout):
            CeleryAsker(app)(TaskName.DELETE, FinishDeletes(7), 0.01)
        (message,) = client.lrange(Queue.PLAN.value, 0, -1)
        assert json.loads(message)["headers"]["expires"] is None
        close_celery(app)


def test_an_application_that_made_its_services_closes_them_when_the_process_ends(
    server: ValkeyServer, tmp_path: Path
) -> None:
    environment = {
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "REDIS_URL": server.url,
        "IMAGE_ROOTS": str(tmp_path),
        "METRICS_PORT": str(kept_port()),
    }
    with server:
        done = subprocess.run(
            [sys.executable, "-c", AT_EXIT],
            env={**os.environ, **environment, "LOG_LEVEL": "ERROR"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert done.stderr == ""
    at_work, ended = done.stdout.splitlines()
    assert "query-cache" in at_work
    assert ended == "['MainThread'] 0"
