from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from imagesearch_client import Client, Result, SearchResult
from imagesearch_local.demo import SHOWN, _collection_for, _finds_itself, _spread

NETWORK = "a" * 64
OLDER = "c" * 64
OTHER = "b" * 64
INFO = {
    "version": "0.1.0",
    "weights": "random:7",
    "untrained": True,
    "model": "vgg16",
    "fingerprint": NETWORK,
    "networks": [{"pipelines": [{"fingerprint": OLDER}, {"fingerprint": NETWORK}]}],
    "preprocessing_version": 2,
    "collections": 1,
    "images": 480,
    "workers": [],
}
EMPTY = {"name": "default", "images": 0, "vectors": 0, "model": None, "fingerprint": None, "created_at": None}


def api(collection: dict[str, object] | None) -> Client:
    """A client of an API that has at most the collection `default`."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v2/info":
            return httpx.Response(200, json=INFO)
        if collection is None:
            return httpx.Response(404, json={"type": "about:blank", "title": "Not Found", "status": 404})
        return httpx.Response(200, json=EMPTY | collection)

    return Client("http://127.0.0.1:5000", transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("collection", "chosen"),
    [
        (None, "default"),
        ({}, "default"),
        ({"images": 480, "fingerprint": NETWORK}, "default"),
        ({"images": 480, "fingerprint": OLDER}, "default"),
        ({"images": 480, "fingerprint": OTHER}, "demo-random-7"),
    ],
)
def test_vectors_of_two_networks_never_meet(collection: dict[str, object] | None, chosen: str) -> None:
    with api(collection) as client:
        assert _collection_for(client, "random:7") == chosen


def test_queries_come_from_all_over_the_directory_and_not_from_what_failed(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index:03}.jpg" for index in range(210)]
    for path in paths:
        path.touch()
    drawn = [str(path) for path in paths]
    assert [drawn.index(str(path)) for path in _spread(tmp_path, set())] == [35, 105, 175]
    failed = {drawn[105]}
    assert drawn[105] not in {str(path) for path in _spread(tmp_path, failed)}
    assert _spread(tmp_path, set(drawn[1:])) == [Path(drawn[0])]
    assert _spread(tmp_path, set(drawn)) == []


def found(*pairs: tuple[str, float]) -> SearchResult:
    return SearchResult(tuple(Result(1, path, None, distance) for path, distance in pairs), {})


def test_a_picture_has_to_find_itself_before_all_that_differ() -> None:
    path = Path("/photos/a.jpg")
    assert _finds_itself(path, found(("/photos/a.jpg", 0.0), ("/photos/b.jpg", 0.2)))
    assert _finds_itself(path, found(("/photos/copy.jpg", 0.0), ("/photos/a.jpg", 0.0)))
    assert not _finds_itself(path, found(("/photos/b.jpg", 0.1), ("/photos/a.jpg", 0.2)))
    assert not _finds_itself(path, found(("/photos/copy.jpg", 0.0), ("/photos/b.jpg", 0.2)))
    assert not _finds_itself(path, found())


def test_more_copies_than_are_shown_are_no_failure() -> None:
    copies = found(*((f"/photos/copy{number}.jpg", 0.0) for number in range(SHOWN)))
    assert _finds_itself(Path("/photos/a.jpg"), copies)
