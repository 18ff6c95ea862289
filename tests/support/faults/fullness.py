"""Fill stores of a running stack, and see what it says of that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import psycopg2
import sqlalchemy as sa

from imagesearch.messaging.claims import CLAIM_SECONDS
from support.faults.living import Living
from support.waiting import until

BALLAST = 32 * 2**20
"""Bytes; more than the messages of these tests."""
PIECES = 256
SECONDS = 60.0
"""Until something is seen of a store that is full."""
FULL_SECONDS = 2.0 * CLAIM_SECONDS
"""Longer than a claim and a lease last: what is taken for lost meanwhile would be sent again."""


@contextmanager
def full_redis(stack: Living) -> Iterator[None]:
    """Have Valkey be beyond its `maxmemory` within the block, whatever of the system's messages leaves it."""
    with closing(stack.redis()) as client:
        for piece in range(PIECES):  # of one piece the buffer of its request would count as well
            client.hset("ballast", str(piece), b"\0" * (BALLAST // PIECES))
        client.config_set("maxmemory", int(client.info("memory")["used_memory"]) - BALLAST // 2)
        try:
            yield
        finally:
            client.config_set("maxmemory", 0)
            client.delete("ballast")


@contextmanager
def no_connections(stack: Living) -> Iterator[None]:
    """Hold every connection that Postgres has within the block: those of the stack are ended, and taken."""
    url = sa.make_url(stack.settings["DATABASE_URL"])
    words = {"host": url.query["host"], "user": url.username, "dbname": url.database}

    def take() -> psycopg2.extensions.connection:
        made = psycopg2.connect(**words, application_name="ballast")
        made.autocommit = True
        return made

    with ExitStack() as held:
        first = held.enter_context(closing(take()))

        def are_all_ours() -> bool:
            with first.cursor() as cursor:
                cursor.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name LIKE 'imagesearch%'"
                )
                (others,) = cursor.fetchone()
            with suppress(psycopg2.OperationalError):
                while True:
                    held.enter_context(closing(take()))
            return not others

        until(are_all_ours, seconds=SECONDS, output=stack.output)
        yield


def outlast() -> None:
    """Stay for longer than whatever bounds the wait for a worker.

    It is the clock that has to pass: that nothing is taken for lost is no event that could be awaited.
    """
    time.sleep(FULL_SECONDS)


def says(stack: Living, subject: str) -> str:
    """Wait until the doctor finds that something is wrong with a thing, and return what it says."""
    found: list[str] = []

    def told() -> bool:
        answer = stack.http.get("/api/v2/admin/doctor")
        if answer.status_code != 200:
            return False
        found[:] = [
            f"{line['found']}. {line['todo']}"
            for line in answer.json()["diagnoses"]
            if line["subject"].startswith(subject) and line["verdict"] == "problem"
        ]
        return bool(found)

    until(told, seconds=SECONDS, output=stack.output)
    return "; ".join(found)


def refusals(stack: Living, store: str, lacks: str) -> float:
    """Return how often the API was refused something by a store that has no room."""
    page = stack.http.get("/metrics").text
    sample = f'imagesearch_store_full_total{{lacks="{lacks}",store="{store}"}} '
    return sum(float(line.removeprefix(sample)) for line in page.splitlines() if line.startswith(sample))
