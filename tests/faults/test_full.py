"""Stores without room: each says so, nothing is lost, and everything goes on by itself when there is some."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from imagesearch.catalog.tables import images
from support.drawing import encoded, photo_like
from support.faults.disks import filled
from support.faults.fullness import SECONDS, full_redis, no_connections, refusals, says
from support.faults.living import Living, StartStack
from support.faults.rounds import Rounds, seeded
from support.faults.scoreboard import Scoreboard
from support.faults.verdict import crashes
from support.waiting import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

FULL_SECONDS = 30.0
"""Longer than a claim and a lease last: what is taken for lost meanwhile would be sent again."""
TIMEOUT = 60.0
DISKS = {"postgres": 256, "valkey": 128, "uploads": 8}
"""Of the stack, in megabytes."""


@pytest.fixture(scope="module")
def rounds(start_stack: StartStack, scoreboard: Scoreboard, album: list[Path]) -> Rounds:
    return Rounds(start_stack(disks=DISKS, EMBED_SECONDS="0.05"), scoreboard, album, seeded())


@pytest.fixture(scope="module")
def indexed(rounds: Rounds) -> str:
    """The name of a collection that was indexed before."""
    return str(rounds.stack.job(rounds.run("a job before its stores are full"))["collection"])


def is_refused(answer: httpx.Response) -> bool:
    """Tell whether a request was turned away for want of room; nothing may end as a fault of the program."""
    assert answer.status_code < 500 or answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, answer.text
    if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        return False
    assert int(answer.headers["Retry-After"]) > 0
    return bool(answer.json().get("code") == "no_room")


def search(rounds: Rounds, collection: str) -> httpx.Response:
    path = f"/api/v2/collections/{collection}/search"
    return rounds.stack.http.post(path, files={"image": rounds.album[0].read_bytes()}, timeout=TIMEOUT)


def upload(stack: Living, collection: str, picture: bytes) -> httpx.Response:
    path = f"/api/v2/collections/{collection}/images"
    return stack.http.post(path, files={"image": picture}, timeout=TIMEOUT)


def unready(stack: Living, component: str) -> str:
    return str(stack.http.get("/readyz", timeout=TIMEOUT).json()["components"][component])


def seen(rounds: Rounds, condition: Callable[[], bool]) -> None:
    until(condition, seconds=SECONDS, output=rounds.stack.output)


def test_redis_at_its_memory_limit(rounds: Rounds, indexed: str) -> None:
    stack = rounds.stack

    def fill() -> None:
        with full_redis(stack):
            seen(rounds, lambda: is_refused(search(rounds, indexed)))
            assert "maxmemory" in says(stack, "redis writes")
            assert "maxmemory" in says(stack, "stores of indexer")
            assert "no memory left" in unready(stack, "redis")
            assert refusals(stack, "redis", "memory") > 0
            time.sleep(FULL_SECONDS)  # nothing happens that could be awaited
            assert unready(stack, "queue extract") == "ok"
        stack.wait_ready()

    assert crashes(stack, rounds.run("Redis at its maxmemory", fill)) == 0


def test_redis_whose_disk_is_full(rounds: Rounds, indexed: str) -> None:
    stack = rounds.stack

    def fill() -> None:
        with filled(stack.layout.valkey):
            seen(rounds, lambda: is_refused(search(rounds, indexed)))
            assert "MISCONF" in says(stack, "redis writes")
            assert "no disk left" in unready(stack, "redis")
            assert refusals(stack, "redis", "disk") > 0
            time.sleep(FULL_SECONDS)
        stack.wait_ready()

    assert crashes(stack, rounds.run("the disk of Redis full", fill)) == 0


def test_postgres_without_connections(rounds: Rounds, indexed: str) -> None:
    stack = rounds.stack

    def fill() -> None:
        with no_connections(stack):
            seen(rounds, lambda: is_refused(search(rounds, indexed)))
            assert is_refused(stack.http.get("/api/v2/jobs", timeout=TIMEOUT))
            assert "max_connections" in says(stack, "postgres")
            assert "no connections left" in unready(stack, "postgres")
            assert refusals(stack, "postgres", "connections") > 0
            time.sleep(FULL_SECONDS)
        stack.wait_ready()

    assert crashes(stack, rounds.run("Postgres out of connections", fill)) == 0


def test_postgres_whose_disk_is_full(rounds: Rounds, indexed: str) -> None:
    stack = rounds.stack

    def fill() -> None:
        with filled(stack.layout.postgres):
            assert "no disk left" in says(stack, "stores of indexer")
            assert search(rounds, indexed).status_code == HTTPStatus.OK
            time.sleep(FULL_SECONDS)
        stack.wait_ready()

    assert crashes(stack, rounds.run("the disk of Postgres full", fill)) == 0


def test_uploads_whose_disk_is_full(rounds: Rounds, indexed: str) -> None:
    stack, picture = rounds.stack, encoded(photo_like(9_001, (640, 480)))
    there = rows_of(stack)

    def fill() -> None:
        with filled(stack.layout.uploads):
            answer = upload(stack, indexed, picture)
            assert is_refused(answer)
            assert "no room" in answer.json()["detail"]
            assert "Make room" in says(stack, "disk of")
            assert refusals(stack, "files", "disk") > 0
            assert files_below(stack.layout.uploads) == {"ballast"}
        added = upload(stack, indexed, picture)
        assert added.status_code == HTTPStatus.CREATED, added.text

    rounds.run("the disk of uploads full", fill)
    assert rows_of(stack) == there + len(rounds.album) + 1


def rows_of(stack: Living) -> int:
    """Return how many images there are in any state."""
    with stack.catalog.reading() as tx:
        return int(tx.execute(sa.select(sa.func.count()).select_from(images)).scalar_one())


def files_below(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}
