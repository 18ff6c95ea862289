"""Things that happen to a running stack."""

from __future__ import annotations

import signal
from functools import partial

from living import SERVICES, STORES, Living

WORKERS = ("extractor", "indexer", "scheduler", "api")
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
    # Within 30 s it finishes or hands back what it holds; then the supervisor starts the next one.
    stack.wait_replaced(name, former, seconds=45)


def kill_everything(stack: Living) -> None:
    """Kill all of the stack at once, and start it again."""
    stack.kill_everything()
    stack.start()
