"""Each method asks the right route, sends what it was given and reads what comes back."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import pytest

from imagesearch_client import ApiError, Finding, Job, ProtocolError, Unavailable
from support.fake_api import FakeApi, job, ok, problem

JOBS = "/api/v2/jobs"
JOB = "/api/v2/jobs/17"
COLLECTION = {"name": "default", "images": 3, "vectors": 3, "fingerprint": "f", "model": "m", "created_at": None}


def test_a_directory_is_submitted(api: FakeApi) -> None:
    api.on("POST", JOBS, ok(job("planning", total=0, indexed=0), 202))

    submitted = api.client().submit_job("/photos")

    assert submitted.state == "planning"
    assert api.sent_json() == {
        "source": "/photos",
        "collection": "default",
        "recursive": True,
        "partition": None,
        "metadata": {},
    }


def test_a_list_of_paths_is_submitted_with_all_its_options(api: FakeApi) -> None:
    api.on("POST", JOBS, ok(job("planning"), 202))

    api.client().submit_job(
        ("/photos/a.jpg", "/photos/b.jpg"),
        "cats",
        recursive=False,
        partition="ann",
        metadata={"year": 2020},
        idempotency_key="monday",
        prune=True,
    )

    assert api.sent_json() == {
        "source": {"paths": ["/photos/a.jpg", "/photos/b.jpg"]},
        "collection": "cats",
        "recursive": False,
        "partition": "ann",
        "metadata": {"year": 2020},
        "prune": True,
    }
    assert api.requests[0].headers["Idempotency-Key"] == "monday"


def test_the_end_of_a_job_is_waited_for_by_the_api(api: FakeApi) -> None:
    api.on("GET", JOB, ok(job("succeeded", ended=True)))

    assert api.client().job("17", wait=60).ended
    assert api.requests[0].url.params["wait"] == "60"
    assert api.requests[0].extensions["timeout"]["read"] > 60


def test_names_are_escaped_in_paths(api: FakeApi) -> None:
    api.on("GET", "/api/v2/collections/a%2Fb%20%3F%C3%A9", ok(COLLECTION))

    assert api.client().collection("a/b ?é").images == 3


def test_a_list_is_read_page_by_page_to_its_end(api: FakeApi) -> None:
    pages = {None: (["1", "2"], "c/2"), "c/2": (["3"], 7), "7": (["4"], None)}

    def page(request: httpx.Request) -> httpx.Response:
        ids, following = pages[request.url.params.get("cursor")]
        return ok({"items": [job(id=each) for each in ids], "next": following})

    api.on("GET", JOBS, page)

    assert [each.id for each in api.client().jobs()] == ["1", "2", "3", "4"]
    assert len(api.requests) == 3


def test_only_the_pages_that_are_needed_are_asked_for(api: FakeApi) -> None:
    failure = {"path": "/a.jpg", "code": "truncated", "reason": "it ends early"}
    api.on("GET", f"{JOB}/failures", ok({"items": [failure], "next": "on"}))

    assert next(api.client().failures("17")).code == "truncated"
    assert len(api.requests) == 1


def test_a_list_without_items_is_no_answer(api: FakeApi) -> None:
    api.on("GET", "/api/v2/collections", ok({"collections": []}))

    with pytest.raises(ProtocolError, match="'items'"):
        list(api.client().collections())


def test_waiting_looks_again_until_the_job_has_ended(api: FakeApi) -> None:
    api.on("GET", JOB, ok(job("planning")), ok(job()), ok(job("succeeded", ended=True)))
    seen: list[str] = []

    ended = api.client().wait("17", lambda at: seen.append(at.state), poll_seconds=2.0)

    assert ended.state == "succeeded"
    assert seen == ["planning", "running", "succeeded"]
    assert api.clock.sleeps == [2.0, 2.0]


def test_waiting_survives_an_api_that_is_away_for_minutes_and_comes_back(api: FakeApi) -> None:
    away = [problem(503, "redis is not available", retry_after="30")] * 4
    refused = [httpx.ConnectError("refused")] * 20
    told: list[Unavailable] = []
    api.on("GET", JOB, ok(job()), *away, *refused, ok(job("succeeded", ended=True)))

    ended = api.client().wait("17", on_unavailable=lambda reason, _: told.append(reason))

    assert ended.ended
    assert sum(api.clock.sleeps) > 180
    assert len(told) == 24


def test_waiting_ends_when_the_api_stays_away(api: FakeApi) -> None:
    api.on("GET", JOB, ok(job()), httpx.ConnectError("refused"))

    with pytest.raises(Unavailable):
        api.client().wait("17", patience_seconds=100)

    assert 90 < sum(api.clock.sleeps) <= 101


def test_waiting_for_a_job_that_is_not_there_ends_at_once(api: FakeApi) -> None:
    with pytest.raises(ApiError) as caught:
        api.client().wait("18")

    assert caught.value.status == 404


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry"])
def test_a_job_is_controlled_by_its_verbs(api: FakeApi, verb: str) -> None:
    api.on("POST", f"{JOB}/{verb}", ok(job("paused")))

    steered: Job = getattr(api.client(), verb)("17")

    assert steered.state == "paused"
    assert api.asked == [f"POST {JOB}/{verb}"]


@pytest.mark.parametrize("kind", ["path", "bytes", "file"])
def test_a_picture_may_be_a_path_bytes_or_an_open_file(api: FakeApi, kind: str, tmp_path: Path) -> None:
    picture = tmp_path / "cat.jpg"
    picture.write_bytes(b"pixels of a cat")
    found = {"id": 4, "path": "/a.jpg", "url": "http://x/4", "distance": 0.5, "metadata": {}}
    api.on("POST", "/api/v2/collections/default/search", ok({"results": [found], "took_ms": {"total": 9.5}}))
    image = {"path": picture, "bytes": b"pixels of a cat", "file": io.BytesIO(b"pixels of a cat")}[kind]

    answer = api.client().search("default", image, top_k=3)  # type: ignore[arg-type]

    assert [result.id for result in answer.results] == [4]
    sent = api.requests[0]
    assert sent.headers["Content-Type"].startswith("multipart/form-data")
    assert b'name="image"' in sent.content
    assert b"pixels of a cat" in sent.content
    assert b'name="top_k"\r\n\r\n3\r\n' in sent.content


def test_a_picture_that_cannot_be_read_is_an_error_of_the_file_system(api: FakeApi, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        api.client().search("default", tmp_path / "gone.jpg")

    assert api.requests == []


def test_a_collection_is_created_with_options_and_deleted(api: FakeApi) -> None:
    api.on("POST", "/api/v2/collections", ok(COLLECTION, 201))
    api.on("DELETE", "/api/v2/collections/default", httpx.Response(204))
    client = api.client()

    assert client.create_collection("default", index_type="HNSW", index_params={"M": 16}).name == "default"
    assert api.sent_json() == {"name": "default", "index_type": "HNSW", "index_params": {"M": 16}}
    client.delete_collection("default")
    assert api.asked[-1] == "DELETE /api/v2/collections/default"


def test_a_picture_is_shown_fetched_and_deleted_by_its_id(api: FakeApi) -> None:
    path = "/api/v2/collections/default/images/4"
    api.on("GET", path, ok({"id": 4, "path": "/a.jpg", "width": 640}))
    api.on("DELETE", path, httpx.Response(204))
    api.on("GET", "/api/v2/images/4/file", httpx.Response(200, content=b"\xff\xd8jpeg"))
    client = api.client()

    assert client.image("default", 4).width == 640
    assert client.image_file(4) == b"\xff\xd8jpeg"
    client.delete_image("default", 4)
    assert api.asked[-1] == f"DELETE {path}"


def test_reconcile_tells_what_it_found(api: FakeApi) -> None:
    finding = {"kind": "orphan_vectors", "count": 3, "detail": "removed"}
    api.on("POST", "/api/v2/admin/reconcile", ok({"findings": [finding], "dry_run": True}))

    outcome = api.client().reconcile(dry_run=True)

    assert outcome.findings == (Finding("orphan_vectors", 3, "removed"),)
    assert outcome.dry_run
    assert api.sent_json() == {"dry_run": True}


def test_info_is_read(api: FakeApi) -> None:
    api.on("GET", "/api/v2/info", ok({"version": "0.1.0", "weights": "imagenet"}))

    assert api.client().info().weights == "imagenet"


def test_health_is_a_yes_or_no_whatever_happens(api: FakeApi) -> None:
    api.on("GET", "/healthz", ok({}), problem(500, "broken"), httpx.ConnectError("refused"))
    api.on("GET", "/readyz", problem(503, "milvus is not available"), ok({}))
    client = api.client()

    assert [client.healthy(), client.healthy(), client.healthy()] == [True, False, False]
    assert [client.ready(), client.ready()] == [False, True]
    assert api.clock.sleeps == []
