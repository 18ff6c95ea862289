"""Stores without room: each says so, nothing is lost, and everything goes on by itself when there is some."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from imagesearch.catalog.tables import images
from support.drawing import encoded, photo_like
from support.faults.disks import CAN_MOUNT, filled
from support.faults.fullness import SECONDS, full_redis, no_connections, outlast, refusals, says
from support.faults.living import Living, StartStack
from support.faults.rounds import Rounds, seeded
from support.faults.scoreboard import Scoreboard
from support.faults.verdict import crashes
from support.waiting import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

TIMEOUT = 60.0
DISKS = {"postgres": 256, "valkey": 128, "uploads": 8}
"""Of the stack, in megabytes."""
needs_disks = pytest.mark.skipif(
    not CAN_MOUNT,
    reason="only root can mount the small disk that it fills; the machine's own is no test's to fill",
)


@pytest.fixture(scope="module")
def rounds(start_stack: StartStack, scoreboard: Scoreboard, album: list[Path]) -> Rounds:
    return Rounds(start_stack(disks=DISKS if CAN_MOUNT else {}, EMBED_SECONDS="0.05"), scoreboard, album, seeded())


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


def run_while(rounds: Rounds, name: str, full: AbstractContextManager[None], look: Callable[[], None]) -> None:
    """Run a job in whose middle a store is full while one looks; no worker may be taken for dead over that."""

    def fill() -> None:
        with full:
            look()
        rounds.stack.wait_ready()

    assert crashes(rounds.stack, rounds.run(name, fill)) == 0


def test_redis_at_its_memory_limit(rounds: Rounds, indexed: str) -> None:
    stack = rounds.stack

    def look() -> None:
        seen(rounds, lambda: is_refused(search(rounds, indexed)))
        assert "maxmemory" in says(stack, "redis writes")
        assert "maxmemory" in says(stack, "stores of indexer")
        assert "no memory left" in unready(stack, "redis")
        assert refusals(stack, "redis", "memory") > 0
        outlast()
        assert unready(stack, "queue extract") == "ok"

    run_while(rounds, "Redis at its maxmemory", full_redis(stack), look)


@needs_disks
def test_redis_whose_disk_is_full(rounds: Rounds, indexed: str) -> None:
    stack = rounds.stack

    def look() -> None:
        seen(rounds, lambda: is_refused(search(rounds, indexed)))
        assert "MISCONF" in says(stack, "redis writes")
        assert "no disk left" in unready(stack, "redis")
        assert refusals(stack, "redis", "disk") > 0
        outlast()

    run_while(rounds, "the disk of Redis full", filled(stack.layout.valkey), look)


def test_postgres_without_connections(rounds: Rounds, indexed: str) -> None:
    stack = rounds.stack

    def look() -> None:
        seen(rounds, lambda: is_refused(search(rounds, indexed)))
        assert is_refused(stack.http.get("/api/v2/jobs", timeout=TIMEOUT))
        assert "max_connections" in says(stack, "postgres")
        assert "no connections left" in unready(stack, "postgres")
        assert refusals(stack, "postgres", "connections") > 0
        outlast()

    run_while(rounds, "Postgres out of connections", no_connections(stack), look)


@needs_disks
def test_postgres_whose_disk_is_full(rounds: Rounds, indexed: str) -> None:
    stack = rounds.stack

    def look() -> None:
        assert "no disk left" in says(stack, "stores of indexer")
        assert search(rounds, indexed).status_code == HTTPStatus.OK
        outlast()

    run_while(rounds, "the disk of Postgres full", filled(stack.layout.postgres), look)


@needs_disks
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
