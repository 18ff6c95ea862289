"""Collections over HTTP: their options, names and aliases, a new index without a pause, and duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from e2e.test_jobs import ended, run, search
from support.drawing import encoded, photo_like

pytestmark = pytest.mark.e2e


@pytest.fixture
def name() -> str:
    return f"c{uuid4().hex[:12]}"


@pytest.fixture
def folder(library: Path, name: str) -> Path:
    """Six pictures; of the first there is a copy, of the second one that was recompressed."""
    made = library / name
    made.mkdir()
    for index in range(4):
        (made / f"{index}.jpg").write_bytes(encoded(photo_like(700 + index, (160, 120))))
    (made / "copy of 0.jpg").write_bytes((made / "0.jpg").read_bytes())
    Image.open(made / "1.jpg").save(made / "1 again.jpg", quality=70)
    return made


def error(response: httpx.Response) -> dict[str, str]:
    assert response.headers["content-type"] == "application/problem+json"
    (found,) = response.json()["errors"]
    return dict(found)


def shown(http: httpx.Client, name: str) -> dict[str, Any]:
    response = http.get(f"/api/v2/collections/{name}")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_collection_is_made_with_its_options(http: httpx.Client, name: str) -> None:
    options = {
        "index_type": "HNSW",
        "index_params": {"M": 16},
        "metric": "COSINE",
        "preprocessing": {"trim_borders": False},
    }
    response = http.post("/api/v2/collections", json={"name": name, "pipeline": "published", **options})
    assert response.status_code == 201, response.text
    assert response.headers["Location"] == f"/api/v2/collections/{name}"
    collection = shown(http, name)
    assert (collection["index_type"], collection["index_params"]) == ("HNSW", {"M": 16})
    assert collection["preprocessing"] == {"resize": "nearest", "trim_borders": False, "border_tolerance": 10}
    assert (collection["network"], collection["dimension"], collection["input_side"]) == ("vgg16", 512, 224)
    assert http.post("/api/v2/collections", json={"name": name}).status_code == 409


@pytest.mark.parametrize(
    ("options", "field", "names"),
    [
        ({"index_type": "DISKANN"}, "index_type", "HNSW"),
        ({"index_type": "MAGIC"}, "index_type", "HNSW"),
        ({"index_type": "HNSW", "index_params": {"M": 1_000}}, "index_params", "64"),
        ({"index_type": "HNSW", "index_params": {"nlist": 4}}, "index_params", "efConstruction"),
        ({"index_params": {"M": 4}}, "index_params", "no parameters"),
        ({"metric": "L2"}, "metric", "COSINE"),
        ({"preprocessing": {"resize": "magic"}}, "preprocessing", "bilinear"),
        ({"preprocessing": {"sharpen": 1}}, "preprocessing", "sharpen"),
        ({"preprocessing": {"pooling": "sum"}}, "preprocessing", "gem"),
        ({"preprocessing": {"aspect": "stretch"}}, "preprocessing", "crop"),
        ({"pipeline": "best"}, "pipeline", "recommended"),
        ({"network": "magic"}, "network", "vgg16"),
        ({"colour": 1}, "colour", ""),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_says_what_can(
    http: httpx.Client, name: str, options: dict[str, Any], field: str, names: str
) -> None:
    response = http.post("/api/v2/collections", json={"name": name, **options})
    assert response.status_code == 400, response.text
    assert error(response)["field"] == field
    assert names in error(response)["rule"]
    assert http.get(f"/api/v2/collections/{name}").status_code == 404


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"index_type": "DISKANN"}, "index_type"),
        ({"index_type": "IVF_SQ8", "index_params": {"M": 4}}, "index_params"),
        ({"preprocessing": {"resize": "magic"}}, "preprocessing"),
        ({"network": "magic"}, "network"),
        ({"pipeline": 7}, "pipeline"),
        ({"metric": "COSINE"}, "metric"),
    ],
)
def test_a_reindex_that_cannot_be_is_refused_by_name(
    http: httpx.Client, name: str, options: dict[str, Any], field: str
) -> None:
    http.post("/api/v2/collections", json={"name": name})
    response = http.post(f"/api/v2/collections/{name}/reindex", json=options)
    assert (response.status_code, error(response)["field"]) == (400, field)


def test_an_alias_serves_wherever_a_name_does(http: httpx.Client, folder: Path, name: str) -> None:
    assert http.post("/api/v2/collections", json={"name": name}).status_code == 201
    alias = f"{name}.current"
    for status in (201, 200):
        assert http.put(f"/api/v2/aliases/{alias}", json={"collection": name}).status_code == status
    job = run(http, str(folder), collection=alias)
    assert (job["state"], job["collection"]) == ("succeeded", name)
    found = search(http, alias, (folder / "2.jpg").read_bytes(), 1)[0]
    assert http.get(f"/api/v2/collections/{alias}/images/{found['id']}").status_code == 200
    assert (shown(http, alias)["name"], shown(http, alias)["aliases"]) == (name, [alias])
    assert http.post("/api/v1/count", data={"Table": alias}).text == "6"
    assert alias in [item["alias"] for item in http.get("/api/v2/aliases").json()["items"]]
    assert http.post("/api/v2/collections", json={"name": alias}).status_code == 409
    assert http.put(f"/api/v2/aliases/{name}", json={"collection": name}).status_code == 409
    assert http.delete(f"/api/v2/collections/{alias}").status_code == 409
    assert http.delete(f"/api/v2/aliases/{alias}").status_code == 204
    assert http.delete(f"/api/v2/aliases/{alias}").status_code == 404
    assert http.get(f"/api/v2/collections/{alias}").status_code == 404


def test_aliases_need_a_plain_name_and_a_collection(http: httpx.Client, name: str) -> None:
    refused = http.put("/api/v2/aliases/no%20spaces", json={"collection": name})
    assert (refused.status_code, error(refused)["field"]) == (400, "alias")
    assert http.put(f"/api/v2/aliases/{name}", json={"collection": "nothing"}).status_code == 404
    assert http.put(f"/api/v2/aliases/{name}", json={}).status_code == 400
    assert http.get("/api/v2/aliases", params={"cursor": "a b"}).status_code == 400


def test_a_collection_is_renamed_with_all_it_holds(http: httpx.Client, folder: Path, name: str) -> None:
    run(http, str(folder), collection=name)
    other = f"{name}-renamed"
    renamed = http.patch(f"/api/v2/collections/{name}", json={"name": other})
    assert (renamed.status_code, renamed.json()["name"], renamed.json()["images"]) == (200, other, 6)
    assert http.get(f"/api/v2/collections/{name}").status_code == 404
    assert search(http, other, (folder / "3.jpg").read_bytes(), 1)[0]["path"] == str(folder / "3.jpg")
    assert run(http, str(folder), collection=other)["unchanged"] == 6
    http.post("/api/v2/collections", json={"name": name})
    assert http.patch(f"/api/v2/collections/{name}", json={"name": other}).status_code == 409
    assert http.patch("/api/v2/collections/nothing", json={"name": other}).status_code == 404


def reindex(http: httpx.Client, name: str, **options: object) -> dict[str, Any]:
    response = http.post(f"/api/v2/collections/{name}/reindex", json=options)
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json()
    assert job["kind"] == "reindex"
    assert job["id"] in [item["id"] for item in http.get("/api/v2/jobs").json()["items"]]
    return job


def test_an_index_is_replaced_by_one_of_another_type(http: httpx.Client, folder: Path, name: str) -> None:
    run(http, str(folder), collection=name)
    before = search(http, name, (folder / "2.jpg").read_bytes())
    job = ended(http, reindex(http, name, index_type="IVF_SQ8", index_params={"nlist": 4})["id"])
    assert (job["state"], job["total"], job["indexed"]) == ("succeeded", 6, 6)
    collection = shown(http, name)
    assert (collection["index_type"], collection["index_params"]) == ("IVF_SQ8", {"nlist": 4})
    assert (collection["images"], collection["vectors"]) == (6, 6)
    after = search(http, name, (folder / "2.jpg").read_bytes())
    assert after[0]["id"] == before[0]["id"]
    assert run(http, str(folder), collection=name)["unchanged"] == 6


def test_another_pipeline_extracts_again_and_searches_follow(http: httpx.Client, folder: Path, name: str) -> None:
    http.post("/api/v2/collections", json={"name": name, "pipeline": "published"}).raise_for_status()
    run(http, str(folder), collection=name)
    old = shown(http, name)
    (folder / "3.jpg").unlink()
    job = ended(http, reindex(http, name, pipeline="recommended")["id"])
    assert (job["state"], job["indexed"], job["failed"]) == ("completed_with_failures", 5, 1)
    failed = http.get(f"/api/v2/jobs/{job['id']}/failures").json()["items"]
    assert [(Path(one["path"]).name, one["code"]) for one in failed] == [("3.jpg", "vanished")]
    collection = shown(http, name)
    assert (collection["pipeline"], collection["pooling"]) == ("recommended", "gem")
    (network,) = http.get("/api/v2/info").json()["networks"]
    told = ("pipeline", "pooling", "model", "fingerprint")
    assert [[each[field] for field in told] for each in network["pipelines"]] == [
        [each[field] for field in told] for each in (old, collection)
    ]
    assert collection["fingerprint"] != old["fingerprint"]
    assert collection["model"] == old["model"].replace("-max-", "-gem-") != old["model"]
    assert (collection["images"], collection["vectors"]) == (5, 5)
    found = search(http, name, (folder / "2.jpg").read_bytes())
    assert (found[0]["path"], len(found)) == (str(folder / "2.jpg"), 5)
    assert found[0]["distance"] < 0.001
    (folder / "3.jpg").write_bytes(encoded(photo_like(703, (160, 120))))
    assert http.post(f"/api/v2/jobs/{job['id']}/retry").status_code == 200
    assert ended(http, job["id"])["state"] == "succeeded"
    assert len(search(http, name, (folder / "2.jpg").read_bytes())) == 6


def test_a_second_reindex_is_refused_and_a_cancelled_one_leaves_the_index(
    http: httpx.Client, album: Path, name: str
) -> None:
    run(http, str(album), collection=name)
    old = shown(http, name)
    job = reindex(http, name, preprocessing={"resize": "lanczos"})
    assert http.post(f"/api/v2/jobs/{job['id']}/pause").json()["state"] == "paused"
    assert http.post(f"/api/v2/collections/{name}/reindex", json={}).status_code == 409
    assert http.post(f"/api/v2/jobs/{job['id']}/cancel").status_code == 200
    assert ended(http, job["id"])["state"] == "cancelled"
    assert http.post(f"/api/v2/jobs/{job['id']}/retry").status_code == 409
    assert shown(http, name) == old
    picture = next(album.rglob("picture 03.*"))
    assert search(http, name, picture.read_bytes())[0]["path"] == str(picture)
    assert http.post("/api/v2/collections/nothing/reindex", json={}).status_code == 404


def names_of(group: dict[str, Any]) -> set[str]:
    return {Path(image["path"]).name for image in group["images"]}


def test_duplicates_are_found_at_once_and_by_a_job(http: httpx.Client, folder: Path, name: str) -> None:
    run(http, str(folder), collection=name)
    page = http.get(f"/api/v2/collections/{name}/duplicates", params={"max_distance": "0"}).json()
    assert [(group["kind"], names_of(group)) for group in page["items"]] == [("exact", {"0.jpg", "copy of 0.jpg"})]
    assert page["next"] is None
    assert (page["max_distance"], page["untrained"]) == (0, True)
    usual = http.get(f"/api/v2/collections/{name}/duplicates").json()
    assert usual["max_distance"] == shown(http, name)["bands"]["near"]
    (first, *_), image = page["items"][0]["images"], page["items"][0]["images"][0]
    assert (first["distance"], len(image["sha256"])) == (0.0, 64)
    again = {"a": {"image_id": image_named(http, name, folder, "1.jpg")}}
    near = http.post(
        "/api/v2/compare", json={**again, "b": {"image_id": image_named(http, name, folder, "1 again.jpg")}}
    ).json()
    body = {"max_distance": near["distance"]}
    response = http.post(f"/api/v2/collections/{name}/duplicates", json=body)
    assert response.status_code == 202, response.text
    assert response.json()["kind"] == "duplicates"
    job = ended(http, response.json()["id"])
    assert (job["state"], job["total"], job["unchanged"]) == ("succeeded", 6, 6)
    by_job = http.get(f"/api/v2/jobs/{job['id']}/duplicates").json()
    assert (by_job["max_distance"], by_job["untrained"]) == (near["distance"], True)
    at_once = http.get(f"/api/v2/collections/{name}/duplicates", params=body).json()
    assert [names_of(group) for group in by_job["items"]] == [names_of(group) for group in at_once["items"]]
    together = [group for group in at_once["items"] if "1.jpg" in names_of(group)]
    assert "1 again.jpg" in names_of(together[0])
    if len(at_once["items"]) > 1:
        pages = http.get(f"/api/v2/jobs/{job['id']}/duplicates", params={"limit": 1}).json()
        rest = http.get(
            f"/api/v2/jobs/{job['id']}/duplicates", params={"limit": 9, "cursor": pages["next"]}
        ).json()
        assert pages["items"] + rest["items"] == by_job["items"]


def image_named(http: httpx.Client, name: str, folder: Path, file: str) -> int:
    found = search(http, name, (folder / file).read_bytes(), 6)
    (image_id,) = [one["id"] for one in found if one["path"] == str(folder / file)]
    return int(image_id)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"max_distance": "1.5"}, "max_distance"),
        ({"max_distance": "nan"}, "max_distance"),
        ({"max_distance": "-0.1"}, "max_distance"),
        ({"max_distance": "٣"}, "max_distance"),
        ({"partition": "x" * 500}, "partition"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_a_bad_option_for_duplicates_names_its_field(
    http: httpx.Client, name: str, params: dict[str, str], field: str
) -> None:
    http.post("/api/v2/collections", json={"name": name})
    response = http.get(f"/api/v2/collections/{name}/duplicates", params=params)
    assert (response.status_code, error(response)["field"]) == (400, field)


def test_duplicates_of_what_is_not_there_are_404(http: httpx.Client, folder: Path, name: str) -> None:
    assert http.get("/api/v2/collections/nothing/duplicates").status_code == 404
    assert http.post("/api/v2/collections/nothing/duplicates", json={}).status_code == 404
    job = run(http, str(folder), collection=name)
    assert http.get(f"/api/v2/jobs/{job['id']}/duplicates").status_code == 404


def test_two_pictures_are_compared_wherever_they_come_from(http: httpx.Client, folder: Path, name: str) -> None:
    run(http, str(folder), collection=name)
    first, copy, other = ((folder / file).read_bytes() for file in ("0.jpg", "copy of 0.jpg", "2.jpg"))
    image_id = image_named(http, name, folder, "0.jpg")
    same = http.post("/api/v2/compare", files={"a": first, "b": copy}).json()
    assert (same["distance"] < 0.001, same["same_content"]) == (True, True)
    mixed = http.post("/api/v2/compare", files={"a": other}, data={"b": str(image_id)}).json()
    stored = http.post(
        "/api/v2/compare",
        json={
            "a": {"image_id": image_named(http, name, folder, "2.jpg")},
            "b": {"image_id": image_id},
            "collection": name,
        },
    ).json()
    assert not mixed["same_content"]
    assert [each["band"] for each in (same, mixed, stored)] == [None] * 3, "distances of untrained networks"
    assert 0 < mixed["distance"] == pytest.approx(stored["distance"], abs=2e-4)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"a": {"image_id": 1}}, 400, "b"),
        ({"a": {"image_id": 1}, "b": {"image_id": 0}}, 400, "b.image_id"),
        ({"a": {"image_id": 1}, "b": {"path": "/x"}}, 400, "b.image_id"),
        ({"a": {"image_id": 2**62}, "b": {"image_id": 2**62}}, 404, "a"),
        ({"a": {"image_id": 2**70}, "b": {"image_id": 1}}, 400, "a.image_id"),
    ],
)
def test_a_bad_comparison_names_its_field(
    http: httpx.Client, body: dict[str, Any], status: int, field: str
) -> None:
    response = http.post("/api/v2/compare", json=body)
    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["field"] == field


def test_a_comparison_without_its_pictures_is_refused(http: httpx.Client) -> None:
    picture = encoded(photo_like(1))
    assert error(http.post("/api/v2/compare", files={"a": picture}))["field"] == "b"
    assert error(http.post("/api/v2/compare", files={"a": picture, "b": b""}))["field"] == "b"
    rejected = http.post("/api/v2/compare", files={"a": picture, "b": b"no picture"})
    assert (rejected.status_code, error(rejected)["field"]) == (415, "b")
    assert http.post("/api/v2/compare", files={"a": picture}, data={"a": "1", "b": "1"}).status_code == 400
    unknown = http.post("/api/v2/compare", files={"a": picture, "b": picture}, data={"collection": "nothing"})
    assert unknown.status_code == 404
