"""Exports over HTTP: asked for, shown, fetched by ranges, and removed; each by keys that may alone."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from flask.testing import FlaskClient

from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import Tenancy
from imagesearch.catalog import collections
from imagesearch.files.exports import Exports
from imagesearch.files.folder_objects import FolderObjects
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_api.app import create_app
from imagesearch_indexer.exports import job as export_job
from support.api_keys import Keys, bearer
from support.api_twin import services_of
from support.reindexing import finish
from support.world import World

pytestmark = pytest.mark.integration

URL = "/api/v2/collections/default/exports"


@pytest.fixture
def world(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Three pictures, two of them in a part, and the third in a partition."""
    monkeypatch.setattr(export_job, "PART_BYTES", 2 * 512 * 4)
    exports = Exports(FolderObjects(tmp_path / "exports", "exports"))
    world = replace(world, vectors=InMemoryVectorStore(), exports=exports)
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    world.write("c/c.jpg")
    world.run(world.root / "c", partition="c")
    return world


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def http(world: World, keys: Keys) -> FlaskClient:
    services = services_of(
        catalog=world.catalog,
        exports=world.exports,
        progress=world.progress,
        roots=world.roots,
        workers=SimpleNamespace(alive=lambda: []),
        send=lambda *_: None,
    )
    return create_app(keys.asked_for_by(services)).test_client()


@pytest.fixture
def writer(keys: Keys) -> dict[str, str]:
    return bearer(keys.make(Scope.WRITE))


def exported(http: FlaskClient, world: World, key: dict[str, str], **body: str) -> str:
    answer = http.post(URL, json=body, headers=key)
    assert (answer.status_code, answer.get_json()["kind"]) == (202, "export")
    job_id: str = answer.get_json()["id"]
    finish(world, job_id)
    return f"/api/v2/jobs/{job_id}/export"


def test_an_export_is_shown_and_its_parts_are_fetched(
    http: FlaskClient, world: World, writer: dict[str, str]
) -> None:
    url = exported(http, world, writer)
    shown = http.get(url, headers=writer).get_json()
    assert (shown["rows"], shown["parts"], shown["lost"], shown["dimension"]) == (3, 2, 0, 512)
    assert (shown["collection"], shown["partition"], shown["model"]) == ("default", None, world.model)
    page = http.get(f"{url}/parts", query_string={"limit": 1}, headers=writer).get_json()
    rest = http.get(f"{url}/parts", query_string={"cursor": page["next"]}, headers=writer).get_json()
    parts = [*page["items"], *rest["items"]]
    assert ([part["number"] for part in parts], rest["next"]) == ([1, 2], None)
    paths = []
    for part in parts:
        assert part["url"] == f"http://localhost{url}/parts/{part['number']}"
        answer = http.get(part["url"], headers=writer)
        assert (answer.status_code, answer.mimetype) == (200, "application/vnd.apache.parquet")
        assert hashlib.sha256(answer.data).hexdigest() == part["sha256"]
        paths += pq.read_table(io.BytesIO(answer.data))["path"].to_pylist()
    assert {Path(path).name for path in paths} == {"a.jpg", "b.jpg", "c.jpg"}
    assert http.get(f"{url}/parts/3", headers=writer).status_code == 404


def test_a_part_is_fetched_by_ranges_so_that_a_download_goes_on(
    http: FlaskClient, world: World, writer: dict[str, str]
) -> None:
    url = exported(http, world, writer)
    whole = http.get(f"{url}/parts/1", headers=writer)
    half = http.get(f"{url}/parts/1", headers={**writer, "Range": "bytes=100-", "If-Range": whole.headers["ETag"]})
    assert (half.status_code, half.data) == (206, whole.data[100:])
    known = http.get(f"{url}/parts/1", headers={**writer, "If-None-Match": whole.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
    beyond = http.get(f"{url}/parts/1", headers={**writer, "Range": f"bytes={len(whole.data)}-"})
    assert beyond.status_code == 416


def test_an_export_that_goes_on_is_not_shown_and_one_that_was_removed_is_gone(
    http: FlaskClient, world: World, writer: dict[str, str], tmp_path: Path
) -> None:
    job_id = http.post(URL, json={}, headers=writer).get_json()["id"]
    url = f"/api/v2/jobs/{job_id}/export"
    for refused in (http.get(url, headers=writer), http.delete(url, headers=writer)):
        assert (refused.status_code, refused.get_json()["code"]) == (409, "job_state")
    finish(world, job_id)
    tried = http.delete(url, query_string={"dry_run": "true"}, headers=writer)
    assert tried.get_json() == http.get(url, headers=writer).get_json()
    assert [http.delete(url, headers=writer).status_code for _ in range(2)] == [204, 204]
    assert http.delete(url, query_string={"dry_run": "true"}, headers=writer).status_code == 404
    for gone in (url, f"{url}/parts", f"{url}/parts/1"):
        assert http.get(gone, headers=writer).status_code == 404
    finish(world, world.submit(world.root))
    assert list((tmp_path / "exports").iterdir()) == []


def test_the_files_of_a_deleted_collection_are_sent_to_nobody(
    http: FlaskClient, world: World, writer: dict[str, str]
) -> None:
    url = exported(http, world, writer)
    with world.catalog.transaction() as tx:
        collections.mark_deleting(tx, collections.lock_exclusive(tx, world.collection().id))
    assert http.get(f"{url}/parts/1", headers=writer).status_code == 404


def test_a_repeated_request_finds_its_job(http: FlaskClient, writer: dict[str, str]) -> None:
    keyed = {**writer, "Idempotency-Key": "once"}
    made = [http.post(URL, json={}, headers=keyed).get_json()["id"] for _ in range(2)]
    assert made[0] == made[1]
    assert http.post(URL, json={"partition": "c"}, headers=keyed).status_code == 409


def test_a_key_exports_what_it_is_bound_to_and_reads_no_other_export(
    http: FlaskClient, world: World, keys: Keys, writer: dict[str, str]
) -> None:
    whole = exported(http, world, writer)
    bound = bearer(keys.make(Scope.WRITE, Tenancy(partition="c")))
    assert http.get(f"{whole}/parts/1", headers=bound).status_code == 404
    assert http.post(URL, json={"partition": ""}, headers=bound).status_code == 403
    mine = exported(http, world, bound)
    shown = http.get(mine, headers=bound).get_json()
    assert (shown["rows"], shown["partition"]) == (1, "c")
    reader = bearer(keys.make(Scope.READ))
    assert http.post(URL, json={}, headers=reader).status_code == 403
    assert http.delete(whole, headers=reader).status_code == 403
    assert http.get(f"{whole}/parts/1", headers=reader).status_code == 200


def test_a_server_that_keeps_no_exports_says_so(world: World, keys: Keys, writer: dict[str, str]) -> None:
    http = create_app(keys.asked_for_by(services_of(catalog=world.catalog))).test_client()
    refused = http.post(URL, json={}, headers=writer)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "exports_off")
