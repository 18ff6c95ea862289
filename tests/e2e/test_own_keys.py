"""Pictures are known by the caller's own keys over HTTP: given, found, searched by, changed, deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.drawing import encoded, photo_like

pytestmark = pytest.mark.e2e


@pytest.fixture
def url(http: httpx.Client) -> str:
    """A collection that is empty."""
    name = f"k{uuid4().hex[:12]}"
    assert http.post("/api/v2/collections", json={"name": name}).status_code == 201
    return f"/api/v2/collections/{name}"


def upload(http: httpx.Client, url: str, number: int, **fields: Any) -> httpx.Response:
    return http.post(f"{url}/images", files={"image": encoded(photo_like(number))}, data=fields)


def keys(http: httpx.Client, url: str, **params: Any) -> list[str]:
    return [item["key"] for item in http.get(f"{url}/images", params=params).json()["items"]]


def wrong(response: httpx.Response) -> tuple[int, list[str]]:
    return response.status_code, [error["field"] for error in response.json().get("errors", [])]


def test_a_picture_is_known_by_its_key(http: httpx.Client, url: str) -> None:
    first = upload(http, url, 7000, key="sku/1").json()
    second = upload(http, url, 7001, key="sku 2").json()
    assert (first["key"], second["key"]) == ("sku/1", "sku 2")
    assert keys(http, url, key="sku/1") == ["sku/1"]
    assert keys(http, url, key="sku/3") == []
    found = http.post(f"{url}/search", json={"key": "sku/1", "top_k": 2}).json()["results"]
    assert [(result["id"], result["key"]) for result in found] == [(first["id"], "sku/1"), (second["id"], "sku 2")]
    others = http.post(f"{url}/search", json={"key": "sku/1", "top_k": 1, "exclude_self": True}).json()["results"]
    assert [result["id"] for result in others] == [second["id"]]
    batch = {"queries": [{"key": "sku/1"}, {"image_id": second["id"]}], "exclude_self": True}
    answers = http.post(f"{url}/search", json=batch).json()["queries"]
    assert [[result["id"] for result in each["results"]] for each in answers] == [[second["id"]], [first["id"]]]
    assert wrong(http.post(f"{url}/search", json={"key": "sku/3"})) == (404, ["key"])


def test_a_key_is_one_pictures(http: httpx.Client, url: str) -> None:
    made = upload(http, url, 7002, key="1").json()
    assert wrong(upload(http, url, 7003, key="1")) == (409, ["key"])
    assert wrong(upload(http, url, 7002, key="2")) == (409, ["key"])
    assert upload(http, url, 7002, key="1").status_code == 200
    assert upload(http, url, 7002).json()["key"] == "1"
    other = upload(http, url, 7003).json()
    assert wrong(http.patch(f"{url}/images/{other['id']}", json={"key": "1"})) == (409, ["key"])
    changed = http.patch(f"{url}/images", params={"key": "1"}, json={"key": "one", "metadata": {"a": 1}}).json()
    assert (changed["id"], changed["key"], changed["metadata"]) == (made["id"], "one", {"a": 1})
    assert http.patch(f"{url}/images/{other['id']}", json={"key": "1"}).json()["key"] == "1"
    for key in ("", "x" * 257):
        assert wrong(upload(http, url, 7004, key=key)) == (400, ["key"])


def test_partitions_have_keys_of_their_own(http: httpx.Client, url: str) -> None:
    for number, partition in ((7005, "anna"), (7006, "ben")):
        assert upload(http, url, number, key="1", partition=partition).status_code == 201
    assert keys(http, url, key="1") == ["1", "1"]
    assert keys(http, url, key="1", partition="ben") == ["1"]
    assert wrong(http.post(f"{url}/search", json={"key": "1"})) == (409, ["key"])
    assert http.post(f"{url}/search", json={"key": "1", "partition": "ben"}).status_code == 200
    assert wrong(http.delete(f"{url}/images", params={"key": "1"})) == (409, ["key"])
    assert http.delete(f"{url}/images", params={"key": "1", "partition": "ben"}).status_code == 204
    assert keys(http, url) == ["1"]


def test_a_dry_run_deletes_nothing(http: httpx.Client, url: str) -> None:
    made = [upload(http, url, 7010 + number, key=str(number)).json() for number in range(3)]
    whole = f"{url}/images/delete"
    bodies: list[dict[str, Any]] = [
        {"keys": ["0", "1", "no"]},
        {"ids": [made[0]["id"], made[1]["id"]]},
        {"paths": [made[0]["path"], made[1]["path"]]},
        {"partition": ""},
    ]
    for body, deleted in zip(bodies, (2, 2, 2, 3), strict=True):
        told = http.post(whole, json={**body, "dry_run": True})
        assert (told.status_code, told.json()["deleted"]) == (200, deleted)
    for params in ({"key": "0"}, {"path": made[0]["path"]}):
        assert http.delete(f"{url}/images", params={**params, "dry_run": "true"}).status_code == 204
    assert http.delete(f"{url}/images/{made[0]['id']}", params={"dry_run": "true"}).status_code == 204
    assert wrong(http.delete(f"{url}/images", params={"key": "no", "dry_run": "true"})) == (404, ["key"])
    assert wrong(http.delete(f"{url}/images", params={"key": "0", "dry_run": "1"})) == (400, ["dry_run"])
    assert wrong(http.delete(f"{url}/images")) == (400, ["path"])
    assert keys(http, url) == ["0", "1", "2"]
    assert http.post(whole, json={"keys": ["0", "1", "no"]}).json() == {"deleted": 2, "missing": ["no"]}
    assert upload(http, url, 7020, key="0").status_code == 201, "a key is free when its image is gone"
