"""The whole system as deploy/k8s describes it, in a cluster, while its pods come, go, die and are replaced."""

from __future__ import annotations

import random
import threading
from collections import Counter
from functools import partial
from typing import Any

import httpx
import pytest

from k8s.conftest import PICTURES, RELAY, SERVICES, STORES
from k8s.kubernetes import NAMESPACE, SLOW, Kubernetes
from support.waiting import until

pytestmark = [pytest.mark.k8s, pytest.mark.timeout(3600)]

ENDED = ("succeeded", "completed_with_failures", "failed", "cancelled")
PORTS = {"redis": 6379, "postgres": 5432, "milvus": 19530}
CONNECT_SECONDS = 10.0
"""A busy machine connects within it; what is not let through never does."""
Pictures = dict[str, bytes]


def submit(http: httpx.Client, collection: str) -> str:
    response = http.post("/api/v2/jobs", json={"source": "/pictures", "collection": collection})
    assert response.status_code == 202, response.text
    job: str = response.json()["id"]
    return job


def asked(http: httpx.Client, method: str, path: str, **body: Any) -> httpx.Response | None:
    """Return the answer to a request, or nothing while the API or a store is away."""
    try:
        response = http.request(method, path, **body)
    except httpx.TransportError:
        return None
    assert response.status_code in (200, 503), response.text
    return response if response.status_code == 200 else None


def job(http: httpx.Client, job_id: str) -> dict[str, Any]:
    answer = asked(http, "GET", f"/api/v2/jobs/{job_id}")
    found: dict[str, Any] = answer.json() if answer else {}
    return found


def nearest(http: httpx.Client, collection: str, picture: bytes) -> dict[str, Any] | None:
    body = {"files": {"image": picture}, "data": {"top_k": "3"}}
    answer = asked(http, "POST", f"/api/v2/collections/{collection}/search", **body)
    found: dict[str, Any] | None = answer.json()["results"][0] if answer else None
    return found


def assert_complete(http: httpx.Client, collection: str, job_id: str, pictures: Pictures) -> None:
    """See that every picture has its outcome, its row and its vector, and finds itself."""
    done = lambda: job(http, job_id).get("indexed")  # noqa: E731
    ended = until(lambda: (found := job(http, job_id)).get("state") in ENDED and found, seconds=SLOW, moves=done)
    assert ended["state"] == "succeeded", ended
    assert (ended["total"], ended["indexed"], ended["failed"]) == (PICTURES, PICTURES, 0)

    def counts() -> dict[str, Any] | None:
        answer = asked(http, "GET", f"/api/v2/collections/{collection}")
        return answer.json() if answer else None

    # What a pod wrote that died before its vectors were named is collected by the next comparison.
    assert until(counts)["images"] == PICTURES
    until(lambda: (found := counts()) and found["vectors"] == PICTURES, seconds=SLOW)
    for name in sorted(pictures)[::20]:
        found = until(lambda: nearest(http, collection, pictures[name]))  # noqa: B023
        assert found["path"] == f"/pictures/{name}"
        assert found["distance"] < 0.001


class Searching(threading.Thread):
    """Searches all the time, and counts what came of it: `answered`, or what was said instead."""

    def __init__(self, http: httpx.Client, pictures: Pictures) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()
        self._http, self._pictures = http, pictures
        self._over = threading.Event()
        self._wrong: list[str] = []

    def __enter__(self) -> Counter[str]:
        self.start()
        return self.seen

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self.join()
        assert not self._wrong
        assert self.seen["answered"] > 10, self.seen

    def run(self) -> None:
        """Search until it is over; every search has to find its picture in the end."""
        names = sorted(self._pictures)
        while not self._over.is_set():
            name = random.choice(names)  # noqa: S311 - which picture is no secret
            try:
                found = until(partial(self._ask, self._pictures[name]), seconds=SLOW)
            except AssertionError as error:
                self._wrong.append(str(error))
                return
            if found != f"/pictures/{name}":
                self._wrong.append(f"{name} found {found}")

    def _ask(self, picture: bytes) -> str | None:
        try:
            response = self._http.post(
                "/api/v2/collections/first/search", files={"image": picture}, data={"top_k": "1"}
            )
        except httpx.TransportError as error:
            self.seen[repr(error)] += 1
            return None
        if response.status_code != 200:
            self.seen[f"{response.status_code} {response.text}"] += 1
            return None
        self.seen["answered"] += 1
        path: str = response.json()["results"][0]["path"]
        return path


def test_every_pod_runs_under_the_restricted_standard_once_the_jobs_have_ended(system: Kubernetes) -> None:
    for app in (*SERVICES, *STORES):
        assert system.pods(app), app
    # Jobs that have ended remove themselves after a while.
    left = {job["metadata"]["name"]: job["status"] for job in system.found("jobs")}
    assert all(status.get("succeeded") == 1 for status in left.values()), left


def reaches(system: Kubernetes, pod: str, service: str, port: int, *, namespace: str = NAMESPACE) -> bool:
    """Tell whether a connection from a pod to a Service is accepted."""
    target = f"('{service}.{NAMESPACE}.svc', {port})"
    script = f"import socket; print(socket.create_connection({target}, timeout={CONNECT_SECONDS}) and 'reached')"
    said = system.attempt("exec", pod, "--", "python", "-c", script, namespace=namespace)
    refused = ("TimeoutError", "ConnectionRefusedError", "No route to host")
    assert "reached" in said or any(name in said for name in refused), said
    return "reached" in said


@pytest.mark.usefixtures("http")
def test_nobody_reaches_whom_it_need_not(system: Kubernetes) -> None:
    indexer, query, relay = "deployment/indexer", "deployment/extractor-query", "deployment/relay"
    for service, port in PORTS.items():
        assert reaches(system, indexer, service, port), service
        assert not reaches(system, relay, service, port, namespace=RELAY), service
    assert reaches(system, query, "redis", PORTS["redis"])
    assert not reaches(system, query, "postgres", PORTS["postgres"])
    assert not reaches(system, query, "milvus", PORTS["milvus"])
    assert not reaches(system, indexer, "etcd", 2379)
    assert not reaches(system, query, "api", 80)
    assert reaches(system, relay, "api", 80, namespace=RELAY)


def test_extractors_come_for_a_job_and_go_after_it(
    system: Kubernetes, http: httpx.Client, pictures: Pictures
) -> None:
    until(lambda: system.replicas("extractor") == (0, 0), seconds=SLOW)
    job_id = submit(http, "first")
    until(lambda: system.replicas("extractor")[0] == 2, seconds=SLOW)
    assert_complete(http, "first", job_id, pictures)
    until(lambda: system.replicas("extractor") == (0, 0), seconds=SLOW)


def test_every_deployment_is_rolled_while_a_job_runs_and_each_search_is_answered_at_once(
    system: Kubernetes, http: httpx.Client, pictures: Pictures
) -> None:
    job_id = submit(http, "rolled")
    until(lambda: job(http, job_id).get("indexed", 0) > 0, seconds=SLOW)
    with Searching(http, pictures) as seen:
        for name in (*SERVICES, "extractor"):
            system.run("rollout", "restart", f"deployment/{name}")
        system.until_rolled_out(*(f"deployment/{name}" for name in SERVICES))
    assert_complete(http, "rolled", job_id, pictures)
    assert set(seen) == {"answered"}, seen


def test_nothing_is_lost_when_pods_die(system: Kubernetes, http: httpx.Client, pictures: Pictures) -> None:
    chance = random.Random(11)  # noqa: S311 - which pod dies is no secret
    job_id = submit(http, "dying")
    apps = (*SERVICES, "extractor", "redis", "postgres", "milvus")
    with Searching(http, pictures):
        for app in chance.sample(apps, len(apps)):
            victims = until(partial(running, system, http, app, job_id), seconds=SLOW)
            before = until(partial(job, http, job_id), seconds=SLOW)["indexed"]
            name = chance.choice(victims)
            system.run("delete", "pod", name, "--grace-period=0", "--force", "--wait=false")
            # Something moves again before the next one.
            until(partial(has_moved, http, job_id, before), seconds=SLOW)
    assert_complete(http, "dying", job_id, pictures)


def running(system: Kubernetes, http: httpx.Client, app: str, job_id: str) -> list[str]:
    """Return the pods of an app; extractors that have gone because the job has ended are asked for by another."""
    if (
        not (found := [pod["metadata"]["name"] for pod in system.pods(app)])
        and job(http, job_id).get("state") in ENDED
    ):
        submit(http, f"dying-{app}")
    return found


def has_moved(http: httpx.Client, job_id: str, before: int) -> bool:
    now = job(http, job_id)
    return now.get("state") in ENDED or now.get("indexed", 0) > before


def test_a_node_is_drained_while_a_job_runs(system: Kubernetes, http: httpx.Client, pictures: Pictures) -> None:
    nodes = [node["metadata"]["name"] for node in system.found("nodes")]
    if len(nodes) < 2:
        pytest.skip("what a drained node runs has nowhere to go in a cluster of one node")
    job_id = submit(http, "drained")
    until(lambda: job(http, job_id).get("indexed", 0) > 0, seconds=SLOW)
    (relay,) = system.found("pods", "--selector", "app=relay", namespace=RELAY)
    # Not the one by which the tests look.
    node = next(name for name in nodes if name != relay["spec"]["nodeName"])
    with Searching(http, pictures):
        system.run("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={SLOW:.0f}s")
        system.until_rolled_out(*(f"deployment/{name}" for name in SERVICES))
        left = system.found("pods", "--field-selector=status.phase=Running")
        assert node not in {pod["spec"]["nodeName"] for pod in left}
    system.run("uncordon", node)
    assert_complete(http, "drained", job_id, pictures)
