"""A deleted image is gone with the answer; only a deletion that ran out of time goes on behind it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.images import Image
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_api.app import create_app
from imagesearch_api.images import deletion
from imagesearch_api.settings import ApiSettings
from support.album import Album
from support.api_twin import services_of

pytestmark = pytest.mark.integration

URL = "/api/v2/collections/default/images"


@pytest.fixture
def album(catalog: Catalog) -> Album:
    return Album(catalog)


@pytest.fixture
def rows(album: Album) -> list[Image]:
    return album.index("/a", "/b", "/c", "/d", "/e")


@pytest.fixture
def http(catalog: Catalog) -> FlaskClient:
    """The API before an indexer and a store that nobody may ask."""
    services = services_of(ApiSettings(delete_timeout=0), catalog=catalog, vectors=InMemoryVectorStore())
    return create_app(services).test_client()


def ids_left(http: FlaskClient) -> list[int]:
    return [row["id"] for row in http.get(URL).get_json()["items"]]


def test_one_image_is_gone_with_the_answer_and_its_key_is_buried(
    http: FlaskClient, album: Album, rows: list[Image]
) -> None:
    assert http.delete(f"{URL}/{rows[0].id}").status_code == 204
    assert http.delete(f"{URL}/{rows[0].id}").status_code == 404
    assert http.get(f"{URL}/{rows[0].id}").status_code == 404
    assert http.delete(URL, query_string={"path": "/b"}).status_code == 204
    assert ids_left(http) == [row.id for row in rows[2:]]
    name = album.collection.vector_collection
    assert album.buried() == {(rows[0].vector_key, name), (rows[1].vector_key, name)}


def test_several_images_are_gone_with_the_answer(http: FlaskClient, rows: list[Image]) -> None:
    answer = http.post(f"{URL}/delete", json={"paths": ["/a", "/b", "/none"]})
    assert (answer.status_code, answer.get_json()) == (200, {"deleted": 2, "missing": ["/none"]})
    answer = http.post(f"{URL}/delete", json={"ids": [rows[0].id, rows[2].id]})
    assert (answer.status_code, answer.get_json()) == (200, {"deleted": 1, "missing": [rows[0].id]})
    assert ids_left(http) == [row.id for row in rows[3:]]


def test_a_deletion_that_ran_out_of_time_is_202_and_says_where_to_go_on(
    http: FlaskClient, rows: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "SLICE", 2)
    statuses, body = [], {"partition": ""}
    for _ in range(3):
        answer = http.post(f"{URL}/delete", json=body)
        statuses.append((answer.status_code, answer.get_json()["deleted"]))
        body = {"partition": "", "cursor": answer.get_json().get("next", "")}
    assert statuses == [(202, 2), (202, 2), (200, 1)]
    assert body["cursor"] == ""
    assert ids_left(http) == []
