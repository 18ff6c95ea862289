"""What is the async client's own: pauses that are awaited, lists that are iterated, and cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

import httpx
import pytest

from imagesearch_client import AsyncClient, ClientError, Patience, Unavailable
from imagesearch_client.asynchronous.concurrency import in_parallel
from support.fake_api import FakeApi, job, ok, problem

JOB = "/api/v2/jobs/17"
JOBS = "/api/v2/jobs"
Got = TypeVar("Got")


def run(api: FakeApi, use: Callable[[AsyncClient], Coroutine[Any, Any, Got]], **options: Any) -> Got:
    async def using() -> Got:
        async with api.async_client(**options) as client:
            return await use(client)

    return asyncio.run(using())


def test_reading_outlasts_an_api_that_is_away_or_busy_and_comes_back_when_it_says(api: FakeApi) -> None:
    refused = httpx.ConnectError("refused")
    api.on("GET", JOB, refused, problem(503, "starting", retry_after="7"), problem(429, "busy"), ok(job()))

    assert run(api, lambda client: client.job("17")).id == "17"
    assert api.clock.sleeps == [0.25, 7.0, 0.5 * 2]


def test_patience_ends(api: FakeApi) -> None:
    api.on("GET", JOB, httpx.ConnectError("refused"))

    with pytest.raises(Unavailable, match=r"cannot reach http://api\.test"):
        run(api, lambda client: client.job("17"), patience=Patience(seconds=20))

    assert 10 < sum(api.clock.sleeps) <= 20


def test_a_key_goes_along_and_shows_in_nothing_that_the_client_shows(api: FakeApi) -> None:
    api.on("GET", JOB, ok(job()))

    async def show(client: AsyncClient) -> str:
        shown = await client.job("17")
        return f"{client!r} {shown!r} {vars(client)} {vars(client._connection)}"

    assert "imagesearch_1_x" not in run(api, show, api_key="imagesearch_1_x")
    assert api.requests[0].headers["Authorization"] == "Bearer imagesearch_1_x"


def test_a_wrong_url_is_refused_before_anything_is_awaited() -> None:
    with pytest.raises(ClientError, match="is not a"):
        AsyncClient("ftp://api.test")


def test_only_the_pages_that_are_needed_are_asked_for(api: FakeApi) -> None:
    pages = [ok({"items": [job(id="1"), job(id="2")], "next": "2"}), ok({"items": [job(id="3")], "next": None})]
    api.on("GET", JOBS, *pages)

    async def ask(client: AsyncClient) -> list[str]:
        jobs = client.jobs()
        first = [(await anext(jobs)).id]
        assert len(api.requests) == 1
        return first + [each.id async for each in jobs]

    assert run(api, ask) == ["1", "2", "3"]
    assert len(api.requests) == 2


class Server:
    """Answer each request with the head of an answer, or with nothing at all, and then be silent."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Server]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._head)
        await writer.drain()
        self.asked.set()
        await reader.read()
        writer.close()
        self.left.set()


EVENT = (
    b'data: {"id": "17", "collection": "c", "state": "running", "total": 1, "indexed": 0, "unchanged": 0, '
    b'"failed": 0, "cancelled": 0}\n\n'
)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
BEGUN = STREAM + f"{len(EVENT):x}\r\n".encode() + EVENT + b"\r\n"


@pytest.mark.parametrize(
    ("head", "use"),
    [
        (b"", lambda client: client.job("17")),
        (b"", lambda client: client.search("cats", b"pixels of a cat")),
        (BEGUN, lambda client: client.wait("17")),
    ],
)
def test_whoever_is_cancelled_leaves_no_connection_task_or_thread(
    head: bytes, use: Callable[[AsyncClient], Awaitable[object]]
) -> None:
    async def cancelled() -> None:
        async with Server(head).serving() as server, AsyncClient(server.url) as client:
            waiting = asyncio.ensure_future(use(client))
            await server.asked.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            # The server sees it while the client is still open.
            await server.left.wait()
            assert len(asyncio.all_tasks()) == 1

    threads = threading.active_count()
    asyncio.run(cancelled())
    assert threading.active_count() == threads


def test_whoever_leaves_a_stream_of_events_closes_its_connection() -> None:
    async def leave() -> None:
        async with Server(BEGUN).serving() as server, AsyncClient(server.url) as client:
            async with aclosing(client.events("17")) as events:
                assert (await anext(events)).state == "running"
            await server.left.wait()

    asyncio.run(leave())


class SlowFile:
    """A picture that is read only when somebody says so."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.read_through = threading.Event(), threading.Event(), False

    def read(self) -> bytes:
        self.begun.set()
        self.go_on.wait()
        self.read_through = True
        return b"pixels"


def test_whoever_is_cancelled_while_a_file_is_read_leaves_when_its_thread_has_ended(api: FakeApi) -> None:
    file: Any = SlowFile()

    async def cancel(client: AsyncClient) -> None:
        adding = asyncio.ensure_future(client.add_image("cats", file))
        # The loop goes on while the file is read.
        await asyncio.to_thread(file.begun.wait)
        adding.cancel()
        for _ in range(20):
            await asyncio.sleep(0)
        left_early = adding.done()
        file.go_on.set()
        assert not left_early
        with pytest.raises(asyncio.CancelledError):
            await adding
        assert file.read_through

    run(api, cancel)
    assert api.requests == []


def test_calls_in_parallel_are_so_many_at_once_and_no_more() -> None:
    running, most = 0, 0

    async def call(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return number

    async def ask() -> list[int]:
        return [number async for number in in_parallel(call, range(20), 3)]

    assert sorted(asyncio.run(ask())) == list(range(20))
    assert most == 3


def test_calls_in_parallel_end_with_whoever_asked_for_them() -> None:
    async def call(number: int) -> int:
        if number:
            await asyncio.Event().wait()
        return number

    async def leave() -> None:
        async with aclosing(in_parallel(call, range(5), 3)) as numbers:
            assert await anext(numbers) == 0
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(leave())


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Any:
        for number in range(100):
            taken.append(number)
            yield number

    async def call(number: int) -> int:
        return number

    async def leave() -> None:
        async with aclosing(in_parallel(call, items(), 2)) as numbers:
            await anext(numbers)

    asyncio.run(leave())
    assert len(taken) <= 3
