"""The indexer freezes while it holds rows, and Postgres ends its session: what it does late harms nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from imagesearch.settings import PostgresSettings
from support.faults.harm import HOLDS_ROWS, are_gone, frozen, kill_store, sessions
from support.faults.living import Living, StartStack
from support.faults.rounds import Rounds, seeded
from support.faults.scoreboard import Scoreboard
from support.faults.verdict import judge
from support.waiting import hold, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

Late = Callable[[Living], None]


@pytest.fixture(scope="module")
def rounds(start_stack: StartStack, scoreboard: Scoreboard, album: list[Path]) -> Rounds:
    stack = start_stack(EMBED_SECONDS="0.05", DATABASE_IDLE_TRANSACTION_TIMEOUT_MS="6000", RETIRE_SECONDS="20")
    return Rounds(stack, scoreboard, album, seeded())


def freeze_with_rows(stack: Living, *, is_replaced: bool) -> None:
    """Freeze the indexer within its call to Milvus until Postgres has ended its session, and thaw it.

    Milvus answers meanwhile, or is another server by then, of which the thawed process asks the same once more.
    """
    with _indexer_stopped_in_milvus(stack) as held:
        if is_replaced:
            kill_store(stack, "milvus")
        until(lambda: are_gone(stack, held), output=stack.output)


@contextmanager
def _indexer_stopped_in_milvus(stack: Living) -> Iterator[list[int]]:
    """Stop the indexer while it holds rows and waits for Milvus; yield the sessions of Postgres that it has."""
    indexer: list[int] = []
    try:
        with frozen(stack, "milvus"):
            held: list[int] = []
            while not held:
                until(lambda: sessions(stack, HOLDS_ROWS, "indexer"), output=stack.output)
                indexer = [pid for pid in [stack.pid("indexer")] if pid is not None]
                for pid in indexer:
                    hold(pid)
                held = sessions(stack, HOLDS_ROWS, "indexer")
                if not held:
                    _wake(indexer)
        yield held
    finally:
        _wake(indexer)


def _wake(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def test_nobody_else_is_taken_for_the_one_that_holds_rows(rounds: Rounds) -> None:
    # Whoever freezes the indexer waits until a session is gone: one of the API stays.
    settings = PostgresSettings(database_url=rounds.stack.settings["DATABASE_URL"])
    with closing(Catalog(settings, service="api")) as api, api.transaction() as tx:
        tx.execute(sa.text("SELECT pg_current_xact_id()"))
        (held,) = until(lambda: sessions(rounds.stack, HOLDS_ROWS, "api"), output=rounds.stack.output)
        assert held not in sessions(rounds.stack, HOLDS_ROWS, "indexer")


@pytest.mark.parametrize("is_replaced", [False, True], ids=["milvus goes on", "milvus replaced"])
def test_rows_are_indexed_late(rounds: Rounds, is_replaced: bool) -> None:
    rounds.run("frozen with rows, indexing", partial(freeze_with_rows, rounds.stack, is_replaced=is_replaced))


@pytest.mark.parametrize("is_replaced", [False, True], ids=["milvus goes on", "milvus replaced"])
def test_labels_are_changed_late(rounds: Rounds, is_replaced: bool) -> None:
    stack = rounds.stack
    name = stack.job(rounds.run("a job before labels are changed"))["collection"]
    image_id = stack.http.get(f"/api/v2/collections/{name}/images").json()["items"][7]["id"]
    url = f"/api/v2/collections/{name}/images/{image_id}"
    body = {"metadata": {"late": True}, "partition": "late"}
    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(lambda: stack.http.patch(url, json=body))
        freeze_with_rows(stack, is_replaced=is_replaced)
        assert changing.result().status_code in (200, 202, 503)
    until(lambda: stack.patiently(lambda: stack.http.get(url)).json()["partition"] == "late", output=stack.output)
    rounds.board.add("frozen with rows, labels", judge(stack, name, [], rounds.album), 0)


@pytest.mark.parametrize("wanted", [{}, {"preprocessing": {"resize": "bilinear"}}], ids=["copied", "read again"])
def test_an_index_is_built_late(rounds: Rounds, wanted: dict[str, object]) -> None:
    stack = rounds.stack
    name = stack.job(rounds.run("a job before a reindex"))["collection"]
    job_id = stack.http.post(f"/api/v2/collections/{name}/reindex", json=wanted).json()["id"]
    freeze_with_rows(stack, is_replaced=False)
    job = stack.wait_ended(job_id)
    assert (job["state"], job["indexed"]) == ("succeeded", len(rounds.album))
    rounds.board.add("frozen with rows, reindex", judge(stack, name, [job_id], rounds.album), 0)
