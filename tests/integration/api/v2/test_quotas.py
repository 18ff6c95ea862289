"""Who asks for more than a quota allows is told which, what is used and what is allowed, unless it is shared."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from werkzeug.test import TestResponse

from imagesearch import admin
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import EVERYTHING, Tenancy
from imagesearch.catalog import collections, jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.quotas import limits
from imagesearch.catalog.quotas.limits import Limits
from imagesearch.messaging.claims import InFlight
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_indexer.settings import IndexerSettings
from support.api_keys import Keys, bearer
from support.drawing import encoded, photo_like
from support.two_tenants import api_of
from support.world import World

pytestmark = pytest.mark.integration

ANNA = Tenancy(("default",), "anna")
Ask = Callable[..., TestResponse]


@pytest.fixture
def world(catalog: Catalog, client: redis.Redis, pictures: Path) -> World:
    made = World(catalog, InMemoryVectorStore(), InFlight(client), pictures, IndexerSettings())
    made.write("anna/a.jpg")
    made.run(made.root / "anna", partition="anna")
    return made


@pytest.fixture
def ask(world: World, tmp_path: Path) -> Ask:
    keys = Keys()
    app = api_of(world, keys, tmp_path / "uploads")

    def send(method: str, url: str, tenancy: Tenancy = ANNA, **parts: Any) -> TestResponse:
        headers = bearer(keys.make(Scope.WRITE, tenancy))
        return app.test_client().open(url, method=method, headers=headers, buffered=True, **parts)

    return send


def allow(world: World, collection: str | None, partition: str | None, **given: int) -> None:
    with world.catalog.transaction() as tx:
        collection_id = None if collection is None else collections.get(tx, collection).id
        limits.put(tx, collection_id, partition, Limits(**given), by=None)
    # Counted from here on.
    world.write("anna/b.jpg")
    world.run(world.root / "anna", partition="anna")


def upload(ask: Ask, tenancy: Tenancy = ANNA) -> TestResponse:
    picture = io.BytesIO(encoded(photo_like(1), "PNG")), "a.png"
    return ask("POST", "/api/v2/collections/default/images", tenancy, data={"image": picture})


def test_an_upload_beyond_the_quota_is_refused_with_the_numbers(world: World, ask: Ask, tmp_path: Path) -> None:
    allow(world, "default", "anna", images=1)
    refused = upload(ask)
    assert (refused.status_code, refused.content_type) == (403, "application/problem+json")
    body = refused.get_json()
    assert body["code"] == "quota_exceeded"
    assert body["detail"].endswith("'default' is used up: its limit of pictures is 1.")
    assert body["quota"] == {
        "resource": "images",
        "used": 1,
        "limit": 1,
        "collection": "default",
        "partition": "anna",
    }
    assert [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()] == []


def test_what_others_have_of_a_shared_quota_is_not_told(world: World, ask: Ask) -> None:
    allow(world, "default", None, images=1)
    refused = upload(ask)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "quota_exceeded")
    assert "quota" not in refused.get_json()
    assert upload(ask, EVERYTHING).get_json()["quota"]["used"] == 1


def test_a_job_too_many_may_be_asked_for_again_later(world: World, ask: Ask) -> None:
    allow(world, None, "anna", jobs=0)
    body = {"source": str(world.root / "anna"), "collection": "default"}
    refused = ask("POST", "/api/v2/jobs", Tenancy(None, "anna"), json=body)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert refused.get_json()["quota"] == {
        "resource": "jobs",
        "used": 0,
        "limit": 0,
        "collection": None,
        "partition": "anna",
    }


def test_a_job_that_is_tried_again_counts_for_whom_its_key_is_bound_to(world: World, ask: Ask) -> None:
    job_id = ask("POST", "/api/v2/collections/default/duplicates", json={}).get_json()["id"]
    with world.catalog.transaction() as tx:
        jobs.break_off(tx, job_id, "nothing works")
        jobs.finish(tx, job_id)
    allow(world, "default", "anna", jobs=0)
    refused = ask("POST", f"/api/v2/jobs/{job_id}/retry")
    assert (refused.status_code, refused.get_json()["code"]) == (429, "quota_exceeded")


def test_a_picture_is_not_moved_into_a_partition_that_is_full(world: World, ask: Ask) -> None:
    allow(world, "default", "ben", bytes=3)
    [image_id] = [
        image["id"]
        for image in ask("GET", "/api/v2/collections/default/images").get_json()["items"]
        if image["path"].endswith("a.jpg")
    ]
    url = f"/api/v2/collections/default/images/{image_id}"
    refused = ask("PATCH", url, EVERYTHING, json={"partition": "ben"})
    assert (refused.status_code, refused.get_json()["quota"]["resource"]) == (403, "bytes")


@pytest.mark.parametrize(
    ("tenancy", "seen"),
    [
        (EVERYTHING, ["default", "default/anna", "/anna", "/ben"]),
        (Tenancy(("default",)), ["default", "default/anna"]),
        (Tenancy(None, "anna"), ["default/anna", "/anna"]),
        (ANNA, ["default/anna"]),
        (Tenancy(("other",), "anna"), []),
    ],
)
def test_a_key_sees_the_quotas_of_what_it_reaches(
    world: World, ask: Ask, tenancy: Tenancy, seen: list[str]
) -> None:
    for collection, partition in (("default", None), ("default", "anna"), (None, "anna"), (None, "ben")):
        allow(world, collection, partition, images=9)
    found = ask("GET", "/api/v2/quotas", tenancy).get_json()["items"]
    shown = [(each["collection"] or "") + (f"/{each['partition']}" if each["partition"] else "") for each in found]
    assert shown == seen


def test_the_command_sets_lists_and_removes_quotas(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(admin, "Catalog", lambda *_, **__: _Kept(world.catalog))
    assert admin.main(["quotas", "set", "--partition", "anna", "--images", "5"]) == 0
    assert '"max_images": 5' in capsys.readouterr().out
    assert admin.main(["quotas", "set", "--partition", "anna", "--images", "6"]) == 0
    assert admin.main(["quotas", "set", "--images", "6"]) == 1
    assert "collection, partition: at least one" in capsys.readouterr().err
    assert admin.main(["quotas", "list"]) == 0
    listed = capsys.readouterr().out
    assert listed.count("\n") == 1
    assert '"max_images": 6' in listed
    assert admin.main(["quotas", "remove", listed.split('"id": ')[1].split(",")[0]]) == 0
    assert admin.main(["quotas", "remove", "77"]) == 1


class _Kept:
    """The catalogue of a test, which closes it itself."""

    def __init__(self, catalog: Catalog) -> None:
        self.transaction, self.reading = catalog.transaction, catalog.reading

    def close(self) -> None:
        """Leave it open."""
