"""Many pictures are uploaded at once, and each tells what became of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagesearch_client import ApiError, AsyncClient, Unavailable, Upload
from imagesearch_client.blocking.concurrency import in_parallel
from imagesearch_client.uploads import uploads_of
from support.fake_api import FakeApi, ok, problem

IMAGES = "/api/v2/collections/cats/images"
REFUSED = "a picture that is none"


def written(request: httpx.Request) -> httpx.Response:
    if REFUSED.encode() in request.content:
        return problem(415, "it is no picture", code="unsupported_format")
    return ok({"id": 4, "path": "/up/cat.jpg", "searchable_at": "2025-05-01T10:00:00+00:00", "job": "17"}, 201)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    for number in range(20):
        (tmp_path / f"{number}.jpg").write_text(REFUSED if number == 7 else f"picture {number}")
    return [tmp_path / f"{number}.jpg" for number in range(21)]


def test_a_picture_that_is_refused_or_gone_keeps_no_other_from_being_uploaded(
    api: FakeApi, pictures: list[Path]
) -> None:
    api.on("POST", IMAGES, written)

    ended = list(api.client().add_images("cats", pictures, parallel=3))

    assert {each.picture for each in ended} == set(pictures)
    failed = {each.picture: each.error for each in ended if each.written is None}
    assert str(failed.pop(pictures[7])) == "it is no picture"
    assert isinstance(failed.pop(pictures[20]), FileNotFoundError)
    assert failed == {}
    assert len(api.requests) == 20


def test_asyncio_uploads_them_as_well(api: FakeApi, pictures: list[Path]) -> None:
    api.on("POST", IMAGES, written)

    async def upload(client: AsyncClient) -> int:
        return len([each async for each in client.add_images("cats", pictures) if each.written is not None])

    async def run() -> int:
        async with api.async_client() as client:
            return await upload(client)

    assert asyncio.run(run()) == 19


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (problem(401, "who?", code="not_authenticated"), ApiError),
        (problem(403, "no", code="not_allowed"), ApiError),
        (problem(404, "There is no collection.", code="not_found"), ApiError),
        (problem(409, "off", code="uploads_off"), ApiError),
        (problem(403, "full", code="quota_exceeded"), ApiError),
        (httpx.ConnectError("refused"), Unavailable),
    ],
)
def test_what_no_picture_would_be_spared_ends_it(
    api: FakeApi, pictures: list[Path], answer: httpx.Response | Exception, raised: type[Exception]
) -> None:
    api.on("POST", IMAGES, answer)

    with pytest.raises(raised):
        list(api.client().add_images("cats", pictures, parallel=1))

    assert api.requests
    assert all(b'filename="0.jpg"' in request.content for request in api.requests)


def test_labels_of_its_own_come_before_those_of_all() -> None:
    given: list[Any] = [b"a", Upload(b"b", "bert", {"year": 2021}, "sku-1"), Upload(b"c", metadata={"x": 1})]
    assert list(uploads_of(given, "anna", {"year": 2020})) == [
        Upload(b"a", "anna", {"year": 2020}),
        Upload(b"b", "bert", {"year": 2021}, "sku-1"),
        Upload(b"c", "anna", {"year": 2020, "x": 1}),
    ]
    assert list(uploads_of([b"a"], None, None)) == [Upload(b"a")]


def test_threads_end_with_whoever_asked_for_them() -> None:
    taken: list[int] = []
    others_may_end = threading.Event()

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    def call(number: int) -> int:
        if number:
            others_may_end.wait()
        return number

    before = threading.active_count()
    numbers = in_parallel(call, items(), 3)
    assert next(numbers) == 0
    others_may_end.set()
    numbers.close()
    assert threading.active_count() == before
    assert len(taken) <= 4
