"""Exports are asked for and fetched: whole, and no file twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagesearch_client import ProtocolError, download_export
from support.fake_api import FakeApi, Run, job, ok, problem, script_failures

URL = "/api/v2/jobs/17/export"
PARTS = {f"part-0000{number}-ab.parquet": f"bytes of part {number}".encode() for number in (1, 2)}
EXPORT: dict[str, Any] = {
    "job_id": "17",
    "collection": "cats",
    "partition": None,
    "rows": 3,
    "lost": 0,
    "parts": 2,
    "bytes": 34,
    "network": "vgg16",
    "model": "vgg16-max-512:ab",
    "fingerprint": "cd",
    "pipeline": "recommended",
    "preprocessing": {"side": 224},
    "dimension": 512,
    "metric": "COSINE",
    "format": 1,
}


def part(number: int, name: str, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {"number": number, "name": name, "rows": 3 - number, "bytes": len(data), "sha256": digest, "url": "u"}


@pytest.fixture(autouse=True)
def exported(api: FakeApi) -> None:
    """An export of two parts, listed on two pages."""
    items = [part(number, name, data) for number, (name, data) in enumerate(PARTS.items(), start=1)]
    api.on("GET", URL, ok(EXPORT))
    api.on("GET", f"{URL}/parts", ok({"items": items[:1], "next": "1"}), ok({"items": items[1:], "next": None}))
    for number, data in enumerate(PARTS.values(), start=1):
        api.on("GET", f"{URL}/parts/{number}", httpx.Response(200, content=data))


def listed(api: FakeApi, only: dict[str, Any]) -> None:
    api.forget("GET", f"{URL}/parts")
    api.on("GET", f"{URL}/parts", ok({"items": [only], "next": None}))


def fetched(api: FakeApi) -> list[str]:
    return [asked for asked in api.asked if asked.startswith(f"GET {URL}/parts/")]


def test_an_export_is_asked_for_with_a_key_of_its_own(api: FakeApi) -> None:
    api.on("POST", "/api/v2/collections/cats/exports", problem(503, "away"), ok(job(kind="export"), 202))
    assert api.client().export("cats", partition="x").kind == "export"
    assert api.sent_json() == {"partition": "x"}
    assert len({request.headers["Idempotency-Key"] for request in api.requests}) == 1


def test_every_part_is_fetched_and_described(api: FakeApi, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    paths = download_export(api.client(), "17", tmp_path / "new", lambda part, of: seen.append((part.number, of)))
    assert {path.name: path.read_bytes() for path in paths} == PARTS
    assert seen == [(1, 2), (2, 2)]
    manifest = json.loads((tmp_path / "new/manifest.json").read_text())
    assert [part["name"] for part in manifest["parts"]] == list(PARTS)
    assert (manifest["fingerprint"], manifest["rows"]) == ("cd", 3)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["manifest.json", *PARTS]


def test_a_second_download_fetches_what_is_lacking_or_damaged(api: FakeApi, tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in PARTS)
    first.write_bytes(PARTS[first.name])
    second.write_bytes(b"cut off")
    download_export(api.client(), "17", str(tmp_path))
    assert (fetched(api), second.read_bytes()) == ([f"GET {URL}/parts/2"], PARTS[second.name])


def test_other_bytes_than_announced_are_not_kept(api: FakeApi, tmp_path: Path) -> None:
    listed(api, part(1, "part-00001-ab.parquet", b"else"))
    with pytest.raises(ProtocolError, match="part 1"):
        download_export(api.client(), "17", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../out.parquet", "/etc/part-1.parquet", "part-1/../../x.parquet", "part-1.exe"])
def test_a_name_that_leads_elsewhere_is_refused(api: FakeApi, tmp_path: Path, name: str) -> None:
    listed(api, part(1, name, b""))
    with pytest.raises(ProtocolError, match="names a part"):
        download_export(api.client(), "17", tmp_path)
    assert (list(tmp_path.iterdir()), fetched(api)) == ([], [])


def test_an_export_is_removed(api: FakeApi) -> None:
    api.on("DELETE", URL, httpx.Response(204))
    api.client().delete_export("17")
    assert api.asked == [f"DELETE {URL}"]


def test_the_command_waits_and_fetches(api: FakeApi, run: Run, tmp_path: Path) -> None:
    api.on("POST", "/api/v2/collections/cats/exports", ok(job(kind="export"), 202))
    api.on("GET", "/api/v2/jobs/17", ok(job("succeeded", ended=True, kind="export")))
    result = run("export", "cats", str(tmp_path), "--json")
    assert (result.exit_code, json.loads(result.stdout)["rows"]) == (0, 3)
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json", *PARTS}


def test_the_command_goes_on_with_a_job_and_tells_of_losses(api: FakeApi, run: Run, tmp_path: Path) -> None:
    ended = job("completed_with_failures", ended=True, kind="export", failed=1)
    api.on("GET", "/api/v2/jobs/17", ok(ended))
    api.forget("GET", URL)
    api.on("GET", URL, ok({**EXPORT, "lost": 1}))
    script_failures(api, ("/photos/a.jpg", "vector_lost", "it is gone"))
    result = run("export", "cats", str(tmp_path), "--job", "17")
    assert result.exit_code == 2
    assert f"3 pictures with vectors of 512 numbers are in {tmp_path}." in result.stdout
    assert "vector_lost: 1" in result.stderr
    assert not [asked for asked in api.asked if asked.startswith("POST")]
    assert run("export", "cats", str(tmp_path), "--job", "17", "--partition", "x").exit_code == 64


def test_the_command_fetches_nothing_of_a_job_that_failed(api: FakeApi, run: Run, tmp_path: Path) -> None:
    api.on("POST", "/api/v2/collections/cats/exports", ok(job(kind="export"), 202))
    api.on("GET", "/api/v2/jobs/17", ok(job("failed", ended=True, kind="export", error="another pipeline")))
    result = run("export", "cats", str(tmp_path))
    assert (result.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "another pipeline" in result.stderr
