"""What asyncio does in its own way: pauses, files, several calls at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

sleep = asyncio.sleep


async def in_thread(function: Callable[[Item], Result], item: Item) -> Result:
    """Return what a function makes of an item in a thread; whoever is cancelled waits until it has."""
    working = asyncio.ensure_future(asyncio.to_thread(function, item))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        # Nothing that was begun here goes on behind the caller's back.
        await asyncio.wait({working})
        raise


async def in_parallel(
    function: Callable[[Item], Awaitable[Result]], items: Iterable[Item], limit: int
) -> AsyncGenerator[Result, None]:
    """Yield what a function returns of each item, in the order in which they end, of at most `limit` at once.

    Items are taken as they are needed. Whoever leaves early, or is cancelled, cancels what is still going on.
    """
    waiting = iter(items)
    running: set[asyncio.Task[Result]] = set()
    ended: set[asyncio.Task[Result]] = set()
    try:
        while True:
            for item in waiting:
                running.add(asyncio.ensure_future(_awaited(function(item))))
                if len(running) >= limit:
                    break
            if not running:
                return
            ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, *ended, return_exceptions=True)


async def _awaited(result: Awaitable[Result]) -> Result:
    return await result
