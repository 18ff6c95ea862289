"""What threads do in their own way: pauses, files, several calls at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

sleep = time.sleep


def in_thread(function: Callable[[Item], Result], item: Item) -> Result:
    """Return what a function makes of an item: in this thread, which nobody else waits for."""
    return function(item)


def in_parallel(
    function: Callable[[Item], Result], items: Iterable[Item], limit: int
) -> Generator[Result, None, None]:
    """Yield what a function returns of each item, in the order in which they end, of at most `limit` at once.

    Items are taken as they are needed. Whoever leaves early waits for what is still going on.
    """
    waiting = iter(items)
    running: set[Future[Result]] = set()
    with ThreadPoolExecutor(limit, thread_name_prefix="imagesearch") as pool:
        while True:
            for item in waiting:
                running.add(pool.submit(function, item))
                if len(running) >= limit:
                    break
            if not running:
                return
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
