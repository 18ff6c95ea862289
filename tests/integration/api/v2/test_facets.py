"""The metadata that a collection has is told for filters to choose from, and its images are listed by them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from imagesearch.catalog import facets
from imagesearch.catalog.engine import Catalog
from imagesearch_api.app import create_app
from imagesearch_api.images import browsing
from support.album import Album
from support.api_twin import services_of

pytestmark = pytest.mark.integration

IMAGES = "/api/v2/collections/default/images"
FACETS = "/api/v2/collections/default/facets"


@pytest.fixture
def album(catalog: Catalog) -> Album:
    album = Album(catalog)
    album.index("/1", "/2", partition="a", metadata={"colour": "red", "year": 1990, "tags": ["x"]})
    album.index("/3", partition="b", metadata={"colour": "blue", "year": 2000.5, "sold": True, "a b": 1})
    album.index("/4", partition="b", metadata={"colour": 7, "note": "x" * 300, "none": None})
    album.delete(*album.index("/gone", metadata={"colour": "green"}))
    return album


@pytest.fixture
def http(catalog: Catalog) -> FlaskClient:
    return create_app(services_of(catalog=catalog)).test_client()


def values(facet: dict[str, Any]) -> list[tuple[Any, int]]:
    return [(one["value"], one["images"]) for one in facet["values"]]


def test_fields_come_with_what_can_be_filtered_by(http: FlaskClient, album: Album) -> None:
    found = http.get(FACETS).get_json()
    assert (found["looked_at"], found["is_complete"]) == (4, True)
    assert [(one["field"], one["images"]) for one in found["items"]] == [("colour", 4), ("year", 3), ("sold", 1)]
    colour, year, sold = found["items"]
    assert values(colour)[0] == ("red", 2)
    assert sorted(values(colour)[1:], key=str) == [("blue", 1), (7, 1)]
    assert (colour["least"], colour["greatest"]) == (7, 7)
    assert (year["least"], year["greatest"], year["values_capped"]) == (1990, 2000.5, False)
    assert values(sold) == [(True, 1)]
    assert values(http.get(FACETS, query_string={"partition": "a"}).get_json()["items"][0]) == [("red", 2)]
    assert http.get("/api/v2/collections/none/facets").status_code == 404


def test_a_large_collection_is_looked_at_in_places(
    http: FlaskClient, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    album.index(*(f"/more/{index:03}" for index in range(100)), metadata={"late": "yes"})
    for name, number in (("HEAD", 4), ("PLACES", 5), ("AT_EACH_PLACE", 2), ("MAX_VALUES", 1), ("MAX_FIELDS", 2)):
        monkeypatch.setattr(facets, name, number)
    found = http.get(FACETS).get_json()
    assert not found["is_complete"]
    assert 4 < found["looked_at"] <= 4 + 5 * 2
    late, colour = found["items"]
    assert values(late) == [("yes", found["looked_at"] - 4)]
    assert (late["values_capped"], colour["values_capped"]) == (False, True)
    assert values(colour) == [("red", 2)]


def paths_by(http: FlaskClient, where: object, **query: str) -> list[str]:
    paths: list[str] = []
    asked = {"filter": json.dumps(where), **query}
    while True:
        # An answer has its place until all of it is read.
        page = http.get(IMAGES, query_string=asked, buffered=True).get_json()
        paths += [one["path"] for one in page["items"]]
        if page["next"] is None:
            return paths
        asked["cursor"] = page["next"]


def test_a_filter_restricts_the_list_and_its_pages_join(
    http: FlaskClient, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert paths_by(http, {"eq": ["colour", "red"]}) == ["/1", "/2"]
    assert paths_by(http, {"ge": ["year", 1990]}, partition="b") == ["/3"]
    monkeypatch.setattr(browsing, "SLICE", 1)
    monkeypatch.setattr(browsing, "MAX_LOOKED_AT", 2)
    # Nothing of what the first request looks at matches.
    first = http.get(IMAGES, query_string={"filter": '{"exists": "sold"}', "limit": "1"}, buffered=True)
    assert first.get_json()["items"] == []
    assert paths_by(http, {"exists": "sold"}, limit="1") == ["/3"]
    assert paths_by(http, {"exists": "colour"}, limit="1") == ["/1", "/2", "/3", "/4"]


@pytest.mark.parametrize("text", ["", "red", "{}", '{"eq": ["a b", 1]}', "[" * 100_000])
def test_what_is_no_filter_is_refused(http: FlaskClient, album: Album, text: str) -> None:
    refused = http.get(IMAGES, query_string={"filter": text})
    assert refused.status_code == 400
    assert refused.get_json()["errors"][0]["field"].split(".")[0] == "filter"
