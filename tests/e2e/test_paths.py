"""Over HTTP: no deletion reaches a file that was not uploaded, and a file has one image under all its names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.drawing import encoded, photo_like
from support.following import ended
from support.system import System
from support.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture
def name(http: httpx.Client) -> str:
    made = f"p{uuid4().hex[:12]}"
    assert http.post("/api/v2/collections", json={"name": made}).status_code == 201
    return made


@pytest.fixture
def picture(library: Path) -> Path:
    """A picture in a folder of its own, with a link beside it."""
    path = library / uuid4().hex / "x.jpg"
    path.parent.mkdir()
    path.write_bytes(encoded(photo_like(6600)))
    (path.parent / "link.jpg").symlink_to("x.jpg")
    return path


@pytest.fixture
def uploaded(http: httpx.Client, name: str) -> dict[str, Any]:
    files = {"image": encoded(photo_like(6601))}
    made: dict[str, Any] = http.post(f"/api/v2/collections/{name}/images", files=files).json()
    return made


def submit(http: httpx.Client, name: str, source: object) -> dict[str, Any]:
    response = http.post("/api/v2/jobs", json={"source": source, "collection": name})
    assert response.status_code == 202, response.text
    return ended(http, response.json()["id"])


def codes(http: httpx.Client, job: dict[str, Any]) -> set[str]:
    return {item["code"] for item in http.get(f"/api/v2/jobs/{job['id']}/failures").json()["items"]}


def paths(http: httpx.Client, name: str) -> list[str]:
    return [item["path"] for item in http.get(f"/api/v2/collections/{name}/images").json()["items"]]


def test_a_file_that_was_named_through_the_uploads_outlives_its_image(
    http: httpx.Client, system: System, name: str, picture: Path, uploaded: dict[str, Any]
) -> None:
    folder = Path(uploaded["path"]).parents[3]
    assert folder.parent == system.folder.resolve() / "data" / "uploads"
    through = f"{folder}/{os.path.relpath(picture, folder)}"
    job = submit(http, name, {"paths": [through]})
    assert (job["state"], job["indexed"]) == ("succeeded", 1)
    assert paths(http, name) == [uploaded["path"], str(picture)]
    response = http.post(f"/api/v2/collections/{name}/images/delete", json={"paths": [through, uploaded["path"]]})
    assert response.json() == {"deleted": 2, "missing": []}
    until(lambda: not Path(uploaded["path"]).exists())
    assert picture.exists()


def test_every_name_of_a_file_finds_its_one_image(http: httpx.Client, name: str, picture: Path) -> None:
    spelled = [str(picture), f"{picture.parent}/./x.jpg", f"{picture.parent}//link.jpg"]
    assert submit(http, name, {"paths": spelled})["indexed"] == 3
    assert paths(http, name) == [str(picture)]
    for path in spelled:
        found = http.post(f"/api/v2/collections/{name}/search", json={"path": path, "top_k": 1}).json()["results"]
        assert [one["path"] for one in found] == [str(picture)]
    again = submit(http, name, str(picture.parent))
    assert (again["total"], again["unchanged"]) == (1, 1)
    assert http.delete(f"/api/v2/collections/{name}/images", params={"path": spelled[2]}).status_code == 204
    assert paths(http, name) == []
    assert picture.exists()


def test_uploads_are_no_source(
    http: httpx.Client, name: str, picture: Path, uploaded: dict[str, Any], library: Path
) -> None:
    path = Path(uploaded["path"])
    for source in (str(path.parent), str(path.parents[4]), {"manifest": str(path)}):
        response = http.post("/api/v2/jobs", json={"source": source, "collection": name})
        assert response.status_code == 403, response.text
        assert response.json()["errors"][0]["field"] == "source"
        assert str(path) not in response.text
    spelled = [str(path), f"{path.parent}/../{path.parent.name}/{path.name}"]
    assert codes(http, submit(http, name, {"paths": spelled})) == {"forbidden"}
    (picture.parent / "to upload.jpg").symlink_to(path)
    assert codes(http, submit(http, name, str(picture.parent))) == {"forbidden"}
    lines = picture.parent / "lines.jsonl"
    lines.write_text(json.dumps({"path": str(path)}))
    assert codes(http, submit(http, name, {"manifest": str(lines)})) == {"forbidden"}
    assert path.exists()
