"""Things that happen to a running stack."""

from __future__ import annotations

import shutil
import signal
from functools import partial

from imagesearch.contract import Queue
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
    client = stack.redis()
    until(lambda: client.llen(Queue.INDEX.value) >= least)
    waiting = client.lrange(Queue.INDEX.value, 0, -1)
    with client.pipeline() as pipe:
        pipe.delete(Queue.INDEX.value)
        pipe.lpush(Queue.INDEX.value, *waiting)
        pipe.execute()
    client.close()
    stack.send("indexer", signal.SIGCONT)


def double_messages(stack: Living) -> None:
    """Put every message that waits for an extractor or the indexer into its queue once more."""
    client = stack.redis()
    for queue in (Queue.EXTRACT.value, Queue.INDEX.value):
        if waiting := client.lrange(queue, 0, -1):
            client.lpush(queue, *waiting)
    client.close()
