"""Things that happen to a running stack."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial

import sqlalchemy as sa

from imagesearch.contract import Queue
from imagesearch.messaging.claims import InFlight
from imagesearch_local.control import Control
from support.faults.living import SERVICES, STORES, Living
from support.waiting import hold, until

WORKERS = ("extractor", "extractor-query", "indexer", "scheduler", "api")
"""In this order a rolling restart goes through the processes."""


def killers(stack: Living, names: tuple[str, ...] = SERVICES) -> list[partial[None]]:
    """Return one harm for each name: kill the process without a warning."""
    return [partial(stack.kill, name) for name in names]


def kill_store(stack: Living, name: str) -> None:
    """Kill a store and wait until it has been started again."""
    assert name in STORES
    former = stack.send(name, signal.SIGKILL)
    stack.wait_replaced(name, former)


def restart_in_order(stack: Living, name: str) -> None:
    """Tell a process to stop, and wait until another has taken its place."""
    former = stack.send(name, signal.SIGTERM)
    # It finishes or hands back what it holds; then the supervisor starts the next one.
    stack.wait_replaced(name, former)


def kill_everything(stack: Living) -> None:
    """Kill all of the stack at once, and start it again."""
    stack.kill_everything()
    stack.start()


@contextmanager
def frozen(stack: Living, name: str) -> Iterator[list[int]]:
    """Stop a process and its children within the block, and yield their ids."""
    family = stack.family(name)
    try:
        for pid in family:
            with suppress(ProcessLookupError):
                hold(pid)
        yield family
    finally:
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def sessions(stack: Living, condition: str, service: str = "%") -> list[int]:
    """Return the ids of the Postgres processes that serve a service, or any, and of which a condition is true.

    Those that serve the test itself are none of them.
    """
    activity = sa.table("pg_stat_activity", sa.column("pid", sa.Integer), sa.column("application_name", sa.Text))
    ours = activity.c.application_name.like(f"imagesearch-{service}")
    query = sa.select(activity.c.pid).where(ours, sa.text(condition)).order_by(activity.c.pid)
    with stack.catalog.reading() as tx:
        return list(tx.execute(query).scalars())


HOLDS_ROWS = (
    "state = 'idle in transaction' AND backend_xid IS NOT NULL "
    "AND clock_timestamp() - state_change > interval '0.5 seconds'"
)
"""Whoever has locked a row has a transaction id; whoever pauses for so long waits for another store."""


def kill_session(stack: Living, pick: random.Random) -> None:
    """Kill a process of Postgres, best one in a transaction: the server ends all sessions and starts anew."""
    busy = sessions(stack, "xact_start IS NOT NULL") or sessions(stack, "true")
    if busy:
        with suppress(ProcessLookupError):
            os.kill(pick.choice(busy), signal.SIGKILL)


def are_gone(stack: Living, pids: Sequence[int]) -> bool:
    """Tell whether none of these processes of Postgres serves anybody any more."""
    return not set(pids) & set(sessions(stack, "true"))


def forget_file(stack: Living) -> None:
    """Restart Valkey without its file."""
    control = Control(stack.layout)
    control.stop("valkey")
    shutil.rmtree(stack.layout.valkey / "appendonlydir")
    control.start("valkey")


def reverse_answers(stack: Living, least: int) -> None:
    """Let so many answers pile up in front of a stopped indexer, and turn their order round."""
    stopped = stack.pid("indexer")
    assert stopped is not None
    hold(stopped)
    try:
        with closing(stack.redis()) as client:
            until(lambda: client.llen(Queue.INDEX.value) >= least, output=stack.output)
            waiting = client.lrange(Queue.INDEX.value, 0, -1)
            with client.pipeline() as pipe:
                pipe.delete(Queue.INDEX.value)
                pipe.lpush(Queue.INDEX.value, *waiting)
                pipe.execute()
    finally:
        stack.send("indexer", signal.SIGCONT)


def double_messages(stack: Living) -> None:
    """Put every message that waits for an extractor or the indexer into its queue once more."""
    client = stack.redis()
    for queue in (*InFlight(client).extract_queues(), Queue.INDEX.value):
        if waiting := client.lrange(queue, 0, -1):
            client.lpush(queue, *waiting)
    client.close()
