"""Manifests over HTTP: each line its picture; what is no manifest makes no job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.drawing import encoded, photo_like
from support.following import ended

pytestmark = pytest.mark.e2e


@pytest.fixture
def folder(library: Path) -> Path:
    made = library / uuid4().hex
    made.mkdir()
    for index in range(6):
        (made / f"{index}.png").write_bytes(encoded(photo_like(9000 + index, (64, 64)), "PNG"))
    return made


def run(http: httpx.Client, manifest: Path, **options: Any) -> dict[str, Any]:
    body = {"source": {"manifest": str(manifest)}, "collection": manifest.parent.name, **options}
    response = http.post("/api/v2/jobs", json=body)
    assert response.status_code == 202, response.text
    assert response.json()["source"] == str(manifest)
    return ended(http, response.json()["id"])


def listed(http: httpx.Client, folder: Path, **params: str) -> dict[str, dict[str, Any]]:
    items = http.get(f"/api/v2/collections/{folder.name}/images", params=params).json()["items"]
    return {Path(item["path"]).name: item["metadata"] for item in items}


def test_json_lines_are_indexed_each_with_its_own_labels(http: httpx.Client, folder: Path) -> None:
    lines = [
        {"path": f"{index}.png", "partition": "ab"[index % 2], "metadata": {"n": index}} for index in range(5)
    ]
    manifest = folder / "list.jsonl"
    manifest.write_text("\n".join([*map(json.dumps, lines), "not json", '{"path": "gone.png"}']))
    job = run(http, manifest, metadata={"from": "job"})
    assert (job["state"], job["total"], job["indexed"]) == ("completed_with_failures", 7, 5)
    assert listed(http, folder, partition="a") == {"0.png": {"n": 0}, "2.png": {"n": 2}, "4.png": {"n": 4}}
    failures = http.get(f"/api/v2/jobs/{job['id']}/failures").json()["items"]
    assert {(failure["path"], failure["code"]) for failure in failures} == {
        (f"{manifest}:6", "invalid_line"),
        (str(folder / "gone.png"), "vanished"),
    }
    question = {"path": str(folder / "0.png"), "filter": {"ge": ["n", 3]}}
    found = http.post(f"/api/v2/collections/{folder.name}/search", json=question).json()["results"]
    assert {one["metadata"]["n"] for one in found} == {3, 4}
    again = run(http, manifest, metadata={"from": "job"})
    assert (again["indexed"], again["unchanged"]) == (0, 5)


def test_csv_is_indexed_too(http: httpx.Client, folder: Path) -> None:
    manifest = folder / "list.csv"
    manifest.write_text('path,partition,metadata\n0.png,anna,"{""n"": 0}"\n1.png,,\n')
    job = run(http, manifest, partition="all")
    assert (job["state"], job["indexed"]) == ("succeeded", 2)
    assert listed(http, folder, partition="anna") == {"0.png": {"n": 0}}
    assert listed(http, folder, partition="all") == {"1.png": {}}


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("gone.jsonl", None, 404),
        ("list.txt", "{}", 400),
        ("list.csv", "file,size\n", 400),
        ("list.csv", "", 400),
        ("/etc/list.jsonl", None, 403),
        ("", None, 400),
    ],
)
def test_what_is_no_manifest_makes_no_job(
    http: httpx.Client, folder: Path, name: str, text: str | None, status: int
) -> None:
    if text is not None:
        (folder / name).write_text(text)
    path = name if name.startswith("/") or not name else str(folder / name)
    body = {"source": {"manifest": path}, "collection": folder.name}
    response = http.post("/api/v2/jobs", json=body)
    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["field"].startswith("source")
    assert http.get(f"/api/v2/collections/{folder.name}").status_code == 404


def test_a_directory_is_no_manifest(http: httpx.Client, folder: Path) -> None:
    (folder / "list.jsonl").mkdir()
    response = http.post("/api/v2/jobs", json={"source": {"manifest": str(folder / "list.jsonl")}})
    assert response.status_code == 400
