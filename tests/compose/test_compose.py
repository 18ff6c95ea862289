"""The whole system as docker-compose.yml describes it, while its containers come, crash and are replaced."""

from __future__ import annotations

import json
import random
import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

from compose.conftest import PICTURES
from compose.engine import Engine
from compose.images import REPOSITORY, service_image
from compose.stack import Stack, service_of
from support.waiting import until

pytestmark = pytest.mark.compose

CRASHING = ("api", "extractor", "extractor-query", "indexer", "scheduler", "redis", "postgres", "milvus")
ENDED = ("succeeded", "completed_with_failures", "failed", "cancelled")


def submit(http: httpx.Client, collection: str) -> str:
    response = http.post("/api/v2/jobs", json={"source": "/pictures", "collection": collection})
    assert response.status_code == 202, response.text
    job: str = response.json()["id"]
    return job


def job(http: httpx.Client, job_id: str) -> dict[str, Any]:
    """Return a job, or nothing while the API or a store is away."""
    try:
        response = http.get(f"/api/v2/jobs/{job_id}")
    except httpx.TransportError:
        return {}
    assert response.status_code in (200, 503), response.text
    found: dict[str, Any] = response.json() if response.status_code == 200 else {}
    return found


def search(http: httpx.Client, collection: str, path: Path) -> list[dict[str, Any]]:
    """Search until there is an answer: a store that is away is 503."""

    def ask() -> list[dict[str, Any]]:
        try:
            response = http.post(
                f"/api/v2/collections/{collection}/search",
                files={"image": path.read_bytes()},
                data={"top_k": "3"},
            )
        except httpx.TransportError:
            return []
        assert response.status_code in (200, 503), response.text
        results: list[dict[str, Any]] = response.json()["results"] if response.status_code == 200 else []
        return results

    return until(ask)


def assert_complete(http: httpx.Client, collection: str, job_id: str, pictures: Path) -> None:
    """See that every picture has its outcome, its row and its vector, and finds itself."""
    ended = until(lambda: (found := job(http, job_id)).get("state") in ENDED and found)
    assert ended["state"] == "succeeded", ended
    assert (ended["total"], ended["indexed"], ended["failed"]) == (PICTURES, PICTURES, 0)

    def counts() -> dict[str, Any]:
        answer = until(
            lambda: (found := http.get(f"/api/v2/collections/{collection}")).status_code == 200 and found
        )
        told: dict[str, Any] = answer.json()
        return told

    assert counts()["images"] == PICTURES
    # What a worker wrote that died before its vectors were named is collected by the next comparison.
    until(lambda: counts()["vectors"] == PICTURES)
    for path in sorted(pictures.iterdir())[::20]:
        nearest = search(http, collection, path)[0]
        assert nearest["path"] == f"/pictures/{path.name}"
        assert nearest["distance"] < 0.001


def test_only_the_port_of_the_api_is_published(stack: Stack) -> None:
    published = {
        service_of(container): sorted(port for port, at in container["NetworkSettings"]["Ports"].items() if at)
        for container in stack.containers()
    }
    assert {service: ports for service, ports in published.items() if ports} == {"api": ["5000/tcp"]}


def test_no_service_may_more_than_it_needs(stack: Stack) -> None:
    for container in stack.containers("api", "extractor", "extractor-query", "indexer", "scheduler"):
        host, config = container["HostConfig"], container["Config"]
        assert host["ReadonlyRootfs"], service_of(container)
        assert host["CapDrop"] == ["ALL"]
        assert host["Memory"] > 0
        assert host["NanoCpus"] > 0
        assert config["User"] == "10001:10001"
        names = {line.split("=")[0] for line in config["Env"]}
        assert ("DATABASE_URL" in names) == (service_of(container) in ("api", "indexer"))


def test_pictures_are_indexed_and_found_through_the_published_port(http: httpx.Client, pictures: Path) -> None:
    assert_complete(http, "calm", submit(http, "calm"), pictures)


def test_an_uploaded_picture_is_kept_in_the_shared_volume(http: httpx.Client, pictures: Path) -> None:
    picture = (pictures / "000.jpg").read_bytes()
    assert http.post("/api/v2/collections", json={"name": "uploads"}).status_code == 201
    response = http.post("/api/v2/collections/uploads/images", files={"image": picture})
    assert response.status_code in (201, 202), response.text
    file = http.get(f"/api/v2/images/{response.json()['id']}/file")
    assert file.status_code == 200
    assert file.content == picture


def test_every_container_becomes_healthy(stack: Stack, http: httpx.Client) -> None:
    def health() -> dict[str, str]:
        return {
            service_of(container): container["State"]["Health"]["Status"]
            for container in stack.containers()
            if "Health" in container["State"]
        }

    until(lambda: set(health().values()) == {"healthy"})
    assert {"api", "extractor", "extractor-query", "indexer", "scheduler"} <= health().keys()


def test_nothing_is_lost_when_two_extractors_work_and_containers_crash(
    stack: Stack, http: httpx.Client, pictures: Path
) -> None:
    stack.compose("up", "--detach", "--no-build", "--no-recreate", "--scale", "extractor=2")
    assert len(stack.containers("extractor")) == 2
    chance = random.Random(11)  # noqa: S311 - which container crashes is no secret
    job_id = submit(http, "crashing")
    for service in chance.sample(CRASHING, len(CRASHING)):
        before = job(http, job_id).get("indexed", 0)
        stack.crash(chance.choice(stack.containers(service)))
        until(lambda: all(container["State"]["Running"] for container in stack.containers(service)))  # noqa: B023
        # Something moves again before the next one.
        until(lambda: (now := job(http, job_id)).get("state") in ENDED or now.get("indexed", 0) > before)  # noqa: B023
    assert_complete(http, "crashing", job_id, pictures)


def test_a_service_is_upgraded_in_place_while_a_job_runs(
    stack: Stack, engine: Engine, http: httpx.Client, pictures: Path
) -> None:
    (before,) = stack.containers("indexer")
    newer = service_image(engine, "indexer", "newer")
    job_id = submit(http, "upgraded")
    until(lambda: job(http, job_id).get("state") == "running")
    stack.change(INDEXER_IMAGE=newer)
    stack.compose("up", "--detach", "--no-build", "--no-deps", "indexer")
    (after,) = stack.containers("indexer")
    assert after["Config"]["Labels"]["org.opencontainers.image.version"] == "newer"
    assert after["Id"] != before["Id"]
    assert_complete(http, "upgraded", job_id, pictures)


def test_everything_is_there_after_the_whole_system_was_stopped_and_started(
    stack: Stack, http: httpx.Client, pictures: Path
) -> None:
    stack.compose("stop", "--timeout", "60")
    for container in stack.containers("api", "extractor", "extractor-query", "indexer", "scheduler"):
        assert container["State"]["ExitCode"] == 0, f"{service_of(container)} did not end in good order"
    stack.compose("up", "--detach", "--no-build")
    with httpx.Client(base_url=stack.url, timeout=http.timeout, headers=http.headers) as again:
        nearest = search(again, "calm", pictures / "007.jpg")[0]
    assert nearest["path"] == "/pictures/007.jpg"


def test_the_request_of_the_readme_is_answered_as_it_is_written(stack: Stack, http: httpx.Client) -> None:
    (block,) = re.findall(r"```sh\n(KEY=.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    assert {"docker compose", "http://127.0.0.1:5000"} <= set(re.findall(r"docker compose|http://[\d.:]+", block))
    here = block.replace("docker compose", shlex.join(stack.command)).replace("http://127.0.0.1:5000", stack.url)
    answered = json.loads(stack.engine.run("sh", "-ec", here))
    assert job(http, answered["id"])["source"] == "/pictures"
