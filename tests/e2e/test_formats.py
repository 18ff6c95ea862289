"""HEIC and AVIF over HTTP, and what photos and paths tell of themselves."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from support.drawing import encoded, photo_like
from support.following import ended

pytestmark = pytest.mark.e2e

SIZE = (64, 48)


def noted(model: str) -> bytes:
    exif = Image.Exif()
    exif[0x0110], exif[0x0112] = model, 6
    return exif.tobytes()


@pytest.mark.parametrize(
    ("name", "media_type", "ending"), [("HEIF", "image/heic", ".heic"), ("AVIF", "image/avif", ".avif")]
)
def test_a_picture_is_uploaded_found_and_shown_as_a_jpeg(
    http: httpx.Client, name: str, media_type: str, ending: str
) -> None:
    url = f"/api/v2/collections/i{uuid4().hex[:12]}"
    assert http.post("/api/v2/collections", json={"name": url.rpartition("/")[2]}).status_code == 201
    data = encoded(photo_like(9100, SIZE), name, exif=noted("R5"))
    made = http.post(f"{url}/images", files={"image": data}, data={"facts": "camera"}).json()
    assert (made["format"], made["width"], made["height"]) == (name, *reversed(SIZE))
    assert made["path"].endswith(ending)
    assert made["metadata"] == {"exif.camera": "R5"}
    [result] = http.post(f"{url}/search", files={"image": data}).json()["results"]
    assert (result["id"], result["distance"]) == (made["id"], pytest.approx(0, abs=1e-5))
    thumbnail = http.get(f"/api/v2/images/{made['id']}/thumbnail")
    assert (thumbnail.headers["content-type"], Image.open(io.BytesIO(thumbnail.content)).format) == (
        "image/jpeg",
        "JPEG",
    )
    file = http.get(f"/api/v2/images/{made['id']}/file")
    assert (file.headers["content-type"], file.content) == (media_type, data)


def test_a_job_makes_metadata_of_what_cameras_and_paths_say(http: httpx.Client, library: Path) -> None:
    folder = library / uuid4().hex
    for year, model in ((2023, "R5"), (2024, "R6")):
        (folder / str(year)).mkdir(parents=True)
        data = encoded(photo_like(9110 + year, SIZE), exif=noted(model))
        (folder / str(year) / f"{model}.jpg").write_bytes(data)
    body = {"source": str(folder), "collection": folder.name, "metadata": {"owner": "anna"}}
    asked = {"facts": ["camera", "orientation"], "metadata_from_path": "{year:int}/{key}.jpg"}
    url = f"/api/v2/collections/{folder.name}"

    def run(**more: object) -> tuple[int, int]:
        response = http.post("/api/v2/jobs", json={**body, **more})
        assert response.status_code == 202, response.text
        job = ended(http, response.json()["id"])
        return job["indexed"], job["unchanged"]

    assert run() == (2, 0)
    assert run(**asked) == (2, 0)
    assert run(**asked) == (0, 2)
    found = http.get(f"{url}/images", params={"key": "R6"}).json()["items"]
    expected = {"owner": "anna", "year": 2024, "exif.camera": "R6", "exif.orientation": 6}
    assert [one["metadata"] for one in found] == [expected]
    wanted = {
        "path": str(folder / "2023/R5.jpg"),
        "filter": {"eq": ["exif.camera", "R6"]},
        "include": ["metadata"],
    }
    results = http.post(f"{url}/search", json=wanted).json()["results"]
    assert [one["metadata"] for one in results] == [expected]
    names = {item["field"] for item in http.get(f"{url}/facets").json()["items"]}
    assert names == set(expected)
    wrong = http.post("/api/v2/jobs", json={**body, "metadata_from_path": "(a+)+"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "metadata_from_path")
