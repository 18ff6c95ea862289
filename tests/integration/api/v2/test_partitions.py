"""The partitions that hold images are listed, each once, page by page."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from imagesearch.catalog import image_queries
from imagesearch.catalog.engine import Catalog
from imagesearch_api.app import create_app
from support.album import Album
from support.api_twin import services_of

pytestmark = pytest.mark.integration

URL = "/api/v2/collections/default/partitions"


@pytest.fixture
def album(catalog: Catalog) -> Album:
    album = Album(catalog)
    for name in ("b", "", "a", "ä"):
        album.index(f"/{name}/1", f"/{name}/2", partition=name)
    album.delete(*album.index("/gone", partition="gone"))
    return album


@pytest.fixture
def http(catalog: Catalog) -> FlaskClient:
    return create_app(services_of(catalog=catalog)).test_client()


def test_each_partition_that_holds_images_is_listed_once(http: FlaskClient, album: Album) -> None:
    page = http.get(URL).get_json()
    assert sorted(one["name"] for one in page["items"]) == ["", "a", "b", "ä"]
    assert page["next"] is None


def test_pages_follow_each_other(http: FlaskClient, album: Album) -> None:
    seen: list[str] = []
    query = {"limit": "1"}
    while (page := http.get(URL, query_string=query).get_json())["next"] is not None:
        seen += [one["name"] for one in page["items"]]
        query["cursor"] = page["next"]
    assert sorted(seen) == ["", "a", "b", "ä"]


def test_another_collection_has_none_of_them(catalog: Catalog, album: Album) -> None:
    with catalog.reading() as tx:
        assert image_queries.partitions(tx, album.collection.id + 1, after=None, limit=10) == []


@pytest.mark.parametrize("cursor", ["x" * 129, "a\x00b"])
def test_a_cursor_that_is_none_is_refused(http: FlaskClient, album: Album, cursor: str) -> None:
    refused = http.get(URL, query_string={"cursor": cursor})
    assert refused.status_code == 400
    assert refused.get_json()["errors"][0]["field"] == "cursor"
    assert http.get("/api/v2/collections/none/partitions").status_code == 404
