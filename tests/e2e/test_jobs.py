"""Jobs over HTTP: what goes in, what comes out, and what each file cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.drawing import encoded, photo_like
from support.following import ended
from support.waiting import until

pytestmark = pytest.mark.e2e


def submit(http: httpx.Client, source: object, **options: object) -> dict[str, Any]:
    response = http.post("/api/v2/jobs", json={"source": source, **options})
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json()
    assert response.headers["Location"] == f"/api/v2/jobs/{job['id']}"
    return job


def run(http: httpx.Client, source: object, **options: object) -> dict[str, Any]:
    return ended(http, submit(http, source, **options)["id"])


def failures(http: httpx.Client, job_id: str) -> dict[str, str]:
    page = http.get(f"/api/v2/jobs/{job_id}/failures").json()
    assert page["next"] is None
    assert all(item["reason"] for item in page["items"])
    return {Path(item["path"]).name: item["code"] for item in page["items"]}


def search(http: httpx.Client, collection: str, picture: bytes, top_k: int = 10) -> list[dict[str, Any]]:
    response = http.post(
        f"/api/v2/collections/{collection}/search", files={"image": picture}, data={"top_k": str(top_k)}
    )
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["results"]
    return found


@pytest.fixture
def collection() -> str:
    return f"c{uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def few(library: Path) -> Path:
    """Three small pictures, where it matters little what a job is about."""
    folder = library / "few"
    folder.mkdir()
    for index in range(3):
        (folder / f"{index}.jpg").write_bytes(encoded(photo_like(30 + index, (64, 64))))
    return folder


def test_every_picture_of_a_directory_is_indexed_and_finds_itself(
    http: httpx.Client, album: Path, collection: str
) -> None:
    job = run(http, str(album), collection=collection)
    assert (job["state"], job["total"], job["indexed"], job["failed"]) == ("succeeded", 40, 40, 0)
    shown = http.get(f"/api/v2/collections/{collection}").json()
    assert (shown["images"], shown["vectors"]) == (40, 40)
    assert shown["fingerprint"] == http.get("/api/v2/info").json()["fingerprint"]
    assert (shown["pipeline"], shown["model"].split(":")[0]) == ("recommended", "vgg16-gem-512")
    for path in sorted(album.rglob("picture *"))[::13]:
        found = search(http, collection, path.read_bytes(), 3)
        assert found[0]["path"] == str(path)
        assert found[0]["distance"] < 0.001
        assert httpx.get(found[0]["url"]).content == path.read_bytes()


def test_a_job_is_waited_for_watched_and_found_again(http: httpx.Client, few: Path, collection: str) -> None:
    job = submit(http, str(few), collection=collection)
    waited = http.get(f"/api/v2/jobs/{job['id']}", params={"wait": 60}, timeout=90).json()
    assert waited["state"] == "succeeded"
    with http.stream("GET", f"/api/v2/jobs/{job['id']}/events") as events:
        assert events.headers["Content-Type"] == "text/event-stream"
        name, number, data, *_ = events.read().decode().splitlines()
    assert (name, number[:4]) == ("event: end", "id: ")
    assert json.loads(data.removeprefix("data: ")) == waited
    chosen = {"collection": collection, "state": "failed,succeeded", "created_after": job["created_at"]}
    assert http.get("/api/v2/jobs", params=chosen).json()["items"] == [waited]
    assert http.get("/api/v2/jobs", params={**chosen, "state": "failed"}).json()["items"] == []
    refused = http.post("/api/v2/jobs", json={"source": str(few), "callback_url": "https://hooks.example/"})
    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == ["callback_url"]


@pytest.mark.parametrize("what", ["reindex", "duplicates"])
def test_a_request_for_a_job_that_comes_twice_makes_one(http: httpx.Client, collection: str, what: str) -> None:
    assert http.post("/api/v2/collections", json={"name": collection}).status_code == 201
    url, headers = f"/api/v2/collections/{collection}/{what}", {"Idempotency-Key": "once"}
    first, second = (http.post(url, json={}, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    other = {"extract": True} if what == "reindex" else {"max_distance": 0.5}
    refused = http.post(url, json=other, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_used")
    ended(http, first.json()["id"])


def test_a_second_run_indexes_nothing_again(http: httpx.Client, few: Path, collection: str) -> None:
    run(http, str(few), collection=collection)
    job = run(http, str(few), collection=collection)
    assert (job["state"], job["total"], job["indexed"], job["unchanged"]) == ("succeeded", 3, 0, 3)


def test_a_file_that_was_only_touched_is_unchanged_and_one_that_changed_is_indexed_under_its_id(
    http: httpx.Client, library: Path, collection: str
) -> None:
    folder = library / collection
    folder.mkdir()
    touched, changed = folder / "touched.jpg", folder / "changed.jpg"
    touched.write_bytes(encoded(photo_like(50)))
    changed.write_bytes(encoded(photo_like(51)))
    run(http, str(folder), collection=collection)
    before = search(http, collection, changed.read_bytes())[0]["id"]
    touched.touch()
    changed.write_bytes(encoded(photo_like(52)))
    job = run(http, str(folder), collection=collection)
    assert (job["indexed"], job["unchanged"]) == (1, 1)
    found = search(http, collection, changed.read_bytes())
    assert (found[0]["id"], found[0]["path"]) == (before, str(changed))
    assert found[0]["distance"] < 0.001
    assert len(found) == 2


def test_a_bad_file_costs_only_itself(http: httpx.Client, library: Path, collection: str) -> None:
    folder = library / collection
    folder.mkdir()
    (folder / "good.png").write_bytes(encoded(photo_like(60), "PNG"))
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(encoded(photo_like(61))[:900])
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.jpg").write_bytes(b"never looked at")
    job = run(http, str(folder), collection=collection)
    assert (job["state"], job["total"], job["indexed"], job["failed"]) == ("completed_with_failures", 4, 1, 3)
    assert failures(http, job["id"]) == {
        "empty.jpg": "empty",
        "cut.jpg": "truncated",
        "notes.txt": "unsupported_format",
    }


def test_failed_paths_alone_are_retried(http: httpx.Client, library: Path, collection: str) -> None:
    folder = library / collection
    folder.mkdir()
    (folder / "good.jpg").write_bytes(encoded(photo_like(70)))
    (folder / "later.jpg").write_bytes(b"not yet")
    job = run(http, str(folder), collection=collection)
    assert job["failed"] == 1
    (folder / "later.jpg").write_bytes(encoded(photo_like(71)))
    assert http.post(f"/api/v2/jobs/{job['id']}/retry").status_code == 200
    job = ended(http, job["id"])
    assert (job["state"], job["total"], job["indexed"], job["failed"]) == ("succeeded", 2, 2, 0)
    assert http.post(f"/api/v2/jobs/{job['id']}/retry").status_code == 409


def test_a_list_gives_each_path_its_outcome(http: httpx.Client, library: Path, collection: str) -> None:
    folder = library / collection
    folder.mkdir()
    good = folder / "good.jpg"
    good.write_bytes(encoded(photo_like(80)))
    paths = [str(good), str(folder / "gone.jpg"), "/etc/passwd", str(good), str(folder)]
    job = run(http, {"paths": paths}, collection=collection)
    assert (job["total"], job["indexed"], job["failed"]) == (4, 1, 3)
    assert failures(http, job["id"]) == {"gone.jpg": "vanished", "passwd": "forbidden", folder.name: "not_a_file"}


def test_pruning_removes_what_is_gone(http: httpx.Client, library: Path, collection: str) -> None:
    folder = library / collection
    folder.mkdir()
    for index in range(3):
        (folder / f"{index}.jpg").write_bytes(encoded(photo_like(90 + index)))
    run(http, str(folder), collection=collection)
    (folder / "1.jpg").unlink()
    job = run(http, str(folder), collection=collection, prune=True)
    assert (job["unchanged"], job["removed"]) == (2, 1)
    assert http.get(f"/api/v2/collections/{collection}").json()["images"] == 2
    until(lambda: http.get(f"/api/v2/collections/{collection}").json()["vectors"] == 2)


def test_a_job_that_ended_refuses_control_and_says_why(http: httpx.Client, few: Path, collection: str) -> None:
    job = run(http, str(few), collection=collection)
    for verb in ("cancel", "pause", "resume", "retry"):
        response = http.post(f"/api/v2/jobs/{job['id']}/{verb}")
        assert response.status_code == 409
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"]


def test_a_cancelled_job_ends_with_every_path_accounted_for(
    http: httpx.Client, library: Path, collection: str
) -> None:
    folder = library / collection
    folder.mkdir()
    for index in range(120):
        (folder / f"{index:03}.jpg").write_bytes(encoded(photo_like(index, (64, 64))))
    job = submit(http, str(folder), collection=collection)
    for _ in range(2):
        cancelled = http.post(f"/api/v2/jobs/{job['id']}/cancel")
        assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    job = ended(http, job["id"])
    assert job["state"] == "cancelled"
    assert job["indexed"] + job["cancelled"] == job["total"]
    shown = http.get(f"/api/v2/collections/{collection}").json()
    assert shown["images"] == shown["vectors"] == job["indexed"]


def test_a_paused_job_stands_still_until_it_is_resumed(http: httpx.Client, album: Path, collection: str) -> None:
    job = submit(http, str(album), collection=collection)
    for _ in range(2):
        assert http.post(f"/api/v2/jobs/{job['id']}/pause").json()["state"] == "paused"
    assert http.get(f"/api/v2/jobs/{job['id']}").json()["finished_at"] is None
    for _ in range(2):
        assert http.post(f"/api/v2/jobs/{job['id']}/resume").json()["state"] in ("planning", "running")
    job = ended(http, job["id"])
    assert (job["state"], job["indexed"]) == ("succeeded", 40)


def test_the_same_key_and_body_is_the_same_job(http: httpx.Client, few: Path, collection: str) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    body = {"source": str(few), "collection": collection}
    first = http.post("/api/v2/jobs", json=body, headers=headers)
    again = http.post("/api/v2/jobs", json=body, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    other = http.post("/api/v2/jobs", json=body | {"recursive": False}, headers=headers)
    assert other.status_code == 409
    ended(http, first.json()["id"])


def test_a_replay_finds_its_job_though_directory_and_collection_are_gone(
    http: httpx.Client, library: Path, collection: str
) -> None:
    folder = library / f"moved-{collection}"
    folder.mkdir()
    headers = {"Idempotency-Key": uuid4().hex}
    body = {"source": str(folder), "collection": collection}
    first = http.post("/api/v2/jobs", json=body, headers=headers).json()
    ended(http, first["id"])
    folder.rmdir()
    assert http.delete(f"/api/v2/collections/{collection}").status_code in (202, 204)
    again = http.post("/api/v2/jobs", json=body, headers=headers)
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert http.get(f"/api/v2/collections/{collection}").status_code == 404
    assert http.post("/api/v2/jobs", json=body).status_code == 404


def test_overlapping_jobs_at_once_each_keep_their_own_ledger(
    http: httpx.Client, album: Path, collection: str
) -> None:
    whole = submit(http, str(album), collection=collection)
    part = submit(http, str(album / "first"), collection=collection)
    done = [ended(http, job["id"]) for job in (whole, part)]
    assert [(job["total"], job["indexed"] + job["unchanged"]) for job in done] == [(40, 40), (20, 20)]
    shown = http.get(f"/api/v2/collections/{collection}").json()
    assert (shown["images"], shown["vectors"]) == (40, 40)


def test_jobs_are_listed_newest_first_in_pages_that_join(
    http: httpx.Client, library: Path, collection: str
) -> None:
    empty = library / f"empty-{collection}"
    empty.mkdir()
    made = [submit(http, str(empty), collection=collection)["id"] for _ in range(3)]
    first = http.get("/api/v2/jobs", params={"limit": 2}).json()
    second = http.get("/api/v2/jobs", params={"limit": 2, "cursor": first["next"]}).json()
    listed = [job["id"] for job in first["items"] + second["items"]]
    assert listed[:3] == made[::-1]


def test_a_running_job_tells_its_rate_and_when_it_will_end(
    http: httpx.Client, library: Path, collection: str
) -> None:
    folder = library / collection
    folder.mkdir()
    for index in range(64):
        (folder / f"{index:03}.jpg").write_bytes(encoded(photo_like(index, (64, 64))))
    job = submit(http, str(folder), collection=collection)
    seen: dict[str, Any] = {}

    def has_pace() -> bool:
        nonlocal seen
        seen = http.get(f"/api/v2/jobs/{job['id']}").json()
        return seen["rate"] is not None and seen["eta_seconds"] is not None

    until(has_pace)
    assert seen["rate"] > 0
    assert ended(http, job["id"])["indexed"] == 64
