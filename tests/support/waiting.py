"""Wait for a condition with a bound, and say what was seen when it does not come."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

TIMEOUT = 240.0
"""Seconds after which a test gives up waiting: on a machine that is busy with other things, everything takes ten
times as long. A test that passes never waits to the end of it."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two questions."""


def until(
    condition: Callable[[], T],
    *,
    seconds: float = TIMEOUT,
    moves: Callable[[], object] = lambda: None,
    alive: subprocess.Popen[bytes] | None = None,
    output: Path | None = None,
) -> T:
    """Ask until the answer is true, and return it; fail late, or as soon as a process has ended.

    It asks at once, then at growing distances: asking costs the machine more than waiting, and an answer is seen
    late by a twentieth of the time that it took at most.

    Args:
        condition: asked again and again.
        seconds: how long; begins anew whenever what `moves` returns is another than before.
        moves: how far it has come.
        alive: the process that has to live meanwhile.
        output: shown where it does not come.
    """

    def said() -> str:
        return output.read_text(errors="replace")[-4000:] if output else ""

    def look() -> None:
        ended = alive.poll() if alive is not None else None
        assert ended is None, f"the process ended with {ended}\n{said()}"

    answer = last_answer(condition, seconds=seconds, moves=moves, look=look)
    assert answer, f"nothing came within {seconds:g} s\n{said()}"
    return answer


def last_answer(
    condition: Callable[[], T],
    *,
    seconds: float,
    moves: Callable[[], object],
    look: Callable[[], None] = lambda: None,
) -> T:
    """Ask as `until` does, and return the last answer, whether it is true or not; `look` may raise in between."""
    begun = moved = time.monotonic()
    seen = moves()
    while not (answer := condition()):
        if (now := moves()) != seen:
            moved, seen = time.monotonic(), now
        look()
        if time.monotonic() - moved >= seconds:
            break
        time.sleep(min(LONGEST_PAUSE, SHORTEST_PAUSE + (time.monotonic() - begun) / 20))
    return answer


def hold(pid: int) -> None:
    """Stop a process, and wait until none of its threads runs: on a busy machine they work on for a while."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: all(_is_stopped(thread) for thread in Path("/proc").glob(f"{pid}/task/*")))


def _is_stopped(thread: Path) -> bool:
    try:
        said = (thread / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True  # it has ended
    # The state follows the name, which may hold anything.
    # One that has ended stays a zombie while its parent is stopped.
    return said.rpartition(")")[2].split()[0] in "TZX"


def ended(process: subprocess.Popen[bytes], seconds: float = TIMEOUT) -> int:
    """Wait for the end of a process that was told to, and return its exit status; one that hangs is killed."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
