"""A change that names a version is made to that one or not at all, whoever else changes it at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from imagesearch.catalog import collections, names
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Catalog
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_api.app import create_app
from imagesearch_api.settings import ApiSettings
from support.album import Album
from support.api_twin import services_of
from support.waiting import until

pytestmark = pytest.mark.integration

Ask = Callable[..., TestResponse]


@pytest.fixture
def app(catalog: Catalog) -> Flask:
    def away(*_: Any) -> None:
        raise AssertionError("nothing here asks a worker")

    settings = ApiSettings(api_keys=False)
    return create_app(services_of(settings, catalog=catalog, vectors=InMemoryVectorStore(), ask=away))


@pytest.fixture
def ask(app: Flask) -> Ask:
    def send(method: str, url: str, match: str | None = None, **parts: Any) -> TestResponse:
        headers = parts.pop("headers", {}) | ({} if match is None else {"If-Match": match})
        return app.test_client().open(f"/api/v2/{url}", method=method, headers=headers, buffered=True, **parts)

    return send


@pytest.fixture
def cats(catalog: Catalog) -> Collection:
    with catalog.transaction() as tx:
        return collections.create(tx, "cats")[0]


def waiters(catalog: Catalog) -> int:
    with catalog.reading() as tx:
        asked = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(tx.execute(sa.text(asked)).scalar_one())


def test_an_alias_is_moved_and_removed_as_it_was_seen(ask: Ask, cats: Collection) -> None:
    absent = {"If-None-Match": "*"}
    made = ask("PUT", "aliases/pets", json={"collection": "cats"}, headers=absent)
    assert (made.status_code, made.get_json()["collection"]) == (201, "cats")
    assert ask("PUT", "aliases/pets", json={"collection": "cats"}, headers=absent).status_code == 412
    shown = ask("GET", "aliases/pets")
    assert shown.headers["ETag"] == made.headers["ETag"]
    assert shown.get_json() == made.get_json()
    assert ask("GET", "aliases/pets", headers={"If-None-Match": made.headers["ETag"]}).status_code == 304
    assert ask("DELETE", "aliases/pets", '"another"').status_code == 412
    assert ask("DELETE", "aliases/pets", query_string={"dry_run": "true"}).get_json() == made.get_json()
    assert ask("DELETE", "aliases/pets", made.headers["ETag"]).status_code == 204
    assert ask("GET", "aliases/pets").status_code == 404
    assert ask("PUT", "aliases/pets", made.headers["ETag"], json={"collection": "cats"}).status_code == 412


def test_of_two_who_move_an_alias_one_sees_that_it_was_moved(ask: Ask, catalog: Catalog, cats: Collection) -> None:
    seen = ask("PUT", "aliases/pets", json={"collection": "cats"}).headers["ETag"]
    with catalog.transaction() as tx:
        dogs, _ = collections.create(tx, "dogs")
    with ThreadPoolExecutor(1) as pool:
        with catalog.transaction() as tx:
            names.put_alias(tx, "pets", dogs.id)
            second = pool.submit(ask, "PUT", "aliases/pets", seen, json={"collection": "cats"})
            until(lambda: waiters(catalog) == 1)
        assert second.result().get_json()["code"] == "version_mismatch"
    assert ask("GET", "aliases/pets").get_json()["collection"] == "dogs"


def test_a_collection_is_renamed_and_deleted_as_it_was_seen(ask: Ask, cats: Collection) -> None:
    seen = ask("GET", "collections/cats").headers["ETag"]
    assert ask("PATCH", "collections/cats", '"another"', json={"name": "cats"}).status_code == 412
    assert ask("PATCH", "collections/cats", seen, json={"name": "cats"}).headers["ETag"] == seen
    renamed = ask("PATCH", "collections/cats", seen, json={"name": "lions"})
    assert renamed.headers["ETag"] != seen
    assert ask("DELETE", "collections/lions", seen).status_code == 412
    dry = ask("DELETE", "collections/lions", query_string={"dry_run": "true"})
    assert (dry.status_code, dry.get_json()["name"]) == (200, "lions")
    assert ask("GET", "collections/lions").status_code == 200


@pytest.mark.parametrize(("method", "parts"), [("PATCH", {"json": {"name": "tigers"}}), ("DELETE", {})])
def test_of_two_who_change_a_collection_one_sees_that_it_was_changed(
    ask: Ask, catalog: Catalog, cats: Collection, method: str, parts: dict[str, Any]
) -> None:
    seen = ask("GET", "collections/cats").headers["ETag"]
    with ThreadPoolExecutor(1) as pool:
        with catalog.transaction() as tx:
            names.rename(tx, cats.id, "lions")
            second = pool.submit(ask, method, "collections/cats", seen, **parts)
            until(lambda: waiters(catalog) == 1)
        assert second.result().get_json()["code"] == "version_mismatch"
    assert ask("GET", "collections/lions").status_code == 200


def test_collections_are_listed_page_by_page(ask: Ask, catalog: Catalog) -> None:
    made = [f"c{number}" for number in range(5)]
    with catalog.transaction() as tx:
        for name in made[::-1]:
            collections.create(tx, name)
    found: list[str] = []
    cursor: dict[str, str] = {}
    while len(found) < len(made) + 1:
        page = ask("GET", "collections", query_string={"limit": 2, **cursor}).get_json()
        found += [one["name"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == made


@pytest.mark.parametrize("by", ["id", "path"])
def test_an_image_is_deleted_as_it_was_seen(ask: Ask, catalog: Catalog, by: str) -> None:
    [row] = Album(catalog).index("/a", metadata={"a": 1})
    images = "collections/default/images"
    shown = ask("GET", f"{images}/{row.id}")
    url, parts = (f"{images}/{row.id}", {}) if by == "id" else (images, {"query_string": {"path": "/a"}})
    assert ask("DELETE", url, '"another"', **parts).status_code == 412
    assert ask("GET", f"{images}/{row.id}", headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304
    assert ask("DELETE", url, shown.headers["ETag"], **parts).status_code == 204
