"""Wait for a condition with a bound, and say what was seen when it does not come."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def until(
    condition: Callable[[], bool],
    *,
    seconds: float = 60.0,
    alive: subprocess.Popen[bytes] | None = None,
    output: Path | None = None,
) -> None:
    """Ask every 50 ms until the condition holds; fail after `seconds`, or as soon as a process has ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        said = output.read_text(errors="replace")[-4000:] if output else ""
        ended = alive.poll() if alive is not None else None
        assert ended is None, f"the process ended with {ended}\n{said}"
        assert time.monotonic() < deadline, f"nothing came within {seconds:g} s\n{said}"
        time.sleep(0.05)
