"""`Client` and `AsyncClient` do the same: one is made of the other, and no call is in one of them alone."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagesearch_client import AsyncClient, AsyncJobHandle, Client, Examples, JobHandle, Query, Result
from support.described import DescribedApi
from tools.blocking_client import BY_HAND, TARGET, blocking, modules

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def of(*arguments: Any, **options: Any) -> Arguments:
    return arguments, options


PICTURE = b"pixels of a cat"
CALLS: dict[str, list[Arguments]] = {
    "add_images": [of("cats", [PICTURE], partition="anna", metadata={"year": 2020})],
    "add_image": [of("cats", PICTURE, partition="anna", metadata={"year": 2020}, key="sku-1")],
    "alias": [of("kittens")],
    "aliases": [of()],
    "callbacks": [of("17")],
    "cancel": [of("17")],
    "change_image": [of("cats", 4, metadata=None), of("cats", "sku-1", of_partition="anna", key="sku-2")],
    "collection": [of("cats")],
    "collections": [of()],
    "compare": [of(4, 5), of(4, PICTURE, explain="regions")],
    "create_collection": [of("cats", index_type="HNSW", index_params={"M": 16})],
    "delete_alias": [of("kittens"), of("kittens", dry_run=True)],
    "delete_collection": [of("cats"), of("cats", dry_run=True)],
    "delete_export": [of("17")],
    "delete_image": [of("cats", 4), of("cats", "sku-1", dry_run=True)],
    "delete_images": [of("cats", ids=[4, 5], dry_run=True)],
    "doctor": [of()],
    "duplicates": [of("cats", max_distance=0.1)],
    "duplicates_of_job": [of("17")],
    "embed": [of("cats", [PICTURE, PICTURE])],
    "events": [of("17")],
    "export": [of("cats", partition="anna")],
    "export_of_job": [of("17")],
    "export_part": [of("17", 1)],
    "export_parts": [of("17")],
    "facets": [of("cats", partition="anna")],
    "failures": [of("17")],
    "find_duplicates": [of("cats", max_distance=0.1)],
    "find_images": [of("cats", ["ab" * 32], partition="anna")],
    "gallery": [of([Result(4, "/photos/cat.jpg", None, 0.25)])],
    "healthy": [of()],
    "image": [of("cats", 4)],
    "image_file": [of(4)],
    "images": [of("cats", filter={"exists": "year"})],
    "info": [of()],
    "job": [of("17"), of("17", wait=30)],
    "jobs": [of(states=["running"], collection="cats")],
    "key": [of("0123456789abcdef")],
    "keys": [of()],
    "make_key": [of("web shop", scope="write", collections=["cats"])],
    "pause": [of("17")],
    "put_alias": [of("kittens", "cats")],
    "quotas": [of()],
    "ready": [of()],
    "reconcile": [of(dry_run=True)],
    "reindex": [of("cats", pipeline="recommended")],
    "rename_collection": [of("cats", "lions")],
    "resume": [of("17")],
    "retry": [of("17")],
    "revoke_key": [of("0123456789abcdef"), of("0123456789abcdef", dry_run=True)],
    "search": [
        of("cats", PICTURE, 3, box="0,0,10,10"),
        of("cats", Query(image_id=4), exclude_self=True),
        of("cats", Examples([PICTURE, Query(key="sku-1")], [Query(image_id=4)])),
    ],
    "search_many": [of("cats", [PICTURE, PICTURE]), of("cats", [Query(image_id=4), Query(key="sku-1")])],
    "submit_job": [of("/photos", "cats", prune=True), of(["/photos/a.jpg"])],
    "thumbnail": [of(4, 128)],
    "wait": [of("17")],
}
"""Each call of a client, with arguments."""

BESIDE = {
    "GET /api/v2/collections/{name}/partitions": "for people who choose one on a page",
    "GET /api/v2/directories": "for people who choose one on a page",
    "GET /api/v2/openapi.json": "for programs that make clients",
    "GET /api/v2/session": "for pages, which log in by a cookie",
    "POST /api/v2/session": "for pages, which log in by a cookie",
    "DELETE /api/v2/session": "for pages, which log in by a cookie",
    "GET /api/v2/work": "for autoscalers, which read it as it is",
}
"""Operations that no client asks for."""


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def with_probes(described: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the probes, which are no part of it."""
    probe = {"get": {"responses": {"200": {}}}}
    return {**described, "paths": {**described["paths"], "/healthz": probe, "/readyz": probe}}


def sent(request: httpx.Request) -> tuple[object, ...]:
    """Return what a request says, without what is made up anew for each."""
    content = request.content
    if found := re.search("boundary=([0-9a-f]+)", request.headers.get("Content-Type", "")):
        content = content.replace(found[1].encode(), b"boundary")
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in ("idempotency-key", "content-type", "content-length")
    }
    return request.method, str(request.url), content, headers, "idempotency-key" in request.headers


def asked_by_blocking(api: DescribedApi) -> list[tuple[object, ...]]:
    with Client("http://api.test", transport=api.transport()) as client:
        for name, several in CALLS.items():
            for arguments, options in several:
                answer = getattr(client, name)(*arguments, **options)
                if hasattr(answer, "__next__"):
                    assert len(list(answer)) == 1, name
    return [sent(request) for request in api.requests]


def asked_by_awaiting(api: DescribedApi) -> list[tuple[object, ...]]:
    async def ask() -> None:
        async with AsyncClient("http://api.test", transport=api.transport()) as client:
            for name, several in CALLS.items():
                for arguments, options in several:
                    answer = getattr(client, name)(*arguments, **options)
                    if hasattr(answer, "__anext__"):
                        assert len([item async for item in answer]) == 1, name
                    else:
                        await answer

    asyncio.run(ask())
    return [sent(request) for request in api.requests]


def test_both_clients_ask_the_same(described: dict[str, Any]) -> None:
    everything = with_probes(described)
    blocking_asks = asked_by_blocking(DescribedApi(everything))
    assert blocking_asks == asked_by_awaiting(DescribedApi(everything))
    assert len(blocking_asks) >= len(CALLS)


def test_every_operation_of_the_api_has_a_call(described: dict[str, Any]) -> None:
    api = DescribedApi(with_probes(described))
    asked_by_blocking(api)
    assert set(api.operations) - set(api.asked) == set(BESIDE)


def test_whatever_takes_an_idempotency_key_is_sent_one(described: dict[str, Any]) -> None:
    api = DescribedApi(with_probes(described))
    asked_by_blocking(api)
    takes = {
        name
        for name, operation in api.operations.items()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
    }
    got = {
        name for name, request in zip(api.asked, api.requests, strict=True) if "idempotency-key" in request.headers
    }
    assert takes
    assert got == takes


@pytest.mark.parametrize(("awaits", "blocks"), [(AsyncClient, Client), (AsyncJobHandle, JobHandle)])
def test_no_call_is_in_one_of_them_alone(awaits: type, blocks: type) -> None:
    assert public(awaits) == public(blocks)
    for name in public(awaits):
        call = getattr(awaits, name)
        if inspect.isfunction(call):
            other = getattr(blocks, name)
            assert inspect.signature(call).parameters.keys() == inspect.signature(other).parameters.keys()


def test_no_call_is_left_out_here() -> None:
    assert set(CALLS) == public(AsyncClient) - {"close"}


@pytest.mark.parametrize("module", modules(), ids=lambda path: path.stem)
def test_what_blocks_is_what_is_made_of_what_awaits(module: Path) -> None:
    made = blocking(module)
    assert (TARGET / module.name).read_text() == made, "make client writes it again"
    assert not re.search(r"async|await|anext|aclos", made.partition("\n")[2], flags=re.IGNORECASE)


def test_nothing_that_blocks_is_left_of_a_module_that_is_gone() -> None:
    kept = {path.name for path in TARGET.glob("*.py")}
    assert kept == {path.name for path in modules()} | BY_HAND
