"""Single pictures over HTTP: upload, change, list, delete, thumbnails and files."""

from __future__ import annotations

import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from support.drawing import encoded, photo_like
from support.system import System
from support.waiting import TIMEOUT, until

pytestmark = pytest.mark.e2e


@pytest.fixture
def url(http: httpx.Client) -> str:
    """A collection that is empty."""
    name = f"i{uuid4().hex[:12]}"
    assert http.post("/api/v2/collections", json={"name": name}).status_code == 201
    return f"/api/v2/collections/{name}"


def upload(http: httpx.Client, url: str, picture: bytes, status: int = 201, **fields: Any) -> dict[str, Any]:
    response = http.post(f"{url}/images", files={"image": picture}, data=fields)
    assert response.status_code == status, response.text
    return dict(response.json())


def found(http: httpx.Client, url: str, picture: bytes, **fields: Any) -> list[dict[str, Any]]:
    response = http.post(f"{url}/search", files={"image": picture}, data=fields)
    assert response.status_code == 200, response.text
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def listed(http: httpx.Client, url: str, **params: Any) -> list[int]:
    return [item["id"] for item in http.get(f"{url}/images", params=params).json()["items"]]


# Upload


def test_an_uploaded_picture_is_searchable_when_the_answer_comes(
    http: httpx.Client, system: System, url: str
) -> None:
    picture = encoded(photo_like(6000), "PNG")
    made = upload(http, url, picture, partition="anna", metadata='{"year": 1999}')
    assert (made["state"], made["partition"], made["metadata"]) == ("indexed", "anna", {"year": 1999})
    assert (made["width"], made["height"], made["format"]) == (320, 240, "PNG")
    assert made["sha256"] == hashlib.sha256(picture).hexdigest()
    assert datetime.fromisoformat(made["searchable_at"]).tzinfo is not None
    [result] = found(http, url, picture, partition="anna", filter='{"eq": ["year", 1999]}')
    assert (result["id"], result["metadata"]) == (made["id"], {"year": 1999})
    assert result["distance"] < 1e-4
    assert http.get(f"/api/v2/images/{made['id']}/file").content == picture
    assert Path(made["path"]).is_relative_to(system.folder.resolve() / "data" / "uploads")
    shown = http.get(url).json()
    assert (shown["images"], shown["vectors"]) == (1, 1)


def test_the_same_content_is_the_same_image_and_nothing_is_done_again(http: httpx.Client, url: str) -> None:
    picture = encoded(photo_like(6001))
    first = upload(http, url, picture, metadata='{"a": 1}')
    assert http.get(f"{url}/images/{first['id']}").json()["job"] == first["job"]
    again = upload(http, url, picture, status=200)
    assert (again["id"], again["metadata"], again["job"]) == (first["id"], {"a": 1}, None)
    relabelled = upload(http, url, picture, status=200, metadata='{"b": 2}')
    assert (relabelled["id"], relabelled["metadata"]) == (first["id"], {"b": 2})
    assert found(http, url, picture, filter='{"eq": ["b", 2]}')[0]["id"] == first["id"]
    assert len(listed(http, url)) == 1


def test_the_same_content_in_two_partitions_is_two_images(http: httpx.Client, url: str) -> None:
    picture = encoded(photo_like(6002))
    anna, bert = (upload(http, url, picture, partition=name) for name in ("anna", "bert"))
    assert anna["id"] != bert["id"]
    assert http.delete(f"{url}/images/{anna['id']}").status_code == 204
    assert http.get(f"/api/v2/images/{bert['id']}/file").content == picture
    until(lambda: not Path(anna["path"]).exists())


def test_uploads_at_once_are_all_there(http: httpx.Client, system: System, url: str) -> None:
    pictures = [encoded(photo_like(6100 + index % 6), "PNG") for index in range(12)]

    def send(picture: bytes) -> int:
        with httpx.Client(base_url=system.url, timeout=TIMEOUT) as own:
            response = own.post(f"{url}/images", files={"image": picture})
            assert response.status_code in (200, 201), response.text
            return int(response.json()["id"])

    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(send, pictures))
    assert ids[:6] == ids[6:]
    assert listed(http, url) == sorted(set(ids))
    assert len(set(ids)) == 6


def test_jobs_of_single_pictures_are_not_listed(http: httpx.Client, url: str) -> None:
    job = upload(http, url, encoded(photo_like(6003)))["job"]
    assert http.get(f"/api/v2/jobs/{job}").json()["state"] == "succeeded"
    assert job not in [item["id"] for item in http.get("/api/v2/jobs").json()["items"]]


@pytest.mark.parametrize(
    ("picture", "fields", "refusal"),
    [
        (b"", {}, (400, "image")),
        (b"text", {}, (415, "image")),
        (encoded(photo_like(1))[:900], {}, (400, "image")),
        (None, {}, (400, "image")),
        (encoded(photo_like(1)), {"metadata": "{"}, (400, "metadata")),
        (encoded(photo_like(1)), {"metadata": "[1]"}, (400, "metadata")),
        (encoded(photo_like(1)), {"metadata": '{"a": NaN}'}, (400, "metadata")),
        (encoded(photo_like(1)), {"metadata": '{"a": ' * 40 + "1" + "}" * 40}, (400, "metadata")),
        (encoded(photo_like(1)), {"metadata": json.dumps({"a": "x" * 20_000})}, (400, "metadata")),
        (encoded(photo_like(1)), {"partition": "x" * 129}, (400, "partition")),
        (encoded(photo_like(1)), {"partition": "a\x00b"}, (400, "partition")),
        (encoded(photo_like(1)), {"colour": "red"}, (400, "colour")),
        (encoded(photo_like(1)), {"partition": ["a", "b"]}, (400, "partition")),
    ],
)
def test_an_upload_that_cannot_be_taken_leaves_nothing(
    http: httpx.Client, url: str, picture: bytes | None, fields: dict[str, Any], refusal: tuple[int, str]
) -> None:
    status, field = refusal
    files = {"image": picture} if picture is not None else {"other": b"x"}
    response = http.post(f"{url}/images", files=files, data=fields)
    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["field"] == field
    assert listed(http, url) == []


def test_an_upload_to_nowhere_is_404(http: httpx.Client) -> None:
    response = http.post("/api/v2/collections/nowhere/images", files={"image": encoded(photo_like(1))})
    assert response.status_code == 404


# Change


def test_metadata_is_merged_and_filters_see_it_at_once(http: httpx.Client, url: str) -> None:
    picture = encoded(photo_like(6200))
    made = upload(http, url, picture, metadata='{"a": 1, "b": {"c": 2, "d": 3}}')
    path = f"{url}/images/{made['id']}"
    changed = http.patch(path, json={"metadata": {"a": None, "b": {"c": 9}, "e": "new"}, "partition": "bert"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["metadata"] == {"b": {"c": 9, "d": 3}, "e": "new"}
    assert changed.json()["searchable_at"]
    assert http.get(path).json()["metadata"] == {"b": {"c": 9, "d": 3}, "e": "new"}
    assert [hit["id"] for hit in found(http, url, picture, partition="bert", filter='{"eq": ["e", "new"]}')] == [
        made["id"]
    ]
    assert found(http, url, picture, filter='{"exists": "a"}') == []
    assert found(http, url, picture)[0]["distance"] < 1e-4
    emptied = http.patch(path, json={"metadata": None})
    assert (emptied.status_code, emptied.json()["metadata"], emptied.json()["partition"]) == (200, {}, "bert")
    assert found(http, url, picture, filter='{"exists": "e"}') == []
    assert http.patch(path, json={}).json()["job"] is None


def test_changes_at_once_lose_none(http: httpx.Client, system: System, url: str) -> None:
    made = upload(http, url, encoded(photo_like(6201)))

    def change(index: int) -> int:
        with httpx.Client(base_url=system.url, timeout=TIMEOUT) as own:
            patch = {"metadata": {f"key{index}": index}}
            return own.patch(f"{url}/images/{made['id']}", json=patch).status_code

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(change, range(5))) == [200] * 5
    metadata = http.get(f"{url}/images/{made['id']}").json()["metadata"]
    assert metadata == {f"key{index}": index for index in range(5)}


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "x" * 20_000}}, "metadata"),
        ({"partition": 5}, "partition"),
        ({"path": "/x"}, "path"),
    ],
)
def test_a_wrong_change_is_400_and_changes_nothing(
    http: httpx.Client, url: str, patch: dict[str, Any], field: str
) -> None:
    made = upload(http, url, encoded(photo_like(6202)), metadata='{"a": 1}')
    response = http.patch(f"{url}/images/{made['id']}", json=patch)
    assert response.status_code == 400, response.text
    assert response.json()["errors"][0]["field"] == field
    assert http.get(f"{url}/images/{made['id']}").json()["metadata"] == {"a": 1}


def test_a_change_of_what_is_not_there_is_404(http: httpx.Client, url: str) -> None:
    assert http.patch(f"{url}/images/999999999", json={"partition": "a"}).status_code == 404


# List and delete


def test_lists_join_and_a_partition_restricts_them(http: httpx.Client, url: str) -> None:
    ids = [
        upload(http, url, encoded(photo_like(6300 + index)), partition="ab"[index % 2])["id"] for index in range(5)
    ]
    pages, cursor = [], None
    while True:
        page = http.get(f"{url}/images", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        pages += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert pages == ids
    assert listed(http, url, partition="a") == ids[::2]
    assert listed(http, url, partition="nobody") == []
    assert http.get(f"{url}/images", params={"limit": 0}).json()["errors"][0]["field"] == "limit"


def test_images_are_deleted_by_id_path_filter_and_partition(http: httpx.Client, url: str) -> None:
    made = [
        upload(
            http, url, encoded(photo_like(6400 + index)), partition="ab"[index % 2], metadata=f'{{"n": {index}}}'
        )
        for index in range(8)
    ]
    ids = [image["id"] for image in made]
    response = http.post(f"{url}/images/delete", json={"ids": [ids[0], 2**62]})
    assert (response.status_code, response.json()) == (200, {"deleted": 1, "missing": [2**62]})
    response = http.post(f"{url}/images/delete", json={"paths": [made[1]["path"], "/gone"]})
    assert (response.status_code, response.json()) == (200, {"deleted": 1, "missing": ["/gone"]})
    assert http.delete(f"{url}/images", params={"path": made[2]["path"]}).status_code == 204
    assert http.delete(f"{url}/images", params={"path": made[2]["path"]}).status_code == 404
    assert listed(http, url) == ids[3:]
    matching = {"filter": {"ge": ["n", 5]}, "partition": "b"}
    assert http.post(f"{url}/images/delete", json=matching).json()["deleted"] == 2
    assert listed(http, url) == [ids[3], ids[4], ids[6]]
    assert http.post(f"{url}/images/delete", json={"partition": "b"}).json()["deleted"] == 1
    assert listed(http, url) == [ids[4], ids[6]]
    everything = {"filter": {"not": {"exists": "nothing"}}}
    assert http.post(f"{url}/images/delete", json=everything).json()["deleted"] == 2
    assert http.get(url).json()["images"] == 0
    # Vectors and files are collected behind the answers.
    until(lambda: http.get(url).json()["vectors"] == 0)
    until(lambda: not any(Path(image["path"]).exists() for image in made))


def test_a_library_keeps_its_files_when_images_are_deleted(http: httpx.Client, library: Path, url: str) -> None:
    folder = library / uuid4().hex
    folder.mkdir()
    path = folder / "kept.jpg"
    path.write_bytes(encoded(photo_like(6500)))
    body = {"source": str(folder), "collection": url.rsplit("/", 1)[1]}
    job = http.post("/api/v2/jobs", json=body).json()["id"]
    until(lambda: http.get(f"/api/v2/jobs/{job}").json()["finished_at"] is not None)
    assert http.delete(f"{url}/images", params={"path": str(path)}).status_code == 204
    assert path.exists()


def test_a_deleted_picture_can_be_uploaded_again(http: httpx.Client, url: str) -> None:
    picture = encoded(photo_like(6501))
    first = upload(http, url, picture)
    assert http.delete(f"{url}/images/{first['id']}").status_code == 204
    again = upload(http, url, picture)
    assert again["id"] != first["id"]
    assert http.get(f"/api/v2/images/{again['id']}/file").content == picture


def test_deleting_a_collection_takes_its_uploads_along(http: httpx.Client, url: str) -> None:
    made = upload(http, url, encoded(photo_like(6502)))
    assert http.delete(url).status_code in (202, 204)
    until(lambda: not Path(made["path"]).exists())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"ids": [1], "paths": ["/x"]}, "body"),
        ({"ids": [1], "filter": {"exists": "a"}}, "body"),
        ({"ids": []}, "ids"),
        ({"ids": [0]}, "ids[0]"),
        ({"ids": ["1"]}, "ids[0]"),
        ({"ids": [2**63]}, "ids[0]"),
        ({"paths": [""]}, "paths[0]"),
        ({"filter": {"like": 1}}, "filter"),
        ({"partition": 1}, "partition"),
    ],
)
def test_a_wrong_deletion_is_400_and_deletes_nothing(
    http: httpx.Client, url: str, body: dict[str, Any], field: str
) -> None:
    response = http.post(f"{url}/images/delete", json=body)
    assert response.status_code == 400, response.text
    assert response.json()["errors"][0]["field"] == field


def test_a_delete_by_path_needs_the_path(http: httpx.Client, url: str) -> None:
    response = http.delete(f"{url}/images")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "path"


# Thumbnails and files


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("*/*", "JPEG"), ("image/avif,image/webp,*/*;q=0.8", "WEBP"), ("image/webp;q=0,*/*", "JPEG")],
)
def test_a_thumbnail_fits_and_is_cached(http: httpx.Client, url: str, accept: str, kind: str) -> None:
    made = upload(http, url, encoded(photo_like(6600, (800, 400))))
    path = f"/api/v2/images/{made['id']}/thumbnail"
    response = http.get(path, params={"size": 128}, headers={"Accept": accept})
    assert response.headers["content-type"] == f"image/{kind.lower()}"
    with Image.open(io.BytesIO(response.content)) as picture:
        assert (picture.format, picture.size) == (kind, (128, 64))
    assert "max-age" in response.headers["cache-control"]
    assert "Accept" in response.headers["vary"].split(", ")
    headers = {"Accept": accept, "If-None-Match": response.headers["etag"]}
    again = http.get(path, params={"size": 128}, headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert http.get(path, params={"size": 64}, headers=headers).status_code == 200
    assert http.head(path).headers["content-type"].startswith("image/")


def test_a_thumbnail_that_is_named_by_its_content_is_asked_for_once(http: httpx.Client, url: str) -> None:
    picture, other = encoded(photo_like(6605, (800, 400)), "PNG"), encoded(photo_like(6606, (400, 800)), "PNG")
    made = upload(http, url, picture)
    path, digest = f"/api/v2/images/{made['id']}/thumbnail", hashlib.sha256(picture).hexdigest()
    named = http.get(path, params={"sha256": digest})
    assert {"immutable", "max-age=31536000"} <= set(named.headers["cache-control"].split(", "))
    plain = http.get(path, params={"sha256": hashlib.sha256(other).hexdigest()})
    assert "immutable" not in plain.headers["cache-control"]
    assert plain.content == named.content
    refused = http.get(path, params={"sha256": digest.upper()})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "sha256")

    # What was copied, or is seen through another mount, has another time and is the same picture.
    os.utime(made["path"], (1, 1))
    touched = http.get(path, params={"sha256": digest}, headers={"If-None-Match": named.headers["etag"]})
    assert touched.status_code == 304
    # Nobody keeps what lies there now for what was indexed, nor the other way round.
    Path(made["path"]).write_bytes(other)
    changed = http.get(path, params={"sha256": digest}, headers={"If-None-Match": named.headers["etag"]})
    with Image.open(io.BytesIO(changed.content)) as shown:
        assert shown.height > shown.width
    assert "etag" not in changed.headers
    assert "immutable" not in changed.headers.get("cache-control", "")
    Path(made["path"]).unlink()
    assert http.get(path, params={"sha256": digest}).status_code == 404


@pytest.mark.parametrize("size", ["63", "513", "x", "", "-64", "1e2"])
def test_a_thumbnail_of_another_size_is_400(http: httpx.Client, url: str, size: str) -> None:
    made = upload(http, url, encoded(photo_like(6601)))
    response = http.get(f"/api/v2/images/{made['id']}/thumbnail", params={"size": size})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "size"


def test_a_file_is_sent_in_ranges_and_not_twice(http: httpx.Client, url: str) -> None:
    picture = encoded(photo_like(6602))
    path = f"/api/v2/images/{upload(http, url, picture)['id']}/file"
    part = http.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, picture[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(picture)}"
    assert part.headers["content-type"] == "image/jpeg"
    assert http.get(path, headers={"Range": "bytes=-5"}).content == picture[-5:]
    assert http.get(path, headers={"Range": f"bytes={len(picture)}-"}).status_code == 416
    whole = http.get(path)
    assert (whole.content, whole.headers["accept-ranges"]) == (picture, "bytes")
    again = http.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = http.head(path)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(picture)))


def test_a_picture_whose_file_left_the_roots_is_not_sent(http: httpx.Client, library: Path, url: str) -> None:
    folder = library / uuid4().hex
    folder.mkdir()
    path = folder / "swapped.jpg"
    path.write_bytes(encoded(photo_like(6603)))
    body = {"source": str(folder), "collection": url.rsplit("/", 1)[1]}
    job = http.post("/api/v2/jobs", json=body).json()["id"]
    until(lambda: http.get(f"/api/v2/jobs/{job}").json()["finished_at"] is not None)
    [image] = listed(http, url)
    path.unlink()
    path.symlink_to("/etc/passwd")
    for kind in ("file", "thumbnail"):
        assert http.get(f"/api/v2/images/{image}/{kind}").status_code == 404
