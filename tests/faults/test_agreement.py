"""Everybody uses a library while processes are killed and frozen and clocks are wrong: in the end, stores agree.

`AGREEMENT_MINUTES` says how long, `FAULT_SEED` repeats what everybody draws, though not the moments at which the
machine lets them. `FAULT_SEEDS=1,2,3` does all that for each of several seeds.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections
from imagesearch.catalog.tables import images, jobs, stray_files
from imagesearch.errors import StoreUnavailable
from imagesearch.worker.registry import WorkerRegistry
from imagesearch_local.errors import StackFailed
from support.faults.harm import WORKERS, frozen, kill_session
from support.faults.living import STILL_SECONDS, Living, StartStack
from support.faults.scoreboard import Scoreboard
from support.faults.shared_library import NAME, Crowd, SharedLibrary, User, readable_files
from support.faults.users import Labeller, everybody
from support.faults.verdict import judge
from support.waiting import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

MINUTES = float(os.environ.get("AGREEMENT_MINUTES", "3"))
SEEDS = [int(seed) for seed in os.environ.get("FAULT_SEEDS", os.environ.get("FAULT_SEED", "")).split(",") if seed]
CLOCKS_AHEAD = (-3_600, -60, 0, 60, 3_600)
"""Seconds."""
REPORTING = ("extractor", "extractor-query", "indexer")
FROZEN_SERVICES = ("extractor", "extractor-query", "indexer", "indexer", "api", "scheduler")


@pytest.mark.parametrize("given", SEEDS or [None])
def test_everything_agrees_after_all_that_can_happen_at_once(
    start_stack: StartStack, scoreboard: Scoreboard, library: Path, tmp_path: Path, given: int | None
) -> None:
    seed = random.SystemRandom().randrange(1_000) if given is None else given
    pick = random.Random(f"{seed} clocks")  # noqa: S311 - hosts, not secrets
    clocks = {name: pick.choice(CLOCKS_AHEAD) for name in WORKERS}
    scoreboard.notes.append(f"all at once: FAULT_SEED={seed}, clocks are ahead by {clocks}")
    stack = start_stack(
        EMBED_SECONDS="0.02",
        DATABASE_IDLE_TRANSACTION_TIMEOUT_MS="7000",
        BATCH_SIZE="16",
        VISIBILITY_TIMEOUT="60",
        CLOCKS_AHEAD=",".join(f"{name}={seconds}" for name, seconds in clocks.items()),
    )
    until(lambda: _minutes_ahead(stack) == {name: clocks[name] / 60 for name in REPORTING}, output=stack.output)
    shared = SharedLibrary(stack, library / f"shared {seed}", tmp_path / "staging", seed)
    shared.lay_out(calm=20, labelled=8, moving=160)
    first = stack.wait_ended(stack.submit(str(shared.root), NAME))
    assert first["state"] == "succeeded"
    users = everybody(shared)
    harmed = _harm_while(shared, users)
    begun = time.monotonic()
    job_ids = _let_settle(stack, shared)
    good = [*readable_files(shared.root), *_uploaded(stack)]
    verdict = judge(stack, NAME, job_ids, good, samples=20)
    try:
        scoreboard.add("all at once", verdict, time.monotonic() - begun, rounds=harmed)
    finally:
        scoreboard.notes += [f"  {what}: {times}" for what, times in sorted(shared.answers.items())]
    assert shared.complaints == [], f"FAULT_SEED={seed}"
    assert _files(stack) == set(map(str, _uploaded(stack)))
    assert _ids(stack) & shared.deleted == set()
    _check_labels(stack, [user for user, _, _ in users])


def _harm_while(shared: SharedLibrary, users: list[tuple[User, Callable[[], None], float]]) -> int:
    """Let everybody act, and do harm meanwhile; return how often."""
    harm, more, stores = (User(shared, name) for name in ("harm", "more harm", "harm to stores"))
    with Crowd(shared) as crowd:
        for user, act, pause in users:
            crowd.join_in(user, act, pause=pause)
        crowd.join_in(stores, partial(_harm_store, shared, stores.pick), pause=12)
        for user in (harm, more):
            crowd.join_in(user, partial(_harm_service, shared, user.pick), pause=4)
        shared.ending.wait(60 * MINUTES)
    return sum(times for what, times in shared.answers.items() if what.startswith(("killed", "frozen", "harmed")))


def _harm_service(shared: SharedLibrary, pick: random.Random) -> None:
    with suppress(StackFailed):
        if pick.random() < 0.4:
            name = pick.choice(WORKERS)
            shared.stack.kill(name)
            shared.count(f"killed {name}")
        else:
            name = pick.choice(FROZEN_SERVICES)
            with frozen(shared.stack, name):
                # The length is the harm: Postgres and others lose patience, or not.
                shared.ending.wait(pick.uniform(2, 25))
            shared.count(f"frozen {name}")


def _harm_store(shared: SharedLibrary, pick: random.Random) -> None:
    with suppress(StackFailed, StoreUnavailable):
        name = pick.choice(("session", "postgres", "milvus", "valkey"))
        shared.count(f"harmed {name}")
        if name == "session":
            kill_session(shared.stack, pick)
        else:
            with frozen(shared.stack, name):
                shared.ending.wait(pick.uniform(1, 8))


def _let_settle(stack: Living, shared: SharedLibrary) -> list[str]:
    """Let every job end, index what the files are by now, and return the ids of all jobs."""
    stack.wait_ready()
    stack.wait_catalog()

    def has_ended() -> bool:
        unfinished = [job_id for job_id, finished in _jobs(stack).items() if not finished]
        for job_id in unfinished:
            stack.control(job_id, "resume")
        return not unfinished

    until(has_ended, seconds=STILL_SECONDS, moves=lambda: _counted(stack), output=stack.output)
    last = stack.wait_ended(stack.submit(str(shared.root), NAME, prune=True))
    assert last["state"] in ("succeeded", "completed_with_failures")
    with stack.catalog.transaction() as tx:
        tx.execute(sa.update(stray_files).values(look_after=sa.func.now()))
    until(lambda: not _rows(stack, sa.select(stray_files.c.id)))
    return list(_jobs(stack))


def _check_labels(stack: Living, users: list[User]) -> None:
    """Assert that each change of labels that was acknowledged last is there."""
    (labeller,) = (user for user in users if isinstance(user, Labeller))
    assert labeller.acknowledged
    rows = {row.id: row.metadata for row in _rows(stack, sa.select(images.c.id, images.c.metadata))}
    for image_id in labeller.acknowledged:
        assert rows[image_id]["number"] in labeller.possible(image_id), image_id


def _rows(stack: Living, query: sa.Select[Any]) -> list[sa.Row[Any]]:
    with stack.catalog.transaction() as tx:
        return list(tx.execute(query).all())


def _jobs(stack: Living) -> dict[str, bool]:
    with stack.catalog.transaction() as tx:
        found = collections.get(tx, NAME)
    query = sa.select(jobs.c.id, jobs.c.finished_at).where(jobs.c.collection_id == found.id)
    return {row.id: row.finished_at is not None for row in _rows(stack, query)}


def _minutes_ahead(stack: Living) -> dict[str, int]:
    """Return by how much the clocks of workers are ahead of that of Redis, as they have reported."""
    with closing(stack.redis()) as client:
        facts = WorkerRegistry(client).facts()
    return {worker.partition("@")[0]: round(fact.clock_ahead / 60) for worker, fact in facts.items()}


def _counted(stack: Living) -> list[tuple[int, ...]]:
    """Return how far each job has come."""
    counters = (jobs.c.total, jobs.c.indexed, jobs.c.unchanged, jobs.c.failed, jobs.c.cancelled)
    return [tuple(row) for row in _rows(stack, sa.select(*counters).order_by(jobs.c.number))]


def _uploaded(stack: Living) -> list[Path]:
    return [Path(row.path) for row in _rows(stack, sa.select(images.c.path).where(images.c.uploaded))]


def _ids(stack: Living) -> set[int]:
    return {row.id for row in _rows(stack, sa.select(images.c.id))}


def _files(stack: Living) -> set[str]:
    return {str(path) for path in stack.layout.uploads.rglob("*") if path.is_file()}
