"""Changes are made to the version that was seen, and are not sent again: the second try would find another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from imagesearch_client import Alias, ApiError, Client, Unavailable
from support.fake_api import FakeApi, ok, problem

CATS = "/api/v2/collections/cats"
KEY = "/api/v2/keys/0123456789abcdef"
ALIAS = "/api/v2/aliases/kittens"
ETAG = '"2c26b46b68ffc68f"'
COLLECTION = {"name": "cats", "images": 3, "vectors": 3}
IMAGE = {"id": 4, "path": "/up/cat.jpg", "searchable_at": None}
API_KEY = {"id": "0123456789abcdef", "name": "shop", "scope": "read", "key": "imagesearch_0_x"}
LED = {"alias": "kittens", "collection": "cats"}


def tagged(value: dict[str, object]) -> httpx.Response:
    return httpx.Response(200, json=value, headers={"ETag": ETAG})


@pytest.mark.parametrize(
    ("asked", "answer", "see"),
    [
        (f"GET {CATS}", COLLECTION, lambda client: client.collection("cats")),
        ("POST /api/v2/collections", COLLECTION, lambda client: client.create_collection("cats")),
        (f"PATCH {CATS}", COLLECTION, lambda client: client.rename_collection("cats", "lions")),
        (f"GET {CATS}/images/4", IMAGE, lambda client: client.image("cats", 4)),
        (f"POST {CATS}/images", IMAGE, lambda client: client.add_image("cats", b"cat")),
        (f"PATCH {CATS}/images/4", IMAGE, lambda client: client.change_image("cats", 4, partition="anna")),
        (f"GET {ALIAS}", LED, lambda client: client.alias("kittens")),
        (f"PUT {ALIAS}", LED, lambda client: client.put_alias("kittens", "cats")),
        (f"GET {KEY}", API_KEY, lambda client: client.key("0123456789abcdef")),
        ("POST /api/v2/keys", API_KEY, lambda client: client.make_key("shop")),
    ],
)
def test_whatever_is_shown_tells_its_version(
    api: FakeApi, asked: str, answer: dict[str, object], see: Callable[[Client], Any]
) -> None:
    api.on(*asked.split(), tagged(answer))
    assert see(api.client()).etag == ETAG
    assert {"If-Match", "If-None-Match"}.isdisjoint(api.requests[0].headers)


def test_an_item_of_a_list_has_no_version(api: FakeApi) -> None:
    api.on("GET", "/api/v2/aliases", tagged({"items": [LED], "next": None}))
    assert list(api.client().aliases()) == [Alias("kittens", "cats")]


CHANGES: list[tuple[str, Callable[[Client], object]]] = [
    (f"PATCH {CATS}", lambda client: client.rename_collection("cats", "lions", if_match=ETAG)),
    (f"DELETE {CATS}", lambda client: client.delete_collection("cats", if_match=ETAG)),
    (f"PATCH {CATS}/images/4", lambda client: client.change_image("cats", 4, partition="a", if_match=ETAG)),
    (f"DELETE {CATS}/images/4", lambda client: client.delete_image("cats", 4, if_match=ETAG)),
    (f"PUT {ALIAS}", lambda client: client.put_alias("kittens", "cats", if_match=ETAG)),
    (f"DELETE {ALIAS}", lambda client: client.delete_alias("kittens", if_match=ETAG)),
    (f"DELETE {KEY}", lambda client: client.revoke_key("0123456789abcdef", if_match=ETAG)),
]


@pytest.mark.parametrize(("asked", "change"), CHANGES)
def test_a_change_is_meant_for_a_version_and_sent_once(
    api: FakeApi, asked: str, change: Callable[[Client], object]
) -> None:
    api.on(*asked.split(), httpx.ReadError("reset"))
    with pytest.raises(Unavailable):
        change(api.client())
    assert [request.headers["If-Match"] for request in api.requests] == [ETAG]


def test_another_version_is_told_apart(api: FakeApi) -> None:
    api.on("PATCH", f"{CATS}/images/4", problem(412, "It has changed.", code="version_mismatch"))
    with pytest.raises(ApiError) as caught:
        api.client().change_image("cats", 4, partition="anna", if_match=ETAG)
    assert caught.value.code == "version_mismatch"


def test_an_alias_that_is_to_be_new_leads_nowhere_yet(api: FakeApi) -> None:
    api.on("PUT", ALIAS, problem(412, "It is there already.", code="version_mismatch"))
    with pytest.raises(ApiError, match="there already"):
        api.client().put_alias("kittens", "cats", only_new=True)
    assert api.requests[0].headers["If-None-Match"] == "*"


@pytest.mark.parametrize(
    ("path", "answer", "try_out"),
    [
        (CATS, COLLECTION, lambda client: client.delete_collection("cats", dry_run=True, if_match=ETAG)),
        (ALIAS, LED, lambda client: client.delete_alias("kittens", dry_run=True, if_match=ETAG)),
        (KEY, API_KEY, lambda client: client.revoke_key("0123456789abcdef", dry_run=True, if_match=ETAG)),
    ],
)
def test_a_deletion_that_is_tried_out_shows_what_it_would_delete(
    api: FakeApi, path: str, answer: dict[str, object], try_out: Callable[[Client], Any]
) -> None:
    api.on("DELETE", path, ok(answer))
    assert type(try_out(api.client())).__name__ in ("Collection", "Alias", "ApiKey")
    asked = api.requests[0]
    assert (asked.url.params["dry_run"], asked.headers["If-Match"]) == ("true", ETAG)
