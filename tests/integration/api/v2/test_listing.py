"""Lists of images by what is known of them: each image once, in pages that join."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from imagesearch.catalog import images
from imagesearch.catalog.engine import Catalog
from imagesearch.networks import VGG16
from imagesearch.vectors import IndexSpec, InMemoryVectorStore
from imagesearch_api.app import create_app
from imagesearch_api.images import browsing
from imagesearch_api.settings import ApiSettings
from support.album import Album
from support.api_twin import services_of

pytestmark = pytest.mark.integration

URL = "/api/v2/collections/default/images"


@pytest.fixture
def store() -> InMemoryVectorStore:
    return InMemoryVectorStore()


@pytest.fixture
def album(catalog: Catalog) -> Album:
    """Images in three steps: six of anna's, three of nobody's, two that wait."""
    album = Album(catalog)
    album.index(*(f"/a/{name}" for name in "bcdefg"), partition="anna", metadata={"red": True})
    album.index("/a/a", "/b/a", "/b/b")
    with catalog.transaction() as tx:
        images.ensure_rows(tx, album.collection.id, ["/a/z", "/c/z"], None, None)
    return album


@pytest.fixture
def http(catalog: Catalog, store: InMemoryVectorStore) -> FlaskClient:
    return create_app(services_of(ApiSettings(api_keys=False), catalog=catalog, vectors=store)).test_client()


def listed(http: FlaskClient, limit: int = 2, **asked: Any) -> list[str]:
    """Return the paths of all pages together."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = http.get(URL, query_string={**asked, **cursor, "limit": limit}, buffered=True)
        assert answer.status_code == 200, answer.text
        page = answer.get_json()
        found += [item["path"] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def wrong(http: FlaskClient, **asked: Any) -> list[str]:
    answer = http.get(URL, query_string=asked, buffered=True)
    assert answer.status_code == 400, answer.text
    return [error["field"] for error in answer.get_json()["errors"]]


def moment(http: FlaskClient, path: str) -> str:
    [item] = [one for one in http.get(URL, query_string={"limit": 100}).get_json()["items"] if one["path"] == path]
    created: str = item["created_at"]
    return created


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
@pytest.mark.usefixtures("album")
def test_each_image_that_is_asked_for_is_listed_once(
    http: FlaskClient, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few rows at once that filters go on from page to page.
    monkeypatch.setattr(browsing, "SLICE", 2)
    monkeypatch.setattr(browsing, "MAX_LOOKED_AT", 3)
    annas, others = [f"/a/{name}" for name in "bcdefg"], ["/a/a", "/b/a", "/b/b"]
    since = moment(http, "/a/a")
    expected: list[tuple[dict[str, str], list[str]]] = [
        ({}, annas + others),
        ({"partition": "anna"}, annas),
        ({"path_prefix": "/a/"}, ["/a/a", *annas]),
        ({"path_prefix": "/a/", "state": "indexed,pending"}, ["/a/a", *annas, "/a/z"]),
        ({"path_prefix": "/a/", "partition": "anna"}, annas),
        ({"path_prefix": "/b/", "partition": "anna"}, []),
        ({"state": "pending"}, ["/a/z", "/c/z"]),
        ({"state": "pending,indexed"}, [*annas, *others, "/a/z", "/c/z"]),
        ({"state": "failed"}, []),
        ({"created_after": since}, others),
        ({"created_before": since}, annas),
        ({"created_after": since, "state": "pending"}, ["/a/z", "/c/z"]),
        ({"created_before": since, "partition": ""}, []),
        ({"created_after": since, "path_prefix": "/b"}, ["/b/a", "/b/b"]),
        ({"filter": '{"eq": ["red", true]}'}, annas),
        ({"filter": '{"eq": ["red", true]}', "path_prefix": "/a/f"}, ["/a/f"]),
        ({"filter": '{"not": {"exists": "red"}}', "created_after": since}, others),
    ]
    for asked, paths in expected:
        assert listed(http, limit, **asked) == paths, asked


@pytest.mark.parametrize("more", [{"path_prefix": "/"}, {"created_after": "2001-01-01T00:00:00Z"}], ids=str)
def test_no_cursor_of_a_partition_tells_of_images_outside_it(
    http: FlaskClient, album: Album, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    monkeypatch.setattr(browsing, "SLICE", 1)
    monkeypatch.setattr(browsing, "MAX_LOOKED_AT", 1)
    own = {str(album.row(path).id) for path in ("/a/a", "/b/a", "/b/b")}
    told: list[str] = []
    while len(told) <= len(own):
        cursor = {"cursor": told[-1]} if told else {}
        asked = {"partition": "", "limit": 1, **more, **cursor}
        page = http.get(URL, query_string=asked, buffered=True).get_json()
        if page["next"] is None:
            break
        told.append(page["next"])
    assert set(told) == own


@pytest.mark.usefixtures("album")
def test_what_cannot_be_asked_for_is_named(http: FlaskClient) -> None:
    assert wrong(http, state="gone") == ["state[0]"]
    assert wrong(http, created_after="yesterday") == ["created_after"]
    assert wrong(http, created_after="2025-05-01T10:00:00") == ["created_after"]
    assert wrong(http, path_prefix="") == ["path_prefix"]
    assert wrong(http, include="vectors") == ["include[0]"]
    assert wrong(http, cursor="/a/b") == ["cursor"]
    assert wrong(http, cursor="7", created_after="2025-05-01T10:00:00Z") == ["cursor"]
    assert wrong(http, cursor="2025-05-01T10:00:00~7", created_after="2025-05-01T10:00:00Z") == ["cursor"]
    assert wrong(http, cursor="\0", path_prefix="/a") == ["cursor"]


def test_images_are_shown_with_their_vectors(
    http: FlaskClient, album: Album, store: InMemoryVectorStore, catalog: Catalog
) -> None:
    collection, rows = album.collection, [album.row(path) for path in ("/a/a", "/b/a")]
    store.ensure_collection(collection.vector_collection, IndexSpec(), VGG16.dimension)
    vectors = np.eye(2, VGG16.dimension, dtype=np.float32)
    keys = [row.vector_key for row in rows if row.vector_key is not None]
    store.upsert(collection.vector_collection, keys, vectors, [""] * 2, [{}] * 2)
    shown = http.get(f"{URL}/{rows[0].id}", query_string={"include": "vector"})
    assert shown.get_json()["vector"] == vectors[0].tolist()
    assert "ETag" not in shown.headers
    assert "vector" not in http.get(f"{URL}/{rows[0].id}").get_json()
    # What waits has none, and neither has what the store has lost.
    asked = {"include": "vector", "state": "indexed,pending", "limit": 100}
    found = {item["path"]: item.get("vector") for item in http.get(URL, query_string=asked).get_json()["items"]}
    assert {path for path, vector in found.items() if vector is not None} == {"/a/a", "/b/a"}
    assert found["/b/a"] == vectors[1].tolist()
