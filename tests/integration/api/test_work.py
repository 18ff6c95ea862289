"""An autoscaler and a readiness probe get what they need while no worker runs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import redis
from flask.testing import FlaskClient

from imagesearch.worker.registry import WorkerRegistry
from imagesearch_api.app import create_app
from support.api_twin import services_of
from support.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def http(world: World, client: redis.Redis) -> FlaskClient:
    services = services_of(
        catalog=world.catalog,
        vectors=world.vectors,
        workers=WorkerRegistry(client),
        patient=SimpleNamespace(client=client),
    )
    return create_app(services).test_client()


def test_what_there_is_to_do_is_told_before_anybody_does_it(world: World, http: FlaskClient) -> None:
    world.write(*(f"{number:02}.jpg" for number in range(20)))
    job_id = world.submit(world.root)
    assert http.get("/api/v2/work").json == {"plan": 1, "extract": 0, "index": 0}
    world.plan(job_id)
    # Two slices of ten paths make three batches each, and three of them may be in flight.
    assert http.get("/api/v2/work").json == {"plan": 0, "extract": 6, "index": 3}


def test_an_api_without_workers_is_ready_for_requests_though_the_system_is_not_whole(http: FlaskClient) -> None:
    assert http.get("/readyz").status_code == 503
    ready = http.get("/readyz/stores")
    assert ready.status_code == 200
    assert ready.json == {"status": "ok", "components": {"postgres": "ok", "milvus": "ok", "redis": "ok"}}
